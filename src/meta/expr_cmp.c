/* Comparison. Two texts compare as texts (decisions 16): ASCII letters without case, everything else by code point,
 * trailing blanks ignored; the order of bytes in UTF-8 is the order of code points, so nothing is decoded. A date or
 * time makes it a comparison of times; everything else is a comparison of numbers, exact as long as no double takes
 * part. */
#include "meta/expr_impl.h"

char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* As `=` compares two texts. */
static int text_cmp(struct str a, struct str b)
{
    size_t n = a.n > b.n ? a.n : b.n;
    for (size_t i = 0; i < n; i++) {
        unsigned char x = i < a.n ? (unsigned char)ascii_upper(a.p[i]) : ' ';
        unsigned char y = i < b.n ? (unsigned char)ascii_upper(b.p[i]) : ' ';
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int val_cmp_number(const struct val *a, const struct val *b)
{
    struct val x = val_number(a), y = val_number(b);
    if (x.t == V_INT && y.t == V_INT)
        return order(x.i, y.i);
    if (x.t == V_REAL || y.t == V_REAL) {
        double f = val_double(&x), g = val_double(&y);
        return (f > g) - (f < g);
    }
    struct decimal d, e;
    if (x.t == V_INT)
        decimal_from_i64(x.i, &d);
    if (y.t == V_INT)
        decimal_from_i64(y.i, &e);
    return decimal_cmp(x.t == V_INT ? &d : &x.d, y.t == V_INT ? &e : &y.d);
}

/* What is no time at all lies before every time. */
static int64_t when_us(struct run *r, const struct val *v)
{
    struct when w;
    return val_when(r, v, &w) ? w.us : INT64_MIN;
}

static int64_t time_us(struct run *r, const struct val *v)
{
    struct when w;
    return val_time(r, v, &w) ? w.us : INT64_MIN;
}

static int cmp_temporal(struct run *r, const struct val *a, const struct val *b)
{
    bool dates = a->t == V_DATE || a->t == V_DATETIME || b->t == V_DATE || b->t == V_DATETIME;
    return dates ? order(when_us(r, a), when_us(r, b)) : order(time_us(r, a), time_us(r, b));
}

/* A string in JSON text compares as what it says. */
static struct str without_quotes(const struct val *v)
{
    struct str s = v->s;
    bool quoted = (v->flags & VAL_JSON) && s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
    return quoted ? str_sub(s, 1, s.n - 2) : s;
}

int val_cmp(struct run *r, const struct val *a, const struct val *b)
{
    if (is_temporal(a->t) || is_temporal(b->t))
        return cmp_temporal(r, a, b);
    if (a->t != V_TEXT || b->t != V_TEXT)
        return val_cmp_number(a, b);
    if ((a->flags | b->flags) & VAL_BINARY)
        return str_cmp(a->s, b->s);
    return text_cmp(without_quotes(a), without_quotes(b));
}

static struct val as_shown(const struct val *v)
{
    struct val shown = *v;
    if (v->t == V_DEC)
        val_rounded(v, &shown.d);
    return shown;
}

int val_cmp_shown(struct run *r, const struct val *a, const struct val *b)
{
    struct val x = as_shown(a), y = as_shown(b);
    return val_cmp(r, &x, &y);
}
