/* Events as spans.
 *
 * An event comes when something is over and says how long it took, so a span is written in one piece and nothing has to
 * be remembered but the ids of what goes on: of each run its trace, its own span, and the window that is being read. A
 * window's span begins with its first page and is written at its end; when the run ends first, the window is written as
 * failed. What is read again in halves stays one window. Replays and retries have batches only.
 *
 * Fields are named as in the log (docs/internals/watch.md); ids are random (W3C trace context: 16 and 8 bytes). */
#include "watch/traces.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "project/secret.h"
#include "watch/otlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPAN_BYTES (64u << 10)
#define TRACE_HEX  33
#define SPAN_HEX   17

enum { KIND_INTERNAL = 1, KIND_CLIENT = 3 }; /* SpanKind */
enum { STATUS_UNSET, STATUS_OK, STATUS_ERROR };

/* A run that goes on. */
struct trace {
    struct trace *next;
    char *integration;
    size_t integration_n;
    char trace[TRACE_HEX], span[SPAN_HEX], window_span[SPAN_HEX];
    int64_t began_ms, window, window_ms; /* window 0: none is being read */
    struct str kind;
    char kind_text[24];
};

struct traces {
    struct otlp *otlp;
    const struct clock *clock;
    struct trace *first; /* the hub lets one event in at a time */
};

struct span {
    const char *name;
    const char *id, *parent; /* id NULL: a new one; parent NULL: none */
    int kind;
    int64_t from_ms, to_ms;
    int status;
    struct str message;
};

static void new_id(char *hex, size_t bytes)
{
    uint8_t id[16];

    random_bytes(id, bytes);
    id[0] |= 1; /* all zeros would be no id */
    hex_lower(id, bytes, hex);
}

/* ---- writing ---- */

static void add_text(struct json_out *w, const char *key, struct str value)
{
    if (!value.n)
        return;
    json_out_begin(w, '{');
    json_member(w, "key", str_of(key));
    json_out_key(w, "value");
    json_out_begin(w, '{');
    json_member(w, "stringValue", value);
    json_out_end(w, '}');
    json_out_end(w, '}');
}

static void add_bool(struct json_out *w, const char *key, bool value)
{
    json_out_begin(w, '{');
    json_member(w, "key", str_of(key));
    json_out_key(w, "value");
    json_out_begin(w, '{');
    json_flag(w, "boolValue", value);
    json_out_end(w, '}');
    json_out_end(w, '}');
}

/* 64 bits are text in OTLP's JSON. */
static void add_int(struct json_out *w, const char *key, int64_t value)
{
    char digits[24];

    if (!value)
        return;
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    json_out_begin(w, '{');
    json_member(w, "key", str_of(key));
    json_out_key(w, "value");
    json_out_begin(w, '{');
    json_member(w, "intValue", str_of(digits));
    json_out_end(w, '}');
    json_out_end(w, '}');
}

static void add_time(struct json_out *w, const char *key, int64_t unix_ms)
{
    char digits[32];

    snprintf(digits, sizeof digits, "%lld000000", (long long)unix_ms);
    json_member(w, key, str_of(digits));
}

/* The event's fields, as in the log. */
static void add_fields(struct json_out *w, const struct trace *r, const struct event *e)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"run", e->run},     {"window", e->window},     {"page", e->page_no},
                   {"batch", e->batch}, {"position", e->position}, {"records", e->records},
                   {"rows", e->rows},   {"bytes", e->bytes},       {"calls", e->calls}};
    char from[TIME_TEXT], to[TIME_TEXT];

    add_text(w, "sluice.integration", e->integration);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char key[32];

        snprintf(key, sizeof key, "sluice.%s", numbers[i].name);
        add_int(w, key, numbers[i].value);
    }
    if (e->from_s || e->to_s) {
        add_text(w, "sluice.from", (struct str){from, time_rfc3339(NULL, e->from_s * 1000, from)});
        add_text(w, "sluice.to", (struct str){to, time_rfc3339(NULL, e->to_s * 1000, to)});
    }
    if (e->kind == EVENT_WINDOW_DONE)
        add_bool(w, "sluice.verified", e->flag);
    if (e->kind == EVENT_RUN_ENDED)
        add_text(w, "sluice.kind", r->kind);
    if (e->kind == EVENT_RUN_ENDED && e->code)
        add_text(w, "error.type", str_of(err_name(e->code)));
}

