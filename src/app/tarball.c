/* A .tar.gz, by libarchive. The format is GNU's: names are bytes there, of any length, so that a project called 订单
 * goes in whatever the locale is. Entries have no owner: who unpacks owns them.
 *
 * It is written under another name beside its place and renamed when it is whole and on the disk. Mode 0600: it tells
 * of somebody's business. */
#include "app/tarball.h"

#include "base/product.h"
#include "store/files.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct tarball {
    struct archive *a;
    char *path, *temporary;
    int fd;
};

static enum err wrong(const struct tarball *t, struct errinfo *ei)
{
    errno = archive_errno(t->a) > 0 ? archive_errno(t->a) : EIO;
    return files_fail(ei, "cannot write", t->path);
}

void tarball_drop(struct tarball *t)
{
    if (!t)
        return;
    if (t->a)
        archive_write_free(t->a);
    if (t->fd >= 0) {
        close(t->fd);
        unlink(t->temporary);
    }
    free(t->path);
    free(t->temporary);
    free(t);
}

enum err tarball_begin(const char *path, struct tarball **ret, struct errinfo *ei)
{
    struct tarball *t = mem_zero(sizeof *t);
    enum err err = OK;

    t->path = files_path("%s", path);
    t->temporary = files_path("%s.XXXXXX", path);
    t->fd = mkostemp(t->temporary, O_CLOEXEC);
    if (t->fd < 0) {
        err = files_fail(ei, "cannot make", path);
    } else {
        t->a = archive_write_new();
        if (!t->a)
            die_no_memory();
        if (archive_write_set_format_gnutar(t->a) || archive_write_add_filter_gzip(t->a) ||
            archive_write_open_fd(t->a, t->fd))
            err = wrong(t, ei);
    }
    if (err)
        tarball_drop(t);
    else
        *ret = t;
    return err;
}

enum err tarball_add(struct tarball *t, const struct tarball_file *f, struct errinfo *ei)
{
    struct archive_entry *e = archive_entry_new();
    bool folder = str_ends(str_of(f->path), S("/"));
    bool ok;

    if (!e)
        die_no_memory();
    archive_entry_set_pathname(e, f->path);
    archive_entry_set_filetype(e, folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(e, (mode_t)f->mode);
    archive_entry_set_size(e, folder ? 0 : (int64_t)f->text.n);
    archive_entry_set_mtime(e, (time_t)f->modified_s, 0);
    ok = archive_write_header(t->a, e) == ARCHIVE_OK;
    archive_entry_free(e);
    ok = ok && (folder || !f->text.n || archive_write_data(t->a, f->text.p, f->text.n) == (ssize_t)f->text.n);
    return ok ? OK : wrong(t, ei);
}

enum err tarball_taken(const char *path, struct errinfo *ei)
{
    fail(ei, ERR_USAGE, "%s exists already; nothing was written", path);
    return fail_hint(ei, "name another file, or replace it with --force");
}

/* Not every file system can rename without replacing; there the look comes first. */
static enum err put_in_place(const struct tarball *t, bool replace, struct errinfo *ei)
{
    int rc = renameat2(AT_FDCWD, t->temporary, AT_FDCWD, t->path, replace ? 0 : RENAME_NOREPLACE);

    if (rc && errno == EINVAL && !replace) {
        if (access(t->path, F_OK) == 0)
            errno = EEXIST;
        else
            rc = rename(t->temporary, t->path);
    }
    if (!rc)
        return OK;
    return errno == EEXIST ? tarball_taken(t->path, ei) : files_fail(ei, "cannot make", t->path);
}

enum err tarball_end(struct tarball *t, bool replace, int64_t *ret_bytes, struct errinfo *ei)
{
    enum err err = archive_write_close(t->a) == ARCHIVE_OK ? OK : wrong(t, ei);

    if (!err && fsync(t->fd))
        err = files_fail(ei, "cannot write", t->path);
    if (!err)
        *ret_bytes = files_size(t->temporary);
    err = err ? err : put_in_place(t, replace, ei);
    if (!err) {
        close(t->fd);
        t->fd = -1;
    }
    tarball_drop(t);
    return err;
}
