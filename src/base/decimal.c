/* Exact decimals: a magnitude of at most 65 digits, a scale of at most 38, a sign.
 *
 * Values of one limb (up to 19 digits, which is nearly all of them) take short paths in 64-bit arithmetic.
 * The rest goes through `struct wide`, a magnitude on the stack that is wide enough for every product and
 * aligned quotient, with GMP's mpn functions, and comes back through `settle`, the one place that enforces the
 * limits: a result keeps its scale if it can; zeros at the end of its fraction are dropped as far as
 * needed to fit; a product with more than 38 places is rounded to 38; what then has more than 65 digits is refused. No
 * NaN, no infinity, no negative zero. */
#include "base/decimal.h"

#include <gmp.h>
#include <stdlib.h>

/* 1.5 · 65 digits over 10^76: 141 digits, 469 bits, and a limb to spare. */
#define WIDE_LIMBS   9
#define CHUNK_DIGITS 19 /* powers of ten that fit a limb */
#define TEXT_DIGITS  160

_Static_assert(sizeof(mp_limb_t) == sizeof(uint64_t) && GMP_NUMB_BITS == 64, "GMP's limbs must be 64 bits");
_Static_assert(DECIMAL_MAX_DIGITS + 15 <= DECIMAL_TEXT, "sign, zero, point and NUL must fit");

struct wide {
    mp_limb_t limb[WIDE_LIMBS];
    mp_size_t n;
};

enum rounding { HALF_AWAY, TOWARD_ZERO };

static const uint64_t pow10[CHUNK_DIGITS + 1] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

static void set_small(uint64_t magnitude, int scale, bool negative, struct decimal *ret)
{
    *ret = (struct decimal){.limb = {magnitude},
                            .n_limbs = magnitude != 0,
                            .scale = (uint8_t)scale,
                            .negative = negative && magnitude != 0};
}

static void trim(struct wide *w)
{
    while (w->n > 0 && w->limb[w->n - 1] == 0)
        w->n--;
}

static void widen(const struct decimal *d, struct wide *ret)
{
    ret->n = d->n_limbs;
    for (size_t i = 0; i < d->n_limbs; i++)
        ret->limb[i] = d->limb[i];
}

/* w × factor + more; w has room. */
static void mul_add(struct wide *w, mp_limb_t factor, mp_limb_t more)
{
    if (w->n == 0) {
        w->limb[0] = more;
        w->n = more != 0;
        return;
    }
    mp_limb_t carry = mpn_mul_1(w->limb, w->limb, w->n, factor);
    carry += mpn_add_1(w->limb, w->limb, w->n, more);
    if (carry)
        w->limb[w->n++] = carry;
}

static void mul_pow10(struct wide *w, int k)
{
    for (; k > 0 && w->n > 0; k -= CHUNK_DIGITS)
        mul_add(w, pow10[k < CHUNK_DIGITS ? k : CHUNK_DIGITS], 0);
}

/* w / 10^k toward zero. Gives true when something was lost. */
static bool div_pow10(struct wide *w, int k)
{
    mp_limb_t lost = 0;
    for (; k > 0 && w->n > 0; k -= CHUNK_DIGITS) {
        lost |= mpn_divrem_1(w->limb, 0, w->limb, w->n, pow10[k < CHUNK_DIGITS ? k : CHUNK_DIGITS]);
        trim(w);
    }
    return lost != 0;
}

/* w / 10^k, k > 0, rounded half away from zero: only the first lost digit matters. */
static void round_pow10(struct wide *w, int k)
{
    (void)div_pow10(w, k - 1);
    if (w->n == 0)
        return;
    mp_limb_t digit = mpn_divrem_1(w->limb, 0, w->limb, w->n, 10);
    trim(w);
    if (digit >= 5)
        mul_add(w, 1, 1);
}

static int compare(const struct wide *a, const struct wide *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    return a->n ? mpn_cmp(a->limb, b->limb, a->n) : 0;
}

static bool too_long(const struct wide *w)
{
    if (w->n < 4)
        return false;
    struct wide limit = {{1}, 1};
    mul_pow10(&limit, DECIMAL_MAX_DIGITS);
    return compare(w, &limit) >= 0;
}

