/* One HTTP call after the other over .sluice/serve.sock: the job is asked for, then looked at four times a second until
 * it has ended. Its summary is read back into the struct that a run of our own would have filled, so that it is told in
 * the same words and gives the same exit status. Ctrl-C ends the waiting, not the job: it is serve's by now. */
#include "app/handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/digest.h"
#include "net/http.h"
#include "net/loop.h"

#define LOOK_MS   250
#define REPLY_MAX (16u << 20)
#define CALL_MS   60000

struct talk {
    struct app *app;
    struct loop *loop;
    struct http *http;
    struct str socket;
    struct json_doc *reply; /* of the last call */
    int status;
    struct errinfo why;
};

bool handover_wanted(const struct app *app)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd, n = snprintf(to.sun_path, sizeof to.sun_path, "%s/serve.sock", app->project->state_dir);
    bool answers;

    if (n >= (int)sizeof to.sun_path)
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    answers = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (fd >= 0)
        close(fd);
    return answers;
}

/* ---- a call ---- */

static void done(void *ctx, struct http_reply *r)
{
    struct talk *t = ctx;

    t->status = r->status;
    t->why = r->why;
    if (!r->code && json_parse(r->body, &JSON_LIMITS_DEFAULT, &t->reply, NULL, &t->why) == OK)
        t->why.code = OK;
    loop_stop(t->loop);
}

/* {code, message, hint} as an error of ours. */
static enum err read_error(const struct json *e, struct errinfo *ei)
{
    struct str code = json_text(json_get(e, S("code")));
    enum err found = ERR_INTERNAL;

    for (int c = OK + 1; c < ERR_COUNT; c++)
        if (str_eq(code, str_of(err_name((enum err)c))))
            found = (enum err)c;
    fail(ei, found, STR_FMT, STR_ARG(json_text(json_get(e, S("message")))));
    return fail_hint(ei, STR_FMT, STR_ARG(json_text(json_get(e, S("hint")))));
}

static enum err call(struct talk *t, const char *method, struct str path, struct str body, struct errinfo *ei)
{
    struct http_request r = {
        .method = str_of(method),
        .url = arena_printf(t->app->arena, "http://localhost/api/v1/" STR_FMT, STR_ARG(path)),
        .body = body,
        .content_type = S("application/json"),
        .max_bytes = REPLY_MAX,
        .total_ms = CALL_MS,
        .unix_socket = t->socket,
    };

    json_free(t->reply);
    t->reply = NULL;
    (void)http_send(t->http, &r, done, t);
    loop_run(t->loop);
    if (t->why.code) {
        *ei = t->why;
        err_prefix(ei, "serve, which holds the project");
        return ei->code;
    }
    return t->status < 300 ? OK : read_error(json_get(json_root(t->reply), S("error")), ei);
}

/* ---- the job ---- */

static void time_member(struct json_out *w, const char *key, const struct app *app, int64_t s)
{
    char text[TIME_TEXT];

    if (s != INT64_MIN && s != INT64_MAX)
        json_member(w, key, (struct str){text, time_rfc3339(app->project->zone, s * 1000, text)});
}

/* The route and its body. */
static const char *request_of(const struct app *app, const struct run_options *o, struct buf *body)
{
    static const char *const routes[] = {[RUN_MAIN] = "run",      [RUN_REMEDY] = "run",  [RUN_BACKFILL] = "run",
                                         [RUN_REPLAY] = "replay", [RUN_RETRY] = "retry", [RUN_REPAIR] = "audit"};
    struct json_out w = json_out(body);

    json_out_begin(&w, '{');
    if (strcmp(routes[o->kind], "run") == 0) {
        json_member(&w, "kind", str_of(run_kind_name(o->kind)));
        json_flag(&w, "dry_run", o->dry_run);
        if (o->kind == RUN_MAIN && o->reread != REREAD_DUE)
            json_flag(&w, "reread", o->reread == REREAD_ALL);
    }
    if (o->kind == RUN_BACKFILL || o->kind == RUN_REPLAY) {
        time_member(&w, "from", app, o->from_s);
        time_member(&w, "to", app, o->to_s);
    }
    if (o->kind == RUN_RETRY && o->id.p) {
        json_out_key(&w, "ids");
        json_out_begin(&w, '[');
        json_out_str(&w, o->id);
        json_out_end(&w, ']');
    } else if (o->kind == RUN_RETRY) {
        json_flag(&w, "all", true);
    }
    json_out_end(&w, '}');
    return routes[o->kind];
}

static int64_t number(const struct json *of, const char *key)
{
    int64_t n = 0;

    json_i64(json_get(of, str_of(key)), &n);
    return n;
}

