/* Functions of dates and times. What is no date gives NULL, as does every result outside the years 1 to 9999. NOW() and
 * its kin are the frozen time of the call or of the page, in the project's zone. */
#include "meta/expr_date.h"

enum err fn_now(struct run *r, struct val *a, size_t n, struct val *ret)
{
    int64_t dec = n ? val_integer(&a[0]) : 0;
    if (dec < 0 || dec > 6)
        return bad_data(r, "NOW takes 0 to 6 places");
    *ret = val_of_time(V_DATETIME, now_us(r), (uint8_t)dec);
    return OK;
}

struct vtypes type_now(struct run *r, const struct enode *e)
{
    (void)r;
    bool places = e->n_args && e->arg[0]->op == N_CONST && e->arg[0]->value.t == V_INT;
    int64_t dec = places ? e->arg[0]->value.i : 0;
    return (struct vtypes){V_DATETIME, (uint8_t)(dec < 0 || dec > 6 ? 0 : dec)};
}

enum err fn_curdate(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)a, (void)n;
    *ret = val_of_time(V_DATE, now_us(r), 0);
    return OK;
}

static int64_t time_of_day(int64_t us)
{
    return us - (us / US_PER_DAY - (us % US_PER_DAY < 0)) * US_PER_DAY;
}

enum err fn_curtime(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)a, (void)n;
    *ret = val_of_time(V_TIME, time_of_day(now_us(r)), 0);
    return OK;
}

static struct val seconds_value(int64_t s, int64_t us, uint8_t dec)
{
    struct decimal d, unit;
    if (dec == 0)
        return val_int(s);
    decimal_from_i64(s * US_PER_S + us, &d);
    decimal_from_i64(US_PER_S, &unit);
    if (!decimal_div(&d, &unit, 6, &d)) /* the server holds six places, whatever shows */
        return val_int(s);
    return val_decimal(&d, dec);
}

enum err fn_unix_timestamp(struct run *r, struct val *a, size_t n, struct val *ret)
{
    struct when w;
    int64_t ms = r->env->sys->now_ms;
    *ret = val_int(ms / 1000 - (ms % 1000 < 0));
    if (n == 0)
        return OK;
    *ret = val_null();
    if (!val_when(r, &a[0], &w))
        return OK;
    struct moment m;
    moment_of_us(w.us, &m);
    struct civil c = {
        .year = m.year, .month = m.month, .day = m.day, .hour = m.hour, .minute = m.minute, .second = m.second};
    int64_t s = civil_to_unix(r->env->sys->zone, &c);
    if (s >= 0)
        *ret = seconds_value(s, m.us, w.dec);
    return OK;
}

/* The places that the seconds of the first argument have. */
static uint8_t places_of(struct run *r, const struct enode *e)
{
    struct val v;
    struct when w;
    struct errinfo ei;
    struct run quiet = {r->e, r->env, &ei, r->element};
    if (e->n_args == 0 || eval(&quiet, e->arg[0], &v))
        return 0;
    return val_when(&quiet, &v, &w) || val_time(&quiet, &v, &w) ? w.dec : 0;
}

struct vtypes type_unix_timestamp(struct run *r, const struct enode *e)
{
    uint8_t dec = places_of(r, e);
    return (struct vtypes){dec ? V_DEC : V_INT, dec};
}

struct vtypes type_timestamp(struct run *r, const struct enode *e)
{
    return (struct vtypes){V_DATETIME, places_of(r, e)};
}

struct vtypes type_time(struct run *r, const struct enode *e)
{
    return (struct vtypes){V_TIME, places_of(r, e)};
}

/* Seconds since 1970 with a fraction, from any number; false outside the years that a date can have. */
static bool unix_number(const struct val *v, int64_t *ret_s, int64_t *ret_us, uint8_t *ret_dec)
{
    struct decimal d, unit;
    struct val n = val_number(v);
    int64_t us;
    decimal_from_i64(US_PER_S, &unit);
    if (!val_dec(&n, &d) || !decimal_mul(&d, &unit, &d) || !decimal_trunc(&d, 0, &d) || !decimal_to_i64(&d, &us) ||
        us < 0)
        return false;
    *ret_s = us / US_PER_S;
    *ret_us = us % US_PER_S;
    *ret_dec = n.t == V_INT ? 0 : n.t == V_REAL ? (*ret_us ? 6 : 0) : n.dec > 6 ? 6 : n.dec;
    return *ret_s <= 253402300799;
}

enum err fn_from_unixtime(struct run *r, struct val *a, size_t n, struct val *ret)
{
    int64_t s, us;
    uint8_t dec;
    struct civil c;
    *ret = val_null();
    if (!unix_number(&a[0], &s, &us, &dec))
        return OK;
    civil_from_unix(r->env->sys->zone, s, &c);
    struct moment m = {c.year, c.month, c.day, c.hour, c.minute, c.second, (int)us};
    struct when w = {us_of_moment(&m), true, dec};
    if (!us_in_range(w.us))
        return OK;
    if (n == 2)
        return date_format(r, &w, val_str(r, &a[1]), ret);
    *ret = val_of_time(V_DATETIME, w.us, dec);
    return OK;
}

