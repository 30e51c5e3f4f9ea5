/* Asking, and comparing what is asked with what a record has.
 *
 * Comparison follows `condition`, with one care more: two texts are equal only byte by byte ("007" and "7" are two
 * codes), a number of the API equals any spelling of its value. An index cannot know which it will be asked for, so it
 * goes by keys that are coarser than equality, and each candidate is compared again. */
#include "meta/lookup.h"

#include "meta/cast.h"

#define DEPTH_MAX 64

/* ---- asking ---- */

/* The elements of an array that a template of $in names stand for themselves. */
static struct lookup_operands spread(const struct value *v, size_t n, struct arena *a)
{
    size_t total = 0, at = 0;
    struct value *out;

    for (size_t i = 0; i < n; i++)
        total += v[i].kind == VALUE_JSON ? json_count(v[i].json) : 1;
    out = ARENA_ARRAY(a, struct value, total + 1);
    for (size_t i = 0; i < n; i++) {
        struct json_iter it = json_iter(v[i].kind == VALUE_JSON ? v[i].json : NULL);
        const struct json *e;

        if (v[i].kind != VALUE_JSON)
            out[at++] = v[i];
        while ((e = json_next(&it, NULL)))
            out[at++] = value_of_json(e);
    }
    return (struct lookup_operands){out, at};
}

static enum err operands_of(const struct lookup_term *t, struct env *env, struct lookup_operands *ret,
                            struct errinfo *ei)
{
    struct value *v = ARENA_ARRAY(env->arena, struct value, t->n + 1);

    for (size_t i = 0; i < t->n; i++) {
        enum err e = OK;

        v[i] = t->values[i].literal;
        if (t->values[i].tmpl)
            e = tmpl_eval(t->values[i].tmpl, env, &v[i], ei);
        if (e)
            return e;
        if (t->values[i].tmpl && value_is_null(&v[i]))
            v[i] = VALUE_NOTHING;
    }
    *ret = t->op == LOOKUP_IN ? spread(v, t->n, env->arena) : (struct lookup_operands){v, t->n};
    return OK;
}

enum err lookup_eval(const struct lookup *l, struct env *env, struct value *ret, struct errinfo *ei)
{
    struct lookup_operands *asked = ARENA_ARRAY(env->arena, struct lookup_operands, l->n_terms);
    enum err e = OK;

    if (!env->lookup) {
        fail(ei, ERR_CONFIG, "a lookup in the records of \"" STR_FMT "\" cannot be answered here",
             STR_ARG(l->integration));
        return fail_hint(ei, "take the value from the record's own fields");
    }
    for (size_t i = 0; i < l->n_terms && !e; i++)
        e = operands_of(&l->terms[i], env, &asked[i], ei);
    e = e ? e : env->lookup(env->lookup_ctx, l, asked, env->arena, ret, ei);
    if (e)
        err_prefix(ei, "the lookup in \"" STR_FMT "\"", STR_ARG(l->integration));
    return e;
}

/* ---- comparing ---- */

enum err lookup_match_begin(const struct lookup *l, const struct lookup_operands *asked, struct arena *a,
                            struct lookup_match *ret, struct errinfo *ei)
{
    *ret = (struct lookup_match){.l = l, .asked = asked};
    for (size_t i = 0; i < l->n_terms; i++) {
        struct str text;

        ret->patterns[i] = l->terms[i].pattern;
        if (l->terms[i].op != LOOKUP_REGEX || ret->patterns[i] || value_is_null(&asked[i].at[0]))
            continue;
        text = value_as_text(&asked[i].at[0], a);
        if (pattern_compile(a, text, &ret->patterns[i], ei)) {
            ei->code = ERR_DATA;
            return ERR_DATA;
        }
    }
    return OK;
}

static struct str text_of(const struct value *v)
{
    if (v->kind == VALUE_BOOL)
        return v->truth ? S("true") : S("false");
    return v->kind == VALUE_TEXT || v->kind == VALUE_NUMBER ? value_str(v) : (struct str){0};
}

static bool number_of(const struct value *v, struct decimal *ret)
{
    return (v->kind == VALUE_TEXT || v->kind == VALUE_NUMBER) && decimal_parse(value_str(v), ret);
}

