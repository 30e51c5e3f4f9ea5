/* One record at a time: identity, condition, lines, columns.
 *
 * A record's header is read into slots once; each line copies them and lays its element over them. With several
 * flattened arrays the lines are their product, in order, like the digits of an odometer. An array that is empty or
 * missing keeps one line with the header alone. Under groupCalculate or operation the lines of ONE record are merged
 * first (a page's edge must not change a result), and each merged object is mapped like a record without arrays.
 *
 * Nothing here is shared: a shaper belongs to one thread. */
#include "shape/plan.h"

#include <stdlib.h>

struct shaper {
    const struct shape *s;
    struct guesses header, element[SHAPE_ARRAYS];
    struct fill head, line;
    struct hasher *hasher;
    uint64_t *missing;
    uint64_t rows;
    shaper_lookup *lookup;
    void *lookup_ctx;
    bool watch; /* what is shaped is counted */
    struct look tally;
};

/* A record on its way. */
struct work {
    struct shaper *sh;
    const struct json *raw;
    struct arena *a;
    struct sysvars sys; /* of the line */
    uint64_t seed;      /* of the record */
    struct env env;
    struct shaped_record *out;
    size_t cap;
    const struct json *array[SHAPE_ARRAYS]; /* as found in the record; NULL when it is none */
    size_t n_elements[SHAPE_ARRAYS];
    bool *keep[SHAPE_ARRAYS];
    struct value **shares;                    /* [alloc][element] */
    const struct json *element[SHAPE_ARRAYS]; /* of the line being made; NULL: none */
    size_t at[SHAPE_ARRAYS];                  /* its index */
    size_t looked[SHAPE_ARRAYS];              /* elements before this one are counted */
};

static void fill_init(struct fill *f, size_t n)
{
    f->value = mem_zero((n + 1) * sizeof *f->value);
    f->rank = mem_zero(n + 1);
}

struct shaper *shaper_new(const struct shape *s)
{
    struct shaper *sh = mem_zero(sizeof *sh);

    sh->s = s;
    guesses_init(&sh->header, (struct str){0}, GUESSES_MOST);
    sh->header.tally = &sh->tally;
    for (size_t i = 0; i < s->n_arrays; i++) {
        guesses_init(&sh->element[i], s->arrays[i].prefix, GUESSES_MOST);
        sh->element[i].tally = &sh->tally;
    }
    fill_init(&sh->head, s->n_slots);
    fill_init(&sh->line, s->n_slots);
    sh->hasher = hasher_new();
    sh->missing = mem_zero((s->in.n_columns[0] + 1) * sizeof *sh->missing);
    return sh;
}

void shaper_free(struct shaper *sh)
{
    if (!sh)
        return;
    guesses_free(&sh->header);
    for (size_t i = 0; i < sh->s->n_arrays; i++)
        guesses_free(&sh->element[i]);
    free(sh->head.value);
    free(sh->head.rank);
    free(sh->line.value);
    free(sh->line.rank);
    hasher_free(sh->hasher);
    free(sh->missing);
    free(sh);
}

void shaper_set_lookup(struct shaper *sh, shaper_lookup *lookup, void *ctx)
{
    sh->lookup = lookup;
    sh->lookup_ctx = ctx;
}

const uint64_t *shaper_missing(const struct shaper *sh, size_t *ret_n, uint64_t *ret_rows)
{
    *ret_n = sh->s->in.n_columns[0];
    *ret_rows = sh->rows;
    return sh->missing;
}

/* ---- identity ---- */

static enum err record_key(struct shaper *sh, const struct json *record, struct arena *a, struct str *ret,
                           struct errinfo *ei)
{
    const struct shape_input *in = &sh->s->in;
    struct value v;

    if (in->source_id_tmpl) {
        struct sysvars sys = {.zone = in->zone, .page = -1, .page_size = -1, .start_row = -1};
        struct env env = {.slot = sh->head.value, .sys = &sys, .arena = a};
        enum err e;

        fill_clear(sh->s, &sh->head);
        fill_object(sh->s, &sh->header, record, false, &sh->head);
        e = tmpl_eval(in->source_id_tmpl, &env, &v, ei);
        if (e)
            return e;
    } else {
        const struct json *j = in->iface ? iface_field(in->iface, record, in->source_id) : NULL;

        v = value_of_json(j ? j : json_path(record, in->source_id));
    }
    if (value_is_empty(&v) || v.kind == VALUE_JSON) {
        fail(ei, ERR_DATA, "the record has no id: field \"" STR_FMT "\" is %s", STR_ARG(in->source_id),
             v.kind == VALUE_MISSING ? "missing"
             : v.kind == VALUE_JSON  ? "not a single value"
                                     : "empty");
        return fail_hint(ei, "see `id` of the source document");
    }
    *ret = value_as_text(&v, a);
    return OK;
}

