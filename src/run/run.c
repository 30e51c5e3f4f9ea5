/* A run, as a story: open what is needed, decide what to read, let the pipeline work while the loop reads, then count
 * and tell.
 *
 * What is to be read is planned in plan.c. The first reply teaches the source's clock: when it shows that the end of
 * the range was wrong, the range is planned again.
 *
 * At the end the program checks its own counting (decisions 26): records = folded + filtered + repeats + dead records +
 * shaped records, and shaped rows = committed + dead rows. A sum that is off is an error of ours, and the run says so.
 */
#include "run/run.h"

#include "base/plant.h"

#include "base/log.h"
#include "base/num.h"
#include "base/product.h"
#include "run/drift.h"
#include "run/engine.h"
#include "run/plan.h"
#include "run/retry.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS          250
#define CLOCK_MATTERS_MS 1000
#define FIRST_PAGES_MAX  5 /* a clock that was remembered and is contradicted wants a second witness */
#define AHEAD_S          (15 * 60)
#define AHEAD_OF_OURS_S  (7 * 86400)

struct run {
    struct engine e;
    struct pipeline p;
    struct reader *reader;
    struct run_summary *s;
    struct plan plan;
    int64_t fetched_s;                    /* where reading goes on: the cursor, or further on in the journal */
    size_t tiers[RUN_TIERS_MAX], n_tiers; /* of reading again, that this run does */
    int64_t began_ms;
    int first_pages;
    int64_t id;
    bool read_all, written, interrupted;
    struct loop_timer *tick;
};

/* ---- planning ---- */

static int64_t source_now_s(const struct run *r)
{
    return remote_clock_now_ms(r->e.remote) / 1000;
}

/* Which tiers this run does. One that was never read counts from now on: before there was nothing to miss. */
static enum err choose_tiers(struct run *r, struct errinfo *ei)
{
    const struct run_options *o = r->e.options;
    const struct flow *f = r->e.flow;
    int64_t now_ms = source_now_s(r) * 1000, last;
    enum err err = OK;

    r->n_tiers = 0;
    if (o->kind == RUN_REMEDY && o->reread == REREAD_NONE)
        r->tiers[r->n_tiers++] = tiers_remedy(f);
    if ((o->kind != RUN_MAIN && o->kind != RUN_REMEDY) || o->dry_run || o->reread == REREAD_NONE)
        return OK;
    for (size_t i = 0; i < tiers_count(f) && !err; i++) {
        struct str fact = tier_fact(f, i, r->e.arena), text = {0};

        err = store_fact(r->e.store, fact, r->e.arena, &text, ei);
        if (!err && !text.p)
            err = store_set_fact(r->e.store, fact, arena_printf(r->e.arena, "%lld", (long long)now_ms), ei);
        if (o->reread == REREAD_ALL || (text.p && num_i64(text, &last) && tier_due(f, i, last, now_ms)))
            r->tiers[r->n_tiers++] = i;
    }
    return err;
}

/* Tiers that were read to their end, and written. */
static void note_tiers(struct run *r, size_t jobs_done)
{
    size_t first = r->plan.n - r->plan.n_tiers;
    struct errinfo ei;

    for (size_t i = 0; i < r->plan.n_tiers && first + i < jobs_done; i++)
        if (store_set_fact(r->e.store, tier_fact(r->e.flow, r->plan.tier[i], r->e.arena),
                           arena_printf(r->e.arena, "%lld", (long long)source_now_s(r) * 1000), &ei))
            log_warn("%s", ei.msg);
}

/* Where reading goes on, by the source's clock: a first cursor was taken from ours, which may be ahead. */
static int64_t reading_from_s(const struct run *r)
{
    int64_t off_s = (remote_clock_offset_ms(r->e.remote) - 999) / 1000; /* where it is below 0: rounded down */

    return r->e.cursor_by_own_clock && r->fetched_s == r->e.at.cursor_s && off_s < 0 ? r->fetched_s + off_s
                                                                                     : r->fetched_s;
}

static enum err plan(struct run *r, struct errinfo *ei)
{
    struct plan_input in = {
        .flow = r->e.flow, .options = r->e.options, .cursor_s = reading_from_s(r), .now_s = source_now_s(r)};
    struct gap *gaps = NULL;
    enum err err = r->e.options->kind == RUN_MAIN
                       ? store_gaps(r->e.store, r->e.integration->name, r->e.arena, &gaps, &in.n_gaps, ei)
                       : OK;

