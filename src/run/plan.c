/* Ordinary runs read from the cursor (less the overlap, but never before `start`) to now less the lag, then the open
 * gaps. When now lies before all that, our clock may be behind: one second of what was read before is read again, so
 * that a reply tells the source's time; without it a run would call nobody, and never learn. A remedy reads what its
 * takeOverRequest says, a backfill the range asked for; neither moves the cursor. When there are more gaps than a run
 * takes, the rest is left to the next. */
#include "run/plan.h"

#include "base/plant.h"

static void add(struct plan *p, struct job j)
{
    if (p->n < PLAN_JOBS_MAX)
        p->jobs[p->n++] = j;
}

static void add_main(const struct plan_input *in, struct plan *p, int64_t from_s, int64_t to_s)
{
    add(p, (struct job){.purpose = PURPOSE_MAIN, .request = in->flow->request, .from_s = from_s, .to_s = to_s});
}

static void plan_times(const struct plan_input *in, struct plan *p)
{
    const struct integration *i = in->flow->integration;
    int64_t from_s = in->cursor_s - (PLANTED(no_overlap) ? 0 : i->overlap_ms / 1000);

    if (i->has_start && from_s < i->start_s)
        from_s = i->start_s < in->cursor_s ? i->start_s : in->cursor_s;
    add_main(in, p, from_s, p->edge_s < from_s && !PLANTED(no_question) ? from_s : p->edge_s);
}

/* A growing cursor is a value of the records, no time. */
static void plan_main(const struct plan_input *in, struct plan *p)
{
    p->from_s = in->cursor_s;
    p->to_s = p->edge_s;
    if (in->flow->paging->kind == PAGE_CURSOR)
        add_main(in, p, in->flow->integration->has_start ? in->flow->integration->start_s : p->edge_s, p->edge_s);
    else
        plan_times(in, p);
}

static void plan_gaps(const struct plan_input *in, struct plan *p)
{
    for (size_t i = 0; i < in->n_gaps; i++)
        add(p, (struct job){.purpose = PURPOSE_GAP,
                            .request = in->flow->request,
                            .from_s = in->gaps[i].from_s,
                            .to_s = in->gaps[i].to_s,
                            .whole = true,
                            .gap = in->gaps[i].id});
}

static void plan_tiers(const struct plan_input *in, struct plan *p)
{
    struct tier_times times = {in->cursor_s, in->now_s, p->edge_s};

    for (size_t i = 0; i < in->n_tiers && p->n < PLAN_JOBS_MAX; i++) {
        struct job j;

        if (!tier_job(in->flow, in->tiers[i], &times, &j))
            continue;
        p->tier[p->n_tiers++] = in->tiers[i];
        add(p, j);
    }
}

/* Tiers alone: those that are due, or the remedy because somebody asked for it, and then for it all calls. */
static void plan_remedy(const struct plan_input *in, struct plan *p)
{
    p->from_s = in->cursor_s;
    p->to_s = p->edge_s;
    plan_tiers(in, p);
    for (size_t i = 0; i < p->n && in->options->reread == REREAD_NONE; i++)
        p->jobs[i].spare = false;
}

static void plan_backfill(const struct plan_input *in, struct plan *p)
{
    p->from_s = in->options->from_s;
    p->to_s = in->options->to_s < p->edge_s ? in->options->to_s : p->edge_s;
    if (p->from_s <= p->to_s)
        add(p, (struct job){
                   .purpose = PURPOSE_BACKFILL, .request = in->flow->request, .from_s = p->from_s, .to_s = p->to_s});
}

/* What an audit found to be off: the seconds in which it lies. */
static void plan_repair(const struct plan_input *in, struct plan *p)
{
    const struct repair_rule *rule = in->options->repair;

    p->from_s = in->options->from_s;
    p->to_s = in->options->to_s;
    for (size_t i = 0; i < rule->n_ranges; i++)
        add(p, (struct job){.purpose = PURPOSE_REPAIR,
                            .request = in->flow->request,
                            .from_s = rule->ranges[i].from_s,
                            .to_s = rule->ranges[i].to_s,
                            .whole = true});
}

void plan_make(const struct plan_input *in, struct plan *ret)
{
    ret->n = ret->n_tiers = 0;
    ret->from_s = ret->to_s = in->cursor_s;
    ret->edge_s = in->now_s - (PLANTED(no_lag) ? 0 : in->flow->integration->lag_ms / 1000);
    if (in->options->kind == RUN_REMEDY) {
        plan_remedy(in, ret);
    } else if (in->options->kind == RUN_BACKFILL) {
        plan_backfill(in, ret);
    } else if (in->options->kind == RUN_REPAIR) {
        plan_repair(in, ret);
    } else if (in->options->part != RUN_WRITE) {
        plan_main(in, ret);
        plan_gaps(in, ret);
        plan_tiers(in, ret);
    }
}
