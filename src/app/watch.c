/* A run on a terminal: events go to the log (watch/loglines.h), what a person should know to stderr, and one live line
 * is redrawn below.
 *
 * Events come from several threads and the tick from the loop's; who writes on stderr holds the log's lines meanwhile,
 * and what is told takes the live line away first. */
#include "app/watch.h"

#include "app/out.h"
#include "watch/hub.h"
#include "watch/loglines.h"
#include "watch/traces.h"

#include <stdlib.h>

#define TRACES_MS 2000 /* what has not been sent then is lost */

struct watch {
    const struct app *app;
    struct loglines *log;
    struct traces *traces; /* NULL: none are sent */
    struct hub *hub;
    bool drawn;
    int64_t rate_rows, rate_ms; /* at the last tick, for rows a second */
    double rate;
};

static void erase(void *ctx)
{
    struct watch *t = ctx;

    if (t->drawn)
        fputs("\r\033[K", stderr);
    t->drawn = false;
}

/* ---- the live line ---- */

static void add_eta(struct buf *b, const struct run_live *l)
{
    int64_t left_s;

    if (l->permille < 5 || l->permille >= 1000 || l->elapsed_ms < 1000)
        return;
    left_s = l->elapsed_ms * (1000 - l->permille) / l->permille / 1000;
    if (left_s < 3600)
        buf_printf(b, "  ETA %lld:%02lld", (long long)(left_s / 60), (long long)(left_s % 60));
    else
        buf_printf(b, "  ETA %lld h %lld min", (long long)(left_s / 3600), (long long)(left_s % 3600 / 60));
}

/* "11-16 07:10 → 08:10", or "11-16 → 11-23" where the terminal is narrow. */
static void add_window(struct buf *b, const struct watch *t, const struct run_live *l)
{
    char from[TIME_TEXT], to[TIME_TEXT];

    if (!l->window_from_s && !l->window_to_s)
        return;
    time_datetime(t->app->project->zone, l->window_from_s, from);
    time_datetime(t->app->project->zone, l->window_to_s, to);
    if (strncmp(from, to, 10) == 0)
        buf_printf(b, "%.11s → %.5s  ", from + 5, to + 11);
    else if (t->app->width < 100)
        buf_printf(b, "%.5s → %.5s  ", from + 5, to + 5);
    else
        buf_printf(b, "%.11s → %.11s  ", from + 5, to + 5);
}

static void tick(void *ctx, const struct run_live *l)
{
    struct watch *t = ctx;
    struct arena *a = arena_new(1u << 16);
    struct buf line = buf_make(4096), cut = buf_make(8192);
    int64_t span_ms = l->elapsed_ms - t->rate_ms;

    if (span_ms >= 1000) {
        t->rate = (double)(l->counts.rows - t->rate_rows) * 1000 / (double)span_ms;
        t->rate_rows = l->counts.rows;
        t->rate_ms = l->elapsed_ms;
    }
    add_window(&line, t, l);
    buf_printf(&line, "%d%%  pages " STR_FMT "  rows " STR_FMT "  " STR_FMT "/s", l->permille / 10,
               STR_ARG(grouped(a, l->counts.pages)), STR_ARG(grouped(a, l->counts.rows)),
               STR_ARG(grouped(a, (int64_t)t->rate)));
    if (l->quota_left >= 0)
        buf_printf(&line, "  quota left %lld", (long long)l->quota_left);
    add_eta(&line, l);
    if (l->doing && strcmp(l->doing, "reading") != 0)
        buf_printf(&line, "  %s", l->doing);
    add_fitted(&cut, buf_str(&line), (size_t)t->app->width - 1);
    loglines_hold(t->log);
    fprintf(stderr, "\r\033[K%s", buf_cstr(&cut));
    fflush(stderr);
    t->drawn = true;
    loglines_release(t->log);
    buf_free(&line);
    buf_free(&cut);
    arena_free(a);
}

struct watch *watch_new(const struct app *app, struct run_options *o)
{
    struct watch *t = mem_zero(sizeof *t);
    struct errinfo ei;

    t->app = app;
    t->log = loglines_new(&(struct loglines_config){.state_dir = app->project->state_dir,
                                                    .zone = app->project->zone,
                                                    .clock = &clock_system,
                                                    .quiet = app->quiet,
                                                    .verbose = app->verbose,
                                                    .before = erase,
                                                    .ctx = t});
    if (traces_new(app->project, &clock_system, &t->traces, &ei))
        log_warn("no traces are sent: %s", ei.msg);
    t->hub = hub_new();
    hub_listen(t->hub, loglines_listener(t->log));
    hub_listen(t->hub, traces_listener(t->traces));
    o->listener = hub_listener(t->hub);
    if (app->tty_err && !app->quiet && !app->json) {
        o->tick = tick;
        o->tick_ctx = t;
    }
    return t;
}

