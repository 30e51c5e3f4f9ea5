/* What the source shows, shaped by the mapping, held against what the target holds.
 *
 * A page at a time: its rows are looked up by id and compared column by column, each by its type and exactly. With
 * `children.parent` the target is asked for all rows of the page's records as well: those that no line gives are
 * orphans. When a window ends, and the target keeps the record's time, rows that lie in it and that neither a record
 * gave nor one owns are orphans too, until a later window shows such a record: the target may hold an older copy. So
 * memory holds one page, and the hashes of all ids and parents that were shown.
 *
 * Values that depend on the moment (CURRENT_TIME, uuid, random) cannot be what the run made of them: each record is
 * shaped twice, at moments that differ in everything, and cells that differ are left out. So are columns that the
 * statement fills by an expression, or leaves as they are when the row exists. Rows marked as gone are not there. */
#include "run/auditor.h"

#include "base/decimal.h"

#include <stdlib.h>

#define LOOK_UP_ROWS   500
#define PAGE_ARENA_MAX (512u << 20)
#define SHOWN_BYTES    60

struct auditor {
    struct auditor_config c;
    struct arena *arena;
    struct shaper *shaper;
    struct compared compared;
    struct str id, parent, time, mark, guard; /* columns; empty: none */
    const struct table_column *id_column, *parent_column;
    size_t parent_bind;
    struct hashset *shown; /* ids, and parents behind a NUL, of all that the source showed */
    bool blind;            /* it showed a record whose parent cannot be told */
    struct auditor_counts n;
};

/* A row that the target should have. */
struct expected {
    struct str id, key;
    const struct value *cells, *other; /* shaped at two moments */
    int64_t at_s;
    bool found, same;
    struct str detail; /* what differs */
};

/* A record of the page. */
struct owner {
    struct str key, parent; /* parent p NULL: unknown */
    int64_t at_s;
    bool filtered;
};

struct look {
    struct auditor *a;
    struct arena *arena;
    struct expected *rows;
    size_t n_rows, cap_rows;
    struct map *by_id; /* → the newest of rows */
    struct owner *owners;
    size_t n_owners;
    struct map *by_parent;
    struct json_doc **docs; /* cells point into them */
    size_t n_docs;
};

/* ---- what can be audited ---- */

/* The column that holds the record's time as it was sent. */
static struct str find_time(const struct auditor *a)
{
    const struct flow *f = a->c.flow;
    const struct statement *st = &f->statements[0];
    struct str wanted = arena_printf(a->arena, "{" STR_FMT "}", STR_ARG(f->iface->window.time_field));

    for (size_t i = 0; i < st->columns.n && f->iface->window.time_field.n; i++) {
        const struct table_column *c = table_column(sink_table(a->c.sink, 0), st->columns.at[i]);
        struct str text = !st->values                      ? meta_text(&f->integration->target_doc->request.at[i])
                          : st->values[i].templates.n == 1 ? st->values[i].templates.at[0]
                                                           : S("");

        if (sink_bind_of(a->c.sink, st->columns.at[i]) != SIZE_MAX && str_eq(text, wanted) && c &&
            (c->kind == CAST_DATETIME || c->kind == CAST_STRING))
            return c->name;
    }
    return S("");
}

static enum err find_columns(struct auditor *a, struct errinfo *ei)
{
    const struct flow *f = a->c.flow;
    const struct gone_rule *g = &f->sink_spec.gone;
    const struct table_info *t = sink_table(a->c.sink, 0);

