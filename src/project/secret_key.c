/* The key of the encrypted store: 32 bytes as hexadecimal digits, in a file outside the project, so that a copied or
 * committed project folder opens nothing.
 *
 * systemd's credentials come first: systemd keeps their permissions itself. Of other files, those that anybody but the
 * owner can read are refused. The key is made once and never changed here: a key that is missing or another than the
 * one that sealed is the user's to bring back. */
#include "base/digest.h"
#include "base/product.h"
#include "project/secret_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_DIGITS (2u * SECRET_KEY_BYTES)

void secret_wipe(struct buf *b)
{
    if (b->p)
        sodium_memzero(b->p, b->cap);
    buf_free(b);
}

static const char *env_or_null(const char *name)
{
    const char *v = getenv(name);

    return v && *v ? v : NULL;
}

/* True when it was found among systemd's credentials. */
static bool credential_path(struct secret_key *k)
{
    const char *dir = env_or_null("CREDENTIALS_DIRECTORY");

    return dir && (size_t)snprintf(k->path, sizeof k->path, "%s/" PRODUCT "-key", dir) < sizeof k->path &&
           access(k->path, F_OK) == 0;
}

static enum err key_path(struct secret_key *k, struct errinfo *ei)
{
    const char *file = env_or_null("SLUICE_KEY_FILE"), *config = env_or_null("XDG_CONFIG_HOME"),
               *home = env_or_null("HOME");
    int n;

    if (file)
        n = snprintf(k->path, sizeof k->path, "%s", file);
    else if (config)
        n = snprintf(k->path, sizeof k->path, "%s/" PRODUCT "/key", config);
    else if (home)
        n = snprintf(k->path, sizeof k->path, "%s/.config/" PRODUCT "/key", home);
    else
        n = 0;
    if (n > 0 && (size_t)n < sizeof k->path)
        return OK;
    fail(ei, ERR_SECRET, "there is no place for the key of the encrypted store");
    return fail_hint(ei, "set SLUICE_KEY_FILE to a path outside the project");
}

static enum err key_fail(const struct secret_key *k, const char *what, struct errinfo *ei)
{
    return fail(ei, ERR_SECRET, "the key of the encrypted store, %s, %s", k->path, what);
}

static enum err check_file(const struct secret_key *k, int fd, bool credential, struct errinfo *ei)
{
    struct stat st;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        key_fail(k, "is not a regular file", ei);
        return fail_hint(ei, "a key is a file of 64 hexadecimal digits");
    }
    if (credential || !(st.st_mode & 077))
        return OK;
    key_fail(k, "can be read by other users", ei);
    return fail_hint(ei, "run `chmod 600 %s`", k->path);
}

static enum err read_digits(struct secret_key *k, int fd, struct errinfo *ei)
{
    char text[KEY_DIGITS + 3];
    ssize_t n = read(fd, text, sizeof text);
    struct str digits = n > 0 ? str_trim(str_mk(text, (size_t)n)) : str_mk(text, 0);
    bool ok = digits.n == KEY_DIGITS && hex_decode(digits, k->bytes);

    sodium_memzero(text, sizeof text);
    if (ok)
        return OK;
    key_fail(k, "is no key", ei);
    return fail_hint(ei, "a key is 64 hexadecimal digits: bring back the right file");
}

static enum err read_key(struct secret_key *k, bool credential, struct errinfo *ei)
{
    int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum err err;

    k->found = false;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return OK;
    if (fd < 0) {
        key_fail(k, strerror(errno), ei);
        return fail_hint(ei, "it must be readable for the user that runs " PRODUCT);
    }
    err = check_file(k, fd, credential, ei);
    err = err ? err : read_digits(k, fd, ei);
    close(fd);
    k->found = !err;
    return err;
}

enum err secret_key_read(struct secret_key *k, struct errinfo *ei)
{
    bool credential;
    enum err err;

    *k = (struct secret_key){.found = false};
    (void)sodium_mlock(k->bytes, sizeof k->bytes);
    credential = credential_path(k);
    err = credential ? OK : key_path(k, ei);
    err = err ? err : read_key(k, credential, ei);
    if (err)
        secret_key_drop(k);
    return err;
}

void secret_key_drop(struct secret_key *k)
{
    (void)sodium_munlock(k->bytes, sizeof k->bytes); /* wipes as well */
    sodium_memzero(k->bytes, sizeof k->bytes);
    k->found = false;
}

/* Makes the folder of `path`, and those above it that are missing, with mode 0700. */
static bool make_dirs(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        *p = '/';
        if (!ok)
            return false;
    }
    return true;
}

enum err secret_key_make(struct secret_key *k, struct errinfo *ei)
{
    char text[KEY_DIGITS + 2], dir[sizeof k->path];
    char *slash;
    enum err err;

    (void)snprintf(dir, sizeof dir, "%s", k->path);
    slash = strrchr(dir, '/');
    if (slash && !make_dirs(dir))
        return key_fail(k, strerror(errno), ei);
    random_bytes(k->bytes, sizeof k->bytes);
    hex_lower(k->bytes, sizeof k->bytes, text);
    text[KEY_DIGITS] = '\n';
    if (slash)
        *slash = '\0';
    err = secret_write_file(!slash         ? "."
                            : slash == dir ? "/"
                                           : dir,
                            slash ? slash + 1 : dir, str_mk(text, KEY_DIGITS + 1), false, ei);
    sodium_memzero(text, sizeof text);
    err = err ? err : read_key(k, false, ei);
    if (!err && !k->found)
        err = key_fail(k, "went away while it was made", ei);
    return err;
}