static struct str record_version(const struct iface *face, const struct json *record)
{
    for (size_t i = 0; face && i < face->versions.n; i++) {
        struct str v = json_text(json_get(record, face->versions.at[i]));

        if (v.n)
            return v;
    }
    return (struct str){0};
}

static void feed_hasher(void *ctx, struct str bytes)
{
    hasher_add(ctx, bytes);
}

enum err shaper_identify(struct shaper *sh, const struct json *record, struct arena *a, bool with_hash,
                         struct batch_record *ret, struct errinfo *ei)
{
    const struct iface *face = sh->s->in.iface;
    enum err e;

    *ret = (struct batch_record){.raw = record};
    if (json_type(record) != JSON_OBJECT)
        return fail(ei, ERR_DATA, "a record is %s, not an object", json_type_name(json_type(record)));
    e = record_key(sh, record, a, &ret->key, ei);
    if (e)
        return e;
    ret->version = record_version(face, record);
    if (face && face->window.time_field.n) {
        struct str t = json_text(json_get(record, face->window.time_field));

        if (!t.n || !time_parse(t, sh->s->in.remote_zone, &ret->modified_ms))
            ret->modified_ms = 0;
    }
    if (with_hash) {
        struct hash128 h;

        hasher_reset(sh->hasher);
        hasher_add(sh->hasher, (struct str){(const char *)&sh->s->in.mapping, sizeof sh->s->in.mapping});
        json_walk(record, feed_hasher, sh->hasher);
        h = hasher_done(sh->hasher);
        ret->hash_hi = h.hi;
        ret->hash_lo = h.lo;
    }
    return OK;
}

/* ---- what records look like ---- */

void shaper_watch(struct shaper *sh)
{
    sh->watch = true;
    sh->tally.seldom = 7;
}

void shaper_look(struct shaper *sh, const struct json *record)
{
    const struct shape *s = sh->s;

    if (json_type(record) != JSON_OBJECT)
        return;
    fill_clear(s, &sh->head);
    sh->header.look = true;
    fill_object(s, &sh->header, record, false, &sh->head);
    sh->header.look = false;
    for (size_t i = 0; i < s->n_arrays; i++) {
        const struct json *array = json_path(record, s->arrays[i].name), *element;
        struct json_iter it = json_iter(json_type(array) == JSON_ARRAY ? array : NULL);

        sh->element[i].look = true;
        while ((element = json_next(&it, NULL)))
            fill_object(s, &sh->element[i], element, true, &sh->line);
        sh->element[i].look = false;
    }
}

uint64_t shaper_news(const struct shaper *sh)
{
    return sh->tally.news;
}

void shaper_fields(const struct shaper *sh, struct arena *a, struct shape_fields *ret)
{
    look_list(sh->s, &sh->header, sh->element, a, ret);
}

/* ---- lines ---- */

static size_t column_values(void *ctx, size_t slot, const struct value **ret)
{
    struct work *w = ctx;
    const struct shape *s = w->sh->s;

    for (size_t i = 0; i < s->n_columns; i++) {
        const struct column_slot *c = &s->columns[i];
        const struct json *array, *element;
        struct json_iter it;
        struct value *v;
        size_t n, k = 0;

        if (c->slot != slot)
            continue;
        array = json_path(w->raw, c->array);
        n = json_type(array) == JSON_ARRAY ? json_count(array) : 0;
        v = ARENA_ARRAY(w->a, struct value, n + 1);
        it = json_iter(array);
        while (k < n && (element = json_next(&it, NULL)))
            v[k++] = value_of_json(json_path(element, c->field));
        for (size_t al = 0; al < s->n_allocs; al++)
            if (str_eq(s->allocs[al].over, c->array) && str_eq(s->allocs[al].as, c->field) && w->shares[al])
                memcpy(v, w->shares[al], n * sizeof *v);
        *ret = v;
        return n;
    }
    *ret = NULL;
    return 0;
}

