/* Writing again what is already here: replay (from the journal, by the current mapping) and retry (dead letters). The
 * source is not called, and neither the position nor the cursor moves.
 *
 * Both become pages of raw records and go through the ordinary shape and write threads. A replay takes the records that
 * were read in its range; of each it writes the newest version that the journal has, wherever that was read, and never
 * one that is older than what the ledger knows. Of a letter that a person edited the edited record is written. Each
 * record keeps the place and the moments of the page that it was read in, so what is frozen there (CURRENT_TIME, uuid,
 * random) gives the same row. A retried letter of one line writes that line alone, and a replay leaves out what is
 * written as it is, so a plain INSERT doubles nothing.
 *
 * What is refused is a letter afterwards, of the place where its record was read; a letter whose line went in is
 * closed, by a replay as by a retry. */
#include "base/decimal.h"
#include "base/log.h"
#include "base/map.h"
#include "base/num.h"
#include "run/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_RECORDS     200
#define CHUNK_MAX_BYTES   (1u << 30)
#define LETTERS_MAX       1000000
#define LETTERS_ARENA_MAX (2u << 30)
#define ENTRY_ARENA_MAX   (64u << 20)
#define NEWEST_ARENA_MAX  (2u << 30)

/* A record that has open dead letters: those of one version. */
struct item {
    struct dead_letter *letters; /* of one record version, next to each other */
    size_t n;
};

struct redo {
    struct engine *e;
    struct pipeline p;
    struct run_summary *s;
    struct buf chunk; /* "[raw,raw,…" */
    size_t n_chunk;
    struct page_origin origins[CHUNK_RECORDS];
    int64_t seq;
    struct item *items; /* by place; of a replay: all that have open letters */
    size_t n_items;
    struct arena *letters;
    int64_t id;
};

/* ---- chunks ---- */

static enum err send_chunk(struct redo *r, struct errinfo *ei)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct page_origin *origins;
    struct page *page;
    enum err err;

    if (!r->n_chunk)
        return OK;
    limits.max_bytes = CHUNK_MAX_BYTES;
    buf_byte(&r->chunk, ']');
    page = page_new();
    err = r->chunk.failed ? fail(ei, ERR_INTERNAL, "out of memory")
                          : json_parse(buf_str(&r->chunk), &limits, &page->doc, NULL, ei);
    if (err) {
        page_unref(page);
        return err;
    }
    page->seq = ++r->seq;
    page->fetched_ms = r->origins[0].fetched_ms;
    origins = arena_alloc(page->arena, r->n_chunk * sizeof *origins);
    memcpy(origins, r->origins, r->n_chunk * sizeof *origins);
    page->origins = origins;
    page->purpose = PURPOSE_MAIN;
    page->reply.records = json_root(page->doc);
    page->reply.n_records = json_count(page->reply.records);
    page->from_s = r->origins[0].from_s;
    page->to_s = r->origins[0].to_s;
    r->n_chunk = 0;
    buf_clear(&r->chunk);
    if (queue_push(r->p.to_journal, page))
        return OK;
    page_unref(page);
    *ei = r->p.error;
    return ei->code ? ei->code : fail(ei, ERR_INTERNAL, "the pipeline ended");
}

static enum err add_raw(struct redo *r, struct str raw, const struct page_origin *origin, struct errinfo *ei)
{
    r->origins[r->n_chunk] = *origin;
    buf_byte(&r->chunk, r->n_chunk ? ',' : '[');
    buf_add(&r->chunk, raw);
    r->n_chunk++;
    return r->n_chunk == CHUNK_RECORDS ? send_chunk(r, ei) : OK;
}

/* ---- replay ---- */

static bool in_range(const struct redo *r, const struct journal_entry *j)
{
    const struct run_options *o = r->e->options;

    return j->to_s >= o->from_s && j->from_s <= o->to_s;
}

/* A plain INSERT doubles what is there already: what the ledger knows to be written as it is, is left alone. */
static bool inserts_once(const struct redo *r)
{
    const struct flow *f = r->e->flow;

    return r->e->options->kind == RUN_REPLAY && f->id_check && f->statements[0].verb == VERB_INSERT &&
           !f->statements[0].tail.n;
}

