/* The system's clock: the one place that asks for the time.
 *
 * Wall time may jump (an administrator, NTP); monotonic time does not and is what waiting is measured by.
 * The calendar is in civil.c, zones are in zone.c and tzrule.c, texts in timeparse.c and timefmt.c. */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_REALTIME);
}

static int64_t mono_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_MONOTONIC);
}

const struct clock clock_system = {.wall_ms = wall_ms, .mono_ms = mono_ms};

void clock_pause(const struct clock *c, int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    if (c->pause_ms)
        c->pause_ms(c->ctx, ms);
    else
        while (nanosleep(&t, &t) && errno == EINTR)
            ;
}