static void lay_shares(struct work *w, struct fill *f)
{
    const struct shape *s = w->sh->s;

    for (size_t i = 0; i < s->n_allocs; i++) {
        const struct shape_alloc *al = &s->allocs[i];

        if (al->array < 0 || !w->shares[i] || !w->element[al->array])
            continue;
        if (al->slot != MAP_NONE)
            f->value[al->slot] = w->shares[i][w->at[al->array]];
        for (size_t p = 0; p < s->n_paths; p++)
            if (s->paths[p].array == al->array && str_eq(s->paths[p].rest, al->as))
                f->value[s->paths[p].slot] = w->shares[i][w->at[al->array]];
    }
}

static enum err lay_formats(struct work *w, struct fill *f, struct errinfo *ei)
{
    const struct shape *s = w->sh->s;

    for (size_t i = 0; i < s->formats.n; i++) {
        struct value in = f->value[s->format_old[i]];
        enum err e = format_apply(&s->formats.at[i], &in, s->in.zone, w->a, &f->value[s->format_new[i]], ei);

        if (e)
            return e;
    }
    return OK;
}

/* Slots of the line whose elements are w->element. */
static enum err fill_line(struct work *w, const struct json *record, struct errinfo *ei)
{
    const struct shape *s = w->sh->s;
    struct fill *f = &w->sh->line;

    memcpy(f->value, w->sh->head.value, s->n_slots * sizeof *f->value);
    memcpy(f->rank, w->sh->head.rank, s->n_slots);
    for (size_t i = 0; i < s->n_arrays; i++) {
        struct guesses *g = &w->sh->element[i];

        if (!w->element[i])
            continue;
        g->look = w->sh->watch && w->at[i] >= w->looked[i]; /* in a product it comes again and again */
        fill_object(s, g, w->element[i], true, f);
        w->looked[i] = g->look ? w->at[i] + 1 : w->looked[i];
    }
    if (s->n_paths)
        fill_paths(s, record, w->element, f);
    lay_shares(w, f);
    return lay_formats(w, f, ei);
}

/* A plain copy of a slot: text points where the document has it. */
static struct value plain_cell(const struct value *v, struct arena *a)
{
    switch (v->kind) {
    case VALUE_TEXT:
        return *v;
    case VALUE_NUMBER:
        return value_text(value_str(v));
    case VALUE_MISSING:
    case VALUE_NULL:
        return value_null();
    default:
        return value_text(value_as_text(v, a));
    }
}

static enum err row_cells(struct work *w, size_t statement, struct value *cells, struct errinfo *ei)
{
    struct shaper *sh = w->sh;
    const struct shape_input *in = &sh->s->in;
    const size_t *plain = sh->s->plain[statement];

    for (size_t c = 0; c < in->n_columns[statement]; c++) {
        if (plain[c] != SIZE_MAX) {
            const struct value *v = &sh->line.value[plain[c]];

            if (statement == 0 && v->kind == VALUE_MISSING)
                sh->missing[c]++;
            cells[c] = plain_cell(v, w->a);
        } else {
            enum err e = column_eval(in->columns[statement][c], &w->env, &cells[c], ei);

            if (e)
                return e;
        }
    }
    return OK;
}

static struct batch_row *add_row(struct work *w)
{
    struct shaped_record *out = w->out;

    if (out->n_rows == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 4;
        struct batch_row *rows = ARENA_ARRAY(w->a, struct batch_row, cap);

        if (out->n_rows)
            memcpy(rows, out->rows, out->n_rows * sizeof *rows);
        out->rows = rows;
        w->cap = cap;
    }
    return &out->rows[out->n_rows++];
}

static enum err row_id(struct work *w, struct batch_row *row, struct errinfo *ei)
{
    const struct shape_input *in = &w->sh->s->in;
    struct value v;
    enum err e;

    if (in->id_column >= 0) {
        v = row->cells[in->id_column];
    } else if (in->id) {
        e = tmpl_eval(in->id, &w->env, &v, ei);
        if (e)
            return e;
    } else {
        bool lines = w->sh->s->n_arrays && w->sh->s->arrays[0].flat;

        row->id =
            lines ? arena_printf(w->a, STR_FMT "-%d", STR_ARG(w->out->record.key), row->line + 1) : w->out->record.key;
        return OK;
    }
    row->id = value_is_null(&v) ? (struct str){0} : value_as_text(&v, w->a);
    return OK;
}

static enum err emit(struct work *w, size_t statement, int32_t line, struct errinfo *ei)
{
    size_t n = w->sh->s->in.n_columns[statement];
    struct value *cells = arena_alloc(w->a, (n + 1) * sizeof *cells);
    struct batch_row *row;
    enum err e = row_cells(w, statement, cells, ei);