    a->id = f->id_column;
    a->id_column = a->id.n ? table_column(t, a->id) : NULL;
    if (!a->id_column) {
        fail(ei, ERR_CONFIG, "no column of table " STR_FMT " holds the target's id: rows cannot be told apart",
             STR_ARG(t->name));
        return fail_hint(ei, "name a column of request[] in the target document's `id`");
    }
    a->parent = f->integration->parent.n                  ? f->integration->parent
                : f->integration->source_doc->beat_flat.n ? S("")
                                                          : a->id;
    a->parent_bind = a->parent.n ? sink_bind_of(a->c.sink, a->parent) : SIZE_MAX;
    a->parent_column = a->parent_bind == SIZE_MAX ? NULL : table_column(t, a->parent);
    if (!a->parent_column)
        a->parent = S("");
    a->time = find_time(a);
    if (g->child == GONE_MARK || g->left == GONE_MARK)
        a->mark = g->mark;
    a->guard = f->sink_spec.guard.column;
    return OK;
}

enum err auditor_new(const struct auditor_config *c, struct auditor **ret, struct errinfo *ei)
{
    struct auditor *a = mem_zero(sizeof *a);
    enum err e;

    a->c = *c;
    a->arena = arena_new(64u << 20);
    a->shaper = flow_shaper(c->flow);
    a->shown = hashset_new();
    e = sink_compared(c->sink, a->arena, &a->compared, ei);
    e = e ? e : find_columns(a, ei);
    if (e) {
        auditor_free(a);
        return e;
    }
    *ret = a;
    return OK;
}

void auditor_free(struct auditor *a)
{
    if (!a)
        return;
    shaper_free(a->shaper);
    hashset_free(a->shown);
    arena_free(a->arena);
    free(a);
}

void auditor_counts(const struct auditor *a, struct auditor_counts *ret)
{
    *ret = a->n;
}

enum audit_scope auditor_scope(const struct auditor *a)
{
    return a->time.n ? AUDIT_RANGE : a->parent.n ? AUDIT_PARENTS : AUDIT_NO_ORPHANS;
}

struct str auditor_time_column(const struct auditor *a)
{
    return a->time;
}

struct str auditor_parent_column(const struct auditor *a)
{
    return a->parent;
}

/* ---- texts ---- */

/* An id as its column holds it, so that equal ones are equal bytes. */
static struct str as_held(const struct table_column *c, struct str text, struct arena *arena)
{
    char out[DECIMAL_TEXT];
    struct decimal d;

    if (c->kind != CAST_INT || !decimal_parse(text, &d) || !decimal_trunc(&d, 0, &d))
        return text;
    return arena_str(arena, (struct str){out, decimal_print(&d, out)});
}

static uint64_t hash_parent(struct str parent)
{
    struct buf b = buf_make(1u << 20);
    uint64_t h;

    buf_byte(&b, 0);
    buf_add(&b, parent);
    h = hash_bytes(buf_str(&b));
    buf_free(&b);
    return h;
}

static struct str clipped(struct str s)
{
    return str_sub(s, 0, utf8_prefix(s, SHOWN_BYTES));
}

static struct str difference(struct arena *arena, struct str column, const struct value *ours, struct str theirs)
{
    struct str a = value_is_null(ours) ? S("NULL") : clipped(value_str(ours)),
               b = theirs.p ? clipped(theirs) : S("NULL");

    return arena_printf(arena, STR_FMT ": \"" STR_FMT "\" in the source, \"" STR_FMT "\" in the target",
                        STR_ARG(column), STR_ARG(a), STR_ARG(b));
}

/* ---- shaping a page ---- */

static struct sysvars moment(const struct auditor *a, const struct page *page, bool other)
{
    int64_t shift = other ? 40000007 : 0; /* another second, minute, hour, day, month and year */

    return (struct sysvars){.zone = a->c.flow->project->zone,
                            .now_ms = page->fetched_ms + shift * 1000,
                            .last_sync_s = page->from_s + shift,
                            .current_s = page->to_s + shift,
                            .page_size = -1,
                            .start_row = -1,
                            .page = -1,
                            .seed = other ? 0x5DEECE66Du : 1};
}

