/* Secrets: where a reference points, and the sealed store.
 *
 * The store is a JSON object of name → base64(nonce ‖ XChaCha20-Poly1305 box), the name bound as associated data, so that a box cannot be moved to another name. It is replaced as a whole: written beside,
 * synced, renamed. The key stands outside the project, in a file that only its owner may read, so a copied project folder gives nothing away.
 *
 * No message ever holds a value. Every resolved value is registered with the log's mask. */
#include "project/secret.h"

#include "base/conf.h"
#include "base/digest.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
#define VALUE_MAX_BYTES (64u << 10)
#define STORE_MAX 1000

/* ---- small files ---- */

static enum err read_file(const char *path, struct buf *out, struct errinfo *ei)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    ssize_t n = 0;

    if (fd < 0)
        return fail(ei, ERR_SECRET, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return fail(ei, ERR_SECRET, "%s: it is not a regular file", path);
    }
    while (buf_room(out, 4096) && (n = read(fd, out->p + out->n, 4096)) > 0)
        out->n += (size_t)n;
    close(fd);
    if (out->failed)
        return fail(ei, ERR_SECRET, "%s: it is longer than %zu bytes", path, out->max_bytes);
    return n < 0 ? fail(ei, ERR_SECRET, "%s: %s", path, strerror(errno)) : OK;
}

static enum err disk_error(struct errinfo *ei, const char *path) { return fail(ei, ERR_DISK, "%s: %s", path, strerror(errno)); }

/* Writes beside and renames: the old file or the new one, never half of it. */
static enum err replace_file(struct arena *a, const char *path, struct str text, struct errinfo *ei)
{
    const char *beside = arena_printf(a, "%s.new", path).p;
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok;

    if (fd < 0)
        return disk_error(ei, beside);
    ok = write(fd, text.p, text.n) == (ssize_t)text.n && fsync(fd) == 0;
    close(fd);
    if (!ok || rename(beside, path)) {
        enum err e = disk_error(ei, beside);

        unlink(beside);
        return e;
    }
    return OK;
}

/* ---- the key ---- */

static struct str key_path(struct arena *a)
{
    const char *credentials = getenv("CREDENTIALS_DIRECTORY"), *file = getenv("SLUICE_KEY_FILE"), *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (credentials && access(arena_printf(a, "%s/sluice-key", credentials).p, F_OK) == 0)
        return arena_printf(a, "%s/sluice-key", credentials);
    if (file && file[0])
        return arena_str(a, str_of(file));
    if (config && config[0])
        return arena_printf(a, "%s/sluice/key", config);
    return arena_printf(a, "%s/.config/sluice/key", home && home[0] ? home : ".");
}

static enum err make_folders(struct arena *a, struct str path, struct errinfo *ei)
{
    for (size_t i = 1; i < path.n; i++) {
        const char *part;

        if (path.p[i] != '/')
            continue;
        part = arena_cstr(a, str_sub(path, 0, i));
        if (mkdir(part, 0700) && errno != EEXIST)
            return disk_error(ei, part);
    }
    return OK;
}

static enum err make_key(struct arena *a, struct str path, struct errinfo *ei)
{
    uint8_t key[KEY_BYTES];
    char text[2 * KEY_BYTES + 2];
    enum err e = make_folders(a, path, ei);

    if (e)
        return e;
    random_bytes(key, sizeof key);
    hex_lower(key, sizeof key, text);
    text[2 * KEY_BYTES] = '\n';
    e = replace_file(a, path.p, (struct str){text, 2 * KEY_BYTES + 1}, ei);
    sodium_memzero(key, sizeof key);
    sodium_memzero(text, sizeof text);
    return e;
}

static enum err read_key(struct arena *a, bool make, uint8_t out[KEY_BYTES], struct errinfo *ei)
{
    struct str path = key_path(a);
    struct buf b = buf_make(4096);
    struct stat st;
    struct str text;
    enum err e = OK;

