/* What the ordinary runs missed, because it became visible later than lag and overlap cover, is found by reading again:
 * a wide range rarely, a narrow one often. A tier reads from `back` before now to the cursor; the remedy what its
 * takeOverRequest says, when its crontab came up.
 *
 * A tier never moves the cursor, stands behind the main schedule, and spends only calls that are left over: its calls
 * leave every second place of the quota free and wait while anybody else of the connection is waiting
 * (bucket_spare_ms). */
#include "run/tiers.h"

#include "run/schedule.h"

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

int64_t tier_next_ms(const struct flow *f, size_t i, int64_t last_ms)
{
    struct crontab c;
    const char *why;

    if (i != tiers_remedy(f))
        return last_ms + f->integration->tiers[i].every_ms;
    if (!crontab_parse(f->integration->source_doc->remedy_crontab, &c, &why))
        return INT64_MAX;
    return c.every_ms ? last_ms + c.every_ms : schedule_next(&c, f->project->zone, last_ms);
}

bool tier_due(const struct flow *f, size_t i, int64_t last_ms, int64_t now_ms)
{
    return tier_next_ms(f, i, last_ms) <= now_ms;
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
