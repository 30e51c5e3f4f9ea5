/* The encrypted store: PROJECT/.sluice/secrets.json, {"version": 1, "secrets": {NAME: base64 of nonce and sealed
 * value}}.
 *
 * XChaCha20-Poly1305 with a random nonce; the name is the associated data, so a value moved to another name does not
 * open. Names are plain text: they are no secrets, and `secret list` needs no key. A change reads the whole file,
 * writes a new one beside it and puts it in place; a lock on the folder keeps two changes apart. A file that is damaged
 * is an error and is left as it is. */
#include "base/digest.h"
#include "base/json.h"
#include "base/product.h"
#include "project/project.h"
#include "project/secret_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_NAME      "secrets.json"
#define STORE_MAX_BYTES (64u << 20)
#define NONCE_BYTES     crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES       crypto_aead_xchacha20poly1305_ietf_ABYTES
#define SEALED_MAX      (NONCE_BYTES + SECRET_MAX_BYTES + TAG_BYTES)
_Static_assert(SECRET_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one size of keys");

struct vault {
    char *dir, *path;
    int lock; /* of the folder, -1: only read */
    struct json_doc *doc;
    const struct json *secrets; /* NULL: none yet */
};

/* ---- files ---- */

static enum err disk_fail(struct errinfo *ei, const char *path)
{
    return fail(ei, ERR_DISK, "%s cannot be written: %s", path, strerror(errno));
}

static bool write_all(int fd, struct str text)
{
    while (text.n) {
        ssize_t n = write(fd, text.p, text.n);

        if (n < 0 && errno != EINTR)
            return false;
        text = str_sub(text, n > 0 ? (size_t)n : 0, text.n);
    }
    return fsync(fd) == 0;
}

static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

static char *path_of(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    char *path = mem_alloc(n);

    (void)snprintf(path, n, "%s/%s", dir, name);
    return path;
}

/* Gives the file its name. Without `replace` one that is there already stays, which is no failure. */
static bool put_in_place(const char *temp, const char *path, bool replace)
{
    return replace ? rename(temp, path) == 0 : link(temp, path) == 0 || errno == EEXIST;
}

enum err secret_write_file(const char *dir, const char *name, struct str text, bool replace, struct errinfo *ei)
{
    char *path = path_of(dir, name), *temp = path_of(dir, ".new-XXXXXX");
    int fd = mkostemp(temp, O_CLOEXEC); /* with mode 0600 */
    bool ok = fd >= 0 && write_all(fd, text) && put_in_place(temp, path, replace) && sync_dir(dir);
    enum err err = ok ? OK : disk_fail(ei, path);

    if (fd >= 0) {
        close(fd);
        (void)unlink(temp); /* gone already when it replaced the file */
    }
    free(path);
    free(temp);
    return err;
}

static enum err read_store(const char *path, struct buf *out, bool *ret_found, struct errinfo *ei)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    ssize_t n = 1;

    *ret_found = fd >= 0;
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? OK
                   : fail(ei, ERR_SECRET, "%s cannot be read: %s", path, strerror(errno));
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return fail(ei, ERR_SECRET, "%s is not a regular file", path);
    }
    while (n != 0 && !out->failed) {
        n = buf_room(out, 65536) ? read(fd, out->p + out->n, 65536) : 0;
        if (n < 0 && errno != EINTR)
            break;
        out->n += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    if (n == 0 && !out->failed)
        return OK;
    return fail(ei, ERR_SECRET, "%s cannot be read", path);
}

/* ---- the vault ---- */

static void vault_close(struct vault *v)
{
    if (v->lock >= 0)
        close(v->lock);
    json_free(v->doc);
    free(v->dir);
    free(v->path);
}

static enum err damaged(const struct vault *v, struct errinfo *ei)
{
    fail(ei, ERR_SECRET, "%s is damaged", v->path);
    return fail_hint(ei, "bring it back from a backup, or remove it and set the secrets again with `" PRODUCT
                         " secret set`");
}

static enum err vault_read(struct vault *v, struct errinfo *ei)
{
    struct json_limits limits = {STORE_MAX_BYTES, 4};
    struct buf text = buf_make(STORE_MAX_BYTES + 131072);
    struct errinfo unused;
    int64_t version = 0;
    bool found;
    enum err err = read_store(v->path, &text, &found, ei);

