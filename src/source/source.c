/* One call, until it is answered or patience is over.
 *
 * Every attempt takes a place in the quota, is signed anew with the source's time, and is judged: a page, or why not.
 * Transient trouble (no connection, a cut, a time-out, a 5xx, garbage) is tried again with full jitter below a doubling
 * ceiling; "slow down", also a 5xx that names a time to come back, waits as long as it says and holds the quota back
 * for everyone; a wrong clock is corrected from the reply's Date and tried once more. What cannot get better by waiting
 * ends the call.
 *
 * Patience counts from the first of the failures that follow each other. An upstream that says "slow down" is there:
 * the count begins anew, and being told so has ten times the patience of its own.
 *
 * Where calls carry a token (login.c) it is fetched before the first of them, and once more when a call says that it is
 * refused; the same page is then asked for again.
 *
 * Connections that fail and errors of the server's own count against the health that all who call the connection share
 * (health.c): when its circuit is open a call waits for its turn to probe, and retries come out of an allowance. Errors
 * that are the request's own show that the upstream is there. */
#include "source/source.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define RETRY_FIRST_MS  200
#define RETRY_MAX_MS    10000
#define LONG_WAIT_MS    10000 /* worth telling */
#define SLOW_PATIENCE   10
#define WAIT_MAX_MS     3600000
#define ARENA_MAX_BYTES (64u << 20)

struct source {
    struct source_config c;
    struct source_counts counts;
    /* the call under way */
    struct kv *business;
    size_t n_business;
    struct str link;
    struct arena *arena;   /* of the call */
    struct arena *attempt; /* of its last attempt */
    struct str shown;
    struct http_call *http;
    struct loop_timer *timer;
    bool spare;                                                /* of the call under way */
    int64_t failing_since_ms, slowed_since_ms, spare_since_ms; /* -1: not */
    int attempts, clock_fixes, logins;
    bool logging_in;
    bool probing;        /* the attempt is the probe of an open circuit */
    bool wait_told;      /* that the circuit is open */
    struct errinfo last; /* why the last attempt failed; code OK: none did */
    void (*done)(void *ctx, struct page *page, const struct errinfo *why);
    void *ctx;
};

struct source *source_new(const struct source_config *config)
{
    struct source *s = mem_zero(sizeof *s);

    s->c = *config;
    return s;
}

static void clear_call(struct source *s)
{
    arena_free(s->arena);
    arena_free(s->attempt);
    s->arena = s->attempt = NULL;
    s->http = NULL;
    s->timer = NULL;
    s->done = NULL;
}

static void drop_probe(struct source *s)
{
    if (s->probing)
        health_probe_dropped(bucket_health(s->c.bucket));
    s->probing = false;
}

void source_cancel(struct source *s)
{
    http_cancel(s->http);
    if (s->logging_in)
        login_cancel(s->c.login);
    s->logging_in = false;
    drop_probe(s);
    loop_timer_cancel(s->timer);
    clear_call(s);
}

void source_free(struct source *s)
{
    if (!s)
        return;
    source_cancel(s);
    free(s);
}

struct source_counts source_counts(const struct source *s)
{
    return s->counts;
}

static void answer(struct source *s, struct page *page, const struct errinfo *why)
{
    void (*done)(void *, struct page *, const struct errinfo *) = s->done;
    void *ctx = s->ctx;

    drop_probe(s);
    clear_call(s);
    done(ctx, page, why);
}

static void note(const struct source *s, enum source_note what, const struct errinfo *ei, int64_t wait_ms)
{
    if (s->c.note)
        s->c.note(s->c.note_ctx, what, ei, wait_ms);
}

/* lint: allow(forward) every way an attempt fails may lead to the next one, by the timer that again_in sets */
static void attempt(void *ctx);

static void again_in(struct source *s, int64_t ms)
{
    s->timer = loop_timer_start(s->c.loop, ms, attempt, s);
}

static int64_t jitter_ms(int attempts)
{
    int64_t ceiling = RETRY_FIRST_MS;
    uint32_t r;

    for (int i = 1; i < attempts && ceiling < RETRY_MAX_MS; i++)
        ceiling *= 2;
    if (ceiling > RETRY_MAX_MS)
        ceiling = RETRY_MAX_MS;
    random_bytes(&r, sizeof r);
    return 1 + (int64_t)(r % (uint32_t)ceiling);
}