static void expect(struct look *l, const struct shaped_record *s, const struct shaped_record *other, int64_t at_s)
{
    for (size_t i = 0; i < s->n_rows; i++) {
        struct expected *x;

        if (s->rows[i].statement || !s->rows[i].id.n)
            continue;
        if (l->n_rows == l->cap_rows) {
            l->cap_rows = l->cap_rows ? l->cap_rows * 2 : 256;
            l->rows = mem_grow(l->rows, l->cap_rows * sizeof *l->rows);
        }
        x = &l->rows[l->n_rows];
        *x = (struct expected){.id = as_held(l->a->id_column, s->rows[i].id, l->arena),
                               .key = s->record.key,
                               .cells = s->rows[i].cells,
                               .other = i < other->n_rows ? other->rows[i].cells : s->rows[i].cells,
                               .at_s = at_s};
        map_put(l->by_id, x->id, l->n_rows++);
        hashset_add(l->a->shown, hash_bytes(x->id));
    }
}

/* Of a record that cannot be mapped it is not known which rows it should give, only that it is there. */
static void own(struct look *l, const struct shaped_record *s, const struct sysvars *sys, int64_t at_s)
{
    struct auditor *a = l->a;
    struct owner o = {.key = s->record.key, .at_s = at_s, .filtered = s->fate == RECORD_FILTERED};
    struct errinfo unused;

    if (!a->parent_column)
        return;
    if (shaper_cell(a->shaper, &(struct cell_of){s->record.raw, sys, a->parent_bind}, l->arena, &o.parent, &unused) ||
        !o.parent.p) {
        a->blind = true;
        return;
    }
    o.parent = as_held(a->parent_column, o.parent, l->arena);
    hashset_add(a->shown, hash_parent(o.parent));
    if (s->fate == RECORD_DEAD)
        return;
    map_put(l->by_parent, o.parent, l->n_owners);
    l->owners[l->n_owners++] = o;
}

static void hold_doc(struct look *l, struct json_doc *doc)
{
    if (!doc)
        return;
    l->docs = mem_grow(l->docs, (l->n_docs + 1) * sizeof(struct json_doc *));
    l->docs[l->n_docs++] = doc;
}

static void shape_record(struct look *l, const struct json *raw, const struct page *page)
{
    struct auditor *a = l->a;
    struct shaped_record s, other;
    struct sysvars now = moment(a, page, false), then = moment(a, page, true);
    struct errinfo unused;
    int64_t at_s;

    a->n.records++;
    if (shaper_identify(a->shaper, raw, l->arena, false, &s.record, &unused)) {
        a->n.unmapped++;
        a->blind = true;
        return;
    }
    s.record.key = arena_str(l->arena, s.record.key);
    at_s = s.record.modified_ms / 1000;
    other.record = s.record;
    shaper_record(a->shaper, raw, &now, l->arena, &s);
    shaper_record(a->shaper, raw, &then, l->arena, &other);
    a->n.filtered += s.fate == RECORD_FILTERED;
    a->n.unmapped += s.fate == RECORD_DEAD;
    if (s.fate == RECORD_ROWS)
        expect(l, &s, &other, at_s);
    own(l, &s, &now, at_s);
    hold_doc(l, s.extra);
    hold_doc(l, other.extra);
}

/* ---- asking the target ---- */

static bool compare_row(void *ctx, const struct str *cells)
{
    struct look *l = ctx;
    const struct auditor *a = l->a;
    size_t at = map_get(l->by_id, as_held(a->id_column, cells[0], l->arena));
    struct expected *x = at == MAP_NONE ? NULL : &l->rows[at];

    if (!x || x->same)
        return true;
    x->found = x->same = true;
    for (size_t i = 0; i < a->compared.n && x->same; i++) {
        const struct value *ours = &x->cells[a->compared.binds[i]], *other = &x->other[a->compared.binds[i]];

        if (ours->kind != other->kind || (!value_is_null(ours) && !str_eq(value_str(ours), value_str(other))))
            continue;
        x->same = sink_same(a->c.sink, a->compared.binds[i], ours, cells[i + 1]);
        if (!x->same)
            x->detail = difference(l->arena, a->compared.columns[i], ours, cells[i + 1]);
    }
    if (x->same && a->mark.n && str_eq(cells[a->compared.n + 1], S("1"))) {
        x->same = false;
        x->detail = S("it is marked as gone");
    }
    return true;
}

