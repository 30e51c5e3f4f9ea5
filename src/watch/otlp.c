/* Spans on their way to a collector.
 *
 * Handed-in spans gather in one buffer, commas between, up to a ceiling; beyond it they are dropped and counted. Every
 * second, or when many have gathered, the thread takes the buffer whole, wraps it into one request and posts it: one at
 * a time. Network trouble and 429, 502, 503, 504 are tried again twice with growing waits, as the protocol asks;
 * anything else, or the third failure, drops the request's spans. The first drop in a row is told as a warning. What
 * the collector says it rejected (partialSuccess) counts as dropped. Nothing is kept over a restart. */
#include "watch/otlp.h"

#include "base/json.h"
#include "base/log.h"
#include "base/product.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_SPANS 10000
#define PENDING_BYTES (8u << 20)
#define SEND_SPANS    500 /* do not wait for the second */
#define SEND_MS       1000
#define TRIES         3
#define RETRY_MS      1000 /* doubled each time */
#define CALL_MS       10000
#define REPLY_BYTES   (64u << 10)

struct otlp {
    struct arena *arena;
    struct http_request request;
    struct str project;
    pthread_t thread;
    struct loop *loop;
    struct http *http;
    pthread_mutex_t lock; /* before what follows */
    struct buf pending;
    int64_t n_pending;
    bool woken;
    struct otlp_counts counts;
    /* of the thread */
    struct buf body;
    int64_t n_body;
    int tries;
    bool sending, ending, told;
    struct loop_timer *timer; /* NULL: none */
};

/* lint: allow(forward) an answer sends what has gathered meanwhile, which brings an answer */
static void send_more(struct otlp *o);

/* ---- one request ---- */

static void add_attribute(struct json_out *w, const char *key, struct str value)
{
    json_out_begin(w, '{');
    json_member(w, "key", str_of(key));
    json_out_key(w, "value");
    json_out_begin(w, '{');
    json_member(w, "stringValue", value);
    json_out_end(w, '}');
    json_out_end(w, '}');
}

/* {"resourceSpans":[{"resource":…,"scopeSpans":[{"scope":…,"spans":[…]}]}]} */
static void wrap(struct otlp *o, struct str spans)
{
    struct json_out w = json_out(&o->body);

    buf_clear(&o->body);
    json_out_begin(&w, '{');
    json_out_key(&w, "resourceSpans");
    json_out_begin(&w, '[');
    json_out_begin(&w, '{');
    json_out_key(&w, "resource");
    json_out_begin(&w, '{');
    json_out_key(&w, "attributes");
    json_out_begin(&w, '[');
    add_attribute(&w, "service.name", S(PRODUCT));
    add_attribute(&w, "service.namespace", o->project);
    add_attribute(&w, "service.version", S(PRODUCT_VERSION));
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    json_out_key(&w, "scopeSpans");
    json_out_begin(&w, '[');
    json_out_begin(&w, '{');
    json_out_key(&w, "scope");
    json_out_begin(&w, '{');
    json_member(&w, "name", S(PRODUCT));
    json_out_end(&w, '}');
    json_out_key(&w, "spans");
    json_out_begin(&w, '[');
    json_out_raw(&w, spans);
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    json_out_end(&w, ']');
    json_out_end(&w, '}');
}

static void count(struct otlp *o, int64_t sent, int64_t dropped)
{
    pthread_mutex_lock(&o->lock);
    o->counts.sent += sent;
    o->counts.dropped += dropped;
    pthread_mutex_unlock(&o->lock);
}

