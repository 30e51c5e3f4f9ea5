/* DATE_FORMAT and STR_TO_DATE: MySQL's letters behind "%". Names of months and days are English. STR_TO_DATE gives a
 * DATE, a TIME or a DATETIME by what its format holds; a date that is not complete or does not exist is NULL. Week
 * numbers (%U %u %V %v %X %x) are written, not read. */
#include "meta/expr_date.h"

#include <stdio.h>

const char *const month_names[12] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
const char *const day_names[7] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

#define PIECE_BYTES 24 /* the longest thing that one letter writes */

struct calendar {
    struct moment m;
    int yday, wday;
}; /* from 0; 0 = Sunday */

static int year_days(int year)
{
    return days_in_month(year, 2) == 29 ? 366 : 365;
}

/* Weeks that begin on Sunday, counted from the first Sunday; 0: before it, unless `carry` gives it to the year before.
 */
static int sunday_week(const struct calendar *c, bool carry, int *ret_year)
{
    int week = (c->yday + 7 - c->wday) / 7;
    *ret_year = c->m.year;
    if (week || !carry)
        return week;
    *ret_year = c->m.year - 1;
    return (c->yday + year_days(c->m.year - 1) + 7 - c->wday) / 7;
}

/* Weeks that begin on Monday, the first with four days in the year; with `carry` as in ISO 8601. */
static int monday_week(const struct calendar *c, bool carry, int *ret_year)
{
    int monday = c->yday - (c->wday + 6) % 7;
    int week = (monday + 10) / 7;
    *ret_year = c->m.year;
    if (!carry)
        return week;
    if (week == 0) {
        *ret_year = c->m.year - 1;
        return (monday + year_days(c->m.year - 1) + 10) / 7;
    }
    if (monday + 3 >= year_days(c->m.year)) {
        *ret_year = c->m.year + 1;
        return 1;
    }
    return week;
}

static const char *suffix(int day)
{
    if (day >= 11 && day <= 13)
        return "th";
    return day % 10 == 1 ? "st" : day % 10 == 2 ? "nd" : day % 10 == 3 ? "rd" : "th";
}

static size_t write_week(const struct calendar *c, char letter, char *out)
{
    int year;
    int week = letter == 'U'                    ? sunday_week(c, false, &year)
               : letter == 'u'                  ? monday_week(c, false, &year)
               : letter == 'V' || letter == 'X' ? sunday_week(c, true, &year)
                                                : monday_week(c, true, &year);
    if (letter == 'X' || letter == 'x')
        return (size_t)snprintf(out, PIECE_BYTES, "%04d", year);
    return (size_t)snprintf(out, PIECE_BYTES, "%02d", week);
}

static size_t write_time(const struct moment *m, char letter, char *out)
{
    int hour12 = (m->hour + 11) % 12 + 1;
    const char *half = m->hour < 12 ? "AM" : "PM";
    switch (letter) {
    case 'H':
        return (size_t)snprintf(out, PIECE_BYTES, "%02d", m->hour);
    case 'k':
        return (size_t)snprintf(out, PIECE_BYTES, "%d", m->hour);
    case 'h':
    case 'I':
        return (size_t)snprintf(out, PIECE_BYTES, "%02d", hour12);
    case 'l':
        return (size_t)snprintf(out, PIECE_BYTES, "%d", hour12);
    case 'i':
        return (size_t)snprintf(out, PIECE_BYTES, "%02d", m->minute);
    case 'S':
    case 's':
        return (size_t)snprintf(out, PIECE_BYTES, "%02d", m->second);
    case 'f':
        return (size_t)snprintf(out, PIECE_BYTES, "%06d", m->us);
    case 'p':
        return (size_t)snprintf(out, PIECE_BYTES, "%s", half);
    case 'r':
        return (size_t)snprintf(out, PIECE_BYTES, "%02d:%02d:%02d %s", hour12, m->minute, m->second, half);
    default: /* T */
        return (size_t)snprintf(out, PIECE_BYTES, "%02d:%02d:%02d", m->hour, m->minute, m->second);
    }
}

