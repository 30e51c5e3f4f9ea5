/* Orders and time. As time passes, orders are edited and made; each edit is a new version with a stamp (the second in
 * which it was made) and a moment from which it is seen, which may be later: a commit that comes late. Of one order
 * nothing is ever seen out of order. What a world is like is drawn once, at its beginning; a fault has a chance only in
 * worlds that have it at all, so that faults meet in ever other company. */
#include "dst.h"

enum { EDITS_AT_ONCE = 10 };

int64_t world_lateness_ms(const struct version *v)
{
    return v->visible_ms - v->stamp_s * 1000;
}

int64_t world_cursor_s(const struct sim *s)
{
    int64_t at = s->c.held                ? s->table.found ? s->table.cp.cursor_s : 0
                 : s->disk.progress.known ? s->disk.progress.cursor_s
                                          : 0;

    for (size_t i = 0; i < s->disk.n_pages; i++) { /* marks that are not written yet */
        const struct journal_entry *e = &s->disk.pages[i].e;

        if (e->kind == JOURNAL_MARK && e->purpose == PURPOSE_MAIN && e->seq > s->table.cp.page && e->cursor_s > at)
            at = e->cursor_s;
    }
    return at > 0 ? at : 0;
}

int32_t world_visible(const struct sim *s, int32_t order, int64_t t_ms)
{
    int32_t v = s->up.newest[order];

    while (v && s->up.v[v].visible_ms > t_ms)
        v = s->up.v[v].before;
    return v;
}

/* How late it is seen. With a growing cursor a late one would be lost, so there are none. */
static int64_t draw_lateness(struct sim *s)
{
    if (!percent(s, s->c.late_percent) || s->c.late_max_ms <= 0)
        return 0;
    return 1 + below(s, s->c.late_max_ms);
}

static void note_lateness(struct sim *s, const struct version *v)
{
    int64_t late_ms = world_lateness_ms(v);

    if (late_ms < 1000)
        return;
    if (late_ms > (s->c.lag_s + s->c.overlap_s - SLACK_S) * 1000) {
        sim_fault(s, FAULT_TOO_LATE);
        s->beyond = true;
    } else {
        sim_fault(s, FAULT_LATE);
    }
}

static void edit(struct sim *s, int64_t at_ms)
{
    struct upstream *u = &s->up;
    bool fresh = !u->n_orders || (u->n_orders < ORDERS_MAX && percent(s, s->c.new_percent));
    int32_t order = fresh ? u->n_orders : (int32_t)below(s, u->n_orders);
    struct version *v = &u->v[u->n_versions], *before = fresh ? NULL : &u->v[u->newest[order]];

    if (u->n_versions == VERSIONS_MAX)
        return;
    *v = (struct version){.order = order,
                          .before = fresh ? 0 : u->newest[order],
                          .stamp_s = at_ms / 1000,
                          .visible_ms = at_ms + draw_lateness(s),
                          .lines = (uint8_t)below(s, 1 << LINES),
                          .hidden = percent(s, s->c.hidden_percent),
                          .refused = percent(s, s->c.refused_percent),
                          .broken = percent(s, s->c.broken_percent)};
    if (v->broken && !v->lines)
        v->lines = 1;
    if (before && v->visible_ms < before->visible_ms)
        v->visible_ms = before->visible_ms;
    if (before && v->hidden && !before->hidden)
        sim_fault(s, FAULT_FILTERED);
    note_lateness(s, v);
    u->newest[order] = u->n_versions++;
    if (fresh) {
        u->n_orders++;
        sim_fault(s, FAULT_NEW_ORDER);
    }
    s->totals->edits++;
    sim_trace(s, "edit    order %d version %d stamp %lld seen %+lld ms lines %x%s%s%s", order, u->n_versions - 1,
              (long long)v->stamp_s, (long long)world_lateness_ms(v), v->lines, v->hidden ? " hidden" : "",
              v->refused ? " refused" : "", v->broken ? " broken" : "");
}

/* At most so many edits in one stretch, however long it is. */
void world_advance(struct sim *s, int64_t ms)
{
    int64_t end_ms = s->t_ms + ms, least_gap = ms / EDITS_AT_ONCE;

    while (s->edits_on && s->next_edit_ms <= end_ms) {
        int64_t gap = 1 + below(s, 2 * s->c.edit_gap_ms);

        if (s->next_edit_ms > s->t_ms)
            s->t_ms = s->next_edit_ms;
        edit(s, s->t_ms);
        s->next_edit_ms = s->t_ms + (gap > least_gap ? gap : least_gap);
    }
    s->t_ms = end_ms;
}

/* ---- the program's clock ---- */

static int64_t wall_ms(void *ctx)
{
    const struct sim *s = ctx;

    return s->t_ms + s->skew_ms;
}

static int64_t mono_ms(void *ctx)
{
    const struct sim *s = ctx;

    return s->t_ms - EPOCH_MS + 1000000;
}

static void pause_ms(void *ctx, int64_t ms)
{
    world_advance(ctx, ms);
}

/* ---- drawing a world ---- */

