/* Accounts and tokens. Memory holds what the file held when its stamp (inode, size, time) was last looked at; every
 * question looks again, which costs one stat(). A change takes the lock file, reads, changes, and puts a new file in
 * the place of the old. When a token was used is kept in memory and written with the next change or at the end: a
 * request must not cost a write.
 *
 * Not here: sessions (session.c), limits for guessing (limit.c), what a role may do (the routes). */
#include "server/users.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/product.h"
#include "project/secret_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX   (4u << 20)
#define PEOPLE_MAX 1000
#define OPS_LIMIT  2
#define MEM_LIMIT  ((size_t)19 << 20)
#define DIGEST_HEX 65

struct account {
    char *name, *password;
    enum role role;
    int64_t created_ms;
};
struct held_token {
    char *id, *name, digest[DIGEST_HEX];
    enum role role;
    int64_t created_ms, used_ms;
};

struct users {
    char *path, *dir;
    const char *file; /* the name in dir */
    pthread_mutex_t lock;
    struct stat seen;
    bool used_changed;
    struct account *accounts;
    struct held_token *tokens;
    size_t n_accounts, n_tokens;
    char nobody[crypto_pwhash_STRBYTES]; /* what a name that nobody has is checked against */
};

static char *copy(struct str s)
{
    char *p = mem_alloc(s.n + 1);

    memcpy(p, s.n ? s.p : "", s.n);
    p[s.n] = 0;
    return p;
}

/* ---- what is held ---- */

static void drop_account(struct account *a)
{
    free(a->name);
    sodium_memzero(a->password, strlen(a->password));
    free(a->password);
}

static void drop_token(struct held_token *t)
{
    free(t->id);
    free(t->name);
}

static void drop_all(struct users *u)
{
    for (size_t i = 0; i < u->n_accounts; i++)
        drop_account(&u->accounts[i]);
    for (size_t i = 0; i < u->n_tokens; i++)
        drop_token(&u->tokens[i]);
    u->n_accounts = u->n_tokens = 0;
}

static struct account *find_account(struct users *u, struct str name)
{
    for (size_t i = 0; i < u->n_accounts; i++)
        if (str_eq(name, str_of(u->accounts[i].name)))
            return &u->accounts[i];
    return NULL;
}

static struct account *add_account(struct users *u)
{
    u->accounts = mem_grow(u->accounts, (u->n_accounts + 1) * sizeof *u->accounts);
    u->accounts[u->n_accounts] = (struct account){0};
    return &u->accounts[u->n_accounts++];
}

static struct held_token *add_token(struct users *u)
{
    u->tokens = mem_grow(u->tokens, (u->n_tokens + 1) * sizeof *u->tokens);
    u->tokens[u->n_tokens] = (struct held_token){0};
    return &u->tokens[u->n_tokens++];
}

static size_t count_admins(const struct users *u)
{
    size_t n = 0;

    for (size_t i = 0; i < u->n_accounts; i++)
        n += u->accounts[i].role == ROLE_ADMIN;
    return n;
}

/* ---- the file ---- */

static bool take_account(struct users *u, const struct json *j)
{
    struct str name = json_text(json_get(j, S("name"))), password = json_text(json_get(j, S("password")));
    struct account *a;
    enum role role;

    if (!name.n || !password.n || password.n >= crypto_pwhash_STRBYTES ||
        !role_find(json_text(json_get(j, S("role"))), &role) || find_account(u, name))
        return false;
    a = add_account(u);
    *a = (struct account){.name = copy(name), .password = copy(password), .role = role};
    return json_i64(json_get(j, S("created")), &a->created_ms);
}

