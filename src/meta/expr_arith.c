/* Arithmetic: integers as BIGINT with overflow as an error, decimals exact, doubles when a double takes part.
 *
 * A quotient of decimals has four places more than the dividend shows; MySQL calculates it in words of nine digits and
 * goes on with all of them, so 1/3*3 shows 1.0000 and not 0.9999. The same number of digits is kept here, at most 36.
 * Division by zero gives NULL. */
#include "meta/expr_arith.h"

#include <math.h>

enum err real_result(struct run *r, double f, uint8_t dec, struct val *ret)
{
    if (!isfinite(f))
        return bad_data(r, "a DOUBLE value is out of range");
    *ret = val_real(f);
    ret->dec = dec;
    return OK;
}

static uint8_t max_dec(const struct val *a, const struct val *b)
{
    return a->dec > b->dec ? a->dec : b->dec;
}

enum arith_op { OP_ADD, OP_SUB, OP_MUL };

static enum err arith_int(struct run *r, enum arith_op op, int64_t a, int64_t b, struct val *ret)
{
    int64_t i;
    bool overflow = op == OP_ADD   ? __builtin_add_overflow(a, b, &i)
                    : op == OP_SUB ? __builtin_sub_overflow(a, b, &i)
                                   : __builtin_mul_overflow(a, b, &i);
    if (overflow)
        return bad_data(r, "a BIGINT value is out of range");
    *ret = val_int(i);
    return OK;
}

static enum err arith_dec(struct run *r, enum arith_op op, const struct val *a, const struct val *b, struct val *ret)
{
    struct decimal x, y, d;
    int dec = op == OP_MUL ? a->dec + b->dec : max_dec(a, b);
    bool ok = val_dec(a, &x) && val_dec(b, &y);
    if (ok)
        ok = op == OP_ADD ? decimal_add(&x, &y, &d) : op == OP_SUB ? decimal_sub(&x, &y, &d) : decimal_mul(&x, &y, &d);
    if (!ok)
        return bad_data(r, "a DECIMAL value is out of range");
    *ret = val_decimal(&d, (uint8_t)(dec > EXPR_MAX_SCALE ? EXPR_MAX_SCALE : dec));
    return OK;
}

static enum err arith(struct run *r, enum arith_op op, const struct val *args, struct val *ret)
{
    struct val a = val_number(&args[0]), b = val_number(&args[1]);
    if (a.t == V_REAL || b.t == V_REAL) {
        double f = val_double(&a), g = val_double(&b);
        return real_result(r, op == OP_ADD ? f + g : op == OP_SUB ? f - g : f * g, max_dec(&a, &b), ret);
    }
    if (a.t == V_INT && b.t == V_INT)
        return arith_int(r, op, a.i, b.i, ret);
    return arith_dec(r, op, &a, &b, ret);
}

enum err op_add(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return arith(r, OP_ADD, a, ret);
}

enum err op_sub(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return arith(r, OP_SUB, a, ret);
}

enum err op_mul(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return arith(r, OP_MUL, a, ret);
}

static int words(int digits)
{
    return (digits + 8) / 9;
}

/* Places that MySQL's quotient holds: whole words of nine. */
static int quotient_scale(const struct decimal *a, const struct decimal *b)
{
    int full = 9 * words(a->scale) + 9 * words(b->scale);
    int more = QUOTIENT_PLACES - (full - a->scale - b->scale);
    int scale = 9 * words(full + (more > 0 ? more : 0));
    return scale > 36 ? 36 : scale;
}

enum err divide(struct run *r, const struct val *args, struct val *ret)
{
    struct val a = val_number(&args[0]), b = val_number(&args[1]);
    int dec = a.dec + QUOTIENT_PLACES;
    if (a.t == V_REAL || b.t == V_REAL) {
        double f = val_double(&b);
        if (f == 0) {
            *ret = val_null();
            return OK;
        }
        dec = max_dec(&a, &b) >= FLOATING ? FLOATING : max_dec(&a, &b) + QUOTIENT_PLACES;
        return real_result(r, val_double(&a) / f, (uint8_t)(dec > FLOATING ? FLOATING : dec), ret);
    }
    struct decimal x, y, d;
    bool ok = val_dec(&a, &x) && val_dec(&b, &y);
    if (ok && decimal_is_zero(&y)) {
        *ret = val_null();
        return OK;
    }
    dec = dec > MAX_QUOTIENT_SCALE ? (a.dec > MAX_QUOTIENT_SCALE ? a.dec : MAX_QUOTIENT_SCALE) : dec;
    int scale = ok ? quotient_scale(&x, &y) : 0;
    bool fits = ok && decimal_div(&x, &y, scale, &d);
    for (; ok && !fits && scale >= 9; fits = decimal_div(&x, &y, scale, &d))
        scale -= 9; /* a long whole part leaves less room behind the point */
    if (!fits)
        return bad_data(r, "a DECIMAL value is out of range");
    *ret = val_decimal(&d, (uint8_t)dec);
    return OK;
}

