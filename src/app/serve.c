/* `serve`, as a story: read the project, open the state, start the service that runs what is due, let a server answer
 * who asks, look after both each second, and end in order.
 *
 * Signals are this thread's alone: SIGTERM and SIGINT end it (status 0), SIGHUP reads the project again, unless it came
 * because the terminal was closed that it was started on: then it ends it too. The service manager is told when all is
 * ready, that it still goes well (the watchdog hears nothing when the thread that keeps the agenda is stuck), and that
 * it stops. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "app/alarms.h"
#include "app/notify.h"
#include "app/open.h"
#include "app/out.h"
#include "app/serving.h"
#include "app/user.h"
#include "base/log.h"
#include "base/product.h"

#define STOP_MS   8000
#define BEAT_MS   1000
#define STUCK_MS  30000
#define STEP_MS   10000
#define TRACES_MS 1000

/* ---- listeners of the service ---- */

static void on_live(void *ctx, const struct task *t, const struct run_live *live)
{
    struct serving *s = ctx;

    rows_live(s->rows, t, live);
    if (live)
        metrics_live(s->meters, t->integration, live);
}

static void on_changed(void *ctx, struct str name)
{
    struct serving *s = ctx;

    rows_stale(s->rows, name);
    if (!name.p)
        atomic_store(&s->reloaded, true);
    if (!name.p && s->server)
        server_publish(s->server, "project", S(""), S("{}"));
}

static void on_event(void *ctx, const struct event *e)
{
    struct serving *s = ctx;
    struct buf b;

    rows_stale(s->rows, e->integration);
    if (!s->server || e->kind == EVENT_PAGE)
        return;
    b = buf_make(1u << 20);
    logline_json(e, s->app->project->zone, clock_wall(&clock_system), &b);
    server_publish(s->server, "event", e->integration, buf_str(&b));
    buf_free(&b);
}

/* ---- opening ---- */

static void open_traces(struct serving *s)
{
    struct errinfo ei;

    if (traces_new(s->app->project, &clock_system, &s->traces, &ei))
        log_warn("no traces are sent: %s", ei.msg);
    if (!s->traces)
        return;
    hub_listen(s->hub, traces_listener(s->traces));
    metrics_set_outside(s->meters, OUTSIDE_TRACES_SENT, traces_sent, s->traces);
    metrics_set_outside(s->meters, OUTSIDE_TRACES_DROPPED, traces_dropped, s->traces);
}

static const char *listen_address(const struct serving *s)
{
    const struct app *app = s->app;

    return app_value(app, "listen") ? app_value(app, "listen") : arena_cstr(app->arena, app->project->settings.listen);
}

static enum err open_watch(struct serving *s, struct errinfo *ei)
{
    struct loglines_config c = {
        .state_dir = s->app->project->state_dir,
        .zone = s->app->project->zone,
        .clock = &clock_system,
        .quiet = s->app->quiet,
        .verbose = s->app->verbose,
        .many = true,
    };
    enum err err;

    s->rows = rows_new(s);
    s->live = live_new(s->app->project->zone);
    s->log = loglines_new(&c);
    s->meters = metrics_new(&(struct metrics_config){s->app->project->state_dir, s->app->project->zone, &clock_system});
    s->hub = hub_new();
    hub_listen(s->hub, loglines_listener(s->log));
    hub_listen(s->hub, metrics_listener(s->meters));
    hub_listen(s->hub, (struct listener){on_event, s});
    open_traces(s);
    err = alarms_open(s, listen_address(s), ei);
    if (!err)
        hub_listen(s->hub, alert_listener(s->alerts));
    return err;
}

static enum err open_service(struct serving *s, struct errinfo *ei)
{
    struct service_options o = {
        .dir = s->dir,
        .store = s->store,
        .listener = hub_listener(s->hub),
        .live = on_live,
        .changed = on_changed,
        .ctx = s,
    };

    return service_start(&o, &s->service, ei);
}

/* ---- what the server asks ---- */

static bool has_integration(void *ctx, struct str name)
{
    struct service_look look;

    service_look(((struct serving *)ctx)->service, name, &look);
    return look.known;
}

static bool read_time(void *ctx, struct str text, int64_t *ret_ms)
{
    return time_parse(text, ((struct serving *)ctx)->app->project->zone, ret_ms);
}

static void write_metrics(void *ctx, struct buf *out)
{
    metrics_text(((struct serving *)ctx)->meters, out);
}

static void write_session(void *ctx, struct json_out *w)
{
    const struct serving *s = ctx;

    json_member(w, "project", s->app->project->settings.name);
    json_member(w, "timezone", s->app->project->settings.timezone);
    json_member(w, "language", s->app->chinese ? S("zh") : S("en"));
}

static const char *text_of(const struct node *tls, const char *key, const struct app *app)
{
    const struct node *n = tls ? node_get(tls, key) : NULL;
    bool relative;

    if (!n || n->type != NODE_STRING)
        return NULL;
    relative = n->text.n && n->text.p[0] != '/';
    return arena_printf(app->arena, "%s%s" STR_FMT, relative ? app->project->dir : "", relative ? "/" : "",
                        STR_ARG(n->text))
        .p;
}

