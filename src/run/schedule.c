/* Walks through the instants that could be due, minute by minute, in leaps: over a day that is not in the schedule to
 * the next one's beginning, over an hour that is not to the next hour. A leap never passes a change of the offset
 * unseen, since it ends where the clock shows a new day or hour; there the minutes that were left out are looked at.
 * Nine years hold every date that ever comes, 29 February around the year 2100 included. */
#include "run/schedule.h"

#include "base/plant.h"

#define MINUTE_S  60
#define HOUR_S    3600
#define DAY_S     86400
#define HORIZON_S (INT64_C(9) * 366 * DAY_S)
#define ALL_HOURS 0xffffffu

static bool day_matches(const struct crontab *c, const struct civil *t)
{
    bool day = c->days >> t->day & 1, weekday = c->weekdays >> t->weekday & 1;

    if (!(c->months >> t->month & 1))
        return false;
    return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

static bool minute_matches(const struct crontab *c, const struct civil *t)
{
    return day_matches(c, t) && c->hours >> t->hour & 1 && c->minutes >> t->minute & 1;
}

/* The same seconds as if the clock had never been moved. */
static int64_t shown_s(const struct civil *t, int64_t unix_s)
{
    return unix_s + t->offset_s;
}

/* Was a minute due that the clock left out between the minute before and this one? */
static bool left_out(const struct crontab *c, const struct zone *z, int64_t unix_s)
{
    struct civil now, before;

    if ((c->hours & ALL_HOURS) == ALL_HOURS)
        return false;
    civil_from_unix(z, unix_s, &now);
    civil_from_unix(z, unix_s - MINUTE_S, &before);
    for (int64_t s = shown_s(&before, unix_s - MINUTE_S) + MINUTE_S; s < shown_s(&now, unix_s); s += MINUTE_S) {
        struct civil t;

        civil_from_unix(NULL, s, &t);
        if (minute_matches(c, &t))
            return true;
    }
    return false;
}

static bool is_due(const struct crontab *c, const struct zone *z, int64_t unix_s, const struct civil *t)
{
    if (left_out(c, z, unix_s))
        return true;
    return minute_matches(c, t) && ((c->hours & ALL_HOURS) == ALL_HOURS || civil_to_unix(z, t) == unix_s);
}

/* The next instant worth looking at. */
static int64_t leap(const struct crontab *c, const struct zone *z, int64_t unix_s, const struct civil *t)
{
    struct civil next = {.year = t->year, .month = t->month, .day = t->day + 1};
    int64_t hour = unix_s + HOUR_S - t->minute * MINUTE_S - t->second, day;

    if (day_matches(c, t))
        return c->hours >> t->hour & 1 ? unix_s + MINUTE_S : hour;
    day = civil_to_unix(z, &next);
    return day > unix_s ? day : hour;
}

int64_t schedule_next(const struct crontab *c, const struct zone *z, int64_t after_ms)
{
    int64_t after_s = after_ms / 1000 - (after_ms % 1000 < 0);
    struct civil t;

    if (c->every_ms > 0)
        return after_ms + (PLANTED(skipped_turn) ? 2 : 1) * c->every_ms -
               ((after_ms % c->every_ms) + c->every_ms) % c->every_ms;
    civil_from_unix(z, after_s, &t);
    for (int64_t s = after_s + MINUTE_S - t.second; s < after_s + HORIZON_S; s = leap(c, z, s, &t)) {
        civil_from_unix(z, s, &t);
        if (is_due(c, z, s, &t))
            return s * 1000;
    }
    return INT64_MAX;
}
