/* The power goes: what was written and not synchronized is undone, then the process dies.
 *
 * Before each write the bytes that it will replace are kept, before each change of a name what undoes it. A sync of
 * the file, or of the folder for names, forgets them. At the cut all that is still kept is undone, newest first; with
 * SLUICE_INJECT_TORN = seed each piece is undone or not by the toss of a coin, as a disk does that writes in an order
 * of its own. Only files below the root are watched, so that a target can survive the machine that sluice runs on.
 *
 * The watched files are opened once more and never closed, because closing would drop the program's locks. Memory that
 * is mapped for writing is not seen: SQLite maps only its shared index that way, which it builds anew. */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum what { WROTE, CREATED, UNLINKED, RENAMED };

struct undo {
    struct undo *older;
    enum what what;
    dev_t dev; /* of the file for WROTE, of its folder for the rest */
    ino_t ino;
    int fd; /* WROTE */
    int64_t at, size;
    size_t n;
    char *bytes;
    char *path, *to; /* the name; for RENAMED the new one as well */
    char *kept;      /* a second link to what the name stood for, or NULL */
};

#define MOST_FILES 256

static struct {
    char root[4000], kept[4000];
    size_t root_n;
    uint64_t dice; /* 0: everything is undone */
    unsigned links;
    struct undo *newest;
    struct {
        dev_t dev;
        ino_t ino;
        int fd;
    } files[MOST_FILES];
    size_t n_files;
    pthread_mutex_t mutex;
} power = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void *need(void *p)
{
    if (!p) {
        static const char line[] = "inject: the power cut cannot be prepared\n";
        ssize_t ignored = TRUE(write)(2, line, sizeof line - 1);
        (void)ignored;
        _exit(71);
    }
    return p;
}

bool power_begin(const char *root)
{
    const char *torn = getenv("SLUICE_INJECT_TORN");
    if (!root || !realpath(root, power.root))
        return false;
    power.root_n = strlen(power.root);
    power.dice = torn ? strtoull(torn, NULL, 10) : 0;
    snprintf(power.kept, sizeof power.kept, "%.3980s.lost", power.root);
    return TRUE(mkdir)(power.kept, 0700) == 0 || errno == EEXIST;
}

static bool below_root(const char *path)
{
    return strncmp(path, power.root, power.root_n) == 0 && (path[power.root_n] == '/' || !path[power.root_n]);
}

static bool path_of_fd(int fd, char out[4096])
{
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, 4095);
    out[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

/* The whole name, its folder resolved; false when there is no such folder. */
static bool whole_path(int dir, const char *path, char out[4096])
{
    char folder[4096], resolved[4096];
    const char *name = strrchr(path, '/');
    if (path[0] == '/' || dir == AT_FDCWD)
        snprintf(folder, sizeof folder, "%.*s", name ? (int)(name - path) + 1 : 1, name ? path : ".");
    else if (!path_of_fd(dir, folder) || name)
        return false;
    if (!realpath(folder, resolved))
        return false;
    return snprintf(out, 4096, "%s/%s", resolved, name ? name + 1 : path) < 4096;
}

bool power_watches_fd(int fd)
{
    char path[4096];
    struct stat st;
    return path_of_fd(fd, path) && below_root(path) && fstat(fd, &st) == 0 &&
           (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

bool power_watches(int dir, const char *path)
{
    char whole[4096];
    return whole_path(dir, path, whole) && below_root(whole);
}

/* A descriptor of our own for the file, good as long as the process. */
static int own_fd(int fd, const struct stat *st)
{
    char link[40];
    for (size_t i = 0; i < power.n_files; i++)
        if (power.files[i].dev == st->st_dev && power.files[i].ino == st->st_ino)
            return power.files[i].fd;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int opened = TRUE(open)(link, O_RDWR | O_CLOEXEC);
    int high = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, 400);
    if (opened >= 0)
        TRUE(close)(opened);
    need(high >= 0 && power.n_files < MOST_FILES ? &power : NULL);
    power.files[power.n_files].dev = st->st_dev;
    power.files[power.n_files].ino = st->st_ino;
    power.files[power.n_files++].fd = high;
    return high;
}

static struct undo *remember(enum what what, const struct stat *st)
{
    struct undo *u = need(calloc(1, sizeof *u));
    u->what = what;
    u->dev = st->st_dev;
    u->ino = st->st_ino;
    u->older = power.newest;
    power.newest = u;
    return u;
}

static void keep_bytes(int fd, int64_t at, size_t n)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return;
    struct undo *u = remember(WROTE, &st);
    u->fd = own_fd(fd, &st);
    u->size = st.st_size;
    u->at = at;
    u->bytes = need(malloc(n ? n : 1));
    ssize_t got = TRUE(pread)(u->fd, u->bytes, n, at);
    u->n = got < 0 ? 0 : (size_t)got;
}

void power_writes(int fd, int64_t at, size_t n)
{
    struct stat st;
    pthread_mutex_lock(&power.mutex);
    if (at < 0)
        at = (fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &st) == 0 ? st.st_size : lseek(fd, 0, SEEK_CUR);
    keep_bytes(fd, at, n);
    pthread_mutex_unlock(&power.mutex);
}

void power_cuts_short(int fd)
{
    struct stat st;
    pthread_mutex_lock(&power.mutex);
    if (fstat(fd, &st) == 0)
        keep_bytes(fd, 0, (size_t)st.st_size);
    pthread_mutex_unlock(&power.mutex);
}

static void forget(struct undo *u)
{
    if (u->kept)
        TRUE(unlink)(u->kept);
    free(u->bytes);
    free(u->path);
    free(u->to);
    free(u->kept);
    free(u);
}

void power_syncs(int fd)
{
    struct stat st;
    pthread_mutex_lock(&power.mutex);
    if (fstat(fd, &st) == 0)
        for (struct undo **at = &power.newest; *at;) {
            struct undo *u = *at;
            if (u->dev != st.st_dev || u->ino != st.st_ino) {
                at = &u->older;
                continue;
            }
            *at = u->older;
            forget(u);
        }
    pthread_mutex_unlock(&power.mutex);
}

/* What undoes a change of this name, in the folder's account; NULL when the name cannot be told. */
static struct undo *remember_name(enum what what, int dir, const char *path)
{
    char whole[4096], folder[4096];
    struct stat st;
    if (!whole_path(dir, path, whole))
        return NULL;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(whole, '/') - whole), whole);
    if (stat(folder, &st) != 0)
        return NULL;
    struct undo *u = remember(what, &st);
    u->path = need(strdup(whole));
    return u;
}

