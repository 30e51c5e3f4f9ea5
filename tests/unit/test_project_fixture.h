/* Temporary project folders for the tests of this floor. */
#ifndef TESTS_TEST_PROJECT_FIXTURE_H
#define TESTS_TEST_PROJECT_FIXTURE_H

#include "table.h"

#include "base/buf.h"
#include "base/log.h"
#include "project/project.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

struct folder {
    char dir[PATH_BYTES]; /* without links in it */
};

static inline int folder_remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline struct folder folder_make(void)
{
    char name[] = "/tmp/sluice-project-XXXXXX";
    struct folder f;

    assert_non_null(mkdtemp(name));
    assert_non_null(realpath(name, f.dir));
    return f;
}

static inline void folder_drop(const struct folder *f)
{
    assert_int_equal(nftw(f->dir, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline const char *folder_path(const struct folder *f, const char *name, char out[PATH_BYTES])
{
    assert_true((size_t)snprintf(out, PATH_BYTES, "%s/%s", f->dir, name) < PATH_BYTES);
    return out;
}

/* Makes the folders above a file and writes it. */
static inline void folder_write(const struct folder *f, const char *name, struct str text)
{
    char path[PATH_BYTES];

    folder_path(f, name, path);
    for (char *p = path + strlen(f->dir) + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0755);
            *p = '/';
        }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), (ssize_t)text.n);
    assert_int_equal(close(fd), 0);
}

#endif
