/* One transaction a batch, and never a doubt about what is in. Synchronous: the write thread calls it, and so may a
 * simulation.
 *
 * Target trouble blocks: the batch is tried again, with full jitter, until the patience of the run is over; nothing
 * overtakes it. When the answer to COMMIT was lost, the checkpoint row decides: it holds the number of the last batch
 * that went in. A batch that the server refuses row by row comes back with its bad rows: they are dead letters, durable
 * before the COMMIT that passes them.
 *
 * The store's copy of the progress follows the target's checkpoint, at most once a second; where the target cannot hold
 * one, after every batch. */
#include "run/writer.h"

#include "base/plant.h"

#include "base/digest.h"
#include "base/map.h"
#include "run/proofs.h"

#include <stdlib.h>

#define BACKOFF_FIRST_MS  100
#define BACKOFF_MAX_MS    5000
#define PROGRESS_EVERY_MS 1000

struct writer {
    struct pipeline *p;
    struct map *open_dead; /* keys that have open dead letters */
    int64_t progress_at_ms;
    int64_t in_target;         /* the number of the last batch there */
    struct checkpoint written; /* what the target's checkpoint says; the pipeline's `start` stays as it was claimed */
    struct proofs proofs;
    struct unit *u;
};

/* ---- dead letters ---- */

static void dead_of_bad(const struct unit *u, const struct bad_row *bad, struct dead_letter *d)
{
    const struct batch *t = &u->b;
    const struct batch_row *row = &t->rows[bad->row];
    const struct batch_record *r = &t->records[row->record];
    struct buf raw = buf_make(32u << 20);

    json_write(r->raw, &raw);
    *d = (struct dead_letter){
        .key = r->key,
        .target_id = row->id,
        .version = r->version,
        .page = r->page,
        .row = r->row,
        .line = row->line,
        .code = str_of(err_name(bad->code)),
        .reason = bad->reason,
        .raw = arena_str(t->arena, buf_str(&raw)),
        .state = DEAD_OPEN,
    };
    buf_free(&raw);
}

static void tell_dead(const struct writer *w, const struct dead_letter *d)
{
    pipeline_emit(w->p, (struct event){.kind = EVENT_DEAD,
                                       .key = d->target_id.n ? d->target_id : d->key,
                                       .batch = w->u->b.to.batch,
                                       .position = d->page,
                                       .code = ERR_DATA,
                                       .text = d->reason});
}

/* In redo: those that have no letter yet go to the front; how many they are. */
static size_t without_letter(const struct pipeline *p, struct dead_letter *d, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        struct dead_letter one = d[i];

        if (p->has_letter && p->has_letter(p->redone_ctx, &one))
            continue;
        d[i] = d[kept];
        d[kept++] = one;
    }
    return kept;
}

/* Letters that were there already are not told again: a record that is read with every run is one error. */
static enum err keep_dead(struct writer *w, struct batch *b, struct errinfo *ei)
{
    struct pipeline *p = w->p;
    size_t n = w->u->n_dead + b->n_bad, n_new = n;
    struct dead_letter *all = arena_alloc(b->arena, (n + 1) * sizeof *all);
    int64_t now = clock_wall(p->options->clock);
    enum err err = OK;

    if (w->u->n_dead)
        memcpy(all, w->u->dead, w->u->n_dead * sizeof *all);
    for (size_t i = 0; i < b->n_bad; i++)
        dead_of_bad(w->u, &b->bad[i], &all[w->u->n_dead + i]);
    for (size_t i = 0; i < n; i++) {
        all[i].created_ms = now;
        if (!p->frozen)
            map_put(w->open_dead, all[i].key, 1);
    }
    if (p->frozen)
        n_new = without_letter(p, all, n);
    if (n_new)
        err = store_dead_add(p->store, p->flow->integration->name, all, n_new, ei);
    for (size_t i = 0; !err && i < n; i++)
        if (!all[i].again)
            tell_dead(w, &all[i]);
    return err;
}

/* A newer version of a record that had a dead letter goes in: the letter is closed. Before the COMMIT, as a crash
 * behind it would leave the letter open; the newer version is in the journal, so it will be written whatever happens.
 */
static enum err supersede(struct writer *w, const struct batch *b, struct errinfo *ei)
{
    struct dead_letter *newer;
    size_t n = 0, closed;

    if (!map_count(w->open_dead)) /* nor does a redo know any */
        return OK;
    newer = arena_alloc(b->arena, (b->n_records + 1) * sizeof *newer);
    for (size_t i = 0; i < b->n_records; i++)
        if (map_get(w->open_dead, b->records[i].key) != MAP_NONE)
            newer[n++] =
                (struct dead_letter){.key = b->records[i].key, .page = b->records[i].page, .row = b->records[i].row};
    return n ? store_dead_supersede(w->p->store, w->p->flow->integration->name, newer, n, &closed, ei) : OK;
}

