/* libmicrohttpd behind the gate: two event threads (epoll) for the address, one for the socket. A request is collected,
 * passed through the gate, and answered on the thread that read it; a slow one is suspended while the pool works on it;
 * an event stream is suspended while there is nothing to tell.
 *
 * Deadlines are ours: the library only knows silence, and a peer that drips a byte now and then is never silent. Every
 * connection has a time by which it must have got on; whoever misses it is cut off. Not here: TLS details beyond the
 * two files, HTTP/2, compression of answers that are made while asked. */
#include "base/log.h"
#include "base/num.h"
#include "base/product.h"
#include "server/impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENT_THREADS    2
#define CONNECTIONS_MAX  4096u
#define PER_ADDRESS_MAX  256u /* on addresses that others reach directly */
#define CONNECTION_BYTES ((size_t)20 << 10)
#define SILENCE_S        60u
#define HEAD_MS          20000  /* a new connection sends its first headers */
#define BODY_MS          60000  /* a body arrives */
#define ANSWER_MS        120000 /* an answer is taken */
#define IDLE_MS          75000  /* the next request of a kept connection has come */
#define LAST_MS          1500   /* answers that are ready at the end are sent */
#define STREAM_BLOCK     ((size_t)32 << 10)
#define EVENT_BLOCK      ((size_t)4 << 10)
#define SLOW_THREADS     4
#define SLOW_WAITING     32
#define HASH_THREADS     2
#define HASH_WAITING     16
#define SKIPPED_MAX      (16 << 20) /* bytes of a body that nobody wants */

struct transport {
    struct server *server;
    struct MHD_Daemon *tcp, *local;
    char *cert, *key;
    char *socket_path;
    struct connections *connections;
    atomic_size_t answering; /* requests that came whole and are not answered yet */
};

enum stage { STAGE_NEW, STAGE_BODY, STAGE_REFUSED, STAGE_ANSWER };

/* A request as the transport sees it. */
struct turn {
    struct exchange *x;
    struct MHD_Connection *mhd;
    enum stage stage;
    bool counted; /* among those that are being answered */
    size_t received;
    struct streams_client *client;
    struct buf piece; /* of a streamed body */
    size_t sent;
    bool last;
};

/* ---- connections and their deadlines ---- */

static void set_deadline(const struct turn *turn, int64_t in_ms)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(turn->mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    if (info && info->socket_context)
        connections_deadline(turn->x->server->transport->connections, info->socket_context, in_ms);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct transport *t = cls;

    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *context = connections_add(
            t->connections, MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd, HEAD_MS);
    else if (*context)
        connections_remove(t->connections, *context);
}

void transport_cut_late(void *ctx)
{
    struct server *s = ctx;

    connections_cut_late(s->transport->connections);
}

size_t transport_connections(struct transport *t)
{
    return connections_count(t->connections);
}

/* ---- what came ---- */

static const struct {
    const char *name;
    size_t offset;
} wanted_headers[] = {
    {"Host", offsetof(struct request, host)},
    {"Origin", offsetof(struct request, origin)},
    {"Sec-Fetch-Site", offsetof(struct request, fetch_site)},
    {"X-CSRF-Token", offsetof(struct request, csrf)},
    {"Cookie", offsetof(struct request, cookie)},
    {"Authorization", offsetof(struct request, authorization)},
    {"Content-Type", offsetof(struct request, content_type)},
    {"Content-Length", offsetof(struct request, content_length)},
    {"X-Forwarded-For", offsetof(struct request, forwarded_for)},
    {"Last-Event-ID", offsetof(struct request, last_event_id)},
    {"If-None-Match", offsetof(struct request, if_none_match)},
    {"Accept-Encoding", offsetof(struct request, accept_encoding)},
};

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct exchange *x = cls;
    struct str name = str_of(key);

    (void)kind;
    x->rq.n_host += str_eq_nocase(name, S("Host"));
    x->rq.n_length += str_eq_nocase(name, S("Content-Length"));
    x->rq.n_transfer += str_eq_nocase(name, S("Transfer-Encoding"));
    for (size_t i = 0; i < sizeof wanted_headers / sizeof *wanted_headers; i++) {
        if (!str_eq_nocase(name, str_of(wanted_headers[i].name)))
            continue;
        *(struct str *)((char *)&x->rq + wanted_headers[i].offset) = arena_str(x->arena, str_of(value ? value : ""));
        break;
    }
    return MHD_YES;
}

