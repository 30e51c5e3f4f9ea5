/* The one gate. Every request passes here, in this order: is it one request (framing), is it for us (Host), is there
 * such a route, who is it, may they, did their own page send it (Origin, CSRF), is the body one that we read, are the
 * parameters right. What is refused is refused before its body is read. Afterwards whatever was not a GET, and every
 * login that was refused, goes to the audit log.
 *
 * No sockets here: transport.c fills `struct request` and sends `struct http_answer`. */
#include "base/digest.h"
#include "base/log.h"
#include "base/num.h"
#include "base/product.h"
#include "server/impl.h"
#include "server/param.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES    ((size_t)64 << 20)
#define AUDIT_TEXT_MAX 200
#define REFUSED_WHOLE  20 /* refusals of an address that are each written; then one in ten, in a hundred, … */

bool refuse(struct exchange *x, int status, enum err code, const char *fmt, ...)
{
    struct errinfo ei;
    char text[sizeof ei.msg];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fail(&ei, code, "%s", text);
    answer_error(&x->answer, status, &ei);
    return false;
}

struct exchange *exchange_new(struct server *s)
{
    struct exchange *x = mem_zero(sizeof *x);

    x->server = s;
    x->arena = arena_new(ARENA_BYTES);
    x->body = buf_make(BODY_LONG_MAX);
    x->answer.body = buf_make(ANSWER_MAX);
    x->answer.type = S("application/json");
    x->answer.status = 200;
    return x;
}

void exchange_free(struct exchange *x)
{
    if (x->answer.stream.close)
        x->answer.stream.close(x->answer.stream.state);
    if (x->body.p)
        sodium_memzero(x->body.p, x->body.cap); /* passwords pass here */
    json_free(x->doc);
    buf_free(&x->body);
    buf_free(&x->answer.body);
    arena_free(x->arena);
    free(x);
}

bool server_open_to_all(struct server *s)
{
    return s->loopback && !s->o.behind_proxy && users_count(s->users) == 0;
}

size_t gate_body_max(const struct exchange *x)
{
    if (x->who.kind == CALLER_NOBODY)
        return BODY_OPEN_MAX;
    return x->route->flags & ROUTE_LONG_BODY ? BODY_LONG_MAX : BODY_MAX;
}

static bool is_read(const struct exchange *x)
{
    return str_eq(x->rq.method, S("GET")) || str_eq(x->rq.method, S("HEAD"));
}

/* ---- one request, for us ---- */

/* Two lengths, or a length and chunks, are two requests to whoever reads the other one. */
static bool framing_ok(struct exchange *x)
{
    const struct request *rq = &x->rq;

    if (rq->n_length <= 1 && rq->n_transfer <= 1 && !(rq->n_length && rq->n_transfer) && rq->n_host <= 1)
        return true;
    x->close = true;
    return refuse(x, 400, ERR_USAGE, "the request has more than one length or Host");
}

/* On loopback the Host must name it: a page from elsewhere whose name was pointed here must not be let in without an
 * account. Other addresses always need an account, whose cookie is bound to its own name. */
static bool host_ok(struct exchange *x)
{
    struct server *s = x->server;
    struct str name, port;

    if (x->rq.local)
        return true;
    if (!uri_host(x->rq.host, &name, &port))
        return refuse(x, 400, ERR_USAGE, "the Host header is missing or not a host");
    if (!s->loopback || s->o.behind_proxy || uri_is_loopback(name) || str_eq_nocase(name, s->host))
        return true;
    return refuse(x, 403, ERR_AUTH, "this server does not answer for the host \"" STR_FMT "\"", STR_ARG(name));
}

static void find_address(struct exchange *x)
{
    struct str rest = x->rq.forwarded_for, one = {0}, last = {0};

    x->who.address = x->rq.local ? S("unix") : x->rq.peer;
    if (!x->server->o.behind_proxy || x->rq.local)
        return;
    while (rest.p && str_cut(&rest, ',', &one))
        last = str_trim(one);
    if (last.n && last.n < 64 && utf8_valid(last))
        x->who.address = last;
}

/* ---- the route ---- */

static bool same_method(struct str asked, const char *row)
{
    return str_eq(asked, str_of(row)) || (str_eq(asked, S("HEAD")) && strcmp(row, "GET") == 0);
}

