/* What the ordinary runs missed, because it became visible later than lag and overlap cover, is found by reading again:
 * a wide range rarely, a narrow one often. A tier reads from `back` before now to the cursor; the remedy what its
 * takeOverRequest says, when its crontab came up.
 *
 * A tier never moves the cursor, stands behind the main schedule, and spends only calls that are left over: its calls
 * leave every second place of the quota free and wait while anybody else of the connection is waiting
 * (bucket_spare_ms). */
#include "run/tiers.h"

#include "base/crontab.h"

#define LOOK_BACK_S (366 * 86400)

static size_t declared(const struct flow *f)
{
    return f->paging->kind == PAGE_CURSOR ? 0 : f->integration->n_tiers;
}

size_t tiers_count(const struct flow *f)
{
    return declared(f) + (f->remedy != NULL);
}

size_t tiers_remedy(const struct flow *f)
{
    return f->remedy ? declared(f) : SIZE_MAX;
}

struct str tier_fact(const struct flow *f, size_t i, struct arena *a)
{
    struct str name = f->integration->name;
    const struct reread *t;

    if (i == tiers_remedy(f))
        return arena_printf(a, "reread:remedy:" STR_FMT, STR_ARG(name));
    t = &f->integration->tiers[i];
    return arena_printf(a, "reread:%lld:%lld:" STR_FMT, (long long)t->every_ms, (long long)t->back_ms, STR_ARG(name));
}

static bool day_matches(const struct crontab *c, const struct civil *t)
{
    bool day = c->days >> t->day & 1, weekday = c->weekdays >> t->weekday & 1;

    return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

static bool matches(const struct crontab *c, const struct civil *t)
{
    return (c->minutes >> t->minute & 1) && (c->hours >> t->hour & 1) && (c->months >> t->month & 1) &&
           day_matches(c, t);
}

/* Did the schedule come up in (last, now]? */
static bool came_up(struct str text, const struct zone *z, int64_t last_s, int64_t now_s)
{
    struct crontab c;
    struct civil t;
    const char *why;

    if (!text.n || !crontab_parse(text, &c, &why))
        return false;
    if (c.every_ms)
        return now_s - last_s >= c.every_ms / 1000;
    if (last_s < now_s - LOOK_BACK_S)
        last_s = now_s - LOOK_BACK_S;
    for (int64_t at = last_s / 60 * 60 + 60; at <= now_s; at += 60) {
        civil_from_unix(z, at, &t);
        if (matches(&c, &t))
            return true;
    }
    return false;
}

bool tier_due(const struct flow *f, size_t i, int64_t last_ms, int64_t now_ms)
{
    if (i == tiers_remedy(f))
        return came_up(f->integration->source_doc->remedy_crontab, f->project->zone, last_ms / 1000, now_ms / 1000);
    return now_ms - last_ms >= f->integration->tiers[i].every_ms;
}

bool tier_job(const struct flow *f, size_t i, const struct tier_times *t, struct job *ret)
{
    const struct integration *in = f->integration;

    if (i == tiers_remedy(f)) {
        *ret = (struct job){
            .purpose = PURPOSE_REMEDY, .request = f->remedy, .from_s = t->cursor_s, .to_s = t->edge_s, .spare = true};
        return true;
    }
    *ret = (struct job){.purpose = PURPOSE_REREAD,
                        .request = f->request,
                        .from_s = t->now_s - in->tiers[i].back_ms / 1000,
                        .to_s = t->cursor_s < t->edge_s ? t->cursor_s : t->edge_s,
                        .spare = true};
    if (in->has_start && ret->from_s < in->start_s)
        ret->from_s = in->start_s;
    return ret->from_s <= ret->to_s;
}