static struct str address_text(const struct sockaddr *sa, struct arena *a)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (sa && sa->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, text, sizeof text);
    else if (sa && sa->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, text, sizeof text);
    return arena_str(a, str_starts(str_of(text), S("::ffff:")) ? str_of(text + 7) : str_of(text));
}

/* The user at the other end of the socket: ours, or root. */
static bool peer_is_ours(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred who;
    socklen_t n = sizeof who;

    return info && getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

static void take_head(struct turn *turn, bool local, const char *method)
{
    struct exchange *x = turn->x;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(turn->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    x->rq.method = arena_str(x->arena, str_of(method));
    x->rq.local = local;
    x->rq.peer_ok = local && peer_is_ours(turn->mhd);
    x->rq.peer = local ? S("unix") : address_text(info ? info->client_addr : NULL, x->arena);
    x->rq.loopback_peer = uri_is_loopback(x->rq.peer);
    (void)MHD_get_connection_values(turn->mhd, MHD_HEADER_KIND, take_header, x);
}

/* ---- what goes ---- */

static void header(struct MHD_Response *r, const char *name, const char *value)
{
    (void)MHD_add_response_header(r, name, value);
}

static void common_headers(const struct exchange *x, struct MHD_Response *r, bool document)
{
    header(r, "X-Content-Type-Options", "nosniff");
    header(r, "Referrer-Policy", "same-origin"); /* no-referrer makes some browsers send "Origin: null" */
    header(r, "Cross-Origin-Resource-Policy", "same-origin");
    if (document) {
        header(r, "X-Frame-Options", "DENY");
        header(r, "Cross-Origin-Opener-Policy", "same-origin");
        header(r, "Content-Security-Policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
               "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    } else {
        header(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
        header(r, "Cache-Control", "no-store");
    }
    if (x->server->secure)
        header(r, "Strict-Transport-Security", "max-age=31536000");
    if (x->close)
        header(r, "Connection", "close");
}

static enum MHD_Result send_response(struct turn *turn, unsigned status, struct MHD_Response *r)
{
    enum MHD_Result sent = r ? MHD_queue_response(turn->mhd, status, r) : MHD_NO;

    if (r)
        MHD_destroy_response(r);
    return sent;
}

static enum MHD_Result send_asset(struct turn *turn)
{
    struct exchange *x = turn->x;
    const struct asset *a = x->asset;
    bool zipped = a->gzip && uri_accepts_gzip(x->rq.accept_encoding);
    bool same = x->rq.if_none_match.p && uri_etag_listed(x->rq.if_none_match, str_of(a->etag));
    const unsigned char *bytes = zipped ? a->gzip : a->plain;
    size_t n = same ? 0 : zipped ? a->n_gzip : a->n_plain;
    struct MHD_Response *r = MHD_create_response_from_buffer(n, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);

    atomic_fetch_add(&x->server->requests, 1);
    if (!r)
        return MHD_NO;
    common_headers(x, r, true);
    header(r, "ETag", a->etag);
    header(r, "Vary", "Accept-Encoding");
    header(r, "Cache-Control", asset_immutable(a) ? "public, max-age=31536000, immutable" : "no-cache");
    if (!same) {
        header(r, "Content-Type", a->type);
        if (zipped)
            header(r, "Content-Encoding", "gzip");
    }
    return send_response(turn, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, r);
}

static ssize_t read_stream(void *cls, uint64_t pos, char *out, size_t max)
{
    struct turn *turn = cls;
    struct http_stream *s = &turn->x->answer.stream;
    size_t n;

    (void)pos;
    while (turn->sent == turn->piece.n && !turn->last) {
        buf_clear(&turn->piece);
        turn->sent = 0;
        turn->last = !s->more(s->state, &turn->piece);
    }
    if (turn->piece.failed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (turn->sent == turn->piece.n)
        return MHD_CONTENT_READER_END_OF_STREAM;
    n = turn->piece.n - turn->sent < max ? turn->piece.n - turn->sent : max;
    memcpy(out, turn->piece.p + turn->sent, n);
    turn->sent += n;
    return (ssize_t)n;
}

static ssize_t read_events(void *cls, uint64_t pos, char *out, size_t max)
{
    struct turn *turn = cls;
    long n = streams_read(turn->x->server->streams, turn->client, out, max);

    (void)pos;
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : (ssize_t)n;
}

static struct MHD_Response *events_response(struct turn *turn)
{
    struct exchange *x = turn->x;
    struct streams_join join = {.integration = call_text(&x->call, "integration"),
                                .last_id = x->rq.last_event_id,
                                .connection = turn->mhd,
                                .alive = caller_alive,
                                .who = x};

    turn->client = streams_join(x->server->streams, &join);
    set_deadline(turn, 0);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENT_BLOCK, read_events, turn, NULL);
}

/* file name*=UTF-8''… (RFC 6266) */
static void attachment(struct exchange *x, struct MHD_Response *r)
{
    struct buf b = buf_make(1u << 12);

    buf_add(&b, S("attachment; filename*=UTF-8''"));
    for (size_t i = 0; i < x->answer.file_name.n; i++) {
        unsigned char c = (unsigned char)x->answer.file_name.p[i];

        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '.' || c == '-' || c == '_')
            buf_byte(&b, (char)c);
        else
            buf_printf(&b, "%%%02X", c);
    }
    header(r, "Content-Disposition", buf_cstr(&b));
    buf_free(&b);
}

static void answer_headers(struct exchange *x, struct MHD_Response *r)
{
    const struct http_answer *a = &x->answer;
    char number[16];

    common_headers(x, r, false);
    if (a->status != 204)
        header(r, "Content-Type", arena_cstr(x->arena, a->type));
    if (a->file_name.n)
        attachment(x, r);
    if (a->set_cookie.n)
        header(r, "Set-Cookie", arena_cstr(x->arena, a->set_cookie));
    if (x->allow.n)
        header(r, "Allow", arena_cstr(x->arena, x->allow));
    if (a->status == 401)
        header(r, "WWW-Authenticate", "Bearer");
    if (a->retry_after_s > 0) {
        (void)snprintf(number, sizeof number, "%d", a->retry_after_s);
        header(r, "Retry-After", number);
    }
}

static enum MHD_Result send_answer(struct turn *turn)
{
    struct exchange *x = turn->x;
    struct MHD_Response *r;
    bool events = x->route && x->route->flags & ROUTE_EVENTS && x->answer.status == 200 && !x->call.head;
    size_t n;
    char *bytes;

    gate_done(x);
    set_deadline(turn, x->answer.stream.more ? 0 : ANSWER_MS);
    if (events) {
        r = events_response(turn);
        if (r)
            header(r, "X-Accel-Buffering", "no");
    } else if (x->answer.stream.more) {
        turn->piece = buf_make(ANSWER_MAX);
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, turn, NULL);
    } else {
        bytes = buf_take(&x->answer.body, &n);
        r = MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);
    }
    if (!r)
        return MHD_NO;
    answer_headers(x, r);
    return send_response(turn, (unsigned)x->answer.status, r);
}

/* ---- the way of a request ---- */

static void run_slow(void *arg)
{
    struct turn *turn = arg;

    gate_run(turn->x);
    MHD_resume_connection(turn->mhd);
}

/* The whole request is there: answer it, or leave it to the pool. */
static enum MHD_Result complete(struct turn *turn)
{
    struct exchange *x = turn->x;
    struct pool *pool = NULL;

    turn->stage = STAGE_ANSWER;
    turn->counted = true;
    atomic_fetch_add(&x->server->transport->answering, 1);
    if (!gate_body(x))
        return send_answer(turn);
    if (x->asset) {
        set_deadline(turn, ANSWER_MS);
        return send_asset(turn);
    }
    if (x->route->flags & ROUTE_HASH)
        pool = x->server->hash;
    else if (x->route->flags & ROUTE_SLOW)
        pool = x->server->slow;
    if (!pool) {
        gate_run(x);
        return send_answer(turn);
    }
    set_deadline(turn, 0);
    MHD_suspend_connection(turn->mhd);
    if (!pool_post(pool, run_slow, turn)) {
        x->answer.retry_after_s = 2;
        (void)refuse(x, 503, ERR_QUOTA, "too much at once; try again in a moment");
        MHD_resume_connection(turn->mhd);
    }
    return MHD_YES;
}

static enum MHD_Result take_body(struct turn *turn, const char *data, size_t n)
{
    struct exchange *x = turn->x;

    turn->received += n;
    if (turn->received > SKIPPED_MAX)
        return MHD_NO;
    if (!x->asset && x->body.n <= gate_body_max(x))
        buf_add(&x->body, str_mk(data, n));
    return MHD_YES;
}

/* A refused body that is not too long is read past, so that its sender sees the answer instead of a cut. */
static bool body_is_short(const struct exchange *x)
{
    int64_t n;

    return !x->close && !x->rq.n_transfer && num_i64(x->rq.content_length, &n) && n > 0 && n <= SKIPPED_MAX;
}

static enum MHD_Result on_request(struct turn *turn, bool local, const char *method, const char *data, size_t *n_data)
{
    switch (turn->stage) {
    case STAGE_NEW:
        turn->stage = STAGE_BODY;
        set_deadline(turn, BODY_MS);
        take_head(turn, local, method);
        if (gate_head(turn->x))
            return MHD_YES;
        turn->stage = body_is_short(turn->x) ? STAGE_REFUSED : STAGE_ANSWER;
        return turn->stage == STAGE_REFUSED ? MHD_YES : send_answer(turn);
    case STAGE_REFUSED:
        if (*n_data == 0)
            return send_answer(turn);
        *n_data = 0;
        return MHD_YES;
    case STAGE_BODY:
        if (*n_data == 0)
            return complete(turn);
        if (take_body(turn, data, *n_data) != MHD_YES)
            return MHD_NO;
        *n_data = 0;
        return MHD_YES;
    default:
        *n_data = 0;
        return send_answer(turn);
    }
}

/* lint: allow(parameters) the library's shape of a handler */
static enum MHD_Result on_tcp(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *data, size_t *n_data, void **context)
{
    (void)cls;
    (void)mhd;
    (void)url;
    (void)version;
    return *context ? on_request(*context, false, method, data, n_data) : MHD_NO;
}

/* lint: allow(parameters) the library's shape of a handler */
static enum MHD_Result on_local(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                const char *version, const char *data, size_t *n_data, void **context)
{
    (void)cls;
    (void)mhd;
    (void)url;
    (void)version;
    return *context ? on_request(*context, true, method, data, n_data) : MHD_NO;
}

/* The request line was read: what belongs to this request begins. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct transport *t = cls;
    struct turn *turn = mem_zero(sizeof *turn);
    struct str rest, path;

    turn->mhd = mhd;
    turn->x = exchange_new(t->server);
    rest = arena_str(turn->x->arena, str_of(uri));
    (void)str_cut(&rest, '?', &path);
    turn->x->rq.path = path;
    turn->x->rq.query = rest.p ? rest : S("");
    return turn;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
    struct transport *t = cls;
    struct turn *turn = *context;

    (void)mhd;
    (void)code;
    if (!turn)
        return;
    if (turn->counted)
        atomic_fetch_sub(&t->answering, 1);
    if (turn->client)
        streams_leave(t->server->streams, turn->client);
    set_deadline(turn, IDLE_MS);
    buf_free(&turn->piece);
    exchange_free(turn->x);
    free(turn);
    *context = NULL;
}

/* Paths are decoded by the gate, a segment at a time. */
static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *s)
{
    (void)cls;
    (void)mhd;
    return strlen(s);
}