/* In chunks of what one statement may hold. */
static enum err ask(struct auditor *a, struct row_query *q, const struct str *values, size_t n, struct errinfo *ei)
{
    enum err e = OK;

    for (size_t i = 0; i < n && !e; i += LOOK_UP_ROWS) {
        q->values = values + i;
        q->n_values = n - i < LOOK_UP_ROWS ? n - i : LOOK_UP_ROWS;
        e = sink_rows(a->c.sink, q, ei);
    }
    return e;
}

static bool concerns(const struct auditor *a, struct str id)
{
    return !a->c.only || findings_has(a->c.only, id);
}

static enum err compare_rows(struct look *l, struct errinfo *ei)
{
    struct auditor *a = l->a;
    struct str *ids = ARENA_ARRAY(l->arena, struct str, l->n_rows + 1),
               *columns = ARENA_ARRAY(l->arena, struct str, a->compared.n + 2);
    struct row_query q = {.columns = columns,
                          .n_columns = 1 + a->compared.n + (a->mark.n > 0),
                          .by = a->id,
                          .row = compare_row,
                          .ctx = l};
    size_t n = 0;
    enum err e;

    columns[0] = a->id;
    for (size_t i = 0; i < a->compared.n; i++)
        columns[i + 1] = a->compared.columns[i];
    columns[a->compared.n + 1] = a->mark;
    for (size_t i = 0; i < l->n_rows; i++)
        if (map_get(l->by_id, l->rows[i].id) == i && concerns(a, l->rows[i].id))
            ids[n++] = l->rows[i].id;
    a->n.rows += (int64_t)n;
    e = ask(a, &q, ids, n, ei);
    for (size_t i = 0; i < l->n_rows && !e; i++) {
        const struct expected *x = &l->rows[i];
        struct finding f = {.id = x->id, .key = x->key, .at_s = x->at_s, .detail = x->detail};

        if (map_get(l->by_id, x->id) != i || !concerns(a, x->id) || x->same)
            continue;
        f.kind = x->found ? FINDING_STALE : FINDING_MISSING;
        findings_add(a->c.out, &f);
    }
    return e;
}

static bool own_row(void *ctx, const struct str *cells)
{
    struct look *l = ctx;
    const struct auditor *a = l->a;
    struct str id = cells[0].p ? as_held(a->id_column, cells[0], l->arena) : S("");
    size_t at = cells[1].p ? map_get(l->by_parent, as_held(a->parent_column, cells[1], l->arena)) : MAP_NONE;
    const struct owner *o = at == MAP_NONE ? NULL : &l->owners[at];
    struct finding f = {.kind = FINDING_ORPHAN, .id = id};

    if (!o || map_get(l->by_id, id) != MAP_NONE || !concerns(a, id))
        return true;
    f.key = o->key;
    f.parent = o->parent;
    f.at_s = o->at_s;
    f.detail = o->filtered ? S("its record does not pass the condition") : S("its record has no such line");
    findings_add(a->c.out, &f);
    return true;
}

static enum err compare_owners(struct look *l, struct errinfo *ei)
{
    struct auditor *a = l->a;
    struct str *parents = ARENA_ARRAY(l->arena, struct str, l->n_owners + 1);
    const struct str columns[] = {a->id, a->parent};
    struct row_query q = {
        .columns = columns, .n_columns = 2, .by = a->parent, .unless = a->mark, .row = own_row, .ctx = l};
    size_t n = 0;

    for (size_t i = 0; i < l->n_owners; i++)
        if (map_get(l->by_parent, l->owners[i].parent) == i)
            parents[n++] = l->owners[i].parent;
    return ask(a, &q, parents, n, ei);
}

/* ---- pages and marks ---- */

