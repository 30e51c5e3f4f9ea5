/* Even spacing instead of bursts: a call may be sent when the "theoretical arrival time" of the next place has come;
 * taking a place moves that time on by one interval. The interval is five percent longer than the quota's, so that the
 * jitter of the network cannot push two calls into one place of the upstream's count.
 *
 * The time stands in a small file that every process of the project maps and changes by compare-and-swap: nanoseconds
 * of the boot clock, which all processes of the machine share. The file names the boot that it counts from; after a
 * restart of the machine it begins anew, a little late, because the last calls before it still count upstream. A value
 * that is further ahead than any queue of ours could put it is damage, and taken as now.
 *
 * A hold ("slow down") is a second time in the same file: places taken before it began are given back by asking again.
 * Behind them stands the health of the connection (health.c), which counts on the same clock. */
#include "source/bucket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARGIN_PERCENT 5
#define BOOT_ID_BYTES  40
#define NS_PER_MS      1000000ll
#define LATE_MAX_NS    (10000 * NS_PER_MS)
#define HOLD_MAX_NS    (2 * 3600000 * NS_PER_MS)
#define PER_MAX_MS     (31 * 86400000ll)
#define QUEUE_MAX      1000 /* calls of this machine that wait at once */

/* What the file holds. */
struct shared {
    char boot[BOOT_ID_BYTES];
    _Atomic int64_t next_ns, held_ns;
    _Atomic uint64_t upstream; /* whose health it is */
    struct health health;
};

struct bucket {
    int64_t interval_ns; /* 0: unlimited */
    int64_t calls;
    struct shared own, *shared;
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void read_boot_id(char out[BOOT_ID_BYTES])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    memset(out, 0, BOOT_ID_BYTES);
    if (fd < 0)
        return;
    if (read(fd, out, BOOT_ID_BYTES - 1) < 0)
        memset(out, 0, BOOT_ID_BYTES);
    close(fd);
}

/* The moment that the file names, if it can be one of ours; else now. */
static int64_t not_before(int64_t at, int64_t now, int64_t ahead_max)
{
    return at > now && at - now <= ahead_max ? at : now;
}

static int64_t ahead_max_ns(const struct bucket *b)
{
    return HOLD_MAX_NS + QUEUE_MAX * b->interval_ns;
}

static void begin_anew(const struct bucket *b, struct shared *s, const char boot[BOOT_ID_BYTES])
{
    int64_t late = b->interval_ns < LATE_MAX_NS ? b->interval_ns : LATE_MAX_NS;

    memcpy(s->boot, boot, BOOT_ID_BYTES);
    atomic_store(&s->next_ns, now_ns() + late);
    atomic_store(&s->held_ns, 0);
    memset(&s->health, 0, sizeof s->health);
}

/* Under the file's lock: makes it as long as it must be, with blocks behind it (a hole in a full disk would be a signal
 * later). */
static int prepare(struct bucket *b, int fd)
{
    char boot[BOOT_ID_BYTES];
    void *p;
    int e = posix_fallocate(fd, 0, (off_t)sizeof(struct shared));

    if (e)
        return e;
    p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return errno;
    b->shared = p;
    read_boot_id(boot);
    if (memcmp(b->shared->boot, boot, BOOT_ID_BYTES) != 0)
        begin_anew(b, b->shared, boot);
    return 0;
}

static bool path_of(const char *dir, struct str connection, char *out, size_t cap)
{
    return (size_t)snprintf(out, cap, "%s/" STR_FMT, dir, STR_ARG(connection)) < cap;
}

static enum err map_file(struct bucket *b, const char *dir, struct str connection, struct errinfo *ei)
{
    char path[4096];
    int fd, e;

    if (mkdir(dir, 0700) && errno != EEXIST)
        return fail(ei, ERR_DISK, "%s: %s", dir, strerror(errno));
    if (!path_of(dir, connection, path, sizeof path))
        return fail(ei, ERR_DISK, "%s: the path is too long", dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(ei, ERR_DISK, "%s: %s", path, strerror(errno));
    e = flock(fd, LOCK_EX) ? errno : prepare(b, fd);
    (void)flock(fd, LOCK_UN); /* the mapping keeps the file open, and with it the lock */
    close(fd);
    return e ? fail(ei, ERR_DISK, "%s: %s", path, strerror(e)) : OK;
}

enum err bucket_open(const char *dir, struct str connection, int64_t calls, int64_t per_ms, struct bucket **ret,
                     struct errinfo *ei)
{
    struct bucket *b = mem_zero(sizeof *b);
    char boot[BOOT_ID_BYTES] = {0};