/* Would waiting so long pass the patience that is left? */
static bool out_of_patience(struct source *s, int64_t wait_ms, bool slow)
{
    int64_t now = clock_mono(s->c.clock);
    int64_t *since = slow ? &s->slowed_since_ms : &s->failing_since_ms;

    if (*since < 0)
        *since = now;
    if (slow)
        s->failing_since_ms = -1;
    return now + wait_ms - *since > (slow ? s->c.patience_ms * SLOW_PATIENCE : s->c.patience_ms);
}

static void give_up(struct source *s, const struct errinfo *why)
{
    struct errinfo last = *why;

    if (s->attempts > 1)
        err_prefix(&last, "given up after %d attempts", s->attempts);
    answer(s, NULL, &last);
}

/* A retry's place in the allowance. False: it will not come soon enough. */
static bool take_retry(struct source *s, int64_t *wait_ms)
{
    int64_t left = s->c.patience_ms, place;

    if (s->failing_since_ms >= 0)
        left -= clock_mono(s->c.clock) - s->failing_since_ms;
    place = health_retry_ms(bucket_health(s->c.bucket), bucket_now_ms(), left);
    if (place > *wait_ms)
        *wait_ms = place;
    return place >= 0;
}

static void retry(struct source *s, const struct errinfo *why, int64_t wait_ms, bool slow)
{
    if (out_of_patience(s, wait_ms, slow)) {
        struct errinfo last = *why;

        if (slow && wait_ms >= LONG_WAIT_MS)
            err_prefix(&last, "a wait of %lld s is asked for, longer than patience lasts", (long long)(wait_ms / 1000));
        give_up(s, &last);
        return;
    }
    if (slow)
        s->counts.throttled++;
    else
        s->counts.retries++;
    note(s, slow ? NOTE_THROTTLED : NOTE_RETRY, why, wait_ms);
    again_in(s, wait_ms);
}

/* Trouble that may pass. With an open circuit the wait is its business, and so is how many try. */
static void try_again(struct source *s, const struct errinfo *why, bool open)
{
    int64_t wait_ms = jitter_ms(s->attempts);

    s->last = *why;
    if (open || take_retry(s, &wait_ms)) {
        retry(s, why, wait_ms, false);
    } else {
        struct errinfo last = *why;

        err_prefix(&last, "too many calls of this connection fail; its share of retries is used up");
        answer(s, NULL, &last);
    }
}

/* The attempt failed on the server's side. True: the circuit is open. */
static bool count_failure(struct source *s)
{
    struct health_failure f = {.now_ms = bucket_now_ms(), .wall_ms = clock_wall(s->c.clock), .probe = s->probing};

    random_bytes(&f.chance, sizeof f.chance);
    s->probing = false;
    return health_failed(bucket_health(s->c.bucket), &f);
}

static void count_answer(struct source *s)
{
    s->probing = s->wait_told = false;
    if (health_answered(bucket_health(s->c.bucket)))
        note(s, NOTE_CLOSED, NULL, 0);
}

static void fix_clock(struct source *s, const struct http_reply *r, const struct errinfo *why)
{
    if (s->clock_fixes++ || r->date_s < 0) {
        answer(s, NULL, why);
        return;
    }
    remote_clock_force(s->c.remote, r->date_s, r->date_age_ms);
    note(s, NOTE_CLOCK, why, 0);
    s->counts.retries++;
    again_in(s, 0);
}

/* A whole reply: the page that it is, judged. */
static struct page *read_reply(struct source *s, struct http_reply *r)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct page *p = page_new();
    struct judge_input in = {s->c.connector, s->c.iface, s->c.paging, r->status, s->c.records_path};
    struct errinfo why = {0};
    enum err e;

    limits.max_bytes = s->c.max_bytes;
    e = json_parse(r->body, &limits, &p->doc, &p->repairs, &why);
    p->fetched_ms = remote_clock_now_ms(s->c.remote);
    p->call = arena_str(p->arena, s->shown);
    if (e)
        connector_judge_text(s->c.connector, s->c.iface, r->status, r->body, &why, &p->reply);
    else
        connector_judge(&in, p->doc, &p->reply);
    p->body = http_take_body(r, &p->body_n);
    s->counts.bytes += (int64_t)p->body_n;
    return p;
}

