/* What the tests of files share: a folder of their own, a small full disk, another user. Included after cmocka.h. */
#ifndef TEST_STORE_FIXTURE_H
#define TEST_STORE_FIXTURE_H

#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

struct folder {
    char path[256];
};

static inline void folder_make(struct folder *f)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(f->path, sizeof f->path, "%s/sluice-test-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->path));
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void folder_drop(struct folder *f)
{
    (void)umount2(f->path, MNT_DETACH); /* where it is a small disk */
    nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* "PATH/rest" in one of a few static buffers. */
static inline const char *in(const struct folder *f, const char *rest)
{
    static char texts[8][512];
    static int i;
    i = (i + 1) % 8;
    snprintf(texts[i], sizeof texts[i], "%s/%s", f->path, rest);
    return texts[i];
}

/* Mounts a tmpfs of that size on the folder, in a mount namespace of this process alone, so that it vanishes with it.
 * False when we may not. */
static inline bool small_disk(const struct folder *f, const char *size)
{
    char options[64];
    snprintf(options, sizeof options, "size=%s", size);
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    return mount("tmpfs", f->path, "tmpfs", 0, options) == 0;
}

/* Fills the disk under the folder to the last byte; gives the file's path to delete. */
static inline const char *fill_disk(const struct folder *f)
{
    static char block[4096];
    const char *path = in(f, "ballast");
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    setvbuf(out, NULL, _IONBF, 0);
    while (fwrite(block, 1, sizeof block, out) == sizeof block) {
    }
    fclose(out);
    return path;
}

/* Runs `test` in a child that is not root; its exit status: 0 when all went well. Signals show as 255. */
static inline int as_nobody(int (*test)(const struct folder *f), const struct folder *f)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(99);
        _exit(test(f));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

#define assert_ok(call, ei)                                                                                            \
    do {                                                                                                               \
        if ((call) != OK)                                                                                              \
            fail_msg("%s: %s", #call, (ei).msg);                                                                       \
    } while (0)

#define assert_str(s, cstr)                                                                                            \
    do {                                                                                                               \
        struct str str_ = (s);                                                                                         \
        assert_int_equal(str_.n, strlen(cstr));                                                                        \
        assert_memory_equal(str_.p, cstr, str_.n);                                                                     \
    } while (0)

#endif