/* What lies behind the checkpoint the next run writes; for a plain INSERT that must be the only time. */
static bool is_its_own(const struct redo *r, const struct journal_entry *j, int64_t row)
{
    const struct checkpoint *at = &r->e->at;

    return !inserts_once(r) || j->seq < at->page || (j->seq == at->page && (at->row < 0 || row < at->row));
}

/* A record as the journal has it; `place` grows from record to record. */
struct kept_record {
    const struct json *raw;
    size_t place;
    bool in_range;
    struct page_origin origin;
};

/* Of each key the newest copy that the journal has. */
struct newest {
    struct map *index; /* key → index into `at` */
    struct newest_copy {
        size_t place;
        struct str version;
        bool in_range; /* some copy of it is */
    } * at;
    size_t n, cap;
    struct arena *versions;
};

typedef enum err each_fn(struct redo *r, struct shaper *sh, const struct kept_record *k, struct newest *newest,
                         struct errinfo *ei);

/* Calls `each` for every record of every page, in journal order. */
static enum err each_record(struct redo *r, each_fn *each, struct newest *newest, struct errinfo *ei)
{
    const struct flow *f = r->e->flow;
    struct shaper *sh = shaper_new(f->shape);
    int64_t seq = 1;
    bool found = true;
    const struct judge_input as = flow_reply(f);
    enum err err = OK;

    while (!err && found) {
        struct arena *a = arena_new(ENTRY_ARENA_MAX);
        struct journal_entry j;
        struct page *page = NULL;
        struct kept_record k;

        err = journal_read(r->e->journal, seq, a, &j, &found, ei);
        if (!err && found && j.kind == JOURNAL_PAGE)
            err = page_from_journal(&j, &as, &page, ei);
        if (page) {
            struct json_iter it = json_iter(page->reply.records);

            k = (struct kept_record){.place = (size_t)j.seq << 20,
                                     .in_range = in_range(r, &j),
                                     .origin = {j.seq, 0, j.fetched_ms, j.from_s, j.to_s}};
            for (; !err && (k.raw = json_next(&it, NULL)); k.place++, k.origin.row++)
                if (is_its_own(r, &j, k.origin.row))
                    err = each(r, sh, &k, newest, ei);
            page_unref(page);
        }
        seq = found ? j.seq + 1 : seq;
        arena_free(a);
    }
    shaper_free(sh);
    return err;
}

/* Which copy is the newest: by version, where both have one, else the later (decisions 22). */
static void note_copy(struct newest *newest, const struct batch_record *rec, const struct kept_record *k)
{
    size_t i = map_get(newest->index, rec->key);

    if (i == MAP_NONE) {
        if (newest->n == newest->cap) {
            newest->cap = newest->cap ? 2 * newest->cap : 1024;
            newest->at = mem_grow(newest->at, newest->cap * sizeof *newest->at);
        }
        i = newest->n++;
        newest->at[i] = (struct newest_copy){.in_range = false};
        map_put(newest->index, rec->key, i);
    }
    newest->at[i].in_range |= k->in_range;
    if (rec->version.n && newest->at[i].version.n && decimal_cmp_text(rec->version, newest->at[i].version) < 0)
        return;
    newest->at[i].place = k->place;
    if (!str_eq(rec->version, newest->at[i].version))
        newest->at[i].version = arena_str(newest->versions, rec->version);
}

static enum err note_newest(struct redo *r, struct shaper *sh, const struct kept_record *k, struct newest *newest,
                            struct errinfo *ei)
{
    struct arena *a = arena_new(1u << 20);
    struct batch_record rec;

    (void)r;
    (void)ei;
    if (shaper_identify(sh, k->raw, a, false, &rec, NULL) == OK)
        note_copy(newest, &rec, k);
    arena_free(a);
    return OK;
}

static bool is_newest(const struct newest *newest, struct str key, size_t place)
{
    size_t i = map_get(newest->index, key);

    return i != MAP_NONE && newest->at[i].in_range && newest->at[i].place == place;
}

/* One without an id goes along, to be counted and told as dead: it is nobody's older version. */
static enum err send_newest(struct redo *r, struct shaper *sh, const struct kept_record *k, struct newest *newest,
                            struct errinfo *ei)
{
    struct arena *a = arena_new(1u << 20);
    struct batch_record rec;
    struct buf text = buf_make(32u << 20);
    enum err err = OK;

