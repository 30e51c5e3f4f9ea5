/* Pages in journal order become batches. Synchronous: the shape thread calls it, and so may a simulation.
 *
 * A record is identified, folded against the batch being filled (the newer version of a key stays, equal versions: the
 * later in the journal), looked up in the ledger where idCheck or a remedy asks for it, shaped, and its rows are added.
 * A batch goes to the writer when the next record would exceed the limit, when it holds enough pages, or when nothing
 * more is waiting; never in the middle of a record. What a batch covers is a position in the journal (page, records of
 * it): the checkpoint that commits with its rows.
 *
 * Dead letters found here travel with the batch: they are made durable before the checkpoint passes them. */
#include "run/batcher.h"

#include "base/plant.h"

#include "base/decimal.h"
#include "base/map.h"
#include "run/drift.h"
#include "run/fates.h"
#include "run/found.h"
#include "run/ledger_notes.h"

#include <stdlib.h>

#define ROWS_MIN_CAP 64
#define ASK_AGAIN    INT64_MIN

struct batcher {
    struct pipeline *p;
    batcher_give *give;
    void *give_ctx;
    struct shaper *shaper;
    struct unit *u;   /* being filled; never NULL while running */
    struct map *keys; /* key → index into u->b.records, of this batch */
    bool *gone;       /* records folded away later, by index */
    size_t cap_records, cap_rows;
    int64_t page, cursor_s; /* position so far; INT64_MIN: the cursor stays */
    int32_t row;
    bool moved; /* the position moved since the last batch */
    int64_t batch_no;
    uint64_t seed;
    struct found *found;
    int64_t window_run; /* of the pages since the last window ended; 0: none yet */
    struct fates *fates;
    size_t *note; /* of the batch's records, by index */
};

static void unit_begin(struct batcher *b)
{
    b->u = unit_new();
    b->cap_records = b->cap_rows = ROWS_MIN_CAP;
    b->u->b.records = mem_alloc(b->cap_records * sizeof *b->u->b.records);
    b->u->b.rows = mem_alloc(b->cap_rows * sizeof *b->u->b.rows);
    map_clear(b->keys);
    b->gone = mem_grow(b->gone, b->cap_records * sizeof *b->gone);
    b->note = mem_grow(b->note, b->cap_records * sizeof *b->note);
}

/* ---- flushing ---- */

/* Takes the rows of records that were folded away out of the batch. */
static void drop_gone(struct batcher *b)
{
    struct batch *t = &b->u->b;
    size_t *to = arena_alloc(t->arena, (t->n_records + 1) * sizeof *to);
    size_t records = 0, rows = 0;

    for (size_t i = 0; i < t->n_records; i++) {
        to[i] = records;
        if (!b->gone[i])
            t->records[records++] = t->records[i];
    }
    for (size_t i = 0; i < t->n_rows; i++) {
        if (b->gone[t->rows[i].record])
            continue;
        t->rows[rows] = t->rows[i];
        t->rows[rows++].record = (uint32_t)to[t->rows[i].record];
    }
    to[t->n_records] = records;
    unit_tally(b->u)->end = t->n_records;
    for (size_t i = 0; i < b->u->n_tallies; i++) {
        b->u->tallies[i].first = to[b->u->tallies[i].first];
        b->u->tallies[i].end = to[b->u->tallies[i].end];
    }
    t->n_records = records;
    t->n_rows = rows;
}

static enum err note_unit(struct batcher *b, struct errinfo *ei)
{
    const struct batch *t = &b->u->b;
    enum err e = OK;

    for (size_t i = 0; i < t->n_records && !e; i++)
        e = ledger_notes_add(b->p->notes, &t->records[i], ei);
    ledger_notes_reach(b->p->notes, b->row < 0 ? b->page : b->page - 1);
    return e;
}

static size_t count_shaped(const struct batch *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n_records; i++)
        n += !t->records[i].left;
    return n;
}

/* For each record whose rows in the target are to be those of this batch and no others: entries for the sink, those
 * that lost lines first, then those that left the condition. */
