/* Texts of numbers and bytes: FORMAT, HEX, digests, base64. */
#include "meta/expr_text.h"

#include "base/digest.h"

#include <math.h>

/* "-1234567.891" → "-1,234,567.891" */
static struct str with_commas(struct arena *a, struct str s)
{
    size_t sign = s.n && s.p[0] == '-', whole = sign, n = 0;
    while (whole < s.n && s.p[whole] != '.')
        whole++;
    char *out = arena_alloc(a, 2 * s.n + 1);
    for (size_t i = 0; i < s.n; i++) {
        if (i > sign && i < whole && (whole - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = s.p[i];
    }
    return str_mk(out, n);
}

enum err fn_format(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    int64_t places = val_integer(&a[1]);
    uint8_t dec = (uint8_t)(places < 0 ? 0 : places > EXPR_MAX_SCALE ? EXPR_MAX_SCALE : places);
    struct val v = val_number(&a[0]);
    if (v.t == V_REAL) {
        double power = pow(10, dec), scaled = v.f * power;
        if (isfinite(scaled))
            v.f = rint(scaled) / power;
        v.dec = dec;
    } else {
        struct decimal d, rounded;
        if (!val_dec(&v, &d) || !decimal_round(&d, dec < d.scale ? dec : d.scale, &rounded))
            return bad_data(r, "a DECIMAL value is out of range");
        v = val_decimal(&rounded, dec);
    }
    *ret = val_text(with_commas(r->env->arena, val_str(r, &v)));
    return OK;
}

static uint64_t hex_integer(const struct val *v)
{
    struct decimal d;
    if (v->t == V_REAL)
        return v->f >= 18446744073709551616.0 || v->f <= -9223372036854775808.0 ? UINT64_MAX
               : v->f < 0                                                       ? (uint64_t)(int64_t)round(v->f)
                                                                                : (uint64_t)round(v->f);
    if (v->t == V_INT)
        return (uint64_t)v->i;
    struct decimal two64 = {.n_limbs = 2, .limb = {0, 1}};
    if (!decimal_round(&v->d, 0, &d) || decimal_cmp(&d, &two64) >= 0)
        return UINT64_MAX;
    return d.n_limbs == 0 ? 0 : d.negative ? 0 - d.limb[0] : d.limb[0];
}

enum err fn_hex(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    static const char digits[] = "0123456789ABCDEF";
    if (a[0].t == V_INT || a[0].t == V_DEC || a[0].t == V_REAL) {
        *ret = val_text(arena_printf(r->env->arena, "%llX", (unsigned long long)hex_integer(&a[0])));
        return OK;
    }
    struct str s = val_str(r, &a[0]);
    char *out;
    enum err err = result_room(r, 2 * s.n, &out);
    *ret = val_null();
    if (err || !out)
        return err;
    for (size_t i = 0; i < s.n; i++) {
        out[2 * i] = digits[(unsigned char)s.p[i] >> 4];
        out[2 * i + 1] = digits[(unsigned char)s.p[i] & 15];
    }
    *ret = val_text(str_mk(out, 2 * s.n));
    return OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

enum err fn_unhex(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str s = val_str(r, &a[0]);
    size_t odd = s.n % 2, bytes = s.n / 2 + odd;
    char *out;
    enum err err = result_room(r, bytes, &out);
    *ret = val_null();
    if (err || !out)
        return err;
    for (size_t i = 0; i < bytes; i++) {
        int high = odd && i == 0 ? 0 : hex_digit(s.p[2 * i - odd]), low = hex_digit(s.p[2 * i + 1 - odd]);
        if (high < 0 || low < 0)
            return OK;
        out[i] = (char)(high << 4 | low);
    }
    *ret = val_text(str_mk(out, bytes));
    ret->flags = VAL_BINARY;
    return OK;
}

static enum err digest_text(struct run *r, enum digest_kind kind, const struct val *v, struct val *ret)
{
    uint8_t raw[DIGEST_MAX];
    struct str s = val_str(r, v);
    size_t n = digest(kind, &s, 1, raw);
    char *out = arena_alloc(r->env->arena, 2 * DIGEST_MAX + 1);
    hex_lower(raw, n, out);
    *ret = val_text(str_mk(out, 2 * n));
    return OK;
}

enum err fn_md5(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return digest_text(r, DIGEST_MD5, &a[0], ret);
}

enum err fn_sha1(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return digest_text(r, DIGEST_SHA1, &a[0], ret);
}

enum err fn_sha2(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    static const struct {
        int64_t bits;
        enum digest_kind kind;
    } kinds[] = {
        {0, DIGEST_SHA256}, {224, DIGEST_SHA224}, {256, DIGEST_SHA256}, {384, DIGEST_SHA384}, {512, DIGEST_SHA512}};
    int64_t bits = val_integer(&a[1]);
    *ret = val_null();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].bits == bits)
            return digest_text(r, kinds[i].kind, &a[0], ret);
    return OK;
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Lines of 76 characters, as MySQL writes them. */
enum err fn_to_base64(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str s = val_str(r, &a[0]);
    size_t chars = (s.n + 2) / 3 * 4, bytes = chars + (chars ? (chars - 1) / 76 : 0), at = 0;
    char *out;
    enum err err = result_room(r, bytes, &out);
    *ret = val_null();
    if (err || !out)
        return err;
    for (size_t i = 0; i < s.n; i += 3) {
        unsigned v = (unsigned)(unsigned char)s.p[i] << 16;
        v |= i + 1 < s.n ? (unsigned)(unsigned char)s.p[i + 1] << 8 : 0;
        v |= i + 2 < s.n ? (unsigned)(unsigned char)s.p[i + 2] : 0;
        if (i && i % 57 == 0)
            out[at++] = '\n';
        out[at++] = base64[v >> 18];
        out[at++] = base64[v >> 12 & 63];
        out[at++] = i + 1 < s.n ? base64[v >> 6 & 63] : '=';
        out[at++] = i + 2 < s.n ? base64[v & 63] : '=';
    }
    *ret = val_text(str_mk(out, bytes));
    return OK;
}

/* Blanks are skipped anywhere; anything else that is not base64, or not a multiple of four characters, gives NULL. */
enum err fn_from_base64(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str s = val_str(r, &a[0]);
    char *out;
    enum err err = result_room(r, s.n / 4 * 3 + 3, &out);
    size_t at = 0, chars = 0, pads = 0;
    unsigned v = 0;
    *ret = val_null();
    if (err || !out)
        return err;
    for (size_t i = 0; i < s.n; i++) {
        if (strchr(" \t\r\n\v\f", s.p[i]) && s.p[i])
            continue;
        const char *digit = s.p[i] ? strchr(base64, s.p[i]) : NULL;
        if (s.p[i] == '=' ? chars % 4 < 2 || ++pads > 2 : !digit || pads)
            return OK;
        v = v << 6 | (digit ? (unsigned)(digit - base64) : 0);
        if (++chars % 4)
            continue;
        for (unsigned k = 0; k < 3 - pads; k++)
            out[at++] = (char)(v >> (16 - 8 * k));
        v = 0;
    }
    if (chars % 4 == 0)
        *ret = val_text(str_mk(out, at));
    return OK;
}