static void on_token(void *ctx, const struct errinfo *why)
{
    struct source *s = ctx;

    s->logging_in = false;
    if (why)
        answer(s, NULL, why);
    else
        attempt(s);
}

static void log_in(struct source *s, struct str refused)
{
    s->logging_in = true;
    login_get(s->c.login, refused, on_token, s);
}

/* The token was refused: another is fetched, once, and the same page asked for again. */
static void log_in_again(struct source *s, const struct errinfo *why)
{
    if (!s->c.login || s->logins++) {
        answer(s, NULL, why);
        return;
    }
    s->counts.retries++;
    log_in(s, login_token(s->c.login));
}

/* As long as the reply asks for, in its text or its Retry-After. */
static void slow_down(struct source *s, const struct http_reply *r, const struct reply *said)
{
    int64_t wait_ms = said->wait_ms > 0 ? said->wait_ms : 0;
    int64_t after_ms = r->retry_after_s < WAIT_MAX_MS / 1000 ? r->retry_after_s * 1000 : WAIT_MAX_MS;

    if (after_ms > wait_ms)
        wait_ms = after_ms;
    if (wait_ms > WAIT_MAX_MS)
        wait_ms = WAIT_MAX_MS;
    if (wait_ms <= 0)
        wait_ms = jitter_ms(s->attempts);
    bucket_hold_ms(s->c.bucket, wait_ms);
    retry(s, &said->why, wait_ms, true);
}

static void react(struct source *s, const struct http_reply *r, const struct reply *said)
{
    switch (said->reaction) {
    case REACT_SLOW_DOWN:
        slow_down(s, r, said);
        return;
    case REACT_CLOCK:
        fix_clock(s, r, &said->why);
        return;
    case REACT_RETRY:
        if (r->retry_after_s > 0)
            slow_down(s, r, said);
        else
            try_again(s, &said->why, false);
        return;
    case REACT_LOGIN:
        log_in_again(s, &said->why);
        return;
    case REACT_OK:
    case REACT_STOP:
        break;
    }
    answer(s, NULL, &said->why);
}

/* An error of the server itself, which does not say when to come back. */
static bool is_servers_own(const struct http_reply *r, const struct reply *said)
{
    return r->status >= 500 && said->reaction == REACT_RETRY && r->retry_after_s <= 0;
}

static void on_reply(void *ctx, struct http_reply *r)
{
    struct source *s = ctx;
    struct page *page;

    s->http = NULL;
    if (r->date_s >= 0)
        remote_clock_learn(s->c.remote, r->date_s, r->took_ms - r->date_age_ms, r->date_age_ms);
    if (r->code) {
        if (r->code == ERR_NETWORK)
            try_again(s, &r->why, count_failure(s));
        else if (r->code == ERR_REMOTE)
            try_again(s, &r->why, false);
        else
            answer(s, NULL, &r->why);
        return;
    }
    page = read_reply(s, r);
    if (is_servers_own(r, &page->reply)) {
        try_again(s, &page->reply.why, count_failure(s));
        page_unref(page);
        return;
    }
    count_answer(s);
    if (page->reply.reaction == REACT_OK) {
        answer(s, page, NULL);
        return;
    }
    react(s, r, &page->reply);
    page_unref(page);
}

static enum err make_request(struct source *s, struct wire_request *w, struct errinfo *ei)
{
    int64_t now_s = remote_clock_now_ms(s->c.remote) / 1000;
    struct sign_input in = {
        .options = &s->c.options, .business = s->business, .n_business = s->n_business, .now_s = now_s};
    enum err e;

    if (s->c.login)
        in.token = login_token(s->c.login);
    arena_free(s->attempt);
    s->attempt = arena_new(ARENA_MAX_BYTES);
    e = connector_sign(s->c.connector, s->c.iface, &in, s->attempt, w, ei);
    if (!e && s->link.n)
        e = connector_follow(s->link, s->attempt, w, ei);
    return e;
}

