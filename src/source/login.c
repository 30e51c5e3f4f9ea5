/* One fetches, all others wait: whoever holds the lock of the token's file looks first whether another has put a new
 * token there, and only then calls. What comes back is saved before it is used: a refresh token is often good for one
 * time only, and one that was used and then lost with the process would lock the connection out.
 *
 * A token is due at half of its life (or as long before its end as the connector says). While the old one is still
 * good, a failure to fetch the next is no failure of the call that asked: it goes on with the old one, and the next try
 * is a minute away. A refresh that is refused is followed by a login, once. Trouble that passes is tried again within
 * patience, every attempt in a place of the connection's quota; it counts for the connection's health like any call.
 *
 * The token's text {"access", "refresh", "got", "life", "for"} names, as a digest, the options that it was fetched
 * with: after a change of the credentials it is not used. Nothing of it is ever logged: log_hide knows both tokens. */
#include "source/login.h"

#include "base/log.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define LOOK_MS         50
#define RETRY_FIRST_MS  200
#define RETRY_MAX_MS    5000
#define SOON_MS         1000
#define LATER_MS        60000
#define REPLY_MAX_BYTES (1u << 20)
#define ARENA_MAX_BYTES (8u << 20)
#define TOKEN_MAX_BYTES (64u << 10)

struct login {
    struct login_config c;
    struct token_terms terms;
    char owner[2 * DIGEST_MAX + 1]; /* of the options */
    /* the token */
    struct arena *arena; /* NULL: none */
    struct str access, refresh;
    int64_t got_ms, life_ms;    /* by the wall clock */
    int64_t not_before_mono_ms; /* no try before, while the token is good */
    /* getting one */
    struct arena *work;
    struct str refused;
    int lock; /* -1: not held */
    struct http_call *http;
    struct loop_timer *timer;
    int64_t since_ms;
    int attempts, clock_fixes;
    bool no_refresh; /* it was refused */
    void (*done)(void *ctx, const struct errinfo *why);
    void *ctx;
};

static void name_owner(struct login *l)
{
    struct str *parts = mem_alloc((2 * l->c.options.n + 1) * sizeof *parts);
    uint8_t raw[DIGEST_MAX];
    size_t n = 0;

    for (size_t i = 0; i < l->c.options.n; i++) {
        parts[n++] = l->c.options.at[i];
        parts[n++] = S("\n");
    }
    hex_lower(raw, digest(DIGEST_SHA256, parts, n, raw), l->owner);
    free(parts);
}

struct login *login_new(const struct login_config *c)
{
    struct login *l = mem_zero(sizeof *l);

    l->c = *c;
    l->lock = -1;
    (void)connector_token(c->connector, &l->terms);
    name_owner(l);
    return l;
}

static void unlock(struct login *l)
{
    if (l->lock >= 0)
        close(l->lock);
    l->lock = -1;
}

static void clear_work(struct login *l)
{
    unlock(l);
    arena_free(l->work);
    l->work = NULL;
    l->http = NULL;
    l->timer = NULL;
    l->done = NULL;
}

void login_cancel(struct login *l)
{
    http_cancel(l->http);
    loop_timer_cancel(l->timer);
    clear_work(l);
}

void login_free(struct login *l)
{
    if (!l)
        return;
    login_cancel(l);
    arena_free(l->arena);
    free(l);
}

struct str login_token(const struct login *l)
{
    return l->access;
}

/* How much of its life is left. */
static int64_t left_ms(const struct login *l)
{
    int64_t age = clock_wall(l->c.clock) - l->got_ms;

    return age < 0 ? l->life_ms : l->life_ms - age;
}

static bool is_fresh(const struct login *l)
{
    int64_t before = l->terms.before_ms;

    if (before <= 0 || before >= l->life_ms)
        before = l->life_ms / 2;
    return l->access.n && left_ms(l) > before;
}

bool login_is_due(const struct login *l)
{
    bool put_off = clock_mono(l->c.clock) < l->not_before_mono_ms && left_ms(l) > 0;

    return !is_fresh(l) && !(l->access.n && put_off);
}

static void finish(struct login *l, const struct errinfo *why)
{
    void (*done)(void *, const struct errinfo *) = l->done;
    void *ctx = l->ctx;
    bool still_good = why && l->access.n && !l->refused.n && left_ms(l) > 0;

    if (still_good)
        l->not_before_mono_ms = clock_mono(l->c.clock) + LATER_MS;
    clear_work(l);
    done(ctx, still_good ? NULL : why);
}

/* ---- the token at rest ---- */

struct token {
    struct str access, refresh;
    int64_t got_ms, life_ms;
};

static void take(struct login *l, const struct token *t)
{
    struct arena *a = arena_new(ARENA_MAX_BYTES);

    l->access = arena_str(a, t->access);
    l->refresh = arena_str(a, t->refresh);
    l->got_ms = t->got_ms;
    l->life_ms = t->life_ms;
    l->not_before_mono_ms = 0;
    arena_free(l->arena);
    l->arena = a;
    log_hide(l->access);
    log_hide(l->refresh);
}