    err = err ? err : choose_tiers(r, ei);
    if (err)
        return err;
    in.gaps = gaps;
    in.tiers = r->tiers;
    in.n_tiers = r->n_tiers;
    plan_make(&in, &r->plan);
    r->s->from_s = r->plan.from_s;
    r->s->to_s = r->plan.to_s;
    return OK;
}

/* ---- callbacks on the loop ---- */

static void stop_loop(struct run *r)
{
    loop_timer_cancel(r->tick);
    r->tick = NULL;
    engine_off_ask(&r->e);
    loop_stop(r->e.loop);
}

/* A cursor that lies ahead of the source's clock, as after a typing error or a clock that was wrong, lets every run end
 * well without reading anything. Where the source does not tell the time, ours may be wrong as well. */
static enum err refuse_ahead(const struct run *r, struct errinfo *ei)
{
    int64_t at = reading_from_s(r), now = source_now_s(r);
    const struct zone *zone = r->e.flow->project->zone;
    char text[2][TIME_TEXT];

    if (r->e.options->kind != RUN_MAIN || r->e.flow->paging->kind == PAGE_CURSOR ||
        at - now <= (remote_clock_known(r->e.remote) ? AHEAD_S : AHEAD_OF_OURS_S))
        return OK;
    text[0][time_datetime(zone, at, text[0])] = '\0';
    text[1][time_datetime(zone, now, text[1])] = '\0';
    fail(ei, ERR_CONFIG, "the cursor stands at %s, but at the source it is %s: nothing would be read until then",
         text[0], text[1]);
    return fail_hint(ei,
                     "put it back with `" PRODUCT " cursor " STR_FMT " --set TIME`; runs that ended before tell how "
                     "far the target is whole",
                     STR_ARG(r->e.integration->name));
}

/* No plan that was made by a clock that is doubted may be read: its end might lie behind what is still to come. */
static enum err ask_again(struct run *r, bool *ret_again, struct errinfo *ei)
{
    *ret_again = ++r->first_pages < FIRST_PAGES_MAX;
    if (*ret_again)
        return OK;
    fail(ei, ERR_REMOTE,
         "the time at the source cannot be told: after %d replies its Date and the clock of this machine "
         "still contradict what they said before",
         FIRST_PAGES_MAX);
    return fail_hint(
        ei, "look whether this machine's clock jumps (`timedatectl`), and what Date the source's replies have");
}

static enum err first_page(void *ctx, bool *ret_again, struct errinfo *ei)
{
    struct run *r = ctx;
    struct errinfo why;
    int64_t off_s = source_now_s(r) - r->e.integration->lag_ms / 1000 - r->plan.edge_s;

    *ret_again = false;
    if (PLANTED(own_clock) || r->e.flow->paging->kind == PAGE_CURSOR)
        return OK;
    if (remote_clock_doubted(r->e.remote))
        return ask_again(r, ret_again, ei);
    if (refuse_ahead(r, ei))
        return ei->code;
    if (llabs(off_s) * 1000 <= CLOCK_MATTERS_MS + (clock_mono(r->e.options->clock) - r->began_ms) ||
        r->e.options->kind == RUN_REPAIR)
        return OK;
    if (ask_again(r, ret_again, ei))
        return ei->code;
    if (plan(r, &why))
        log_warn("%s", why.msg);
    else
        reader_set_jobs(r->reader, r->plan.jobs, r->plan.n);
    return OK;
}

static void reading_ended(void *ctx, const struct errinfo *why)
{
    struct run *r = ctx;

    if (why->code && !r->s->error.code)
        r->s->error = *why;
    r->read_all = true;
    pipeline_finish_input(&r->p);
}

static void on_room(void *ctx)
{
    struct run *r = ctx;

    if (!r->read_all)
        reader_room(r->reader);
}

static void room_from_thread(void *ctx)
{
    loop_post(((struct run *)ctx)->e.loop, on_room, ctx);
}

static void on_written(void *ctx)
{
    struct run *r = ctx;

    r->written = true;
    if (!r->read_all) {
        reader_stop(r->reader);
        pipeline_finish_input(&r->p);
    }
    stop_loop(r);
}

static void written_from_thread(void *ctx)
{
    loop_post(((struct run *)ctx)->e.loop, on_written, ctx);
}

