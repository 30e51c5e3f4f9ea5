/* A library to preload into the program under attack: it counts calls and makes the Nth one fail.
 *
 * SLUICE_INJECT is KIND:N, then any of :sticky (every one from the Nth on) and :own (of the allocations only those that
 * the program's own code makes, told by the address that the call returns to). N = 0 counts only. Kinds:
 *   mem          malloc, calloc, realloc, posix_memalign, aligned_alloc: no memory
 *   EIO ENOSPC EINTR EMFILE ECONNRESET EAGAIN
 *                that error from each call for which a system may give it (the table `possible` in what follows)
 *   fsync        EIO from fsync and fdatasync alone
 *   short        a read, write, send or receive of half of what was asked for
 *   cut          the power goes at the Nth write, sync or change of a name: see power.c
                  With SLUICE_INJECT_NOSYNC set every sync is a lie: a planted bug, to prove that a cut would show it.
 *
 * SLUICE_INJECT_REPORT names a file of REPORT_BYTES that is mapped and shared, so it outlives whatever happens: the
 * number of calls of that kind, which one failed with its callers, where the program crashed, and who had made the
 * blocks of our own code that were not freed at an orderly end. The failing call itself is never made, except close,
 * whose descriptor is gone in any case.
 *
 * What the C library does inside (getaddrinfo, stdio) is out of reach. The library itself must not allocate. */
#include "inject.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    KIND_NONE,
    KIND_MEM,
    KIND_EIO,
    KIND_ENOSPC,
    KIND_EINTR,
    KIND_EMFILE,
    KIND_ECONNRESET,
    KIND_EAGAIN,
    KIND_FSYNC,
    KIND_SHORT,
    KIND_CUT,
    KIND_COUNT
};

static const struct {
    const char *name;
    int error;
} kinds[KIND_COUNT] = {
    [KIND_NONE] = {"none", 0},
    [KIND_MEM] = {"mem", ENOMEM},
    [KIND_EIO] = {"EIO", EIO},
    [KIND_ENOSPC] = {"ENOSPC", ENOSPC},
    [KIND_EINTR] = {"EINTR", EINTR},
    [KIND_EMFILE] = {"EMFILE", EMFILE},
    [KIND_ECONNRESET] = {"ECONNRESET", ECONNRESET},
    [KIND_EAGAIN] = {"EAGAIN", EAGAIN},
    [KIND_FSYNC] = {"fsync", EIO},
    [KIND_SHORT] = {"short", 0},
    [KIND_CUT] = {"cut", 0},
};

#define BIT(k) (1u << (k))

#define REPORT_TEXT 8000

struct report {
    _Atomic uint64_t calls;  /* of the kind, while it was watched */
    _Atomic uint64_t failed; /* how many were made to fail */
    char fault[REPORT_TEXT]; /* the first that failed: its name, then its callers, a line each */
    char crash[REPORT_TEXT]; /* the signal's name and where, if the program crashed */
    char kept[REPORT_TEXT];  /* own blocks that were not freed when the program ended: their callers, a line each */
};

static struct {
    enum kind kind;
    uint64_t at;
    bool sticky, own;
    bool ready;
    uintptr_t base, text_from, text_to; /* the program's own code */
    struct report *report;
} wish;

static struct report nowhere;                                                /* when no file is named */
static _Thread_local int busy __attribute__((tls_model("initial-exec")));    /* inside this library */
static _Thread_local int looking __attribute__((tls_model("initial-exec"))); /* for a true function */

/* ---- the true functions ---- */

void *inject_true(const char *name)
{
    looking++;
    void *found = dlsym(RTLD_NEXT, name);
    looking--;
    if (!found) {
        fprintf(stderr, "inject: the C library has no %s\n", name);
        _exit(71);
    }
    return found;
}

/* ---- telling ---- */

static void tell_callers(char *out, const char *what)
{
    void *frames[32];
    int n = backtrace(frames, 32);
    size_t used = (size_t)snprintf(out, REPORT_TEXT, "%s\n", what);
    for (int i = 1; i < n && used < REPORT_TEXT - 300; i++) {
        Dl_info at = {0};
        if (!dladdr(frames[i], &at) || !at.dli_fname) {
            used += (size_t)snprintf(out + used, REPORT_TEXT - used, "? %p\n", frames[i]);
            continue;
        }
        const char *base = strrchr(at.dli_fname, '/');
        used += (size_t)snprintf(
            out + used, REPORT_TEXT - used, "%.60s +0x%zx %.100s\n", base ? base + 1 : at.dli_fname,
            (size_t)((uintptr_t)frames[i] - (uintptr_t)at.dli_fbase), at.dli_sname ? at.dli_sname : "");
    }
}

