/* The HTTP server: transport, the gate before every route, accounts, sessions, tokens, audit log, events, assets. It
 * knows routes as rows (route.h) and nothing of what they do. docs/internals/server.md is the contract.
 *
 * Files in the state folder: serve.sock (0600), audit.jsonl (0600, append only, each line bound to the one before).
 * Accounts and tokens stand in a file of their own (users.h). */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/clock.h"
#include "server/asset.h"
#include "server/route.h"

struct server;

/* A schema of the OpenAPI document that routes name as their answer, described as in schema.h. */
struct answer_schema {
    const char *name, *text;
};

struct server_options {
    const char *listen;             /* "127.0.0.1:8420", "[::1]:8420", "0.0.0.0:0"; port 0: any free one */
    const char *state_dir;          /* absolute; serve.sock and audit.jsonl are made there */
    const char *users_path;         /* absolute; accounts and tokens (users.h) */
    const char *tls_cert, *tls_key; /* PEM files, both or none */
    bool behind_proxy; /* a proxy in front speaks TLS; the caller's address is the last of X-Forwarded-For */
    const struct route *routes;
    size_t n_routes;
    const struct answer_schema *schemas;
    size_t n_schemas;
    const struct asset *assets; /* web_assets, n_web_assets */
    size_t n_assets;
    const struct clock *clock;                      /* NULL: the system's */
    void *ctx;                                      /* given to handlers and to these; they are called on any thread */
    bool (*ready)(void *ctx, struct buf *why_not);  /* /readyz; NULL: ready once started */
    void (*metrics)(void *ctx, struct buf *out);    /* /metrics, Prometheus text; NULL: none */
    void (*session)(void *ctx, struct json_out *w); /* members for GET /api/v1/session: project, language, … */
    bool (*time)(void *ctx, struct str text, int64_t *ret_ms); /* texts of PARAM_TIME; NULL: time_parse in UTC */
    bool (*integration)(void *ctx, struct str name);           /* is there one; for the events' filter. NULL: any */
};

/* Checks the options and reads the accounts; nothing listens yet. Copies nothing: what `o` points to outlives the
 * server. ERR_CONFIG: an address that is not one; one that is not loopback without an account, or with neither TLS nor
 * behind_proxy (the hint says what to do); certificate or accounts that cannot be read. ERR_DISK. */
enum err server_new(const struct server_options *o, struct server **ret, struct errinfo *ei) MUST_USE;
/* Binds and serves, on threads of its own. ERR_CONFLICT: the address is taken, or another process answers on the
 * socket. When there is no account yet the log names the token with which the first one is made. */
enum err server_start(struct server *s, struct errinfo *ei) MUST_USE;
/* The address in use, with the real port: "http://127.0.0.1:8420". Lives as long as the server; after server_start. */
const char *server_url(const struct server *s);
/* No new connections; event streams end; slow handlers see `stopping` and are waited for; at most some 10 s when they
 * obey. Callable once, also when it was never started. */
void server_stop(struct server *s);
void server_free(struct server *s); /* stops first; NULL is fine */

/* Tells every client that listens to `integration` ("": all of them) an event. `name` is static, `json` one line. From
 * any thread; copies, wakes a thread and returns. Texts of more than 64 KiB become `resync`. */
void server_publish(struct server *s, const char *name, struct str integration, struct str json);

struct server_figures {
    uint64_t requests, refused, errors; /* answered; by the gate (4xx); with 5xx */
    size_t connections, streams;        /* open now; event streams among them */
    uint64_t resyncs;                   /* clients that were too slow for the ring */
};
void server_figures(struct server *s, struct server_figures *ret);

#endif