/* How many spans of a request that was taken were not. */
static int64_t rejected(const struct http_reply *reply, int64_t most)
{
    struct json_doc *doc;
    struct errinfo ei;
    int64_t n = 0;

    if (json_parse(reply->body, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        return 0;
    if (!json_i64(json_path(json_root(doc), S("partialSuccess.rejectedSpans")), &n) || n < 0)
        n = 0;
    json_free(doc);
    return n < most ? n : most;
}

static bool may_pass(const struct http_reply *reply)
{
    return reply->code == ERR_NETWORK ||
           (!reply->code && (reply->status == 429 || (reply->status >= 502 && reply->status <= 504)));
}

static void give_up(struct otlp *o, const struct http_reply *reply)
{
    count(o, 0, o->n_body);
    if (!o->told && reply->code)
        log_warn("traces are dropped: %s", reply->why.msg);
    else if (!o->told)
        log_warn("traces are dropped: the collector answers with status %d", reply->status);
    o->told = true;
    o->n_body = 0;
}

static void on_timer(void *ctx)
{
    struct otlp *o = ctx;

    o->timer = NULL;
    send_more(o);
}

static void answered(void *ctx, struct http_reply *reply)
{
    struct otlp *o = ctx;

    o->sending = false;
    if (!reply->code && reply->status / 100 == 2) {
        int64_t lost = rejected(reply, o->n_body);

        count(o, o->n_body - lost, lost);
        o->n_body = 0;
        o->told = false;
    } else if (!may_pass(reply) || ++o->tries == TRIES) {
        give_up(o, reply);
    } else {
        o->timer = loop_timer_start(o->loop, (int64_t)RETRY_MS << (o->tries - 1), on_timer, o);
        return;
    }
    send_more(o);
}

/* ---- the thread ---- */

/* Takes what is pending as the next body. False: there was nothing. */
static bool take(struct otlp *o)
{
    struct buf spans;

    pthread_mutex_lock(&o->lock);
    spans = o->pending;
    o->n_body = o->n_pending;
    o->pending = buf_make(PENDING_BYTES);
    o->n_pending = 0;
    o->woken = false;
    pthread_mutex_unlock(&o->lock);
    if (o->n_body)
        wrap(o, buf_str(&spans));
    buf_free(&spans);
    o->tries = 0;
    return o->n_body > 0;
}

static void send_more(struct otlp *o)
{
    if (o->sending)
        return;
    if (o->n_body || take(o)) {
        o->request.body = buf_str(&o->body);
        o->sending = true;
        http_send(o->http, &o->request, answered, o);
    } else if (o->ending) {
        loop_stop(o->loop);
    } else if (!o->timer) {
        o->timer = loop_timer_start(o->loop, SEND_MS, on_timer, o);
    }
}

static void stop_waiting(struct otlp *o)
{
    if (o->timer)
        loop_timer_cancel(o->timer);
    o->timer = NULL;
}

static void many_wait(void *ctx)
{
    struct otlp *o = ctx;

    if (o->n_body)
        return; /* one is on its way, or waits for its next try */
    stop_waiting(o);
    send_more(o);
}

static void out_of_time(void *ctx)
{
    loop_stop(((struct otlp *)ctx)->loop);
}

struct ending {
    struct otlp *o;
    int64_t wait_ms;
};

static void begin_end(void *ctx)
{
    struct ending *e = ctx;

    e->o->ending = true;
    (void)loop_timer_start(e->o->loop, e->wait_ms, out_of_time, e->o);
    stop_waiting(e->o);
    send_more(e->o);
}

static void *carry(void *ctx)
{
    struct otlp *o = ctx;

    send_more(o);
    loop_run(o->loop);
    return NULL;
}

/* ---- the whole ---- */

void otlp_put(struct otlp *o, struct str span)
{
    bool wake = false;

    pthread_mutex_lock(&o->lock);
    if (o->n_pending >= PENDING_SPANS || o->pending.n + span.n + 1 > PENDING_BYTES) {
        o->counts.dropped++;
    } else {
        if (o->n_pending)
            buf_byte(&o->pending, ',');
        buf_add(&o->pending, span);
        wake = ++o->n_pending >= SEND_SPANS && !o->woken;
        o->woken |= wake;
    }
    pthread_mutex_unlock(&o->lock);
    if (wake)
        loop_post(o->loop, many_wait, o);
}

void otlp_counts(struct otlp *o, struct otlp_counts *ret)
{
    pthread_mutex_lock(&o->lock);
    *ret = o->counts;
    pthread_mutex_unlock(&o->lock);
}

static void dispose(struct otlp *o)
{
    http_free(o->http);
    loop_free(o->loop);
    pthread_mutex_destroy(&o->lock);
    buf_free(&o->pending);
    buf_free(&o->body);
    arena_free(o->arena);
    free(o);
}

static void copy_config(struct otlp *o, const struct otlp_config *c)
{
    struct http_header *headers = ARENA_ARRAY(o->arena, struct http_header, c->n_headers + 1);
    struct str base = c->address;

    while (base.n && base.p[base.n - 1] == '/')
        base.n--;
    for (size_t i = 0; i < c->n_headers; i++)
        headers[i] =
            (struct http_header){arena_str(o->arena, c->headers[i].key), arena_str(o->arena, c->headers[i].value)};
    o->project = arena_str(o->arena, c->project);
    o->request = (struct http_request){.method = S("POST"),
                                       .url = arena_printf(o->arena, STR_FMT "/v1/traces", STR_ARG(base)),
                                       .content_type = S("application/json"),
                                       .headers = headers,
                                       .n_headers = c->n_headers,
                                       .max_bytes = REPLY_BYTES,
                                       .connect_ms = CALL_MS / 2,
                                       .total_ms = CALL_MS};
}

enum err otlp_new(const struct otlp_config *c, struct otlp **ret, struct errinfo *ei)
{
    struct otlp *o = mem_zero(sizeof *o);

    o->arena = arena_new(1u << 20);
    o->pending = buf_make(PENDING_BYTES);
    o->body = buf_make(PENDING_BYTES + (1u << 16));
    pthread_mutex_init(&o->lock, NULL);
    copy_config(o, c);
    if (loop_new(&o->loop, ei)) {
        pthread_mutex_destroy(&o->lock);
        arena_free(o->arena);
        free(o);
        return ei->code;
    }
    o->http = http_new(o->loop, &clock_system);
    if (pthread_create(&o->thread, NULL, carry, o) != 0) {
        dispose(o);
        return fail(ei, ERR_INTERNAL, "no thread for traces");
    }
    *ret = o;
    return OK;
}

void otlp_free(struct otlp *o, int64_t wait_ms)
{
    struct ending e = {o, wait_ms};
    int64_t lost;

    if (!o)
        return;
    loop_post(o->loop, begin_end, &e);
    pthread_join(o->thread, NULL);
    lost = o->n_body + o->n_pending;
    if (lost)
        log_warn("%lld spans of traces did not reach the collector", (long long)lost);
    dispose(o);
}