static void on_ask(void *ctx, enum run_ask ask)
{
    struct run *r = ctx;

    if (ask == RUN_GIVE_WAY) {
        reader_give_way(r->reader);
        return;
    }
    r->interrupted = true;
    atomic_store(&r->p.stopping, true);
    if (!r->read_all) {
        reader_stop(r->reader);
        r->read_all = true;
        pipeline_finish_input(&r->p);
    }
}

static void note_source(void *ctx, enum source_note what, const struct errinfo *ei, int64_t wait_ms)
{
    struct run *r = ctx;

    struct event ev = {
        .kind = EVENT_RETRY, .code = ei ? ei->code : OK, .text = ei ? str_of(ei->msg) : S(""), .took_ms = wait_ms};

    if (what == NOTE_WAIT || what == NOTE_CLOSED) {
        ev.kind = EVENT_CIRCUIT;
        ev.flag = what == NOTE_WAIT;
        ev.text = ei ? ev.text : S("the other side answers again");
    }
    pipeline_emit(&r->p, ev);
}

/* ---- counting ---- */

static void take_counts(const struct run *r, struct counts *c)
{
    struct source_counts sc = r->e.source ? source_counts(r->e.source) : (struct source_counts){0};
    const struct pipeline *p = &r->p;
    struct reader_state rs = {0};

    if (r->reader)
        reader_state(r->reader, &rs);
    *c = (struct counts){
        .windows = rs.windows,
        .gaps = rs.gaps,
        .gaps_closed = rs.gaps_closed,
        .calls = sc.calls,
        .throttled = sc.throttled,
        .retries = sc.retries + atomic_load(&p->retries),
        .pages = atomic_load(&p->pages),
        .records = atomic_load(&p->records),
        .folded = atomic_load(&p->folded),
        .filtered = atomic_load(&p->filtered),
        .repeats = atomic_load(&p->repeats),
        .rows = atomic_load(&p->rows),
        .missing_found = atomic_load(&p->missing_found),
        .bytes = atomic_load(&p->bytes),
        .dead_records = atomic_load(&p->dead_records),
        .dead_rows = atomic_load(&p->dead_rows),
        .shaped_records = atomic_load(&p->shaped_records),
        .shaped_rows = atomic_load(&p->shaped_rows),
        .overlaid_rows = atomic_load(&p->overlaid),
        .removed = atomic_load(&p->removed),
    };
}

static void tick(void *ctx)
{
    struct run *r = ctx;
    struct reader_state rs;
    struct run_live live;
    const char *waiting = atomic_load(&r->p.waiting);

    reader_state(r->reader, &rs);
    take_counts(r, &live.counts);
    live.run = r->id;
    live.waiting = waiting;
    live.queued_journal = (int64_t)queue_length(r->p.to_journal);
    live.queued_shape = (int64_t)queue_length(r->p.to_shape);
    live.queued_write = (int64_t)queue_length(r->p.to_write);
    live.window_from_s = rs.window_from_s;
    live.window_to_s = rs.window_to_s;
    live.pages_left = rs.pages_left;
    live.permille = rs.permille;
    live.quota_left = bucket_left(r->e.bucket);
    live.elapsed_ms = clock_mono(r->e.options->clock) - r->began_ms;
    live.doing = waiting ? waiting : r->read_all ? "writing what is left" : "reading";
    r->e.options->tick(r->e.options->tick_ctx, &live);
    r->tick = loop_timer_start(r->e.loop, TICK_MS, tick, r);
}

static void check_laws(struct run *r)
{
    const struct counts *c = &r->s->counts;

    if (c->records != c->folded + c->filtered + c->repeats + c->dead_records + c->shaped_records)
        fail(&r->s->error, ERR_INTERNAL,
             "the records do not add up: %lld received, %lld folded, %lld filtered, %lld repeats, %lld dead, %lld "
             "shaped",
             (long long)c->records, (long long)c->folded, (long long)c->filtered, (long long)c->repeats,
             (long long)c->dead_records, (long long)c->shaped_records);
    else if (c->shaped_rows != c->rows + c->dead_rows + c->overlaid_rows)
        fail(&r->s->error, ERR_INTERNAL,
             "the rows do not add up: %lld shaped, %lld committed, %lld dead, %lld overlaid", (long long)c->shaped_rows,
             (long long)c->rows, (long long)c->dead_rows, (long long)c->overlaid_rows);
    else if (atomic_load(&r->p.unbalanced))
        fail(&r->s->error, ERR_INTERNAL, "the records of %lld windows do not add up, see `sluice runs --windows`",
             (long long)atomic_load(&r->p.unbalanced));
    else
        return;
    fail_hint(&r->s->error,
              "please report this with the run's log; the cursor stands where everything before it is written");
}