static void send_now(struct source *s)
{
    struct wire_request w;
    struct http_request h = {.max_bytes = s->c.max_bytes, .total_ms = s->c.call_ms};
    struct http_header *headers;
    struct errinfo ei;

    if (make_request(s, &w, &ei)) {
        answer(s, NULL, &ei);
        return;
    }
    s->shown = connector_show(s->c.connector, &w, s->attempt);
    headers = ARENA_ARRAY(s->attempt, struct http_header, w.n_headers + 1);
    for (size_t i = 0; i < w.n_headers; i++)
        headers[i] = (struct http_header){w.headers[i].key, w.headers[i].value};
    h.method = w.method;
    h.url = w.url;
    h.body = w.body;
    h.content_type = w.content_type;
    h.headers = headers;
    h.n_headers = w.n_headers;
    if (!s->attempts++)
        health_called(bucket_health(s->c.bucket), bucket_now_ms());
    s->counts.calls++;
    s->http = http_send(s->c.http, &h, on_reply, s);
}

/* The place has come. A hold that began while it was waited for makes it worthless. */
static void on_place(void *ctx)
{
    struct source *s = ctx;

    s->timer = NULL;
    if (bucket_is_held(s->c.bucket))
        attempt(s);
    else
        send_now(s);
}

/* Waits for an open circuit, as long as there is patience. */
static void wait_for_circuit(struct source *s, int64_t wait_ms)
{
    struct health_state h;
    struct errinfo why;

    health_look(bucket_health(s->c.bucket), bucket_now_ms(), &h);
    fail(&why, ERR_NETWORK,
         "connection \"" STR_FMT
         "\": the other side has failed %lld calls in a row in %lld s; nothing is sent to it but "
         "a probe now and then",
         STR_ARG(s->c.connection), (long long)h.failures,
         (long long)(h.since_ms ? (clock_wall(s->c.clock) - h.since_ms) / 1000 : 0));
    fail_hint(&why, "it is called again when it answers; is it up, and is its address right?");
    if (out_of_patience(s, wait_ms, false)) {
        give_up(s, s->last.code ? &s->last : &why);
        return;
    }
    if (!s->wait_told)
        note(s, NOTE_WAIT, &why, wait_ms);
    s->wait_told = true;
    again_in(s, wait_ms);
}

/* Asks for a place that nobody else wants, again and again while there is patience. */
static void attempt_spare(struct source *s)
{
    int64_t wait_ms = bucket_spare_ms(s->c.bucket), now = clock_mono(s->c.clock);
    struct errinfo why;

    if (wait_ms <= 0) {
        s->spare_since_ms = -1;
        send_now(s);
        return;
    }
    if (s->spare_since_ms < 0)
        s->spare_since_ms = now;
    if (now - s->spare_since_ms <= s->c.patience_ms + wait_ms) {
        again_in(s, wait_ms);
        return;
    }
    drop_probe(s);
    fail(&why, ERR_QUOTA, "connection \"" STR_FMT "\": its other calls leave none over", STR_ARG(s->c.connection));
    answer(s, NULL, &why);
}

static void attempt(void *ctx)
{
    struct source *s = ctx;
    int64_t wait;

    s->timer = NULL;
    if (s->c.login && login_is_due(s->c.login)) {
        log_in(s, S(""));
        return;
    }
    wait = s->probing ? 0 : health_admit(bucket_health(s->c.bucket), bucket_now_ms(), &s->probing);
    if (wait > 0) {
        wait_for_circuit(s, wait);
        return;
    }
    if (s->spare) {
        attempt_spare(s);
        return;
    }
    wait = bucket_take_ms(s->c.bucket);
    if (wait > 0)
        s->timer = loop_timer_start(s->c.loop, wait, on_place, s);
    else
        send_now(s);
}

void source_call(struct source *s, const struct source_request *r,
                 void (*done)(void *ctx, struct page *page, const struct errinfo *why), void *ctx)
{
    size_t n = r->n_business;

    s->arena = arena_new(ARENA_MAX_BYTES);
    s->business = ARENA_ARRAY(s->arena, struct kv, n + 1);
    for (size_t i = 0; i < n; i++)
        s->business[i] =
            (struct kv){arena_str(s->arena, r->business[i].key), arena_str(s->arena, r->business[i].value)};
    s->n_business = n;
    s->link = arena_str(s->arena, r->link);
    s->failing_since_ms = s->slowed_since_ms = s->spare_since_ms = -1;
    s->spare = r->spare;
    s->attempts = s->clock_fixes = s->logins = 0;
    s->probing = s->wait_told = false;
    s->last.code = OK;
    s->done = done;
    s->ctx = ctx;
    attempt(s);
}
