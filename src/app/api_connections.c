/* Routes about connections: what they are, how they are, trying them. A value that is marked secret is never answered:
 * only whether there is one. */
#include <string.h>

#include "app/api_impl.h"
#include "app/check.h"
#include "app/out.h"
#include "project/secret.h"
#include "source/bucket.h"
#include "store/files.h"

/* ---- the list ---- */

static void params_json(struct json_out *w, const struct connection *c)
{
    size_t n = 0;
    const struct connector_option *options = c->connector ? connector_options(c->connector, &n) : NULL;

    json_out_key(w, "params");
    json_out_begin(w, '{');
    for (size_t i = 0; i < n && i < c->options.n; i++)
        if (!options[i].secret && c->options.at[i].n) {
            json_out_key_str(w, options[i].name);
            json_out_str(w, c->options.at[i]);
        }
    json_out_end(w, '}');
    json_out_key(w, "secrets");
    json_out_begin(w, '[');
    for (size_t i = 0; i < n && i < c->options.n; i++) {
        if (!options[i].secret)
            continue;
        json_out_begin(w, '{');
        json_member(w, "param", options[i].name);
        json_flag(w, "set", c->options.at[i].n > 0);
        json_flag(w, "required", options[i].required);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
}

static void used_by_json(struct json_out *w, const struct project *p, const struct connection *c)
{
    json_out_key(w, "used_by");
    json_out_begin(w, '[');
    for (size_t i = 0; i < p->n_integrations; i++)
        if (p->integrations[i].source == c || p->integrations[i].target == c)
            json_out_str(w, p->integrations[i].name);
    json_out_end(w, ']');
}

static void quota_json(struct json_out *w, const struct project *p, const struct connection *c, struct arena *a)
{
    struct bucket *b = NULL;
    struct errinfo ei;

    json_out_key(w, "quota");
    if (!c->requests ||
        bucket_open(arena_printf(a, "%s/quota", p->state_dir).p, c->name, c->requests, c->per_ms, &b, &ei)) {
        json_out_null(w);
        return;
    }
    json_out_begin(w, '{');
    json_number(w, "left", bucket_left(b));
    json_number(w, "limit", c->requests);
    json_number(w, "per_ms", c->per_ms);
    json_out_end(w, '}');
    bucket_close(b);
}

static void connection_json(const struct serving *s, const struct project *p, const struct connection *c,
                            struct json_out *w, struct arena *a)
{
    bool calls = c->connector && connector_get_kind(c->connector) == CONNECTOR_HTTP;
    struct health_state h = {0};
    struct str clock = {0};
    struct errinfo ei;

    if (calls)
        bucket_peek(arena_printf(a, "%s/quota", p->state_dir).p, c->name, &h);
    if (calls && store_fact(s->store, arena_printf(a, "clock:" STR_FMT, STR_ARG(c->name)), a, &clock, &ei))
        clock = (struct str){0};
    json_out_begin(w, '{');
    json_member(w, "name", c->name);
    json_member(w, "connector", c->connector ? connector_name(c->connector) : (struct str){0});
    json_member(w, "kind", calls ? S("source") : S("target"));
    json_member(w, "environment", c->environment.n ? c->environment : (struct str){0});
    params_json(w, c);
    json_member(w, "state", !c->ok ? S("broken") : h.open ? S("down") : S("ok"));
    json_time(w, "since", s->app, h.open && h.since_ms ? h.since_ms : INT64_MIN);
    json_number(w, "failures", h.failures);
    if (calls)
        quota_json(w, p, c, a);
    json_out_key(w, "clock_offset_ms");
    json_out_raw(w, clock.n ? clock : S("null"));
    used_by_json(w, p, c);
    json_out_end(w, '}');
}

HANDLER(api_get_connections)
{
    struct serving *s = serving;
    struct generation *g = service_project(s->service);
    struct json_out w = json_out(&ret->body);

    json_out_begin(&w, '{');
    json_out_key(&w, "connections");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < g->project->n_connections; i++)
        connection_json(s, g->project, &g->project->connections[i], &w, call->arena);
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    generation_unref(g);
}

/* ---- trying ---- */