/* ---- the run ---- */

static struct str page_size_fact(const struct run *r)
{
    return arena_printf(r->e.arena, "page_size:" STR_FMT ":" STR_FMT, STR_ARG(r->e.integration->source->name),
                        STR_ARG(r->e.flow->iface->name));
}

/* What lies before the pages that the journal still has, the ledger will never learn: a record of that time is not
 * missing because it is not known. */
static enum err ledger_begin(struct run *r, struct errinfo *ei)
{
    struct str name = r->e.integration->name;
    struct progress g;
    enum err err = store_progress(r->e.store, name, &g, ei);

    r->p.ran_before = !err && g.known && !r->e.adopted && r->e.at.cursor_s != INT64_MIN;
    if (err || !r->p.ledger || !r->e.journal || journal_first(r->e.journal) <= r->p.ledger_page + 1)
        return err;
    r->p.missing_from_s = r->e.at.cursor_s;
    return store_set_fact(r->e.store, ledger_from_fact(r->e.arena, name),
                          arena_printf(r->e.arena, "%lld", (long long)r->e.at.cursor_s), ei);
}

static enum err ledger_bounds(struct run *r, struct errinfo *ei)
{
    struct str text;
    int64_t from;
    enum err err = store_fact(r->e.store, ledger_from_fact(r->e.arena, r->e.integration->name), r->e.arena, &text, ei);

    r->p.ledger = tiers_count(r->e.flow) || r->e.flow->id_check || r->e.flow->statements[0].verb == VERB_INSERT ||
                  r->e.flow->sink_spec.guard.column.n;
    r->p.ledger_exact = r->e.flow->id_check;
    r->p.missing_until_s = r->e.at.cursor_s;
    r->p.missing_from_s = !err && text.p && num_i64(text, &from) ? from : INT64_MIN;
    err = err ? err : ledger_page(r->e.store, r->e.integration->name, &r->p.ledger_page, ei);
    err = err ? err : ledger_begin(r, ei);
    err = err ? err : engine_ledger_base(&r->e, &r->p.ledger_base, ei);
    /* ahead of a target that was set back, it does not tell what stood there: learnt again from the journal, whole
     * where it decides what is written */
    if (r->p.ledger_page > checkpoint_whole(&r->e.at))
        r->p.ledger_page = r->p.ledger_exact ? 0 : checkpoint_whole(&r->e.at);
    if (r->p.ledger_page < r->p.ledger_base)
        r->p.ledger_page = r->p.ledger_base;
    return err;
}

/* Opens the index of kept records where the target stands: what was noted of batches that were not committed is taken
 * away; a commit that nobody came to note gets its place, without its time. */
static enum err open_kept(struct run *r, struct errinfo *ei)
{
    const struct checkpoint *at = &r->e.at;
    struct records_reach start = {at->page, at->row < 0 ? INT32_MAX : at->row};
    struct records_batch b = {.to = start, .batch = at->batch, .epoch = at->epoch, .mapping = at->mapping};
    struct strs terms = shape_terms(r->e.flow->shape, r->e.arena);
    struct records_reach *reach = &r->p.kept_to;
    bool known = true;
    enum err e = records_open(r->e.project->state_dir, r->e.integration->name, false, &r->e.kept, ei);

    e = e ? e : records_name_terms(r->e.kept, r->e.flow->mapping, terms.at, terms.n, ei);
    e = e ? e : records_reached(r->e.kept, reach, ei);
    if (!e && (reach->page > start.page || (reach->page == start.page && reach->row > start.row))) {
        e = records_cut(r->e.kept, start, ei);
        *reach = start;
    }
    if (!e && start.page > 0)
        e = records_batch_of(r->e.kept, (struct records_place){start.page, start.row - 1}, &b, &known, ei);
    if (!e && !known)
        e = records_committed(r->e.kept, &b, ei);
    r->p.kept = r->e.kept;
    return e;
}

