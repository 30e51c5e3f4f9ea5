/* The life of one seed: a few runs in trouble, then quiet, then the reckoning. */
#include "dst.h"

#include <stdlib.h>

enum { QUIET_RUNS = 5, NARROW_SPAN_S = 400 };

/* ---- one run ---- */

static void hear(void *ctx, const struct event *e)
{
    struct sim *s = ctx;

    if (e->kind == EVENT_WINDOW_AGAIN)
        sim_fault(s, FAULT_NARROWED);
    if (e->kind == EVENT_NOTICE && str_starts(e->text, S("pages that an earlier run")))
        sim_fault(s, FAULT_BACKLOG);
    if (e->kind == EVENT_WINDOW_AGAIN || e->kind == EVENT_GAP || e->kind == EVENT_NOTICE || e->kind == EVENT_GAP_CLOSED)
        sim_trace(s, "event   %s [%lld, %lld] " STR_FMT, event_name(e->kind), (long long)e->from_s, (long long)e->to_s,
                  STR_ARG(e->text));
}

static void note_before(struct sim *s)
{
    if (s->skew_ms)
        sim_fault(s, FAULT_SKEW);
    if (s->up.date != DATE_TRUTH)
        sim_fault(s, s->up.date == DATE_LIES ? FAULT_DATE_LIES : FAULT_DATE_UNTOLD);
    if (!s->c.held)
        sim_fault(s, FAULT_UNHELD);
    if (s->table.found && s->table.cp.row > 0)
        sim_fault(s, FAULT_HALF_PAGE);
    if (!str_eq(str_of(s->table.cp.journal), str_of(s->disk.uuid)) || !s->table.found)
        s->checked_page = disk_last(s); /* positions begin anew, or are written again from the first page on */
    else if (s->table.cp.page < s->checked_page)
        s->checked_page = s->table.cp.page;
    if (s->table.cp.page + (s->table.cp.row < 0) <= s->disk.dropped) /* further than the journal is kept: read again */
        s->checked_page = disk_last(s);
    if (s->c.held && s->table.found && s->table.cp.epoch > s->claimed) { /* read again behind what the copy wrote */
        s->checked_page = disk_last(s);
        s->may_double = s->c.write == WRITE_INSERT;
    }
}

void seed_one_run(struct sim *s, enum run_kind kind)
{
    struct run_options o = {.kind = kind,
                            .reread = kind == RUN_REMEDY ? REREAD_NONE : REREAD_DUE,
                            .clock = &s->clock,
                            .listener = {hear, s},
                            .patience_ms = 60000};
    int64_t before_ms = s->t_ms;

    if (kind == RUN_BACKFILL) {
        o.from_s = s->first_stamp_s + below(s, 600);
        o.to_s = o.from_s + below(s, 2000);
    }
    s->run_no++;
    s->dead = false;
    s->steps = 0;
    s->faulted = s->dead;
    disk_begin_run(s);
    note_before(s);
    s->up.any_inside = false;
    sim_trace(s, "run     %lld %s at %lld skew %lld ms", (long long)s->run_no, run_kind_name(kind),
              (long long)(s->t_ms / 1000), (long long)s->skew_ms);
    run_integration(flows_project(), &s->integration, NULL, &o, &s->summary);
    s->totals->runs++;
    s->totals->failed_runs += s->summary.error.code != OK;
    if (s->summary.counts.dead_records)
        sim_fault(s, FAULT_BROKEN);
    if (s->summary.counts.repeats)
        sim_fault(s, FAULT_REPEATS);
    sim_trace(s, "ended   %s, cursor %lld, %lld records, %lld rows, missing %lld%s%s",
              run_status_name(s->summary.status), (long long)s->table.cp.cursor_s, (long long)s->summary.counts.records,
              (long long)s->summary.counts.rows, (long long)s->summary.counts.missing_found,
              s->summary.error.code ? ": " : "", s->summary.error.code ? s->summary.error.msg : "");
    check_run(s, before_ms);
}

/* ---- trouble ---- */

static void draw_lies(struct sim *s, enum run_kind kind, enum has has, enum told told)
{
    struct upstream *u = &s->up;

    u->has = percent(s, 8) ? (enum has)below(s, HAS_KINDS) : has;
    u->told = s->c.paging != PAGING_KINDS - 1 && percent(s, 8) ? (enum told)below(s, TOLD_KINDS) : told;
    u->wrong_by = below(s, 21) - 10;
    u->now_calls = 0;
    u->doubled = percent(s, 8);
    u->stuck = percent(s, 4);
    if (kind != RUN_MAIN || s->table.cp.cursor_s < s->t_ms / 1000 - NARROW_SPAN_S) {
        /* a long range would end in thousands of gaps of one second, all alike */
        u->told = told;
        u->has = has;
        u->doubled = u->stuck = false;
    }
    if ((u->told == TOLD_WRONG || u->told == TOLD_GROWS) && u->has != HAS_TRUTH)
        u->blurred = true;
    if (u->told == TOLD_UNTOLD && u->has != HAS_TRUTH && (u->has != HAS_UNTOLD || u->given_size < s->c.page_size))
        u->blurred = true;
}

