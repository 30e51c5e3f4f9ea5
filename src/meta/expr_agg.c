/* SUM, AVG, MIN, MAX and COUNT over the elements of an array: SUM({{items.qty}} * {{items.price}}).
 *
 * The argument is evaluated once for each element; dotted placeholders in it stand for that element's field, others for
 * the row's. NULLs are skipped; no value at all is NULL, and 0 for COUNT. SUM and AVG are exact unless a double takes
 * part. MIN and MAX compare as numbers when all values are numbers or plain decimal texts, else as texts or times, and
 * give the value as it stands. */
#include "meta/expr_arith.h"
#include "meta/expr_json.h"

static enum err longest_column(struct run *r, const struct enode *e, size_t *n)
{
    const struct value *values;
    if (e->op == N_COLUMN) {
        if (!r->env->column)
            return bad_data(r, "there is no array here to aggregate");
        size_t have = r->env->column(r->env->column_ctx, e->slot, &values);
        *n = have > *n ? have : *n;
    }
    for (size_t i = 0; i < e->n_args; i++) {
        enum err err = longest_column(r, e->arg[i], n);
        if (err)
            return err;
    }
    return OK;
}

/* Calls `take` with every value that is not NULL. */
static enum err each(struct run *r, const struct enode *e, void *state,
                     enum err (*take)(struct run *r, void *state, struct val *v))
{
    size_t n = 0, outer = r->element;
    enum err err = longest_column(r, e->arg[0], &n);
    for (size_t i = 0; !err && i < n; i++) {
        struct val v;
        r->element = i;
        err = eval(r, e->arg[0], &v);
        if (!err && v.t != V_NULL)
            err = take(r, state, &v);
    }
    r->element = outer;
    return err;
}

static enum err count_one(struct run *r, void *state, struct val *v)
{
    (void)r, (void)v;
    ++*(int64_t *)state;
    return OK;
}

enum err fn_count(struct run *r, const struct enode *e, struct val *ret)
{
    int64_t n = 0;
    enum err err = each(r, e, &n, count_one);
    *ret = val_int(n);
    return err;
}

struct sum {
    struct val total;
    int64_t n;
};

static enum err sum_one(struct run *r, void *state, struct val *v)
{
    struct sum *s = state;
    struct val pair[2] = {s->total, val_number(v)};
    struct decimal d;
    if (pair[1].t == V_INT) { /* sums of integers may pass BIGINT */
        decimal_from_i64(pair[1].i, &d);
        pair[1] = val_decimal(&d, 0);
    }
    s->total = pair[1];
    return s->n++ ? op_add(r, pair, 2, &s->total) : OK;
}

enum err fn_sum(struct run *r, const struct enode *e, struct val *ret)
{
    struct sum s = {.n = 0};
    enum err err = each(r, e, &s, sum_one);
    *ret = s.n ? s.total : val_null();
    return err;
}

enum err fn_avg(struct run *r, const struct enode *e, struct val *ret)
{
    struct sum s = {.n = 0};
    enum err err = each(r, e, &s, sum_one);
    *ret = val_null();
    if (err || s.n == 0)
        return err;
    struct val pair[2] = {s.total, val_int(s.n)};
    return divide(r, pair, ret);
}

struct extreme {
    struct val best;
    int sign;
    bool any, numbers;
};

static bool is_numeric(const struct val *v)
{
    struct decimal d;
    return v->t == V_TEXT ? text_plain_decimal(v->s, &d) : !is_temporal(v->t);
}

static enum err all_numeric(struct run *r, void *state, struct val *v)
{
    (void)r;
    struct extreme *x = state;
    x->numbers &= is_numeric(v);
    return OK;
}

static enum err keep_best(struct run *r, void *state, struct val *v)
{
    struct extreme *x = state;
    int order = !x->any ? 1 : x->sign * (x->numbers ? val_cmp_number(v, &x->best) : val_cmp(r, v, &x->best));
    if (order > 0)
        x->best = *v;
    x->any = true;
    return OK;
}

static enum err extreme(struct run *r, const struct enode *e, int sign, struct val *ret)
{
    struct extreme x = {.best = val_null(), .sign = sign, .numbers = true};
    enum err err = each(r, e, &x, all_numeric);
    if (!err)
        err = each(r, e, &x, keep_best);
    *ret = x.best;
    return err;
}

enum err fn_min(struct run *r, const struct enode *e, struct val *ret)
{
    return extreme(r, e, -1, ret);
}

enum err fn_max(struct run *r, const struct enode *e, struct val *ret)
{
    return extreme(r, e, 1, ret);
}

/* Known only when it is worked out. */
struct vtypes type_aggregate(struct run *r, const struct enode *e)
{
    struct val v;
    struct errinfo ei;
    struct run quiet = {r->e, r->env, &ei, r->element};
    if (eval(&quiet, e, &v))
        return (struct vtypes){V_NULL, 0};
    return (struct vtypes){v.t, v.dec};
}