static void collect_gone(struct batcher *b)
{
    const struct sink_spec *spec = &b->p->flow->sink_spec;
    struct batch *t = &b->u->b;
    size_t row = 0;

    if (!sink_removes(spec))
        return;
    t->gone = arena_alloc(t->arena, (t->n_records + 1) * sizeof *t->gone);
    for (int left = 0; left < 2; left++) {
        row = 0;
        for (size_t i = 0; i < t->n_records; i++) {
            const struct batch_record *r = &t->records[i];
            const struct value *cells = r->n_rows ? t->rows[row].cells : NULL;
            struct batch_gone g = {.how = left ? spec->gone.left : spec->gone.child,
                                   .first_row = (uint32_t)row,
                                   .n_rows = r->n_rows,
                                   .parent = r->parent,
                                   .guard = r->guard};

            row += r->n_rows;
            if (r->left != left || r->partial || g.how == GONE_KEEP || (!left && !cells))
                continue;
            if (!left && !value_is_null(&cells[spec->gone.parent_bind]))
                g.parent = value_str(&cells[spec->gone.parent_bind]);
            if (!left && spec->guard.column.n)
                g.guard =
                    value_is_null(&cells[spec->guard.bind]) ? (struct str){0} : value_str(&cells[spec->guard.bind]);
            if (g.parent.p)
                t->gone[t->n_gone++] = g;
        }
    }
}

static enum err finish_unit(struct batcher *b, struct errinfo *ei)
{
    struct pipeline *p = b->p;
    struct batch *t = &b->u->b;
    enum err e = OK;

    drop_gone(b);
    t->to = p->start;
    if (!p->frozen) {
        t->to.page = b->page;
        t->to.row = PLANTED(whole_page) ? -1 : b->row;
        t->to.cursor_s = b->cursor_s;
    }
    t->to.batch = ++b->batch_no;
    t->to.mapping = p->flow->mapping;
    b->u->shaped_records = (int64_t)count_shaped(t);
    atomic_fetch_add(&p->shaped_records, b->u->shaped_records);
    atomic_fetch_add(&p->shaped_rows, (int64_t)t->n_rows);
    collect_gone(b);
    if (p->ledger && !p->frozen)
        e = note_unit(b, ei);
    e = e ? e : fates_keep(b->fates, b->page, b->row, ei);
    if (!e && p->sink)
        e = sink_encode(p->sink, t, ei);
    if (!e)
        e = drift_batch(p->drift, b->shaper, t, ei);
    if (!e)
        atomic_fetch_add(&p->overlaid, (int64_t)t->n_overlaid);
    return e;
}

bool batcher_flush(struct batcher *b)
{
    struct pipeline *p = b->p;
    struct errinfo ei;

    if (!b->moved && !b->u->b.n_records && !b->u->n_dead)
        return true;
    if (finish_unit(b, &ei)) {
        pipeline_fail(p, &ei);
        return false;
    }
    if (!b->give(b->give_ctx, b->u))
        return false;
    b->moved = false;
    unit_begin(b);
    return true;
}

/* ---- filling ---- */

static void grow(struct batcher *b, size_t n_rows)
{
    struct batch *t = &b->u->b;

    if (t->n_records == b->cap_records) {
        b->cap_records *= 2;
        t->records = mem_grow(t->records, b->cap_records * sizeof *t->records);
        b->gone = mem_grow(b->gone, b->cap_records * sizeof *b->gone);
        b->note = mem_grow(b->note, b->cap_records * sizeof *b->note);
    }
    while (t->n_rows + n_rows > b->cap_rows) {
        b->cap_rows *= 2;
        t->rows = mem_grow(t->rows, b->cap_rows * sizeof *t->rows);
    }
}

static void add_dead(struct batcher *b, const struct batch_record *r, const struct errinfo *why)
{
    struct arena *a = b->u->b.arena;
    struct dead_letter *d = unit_add_dead(b->u);
    struct buf raw = buf_make(32u << 20);

    json_write(r->raw, &raw);
    d->key = arena_str(a, r->key);
    d->version = arena_str(a, r->version);
    d->page = r->page;
    d->row = r->row;
    d->code = str_of(err_name(why->code));
    d->reason = arena_str(a, str_of(why->msg));
    d->raw = arena_str(a, buf_str(&raw));
    buf_free(&raw);
    unit_tally(b->u)->dead_records++;
    atomic_fetch_add(&b->p->dead_records, 1);
}