/* Looks through one table; notes the methods of rows whose path fits. */
static bool find_in(struct exchange *x, const struct route *rows, size_t n, struct buf *allow)
{
    for (size_t i = 0; i < n; i++) {
        if (!uri_match(rows[i].path, x->rq.path, x->segments, &x->n_segments))
            continue;
        if (same_method(x->rq.method, rows[i].method)) {
            x->route = &rows[i];
            return true;
        }
        buf_printf(allow, "%s%s%s", allow->n ? ", " : "", rows[i].method,
                   strcmp(rows[i].method, "GET") == 0 ? ", HEAD" : "");
    }
    return false;
}

static bool find_route(struct exchange *x)
{
    const struct server_options *o = &x->server->o;
    struct buf allow = buf_make(512);
    bool found = true;

    if (find_in(x, own_routes, n_own_routes, &allow)) {
        x->ctx = x->server;
    } else if (find_in(x, o->routes, o->n_routes, &allow)) {
        x->ctx = o->ctx;
    } else if (allow.n) {
        x->allow = arena_str(x->arena, buf_str(&allow));
        found = refuse(x, 405, ERR_USAGE, STR_FMT " takes " STR_FMT ", not " STR_FMT, STR_ARG(x->rq.path),
                       STR_ARG(x->allow), STR_ARG(x->rq.method));
    } else {
        x->asset = asset_find(x->server, x->rq.path);
        if (!x->asset)
            found = refuse(x, 404, ERR_USAGE, "there is nothing at " STR_FMT, STR_ARG(x->rq.path));
        else if (!is_read(x)) {
            x->allow = S("GET, HEAD");
            found = refuse(x, 405, ERR_USAGE, "a page takes GET alone");
        }
    }
    buf_free(&allow);
    if (found && x->route) {
        x->answer.status = x->route->status ? x->route->status : 200;
        x->answer.type = str_of(x->route->type ? x->route->type : "application/json");
    }
    return found;
}

/* ---- who, and may they ---- */

static bool by_token(struct exchange *x)
{
    struct token t;
    struct str sent;

    if (!str_eq_nocase(str_sub(x->rq.authorization, 0, 7), S("Bearer ")))
        return refuse(x, 401, ERR_AUTH, "only `Authorization: Bearer` is understood");
    sent = str_trim(str_sub(x->rq.authorization, 7, x->rq.authorization.n));
    if (!users_token_find(x->server->users, sent, x->arena, &t)) {
        x->failed_login = true;
        return refuse(x, 401, ERR_AUTH, "the token is not known");
    }
    x->who.kind = CALLER_TOKEN;
    x->who.user = arena_printf(x->arena, "token " STR_FMT, STR_ARG(t.name));
    x->who.role = t.role;
    x->who.credential = sent;
    return true;
}

static void by_session(struct exchange *x, struct str id)
{
    struct session_view v;

    if (!sessions_find(x->server->sessions, id, !(x->route && x->route->flags & ROUTE_EVENTS), x->arena, &v))
        return;
    x->who.kind = CALLER_SESSION;
    x->who.user = v.user;
    x->who.role = v.role;
    x->who.credential = id;
    memcpy(x->who.csrf, v.csrf, SESSION_TEXT);
}

/* False only for credentials that are wrong; nobody is somebody, too. */
static bool identify(struct exchange *x)
{
    struct server *s = x->server;
    struct str id;

    memcpy(x->who.csrf, s->csrf, SESSION_TEXT);
    if (x->rq.local) {
        if (!x->rq.peer_ok)
            return refuse(x, 403, ERR_AUTH, "this socket is for the user who runs " PRODUCT);
        x->who.kind = CALLER_LOCAL;
        x->who.user = S("local");
        x->who.role = ROLE_ADMIN;
        return true;
    }
    if (x->rq.authorization.n)
        return by_token(x);
    if (uri_cookie(x->rq.cookie, cookie_name(s), &id))
        by_session(x, id);
    if (x->who.kind == CALLER_NOBODY && server_open_to_all(s)) {
        x->who.kind = CALLER_OPEN;
        x->who.user = S("local");
        x->who.role = ROLE_ADMIN;
    }
    return true;
}

static bool may(struct exchange *x)
{
    bool here = x->rq.local || (x->rq.loopback_peer && !x->server->o.behind_proxy);
    enum role least = x->route->flags & ROUTE_LOCAL && !here ? ROLE_VIEWER : x->route->role;

    if (least <= x->who.role)
        return true;
    if (x->who.kind == CALLER_NOBODY)
        return refuse(x, 401, ERR_AUTH, "log in first");
    return refuse(x, 403, ERR_AUTH, "this needs the role %s; \"" STR_FMT "\" is %s", role_name(least),
                  STR_ARG(x->who.user), role_name(x->who.role));
}