static void crashed(int sig)
{
    char name[40];
    busy++;
    snprintf(name, sizeof name, "signal %d", sig);
    if (!wish.report->crash[0])
        tell_callers(wish.report->crash, name);
    signal(sig, SIG_DFL);
    raise(sig);
}

/* ---- deciding ---- */

/* Whether this call, one of the kinds in `possible`, is the one that fails. */
static bool strikes(unsigned possible, const char *name)
{
    if (!wish.ready || busy || !(possible & BIT(wish.kind)))
        return false;
    uint64_t n = atomic_fetch_add(&wish.report->calls, 1) + 1;
    if (wish.at == 0 || (wish.sticky ? n < wish.at : n != wish.at))
        return false;
    if (atomic_fetch_add(&wish.report->failed, 1) == 0) {
        busy++;
        tell_callers(wish.report->fault, name);
        busy--;
    }
    return true;
}

static bool refused(unsigned possible, const char *name)
{
    if (!strikes(possible, name))
        return false;
    errno = kinds[wish.kind].error;
    return true;
}

static int program_text(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    wish.base = info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        if (h->p_type == PT_LOAD && (h->p_flags & PF_X)) {
            wish.text_from = info->dlpi_addr + h->p_vaddr;
            wish.text_to = wish.text_from + h->p_memsz;
        }
    }
    return 1; /* the program comes first; the rest does not matter */
}

static bool read_wish(char *text)
{
    char *rest = text, *kind = strsep(&rest, ":"), *at = strsep(&rest, ":"), *word;
    char *end = NULL;
    for (enum kind k = KIND_NONE; k < KIND_COUNT; k++)
        if (strcmp(kinds[k].name, kind) == 0)
            wish.kind = k;
    wish.at = at ? strtoull(at, &end, 10) : 0;
    if (wish.kind == KIND_NONE || !at || end == at || *end)
        return false;
    while ((word = strsep(&rest, ":"))) {
        if (strcmp(word, "sticky") == 0)
            wish.sticky = true;
        else if (strcmp(word, "own") == 0)
            wish.own = true;
        else
            return false;
    }
    return true;
}

static struct report *open_report(const char *path)
{
    if (!path)
        return &nowhere;
    int fd = TRUE(open)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *p = MAP_FAILED;
    if (fd >= 0 && TRUE(ftruncate)(fd, sizeof(struct report)) == 0)
        p = mmap(NULL, sizeof(struct report), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        TRUE(close)(fd);
    return p == MAP_FAILED ? NULL : p;
}

__attribute__((constructor)) static void begin(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    const char *asked = getenv("SLUICE_INJECT");
    char text[100];
    void *warm[2];

    if (!asked)
        return;
    busy++;
    (void)backtrace(warm, 2); /* loads what it needs now */
    dl_iterate_phdr(program_text, NULL);
    snprintf(text, sizeof text, "%s", asked);
    wish.report = open_report(getenv("SLUICE_INJECT_REPORT"));
    if (!wish.report || !read_wish(text) || (wish.kind == KIND_CUT && !power_begin(getenv("SLUICE_INJECT_ROOT")))) {
        fputs("inject: SLUICE_INJECT must be KIND:N[:sticky][:own]; cut needs SLUICE_INJECT_ROOT\n", stderr);
        _exit(71);
    }
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], crashed);
    unsetenv("LD_PRELOAD"); /* what the program starts is not under attack */
    wish.ready = true;
    busy--;
}

/* ---- memory ---- */

static bool is_own(const void *caller)
{
    return (uintptr_t)caller >= wish.text_from && (uintptr_t)caller < wish.text_to;
}

static bool no_memory(const void *caller, const char *name)
{
    if (wish.own && !is_own(caller))
        return false;
    return refused(BIT(KIND_MEM), name);
}

#define CALLER __builtin_return_address(0)

/* While a true function is looked up the linker may ask for a little; it is never given back. */
static char early[4096];
static size_t early_used;