static bool drop_zero(struct wide *w)
{
    struct wide shorter = *w;
    if (div_pow10(&shorter, 1))
        return false;
    *w = shorter;
    return true;
}

/* Makes a decimal of a magnitude and a scale, within the limits. */
static bool settle(struct wide *w, int scale, bool negative, struct decimal *ret)
{
    if (scale > DECIMAL_MAX_SCALE) {
        round_pow10(w, scale - DECIMAL_MAX_SCALE);
        scale = DECIMAL_MAX_SCALE;
    }
    while (too_long(w)) {
        if (scale == 0 || !drop_zero(w))
            return false;
        scale--;
    }
    *ret = (struct decimal){.n_limbs = (uint8_t)w->n, .scale = (uint8_t)scale, .negative = negative && w->n > 0};
    for (mp_size_t i = 0; i < w->n; i++)
        ret->limb[i] = w->limb[i];
    return true;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Up to 19 digits with or without a point and no exponent. False sends the text to the long way. */
static bool parse_short(struct str s, bool negative, struct decimal *ret)
{
    uint64_t value = 0;
    size_t point = SIZE_MAX;
    if (s.n == 0 || s.n > CHUNK_DIGITS)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' && point == SIZE_MAX)
            point = i;
        else if (digit(s.p[i]))
            value = value * 10 + (uint64_t)(s.p[i] - '0');
        else
            return false;
    }
    if (point == s.n - 1)
        return false;
    set_small(value, point == SIZE_MAX ? 0 : (int)(s.n - 1 - point), negative, ret);
    return true;
}

/* An exponent's digits; huge ones stay at a bound that is still far too large for any decimal. */
static bool parse_exponent(struct str s, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    if (negative || (s.n > 0 && s.p[0] == '+'))
        s = str_sub(s, 1, SIZE_MAX);
    int64_t value = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!digit(s.p[i]))
            return false;
        if (value < INT64_MAX / 32)
            value = value * 10 + (s.p[i] - '0');
    }
    *ret = negative ? -value : value;
    return s.n > 0;
}

/* The digits of a text between its sign and its exponent. */
struct mantissa {
    struct str text;     /* digits and at most one point */
    size_t n_fraction;   /* digits after the point */
    size_t first, last;  /* the first and the last digit that are not 0, by place in `text` */
    size_t n_zeros_last; /* zeros behind `last` */
    int n_significant;   /* digits from first to last, at most 66; 0 for zero */
};

static bool scan_mantissa(struct str s, struct mantissa *m)
{
    *m = (struct mantissa){.text = s};
    size_t n_digits = 0, significant = 0;
    bool point = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (!digit(s.p[i]))
            return false;
        n_digits++;
        m->n_fraction += point;
        if (s.p[i] == '0') {
            m->n_zeros_last++;
            continue;
        }
        if (significant == 0)
            m->first = i;
        significant += significant ? m->n_zeros_last + 1 : 1;
        m->n_zeros_last = 0;
        m->last = i;
    }
    m->n_significant = significant > DECIMAL_MAX_DIGITS ? DECIMAL_MAX_DIGITS + 1 : (int)significant;
    return n_digits > 0 && !(point && s.p[s.n - 1] == '.');
}

