/* Routes about alerts, and the figures that alerts are made of: what a row of the overview knows is told to the rules
 * as well, each time it is looked at. */
#include <sys/statvfs.h>

#include "app/alarms.h"
#include "app/api_impl.h"
#include "app/out.h"

#define HOUR_MS      INT64_C(3600000)
#define USUAL_GAP_MS (5 * HOUR_MS) /* nights are such gaps, five of them are more than a day */

/* ---- figures ---- */

static void observe(struct serving *s, int rule, struct str name, int64_t value, int64_t base)
{
    alert_observe(s->alerts, &(struct observation){.rule = rule, .integration = name, .value = value, .base = base});
}

/* The newest record, against how long there usually is none; only while reading is up to date, else old records are
 * what is to be expected. */
static void observe_data(struct serving *s, const struct alarm_figures *f)
{
    int64_t newest_ms = f->standing->progress.freshest_ms, behind_ms = f->standing->behind_ms;
    int64_t gap_ms = f->period_ms > USUAL_GAP_MS ? f->period_ms : USUAL_GAP_MS;

    if (newest_ms > 0 && f->period_ms && behind_ms >= 0 && behind_ms < 2 * f->period_ms + HOUR_MS)
        observe(s, ALERT_NO_DATA, f->integration->name, clock_wall(&clock_system) - newest_ms, gap_ms);
}

void alarms_sample(struct serving *s, const struct alarm_figures *f)
{
    const struct standing *st = f->standing;
    const struct integration *i = f->integration;

    if (!s->alerts || !i)
        return;
    if (f->resting) {
        alert_forget(s->alerts, i->name);
        return;
    }
    if (st->behind_ms >= 0)
        observe(s, ALERT_STALE, i->name, st->behind_ms - i->lag_ms, f->period_ms);
    if (st->last && !f->running)
        observe(s, ALERT_RUN_FAILED, i->name, str_eq(st->last->status, S("failed")), 0);
    observe_data(s, f);
    observe(s, ALERT_SOURCE_DOWN, i->name, st->upstream.open, 0);
    observe(s, ALERT_DEAD_LETTERS, i->name, st->dead, 0);
    if (i->drift != DRIFT_IGNORE)
        observe(s, ALERT_SCHEMA_DRIFT, i->name, (int64_t)st->n_changes, 0);
    if (f->quota_limit > 0 && i->source->per_ms >= HOUR_MS) /* one of a second is used up all the time, on purpose */
        observe(s, ALERT_QUOTA, i->name, (f->quota_limit - f->quota_left) * 100 / f->quota_limit, 0);
    if (f->token_left_ms >= 0)
        observe(s, ALERT_TOKEN_EXPIRING, i->name, f->token_left_ms, 0);
    if (f->clock_offset_ms != INT64_MIN)
        observe(s, ALERT_CLOCK_SKEW, i->name, f->clock_offset_ms, 0);
}

void alarms_machine(struct serving *s)
{
    struct statvfs fs;

    if (!s->alerts || statvfs(s->app->project->state_dir, &fs) || !fs.f_blocks)
        return;
    observe(s, ALERT_DISK, S(""), 100 - (int64_t)(fs.f_bavail * 100 / fs.f_blocks), 0);
}

/* ---- opening ---- */

static void on_change(void *ctx, struct str json)
{
    struct serving *s = ctx;

    if (s->server)
        server_publish(s->server, "alert", S(""), json);
}

enum err alarms_open(struct serving *s, const char *listen, struct errinfo *ei)
{
    const struct project *p = s->app->project;
    bool tls = p->settings.tls != NULL;
    const struct alerts_options o = {.project_dir = p->dir,
                                     .state_dir = p->state_dir,
                                     .settings = p->alerts,
                                     .zone = p->zone,
                                     .project = p->settings.name,
                                     .link = arena_printf(s->app->arena, "http%s://%s", tls ? "s" : "", listen),
                                     .clock = &clock_system,
                                     .changed = on_change,
                                     .ctx = s};

    return alerts_open(&o, &s->alerts, ei);
}

/* ---- routes ---- */

static enum alert_language asked_language(const struct http_call *call)
{
    const struct param_value *v = call_param(call, "lang");

    return v->given ? (enum alert_language)(ALERT_LANGUAGE_ZH + v->number) : ALERT_LANGUAGE_SET;
}

HANDLER(api_get_alerts)
{
    struct serving *s = serving;

    alerts_json_firing(s->alerts, asked_language(call), &ret->body);
}

HANDLER(api_get_alert_history)
{
    struct serving *s = serving;
    struct errinfo ei;

    const struct alert_page page = {(size_t)call_int(call, "limit", 50), call_int(call, "before", 0),
                                    asked_language(call)};

    if (alerts_json_history(s->alerts, &page, &ret->body, &ei))
        answer_err(ret, &ei);
}

HANDLER(api_get_alert_rules)
{
    struct serving *s = serving;

    alerts_json_rules(s->alerts, asked_language(call), &ret->body);
}

HANDLER(api_get_alert_channels)
{
    struct serving *s = serving;

    (void)call;
    alerts_json_channels(s->alerts, &ret->body);
}

HANDLER(api_get_silences)
{
    struct serving *s = serving;

    (void)call;
    alerts_json_silences(s->alerts, &ret->body);
}

HANDLER(api_post_silence)
{
    struct serving *s = serving;
    const struct param_value *rule = call_param(call, "rule"), *integration = call_param(call, "integration");
    struct json_out w = json_out(&ret->body);
    struct silence x = {.rule = rule->given ? (int)rule->number : -1,
                        .until_ms = call_param(call, "until")->unix_ms,
                        .comment = call_text(call, "comment"),
                        .user = call->user};
    struct errinfo ei;

    if (integration->given)
        x.integration = integration->text;
    if (alerts_silence(s->alerts, &x, &x.id, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    json_out_begin(&w, '{');
    json_number(&w, "id", x.id);
    json_out_end(&w, '}');
}

HANDLER(api_delete_silence)
{
    struct serving *s = serving;
    struct errinfo ei;

    if (alerts_unsilence(s->alerts, call_int(call, "id", 0), &ei)) {
        answer_error(ret, ei.code == ERR_USAGE ? 404 : 503, &ei);
        return;
    }
    buf_add(&ret->body, S("{}"));
}

/* A channel that does not take it is an answer, too; only one that does not exist is an error. */
HANDLER(api_post_channel_test)
{
    struct serving *s = serving;
    struct json_out w = json_out(&ret->body);
    struct errinfo ei = {0};
    enum err err = alerts_test(s->alerts, call_text(call, "name"), &ei);

    if (err == ERR_USAGE) {
        answer_error(ret, 404, &ei);
        return;
    }
    json_out_begin(&w, '{');
    json_flag(&w, "ok", !err);
    json_member(&w, "message", err ? str_of(ei.msg) : S("the channel took the test message"));
    json_out_end(&w, '}');
}