struct vtypes type_from_unixtime(struct run *r, const struct enode *e)
{
    (void)r;
    return (struct vtypes){e->n_args == 2 ? V_TEXT : V_DATETIME, 0};
}

enum err fn_date(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct when w;
    *ret = val_when(r, &a[0], &w) ? val_of_time(V_DATE, w.us, 0) : val_null();
    return OK;
}

enum err fn_time(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct when w;
    *ret = val_time(r, &a[0], &w) ? val_of_time(V_TIME, w.us, w.dec) : val_null();
    return OK;
}

enum err fn_timestamp(struct run *r, struct val *a, size_t n, struct val *ret)
{
    struct when w, t = {0};
    *ret = val_null();
    if (!val_when(r, &a[0], &w) || (n == 2 && !val_time(r, &a[1], &t)) || !us_in_range(w.us + t.us))
        return OK;
    *ret = val_of_time(V_DATETIME, w.us + t.us, w.dec > t.dec ? w.dec : t.dec);
    return OK;
}

static int64_t day_number(int64_t us)
{
    return us / US_PER_DAY - (us % US_PER_DAY < 0);
}

enum err fn_datediff(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct when w, x;
    bool ok = val_when(r, &a[0], &w) && val_when(r, &a[1], &x);
    *ret = ok ? val_int(day_number(w.us) - day_number(x.us)) : val_null();
    return OK;
}

/* One field of a date. */
#define DATE_PART(name, field)                                                                                         \
    enum err name(struct run *r, struct val *a, size_t n, struct val *ret)                                             \
    {                                                                                                                  \
        (void)n;                                                                                                       \
        struct when w;                                                                                                 \
        struct moment m;                                                                                               \
        *ret = val_null();                                                                                             \
        if (!val_when(r, &a[0], &w))                                                                                   \
            return OK;                                                                                                 \
        moment_of_us(w.us, &m);                                                                                        \
        *ret = val_int(field);                                                                                         \
        return OK;                                                                                                     \
    }

DATE_PART(fn_year, m.year)
DATE_PART(fn_month, m.month)
DATE_PART(fn_day, m.day)
DATE_PART(fn_quarter, (m.month + 2) / 3)
DATE_PART(fn_weekday, (day_number(w.us) % 7 + 10) % 7)       /* 1970-01-01 was a Thursday; 0 = Monday */
DATE_PART(fn_dayofweek, (day_number(w.us) % 7 + 11) % 7 + 1) /* 1 = Sunday */
DATE_PART(fn_dayofyear, day_number(w.us) - days_of_date(m.year, 1, 1) + 1)

/* One field of a time, which may be longer than a day. */
#define TIME_PART(name, field)                                                                                         \
    enum err name(struct run *r, struct val *a, size_t n, struct val *ret)                                             \
    {                                                                                                                  \
        (void)n;                                                                                                       \
        struct when w;                                                                                                 \
        *ret = val_null();                                                                                             \
        if (!val_time(r, &a[0], &w))                                                                                   \
            return OK;                                                                                                 \
        int64_t us = w.us < 0 ? -w.us : w.us;                                                                          \
        *ret = val_int(field);                                                                                         \
        return OK;                                                                                                     \
    }

TIME_PART(fn_hour, us / (3600 * US_PER_S))
TIME_PART(fn_minute, us / (60 * US_PER_S) % 60)
TIME_PART(fn_second, us / US_PER_S % 60)
TIME_PART(fn_microsecond, us % US_PER_S)

enum err fn_last_day(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct when w;
    struct moment m;
    *ret = val_null();
    if (!val_when(r, &a[0], &w))
        return OK;
    moment_of_us(w.us, &m);
    m.day = days_in_month(m.year, m.month);
    *ret = val_of_time(V_DATE, us_of_moment(&m), 0);
    return OK;
}

enum err op_interval(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)r, (void)n;
    *ret = a[0];
    return OK;
}

static const int64_t unit_us[] = {
    [UNIT_MICROSECOND] = 1,        [UNIT_SECOND] = US_PER_S, [UNIT_MINUTE] = 60 * US_PER_S,
    [UNIT_HOUR] = 3600 * US_PER_S, [UNIT_DAY] = US_PER_DAY,  [UNIT_WEEK] = 7 * US_PER_DAY};
static const int unit_months[] = {[UNIT_MONTH] = 1, [UNIT_QUARTER] = 3, [UNIT_YEAR] = 12};