static void library_says(void *cls, const char *fmt, va_list args)
{
    char text[512];
    int n = vsnprintf(text, sizeof text, fmt, args);

    (void)cls;
    if (n > 0)
        log_debug("libmicrohttpd: %.*s", (int)strcspn(text, "\n"), text);
}

/* ---- beginning ---- */

static enum err read_pem(const char *path, char **ret, struct errinfo *ei)
{
    struct buf b = buf_make(1u << 20);
    FILE *f = fopen(path, "re");
    size_t n = 0;

    if (!f)
        return fail(ei, ERR_CONFIG, "%s cannot be read: %s", path, strerror(errno));
    while (buf_room(&b, 4096) && (n = fread(b.p + b.n, 1, 4096, f)) > 0)
        b.n += n;
    (void)fclose(f);
    if (b.failed || str_find(buf_str(&b), S("-----BEGIN"), 0) == SIZE_MAX) {
        buf_free(&b);
        return fail(ei, ERR_CONFIG, "%s is not a PEM file", path);
    }
    *ret = buf_take(&b, &n);
    return OK;
}

/* As many descriptors as we may have; connections get half of them. */
static unsigned connections_most(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 256;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur / 2 < CONNECTIONS_MAX ? (unsigned)limit.rlim_cur / 2 : CONNECTIONS_MAX;
}