static void *early_alloc(size_t n)
{
    size_t from = early_used;
    early_used += (n + 15) & ~(size_t)15;
    return early_used <= sizeof early ? early + from : NULL;
}

/* Blocks of our own code that are in use, by address; probed in a row. */
#define MOST_BLOCKS ((size_t)1 << 17)
#define GONE        ((void *)1)

static struct {
    void *at;
    const void *caller;
} blocks[MOST_BLOCKS];
static pthread_mutex_t blocks_mutex = PTHREAD_MUTEX_INITIALIZER;

static void *note(void *p, const void *caller)
{
    if (!p || !wish.ready || busy || !is_own(caller))
        return p;
    pthread_mutex_lock(&blocks_mutex);
    size_t i = ((uintptr_t)p >> 4) * 0x9E3779B1u % MOST_BLOCKS;
    for (size_t tries = 0; tries < MOST_BLOCKS && blocks[i].at && blocks[i].at != GONE; tries++)
        i = (i + 1) % MOST_BLOCKS;
    blocks[i].at = p;
    blocks[i].caller = caller;
    pthread_mutex_unlock(&blocks_mutex);
    return p;
}

static void unnote(const void *p)
{
    if (!p || !wish.ready)
        return;
    pthread_mutex_lock(&blocks_mutex);
    size_t i = ((uintptr_t)p >> 4) * 0x9E3779B1u % MOST_BLOCKS;
    for (size_t tries = 0; tries < MOST_BLOCKS && blocks[i].at && blocks[i].at != p; tries++)
        i = (i + 1) % MOST_BLOCKS;
    if (blocks[i].at == p)
        blocks[i].at = GONE;
    pthread_mutex_unlock(&blocks_mutex);
}

__attribute__((destructor)) static void tell_kept(void)
{
    size_t used = 0;
    if (!wish.ready)
        return;
    wish.ready = false;
    for (size_t i = 0; i < MOST_BLOCKS && used < REPORT_TEXT - 100; i++)
        if (blocks[i].at && blocks[i].at != GONE)
            used += (size_t)snprintf(wish.report->kept + used, REPORT_TEXT - used, "sluice +0x%zx\n",
                                     (size_t)((uintptr_t)blocks[i].caller - wish.base));
}

void *malloc(size_t n)
{
    if (looking)
        return early_alloc(n);
    return no_memory(CALLER, "malloc") ? NULL : note(TRUE(malloc)(n), CALLER);
}

void *calloc(size_t n, size_t each)
{
    if (looking)
        return early_alloc(n * each);
    return no_memory(CALLER, "calloc") ? NULL : note(TRUE(calloc)(n, each), CALLER);
}

void *realloc(void *p, size_t n)
{
    if (no_memory(CALLER, "realloc"))
        return NULL;
    unnote(p);
    return note(TRUE(realloc)(p, n), CALLER);
}

void free(void *p)
{
    if ((char *)p >= early && (char *)p < early + sizeof early)
        return;
    unnote(p);
    TRUE(free)(p);
}