static enum err open_all(struct run *r, struct errinfo *ei)
{
    const struct run_options *o = r->e.options;
    enum err err = engine_open(&r->e, ei);

    if (!err && o->kind == RUN_REMEDY && o->reread == REREAD_NONE && !r->e.flow->remedy) {
        err =
            fail(ei, ERR_CONFIG, "integration \"" STR_FMT "\" has no omissionRemedy", STR_ARG(r->e.integration->name));
        fail_hint(ei, "add `omissionRemedy` with a `takeOverRequest` to the source document");
    }
    if (!err && !o->dry_run)
        err = o->part == RUN_FETCH ? engine_open_journal(&r->e, ei) : engine_open_target(&r->e, ei);
    if (!err && o->dry_run)
        err = engine_peek(&r->e, ei);
    err = err ? err : engine_open_source(&r->e, note_source, r, ei);
    err = err ? err : ledger_bounds(r, ei);
    err = err ? err : engine_fetched(&r->e, &r->fetched_s, ei);
    return !err && r->e.integration->keep_records && !o->dry_run && r->e.sink ? open_kept(r, ei) : err;
}

static void set_pipeline(struct run *r)
{
    r->p.flow = r->e.flow;
    r->p.options = r->e.options;
    r->p.store = r->e.store;
    r->p.journal = r->e.journal;
    r->p.sink = r->e.sink;
    r->p.run_id = r->id;
    r->p.start = r->e.at;
    r->p.target_holds = r->e.target_holds;
    r->p.room = room_from_thread;
    r->p.ended = written_from_thread;
    r->p.room_ctx = r->p.ended_ctx = r;
    r->p.fetch_only = r->e.options->part == RUN_FETCH;
    if (r->e.options->dry_run || r->p.fetch_only)
        r->p.ledger = false;
    atomic_store(&r->p.whole_page, checkpoint_whole(&r->e.at));
    atomic_store(&r->p.written_page, r->e.at.page);
    if (r->e.cursor_by_own_clock)
        r->p.start.cursor_s = INT64_MIN; /* the first window's end is the first that is known by the source's clock */
    atomic_store(&r->p.written_cursor, r->p.start.cursor_s);
    atomic_store(&r->p.fetched_cursor, INT64_MIN);
}

static enum err set_reader(struct run *r, struct errinfo *ei)
{
    struct reader_config c = {
        .flow = r->e.flow,
        .pipeline = &r->p,
        .source = r->e.source,
        .store = r->e.store,
        .remote = r->e.remote,
        .cursor = r->e.flow->paging->kind == PAGE_CURSOR ? r->fetched_s : INT64_MIN,
        .first_page = first_page,
        .ended = reading_ended,
        .ctx = r,
    };
    struct str text;
    enum err err = store_fact(r->e.store, page_size_fact(r), r->e.arena, &text, ei);

    if (err)
        return err;
    if (!text.p || !num_i64(text, &c.size_learnt))
        c.size_learnt = 0;
    r->reader = reader_new(&c);
    reader_set_jobs(r->reader, r->plan.jobs, r->plan.n);
    return OK;
}

/* What the records look like is compared with what is known; room that was asked for before is made first. Whether that
 * worked is told at the end of the run, when it is tried again. */
static enum err open_drift(struct run *r, struct errinfo *ei)
{
    struct errinfo later;
    enum err err = r->e.options->dry_run || !r->e.sink ? OK : drift_open(&r->p, &r->p.drift, ei);

    if (!err && drift_make_room(r->p.drift, &later))
        log_info("%s", later.msg);
    return err;
}

/* Before anything is read: the place in the journal at which lost records go. */
static void offer_lost(struct run *r)
{
    const struct repair_rule *rule = r->e.options->repair;
    struct page *mark;

    if (r->e.options->kind != RUN_REPAIR || !rule->n_lost)
        return;
    mark = page_new();
    mark->mark = mark->lost = true;
    mark->purpose = PURPOSE_REPAIR;
    mark->run = r->id;
    mark->fetched_ms = remote_clock_now_ms(r->e.remote);
    if (!pipeline_offer(&r->p, mark))
        page_unref(mark); /* only when the pipeline has failed already */
}

static enum err work(struct run *r, struct errinfo *ei)
{
    struct errinfo why;
    enum err err = plan(r, ei);

