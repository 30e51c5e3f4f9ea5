/* The type of a node before it is evaluated.
 *
 * IF, CASE, COALESCE and their kin give one type whichever branch is taken: IF(1, 1, 2.5) is 1.0, because MySQL fixes
 * types when it prepares a statement. Here the types of operands are known when the record is, so such a node asks its
 * branches for their types first (nothing is evaluated but constants) and converts what it gives. Where a type depends
 * on text that is still to be computed, a double is assumed. */
#include "meta/expr_impl.h"

bool is_temporal(uint8_t t)
{
    return t >= V_DATE;
}

static struct vtypes type_of_value(struct run *r, const struct enode *e)
{
    struct value v;
    struct val x;
    struct errinfo ei;
    struct run quiet = {r->e, r->env, &ei, r->element}; /* a broken operand is reported when it is used */
    if (eval_operand(&quiet, e, &v) || v.kind == VALUE_JSON)
        return (struct vtypes){V_TEXT, 0};
    if (v.kind == VALUE_TEXT)
        return (struct vtypes){V_TEXT, 0};
    if (val_of_value(&quiet, &v, &x))
        return (struct vtypes){V_NULL, 0};
    return (struct vtypes){x.t, x.dec};
}

struct vtypes type_of(struct run *r, const struct enode *e)
{
    switch ((enum node_op)e->op) {
    case N_CONST:
        return (struct vtypes){e->value.t, e->value.dec};
    case N_SLOT:
    case N_COLUMN:
    case N_SYSVAR:
    case N_LOOKUP:
        return type_of_value(r, e);
    case N_JOIN:
    case N_FORMAT:
        return (struct vtypes){V_TEXT, 0};
    case N_CALL:
        break;
    }
    if (e->fn->type_of)
        return e->fn->type_of(r, e);
    return (struct vtypes){(uint8_t)e->fn->type, e->fn->type == V_REAL ? FLOATING : 0};
}

static bool is_number(uint8_t t)
{
    return t == V_INT || t == V_DEC || t == V_REAL;
}

struct vtypes type_unify(struct vtypes a, struct vtypes b)
{
    uint8_t dec = a.dec > b.dec ? a.dec : b.dec;
    if (a.t == V_NULL || b.t == V_NULL)
        return a.t == V_NULL ? b : a;
    if (a.t == b.t)
        return (struct vtypes){a.t, dec};
    if (is_number(a.t) && is_number(b.t))
        return (struct vtypes){a.t == V_REAL || b.t == V_REAL ? V_REAL : V_DEC, dec};
    if (is_temporal(a.t) && is_temporal(b.t))
        return (struct vtypes){V_DATETIME, dec};
    return (struct vtypes){V_TEXT, 0};
}

enum err val_coerce(struct run *r, struct val *v, struct vtypes to)
{
    struct when w;
    struct decimal d;
    if (v->t == V_NULL || to.t == V_NULL)
        return OK;
    switch ((enum vtype)to.t) {
    case V_DEC:
        if (!val_dec(v, &d))
            return bad_data(r, "a number is too large for a decimal");
        *v = val_decimal(&d, to.dec);
        return OK;
    case V_REAL:
        *v = val_real(val_double(v));
        v->dec = to.dec;
        return OK;
    case V_TEXT:
        if (v->t != V_TEXT)
            *v = val_text(val_str(r, v));
        return OK;
    case V_DATE:
    case V_DATETIME:
        *v = val_when(r, v, &w) ? val_of_time((enum vtype)to.t, w.us, to.dec) : val_null();
        return OK;
    case V_TIME:
        *v = val_time(r, v, &w) ? val_of_time(V_TIME, w.us, to.dec) : val_null();
        return OK;
    case V_INT:
    case V_NULL:
        break;
    }
    return OK;
}