static char *keep_link(const char *path)
{
    char kept[4096];
    snprintf(kept, sizeof kept, "%.4000s/%u", power.kept, power.links++);
    return link(path, kept) == 0 ? need(strdup(kept)) : NULL;
}

void power_creates(int dir, const char *path)
{
    pthread_mutex_lock(&power.mutex);
    remember_name(CREATED, dir, path);
    pthread_mutex_unlock(&power.mutex);
}

void power_unlinks(int dir, const char *path)
{
    pthread_mutex_lock(&power.mutex);
    struct undo *u = remember_name(UNLINKED, dir, path);
    if (u)
        u->kept = keep_link(u->path);
    pthread_mutex_unlock(&power.mutex);
}

void power_renames(int from_dir, const char *from, int to_dir, const char *to)
{
    char whole[4096];
    pthread_mutex_lock(&power.mutex);
    struct undo *u = remember_name(RENAMED, from_dir, from);
    if (u && whole_path(to_dir, to, whole)) {
        u->to = need(strdup(whole));
        u->kept = keep_link(u->to);
    }
    pthread_mutex_unlock(&power.mutex);
}

static void undo(const struct undo *u)
{
    switch (u->what) {
    case WROTE:
        if (TRUE(pwrite)(u->fd, u->bytes, u->n, u->at) != (ssize_t)u->n || TRUE(ftruncate)(u->fd, u->size) != 0)
            need(NULL);
        break;
    case CREATED:
        if (TRUE(unlink)(u->path) != 0)
            TRUE(rmdir)(u->path);
        break;
    case UNLINKED:
        if (u->kept)
            (void)link(u->kept, u->path);
        break;
    case RENAMED:
        TRUE(rename)(u->to, u->path);
        if (u->kept)
            TRUE(rename)(u->kept, u->to);
        break;
    }
}

/* xorshift64* */
static bool coin(void)
{
    power.dice ^= power.dice >> 12;
    power.dice ^= power.dice << 25;
    power.dice ^= power.dice >> 27;
    return (power.dice * UINT64_C(0x2545F4914F6CDD1D)) >> 63;
}

/* Another thread looks at what the cut has just taken from under its mapping: it has no power either. */
static void stand_still(int sig)
{
    (void)sig;
    for (;;)
        pause();
}

void power_cut(void)
{
    pthread_mutex_lock(&power.mutex); /* for good: nobody else writes from now on */
    signal(SIGBUS, stand_still);
    for (struct undo *u = power.newest; u; u = u->older)
        if (power.dice == 0 || coin())
            undo(u);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}
