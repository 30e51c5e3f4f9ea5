/* Routes about what an integration does: the overview, one integration, asking for a run, a backfill, a replay, an
 * audit; stopping, pausing; the cursor. What takes time becomes a job of the service and is answered at once. */
#include <stdio.h>
#include <string.h>

#include "app/api_impl.h"
#include "app/out.h"
#include "app/standing.h"

HANDLER(api_get_overview)
{
    struct serving *s = serving;

    (void)call;
    rows_overview(s->rows, &ret->body);
}

static void answer_row(struct serving *s, struct str name, struct http_answer *ret)
{
    if (!rows_anew(s->rows, name, &ret->body))
        answer_missing(ret, "integration", name, NULL);
}

HANDLER(api_get_integration)
{
    struct serving *s = serving;
    struct app app = *s->app;
    const struct integration *i = NULL;
    struct standing standing;
    struct generation *g;
    struct json_out w = json_out(&ret->body);
    struct buf row = buf_make(1u << 20);
    struct errinfo ei;
    struct str name;

    if (!api_name(s, call, ret, &name))
        return;
    g = service_integration(s->service, name, &i);
    app.arena = call->arena;
    app.store = s->store;
    app.project = g ? g->project : s->app->project;
    json_out_begin(&w, '{');
    json_out_key(&w, "row");
    rows_one(s->rows, name, &row);
    json_out_raw(&w, buf_str(&row));
    json_out_key(&w, "status");
    if (g && !standing_look(&app, i, &standing, &ei))
        standing_json(&app, &w, &standing);
    else
        json_out_null(&w);
    json_member(&w, "source", g ? i->source->name : (struct str){0});
    json_member(&w, "target", g ? i->target->name : (struct str){0});
    json_flag(&w, "keep_records", g && i->keep_records);
    row.n = 0;
    live_json(s->live, name, &row);
    json_out_key(&w, "live");
    json_out_raw(&w, buf_str(&row));
    json_out_end(&w, '}');
    buf_free(&row);
    generation_unref(g);
}

HANDLER(api_get_series)
{
    struct serving *s = serving;
    int64_t now_s = clock_wall(&clock_system) / 1000;
    struct series_query q = {.names = call_text(call, "names"), .step_s = call_int(call, "step", 0)};
    const struct param_value *from = call_param(call, "from"), *to = call_param(call, "to");
    struct errinfo ei;

    q.to_s = to->given ? to->unix_ms / 1000 : now_s;
    q.from_s = from->given ? from->unix_ms / 1000 : q.to_s - 3600;
    if (api_name(s, call, ret, &q.integration) && metrics_series(s->meters, &q, &ret->body, &ei))
        answer_err(ret, &ei);
}

/* ---- jobs ---- */

static void answer_job(struct http_answer *ret, int64_t id)
{
    struct json_out w = json_out(&ret->body);

    json_out_begin(&w, '{');
    json_number(&w, "job", id);
    json_out_end(&w, '}');
}

static void ask(struct serving *s, const struct task *t, struct http_answer *ret)
{
    struct errinfo ei;
    int64_t id;

    if (service_ask(s->service, t, &id, &ei))
        answer_err(ret, &ei);
    else
        answer_job(ret, id);
}

/* Both ends of a range, in order. False: they are not, and that is answered. */
static bool range(const struct http_call *call, struct task *t, struct http_answer *ret)
{
    const struct param_value *from = call_param(call, "from"), *to = call_param(call, "to");
    struct errinfo ei;

    if (from->given && to->given && from->unix_ms <= to->unix_ms) {
        t->from_s = from->unix_ms / 1000;
        t->to_s = to->unix_ms / 1000;
        return true;
    }
    fail(&ei, ERR_USAGE, from->given && to->given ? "`from` is later than `to`" : "`from` and `to` go together");
    fail_hint(&ei, "both ends are included; put the earlier one first");
    answer_err(ret, &ei);
    return false;
}

