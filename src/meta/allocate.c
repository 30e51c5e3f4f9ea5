/* `allocate`: an amount of the header spread over the elements of an array, to the last cent.
 *
 * Target = round(amount − minus…, scale), half away from zero, counted in units of the last place. Each element gets
 * the whole units of target × weight / sum of weights; the units that are left go one by one to the largest remainders,
 * the earlier element first among equals. A negative target is spread as its absolute value and negated, so that 10 and
 * −10 fall alike. Weights are the field `by`; when they sum to zero, `qty`; when these do too, all elements count the
 * same. Everything is exact decimals, and the shares always sum to the target. */
#include "meta/cast.h"
#include "meta/doc_tables.h"

#include "base/decimal.h"

#include <stdlib.h>

#define ON_STACK 16

struct rule {
    struct str amount, over, by, as;
    struct strs minus;
    int scale;
    struct decimal unit; /* 10^scale */
};

struct allocate {
    struct rule *at;
    size_t n;
};

/* What each element counts, and all together. */
struct weights {
    struct decimal *at, sum;
    size_t n;
};

struct remainder {
    struct decimal left;
    size_t k;
};

static bool compile_rule(struct arena *a, const struct node *n, struct diags *diags, struct rule *ret)
{
    struct allocate_raw raw = {.scale = 2};
    int64_t unit = 1;

    if (n->type != NODE_OBJECT) {
        diags_add(diags, DIAG_ERROR, n->pos, "an element of `allocate` is %s, not an object", node_type_name(n->type));
        return false;
    }
    if (!conf_fill(n, doc_allocate_keys.specs, doc_allocate_keys.n, &raw, DIAG_WARNING, a, diags))
        return false;
    for (int64_t i = 0; i < raw.scale; i++)
        unit *= 10;
    *ret = (struct rule){.amount = raw.amount,
                         .over = raw.over,
                         .by = raw.by,
                         .as = raw.as,
                         .minus = raw.minus,
                         .scale = (int)raw.scale};
    decimal_from_i64(unit, &ret->unit);
    return true;
}

const struct allocate *allocate_compile(struct arena *a, const struct node *list, struct diags *diags, bool *ret_ok)
{
    struct allocate *al;

    *ret_ok = true;
    if (!list || !list->child)
        return NULL;
    if (list->type != NODE_ARRAY) {
        diags_add(diags, DIAG_ERROR, list->pos, "`allocate` is %s, not an array", node_type_name(list->type));
        *ret_ok = false;
        return NULL;
    }
    al = ARENA_NEW(a, struct allocate);
    al->at = ARENA_ARRAY(a, struct rule, list->n_children);
    for (const struct node *n = list->child; n; n = n->next)
        *ret_ok &= compile_rule(a, n, diags, &al->at[al->n++]);
    return *ret_ok ? al : NULL;
}

size_t allocate_count(const struct allocate *al)
{
    return al->n;
}
struct str allocate_over(const struct allocate *al, size_t i)
{
    return al->at[i].over;
}
struct str allocate_as(const struct allocate *al, size_t i)
{
    return al->at[i].as;
}

/* ---- applying ---- */

/* Null, missing and "" are 0. */
static bool number_of(const struct json *v, struct decimal *ret)
{
    struct value value = value_of_json(v);

    *ret = (struct decimal){0};
    if (value_is_empty(&value))
        return true;
    return (value.kind == VALUE_NUMBER || value.kind == VALUE_TEXT) && decimal_parse(str_trim(value_str(&value)), ret);
}

static enum err header_number(const struct json *record, struct str path, struct arena *a, struct decimal *ret,
                              struct errinfo *ei)
{
    const struct json *j = json_path(record, path);
    struct value v = value_of_json(j);

    if (number_of(j, ret))
        return OK;
    return fail(ei, ERR_DATA, "field \"" STR_FMT "\" cannot be spread: %s is not a number", STR_ARG(path),
                cast_shown(&v, a));
}

static enum err too_long(const struct rule *r, struct errinfo *ei)
{
    return fail(ei, ERR_DATA, "field \"" STR_FMT "\" cannot be spread: its numbers need more than %d digits",
                STR_ARG(r->amount), DECIMAL_MAX_DIGITS);
}

static enum err no_room(const struct rule *r, size_t n, struct errinfo *ei)
{
    return fail(ei, ERR_DATA, "field \"" STR_FMT "\" cannot be spread over %zu elements: memory or digits run out",
                STR_ARG(r->amount), n);
}

/* The target's absolute value in units. */
static enum err target_units(const struct rule *r, const struct json *record, struct arena *a, struct decimal *ret,
                             bool *ret_negative, struct errinfo *ei)
{
    struct decimal total, off;
    enum err e = header_number(record, r->amount, a, &total, ei);

    for (size_t i = 0; !e && i < r->minus.n; i++) {
        e = header_number(record, r->minus.at[i], a, &off, ei);
        if (!e && !decimal_sub(&total, &off, &total))
            e = too_long(r, ei);
    }
    if (e)
        return e;
    if (!decimal_round(&total, r->scale, &total) || !decimal_mul(&total, &r->unit, &total) ||
        !decimal_trunc(&total, 0, ret))
        return too_long(r, ei);
    *ret_negative = ret->negative;
    if (ret->negative)
        decimal_neg(ret);
    return OK;
}

