/* Figures over time: steps, days, questions.
 *
 * Every ten seconds each integration's counters are compared with those of the step before; the difference goes into
 * the running point of each level (10 s, 1 min, 15 min), and the three points are written in place (series.h): so a
 * crash costs ten seconds. What the running points hold is read back at the start, except for the latencies of their
 * batches, which begin anew.
 *
 * The last day is also held in memory, in slots of 15 minutes: every time zone's midnight falls between two of them. */
#include "base/json.h"
#include "base/log.h"
#include "watch/metrics_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_S     900
#define POINTS_MAX 3000

static uint32_t added(uint32_t a, int64_t more)
{
    if (more <= 0)
        return a;
    return more > (int64_t)UINT32_MAX - (int64_t)a ? UINT32_MAX : a + (uint32_t)more;
}

static float worse(float a, float b)
{
    return isnan(a) || b > a ? b : a;
}

static struct series_point nothing(int64_t at_s)
{
    return (struct series_point){.at_s = at_s, .gauges = {NAN, NAN, NAN, NAN}};
}

/* ---- steps ---- */

static void totals(const struct entry *e, int64_t ret[SUMS])
{
    const struct counts *a = &e->ended, *b = &e->live;

    ret[SUM_ROWS] = a->rows + b->rows;
    ret[SUM_RECORDS] = a->records + b->records;
    ret[SUM_CALLS] = a->calls + b->calls;
    ret[SUM_ERRORS] = a->dead_rows + a->dead_records + b->dead_rows + b->dead_records + e->runs[RUN_FAILED];
}

/* What `share` of the batches took at most, in ms, by straight lines within buckets; the last bucket has no end and
 * tells its beginning. NAN: there were none. */
static float quantile(const uint32_t batches[BUCKETS + 1], double share)
{
    double all = 0, below = 0;

    for (size_t i = 0; i <= BUCKETS; i++)
        all += batches[i];
    if (all == 0)
        return NAN;
    for (size_t i = 0; i < BUCKETS; i++) {
        double low = i ? (double)metrics_bucket_ms[i - 1] : 0, high = (double)metrics_bucket_ms[i];

        if (batches[i] && below + batches[i] >= share * all)
            return (float)(low + (high - low) * (share * all - below) / batches[i]);
        below += batches[i];
    }
    return (float)metrics_bucket_ms[BUCKETS - 1];
}

static void add_gauges(struct series_point *p, const struct entry *e)
{
    const struct metrics_sample *s = &e->sample;

    if (!e->sampled)
        return;
    if (s->fresh_ms >= 0)
        p->gauges[GAUGE_FRESH_MS] = worse(p->gauges[GAUGE_FRESH_MS], (float)s->fresh_ms);
    if (s->quota_limit > 0 && s->quota_left >= 0)
        p->gauges[GAUGE_QUOTA] = worse(p->gauges[GAUGE_QUOTA], 1 - (float)s->quota_left / (float)s->quota_limit);
}

static void step_level(struct entry *e, int level, int64_t now_s, const int64_t more[SUMS])
{
    struct step *s = &e->steps[level];
    int64_t at = now_s - now_s % series_levels[level].step_s;

    if (s->point.at_s != at)
        *s = (struct step){.point = nothing(at)};
    for (size_t i = 0; i < SUMS; i++)
        s->point.sums[i] = added(s->point.sums[i], more[i]);
    for (size_t i = 0; i <= BUCKETS; i++)
        s->batches[i] = added(s->batches[i], e->batches_since[i]);
    add_gauges(&s->point, e);
    s->point.gauges[GAUGE_P50_MS] = quantile(s->batches, 0.50);
    s->point.gauges[GAUGE_P99_MS] = quantile(s->batches, 0.99);
}

static struct day_slot *slot_of(struct entry *e, int64_t at_s)
{
    struct day_slot *d = &e->day[at_s / SLOT_S % DAY_SLOTS];

    if (d->at_s != at_s)
        *d = (struct day_slot){.at_s = at_s};
    return d;
}

static void step_entry(struct meters *m, struct entry *e, int64_t now_s, struct errinfo *ei)
{
    int64_t total[SUMS], more[SUMS];
    struct day_slot *d = slot_of(e, now_s - now_s % SLOT_S);

    metrics_age(e, clock_wall(m->c.clock));
    totals(e, total);
    for (size_t i = 0; i < SUMS; i++)
        more[i] = total[i] - e->stepped[i];
    memcpy(e->stepped, total, sizeof total);
    d->rows = added(d->rows, more[SUM_ROWS]);
    d->records = added(d->records, more[SUM_RECORDS]);
    d->errors = added(d->errors, more[SUM_ERRORS]);
    for (int level = 0; level < SERIES_LEVELS; level++) {
        step_level(e, level, now_s, more);
        if (m->series && series_put(m->series, e->block, level, &e->steps[level].point, ei) && m->series_failed++ == 0)
            log_warn("figures over time could not be written: %s", ei->msg);
    }
    memset(e->batches_since, 0, sizeof e->batches_since);
}