    if (shaper_identify(sh, k->raw, a, false, &rec, NULL) ? k->in_range : is_newest(newest, rec.key, k->place)) {
        json_write(k->raw, &text);
        err = add_raw(r, buf_str(&text), &k->origin, ei);
    }
    buf_free(&text);
    arena_free(a);
    return err;
}

static enum err replay(struct redo *r, struct errinfo *ei)
{
    struct newest newest = {.index = map_new_copying(2u << 30), .versions = arena_new(NEWEST_ARENA_MAX)};
    enum err err = each_record(r, note_newest, &newest, ei);

    err = err ? err : each_record(r, send_newest, &newest, ei);
    err = err ? err : send_chunk(r, ei);
    map_free(newest.index);
    arena_free(newest.versions);
    free(newest.at);
    return err;
}

/* ---- letters ---- */

static int by_place(const void *x, const void *y)
{
    const struct dead_letter *a = ((const struct item *)x)->letters, *b = ((const struct item *)y)->letters;

    if (a->page != b->page)
        return a->page < b->page ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* By the place where the record was read. */
static struct item *item_of(const struct redo *r, int64_t page, int32_t row)
{
    struct dead_letter letter = {.page = page, .row = row};
    struct item sought = {&letter, 1};

    return r->n_items ? bsearch(&sought, r->items, r->n_items, sizeof sought, by_place) : NULL;
}

static bool wanted(void *ctx, const struct batch_record *rec, int32_t line)
{
    const struct item *item = item_of(ctx, rec->page, rec->row);

    for (size_t i = 0; item && i < item->n; i++)
        if (item->letters[i].line < 0 || item->letters[i].line == line)
            return true;
    return false;
}

/* With its raw and its edited record, in `a`; id 0 when it was closed meanwhile. */
static enum err whole_letter(const struct redo *r, const struct dead_letter *d, struct arena *a,
                             struct dead_letter *ret, struct errinfo *ei)
{
    struct dead_query q = {.integration = d->integration, .after_id = d->id - 1, .limit = 1};
    struct dead_letter *found;
    size_t n;
    enum err err = store_dead_list(r->e->store, &q, a, &found, &n, ei);

    if (!err)
        *ret = n && found->id == d->id ? *found : (struct dead_letter){0};
    return err;
}

/* A line that is refused although its letter stood for the whole record gets one of its own, of the same record: the
 * lines that went in are not to be written again with it. */
static bool has_letter(void *ctx, struct dead_letter *d)
{
    struct redo *r = ctx;
    const struct item *item = item_of(r, d->page, d->row);
    struct dead_letter first;
    struct errinfo ei;

    for (size_t i = 0; item && i < item->n; i++)
        if (item->letters[i].line == d->line)
            return true;
    if (!item || whole_letter(r, &item->letters[0], r->letters, &first, &ei) || !first.id)
        return false;
    d->raw = first.raw;
    d->edited = first.edited;
    return false;
}

static const struct redo_refusal *refusal_of(const struct redo_refusal *refused, size_t n, int32_t line)
{
    for (size_t i = 0; i < n; i++)
        if (refused[i].line < 0 || refused[i].line == line)
            return &refused[i];
    return NULL;
}

static void redone(void *ctx, const struct batch_record *rec, const struct redo_refusal *refused, size_t n)
{
    struct redo *r = ctx;
    const struct item *item = item_of(r, rec->page, rec->row);
    const struct dead_letter newer = {.key = rec->key, .page = rec->page, .row = rec->row};
    int64_t now = clock_wall(r->e->options->clock);
    struct errinfo ei;
    enum err err = OK;
    size_t closed;

    if (!item)
        return;
    for (size_t i = 0; i < item->n && !err; i++) {
        const struct redo_refusal *why = refusal_of(refused, n, item->letters[i].line);

        err = store_dead_set(r->e->store, item->letters[i].id,
                             !why                        ? DEAD_RETRIED
                             : why->code == ERR_CONFLICT ? DEAD_SUPERSEDED
                                                         : DEAD_OPEN,
                             why ? why->reason : (struct str){0}, now, &ei);
    }
    if (!err && rec->key.n && !(n && refused[0].line < 0))
        err = store_dead_supersede(r->e->store, r->e->integration->name, &newer, 1, &closed, &ei);
    if (err)
        pipeline_fail(&r->p, &ei);
}

static int by_key(const void *x, const void *y)
{
    const struct dead_letter *a = x, *b = y;
    int c = str_cmp(a->key, b->key);

    if (c)
        return c;
    if (a->page != b->page)
        return a->page < b->page ? -1 : 1;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return a->line - b->line;
}

static bool same_place(const struct dead_letter *a, const struct dead_letter *b)
{
    return a->page == b->page && a->row == b->row;
}

/* Letters sorted by key; the letters of one record version become an item. `newest`: of each key the newest version
 * alone. Records without a key are all different ones. */
static void make_items(struct redo *r, struct dead_letter *d, size_t n, bool newest)
{
    if (!n)
        return;
    r->items = ARENA_ARRAY(r->letters, struct item, n + 1);
    qsort(d, n, sizeof *d, by_key);
    for (size_t i = 0, to; i < n; i = to) {
        for (to = i + 1; to < n && same_place(&d[to], &d[i]) && str_eq(d[to].key, d[i].key);)
            to++;
        if (!newest || !d[i].key.n || to == n || !str_eq(d[to].key, d[i].key))
            r->items[r->n_items++] = (struct item){&d[i], to - i};
    }
    qsort(r->items, r->n_items, sizeof *r->items, by_place);
}

/* The open letters, without what they hold. */
static enum err read_letters(struct redo *r, bool newest, struct errinfo *ei)
{
    struct dead_query q = {
        .integration = r->e->integration->name, .id = r->e->options->id, .limit = LETTERS_MAX, .brief = true};
    struct dead_letter *d;
    size_t n;
    enum err err;

    r->letters = arena_new(LETTERS_ARENA_MAX);
    err = store_dead_list(r->e->store, &q, r->letters, &d, &n, ei);
    if (err)
        return err;
    if (!n && q.id.p)
        return store_no_letter(q.id, ei);
    make_items(r, d, n, newest);
    return OK;
}

/* ---- retry ---- */

/* Where the record of a letter was read. A page that the journal does not keep any more: the letter's own time. */
static enum err letter_origin(const struct redo *r, const struct dead_letter *d, struct page_origin *ret,
                              struct errinfo *ei)
{
    struct journal_entry j;
    bool found;
    enum err err = OK;

    *ret = (struct page_origin){d->page, d->row, d->created_ms, d->created_ms / 1000, d->created_ms / 1000};
    if (d->page < journal_first(r->e->journal) || d->page > journal_last(r->e->journal))
        return OK;
    err = journal_read(r->e->journal, d->page, NULL, &j, &found, ei);
    if (!err && found && j.seq == d->page && j.kind == JOURNAL_PAGE)
        *ret = (struct page_origin){j.seq, d->row, j.fetched_ms, j.from_s, j.to_s};
    return err;
}

static enum err retry(struct redo *r, struct errinfo *ei)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < r->n_items; i++) {
        struct arena *a = arena_new(ENTRY_ARENA_MAX);
        struct dead_letter d;
        struct page_origin origin;