static void answer_test(struct http_answer *ret, const struct errinfo *why, int64_t took_ms, struct str said)
{
    struct json_out w = json_out(&ret->body);

    json_out_begin(&w, '{');
    json_flag(&w, "ok", !why->code);
    json_number(&w, "took_ms", took_ms);
    json_member(&w, "message", why->code ? str_of(why->msg) : said);
    json_member(&w, "hint", why->code && why->hint[0] ? str_of(why->hint) : (struct str){0});
    json_out_end(&w, '}');
}

/* An integration that has it on one of its sides. */
static const struct integration *user_of(const struct project *p, const struct connection *c)
{
    for (size_t i = 0; i < p->n_integrations; i++)
        if (p->integrations[i].ok && (p->integrations[i].source == c || p->integrations[i].target == c))
            return &p->integrations[i];
    return NULL;
}

static void test(const struct serving *s, const struct http_call *call, const struct project *p,
                 const struct connection *c, struct http_answer *ret)
{
    const struct integration *i = user_of(p, c);
    struct app app = *s->app;
    struct online o = {0};
    struct errinfo ei;
    struct flow *f;

    if (!i) {
        fail(&ei, ERR_USAGE, "no integration without errors uses connection \"" STR_FMT "\"", STR_ARG(c->name));
        fail_hint(&ei, "it is tried by a page or a connection of one that does");
        answer_err(ret, &ei);
        return;
    }
    app.project = (struct project *)p;
    app.arena = call->arena;
    app.store = s->store;
    app.diags = diags_new();
    f = flow_compile(p, i, app.diags);
    if (f)
        check_online(&app, f, &o);
    else
        fail(&o.source, ERR_CONFIG, "the integration could not be compiled");
    if (i->source == c)
        answer_test(
            ret, &o.source, o.source_ms,
            arena_printf(call->arena, STR_FMT ", %lld records in a page", STR_ARG(o.base_url), (long long)o.records));
    else
        answer_test(ret, f ? &o.target : &o.source, o.target_ms, o.server);
    flow_free(f);
    diags_free(app.diags);
}

HANDLER(api_post_connection_test)
{
    struct serving *s = serving;
    struct generation *g = service_project(s->service);
    const struct connection *c = project_connection(g->project, call_text(call, "name"));

    if (c)
        test(s, call, g->project, c, ret);
    else
        answer_missing(ret, "connection", call_text(call, "name"), NULL);
    generation_unref(g);
}

/* ---- secrets ---- */

/* The name of the stored secret that the parameter refers to; p NULL: it refers to none. */
static struct str stored_name(struct str value)
{
    struct str head = S("${secret:");

    return str_starts(value, head) && value.n > head.n + 1 && value.p[value.n - 1] == '}'
               ? str_sub(value, head.n, value.n - head.n - 1)
               : (struct str){0};
}

HANDLER(api_put_connection_secret)
{
    struct serving *s = serving;
    struct generation *g = service_project(s->service);
    const struct connection *c = project_connection(g->project, call_text(call, "name"));
    struct str param = call_text(call, "param"), name = {0};
    const struct connector_option *options;
    size_t n = 0, i = 0;
    struct errinfo ei;

    options = c && c->connector ? connector_options(c->connector, &n) : NULL;
    while (i < n && !(options[i].secret && str_eq(options[i].name, param)))
        i++;
    if (!c || i == n) {
        answer_missing(ret, c ? "secret parameter" : "connection", c ? param : call_text(call, "name"), NULL);
        generation_unref(g);
        return;
    }
    name = i < c->options.n ? stored_name(c->options.at[i]) : name;
    if (!name.p) {
        fail(&ei, ERR_USAGE, "\"" STR_FMT "\" of connection \"" STR_FMT "\" does not refer to the encrypted store",
             STR_ARG(param), STR_ARG(c->name));
        fail_hint(&ei, "write \"${secret:NAME}\" as its value in connections/" STR_FMT ".json; then it can be set here",
                  STR_ARG(c->name));
        answer_err(ret, &ei);
    } else if (secret_set(s->app->project->dir, name, call_text(call, "value"), &ei)) {
        answer_err(ret, &ei);
    } else {
        buf_add(&ret->body, S("{\"ok\":true}"));
        service_reload(s->service);
    }
    generation_unref(g);
}
