/* The one owner of "now". Time is an argument everywhere else: code asks a `struct clock`, tests turn its hands.
 * Wall time is in milliseconds since 1970-01-01 UTC; monotonic time, for waiting, in milliseconds from an
 * arbitrary start. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/err.h"
#include "base/str.h"

struct clock {
    int64_t (*wall_ms)(void *ctx);
    int64_t (*mono_ms)(void *ctx);
    void *ctx;
    void (*pause_ms)(void *ctx, int64_t ms); /* lets time pass; NULL: the thread sleeps */
};

extern const struct clock clock_system;
static inline int64_t clock_wall(const struct clock *c)
{
    return c->wall_ms(c->ctx);
}
static inline int64_t clock_mono(const struct clock *c)
{
    return c->mono_ms(c->ctx);
}

/* Waits on the calling thread; not for loops that have timers. */
void clock_pause(const struct clock *c, int64_t ms);

/* Civil time. A zone is an IANA name ("Asia/Shanghai"), "UTC" or a fixed offset ("+08:00"). Opaque, immutable,
 * thread-safe once made; daylight saving is right. Reads the system's zone files (RFC 8536). */
struct zone;
enum err zone_open(struct str name, struct zone **ret, struct errinfo *ei) MUST_USE; /* ERR_CONFIG: unknown zone */
void zone_free(struct zone *z);
const char *zone_name(const struct zone *z);

struct civil {
    int year, month, day, hour, minute, second; /* month and day from 1 */
    int offset_s;                               /* seconds east of UTC */
    int weekday, yearday;                       /* 0 = Sunday; 0 = 1 January */
};
void civil_from_unix(const struct zone *z, int64_t unix_s, struct civil *ret);
/* Unix seconds of a civil time in a zone (fields may be out of range and are carried, as mktime does). In a gap of
 * daylight saving: the instant that the clock jumps to; where an hour repeats: the first. */
int64_t civil_to_unix(const struct zone *z, const struct civil *c);

/* "2026-03-01 08:30:00", "2026-03-01T08:30:00[.fff][Z|±hh:mm]", "2026-03-01", "2026/03/01 08:30", in the zone unless it
 * names an offset. Strict on ranges: no 24:00, no 30 February; ":60" is refused. False when it is not a time. */
bool time_parse(struct str s, const struct zone *z, int64_t *ret_unix_ms);

#define TIME_TEXT 40
size_t time_datetime(const struct zone *z, int64_t unix_s, char out[TIME_TEXT]); /* 2026-03-01 08:30:00 */
/* 2026-03-01T08:30:00+08:00; with .fff when it has any */
size_t time_rfc3339(const struct zone *z, int64_t unix_ms, char out[TIME_TEXT]);
size_t time_iso_basic_date(const struct zone *z, int64_t unix_s, char out[TIME_TEXT]); /* 2026-03-01 */
/* strftime in the C locale with %Y %m %d %H %M %S %y %j %e %I %p %a %A %b %B %w %u %s %z %Z %T %F %R %% only; false on
 * any other, or when it needs more than `cap`. */
bool time_strftime(const struct zone *z, int64_t unix_s, struct str pattern, char *out, size_t cap, size_t *ret_n);
/* HTTP dates (RFC 9110 5.6.7, all three forms) → unix seconds. */
bool time_parse_http(struct str s, int64_t *ret_unix_s);

#endif
