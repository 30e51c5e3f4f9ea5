/* What records look like: types, lengths and digits of every field, counted where the walk over the members stands
 * anyway (fill.c). Only what no slot needs is walked for this alone: objects inside, and arrays that give no lines.
 *
 * The counters stand with the guesses, so there is no lookup a cell. Another JSON type, a longer text and a longer
 * number are always noticed. What a text looks like, and how many digits a number has, is asked of one value in eight
 * of a field once it is known (of each, where a run stops for a change): a change of what records look like lasts, and
 * single values that a column does not take are found by sink/fit.
 * What is counted is what is shaped: records that the condition leaves out do not reach the table. */
#include "shape/plan.h"

#include <stdlib.h>

#define LOOK_DEPTH_MAX 4
#define INNER_MOST     200 /* more keys than this in an object inside: a map, not fields */

/* ---- one value ---- */

/* Digits before and after the point; false when it is no plain number. *ret_whole: no point, no exponent. */
static bool digits_of(struct str t, unsigned *ret_before, unsigned *ret_after, bool *ret_whole)
{
    size_t i = t.n > 1 && (t.p[0] == '-' || t.p[0] == '+'), from = i;
    unsigned before, after = 0;

    while (i < t.n && t.p[i] >= '0' && t.p[i] <= '9')
        i++;
    before = (unsigned)(i - from);
    *ret_whole = i == t.n;
    if (i < t.n && t.p[i] == '.') {
        from = ++i;
        while (i < t.n && t.p[i] >= '0' && t.p[i] <= '9')
            i++;
        after = (unsigned)(i - from);
    }
    *ret_before = before;
    *ret_after = after;
    return i == t.n && before + after > 0;
}

static void add_digits(struct seen *s, unsigned before, unsigned after)
{
    if (before > s->before)
        s->before = (uint16_t)(before > UINT16_MAX ? UINT16_MAX : before);
    if (after > s->after)
        s->after = (uint16_t)(after > UINT16_MAX ? UINT16_MAX : after);
}

/* "2026-03-01", with a time behind it or without. */
static bool looks_like_time(struct str t)
{
    static const char form[] = "dddd-dd-dd dd:dd:dd";

    if (t.n != 10 && t.n != 16 && t.n < 19)
        return false;
    for (size_t i = 0; i < sizeof form - 1 && i < t.n; i++) {
        bool digit = t.p[i] >= '0' && t.p[i] <= '9';

        if (form[i] == 'd' ? !digit : t.p[i] != form[i] && !(i == 10 && t.p[i] == 'T') && !(i < 10 && t.p[i] == '/'))
            return false;
    }
    return t.n <= 35;
}

static uint32_t text_type(struct seen *s, struct str t)
{
    unsigned before, after;
    bool whole;

    if (!t.n)
        return SEEN_EMPTY;
    if ((unsigned char)(t.p[0] - '+') > '9' - '+')
        return SEEN_TEXT;
    if (digits_of(t, &before, &after, &whole)) {
        add_digits(s, before, after);
        return whole ? SEEN_TEXT_INTEGER : SEEN_TEXT_DECIMAL;
    }
    return looks_like_time(t) ? SEEN_TEXT_TIME : SEEN_TEXT;
}

static uint32_t number_type(struct seen *s, struct str t)
{
    unsigned before, after;
    bool whole, plain = digits_of(t, &before, &after, &whole);

    if (plain)
        add_digits(s, before, after);
    return plain && whole ? SEEN_INTEGER : SEEN_DECIMAL;
}

/* The type of a value, as a bit; lengths and digits go to `s`. */
static uint32_t type_of(struct seen *s, const struct value *v)
{
    switch (v->kind) {
    case VALUE_TEXT:
        if (v->n > s->longest) {
            size_t chars = utf8_count(value_str(v));

            if (chars > s->longest)
                s->longest = (uint32_t)chars;
        }
        return v->n && s->types & SEEN_TEXT ? SEEN_TEXT : text_type(s, value_str(v));
    case VALUE_NUMBER:
        return number_type(s, value_str(v));
    case VALUE_BOOL:
        return SEEN_BOOL;
    case VALUE_JSON:
        return json_type(v->json) == JSON_ARRAY ? SEEN_ARRAY : SEEN_OBJECT;
    default:
        return SEEN_NULL;
    }
}

/* ---- what no slot needs ---- */