static bool take_token(struct users *u, const struct json *j)
{
    struct str id = json_text(json_get(j, S("id"))), digest_text = json_text(json_get(j, S("digest")));
    struct held_token *t;
    enum role role;

    if (!id.n || digest_text.n != DIGEST_HEX - 1 || !role_find(json_text(json_get(j, S("role"))), &role))
        return false;
    t = add_token(u);
    *t = (struct held_token){.id = copy(id), .name = copy(json_text(json_get(j, S("name")))), .role = role};
    memcpy(t->digest, digest_text.p, digest_text.n);
    return json_i64(json_get(j, S("created")), &t->created_ms) && json_i64(json_get(j, S("used")), &t->used_ms);
}

static bool take_all(struct users *u, const struct json *root)
{
    struct json_iter accounts = json_iter(json_get(root, S("users")));
    struct json_iter tokens = json_iter(json_get(root, S("tokens")));
    const struct json *j;

    if (json_type(json_get(root, S("users"))) != JSON_ARRAY)
        return false;
    while ((j = json_next(&accounts, NULL)))
        if (!take_account(u, j))
            return false;
    while ((j = json_next(&tokens, NULL)))
        if (!take_token(u, j))
            return false;
    return true;
}

/* When a token was last used is newer in memory than in the file. */
static void keep_uses(struct users *fresh, const struct users *held)
{
    for (size_t i = 0; i < held->n_tokens; i++)
        for (size_t k = 0; k < fresh->n_tokens; k++)
            if (strcmp(held->tokens[i].id, fresh->tokens[k].id) == 0 &&
                held->tokens[i].used_ms > fresh->tokens[k].used_ms)
                fresh->tokens[k].used_ms = held->tokens[i].used_ms;
}

static enum err read_fd(int fd, struct buf *out)
{
    ssize_t n = 1;

    while (n != 0 && !out->failed) {
        n = buf_room(out, 65536) ? read(fd, out->p + out->n, 65536) : 0;
        if (n < 0 && errno != EINTR)
            return ERR_CONFIG;
        out->n += n > 0 ? (size_t)n : 0;
    }
    return out->failed ? ERR_CONFIG : OK;
}

/* Reads the file whose state `st` is. What is held changes only when all of it is well. */
static enum err read_file(struct users *u, int fd, const struct stat *st, struct errinfo *ei)
{
    struct json_limits limits = {FILE_MAX, 4};
    struct buf text = buf_make(FILE_MAX + 131072);
    struct users fresh = {0};
    struct json_doc *doc = NULL;
    enum err err = OK;

    if (!S_ISREG(st->st_mode) || (st->st_mode & 077)) {
        fail(ei, ERR_CONFIG, "%s must be a file that only its owner may read", u->path);
        return fail_hint(ei, "chmod 600 %s", u->path);
    }
    if (read_fd(fd, &text) || json_parse(buf_str(&text), &limits, &doc, NULL, NULL) ||
        !take_all(&fresh, json_root(doc))) {
        fail(ei, ERR_CONFIG, "%s is damaged", u->path);
        err = fail_hint(ei, "bring it back from a backup, or remove it and add the accounts again with `" PRODUCT
                            " user add`");
        drop_all(&fresh);
        free(fresh.accounts);
        free(fresh.tokens);
    } else {
        keep_uses(&fresh, u);
        drop_all(u);
        free(u->accounts);
        free(u->tokens);
        u->accounts = fresh.accounts;
        u->tokens = fresh.tokens;
        u->n_accounts = fresh.n_accounts;
        u->n_tokens = fresh.n_tokens;
        u->seen = *st;
    }
    json_free(doc);
    buf_free(&text);
    return err;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Looks whether the file is another than that which was read. When it cannot be read, what is held stays (nobody gains
 * anything by damage), except that a file which is gone holds nobody. */
static enum err refresh(struct users *u, struct errinfo *ei)
{
    struct stat st;
    enum err err;
    int fd;