static void read_digits(const struct mantissa *m, struct wide *w)
{
    w->n = 0;
    if (m->n_significant == 0)
        return;
    mp_limb_t chunk = 0;
    int n = 0;
    for (size_t i = m->first; i <= m->last; i++) {
        if (m->text.p[i] == '.')
            continue;
        chunk = chunk * 10 + (mp_limb_t)(m->text.p[i] - '0');
        if (++n == CHUNK_DIGITS) {
            mul_add(w, pow10[n], chunk);
            chunk = 0;
            n = 0;
        }
    }
    if (n > 0)
        mul_add(w, pow10[n], chunk);
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* The long way: value = digits × 10^shift, written with some places, of which as many are kept as fit. */
static bool parse_long(struct str s, bool negative, struct decimal *ret)
{
    size_t n = 0;
    int64_t exponent = 0;
    while (n < s.n && s.p[n] != 'e' && s.p[n] != 'E')
        n++;
    struct mantissa m;
    if (!scan_mantissa(str_sub(s, 0, n), &m) || (n < s.n && !parse_exponent(str_sub(s, n + 1, SIZE_MAX), &exponent)))
        return false;
    int64_t written = (int64_t)m.n_fraction - exponent; /* places as written; negative: zeros before the point */
    int64_t scale = clamp(written, 0, DECIMAL_MAX_SCALE);
    if (m.n_significant == 0) {
        set_small(0, (int)scale, false, ret);
        return true;
    }
    int64_t shift = (int64_t)m.n_zeros_last - written;
    int64_t least = shift < 0 ? -shift : 0; /* places that the value needs */
    int64_t room = DECIMAL_MAX_DIGITS - m.n_significant - shift;
    scale = scale < room ? scale : room;
    if (m.n_significant > DECIMAL_MAX_DIGITS || least > DECIMAL_MAX_SCALE || scale < least)
        return false;
    struct wide w;
    read_digits(&m, &w);
    mul_pow10(&w, (int)(shift + scale));
    return settle(&w, (int)scale, negative, ret);
}

bool decimal_parse(struct str s, struct decimal *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    if (negative || (s.n > 0 && s.p[0] == '+'))
        s = str_sub(s, 1, SIZE_MAX);
    return parse_short(s, negative, ret) || parse_long(s, negative, ret);
}

/* The digits of the magnitude as text ("0" for zero), without leading zeros. */
static size_t digits_of(const struct decimal *d, char out[TEXT_DIGITS])
{
    if (d->n_limbs <= 1) {
        char reversed[CHUNK_DIGITS + 1];
        uint64_t rest = d->n_limbs ? d->limb[0] : 0;
        size_t n = 0;
        do {
            reversed[n++] = (char)('0' + rest % 10);
            rest /= 10;
        } while (rest > 0);
        for (size_t i = 0; i < n; i++)
            out[i] = reversed[n - 1 - i];
        return n;
    }
    struct wide w;
    widen(d, &w);
    unsigned char raw[TEXT_DIGITS];
    size_t n = mpn_get_str(raw, 10, w.limb, w.n);
    size_t zeros = 0;
    while (zeros + 1 < n && raw[zeros] == 0)
        zeros++;
    for (size_t i = zeros; i < n; i++)
        out[i - zeros] = (char)('0' + raw[i]);
    return n - zeros;
}

size_t decimal_print(const struct decimal *d, char out[DECIMAL_TEXT])
{
    char digits[TEXT_DIGITS];
    size_t n_digits = digits_of(d, digits);
    size_t n = 0, scale = d->scale;
    if (d->negative)
        out[n++] = '-';
    size_t whole = n_digits > scale ? n_digits - scale : 0;
    if (whole == 0)
        out[n++] = '0';
    memcpy(out + n, digits, whole);
    n += whole;
    if (scale > 0) {
        out[n++] = '.';
        size_t zeros = scale - (n_digits - whole);
        memset(out + n, '0', zeros);
        n += zeros;
        memcpy(out + n, digits + whole, n_digits - whole);
        n += n_digits - whole;
    }
    out[n] = '\0';
    return n;
}

void decimal_from_i64(int64_t v, struct decimal *ret)
{
    set_small(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 0, v < 0, ret);
}

bool decimal_to_i64(const struct decimal *d, int64_t *ret)
{
    struct wide w;
    widen(d, &w);
    if (div_pow10(&w, d->scale) || w.n > 1)
        return false;
    uint64_t magnitude = w.n ? w.limb[0] : 0;
    if (magnitude > (uint64_t)INT64_MAX + d->negative)
        return false;
    *ret = d->negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool decimal_is_zero(const struct decimal *d)
{
    return d->n_limbs == 0;
}

/* Both magnitudes at the larger of the two scales, which is given back. */
static int align(const struct decimal *a, const struct decimal *b, struct wide *wa, struct wide *wb)
{
    int scale = a->scale > b->scale ? a->scale : b->scale;
    widen(a, wa);
    widen(b, wb);
    mul_pow10(wa, scale - a->scale);
    mul_pow10(wb, scale - b->scale);
    return scale;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    int order;
    if (a->scale == b->scale && a->n_limbs <= 1 && b->n_limbs <= 1) {
        uint64_t x = a->n_limbs ? a->limb[0] : 0, y = b->n_limbs ? b->limb[0] : 0;
        order = (x > y) - (x < y);
    } else {
        struct wide wa, wb;
        (void)align(a, b, &wa, &wb);
        order = compare(&wa, &wb);
    }
    order = (order > 0) - (order < 0);
    return a->negative ? -order : order;
}

/* Magnitude × 10^k in one limb. */
static bool scale_up_small(const struct decimal *d, int k, uint64_t *ret)
{
    if (d->n_limbs > 1 || k > CHUNK_DIGITS)
        return false;
    return !__builtin_mul_overflow(d->n_limbs ? d->limb[0] : 0, pow10[k], ret);
}

static bool add_small(const struct decimal *a, const struct decimal *b, bool b_negative, struct decimal *ret)
{
    int scale = a->scale > b->scale ? a->scale : b->scale;
    uint64_t x, y, sum;
    if (!scale_up_small(a, scale - a->scale, &x) || !scale_up_small(b, scale - b->scale, &y))
        return false;
    if (a->negative != b_negative)
        set_small(x > y ? x - y : y - x, scale, x > y ? a->negative : b_negative, ret);
    else if (!__builtin_add_overflow(x, y, &sum))
        set_small(sum, scale, a->negative, ret);
    else
        return false;
    return true;
}

/* a ± b, the sign of b given apart. */
static bool add_signed(const struct decimal *a, const struct decimal *b, bool b_negative, struct decimal *ret)
{
    if (add_small(a, b, b_negative, ret))
        return true;
    struct wide wa, wb;
    int scale = align(a, b, &wa, &wb);
    bool negative = a->negative;
    bool swap = compare(&wa, &wb) < 0;
    struct wide *large = swap ? &wb : &wa, *small = swap ? &wa : &wb;
    if (a->negative != b_negative) {
        negative = swap ? b_negative : a->negative;
        if (small->n > 0)
            (void)mpn_sub(large->limb, large->limb, large->n, small->limb, small->n);
        trim(large);
    } else if (small->n > 0) {
        mp_limb_t carry = mpn_add(large->limb, large->limb, large->n, small->limb, small->n);
        if (carry)
            large->limb[large->n++] = carry;
    }
    return settle(large, scale, negative, ret);
}

bool decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    return add_signed(a, b, b->negative, ret);
}

bool decimal_sub(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    return add_signed(a, b, !b->negative, ret);
}

bool decimal_mul(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    int scale = a->scale + b->scale;
    bool negative = a->negative != b->negative;
    uint64_t product;
    if (a->n_limbs <= 1 && b->n_limbs <= 1 && scale <= DECIMAL_MAX_SCALE &&
        !__builtin_mul_overflow(a->n_limbs ? a->limb[0] : 0, b->n_limbs ? b->limb[0] : 0, &product)) {
        set_small(product, scale, negative, ret);
        return true;
    }
    struct wide wa, wb, w = {.n = 0};
    widen(a, &wa);
    widen(b, &wb);
    if (wa.n > 0 && wb.n > 0) {
        if (wa.n >= wb.n)
            (void)mpn_mul(w.limb, wa.limb, wa.n, wb.limb, wb.n);
        else
            (void)mpn_mul(w.limb, wb.limb, wb.n, wa.limb, wa.n);
        w.n = wa.n + wb.n;
        trim(&w);
    }
    return settle(&w, scale, negative, ret);
}

/* Quotient and remainder of magnitudes, b ≠ 0. */
static void divide(const struct wide *a, const struct wide *b, struct wide *ret_q, struct wide *ret_r)
{
    if (a->n < b->n) {
        ret_q->n = 0;
        *ret_r = *a;
        return;
    }
    mpn_tdiv_qr(ret_q->limb, ret_r->limb, 0, a->limb, a->n, b->limb, b->n);
    ret_q->n = a->n - b->n + 1;
    ret_r->n = b->n;
    trim(ret_q);
    trim(ret_r);
}

bool decimal_div(const struct decimal *a, const struct decimal *b, int scale, struct decimal *ret)
{
    if (decimal_is_zero(b) || scale < 0 || scale > DECIMAL_MAX_SCALE)
        return false;
    struct wide wa, wb, q, r;
    widen(a, &wa);
    widen(b, &wb);
    int shift = scale + b->scale - a->scale;
    mul_pow10(&wa, shift);
    mul_pow10(&wb, -shift);
    divide(&wa, &wb, &q, &r);
    return settle(&q, scale, a->negative != b->negative, ret);
}

bool decimal_mod(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    if (decimal_is_zero(b))
        return false;
    struct wide wa, wb, q, r;
    int scale = align(a, b, &wa, &wb);
    divide(&wa, &wb, &q, &r);
    return settle(&r, scale, a->negative, ret);
}

/* To `scale` places, more or fewer, in one limb. False sends it the long way. */
static bool rescale_small(const struct decimal *a, int scale, enum rounding mode, struct decimal *ret)
{
    uint64_t value = a->n_limbs ? a->limb[0] : 0;
    int drop = a->scale - scale;
    if (a->n_limbs > 1 || scale < 0 || drop > CHUNK_DIGITS || drop < -CHUNK_DIGITS)
        return false;
    if (drop < 0) {
        if (!scale_up_small(a, -drop, &value))
            return false;
    } else if (drop > 0) {
        uint64_t rest = value % pow10[drop];
        value /= pow10[drop];
        value += mode == HALF_AWAY && rest >= pow10[drop] / 2;
    }
    set_small(value, scale, a->negative, ret);
    return true;
}

static bool rescale(const struct decimal *a, int scale, enum rounding mode, struct decimal *ret)
{
    if (scale > DECIMAL_MAX_SCALE)
        scale = DECIMAL_MAX_SCALE;
    if (scale < -DECIMAL_MAX_DIGITS - 1)
        scale = -DECIMAL_MAX_DIGITS - 1;
    if (rescale_small(a, scale, mode, ret))
        return true;
    struct wide w;
    widen(a, &w);
    int drop = a->scale - scale;
    if (drop <= 0)
        mul_pow10(&w, -drop);
    else if (mode == HALF_AWAY)
        round_pow10(&w, drop);
    else
        (void)div_pow10(&w, drop);
    if (scale < 0)
        mul_pow10(&w, -scale);
    return settle(&w, scale < 0 ? 0 : scale, a->negative, ret);
}

bool decimal_round(const struct decimal *a, int scale, struct decimal *ret)
{
    return rescale(a, scale, HALF_AWAY, ret);
}

bool decimal_trunc(const struct decimal *a, int scale, struct decimal *ret)
{
    return rescale(a, scale, TOWARD_ZERO, ret);
}

/* To a whole number; when something is lost and the sign is `outward`, away from zero, else toward it. */
static bool to_whole(const struct decimal *a, bool outward, struct decimal *ret)
{
    struct wide w;
    widen(a, &w);
    if (div_pow10(&w, a->scale) && a->negative == outward)
        mul_add(&w, 1, 1);
    return settle(&w, 0, a->negative, ret);
}

bool decimal_floor(const struct decimal *a, struct decimal *ret)
{
    return to_whole(a, true, ret);
}

bool decimal_ceil(const struct decimal *a, struct decimal *ret)
{
    return to_whole(a, false, ret);
}

void decimal_neg(struct decimal *d)
{
    d->negative = !d->negative && d->n_limbs > 0;
}

double decimal_to_double(const struct decimal *d)
{
    if (d->n_limbs <= 1 && d->scale <= CHUNK_DIGITS && (d->n_limbs == 0 || d->limb[0] <= UINT64_C(1) << 53)) {
        /* Both operands are exact up to 10^22, so the one division rounds correctly. */
        double value = (double)(d->n_limbs ? d->limb[0] : 0) / (double)pow10[d->scale];
        return d->negative ? -value : value;
    }
    char text[DECIMAL_TEXT];
    (void)decimal_print(d, text);
    return strtod(text, NULL);
}

int decimal_digits(const struct decimal *d)
{
    char digits[TEXT_DIGITS];
    return (int)digits_of(d, digits);
}

int decimal_cmp_text(struct str a, struct str b)
{
    struct decimal x, y;

    return decimal_parse(a, &x) && decimal_parse(b, &y) ? decimal_cmp(&x, &y) : str_cmp(a, b);
}
