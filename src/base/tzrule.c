/* POSIX TZ strings: "CST-8", "EST5EDT,M3.2.0,M11.1.0", "<+0330>-3:30", with the hours from -167 to 167 that
 * RFC 8536 adds for the times of change.
 *
 * The parser eats the string from the front. To find the span of an instant, the changes of the year
 * before, the year and the year after are worked out and sorted: six instants, of which two embrace it. Of two
 * changes at one instant the one to daylight time comes last, so that daylight saving all year round
 * ("XXX3EDT4,0/0,J365/23") leaves no standard time. */
#include "base/tzrule.h"

#define N_CHANGES 6

struct change_at {
    int64_t at_s;
    bool to_dst;
};

static bool eat(struct str *s, char c)
{
    if (s->n == 0 || *s->p != c)
        return false;
    *s = str_sub(*s, 1, SIZE_MAX);
    return true;
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool eat_number(struct str *s, int max, int *ret)
{
    size_t n = 0;
    int value = 0;
    while (n < s->n && n < 4 && digit(s->p[n]))
        value = value * 10 + (s->p[n++] - '0');
    if (n == 0 || value > max)
        return false;
    *s = str_sub(*s, n, SIZE_MAX);
    *ret = value;
    return true;
}

static bool eat_name(struct str *s, char out[ABBREVIATION_TEXT])
{
    bool quoted = eat(s, '<');
    size_t n = 0;
    while (n < s->n && (letter(s->p[n]) || (quoted && (digit(s->p[n]) || s->p[n] == '+' || s->p[n] == '-'))))
        n++;
    if (n < 3 || n >= ABBREVIATION_TEXT)
        return false;
    memcpy(out, s->p, n);
    out[n] = '\0';
    *s = str_sub(*s, n, SIZE_MAX);
    return !quoted || eat(s, '>');
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool eat_time(struct str *s, int max_hours, int *ret)
{
    bool negative = eat(s, '-');
    if (!negative)
        (void)eat(s, '+');
    int h, m = 0, sec = 0;
    if (!eat_number(s, max_hours, &h))
        return false;
    if (eat(s, ':')) {
        if (!eat_number(s, 59, &m))
            return false;
        if (eat(s, ':') && !eat_number(s, 59, &sec))
            return false;
    }
    int total = h * 3600 + m * 60 + sec;
    *ret = negative ? -total : total;
    return true;
}

static bool eat_change(struct str *s, struct tz_change *ret)
{
    *ret = (struct tz_change){.time_s = 2 * 3600};
    if (!eat(s, ','))
        return false;
    if (eat(s, 'M')) {
        ret->kind = TZ_DAY_WEEK;
        if (!eat_number(s, 12, &ret->month) || !eat(s, '.') || !eat_number(s, 5, &ret->week) || !eat(s, '.') ||
            !eat_number(s, 6, &ret->day) || ret->month < 1 || ret->week < 1)
            return false;
    } else if (eat(s, 'J')) {
        ret->kind = TZ_DAY_JULIAN;
        if (!eat_number(s, 365, &ret->day) || ret->day < 1)
            return false;
    } else {
        ret->kind = TZ_DAY_ZERO;
        if (!eat_number(s, 365, &ret->day))
            return false;
    }
    return !eat(s, '/') || eat_time(s, 167, &ret->time_s);
}

bool tz_rule_parse(struct str s, struct tz_rule *ret)
{
    struct tz_rule rule = {0};
    int west_s;
    if (!eat_name(&s, rule.std) || !eat_time(&s, 24, &west_s))
        return false;
    rule.std_offset_s = -west_s;
    if (s.n > 0) {
        rule.has_dst = true;
        if (!eat_name(&s, rule.dst))
            return false;
        rule.dst_offset_s = rule.std_offset_s + 3600;
        if (s.n > 0 && *s.p != ',') {
            if (!eat_time(&s, 24, &west_s))
                return false;
            rule.dst_offset_s = -west_s;
        }
        if (s.n == 0)
            s = S(",M3.2.0,M11.1.0");
        if (!eat_change(&s, &rule.to_dst) || !eat_change(&s, &rule.to_std))
            return false;
    }
    if (s.n > 0)
        return false;
    *ret = rule;
    return true;
}

/* The day on which a change falls. */
static int64_t change_day(const struct tz_change *c, int64_t year)
{
    int64_t new_year = civil_days(year, 1, 1);
    if (c->kind == TZ_DAY_ZERO)
        return new_year + c->day;
    if (c->kind == TZ_DAY_JULIAN)
        return new_year + c->day - 1 + (civil_leap(year) && c->day >= 60);
    int64_t first = civil_days(year, c->month, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7;
    int64_t day = first + (c->day - weekday + 7) % 7 + 7 * (c->week - 1);
    return day - first < civil_month_days(year, c->month) ? day : day - 7;
}

static bool later(struct change_at a, struct change_at b)
{
    return a.at_s != b.at_s ? a.at_s > b.at_s : a.to_dst && !b.to_dst;
}

static void changes_around(const struct tz_rule *rule, int64_t year, struct change_at out[N_CHANGES])
{
    for (size_t n = 0; n < N_CHANGES; n++) {
        bool to_dst = n % 2 == 0;
        const struct tz_change *c = to_dst ? &rule->to_dst : &rule->to_std;
        int64_t local_s = change_day(c, year - 1 + (int64_t)n / 2) * SECONDS_PER_DAY + c->time_s;
        struct change_at now = {local_s - (to_dst ? rule->std_offset_s : rule->dst_offset_s), to_dst};
        size_t at = n;
        for (; at > 0 && later(out[at - 1], now); at--)
            out[at] = out[at - 1];
        out[at] = now;
    }
}

void tz_rule_span(const struct tz_rule *rule, int64_t unix_s, struct zone_span *ret)
{
    if (!rule->has_dst) {
        *ret = (struct zone_span){INT64_MIN, INT64_MAX, rule->std_offset_s, rule->std};
        return;
    }
    struct civil local;
    civil_at_offset(unix_s, rule->std_offset_s, &local);
    struct change_at changes[N_CHANGES];
    changes_around(rule, local.year, changes);
    size_t next = 0; /* the first change after the instant */
    while (next < N_CHANGES && changes[next].at_s <= unix_s)
        next++;
    bool dst = next > 0 ? changes[next - 1].to_dst : !changes[0].to_dst;
    ret->start_s = next > 0 ? changes[next - 1].at_s : INT64_MIN;
    ret->end_s = next < N_CHANGES ? changes[next].at_s : INT64_MAX;
    ret->offset_s = dst ? rule->dst_offset_s : rule->std_offset_s;
    ret->abbreviation = dst ? rule->dst : rule->std;
}
