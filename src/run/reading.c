/* Verified, again, or a gap: the pager says how a window went, the walk says whether it can be read in another way. A
 * window that is too wide for the pager's taste or that moved while it was read comes back as its halves; the
 * narrowest is read a few times. Reading again has a budget (window.c). What a window taught about the size of pages
 * serves the next. */
#include "run/reading.h"

#include "base/plant.h"

void reading_init(struct reading *g)
{
    *g = (struct reading){.pager = pager_new()};
}

void reading_drop(struct reading *g)
{
    walk_free(g->walk);
    g->walk = NULL;
}

void reading_clear(struct reading *g)
{
    reading_drop(g);
    pager_free(g->pager);
    g->pager = NULL;
}

/* The walk's window, if there is one. */
static bool begin_window(struct reading *g)
{
    if (!walk_next(g->walk, &g->window))
        return false;
    g->plan.may_narrow = g->windowed && g->window.may_narrow;
    pager_start(g->pager, &g->plan);
    g->plan.cursor = (struct str){0};
    return true;
}

void reading_begin(struct reading *g, const struct reading_range *range, const struct pager_plan *plan)
{
    reading_drop(g);
    g->plan = *plan;
    g->windowed = range->windowed;
    g->walk = range->windowed ? walk_new(range->from_s, range->to_s, range->max_s) : walk_new(0, 0, 0);
    if (!begin_window(g))
        reading_drop(g);
}

enum reading_verdict reading_judge(struct reading *g, const char **ret_why)
{
    enum pager_end end = pager_result(g->pager, ret_why);

    if (pager_size_learnt(g->pager))
        g->plan.size_learnt = pager_size_learnt(g->pager);
    if (end == PAGER_VERIFIED || PLANTED(verified_always)) {
        walk_verified(g->walk);
        return READING_VERIFIED;
    }
    if (g->windowed && walk_is_spent(g->walk))
        *ret_why = "what the upstream tells of itself fits nowhere, and enough was read again";
    if (!g->windowed || !walk_narrow(g->walk))
        return READING_GAP;
    (void)begin_window(g); /* there is one: what was narrowed */
    return READING_AGAIN;
}

bool reading_advance(struct reading *g)
{
    walk_done(g->walk);
    if (begin_window(g))
        return true;
    reading_drop(g);
    return false;
}