/* A record without id. */
static void add_nameless(struct batcher *b, const struct batch_record *r, const struct errinfo *why)
{
    fates_set(b->fates, fates_add(b->fates, r), FATE_DEAD, 0);
    add_dead(b, r, why);
}

/* Is version `a` older than `b`? An unknown version is never older. */
static bool version_older(struct str a, struct str b)
{
    return a.n && b.n && decimal_cmp_text(a, b) < 0;
}

/* Is it an older copy of a record that the batch holds already? */
static bool is_older_copy(const struct batcher *b, const struct batch_record *r)
{
    size_t at = map_get(b->keys, r->key);

    return at != MAP_NONE && version_older(r->version, b->u->b.records[at].version);
}

/* A newer copy takes the place of the one before it; one that had left the condition was counted as filtered. */
static void fold_older(struct batcher *b, struct str key)
{
    size_t at = map_get(b->keys, key), k = b->u->n_tallies - 1;

    if (at == MAP_NONE)
        return;
    b->gone[at] = true;
    if (b->u->b.records[at].left)
        return;
    while (b->u->tallies[k].first > at)
        k--;
    b->u->tallies[k].folded++;
    fates_set(b->fates, b->note[at], FATE_FOLDED, 0);
    atomic_fetch_add(&b->p->folded, 1);
}

static void add_rows(struct batcher *b, struct shaped_record *s, size_t note)
{
    struct batch *t = &b->u->b;
    uint32_t index;

    grow(b, s->n_rows);
    index = (uint32_t)t->n_records;
    s->record.n_rows = (uint32_t)s->n_rows;
    t->records[t->n_records++] = s->record;
    b->gone[index] = false;
    b->note[index] = note;
    fold_older(b, s->record.key);
    for (size_t i = 0; i < s->n_rows; i++) {
        s->rows[i].record = index;
        t->rows[t->n_rows++] = s->rows[i];
    }
    map_put(b->keys, s->record.key, index);
    if (s->record.modified_ms > b->u->freshest_ms)
        b->u->freshest_ms = s->record.modified_ms;
}

static struct str cell_of(struct batcher *b, const struct json *raw, const struct sysvars *sys, size_t bind)
{
    struct errinfo ignored;
    struct str v;

    return shaper_cell(b->shaper, &(struct cell_of){raw, sys, bind}, b->u->b.arena, &v, &ignored) ? (struct str){0} : v;
}

/* A record that the condition does not pass: it gives no rows, and those that it gave before are gone. */
static void add_left(struct batcher *b, struct page *page, struct shaped_record *s, const struct sysvars *sys,
                     size_t note)
{
    const struct sink_spec *spec = &b->p->flow->sink_spec;

    unit_tally(b->u)->filtered++;
    atomic_fetch_add(&b->p->filtered, 1);
    if (spec->gone.left == GONE_KEEP)
        return;
    s->record.left = true;
    s->record.parent = cell_of(b, s->record.raw, sys, spec->gone.parent_bind);
    if (spec->guard.column.n)
        s->record.guard = cell_of(b, s->record.raw, sys, spec->guard.bind);
    unit_hold_page(b->u, page);
    add_rows(b, s, note);
}

/* ---- the ledger's answers ---- */

static bool before(int64_t page_a, int32_t row_a, int64_t page_b, int32_t row_b)
{
    return page_a < page_b || (page_a == page_b && row_a < row_b);
}

static bool is_repeat(const struct batcher *b, const struct batch_record *r, const struct ledger_entry *known)
{
    return b->p->flow->id_check && (known->hash_hi | known->hash_lo) && known->hash_hi == r->hash_hi &&
           known->hash_lo == r->hash_lo && (b->p->frozen || before(known->page, known->row, r->page, r->row));
}

/* What the ordinary runs had missed is told with the batch that brings it. */
static void note_missing(struct batcher *b, const struct batch_record *r, size_t n_rows)
{
    struct unit *u = b->u;

    if (u->n_missing < MISSING_NAMED)
        u->missing[u->n_missing] = r->key;
    u->n_missing++;
    unit_tally(u)->missing += (int64_t)n_rows;
    atomic_fetch_add(&b->p->missing_found, (int64_t)n_rows);
}

