/* When a schedule is due next. Pure: time is an argument. */
#ifndef RUN_SCHEDULE_H
#define RUN_SCHEDULE_H

#include "base/clock.h"
#include "base/crontab.h"

/* The first moment after `after_ms` (unix milliseconds) at which the schedule is due, in the zone (NULL: UTC);
 * INT64_MAX: never. "@every" counts from 1970, so that a restart does not shift it.
 *
 * Where the clock jumps forward, what was due in the hour that is left out is due once, when it has jumped; where an
 * hour comes twice, it is due in the first. Schedules of every hour follow the time that passes instead: nothing is
 * made up for, and both hours count (as in cron(8) of Vixie). */
int64_t schedule_next(const struct crontab *c, const struct zone *z, int64_t after_ms);

#endif