    set_pipeline(r);
    err = err ? err : set_reader(r, ei);
    err = err ? err : open_drift(r, ei);
    if (err)
        return err;
    engine_on_ask(&r->e, on_ask, r);
    err = pipeline_start(&r->p, ei);
    if (!err) {
        if (r->e.options->tick)
            r->tick = loop_timer_start(r->e.loop, TICK_MS, tick, r);
        offer_lost(r);
        reader_start(r->reader);
        loop_run(r->e.loop);
    }
    pipeline_join(&r->p);
    if (!err && !r->p.error.code && !r->s->error.code && drift_make_room(r->p.drift, &why))
        r->s->error = why;
    return err;
}

/* For `status`: how rows go in, and what is promised of them. */
static void remember_fact(const struct run *r, const char *what, struct str value)
{
    struct errinfo ei;

    if (store_set_fact(r->e.store, arena_printf(r->e.arena, "%s:" STR_FMT, what, STR_ARG(r->e.integration->name)),
                       value, &ei))
        log_warn("%s", ei.msg);
}

/* For `status`: the writer, who keeps progress otherwise, does not work. */
static void remember_fetched(const struct run *r)
{
    int64_t fetched = atomic_load(&r->p.fetched_cursor);
    struct progress g;
    struct errinfo ei;

    if (fetched == INT64_MIN)
        return;
    if (store_progress(r->e.store, r->e.integration->name, &g, &ei)) {
        log_warn("%s", ei.msg);
        return;
    }
    g.fetched_s = fetched;
    if (g.known && store_set_progress(r->e.store, r->e.integration->name, &g, &ei))
        log_warn("%s", ei.msg);
}

/* Up to here nothing needs the journal any more: it is written whole, and the ledger knows it. A target that writing
 * failed at may have been set back. */
static int64_t done_with(const struct run *r)
{
    int64_t whole = atomic_load(&r->p.whole_page);

    if (r->p.error.code)
        return 0;
    return r->p.ledger && r->p.ledger_page < whole ? r->p.ledger_page : whole;
}

static void remember(struct run *r)
{
    struct reader_state rs;
    struct prune_rule rule;
    struct errinfo ei;
    size_t dropped, closed;

    if (r->e.options->dry_run || !r->reader)
        return;
    if (store_dead_settle(r->e.store, r->e.integration->name, atomic_load(&r->p.written_page), &closed, &ei))
        log_warn("%s", ei.msg);
    engine_remember(&r->e);
    if (r->e.sink) {
        remember_fact(r, "path", str_of(sink_path(r->e.sink)));
        remember_fact(r, "promise", sink_promise(r->e.sink, r->e.target_holds, r->e.arena));
    }
    if (r->p.fetch_only)
        remember_fetched(r);
    reader_state(r->reader, &rs);
    if (!r->p.error.code && !r->s->error.code && !r->interrupted)
        note_tiers(r, rs.jobs_done);
    if (rs.size_learnt > 0 && rs.size_learnt < r->e.flow->page_size &&
        store_set_fact(r->e.store, page_size_fact(r), arena_printf(r->e.arena, "%lld", (long long)rs.size_learnt), &ei))
        log_warn("%s", ei.msg);
    rule = (struct prune_rule){
        .done = done_with(r),
        .keep_ms = r->e.project->settings.keep_journal_ms,
        .max_bytes = (int64_t)r->e.project->settings.journal_limit_bytes,
        .now_ms = clock_wall(r->e.options->clock),
    };
    if (journal_prune(r->e.journal, &rule, &dropped, &ei) ||
        (r->e.kept && dropped && records_prune(r->e.kept, journal_first(r->e.journal), &ei)))
        log_warn("%s", ei.msg);
    if (store_prune(r->e.store, rule.now_ms - r->e.project->settings.keep_runs_ms, &dropped, &ei))
        log_warn("%s", ei.msg);
}