    if (stat(u->path, &st) == 0 && same_file(&st, &u->seen))
        return OK;
    fd = open(u->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT) {
        drop_all(u);
        u->seen = (struct stat){0};
        return OK;
    }
    if (fd < 0 || fstat(fd, &st))
        err = fail(ei, ERR_CONFIG, "%s cannot be read: %s", u->path, strerror(errno));
    else
        err = read_file(u, fd, &st, ei);
    if (fd >= 0)
        close(fd);
    return err;
}

static void look(struct users *u)
{
    struct errinfo ei;
    struct stat failed = u->seen;

    if (refresh(u, &ei) && stat(u->path, &failed) == 0 && !same_file(&failed, &u->seen)) {
        log_error("%s; the accounts stay as they were", ei.msg);
        u->seen = failed; /* said once */
    }
}

static void write_text(const struct users *u, struct buf *out)
{
    struct json_out w = json_out(out);

    json_out_begin(&w, '{');
    json_out_key(&w, "users");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < u->n_accounts; i++) {
        json_out_begin(&w, '{');
        json_out_key(&w, "name");
        json_out_cstr(&w, u->accounts[i].name);
        json_out_key(&w, "role");
        json_out_cstr(&w, role_name(u->accounts[i].role));
        json_out_key(&w, "password");
        json_out_cstr(&w, u->accounts[i].password);
        json_out_key(&w, "created");
        json_out_int(&w, u->accounts[i].created_ms);
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    json_out_key(&w, "tokens");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < u->n_tokens; i++) {
        json_out_begin(&w, '{');
        json_out_key(&w, "id");
        json_out_cstr(&w, u->tokens[i].id);
        json_out_key(&w, "name");
        json_out_cstr(&w, u->tokens[i].name);
        json_out_key(&w, "role");
        json_out_cstr(&w, role_name(u->tokens[i].role));
        json_out_key(&w, "digest");
        json_out_cstr(&w, u->tokens[i].digest);
        json_out_key(&w, "created");
        json_out_int(&w, u->tokens[i].created_ms);
        json_out_key(&w, "used");
        json_out_int(&w, u->tokens[i].used_ms);
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    buf_byte(out, '\n');
}

/* Takes the lock between processes and what the file holds now. Gives the lock (>= 0), or -1. */
static int change_begin(struct users *u, struct errinfo *ei)
{
    int fd = -1;

    pthread_mutex_lock(&u->lock);
    u->seen = (struct stat){0}; /* what is changed is what the file holds, or nothing is */
    if (mkdir(u->dir, 0700) && errno != EEXIST)
        fail(ei, ERR_DISK, "%s cannot be made: %s", u->dir, strerror(errno));
    else if ((fd = open(u->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || flock(fd, LOCK_EX))
        fail(ei, ERR_DISK, "%s cannot be locked: %s", u->dir, strerror(errno));
    else if (refresh(u, ei) == OK)
        return fd;
    if (fd >= 0)
        close(fd);
    pthread_mutex_unlock(&u->lock);
    return -1;
}

/* Writes the file unless `err`; after a failure what is held is what the file holds. */
static enum err change_end(struct users *u, int fd, enum err err, struct errinfo *ei)
{
    struct buf text = buf_make(FILE_MAX);
    struct errinfo unused;

    if (!err) {
        write_text(u, &text);
        err = text.failed ? fail(ei, ERR_USAGE, "there are too many accounts and tokens")
                          : secret_write_file(u->dir, u->file, buf_str(&text), true, ei);
        u->used_changed = u->used_changed && err;
        u->seen = (struct stat){0}; /* read again what is there now */
        if (refresh(u, &unused))
            log_error("%s", unused.msg);
    }
    if (text.p)
        sodium_memzero(text.p, text.cap);
    buf_free(&text);
    close(fd);
    pthread_mutex_unlock(&u->lock);
    return err;
}

enum err users_open(const char *path, struct users **ret, struct errinfo *ei)
{
    struct users *u;
    const char *slash = strrchr(path, '/');
    enum err err;

    if (!slash)
        return fail(ei, ERR_INTERNAL, "%s is not an absolute path", path);
    if (sodium_init() < 0)
        return fail(ei, ERR_INTERNAL, "libsodium does not start");
    u = mem_zero(sizeof *u);
    u->path = copy(str_of(path));
    u->dir = copy(str_mk(path, (size_t)(slash - path)));
    u->file = u->path + (slash - path) + 1;
    pthread_mutex_init(&u->lock, NULL);
    err = refresh(u, ei);
    if (!err && crypto_pwhash_str(u->nobody, "", 0, OPS_LIMIT, MEM_LIMIT))
        err = fail(ei, ERR_INTERNAL, "there is no memory to hash a password");
    if (err)
        users_close(u);
    else
        *ret = u;
    return err;
}

void users_close(struct users *u)
{
    struct errinfo ei;
    int fd;

    if (!u)
        return;
    if (u->used_changed && (fd = change_begin(u, &ei)) >= 0 && change_end(u, fd, OK, &ei))
        log_warn("%s", ei.msg);
    drop_all(u);
    free(u->accounts);
    free(u->tokens);
    free(u->path);
    free(u->dir);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

/* ---- accounts ---- */

size_t users_count(struct users *u)
{
    size_t n;

    pthread_mutex_lock(&u->lock);
    look(u);
    n = u->n_accounts;
    pthread_mutex_unlock(&u->lock);
    return n;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct user *)a)->name, ((const struct user *)b)->name);
}

size_t users_list(struct users *u, struct arena *a, struct user **ret)
{
    size_t n;

    pthread_mutex_lock(&u->lock);
    look(u);
    n = u->n_accounts;
    *ret = ARENA_ARRAY(a, struct user, n + 1);
    for (size_t i = 0; i < n; i++)
        (*ret)[i] =
            (struct user){arena_str(a, str_of(u->accounts[i].name)), u->accounts[i].role, u->accounts[i].created_ms};
    pthread_mutex_unlock(&u->lock);
    qsort(*ret, n, sizeof **ret, by_name);
    return n;
}

static enum err check_password(struct str password, struct errinfo *ei)
{
    if (password.n < PASSWORD_MIN || password.n > PASSWORD_MAX) {
        fail(ei, ERR_USAGE, "a password has %d to %d bytes", PASSWORD_MIN, PASSWORD_MAX);
        return fail_hint(ei, "choose another; some words in a row are good and easy to remember");
    }
    if (!utf8_valid(password) || memchr(password.p, 0, password.n))
        return fail(ei, ERR_USAGE, "a password is UTF-8 text without NUL");
    return OK;
}

static bool name_ok(struct str name)
{
    if (!name.n || name.n > USER_NAME_MAX || !utf8_valid(name) || name.p[0] == ' ' || name.p[name.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f || strchr("/\\\"'<>&:,;", name.p[i]))
            return false;
    return true;
}

static enum err hash_password(struct str password, char ret[crypto_pwhash_STRBYTES], struct errinfo *ei)
{
    if (crypto_pwhash_str(ret, password.p, password.n, OPS_LIMIT, MEM_LIMIT))
        return fail(ei, ERR_INTERNAL, "there is no memory to hash a password");
    return OK;
}

static enum err no_admin(struct errinfo *ei)
{
    fail(ei, ERR_CONFLICT, "one user at least must be an admin");
    return fail_hint(ei, "make somebody else an admin first");
}

static enum err put_held(struct users *u, const struct user_change *c, const char *hash, struct errinfo *ei)
{
    struct account *a = find_account(u, c->name);

    if (a && c->fresh)
        return fail(ei, ERR_CONFLICT, "there is a user \"" STR_FMT "\" already", STR_ARG(c->name));
    if (!a && !c->fresh)
        return fail(ei, ERR_USAGE, "there is no user \"" STR_FMT "\"", STR_ARG(c->name));
    if (!a && u->n_accounts >= PEOPLE_MAX)
        return fail(ei, ERR_USAGE, "%d users are the most", PEOPLE_MAX);
    if (a ? a->role == ROLE_ADMIN && c->role != ROLE_ADMIN && count_admins(u) == 1
          : !u->n_accounts && c->role != ROLE_ADMIN)
        return no_admin(ei);
    if (!a) {
        a = add_account(u);
        *a = (struct account){.name = copy(c->name), .password = copy(S("")), .created_ms = clock_wall(&clock_system)};
    }
    a->role = c->role;
    if (c->password.p) {
        free(a->password);
        a->password = copy(str_of(hash));
    }
    return OK;
}

enum err users_put(struct users *u, const struct user_change *c, struct errinfo *ei)
{
    char hash[crypto_pwhash_STRBYTES] = "";
    enum err err = OK;
    int fd;

    if (!name_ok(c->name)) {
        fail(ei, ERR_USAGE, "\"" STR_FMT "\" cannot be a user's name", STR_ARG(c->name));
        return fail_hint(ei, "1 to %d bytes of letters, digits and marks, without / \\ \" ' < > & : , ;",
                         USER_NAME_MAX);
    }
    if (c->fresh && !c->password.p)
        return fail(ei, ERR_USAGE, "a new user needs a password");
    if (c->password.p)
        err = check_password(c->password, ei);
    if (!err && c->password.p)
        err = hash_password(c->password, hash, ei);
    if (err)
        return err;
    fd = change_begin(u, ei);
    if (fd < 0)
        return ei ? ei->code : ERR_DISK;
    return change_end(u, fd, put_held(u, c, hash, ei), ei);
}

static enum err remove_held(struct users *u, struct str name, bool keep_one, struct errinfo *ei)
{
    struct account *a = find_account(u, name), gone;

    if (!a)
        return fail(ei, ERR_USAGE, "there is no user \"" STR_FMT "\"", STR_ARG(name));
    if (a->role == ROLE_ADMIN && count_admins(u) == 1 && (keep_one || u->n_accounts > 1))
        return no_admin(ei);
    gone = *a;
    *a = u->accounts[--u->n_accounts];
    drop_account(&gone);
    return OK;
}

enum err users_remove(struct users *u, struct str name, bool keep_one, struct errinfo *ei)
{
    int fd = change_begin(u, ei);

    if (fd < 0)
        return ei ? ei->code : ERR_DISK;
    return change_end(u, fd, remove_held(u, name, keep_one, ei), ei);
}

static uint64_t stamp_of(const struct account *a)
{
    return hash_stable(str_of(a->password)) ^ (uint64_t)a->created_ms ^ ((uint64_t)a->role << 60);
}

bool users_verify(struct users *u, struct str name, struct str password, uint64_t *ret_stamp)
{
    char hash[crypto_pwhash_STRBYTES];
    const struct account *a;
    uint64_t stamp = 0;
    bool known, right;

    pthread_mutex_lock(&u->lock);
    look(u);
    a = find_account(u, name);
    known = a != NULL;
    memcpy(hash, u->nobody, sizeof hash);
    if (a) {
        memset(hash, 0, sizeof hash); /* all of it is read */
        (void)snprintf(hash, sizeof hash, "%s", a->password);
        stamp = stamp_of(a);
    }
    pthread_mutex_unlock(&u->lock);
    right = crypto_pwhash_str_verify(hash, password.n ? password.p : "", password.n) == 0;
    sodium_memzero(hash, sizeof hash);
    if (known && right)
        *ret_stamp = stamp;
    return known && right;
}

enum role users_role(struct users *u, struct str name, uint64_t stamp)
{
    const struct account *a;
    enum role role = ROLE_NONE;

    pthread_mutex_lock(&u->lock);
    look(u);
    a = find_account(u, name);
    if (a && stamp_of(a) == stamp)
        role = a->role;
    pthread_mutex_unlock(&u->lock);
    return role;
}

/* ---- tokens ---- */

static void digest_of(struct str token, char out[DIGEST_HEX])
{
    uint8_t bytes[DIGEST_MAX];

    hex_lower(bytes, digest(DIGEST_SHA256, &token, 1, bytes), out);
}

static struct token shown(const struct held_token *t, struct arena *a)
{
    return (struct token){arena_str(a, str_of(t->id)), arena_str(a, str_of(t->name)), t->role, t->created_ms,
                          t->used_ms};
}

enum err users_token_make(struct users *u, const struct token *want, struct arena *a, char ret_token[TOKEN_TEXT],
                          struct token *ret, struct errinfo *ei)
{
    unsigned char bytes[32];
    uint8_t id[6];
    char id_text[13];
    struct held_token *t;
    enum err err = OK;
    int fd;

    if (!name_ok(want->name))
        return fail(ei, ERR_USAGE, "\"" STR_FMT "\" cannot be a token's name", STR_ARG(want->name));
    fd = change_begin(u, ei);
    if (fd < 0)
        return ei ? ei->code : ERR_DISK;
    if (u->n_tokens >= PEOPLE_MAX) {
        err = fail(ei, ERR_USAGE, "%d tokens are the most", PEOPLE_MAX);
    } else {
        random_bytes(bytes, sizeof bytes);
        random_bytes(id, sizeof id);
        hex_lower(id, sizeof id, id_text);
        (void)snprintf(ret_token, TOKEN_TEXT, "%s", TOKEN_PREFIX);
        sodium_bin2base64(ret_token + 4, TOKEN_TEXT - 4, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        t = add_token(u);
        *t = (struct held_token){.id = copy(str_of(id_text)),
                                 .name = copy(want->name),
                                 .role = want->role,
                                 .created_ms = clock_wall(&clock_system)};
        digest_of(str_of(ret_token), t->digest);
        *ret = shown(t, a);
    }
    return change_end(u, fd, err, ei);
}

size_t users_token_list(struct users *u, struct arena *a, struct token **ret)
{
    size_t n;

    pthread_mutex_lock(&u->lock);
    look(u);
    n = u->n_tokens;
    *ret = ARENA_ARRAY(a, struct token, n + 1);
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = shown(&u->tokens[i], a);
    pthread_mutex_unlock(&u->lock);
    return n;
}

enum err users_token_remove(struct users *u, struct str id, struct errinfo *ei)
{
    enum err err = ERR_USAGE;
    int fd = change_begin(u, ei);

    if (fd < 0)
        return ei ? ei->code : ERR_DISK;
    for (size_t i = 0; i < u->n_tokens; i++) {
        if (!str_eq(id, str_of(u->tokens[i].id)))
            continue;
        struct held_token gone = u->tokens[i];
        u->tokens[i] = u->tokens[--u->n_tokens];
        drop_token(&gone);
        err = OK;
        break;
    }
    if (err)
        fail(ei, ERR_USAGE, "there is no token \"" STR_FMT "\"", STR_ARG(id));
    return change_end(u, fd, err, ei);
}

bool users_token_find(struct users *u, struct str sent, struct arena *a, struct token *ret)
{
    char wanted[DIGEST_HEX];
    bool found = false;

    if (!str_starts(sent, S(TOKEN_PREFIX)) || sent.n != TOKEN_TEXT - 1)
        return false;
    digest_of(sent, wanted);
    pthread_mutex_lock(&u->lock);
    look(u);
    for (size_t i = 0; i < u->n_tokens; i++) {
        if (sodium_memcmp(wanted, u->tokens[i].digest, DIGEST_HEX - 1) != 0)
            continue;
        u->tokens[i].used_ms = clock_wall(&clock_system);
        u->used_changed = found = true;
        *ret = shown(&u->tokens[i], a);
    }
    pthread_mutex_unlock(&u->lock);
    return found;
}
