/* The overview, kept ready: asking for it costs no look at the disk, however many ask. A row is made anew when
 * something happened to its integration, at most once a second, and besides every half minute, so that what nobody
 * tells of (another process that ran it) is seen as well. Live figures come four times a second from the runs and are
 * told once.
 *
 * The state of a row is its first that applies: broken, disabled, paused, failing, running, waiting, late, new, ok. */
#include "app/alarms.h"
#include "app/serving.h"

#include <stdlib.h>
#include <string.h>

#include "app/out.h"
#include "app/standing.h"
#include "base/map.h"
#include "base/num.h"
#include "project/token_file.h"
#include "run/schedule.h"
#include "source/login.h"

#define NAMES_MAX   (64u << 20)
#define ROW_MAX     (4u << 20)
#define LOOK_MS     30000
#define LATE_FACTOR 3
#define BACKGROUND  64 /* rows looked at anew for their age, each second */

struct row {
    struct str name;
    struct buf json;
    bool stale, live_stale;
    int64_t looked_ms;
    int rank; /* what needs a person first */
    /* figures for the sums */
    int64_t dead, found_missing, rows_today;
    bool running, failing;
};

struct rows {
    struct serving *s;
    pthread_mutex_t lock;
    struct arena *arena;
    struct map *names;
    struct row **rows;
    size_t n, next; /* next to be looked at for its age */
    bool all_stale;
};

struct rows *rows_new(struct serving *s)
{
    struct rows *r = mem_zero(sizeof *r);

    r->s = s;
    r->arena = arena_new(NAMES_MAX);
    r->names = map_new();
    r->all_stale = true;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void rows_free(struct rows *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++) {
        buf_free(&r->rows[i]->json);
        free(r->rows[i]);
    }
    free(r->rows);
    map_free(r->names);
    arena_free(r->arena);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* Under the lock, as all that follows here. */
static struct row *row_of(struct rows *r, struct str name)
{
    size_t i = map_get(r->names, name);
    struct row *row;

    if (i != MAP_NONE)
        return r->rows[i];
    row = mem_zero(sizeof *row);
    row->name = arena_str(r->arena, name);
    row->json = buf_make(ROW_MAX);
    row->stale = true;
    r->rows = mem_grow(r->rows, (r->n + 1) * sizeof(struct row *));
    r->rows[r->n] = row;
    map_put(r->names, row->name, r->n++);
    return row;
}

void rows_stale(struct rows *r, struct str name)
{
    pthread_mutex_lock(&r->lock);
    if (name.p)
        row_of(r, name)->stale = true;
    else
        r->all_stale = true;
    pthread_mutex_unlock(&r->lock);
}

/* ---- live figures ---- */

void rows_live(struct rows *r, const struct task *t, const struct run_live *now)
{
    struct live_job job = {t->integration, t->id, task_run_kind(t), t->since_ms};
    struct row *row;

    if (now)
        live_tick(r->s->live, &job, now, clock_mono(&clock_system));
    else
        live_end(r->s->live, t->integration);
    pthread_mutex_lock(&r->lock);
    row = row_of(r, t->integration);
    row->live_stale = true;
    row->stale |= !now;
    pthread_mutex_unlock(&r->lock);
}

static void add_live(struct rows *r, struct str name, struct json_out *w)
{
    struct buf b = buf_make(ROW_MAX);

    live_json(r->s->live, name, &b);
    json_out_raw(w, buf_str(&b));
    buf_free(&b);
}

/* ---- rows ---- */

struct view {
    struct standing standing;
    struct service_look look;
    const struct integration *integration; /* NULL: its files never were good */
    int64_t now_ms, period_ms;             /* of its schedule; 0: none */
};

static const char *const state_names[] = {"broken",  "disabled", "paused", "running", "failing",
                                          "waiting", "late",     "new",    "ok"};
static const int state_ranks[] = {0, 8, 7, 5, 1, 4, 2, 3, 6};
enum row_state {
    ROW_BROKEN,
    ROW_DISABLED,
    ROW_PAUSED,
    ROW_RUNNING,
    ROW_FAILING,
    ROW_WAITING,
    ROW_LATE,
    ROW_NEW,
    ROW_OK
};

static bool is_late(const struct view *v)
{
    return v->period_ms && v->standing.behind_ms >= 0 &&
           v->standing.behind_ms > LATE_FACTOR * v->period_ms + v->integration->lag_ms + LOOK_MS;
}

static enum row_state state_of(const struct view *v)
{
    const struct standing *s = &v->standing;