/* Takes over what is saved, if it is of the same options and can be read. */
static enum err recall(struct login *l, struct errinfo *ei)
{
    struct json_limits limits = {TOKEN_MAX_BYTES, 4};
    struct json_doc *doc = NULL;
    const struct json *root;
    struct errinfo unused;
    struct str text;
    struct token t;
    enum err e = l->c.store.load(l->c.store.ctx, l->work, &text, ei);

    if (e || !text.p || json_parse(text, &limits, &doc, NULL, &unused))
        return e;
    root = json_root(doc);
    t.access = json_text(json_get(root, S("access")));
    t.refresh = json_text(json_get(root, S("refresh")));
    if (t.access.n && str_eq(json_text(json_get(root, S("for"))), str_of(l->owner)) &&
        json_i64(json_get(root, S("got")), &t.got_ms) && json_i64(json_get(root, S("life")), &t.life_ms))
        take(l, &t);
    json_free(doc);
    return OK;
}

static enum err save(struct login *l, const struct token *t, struct errinfo *ei)
{
    struct buf b = buf_make(TOKEN_MAX_BYTES);
    struct json_out w = json_out(&b);
    enum err e;

    json_out_begin(&w, '{');
    json_out_key(&w, "access");
    json_out_str(&w, t->access);
    json_out_key(&w, "refresh");
    json_out_str(&w, t->refresh);
    json_out_key(&w, "got");
    json_out_int(&w, t->got_ms);
    json_out_key(&w, "life");
    json_out_int(&w, t->life_ms);
    json_out_key(&w, "for");
    json_out_cstr(&w, l->owner);
    json_out_end(&w, '}');
    e = b.failed ? fail(ei, ERR_REMOTE, "the token is too long to be kept")
                 : l->c.store.save(l->c.store.ctx, buf_str(&b), ei);
    if (e)
        err_prefix(ei, "the token could not be kept");
    buf_free(&b);
    return e;
}

/* ---- fetching ---- */

/* lint: allow(forward) every way an attempt fails may lead to the next one, by the timer that again_in sets */
static void fetch(void *ctx);

static void again_in(struct login *l, int64_t ms, const struct errinfo *why)
{
    if (clock_mono(l->c.clock) + ms - l->since_ms > l->c.patience_ms) {
        finish(l, why);
        return;
    }
    l->timer = loop_timer_start(l->c.loop, ms, fetch, l);
}

static void try_again(struct login *l, const struct errinfo *why)
{
    int64_t ceiling = RETRY_FIRST_MS;
    uint32_t r;

    for (int i = 1; i < l->attempts && ceiling < RETRY_MAX_MS; i++)
        ceiling *= 2;
    random_bytes(&r, sizeof r);
    again_in(l, 1 + (int64_t)(r % (uint32_t)(ceiling < RETRY_MAX_MS ? ceiling : RETRY_MAX_MS)), why);
}

static bool refreshes(const struct login *l)
{
    return l->terms.can_refresh && l->refresh.n && !l->no_refresh;
}

static void got(struct login *l, const struct token_reply *said)
{
    struct token t = {said->access, said->refresh.n ? said->refresh : l->refresh, clock_wall(l->c.clock),
                      said->life_ms > 0 ? said->life_ms : l->terms.life_ms};
    struct errinfo ei;

    log_hide(t.access);
    log_hide(t.refresh);
    if (save(l, &t, &ei)) {
        finish(l, &ei);
        return;
    }
    take(l, &t);
    if (l->c.fetched)
        l->c.fetched(l->c.fetched_ctx);
    finish(l, NULL);
}

static void react(struct login *l, const struct http_reply *r, const struct token_reply *said)
{
    switch (said->reaction) {
    case REACT_OK:
        got(l, said);
        return;
    case REACT_RETRY:
        try_again(l, &said->why);
        return;
    case REACT_SLOW_DOWN:
        bucket_hold_ms(l->c.bucket, said->wait_ms);
        again_in(l, said->wait_ms, &said->why);
        return;
    case REACT_CLOCK:
        if (!l->clock_fixes++ && r->date_s >= 0) {
            remote_clock_force(l->c.remote, r->date_s, r->date_age_ms);
            again_in(l, 0, &said->why);
            return;
        }
        break;
    case REACT_LOGIN:
    case REACT_STOP:
        break;
    }
    if (refreshes(l)) {
        l->no_refresh = true;
        again_in(l, 0, &said->why);
        return;
    }
    finish(l, &said->why);
}

static void count_health(const struct login *l, bool failed)
{
    struct health_failure f = {.now_ms = bucket_now_ms(), .wall_ms = clock_wall(l->c.clock)};

    random_bytes(&f.chance, sizeof f.chance);
    if (failed)
        (void)health_failed(bucket_health(l->c.bucket), &f);
    else
        (void)health_answered(bucket_health(l->c.bucket));
}