/* Seconds may have a fraction; all other amounts are whole. */
static bool amount_us(const struct val *v, enum unit unit, int64_t *ret_us, uint8_t *ret_dec)
{
    *ret_dec = unit == UNIT_MICROSECOND ? 6 : 0;
    if (unit != UNIT_SECOND)
        return !__builtin_mul_overflow(val_integer(v), unit_us[unit], ret_us);
    struct decimal d, million;
    struct val n = val_number(v);
    decimal_from_i64(US_PER_S, &million);
    if (!val_dec(&n, &d) || !decimal_mul(&d, &million, &d) || !decimal_trunc(&d, 0, &d) || !decimal_to_i64(&d, ret_us))
        return false;
    *ret_dec = v->t == V_TEXT ? (*ret_us % US_PER_S ? 6 : 0) : n.t == V_INT ? 0 : n.dec > 6 ? 6 : n.dec;
    return true;
}

static bool add_months(int64_t *us, int64_t months)
{
    struct moment m;
    int64_t total;
    moment_of_us(*us, &m);
    if (__builtin_add_overflow((int64_t)m.year * 12 + m.month - 1, months, &total) || total < 12 || total >= 120000)
        return false;
    m.year = (int)(total / 12);
    m.month = (int)(total % 12) + 1;
    int last = days_in_month(m.year, m.month);
    m.day = m.day < last ? m.day : last;
    *us = us_of_moment(&m);
    return true;
}

static bool add_amount(struct when *w, const struct val *amount, enum unit unit, bool minus)
{
    int64_t us;
    uint8_t dec;
    if (unit >= UNIT_MONTH) {
        int64_t months;
        if (__builtin_mul_overflow(val_integer(amount), (int64_t)unit_months[unit], &months) || months == INT64_MIN)
            return false;
        return add_months(&w->us, minus ? -months : months);
    }
    if (!amount_us(amount, unit, &us, &dec) ||
        (minus ? __builtin_sub_overflow(w->us, us, &w->us) : __builtin_add_overflow(w->us, us, &w->us)))
        return false;
    w->has_time |= unit <= UNIT_HOUR;
    w->dec = w->dec > dec ? w->dec : dec;
    return true;
}

static enum err shift(struct run *r, const struct enode *e, bool minus, struct val *ret)
{
    struct val v, amount;
    struct when w;
    enum unit unit = (enum unit)e->arg[1]->detail;
    enum err err = eval(r, e->arg[0], &v);
    if (!err)
        err = eval(r, e->arg[1], &amount);
    *ret = val_null();
    if (err || v.t == V_NULL || amount.t == V_NULL)
        return err;
    bool clock = v.t == V_TIME && unit < UNIT_MONTH;
    if (!(clock ? val_time(r, &v, &w) : val_when(r, &v, &w)) || !add_amount(&w, &amount, unit, minus) ||
        (!clock && !us_in_range(w.us)))
        return OK;
    struct val sum = val_of_time(clock ? V_TIME : w.has_time ? V_DATETIME : V_DATE, w.us, w.dec);
    *ret = is_temporal(v.t) ? sum : val_text(val_str(r, &sum));
    return OK;
}

enum err op_plus_interval(struct run *r, const struct enode *e, struct val *ret)
{
    return shift(r, e, false, ret);
}

enum err op_minus_interval(struct run *r, const struct enode *e, struct val *ret)
{
    return shift(r, e, true, ret);
}

struct vtypes type_shift(struct run *r, const struct enode *e)
{
    struct vtypes t = type_of(r, e->arg[0]);
    if (!is_temporal(t.t))
        return (struct vtypes){V_TEXT, 0};
    if (t.t == V_DATE && e->arg[1]->detail <= UNIT_HOUR)
        t.t = V_DATETIME;
    if (e->arg[1]->detail == UNIT_MICROSECOND)
        t.dec = 6;
    return t;
}

static int64_t months_between(const struct when *from, const struct when *to)
{
    struct moment a, b;
    if (from->us > to->us)
        return -months_between(to, from);
    moment_of_us(from->us, &a);
    moment_of_us(to->us, &b);
    int64_t months = (b.year - a.year) * 12LL + b.month - a.month;
    bool unfinished = b.day < a.day || (b.day == a.day && time_of_day(to->us) < time_of_day(from->us));
    return months - unfinished;
}

enum err fn_timestampdiff(struct run *r, const struct enode *e, struct val *ret)
{
    struct val a, b;
    struct when from, to;
    enum unit unit = (enum unit)e->detail;
    enum err err = eval(r, e->arg[0], &a);
    if (!err)
        err = eval(r, e->arg[1], &b);
    *ret = val_null();
    if (err || !val_when(r, &a, &from) || !val_when(r, &b, &to))
        return err;
    *ret = val_int(unit >= UNIT_MONTH ? months_between(&from, &to) / unit_months[unit]
                                      : (to.us - from.us) / unit_us[unit]);
    return OK;
}
