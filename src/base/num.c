/* Numbers that come from outside as text, strictly.
 *
 * The whole text must be the number. Whole numbers may have leading zeros; a double follows JSON's grammar
 * (RFC 8259, section 6), which is checked here before the C library converts it, so that nothing else
 * that strtod accepts gets through. The process must stay in the C locale. Money does not pass here: see decimal.h. */
#include "base/num.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"

#define MS_PER_DAY      INT64_C(86400000)
#define MAX_DURATION_MS (3650 * MS_PER_DAY)

struct unit {
    struct str suffix;
    uint64_t factor;
};

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

bool num_u64(struct str s, uint64_t *ret)
{
    uint64_t value = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!digit(s.p[i]) || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
            return false;
    }
    *ret = value;
    return true;
}

bool num_i64(struct str s, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t value;
    if (!num_u64(negative ? str_sub(s, 1, SIZE_MAX) : s, &value))
        return false;
    if (value > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool num_size(struct str s, size_t *ret)
{
    uint64_t value;
    if (!num_u64(s, &value) || value > SIZE_MAX)
        return false;
    *ret = (size_t)value;
    return true;
}

static size_t skip_digits(struct str s, size_t i)
{
    while (i < s.n && digit(s.p[i]))
        i++;
    return i;
}

static bool json_number(struct str s)
{
    size_t i = s.n > 0 && s.p[0] == '-';
    size_t from = i;
    i = skip_digits(s, i);
    if (i == from || (s.p[from] == '0' && i - from > 1))
        return false;
    if (i < s.n && s.p[i] == '.') {
        from = ++i;
        i = skip_digits(s, i);
        if (i == from)
            return false;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
            i++;
        from = i;
        i = skip_digits(s, i);
        if (i == from)
            return false;
    }
    return i == s.n;
}

bool num_double(struct str s, double *ret)
{
    if (!json_number(s))
        return false;
    char small[128];
    char *text = s.n < sizeof(small) ? small : mem_alloc(s.n + 1);
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    double value = strtod(text, NULL);
    if (text != small)
        free(text);
    if (!isfinite(value))
        return false;
    *ret = value;
    return true;
}

/* A whole number followed by one of the units (the first whose suffix is there, so longer ones first). */
static bool with_unit(struct str s, const struct unit *units, size_t n_units, uint64_t *ret)
{
    for (size_t i = 0; i < n_units; i++) {
        if (!str_ends(s, units[i].suffix))
            continue;
        uint64_t value;
        if (!num_u64(str_sub(s, 0, s.n - units[i].suffix.n), &value))
            return false;
        return !__builtin_mul_overflow(value, units[i].factor, ret);
    }
    return false;
}

bool num_duration_ms(struct str s, int64_t *ret_ms)
{
    static const struct unit units[] = {
        {{"ms", 2}, 1},          {{"s", 1}, 1000},       {{"m", 1}, 60 * 1000},
        {{"h", 1}, 3600 * 1000}, {{"d", 1}, MS_PER_DAY}, {{"", 0}, 1000},
    };
    uint64_t ms;
    if (!with_unit(s, units, sizeof(units) / sizeof(units[0]), &ms) || ms > (uint64_t)MAX_DURATION_MS)
        return false;
    *ret_ms = (int64_t)ms;
    return true;
}

bool num_bytes(struct str s, uint64_t *ret)
{
    static const struct unit units[] = {
        {{"KiB", 3}, UINT64_C(1) << 10},
        {{"MiB", 3}, UINT64_C(1) << 20},
        {{"GiB", 3}, UINT64_C(1) << 30},
        {{"KB", 2}, UINT64_C(1000)},
        {{"MB", 2}, UINT64_C(1000000)},
        {{"GB", 2}, UINT64_C(1000000000)},
        {{"", 0}, 1},
    };
    uint64_t bytes;
    if (!with_unit(s, units, sizeof(units) / sizeof(units[0]), &bytes))
        return false;
    *ret = bytes;
    return true;
}

size_t num_print_i64(int64_t v, char out[21])
{
    char digits[20];
    size_t n = 0, len = 0;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        out[len++] = '-';
    while (n > 0)
        out[len++] = digits[--n];
    return len;
}