static void put_span(struct traces *t, const struct trace *r, const struct span *s, const struct event *e)
{
    struct buf b = buf_make(SPAN_BYTES);
    struct json_out w = json_out(&b);
    char id[SPAN_HEX], *masked;

    if (!s->id)
        new_id(id, 8);
    json_out_begin(&w, '{');
    json_member(&w, "traceId", str_of(r->trace));
    json_member(&w, "spanId", str_of(s->id ? s->id : id));
    if (s->parent)
        json_member(&w, "parentSpanId", str_of(s->parent));
    json_member(&w, "name", str_of(s->name));
    json_number(&w, "kind", s->kind);
    add_time(&w, "startTimeUnixNano", s->from_ms);
    add_time(&w, "endTimeUnixNano", s->to_ms);
    json_out_key(&w, "attributes");
    json_out_begin(&w, '[');
    add_fields(&w, r, e);
    json_out_end(&w, ']');
    json_out_key(&w, "status");
    json_out_begin(&w, '{');
    if (s->status != STATUS_UNSET)
        json_number(&w, "code", s->status);
    if (s->message.n)
        json_member(&w, "message", s->message);
    json_out_end(&w, '}');
    json_out_end(&w, '}');
    if (!b.failed) {
        masked = mem_alloc(b.n + 1);
        otlp_put(t->otlp, (struct str){masked, log_mask(buf_str(&b), masked, b.n + 1)});
        free(masked);
    }
    buf_free(&b);
}

/* ---- runs ---- */

static struct trace **find(struct traces *t, struct str integration)
{
    struct trace **at = &t->first;

    while (*at && !str_eq((struct str){(*at)->integration, (*at)->integration_n}, integration))
        at = &(*at)->next;
    return at;
}

static void drop(struct trace **at)
{
    struct trace *gone = *at;

    if (!gone)
        return;
    *at = gone->next;
    free(gone->integration);
    free(gone);
}

static struct trace *begin(struct traces *t, const struct event *e)
{
    struct trace *r = mem_zero(sizeof *r);

    drop(find(t, e->integration)); /* its end was never told */
    r->integration = mem_alloc(e->integration.n + 1);
    memcpy(r->integration, e->integration.p, e->integration.n);
    r->integration_n = e->integration.n;
    r->began_ms = clock_wall(t->clock);
    r->kind.n = e->text.n < sizeof r->kind_text ? e->text.n : sizeof r->kind_text;
    memcpy(r->kind_text, e->text.n ? e->text.p : "", r->kind.n);
    r->kind.p = r->kind_text;
    new_id(r->trace, 16);
    new_id(r->span, 8);
    r->next = t->first;
    t->first = r;
    return r;
}

/* When something began that took so long, within what it is part of. */
static int64_t began(int64_t now_ms, int64_t took_ms, int64_t not_before_ms)
{
    return now_ms - took_ms > not_before_ms ? now_ms - took_ms : not_before_ms;
}

static void page(struct traces *t, struct trace *r, const struct event *e)
{
    int64_t now = clock_wall(t->clock), from = began(now, e->took_ms, r->began_ms);

    now = now > from ? now : from;
    if (r->window != e->window) {
        r->window = e->window;
        r->window_ms = from;
        new_id(r->window_span, 8);
    }
    put_span(t, r,
             &(struct span){.name = "page",
                            .parent = r->window_span,
                            .kind = KIND_CLIENT,
                            .from_ms = from > r->window_ms ? from : r->window_ms,
                            .to_ms = now},
             e);
}

static void window(struct traces *t, struct trace *r, const struct event *e, struct str failure)
{
    int64_t now = clock_wall(t->clock);

    if (r->window != e->window) {
        r->window_ms = now;
        new_id(r->window_span, 8);
    }
    put_span(t, r,
             &(struct span){.name = "window",
                            .id = r->window_span,
                            .parent = r->span,
                            .kind = KIND_INTERNAL,
                            .from_ms = r->window_ms,
                            .to_ms = now > r->window_ms ? now : r->window_ms,
                            .status = failure.n ? STATUS_ERROR : STATUS_OK,
                            .message = failure},
             e);
    r->window = 0;
}

static void batch(struct traces *t, const struct trace *r, const struct event *e)
{
    int64_t now = clock_wall(t->clock), from = began(now, e->took_ms, r->began_ms);

    put_span(t, r,
             &(struct span){.name = "batch",
                            .parent = r->span,
                            .kind = KIND_CLIENT,
                            .from_ms = from,
                            .to_ms = now > from ? now : from,
                            .status = STATUS_OK},
             e);
}