static void conclude(struct run *r)
{
    struct run_summary *s = r->s;
    struct reader_state rs = {0};

    if (r->reader)
        reader_state(r->reader, &rs);
    take_counts(r, &s->counts);
    s->cursor_s = r->reader ? atomic_load(&r->p.written_cursor) : r->e.at.cursor_s;
    s->cursor_is_time = !r->e.flow || r->e.flow->paging->kind != PAGE_CURSOR;
    s->duration_ms = clock_mono(r->e.options->clock) - r->began_ms;
    if (r->p.error.code && !s->error.code)
        s->error = r->p.error;
    if (!s->error.code && !r->interrupted && r->reader && !r->p.fetch_only)
        check_laws(r);
    summary_hint(s);
    s->verified = !s->error.code && !r->interrupted && rs.windows > 0 ? rs.verified == rs.windows
                                                                      : !s->error.code && !r->interrupted && r->reader;
    if (!s->error.code && !r->interrupted && rs.gave_way) {
        s->gave_way = true;
        s->to_s = rs.reached_s == INT64_MIN ? s->from_s : rs.reached_s;
    }
    s->status = s->error.code                                  ? RUN_FAILED
                : r->interrupted                               ? RUN_INTERRUPTED
                : s->counts.dead_records + s->counts.dead_rows ? RUN_PARTIAL
                                                               : RUN_OK;
    if (r->e.sink)
        snprintf(s->path, sizeof s->path, "%s", sink_path(r->e.sink));
}

static void emit(const struct run *r, struct event ev)
{
    ev.integration = r->e.integration->name;
    ev.run = r->id;
    event_emit(&r->e.options->listener, &ev);
}

static void record_end(struct run *r)
{
    struct buf b = buf_make(1u << 20);
    struct errinfo ei;

    run_summary_json(r->s, r->e.project->zone, &b);
    if (r->id && store_run_end(r->e.store, r->id, str_of(run_status_name(r->s->status)), buf_str(&b),
                               clock_wall(r->e.options->clock), &ei))
        log_warn("%s", ei.msg);
    emit(r, (struct event){.kind = EVENT_RUN_ENDED, .text = buf_str(&b), .code = r->s->error.code});
    buf_free(&b);
}

/* For the long schedule; a run that another holds back says nothing of the integration. */
static void note_outcome(const struct run *r)
{
    const struct run_options *o = r->e.options;
    enum err code = r->s->error.code;
    struct errinfo ei;

    bool beside = o->part == RUN_FETCH && !r->e.integration->target_crontab.n; /* what failed is another run's to say */

    if (o->kind != RUN_MAIN || o->dry_run || beside || r->s->status == RUN_INTERRUPTED || code == ERR_CONFLICT)
        return;
    if (retry_note(r->e.store, r->e.integration->name, code, clock_wall(o->clock), &ei))
        log_warn("%s", ei.msg);
}

/* A run that could not begin is one that failed, unless another holds the integration: that one is recorded. */
static enum err begin_record(struct run *r, enum err err, struct errinfo *ei)
{
    const struct run_options *o = r->e.options;
    struct errinfo second;

    if (store_run_begin(r->e.store, r->e.integration->name, str_of(run_kind_name(o->kind)), clock_wall(o->clock),
                        &r->id, err ? &second : ei))
        return err ? err : ei->code;
    return err;
}

void run_integration(const struct project *p, const struct integration *i, struct store *store,
                     const struct run_options *o, struct run_summary *ret)
{
    struct run *r = mem_zero(sizeof *r);
    struct errinfo ei;
    enum err err;

    *ret = (struct run_summary){.kind = o->kind, .from_s = INT64_MIN, .to_s = INT64_MIN, .cursor_s = INT64_MIN};
    snprintf(ret->integration, sizeof ret->integration, STR_FMT, STR_ARG(i->name));
    r->s = ret;
    r->e = (struct engine){.project = p, .integration = i, .options = o, .store = store};
    r->e.at.cursor_s = INT64_MIN; /* until it is known */
    r->began_ms = clock_mono(o->clock);
    if (o->kind == RUN_REPLAY || o->kind == RUN_RETRY) {
        redo(&r->e, ret);
        free(r);
        return;
    }
    err = open_all(r, &ei);
    if (err != ERR_CONFLICT && !o->dry_run)
        err = begin_record(r, err, &ei);
    if (!err) {
        emit(r, (struct event){.kind = EVENT_RUN_STARTED, .text = str_of(run_kind_name(o->kind))});
        err = work(r, &ei);
    }
    r->interrupted |= r->e.interrupted;
    if (!err)
        remember(r);
    else if (!ret->error.code && !r->e.interrupted)
        ret->error = ei;
    conclude(r);
    note_outcome(r);
    record_end(r);
    reader_free(r->reader);
    drift_free(r->p.drift);
    engine_close(&r->e);
    free(r);
}
