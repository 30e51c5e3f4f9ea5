/* Functions of numbers, and CAST. Decimals are rounded half away from zero; doubles as the processor rounds (half to
 * even), as MySQL does. */
#include "meta/expr_math.h"
#include "meta/expr_arith.h"

#include <math.h>

static enum err too_large(struct run *r)
{
    return bad_data(r, "a DECIMAL value is out of range");
}

enum err fn_abs(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    *ret = val_number(&a[0]);
    if (ret->t == V_INT && ret->i == INT64_MIN)
        return bad_data(r, "a BIGINT value is out of range");
    if (ret->t == V_INT)
        ret->i = ret->i < 0 ? -ret->i : ret->i;
    else if (ret->t == V_DEC)
        ret->d.negative = false;
    else
        ret->f = fabs(ret->f);
    return OK;
}

static enum err whole(struct run *r, const struct val *v, bool up, struct val *ret)
{
    struct decimal d;
    int64_t i;
    *ret = val_number(v);
    if (ret->t == V_REAL) {
        ret->f = up ? ceil(ret->f) : floor(ret->f);
        ret->dec = 0;
    } else if (ret->t == V_DEC) {
        if (!(up ? decimal_ceil(&ret->d, &d) : decimal_floor(&ret->d, &d)))
            return too_large(r);
        *ret = decimal_to_i64(&d, &i) ? val_int(i) : val_decimal(&d, 0);
    }
    return OK;
}

enum err fn_ceil(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return whole(r, &a[0], true, ret);
}

enum err fn_floor(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return whole(r, &a[0], false, ret);
}

static double round_double(double f, int places, bool cut)
{
    double power = pow(10, places < 0 ? -places : places);
    double scaled = places < 0 ? f / power : f * power;
    if (!isfinite(scaled) || !isfinite(power))
        return places < 0 ? 0 : f;
    scaled = !cut ? rint(scaled) : scaled < 0 ? ceil(scaled) : floor(scaled);
    return places < 0 ? scaled * power : scaled / power;
}

static enum err round_decimal(struct run *r, const struct val *v, int places, bool cut, struct val *ret)
{
    struct decimal d, rounded;
    int dec = places < 0 ? 0 : places;
    int64_t i;
    if (!val_dec(v, &d))
        return too_large(r);
    int to = places < d.scale ? places : d.scale;
    if (to < -DECIMAL_MAX_DIGITS)
        to = -DECIMAL_MAX_DIGITS;
    if (!(cut ? decimal_trunc(&d, to, &rounded) : decimal_round(&d, to, &rounded)))
        return too_large(r);
    *ret = v->t == V_INT && decimal_to_i64(&rounded, &i) ? val_int(i) : val_decimal(&rounded, (uint8_t)dec);
    return OK;
}

static enum err round_to(struct run *r, struct val *a, size_t n, bool cut, struct val *ret)
{
    int64_t asked = n == 2 ? val_integer(&a[1]) : 0;
    int places = asked > EXPR_MAX_SCALE ? EXPR_MAX_SCALE : asked < -400 ? -400 : (int)asked;
    struct val v = val_number(&a[0]);
    if (v.t != V_REAL) {
        *ret = v;
        return v.t == V_INT && places >= 0 ? OK : round_decimal(r, &v, places, cut, ret);
    }
    *ret = val_real(round_double(v.f, places, cut));
    ret->dec = (uint8_t)(places < 0 ? 0 : places);
    return OK;
}

enum err fn_round(struct run *r, struct val *a, size_t n, struct val *ret)
{
    return round_to(r, a, n, false, ret);
}

enum err fn_truncate(struct run *r, struct val *a, size_t n, struct val *ret)
{
    return round_to(r, a, n, true, ret);
}

enum err fn_pow(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return real_result(r, pow(val_double(&a[0]), val_double(&a[1])), FLOATING, ret);
}

enum err fn_sqrt(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)r, (void)n;
    double f = val_double(&a[0]);
    *ret = f < 0 ? val_null() : val_real(sqrt(f));
    return OK;
}

enum err fn_sign(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)r, (void)n;
    double f = val_double(&a[0]);
    *ret = val_int((f > 0) - (f < 0));
    return OK;
}

/* Reproducible: the seed is the caller's, the count of draws the row's. RAND(n) is the same for equal n. */
enum err fn_rand(struct run *r, struct val *a, size_t n, struct val *ret)
{
    uint64_t x = n ? (uint64_t)val_integer(&a[0]) : r->env->sys->seed + 0x632BE59BD9B4E019u * ++r->env->draws;
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    x ^= x >> 31;
    *ret = val_real((double)(x >> 11) / 9007199254740992.0);
    return OK;
}