    if (sodium_init() < 0)
        return fail(ei, ERR_INTERNAL, "libsodium could not be started");
    if (stat(path.p, &st)) {
        if (!make) {
            fail(ei, ERR_SECRET, "the key of the secret store is not there: %s", path.p);
            return fail_hint(ei, "bring the key file back, or set the secrets anew with `sluice secret set NAME`");
        }
        e = make_key(a, path, ei);
    } else if ((st.st_mode & 077) && !getenv("CREDENTIALS_DIRECTORY")) {
        fail(ei, ERR_SECRET, "the key file %s may be read by others", path.p);
        return fail_hint(ei, "run: chmod 600 %s", path.p);
    }
    e = e ? e : read_file(path.p, &b, ei);
    text = str_trim(buf_str(&b));
    if (!e && (text.n != 2 * KEY_BYTES || !hex_decode(text, out))) {
        e = fail(ei, ERR_SECRET, "the key file %s does not hold a key", path.p);
        fail_hint(ei, "it must hold %u hexadecimal digits", (unsigned)(2 * KEY_BYTES));
    }
    if (b.p)
        sodium_memzero(b.p, b.n);
    buf_free(&b);
    return e;
}

/* ---- the store ---- */

struct entry {
    struct str name, box; /* box: base64 */
};
struct entries {
    struct entry at[STORE_MAX];
    size_t n;
};

static struct str store_path(struct arena *a, const char *project_dir) { return arena_printf(a, "%s/.sluice/secrets.json", project_dir); }

static enum err load_store(struct arena *a, const char *project_dir, struct entries *ret, struct errinfo *ei)
{
    struct str path = store_path(a, project_dir);
    struct diags *diags = diags_new();
    struct node *root;
    enum err e = OK;

    ret->n = 0;
    if (access(path.p, F_OK) == 0) {
        if (conf_load(a, path.p, path.p, diags, &root) || root->type != NODE_OBJECT) {
            e = fail(ei, ERR_SECRET, "%s is damaged", path.p);
            fail_hint(ei, "restore it, or remove it and set the secrets anew");
        }
        for (const struct node *n = e ? NULL : root->child; n && ret->n < STORE_MAX; n = n->next)
            if (n->type == NODE_STRING)
                ret->at[ret->n++] = (struct entry){n->key, n->text};
    }
    diags_free(diags);
    return e;
}

static enum err save_store(struct arena *a, const char *project_dir, const struct entries *e, struct errinfo *ei)
{
    struct str path = store_path(a, project_dir);
    struct buf b = buf_make(64u << 20);
    struct json_out w = json_out(&b);
    enum err err = make_folders(a, path, ei);

    json_out_begin(&w, '{');
    for (size_t i = 0; i < e->n; i++) {
        json_out_key_str(&w, e->at[i].name);
        json_out_str(&w, e->at[i].box);
    }
    json_out_end(&w, '}');
    err = err ? err : replace_file(a, path.p, buf_str(&b), ei);
    buf_free(&b);
    return err;
}

static bool secret_name_ok(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
            return false;
    }
    return name.n > 0 && name.n <= 64;
}

static struct str seal(struct arena *a, const uint8_t key[KEY_BYTES], struct str name, struct str value)
{
    size_t n = NONCE_BYTES + value.n + TAG_BYTES;
    uint8_t *box = arena_alloc(a, n);
    struct buf text = buf_make(4 * VALUE_MAX_BYTES);
    unsigned long long got;
    struct str r;

    random_bytes(box, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE_BYTES, &got, (const uint8_t *)value.p, value.n, (const uint8_t *)name.p, name.n, NULL, box, key);
    base64_encode((struct str){(char *)box, n}, &text);
    r = arena_str(a, buf_str(&text));
    buf_free(&text);
    return r;
}

static bool unseal(struct arena *a, const uint8_t key[KEY_BYTES], const struct entry *e, struct str *ret)
{
    struct buf box = buf_make(2 * VALUE_MAX_BYTES);
    unsigned long long got = 0;
    uint8_t *plain;
    bool ok = base64_decode(e->box, &box) && box.n >= NONCE_BYTES + TAG_BYTES;

    plain = arena_alloc(a, box.n + 1);
    ok = ok && crypto_aead_xchacha20poly1305_ietf_decrypt(plain, &got, NULL, (const uint8_t *)box.p + NONCE_BYTES, box.n - NONCE_BYTES, (const uint8_t *)e->name.p, e->name.n,
                                                          (const uint8_t *)box.p, key) == 0;
    *ret = (struct str){(char *)plain, (size_t)got};
    buf_free(&box);
    return ok;
}