static size_t write_letter(const struct calendar *c, char letter, char *out)
{
    const struct moment *m = &c->m;
    switch (letter) {
    case 'Y':
        return (size_t)snprintf(out, PIECE_BYTES, "%04d", m->year);
    case 'y':
        return (size_t)snprintf(out, PIECE_BYTES, "%02d", m->year % 100);
    case 'm':
        return (size_t)snprintf(out, PIECE_BYTES, "%02d", m->month);
    case 'c':
        return (size_t)snprintf(out, PIECE_BYTES, "%d", m->month);
    case 'd':
        return (size_t)snprintf(out, PIECE_BYTES, "%02d", m->day);
    case 'e':
        return (size_t)snprintf(out, PIECE_BYTES, "%d", m->day);
    case 'D':
        return (size_t)snprintf(out, PIECE_BYTES, "%d%s", m->day, suffix(m->day));
    case 'j':
        return (size_t)snprintf(out, PIECE_BYTES, "%03d", c->yday + 1);
    case 'M':
        return (size_t)snprintf(out, PIECE_BYTES, "%s", month_names[m->month - 1]);
    case 'b':
        return (size_t)snprintf(out, PIECE_BYTES, "%.3s", month_names[m->month - 1]);
    case 'W':
        return (size_t)snprintf(out, PIECE_BYTES, "%s", day_names[c->wday]);
    case 'a':
        return (size_t)snprintf(out, PIECE_BYTES, "%.3s", day_names[c->wday]);
    case 'w':
        return (size_t)snprintf(out, PIECE_BYTES, "%d", c->wday);
    default:
        if (strchr("UuVvXx", letter))
            return write_week(c, letter, out);
        if (strchr("HkhIliSsfprT", letter))
            return write_time(m, letter, out);
        out[0] = letter;
        return 1;
    }
}

enum err date_format(struct run *r, const struct when *w, struct str pattern, struct val *ret)
{
    struct calendar c;
    char *out;
    size_t n = 0, room = 0;
    *ret = val_null();
    if (pattern.n == 0)
        return OK;
    for (size_t i = 0; i < pattern.n; i++)
        room += pattern.p[i] == '%' ? PIECE_BYTES : 1;
    enum err err = result_room(r, room, &out);
    if (err || !out)
        return err;
    moment_of_us(w->us, &c.m);
    int64_t day = days_of_date(c.m.year, c.m.month, c.m.day);
    c.yday = (int)(day - days_of_date(c.m.year, 1, 1));
    c.wday = (int)((day % 7 + 11) % 7);
    for (size_t i = 0; i < pattern.n; i++) {
        bool letter = pattern.p[i] == '%' && i + 1 < pattern.n && pattern.p[i + 1];
        if (letter)
            n += write_letter(&c, pattern.p[++i], out + n);
        else
            out[n++] = pattern.p[i];
    }
    *ret = val_text(str_mk(out, n));
    return OK;
}

enum err fn_date_format(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct when w;
    *ret = val_null();
    return val_when(r, &a[0], &w) ? date_format(r, &w, val_str(r, &a[1]), ret) : OK;
}

/* Reading. */

struct reading {
    struct str s;
    struct moment m;
    int yday;               /* from 1; 0: not given */
    bool half, second_half; /* 12-hour clock; PM */
};

static bool read_number(struct reading *p, size_t most, int *ret, size_t *ret_digits)
{
    size_t n = 0;
    int v = 0;
    for (; n < most && n < p->s.n && p->s.p[n] >= '0' && p->s.p[n] <= '9'; n++)
        v = v * 10 + (p->s.p[n] - '0');
    p->s = str_sub(p->s, n, p->s.n);
    *ret = v;
    if (ret_digits)
        *ret_digits = n;
    return n > 0;
}

/* The index of the name that stands here, whole or its first three letters. */
static bool read_name(struct reading *p, const char *const *names, size_t n_names, bool whole, int *ret)
{
    for (size_t i = 0; i < n_names; i++) {
        struct str name = str_of(names[i]);
        if (!whole)
            name.n = 3;
        if (!str_eq_nocase(str_sub(p->s, 0, name.n), name))
            continue;
        p->s = str_sub(p->s, name.n, p->s.n);
        *ret = (int)i;
        return true;
    }
    return false;
}

static void skip_if(struct reading *p, char what)
{
    while (p->s.n) {
        char c = p->s.p[0], low = (char)(c | 0x20);
        bool digit = c >= '0' && c <= '9', alpha = low >= 'a' && low <= 'z';
        bool punct = c > ' ' && c < 127 && !digit && !alpha;
        if (!(what == '#' ? digit : what == '@' ? alpha : punct))
            return;
        p->s = str_sub(p->s, 1, p->s.n);
    }
}

static bool read_date_letter(struct reading *p, char letter)
{
    int ignored;
    size_t digits;
    switch (letter) {
    case 'Y':
    case 'y':
        if (!read_number(p, letter == 'Y' ? 4 : 2, &p->m.year, &digits))
            return false;
        if (digits <= 2)
            p->m.year += p->m.year < 70 ? 2000 : 1900;
        return true;
    case 'm':
    case 'c':
        return read_number(p, 2, &p->m.month, NULL);
    case 'M':
    case 'b':
        if (!read_name(p, month_names, 12, letter == 'M', &p->m.month))
            return false;
        p->m.month++;
        return true;
    case 'd':
    case 'e':
        return read_number(p, 2, &p->m.day, NULL);
    case 'D':
        if (!read_number(p, 2, &p->m.day, NULL))
            return false;
        p->s = str_sub(p->s, 2, p->s.n);
        return true;
    case 'j':
        return read_number(p, 3, &p->yday, NULL);
    case 'W':
    case 'a':
        return read_name(p, day_names, 7, letter == 'W', &ignored);
    case 'w':
        return read_number(p, 1, &ignored, NULL) && ignored < 7;
    default:
        return false;
    }
}

