/* What one kind of lookup takes from a record: the values at its paths, the value wanted, and the keys that an index
 * goes by. One thread at a time. */
#include "flow/kind.h"

#include "store/journal.h"

#define COMBINATIONS_MAX 100000

/* ---- paths ---- */

static struct str last_segment(struct str path)
{
    size_t dot = 0;

    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '.')
            dot = i + 1;
    return str_sub(path, dot, path.n);
}

/* "items.x", or "items_x", with "items" flattened: the path inside an element. */
static bool inside(struct str path, struct str array, struct str *ret)
{
    struct str last = last_segment(array);

    if (path.n > array.n + 1 && str_starts(path, array) && path.p[array.n] == '.' &&
        !(path.p[array.n + 1] >= '0' && path.p[array.n + 1] <= '9')) {
        *ret = str_sub(path, array.n + 1, path.n);
        return true;
    }
    if (path.n > last.n + 1 && str_starts(path, last) && path.p[last.n] == '_') {
        *ret = str_sub(path, last.n + 1, path.n);
        return true;
    }
    return false;
}

static struct place place_of(struct kind *k, struct str path)
{
    const struct strs *flat = &k->kept->integration->source_doc->beat_flat;
    struct place p = {.path = path};

    for (size_t i = 0; i < flat->n; i++) {
        if (!inside(path, flat->at[i], &p.element))
            continue;
        if (!k->array.n)
            k->array = flat->at[i];
        p.in_line = str_eq(k->array, flat->at[i]);
        if (!p.in_line)
            p.path = arena_printf(k->kept->arena, STR_FMT "." STR_FMT, STR_ARG(flat->at[i]), STR_ARG(p.element));
        break;
    }
    return p;
}

size_t kind_path(const struct lookup *l, const struct lookup_term *t)
{
    size_t n = 0;

    for (const struct lookup_term *u = l->terms; u < t; u++) {
        bool seen = false;

        if (str_eq(u->path, t->path))
            break;
        for (const struct lookup_term *v = l->terms; v < u; v++)
            seen |= str_eq(u->path, v->path);
        n += !seen;
    }
    return n;
}

void kind_places(struct kind *k)
{
    const struct lookup *l = k->as;

    k->paths = ARENA_ARRAY(k->kept->arena, struct place, l->n_terms + 1);
    k->find = place_of(k, l->find);
    for (size_t i = 0; i < l->n_terms; i++) {
        size_t at = kind_path(l, &l->terms[i]);
        bool known = false;

        if (at == k->n_paths)
            k->paths[k->n_paths++] = place_of(k, l->terms[i].path);
        for (size_t n = 0; n < k->n_indexed; n++)
            known |= k->indexed[n] == at;
        if (l->terms[i].indexed && !known)
            k->indexed[k->n_indexed++] = at;
    }
}

/* ---- what a record has ---- */

struct subject {
    const struct kind *k;
    const struct json *raw, *element; /* element NULL: none */
    struct arena *a;
};

static const struct json *header(const struct subject *s, struct str path, struct str *ret_rest)
{
    struct str first;

    *ret_rest = path;
    (void)str_cut(ret_rest, '.', &first);
    return iface_field(s->k->kept->iface, s->raw, first);
}

static struct lookup_values values_at(const struct subject *s, const struct place *p)
{
    struct lookup_values v = {.a = s->a};
    struct str rest;
    const struct json *j;

    if (s->element && p->in_line)
        lookup_collect(s->element, p->element, &v);
    if (v.n)
        return v;
    j = header(s, p->path, &rest);
    lookup_collect(j, rest, &v);
    return v;
}

static void write_value(struct json_out *w, const struct value *v)
{
    struct buf b = buf_make(JOURNAL_BODY_MAX);

    if (v->kind == VALUE_TEXT)
        json_out_str(w, value_str(v));
    else if (v->kind == VALUE_NUMBER)
        json_out_raw(w, value_str(v));
    else if (v->kind == VALUE_BOOL)
        json_out_bool(w, v->truth);
    else if (v->kind == VALUE_JSON) {
        json_write(v->json, &b);
        json_out_raw(w, buf_str(&b));
    } else
        json_out_null(w);
    buf_free(&b);
}

static void write_values(struct json_out *w, const struct lookup_values *v)
{
    json_out_begin(w, '[');
    for (size_t i = 0; i < v->n; i++)
        write_value(w, &v->at[i]);
    json_out_end(w, ']');
}

/* The value wanted, as JSON; several, where the path leads through an array, as an array. p NULL: none. */
static struct str found_at(const struct subject *s)
{
    const struct place *p = &s->k->find;
    struct buf b = buf_make(JOURNAL_BODY_MAX);
    struct json_out w = json_out(&b);
    const struct json *whole = s->element && p->in_line ? json_path(s->element, p->element) : NULL;
    struct lookup_values v;
    struct str rest, ret;

