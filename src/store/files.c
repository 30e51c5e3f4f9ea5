/* Files and folders of the project's own state.
 *
 * What is written here may hold records of customers, so folders are made 0700 and files 0600. A new name is durable
 * only when its folder was synchronized, which is done here once, so that nobody has to think of it. Names of
 * integrations are of any script and may hold blanks; files_name makes one safe file name of each. */
#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"

char *files_path(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *path = NULL;
    int n = vasprintf(&path, fmt, args);
    va_end(args);
    if (n < 0)
        die_no_memory();
    return path;
}

enum err files_fail(struct errinfo *ei, const char *doing, const char *path)
{
    int os = errno;
    char words[128];
    fail(ei, ERR_DISK, "%s %s: %s", doing, path, strerror_r(os, words, sizeof words));
    if (os == ENOSPC || os == EDQUOT)
        return fail_hint(ei, "Free space on its file system; nothing that was acknowledged is lost.");
    if (os == EACCES || os == EPERM || os == EROFS)
        return fail_hint(ei, "Let user %ld read and write there.", (long)geteuid());
    if (os == EMFILE || os == ENFILE)
        return fail_hint(ei, "Raise the limit of open files (ulimit -n).");
    return fail_hint(ei, "Look at the disk and at the path, then try again.");
}

enum err files_sync_dir(const char *dir, struct errinfo *ei)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return files_fail(ei, "cannot open the folder", dir);
    int rc = fsync(fd);
    enum err e = rc == 0 || errno == EINVAL ? OK : files_fail(ei, "cannot synchronize the folder", dir);
    close(fd);
    return e;
}

/* The folder that holds `path`; free() it. */
static char *parent_of(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n ? files_path("%.*s", (int)n, path) : files_path(".");
}

static enum err make_one(const char *dir, struct errinfo *ei)
{
    if (mkdir(dir, 0700) != 0) {
        struct stat st;
        if (errno == EEXIST && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
            errno = ENOTDIR;
        else if (errno == EEXIST)
            return OK;
        return files_fail(ei, "cannot make the folder", dir);
    }
    char *parent = parent_of(dir);
    enum err e = files_sync_dir(parent, ei);
    free(parent);
    return e;
}

enum err files_mkdir(const char *dir, struct errinfo *ei)
{
    struct stat st;
    if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
        return OK;
    char *path = files_path("%s", dir);
    enum err e = OK;
    for (char *p = path + 1; e == OK && path[0] && *p; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = 0;
        if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
            e = make_one(path, ei);
        *p = '/';
    }
    if (e == OK)
        e = make_one(path, ei);
    free(path);
    return e;
}

enum err files_create(const char *path, struct errinfo *ei)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? OK : files_fail(ei, "cannot make the file", path);
    int rc = fsync(fd);
    enum err e = rc == 0 ? OK : files_fail(ei, "cannot synchronize the file", path);
    close(fd);
    if (e != OK)
        return e;
    char *parent = parent_of(path);
    e = files_sync_dir(parent, ei);
    free(parent);
    return e;
}

int64_t files_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static bool stays(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

size_t files_name(struct str name, char out[FILES_NAME_MAX])
{
    const size_t cut = FILES_NAME_MAX - 1 - 1 - 32; /* room for "~", 32 digits and NUL */
    size_t n = 0, n_cut = 0, i = 0;
    for (; i < name.n && n + 3 < FILES_NAME_MAX; i++) {
        if (stays(name.p[i])) {
            out[n++] = name.p[i];
        } else {
            out[n++] = '%';
            hex_upper((const uint8_t *)name.p + i, 1, out + n);
            n += 2;
        }
        if (n <= cut)
            n_cut = n;
    }
    if (i == name.n && n > 0) {
        out[n] = 0;
        return n;
    }
    struct hasher *h = hasher_new();
    hasher_add(h, name);
    struct hash128 hash = hasher_done(h);
    hasher_free(h);
    out[n_cut] = '~';
    hex_lower((const uint8_t *)&hash, sizeof hash, out + n_cut + 1);
    return n_cut + 1 + 2 * sizeof hash;
}
