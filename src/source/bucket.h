/* The quota of one connection and its clock.
 *
 * Quota: calls are spaced evenly (generic cell rate algorithm) a little below the allowed rate, so that neither a token
 * bucket nor a sliding window of the upstream is ever overrun, also when several processes share the connection: the
 * time of the next free place stands in a small shared file, changed by compare-and-swap. */
#ifndef SOURCE_BUCKET_H
#define SOURCE_BUCKET_H

#include "base/clock.h"
#include "base/err.h"
#include "source/health.h"

struct bucket;
/* `dir`: where the shared file lives (.sluice/quota), NULL: this process alone. calls 0: unlimited. ERR_DISK. */
enum err bucket_open(const char *dir, struct str connection, int64_t calls, int64_t per_ms, struct bucket **ret,
                     struct errinfo *ei) MUST_USE;
/* Says which upstream this is (a hash of its addresses): another than the last begins healthy, so that who has mended a
 * wrong address need not wait for the old one's circuit. */
void bucket_upstream(struct bucket *b, uint64_t upstream);
void bucket_close(struct bucket *b); /* NULL is fine */
/* Takes the next place: milliseconds to wait before the call may be sent (0: now). */
int64_t bucket_take_ms(struct bucket *b);
/* Takes the next place only if nobody else wants it: none is taken that has not come, none waits, and the one before is
 * two places ago. So at most half of the rate is spent, and none of what others need. 0: taken, the call may be sent;
 * else milliseconds after which to ask again. */
int64_t bucket_spare_ms(struct bucket *b);
/* The upstream said slow down: no place before `ms` from now, for all who share it. */
void bucket_hold_ms(struct bucket *b, int64_t ms);
/* Is it held back now? Asked again when a place has come: a hold may have begun since it was taken. */
bool bucket_is_held(const struct bucket *b);
/* Calls that could still be made within the running period, for people. -1: unlimited. */
int64_t bucket_left(const struct bucket *b);
/* The connection's health, in the same shared file, and the clock that it counts on. */
struct health *bucket_health(struct bucket *b);
int64_t bucket_now_ms(void);
/* The health as the shared file tells it, without opening it for more; healthy when there is no file, or it is of an
 * earlier boot. */
void bucket_peek(const char *dir, struct str connection, struct health_state *ret);

/* The source's clock as its Date headers show it: offset to ours, smoothed; least round trip counts most. Thread-safe.
 */
struct remote_clock;
struct remote_clock *remote_clock_new(const struct clock *local);
void remote_clock_free(struct remote_clock *r);
/* A Date header that came `age_ms` ago, `trip_ms` after its request was sent. */
void remote_clock_learn(struct remote_clock *r, int64_t date_s, int64_t trip_ms, int64_t age_ms);
void remote_clock_force(struct remote_clock *r, int64_t date_s, int64_t age_ms); /* after "timestamp invalid" */
void remote_clock_set_offset(struct remote_clock *r, int64_t offset_ms);         /* as remembered from an earlier run */
/* The last sample was far off and waits for a second one. */
bool remote_clock_doubted(const struct remote_clock *r);
bool remote_clock_known(const struct remote_clock *r);
int64_t remote_clock_offset_ms(const struct remote_clock *r);
int64_t remote_clock_now_ms(const struct remote_clock *r);

#endif
