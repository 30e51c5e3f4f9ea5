/* Routes about dead letters, and the log. */
#include <stdlib.h>
#include <string.h>

#include "app/api_impl.h"
#include "app/dead.h"
#include "app/edit.h"
#include "app/out.h"
#include "store/logfile.h"

#define LISTED 50

HANDLER(api_get_dead)
{
    struct serving *s = serving;
    struct dead_query q = {.after_id = call_int(call, "before", 0), .limit = (size_t)call_int(call, "limit", LISTED)};
    struct json_out w = json_out(&ret->body);
    struct dead_letter *d;
    struct errinfo ei;
    int64_t count;
    size_t n;

    if (!api_name(s, call, ret, &q.integration))
        return;
    q.id = call_text(call, "id");
    q.state = (enum dead_state)call_param(call, "state")->number;
    if (store_dead_list(s->store, &q, call->arena, &d, &n, &ei) ||
        store_dead_count(s->store, q.integration, &count, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    json_out_begin(&w, '{');
    json_out_key(&w, "letters");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < n; i++)
        dead_json(s->app, &w, &d[i]);
    json_out_end(&w, ']');
    json_number(&w, "count", count);
    json_out_key(&w, "next");
    if (n == q.limit)
        json_out_int(&w, d[n - 1].id);
    else
        json_out_null(&w);
    json_out_end(&w, '}');
}

/* The letter of that number; false: there is none, and that is answered. */
static bool find(struct serving *s, const struct http_call *call, struct http_answer *ret, struct dead_letter *found)
{
    struct dead_query q = {.after_id = call_int(call, "id", 0) - 1, .limit = 1, .all_states = true};
    struct dead_letter *d;
    struct errinfo ei;
    size_t n;

    if (!api_name(s, call, ret, &q.integration))
        return false;
    if (store_dead_list(s->store, &q, call->arena, &d, &n, &ei)) {
        answer_err(ret, &ei);
        return false;
    }
    if (!n || d[0].id != q.after_id + 1) {
        answer_missing(ret, "dead letter", arena_printf(call->arena, "%lld", (long long)q.after_id + 1), NULL);
        return false;
    }
    *found = d[0];
    return true;
}

HANDLER(api_get_letter)
{
    struct serving *s = serving;
    struct json_out w = json_out(&ret->body);
    struct dead_letter d;

    if (!find(s, call, ret, &d))
        return;
    json_out_begin(&w, '{');
    json_out_key(&w, "letter");
    dead_json(s->app, &w, &d);
    json_out_key(&w, "raw");
    json_out_raw(&w, d.raw);
    json_out_end(&w, '}');
}

static void answer_count(struct http_answer *ret, const char *key, int64_t n)
{
    struct json_out w = json_out(&ret->body);

    json_out_begin(&w, '{');
    json_number(&w, key, n);
    json_out_end(&w, '}');
}

HANDLER(api_put_dead)
{
    struct serving *s = serving;
    struct app app = *s->app;
    struct buf record = buf_make(64u << 20);
    const struct integration *i = NULL;
    struct generation *g;
    struct dead_letter d;
    struct errinfo ei;

    if (!find(s, call, ret, &d))
        return;
    if (d.state != DEAD_OPEN) {
        answer_missing(ret, "open dead letter", arena_printf(call->arena, "%lld", (long long)d.id), NULL);
        return;
    }
    g = service_integration(s->service, call_text(call, "name"), &i);
    app.arena = call->arena;
    app.store = s->store;
    app.diags = diags_new();
    app.project = g ? g->project : NULL;
    json_write(call_param(call, "record")->json, &record);
    if (!g)
        answer_missing(ret, "usable integration", call_text(call, "name"), NULL);
    else if (edit_letters_as(&app, i, d.key, buf_str(&record), &ei))
        answer_err(ret, &ei);
    else if (find(s, call, ret, &d))
        dead_json(s->app, &(struct json_out){.b = &ret->body, .first = 1}, &d);
    diags_free(app.diags);
    generation_unref(g);
    buf_free(&record);
}

/* ---- choosing ---- */

/* All, or those of the ids; false: neither was said, and that is answered. */
static bool choice(const struct http_call *call, struct http_answer *ret, struct strs *ret_ids)
{
    struct errinfo ei;

    *ret_ids = call_param(call, "ids")->list;
    if (ret_ids->n || call_true(call, "all"))
        return true;
    fail(&ei, ERR_USAGE, "which dead letters?");
    fail_hint(&ei, "give `ids`, or `all`: true");
    answer_err(ret, &ei);
    return false;
}

HANDLER(api_post_retry)
{
    struct serving *s = serving;
    struct task t = {.kind = TASK_RETRY, .asked = true};
    struct json_out w = json_out(&ret->body);
    struct errinfo ei;
    struct strs ids;
    int64_t id;

    if (!api_name(s, call, ret, &t.integration) || !choice(call, ret, &ids))
        return;
    json_out_begin(&w, '{');
    json_out_key(&w, "jobs");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < ids.n || (!ids.n && !i); i++) {
        t.record = ids.n ? ids.at[i] : (struct str){0};
        if (service_ask(s->service, &t, &id, &ei)) {
            answer_err(ret, &ei);
            return;
        }
        json_out_int(&w, id);
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
}

HANDLER(api_post_drop)
{
    struct serving *s = serving;
    struct dead_query q = {0};
    int64_t dropped = 0;
    struct errinfo ei;
    struct strs ids;

    if (!api_name(s, call, ret, &q.integration) || !choice(call, ret, &ids))
        return;
    for (size_t i = 0; i < ids.n || (!ids.n && !i); i++) {
        struct dead_letter *d = NULL;
        size_t n = 0;
        enum err err;

        q.id = ids.n ? ids.at[i] : (struct str){0};
        err = store_dead_list(s->store, &q, call->arena, &d, &n, &ei);
        for (size_t k = 0; !err && k < n; k++, dropped++)
            err = store_dead_set(s->store, d[k].id, DEAD_DROPPED, (struct str){0}, clock_wall(&clock_system), &ei);
        if (err) {
            answer_err(ret, &ei);
            return;
        }
    }
    rows_stale(s->rows, q.integration);
    answer_count(ret, "dropped", dropped);
}

/* ---- the log ---- */

struct search {
    struct str integration, event, text;
    struct json_out *w;
};

static bool wanted(void *ctx, struct str line)
{
    const struct search *q = ctx;
    struct json_doc *doc;
    struct errinfo ei;
    bool ok;

    if ((q->text.n && str_find(line, q->text, 0) == SIZE_MAX) ||
        (q->integration.n && str_find(line, q->integration, 0) == SIZE_MAX))
        return false;
    if (json_parse(line, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        return false;
    ok = (!q->integration.n || str_eq(json_text(json_get(json_root(doc), S("integration"))), q->integration)) &&
         (!q->event.n || str_eq(json_text(json_get(json_root(doc), S("event"))), q->event));
    json_free(doc);
    return ok;
}

static void give(void *ctx, struct str line)
{
    json_out_raw(((struct search *)ctx)->w, line);
}

HANDLER(api_get_log)
{
    struct serving *s = serving;
    struct json_out w = json_out(&ret->body);
    struct search q = {call_text(call, "integration"), call_text(call, "event"), call_text(call, "text"), &w};
    struct logfile_reader r = {wanted, give, &q};
    struct errinfo ei;

    json_out_begin(&w, '{');
    json_out_key(&w, "lines");
    json_out_begin(&w, '[');
    if (logfile_tail(s->app->project->state_dir, (size_t)call_int(call, "limit", 200), &r, NULL, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
}