/* What has to be durable before the batch is. */
static enum err before_commit(void *ctx, struct batch *b, struct errinfo *ei)
{
    struct writer *w = ctx;
    enum err e = PLANTED(no_letters) ? OK : keep_dead(w, b, ei);

    e = e ? e : supersede(w, b, ei);
    return e || w->p->frozen ? e : proofs_keep(&w->proofs, w->p, w->u, ei);
}

static enum err load_open_dead(struct writer *w, struct errinfo *ei)
{
    struct dead_query q = {.integration = w->p->flow->integration->name, .limit = 1000};
    enum err e = OK;
    size_t n;

    do {
        struct arena *a = arena_new(1u << 30);
        struct dead_letter *d;

        e = store_dead_list(w->p->store, &q, a, &d, &n, ei);
        for (size_t i = 0; !e && i < n; i++) {
            map_put(w->open_dead, d[i].key, 1);
            q.after_id = d[i].id;
        }
        arena_free(a);
    } while (!e && n == q.limit);
    return e;
}

/* ---- progress ---- */

static enum err keep_progress(struct writer *w, bool now, struct errinfo *ei)
{
    struct pipeline *p = w->p;
    const struct checkpoint *c = &w->written;
    int64_t mono = clock_mono(p->options->clock);
    struct progress g;
    enum err e;

    if (p->frozen || (!now && p->target_holds && mono < w->progress_at_ms + PROGRESS_EVERY_MS))
        return OK;
    w->progress_at_ms = mono;
    e = store_progress(p->store, p->flow->integration->name, &g, ei);
    if (e)
        return e;
    g.known = true;
    g.page = atomic_load(&p->written_page);
    g.cursor_s = atomic_load(&p->written_cursor);
    if (atomic_load(&p->fetched_cursor) != INT64_MIN)
        g.fetched_s = atomic_load(&p->fetched_cursor);
    g.epoch = c->epoch;
    g.batch = c->batch;
    g.row = c->row;
    g.mapping = p->flow->mapping;
    if (atomic_load(&p->freshest_ms) > g.freshest_ms)
        g.freshest_ms = atomic_load(&p->freshest_ms);
    g.updated_ms = clock_wall(p->options->clock);
    return store_set_progress(p->store, p->flow->integration->name, &g, ei);
}

/* ---- one batch ---- */

static void tell_redone(struct writer *w, const struct batch *b)
{
    struct pipeline *p = w->p;
    struct redo_refusal *refused;

    if (!p->redone)
        return;
    refused = arena_alloc(b->arena, (b->n_bad + 1) * sizeof *refused);
    for (size_t i = 0; i < b->n_records; i++) {
        size_t n = 0;

        for (size_t k = 0; k < b->n_bad; k++)
            if (b->rows[b->bad[k].row].record == i)
                refused[n++] = (struct redo_refusal){b->rows[b->bad[k].row].line, b->bad[k].code, b->bad[k].reason};
        p->redone(p->redone_ctx, &b->records[i], refused, n);
    }
    for (size_t i = 0; i < w->u->n_dead; i++) {
        struct batch_record r = {.key = w->u->dead[i].key, .page = w->u->dead[i].page, .row = w->u->dead[i].row};

        p->redone(p->redone_ctx, &r, &(struct redo_refusal){-1, ERR_DATA, w->u->dead[i].reason}, 1);
    }
}

/* What a redo brought in: all but the records of which every row was refused. */
static enum err note_rewrite(const struct pipeline *p, const struct batch *t, const struct records_batch *b,
                             struct errinfo *ei)
{
    struct records_place *at = arena_alloc(t->arena, (t->n_records + 1) * sizeof *at);
    uint32_t *left = arena_alloc(t->arena, (t->n_records + 1) * sizeof *left);
    size_t n = 0;

    for (size_t i = 0; i < t->n_records; i++)
        left[i] = t->records[i].n_rows + t->records[i].left;
    for (size_t i = 0; i < t->n_bad; i++)
        left[t->rows[t->bad[i].row].record]--;
    for (size_t i = 0; i < t->n_records; i++)
        if (left[i])
            at[n++] = (struct records_place){t->records[i].page, t->records[i].row};
    return records_rewritten(p->kept, at, n, b, ei);
}

/* A replay that relies on the ledger tells it what is in by this mapping; the position stands. */
static enum err note_ledger(const struct pipeline *p, const struct batch *t, struct errinfo *ei)
{
    struct ledger_entry *at = arena_alloc(t->arena, (t->n_records + 1) * sizeof *at);
    struct ledger_news news = {at, t->n_records, 0};