void watch_free(struct watch *t)
{
    erase(t);
    hub_free(t->hub);
    traces_free(t->traces, TRACES_MS);
    loglines_free(t->log);
    free(t);
}

/* ---- the summary ---- */

static struct str count_of(const struct app *app, int64_t n, const char *one, const char *many)
{
    struct str digits = grouped(app->arena, n);

    return arena_printf(app->arena, STR_FMT "%s", STR_ARG(digits), app->chinese ? "" : n == 1 ? one : many);
}

static void tell_work(const struct app *app, const struct run_summary *s)
{
    const struct counts *c = &s->counts;
    struct str records = count_of(app, c->records, " record", " records"),
               pages = count_of(app, c->pages, " page", " pages");
    struct str rows = count_of(app, c->rows, " row", " rows"), took = duration_text(app, s->duration_ms);

    if (app->chinese)
        say(app, "%s：从 " STR_FMT " 页读到 " STR_FMT " 条记录，写入 " STR_FMT " 行，用时 " STR_FMT "。\n",
            s->integration, STR_ARG(pages), STR_ARG(records), STR_ARG(rows), STR_ARG(took));
    else if (!c->records && !c->rows)
        say(app, "%s: there was nothing new to read; that took " STR_FMT ".\n", s->integration, STR_ARG(took));
    else
        say(app, "%s: read " STR_FMT " on " STR_FMT " and wrote " STR_FMT " in " STR_FMT ".\n", s->integration,
            STR_ARG(records), STR_ARG(pages), STR_ARG(rows), STR_ARG(took));
}

static void tell_rest(const struct app *app, const struct run_summary *s)
{
    const struct counts *c = &s->counts;
    const struct {
        int64_t n;
        const char *english, *chinese;
    } rows[] = {
        {c->filtered, "records were left out by the condition", "条记录被过滤条件排除"},
        {c->repeats, "records were there already, unchanged", "条记录未变化，无需再写"},
        {c->folded, "were older copies of a record that came again", "条为同一记录的旧版本，已合并"},
        {c->overlaid_rows, "rows were overlaid by a later one of the same id", "行被同主键的后一行覆盖"},
        {c->removed, "rows went that their record no longer gives", "行因来源记录不再包含而移除"},
        {c->missing_found, "rows had been missed by earlier runs and were found now", "行为此前遗漏、现已补齐"},
        {c->throttled, "calls were told to slow down", "次调用被限流"},
    };
    bool any = false;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i].n)
            continue;
        say(app, "%s" STR_FMT " %s", any ? either(app, ", ", "，") : "", STR_ARG(grouped(app->arena, rows[i].n)),
            either(app, rows[i].english, rows[i].chinese));
        any = true;
    }
    if (any)
        say(app, "%s\n", either(app, ".", "。"));
}

static void tell_proof(const struct app *app, const struct run_summary *s)
{
    const struct counts *c = &s->counts;
    bool reads = s->kind != RUN_REPLAY && s->kind != RUN_RETRY;

    if (c->dead_records + c->dead_rows)
        say(app,
            either(app,
                   "%s" STR_FMT
                   " could not be written and wait as dead letters:%s `sluice records %s --state error` shows them.\n",
                   "%s" STR_FMT " 条无法写入，已存为死信：%s`sluice records %s --state error` 可查看。\n"),
            color(app, COLOR_YELLOW), STR_ARG(grouped(app->arena, c->dead_records + c->dead_rows)),
            color(app, COLOR_NONE), s->integration);
    if (reads && s->verified && !s->error.code)
        say(app, "%s\n", either(app, "Every window was shown to be complete.", "每个时间窗口都已核对完整。"));
    else if (reads && !s->error.code && s->status != RUN_INTERRUPTED)
        say(app, "%s%s%s\n", color(app, COLOR_YELLOW),
            either(app, "Not every window could be shown to be complete; the gaps are recorded and will be read again.",
                   "有时间窗口未能核对完整；缺口已记录，之后会重读。"),
            color(app, COLOR_NONE));
    if (s->cursor_s != INT64_MIN && s->cursor_is_time)
        say(app,
            either(app, "The target holds everything%s up to " STR_FMT ".\n",
                   "目标库已包含%s截至 " STR_FMT " 的全部数据。\n"),
            c->dead_records + c->dead_rows ? either(app, " else", "除此之外") : "",
            STR_ARG(time_text(app, s->cursor_s)));
    if (s->status == RUN_INTERRUPTED)
        say(app, "%s\n",
            either(app, "It was interrupted; the state is safe and the next run goes on from here.",
                   "运行被中断；状态安全，下次从这里继续。"));
}

void run_tell(const struct app *app, const struct run_summary *s)
{
    bool began = s->counts.pages > 0 || s->counts.rows > 0;

    if (!s->error.code || began)
        tell_work(app, s);
    tell_rest(app, s);
    if (!s->error.code || began)
        tell_proof(app, s);
    if (s->error.code)
        app_fail(app, &s->error);
}