/* ---- did their own page send it ---- */

static bool same_text(struct str a, const char *b)
{
    return a.n == strlen(b) && sodium_memcmp(a.p, b, a.n) == 0;
}

/* "null" is what a page sends that tells no referrer; a script cannot set Sec-Fetch-Site. */
static bool origin_ok(const struct exchange *x)
{
    struct str origin = x->rq.origin;

    if (!origin.p || str_eq(origin, S("null")))
        return str_eq(x->rq.fetch_site, S("same-origin"));
    if (str_starts(origin, S("https://")))
        return x->server->secure && str_eq_nocase(str_sub(origin, 8, origin.n), x->rq.host);
    return !x->server->secure && str_starts(origin, S("http://")) &&
           str_eq_nocase(str_sub(origin, 7, origin.n), x->rq.host);
}

static bool intended(struct exchange *x)
{
    if (is_read(x) || x->who.kind == CALLER_LOCAL || x->who.kind == CALLER_TOKEN)
        return true;
    if (!origin_ok(x))
        return refuse(x, 403, ERR_AUTH, "the request does not come from this server's own pages (Origin)");
    if (!same_text(x->rq.csrf, x->who.csrf))
        return refuse(x, 403, ERR_AUTH, "the header X-CSRF-Token is missing or old; GET /api/v1/session gives it");
    return true;
}

/* ---- the body ---- */

static bool is_json(struct str type)
{
    struct str rest = type, part, charset;

    (void)str_cut(&rest, ';', &part);
    if (!str_eq_nocase(str_trim(part), S("application/json")))
        return false;
    while (rest.p && str_cut(&rest, ';', &part)) {
        part = str_trim(part);
        if (!str_eq_nocase(str_sub(part, 0, 8), S("charset=")))
            continue;
        charset = str_sub(part, 8, part.n);
        if (!str_eq_nocase(charset, S("utf-8")) && !str_eq_nocase(charset, S("\"utf-8\"")))
            return false;
    }
    return true;
}

static bool body_welcome(struct exchange *x)
{
    const struct request *rq = &x->rq;
    int64_t n = 0;

    if (rq->n_length && (!num_i64(rq->content_length, &n) || n < 0)) {
        x->close = true;
        return refuse(x, 400, ERR_USAGE, "Content-Length is not a length");
    }
    if (!n && !rq->n_transfer)
        return true;
    if (is_read(x)) {
        x->close = true;
        return refuse(x, 400, ERR_USAGE, "a " STR_FMT " has no body", STR_ARG(rq->method));
    }
    if (!is_json(rq->content_type))
        return refuse(x, 415, ERR_USAGE, "the body must be application/json in UTF-8");
    if ((uint64_t)n > gate_body_max(x))
        return refuse(x, 413, ERR_USAGE, "the body has %lld bytes; %zu are the most", (long long)n, gate_body_max(x));
    return true;
}

bool gate_head(struct exchange *x)
{
    find_address(x);
    if (!framing_ok(x) || !host_ok(x) || !find_route(x))
        return false;
    if (x->asset)
        return true;
    return identify(x) && may(x) && intended(x) && body_welcome(x);
}

static bool read_body(struct exchange *x)
{
    struct json_limits limits = {BODY_LONG_MAX, 64};
    struct json_repairs repairs = {0};
    struct errinfo ei;

    if (x->body.failed || x->body.n > gate_body_max(x))
        return refuse(x, 413, ERR_USAGE, "the body is longer than %zu bytes", gate_body_max(x));
    if (!x->body.n)
        return true;
    if (json_parse(buf_str(&x->body), &limits, &x->doc, &repairs, &ei)) {
        err_prefix(&ei, "the body");
        answer_error(&x->answer, 400, &ei);
        return false;
    }
    if (repairs.bad_utf8 || repairs.surrogates || repairs.controls || repairs.raw_blanks)
        return refuse(x, 400, ERR_USAGE, "the body is not JSON in UTF-8: it holds bytes that JSON does not allow");
    if (json_type(json_root(x->doc)) != JSON_OBJECT)
        return refuse(x, 400, ERR_USAGE, "the body must be a JSON object");
    return true;
}

