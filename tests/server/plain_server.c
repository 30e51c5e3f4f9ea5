/* A server with routes for tests: plain-server DIR LISTEN [CERT KEY | proxy]. Prints its address as one line of JSON
 * and serves until SIGTERM. The routes show what the gate made of a call, take their time, answer much, or publish. */
#include "base/log.h"
#include "server/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SMALL_PAGE "<!doctype html><title>page</title>"
#define SCRIPT     "console.log(1)"

struct world {
    struct server *server;
};

static void show_value(struct json_out *w, const struct route_param *p, const struct param_value *v)
{
    json_out_key(w, p->name);
    if (!v->given)
        json_out_null(w);
    else if (p->type == PARAM_INT)
        json_out_int(w, v->number);
    else if (p->type == PARAM_BOOL)
        json_out_bool(w, v->truth);
    else if (p->type == PARAM_TIME)
        json_out_int(w, v->unix_ms);
    else if (p->type == PARAM_STRINGS) {
        json_out_begin(w, '[');
        for (size_t i = 0; i < v->list.n; i++)
            json_out_str(w, v->list.at[i]);
        json_out_end(w, ']');
    } else if (v->json && p->type != PARAM_STRING && p->type != PARAM_ENUM) {
        struct buf b = buf_make(8u << 20);

        json_write(v->json, &b);
        json_out_raw(w, buf_str(&b));
        buf_free(&b);
    } else {
        json_out_str(w, v->text);
    }
}

/* Every route of the test answers with who called and what was understood. */
static void echo(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct json_out w = json_out(&ret->body);

    (void)ctx;
    json_out_begin(&w, '{');
    json_member(&w, "caller", call->user);
    json_member(&w, "as", str_of(role_name(call->role)));
    for (size_t i = 0; i < call->route->n_params; i++)
        show_value(&w, &call->route->params[i], &call->values[i]);
    json_out_end(&w, '}');
}

/* Tells that it has begun, so that a test can be sure of it. */
static void slow(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const struct world *world = ctx;
    int64_t until = clock_mono(&clock_system) + call_int(call, "ms", 100);

    server_publish(world->server, "event", S(""), S("{\"slow\":true}"));
    while (!atomic_load(call->stopping) && clock_mono(&clock_system) < until)
        clock_pause(&clock_system, 5);
    echo(ctx, call, ret);
}

static void publish(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct world *world = ctx;
    struct str integration = call_text(call, "integration");

    for (int64_t i = 0; i < call_int(call, "times", 1); i++) {
        char text[160];
        int n = snprintf(text, sizeof text, "{\"i\":%lld,\"sent_ms\":%lld}", (long long)i,
                         (long long)clock_wall(&clock_system));

        server_publish(world->server, "event", integration.p ? integration : S(""), str_mk(text, (size_t)n));
    }
    echo(ctx, call, ret);
}

static bool more_lines(void *state, struct buf *out)
{
    int *left = state;

    for (int i = 0; i < 1000 && *left; i++, (*left)--)
        buf_printf(out, "line %d\n", *left);
    return *left > 0;
}

static void file(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    int *left = mem_alloc(sizeof *left);

    (void)ctx;
    *left = (int)call_int(call, "lines", 10);
    ret->stream = (struct http_stream){more_lines, free, left};
    ret->file_name = arena_str(call->arena, S("orders \"x\".csv"));
    ret->type = S("text/csv; charset=utf-8");
}

static void set_secret(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    (void)ctx;
    log_hide(call_text(call, "value"));
    ret->before = S("{\"set\":false}");
    ret->after = arena_printf(call->arena, "{\"value\":\"" STR_FMT "\"}", STR_ARG(call_text(call, "value")));
    buf_add(&ret->body, S("{}"));
}

static void show_figures(void *ctx, struct buf *out)
{
    struct world *world = ctx;
    struct server_figures f;

    server_figures(world->server, &f);
    buf_printf(out, "requests %llu\nconnections %zu\nstreams %zu\nresyncs %llu\n", (unsigned long long)f.requests,
               f.connections, f.streams, (unsigned long long)f.resyncs);
}

static bool integration_known(void *ctx, struct str name)
{
    (void)ctx;
    return str_eq(name, S("orders")) || str_eq(name, S("stock"));
}

#define PARAMS(rows) .params = rows, .n_params = sizeof(rows) / sizeof *(rows)