HANDLER(api_post_run)
{
    static const enum task_kind kinds[] = {TASK_MAIN, TASK_TIERS, TASK_BACKFILL};
    struct task t = {.asked = true, .dry_run = call_true(call, "dry_run")};
    const struct param_value *kind = call_param(call, "kind"), *reread = call_param(call, "reread");

    if (!api_name(serving, call, ret, &t.integration))
        return;
    t.kind = kind->given ? kinds[kind->number] : call_param(call, "from")->given ? TASK_BACKFILL : TASK_MAIN;
    t.all_tiers = reread->given && reread->truth;
    t.no_tiers = (reread->given && !reread->truth) || t.kind == TASK_TIERS; /* which then is the remedy alone */
    if (t.kind == TASK_BACKFILL && !range(call, &t, ret))
        return;
    ask(serving, &t, ret);
}

HANDLER(api_post_replay)
{
    struct task t = {.kind = TASK_REPLAY, .asked = true};

    if (api_name(serving, call, ret, &t.integration) && range(call, &t, ret))
        ask(serving, &t, ret);
}

HANDLER(api_post_audit)
{
    struct task t = {.kind = TASK_AUDIT, .asked = true, .repair = call_true(call, "repair")};
    bool ranged = call_param(call, "from")->given || call_param(call, "to")->given;

    t.from_s = t.to_s = INT64_MIN;
    if (api_name(serving, call, ret, &t.integration) && (!ranged || range(call, &t, ret)))
        ask(serving, &t, ret);
}

HANDLER(api_get_job)
{
    static const char *const states[] = {"unknown", "queued", "running", "ended"};
    struct serving *s = serving;
    int64_t id = call_int(call, "id", 0);
    struct json_out w = json_out(&ret->body);
    struct buf live = buf_make(1u << 20);
    struct task_report r;

    service_task(s->service, id, call->arena, &r);
    if (r.state == TASK_UNKNOWN) {
        answer_missing(ret, "job", arena_printf(call->arena, "%lld", (long long)id), NULL);
        return;
    }
    json_out_begin(&w, '{');
    json_number(&w, "job", id);
    json_member(&w, "integration", r.integration);
    json_member(&w, "kind", str_of(task_kind_name(r.kind)));
    json_member(&w, "state", str_of(states[r.state]));
    json_time(&w, "since", s->app, r.began_ms);
    json_time(&w, "ended", s->app, r.ended_ms ? r.ended_ms : INT64_MIN);
    if (r.state == TASK_RUNNING)
        live_json(s->live, r.integration, &live);
    json_out_key(&w, "live");
    json_out_raw(&w, live.n ? buf_str(&live) : S("null"));
    json_out_key(&w, "summary");
    json_out_raw(&w, r.summary.n ? r.summary : S("null"));
    json_out_end(&w, '}');
    buf_free(&live);
}

/* ---- holding and moving ---- */

HANDLER(api_post_stop)
{
    struct serving *s = serving;
    struct str name;

    if (!api_name(s, call, ret, &name))
        return;
    service_halt(s->service, name);
    answer_row(s, name, ret);
}

static void pause_or_resume(struct serving *s, const struct http_call *call, bool paused, struct http_answer *ret)
{
    struct errinfo ei;
    struct str name;

    if (!api_name(s, call, ret, &name))
        return;
    if (service_pause(s->service, name, paused, &ei))
        answer_err(ret, &ei);
    else
        answer_row(s, name, ret);
}

HANDLER(api_post_pause)
{
    pause_or_resume(serving, call, true, ret);
}

HANDLER(api_post_resume)
{
    pause_or_resume(serving, call, false, ret);
}

HANDLER(api_post_cursor)
{
    struct serving *s = serving;
    const char *name, *words[] = {"cursor", NULL, NULL, NULL, NULL};
    struct str known;

    if (!api_name(s, call, ret, &known))
        return;
    name = arena_cstr(call->arena, known);
    words[1] = call_true(call, "dry_run") ? "--" : api_option(call, "set", "at");
    words[2] = call_true(call, "dry_run") ? name : "--";
    words[3] = call_true(call, "dry_run") ? NULL : name;
    api_command(s, call, words, ret);
    rows_stale(s->rows, known);
}
