/* Tokens are no settings: they are made by calls, replaced by calls, and worth one call when they are lost. So they do
 * not stand among the secrets that people set, but each in a file of its own, sealed in the same way; one that cannot
 * be opened any more counts as none. */
#include "project/token_file.h"

#include "project/secret_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALED_MAX_BYTES (2 * SECRET_MAX_BYTES)

static struct str dir_of(const struct project *p, struct arena *a)
{
    return arena_printf(a, "%s/tokens", p->state_dir);
}

/* Binds the sealed text to the connection. */
static struct str name_of(struct str connection, struct arena *a)
{
    return arena_printf(a, "token:" STR_FMT, STR_ARG(connection));
}

static enum err make_dir(const struct project *p, const char *dir, struct errinfo *ei)
{
    if ((mkdir(p->state_dir, 0700) && errno != EEXIST) || (mkdir(dir, 0700) && errno != EEXIST))
        return fail(ei, ERR_DISK, "%s: %s", dir, strerror(errno));
    return OK;
}

enum err token_lock_path(const struct project *p, struct str connection, struct arena *a, const char **ret,
                         struct errinfo *ei)
{
    struct str dir = dir_of(p, a);

    *ret = arena_printf(a, STR_FMT "/" STR_FMT ".lock", STR_ARG(dir), STR_ARG(connection)).p;
    return make_dir(p, dir.p, ei);
}

static enum err read_file(const char *path, struct buf *out, struct errinfo *ei)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = 1;

    if (fd < 0)
        return errno == ENOENT ? OK : fail(ei, ERR_DISK, "%s: %s", path, strerror(errno));
    while (n != 0 && buf_room(out, 4096)) {
        n = read(fd, out->p + out->n, 4096);
        if (n < 0 && errno != EINTR)
            break;
        out->n += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return n < 0 ? fail(ei, ERR_DISK, "%s: it cannot be read", path) : OK;
}

enum err token_load(const struct project *p, struct str connection, struct arena *a, struct str *ret,
                    struct errinfo *ei)
{
    struct buf sealed = buf_make(SEALED_MAX_BYTES), opened = buf_make(SEALED_MAX_BYTES);
    struct str dir = dir_of(p, a);
    struct secret_key key;
    struct errinfo unused;
    enum err e = read_file(arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(connection)).p, &sealed, ei);

    *ret = (struct str){0};
    if (!e && sealed.n && !sealed.failed && secret_key_of(p->dir, &key, &unused) == OK) {
        if (secret_unseal(&key, name_of(connection, a), str_trim(buf_str(&sealed)), &opened, &unused) == OK)
            *ret = arena_str(a, buf_str(&opened));
        secret_key_drop(&key);
    }
    secret_wipe(&opened);
    buf_free(&sealed);
    return e;
}

enum err token_save(const struct project *p, struct str connection, struct str text, struct errinfo *ei)
{
    struct arena *a = arena_new(64u << 10);
    struct buf sealed = buf_make(SEALED_MAX_BYTES);
    struct str dir = dir_of(p, a);
    struct secret_key key;
    enum err e = text.n <= SECRET_MAX_BYTES ? make_dir(p, dir.p, ei) : fail(ei, ERR_DATA, "the token is too long");

    e = e ? e : secret_key_of(p->dir, &key, ei);
    if (!e) {
        secret_seal(&key, name_of(connection, a), text, &sealed);
        secret_key_drop(&key);
        buf_byte(&sealed, '\n');
        e = secret_write_file(dir.p, arena_cstr(a, connection), buf_str(&sealed), true, ei);
    }
    buf_free(&sealed);
    arena_free(a);
    return e;
}
