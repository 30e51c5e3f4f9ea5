/* What secret.c (references) and secret_store.c (the encrypted file) and secret_key.c (its key) share. */
#ifndef PROJECT_SECRET_IMPL_H
#define PROJECT_SECRET_IMPL_H

#include "base/buf.h"
#include "project/secret.h"

#define SECRET_MAX_BYTES (64u << 10)
#define SECRET_KEY_BYTES 32

/* Where a key was looked for, and what it is when it was found. */
struct secret_key {
    char path[4096];
    bool found;
    unsigned char bytes[SECRET_KEY_BYTES]; /* locked in memory, best effort; secret_key_drop wipes them */
};

/* Finds and reads the key. A key that does not exist is no error (`found` false, `path` where it belongs); one that
 * others can read, or that is none, is. */
enum err secret_key_read(struct secret_key *k, struct errinfo *ei) MUST_USE;
/* Makes the key file at k->path. When another process was faster its key is read. */
enum err secret_key_make(struct secret_key *k, struct errinfo *ei) MUST_USE;
void secret_key_drop(struct secret_key *k);

/* Writes `text` to `dir`/`name` with mode 0600 so that after a crash it is there whole or not at all. `replace` false:
 * an existing file stays and counts as success. */
enum err secret_write_file(const char *dir, const char *name, struct str text, bool replace,
                           struct errinfo *ei) MUST_USE;

/* Opens the sealed value and appends it to `out`. */
enum err secret_get(const char *project_dir, struct str name, struct buf *out, struct errinfo *ei) MUST_USE;

/* The project's key, made when there is none and nothing was sealed before. Drop it with secret_key_drop. */
enum err secret_key_of(const char *project_dir, struct secret_key *k, struct errinfo *ei) MUST_USE;
/* Seals a value of at most SECRET_MAX_BYTES under a name, as base64; and opens it again. Both append to `out`. */
void secret_seal(const struct secret_key *k, struct str name, struct str value, struct buf *out);
enum err secret_unseal(const struct secret_key *k, struct str name, struct str text, struct buf *out,
                       struct errinfo *ei) MUST_USE;

/* NULL when the value can be used; else what is wrong with it, without showing it. */
const char *secret_value_wrong(struct str value);
void secret_wipe(struct buf *b); /* zeroes and frees it */

#endif