/* ---- a page ---- */

struct identified {
    struct batch_record *records;
    enum err *code;
    struct errinfo *why;
    struct ledger_entry *known;
    bool *found;
    bool asked;       /* the ledger is wanted for this page */
    int64_t batch_no; /* and was asked before this batch */
    struct arena *arena;
};

/* What is known of records from … from + n, by the store and by the notes that it does not have yet. */
static enum err ask_ledger(const struct batcher *b, struct identified *l, size_t from, size_t n, struct errinfo *ei)
{
    struct str *keys = arena_alloc(l->arena, (n + 1) * sizeof *keys);
    struct ledger_lookup ask = {keys, n, l->known + from, l->found + from};
    enum err e;

    for (size_t i = 0; i < n; i++)
        keys[i] = l->records[from + i].key;
    e = ledger_get(b->p->store, b->p->flow->integration->name, &ask, l->arena, ei);
    for (size_t i = 0; i < n && !e; i++) {
        ask.found[i] = ask.found[i] && ask.out[i].page > b->p->ledger_base;
        ask.found[i] |= ledger_notes_find(b->p->notes, keys[i], &ask.out[i]);
    }
    l->batch_no = b->batch_no;
    return e;
}

static enum err look_up(struct batcher *b, const struct page *page, struct arena *a, struct identified *l,
                        struct errinfo *ei)
{
    struct pipeline *p = b->p;
    size_t n = page->reply.n_records, i = 0;
    struct json_iter it = json_iter(page->reply.records);
    const struct json *raw;

    l->arena = a;
    l->records = ARENA_ARRAY(a, struct batch_record, n + 1);
    l->code = ARENA_ARRAY(a, enum err, n + 1);
    l->why = NULL;
    l->known = ARENA_ARRAY(a, struct ledger_entry, n + 1);
    l->found = ARENA_ARRAY(a, bool, n + 1);
    for (; i < n && (raw = json_next(&it, NULL)); i++) {
        struct errinfo why;

        l->code[i] = shaper_identify(b->shaper, raw, a, p->ledger_exact, &l->records[i], &why);
        l->records[i].raw = raw;
        l->records[i].page = page->origins ? page->origins[i].seq : page->seq;
        l->records[i].row = page->origins ? (int32_t)page->origins[i].row : (int32_t)i;
        if (l->code[i]) {
            if (!l->why)
                l->why = ARENA_ARRAY(a, struct errinfo, n);
            l->why[i] = why;
        }
    }
    l->asked = p->ledger && (p->flow->id_check || p->frozen || p->flow->sink_spec.guard.column.n ||
                             found_asks(b->found, page, l->records, n));
    return l->asked ? ask_ledger(b, l, 0, n, ei) : OK;
}

/* A running repair; what one left in the journal is an ordinary page to the next run. */
static const struct repair_rule *repair_of(const struct batcher *b, const struct page *page)
{
    return page->purpose == PURPOSE_REPAIR && page->run == b->p->run_id ? b->p->options->repair : NULL;
}

/* In redo only the lines that are asked for go on, in a repair by plain INSERT those that are not there. */
static void keep_wanted(const struct pipeline *p, const struct repair_rule *repair, struct shaped_record *s)
{
    const struct map *ids = repair ? repair->ids : NULL;
    size_t n = 0;

    for (size_t i = 0; (p->wanted || ids) && i < s->n_rows; i++)
        if (ids ? map_get(ids, s->rows[i].id) != MAP_NONE : p->wanted(p->redone_ctx, &s->record, s->rows[i].line))
            s->rows[n++] = s->rows[i];
    if (p->wanted || ids) {
        s->record.partial = n < s->n_rows;
        s->n_rows = n;
    }
}