    if (e)
        return e;
    row = add_row(w);
    *row = (struct batch_row){.cells = cells, .line = line, .statement = (uint32_t)statement};
    return statement == 0 ? row_id(w, row, ei) : OK;
}

/* The main row, then the rows of each extend statement, one an element of its array. */
static enum err emit_line(struct work *w, const struct json *record, int32_t line, struct errinfo *ei)
{
    const struct shape *s = w->sh->s;
    enum err e = fill_line(w, record, ei);

    w->sys.seed = w->seed + (uint64_t)line * 0x9E3779B97F4A7C15u; /* each row draws its own random values */
    w->env.draws = 0;
    w->sh->rows++;
    e = e ? e : emit(w, 0, line, ei);
    for (size_t st = 1; !e && st < s->in.n_statements; st++) {
        const struct json *array = json_path(record, s->in.arrays[st]), *element;
        struct json_iter it = json_iter(json_type(array) == JSON_ARRAY ? array : NULL);
        size_t at = 0, which = 0;

        while (which < s->n_arrays && !str_eq(s->arrays[which].name, s->in.arrays[st]))
            which++;
        while (!e && which < s->n_arrays && (element = json_next(&it, NULL))) {
            const struct json *outer = w->element[which];
            size_t outer_at = w->at[which];

            w->element[which] = element;
            w->at[which] = at++;
            e = fill_line(w, record, ei);
            e = e ? e : emit(w, st, line, ei);
            w->element[which] = outer;
            w->at[which] = outer_at;
        }
    }
    return e;
}

/* Moves array i's digit to its next kept element from `from` on; false when there is none. */
static bool odometer_set(struct work *w, size_t i, size_t from)
{
    for (; from < w->n_elements[i]; from++)
        if (w->keep[i][from]) {
            w->at[i] = from;
            w->element[i] = json_at(w->array[i], from);
            return true;
        }
    return false;
}

static bool odometer_next(struct work *w)
{
    size_t i = w->sh->s->n_arrays;

    while (i-- > 0) {
        if (!w->element[i])
            continue;
        if (odometer_set(w, i, w->at[i] + 1))
            return true;
        odometer_set(w, i, 0);
    }
    return false;
}

static enum err emit_lines(struct work *w, struct errinfo *ei)
{
    int32_t line = 0;

    for (size_t i = 0; i < w->sh->s->n_arrays; i++)
        if (w->sh->s->arrays[i].flat)
            odometer_set(w, i, 0);
    do {
        enum err e = emit_line(w, w->raw, line++, ei);

        if (e)
            return e;
    } while (odometer_next(w));
    return OK;
}

/* ---- the record ---- */

/* Finds the arrays, asks the condition. False: filtered. */
static bool select_lines(struct work *w)
{
    const struct shape *s = w->sh->s;
    bool pass = true, any = false;

    for (size_t i = 0; i < s->n_arrays; i++) {
        const struct json *array = json_path(w->raw, s->arrays[i].name);
        bool kept = false;

        if (!s->arrays[i].flat || json_type(array) != JSON_ARRAY || !json_count(array))
            continue;
        w->array[i] = array;
        w->n_elements[i] = json_count(array);
        w->keep[i] = arena_alloc(w->a, w->n_elements[i]);
        memset(w->keep[i], 1, w->n_elements[i]);
        any = true;
        if (!s->cond)
            continue;
        pass &= cond_apply(s->cond, w->raw, array, w->keep[i], w->n_elements[i]);
        for (size_t k = 0; k < w->n_elements[i]; k++)
            kept |= w->keep[i][k];
        pass &= kept;
    }
    if (!any && s->cond)
        pass = cond_apply(s->cond, w->raw, NULL, NULL, 0);
    return pass;
}

static enum err allocate_shares(struct work *w, struct errinfo *ei)
{
    const struct shape *s = w->sh->s;

    w->shares = ARENA_ARRAY(w->a, struct value *, s->n_allocs + 1);
    for (size_t i = 0; i < s->n_allocs; i++) {
        const struct json *array = json_path(w->raw, s->allocs[i].over);
        size_t n = json_type(array) == JSON_ARRAY ? json_count(array) : 0;
        enum err e;

        if (!n)
            continue;
        w->shares[i] = ARENA_ARRAY(w->a, struct value, n);
        e = allocate_apply(s->allocate, i, w->raw, w->a, w->shares[i], n, ei);
        if (e)
            return e;
    }
    return OK;
}

