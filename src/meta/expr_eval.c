/* Walking the tree: leaves give their values, calls evaluate their arguments and hand them to the function's row.
 *
 * Arguments of most functions are evaluated first; a function marked strict never sees a NULL. Functions that choose
 * among their arguments evaluate them themselves. The walk's depth is that of the tree (EXPR_MAX_DEPTH). */
#include "meta/expr_impl.h"
#include "meta/lookup.h"

#define FEW_ARGS 8

bool is_operand(const struct enode *e)
{
    return e->op == N_SLOT || e->op == N_COLUMN || e->op == N_SYSVAR || e->op == N_LOOKUP;
}

static enum err eval_column(struct run *r, const struct enode *e, struct value *ret)
{
    const struct value *values;
    if (!r->env->column)
        return bad_data(r, "there is no array here to aggregate");
    size_t n = r->env->column(r->env->column_ctx, e->slot, &values);
    *ret = r->element < n ? values[r->element] : VALUE_NOTHING;
    return OK;
}

enum err eval_operand(struct run *r, const struct enode *e, struct value *ret)
{
    if (e->op == N_COLUMN)
        return eval_column(r, e, ret);
    if (e->op == N_LOOKUP)
        return lookup_eval(r->e->lookups[e->slot], r->env, ret, r->ei);
    if (e->op == N_SLOT) {
        *ret = r->env->slot[e->slot];
        if (!e->fallback || ret->kind != VALUE_MISSING)
            return OK;
    }
    return sysvar_value(e->name, r->env, ret, r->ei);
}

static enum err eval_format(struct run *r, const struct enode *e, struct value *ret)
{
    struct value v = VALUE_NOTHING;
    enum err err = eval_operand(r, e->arg[0], &v);
    if (err)
        return err;
    if (value_is_null(&v)) {
        *ret = value_null();
        return OK;
    }
    return tmpl_format(&v, e->name, r->env->sys->zone, r->env->arena, ret, r->ei);
}

/* A part of a joined text, as templates join them: NULL is nothing. */
static enum err part_text(struct run *r, const struct enode *e, struct str *ret)
{
    if (e->op == N_CONST) {
        *ret = e->value.s;
        return OK;
    }
    struct value v;
    enum err err = e->op == N_FORMAT ? eval_format(r, e, &v) : eval_operand(r, e, &v);
    if (!err)
        *ret = value_as_text(&v, r->env->arena);
    return err;
}

static enum err eval_join(struct run *r, const struct enode *e, struct val *ret)
{
    struct str *part = ARENA_ARRAY(r->env->arena, struct str, e->n_args);
    size_t n = 0;
    for (size_t i = 0; i < e->n_args; i++) {
        enum err err = part_text(r, e->arg[i], &part[i]);
        if (err)
            return err;
        n += part[i].n;
    }
    char *out;
    enum err err = result_room(r, n, &out);
    if (err || !out) {
        *ret = val_null();
        return err;
    }
    n = 0;
    for (size_t i = 0; i < e->n_args; i++) {
        if (part[i].n)
            memcpy(out + n, part[i].p, part[i].n);
        n += part[i].n;
    }
    *ret = val_text(str_mk(out, n));
    return OK;
}

static enum err eval_arguments(struct run *r, const struct enode *e, struct val *a, struct val *ret)
{
    bool strict = e->fn->kind == FN_STRICT;
    for (size_t i = 0; i < e->n_args; i++) {
        enum err err = eval(r, e->arg[i], &a[i]);
        if (err)
            return err;
        if (a[i].t == V_NULL && strict) {
            *ret = val_null();
            return OK;
        }
    }
    return e->fn->strict(r, a, e->n_args, ret);
}

static enum err eval_call(struct run *r, const struct enode *e, struct val *ret)
{
    if (e->fn->kind == FN_LAZY)
        return e->fn->lazy(r, e, ret);
    if (e->n_args > FEW_ARGS)
        return eval_arguments(r, e, ARENA_ARRAY(r->env->arena, struct val, e->n_args), ret);
    struct val few[FEW_ARGS];
    return eval_arguments(r, e, few, ret);
}

enum err eval(struct run *r, const struct enode *e, struct val *ret)
{
    struct value v;
    enum err err = OK;
    switch ((enum node_op)e->op) {
    case N_CONST:
        *ret = e->value;
        return OK;
    case N_SLOT:
    case N_COLUMN:
    case N_SYSVAR:
    case N_LOOKUP:
        err = eval_operand(r, e, &v);
        return err ? err : val_of_value(r, &v, ret);
    case N_FORMAT:
        err = eval_format(r, e, &v);
        return err ? err : val_of_value(r, &v, ret);
    case N_JOIN:
        return eval_join(r, e, ret);
    case N_CALL:
        break;
    }
    return eval_call(r, e, ret);
}