/* One record to its place. False when the run must stop. */
static bool take_record(struct batcher *b, struct page *page, struct identified *l, size_t i, const struct sysvars *sys)
{
    struct pipeline *p = b->p;
    struct shaped_record s = {.record = l->records[i]};
    const struct repair_rule *repair = repair_of(b, page);
    size_t limit = p->flow->sink_spec.limit, note = fates_add(b->fates, &s.record);
    struct errinfo ei;

    /* a batch went since the page was looked up: it may have held another copy of this record */
    if (l->asked && l->batch_no != b->batch_no && ask_ledger(b, l, i, page->reply.n_records - i, &ei)) {
        pipeline_fail(p, &ei);
        return false;
    }
    if (is_older_copy(b, &s.record)) {
        unit_tally(b->u)->folded++;
        fates_set(b->fates, note, FATE_FOLDED, 0);
        atomic_fetch_add(&p->folded, 1);
        return true;
    }
    if (repair ? map_get(repair->keys, s.record.key) == MAP_NONE
               : l->found[i] && is_repeat(b, &s.record, &l->known[i])) {
        unit_tally(b->u)->repeats++;
        fates_set(b->fates, note, FATE_REPEAT, 0);
        atomic_fetch_add(&p->repeats, 1);
        return true;
    }
    if ((p->frozen || p->flow->sink_spec.guard.column.n) && l->found[i] &&
        version_older(s.record.version, l->known[i].version)) {
        unit_tally(b->u)->folded++;
        fates_set(b->fates, note, FATE_FOLDED, 0);
        atomic_fetch_add(&p->folded, 1);
        if (p->redone)
            p->redone(p->redone_ctx, &s.record,
                      &(struct redo_refusal){-1, ERR_CONFLICT, S("a newer version of this record is written")}, 1);
        return true;
    }
    shaper_record(b->shaper, s.record.raw, sys, b->u->b.arena, &s);
    unit_hold_doc(b->u, s.extra);
    if (s.fate == RECORD_FILTERED) {
        fates_set(b->fates, note, FATE_FILTERED, b->fates ? shaper_failing(b->shaper, s.record.raw) : 0);
        add_left(b, page, &s, sys, note);
        if (p->redone && !s.record.left)
            p->redone(p->redone_ctx, &s.record, NULL, 0);
        return true;
    }
    if (s.fate == RECORD_DEAD && (s.why->code == ERR_DISK || s.why->code == ERR_CONFLICT)) {
        pipeline_fail(p, s.why); /* a lookup could not be answered: that is not the record's fault */
        return false;
    }
    if (s.fate == RECORD_DEAD) {
        fates_set(b->fates, note, FATE_DEAD, 0);
        add_dead(b, &s.record, s.why);
        return true;
    }
    if (found_note(b->found, page, &s.record, l->found[i] ? &l->known[i] : NULL))
        note_missing(b, &s.record, s.n_rows);
    keep_wanted(p, repair, &s);
    unit_hold_page(b->u, page);
    add_rows(b, &s, note);
    b->row = (int32_t)i + 1;
    b->page = page->seq;
    b->moved = true;
    return b->u->b.n_rows < limit || batcher_flush(b);
}

/* Would this record's lines exceed the batch? Told before shaping by the length of the first flattened array. */
static bool would_exceed(const struct batcher *b, const struct page *page, const struct json *raw)
{
    const struct strs *flat = &b->p->flow->integration->source_doc->beat_flat;
    size_t lines = flat->n ? json_count(json_path(raw, flat->at[0])) : 1;
    const struct unit *u = b->u;

    if (fates_full(b->fates))
        return true;
    if (!u->b.n_rows)
        return u->n_pages >= UNIT_PAGES_MAX;
    return u->b.n_rows + lines > b->p->flow->sink_spec.limit ||
           (b->p->flow->sink_spec.one_record_each && u->b.n_records) || u->n_pages >= UNIT_PAGES_MAX ||
           u->bytes + page->body_n > UNIT_BYTES_MAX;
}

/* For record `i` of the page, by where it was first read: shaping it again gives the same rows. */
static struct sysvars frozen_sysvars(const struct batcher *b, const struct page *page, size_t i)
{
    const struct page_origin here = {page->seq, (int64_t)i, page->fetched_ms, page->from_s, page->to_s};
    const struct page_origin *o = page->origins ? &page->origins[i] : &here;