/* Before anything runs that tells it events; it answers nobody until it is started. */
static enum err open_server(struct serving *s, struct errinfo *ei)
{
    struct app *app = s->app;
    const struct project_settings *set = &app->project->settings;
    struct server_options o = {
        .listen = listen_address(s),
        .state_dir = app->project->state_dir,
        .users_path = app_users_path(app),
        .tls_cert = text_of(set->tls, "cert", app),
        .tls_key = text_of(set->tls, "key", app),
        .behind_proxy = set->behind_proxy,
        .routes = api_routes,
        .n_routes = n_api_routes,
        .schemas = api_schemas,
        .n_schemas = n_api_schemas,
        .assets = web_assets,
        .n_assets = n_web_assets,
        .ctx = s,
        .metrics = write_metrics,
        .session = write_session,
        .time = read_time,
        .integration = has_integration,
    };

    return server_new(&o, &s->server, ei);
}

/* One serve a project: a second would run everything twice. */
static enum err hold_project(struct serving *s, struct errinfo *ei)
{
    enum err err = store_lock(s->store, S(".serve"), &s->lock, ei);

    if (err == ERR_CONFLICT) {
        fail(ei, ERR_CONFLICT, "another serve holds this project");
        fail_hint(ei, "end it first; `" PRODUCT " status` and `run` talk to the one that runs");
    }
    return err;
}

static enum err open_all(struct serving *s, struct errinfo *ei)
{
    struct app *app = s->app;
    enum err err = project_open(app->dir, NULL, 0, app->diags, &app->project, ei);

    err = err ? err : app_open_store(app, true, ei);
    if (err)
        return err;
    s->dir = app->project->dir;
    s->store = app->store;
    err = hold_project(s, ei);
    err = err ? err : open_server(s, ei);
    err = err ? err : open_watch(s, ei);
    err = err ? err : open_service(s, ei);
    if (err)
        return err;
    rows_refresh(s->rows);
    return server_start(s->server, ei);
}

/* ---- the end ---- */

static void close_all(struct serving *s)
{
    bool ended = true;

    notify("STOPPING=1");
    if (s->server)
        server_stop(s->server);
    if (s->service)
        ended = service_stop(s->service, STOP_MS);
    if (!ended) {
        log_warn("a run did not end in time; its state is safe, and the next start goes on where it was");
        _Exit(STATUS_OK); /* its threads still use what would be freed here */
    }
    if (s->service)
        service_free(s->service);
    alerts_close(s->alerts);
    server_free(s->server);
    if (s->meters)
        metrics_step(s->meters);
    hub_free(s->hub);
    traces_free(s->traces, TRACES_MS);
    loglines_free(s->log);
    live_free(s->live);
    metrics_free(s->meters);
    rows_free(s->rows);
    store_unlock(s->lock);
}

/* ---- looking after it ---- */

/* Waits a beat, or for a signal: its number, 0 for none. A SIGHUP of the kernel's own, or one that found the terminal
 * gone, is an end. */
static int beat(const sigset_t *signals, bool had_terminal)
{
    const struct timespec t = {.tv_sec = BEAT_MS / 1000};
    siginfo_t info;
    int signo = sigtimedwait(signals, &info, &t);

    if (signo == SIGHUP && (info.si_code == SI_KERNEL || (had_terminal && isatty(STDIN_FILENO) != 1)))
        return SIGTERM;
    return signo > 0 ? signo : 0;
}

/* Channels, rules and hours of a project that was read again. */
static void take_alerts(struct serving *s)
{
    struct generation *g;

    if (!atomic_exchange(&s->reloaded, false))
        return;
    g = service_project(s->service);
    alerts_settings(s->alerts, g->project->alerts, g->project->zone);
    generation_unref(g);
}

static void look_after(struct serving *s, const sigset_t *signals)
{
    bool had_terminal = isatty(STDIN_FILENO) == 1;
    int64_t watchdog_ms = notify_watchdog_ms(), barked_ms = 0, stepped_ms = clock_mono(&clock_system);
    int signo = 0;

    while (signo != SIGTERM && signo != SIGINT) {
        int64_t now = clock_mono(&clock_system);

        rows_refresh(s->rows);
        take_alerts(s);
        if (now - stepped_ms >= STEP_MS) {
            metrics_step(s->meters);
            alarms_machine(s);
            stepped_ms = now;
        }
        if (watchdog_ms && now - barked_ms >= watchdog_ms && service_is_alive(s->service, STUCK_MS)) {
            notify("WATCHDOG=1");
            barked_ms = now;
        }
        signo = beat(signals, had_terminal);
        if (signo == SIGHUP)
            service_reload(s->service);
    }
}

static void tell_ready(const struct serving *s)
{
    struct buf b = buf_make(4096);
    struct json_out w = json_out(&b);

    say(s->app, either(s->app, "The dashboard is at %s\n", "控制台：%s\n"), server_url(s->server));
    if (s->app->json) {
        json_out_begin(&w, '{');
        json_member(&w, "url", str_of(server_url(s->server)));
        json_out_end(&w, '}');
        print_json(s->app, &b);
    }
    fflush(s->app->out);
    buf_free(&b);
    notify("READY=1");
}

int command_serve(struct app *app)
{
    struct serving s = {.app = app, .started_ms = clock_wall(&clock_system)};
    struct errinfo ei;
    sigset_t signals;
    enum err err;

    log_set_journal(log_is_journal());
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* for the threads to come as well */
    err = open_all(&s, &ei);
    if (!err) {
        tell_ready(&s);
        look_after(&s, &signals);
    }
    close_all(&s);
    return err ? app_fail(app, &ei) : STATUS_OK;
}
