/* Logic of three values, comparisons, and the functions that choose one of their arguments.
 *
 * AND and OR stop at the first argument that decides, so what comes after it is not evaluated and cannot fail.
 * Functions that choose convert what they chose to the type of all their branches together (expr_type.c). */
#include "meta/expr_logic.h"

#define BOOL_OP(name, test)                                                                                            \
    enum err name(struct run *r, struct val *a, size_t n, struct val *ret)                                             \
    {                                                                                                                  \
        (void)n;                                                                                                       \
        *ret = val_bool(val_cmp_shown(r, &a[0], &a[1]) test 0);                                                        \
        return OK;                                                                                                     \
    }

BOOL_OP(op_eq, ==)
BOOL_OP(op_ne, !=)
BOOL_OP(op_lt, <)
BOOL_OP(op_le, <=)
BOOL_OP(op_gt, >)
BOOL_OP(op_ge, >=)

enum err op_null_safe_eq(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    bool either = a[0].t == V_NULL || a[1].t == V_NULL;
    *ret = val_bool(either ? a[0].t == a[1].t : val_cmp_shown(r, &a[0], &a[1]) == 0);
    return OK;
}

enum err op_not(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)r, (void)n;
    *ret = val_bool(!val_true(&a[0]));
    return OK;
}

enum err op_xor(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)r;
    bool odd = false;
    for (size_t i = 0; i < n; i++)
        odd ^= val_true(&a[i]);
    *ret = val_bool(odd);
    return OK;
}

/* `decides`: the truth value that settles it. */
static enum err chain(struct run *r, const struct enode *e, bool decides, struct val *ret)
{
    bool unknown = false;
    for (size_t i = 0; i < e->n_args; i++) {
        struct val v;
        enum err err = eval(r, e->arg[i], &v);
        if (err)
            return err;
        if (v.t == V_NULL) {
            unknown = true;
        } else if (val_true(&v) == decides) {
            *ret = val_bool(decides);
            return OK;
        }
    }
    *ret = unknown ? val_null() : val_bool(!decides);
    return OK;
}

enum err op_and(struct run *r, const struct enode *e, struct val *ret)
{
    return chain(r, e, false, ret);
}

enum err op_or(struct run *r, const struct enode *e, struct val *ret)
{
    return chain(r, e, true, ret);
}

enum err op_is_null(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)r, (void)n;
    *ret = val_bool(a[0].t == V_NULL);
    return OK;
}

enum err op_is_true(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)r, (void)n;
    *ret = val_bool(a[0].t != V_NULL && val_true(&a[0]));
    return OK;
}

enum err op_is_false(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)r, (void)n;
    *ret = val_bool(a[0].t != V_NULL && !val_true(&a[0]));
    return OK;
}

enum err op_in(struct run *r, const struct enode *e, struct val *ret)
{
    struct val x, v;
    enum err err = eval(r, e->arg[0], &x);
    bool unknown = false;
    for (size_t i = 1; !err && x.t != V_NULL && i < e->n_args; i++) {
        err = eval(r, e->arg[i], &v);
        if (err)
            break;
        if (v.t == V_NULL) {
            unknown = true;
        } else if ((e->n_args == 2 ? val_cmp_shown(r, &x, &v) : val_cmp(r, &x, &v)) == 0) {
            *ret = val_bool(true);
            return OK;
        }
    }
    *ret = x.t == V_NULL || unknown ? val_null() : val_bool(false);
    return err;
}

/* Three texts compare as texts, times with anything as times, anything else as numbers; what a NULL would have been
 * counts. */
enum err op_between(struct run *r, const struct enode *e, struct val *ret)
{
    struct val a[3];
    bool numbers = false, times = false;
    *ret = val_null();
    for (size_t i = 0; i < 3; i++) {
        struct vtypes t = type_of(r, e->arg[i]);
        enum err err = eval(r, e->arg[i], &a[i]);
        if (err)
            return err;
        numbers |= t.t == V_INT || t.t == V_DEC || t.t == V_REAL;
        times |= is_temporal(t.t) || is_temporal(a[i].t);
    }
    if (a[0].t == V_NULL)
        return OK;
    bool outside[2] = {false, false}; /* known to lie below the first, above the second */
    for (size_t i = 0; i < 2; i++) {
        if (a[i + 1].t == V_NULL)
            continue;
        int order = numbers && !times ? val_cmp_number(&a[0], &a[i + 1]) : val_cmp(r, &a[0], &a[i + 1]);
        outside[i] = i == 0 ? order < 0 : order > 0;
    }
    if (outside[0] || outside[1] || (a[1].t != V_NULL && a[2].t != V_NULL))
        *ret = val_bool(!outside[0] && !outside[1]);
    return OK;
}

