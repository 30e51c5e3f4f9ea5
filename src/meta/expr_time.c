/* Dates and times of expressions: civil time without a zone, in microseconds, years 1 to 9999.
 *
 * Texts are read as leniently as MySQL does: any punctuation between the fields, one or two digits, two-digit years,
 * digits alone by their number, and what follows a complete time is ignored, except an offset (Z, +08:00), which is
 * honoured: the time is moved to the project's zone. Dates that do not exist, zero dates and dates with a zero month or
 * day are NULL. Calendar arithmetic: days from civil in the manner of Howard Hinnant's published algorithms (era of 400
 * years, March as first month). */
#include "meta/expr_impl.h"

#include <stdio.h>
#include <stdlib.h>

#define TIME_MAX_US ((838LL * 3600 + 59 * 60 + 59) * US_PER_S)

int64_t days_of_date(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void date_of_days(int64_t days, struct moment *ret)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    ret->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    ret->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    ret->year = (int)(yoe + era * 400 + (ret->month <= 2));
}

void moment_of_us(int64_t us, struct moment *ret)
{
    int64_t days = us / US_PER_DAY - (us % US_PER_DAY < 0), rest = us - days * US_PER_DAY;
    date_of_days(days, ret);
    ret->us = (int)(rest % US_PER_S);
    rest /= US_PER_S;
    ret->hour = (int)(rest / 3600);
    ret->minute = (int)(rest / 60 % 60);
    ret->second = (int)(rest % 60);
}

int64_t us_of_moment(const struct moment *m)
{
    int64_t s = days_of_date(m->year, m->month, m->day) * 86400 + m->hour * 3600LL + m->minute * 60LL + m->second;
    return s * US_PER_S + m->us;
}

int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool us_in_range(int64_t us)
{
    return us >= days_of_date(1, 1, 1) * US_PER_DAY && us < days_of_date(10000, 1, 1) * US_PER_DAY;
}

int64_t now_us(struct run *r)
{
    struct civil c;
    int64_t ms = r->env->sys->now_ms, s = ms / 1000 - (ms % 1000 < 0);
    civil_from_unix(r->env->sys->zone, s, &c);
    struct moment m = {c.year, c.month, c.day, c.hour, c.minute, c.second, (int)(ms - s * 1000) * 1000};
    return us_of_moment(&m);
}

struct val val_of_time(enum vtype t, int64_t us, uint8_t dec)
{
    struct val v = {.t = (uint8_t)t, .dec = t == V_DATE ? 0 : dec};
    int64_t unit = 1;
    for (int i = dec; i < 6; i++)
        unit *= 10;
    if (t == V_DATE)
        unit = US_PER_DAY;
    if (t == V_TIME)
        us = us > TIME_MAX_US ? TIME_MAX_US : us < -TIME_MAX_US ? -TIME_MAX_US : us;
    v.us = us - us % unit;
    if (us % unit < 0 && t != V_TIME)
        v.us -= unit;
    return v;
}