    b->calls = calls;
    b->shared = &b->own;
    if (calls > 0 && per_ms > 0)
        b->interval_ns = (per_ms < PER_MAX_MS ? per_ms : PER_MAX_MS) * NS_PER_MS / 100 * (100 + MARGIN_PERCENT) / calls;
    if (dir) {
        enum err e = map_file(b, dir, connection, ei);

        if (e) {
            free(b);
            return e;
        }
    } else {
        begin_anew(b, &b->own, boot);
    }
    *ret = b;
    return OK;
}

void bucket_upstream(struct bucket *b, uint64_t upstream)
{
    if (atomic_exchange(&b->shared->upstream, upstream) != upstream)
        memset(&b->shared->health, 0, sizeof b->shared->health);
}

void bucket_close(struct bucket *b)
{
    if (!b)
        return;
    if (b->shared != &b->own)
        munmap(b->shared, sizeof *b->shared);
    free(b);
}

static int64_t held_until(const struct bucket *b, int64_t now)
{
    return not_before(atomic_load(&b->shared->held_ns), now, HOLD_MAX_NS);
}

int64_t bucket_take_ms(struct bucket *b)
{
    int64_t now = now_ns(), place = held_until(b, now), next;

    if (b->interval_ns) {
        next = atomic_load(&b->shared->next_ns);
        do {
            place = not_before(next, now, ahead_max_ns(b));
            if (place < held_until(b, now))
                place = held_until(b, now);
        } while (!atomic_compare_exchange_weak(&b->shared->next_ns, &next, place + b->interval_ns));
    }
    return (place - now + NS_PER_MS - 1) / NS_PER_MS;
}

int64_t bucket_spare_ms(struct bucket *b)
{
    int64_t now = now_ns(), free_at = held_until(b, now), next = atomic_load(&b->shared->next_ns), after;

    if (b->interval_ns) {
        after = not_before(next, now - b->interval_ns, ahead_max_ns(b) + b->interval_ns) + b->interval_ns;
        free_at = after > free_at ? after : free_at;
    }
    if (free_at > now)
        return (free_at - now + NS_PER_MS - 1) / NS_PER_MS;
    if (b->interval_ns && !atomic_compare_exchange_strong(&b->shared->next_ns, &next, now + b->interval_ns))
        return 1; /* somebody was quicker */
    return 0;
}

void bucket_hold_ms(struct bucket *b, int64_t ms)
{
    int64_t now = now_ns(), until, held = atomic_load(&b->shared->held_ns);

    if (ms <= 0)
        return;
    until = now + (ms < HOLD_MAX_NS / NS_PER_MS ? ms * NS_PER_MS : HOLD_MAX_NS);
    while (not_before(held, now, HOLD_MAX_NS) < until)
        if (atomic_compare_exchange_weak(&b->shared->held_ns, &held, until))
            break;
}

bool bucket_is_held(const struct bucket *b)
{
    int64_t now = now_ns();

    return held_until(b, now) > now;
}

int64_t bucket_left(const struct bucket *b)
{
    int64_t now = now_ns(), ahead;

    if (!b->interval_ns)
        return -1;
    ahead = not_before(atomic_load(&b->shared->next_ns), now, ahead_max_ns(b)) - now;
    ahead = b->calls - ahead / b->interval_ns;
    return ahead > 0 ? ahead : 0;
}

struct health *bucket_health(struct bucket *b)
{
    return &b->shared->health;
}

int64_t bucket_now_ms(void)
{
    return now_ns() / NS_PER_MS;
}

void bucket_peek(const char *dir, struct str connection, struct health_state *ret)
{
    char path[4096], boot[BOOT_ID_BYTES];
    struct shared s = {.boot = ""};
    int fd = path_of(dir, connection, path, sizeof path) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;

    read_boot_id(boot);
    if (fd < 0 || read(fd, &s, sizeof s) != (ssize_t)sizeof s || memcmp(s.boot, boot, BOOT_ID_BYTES) != 0)
        memset(&s.health, 0, sizeof s.health);
    if (fd >= 0)
        close(fd);
    health_look(&s.health, bucket_now_ms(), ret);
}
