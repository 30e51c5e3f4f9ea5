/* Values of expressions and their conversions, as MySQL converts.
 *
 * Numbers come as integers (BIGINT), exact decimals or doubles. A decimal carries how many places show (`dec`) beside
 * its own digits, because a quotient holds more digits than it shows and MySQL goes on calculating with them. A double
 * shows its shortest text that reads back the same, in plain notation between 1e-15 and 1e15, or a fixed number of
 * places after ROUND and its kin. Text among numbers: a plain decimal literal counts as DECIMAL (decisions 16),
 * anything else as the double in its numeric prefix. */
#include "meta/expr_impl.h"

#include "base/num.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum err bad_data(struct run *r, const char *fmt, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return fail(r->ei, ERR_DATA, "%s", what);
}

struct val val_decimal(const struct decimal *d, uint8_t dec)
{
    return (struct val){.t = V_DEC, .dec = dec, .d = *d};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str skip_blanks(struct str s)
{
    while (s.n && strchr(" \t\n\r\f\v", s.p[0]) && s.p[0])
        s = str_sub(s, 1, s.n);
    return s;
}

/* The bytes at the start of `s` that are a number: sign, digits, point, exponent. */
static size_t numeric_prefix(struct str s)
{
    size_t i = 0, digits = 0;
    if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
        i++;
    for (; i < s.n && is_digit(s.p[i]); i++)
        digits++;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && is_digit(s.p[i]); i++)
            digits++;
    if (digits == 0)
        return 0;
    size_t e = i + 1;
    if (i < s.n && (s.p[i] | 0x20) == 'e') {
        if (e < s.n && (s.p[e] == '-' || s.p[e] == '+'))
            e++;
        if (e < s.n && is_digit(s.p[e])) {
            while (e < s.n && is_digit(s.p[e]))
                e++;
            i = e;
        }
    }
    return i;
}

bool text_number(struct str s, double *ret)
{
    s = skip_blanks(s);
    size_t n = numeric_prefix(s);
    char text[512];
    *ret = 0;
    if (n == 0)
        return true;
    char *copy = n < sizeof text ? text : mem_alloc(n + 1); /* hundreds of digits: not an everyday record */
    memcpy(copy, s.p, n);
    copy[n] = '\0';
    *ret = strtod(copy, NULL);
    if (copy != text)
        free(copy);
    return isfinite(*ret);
}

static bool has_exponent(struct str s)
{
    return memchr(s.p, 'e', s.n) || memchr(s.p, 'E', s.n);
}

static enum err number_of(struct run *r, struct str s, struct val *ret)
{
    int64_t i;
    struct decimal d;
    if (num_i64(s, &i)) {
        *ret = val_int(i);
        return OK;
    }
    if (has_exponent(s)) {
        double f;
        if (!text_number(s, &f))
            return bad_data(r, "the number " STR_FMT " is too large", STR_ARG(str_sub(s, 0, 40)));
        *ret = val_real(f);
        return OK;
    }
    if (!decimal_parse(s, &d))
        return bad_data(r, "the number " STR_FMT "… has more than 65 digits, or more than 38 behind the point",
                        STR_ARG(str_sub(s, 0, 40)));
    *ret = val_decimal(&d, d.scale);
    return OK;
}

enum err val_of_value(struct run *r, const struct value *v, struct val *ret)
{
    switch (v->kind) {
    case VALUE_BOOL:
        *ret = val_bool(v->truth);
        return OK;
    case VALUE_NUMBER:
        return number_of(r, value_str(v), ret);
    case VALUE_TEXT:
        *ret = val_text(v->n ? value_str(v) : S(""));
        return OK;
    case VALUE_JSON:
        *ret = val_text(value_as_text(v, r->env->arena));
        ret->flags = VAL_JSON;
        return OK;
    default:
        *ret = val_null();
        return OK;
    }
}

void val_rounded(const struct val *v, struct decimal *ret)
{
    if (v->d.scale <= v->dec || !decimal_round(&v->d, v->dec, ret))
        *ret = v->d;
}

