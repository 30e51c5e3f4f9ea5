/* The server's own routes: session, first account, users, tokens, audit log, events, health, figures, and the document
 * that describes them all. Their handlers get the server.
 *
 * A login costs one password hash, whoever asks and whether the name exists or not; wrong ones are counted by address
 * and by account. An account that is being guessed at stays open to addresses from which it was used rightly. */
#include "base/log.h"
#include "base/product.h"
#include "server/impl.h"

#include <sodium.h>

const char *cookie_name(const struct server *s)
{
    return s->secure ? "__Host-" PRODUCT : PRODUCT;
}

/* ---- session ---- */

static void put_session(struct server *s, const struct caller *who, struct http_answer *ret)
{
    struct json_out w = json_out(&ret->body);
    bool known = who->kind == CALLER_SESSION || who->kind == CALLER_TOKEN;

    json_out_begin(&w, '{');
    json_out_key(&w, "user");
    if (known)
        json_out_str(&w, who->user);
    else
        json_out_null(&w);
    json_member(&w, "role", str_of(role_name(who->role)));
    json_member(&w, "csrf", str_of(who->csrf));
    json_out_key(&w, "login_required");
    json_out_bool(&w, who->role == ROLE_NONE);
    json_out_key(&w, "setup_required");
    json_out_bool(&w, who->role == ROLE_NONE && users_count(s->users) == 0);
    json_member(&w, "version", S(PRODUCT_VERSION));
    if (s->o.session)
        s->o.session(s->o.ctx, &w);
    json_out_end(&w, '}');
}

static void get_session(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    put_session(ctx, &call->exchange->who, ret);
}

static void set_cookie(struct server *s, const char *id, bool end, const struct http_call *call,
                       struct http_answer *ret)
{
    ret->set_cookie = arena_printf(call->arena, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", cookie_name(s), id,
                                   s->secure ? "; Secure" : "", end ? "; Max-Age=0" : "");
}

/* A session for somebody whose password was right; the one they came with ends. */
static void log_in(struct server *s, const struct http_call *call, uint64_t stamp, struct http_answer *ret)
{
    struct caller *who = &call->exchange->who;
    struct session_view v;
    char id[SESSION_TEXT];

    if (who->kind == CALLER_SESSION)
        sessions_end(s->sessions, who->credential);
    sessions_begin(s->sessions, call_text(call, "user"), stamp, id);
    if (!sessions_find(s->sessions, str_of(id), true, call->arena, &v)) {
        (void)refuse(call->exchange, 409, ERR_CONFLICT, "the account was changed just now; log in again");
        return;
    }
    who->kind = CALLER_SESSION;
    who->user = v.user;
    who->role = v.role;
    memcpy(who->csrf, v.csrf, SESSION_TEXT);
    set_cookie(s, id, false, call, ret);
    sodium_memzero(id, sizeof id);
    put_session(s, who, ret);
}

static void post_session(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct str user = call_text(call, "user"), address = call->address;
    struct str pair = arena_printf(call->arena, STR_FMT "\n" STR_FMT, STR_ARG(user), STR_ARG(address));
    uint64_t stamp;

    if (limiter_count(s->limiter, "account", user) >= LOGIN_TRIES && !limiter_count(s->limiter, "good", pair)) {
        ret->retry_after_s = (int)(LIMIT_WINDOW_MS / 1000);
        call->exchange->failed_login = true;
        (void)refuse(call->exchange, 429, ERR_QUOTA, "too many attempts for this account; wait ten minutes");
        return;
    }
    if (users_verify(s->users, user, call_text(call, "password"), &stamp)) {
        (void)limiter_hit(s->limiter, "good", pair);
        log_in(s, call, stamp, ret);
        return;
    }
    (void)limiter_hit(s->limiter, "account", user);
    (void)limiter_hit(s->limiter, "login", address);
    call->exchange->failed_login = true;
    (void)refuse(call->exchange, 401, ERR_AUTH, "user or password is wrong");
}

static void delete_session(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;

    if (call->exchange->who.kind == CALLER_SESSION)
        sessions_end(s->sessions, call->exchange->who.credential);
    set_cookie(s, "", true, call, ret);
    ret->status = 204;
}

static void post_setup(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct user_change c = {call_text(call, "user"), call_text(call, "password"), ROLE_ADMIN, true};
    struct str token = call_text(call, "token");
    struct errinfo ei;
    uint64_t stamp;

    if (users_count(s->users)) {
        (void)refuse(call->exchange, 409, ERR_CONFLICT, "there is an account already; log in");
    } else if (token.n != SESSION_TEXT - 1 || sodium_memcmp(token.p, s->setup, token.n) != 0) {
        (void)limiter_hit(s->limiter, "login", call->address);
        call->exchange->failed_login = true;
        (void)refuse(call->exchange, 401, ERR_AUTH, "this is not the token that the log names");
    } else if (users_put(s->users, &c, &ei)) {
        answer_err(ret, &ei);
    } else if (users_verify(s->users, c.name, c.password, &stamp)) {
        log_in(s, call, stamp, ret);
    }
}