bool gate_body(struct exchange *x)
{
    struct errinfo ei;
    struct param_source from = {.segments = x->segments,
                                .n_segments = x->n_segments,
                                .query = x->rq.query,
                                .arena = x->arena,
                                .time = x->server->o.time,
                                .ctx = x->server->o.ctx};

    if (x->asset)
        return true;
    if (!read_body(x))
        return false;
    from.body = json_root(x->doc);
    x->values = ARENA_ARRAY(x->arena, struct param_value, x->route->n_params + 1);
    if (params_check(x->route, &from, x->values, &ei)) {
        answer_error(&x->answer, 400, &ei);
        return false;
    }
    if (x->route->flags & ROUTE_HASH && x->who.kind == CALLER_NOBODY &&
        limiter_count(x->server->limiter, "login", x->who.address) >= LOGIN_TRIES) {
        x->answer.retry_after_s = (int)(LIMIT_WINDOW_MS / 1000);
        x->failed_login = true;
        return refuse(x, 429, ERR_QUOTA, "too many attempts from %.*s; wait ten minutes", STR_ARG(x->who.address));
    }
    x->call = (struct http_call){.route = x->route,
                                 .values = x->values,
                                 .user = x->who.user,
                                 .role = x->who.role,
                                 .address = x->who.address,
                                 .head = str_eq(x->rq.method, S("HEAD")),
                                 .arena = x->arena,
                                 .stopping = &x->server->stopping,
                                 .exchange = x};
    return true;
}

void gate_run(struct exchange *x)
{
    if (atomic_load(&x->server->stopping)) {
        (void)refuse(x, 503, ERR_QUOTA, "the server is stopping");
        return;
    }
    x->route->handle(x->ctx, &x->call, &x->answer);
    if (x->answer.body.failed)
        (void)refuse(x, 500, ERR_INTERNAL, "the answer is longer than %zu bytes; ask for less", ANSWER_MAX);
}

/* ---- afterwards ---- */

/* The parameters of a call that are no secrets, as JSON; long ones by their size. */
static struct str parameters_text(const struct exchange *x)
{
    struct buf b = buf_make(AUDIT_TEXT_MAX * (PARAMS_MAX + 1) * 8);
    struct json_out w = json_out(&b);
    struct str text;

    if (!x->values)
        return (struct str){0};
    json_out_begin(&w, '{');
    for (size_t i = 0; i < x->route->n_params; i++) {
        const struct route_param *p = &x->route->params[i];
        const struct param_value *v = &x->values[i];
        struct buf one = buf_make(ANSWER_MAX);

        if (!v->given || p->secret || p->in == IN_PATH)
            continue;
        json_out_key(&w, p->name);
        if (v->json)
            json_write(v->json, &one);
        if (one.n > AUDIT_TEXT_MAX)
            json_out_cstr(&w, "(long)");
        else if (v->json)
            json_out_raw(&w, buf_str(&one));
        else
            json_out_str(&w, str_sub(v->text, 0, AUDIT_TEXT_MAX));
        buf_free(&one);
    }
    json_out_end(&w, '}');
    text = b.failed ? S("{}") : arena_str(x->arena, buf_str(&b));
    buf_free(&b);
    return text;
}

static bool power_of_ten(uint32_t n)
{
    while (n >= 10 && n % 10 == 0)
        n /= 10;
    return n == 1;
}

/* What strangers are refused is counted, and written whole only at first: it must not fill the disk. */
static bool worth_writing(struct exchange *x, struct str *after)
{
    uint32_t n;

    if (x->who.kind != CALLER_NOBODY || x->answer.status < 400)
        return !is_read(x);
    if (is_read(x) && !x->failed_login)
        return false;
    n = limiter_hit(x->server->limiter, "refused", x->who.address);
    if (n > REFUSED_WHOLE)
        *after = arena_printf(x->arena, "{\"refused\":%u}", n);
    return n <= REFUSED_WHOLE || power_of_ten(n);
}

void gate_done(struct exchange *x)
{
    struct server *s = x->server;
    struct str after = x->answer.after;

    atomic_fetch_add(&s->requests, 1);
    if (x->answer.status >= 500)
        atomic_fetch_add(&s->errors, 1);
    else if (x->answer.status >= 400)
        atomic_fetch_add(&s->refused, 1);
    if (!str_starts(x->rq.path, S("/api/")))
        return;
    if (!after.p && x->route)
        after = parameters_text(x);
    if (worth_writing(x, &after))
        audit_write(s->audit, &(struct audit_entry){.user = x->who.user,
                                                    .address = x->who.address,
                                                    .method = x->rq.method,
                                                    .path = x->rq.path,
                                                    .status = x->answer.status,
                                                    .before = x->answer.before,
                                                    .after = after});
}