int posix_memalign(void **ret, size_t align, size_t n)
{
    return no_memory(CALLER, "posix_memalign") ? ENOMEM : TRUE(posix_memalign)(ret, align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return no_memory(CALLER, "aligned_alloc") ? NULL : note(TRUE(aligned_alloc)(align, n), CALLER);
}

/* ---- files ---- */

#define CUTS    BIT(KIND_CUT)
#define OPENING (BIT(KIND_EIO) | BIT(KIND_EMFILE) | BIT(KIND_EINTR))
#define MAKING  (BIT(KIND_EIO) | BIT(KIND_ENOSPC))
#define ASKING  BIT(KIND_EIO)
#define READING (BIT(KIND_EIO) | BIT(KIND_EINTR))
#define WRITING (BIT(KIND_EIO) | BIT(KIND_ENOSPC) | BIT(KIND_EINTR))
#define SYNCING (BIT(KIND_EIO) | BIT(KIND_ENOSPC) | BIT(KIND_FSYNC))

/* Runs `first`, which tells the other half what is coming, if the power is to go one day and the file is watched; the
 * power goes now if this is the call. */
#define POWER(watched, name, first)                                                                                    \
    do {                                                                                                               \
        if (wish.kind == KIND_CUT && wish.ready && !busy) {                                                            \
            busy++;                                                                                                    \
            bool ours_ = watched;                                                                                      \
            busy--;                                                                                                    \
            if (ours_ && strikes(CUTS, name)) {                                                                        \
                busy++;                                                                                                \
                power_cut();                                                                                           \
            }                                                                                                          \
            busy++;                                                                                                    \
            if (ours_)                                                                                                 \
                first;                                                                                                 \
            busy--;                                                                                                    \
        }                                                                                                              \
    } while (0)

static int open_at(int dir, const char *path, int flags, mode_t mode, const char *name)
{
    if (refused(OPENING | (flags & O_CREAT ? BIT(KIND_ENOSPC) : 0), name))
        return -1;
    POWER((flags & O_CREAT) && faccessat(dir, path, F_OK, 0) != 0 && power_watches(dir, path), name,
          power_creates(dir, path));
    return TRUE(openat)(dir, path, flags, mode);
}

#define OPEN_FUNCTION(name, dir, ...)                                                                                  \
    int name(__VA_ARGS__, int flags, ...)                                                                              \
    {                                                                                                                  \
        va_list ap;                                                                                                    \
        va_start(ap, flags);                                                                                           \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;                                        \
        va_end(ap);                                                                                                    \
        return open_at(dir, path, flags, mode, #name);                                                                 \
    }
OPEN_FUNCTION(open, AT_FDCWD, const char *path)
OPEN_FUNCTION(open64, AT_FDCWD, const char *path)
OPEN_FUNCTION(openat, at, int at, const char *path)
OPEN_FUNCTION(openat64, at, int at, const char *path)

int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0, "open");
}

int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0, "open");
}

/* What is possible on this descriptor. Only a disk says EIO and ENOSPC: on a pipe or an eventfd a library is right to
 * call it impossible and abort, and so it is with a half of their few bytes. */
static unsigned on(int fd, unsigned possible)
{
    struct stat st;
    if (!wish.ready || busy || !(possible & BIT(wish.kind)) || wish.kind == KIND_EINTR || wish.kind == KIND_ECONNRESET)
        return possible;
    if (TRUE(fstat)(fd, &st) != 0)
        return 0;
    if (wish.kind == KIND_SHORT)
        return S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode) ? possible : 0;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? possible : 0;
}

