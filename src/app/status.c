/* `status` and `runs`: where each integration stands and what its runs were, from the project's own state. Nobody is
 * called. */
#include "app/fields.h"
#include "app/out.h"
#include "app/standing.h"
#include "app/windows.h"
#include "base/product.h"

static enum color color_of(struct str status)
{
    if (str_eq(status, S("ok")))
        return COLOR_GREEN;
    return str_eq(status, S("failed")) ? COLOR_RED : COLOR_YELLOW;
}

static struct str mark(const struct app *app, const struct standing *s, int64_t at)
{
    if (!s->progress.known || at == INT64_MIN || !at)
        return S("—");
    return s->cursor_is_time ? time_text(app, at) : arena_printf(app->arena, "%lld", (long long)at);
}

static void line(const struct app *app, const char *english, const char *chinese, struct str value)
{
    struct buf b = buf_make(4096);

    buf_add(&b, S("  "));
    add_fitted(&b, str_of(either(app, english, chinese)), 16);
    add_clean(&b, value);
    buf_byte(&b, '\n');
    say_str(app, buf_str(&b));
    buf_free(&b);
}

static void tell_trouble(const struct app *app, const struct standing *s)
{
    const struct health_state *h = &s->upstream;

    if (h->open)
        line(app, "upstream", "上游",
             arena_printf(app->arena,
                          either(app, "down since " STR_FMT ", %lld calls failed in a row; probed again in " STR_FMT,
                                 "自 " STR_FMT " 起无响应，连续失败 %lld 次；" STR_FMT " 后再探测"),
                          STR_ARG(time_text(app, h->since_ms / 1000)), (long long)h->failures,
                          STR_ARG(duration_text(app, h->next_ms))));
    if (s->retry.failures && s->retry.next_ms)
        line(app, "next try", "下次重试",
             arena_printf(app->arena, either(app, STR_FMT ", after %lld failures", STR_FMT "，已失败 %lld 次"),
                          STR_ARG(time_text(app, s->retry.next_ms / 1000)), (long long)s->retry.failures));
    else if (s->retry.failures)
        line(app, "next try", "下次重试",
             str_of(either(app, "none: it stays in error until someone runs it", "无：保持错误状态，直至人工重试")));
}

/* How late records become visible, and which overlap would have brought them all. */
static void tell_lateness(const struct app *app, const struct standing *s)
{
    const struct lateness *l = &s->late;
    int64_t overlap_s = s->integration->overlap_ms / 1000;

    if (!lateness_late_ones(l)) {
        if (lateness_count(l))
            line(app, "late records", "迟到记录", str_of(either(app, "none", "无")));
        return;
    }
    line(app, "late records", "迟到记录",
         arena_printf(app->arena,
                      either(app, STR_FMT " of " STR_FMT ": p50 %lld s, p99 %lld s, p99.9 %lld s, max %lld s",
                             STR_FMT " / " STR_FMT "：p50 %lld 秒，p99 %lld 秒，p99.9 %lld 秒，最大 %lld 秒"),
                      STR_ARG(grouped(app->arena, lateness_late_ones(l))),
                      STR_ARG(grouped(app->arena, lateness_count(l))), (long long)lateness_within_s(l, 500),
                      (long long)lateness_within_s(l, 990), (long long)lateness_within_s(l, 999), (long long)l->max_s));
    line(app, "overlap needed", "所需重叠",
         arena_printf(app->arena,
                      l->behind_max_s > overlap_s
                          ? either(app, "%lld s, more than the %lld s declared", "%lld 秒，超过声明的 %lld 秒")
                          : either(app, "%lld s of the %lld s declared", "%lld 秒（声明 %lld 秒）"),
                      (long long)l->behind_max_s, (long long)overlap_s));
}

static void tell(const struct app *app, const struct standing *s)
{
    say(app, "%s" STR_FMT "%s  " STR_FMT "%s%s\n", color(app, COLOR_BOLD), STR_ARG(s->integration->name),
        color(app, COLOR_NONE), STR_ARG(s->integration->title),
        s->integration->enabled ? "" : either(app, "  (disabled)", "（已停用）"),
        s->progress.paused ? either(app, "  (paused)", "（已暂停）") : "");
    if (!s->last) {
        line(app, "last run", "上次运行", str_of(either(app, "never", "从未")));
        tell_trouble(app, s);
        return;
    }
    say(app, "  %s%s" STR_FMT "%s, %s, " STR_FMT "\n", either(app, "last run        ", "上次运行        "),
        color(app, color_of(s->last->status)), STR_ARG(s->last->status), color(app, COLOR_NONE),
        arena_cstr(app->arena, s->last->kind), STR_ARG(time_text(app, s->last->started_ms / 1000)));
    line(app, "written up to", "已写入至", mark(app, s, s->progress.cursor_s));
    line(app, "fetched up to", "已读取至", mark(app, s, s->progress.fetched_s));
    if (s->behind_ms >= 0)
        line(app, "behind", "落后", duration_text(app, s->behind_ms));
    tell_trouble(app, s);
    line(app, "dead letters", "死信", grouped(app->arena, s->dead));
    line(app, "open gaps", "未闭合缺口", grouped(app->arena, s->gaps));
    if (s->n_changes)
        line(app, "changes", "记录变化", grouped(app->arena, (int64_t)s->n_changes));
    line(app, "windows", "窗口",
         s->n_open ? arena_printf(app->arena, either(app, "%zu not verified", "%zu 个未核实"), s->n_open)
                   : str_of(either(app, "all verified", "全部已核实")));
    for (size_t k = 0; k < s->n_windows; k++)
        window_tell(app, &s->windows[k], "    ");
    line(app, "found missing", "补漏行数", grouped(app->arena, s->found_missing));
    tell_lateness(app, s);
    if (s->promise.p)
        line(app, "promise", "写入保证", s->promise);
    if (s->path.p)
        line(app, "rows go in by", "写入方式", s->path);
    if (app->n_words)
        changes_tell(app, s->changes, s->n_changes);
}