static void fill_head(struct work *w, const struct json *record)
{
    fill_clear(w->sh->s, &w->sh->head);
    fill_object(w->sh->s, &w->sh->header, record, false, &w->sh->head);
}

static enum err emit_merged(struct work *w, struct errinfo *ei)
{
    struct json_iter it;
    const struct json *object;
    int32_t line = 0;
    struct merge_input in = {w->raw, w->array[0], w->keep[0]};
    enum err e = merge_rows(w->sh->s, &in, w->a, &w->out->extra, ei);

    if (e)
        return e;
    it = json_iter(json_root(w->out->extra));
    while (!e && (object = json_next(&it, NULL))) {
        fill_head(w, object);
        e = emit_line(w, object, line++, ei);
    }
    return e;
}

static enum err shape_lines(struct work *w, bool *ret_filtered, struct errinfo *ei)
{
    enum err e;

    *ret_filtered = !select_lines(w);
    if (*ret_filtered)
        return OK;
    e = allocate_shares(w, ei);
    if (e)
        return e;
    if (w->sh->s->group || w->sh->s->operation) {
        if (w->sh->watch)
            shaper_look(w->sh, w->raw);
        return emit_merged(w, ei);
    }
    w->sh->header.look = w->sh->watch;
    fill_head(w, w->raw);
    w->sh->header.look = false;
    return emit_lines(w, ei);
}

/* `w` stays where it is: the environment points into it. */
static void work_env(struct work *w)
{
    w->env = (struct env){.slot = w->sh->line.value,
                          .sys = &w->sys,
                          .arena = w->a,
                          .column = column_values,
                          .column_ctx = w,
                          .lookup = w->sh->lookup,
                          .lookup_ctx = w->sh->lookup_ctx};
}

void shaper_record(struct shaper *sh, const struct json *raw, const struct sysvars *sys, struct arena *a,
                   struct shaped_record *ret)
{
    struct work w = {.sh = sh, .raw = raw, .a = a, .out = ret};
    struct errinfo ei;
    bool filtered;

    w.sys = *sys;
    w.seed = sys->seed;
    work_env(&w);
    ret->rows = NULL;
    ret->n_rows = 0;
    ret->extra = NULL;
    if (shape_lines(&w, &filtered, &ei) == OK) {
        ret->fate = filtered ? RECORD_FILTERED : RECORD_ROWS;
        return;
    }
    ret->fate = RECORD_DEAD;
    ret->n_rows = 0;
    ret->why = arena_alloc(a, sizeof *ret->why);
    *ret->why = ei;
}

enum err shaper_cell(struct shaper *sh, const struct cell_of *c, struct arena *a, struct str *ret, struct errinfo *ei)
{
    const struct json *raw = c->raw;
    struct shaped_record out = {.rows = NULL};
    struct work w = {.sh = sh, .raw = raw, .a = a, .out = &out};
    struct value v;
    enum err e;

    w.sys = *c->sys;
    w.seed = c->sys->seed;
    work_env(&w);
    for (size_t i = 0; i < sh->s->n_arrays; i++) {
        w.array[i] = json_path(raw, sh->s->arrays[i].name);
        w.element[i] = sh->s->arrays[i].flat && json_type(w.array[i]) == JSON_ARRAY ? json_at(w.array[i], 0) : NULL;
    }
    if (allocate_shares(&w, ei))
        memset(w.shares, 0, sh->s->n_allocs * sizeof *w.shares);
    fill_head(&w, raw);
    e = fill_line(&w, raw, ei);
    e = e ? e : column_eval(sh->s->in.columns[0][c->column], &w.env, &v, ei);
    if (!e)
        *ret = value_is_null(&v) ? (struct str){0} : value_as_text(&v, a);
    return e;
}

bool shaper_passes(struct shaper *sh, const struct json *raw, struct str array, struct arena *a, const bool **ret_keep)
{
    struct work w = {.sh = sh, .raw = raw, .a = a};

    *ret_keep = NULL;
    if (!select_lines(&w))
        return false;
    for (size_t i = 0; i < sh->s->n_arrays; i++)
        if (str_eq(sh->s->arrays[i].name, array))
            *ret_keep = w.keep[i];
    return true;
}

size_t shaper_failing(const struct shaper *sh, const struct json *raw)
{
    return sh->s->cond ? cond_failing(sh->s->cond, raw) : SIZE_MAX;
}

struct strs shape_terms(const struct shape *s, struct arena *a)
{
    return cond_terms(s->cond, a);
}