    return (struct sysvars){
        .zone = b->p->flow->project->zone,
        .now_ms = o->fetched_ms,
        .seed = b->seed + (uint64_t)o->seq * 1000003u + (uint64_t)o->row,
        .last_sync_s = o->from_s,
        .current_s = o->to_s,
        .page_size = -1,
        .start_row = -1,
        .page = -1,
    };
}

/* Records that were written before: for the ledger alone, at the place where they were written. */
static enum err note_known(struct batcher *b, const struct page *page, const struct identified *l, size_t n,
                           struct errinfo *ei)
{
    enum err e = OK;

    for (size_t i = 0; i < n && !e && page->seq > b->p->ledger_page; i++)
        if (!l->code[i] && !(l->found[i] && is_repeat(b, &l->records[i], &l->known[i])))
            e = ledger_notes_add(b->p->notes, &l->records[i], ei);
    if (!e && n == page->reply.n_records)
        ledger_notes_reach(b->p->notes, page->seq);
    return e;
}

/* A page that shows a change of the records ends the run where it is told to; what came before it is still written. */
static bool may_write(struct batcher *b, const struct page *page)
{
    struct errinfo ei;

    if (drift_page(b->p->drift, b->shaper, page, &ei) == OK)
        return true;
    if (batcher_flush(b))
        pipeline_fail(b->p, &ei);
    return false;
}

/* Ends what was counted so far: with its window, or (NULL) in the middle of one. */
static void end_tally(struct batcher *b, const struct window_proof *proof)
{
    struct unit *u = b->u;
    struct tally *t = unit_tally(u);

    t->end = u->b.n_records;
    if (proof) {
        struct window_proof *copy = arena_alloc(u->b.arena, sizeof *copy);

        *copy = *proof;
        copy->why = arena_str(u->b.arena, proof->why);
        t->proof = copy;
    }
    unit_add_tally(u);
}

/* Pages of a run that was cut short in the middle of a window belong to no window: the next run reads it anew. */
static void follow_run(struct batcher *b, int64_t run)
{
    if (b->window_run && b->window_run != run) {
        end_tally(b, NULL);
        unit_tally(b->u)->anew = true;
    }
    b->window_run = run;
}

/* Records that were done before, and that nobody noted: what their page tells of them. */
static enum err note_kept(struct batcher *b, const struct page *page, const struct identified *l, size_t n,
                          struct errinfo *ei)
{
    bool any = false;

    for (size_t i = 0; i < n; i++) {
        const struct batch_record *r = &l->records[i];
        struct arena *a;
        const bool *keep;
        size_t note;

        if (!fates_lack(b->fates, r))
            continue;
        a = arena_new(64u << 20);
        note = fates_add(b->fates, r);
        any = true;
        if (!l->code[i] && !shaper_passes(b->shaper, r->raw, (struct str){0}, a, &keep))
            fates_set(b->fates, note, FATE_FILTERED, shaper_failing(b->shaper, r->raw));
        else
            fates_set(b->fates, note, FATE_UNNOTED, 0);
        arena_free(a);
    }
    return any && page->known ? fates_keep(b->fates, page->seq, -1, ei) : OK;
}

