/* An hour of `sluice serve`, in which nothing goes wrong but that there is work: the agenda says when this integration
 * and its rivals at the same source have their turn, the engine runs as in every world, and orders are edited all the
 * time. How long each edit took from its stamp to the target is held against the promise: the schedule's period, the
 * lag, and two seconds, for 99 of 100. An edit that the next one of its order overtakes before it was due does not
 * count: the upstream shows the newest version alone, whose stamp may lie beyond the window.
 *
 * What the simulation does not have is two runs at the same moment: a rival's turn is time that passes, here as if the
 * source had one turn to give. That a run's own rows are in is looked at when it has ended, which is later than true.
 */
#include "dst.h"

#include "run/agenda.h"

#include <stdlib.h>

enum { HOUR_MS = 3600000, GRACE_MS = 2000, RIVALS_MAX = 3, SOURCE_TURNS = 1 };

static const struct {
    const char *text;
    int64_t period_ms;
} schedules[] = {{"@every 5s", 5000},  {"@every 10s", 10000},   {"@every 30s", 30000},
                 {"* * * * *", 60000}, {"*/2 * * * *", 120000}, {"*/5 * * * *", 300000}};

struct hour {
    struct agenda *agenda;
    struct crontab crontab;
    int64_t end_ms;
    int32_t first, looked_to, known; /* versions made in this hour; all before are in */
    int64_t promise_ms, took_ms[VERSIONS_MAX];
    int32_t next[VERSIONS_MAX]; /* the version that came after it; 0: none */
    bool in[VERSIONS_MAX];
    size_t n;
};

static void calm(struct sim *s)
{
    s->ch = (struct chances){0};
    s->up.date = DATE_TRUTH;
    s->up.date_off_ms = 0;
    s->up.has = HAS_TRUTH;
    s->up.told = TOLD_TRUTH;
    s->up.given_size = s->c.page_size = 50;
    s->c.limit = 200;
    s->c.window_max_s = 7 * 86400;
    s->c.late_percent = s->c.hidden_percent = s->c.refused_percent = s->c.broken_percent = 0;
    s->c.tier = (struct reread){0};
    s->c.new_percent = 10;
    s->c.edit_gap_ms = 1200 + below(s, 4000);
    s->c.trip_ms = 5 + below(s, 60);
}

static void put_entry(struct sim *s, struct hour *h, struct str name, const struct crontab *c)
{
    struct agenda_entry e = {.name = name,
                             .source = S("shop"),
                             .main = *c,
                             .has_main = true,
                             .zone = flows_project()->zone,
                             .ran_ms = INT64_MIN,
                             .tiers_ms = INT64_MAX};

    agenda_put(h->agenda, &e, clock_wall(&s->clock));
}

static void declare(struct sim *s, struct hour *h)
{
    static const char *const rivals[RIVALS_MAX] = {"refunds", "stock", "items"};
    size_t which = (size_t)below(s, sizeof schedules / sizeof *schedules);
    int64_t n = below(s, RIVALS_MAX + 1);
    const char *why;
    struct crontab often;

    h->agenda = agenda_new(16, SOURCE_TURNS);
    h->promise_ms = schedules[which].period_ms + s->c.lag_s * 1000 + GRACE_MS;
    if (!crontab_parse(str_of(schedules[which].text), &h->crontab, &why) ||
        !crontab_parse(S("@every 7s"), &often, &why))
        sim_fail(s, "the schedule cannot be read: %s", why);
    put_entry(s, h, s->integration.name, &h->crontab);
    for (int64_t i = 0; i < n; i++)
        put_entry(s, h, str_of(rivals[i]), &often);
    sim_trace(s, "hour    %s, lag %lld s, %lld rivals", schedules[which].text, (long long)s->c.lag_s, (long long)n);
}

/* It was the newest for as long as it may take, and not seen so late that it is behind the cursor: an edit soon after
 * one from before the hour is not seen before that one is. */