enum err op_div(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return divide(r, a, ret);
}

enum err op_int_div(struct run *r, struct val *args, size_t n, struct val *ret)
{
    (void)n;
    struct val a = val_number(&args[0]), b = val_number(&args[1]);
    struct decimal x, y, d;
    int64_t i;
    if (!val_dec(&a, &x) || !val_dec(&b, &y))
        return bad_data(r, "a BIGINT value is out of range");
    if (decimal_is_zero(&y)) {
        *ret = val_null();
        return OK;
    }
    if (!decimal_div(&x, &y, 0, &d) || !decimal_to_i64(&d, &i))
        return bad_data(r, "a BIGINT value is out of range");
    *ret = val_int(i);
    return OK;
}

enum err op_mod(struct run *r, struct val *args, size_t n, struct val *ret)
{
    (void)n;
    struct val a = val_number(&args[0]), b = val_number(&args[1]);
    *ret = val_null();
    if (a.t == V_REAL || b.t == V_REAL) {
        double f = val_double(&b);
        return f == 0 ? OK : real_result(r, fmod(val_double(&a), f), max_dec(&a, &b), ret);
    }
    if (a.t == V_INT && b.t == V_INT) {
        if (b.i != 0)
            *ret = val_int(b.i == -1 ? 0 : a.i % b.i);
        return OK;
    }
    struct decimal x, y, d;
    if (!val_dec(&a, &x) || !val_dec(&b, &y))
        return bad_data(r, "a DECIMAL value is out of range");
    if (decimal_is_zero(&y))
        return OK;
    if (!decimal_mod(&x, &y, &d))
        return bad_data(r, "a DECIMAL value is out of range");
    *ret = val_decimal(&d, max_dec(&a, &b));
    return OK;
}

enum err op_neg(struct run *r, struct val *args, size_t n, struct val *ret)
{
    (void)r, (void)n;
    struct val a = val_number(&args[0]);
    if (a.t == V_INT && a.i == INT64_MIN) {
        struct decimal d;
        decimal_from_i64(a.i, &d);
        a = val_decimal(&d, 0);
    }
    if (a.t == V_INT)
        a.i = -a.i;
    else if (a.t == V_DEC)
        decimal_neg(&a.d);
    else
        a.f = -a.f;
    *ret = a;
    return OK;
}

/* Types: what the operators would give. */

static struct vtypes number_type(struct run *r, const struct enode *e)
{
    struct vtypes t = type_of(r, e);
    if (t.t == V_INT || t.t == V_DEC || t.t == V_REAL)
        return t;
    if (t.t == V_NULL)
        return (struct vtypes){V_DEC, 0};
    if (t.t != V_TEXT)
        return (struct vtypes){t.dec ? V_DEC : V_INT, t.dec};
    struct val v;
    struct errinfo ei;
    struct run quiet = {r->e, r->env, &ei, r->element};
    if ((!is_operand(e) && e->op != N_CONST) || eval(&quiet, e, &v) || v.t == V_NULL)
        return (struct vtypes){V_REAL, FLOATING};
    v = val_number(&v);
    return (struct vtypes){v.t, v.dec};
}

struct vtypes type_number(struct run *r, const struct enode *e)
{
    return number_type(r, e->arg[0]);
}

static struct vtypes capped(uint8_t t, int dec, int most)
{
    return (struct vtypes){t, (uint8_t)(t == V_INT                      ? 0
                                        : t == V_REAL && dec > FLOATING ? FLOATING
                                        : t == V_DEC && dec > most      ? most
                                                                        : dec)};
}

struct vtypes type_arith(struct run *r, const struct enode *e)
{
    struct vtypes a = number_type(r, e->arg[0]), b = number_type(r, e->arg[1]);
    struct vtypes both = type_unify(a, b);
    bool mul = e->fn->name[0] == '*' && both.t == V_DEC;
    return capped(both.t, mul ? a.dec + b.dec : both.dec, EXPR_MAX_SCALE);
}

struct vtypes type_div(struct run *r, const struct enode *e)
{
    struct vtypes a = number_type(r, e->arg[0]), b = number_type(r, e->arg[1]);
    struct vtypes both = type_unify(a, b);
    if (both.t == V_REAL)
        return capped(V_REAL, both.dec + QUOTIENT_PLACES, FLOATING);
    return capped(V_DEC, a.dec + QUOTIENT_PLACES, MAX_QUOTIENT_SCALE);
}
