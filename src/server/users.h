/* Accounts and API tokens: one JSON file (mode 0600), written whole or not at all, that several processes may change
 * (`sluice user`, `sluice serve`): a lock keeps two changes apart, and a reader looks at the file's stamp before it
 * trusts what it holds. Passwords are argon2id (libsodium, 19 MiB, t=2, p=1; OWASP), tokens SHA-256 of 256 random bits.
 * Thread-safe. */
#ifndef SERVER_USERS_H
#define SERVER_USERS_H

#include "server/route.h"

struct users;

#define PASSWORD_MIN  10 /* bytes */
#define PASSWORD_MAX  1024
#define USER_NAME_MAX 64
#define TOKEN_PREFIX  "slc_"
#define TOKEN_TEXT    (4 + 43 + 1) /* prefix, base64url of 32 bytes, NUL */

struct user {
    struct str name;
    enum role role;
    int64_t created_ms;
};
struct token {
    struct str id, name;
    enum role role;
    int64_t created_ms, used_ms; /* used 0: never */
};

/* Reads the file; one that does not exist holds nobody. ERR_CONFIG: damaged, or readable by others. */
enum err users_open(const char *path, struct users **ret, struct errinfo *ei) MUST_USE;
void users_close(struct users *u); /* writes when tokens were used last; NULL is fine */
size_t users_count(struct users *u);
/* In order of their names, in `a`; gives their number. */
size_t users_list(struct users *u, struct arena *a, struct user **ret);
/* Adds or changes an account. `password` p NULL keeps what is set, and is refused for a new one. ERR_USAGE: name or
 * password not to be used; ERR_CONFLICT: the last admin would be none, or (`fresh`) there is one of that name. */
struct user_change {
    struct str name, password;
    enum role role;
    bool fresh; /* is to be new; else must exist */
};
enum err users_put(struct users *u, const struct user_change *c, struct errinfo *ei) MUST_USE;
/* ERR_USAGE: nobody of that name; ERR_CONFLICT: the last admin, while others are left or `keep_one`. */
enum err users_remove(struct users *u, struct str name, bool keep_one, struct errinfo *ei) MUST_USE;
/* Slow (some 25 ms), as slow for a name that nobody has. False: not let in. `ret_stamp` changes with the account. */
bool users_verify(struct users *u, struct str name, struct str password, uint64_t *ret_stamp);
/* The role of an account that is still as it was when the stamp was taken; ROLE_NONE: changed or gone. */
enum role users_role(struct users *u, struct str name, uint64_t stamp);

/* Makes a token with the name and role of `want` and shows it this once. */
enum err users_token_make(struct users *u, const struct token *want, struct arena *a, char ret_token[TOKEN_TEXT],
                          struct token *ret, struct errinfo *ei) MUST_USE;
size_t users_token_list(struct users *u, struct arena *a, struct token **ret);
enum err users_token_remove(struct users *u, struct str id, struct errinfo *ei) MUST_USE; /* ERR_USAGE: unknown */
/* Finds the token that was sent, notes its use, and copies its name into `a`. False: unknown. */
bool users_token_find(struct users *u, struct str sent, struct arena *a, struct token *ret);

#endif