static bool counts(const struct sim *s, const struct hour *h, int32_t v)
{
    int32_t next = h->next[v];

    if (!check_promised(s, &s->up.v[v]))
        return false;
    return !next || s->up.v[next].visible_ms - s->up.v[v].visible_ms > h->promise_ms;
}

/* What has arrived by now. */
static void look(struct sim *s, struct hour *h)
{
    for (; h->known < s->up.n_versions; h->known++)
        h->next[s->up.v[h->known].before] = h->known;
    while (h->looked_to < s->up.n_versions && h->in[h->looked_to])
        h->looked_to++;
    for (int32_t v = h->looked_to; v < s->up.n_versions; v++) {
        if (h->in[v] || !check_arrived(s, v))
            continue;
        h->in[v] = true;
        if (counts(s, h, v))
            h->took_ms[h->n++] = s->t_ms - s->up.v[v].visible_ms;
    }
}

static void turn(struct sim *s, struct hour *h, const struct task *t)
{
    int64_t id = t->id;

    if (str_eq(t->integration, s->integration.name)) {
        seed_one_run(s, RUN_MAIN);
        if (s->summary.error.code && !s->failed)
            sim_fail(s, "a run failed in a calm world: %s", s->summary.error.msg);
        look(s, h);
    } else {
        world_advance(s, 10 + below(s, 200));
    }
    agenda_done(h->agenda, id, &(struct task_end){.tiers_ms = INT64_MAX, .rest_from_s = INT64_MIN},
                clock_wall(&s->clock));
}

static void pass(struct sim *s, struct hour *h)
{
    const struct task *t;

    while (s->t_ms < h->end_ms && !s->failed) {
        int64_t now = clock_wall(&s->clock), wake;

        if (agenda_take(h->agenda, now, &t)) {
            turn(s, h, t);
            continue;
        }
        wake = agenda_wake_ms(h->agenda);
        if (wake == INT64_MAX || wake <= now) {
            sim_fail(s, "nothing is due, and nothing will be");
            return;
        }
        world_advance(s, wake - now < h->end_ms - s->t_ms ? wake - now : h->end_ms - s->t_ms);
    }
}

static int by_length(const void *x, const void *y)
{
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

    return a < b ? -1 : a > b;
}

static void judge(struct sim *s, struct hour *h)
{
    int64_t promise_ms = h->promise_ms, p99;

    look(s, h);
    /* what was made too late to be due may still be on its way */
    for (int32_t v = h->first; v < s->up.n_versions && !s->failed; v++)
        if (!h->in[v] && counts(s, h, v) && s->up.v[v].visible_ms + promise_ms < h->end_ms)
            sim_fail(s, "version %d, made %.1f s before the end, is not in: promised are %.1f s", v,
                     (double)(h->end_ms - s->up.v[v].visible_ms) / 1000, (double)promise_ms / 1000);
    if (s->failed || !h->n)
        return;
    qsort(h->took_ms, h->n, sizeof *h->took_ms, by_length);
    p99 = h->took_ms[h->n - 1 - h->n / 100];
    sim_trace(s, "hour    %zu edits, p99 %.1f s of %.1f s", h->n, (double)p99 / 1000, (double)promise_ms / 1000);
    if (p99 > promise_ms)
        sim_fail(s, "of %zu edits one in a hundred took %.1f s or more; promised are %.1f s", h->n, (double)p99 / 1000,
                 (double)promise_ms / 1000);
    s->totals->hour_edits += (int64_t)h->n;
    if (p99 * 1000 / promise_ms > s->totals->hour_worst_permille)
        s->totals->hour_worst_permille = p99 * 1000 / promise_ms;
}

void hour_run(struct sim *s)
{
    struct hour *h = mem_zero(sizeof *h);

    world_make(s);
    calm(s);
    disk_clear(s, true);
    flows_use(s);
    declare(s, h);
    seed_one_run(s, RUN_MAIN); /* what was there before is brought first */
    h->first = h->looked_to = s->up.n_versions;
    h->end_ms = s->t_ms + HOUR_MS;
    pass(s, h);
    if (!s->failed)
        judge(s, h);
    agenda_free(h->agenda);
    free(h);
}
