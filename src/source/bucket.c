/* Even spacing instead of bursts: a call may be sent when the "theoretical arrival time" of the next place has come; taking a place moves that time on by one interval. The interval is five percent longer than
 * the quota's, so that the jitter of the network cannot push two calls into one place of the upstream's count.
 *
 * The time stands in eight bytes of a small file that every process of the project maps and changes by compare-and-swap: nanoseconds of the boot clock, which all processes of the machine share and which a
 * reboot sets back to less than what may stand in the file; a value further ahead than an hour is therefore taken as stale. A new process starts one interval late, so that a crashed one's last call counts. */
#include "source/bucket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MARGIN_PERCENT 5
#define STALE_NS 3600000000000ll

struct bucket {
    int64_t interval_ns; /* 0: unlimited */
    int64_t calls, per_ms;
    _Atomic int64_t *next_ns;
    _Atomic int64_t own;
    bool mapped;
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum err map_file(struct bucket *b, const char *dir, struct str connection, struct errinfo *ei)
{
    char path[1024];
    int fd;
    void *p;

    snprintf(path, sizeof path, "%s", dir);
    if (mkdir(path, 0700) && errno != EEXIST)
        return fail(ei, ERR_DISK, "%s: %s", path, strerror(errno));
    snprintf(path, sizeof path, "%s/" STR_FMT, dir, STR_ARG(connection));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail(ei, ERR_DISK, "%s: %s", path, strerror(errno));
    if (ftruncate(fd, (off_t)sizeof(int64_t))) {
        fail(ei, ERR_DISK, "%s: %s", path, strerror(errno));
        close(fd);
        return ERR_DISK;
    }
    p = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return fail(ei, ERR_DISK, "%s: %s", path, strerror(errno));
    b->next_ns = p;
    b->mapped = true;
    return OK;
}

static int64_t place_after(int64_t next, int64_t now)
{
    return next > now && next < now + STALE_NS ? next : now;
}

enum err bucket_open(const char *dir, struct str connection, int64_t calls, int64_t per_ms, struct bucket **ret, struct errinfo *ei)
{
    struct bucket *b = mem_zero(sizeof *b);
    int64_t next;

    b->calls = calls;
    b->per_ms = per_ms;
    b->next_ns = &b->own;
    if (calls > 0 && per_ms > 0)
        b->interval_ns = per_ms * 10000 * (100 + MARGIN_PERCENT) / calls;
    if (dir && b->interval_ns) {
        enum err e = map_file(b, dir, connection, ei);

        if (e) {
            free(b);
            return e;
        }
    }
    if (b->interval_ns) {
        int64_t first = now_ns() + b->interval_ns;

        next = atomic_load(b->next_ns);
        while (place_after(next, first) == first && next != first && !atomic_compare_exchange_weak(b->next_ns, &next, first))
            continue;
    }
    *ret = b;
    return OK;
}

void bucket_close(struct bucket *b)
{
    if (!b)
        return;
    if (b->mapped)
        munmap((void *)b->next_ns, sizeof(int64_t));
    free(b);
}

int64_t bucket_take_ms(struct bucket *b)
{
    int64_t now = now_ns(), next, place;

    if (!b->interval_ns)
        return 0;
    next = atomic_load(b->next_ns);
    do
        place = place_after(next, now);
    while (!atomic_compare_exchange_weak(b->next_ns, &next, place + b->interval_ns));
    return (place - now + 999999) / 1000000;
}

void bucket_hold_ms(struct bucket *b, int64_t ms)
{
    int64_t until = now_ns() + ms * 1000000, next;

    if (!b->interval_ns)
        return;
    next = atomic_load(b->next_ns);
    while (place_after(next, until) == until && next != until && !atomic_compare_exchange_weak(b->next_ns, &next, until))
        continue;
}

int64_t bucket_left(const struct bucket *b)
{
    int64_t now = now_ns(), ahead;

    if (!b->interval_ns)
        return -1;
    ahead = place_after(atomic_load(b->next_ns), now) - now;
    ahead = b->calls - ahead / b->interval_ns;
    return ahead > 0 ? ahead : 0;
}
