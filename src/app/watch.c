/* Listening to a run: each event becomes a JSON line of the log; those that a person should know become warnings on
 * stderr; on a terminal one live line is redrawn below them.
 *
 * Events come from several threads and the tick from the loop's, so a mutex stands before stderr. Dead letters are told
 * five times and then counted: thousands of them would hide everything else. */
#include "app/watch.h"

#include "app/out.h"
#include "base/log.h"
#include "store/logfile.h"

#include <pthread.h>
#include <stdlib.h>

#define DEAD_TOLD 5
#define LINE_MAX  (1u << 20)

struct watch {
    const struct app *app;
    struct logfile *log;
    pthread_mutex_t lock;
    bool live; /* draw the line */
    bool drawn;
    int64_t dead;
    int64_t rate_rows, rate_ms; /* at the last tick, for rows a second */
    double rate;
};

/* ---- the log ---- */

static void add_times(struct json_out *w, const struct watch *t, const struct event *e)
{
    if (!e->from_s && !e->to_s)
        return;
    json_time(w, "from", t->app, e->from_s * 1000);
    json_time(w, "to", t->app, e->to_s * 1000);
}

static void add_counts(struct json_out *w, const struct event *e)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {{"page", e->page_no},
                  {"position", e->position},
                  {"records", e->records},
                  {"rows", e->rows},
                  {"took_ms", e->took_ms}};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].value)
            json_number(w, counts[i].name, counts[i].value);
}

static void write_log(const struct watch *t, const struct event *e)
{
    struct buf b = buf_make(LINE_MAX);
    struct json_out w = json_out(&b);
    struct errinfo ei;

    json_out_begin(&w, '{');
    json_time(&w, "time", t->app, clock_wall(&clock_system));
    json_member(&w, "event", str_of(event_name(e->kind)));
    json_member(&w, "integration", e->integration);
    if (e->run)
        json_number(&w, "run", e->run);
    add_times(&w, t, e);
    add_counts(&w, e);
    if (e->kind == EVENT_WINDOW_DONE)
        json_flag(&w, "verified", e->flag);
    if (e->kind == EVENT_CIRCUIT)
        json_flag(&w, "open", e->flag);
    if (e->key.n)
        json_member(&w, "key", e->key);
    if (e->code)
        json_member(&w, "code", str_of(err_name(e->code)));
    if (e->kind == EVENT_RUN_ENDED) {
        json_out_key(&w, "summary");
        json_out_raw(&w, e->text);
    } else if (e->text.n) {
        json_member(&w, "text", e->text);
    }
    json_out_end(&w, '}');
    if (!b.failed) {
        char *masked = mem_alloc(b.n + 1);

        if (logfile_write(t->log, (struct str){masked, log_mask(buf_str(&b), masked, b.n + 1)}, &ei))
            log_warn("%s", ei.msg);
        free(masked);
    }
    buf_free(&b);
}

/* ---- stderr; the caller holds the lock ---- */

static void erase(struct watch *t)
{
    if (t->drawn)
        fputs("\r\033[K", stderr);
    t->drawn = false;
}

static struct str text_of(char *out, size_t cap, struct str text)
{
    struct buf b = buf_make(4096);
    size_t n;

    add_clean(&b, str_sub(text, 0, 1000));
    n = log_mask(buf_str(&b), out, cap);
    buf_free(&b);
    return (struct str){out, n};
}

static void warn(struct watch *t, const struct event *e)
{
    char text[1024], key[300], from[TIME_TEXT], to[TIME_TEXT];
    struct str what = text_of(text, sizeof text, e->text), name = text_of(key, sizeof key, e->key);
    const struct zone *z = t->app->project->zone;

    erase(t);
    time_datetime(z, e->from_s, from);
    time_datetime(z, e->to_s, to);
    if (e->kind == EVENT_DEAD)
        log_warn("dead letter " STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(what));
    else if (e->kind == EVENT_GAP)
        log_warn("gap: %s to %s could not be shown to be complete: " STR_FMT, from, to, STR_ARG(what));
    else if (e->kind == EVENT_RETRY)
        log_warn("trying again in %.1f s: " STR_FMT, (double)e->took_ms / 1000, STR_ARG(what));
    else if (name.n)
        log_warn(STR_FMT ": " STR_FMT, STR_ARG(name), STR_ARG(what));
    else
        log_warn(STR_FMT, STR_ARG(what));
}

static bool is_worth_telling(struct watch *t, const struct event *e)
{
    if (e->kind == EVENT_DEAD)
        return t->dead++ < DEAD_TOLD;
    if (e->kind == EVENT_RETRY)
        return t->app->verbose || (e->code && e->code != ERR_QUOTA && e->took_ms >= 2000);
    return e->kind == EVENT_GAP || e->kind == EVENT_NOTICE || e->kind == EVENT_MISSING || e->kind == EVENT_CIRCUIT ||
           (t->app->verbose && e->kind == EVENT_WINDOW_AGAIN);
}

static void hear(void *ctx, const struct event *e)
{
    struct watch *t = ctx;

    pthread_mutex_lock(&t->lock);
    if (t->log)
        write_log(t, e);
    if (is_worth_telling(t, e) && !t->app->quiet)
        warn(t, e);
    pthread_mutex_unlock(&t->lock);
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
    pthread_mutex_lock(&t->lock);
    fprintf(stderr, "\r\033[K%s", buf_cstr(&cut));
    fflush(stderr);
    t->drawn = true;
    pthread_mutex_unlock(&t->lock);
    buf_free(&line);
    buf_free(&cut);
    arena_free(a);
}

struct watch *watch_new(const struct app *app, struct run_options *o)
{
    struct watch *t = mem_zero(sizeof *t);
    struct errinfo ei;

    t->app = app;
    pthread_mutex_init(&t->lock, NULL);
    if (logfile_open(app->project->state_dir, 0, &t->log, &ei))
        log_warn("%s", ei.msg);
    o->listener = (struct listener){hear, t};
    if (app->tty_err && !app->quiet && !app->json) {
        o->tick = tick;
        o->tick_ctx = t;
    }
    return t;
}

void watch_free(struct watch *t)
{
    erase(t);
    if (t->dead > DEAD_TOLD && !t->app->quiet)
        log_warn("and %lld more dead letters", (long long)(t->dead - DEAD_TOLD));
    logfile_close(t->log);
    pthread_mutex_destroy(&t->lock);
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