/* What a moment has beyond its midnight. */
static int64_t time_of_day(int64_t us)
{
    return us - (us / US_PER_DAY - (us % US_PER_DAY < 0)) * US_PER_DAY;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_punct(char c)
{
    return (unsigned char)c < 128 && c > ' ' && !is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != 127;
}

static struct str skip_blanks(struct str s)
{
    while (s.n && is_blank(s.p[0]))
        s = str_sub(s, 1, s.n);
    return s;
}

/* Up to `most` digits off the front; false when there is none. */
static bool take_number(struct str *s, size_t most, int *ret, size_t *ret_digits)
{
    size_t n = 0;
    int v = 0;
    for (; n < s->n && n < most && is_digit(s->p[n]); n++)
        v = v * 10 + (s->p[n] - '0');
    *s = str_sub(*s, n, s->n);
    *ret = v;
    *ret_digits = n;
    return n > 0;
}

/* ".123456…" off the front; digits beyond six are dropped. */
static void take_fraction(struct str *s, int *ret_us, uint8_t *ret_dec)
{
    *ret_us = 0;
    *ret_dec = 0;
    if (s->n < 2 || s->p[0] != '.' || !is_digit(s->p[1]))
        return;
    size_t n = 1;
    int unit = 100000;
    for (; n < s->n && is_digit(s->p[n]); n++, unit /= 10) {
        *ret_us += (s->p[n] - '0') * unit;
        *ret_dec = (uint8_t)(*ret_dec < 6 ? *ret_dec + 1 : 6);
    }
    *s = str_sub(*s, n, s->n);
}

static int full_year(int year, size_t digits)
{
    return digits > 2 ? year : year < 70 ? year + 2000 : year + 1900;
}

static bool valid(const struct moment *m)
{
    return m->year >= 1 && m->year <= 9999 && m->month >= 1 && m->month <= 12 && m->day >= 1 &&
           m->day <= days_in_month(m->year, m->month) && m->hour < 24 && m->minute < 60 && m->second < 60;
}

/* Z or ±hh:mm or ±hhmm behind a time; 0 when there is none. False: none. */
static bool take_offset(struct str s, int *ret_seconds)
{
    *ret_seconds = 0;
    if (s.n && (s.p[0] | 0x20) == 'z')
        return s.n == 1;
    if (s.n < 5 || (s.p[0] != '+' && s.p[0] != '-'))
        return false;
    bool minus = s.p[0] == '-';
    int h, m;
    size_t digits;
    s = str_sub(s, 1, s.n);
    if (!take_number(&s, 2, &h, &digits) || digits != 2)
        return false;
    if (s.n && s.p[0] == ':')
        s = str_sub(s, 1, s.n);
    if (!take_number(&s, 2, &m, &digits) || digits != 2 || s.n || h > 14 || m > 59)
        return false;
    *ret_seconds = (h * 3600 + m * 60) * (minus ? -1 : 1);
    return true;
}

static int64_t to_project_zone(struct run *r, int64_t us, int offset_s)
{
    struct civil c;
    int64_t s = us / US_PER_S - (us % US_PER_S < 0), fraction = us - s * US_PER_S;
    civil_from_unix(r->env->sys->zone, s - offset_s, &c);
    struct moment m = {c.year, c.month, c.day, c.hour, c.minute, c.second, (int)fraction};
    return us_of_moment(&m);
}

/* 20260301, 260301, 20260301083000, 260301083000, each with a fraction or a "T" before the time. */
static bool digits_moment(struct str s, size_t n_digits, struct moment *m, struct when *ret)
{
    size_t digits;
    bool long_year = n_digits == 4 || n_digits == 8 || n_digits >= 14;
    int *const fields[] = {&m->month, &m->day, &m->hour, &m->minute, &m->second};
    if (!take_number(&s, long_year ? 4 : 2, &m->year, &digits))
        return false;
    m->year = full_year(m->year, digits);
    for (size_t i = 0; i < 5; i++) {
        if (i == 2 && s.n > 1 && (s.p[0] | 0x20) == 't' && is_digit(s.p[1]))
            s = str_sub(s, 1, s.n);
        ret->has_time |= take_number(&s, 2, fields[i], &digits) && i >= 2;
    }
    if (ret->has_time)
        take_fraction(&s, &m->us, &ret->dec);
    return true;
}

static bool take_punct(struct str *s)
{
    size_t n = 0;
    while (n < s->n && is_punct(s->p[n]))
        n++;
    *s = str_sub(*s, n, s->n);
    return n > 0;
}

/* 2026-3-1 8:30:00.5 with any punctuation; gives what follows the last field. */
static bool fields_moment(struct str *s, struct moment *m, struct when *ret)
{
    size_t digits;
    if (!take_number(s, 4, &m->year, &digits) || !take_punct(s))
        return false;
    m->year = full_year(m->year, digits);
    if (!take_number(s, 2, &m->month, &digits) || !take_punct(s) || !take_number(s, 2, &m->day, &digits))
        return false;
    struct str rest = *s;
    if (rest.n > 1 && (rest.p[0] == 'T' || rest.p[0] == 't'))
        rest = str_sub(rest, 1, rest.n);
    else if (rest.n && (is_blank(rest.p[0]) || is_punct(rest.p[0])))
        while (rest.n && (is_blank(rest.p[0]) || is_punct(rest.p[0])))
            rest = str_sub(rest, 1, rest.n);
    else
        return true;
    if (!take_number(&rest, 2, &m->hour, &digits))
        return true;
    ret->has_time = true;
    *s = rest;
    if (rest.n > 1 && rest.p[0] == ':' && is_digit(rest.p[1])) {
        rest = str_sub(rest, 1, rest.n);
        take_number(&rest, 2, &m->minute, &digits);
        *s = rest;
        if (rest.n > 1 && rest.p[0] == ':' && is_digit(rest.p[1])) {
            rest = str_sub(rest, 1, rest.n);
            take_number(&rest, 2, &m->second, &digits);
            take_fraction(&rest, &m->us, &ret->dec);
            *s = rest;
        }
    }
    return true;
}

static bool text_when(struct run *r, struct str s, struct when *ret)
{
    struct moment m = {0};
    int offset = 0;
    size_t n_digits = 0;
    *ret = (struct when){0};
    s = skip_blanks(s);
    while (n_digits < s.n && is_digit(s.p[n_digits]))
        n_digits++;
    char next = n_digits < s.n ? s.p[n_digits] : '\0';
    bool packed = n_digits >= 5 && (n_digits == s.n || next == '.' || (next | 0x20) == 't' || !is_punct(next));
    if (n_digits == 0 || !(packed ? digits_moment(s, n_digits, &m, ret) : fields_moment(&s, &m, ret)) || !valid(&m))
        return false;
    ret->us = us_of_moment(&m);
    if (!packed && ret->has_time && take_offset(s, &offset))
        ret->us = to_project_zone(r, ret->us, offset);
    return us_in_range(ret->us);
}

/* 20260301, 260301, 20260301083000, 260301083000 as numbers. */
static bool number_when(int64_t n, struct when *ret)
{
    int64_t date = n, time = 0;
    if (n > 99991231) {
        date = n / 1000000;
        time = n % 1000000;
        ret->has_time = true;
    }
    if (date < 101 || date > 99991231)
        return false;
    if (date <= 691231)
        date += 20000000;
    else if (date >= 700101 && date <= 991231)
        date += 19000000;
    struct moment m = {(int)(date / 10000),
                       (int)(date / 100 % 100),
                       (int)(date % 100),
                       (int)(time / 10000),
                       (int)(time / 100 % 100),
                       (int)(time % 100),
                       0};
    if (m.year < 1000 || !valid(&m))
        return false;
    ret->us = us_of_moment(&m);
    return true;
}

/* The fraction of a number as microseconds. */
static bool split_number(const struct val *v, int64_t *ret_whole, int64_t *ret_us, uint8_t *ret_dec)
{
    struct decimal d, whole, fraction;
    struct val n = val_number(v);
    *ret_us = 0;
    *ret_dec = 0;
    if (!val_dec(&n, &d) || !decimal_trunc(&d, 0, &whole) || !decimal_to_i64(&whole, ret_whole))
        return false;
    if (n.t == V_INT || !decimal_sub(&d, &whole, &fraction))
        return true;
    struct decimal million;
    decimal_from_i64(US_PER_S, &million);
    if (!decimal_mul(&fraction, &million, &fraction) || !decimal_trunc(&fraction, 0, &fraction))
        return true;
    *ret_dec = n.dec > 6 ? 6 : n.dec;
    return decimal_to_i64(&fraction, ret_us);
}

bool val_when(struct run *r, const struct val *v, struct when *ret)
{
    int64_t whole, us;
    *ret = (struct when){0};
    switch (v->t) {
    case V_NULL:
        return false;
    case V_DATE:
    case V_DATETIME:
        *ret = (struct when){v->us, v->t == V_DATETIME, v->dec};
        return true;
    case V_TIME: {
        int64_t now = now_us(r);
        *ret = (struct when){now - time_of_day(now) + v->us, true, v->dec};
        return us_in_range(ret->us);
    }
    case V_TEXT:
        return text_when(r, v->s, ret);
    default:
        break;
    }
    uint8_t dec;
    if (!split_number(v, &whole, &us, &dec) || !number_when(whole, ret))
        return false;
    ret->us += us;
    ret->dec = ret->has_time ? dec : 0;
    return true;
}

/* Hours may be many; minutes and seconds may not. */
static bool clock_us(const struct moment *m, bool negative, struct when *ret)
{
    if (m->minute > 59 || m->second > 59)
        return false;
    int64_t all = (m->hour * 3600LL + m->minute * 60LL + m->second) * US_PER_S + m->us;
    all = all > TIME_MAX_US ? TIME_MAX_US : all;
    ret->us = negative ? -all : all;
    ret->has_time = true;
    return true;
}

static bool number_time(int64_t n, int us, struct when *ret)
{
    bool negative = n < 0;
    n = negative ? -n : n;
    struct moment m = {
        .hour = (int)(n / 10000 % 10000), .minute = (int)(n / 100 % 100), .second = (int)(n % 100), .us = us};
    return n <= 99999999 && clock_us(&m, negative, ret);
}

/* ":12" off the front. */
static bool take_colon_number(struct str *s, int *ret)
{
    size_t digits;
    if (s->n < 2 || s->p[0] != ':' || !is_digit(s->p[1]))
        return false;
    *s = str_sub(*s, 1, s->n);
    return take_number(s, 8, ret, &digits);
}

/* [-][days ]hh:mm[:ss[.fraction]], or digits as hhmmss. */
static bool clock_text(struct str s, struct when *ret)
{
    struct moment m = {0};
    size_t digits;
    int days = 0;
    bool negative = s.n && s.p[0] == '-';
    if (negative)
        s = str_sub(s, 1, s.n);
    if (!take_number(&s, 8, &m.hour, &digits))
        return false;
    if (s.n > 1 && s.p[0] == ' ' && is_digit(s.p[1])) {
        days = m.hour > 35 ? 35 : m.hour;
        s = str_sub(s, 1, s.n);
        take_number(&s, 8, &m.hour, &digits);
    } else if (!(s.n > 1 && s.p[0] == ':' && is_digit(s.p[1]))) {
        take_fraction(&s, &m.us, &ret->dec);
        return number_time(negative ? -m.hour : m.hour, m.us, ret);
    }
    if (take_colon_number(&s, &m.minute) && take_colon_number(&s, &m.second))
        take_fraction(&s, &m.us, &ret->dec);
    m.hour += days * 24;
    return clock_us(&m, negative, ret);
}

static bool text_time(struct run *r, struct str s, struct when *ret)
{
    s = skip_blanks(s);
    size_t n_digits = 0;
    while (n_digits < s.n && is_digit(s.p[n_digits]))
        n_digits++;
    bool dated = n_digits >= 12 || (n_digits && n_digits < s.n && is_punct(s.p[n_digits]) && s.p[n_digits] != ':' &&
                                    s.p[n_digits] != '.');
    if (dated && text_when(r, s, ret)) {
        ret->us = time_of_day(ret->us);
        return true;
    }
    *ret = (struct when){0};
    return clock_text(s, ret);
}

bool val_time(struct run *r, const struct val *v, struct when *ret)
{
    int64_t whole, us;
    *ret = (struct when){0};
    switch (v->t) {
    case V_NULL:
        return false;
    case V_TIME:
        *ret = (struct when){v->us, true, v->dec};
        return true;
    case V_DATE:
    case V_DATETIME:
        ret->us = time_of_day(v->us);
        ret->has_time = true;
        ret->dec = v->dec;
        return true;
    case V_TEXT:
        return text_time(r, v->s, ret);
    default:
        break;
    }
    uint8_t dec;
    if (!split_number(v, &whole, &us, &dec))
        return false;
    if (whole > 99999999 && val_when(r, v, ret)) {
        ret->us = time_of_day(ret->us);
        return true;
    }
    ret->dec = dec;
    return number_time(whole, (int)(us < 0 ? -us : us), ret);
}

static size_t put_fraction(char *out, size_t n, int us, uint8_t dec)
{
    char digits[8];
    if (dec == 0)
        return n;
    snprintf(digits, sizeof digits, "%06d", us);
    out[n++] = '.';
    memcpy(out + n, digits, dec);
    return n + dec;
}

struct str time_text_of(struct run *r, const struct val *v)
{
    char out[80];
    struct moment m;
    size_t n;
    if (v->t == V_TIME) {
        int64_t us = v->us < 0 ? -v->us : v->us, s = us / US_PER_S;
        n = (size_t)snprintf(out, 40, "%s%02lld:%02d:%02d", v->us < 0 ? "-" : "", (long long)(s / 3600),
                             (int)(s / 60 % 60), (int)(s % 60));
        n = put_fraction(out, n, (int)(us % US_PER_S), v->dec);
    } else {
        moment_of_us(v->us, &m);
        n = (size_t)snprintf(out, 40, "%04d-%02d-%02d", m.year, m.month, m.day);
        if (v->t == V_DATETIME) {
            n += (size_t)snprintf(out + n, 40, " %02d:%02d:%02d", m.hour, m.minute, m.second);
            n = put_fraction(out, n, m.us, v->dec);
        }
    }
    return arena_str(r->env->arena, str_mk(out, n));
}

struct val time_number(const struct val *v)
{
    struct moment m;
    int64_t whole, us = v->us;
    if (v->t == V_TIME) {
        us = us < 0 ? -us : us;
        int64_t s = us / US_PER_S;
        whole = s / 3600 * 10000 + s / 60 % 60 * 100 + s % 60;
        m.us = (int)(us % US_PER_S);
    } else {
        moment_of_us(us, &m);
        whole = m.year * 10000LL + m.month * 100LL + m.day;
        if (v->t == V_DATETIME)
            whole = whole * 1000000 + m.hour * 10000LL + m.minute * 100LL + m.second;
    }
    bool negative = v->t == V_TIME && v->us < 0;
    if (v->dec == 0)
        return val_int(negative ? -whole : whole);
    struct decimal d;
    char text[48];
    size_t n = (size_t)snprintf(text, 32, "%s%lld", negative ? "-" : "", (long long)whole);
    n = put_fraction(text, n, m.us, v->dec);
    return decimal_parse(str_mk(text, n), &d) ? val_decimal(&d, v->dec) : val_int(whole);
}