static int status_all(struct app *app)
{
    struct buf b = buf_make(16u << 20);
    struct json_out w = json_out(&b);
    struct errinfo ei;
    int status = STATUS_OK;

    json_out_begin(&w, '{');
    json_member(&w, "project", app->project->settings.name);
    json_out_key(&w, "integrations");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < app->project->n_integrations && status == STATUS_OK; i++) {
        struct standing s;

        if (app->n_words && !str_eq(app->project->integrations[i].name, app_word(app, 0)))
            continue;
        if (standing_look(app, &app->project->integrations[i], &s, &ei)) {
            status = app_fail(app, &ei);
            break;
        }
        standing_json(app, &w, &s);
        tell(app, &s);
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    if (app->json && status == STATUS_OK)
        print_json(app, &b);
    buf_free(&b);
    return status;
}

int command_status(struct app *app)
{
    const struct integration *i;
    struct errinfo ei;
    enum err err = app->n_words ? app_open_integration(app, &i, &ei) : app_open_project(app, (struct str){0}, &ei);

    err = err ? err : app_open_store(app, false, &ei);
    return err ? app_fail(app, &ei) : status_all(app);
}

/* ---- runs ---- */

static void run_json(const struct app *app, struct json_out *w, const struct run_row *r)
{
    json_out_begin(w, '{');
    json_number(w, "run", r->id);
    json_member(w, "integration", r->integration);
    json_member(w, "kind", r->kind);
    json_member(w, "status", r->status);
    json_time(w, "started", app, r->started_ms);
    json_time(w, "ended", app, r->ended_ms ? r->ended_ms : INT64_MIN);
    json_out_key(w, "summary");
    if (r->summary.n)
        json_out_raw(w, r->summary);
    else
        json_out_null(w);
    json_out_end(w, '}');
}

static void run_line(const struct app *app, const struct run_row *r)
{
    struct json_doc *doc = NULL;
    struct errinfo ei;
    const struct json *s, *error;
    int64_t records = 0, rows = 0, dead = 0, took = 0;

    if (r->summary.n && json_parse(r->summary, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei) != OK)
        doc = NULL;
    s = doc ? json_root(doc) : NULL;
    json_i64(json_get(s, S("records")), &records);
    json_i64(json_get(s, S("rows")), &rows);
    json_i64(json_get(s, S("dead")), &dead);
    json_i64(json_get(s, S("duration_ms")), &took);
    error = json_get(json_get(s, S("error")), S("message"));
    say(app, STR_FMT "  %-8.*s %s%-11.*s%s %9lld records %9lld rows %5lld dead  " STR_FMT "\n",
        STR_ARG(time_text(app, r->started_ms / 1000)), STR_ARG(r->kind), color(app, color_of(r->status)),
        STR_ARG(r->status), color(app, COLOR_NONE), (long long)records, (long long)rows, (long long)dead,
        STR_ARG(duration_text(app, took)));
    if (json_text(error).n)
        say(app, "    " STR_FMT "\n", STR_ARG(json_text(error)));
    json_free(doc);
}

int command_runs(struct app *app)
{
    const struct integration *i;
    struct buf b = buf_make(64u << 20);
    struct json_out w = json_out(&b);
    struct run_row *runs = NULL;
    struct errinfo ei;
    int64_t limit, before = 0;
    size_t n = 0;

    if (app_open_integration(app, &i, &ei) ||
        app_number(app, "number", (struct number_range){20, 1, 100000}, &limit, &ei) ||
        app_number(app, "before", (struct number_range){0, 1, INT64_MAX}, &before, &ei) ||
        app_open_store(app, false, &ei))
        return app_fail(app, &ei);
    if (app_flag(app, "windows"))
        return windows_list(app, (struct window_query){i->name, (size_t)limit, false, before});
    if ((app->store &&
         store_runs(app->store, &(struct run_query){i->name, (size_t)limit, before}, app->arena, &runs, &n, &ei)))
        return app_fail(app, &ei);
    json_out_begin(&w, '{');
    json_out_key(&w, "runs");
    json_out_begin(&w, '[');
    for (size_t k = 0; k < n; k++) {
        run_json(app, &w, &runs[k]);
        if (!app->json)
            run_line(app, &runs[k]);
    }
    json_out_end(&w, ']');
    json_next_page(&w, n && n == (size_t)limit ? runs[n - 1].id : 0);
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    else if (!n)
        say(app, "%s\n", either(app, "It never ran.", "从未运行。"));
    buf_free(&b);
    return STATUS_OK;
}