enum err secret_set(const char *project_dir, struct str name, struct str value, struct errinfo *ei)
{
    struct arena *a = arena_new(64u << 20);
    struct entries *e = ARENA_NEW(a, struct entries);
    uint8_t key[KEY_BYTES];
    size_t i = 0;
    enum err err = OK;

    if (!secret_name_ok(name))
        err = fail(ei, ERR_USAGE, "\"" STR_FMT "\" cannot be a secret's name: letters, digits, _, - and . are allowed", STR_ARG(name));
    else if (!value.n || value.n > VALUE_MAX_BYTES || memchr(value.p, '\0', value.n) || memchr(value.p, '\n', value.n))
        err = fail(ei, ERR_USAGE, "a secret is one line of 1 to %u bytes", VALUE_MAX_BYTES);
    err = err ? err : load_store(a, project_dir, e, ei);
    err = err ? err : read_key(a, true, key, ei);
    while (!err && i < e->n && !str_eq(e->at[i].name, name))
        i++;
    if (!err && i == STORE_MAX)
        err = fail(ei, ERR_USAGE, "the store holds %d secrets, which is all it can", STORE_MAX);
    if (!err) {
        e->at[i] = (struct entry){name, seal(a, key, name, value)};
        e->n += i == e->n;
        err = save_store(a, project_dir, e, ei);
    }
    sodium_memzero(key, sizeof key);
    arena_free(a);
    return err;
}

enum err secret_remove(const char *project_dir, struct str name, struct errinfo *ei)
{
    struct arena *a = arena_new(64u << 20);
    struct entries *e = ARENA_NEW(a, struct entries);
    enum err err = load_store(a, project_dir, e, ei);
    size_t i = 0;

    while (!err && i < e->n && !str_eq(e->at[i].name, name))
        i++;
    if (!err && i == e->n)
        err = fail(ei, ERR_USAGE, "there is no secret \"" STR_FMT "\"", STR_ARG(name));
    if (!err) {
        e->at[i] = e->at[--e->n];
        err = save_store(a, project_dir, e, ei);
    }
    arena_free(a);
    return err;
}

enum err secret_list(const char *project_dir, struct arena *a, struct str **ret_names, size_t *ret_n, struct errinfo *ei)
{
    struct entries *e = ARENA_NEW(a, struct entries);
    enum err err = load_store(a, project_dir, e, ei);

    if (err)
        return err;
    *ret_names = ARENA_ARRAY(a, struct str, e->n + 1);
    for (size_t i = 0; i < e->n; i++)
        (*ret_names)[i] = e->at[i].name;
    *ret_n = e->n;
    return OK;
}

/* ---- references ---- */

static enum err from_store(const char *project_dir, struct str name, struct arena *a, struct str *ret, struct errinfo *ei)
{
    struct entries *e = ARENA_NEW(a, struct entries);
    uint8_t key[KEY_BYTES];
    enum err err = load_store(a, project_dir, e, ei);
    size_t i = 0;

    while (!err && i < e->n && !str_eq(e->at[i].name, name))
        i++;
    if (!err && i == e->n) {
        err = fail(ei, ERR_SECRET, "there is no secret \"" STR_FMT "\" in the store", STR_ARG(name));
        fail_hint(ei, "run: sluice secret set " STR_FMT, STR_ARG(name));
    }
    err = err ? err : read_key(a, false, key, ei);
    if (!err && !unseal(a, key, &e->at[i], ret)) {
        err = fail(ei, ERR_SECRET, "secret \"" STR_FMT "\" cannot be opened with this key", STR_ARG(name));
        fail_hint(ei, "use the key that it was sealed with, or run: sluice secret set " STR_FMT, STR_ARG(name));
    }
    sodium_memzero(key, sizeof key);
    return err;
}

static enum err from_file(const char *project_dir, struct str path, struct arena *a, struct str *ret, struct errinfo *ei)
{
    struct str full = path.n && path.p[0] == '/' ? arena_str(a, path) : arena_printf(a, "%s/" STR_FMT, project_dir, STR_ARG(path));
    struct buf b = buf_make(VALUE_MAX_BYTES);
    enum err e = read_file(full.p, &b, ei);