static struct MHD_Daemon *start_daemon(struct transport *t, int fd, bool local)
{
    const struct server *s = t->server;
    bool guarded = !local && !s->loopback && !s->o.behind_proxy, tls = !local && t->cert;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)connections_most(), NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)CONNECTION_BYTES, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, guarded ? PER_ADDRESS_MAX : 0, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, t->cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, t->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };

    if (tls)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(flags, 0, NULL, NULL, local ? on_local : on_tcp, t, MHD_OPTION_EXTERNAL_LOGGER,
                            library_says, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_uri, t, MHD_OPTION_NOTIFY_COMPLETED,
                            on_completed, t, MHD_OPTION_NOTIFY_CONNECTION, on_connection, t,
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_THREAD_POOL_SIZE,
                            local ? 0u : EVENT_THREADS, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

void transport_suspend(void *connection)
{
    MHD_suspend_connection(connection);
}

void transport_resume(void *connection)
{
    MHD_resume_connection(connection);
}

static enum err start_threads(struct server *s, struct errinfo *ei)
{
    enum err err = streams_start(s->streams, ei);

    err = err ? err : pool_new(SLOW_THREADS, SLOW_WAITING, &s->slow, ei);
    return err ? err : pool_new(HASH_THREADS, HASH_WAITING, &s->hash, ei);
}

static enum err start_daemons(struct transport *t, int tcp, int local, struct errinfo *ei)
{
    t->tcp = start_daemon(t, tcp, false);
    if (!t->tcp)
        return fail(ei, ERR_CONFIG, "%s cannot be served%s", t->server->o.listen,
                    t->cert ? ": certificate and key do not fit, or are damaged" : "");
    t->local = local >= 0 ? start_daemon(t, local, true) : NULL;
    if (local >= 0 && !t->local)
        return fail(ei, ERR_INTERNAL, "%s cannot be served", t->socket_path);
    return OK;
}

struct transport *transport_new(struct server *s)
{
    struct transport *t = mem_zero(sizeof *t);

    t->server = s;
    t->connections = connections_new();
    return t;
}

enum err transport_start(struct server *s, struct errinfo *ei)
{
    struct transport *t = s->transport;
    int tcp = -1, local = -1;
    enum err err = OK;

    if (s->o.tls_cert)
        err = read_pem(s->o.tls_cert, &t->cert, ei);
    if (!err && s->o.tls_key)
        err = read_pem(s->o.tls_key, &t->key, ei);
    err = err ? err : listen_local(s, &t->socket_path, &local, ei);
    err = err ? err : listen_tcp(s, &tcp, ei);
    err = err ? err : start_threads(s, ei);
    err = err ? err : start_daemons(t, tcp, local, ei);
    if (!t->tcp && tcp >= 0)
        close(tcp);
    if (!t->local && local >= 0) {
        close(local);
        (void)unlink(t->socket_path);
    }
    return err;
}

void transport_stop(struct transport *t)
{
    struct server *s = t->server;
    int tcp = t->tcp ? MHD_quiesce_daemon(t->tcp) : -1, local = t->local ? MHD_quiesce_daemon(t->local) : -1;

    /* nobody may be suspended when the library stops: streams end, slow handlers are waited for */
    streams_stop(s->streams);
    pool_free(s->hash);
    pool_free(s->slow);
    s->hash = s->slow = NULL;
    for (int64_t until = clock_mono(&clock_system) + LAST_MS;
         atomic_load(&t->answering) && clock_mono(&clock_system) < until;)
        clock_pause(&clock_system, 5);
    if (t->tcp)
        MHD_stop_daemon(t->tcp);
    if (t->local)
        MHD_stop_daemon(t->local);
    t->tcp = t->local = NULL;
    if (tcp >= 0)
        close(tcp);
    if (local >= 0) {
        close(local);
        (void)unlink(t->socket_path);
    }
}

void transport_free(struct transport *t)
{
    if (!t)
        return;
    connections_free(t->connections);
    free(t->socket_path);
    free(t->cert);
    free(t->key);
    free(t);
}