static void lose_state(struct sim *s)
{
    bool journal_too = below(s, 2);

    sim_fault(s, FAULT_STATE_LOST);
    sim_trace(s, "disk    state%s lost", journal_too ? " and journal" : "");
    s->state_lost = true;
    s->beyond |= disk_open_gaps(s) > 0; /* what was to be read again went with it */
    disk_clear(s, journal_too);
}

/* What happens between two runs. */
static void between(struct sim *s)
{
    world_advance(s, 1000 * (1 + below(s, percent(s, 80) ? 900 : 20000)));
    if (percent(s, 15))
        s->skew_ms = (below(s, 2) ? 1 : -1) * (percent(s, 50) ? below(s, 10000) : below(s, 86400000));
    if (percent(s, 30))
        target_keep_copy(s);
    if (s->c.held && percent(s, 8))
        target_set_back(s);
    if (s->c.write != WRITE_INSERT && percent(s, 5))
        lose_state(s);
}

/* Is the cursor ever put further than what the promise allows, because the source's clock cannot be known? */
static void note_clock(struct sim *s)
{
    int64_t ahead_ms = 0;

    if (s->up.date == DATE_UNTOLD)
        ahead_ms = s->skew_ms;
    if (s->up.date == DATE_LIES)
        ahead_ms = s->up.date_off_ms;
    if (ahead_ms > 0 &&
        ahead_ms / 1000 + SLACK_S + (s->c.late_percent ? s->c.late_max_ms / 1000 : 0) > s->c.lag_s + s->c.overlap_s)
        s->clock_beyond = true;
    if (s->ch.jump && s->up.date != DATE_TRUTH)
        s->clock_beyond = true;
}

static enum run_kind draw_kind(struct sim *s)
{
    int64_t kind = below(s, 100);

    return kind < 90 || s->c.paging == PAGING_KINDS - 1 ? RUN_MAIN : kind < 95 ? RUN_REMEDY : RUN_BACKFILL;
}

static void trouble(struct sim *s)
{
    enum has has = s->up.has;
    enum told told = s->up.told;
    int64_t rounds = 1 + below(s, 5);

    for (int64_t i = 0; i < rounds && !s->failed; i++) {
        enum run_kind kind = draw_kind(s);

        draw_lies(s, kind, has, told);
        s->crash_at = percent(s, 35) ? 1 + below(s, 1 + below(s, 150)) : 0;
        note_clock(s);
        seed_one_run(s, kind);
        between(s);
    }
    s->up.has = has;
    s->up.told = told;
    s->up.doubled = s->up.stuck = false;
}

/* ---- quiet ---- */

static void settle(struct sim *s)
{
    int64_t ahead_s, wait_s = s->c.lag_s + s->c.overlap_s + s->c.late_max_ms / 1000 + 60;
    size_t gaps = 0;

    s->ch = (struct chances){0};
    s->crash_at = 0;
    s->edits_on = false;
    s->settled = true;
    if (s->up.date != DATE_TRUTH)
        s->skew_ms = 0;
    s->up.date = DATE_TRUTH;
    s->up.date_off_ms = 0;
    ahead_s = s->c.paging == PAGING_KINDS - 1 ? 0 : world_cursor_s(s) - s->t_ms / 1000;
    if (ahead_s > 0)
        wait_s += ahead_s;
    world_advance(s, wait_s * 1000);
    for (int i = 0; (i < QUIET_RUNS || disk_open_gaps(s) < gaps) && !s->failed; i++) { /* a run takes so many gaps */
        gaps = disk_open_gaps(s);
        seed_one_run(s, RUN_MAIN);
        if (i && !disk_open_gaps(s))
            return;
        world_advance(s, 60000);
    }
}

/* More came late than was promised, or nobody could have known: the remedy brings it, and tells that it was missing. */
static void remedy(struct sim *s)
{
    size_t missed = check_missing(s, false), silent = check_silent(s);
    int64_t from;
    char fact[64];
    bool may_tell;

    snprintf(fact, sizeof fact, "ledger_from:" STR_FMT, STR_ARG(s->integration.name));
    may_tell = !disk_fact_i64(s, fact, &from); /* else there are records of which the ledger cannot tell */

    if (s->c.paging == PAGING_KINDS - 1)
        return;
    seed_one_run(s, RUN_REMEDY);
    if (missed)
        sim_fault(s, FAULT_MISSED);
    if (s->summary.counts.missing_found)
        sim_fault(s, FAULT_ALARM);
    if (missed > silent && may_tell && !s->state_lost && !s->summary.counts.missing_found)
        sim_fail(s, "%zu records were missed, and the remedy raised no alarm", missed);
    /* without its letters, a refused record that was never read looks like one that was */
    if (!missed && !s->state_lost && s->summary.counts.missing_found)
        sim_fail(s, "nothing was missed, and the remedy found %lld rows missing",
                 (long long)s->summary.counts.missing_found);
}

void seed_run(struct sim *s)
{
    world_make(s);
    disk_clear(s, true);
    flows_use(s);
    trouble(s);
    if (s->failed)
        return;
    settle(s);
    s->totals->beyond += s->beyond || s->clock_beyond;
    s->totals->blurred += s->up.blurred;
    if (s->failed)
        return;
    if (s->beyond || s->clock_beyond || s->up.blurred)
        remedy(s);
    if (!s->failed)
        check_missing(s, true);
    if (!s->failed)
        check_end(s);
}