static bool take_page(struct batcher *b, struct page *page)
{
    struct pipeline *p = b->p;
    struct arena *a = arena_new(64u << 20);
    struct identified l;
    struct errinfo ei;
    struct sysvars sys;
    size_t skip =
        page->seq == p->start.page && p->start.row > 0 && !p->frozen && !PLANTED(page_again) ? (size_t)p->start.row : 0;
    bool going = look_up(b, page, a, &l, &ei) == OK;

    if (page->known)
        skip = page->reply.n_records;
    if (going && p->ledger && !p->frozen)
        going = note_known(b, page, &l, skip, &ei) == OK;
    if (skip && !PLANTED(asked_once))
        l.batch_no = ASK_AGAIN; /* a page may hold a record twice: once in what was written, once in what was not */
    if (going && b->fates)
        going = note_kept(b, page, &l, skip, &ei) == OK;
    if (!going)
        pipeline_fail(p, &ei);
    if (going && !page->known)
        going = may_write(b, page);
    if (page->known || !going) {
        arena_free(a);
        return going;
    }
    follow_run(b, page->run);
    atomic_fetch_add(&p->pages, 1);
    atomic_fetch_add(&p->bytes, (int64_t)page->body_n);
    for (size_t i = skip; going && i < page->reply.n_records; i++) {
        atomic_fetch_add(&p->records, 1);
        if (would_exceed(b, page, l.records[i].raw) && !batcher_flush(b)) {
            going = false;
            break;
        }
        unit_tally(b->u)->records++;
        sys = frozen_sysvars(b, page, i);
        l.records[i].key = arena_str(b->u->b.arena, l.records[i].key);
        l.records[i].version = arena_str(b->u->b.arena, l.records[i].version);
        if (l.why && l.why[i].code)
            add_nameless(b, &l.records[i], &l.why[i]);
        else
            going = take_record(b, page, &l, i, &sys);
    }
    b->page = page->seq;
    b->row = -1;
    b->moved = true;
    arena_free(a);
    return going;
}

/* Records that the source does not show any more: nothing of them is written, and what is there goes. */
static void take_lost(struct batcher *b, const struct page *page)
{
    const struct repair_rule *rule = b->p->options->repair;

    for (size_t i = 0; i < rule->n_lost; i++) {
        struct shaped_record s = {.record = {.key = rule->lost[i].parent,
                                             .page = page->seq,
                                             .row = (int32_t)i,
                                             .left = true,
                                             .parent = rule->lost[i].parent,
                                             .guard = rule->lost[i].guard}};

        add_rows(b, &s, FATES_NONE);
    }
}

bool batcher_take(struct batcher *b, struct page *page)
{
    if (!page->mark)
        return take_page(b, page);
    if (page->known)
        return true;
    b->page = page->seq;
    b->row = -1;
    b->moved = true;
    /* never back: what lies before it was read, also when our clock was behind while this was */
    if (page->purpose == PURPOSE_MAIN && page->cursor_s > b->cursor_s)
        b->cursor_s = page->cursor_s;
    if (page->lost)
        take_lost(b, page);
    if (page->proof) {
        struct window_proof proof = *page->proof;

        proof.mark = page->seq;
        follow_run(b, page->run);
        end_tally(b, &proof);
        b->window_run = 0;
    }
    return true;
}

static void tell_missing(const struct batcher *b)
{
    size_t n;
    uint64_t rows;
    const uint64_t *missing = shaper_missing(b->shaper, &n, &rows);

    for (size_t i = 0; i < n && rows >= 20; i++)
        if (missing[i] == rows)
            pipeline_emit(b->p, (struct event){.kind = EVENT_NOTICE,
                                               .key = column_name(b->p->flow->shape_columns[i]),
                                               .text = S("this column's field was in none of the records"),
                                               .rows = (int64_t)rows});
}

struct batcher *batcher_new(struct pipeline *p, batcher_give *give, void *ctx)
{
    struct batcher *b = mem_zero(sizeof *b);

    b->p = p;
    b->give = give;
    b->give_ctx = ctx;
    b->shaper = flow_shaper(p->flow);
    drift_watch(p->drift, b->shaper);
    b->keys = map_new();
    b->page = p->start.page;
    b->row = p->start.row;
    b->cursor_s = p->start.cursor_s;
    b->batch_no = p->start.batch;
    b->seed = p->flow->mapping;
    b->found = found_new(p);
    b->fates = fates_new(p);
    p->notes = ledger_notes_new(p);
    unit_begin(b);
    return b;
}

bool batcher_end(struct batcher *b)
{
    struct pipeline *p = b->p;
    struct errinfo ei;

    if (!batcher_flush(b))
        return false;
    if (drift_end(p->drift, b->shaper, &ei)) {
        pipeline_fail(p, &ei);
        return false;
    }
    return true;
}

void batcher_free(struct batcher *b)
{
    if (!b)
        return;
    tell_missing(b);
    found_free(b->found);
    unit_free(b->u);
    shaper_free(b->shaper);
    map_free(b->keys);
    free(b->gone);
    fates_free(b->fates);
    free(b->note);
    free(b);
}
