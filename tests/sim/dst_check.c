/* What must hold, after each run and at the end.
 *
 * After each run, however it ended: the target is what its checkpoint says (every record of the journal up to there is
 * in, in that version or a later one); after a run that ended well: each record that was seen before it began, whose
 * stamp lies at or before the cursor and whose commit came within the promise, is in. At the end, when nothing goes
 * wrong any more and a few runs have passed: all of it is in, all gaps are closed, the counting adds up; and where more
 * came late than was promised to be caught, the remedy finds it and says so. */
#include "dst.h"

#include <stdlib.h>

/* ---- one record ---- */

static bool inserted(const struct sim *s, int32_t ver, int slot)
{
    for (int64_t i = s->table.n_inserted - 1; i >= 0; i--)
        if (s->inserted[i].ver == ver && s->inserted[i].slot == slot)
            return true;
    return false;
}

/* Is version `ver` or a later one of its order in, line by line? A line of a later version counts. */
static bool line_is_in(const struct sim *s, int32_t ver, int slot)
{
    const struct version *v = &s->up.v[ver];

    if (v->refused && (slot == 0 || slot == __builtin_ctz(v->lines) + 1))
        return true; /* the target would not have it */
    if (s->c.write == WRITE_INSERT)
        return inserted(s, ver, slot);
    return s->table.ver[v->order][slot] >= ver;
}

/* A later version took its place: in the same batch, or it has rows in the target. */
static bool has_newer(const struct sim *s, int32_t ver)
{
    int32_t order = s->up.v[ver].order;

    for (int32_t n = s->up.newest[order]; n > ver; n = s->up.v[n].before) {
        if (s->up.v[n].refused || s->c.write == WRITE_GUARDED)
            return true;
        for (int slot = 0; slot < SLOTS; slot++)
            if (s->c.write == WRITE_INSERT ? inserted(s, n, slot) : s->table.ver[order][slot] == n)
                return true;
    }
    return false;
}

static bool version_is_in(const struct sim *s, int32_t ver)
{
    const struct version *v = &s->up.v[ver];

    if (v->hidden || v->broken)
        return true;
    if (!v->lines)
        return line_is_in(s, ver, 0);
    for (int slot = 1; slot <= LINES; slot++)
        if ((v->lines & 1 << (slot - 1)) && !line_is_in(s, ver, slot))
            return false;
    return true;
}

bool check_arrived(struct sim *s, int32_t ver)
{
    return version_is_in(s, ver) || has_newer(s, ver);
}

/* Rows that its newest version no longer gives, where they are to be taken away. */
static bool leftovers(const struct sim *s, int32_t ver)
{
    const struct version *v = &s->up.v[ver];

    if (s->c.write != WRITE_GUARDED || v->broken)
        return false;
    for (int slot = 0; slot < SLOTS; slot++) {
        bool given = !v->hidden && (slot ? (v->lines & 1 << (slot - 1)) != 0 : !v->lines);

        if (s->table.ver[v->order][slot] && !given)
            return true;
    }
    return false;
}

static bool letter_stands(const struct sim *s, int32_t ver)
{
    for (size_t i = 0; i < s->disk.n_dead; i++)
        if (s->disk.dead[i].ver == ver && s->disk.dead[i].state == DEAD_OPEN)
            return true;
    return false;
}

/* ---- after each run ---- */

static bool in_gap(const struct sim *s, int64_t stamp_s)
{
    for (size_t i = 0; i < s->disk.n_gaps; i++)
        if (s->disk.gaps[i].open && stamp_s >= s->disk.gaps[i].from_s && stamp_s <= s->disk.gaps[i].to_s)
            return true;
    return false;
}

/* Everything up to the target's checkpoint is in the target. */
static void check_checkpoint(struct sim *s)
{
    const struct checkpoint *cp = &s->table.cp;
    int64_t from = s->checked_page > s->table.begun ? s->checked_page : s->table.begun;

    if (!s->c.held || !s->table.found || !str_eq(str_of(cp->journal), str_of(s->disk.uuid)))
        return;
    for (int64_t seq = from + 1; seq <= cp->page && seq <= disk_last(s); seq++) {
        const struct disk_page *p = &s->disk.pages[seq - 1];
        size_t n = seq == cp->page && cp->row >= 0 ? (size_t)cp->row : p->n_versions;

        for (size_t i = 0; i < n && i < p->n_versions; i++) {
            s->totals->checks++;
            if (!version_is_in(s, p->versions[i]) && !has_newer(s, p->versions[i])) {
                sim_fail(s, "the checkpoint says page %lld, but version %d (page %lld, record %zu) is not in",
                         (long long)cp->page, p->versions[i], (long long)seq, i);
                return;
            }
        }
    }
    s->checked_page = cp->page < disk_last(s) ? cp->page : disk_last(s);
    if (cp->row >= 0 && s->checked_page == cp->page)
        s->checked_page--;
}

bool check_promised(const struct sim *s, const struct version *v)
{
    return world_lateness_ms(v) <= (s->c.lag_s + s->c.overlap_s - SLACK_S) * 1000;
}