static bool equal(const struct value *asked, const struct value *have)
{
    struct decimal x, y;

    if (asked->kind == VALUE_MISSING || asked->kind == VALUE_JSON || have->kind == VALUE_JSON)
        return false;
    if (asked->kind == VALUE_NULL || value_is_null(have))
        return asked->kind == VALUE_NULL && value_is_null(have);
    if (str_eq(text_of(asked), text_of(have)))
        return true;
    return (asked->kind == VALUE_NUMBER || have->kind == VALUE_NUMBER) && number_of(asked, &x) && number_of(have, &y) &&
           decimal_cmp(&x, &y) == 0;
}

static bool ordered(enum lookup_op op, const struct value *asked, const struct value *have)
{
    struct decimal x, y;
    int order;

    if (value_is_null(asked) || value_is_null(have) || asked->kind == VALUE_JSON || have->kind == VALUE_JSON)
        return false;
    order = number_of(have, &x) && number_of(asked, &y) ? decimal_cmp(&x, &y) : str_cmp(text_of(have), text_of(asked));
    return op == LOOKUP_GT ? order > 0 : op == LOOKUP_GTE ? order >= 0 : op == LOOKUP_LT ? order < 0 : order <= 0;
}

static bool any_equal(const struct lookup_operands *asked, const struct value *have, size_t n)
{
    const struct value nothing = value_null();

    for (size_t k = 0; k < asked->n; k++) {
        if (!n && equal(&asked->at[k], &nothing))
            return true;
        for (size_t i = 0; i < n; i++)
            if (equal(&asked->at[k], &have[i]))
                return true;
    }
    return false;
}

bool lookup_holds(const struct lookup_match *m, size_t i, const struct value *have, size_t n)
{
    const struct lookup_operands *asked = &m->asked[i];
    enum lookup_op op = m->l->terms[i].op;

    if (op == LOOKUP_EQ || op == LOOKUP_IN)
        return any_equal(asked, have, n);
    if (op == LOOKUP_NE)
        return asked->at[0].kind != VALUE_MISSING && !any_equal(asked, have, n);
    for (size_t k = 0; k < n; k++) {
        if (op == LOOKUP_REGEX
                ? m->patterns[i] && text_of(&have[k]).p && pattern_matches(m->patterns[i], text_of(&have[k]))
                : ordered(op, &asked->at[0], &have[k]))
            return true;
    }
    return false;
}

struct str lookup_key(const struct value *v, char *out)
{
    struct decimal d;
    size_t n;

    if (!number_of(v, &d))
        return text_of(v);
    n = decimal_print(&d, out);
    if (memchr(out, '.', n))
        while (n && (out[n - 1] == '0' || out[n - 1] == '.'))
            if (out[--n] == '.')
                break;
    return str_mk(out, n);
}

/* ---- paths ---- */

static void add(struct lookup_values *out, const struct json *v)
{
    if (out->n == out->cap) {
        size_t cap = out->cap ? 2 * out->cap : 4;
        struct value *at = ARENA_ARRAY(out->a, struct value, cap);

        if (out->n)
            memcpy(at, out->at, out->n * sizeof *at);
        out->at = at;
        out->cap = cap;
    }
    out->at[out->n++] = value_of_json(v);
}

static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

static void collect(const struct json *from, struct str path, int depth, struct lookup_values *out)
{
    struct json_iter it = json_iter(json_type(from) == JSON_ARRAY ? from : NULL);
    struct str rest = path, first;
    const struct json *e;

    if (!from || depth > DEPTH_MAX)
        return;
    if (!path.n && json_type(from) != JSON_ARRAY) {
        add(out, from);
        return;
    }
    if (!path.n) {
        while ((e = json_next(&it, NULL)))
            add(out, e);
        return;
    }
    (void)str_cut(&rest, '.', &first);
    if (json_type(from) == JSON_ARRAY && !is_number(first)) {
        while ((e = json_next(&it, NULL)))
            collect(e, path, depth + 1, out);
        return;
    }
    collect(json_path(from, first), rest, depth + 1, out);
}

void lookup_collect(const struct json *from, struct str path, struct lookup_values *out)
{
    collect(from, path, 0, out);
}