static enum err read_weights(const struct rule *r, const struct json *array, struct str path, struct weights *w,
                             struct errinfo *ei)
{
    struct json_iter it = json_iter(array);

    w->sum = (struct decimal){0};
    for (size_t k = 0; k < w->n; k++) {
        if (!number_of(json_path(json_next(&it, NULL), path), &w->at[k]))
            return fail(ei, ERR_DATA,
                        "field \"" STR_FMT "\" cannot be spread: \"" STR_FMT "\" of element %zu of " STR_FMT
                        " is not a number",
                        STR_ARG(r->amount), STR_ARG(path), k + 1, STR_ARG(r->over));
        if (!decimal_add(&w->sum, &w->at[k], &w->sum))
            return too_long(r, ei);
    }
    return OK;
}

static enum err find_weights(const struct rule *r, const struct json *array, struct weights *w, struct errinfo *ei)
{
    enum err e = read_weights(r, array, r->by, w, ei);

    if (!e && decimal_is_zero(&w->sum))
        e = read_weights(r, array, S("qty"), w, ei);
    if (e || !decimal_is_zero(&w->sum))
        return e;
    for (size_t k = 0; k < w->n; k++)
        decimal_from_i64(1, &w->at[k]);
    decimal_from_i64((int64_t)w->n, &w->sum);
    return OK;
}

/* units × weight / sum, rounded down, and what is left, which is never negative. The sum is positive. */
static bool share(const struct decimal *units, const struct decimal *weight, const struct decimal *sum,
                  struct decimal *ret, struct decimal *ret_left)
{
    struct decimal product, one;

    if (!decimal_mul(units, weight, &product) || !decimal_div(&product, sum, 0, ret) ||
        !decimal_mod(&product, sum, ret_left))
        return false;
    if (!ret_left->negative)
        return true;
    decimal_from_i64(1, &one);
    return decimal_sub(ret, &one, ret) && decimal_add(ret_left, sum, ret_left);
}

static int larger_first(const void *a, const void *b)
{
    const struct remainder *x = a, *y = b;
    int c = decimal_cmp(&y->left, &x->left);

    return c ? c : (x->k > y->k) - (x->k < y->k);
}

/* Weights become shares in units. */
static bool spread(const struct decimal *units, struct weights *w, struct remainder *left)
{
    struct decimal given = {0}, rest, one;
    bool turned = w->sum.negative;
    int64_t more;

    if (turned)
        decimal_neg(&w->sum);
    for (size_t k = 0; k < w->n; k++) {
        struct decimal *at = &w->at[k];

        if (turned && !decimal_is_zero(at))
            decimal_neg(at);
        left[k].k = k;
        if (!share(units, at, &w->sum, at, &left[k].left) || !decimal_add(&given, at, &given))
            return false;
    }
    if (!decimal_sub(units, &given, &rest) || !decimal_to_i64(&rest, &more) || more < 0 || (uint64_t)more > w->n)
        return false;
    if (!more)
        return true;
    qsort(left, w->n, sizeof *left, larger_first);
    decimal_from_i64(1, &one);
    for (int64_t i = 0; i < more; i++)
        if (!decimal_add(&w->at[left[i].k], &one, &w->at[left[i].k]))
            return false;
    return true;
}

static bool write_share(const struct rule *r, struct decimal *units, bool negative, struct arena *a, struct value *ret)
{
    struct decimal d;
    char text[DECIMAL_TEXT], *p;
    size_t n;

    if (!decimal_div(units, &r->unit, r->scale, &d))
        return false;
    if (negative && !decimal_is_zero(&d))
        decimal_neg(&d);
    n = decimal_print(&d, text);
    p = arena_try(a, n);
    if (!p)
        return false;
    memcpy(p, text, n);
    *ret = value_number(str_mk(p, n));
    return true;
}

/* lint: allow(parameters) the elements come with their number, and the record with its arena */
enum err allocate_apply(const struct allocate *al, size_t i, const struct json *record, struct arena *a,
                        struct value *shares, size_t n, struct errinfo *ei)
{
    const struct rule *r = &al->at[i];
    struct decimal here[ON_STACK], units;
    struct remainder left_here[ON_STACK], *left = left_here;
    struct weights w = {.at = here, .n = n};
    bool negative = false;
    enum err e;

    if (!n)
        return OK;
    if (n > ON_STACK) {
        w.at = arena_try(a, n * sizeof *w.at);
        left = arena_try(a, n * sizeof *left);
        if (!w.at || !left)
            return no_room(r, n, ei);
    }
    e = target_units(r, record, a, &units, &negative, ei);
    e = e ? e : find_weights(r, json_path(record, r->over), &w, ei);
    if (e)
        return e;
    if (!spread(&units, &w, left))
        return too_long(r, ei);
    for (size_t k = 0; k < n; k++)
        if (!write_share(r, &w.at[k], negative, a, &shares[k]))
            return no_room(r, n, ei);
    return OK;
}
