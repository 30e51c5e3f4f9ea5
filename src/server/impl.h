/* What the files of the server share: the server, and one request from its first byte to its answer. */
#ifndef SERVER_IMPL_H
#define SERVER_IMPL_H

#include "server/audit.h"
#include "server/pool.h"
#include "server/server.h"
#include "server/session.h"
#include "server/streams.h"
#include "server/uri.h"

#define BODY_MAX      ((size_t)1 << 20)
#define BODY_LONG_MAX ((size_t)4 << 20)
#define BODY_OPEN_MAX ((size_t)8 << 10) /* of routes that need no login */
#define PARAMS_MAX    48
#define LOGIN_TRIES   20 /* wrong passwords of an address, or for an account, within ten minutes */

struct server {
    struct server_options o;
    const struct clock *clock;
    struct str host;       /* of the listening address, without brackets */
    bool loopback, secure; /* the address is loopback; browsers speak https */
    char url[320];
    struct users *users;
    struct sessions *sessions;
    struct limiter *limiter;
    struct audit *audit;
    struct streams *streams;
    struct pool *slow, *hash;
    struct transport *transport;
    char csrf[SESSION_TEXT];  /* of callers without a session */
    char setup[SESSION_TEXT]; /* the token for the first account */
    atomic_bool stopping;
    atomic_uint_fast64_t requests, refused, errors;
};

/* A request as it came. All views live in the exchange's arena. */
struct request {
    struct str method, path, query; /* raw; the query without '?' */
    struct str host, origin, fetch_site, csrf, cookie, authorization, content_type, content_length, forwarded_for;
    struct str last_event_id, if_none_match, accept_encoding;
    unsigned n_host, n_length, n_transfer;
    struct str peer;                    /* address of the other end */
    bool local, peer_ok, loopback_peer; /* over the socket, by whom it belongs to; from this machine */
};

enum caller_kind { CALLER_NOBODY, CALLER_OPEN, CALLER_LOCAL, CALLER_SESSION, CALLER_TOKEN };
struct caller {
    enum caller_kind kind;
    struct str user, address;
    enum role role;
    struct str credential; /* the session's id or the token, as sent */
    char csrf[SESSION_TEXT];
};

struct exchange {
    struct server *server;
    struct arena *arena;
    struct request rq;
    struct caller who;
    const struct route *route;
    void *ctx; /* what the route's handler is called with */
    const struct asset *asset;
    struct str segments[URI_SEGMENTS_MAX];
    size_t n_segments;
    struct param_value *values;
    struct buf body;
    struct json_doc *doc;
    struct http_call call;
    struct http_answer answer;
    struct str allow; /* of a 405 */
    bool close, failed_login;
};

/* gate.c */
/* After the headers: may this go on? False: `answer` says why not. Then the route or the asset is set. */
bool gate_head(struct exchange *x);
/* After the body: parameters. False: `answer` says why not. */
bool gate_body(struct exchange *x);
/* Calls the route's handler. */
void gate_run(struct exchange *x);
/* Before the answer is sent: counts, and writes the audit log. */
void gate_done(struct exchange *x);
size_t gate_body_max(const struct exchange *x);
struct exchange *exchange_new(struct server *s);
void exchange_free(struct exchange *x);
/* Sets an error answer; gives false, for `return refuse(…)`. */
bool refuse(struct exchange *x, int status, enum err code, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Does nobody need an account: loopback, no proxy, and no account yet? */
bool server_open_to_all(struct server *s);

/* self.c: the server's own routes; handlers get the server. */
extern const struct route own_routes[];
extern const size_t n_own_routes;
const char *cookie_name(const struct server *s);
/* Is the caller of an event stream still let in? Takes an exchange. */
bool caller_alive(void *exchange);

/* openapi.c */
void openapi_write(const struct server *s, struct buf *out);

/* assets.c: the file of a path, or NULL. A path without extension that is no API is the page itself. */
const struct asset *asset_find(const struct server *s, struct str path);
bool asset_immutable(const struct asset *a);

/* connections.c */
struct connections;
struct connection;
struct connections *connections_new(void);
void connections_free(struct connections *all);
struct connection *connections_add(struct connections *all, int fd, int64_t in_ms); /* must get on within that time */
void connections_remove(struct connections *all, struct connection *c);
void connections_deadline(struct connections *all, struct connection *c, int64_t in_ms); /* 0: none */
void connections_cut_late(struct connections *all);
size_t connections_count(struct connections *all);

/* listen.c */
/* Binds the address; fills s->url. ERR_CONFLICT: taken. */
enum err listen_tcp(struct server *s, int *ret_fd, struct errinfo *ei) MUST_USE;
/* Binds the socket (0600), in the place of one that nobody answers at; *ret_path is the caller's to free. A path that
 * is too long for a socket is told, and leaves *ret_fd at -1. ERR_CONFLICT: another process answers. */
enum err listen_local(const struct server *s, char **ret_path, int *ret_fd, struct errinfo *ei) MUST_USE;

/* transport.c */
struct transport *transport_new(struct server *s);
enum err transport_start(struct server *s, struct errinfo *ei) MUST_USE;
void transport_stop(struct transport *t); /* also when it was never started, or twice */
void transport_free(struct transport *t); /* NULL is fine */
size_t transport_connections(struct transport *t);
/* For the streams: a connection that has nothing to send, and has again; and what is done each second. */
void transport_suspend(void *connection);
void transport_resume(void *connection);
void transport_cut_late(void *server);

#endif