void metrics_step(struct meters *m)
{
    int64_t now_s = clock_wall(m->c.clock) / 1000;
    struct errinfo ei;

    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->n; i++)
        if (!m->entries[i]->gone)
            step_entry(m, m->entries[i], now_s, &ei);
    pthread_mutex_unlock(&m->lock);
}

void metrics_recall(struct meters *m, struct entry *e)
{
    int64_t now_s = clock_wall(m->c.clock) / 1000, slot = now_s - now_s % SLOT_S;
    struct series_point day[DAY_SLOTS];

    if (!m->series)
        return;
    e->block = series_block(m->series, entry_name(e));
    for (int level = 0; level < SERIES_LEVELS; level++)
        series_get(m->series, &(struct series_place){e->block, level, now_s - now_s % series_levels[level].step_s},
                   &e->steps[level].point, 1);
    series_get(m->series, &(struct series_place){e->block, SERIES_LEVELS - 1, slot - (DAY_SLOTS - 1) * SLOT_S}, day,
               DAY_SLOTS);
    for (size_t i = 0; i < DAY_SLOTS; i++)
        if (day[i].at_s)
            *slot_of(e, day[i].at_s) = (struct day_slot){day[i].at_s, day[i].sums[SUM_ROWS], day[i].sums[SUM_RECORDS],
                                                         day[i].sums[SUM_ERRORS]};
}

/* ---- a day ---- */

static int64_t midnight(const struct zone *z, int64_t now_s)
{
    struct civil c;

    civil_from_unix(z, now_s, &c);
    c.hour = c.minute = c.second = 0;
    return civil_to_unix(z, &c);
}

void metrics_day(struct meters *m, struct str integration, struct metrics_day *ret)
{
    int64_t now_s = clock_wall(m->c.clock) / 1000, day = midnight(m->c.zone, now_s), total[SUMS];
    int64_t first = now_s - now_s % 3600 - (int64_t)23 * 3600;
    const struct entry *e;

    *ret = (struct metrics_day){0};
    pthread_mutex_lock(&m->lock);
    e = metrics_find(m, integration);
    for (size_t i = 0; e && i < DAY_SLOTS; i++) {
        const struct day_slot *d = &e->day[i];

        if (d->at_s >= day && d->at_s <= now_s) {
            ret->rows += d->rows;
            ret->records += d->records;
            ret->errors += d->errors;
        }
        if (d->at_s >= first && d->at_s <= now_s)
            ret->spark[(d->at_s - first) / 3600] += d->rows;
    }
    if (e) {
        totals(e, total);
        ret->rows += total[SUM_ROWS] - e->stepped[SUM_ROWS];
        ret->records += total[SUM_RECORDS] - e->stepped[SUM_RECORDS];
        ret->errors += total[SUM_ERRORS] - e->stepped[SUM_ERRORS];
        ret->spark[23] += total[SUM_ROWS] - e->stepped[SUM_ROWS];
    }
    pthread_mutex_unlock(&m->lock);
}

/* ---- questions ---- */

static const struct {
    const char *name;
    bool sum;
    int at;
    double factor; /* of a gauge: to seconds, to percent */
} columns[] = {
    {"rows", true, SUM_ROWS, 1},
    {"records", true, SUM_RECORDS, 1},
    {"calls", true, SUM_CALLS, 1},
    {"errors", true, SUM_ERRORS, 1},
    {"latency_p50", false, GAUGE_P50_MS, 0.001},
    {"latency_p99", false, GAUGE_P99_MS, 0.001},
    {"freshness", false, GAUGE_FRESH_MS, 0.001},
    {"quota", false, GAUGE_QUOTA, 100},
};
#define COLUMNS (sizeof columns / sizeof *columns)

static enum err wanted_columns(struct str names, bool ret[COLUMNS], struct errinfo *ei)
{
    struct str rest = names, name;

    for (size_t i = 0; i < COLUMNS; i++)
        ret[i] = !names.n;
    while (names.n && str_cut(&rest, ',', &name)) {
        size_t i = 0;

        while (i < COLUMNS && !str_eq(str_trim(name), str_of(columns[i].name)))
            i++;
        if (i == COLUMNS) {
            fail(ei, ERR_USAGE, "there is no series \"" STR_FMT "\"", STR_ARG(name));
            fail_hint(ei, "there are rows, records, calls, errors, latency_p50, latency_p99, freshness and quota");
            return ei->code;
        }
        ret[i] = true;
    }
    return OK;
}