    if (v->look.broken)
        return ROW_BROKEN;
    if (!v->look.enabled)
        return ROW_DISABLED;
    if (v->look.paused)
        return ROW_PAUSED;
    if (s->last && (str_eq(s->last->status, S("failed")) || s->retry.failures))
        return ROW_FAILING;
    if (v->look.running)
        return ROW_RUNNING;
    if (v->look.n_waiting)
        return ROW_WAITING;
    if (is_late(v))
        return ROW_LATE;
    return s->last ? ROW_OK : ROW_NEW;
}

/* The sentence of a failure, in the summary that the run left. */
static struct str error_of(const struct standing *s, struct arena *a)
{
    struct json_doc *doc = NULL;
    struct errinfo ei;
    struct str text = {0};

    if (!s->last || !s->last->summary.n || json_parse(s->last->summary, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        return text;
    text = json_text(json_get(json_get(json_root(doc), S("error")), S("message")));
    text = text.n ? arena_str(a, text) : (struct str){0};
    json_free(doc);
    return text;
}

static struct str reason_of(const struct view *v, enum row_state state, struct arena *a)
{
    if (state == ROW_BROKEN)
        return str_of(v->look.why);
    return state == ROW_FAILING ? error_of(&v->standing, a) : (struct str){0};
}

static void time_or_number(struct json_out *w, const char *key, const struct app *app, const struct view *v)
{
    int64_t at = v->standing.progress.cursor_s;

    if (!v->standing.progress.known || at == INT64_MIN || !at)
        json_member(w, key, (struct str){0});
    else if (v->standing.cursor_is_time)
        json_time(w, key, app, at * 1000);
    else
        json_number(w, key, at);
}

static void last_json(struct json_out *w, const struct app *app, const struct view *v)
{
    const struct run_row *l = v->standing.last;

    json_out_key(w, "last");
    if (!l) {
        json_out_null(w);
        return;
    }
    json_out_begin(w, '{');
    json_number(w, "run", l->id);
    json_member(w, "kind", l->kind);
    json_member(w, "status", l->status);
    json_time(w, "started", app, l->started_ms);
    json_time(w, "ended", app, l->ended_ms ? l->ended_ms : INT64_MIN);
    json_member(w, "error", error_of(&v->standing, app->arena));
    json_out_end(w, '}');
}

static void schedule_json(struct json_out *w, const struct app *app, const struct view *v)
{
    const struct integration *i = v->integration;

    json_member(w, "schedule", i && i->source_crontab.n ? i->source_crontab : (struct str){0});
    json_member(w, "target_schedule", i && i->target_crontab.n ? i->target_crontab : (struct str){0});
    json_time(w, "next", app, v->look.next_ms == INT64_MAX ? INT64_MIN : v->look.next_ms);
}

/* What happened today, and rows an hour over a day. */
static void day_json(struct json_out *w, struct rows *r, struct row *row)
{
    struct metrics_day d;

    metrics_day(r->s->meters, row->name, &d);
    row->rows_today = d.rows;
    json_number(w, "rows_today", d.rows);
    json_number(w, "records_today", d.records);
    json_number(w, "errors_today", d.errors);
    json_out_key(w, "spark");
    json_out_begin(w, '[');
    for (size_t i = 0; i < sizeof d.spark / sizeof *d.spark; i++)
        json_out_int(w, d.spark[i]);
    json_out_end(w, ']');
}

static void write_row(struct rows *r, struct row *row, const struct app *app, const struct view *v)
{
    const struct standing *s = &v->standing;
    enum row_state state = state_of(v);
    struct json_out w = json_out(&row->json);
    int64_t fresh = s->progress.freshest_ms;

    row->json.n = 0;
    row->rank = state_ranks[state];
    row->running = v->look.running;
    row->failing = state == ROW_FAILING || state == ROW_BROKEN;
    row->dead = s->dead;
    row->found_missing = s->found_missing;
    json_out_begin(&w, '{');
    json_member(&w, "name", row->name);
    json_member(&w, "title", v->integration ? v->integration->title : row->name);
    json_flag(&w, "enabled", v->look.enabled);
    json_flag(&w, "paused", v->look.paused);
    json_member(&w, "state", str_of(state_names[state]));
    json_member(&w, "reason", reason_of(v, state, app->arena));
    time_or_number(&w, "cursor", app, v);
    json_time(&w, "freshest", app, fresh ? fresh : INT64_MIN);
    json_out_key(&w, "fresh_ms");
    if (fresh)
        json_out_int(&w, v->now_ms - fresh);
    else
        json_out_null(&w);
    json_out_key(&w, "behind_ms");
    if (s->behind_ms >= 0)
        json_out_int(&w, s->behind_ms);
    else
        json_out_null(&w);
    json_number(&w, "dead", s->dead);
    json_number(&w, "gaps", s->gaps);
    json_number(&w, "found_missing", s->found_missing);
    json_number(&w, "windows_open", (int64_t)s->n_open);
    json_number(&w, "changes", (int64_t)s->n_changes);
    schedule_json(&w, app, v);
    day_json(&w, r, row);
    json_number(&w, "waiting", (int64_t)v->look.n_waiting);
    last_json(&w, app, v);
    json_out_key(&w, "running");
    add_live(r, row->name, &w);
    json_out_end(&w, '}');
}

/* -1: the connection needs no token, or none was fetched yet. */
static int64_t token_left_ms(const struct app *app, const struct connection *c, int64_t now_ms)
{
    struct token_terms terms;
    struct errinfo unused;
    struct str saved;
    int64_t ends_ms;

    if (!c || !c->connector || !connector_token(c->connector, &terms) ||
        token_load(app->project, c->name, app->arena, &saved, &unused) || !login_expires_ms(saved, &ends_ms))
        return -1;
    return ends_ms > now_ms ? ends_ms - now_ms : 0;
}

/* The same figures for Prometheus and the charts. */
static void sample(struct rows *r, struct str name, const struct view *v, struct app *app)
{
    const struct standing *s = &v->standing;
    struct metrics_sample m = {
        .fresh_ms = s->progress.freshest_ms ? v->now_ms - s->progress.freshest_ms : -1,
        .behind_ms = s->behind_ms,
        .quota_left = -1,
        .quota_limit = -1,
        .journal_pages = -1,
        .journal_bytes = -1,
        .dead = s->dead,
        .gaps = s->gaps,
        .windows_open = (int64_t)s->n_open,
        .token_left_ms = token_left_ms(app, v->integration ? v->integration->source : NULL, v->now_ms),
        .clock_offset_ms = INT64_MIN,
        .running = v->look.running,
        .paused = v->look.paused,
        .state = state_names[state_of(v)],
    };
    struct journal *j = NULL;
    struct str clock = {0};
    struct bucket *b = NULL;
    struct errinfo ei;
    const struct connection *c = v->integration ? v->integration->source : NULL;

    if (!app_open_journal(app, name, &j, &ei)) {
        m.journal_bytes = journal_bytes(j);
        m.journal_pages = s->progress.known ? journal_last(j) - s->progress.page : journal_last(j);
        journal_close(j);
    }
    if (c && c->requests &&
        !bucket_open(arena_printf(app->arena, "%s/quota", app->project->state_dir).p, c->name, c->requests, c->per_ms,
                     &b, &ei)) {
        m.quota_left = bucket_left(b);
        m.quota_limit = c->requests;
        bucket_close(b);
    }
    if (c &&
        !store_fact(app->store, arena_printf(app->arena, "clock:" STR_FMT, STR_ARG(c->name)), app->arena, &clock,
                    &ei) &&
        clock.p && !num_i64(clock, &m.clock_offset_ms))
        m.clock_offset_ms = INT64_MIN;
    metrics_sample(r->s->meters, name, &m);
    alarms_sample(r->s, &(struct alarm_figures){.integration = v->integration,
                                                .standing = s,
                                                .period_ms = v->period_ms,
                                                .quota_left = m.quota_left,
                                                .quota_limit = m.quota_limit,
                                                .token_left_ms = m.token_left_ms,
                                                .clock_offset_ms = m.clock_offset_ms,
                                                .running = v->look.running,
                                                .resting = v->look.paused || !v->look.enabled});
}

static int64_t period_of(const struct integration *i, const struct zone *z, int64_t now_ms)
{
    struct crontab c;
    const char *why;
    int64_t next;

    if (!i || !crontab_parse(i->source_crontab, &c, &why))
        return 0;
    next = schedule_next(&c, z, now_ms);
    return next == INT64_MAX ? 0 : schedule_next(&c, z, next) - next;
}

/* Looks without the lock, and writes with it. */
static void make_row(struct rows *r, struct str name)
{
    struct serving *s = r->s;
    struct app app = *s->app;
    struct view v = {.now_ms = clock_wall(&clock_system)};
    struct generation *g, *newest = service_project(s->service);
    struct errinfo ei;
    struct row *row;

    app.arena = arena_new(64u << 20);
    app.store = s->store;
    service_look(s->service, name, &v.look);
    g = service_integration(s->service, name, &v.integration);
    app.project = g ? g->project : newest->project;
    v.standing.behind_ms = -1;
    if (g && standing_look(&app, v.integration, &v.standing, &ei))
        v.look.broken = true;
    v.period_ms = period_of(v.integration, app.project->zone, v.now_ms);
    sample(r, name, &v, &app);
    pthread_mutex_lock(&r->lock);
    row = row_of(r, name);
    write_row(r, row, &app, &v);
    row->looked_ms = v.now_ms;
    pthread_mutex_unlock(&r->lock);
    arena_free(app.arena);
    generation_unref(g);
    generation_unref(newest);
}

/* ---- refreshing ---- */

static void publish(struct rows *r, const char *event, struct str name, struct str json)
{
    if (r->s->server)
        server_publish(r->s->server, event, name, json);
}

/* `live` of a row whose figures moved. */
static void tell_live(struct rows *r, struct row *row)
{
    struct buf b = buf_make(ROW_MAX);
    struct json_out w = json_out(&b);

    json_out_begin(&w, '{');
    json_member(&w, "integration", row->name);
    json_out_key(&w, "live");
    add_live(r, row->name, &w);
    json_out_end(&w, '}');
    publish(r, "live", row->name, buf_str(&b));
    buf_free(&b);
}

/* Takes what is to be made anew: stale rows, and some for their age. In the arena. */
static struct strs take_stale(struct rows *r, struct arena *a, int64_t now_ms)
{
    struct str *names;
    size_t n = 0, aged = 0;

    pthread_mutex_lock(&r->lock);
    names = ARENA_ARRAY(a, struct str, r->n + 1);
    for (size_t i = 0; i < r->n; i++) {
        struct row *row = r->rows[(r->next + i) % r->n];
        bool old = now_ms - row->looked_ms > LOOK_MS && aged < BACKGROUND;

        if (row->live_stale)
            tell_live(r, row);
        row->live_stale = false;
        if (!row->stale && !old)
            continue;
        aged += !row->stale;
        row->stale = false;
        names[n++] = row->name;
    }
    r->next = r->n ? (r->next + aged) % r->n : 0;
    pthread_mutex_unlock(&r->lock);
    return (struct strs){names, n};
}

/* Rows of integrations that there are; the others are forgotten in the overview by their absence here. */
static void take_names(struct rows *r, struct arena *a)
{
    struct strs names;
    bool all;

    pthread_mutex_lock(&r->lock);
    all = r->all_stale;
    r->all_stale = false;
    pthread_mutex_unlock(&r->lock);
    if (!all)
        return;
    names = service_names(r->s->service, a);
    metrics_keep(r->s->meters, names.at, names.n);
    for (size_t i = 0; i < names.n; i++)
        rows_stale(r, names.at[i]);
}

void rows_refresh(struct rows *r)
{
    struct arena *a = arena_new(64u << 20);
    struct strs names;

    take_names(r, a);
    names = take_stale(r, a, clock_wall(&clock_system));
    for (size_t i = 0; i < names.n; i++) {
        struct buf copy = buf_make(ROW_MAX);

        make_row(r, names.at[i]);
        if (rows_one(r, names.at[i], &copy))
            publish(r, "row", names.at[i], buf_str(&copy));
        buf_free(&copy);
    }
    arena_free(a);
}

/* ---- answers ---- */

static bool is_known(const struct rows *r, struct str name)
{
    struct service_look look;

    service_look(r->s->service, name, &look);
    return look.known;
}

bool rows_one(struct rows *r, struct str name, struct buf *out)
{
    size_t i;
    bool known = is_known(r, name);

    if (!known)
        return false;
    pthread_mutex_lock(&r->lock);
    i = map_get(r->names, name);
    known = i != MAP_NONE && r->rows[i]->json.n;
    if (known)
        buf_add(out, buf_str(&r->rows[i]->json));
    pthread_mutex_unlock(&r->lock);
    if (known)
        return true;
    make_row(r, name);
    pthread_mutex_lock(&r->lock);
    buf_add(out, buf_str(&row_of(r, name)->json));
    pthread_mutex_unlock(&r->lock);
    return true;
}

bool rows_anew(struct rows *r, struct str name, struct buf *out)
{
    if (is_known(r, name))
        make_row(r, name);
    return rows_one(r, name, out);
}

static int by_rank(const void *x, const void *y)
{
    const struct row *a = *(struct row *const *)x, *b = *(struct row *const *)y;

    return a->rank != b->rank ? a->rank - b->rank : str_cmp(a->name, b->name);
}

static void totals_json(struct json_out *w, struct row *const *rows, size_t n, int64_t firing)
{
    int64_t running = 0, failing = 0, dead = 0, missing = 0, today = 0;

    for (size_t i = 0; i < n; i++) {
        running += rows[i]->running;
        failing += rows[i]->failing;
        dead += rows[i]->dead;
        missing += rows[i]->found_missing;
        today += rows[i]->rows_today;
    }
    json_out_key(w, "totals");
    json_out_begin(w, '{');
    json_number(w, "integrations", (int64_t)n);
    json_number(w, "running", running);
    json_number(w, "failing", failing);
    json_number(w, "rows_today", today);
    json_number(w, "dead", dead);
    json_number(w, "found_missing", missing);
    json_number(w, "firing", firing);
    json_out_end(w, '}');
}

void rows_overview(struct rows *r, struct buf *out)
{
    struct arena *a = arena_new(64u << 20);
    struct strs names = service_names(r->s->service, a);
    struct row **rows = ARENA_ARRAY(a, struct row *, names.n + 1);
    struct json_out w = json_out(out);
    size_t n = 0;

    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < names.n; i++) {
        size_t at = map_get(r->names, names.at[i]);

        if (at != MAP_NONE && r->rows[at]->json.n)
            rows[n++] = r->rows[at];
    }
    qsort(rows, n, sizeof(struct row *), by_rank);
    json_out_begin(&w, '{');
    json_time(&w, "now", r->s->app, clock_wall(&clock_system));
    totals_json(&w, rows, n, (int64_t)alerts_firing(r->s->alerts));
    json_out_key(&w, "integrations");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < n; i++)
        json_out_raw(&w, buf_str(&rows[i]->json));
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    pthread_mutex_unlock(&r->lock);
    arena_free(a);
}