        err = whole_letter(r, &r->items[i].letters[0], a, &d, ei);
        err = err ? err : letter_origin(r, &r->items[i].letters[0], &origin, ei);
        if (!err && d.id)
            err = add_raw(r, d.edited.n ? d.edited : d.raw, &origin, ei);
        arena_free(a);
    }
    return err ? err : send_chunk(r, ei);
}

/* ---- both ---- */

static void on_ended(void *ctx)
{
    (void)ctx;
}

static enum err open_pipeline(struct redo *r, struct errinfo *ei)
{
    struct engine *e = r->e;
    bool retrying = e->options->kind == RUN_RETRY;

    r->p.flow = e->flow;
    r->p.options = e->options;
    r->p.store = e->store;
    r->p.sink = e->sink;
    r->p.run_id = r->id;
    r->p.start = e->at;
    r->p.target_holds = e->target_holds;
    r->p.frozen = true;
    r->p.kept = e->kept;
    r->p.ledger = true;
    r->p.ledger_exact = inserts_once(r);
    r->p.ended = on_ended;
    r->p.wanted = retrying ? wanted : NULL;
    r->p.redone = redone;
    r->p.has_letter = has_letter;
    r->p.redone_ctx = r;
    if (engine_ledger_base(e, &r->p.ledger_base, ei))
        return ei->code;
    return pipeline_start(&r->p, ei);
}