/* The finest level that still has all of the range, or of which the step asked for is a multiple; and the step. */
static int choose_level(const struct series_query *q, int64_t now_s, int64_t *ret_step)
{
    int level = 0;
    int64_t step, least = (q->to_s - q->from_s + POINTS_MAX - 1) / POINTS_MAX;

    while (level + 1 < SERIES_LEVELS &&
           (now_s - q->from_s > series_levels[level].step_s * (int64_t)series_levels[level].points ||
            q->step_s >= series_levels[level + 1].step_s))
        level++;
    step = q->step_s > least ? q->step_s : least;
    step = (step + series_levels[level].step_s - 1) / series_levels[level].step_s * series_levels[level].step_s;
    *ret_step = step > 0 ? step : series_levels[level].step_s;
    return level;
}

static void merge(struct series_point *to, const struct series_point *p)
{
    if (!p->at_s)
        return;
    if (!to->at_s)
        *to = nothing(p->at_s);
    for (size_t i = 0; i < SUMS; i++)
        to->sums[i] = added(to->sums[i], p->sums[i]);
    for (size_t i = 0; i < GAUGES; i++)
        if (!isnan(p->gauges[i]))
            to->gauges[i] = worse(to->gauges[i], p->gauges[i]);
}

static void add_column(struct json_out *w, size_t column, const struct series_point *p, size_t n)
{
    json_out_key(w, columns[column].name);
    json_out_begin(w, '[');
    for (size_t i = 0; i < n; i++) {
        char number[32];

        if (!p[i].at_s || (!columns[column].sum && !isfinite(p[i].gauges[columns[column].at]))) {
            json_out_null(w);
        } else if (columns[column].sum) {
            json_out_int(w, p[i].sums[columns[column].at]);
        } else {
            int len = snprintf(number, sizeof number, "%.7g",
                               (double)p[i].gauges[columns[column].at] * columns[column].factor);

            json_out_raw(w, (struct str){number, (size_t)len});
        }
    }
    json_out_end(w, ']');
}

struct grid {
    int level;
    int64_t at_s, step_s; /* a multiple of the level's */
    size_t n;
};

/* The points of the grid; free them. */
static struct series_point *read_grid(struct meters *m, struct str integration, const struct grid *g)
{
    size_t each = (size_t)(g->step_s / series_levels[g->level].step_s);
    struct series_point *ret = mem_zero((g->n + 1) * sizeof *ret), *fine = mem_zero((g->n * each + 1) * sizeof *fine);
    const struct entry *e;

    pthread_mutex_lock(&m->lock);
    e = metrics_find(m, integration);
    if (m->series && e)
        series_get(m->series, &(struct series_place){e->block, g->level, g->at_s}, fine, g->n * each);
    pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < g->n * each; i++)
        merge(&ret[i / each], &fine[i]);
    free(fine);
    return ret;
}

enum err metrics_series(struct meters *m, const struct series_query *q, struct buf *out, struct errinfo *ei)
{
    int64_t now_s = clock_wall(m->c.clock) / 1000, to_s = q->to_s < now_s + 1 ? q->to_s : now_s + 1;
    int64_t kept_s = series_levels[SERIES_LEVELS - 1].step_s * (int64_t)series_levels[SERIES_LEVELS - 1].points;
    struct series_query ask = *q;
    struct json_out w = json_out(out);
    struct series_point *points;
    bool wanted[COLUMNS];
    struct grid g;

    if (q->from_s >= q->to_s || q->step_s < 0)
        return fail(ei, ERR_USAGE, "from has to lie before to, and step cannot be negative");
    if (wanted_columns(q->names, wanted, ei))
        return ei->code;
    ask.from_s = q->from_s > now_s - kept_s ? q->from_s : now_s - kept_s;
    ask.to_s = to_s > ask.from_s ? to_s : ask.from_s;
    ask.step_s = q->step_s < kept_s ? q->step_s : kept_s;
    g.level = choose_level(&ask, now_s, &g.step_s);
    g.at_s = ask.from_s - ask.from_s % g.step_s;
    g.n = (size_t)((ask.to_s - g.at_s + g.step_s - 1) / g.step_s);
    points = read_grid(m, q->integration, &g);
    json_out_begin(&w, '{');
    json_number(&w, "step", g.step_s);
    json_out_key(&w, "at");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < g.n; i++)
        json_out_int(&w, g.at_s + (int64_t)i * g.step_s);
    json_out_end(&w, ']');
    for (size_t c = 0; c < COLUMNS; c++)
        if (wanted[c])
            add_column(&w, c, points, g.n);
    json_out_end(&w, '}');
    free(points);
    return OK;
}