/* ---- users ---- */

static void put_user(struct json_out *w, const struct user *u)
{
    char at[TIME_TEXT];

    json_out_begin(w, '{');
    json_member(w, "name", u->name);
    json_member(w, "role", str_of(role_name(u->role)));
    json_member(w, "created", str_mk(at, time_rfc3339(NULL, u->created_ms, at)));
    json_out_end(w, '}');
}

static bool find_user(struct server *s, struct str name, struct arena *a, struct user *ret)
{
    struct user *all;
    size_t n = users_list(s->users, a, &all);

    for (size_t i = 0; i < n; i++) {
        if (!str_eq(name, all[i].name))
            continue;
        *ret = all[i];
        return true;
    }
    return false;
}

static struct str user_text(const struct user *u, struct arena *a)
{
    struct buf b = buf_make(1u << 12);
    struct json_out w = json_out(&b);
    struct str text;

    put_user(&w, u);
    text = arena_str(a, buf_str(&b));
    buf_free(&b);
    return text;
}

static void get_users(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct json_out w = json_out(&ret->body);
    struct user *all;
    size_t n = users_list(s->users, call->arena, &all);

    json_out_begin(&w, '{');
    json_out_key(&w, "users");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < n; i++)
        put_user(&w, &all[i]);
    json_out_end(&w, ']');
    json_out_end(&w, '}');
}

/* Makes or changes the account and answers with it. */
static void change_user(struct server *s, const struct http_call *call, const struct user_change *c,
                        struct http_answer *ret)
{
    struct json_out w = json_out(&ret->body);
    struct errinfo ei;
    struct user u;