/* What the run had to bring: seen before it began, stamped at or before the cursor, in no gap. */
static void check_brought(struct sim *s, int64_t before_ms)
{
    int64_t cursor = s->table.cp.cursor_s;

    if (s->summary.error.code || (s->c.paging != PAGING_KINDS - 1 && s->summary.to_s < cursor) || s->beyond ||
        s->clock_beyond || s->up.blurred || !s->c.held)
        return;
    for (int32_t i = 0; i < s->up.n_orders; i++) {
        int32_t ver = s->up.newest[i];
        const struct version *v = &s->up.v[ver];

        if (v->visible_ms >= before_ms || !check_promised(s, v) || in_gap(s, v->stamp_s) ||
            (s->c.paging == PAGING_KINDS - 1 ? ver > cursor : v->stamp_s > cursor - (s->up.edges != EDGES_CLOSED)))
            continue;
        s->totals->checks++;
        if (!version_is_in(s, ver)) {
            sim_fail(s, "order %d version %d, stamp %lld, %lld ms late, is not in though the cursor stands at %lld", i,
                     ver, (long long)v->stamp_s, (long long)world_lateness_ms(v), (long long)cursor);
            return;
        }
    }
}

void check_run(struct sim *s, int64_t before_ms)
{
    const struct run_summary *r = &s->summary;
    bool windowed = s->c.paging != PAGING_KINDS - 1;

    if (r->error.code == ERR_INTERNAL)
        sim_fail(s, "internal: %s", r->error.msg);
    /* a cursor that a clock put ahead of the source's is refused */
    bool ahead = windowed && world_cursor_s(s) > s->t_ms / 1000 + SLACK_S;

    if (r->error.code && !s->faulted && !s->dead && !ahead)
        sim_fail(s, "the run failed without a reason: %s", r->error.msg);
    if (!r->error.code && r->status == RUN_OK && !r->verified && !r->counts.gaps_closed && windowed &&
        r->kind == RUN_MAIN && !disk_open_gaps(s))
        sim_fail(s, "windows were not verified, and there is no gap");
    /* what is read again, a remedy or a tier, may come before the overlap that would have brought what came late */
    s->read_again |= r->kind == RUN_REMEDY || s->c.tier.every_ms;
    if (!s->read_again && r->counts.missing_found && !s->beyond && !s->clock_beyond && !s->up.blurred && !s->state_lost)
        sim_fail(s, "nothing could be missed, and %lld rows were found missing", (long long)r->counts.missing_found);
    check_checkpoint(s);
    if (r->kind == RUN_MAIN)
        check_brought(s, before_ms);
}

/* ---- at the end ---- */

/* Its newest version is in, and nothing else; what could not be written has its letter. */
static bool is_as_it_should_be(const struct sim *s, int32_t ver)
{
    const struct version *v = &s->up.v[ver];

    if (!version_is_in(s, ver) || leftovers(s, ver))
        return false;
    return (!v->refused && !v->broken) || v->hidden || s->state_lost || letter_stands(s, ver);
}

size_t check_missing(struct sim *s, bool tell)
{
    size_t n = 0;

    for (int32_t i = 0; i < s->up.n_orders; i++) {
        int32_t ver = s->up.newest[i];
        const struct version *v = &s->up.v[ver];

        s->totals->checks++;
        if (is_as_it_should_be(s, ver))
            continue;
        n++;
        sim_trace(s, "missing order %d version %d stamp %lld, %lld ms late", i, ver, (long long)v->stamp_s,
                  (long long)world_lateness_ms(v));
        if (tell)
            sim_fail(s,
                     "at the end order %d version %d (stamp %lld, %lld ms late, lines %x%s%s%s) is not as it should be",
                     i, ver, (long long)v->stamp_s, (long long)world_lateness_ms(v), v->lines,
                     v->hidden ? ", hidden" : "", v->refused ? ", refused" : "", v->broken ? ", broken" : "");
    }
    return n;
}

size_t check_silent(struct sim *s)
{
    size_t n = 0;

    for (int32_t i = 0; i < s->up.n_orders; i++)
        n += (s->up.v[s->up.newest[i]].broken || s->up.v[s->up.newest[i]].hidden) &&
             !is_as_it_should_be(s, s->up.newest[i]);
    return n;
}

/* Letters that stand open belong to the newest version of their order. (But one that was opened while an older copy of
 * the target was written again, when a younger copy came in its place, in which that order is newer: a retry closes
 * it.) */
static void check_letters(struct sim *s)
{
    if (s->went_forward)
        return;
    for (size_t i = 0; i < s->disk.n_dead; i++) {
        const struct disk_dead *d = &s->disk.dead[i];

        if (d->state != DEAD_OPEN || d->order < 0)
            continue;
        if (d->ver < s->up.newest[d->order] && version_is_in(s, s->up.newest[d->order]) &&
            !s->up.v[s->up.newest[d->order]].hidden && !s->up.v[s->up.newest[d->order]].broken)
            sim_fail(s, "order %d: the letter of version %d stands open though version %d is in", d->order, d->ver,
                     s->up.newest[d->order]);
    }
}

void check_end(struct sim *s)
{
    check_letters(s);
    if (s->up.told == TOLD_TRUTH && disk_open_gaps(s) && s->c.paging != PAGING_KINDS - 1)
        sim_fail(s, "%zu gaps are still open", disk_open_gaps(s));
}