static const char *const words[] = {"main", "remedy", "backfill", NULL};
static const struct route_param all_params[] = {
    {.name = "name", .in = IN_PATH, .help = "a name"},
    {.name = "n", .in = IN_QUERY, .type = PARAM_INT, .min = 1, .max = 1000, .help = "a number"},
    {.name = "big", .in = IN_QUERY, .type = PARAM_INT, .help = "any number"},
    {.name = "on", .in = IN_QUERY, .type = PARAM_BOOL, .help = "a switch"},
    {.name = "word", .in = IN_QUERY, .type = PARAM_ENUM, .names = words, .help = "a word"},
    {.name = "at", .in = IN_QUERY, .type = PARAM_TIME, .help = "a time"},
    {.name = "list", .in = IN_QUERY, .type = PARAM_STRINGS, .max = 5, .help = "texts"},
    {.name = "text", .in = IN_QUERY, .help = "a text"},
};
static const struct route_param body_params[] = {
    {.name = "name", .in = IN_PATH, .help = "a name"},
    {.name = "kind", .in = IN_BODY, .type = PARAM_ENUM, .names = words, .required = true, .help = "a word"},
    {.name = "n", .in = IN_BODY, .type = PARAM_INT, .min = 0, .max = 100, .help = "a number"},
    {.name = "dry_run", .in = IN_BODY, .type = PARAM_BOOL, .help = "a switch"},
    {.name = "from", .in = IN_BODY, .type = PARAM_TIME, .help = "a time"},
    {.name = "ids", .in = IN_BODY, .type = PARAM_STRINGS, .help = "texts"},
    {.name = "record", .in = IN_BODY, .type = PARAM_OBJECT, .help = "an object"},
    {.name = "any", .in = IN_BODY, .type = PARAM_JSON, .help = "anything"},
    {.name = "text", .in = IN_BODY, .help = "a text"},
};
static const struct route_param slow_params[] = {
    {.name = "ms", .in = IN_QUERY, .type = PARAM_INT, .min = 0, .max = 10000, .help = "how long"}};
static const struct route_param publish_params[] = {
    {.name = "integration", .in = IN_BODY, .help = "whose"},
    {.name = "times", .in = IN_BODY, .type = PARAM_INT, .min = 1, .max = 100000, .help = "how many"}};
static const struct route_param file_params[] = {
    {.name = "lines", .in = IN_QUERY, .type = PARAM_INT, .min = 0, .max = 1000000, .help = "how many"}};
static const struct route_param secret_params[] = {
    {.name = "value", .in = IN_BODY, .required = true, .min = 4, .help = "a secret", .secret = true}};

static const struct route routes[] = {
    {.method = "GET", .path = "/api/v1/open", .summary = "for all", .answer = "object", .handle = echo},
    {.method = "GET",
     .path = "/api/v1/items/{name}",
     .summary = "for viewers",
     .role = ROLE_VIEWER,
     PARAMS(all_params),
     .answer = "echo",
     .handle = echo},
    {.method = "POST",
     .path = "/api/v1/items/{name}",
     .summary = "for operators",
     .role = ROLE_OPERATOR,
     PARAMS(body_params),
     .answer = "echo",
     .status = 202,
     .handle = echo},
    {.method = "PUT",
     .path = "/api/v1/secret",
     .summary = "for admins",
     .role = ROLE_ADMIN,
     PARAMS(secret_params),
     .answer = "object",
     .handle = set_secret},
    {.method = "GET",
     .path = "/api/v1/slow",
     .summary = "takes its time",
     .role = ROLE_VIEWER,
     PARAMS(slow_params),
     .answer = "echo",
     .flags = ROUTE_SLOW,
     .handle = slow},
    {.method = "POST",
     .path = "/api/v1/publish",
     .summary = "tells all",
     .role = ROLE_OPERATOR,
     PARAMS(publish_params),
     .answer = "echo",
     .handle = publish},
    {.method = "GET",
     .path = "/api/v1/file",
     .summary = "a file",
     .role = ROLE_VIEWER,
     PARAMS(file_params),
     .type = "text/csv",
     .handle = file},
};
static const struct answer_schema schemas[] = {{"echo", "{caller: text}"}};
static const unsigned char zipped[] = {0x1f, 0x8b, 8, 0};
static const struct asset assets[] = {
    {"/index.html", "text/html; charset=utf-8", "\"p1\"", NULL, 0, (const unsigned char *)SMALL_PAGE,
     sizeof SMALL_PAGE - 1},
    {"/app-3f2a9c1b.js", "text/javascript; charset=utf-8", "\"s1\"", zipped, sizeof zipped,
     (const unsigned char *)SCRIPT, sizeof SCRIPT - 1},
};

static int failed(const struct errinfo *ei)
{
    fprintf(stderr, "%s: %s\n%s\n", err_name(ei->code), ei->msg, ei->hint);
    return 2;
}

int main(int argc, char **argv)
{
    struct world world = {0};
    struct server_options o = {.routes = routes,
                               .n_routes = sizeof routes / sizeof *routes,
                               .schemas = schemas,
                               .n_schemas = 1,
                               .assets = assets,
                               .n_assets = 2,
                               .ctx = &world,
                               .metrics = show_figures,
                               .integration = integration_known};
    struct errinfo ei;
    char users[4096];
    sigset_t ends;
    int sig;

    if (argc < 3)
        return 2;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    (void)snprintf(users, sizeof users, "%s/users.json", argv[1]);
    o.state_dir = argv[1];
    o.users_path = users;
    o.listen = argv[2];
    o.behind_proxy = argc == 4;
    o.tls_cert = argc == 5 ? argv[3] : NULL;
    o.tls_key = argc == 5 ? argv[4] : NULL;
    if (server_new(&o, &world.server, &ei))
        return failed(&ei);
    if (server_start(world.server, &ei)) {
        server_free(world.server);
        return failed(&ei);
    }
    printf("{\"url\":\"%s\"}\n", server_url(world.server));
    fflush(stdout);
    sigwait(&ends, &sig);
    server_free(world.server);
    return 0;
}