    if (users_put(s->users, c, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    if (!find_user(s, c->name, call->arena, &u))
        return;
    put_user(&w, &u);
    ret->after = user_text(&u, call->arena);
}

static void post_user(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct user_change c = {call_text(call, "name"), call_text(call, "password"),
                            (enum role)(call_int(call, "role", 0) + ROLE_VIEWER), true};

    change_user(ctx, call, &c, ret);
}

static void put_user_name(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct user u;
    struct user_change c = {call_text(call, "name"), call_text(call, "password"), ROLE_NONE, false};

    if (!find_user(ctx, c.name, call->arena, &u)) {
        answer_missing(ret, "user", c.name, NULL);
        return;
    }
    c.role = (enum role)(call_int(call, "role", (int64_t)u.role - ROLE_VIEWER) + ROLE_VIEWER);
    ret->before = user_text(&u, call->arena);
    change_user(ctx, call, &c, ret);
}

static void delete_user(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct str name = call_text(call, "name");
    struct errinfo ei;
    struct user u;

    if (!find_user(s, name, call->arena, &u)) {
        answer_missing(ret, "user", name, NULL);
        return;
    }
    if (users_remove(s->users, name, true, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    ret->before = user_text(&u, call->arena);
    ret->status = 204;
}

/* ---- tokens ---- */

static void put_token(struct json_out *w, const struct token *t, const char *text)
{
    char at[TIME_TEXT];

    json_out_begin(w, '{');
    json_member(w, "id", t->id);
    json_member(w, "name", t->name);
    json_member(w, "role", str_of(role_name(t->role)));
    json_member(w, "created", str_mk(at, time_rfc3339(NULL, t->created_ms, at)));
    json_out_key(w, "used");
    if (t->used_ms)
        json_out_str(w, str_mk(at, time_rfc3339(NULL, t->used_ms, at)));
    else
        json_out_null(w);
    if (text)
        json_member(w, "token", str_of(text));
    json_out_end(w, '}');
}

static void get_tokens(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct json_out w = json_out(&ret->body);
    struct token *all;
    size_t n = users_token_list(s->users, call->arena, &all);

    json_out_begin(&w, '{');
    json_out_key(&w, "tokens");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < n; i++)
        put_token(&w, &all[i], NULL);
    json_out_end(&w, ']');
    json_out_end(&w, '}');
}

static void post_token(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct token want = {.name = call_text(call, "name"), .role = (enum role)(call_int(call, "role", 0) + ROLE_VIEWER)};
    struct json_out w = json_out(&ret->body);
    struct errinfo ei;
    struct token t;
    char text[TOKEN_TEXT];

    if (users_token_make(s->users, &want, call->arena, text, &t, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    put_token(&w, &t, text);
    sodium_memzero(text, sizeof text);
}

static void delete_token(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct str id = call_text(call, "id");
    struct errinfo ei;

    if (!users_token_remove(s->users, id, &ei))
        ret->status = 204;
    else if (ei.code == ERR_USAGE)
        answer_missing(ret, "token", id, NULL);
    else
        answer_err(ret, &ei);
}

/* ---- audit, events, health ---- */

static void get_audit(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct json_out w = json_out(&ret->body);
    struct errinfo ei;

    json_out_begin(&w, '{');
    if (audit_read(s->audit, call_int(call, "before", 0), call_int(call, "limit", 100), &w, &ei)) {
        answer_err(ret, &ei);
        return;
    }
    json_out_end(&w, '}');
}

bool caller_alive(void *exchange)
{
    struct exchange *x = exchange;
    struct server *s = x->server;
    struct arena *a;
    struct session_view v;
    struct token t;
    bool alive;

    if (x->who.kind == CALLER_OPEN)
        return server_open_to_all(s);
    if (x->who.kind == CALLER_LOCAL)
        return true;
    a = arena_new(1u << 20);
    alive = x->who.kind == CALLER_SESSION ? sessions_find(s->sessions, x->who.credential, false, a, &v)
                                          : users_token_find(s->users, x->who.credential, a, &t);
    arena_free(a);
    return alive;
}

/* The stream itself is begun by the transport, which sees the route's flag. */
static void get_events(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct str name = call_text(call, "integration");

    if (name.n && s->o.integration && !s->o.integration(s->o.ctx, name))
        answer_missing(ret, "integration", name, NULL);
}

static void get_openapi(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    (void)call;
    openapi_write(ctx, &ret->body);
}

static void get_healthz(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    (void)ctx;
    (void)call;
    buf_add(&ret->body, S("ok\n"));
}

static void get_readyz(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;
    struct buf why = buf_make(4096);

    (void)call;
    if (atomic_load(&s->stopping)) {
        ret->status = 503;
        buf_add(&ret->body, S("stopping\n"));
    } else if (s->o.ready && !s->o.ready(s->o.ctx, &why)) {
        ret->status = 503;
        buf_add(&ret->body, why.n ? buf_str(&why) : S("not ready"));
        buf_byte(&ret->body, '\n');
    } else {
        buf_add(&ret->body, S("ready\n"));
    }
    buf_free(&why);
}

static void get_metrics(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    struct server *s = ctx;

    (void)call;
    if (s->o.metrics)
        s->o.metrics(s->o.ctx, &ret->body);
}

/* ---- the table ---- */

#define PARAMS(rows) .params = rows, .n_params = sizeof(rows) / sizeof *(rows)
#define TEXT_TYPE    "text/plain; charset=utf-8"

static const char *const roles[] = {"viewer", "operator", "admin", NULL};

static const struct route_param login_params[] = {
    {.name = "user", .in = IN_BODY, .required = true, .min = 1, .max = USER_NAME_MAX, .help = "the account"},
    {.name = "password", .in = IN_BODY, .required = true, .max = PASSWORD_MAX, .help = "its password", .secret = true},
};
static const struct route_param setup_params[] = {
    {.name = "token", .in = IN_BODY, .required = true, .max = 128, .help = "what the log names", .secret = true},
    {.name = "user", .in = IN_BODY, .required = true, .min = 1, .max = USER_NAME_MAX, .help = "the first admin"},
    {.name = "password",
     .in = IN_BODY,
     .required = true,
     .max = PASSWORD_MAX,
     .help = "10 bytes at least",
     .secret = true},
};
static const struct route_param user_params[] = {
    {.name = "name", .in = IN_BODY, .required = true, .min = 1, .max = USER_NAME_MAX, .help = "the account"},
    {.name = "role", .in = IN_BODY, .type = PARAM_ENUM, .names = roles, .required = true, .help = "what it may do"},
    {.name = "password",
     .in = IN_BODY,
     .required = true,
     .max = PASSWORD_MAX,
     .help = "10 bytes at least",
     .secret = true},
};
static const struct route_param change_params[] = {
    {.name = "name", .in = IN_PATH, .help = "the account"},
    {.name = "role", .in = IN_BODY, .type = PARAM_ENUM, .names = roles, .help = "stays when it is not given"},
    {.name = "password", .in = IN_BODY, .max = PASSWORD_MAX, .help = "stays when it is not given", .secret = true},
};
static const struct route_param name_params[] = {{.name = "name", .in = IN_PATH, .help = "the account"}};
static const struct route_param token_params[] = {
    {.name = "name", .in = IN_BODY, .required = true, .min = 1, .max = USER_NAME_MAX, .help = "what it is for"},
    {.name = "role", .in = IN_BODY, .type = PARAM_ENUM, .names = roles, .required = true, .help = "what it may do"},
};
static const struct route_param id_params[] = {{.name = "id", .in = IN_PATH, .help = "the token's id"}};
static const struct route_param audit_params[] = {
    {.name = "limit", .in = IN_QUERY, .type = PARAM_INT, .min = 1, .max = 1000, .help = "entries (100)"},
    {.name = "before",
     .in = IN_QUERY,
     .type = PARAM_INT,
     .min = 1,
     .max = INT64_MAX,
     .help = "`next` of the answer before"},
};
static const struct route_param event_params[] = {
    {.name = "integration", .in = IN_QUERY, .help = "only what concerns this one; all when it is not given"},
};

const struct route own_routes[] = {
    {.method = "GET", .path = "/healthz", .summary = "is the process alive", .type = TEXT_TYPE, .handle = get_healthz},
    {.method = "GET", .path = "/readyz", .summary = "is it ready to work", .type = TEXT_TYPE, .handle = get_readyz},
    {.method = "GET",
     .path = "/metrics",
     .summary = "figures for Prometheus; without login from this machine",
     .type = "text/plain; version=0.0.4; charset=utf-8",
     .flags = ROUTE_LOCAL,
     .handle = get_metrics},
    {.method = "GET",
     .path = "/api/v1/openapi.json",
     .summary = "this document",
     .answer = "object",
     .handle = get_openapi},
    {.method = "GET",
     .path = "/api/v1/session",
     .summary = "who is logged in, and what a page needs to begin",
     .answer = "session",
     .handle = get_session},
    {.method = "POST",
     .path = "/api/v1/session",
     .summary = "log in",
     PARAMS(login_params),
     .answer = "session",
     .flags = ROUTE_HASH,
     .handle = post_session},
    {.method = "DELETE", .path = "/api/v1/session", .summary = "log out", .status = 204, .handle = delete_session},
    {.method = "POST",
     .path = "/api/v1/setup",
     .summary = "make the first admin, with the token that the log names",
     PARAMS(setup_params),
     .answer = "session",
     .flags = ROUTE_HASH,
     .handle = post_setup},
    {.method = "GET",
     .path = "/api/v1/users",
     .summary = "the accounts",
     .role = ROLE_ADMIN,
     .answer = "users",
     .handle = get_users},
    {.method = "POST",
     .path = "/api/v1/users",
     .summary = "add an account",
     .role = ROLE_ADMIN,
     PARAMS(user_params),
     .answer = "user",
     .status = 201,
     .flags = ROUTE_HASH,
     .handle = post_user},
    {.method = "PUT",
     .path = "/api/v1/users/{name}",
     .summary = "change an account; its sessions end",
     .role = ROLE_ADMIN,
     PARAMS(change_params),
     .answer = "user",
     .flags = ROUTE_HASH,
     .handle = put_user_name},
    {.method = "DELETE",
     .path = "/api/v1/users/{name}",
     .summary = "remove an account",
     .role = ROLE_ADMIN,
     PARAMS(name_params),
     .status = 204,
     .flags = ROUTE_SLOW,
     .handle = delete_user},
    {.method = "GET",
     .path = "/api/v1/tokens",
     .summary = "the API tokens",
     .role = ROLE_ADMIN,
     .answer = "tokens",
     .handle = get_tokens},
    {.method = "POST",
     .path = "/api/v1/tokens",
     .summary = "make an API token; it is shown this once",
     .role = ROLE_ADMIN,
     PARAMS(token_params),
     .answer = "token",
     .status = 201,
     .flags = ROUTE_SLOW,
     .handle = post_token},
    {.method = "DELETE",
     .path = "/api/v1/tokens/{id}",
     .summary = "end a token",
     .role = ROLE_ADMIN,
     PARAMS(id_params),
     .status = 204,
     .flags = ROUTE_SLOW,
     .handle = delete_token},
    {.method = "GET",
     .path = "/api/v1/audit",
     .summary = "who did what, newest first",
     .role = ROLE_ADMIN,
     PARAMS(audit_params),
     .answer = "audit",
     .flags = ROUTE_SLOW,
     .handle = get_audit},
    {.method = "GET",
     .path = "/api/v1/events",
     .summary = "server-sent events",
     .role = ROLE_VIEWER,
     PARAMS(event_params),
     .type = "text/event-stream",
     .flags = ROUTE_EVENTS,
     .handle = get_events},
};
const size_t n_own_routes = sizeof own_routes / sizeof *own_routes;
