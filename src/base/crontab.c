/* Reads a schedule's text.
 *
 * Each field becomes a set of bits. What real crontabs refuse is refused (ranges that run backwards, steps of 0, six
 * fields), and so is what they accept but nobody means: a step that is wider than its field, and dates that never come.
 * "@reboot" is not known: a schedule here is about time. */
#include "base/crontab.h"

#include "base/num.h"

struct field {
    int64_t min, max;
    const char *const *names; /* of the values from `min` on, or NULL */
    const char *wrong, *backwards, *step;
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

#define FIELD(name, from, to, words)                                                                                   \
    {                                                                                                                  \
        .min = from, .max = to, .names = words, .wrong = "the " name " is not " #from " to " #to,                      \
        .backwards = "a range of the " name " runs backwards",                                                         \
        .step = "a step of the " name " is not between 1 and the field's width"                                        \
    }
enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, N_FIELDS };
static const struct field fields[N_FIELDS] = {
    [MINUTE] = FIELD("minute", 0, 59, NULL),           [HOUR] = FIELD("hour", 0, 23, NULL),
    [DAY] = FIELD("day of the month", 1, 31, NULL),    [MONTH] = FIELD("month", 1, 12, month_names),
    [WEEKDAY] = FIELD("weekday", 0, 7, weekday_names),
};

static const struct word {
    const char *name, *fields;
} words[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
    {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts the next word off the front; false at the end. */
static bool next_word(struct str *rest, struct str *ret)
{
    size_t n = 0;

    *rest = str_trim(*rest);
    while (n < rest->n && !is_blank(rest->p[n]))
        n++;
    *ret = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->n);
    return n > 0;
}

static bool read_value(const struct field *f, struct str text, int64_t *ret)
{
    for (int64_t i = 0; f->names && f->names[i]; i++)
        if (str_eq_nocase(text, str_of(f->names[i]))) {
            *ret = f->min + i;
            return true;
        }
    return text.n <= 2 && num_i64(text, ret) && *ret >= f->min && *ret <= f->max;
}

/* One part of a list: *, N, N-M, with or without /STEP. */
static bool read_part(const struct field *f, struct str part, uint64_t *set, const char **ret_why)
{
    int64_t from = f->min, to = f->max, step = 1;
    size_t slash = str_find(part, S("/"), 0), dash;
    struct str range = str_sub(part, 0, slash), last = {NULL, 0};

    *ret_why = f->step;
    if (slash != SIZE_MAX &&
        (!num_i64(str_sub(part, slash + 1, part.n), &step) || step < 1 || step > f->max - f->min + 1))
        return false;
    *ret_why = f->wrong;
    if (!str_eq(range, S("*"))) {
        dash = str_find(range, S("-"), 0);
        if (dash != SIZE_MAX)
            last = str_sub(range, dash + 1, range.n);
        if (!read_value(f, str_sub(range, 0, dash), &from) || (dash != SIZE_MAX && !read_value(f, last, &to)))
            return false;
        if (dash == SIZE_MAX && slash == SIZE_MAX)
            to = from;
        *ret_why = f->backwards;
        if (from > to)
            return false;
    }
    for (int64_t v = from; v <= to; v += step)
        *set |= UINT64_C(1) << v;
    return true;
}

static bool read_field(const struct field *f, struct str text, uint64_t *ret, const char **ret_why)
{
    struct str part;
    uint64_t set = 0;

    while (str_cut(&text, ',', &part))
        if (!read_part(f, part, &set, ret_why))
            return false;
    *ret = set;
    return true;
}

/* Does some month have one of the days? */
static bool comes_ever(const struct crontab *c)
{
    static const int last[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    for (int m = 1; m <= 12; m++)
        for (int d = 1; d <= last[m]; d++)
            if ((c->months >> m & 1) && (c->days >> d & 1))
                return true;
    return !c->any_day && !c->any_weekday;
}

static bool read_fields(struct str text, struct crontab *ret, const char **ret_why)
{
    uint64_t sets[N_FIELDS] = {0};
    struct crontab c = {0};
    struct str word;

    for (int i = 0; i < N_FIELDS; i++) {
        if (!next_word(&text, &word)) {
            *ret_why = "there are fewer than five fields (minute, hour, day of the month, month, weekday)";
            return false;
        }
        if (!read_field(&fields[i], word, &sets[i], ret_why))
            return false;
        c.any_day |= i == DAY && word.p[0] == '*';
        c.any_weekday |= i == WEEKDAY && word.p[0] == '*';
    }
    if (next_word(&text, &word)) {
        *ret_why = "there are more than five fields: a crontab knows no seconds and no years";
        return false;
    }
    c.minutes = sets[MINUTE];
    c.hours = (uint32_t)sets[HOUR];
    c.days = (uint32_t)sets[DAY];
    c.months = (uint32_t)sets[MONTH];
    c.weekdays = (uint32_t)((sets[WEEKDAY] | sets[WEEKDAY] >> 7) & 0x7F);
    *ret_why = "no month that it names has such a day";
    if (!comes_ever(&c))
        return false;
    *ret = c;
    return true;
}

static bool read_word(struct str text, struct crontab *ret, const char **ret_why)
{
    struct str word;
    int64_t every_ms;

    (void)next_word(&text, &word);
    if (str_eq_nocase(word, S("@every"))) {
        *ret_why = "behind @every stands a time of at least one second, such as 30s, 5m or 2h";
        if (!num_duration_ms(str_trim(text), &every_ms) || every_ms < 1000)
            return false;
        *ret = (struct crontab){.every_ms = every_ms};
        return true;
    }
    *ret_why = "it is none of @every, @hourly, @daily, @weekly, @monthly and @yearly";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq_nocase(word, str_of(words[i].name)) && !text.n)
            return read_fields(str_of(words[i].fields), ret, ret_why);
    return false;
}

bool crontab_parse(struct str text, struct crontab *ret, const char **ret_why)
{
    text = str_trim(text);
    *ret_why = "it is empty";
    if (!text.n)
        return false;
    return text.p[0] == '@' ? read_word(text, ret, ret_why) : read_fields(text, ret, ret_why);
}