enum err op_like(struct run *r, struct val *a, size_t n, struct val *ret)
{
    uint32_t escape = '\\';
    if (n == 3) {
        struct str s = val_str(r, &a[2]);
        escape = 0;
        if (s.n && utf8_decode(s, &escape) != s.n)
            return bad_data(r, "ESCAPE takes one character");
    }
    *ret = val_bool(like_match(val_str(r, &a[0]), val_str(r, &a[1]), escape));
    return OK;
}

enum err op_regexp(struct run *r, const struct enode *e, struct val *ret)
{
    struct val text, pattern = val_null();
    const void *code = e->code;
    enum err err = eval(r, e->arg[0], &text);
    if (!err && text.t == V_TEXT && (text.flags & VAL_BINARY))
        code = NULL; /* compiled for texts without case */
    if (!err && !code)
        err = eval(r, e->arg[1], &pattern);
    *ret = val_null();
    if (err || text.t == V_NULL || (!code && pattern.t == V_NULL))
        return err;
    if (!code && !(code = regex_compile(r->env->arena, val_str(r, &pattern),
                                        !((text.flags | pattern.flags) & VAL_BINARY), r->ei)))
        return ERR_DATA;
    bool found = false;
    err = regex_match(r, code, val_str(r, &text), &found);
    *ret = val_bool(found);
    return err;
}

enum err op_binary(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    *ret = val_text(val_str(r, &a[0]));
    ret->flags = VAL_BINARY;
    return OK;
}

struct vtypes type_if(struct run *r, const struct enode *e)
{
    return type_unify(type_of(r, e->arg[1]), type_of(r, e->arg[2]));
}

struct vtypes type_all(struct run *r, const struct enode *e)
{
    struct vtypes t = {V_NULL, 0};
    for (size_t i = 0; i < e->n_args; i++)
        t = type_unify(t, type_of(r, e->arg[i]));
    return t;
}

struct vtypes type_first(struct run *r, const struct enode *e)
{
    return type_of(r, e->arg[0]);
}

/* [x,] when, then, when, then, …, else */
struct vtypes type_case(struct run *r, const struct enode *e)
{
    struct vtypes t = type_of(r, e->arg[e->n_args - 1]);
    for (size_t i = e->case_base ? 2 : 1; i < e->n_args; i += 2)
        t = type_unify(t, type_of(r, e->arg[i]));
    return t;
}

static enum err choose(struct run *r, const struct enode *e, const struct enode *chosen, struct val *ret)
{
    enum err err = eval(r, chosen, ret);
    return err ? err : val_coerce(r, ret, e->fn->type_of(r, e));
}

enum err fn_if(struct run *r, const struct enode *e, struct val *ret)
{
    struct val condition;
    enum err err = eval(r, e->arg[0], &condition);
    if (err)
        return err;
    return choose(r, e, e->arg[condition.t != V_NULL && val_true(&condition) ? 1 : 2], ret);
}

enum err fn_coalesce(struct run *r, const struct enode *e, struct val *ret)
{
    for (size_t i = 0; i < e->n_args; i++) {
        enum err err = eval(r, e->arg[i], ret);
        if (err)
            return err;
        if (ret->t != V_NULL)
            return val_coerce(r, ret, type_all(r, e));
    }
    return OK;
}

enum err fn_ifnull(struct run *r, const struct enode *e, struct val *ret)
{
    return fn_coalesce(r, e, ret);
}

enum err fn_nullif(struct run *r, const struct enode *e, struct val *ret)
{
    struct val other;
    enum err err = eval(r, e->arg[0], ret);
    if (!err && ret->t != V_NULL)
        err = eval(r, e->arg[1], &other);
    if (!err && ret->t != V_NULL && other.t != V_NULL && val_cmp_shown(r, ret, &other) == 0)
        *ret = val_null();
    return err;
}

static enum err when_holds(struct run *r, const struct enode *e, const struct val *base, size_t i, bool *ret)
{
    struct val v;
    enum err err = eval(r, e->arg[i], &v);
    *ret = !err && v.t != V_NULL && (e->case_base ? base->t != V_NULL && val_cmp(r, base, &v) == 0 : val_true(&v));
    return err;
}