    if (!whole)
        whole = json_path(header(s, p->path, &rest), rest);
    v = whole ? (struct lookup_values){0} : values_at(s, p);
    if (whole)
        json_write(whole, &b);
    else if (v.n == 1)
        write_value(&w, &v.at[0]);
    else if (v.n)
        write_values(&w, &v);
    ret = b.n ? arena_str(s->a, buf_str(&b)) : (struct str){0};
    buf_free(&b);
    return ret;
}

/* ---- keys ---- */

enum err choices_count(const struct choices *c, bool *ret_any, struct errinfo *ei)
{
    size_t total = 1;

    for (size_t i = 0; i < c->n && total && total <= COMBINATIONS_MAX; i++)
        total *= c->of[i].n;
    *ret_any = total > 0;
    return total <= COMBINATIONS_MAX
               ? OK
               : fail(ei, ERR_DATA, "arrays give more than %d combinations to look up by", COMBINATIONS_MAX);
}

bool choices_next(struct choices *c)
{
    for (size_t i = c->n; i-- > 0;) {
        if (++c->at[i] < c->of[i].n)
            return true;
        c->at[i] = 0;
    }
    return false;
}

uint64_t choices_hash(struct hasher *h, const struct choices *c)
{
    hasher_reset(h);
    for (size_t i = 0; i < c->n; i++) {
        char out[DECIMAL_TEXT];
        struct str key = lookup_key(&c->of[i].at[c->at[i]], out);
        uint64_t n = key.n;

        hasher_add(h, str_mk((const char *)&n, sizeof n));
        hasher_add(h, key);
    }
    return c->n ? hasher_done(h).lo : 0;
}

struct lookup_values choices_of(struct arena *a, const struct value *v, size_t n)
{
    struct lookup_values ret = {.at = ARENA_ARRAY(a, struct value, n + 1)};
    char out[DECIMAL_TEXT];

    for (size_t i = 0; i < n; i++)
        if (lookup_key(&v[i], out).p)
            ret.at[ret.n++] = v[i];
    return ret;
}

/* ---- making the projection ---- */

struct lines {
    struct projected_line *at;
    size_t n, cap;
};

static void add_line(struct lines *l, struct arena *a, const struct projected_line *line)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 4;
        struct projected_line *at = ARENA_ARRAY(a, struct projected_line, cap);

        if (l->n)
            memcpy(at, l->at, l->n * sizeof *at);
        l->at = at;
        l->cap = cap;
    }
    l->at[l->n++] = *line;
}

static enum err project_line(const struct subject *s, int32_t number, struct lines *out, struct errinfo *ei)
{
    const struct kind *k = s->k;
    struct choices c = {.n = k->n_indexed};
    struct projected_line line = {.line = number};
    struct buf b = buf_make(JOURNAL_BODY_MAX);
    struct json_out w = json_out(&b);
    enum err e;
    bool any;

    json_out_begin(&w, '[');
    for (size_t i = 0; i < k->n_paths; i++) {
        struct lookup_values v = values_at(s, &k->paths[i]);

        write_values(&w, &v);
        for (size_t n = 0; n < k->n_indexed; n++)
            if (k->indexed[n] == i)
                c.of[n] = choices_of(s->a, v.at, v.n);
    }
    json_out_end(&w, ']');
    line.fields = arena_str(s->a, buf_str(&b));
    buf_free(&b);
    e = choices_count(&c, &any, ei);
    if (e || !any)
        return e;
    line.found = found_at(s);
    do {
        line.hash = choices_hash(k->hasher, &c);
        add_line(out, s->a, &line);
    } while (choices_next(&c));
    return OK;
}

static enum err project_lines(struct subject *s, const bool *keep, struct lines *out, struct errinfo *ei)
{
    const struct json *array = s->k->array.n ? json_path(s->raw, s->k->array) : NULL;
    struct json_iter it = json_iter(json_type(array) == JSON_ARRAY ? array : NULL);
    enum err e = OK;
    int32_t n = 0;

    while (!e && (s->element = json_next(&it, NULL))) {
        if (!keep || keep[n])
            e = project_line(s, n, out, ei);
        n++;
    }
    return e || n ? e : project_line(s, 0, out, ei);
}

enum err kind_project(const struct kind *k, const struct json *raw, struct arena *a, struct projected_record *ret,
                      struct errinfo *ei)
{
    struct subject s = {.k = k, .raw = raw, .a = a};
    struct batch_record rec;
    struct lines lines = {0};
    const bool *keep;
    enum err e = OK;

    *ret = (struct projected_record){0};
    if (shaper_identify(k->shaper, raw, a, false, &rec, NULL))
        return OK; /* it has no id: a dead letter of its integration */
    ret->key = rec.key;
    ret->version = rec.version;
    if (shaper_passes(k->shaper, raw, k->array, a, &keep))
        e = project_lines(&s, keep, &lines, ei);
    if (e)
        err_prefix(ei, "record \"" STR_FMT "\"", STR_ARG(rec.key));
    ret->lines = lines.at;
    ret->n_lines = lines.n;
    return e;
}