    for (size_t i = 0; i < t->n_records; i++) {
        const struct batch_record *r = &t->records[i];

        at[i] = (struct ledger_entry){.key = r->key,
                                      .version = r->version,
                                      .hash_hi = r->hash_hi,
                                      .hash_lo = r->hash_lo,
                                      .page = r->page,
                                      .row = r->row,
                                      .lines = (int32_t)r->n_rows,
                                      .mapping = t->to.mapping};
    }
    return ledger_put(p->store, p->flow->integration->name, &news, ei);
}

static enum err note_commit(const struct pipeline *p, const struct batch *t, struct errinfo *ei)
{
    const struct checkpoint *to = &t->to;
    struct records_batch b = {.to = {to->page, to->row < 0 ? INT32_MAX : to->row},
                              .batch = to->batch,
                              .epoch = to->epoch,
                              .run = p->run_id,
                              .committed_ms = clock_wall(p->options->clock),
                              .mapping = to->mapping};

    enum err e = p->frozen && p->ledger_exact ? note_ledger(p, t, ei) : OK;

    if (e || !p->kept)
        return e;
    return p->frozen ? note_rewrite(p, t, &b, ei) : records_committed(p->kept, &b, ei);
}

/* A batch of a redo that has nothing for the target: only what became of its records is kept. */
static bool leaves_target(const struct writer *w)
{
    return w->p->frozen && !w->u->b.n_rows && !w->u->b.n_gone;
}

/* Rows that the ordinary runs had missed: a figure that stays, and an event that names some of their records. */
static enum err tell_found(struct writer *w, struct errinfo *ei)
{
    struct pipeline *p = w->p;
    const struct unit *u = w->u;
    struct metric m = {.name = S("found_missing")};
    struct buf keys = buf_make(1u << 16);

    if (!u->n_missing)
        return OK;
    for (size_t i = 0; i < u->n_tallies; i++)
        m.value += u->tallies[i].missing;
    for (size_t i = 0; i < u->n_missing && i < MISSING_NAMED; i++)
        buf_printf(&keys, "%s" STR_FMT, i ? ", " : "", STR_ARG(u->missing[i]));
    pipeline_emit(p, (struct event){.kind = EVENT_MISSING,
                                    .records = (int64_t)u->n_missing,
                                    .rows = m.value,
                                    .key = buf_str(&keys),
                                    .text = S("the ordinary runs had missed these records")});
    buf_free(&keys);
    return store_metrics_add(p->store, p->flow->integration->name, &m, 1, ei);
}

static enum err committed(struct writer *w, int64_t took_ms, struct errinfo *ei)
{
    struct pipeline *p = w->p;
    struct batch *b = &w->u->b;
    int64_t rows = (int64_t)(b->n_rows - b->n_bad - b->n_overlaid);
    enum err e;

    atomic_fetch_add(&p->rows, rows);
    atomic_fetch_add(&p->dead_rows, (int64_t)b->n_bad);
    atomic_fetch_add(&p->removed, b->n_removed);
    atomic_store(&p->written_page, b->to.page);
    if (!p->frozen)
        atomic_store(&p->whole_page, checkpoint_whole(&b->to));
    atomic_store(&p->written_cursor, b->to.cursor_s);
    if (w->u->freshest_ms > atomic_load(&p->freshest_ms))
        atomic_store(&p->freshest_ms, w->u->freshest_ms);
    if (!leaves_target(w))
        w->in_target = b->to.batch;
    w->written = b->to;
    proofs_pass(&w->proofs, p, w->u);
    pipeline_emit(p, (struct event){.kind = EVENT_COMMIT,
                                    .batch = b->to.batch,
                                    .records = (int64_t)b->n_records,
                                    .rows = rows,
                                    .position = b->to.page,
                                    .took_ms = took_ms});
    tell_redone(w, b);
    e = note_commit(p, b, ei);
    e = e ? e : tell_found(w, ei);
    return e ? e : keep_progress(w, false, ei);
}

/* Full jitter below a doubling ceiling. */
static int64_t backoff_ms(int attempt)
{
    int64_t ceiling = BACKOFF_FIRST_MS;
    uint32_t r;

    while (attempt-- > 0 && ceiling < BACKOFF_MAX_MS)
        ceiling *= 2;
    if (ceiling > BACKOFF_MAX_MS)
        ceiling = BACKOFF_MAX_MS;
    random_bytes(&r, sizeof r);
    return 10 + (int64_t)(r % (uint32_t)ceiling);
}

/* Waits, but not once the run is being stopped; nor, unless what became of a COMMIT is still to be learnt, once it is
 * failing. */
static void pause_ms(const struct pipeline *p, int64_t ms, bool deciding)
{
    while (ms > 0 && (deciding || !atomic_load(&p->failed)) && !atomic_load(&p->stopping)) {
        int64_t step = ms < 50 ? ms : 50;

        clock_pause(p->options->clock, step);
        ms -= step;
    }
}