    if (!err && found) {
        if (json_parse(buf_str(&text), &limits, &v->doc, NULL, &unused))
            err = damaged(v, ei);
        v->secrets = json_get(json_root(v->doc), S("secrets"));
        if (!err && json_i64(json_get(json_root(v->doc), S("version")), &version) && version > 1)
            err = fail(ei, ERR_SECRET, "%s was written by a newer " PRODUCT, v->path);
        else if (!err && (version != 1 || json_type(v->secrets) != JSON_OBJECT))
            err = damaged(v, ei);
    }
    buf_free(&text);
    return err;
}

static enum err vault_lock(struct vault *v, struct errinfo *ei)
{
    if (mkdir(v->dir, 0700) && errno != EEXIST)
        return disk_fail(ei, v->dir);
    v->lock = open(v->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (v->lock < 0)
        return disk_fail(ei, v->dir);
    while (flock(v->lock, LOCK_EX))
        if (errno != EINTR)
            return disk_fail(ei, v->dir);
    return OK;
}

static enum err vault_open(const char *project_dir, bool change, struct vault *v, struct errinfo *ei)
{
    enum err err = OK;

    *v = (struct vault){.lock = -1};
    v->dir = path_of(project_dir, "." PRODUCT);
    v->path = path_of(v->dir, STORE_NAME);
    if (sodium_init() < 0)
        err = fail(ei, ERR_INTERNAL, "libsodium does not start");
    if (!err && change)
        err = vault_lock(v, ei);
    err = err ? err : vault_read(v, ei);
    if (err)
        vault_close(v);
    return err;
}

/* ---- sealing ---- */

void secret_seal(const struct secret_key *k, struct str name, struct str value, struct buf *out)
{
    unsigned char *sealed = mem_alloc(NONCE_BYTES + value.n + TAG_BYTES);
    unsigned long long n = 0;

    random_bytes(sealed, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE_BYTES, &n, (const unsigned char *)value.p, value.n,
                                               (const unsigned char *)name.p, name.n, NULL, sealed, k->bytes);
    base64_encode(str_mk((const char *)sealed, NONCE_BYTES + (size_t)n), out);
    free(sealed);
}

static enum err wrong_key(const struct secret_key *k, struct str name, struct errinfo *ei)
{
    fail(ei, ERR_SECRET, "the secret \"" STR_FMT "\" was not sealed with the key %s, or it was changed", STR_ARG(name),
         k->path);
    return fail_hint(ei,
                     "bring back the key that sealed it, or remove the secret and set it again: `" PRODUCT
                     " secret rm " STR_FMT "`",
                     STR_ARG(name));
}

enum err secret_unseal(const struct secret_key *k, struct str name, struct str text, struct buf *out,
                       struct errinfo *ei)
{
    struct buf sealed = buf_make(SEALED_MAX + 16);
    unsigned long long n = 0;
    enum err err = OK;
    bool ok = base64_decode(text, &sealed) && !sealed.failed && sealed.n >= NONCE_BYTES + TAG_BYTES &&
              buf_room(out, sealed.n);

    if (!ok || crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)out->p + out->n, &n, NULL,
                                                          (const unsigned char *)sealed.p + NONCE_BYTES,
                                                          sealed.n - NONCE_BYTES, (const unsigned char *)name.p, name.n,
                                                          (const unsigned char *)sealed.p, k->bytes))
        err = wrong_key(k, name, ei);
    else
        out->n += (size_t)n;
    buf_free(&sealed);
    return err;
}

static enum err no_key(const struct secret_key *k, struct errinfo *ei)
{
    fail(ei, ERR_SECRET, "the key of the encrypted store is missing: %s", k->path);
    return fail_hint(
        ei,
        "bring the key back, or name its file in SLUICE_KEY_FILE; without it remove the secrets and set them again");
}

enum err secret_get(const char *project_dir, struct str name, struct buf *out, struct errinfo *ei)
{
    const struct json *sealed;
    struct secret_key key;
    struct vault v;
    enum err err = vault_open(project_dir, false, &v, ei);

    if (err)
        return err;
    sealed = json_get(v.secrets, name);
    if (!sealed) {
        fail(ei, ERR_SECRET, "${secret:" STR_FMT "}: the store has no secret of that name", STR_ARG(name));
        err = fail_hint(ei, "run `" PRODUCT " secret set " STR_FMT "`", STR_ARG(name));
        goto out;
    }
    err = secret_key_read(&key, ei);
    if (err)
        goto out;
    err = key.found ? secret_unseal(&key, name, json_text(sealed), out, ei) : no_key(&key, ei);
    secret_key_drop(&key);
out:
    vault_close(&v);
    return err;
}