/* Counts of the summary as the event's own fields, and its error's words. */
static void end(struct traces *t, const struct event *e)
{
    struct trace *r = *find(t, e->integration);
    struct event whole = *e;
    int64_t now = clock_wall(t->clock), took_ms;
    struct json_doc *doc = NULL;
    const struct json *s;
    struct errinfo ei;

    if (json_parse(e->text, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        doc = NULL;
    s = json_root(doc);
    if (!r) { /* it failed before it began */
        r = begin(t, &(struct event){.integration = e->integration});
        if (json_i64(json_get(s, S("duration_ms")), &took_ms))
            r->began_ms -= took_ms;
    }
    if (r->window)
        window(t, r,
               &(struct event){.kind = EVENT_GAP, .integration = e->integration, .run = e->run, .window = r->window},
               S("the run ended before the window did"));
    (void)json_i64(json_get(s, S("records")), &whole.records);
    (void)json_i64(json_get(s, S("rows")), &whole.rows);
    (void)json_i64(json_get(s, S("bytes")), &whole.bytes);
    (void)json_i64(json_get(s, S("calls")), &whole.calls);
    put_span(t, r,
             &(struct span){.name = "run",
                            .id = r->span,
                            .kind = KIND_INTERNAL,
                            .from_ms = r->began_ms,
                            .to_ms = now > r->began_ms ? now : r->began_ms,
                            .status = e->code ? STATUS_ERROR : STATUS_OK,
                            .message = json_text(json_path(s, S("error.message")))},
             &whole);
    json_free(doc);
    drop(find(t, e->integration));
}

static void hear(void *ctx, const struct event *e)
{
    struct traces *t = ctx;
    struct trace *r = *find(t, e->integration);

    if (e->kind == EVENT_RUN_STARTED)
        (void)begin(t, e);
    else if (e->kind == EVENT_RUN_ENDED)
        end(t, e);
    else if (r && e->kind == EVENT_PAGE)
        page(t, r, e);
    else if (r && e->kind == EVENT_WINDOW_DONE)
        window(t, r, e, e->flag ? S("") : S("it could not be shown to be complete"));
    else if (r && e->kind == EVENT_COMMIT)
        batch(t, r, e);
}

/* ---- the whole ---- */

static enum err resolve_headers(const struct project *p, struct arena *a, struct http_header *ret, struct errinfo *ei)
{
    const struct trace_settings *s = p->traces;

    for (size_t i = 0; i < s->n_headers; i++) {
        ret[i].key = s->headers[i].name;
        if (secret_resolve(p->dir, s->headers[i].value, a, &ret[i].value, ei)) {
            err_prefix(ei, "traces: header " STR_FMT, STR_ARG(ret[i].key));
            return ei->code;
        }
    }
    return OK;
}

enum err traces_new(const struct project *p, const struct clock *clock, struct traces **ret, struct errinfo *ei)
{
    struct arena *a;
    struct http_header *headers;
    struct otlp *otlp = NULL;
    enum err e;

    *ret = NULL;
    if (!p->traces->otlp.n)
        return OK;
    a = arena_new(1u << 20);
    headers = ARENA_ARRAY(a, struct http_header, p->traces->n_headers + 1);
    e = resolve_headers(p, a, headers, ei);
    if (!e)
        e = otlp_new(&(struct otlp_config){p->traces->otlp, headers, p->traces->n_headers, p->settings.name}, &otlp,
                     ei);
    arena_free(a);
    if (e)
        return e;
    *ret = mem_zero(sizeof **ret);
    (*ret)->otlp = otlp;
    (*ret)->clock = clock;
    return OK;
}

void traces_free(struct traces *t, int64_t wait_ms)
{
    if (!t)
        return;
    otlp_free(t->otlp, wait_ms);
    while (t->first)
        drop(&t->first);
    free(t);
}

struct listener traces_listener(struct traces *t)
{
    return t ? (struct listener){hear, t} : (struct listener){0};
}

int64_t traces_sent(void *traces)
{
    struct otlp_counts c = {0};

    if (traces)
        otlp_counts(((struct traces *)traces)->otlp, &c);
    return c.sent;
}

int64_t traces_dropped(void *traces)
{
    struct otlp_counts c = {0};

    if (traces)
        otlp_counts(((struct traces *)traces)->otlp, &c);
    return c.dropped;
}