/* Counts the value. */
static void count(struct guess *k, const struct value *v, struct look *l)
{
    uint32_t type = type_of(&k->seen, v);

    k->seen.count++;
    if (type & ~k->seen.types) {
        k->seen.types |= type;
        l->news++;
    }
}

/* A container that is being walked: an array's elements or an object's members. */
struct walk {
    struct json_iter it;
    struct guesses *g; /* of the objects in it, or of its members */
    bool members;
};

static struct guesses *inner_of(struct guess *k)
{
    if (!k->inner) {
        k->inner = mem_alloc(sizeof *k->inner);
        guesses_init(k->inner, (struct str){0}, INNER_MOST);
    }
    return k->inner;
}

/* Begins the walk over `v`; an object is one more of its level. */
static struct walk enter(struct guesses *g, const struct json *v)
{
    bool members = json_type(v) == JSON_OBJECT;

    g->pos = 0;
    g->objects += members;
    return (struct walk){json_iter(v), g, members};
}

/* Everything inside `v`, which is a value of `k`, down to LOOK_DEPTH_MAX containers. */
static void look_inside(struct guess *k, const struct json *v, struct look *l)
{
    struct walk stack[LOOK_DEPTH_MAX];
    int depth = 1;

    stack[0] = enter(inner_of(k), v);
    while (depth > 0) {
        struct walk *top = &stack[depth - 1];
        struct str key;
        const struct json *next = json_next(&top->it, &key);
        struct guesses *below = top->g;
        struct value value;
        bool new;

        if (!next) {
            depth--;
            continue;
        }
        value = value_of_json(next);
        if (top->members) {
            struct guess *m = guess_find(top->g, key, &new);

            if (m == &top->g->spare)
                continue;
            count(m, &value, l);
            below = value.kind == VALUE_JSON && depth < LOOK_DEPTH_MAX ? inner_of(m) : NULL;
        } else if (json_type(next) != JSON_OBJECT) {
            below = NULL; /* a list of plain values, or of lists */
        }
        if (value.kind == VALUE_JSON && below && depth < LOOK_DEPTH_MAX)
            stack[depth++] = enter(below, next);
    }
}

void look_closely(struct guess *k, const struct value *v, struct look *l)
{
    count(k, v, l);
    if (v->kind == VALUE_JSON && !k->walked)
        look_inside(k, v->json, l);
}

/* ---- listing ---- */

#define LEVELS_MOST 512

struct listing {
    struct arena *a;
    struct shape_fields *out;
    size_t cap;
};

static void list_one(struct listing *l, struct str path, const struct seen *seen, uint64_t of)
{
    struct shape_fields *out = l->out;

    if (out->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 256;
        struct field *at = ARENA_ARRAY(l->a, struct field, cap);

        if (out->n)
            memcpy(at, out->at, out->n * sizeof *at);
        out->at = at;
        l->cap = cap;
    }
    out->at[out->n++] = (struct field){.path = path, .seen = *seen, .of = (int64_t)of};
}

static void list_level(struct listing *l, struct str level, const struct guesses *g,
                       int depth) /* NOLINT(misc-no-recursion) */
{
    if (!g->objects || (g->crowded && depth > 0) || l->out->n_levels == LEVELS_MOST)
        return;
    l->out->levels[l->out->n_levels++] = (struct shape_level){level, (int64_t)g->objects};
    for (size_t i = 0; i < g->n; i++) {
        const struct guess *k = &g->at[i];
        struct str path = level.n ? arena_printf(l->a, STR_FMT "." STR_FMT, STR_ARG(level), STR_ARG(k->key))
                                  : arena_str(l->a, k->key);

        if (!k->seen.count || !k->key.n) /* without a name there is no path to tell it by */
            continue;
        list_one(l, path, &k->seen, g->objects);
        if (k->inner)
            list_level(l, k->seen.types & SEEN_ARRAY ? arena_printf(l->a, STR_FMT "[]", STR_ARG(path)) : path, k->inner,
                       depth + 1);
    }
}

void look_list(const struct shape *s, const struct guesses *header, const struct guesses *elements, struct arena *a,
               struct shape_fields *ret)
{
    struct listing l = {.a = a, .out = ret};

    *ret = (struct shape_fields){.levels = ARENA_ARRAY(a, struct shape_level, LEVELS_MOST)};
    list_level(&l, (struct str){0}, header, 0);
    for (size_t i = 0; i < s->n_arrays; i++)
        list_level(&l, arena_printf(a, STR_FMT "[]", STR_ARG(s->arrays[i].name)), &elements[i], 0);
}