/* A function that fails or is passed on. */
#define PASSED(type, name, possible, params, args)                                                                     \
    type name params                                                                                                   \
    {                                                                                                                  \
        return refused(possible, #name) ? -1 : TRUE(name) args;                                                        \
    }

/* The same for reads: those of a half as well. */
#define READ(name, possible, params, args, half_args)                                                                  \
    ssize_t name params                                                                                                \
    {                                                                                                                  \
        if (refused(on(fd, possible), #name))                                                                          \
            return -1;                                                                                                 \
        return n > 1 && strikes(on(fd, BIT(KIND_SHORT)), #name) ? TRUE(name) half_args : TRUE(name) args;              \
    }

/* And for writes: those may be lost. */
#define WRITE(name, at, params, args, half_args)                                                                       \
    ssize_t name params                                                                                                \
    {                                                                                                                  \
        if (refused(on(fd, WRITING), #name))                                                                           \
            return -1;                                                                                                 \
        POWER(power_watches_fd(fd), #name, power_writes(fd, at, n));                                                   \
        return n > 1 && strikes(on(fd, BIT(KIND_SHORT)), #name) ? TRUE(name) half_args : TRUE(name) args;              \
    }

READ(read, READING, (int fd, void *p, size_t n), (fd, p, n), (fd, p, n / 2))
READ(pread, READING, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), (fd, p, n / 2, at))
READ(pread64, READING, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), (fd, p, n / 2, at))
WRITE(write, -1, (int fd, const void *p, size_t n), (fd, p, n), (fd, p, n / 2))
WRITE(pwrite, at, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at), (fd, p, n / 2, at))
WRITE(pwrite64, at, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at), (fd, p, n / 2, at))

/* SQLite synchronizes folders and does not look at what comes of it, on purpose. */
static bool is_folder_of_others(int fd, const void *caller)
{
    struct stat st;
    return !is_own(caller) && TRUE(fstat)(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A sync that was refused leaves what was not synchronized as it is: nothing is forgotten. */
#define SYNC(name)                                                                                                     \
    int name(int fd)                                                                                                   \
    {                                                                                                                  \
        if (refused(is_folder_of_others(fd, CALLER) ? 0 : SYNCING, #name))                                             \
            return -1;                                                                                                 \
        POWER(power_watches_fd(fd), #name, if (!getenv("SLUICE_INJECT_NOSYNC")) power_syncs(fd));                      \
        return wish.kind == KIND_CUT ? 0 : TRUE(name)(fd);                                                             \
    }
SYNC(fsync)
SYNC(fdatasync)

#define TRUNCATE(name)                                                                                                 \
    int name(int fd, off_t size)                                                                                       \
    {                                                                                                                  \
        if (refused(WRITING, #name))                                                                                   \
            return -1;                                                                                                 \
        POWER(power_watches_fd(fd), #name, power_cuts_short(fd));                                                      \
        return TRUE(name)(fd, size);                                                                                   \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

int renameat(int from_at, const char *from, int to_at, const char *to)
{
    if (refused(MAKING, "renameat"))
        return -1;
    POWER(power_watches(from_at, from), "renameat", power_renames(from_at, from, to_at, to));
    return TRUE(renameat)(from_at, from, to_at, to);
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int unlinkat(int at, const char *path, int flags)
{
    if (refused(ASKING, "unlinkat"))
        return -1;
    POWER(!(flags & AT_REMOVEDIR) && power_watches(at, path), "unlinkat", power_unlinks(at, path));
    return TRUE(unlinkat)(at, path, flags);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int mkdirat(int at, const char *path, mode_t mode)
{
    if (refused(MAKING, "mkdirat"))
        return -1;
    POWER(faccessat(at, path, F_OK, 0) != 0 && power_watches(at, path), "mkdirat", power_creates(at, path));
    return TRUE(mkdirat)(at, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int close(int fd)
{
    unsigned possible = on(fd, READING);
    int rc = TRUE(close)(fd);
    return refused(possible, "close") ? -1 : rc;
}

PASSED(int, fallocate, MAKING, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
PASSED(int, fallocate64, MAKING, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
PASSED(int, fstat, ASKING, (int fd, struct stat *st), (fd, st))
PASSED(int, fstat64, ASKING, (int fd, struct stat64 *st), (fd, st))
PASSED(int, stat, ASKING, (const char *restrict path, struct stat *restrict st), (path, st))
PASSED(int, stat64, ASKING, (const char *restrict path, struct stat64 *restrict st), (path, st))
PASSED(int, flock, ASKING | BIT(KIND_EINTR), (int fd, int how), (fd, how))

/* ---- sockets, waiting, threads ---- */

#define TALKING (BIT(KIND_ECONNRESET) | BIT(KIND_EINTR))

PASSED(int, socket, BIT(KIND_EMFILE), (int family, int type, int protocol), (family, type, protocol))
PASSED(int, connect, BIT(KIND_ECONNRESET) | BIT(KIND_EINTR), (int fd, const struct sockaddr *to, socklen_t n),
       (fd, to, n))
READ(recv, TALKING, (int fd, void *p, size_t n, int flags), (fd, p, n, flags), (fd, p, n / 2, flags))
READ(send, TALKING, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags), (fd, p, n / 2, flags))
PASSED(ssize_t, recvmsg, TALKING, (int fd, struct msghdr *m, int flags), (fd, m, flags))
PASSED(ssize_t, sendmsg, TALKING, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
PASSED(int, poll, BIT(KIND_EINTR), (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
PASSED(int, epoll_wait, BIT(KIND_EINTR), (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))
PASSED(int, epoll_pwait, BIT(KIND_EINTR), (int fd, struct epoll_event *e, int n, int ms, const sigset_t *mask),
       (fd, e, n, ms, mask))
PASSED(int, epoll_create1, BIT(KIND_EMFILE), (int flags), (flags))
PASSED(int, eventfd, BIT(KIND_EMFILE), (unsigned n, int flags), (n, flags))
PASSED(int, pipe2, BIT(KIND_EMFILE), (int ends[2], int flags), (ends, flags))

int pthread_create(pthread_t *restrict t, const pthread_attr_t *restrict how, void *(*run)(void *), void *restrict arg)
{
    return strikes(BIT(KIND_EAGAIN), "pthread_create") ? EAGAIN : TRUE(pthread_create)(t, how, run, arg);
}