static enum sink_outcome attempt(struct writer *w, struct errinfo *ei)
{
    struct batch *b = &w->u->b;
    struct sink_hook hook = {before_commit, w};

    if (leaves_target(w))
        return keep_dead(w, b, ei) ? SINK_PERMANENT : SINK_COMMITTED;
    b->after = w->in_target;
    return sink_write(w->p->sink, b, &hook, ei);
}

static enum sink_outcome fenced(const struct writer *w, struct errinfo *ei)
{
    fail(ei, ERR_CONFLICT, "another process took over integration \"" STR_FMT "\" in this target",
         STR_ARG(w->p->flow->integration->name));
    fail_hint(ei, "only one process may write an integration; this one stops");
    return SINK_FENCED;
}

static enum sink_outcome set_back(struct errinfo *ei)
{
    fail(ei, ERR_TARGET, "the target stands behind what was written to it: it was set back while this run wrote");
    fail_hint(ei, "run again: the journal writes the rest again");
    return SINK_PERMANENT;
}

/* After an unknown outcome: reconnects and reads what the target says. SINK_TRANSIENT: it is not in, but all before it
 * is. */
static enum sink_outcome decide(struct writer *w, struct errinfo *ei)
{
    const struct batch *b = &w->u->b;
    struct checkpoint c;
    bool found, held;

    if (sink_connect(w->p->sink, ei) || sink_checkpoint(w->p->sink, &c, &found, &held, ei))
        return SINK_UNKNOWN;
    if (!held)
        return SINK_TRANSIENT;
    if (PLANTED(unknown_is_in))
        return SINK_COMMITTED;
    if (found && c.epoch > b->to.epoch)
        return fenced(w, ei);
    if (!found || c.epoch < b->to.epoch || !str_eq(str_of(c.journal), str_of(b->to.journal)))
        return set_back(ei);
    if (c.batch == b->after)
        return SINK_TRANSIENT;
    return c.batch == b->to.batch ? SINK_COMMITTED : set_back(ei);
}

/* Until it is in, or patience is over. */
static enum err write_unit(struct writer *w, struct errinfo *ei)
{
    struct pipeline *p = w->p;
    int64_t begun = clock_mono(p->options->clock), first_failure = -1;

    for (int n = 0;; n++) {
        enum sink_outcome o = attempt(w, ei);
        int64_t now;

        while (o == SINK_UNKNOWN) {
            now = clock_mono(p->options->clock);
            first_failure = first_failure < 0 ? now : first_failure;
            o = decide(w, ei);
            if (o == SINK_UNKNOWN && (now - first_failure > p->options->patience_ms || atomic_load(&p->stopping)))
                return ei->code;
            if (o == SINK_UNKNOWN)
                pause_ms(p, backoff_ms(n++), true);
        }
        now = clock_mono(p->options->clock);
        if (o == SINK_COMMITTED)
            return committed(w, now - begun, ei);
        first_failure = first_failure < 0 ? now : first_failure;
        if (o != SINK_TRANSIENT || now - first_failure > p->options->patience_ms || atomic_load(&p->stopping) ||
            atomic_load(&p->failed))
            return ei->code ? ei->code : ERR_TARGET;
        atomic_fetch_add(&p->retries, 1);
        atomic_store(&p->waiting, "waiting for the target");
        pipeline_emit(
            p, (struct event){
                   .kind = EVENT_RETRY, .code = ei->code, .text = str_of(ei->msg), .took_ms = now - first_failure});
        pause_ms(p, backoff_ms(n), false);
        atomic_store(&p->waiting, NULL);
    }
}

/* A dry run writes nothing and counts what would have been written. */
static enum err pretend(struct writer *w, struct errinfo *ei)
{
    (void)ei;
    atomic_fetch_add(&w->p->rows, (int64_t)w->u->b.n_rows);
    return OK;
}

struct writer *writer_new(struct pipeline *p)
{
    struct writer *w = mem_zero(sizeof *w);

    w->p = p;
    w->written = p->start;
    w->in_target = p->start.batch;
    w->open_dead = map_new_copying(256u << 20);
    w->progress_at_ms = INT64_MIN / 2;
    return w;
}

void writer_free(struct writer *w)
{
    if (!w)
        return;
    map_free(w->open_dead);
    free(w);
}

enum err writer_begin(struct writer *w, struct errinfo *ei)
{
    return w->p->sink && !w->p->frozen ? load_open_dead(w, ei) : OK;
}

enum err writer_write(struct writer *w, struct unit *u, struct errinfo *ei)
{
    w->u = u;
    return w->p->sink ? write_unit(w, ei) : pretend(w, ei);
}

enum err writer_end(struct writer *w, struct errinfo *ei)
{
    return w->p->sink ? keep_progress(w, true, ei) : OK;
}