/* The key must open what is there already, or half of the store would be lost. */
static enum err key_for(const struct vault *v, struct secret_key *k, struct errinfo *ei)
{
    struct json_iter it = json_iter(v->secrets);
    struct buf opened = buf_make(SEALED_MAX + 16);
    struct str name;
    const struct json *first = json_next(&it, &name);
    enum err err;

    if (!k->found)
        return first ? no_key(k, ei) : secret_key_make(k, ei);
    err = first ? secret_unseal(k, name, json_text(first), &opened, ei) : OK;
    secret_wipe(&opened);
    return err;
}

enum err secret_key_of(const char *project_dir, struct secret_key *k, struct errinfo *ei)
{
    struct vault v;
    enum err err = vault_open(project_dir, false, &v, ei);

    if (err)
        return err;
    err = secret_key_read(k, ei);
    if (!err) {
        err = key_for(&v, k, ei);
        if (err)
            secret_key_drop(k);
    }
    vault_close(&v);
    return err;
}

/* ---- changing ---- */

/* Writes all but `name`, and `name` with `sealed` unless that is empty. */
static enum err vault_write(const struct vault *v, struct str name, struct str sealed, struct errinfo *ei)
{
    struct buf text = buf_make(STORE_MAX_BYTES);
    struct json_out w = json_out(&text);
    struct json_iter it = json_iter(v->secrets);
    const struct json *each;
    struct str key;
    enum err err;

    json_out_begin(&w, '{');
    json_out_key(&w, "version");
    json_out_int(&w, 1);
    json_out_key(&w, "secrets");
    json_out_begin(&w, '{');
    while ((each = json_next(&it, &key))) {
        if (str_eq(key, name))
            continue;
        json_out_key_str(&w, key);
        json_out_str(&w, json_text(each));
    }
    if (sealed.n) {
        json_out_key_str(&w, name);
        json_out_str(&w, sealed);
    }
    json_out_end(&w, '}');
    json_out_end(&w, '}');
    buf_byte(&text, '\n');
    err = text.failed ? fail(ei, ERR_SECRET, "the encrypted store is full (64 MiB)")
                      : secret_write_file(v->dir, STORE_NAME, buf_str(&text), true, ei);
    buf_free(&text);
    return err;
}

enum err secret_set(const char *project_dir, struct str name, struct str value, struct errinfo *ei)
{
    struct buf sealed = buf_make(4 * SEALED_MAX);
    const char *wrong = secret_value_wrong(value);
    struct secret_key key;
    struct vault v;
    enum err err;

    if (!project_name_ok(name)) {
        fail(ei, ERR_USAGE, "this is no name for a secret");
        return fail_hint(ei, "letters, digits, _, - and inner blanks, at most 64 characters");
    }
    if (wrong)
        return fail(ei, ERR_USAGE, "the value %s", wrong);
    secret_hide(value);
    err = vault_open(project_dir, true, &v, ei);
    if (err)
        return err;
    err = secret_key_read(&key, ei);
    if (err)
        goto out;
    err = key_for(&v, &key, ei);
    if (!err) {
        secret_seal(&key, name, value, &sealed);
        err = vault_write(&v, name, buf_str(&sealed), ei);
    }
    secret_key_drop(&key);
    buf_free(&sealed);
out:
    vault_close(&v);
    return err;
}

enum err secret_remove(const char *project_dir, struct str name, struct errinfo *ei)
{
    struct vault v;
    enum err err = vault_open(project_dir, true, &v, ei);

    if (err)
        return err;
    if (json_get(v.secrets, name)) {
        err = vault_write(&v, name, str_mk("", 0), ei);
    } else {
        fail(ei, ERR_USAGE, "there is no secret \"" STR_FMT "\"", STR_ARG(name));
        err = fail_hint(ei, "`" PRODUCT " secret list` shows the names");
    }
    vault_close(&v);
    return err;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

enum err secret_list(const char *project_dir, struct arena *a, struct str **ret_names, size_t *ret_n,
                     struct errinfo *ei)
{
    struct vault v;
    enum err err = vault_open(project_dir, false, &v, ei);
    size_t n = 0;

    if (err)
        return err;
    struct str *names = ARENA_ARRAY(a, struct str, json_count(v.secrets) + 1);
    struct json_iter it = json_iter(v.secrets);
    struct str name;
    while (json_next(&it, &name))
        names[n++] = arena_str(a, name);
    qsort(names, n, sizeof *names, by_text);
    *ret_names = names;
    *ret_n = n;
    vault_close(&v);
    return OK;
}