static bool read_time_letter(struct reading *p, char letter)
{
    size_t digits;
    switch (letter) {
    case 'h':
    case 'I':
    case 'l':
        p->half = true;
        return read_number(p, 2, &p->m.hour, NULL);
    case 'k':
    case 'H':
        return read_number(p, 2, &p->m.hour, NULL);
    case 'i':
        return read_number(p, 2, &p->m.minute, NULL);
    case 'S':
    case 's':
        return read_number(p, 2, &p->m.second, NULL);
    case 'f':
        if (!read_number(p, 6, &p->m.us, &digits))
            return false;
        for (; digits < 6; digits++)
            p->m.us *= 10;
        return true;
    default: /* p */
        p->second_half = str_eq_nocase(str_sub(p->s, 0, 2), S("PM"));
        if (!p->second_half && !str_eq_nocase(str_sub(p->s, 0, 2), S("AM")))
            return false;
        p->s = str_sub(p->s, 2, p->s.n);
        return true;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* False when the text does not fit. A text that ends early leaves the rest of the format unread. */
static bool read_all(struct reading *p, struct str format)
{
    for (size_t i = 0; i < format.n && p->s.n; i++) {
        char c = format.p[i], letter = i + 1 < format.n ? format.p[i + 1] : '\0';
        if (c != '%' || !letter) {
            if (is_blank(c))
                continue;
            if (p->s.p[0] != c)
                return false;
            p->s = str_sub(p->s, 1, p->s.n);
            continue;
        }
        i++;
        while (p->s.n && is_blank(p->s.p[0]))
            p->s = str_sub(p->s, 1, p->s.n);
        if (strchr(".@#", letter))
            skip_if(p, letter);
        else if (letter == 'T' ? !read_all(p, S("%H:%i:%S")) : letter == 'r' ? !read_all(p, S("%I:%i:%S %p")) : false)
            return false;
        else if (strchr("hIlkHiSsfp", letter) ? !read_time_letter(p, letter)
                                              : !strchr("Tr", letter) && !read_date_letter(p, letter))
            return false;
    }
    return true;
}

static bool holds_any(struct str format, const char *letters)
{
    for (size_t i = 0; i + 1 < format.n; i++)
        if (format.p[i] == '%' && format.p[++i] && strchr(letters, format.p[i]))
            return true;
    return false;
}

static enum vtype format_type(struct str format)
{
    bool time = holds_any(format, "HISTfhiklprs"), date = holds_any(format, "MVUXYWabcjmvuxyweDd");
    return !time ? V_DATE : date ? V_DATETIME : V_TIME;
}

static bool finish(struct reading *p, enum vtype t)
{
    struct moment *m = &p->m;
    if (p->half) {
        if (m->hour < 1 || m->hour > 12)
            return false;
        m->hour = m->hour % 12 + (p->second_half ? 12 : 0);
    }
    if (m->hour > 23 || m->minute > 59 || m->second > 59)
        return false;
    if (t == V_TIME)
        return true;
    if (p->yday && m->year >= 1) {
        if (p->yday > year_days(m->year))
            return false;
        struct moment day;
        moment_of_us((days_of_date(m->year, 1, 1) + p->yday - 1) * US_PER_DAY, &day);
        m->month = day.month;
        m->day = day.day;
    }
    return m->year >= 1 && m->month >= 1 && m->month <= 12 && m->day >= 1 && m->day <= days_in_month(m->year, m->month);
}

enum err fn_str_to_date(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str format = val_str(r, &a[1]);
    struct reading p = {.s = val_str(r, &a[0])};
    enum vtype t = format_type(format);
    if (holds_any(format, "UuVvXx"))
        return bad_data(r, "STR_TO_DATE does not read week numbers");
    *ret = val_null();
    if (!read_all(&p, format) || !finish(&p, t))
        return OK;
    int64_t us =
        t == V_TIME ? (p.m.hour * 3600LL + p.m.minute * 60LL + p.m.second) * US_PER_S + p.m.us : us_of_moment(&p.m);
    *ret = val_of_time(t, us, holds_any(format, "f") ? 6 : 0);
    return OK;
}

struct vtypes type_str_to_date(struct run *r, const struct enode *e)
{
    (void)r;
    const struct enode *format = e->arg[1];
    if (format->op != N_CONST || format->value.t != V_TEXT)
        return (struct vtypes){V_DATETIME, 0};
    return (struct vtypes){(uint8_t)format_type(format->value.s), holds_any(format->value.s, "f") ? 6 : 0};
}