static int sometimes(struct sim *s, int share_percent, int up_to)
{
    return percent(s, share_percent) ? 1 + (int)below(s, up_to) : 0;
}

static void draw_config(struct sim *s)
{
    struct config *c = &s->c;

    c->paging = percent(s, 55) ? 0 : (int)below(s, PAGING_KINDS);
    c->write = (enum write_kind)below(s, WRITE_KINDS);
    c->page_size = 1 + below(s, percent(s, 70) ? 8 : 40);
    c->limit = 1 + below(s, percent(s, 70) ? 12 : 100);
    c->lag_s = 5 + below(s, 56);
    c->overlap_s = percent(s, 10) ? 5 : 10 + below(s, 290);
    c->window_max_s = percent(s, 70) ? 7 * 86400 : 600 + below(s, 20000);
    if (c->paging == PAGING_KINDS - 1) /* a page begins with the last row of the one before */
        c->page_size++;
    c->late_percent = percent(s, 50) ? 5 + (int)below(s, 80) : 0;
    c->late_max_ms = (c->lag_s + c->overlap_s - SLACK_S) * 1000;
    if (percent(s, 20))
        c->late_max_ms += 1000 + below(s, 600000);
    if (c->paging == PAGING_KINDS - 1)
        c->late_percent = 0;
    c->held = c->write == WRITE_INSERT || !percent(s, 8);
    if (percent(s, 30) && c->paging != PAGING_KINDS - 1)
        c->tier = (struct reread){1000 * (300 + below(s, 3600)), 86400000};
    c->edit_gap_ms = 150 + below(s, percent(s, 60) ? 2000 : 60000);
    c->hidden_percent = sometimes(s, 40, 40);
    c->refused_percent = sometimes(s, 20, 20);
    c->broken_percent = sometimes(s, 20, 20);
    c->new_percent = 5 + (int)below(s, 60);
    c->trip_ms = 10 + below(s, percent(s, 50) ? 1000 : 4000);
    for (size_t i = 0; i < sizeof c->weight / sizeof *c->weight; i++)
        c->weight[i] = 1 + (int)below(s, percent(s, 30) ? 30 : 4);
}

static void draw_chances(struct sim *s)
{
    s->ch = (struct chances){.call_retry = sometimes(s, 25, 150),
                             .call_throttle = sometimes(s, 20, 150),
                             .call_fail = sometimes(s, 20, 40),
                             .auth = sometimes(s, 10, 30),
                             .journal = sometimes(s, 12, 60),
                             .store = sometimes(s, 12, 30),
                             .connect = sometimes(s, 20, 400),
                             .transient = sometimes(s, 25, 300),
                             .unknown = sometimes(s, 30, 300),
                             .permanent = sometimes(s, 8, 40),
                             .taken_over = sometimes(s, 10, 60),
                             .set_back = sometimes(s, 10, 40),
                             .jump = sometimes(s, 8, 60)};
}

static void draw_upstream(struct sim *s)
{
    struct upstream *u = &s->up;

    u->descending = below(s, 2);
    u->edges = (enum edges)(percent(s, 60) ? 0 : below(s, EDGES_KINDS));
    u->given_size = percent(s, 70) ? s->c.page_size : 1 + below(s, s->c.page_size);
    if (s->c.paging == PAGING_KINDS - 1 && u->given_size < 2)
        u->given_size = 2;
    u->told = percent(s, 5) && s->c.paging != PAGING_KINDS - 1 ? TOLD_UNTOLD : TOLD_TRUTH;
    u->has = percent(s, 15) ? HAS_UNTOLD : HAS_TRUTH;
    u->date = percent(s, 80) ? DATE_TRUTH : (enum date)below(s, DATE_KINDS);
    u->date_off_ms = u->date == DATE_LIES ? below(s, 1200000) - 600000 : 0;
    u->strict_clock = below(s, 2);
}

static int64_t draw_orders(struct sim *s)
{
    int64_t n = below(s, 100);

    return n < 1 ? below(s, 400) : n < 15 ? below(s, 90) : below(s, 20);
}

void world_make(struct sim *s)
{
    int64_t span_ms = 1000 * (60 + below(s, percent(s, 70) ? 1800 : 20000)), n;

    s->t_ms = EPOCH_MS;
    s->clock = (struct clock){wall_ms, mono_ms, s, pause_ms};
    s->up.n_versions = 1;
    draw_config(s);
    draw_chances(s);
    draw_upstream(s);
    s->first_stamp_s = s->t_ms / 1000 - 1;
    n = draw_orders(s);
    for (int64_t i = 0; i < n; i++) {
        /* a quarter of the worlds has many orders in few seconds */
        world_advance(s, n % 4 ? span_ms / n : below(s, 8) ? 0 : span_ms / n * 8);
        edit(s, s->t_ms);
    }
    s->next_edit_ms = s->t_ms + 1;
    s->edits_on = true;
    world_advance(s, 1000 * (1 + below(s, 600)));
    if (!percent(s, 70))
        s->skew_ms = (below(s, 2) ? 1 : -1) * (percent(s, 50) ? below(s, 120000) : below(s, 86400000));
}
