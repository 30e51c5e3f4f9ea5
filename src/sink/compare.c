/* Is what a table holds what was sent? Values are decoded by the column's type and compared exactly: 25.8 is 25.80 in a
 * DECIMAL, and 9007199254740993 is never 9007199254740992. A database that rounds, pads or writes a value in its own
 * way is not a difference, as long as it is the same value. */
#include "base/decimal.h"
#include "sink/rows.h"

#include <stdlib.h>

bool same_number(struct str ours, struct str theirs)
{
    struct decimal a, b;

    if (decimal_parse(ours, &a) && decimal_parse(theirs, &b))
        return decimal_cmp(&a, &b) == 0;
    return str_eq(ours, theirs);
}

static bool to_double(struct str s, double *ret)
{
    char text[DECIMAL_TEXT * 5];
    char *end;

    if (!s.n || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    *ret = strtod(text, &end);
    return end == text + s.n;
}

bool same_double(struct str ours, struct str theirs)
{
    double a, b;

    if (to_double(ours, &a) && to_double(theirs, &b))
        return !(a < b) && !(a > b);
    return str_eq(ours, theirs);
}

static struct str without_blanks(struct str s)
{
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    return s;
}

bool same_text(struct str ours, struct str theirs, bool blanks_count)
{
    return blanks_count ? str_eq(ours, theirs) : str_eq(without_blanks(ours), without_blanks(theirs));
}

/* Digits of the fraction of a second that a text shows. */
static int fraction_digits(struct str s)
{
    const char *point = s.n ? memchr(s.p, '.', s.n) : NULL;
    int n = 0;

    for (const char *p = point ? point + 1 : s.p + s.n; p < s.p + s.n && *p >= '0' && *p <= '9'; p++)
        n++;
    return n;
}

static int64_t floor_to(int64_t ms, int64_t unit)
{
    return ms - ((ms % unit) + unit) % unit;
}

/* A column keeps so many digits of the second as it shows, rounded half up. To the millisecond. */
bool same_time(struct str ours, struct str theirs, bool day_only)
{
    int64_t a, b, unit = 1;

    if (!time_parse(ours, NULL, &a) || !time_parse(theirs, NULL, &b))
        return str_eq(ours, theirs);
    if (day_only)
        return floor_to(a, 86400000) == floor_to(b, 86400000);
    for (int digits = fraction_digits(theirs); digits < 3; digits++)
        unit *= 10;
    return floor_to(a + unit / 2, unit) == b;
}

/* Depth is the parser's: at most 64. */
static bool same_value(const struct json *a, const struct json *b)
{
    struct json_iter x = json_iter(a), y = json_iter(b);
    const struct json *one;
    struct str key;

    if (json_type(a) != json_type(b) || json_count(a) != json_count(b))
        return false;
    switch (json_type(a)) {
    case JSON_NUMBER:
        return same_number(json_text(a), json_text(b));
    case JSON_STRING:
        return str_eq(json_text(a), json_text(b));
    case JSON_BOOL:
        return json_true(a) == json_true(b);
    case JSON_ARRAY:
        while ((one = json_next(&x, NULL)))
            if (!same_value(one, json_next(&y, NULL)))
                return false;
        return true;
    case JSON_OBJECT:
        while ((one = json_next(&x, &key)))
            if (!json_get(b, key) || !same_value(one, json_get(b, key)))
                return false;
        return true;
    case JSON_NONE:
    case JSON_NULL:
        break;
    }
    return true;
}

bool same_json(struct str ours, struct str theirs)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *a, *b = NULL;
    bool same = str_eq(ours, theirs);

    if (same || json_parse(ours, &limits, &a, NULL, NULL))
        return same;
    same = json_parse(theirs, &limits, &b, NULL, NULL) == OK && same_value(json_root(a), json_root(b));
    json_free(a);
    json_free(b);
    return same;
}