/* Decimals show exactly `dec` places, whatever the digits say. */
static size_t decimal_text(const struct val *v, char out[DECIMAL_TEXT + EXPR_MAX_SCALE])
{
    struct decimal d;
    val_rounded(v, &d);
    size_t n = decimal_print(&d, out);
    if (d.scale < v->dec && d.scale == 0)
        out[n++] = '.';
    for (size_t i = d.scale; i < v->dec; i++)
        out[n++] = '0';
    return n;
}

/* Digits and exponent of the shortest text that reads back as `f` (> 0): 0.DIGITS × 10^point. */
static size_t shortest(double f, char digits[24], int *ret_point)
{
    char text[40];
    int precision = 14;
    do
        snprintf(text, sizeof text, "%.*e", precision, f);
    while (strtod(text, NULL) != f && ++precision <= 16);
    size_t n = 0;
    const char *e = strchr(text, 'e');
    for (const char *p = text; p < e; p++)
        if (*p != '.' && n < 20)
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    *ret_point = (int)strtol(e + 1, NULL, 10) + 1;
    return n;
}

static size_t put(char *out, size_t n, const char *p, size_t len)
{
    memcpy(out + n, p, len);
    return n + len;
}

/* Digits in plain notation, with at least `places` behind the point. */
static size_t plain_text(const char *digits, size_t n_digits, int point, size_t places, char *out)
{
    size_t n = 0, fraction = 0, whole = point > 0 ? (size_t)point : 0;
    if (whole == 0)
        out[n++] = '0';
    n = put(out, n, digits, n_digits < whole ? n_digits : whole);
    for (size_t i = n_digits; i < whole; i++)
        out[n++] = '0';
    if (n_digits > whole || places)
        out[n++] = '.';
    for (int i = point; i < 0; i++, fraction++)
        out[n++] = '0';
    if (n_digits > whole) {
        n = put(out, n, digits + whole, n_digits - whole);
        fraction += n_digits - whole;
    }
    for (; fraction < places; fraction++)
        out[n++] = '0';
    return n;
}

static size_t exponent_text(const char *digits, size_t n_digits, int point, char *out)
{
    size_t n = put(out, 0, digits, 1);
    if (n_digits > 1) {
        out[n++] = '.';
        n = put(out, n, digits + 1, n_digits - 1);
    }
    return n + (size_t)snprintf(out + n, 8, "e%d", point - 1);
}

static size_t real_text(double f, uint8_t dec, char *out, size_t cap)
{
    char digits[24];
    int point;
    size_t n = 0;
    if (f == 0) /* never "-0" */
        return plain_text("", 0, 0, dec >= FLOATING ? 0 : dec, out);
    size_t n_digits = shortest(fabs(f), digits, &point);
    if (f < 0)
        out[n++] = '-';
    bool exponent = point < -14 || (point > 15 && (int)n_digits <= point);
    if (dec >= FLOATING)
        return n + (exponent ? exponent_text(digits, n_digits, point, out + n)
                             : plain_text(digits, n_digits, point, 0, out + n));
    if ((int)n_digits - point <= dec)
        return n + plain_text(digits, n_digits, point, dec, out + n);
    int wrote = snprintf(out, cap, "%.*f", dec, f);
    if (out[0] == '-' && strspn(out + 1, "0.") == (size_t)wrote - 1)
        memmove(out, out + 1, (size_t)wrote--);
    return (size_t)wrote;
}

struct str val_str(struct run *r, const struct val *v)
{
    char text[400];
    size_t n = 0;
    switch (v->t) {
    case V_INT:
        n = num_print_i64(v->i, text);
        break;
    case V_DEC:
        n = decimal_text(v, text);
        break;
    case V_REAL:
        n = real_text(v->f, v->dec, text, sizeof text);
        break;
    case V_TEXT:
        return v->s;
    case V_NULL:
        return S("");
    default:
        return time_text_of(r, v);
    }
    return arena_str(r->env->arena, str_mk(text, n));
}

struct value val_to_value(struct run *r, const struct val *v)
{
    if (v->t == V_NULL)
        return value_null();
    struct str s = val_str(r, v);
    return v->t == V_INT || v->t == V_DEC || v->t == V_REAL ? value_number(s) : value_text(s);
}

/* What is too large is the largest double there is, as in MySQL. */
static double text_double(struct str s)
{
    double f;
    return text_number(s, &f) ? f : f < 0 ? -DBL_MAX : DBL_MAX;
}