static void count(const struct redo *r)
{
    struct run_summary *s = r->s;
    const struct pipeline *p = &r->p;

    s->counts.pages = atomic_load(&p->pages);
    s->counts.records = atomic_load(&p->records);
    s->counts.folded = atomic_load(&p->folded);
    s->counts.filtered = atomic_load(&p->filtered);
    s->counts.repeats = atomic_load(&p->repeats);
    s->counts.rows = atomic_load(&p->rows);
    s->counts.dead_records = atomic_load(&p->dead_records);
    s->counts.dead_rows = atomic_load(&p->dead_rows);
    s->counts.shaped_records = atomic_load(&p->shaped_records);
    s->counts.shaped_rows = atomic_load(&p->shaped_rows);
    s->counts.overlaid_rows = atomic_load(&p->overlaid);
    s->counts.removed = atomic_load(&p->removed);
    s->counts.bytes = atomic_load(&p->bytes);
    s->counts.retries = atomic_load(&p->retries);
}

static void emit(const struct redo *r, struct event ev)
{
    ev.integration = r->e->integration->name;
    ev.run = r->id;
    event_emit(&r->e->options->listener, &ev);
}

static enum err redo_all(struct redo *r, struct errinfo *ei)
{
    struct engine *e = r->e;
    enum err err = engine_open(e, ei);

    err = err ? err : engine_open_target(e, ei);
    if (!err && e->integration->keep_records)
        err = records_open(e->project->state_dir, e->integration->name, false, &e->kept, ei);
    err = err ? err
              : store_run_begin(e->store, e->integration->name, str_of(run_kind_name(e->options->kind)),
                                clock_wall(e->options->clock), &r->id, ei);
    if (err)
        return err;
    emit(r, (struct event){.kind = EVENT_RUN_STARTED, .text = str_of(run_kind_name(e->options->kind))});
    r->s->cursor_s = e->at.cursor_s;
    r->s->cursor_is_time = e->flow->paging->kind != PAGE_CURSOR;
    err = read_letters(r, e->options->kind == RUN_RETRY, ei);
    err = err ? err : open_pipeline(r, ei);
    if (!r->p.to_journal) /* nothing was started, and nothing is to be joined */
        return err;
    if (!err)
        err = e->options->kind == RUN_RETRY ? retry(r, ei) : replay(r, ei);
    pipeline_finish_input(&r->p);
    pipeline_join(&r->p);
    count(r);
    if (!err && r->p.error.code) {
        *ei = r->p.error;
        err = ei->code;
    }
    return err;
}

void redo(struct engine *e, struct run_summary *ret)
{
    struct redo r = {.e = e, .s = ret, .chunk = buf_make(CHUNK_MAX_BYTES)};
    int64_t began = clock_mono(e->options->clock);
    struct buf b = buf_make(1u << 20);
    struct errinfo ei;
    enum err err;

    if (e->options->kind == RUN_REPLAY) {
        ret->from_s = e->options->from_s;
        ret->to_s = e->options->to_s;
    }
    err = redo_all(&r, &ei);
    if (err && !e->interrupted)
        ret->error = ei;
    summary_hint(ret);
    ret->status = e->interrupted                                     ? RUN_INTERRUPTED
                  : err                                              ? RUN_FAILED
                  : ret->counts.dead_records + ret->counts.dead_rows ? RUN_PARTIAL
                                                                     : RUN_OK;
    ret->verified = !err;
    ret->duration_ms = clock_mono(e->options->clock) - began;
    if (e->sink)
        snprintf(ret->path, sizeof ret->path, "%s", sink_path(e->sink));
    run_summary_json(ret, e->project->zone, &b);
    if (r.id && store_run_end(e->store, r.id, str_of(run_status_name(ret->status)), buf_str(&b),
                              clock_wall(e->options->clock), &ei))
        log_warn("%s", ei.msg);
    emit(&r, (struct event){.kind = EVENT_RUN_ENDED, .text = buf_str(&b), .code = ret->error.code});
    buf_free(&b);
    buf_free(&r.chunk);
    arena_free(r.letters);
    engine_close(e);
}
