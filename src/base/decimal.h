/* Exact decimals with MySQL's limits: at most 65 significant digits, at most 30 (input: 38) after the point.
 * A value on the stack, no allocation; magnitude arithmetic by GMP's mpn layer. Rounding is half away from
 * zero, as MySQL rounds DECIMAL. Source for precision and scale of results: MySQL reference manual,
 * "Precision Math". */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/err.h"
#include "base/str.h"

#define DECIMAL_MAX_DIGITS 65
#define DECIMAL_MAX_SCALE  38
#define DECIMAL_LIMBS      5

struct decimal {
    uint64_t limb[DECIMAL_LIMBS]; /* magnitude × 10^scale, least limb first */
    uint8_t n_limbs;              /* limbs in use; 0 is zero */
    uint8_t scale;                /* digits after the point */
    bool negative;                /* never set for zero */
};

/* Longest text of a decimal, with sign, point and NUL. */
#define DECIMAL_TEXT 80

/* Plain decimal literal or JSON number, exponent allowed ("1E+2" is 100, "1.50" keeps scale 2, a leading "+" and
 * ".5" are accepted). False on anything else or when it needs more than 65 digits or 38 places. */
bool decimal_parse(struct str s, struct decimal *ret);
/* gives the length; NUL-terminated; plain notation */
size_t decimal_print(const struct decimal *d, char out[DECIMAL_TEXT]);
void decimal_from_i64(int64_t v, struct decimal *ret);
/* false when it has a fraction other than 0 or does not fit */
bool decimal_to_i64(const struct decimal *d, int64_t *ret);
bool decimal_is_zero(const struct decimal *d);
int decimal_cmp(const struct decimal *a, const struct decimal *b); /* by value: 1.0 equals 1 */
/* False when the result needs more than 65 digits. `ret` may be one of the operands. The scale of a sum is the larger
 * of the two, of a product their sum: zeros at the end of the fraction are dropped where a result would be too long
 * with them, and a product of more than 38 places is rounded to 38, half away from zero. */
bool decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *ret) MUST_USE;
bool decimal_sub(const struct decimal *a, const struct decimal *b, struct decimal *ret) MUST_USE;
bool decimal_mul(const struct decimal *a, const struct decimal *b, struct decimal *ret) MUST_USE;
/* Quotient to `scale` places, truncated toward zero (round yourself), b ≠ 0. */
bool decimal_div(const struct decimal *a, const struct decimal *b, int scale, struct decimal *ret) MUST_USE;
/* Remainder with the sign of `a` and scale max(a, b), b ≠ 0. */
bool decimal_mod(const struct decimal *a, const struct decimal *b, struct decimal *ret) MUST_USE;
/* To `scale` places (may be negative: tens, hundreds), half away from zero / toward zero / down / up. Fewer places than
 * `scale` are filled up with zeros, as far as 38 places and 65 digits allow. */
bool decimal_round(const struct decimal *a, int scale, struct decimal *ret) MUST_USE;
bool decimal_trunc(const struct decimal *a, int scale, struct decimal *ret) MUST_USE;
bool decimal_floor(const struct decimal *a, struct decimal *ret) MUST_USE;
bool decimal_ceil(const struct decimal *a, struct decimal *ret) MUST_USE;
void decimal_neg(struct decimal *d);
double decimal_to_double(const struct decimal *d);
int decimal_digits(const struct decimal *d); /* significant digits of the magnitude, at least 1 */
/* Orders two texts by their value when both are numbers (rowversions, ids), else as texts (times): <0, 0, >0. */
int decimal_cmp_text(struct str a, struct str b);

#endif