bool text_plain_decimal(struct str s, struct decimal *ret)
{
    s = skip_blanks(s);
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    if (s.n == 0 || numeric_prefix(s) != s.n || has_exponent(s))
        return false;
    if (s.p[s.n - 1] == '.')
        s.n--;
    return decimal_parse(s, ret);
}

static struct val hex_number(struct str s)
{
    uint64_t v = 0;
    for (size_t i = s.n > 8 ? s.n - 8 : 0; i < s.n; i++)
        v = v << 8 | (unsigned char)s.p[i];
    if (v <= INT64_MAX)
        return val_int((int64_t)v);
    char text[24];
    struct decimal d;
    size_t n = (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)v);
    return decimal_parse(str_mk(text, n), &d) ? val_decimal(&d, 0) : val_int(0);
}

struct val val_number(const struct val *v)
{
    struct decimal d;
    switch (v->t) {
    case V_INT:
    case V_DEC:
    case V_REAL:
        return *v;
    case V_TEXT:
        if (v->flags & VAL_HEX)
            return hex_number(v->s);
        return text_plain_decimal(v->s, &d) ? val_decimal(&d, d.scale) : val_real(text_double(v->s));
    case V_NULL:
        return val_int(0);
    default:
        return time_number(v);
    }
}

double val_double(const struct val *v)
{
    struct val n = val_number(v);
    return n.t == V_INT ? (double)n.i : n.t == V_REAL ? n.f : decimal_to_double(&n.d);
}

static int64_t clamp_double(double f)
{
    return f >= 9223372036854775807.0 ? INT64_MAX : f <= -9223372036854775808.0 ? INT64_MIN : (int64_t)f;
}

static int64_t integer_prefix(struct str s)
{
    s = skip_blanks(s);
    bool negative = s.n && s.p[0] == '-';
    int64_t v = 0; /* counted downwards: the smallest has no positive twin */
    for (size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'); i < s.n && is_digit(s.p[i]); i++) {
        int digit = s.p[i] - '0';
        if (v < (INT64_MIN + digit) / 10)
            return negative ? INT64_MIN : INT64_MAX;
        v = v * 10 - digit;
    }
    if (negative)
        return v;
    return v == INT64_MIN ? INT64_MAX : -v;
}

int64_t val_integer(const struct val *v)
{
    if (v->t == V_TEXT && !(v->flags & VAL_HEX))
        return integer_prefix(v->s);
    struct val n = val_number(v);
    struct decimal d;
    int64_t i;
    if (n.t == V_INT)
        return n.i;
    if (n.t == V_REAL)
        return clamp_double(rint(n.f));
    if (decimal_round(&n.d, 0, &d) && decimal_to_i64(&d, &i))
        return i;
    return n.d.negative ? INT64_MIN : INT64_MAX;
}

bool val_dec(const struct val *v, struct decimal *ret)
{
    struct val n = val_number(v);
    char text[400];
    if (n.t == V_INT) {
        decimal_from_i64(n.i, ret);
        return true;
    }
    if (n.t == V_DEC) {
        *ret = n.d;
        return true;
    }
    if (decimal_parse(str_mk(text, real_text(n.f, FLOATING, text, sizeof text)), ret))
        return true;
    if (fabs(n.f) >= 1) /* more digits than a decimal has */
        return false;
    return decimal_parse(str_mk(text, real_text(n.f, EXPR_MAX_SCALE, text, sizeof text)), ret);
}

bool val_true(const struct val *v)
{
    struct val n = val_number(v);
    return n.t == V_INT ? n.i != 0 : n.t == V_REAL ? n.f != 0 : !decimal_is_zero(&n.d);
}

enum err result_room(struct run *r, size_t n, char **ret)
{
    *ret = NULL;
    if (n > EXPR_MAX_RESULT_BYTES)
        return OK;
    *ret = arena_try(r->env->arena, n ? n : 1);
    return *ret ? OK : bad_data(r, "there is no memory left for a text of %zu bytes", n);
}

enum err result_copy(struct run *r, struct str s, struct val *ret)
{
    char *p;
    enum err err = result_room(r, s.n, &p);
    if (err)
        return err;
    *ret = p ? val_text(str_mk(p, s.n)) : val_null();
    if (p && s.n)
        memcpy(p, s.p, s.n);
    return OK;
}