/* Shows what goes on, if somebody wants to see it. */
static void show(const struct talk *t, const struct run_options *o)
{
    const struct json *live = json_get(json_root(t->reply), S("live")), *counts = json_get(live, S("counts"));
    struct run_live now = {.quota_left = -1, .doing = "waiting for its turn"};

    if (!o->tick)
        return;
    if (counts) {
        now.counts = (struct counts){.windows = number(counts, "windows"),
                                     .calls = number(counts, "calls"),
                                     .pages = number(counts, "pages"),
                                     .records = number(counts, "records"),
                                     .rows = number(counts, "rows"),
                                     .dead_records = number(counts, "dead")};
        now.permille = (int)number(live, "permille");
        now.quota_left = number(live, "quota_left");
        now.pages_left = number(live, "pages_left");
        now.elapsed_ms = number(live, "elapsed_ms");
        now.doing = "running in serve";
    }
    o->tick(o->tick_ctx, &now);
}

/* ---- the summary ---- */

static int64_t time_of(const struct json *s, const char *key, bool *ret_is_time)
{
    const struct json *v = json_get(s, str_of(key));
    int64_t ms, n;

    *ret_is_time = !json_i64(v, &n);
    if (!*ret_is_time)
        return n;
    return json_text(v).n && time_parse(json_text(v), NULL, &ms) ? ms / 1000 : INT64_MIN;
}

static void read_counts(const struct json *s, struct counts *c)
{
    *c = (struct counts){
        .windows = number(s, "windows"),
        .calls = number(s, "calls"),
        .throttled = number(s, "throttled"),
        .retries = number(s, "retries"),
        .pages = number(s, "pages"),
        .records = number(s, "records"),
        .folded = number(s, "folded"),
        .filtered = number(s, "filtered"),
        .repeats = number(s, "repeats"),
        .rows = number(s, "rows"),
        .dead_records = number(s, "dead"),
        .missing_found = number(s, "missing_found"),
        .removed = number(s, "removed"),
        .bytes = number(s, "bytes"),
    };
}

static void read_summary(const struct talk *t, const struct integration *i, enum run_kind kind, struct run_summary *ret)
{
    const struct json *s = json_get(json_root(t->reply), S("summary")), *error = json_get(s, S("error"));
    struct str status = json_text(json_get(s, S("status")));
    bool is_time;

    *ret = (struct run_summary){.kind = kind, .status = RUN_FAILED};
    snprintf(ret->integration, sizeof ret->integration, STR_FMT, STR_ARG(i->name));
    for (int k = RUN_OK; k <= RUN_INTERRUPTED; k++)
        if (str_eq(status, str_of(run_status_name((enum run_status)k))))
            ret->status = (enum run_status)k;
    ret->from_s = time_of(s, "from", &is_time);
    ret->to_s = time_of(s, "to", &is_time);
    ret->cursor_s = time_of(s, "cursor", &ret->cursor_is_time);
    read_counts(s, &ret->counts);
    ret->duration_ms = number(s, "duration_ms");
    ret->verified = json_true(json_get(s, S("verified")));
    if (json_type(error) == JSON_OBJECT)
        (void)read_error(error, &ret->error);
}

static bool has_ended(const struct talk *t)
{
    return str_eq(json_text(json_get(json_root(t->reply), S("state"))), S("ended"));
}

static enum err wait_for(struct talk *t, const struct run_options *o, int64_t job, struct errinfo *ei)
{
    struct str path = arena_printf(t->app->arena, "jobs/%lld", (long long)job);
    enum err err;

    while (!(err = call(t, "GET", path, S(""), ei)) && !has_ended(t)) {
        show(t, o);
        clock_pause(&clock_system, LOOK_MS);
    }
    return err;
}

static enum err ask_and_wait(struct talk *t, const struct integration *i, const struct run_options *o,
                             struct errinfo *ei)
{
    struct buf body = buf_make(1u << 20), path = buf_make(1u << 16);
    const char *route = request_of(t->app, o, &body);
    const struct json *jobs;
    int64_t job = 0;
    enum err err;

    buf_add(&path, S("integrations/"));
    url_encode(i->name, &path);
    buf_printf(&path, "/%s", route);
    err = call(t, "POST", arena_str(t->app->arena, buf_str(&path)), buf_str(&body), ei);
    jobs = err ? NULL : json_get(json_root(t->reply), S("jobs"));
    if (!err)
        json_i64(jobs ? json_at(jobs, 0) : json_get(json_root(t->reply), S("job")), &job);
    buf_free(&body);
    buf_free(&path);
    return err ? err : wait_for(t, o, job, ei);
}

void handover_run(struct app *app, const struct integration *i, const struct run_options *o, struct run_summary *ret)
{
    struct talk t = {.app = app, .socket = arena_printf(app->arena, "%s/serve.sock", app->project->state_dir)};
    struct errinfo ei;
    enum err err = loop_new(&t.loop, &ei);

    if (!err) {
        t.http = http_new(t.loop, &clock_system);
        err = ask_and_wait(&t, i, o, &ei);
    }
    if (!err)
        read_summary(&t, i, o->kind, ret);
    else
        *ret = (struct run_summary){.kind = o->kind,
                                    .status = RUN_FAILED,
                                    .from_s = INT64_MIN,
                                    .to_s = INT64_MIN,
                                    .cursor_s = INT64_MIN,
                                    .error = ei};
    json_free(t.reply);
    http_free(t.http);
    loop_free(t.loop);
}