enum err op_case(struct run *r, const struct enode *e, struct val *ret)
{
    struct val base = val_null();
    enum err err = e->case_base ? eval(r, e->arg[0], &base) : OK;
    for (size_t i = e->case_base ? 1 : 0; !err && i + 2 < e->n_args; i += 2) {
        bool holds;
        err = when_holds(r, e, &base, i, &holds);
        if (!err && holds)
            return choose(r, e, e->arg[i + 1], ret);
    }
    return err ? err : choose(r, e, e->arg[e->n_args - 1], ret);
}

/* Numbers with texts compare as numbers, texts alone as texts, times with anything as times. */
struct vtypes type_extreme(struct run *r, const struct enode *e)
{
    struct vtypes t = {V_NULL, 0};
    bool time = false, number = false;
    for (size_t i = 0; i < e->n_args; i++) {
        struct vtypes one = type_of(r, e->arg[i]);
        time |= is_temporal(one.t);
        number |= one.t == V_INT || one.t == V_DEC || one.t == V_REAL;
    }
    for (size_t i = 0; i < e->n_args; i++) {
        struct vtypes one = type_of(r, e->arg[i]);
        if (one.t == V_TEXT && (time || number))
            one = time ? (struct vtypes){V_NULL, 0} : (struct vtypes){V_REAL, FLOATING};
        t = type_unify(t, one);
    }
    return t;
}

/* Texts that are plain decimals keep numbers exact: the type is then that of the values. */
static enum err extreme(struct run *r, const struct enode *e, int sign, struct val *ret)
{
    struct val *v = ARENA_ARRAY(r->env->arena, struct val, e->n_args);
    struct vtypes t = type_extreme(r, e), exact = {V_NULL, 0};
    bool numbers = t.t == V_INT || t.t == V_DEC || t.t == V_REAL;
    for (size_t i = 0; i < e->n_args; i++) {
        enum err err = eval(r, e->arg[i], &v[i]);
        if (err)
            return err;
        if (v[i].t == V_NULL) {
            *ret = val_null();
            return OK;
        }
        if (numbers)
            v[i] = val_number(&v[i]);
        exact = type_unify(exact, (struct vtypes){v[i].t, v[i].dec});
    }
    if (numbers)
        t = exact;
    size_t best = 0;
    for (size_t i = 0; i < e->n_args; i++) {
        enum err err = val_coerce(r, &v[i], t);
        if (err)
            return err;
        if (v[i].t == V_NULL) { /* a text that is no time */
            *ret = val_null();
            return OK;
        }
        if (i && sign * val_cmp(r, &v[i], &v[best]) > 0)
            best = i;
    }
    *ret = v[best];
    return OK;
}

enum err fn_greatest(struct run *r, const struct enode *e, struct val *ret)
{
    return extreme(r, e, 1, ret);
}

enum err fn_least(struct run *r, const struct enode *e, struct val *ret)
{
    return extreme(r, e, -1, ret);
}

/* All texts compare as texts, anything else as numbers; what a NULL would have been counts. */
enum err fn_field(struct run *r, const struct enode *e, struct val *ret)
{
    bool numbers = false, times = false;
    struct val x, v;
    enum err err = eval(r, e->arg[0], &x);
    for (size_t i = 0; i < e->n_args; i++) {
        struct vtypes t = type_of(r, e->arg[i]);
        numbers |= t.t == V_INT || t.t == V_DEC || t.t == V_REAL;
        times |= is_temporal(t.t);
    }
    *ret = val_int(0);
    for (size_t i = 1; !err && x.t != V_NULL && ret->i == 0 && i < e->n_args; i++) {
        err = eval(r, e->arg[i], &v);
        if (!err && v.t != V_NULL && (numbers && !times ? val_cmp_number(&x, &v) : val_cmp(r, &x, &v)) == 0)
            *ret = val_int((int64_t)i);
    }
    return err;
}

enum err fn_elt(struct run *r, struct val *a, size_t n, struct val *ret)
{
    int64_t i = a[0].t == V_NULL ? 0 : val_integer(&a[0]);
    *ret = i >= 1 && (uint64_t)i < n ? a[i] : val_null();
    if (ret->t != V_NULL && ret->t != V_TEXT)
        *ret = val_text(val_str(r, ret));
    return OK;
}