static bool shown(const struct auditor *a, const struct finding *f, struct arena *arena)
{
    return hashset_has(a->shown, hash_bytes(f->id)) ||
           (f->parent.p && hashset_has(a->shown, hash_parent(as_held(a->parent_column, f->parent, arena))));
}

bool auditor_shown(const struct auditor *a, const struct finding *f)
{
    struct arena *arena = arena_new(1u << 20);
    bool is = shown(a, f, arena);

    arena_free(arena);
    return is;
}

bool auditor_blind(const struct auditor *a)
{
    return a->blind;
}

enum err auditor_page(struct auditor *a, const struct page *page, struct errinfo *ei)
{
    struct look l = {.a = a, .arena = arena_new(PAGE_ARENA_MAX), .by_id = map_new(), .by_parent = map_new()};
    struct json_iter it = json_iter(page->reply.records);
    const struct json *raw;
    enum err e = OK;

    a->n.pages++;
    l.owners = ARENA_ARRAY(l.arena, struct owner, page->reply.n_records + 1);
    while ((raw = json_next(&it, NULL)))
        shape_record(&l, raw, page);
    if (!a->c.collect) {
        e = compare_rows(&l, ei);
        e = e ? e : compare_owners(&l, ei);
    }
    for (size_t i = 0; i < l.n_docs; i++)
        json_free(l.docs[i]);
    free(l.docs);
    free(l.rows);
    map_free(l.by_id);
    map_free(l.by_parent);
    arena_free(l.arena);
    return e;
}

struct scan {
    struct auditor *a;
    struct arena *arena;
    const struct window_proof *window;
};

static bool scan_row(void *ctx, const struct str *cells)
{
    struct scan *s = ctx;
    struct auditor *a = s->a;
    struct finding f = {.kind = FINDING_ORPHAN, .unseen = true};
    int64_t ms;
    size_t at = 2;

    arena_reset(s->arena);
    f.id = cells[0].p ? as_held(a->id_column, cells[0], s->arena) : S("");
    if (!cells[1].p || !time_parse(cells[1], a->c.flow->remote_zone, &ms) || ms / 1000 < s->window->from_s ||
        ms / 1000 > s->window->to_s || !concerns(a, f.id))
        return true;
    f.at_s = ms / 1000;
    f.detail = arena_printf(s->arena, "the source shows no record of it at " STR_FMT, STR_ARG(cells[1]));
    if (a->parent.n)
        f.parent = cells[at++];
    if (a->guard.n)
        f.guard = cells[at];
    if (!shown(a, &f, s->arena))
        findings_add(a->c.out, &f);
    return true;
}

/* Rows of the target that lie in the window. */
static enum err scan_window(struct auditor *a, const struct window_proof *w, struct errinfo *ei)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    const struct zone *z = a->c.flow->remote_zone;
    const struct str range[] = {{from, time_datetime(z, w->from_s, from)}, {to, time_datetime(z, w->to_s, to)}};
    struct scan s = {a, arena_new(1u << 22), w};
    struct str columns[4] = {a->id, a->time};
    struct row_query q = {.columns = columns,
                          .n_columns = 2,
                          .by = a->time,
                          .values = range,
                          .n_values = 2,
                          .range = true,
                          .unless = a->mark,
                          .row = scan_row,
                          .ctx = &s};
    enum err e;

    if (a->parent.n)
        columns[q.n_columns++] = a->parent;
    if (a->guard.n)
        columns[q.n_columns++] = a->guard;
    e = sink_rows(a->c.sink, &q, ei);
    arena_free(s.arena);
    return e;
}

enum err auditor_mark(struct auditor *a, const struct page *mark, struct errinfo *ei)
{
    enum err e = OK;

    if (!mark->proof)
        return OK;
    a->n.windows++;
    a->n.unverified += !mark->proof->verified;
    if (a->time.n && !a->c.collect)
        e = scan_window(a, mark->proof, ei);
    return e;
}