static enum err cast_unsigned(struct run *r, const struct val *v, struct val *ret)
{
    struct decimal d, limit = {.n_limbs = 2, .limb = {0, 1}}; /* 2^64 */
    int64_t i = val_integer(v);
    *ret = val_int(i);
    if (i >= 0 && i < INT64_MAX)
        return OK;
    struct val number = val_number(v);
    if (!val_dec(&number, &d) || !decimal_round(&d, 0, &d))
        return too_large(r);
    if (d.negative && !decimal_add(&d, &limit, &d))
        return too_large(r);
    if (d.negative || decimal_cmp(&d, &limit) >= 0)
        return bad_data(r, "a value does not fit UNSIGNED");
    *ret = val_decimal(&d, 0);
    return OK;
}

static enum err cast_signed(struct run *r, const struct val *v, struct val *ret)
{
    *ret = val_int(val_integer(v));
    if (ret->i != INT64_MAX && ret->i != INT64_MIN)
        return OK;
    struct val back = val_number(v);
    struct decimal d;
    int64_t i;
    if (!val_dec(&back, &d) || !decimal_round(&d, 0, &d) || !decimal_to_i64(&d, &i))
        return bad_data(r, "a value does not fit SIGNED");
    return OK;
}

static enum err cast_decimal(struct run *r, const struct val *v, const struct enode *e, struct val *ret)
{
    struct decimal d;
    struct val number = val_number(v);
    if (!val_dec(&number, &d) || !decimal_round(&d, e->scale, &d))
        return too_large(r);
    int whole_digits = decimal_digits(&d) - d.scale;
    if (!decimal_is_zero(&d) && whole_digits > e->limit - e->scale)
        return bad_data(r, "a value does not fit DECIMAL(%d,%d)", (int)e->limit, e->scale);
    *ret = val_decimal(&d, e->scale);
    return OK;
}

static enum err cast_text(struct run *r, const struct val *v, const struct enode *e, struct val *ret)
{
    struct str s = val_str(r, v);
    bool binary = e->detail == CAST_BINARY;
    if (e->limit >= 0)
        s = str_sub(s, 0, binary ? (size_t)e->limit : utf8_prefix(s, (size_t)e->limit));
    *ret = val_text(s);
    ret->flags = binary ? VAL_BINARY : e->detail == CAST_TO_JSON ? VAL_JSON : 0;
    return OK;
}

static enum err cast_time(struct run *r, const struct val *v, const struct enode *e, struct val *ret)
{
    struct when w;
    enum vtype t = e->detail == CAST_TO_DATE ? V_DATE : e->detail == CAST_TO_TIME ? V_TIME : V_DATETIME;
    bool ok = t == V_TIME ? val_time(r, v, &w) : val_when(r, v, &w);
    *ret = ok ? val_of_time(t, w.us, e->scale) : val_null();
    return OK;
}

enum err op_cast(struct run *r, const struct enode *e, struct val *ret)
{
    struct val v;
    enum err err = eval(r, e->arg[0], &v);
    *ret = val_null();
    if (err || v.t == V_NULL)
        return err;
    switch ((enum cast)e->detail) {
    case CAST_SIGNED:
        return cast_signed(r, &v, ret);
    case CAST_UNSIGNED:
        return cast_unsigned(r, &v, ret);
    case CAST_DEC:
        return cast_decimal(r, &v, e, ret);
    case CAST_REAL:
        *ret = val_real(val_double(&v));
        if (e->scale < FLOATING) {
            ret->f = round_double(ret->f, e->scale, false);
            ret->dec = e->scale;
        }
        return OK;
    case CAST_TO_DATE:
    case CAST_TO_TIME:
    case CAST_TO_DATETIME:
        return cast_time(r, &v, e, ret);
    case CAST_CHAR:
    case CAST_BINARY:
    case CAST_TO_JSON:
        break;
    }
    return cast_text(r, &v, e, ret);
}

struct vtypes type_whole(struct run *r, const struct enode *e)
{
    struct vtypes t = type_number(r, e);
    return (struct vtypes){t.t == V_DEC ? V_INT : t.t, 0};
}

struct vtypes type_round(struct run *r, const struct enode *e)
{
    struct vtypes t = type_number(r, e);
    const struct enode *places = e->n_args == 2 ? e->arg[1] : NULL;
    if (t.t == V_INT)
        return t;
    if (places && (places->op != N_CONST || places->value.t != V_INT))
        return t;
    int64_t n = places ? places->value.i : 0;
    return (struct vtypes){t.t, (uint8_t)(n < 0 ? 0 : n > EXPR_MAX_SCALE ? EXPR_MAX_SCALE : n)};
}

struct vtypes type_cast(struct run *r, const struct enode *e)
{
    static const uint8_t types[] = {[CAST_CHAR] = V_TEXT,    [CAST_BINARY] = V_TEXT,  [CAST_SIGNED] = V_INT,
                                    [CAST_UNSIGNED] = V_INT, [CAST_DEC] = V_DEC,      [CAST_REAL] = V_REAL,
                                    [CAST_TO_DATE] = V_DATE, [CAST_TO_TIME] = V_TIME, [CAST_TO_DATETIME] = V_DATETIME,
                                    [CAST_TO_JSON] = V_TEXT};
    (void)r;
    return (struct vtypes){types[e->detail], e->scale};
}
