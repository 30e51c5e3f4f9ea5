/* Writing times: the fixed forms, and strftime's language as far as the header lists it.
 *
 * Everything is in the C locale and goes through one small writer that notices when the room is used up.
 * Years have at least four digits. An offset with seconds, as local mean times have, cannot be written in RFC 3339: it
 * is cut to minutes and the clock time moved with it, so that the instant stays right. */
#include "base/civil.h"

struct writer {
    char *out;
    size_t cap, n;
    bool full;
};

static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};

static void put(struct writer *w, char c)
{
    if (w->n < w->cap)
        w->out[w->n++] = c;
    else
        w->full = true;
}

static void put_text(struct writer *w, const char *s)
{
    while (*s)
        put(w, *s++);
}

/* A number with at least `width` digits, filled up with `fill`. */
static void put_number(struct writer *w, int64_t v, int width, char fill)
{
    char digits[20];
    int n = 0;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[n++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        put(w, '-');
    for (int i = n; i < width; i++)
        put(w, fill);
    while (n > 0)
        put(w, digits[--n]);
}

static void put_date(struct writer *w, const struct civil *c)
{
    put_number(w, c->year, 4, '0');
    put(w, '-');
    put_number(w, c->month, 2, '0');
    put(w, '-');
    put_number(w, c->day, 2, '0');
}

static void put_minute(struct writer *w, const struct civil *c)
{
    put_number(w, c->hour, 2, '0');
    put(w, ':');
    put_number(w, c->minute, 2, '0');
}

static void put_clock(struct writer *w, const struct civil *c)
{
    put_minute(w, c);
    put(w, ':');
    put_number(w, c->second, 2, '0');
}

/* ±hh:mm, or ±hhmm without a separator ('\0'). */
static void put_offset(struct writer *w, int offset_s, char sep)
{
    int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    put(w, offset_s < 0 && minutes > 0 ? '-' : '+');
    put_number(w, minutes / 60, 2, '0');
    if (sep)
        put(w, sep);
    put_number(w, minutes % 60, 2, '0');
}

static size_t finish(struct writer *w)
{
    w->out[w->n] = '\0';
    return w->n;
}

size_t time_datetime(const struct zone *z, int64_t unix_s, char out[TIME_TEXT])
{
    struct writer w = {out, TIME_TEXT - 1, 0, false};
    struct civil c;
    civil_from_unix(z, unix_s, &c);
    put_date(&w, &c);
    put(&w, ' ');
    put_clock(&w, &c);
    return finish(&w);
}

size_t time_rfc3339(const struct zone *z, int64_t unix_ms, char out[TIME_TEXT])
{
    struct writer w = {out, TIME_TEXT - 1, 0, false};
    int ms = (int)(unix_ms % 1000);
    int64_t unix_s = unix_ms / 1000 - (ms < 0);
    ms += ms < 0 ? 1000 : 0;
    struct civil c;
    civil_from_unix(z, unix_s, &c);
    if (c.offset_s % 60 != 0)
        civil_at_offset(unix_s, c.offset_s / 60 * 60, &c);
    put_date(&w, &c);
    put(&w, 'T');
    put_clock(&w, &c);
    if (ms > 0) {
        put(&w, '.');
        put_number(&w, ms, 3, '0');
    }
    if (strcmp(zone_name(z), "UTC") == 0)
        put(&w, 'Z');
    else
        put_offset(&w, c.offset_s, ':');
    return finish(&w);
}

size_t time_iso_basic_date(const struct zone *z, int64_t unix_s, char out[TIME_TEXT])
{
    struct writer w = {out, TIME_TEXT - 1, 0, false};
    struct civil c;
    civil_from_unix(z, unix_s, &c);
    put_date(&w, &c);
    return finish(&w);
}

static void put_abbreviated(struct writer *w, const char *name)
{
    for (int i = 0; i < 3; i++)
        put(w, name[i]);
}

static void put_zone(struct writer *w, const struct zone *z, int64_t unix_s)
{
    struct zone_span span;
    zone_span_at(z, unix_s, &span);
    put_text(w, span.abbreviation);
}

/* What a letter that stands for a number prints. */
struct number {
    int64_t value;
    int width;
    char fill;
};

static bool number_of(char letter, const struct civil *c, int64_t unix_s, struct number *ret)
{
    switch (letter) {
    case 'Y':
        *ret = (struct number){c->year, 4, '0'};
        return true;
    case 'm':
        *ret = (struct number){c->month, 2, '0'};
        return true;
    case 'd':
        *ret = (struct number){c->day, 2, '0'};
        return true;
    case 'e':
        *ret = (struct number){c->day, 2, ' '};
        return true;
    case 'H':
        *ret = (struct number){c->hour, 2, '0'};
        return true;
    case 'I':
        *ret = (struct number){(c->hour + 11) % 12 + 1, 2, '0'};
        return true;
    case 'M':
        *ret = (struct number){c->minute, 2, '0'};
        return true;
    case 'S':
        *ret = (struct number){c->second, 2, '0'};
        return true;
    case 'y':
        *ret = (struct number){(c->year % 100 + 100) % 100, 2, '0'};
        return true;
    case 'j':
        *ret = (struct number){c->yearday + 1, 3, '0'};
        return true;
    case 'w':
        *ret = (struct number){c->weekday, 1, '0'};
        return true;
    case 'u':
        *ret = (struct number){c->weekday ? c->weekday : 7, 1, '0'};
        return true;
    case 's':
        *ret = (struct number){unix_s, 1, '0'};
        return true;
    default:
        return false;
    }
}

static bool put_named(struct writer *w, char letter, const struct civil *c, const struct zone *z, int64_t unix_s)
{
    struct number number;
    if (number_of(letter, c, unix_s, &number)) {
        put_number(w, number.value, number.width, number.fill);
        return true;
    }
    switch (letter) {
    case 'p':
        put_text(w, c->hour < 12 ? "AM" : "PM");
        return true;
    case 'a':
        put_abbreviated(w, weekdays[c->weekday]);
        return true;
    case 'A':
        put_text(w, weekdays[c->weekday]);
        return true;
    case 'b':
        put_abbreviated(w, months[c->month - 1]);
        return true;
    case 'B':
        put_text(w, months[c->month - 1]);
        return true;
    case 'z':
        put_offset(w, c->offset_s, '\0');
        return true;
    case 'Z':
        put_zone(w, z, unix_s);
        return true;
    case 'T':
        put_clock(w, c);
        return true;
    case 'F':
        put_date(w, c);
        return true;
    case 'R':
        put_minute(w, c);
        return true;
    case '%':
        put(w, '%');
        return true;
    default:
        return false;
    }
}

/* lint: allow(parameters) those of strftime, with a zone in front and the length beside success */
bool time_strftime(const struct zone *z, int64_t unix_s, struct str pattern, char *out, size_t cap, size_t *ret_n)
{
    struct writer w = {out, cap, 0, false};
    struct civil c;
    civil_from_unix(z, unix_s, &c);
    for (size_t i = 0; i < pattern.n; i++) {
        if (pattern.p[i] != '%') {
            put(&w, pattern.p[i]);
            continue;
        }
        i++;
        if (i == pattern.n || !put_named(&w, pattern.p[i], &c, z, unix_s))
            return false;
    }
    if (w.full)
        return false;
    *ret_n = w.n;
    return true;
}
