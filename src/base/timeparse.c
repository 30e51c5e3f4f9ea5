/* Reading times: the forms that APIs and people write, and the dates of HTTP.
 *
 * Each form is read strictly, from the front, by functions that eat what they know; what is left over makes
 * it no time. Ranges are checked against the calendar. A time that names no offset is the zone's, with
 * civil_to_unix's rule for the hours that daylight saving skips or repeats. */
#include "base/civil.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

static bool eat(struct str *s, char c)
{
    if (s->n == 0 || *s->p != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

/* Exactly n digits. */
static bool eat_digits(struct str *s, size_t n, int *ret)
{
    if (s->n < n)
        return false;
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        value = value * 10 + (s->p[i] - '0');
    }
    s->p += n;
    s->n -= n;
    *ret = value;
    return true;
}

static bool date_exists(const struct civil *c)
{
    return c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= civil_month_days(c->year, c->month);
}

static bool eat_date(struct str *s, struct civil *c)
{
    if (!eat_digits(s, 4, &c->year) || s->n == 0)
        return false;
    char sep = *s->p;
    return (sep == '-' || sep == '/') && eat(s, sep) && eat_digits(s, 2, &c->month) && eat(s, sep) &&
           eat_digits(s, 2, &c->day) && date_exists(c);
}

/* A dot and one to nine digits, of which three count. */
static bool eat_fraction(struct str *s, int *ret_ms)
{
    int value = 0;
    size_t n = 0;
    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++)
        if (n < 3)
            value = value * 10 + (s->p[n] - '0');
    if (n == 0 || n > 9)
        return false;
    for (size_t i = n; i < 3; i++)
        value *= 10;
    s->p += n;
    s->n -= n;
    *ret_ms = value;
    return true;
}

/* hh:mm, and :ss with its fraction if they are there. */
static bool eat_clock(struct str *s, struct civil *c, int *ret_ms)
{
    if (!eat_digits(s, 2, &c->hour) || !eat(s, ':') || !eat_digits(s, 2, &c->minute))
        return false;
    if (eat(s, ':')) {
        if (!eat_digits(s, 2, &c->second))
            return false;
        if (eat(s, '.') && !eat_fraction(s, ret_ms))
            return false;
    }
    return c->hour <= 23 && c->minute <= 59 && c->second <= 59;
}

bool time_parse(struct str s, const struct zone *z, int64_t *ret_unix_ms)
{
    struct civil c = {0};
    int ms = 0, offset_s = 0;
    bool has_offset = false;
    if (!eat_date(&s, &c))
        return false;
    if (s.n > 0) {
        if ((!eat(&s, ' ') && !eat(&s, 'T')) || !eat_clock(&s, &c, &ms))
            return false;
        if (s.n > 0) {
            has_offset = true;
            if (!str_eq(s, S("Z")) && !zone_parse_offset(s, &offset_s))
                return false;
        }
    }
    int64_t unix_s = has_offset ? civil_to_unix(NULL, &c) - offset_s : civil_to_unix(z, &c);
    *ret_unix_ms = unix_s * 1000 + ms;
    return true;
}

static bool eat_month(struct str *s, int *ret)
{
    for (int i = 0; i < 12; i++) {
        struct str name = str_mk(months + (size_t)i * 3, 3);
        if (str_starts(*s, name)) {
            *s = str_sub(*s, 3, SIZE_MAX);
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool eat_weekday(struct str *s, bool whole)
{
    for (size_t i = 0; i < 7; i++) {
        struct str name = str_of(weekdays[i]);
        if (!whole)
            name.n = 3;
        if (str_starts(*s, name)) {
            *s = str_sub(*s, name.n, SIZE_MAX);
            return true;
        }
    }
    return false;
}

static bool eat_text(struct str *s, struct str text)
{
    if (!str_starts(*s, text))
        return false;
    *s = str_sub(*s, text.n, SIZE_MAX);
    return true;
}

static bool eat_http_clock(struct str *s, struct civil *c)
{
    return eat_digits(s, 2, &c->hour) && eat(s, ':') && eat_digits(s, 2, &c->minute) && eat(s, ':') &&
           eat_digits(s, 2, &c->second) && c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool imf_date(struct str s, struct civil *c)
{
    return eat_weekday(&s, false) && eat_text(&s, S(", ")) && eat_digits(&s, 2, &c->day) && eat(&s, ' ') &&
           eat_month(&s, &c->month) && eat(&s, ' ') && eat_digits(&s, 4, &c->year) && eat(&s, ' ') &&
           eat_http_clock(&s, c) && str_eq(s, S(" GMT"));
}

/* Sunday, 06-Nov-94 08:49:37 GMT; years below 70 are of this century. */
static bool rfc850_date(struct str s, struct civil *c)
{
    if (!eat_weekday(&s, true) || !eat_text(&s, S(", ")) || !eat_digits(&s, 2, &c->day) || !eat(&s, '-') ||
        !eat_month(&s, &c->month) || !eat(&s, '-') || !eat_digits(&s, 2, &c->year) || !eat(&s, ' ') ||
        !eat_http_clock(&s, c) || !str_eq(s, S(" GMT")))
        return false;
    c->year += c->year < 70 ? 2000 : 1900;
    return true;
}

/* Sun Nov  6 08:49:37 1994 */
static bool asctime_date(struct str s, struct civil *c)
{
    if (!eat_weekday(&s, false) || !eat(&s, ' ') || !eat_month(&s, &c->month) || !eat(&s, ' '))
        return false;
    if (!(eat(&s, ' ') ? eat_digits(&s, 1, &c->day) : eat_digits(&s, 2, &c->day)))
        return false;
    return eat(&s, ' ') && eat_http_clock(&s, c) && eat(&s, ' ') && eat_digits(&s, 4, &c->year) && s.n == 0;
}

bool time_parse_http(struct str s, int64_t *ret_unix_s)
{
    static bool (*const forms[])(struct str, struct civil *) = {imf_date, rfc850_date, asctime_date};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct civil c = {0};
        if (forms[i](s, &c)) {
            if (!date_exists(&c))
                return false;
            *ret_unix_s = civil_to_unix(NULL, &c);
            return true;
        }
    }
    return false;
}