static void on_reply(void *ctx, struct http_reply *r)
{
    struct login *l = ctx;
    struct json_limits limits = {REPLY_MAX_BYTES, 16};
    struct json_doc *doc = NULL;
    struct token_reply said;
    struct errinfo unused;

    l->http = NULL;
    if (r->date_s >= 0)
        remote_clock_learn(l->c.remote, r->date_s, r->took_ms - r->date_age_ms, r->date_age_ms);
    if (r->code || r->status >= 500)
        count_health(l, r->code == ERR_NETWORK || !r->code);
    else
        count_health(l, false);
    if (r->code) {
        if (r->code == ERR_NETWORK || r->code == ERR_REMOTE)
            try_again(l, &r->why);
        else
            finish(l, &r->why);
        return;
    }
    if (json_parse(r->body, &limits, &doc, NULL, &unused))
        doc = NULL;
    connector_judge_token(l->c.connector, r->status, doc, &said);
    react(l, r, &said);
    json_free(doc);
}

static void random_text(char out[33])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t raw[32];

    random_bytes(raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++)
        out[i] = letters[raw[i] % (sizeof letters - 1)];
    out[32] = '\0';
}

static void send_now(void *ctx)
{
    struct login *l = ctx;
    struct arena *a = arena_new(ARENA_MAX_BYTES);
    char random[33];
    struct sign_input in = {.options = &l->c.options, .now_s = remote_clock_now_ms(l->c.remote) / 1000};
    struct http_request h = {.max_bytes = REPLY_MAX_BYTES, .total_ms = l->c.call_ms};
    struct http_header *headers;
    struct wire_request w;
    struct errinfo ei;

    l->timer = NULL;
    random_text(random);
    in.random = str_of(random);
    if (refreshes(l))
        in.refresh_token = l->refresh;
    if (connector_sign_token(l->c.connector, &in, a, &w, &ei)) {
        arena_free(a);
        finish(l, &ei);
        return;
    }
    headers = ARENA_ARRAY(a, struct http_header, w.n_headers + 1);
    for (size_t i = 0; i < w.n_headers; i++)
        headers[i] = (struct http_header){w.headers[i].key, w.headers[i].value};
    h.method = w.method;
    h.url = w.url;
    h.body = w.body;
    h.content_type = w.content_type;
    h.headers = headers;
    h.n_headers = w.n_headers;
    l->attempts++;
    l->http = http_send(l->c.http, &h, on_reply, l);
    arena_free(a);
}

static void fetch(void *ctx)
{
    struct login *l = ctx;
    int64_t wait = bucket_take_ms(l->c.bucket);

    l->timer = NULL;
    if (wait > 0)
        l->timer = loop_timer_start(l->c.loop, wait, send_now, l);
    else
        send_now(l);
}

/* ---- who fetches ---- */

/* 1: the lock is ours, 0: another has it, -1: an error. */
static int try_lock(struct login *l, struct errinfo *ei)
{
    if (l->lock < 0)
        l->lock = open(l->c.store.lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->lock >= 0 && !flock(l->lock, LOCK_EX | LOCK_NB))
        return 1;
    if (l->lock >= 0 && (errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    fail(ei, ERR_DISK, "%s: %s", l->c.store.lock_path, strerror(errno));
    return -1;
}

static void look(void *ctx)
{
    struct login *l = ctx;
    struct errinfo ei;
    int got_it = try_lock(l, &ei);

    l->timer = NULL;
    if (got_it == 0) {
        if (clock_mono(l->c.clock) - l->since_ms > 2 * l->c.patience_ms) {
            fail(&ei, ERR_NETWORK, "another process has been fetching the connection's token for too long");
            finish(l, &ei);
            return;
        }
        if (!l->refused.n && l->access.n && left_ms(l) > 0) { /* the old one is good enough meanwhile */
            l->not_before_mono_ms = clock_mono(l->c.clock) + SOON_MS;
            finish(l, NULL);
            return;
        }
        l->timer = loop_timer_start(l->c.loop, LOOK_MS, look, l);
        return;
    }
    if (got_it < 0 || recall(l, &ei)) {
        finish(l, &ei);
        return;
    }
    if (is_fresh(l) && !(l->refused.n && str_eq(l->refused, l->access))) {
        finish(l, NULL);
        return;
    }
    l->since_ms = clock_mono(l->c.clock);
    fetch(l);
}

void login_get(struct login *l, struct str refused, void (*done)(void *ctx, const struct errinfo *why), void *ctx)
{
    l->work = arena_new(ARENA_MAX_BYTES);
    l->refused = arena_str(l->work, refused);
    l->since_ms = clock_mono(l->c.clock);
    l->attempts = l->clock_fixes = 0;
    l->no_refresh = false;
    l->done = done;
    l->ctx = ctx;
    look(l);
}

bool login_expires_ms(struct str saved, int64_t *ret_ms)
{
    struct json_limits limits = {TOKEN_MAX_BYTES, 4};
    struct json_doc *doc = NULL;
    struct errinfo unused;
    int64_t got_ms, life_ms;
    bool ok;

    if (!saved.n || json_parse(saved, &limits, &doc, NULL, &unused))
        return false;
    ok = json_i64(json_get(json_root(doc), S("got")), &got_ms) &&
         json_i64(json_get(json_root(doc), S("life")), &life_ms) && life_ms > 0 &&
         !__builtin_add_overflow(got_ms, life_ms, ret_ms);
    json_free(doc);
    return ok;
}