    if (e) {
        fail_hint(ei, "the file must exist and hold the secret alone");
    } else {
        if (b.n && b.p[b.n - 1] == '\n')
            b.n--;
        if (b.n && b.p[b.n - 1] == '\r')
            b.n--;
        *ret = arena_str(a, buf_str(&b));
        if (!ret->n || memchr(ret->p, '\n', ret->n) || memchr(ret->p, '\0', ret->n)) {
            e = fail(ei, ERR_SECRET, "the secret file %s is empty or has several lines", full.p);
            fail_hint(ei, "it must hold the secret alone, on one line");
        }
    }
    buf_free(&b);
    return e;
}

static enum err from_env(struct str name, struct arena *a, struct str *ret, struct errinfo *ei)
{
    const char *v = getenv(arena_cstr(a, name));

    if (!v || !v[0]) {
        fail(ei, ERR_SECRET, "environment variable " STR_FMT " is %s", STR_ARG(name), v ? "empty" : "not set");
        return fail_hint(ei, "set it for the process that runs this, or write \"${secret:NAME}\" and run `sluice secret set NAME`");
    }
    *ret = arena_str(a, str_of(v));
    return OK;
}

/* The next ${kind:name} at or after `from`; false when there is none. "$${" is a literal. */
static bool next_reference(struct str text, size_t from, size_t *ret_at, size_t *ret_end, struct str *kind, struct str *name)
{
    for (size_t at = from; (at = str_find(text, S("${"), at)) != SIZE_MAX; at += 2) {
        size_t end = str_find(text, S("}"), at), colon;

        if ((at > 0 && text.p[at - 1] == '$') || end == SIZE_MAX)
            continue;
        colon = str_find(str_sub(text, 0, end), S(":"), at);
        *ret_at = at;
        *ret_end = end + 1;
        *kind = colon == SIZE_MAX ? (struct str){0} : str_sub(text, at + 2, colon - at - 2);
        *name = colon == SIZE_MAX ? (struct str){0} : str_sub(text, colon + 1, end - colon - 1);
        return true;
    }
    return false;
}

static enum err fetch(const char *project_dir, struct str kind, struct str name, struct arena *a, struct str *ret, struct errinfo *ei)
{
    if (str_eq(kind, S("env")) && name.n)
        return from_env(name, a, ret, ei);
    if (str_eq(kind, S("file")) && name.n)
        return from_file(project_dir, name, a, ret, ei);
    if (str_eq(kind, S("secret")) && name.n)
        return from_store(project_dir, name, a, ret, ei);
    fail(ei, ERR_SECRET, "${" STR_FMT ":…} is not a reference that is known", STR_ARG(kind));
    return fail_hint(ei, "write ${env:NAME}, ${file:PATH} or ${secret:NAME}");
}

enum err secret_resolve(const char *project_dir, struct str text, struct arena *a, struct str *ret, struct errinfo *ei)
{
    struct buf b = buf_make(4 * VALUE_MAX_BYTES);
    size_t from = 0, at, end;
    struct str kind, name;
    enum err e = OK;

    while (!e && next_reference(text, from, &at, &end, &kind, &name)) {
        struct str value;

        e = fetch(project_dir, kind, name, a, &value, ei);
        if (!e) {
            log_hide(value);
            buf_add(&b, str_sub(text, from, at - from));
            buf_add(&b, value);
        }
        from = end;
    }
    if (!e) {
        buf_add(&b, str_sub(text, from, text.n));
        *ret = arena_str(a, buf_str(&b));
    }
    if (b.p)
        sodium_memzero(b.p, b.n);
    buf_free(&b);
    return e;
}

bool secret_is_reference(struct str text, struct pos pos, struct diags *diags)
{
    size_t from = 0, at, end;
    struct str kind, name;
    bool any = false;

    while (next_reference(text, from, &at, &end, &kind, &name)) {
        any = true;
        from = end;
        if (name.n && (str_eq(kind, S("env")) || str_eq(kind, S("file")) || str_eq(kind, S("secret"))))
            continue;
        diags_add(diags, DIAG_ERROR, pos, "this reference is not known");
        diags_remedy(diags, "write ${env:NAME}, ${file:PATH} or ${secret:NAME}");
    }
    return any;
}
