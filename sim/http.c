/* The server: libmicrohttpd with one epoll thread, on loopback, keep-alive. That thread owns the simulator from the
 * first call on, so nothing here is locked but the list of answers that wait (fault `slow`).
 *
 * A waiting answer suspends its connection; a second thread resumes it when its time has come. The daemon must not be
 * stopped while connections are suspended (it aborts), so a stop first resumes them all. /truth is made while it is
 * sent, some orders at a time: it may be larger than memory. The Date header is ours, from the simulator's clock. */
#include "base/clock.h"
#include "sim.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BODY_MAX  (4u << 20)
#define REPLY_MAX ((size_t)256 << 20)

struct waiting {
    struct waiting *next;
    struct MHD_Connection *connection;
    int64_t due_ms;
};

struct server {
    struct sim *sim;
    struct MHD_Daemon *daemon;
    pthread_t waker;
    pthread_mutex_t lock; /* of the two below */
    pthread_cond_t changed;
    struct waiting *waiting;
    bool stopping;
};

/* What one request needs from its first byte to its last. */
struct exchange {
    struct buf body;
    struct reply reply;
    bool answered; /* `reply` is made, perhaps waiting */
};

/* ---- waiting ---- */

static void *waker_main(void *ctx)
{
    struct server *srv = ctx;
    pthread_mutex_lock(&srv->lock);
    while (!srv->stopping || srv->waiting) {
        int64_t now = clock_mono(&clock_system), next = now + 1000;
        for (struct waiting **at = &srv->waiting; *at;) {
            struct waiting *w = *at;
            if (srv->stopping || w->due_ms <= now) {
                *at = w->next;
                MHD_resume_connection(w->connection);
                free(w);
                continue;
            }
            next = w->due_ms < next ? w->due_ms : next;
            at = &w->next;
        }
        if (srv->stopping)
            break;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t left_ms = next - now;
        until.tv_sec += left_ms / 1000;
        until.tv_nsec += left_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&srv->changed, &srv->lock, &until);
    }
    pthread_mutex_unlock(&srv->lock);
    return NULL;
}

/* False when the server is about to stop: answer at once. */
static bool wait_for(struct server *srv, struct MHD_Connection *connection, int64_t delay_ms)
{
    struct waiting *w = mem_alloc(sizeof *w);
    pthread_mutex_lock(&srv->lock);
    bool can_wait = !srv->stopping;
    if (can_wait) {
        int64_t due_ms = delay_ms == REPLY_HELD ? REPLY_HELD : clock_mono(&clock_system) + delay_ms;
        *w = (struct waiting){srv->waiting, connection, due_ms};
        srv->waiting = w;
        MHD_suspend_connection(connection);
        pthread_cond_signal(&srv->changed);
    }
    pthread_mutex_unlock(&srv->lock);
    if (!can_wait)
        free(w);
    return can_wait;
}

static void release_held(struct server *srv)
{
    pthread_mutex_lock(&srv->lock);
    for (struct waiting *w = srv->waiting; w; w = w->next)
        if (w->due_ms == REPLY_HELD)
            w->due_ms = 0;
    pthread_cond_signal(&srv->changed);
    pthread_mutex_unlock(&srv->lock);
}

/* ---- answers ---- */

static void add_date(const struct sim *s, struct MHD_Response *response)
{
    static const char *const day[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const month[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(sim_now_ms(s) / 1000);
    struct tm tm;
    char pattern[48], text[64];
    if (!gmtime_r(&t, &tm))
        return;
    snprintf(pattern, sizeof pattern, "%s, %%d %s %%Y %%H:%%M:%%S GMT", day[tm.tm_wday], month[tm.tm_mon]);
    if (strftime(text, sizeof text, pattern, &tm) > 0)
        MHD_add_response_header(response, "Date", text);
}

struct cut_body {
    char *p;
    size_t n;
};

static ssize_t read_half(void *ctx, uint64_t at, char *to, size_t room)
{
    struct cut_body *c = ctx;
    if (at >= c->n / 2)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = c->n / 2 - (size_t)at;
    n = n < room ? n : room;
    memcpy(to, c->p + at, n);
    return (ssize_t)n;
}

static void free_cut(void *ctx)
{
    struct cut_body *c = ctx;
    free(c->p);
    free(c);
}

static enum MHD_Result send_response(struct server *srv, struct MHD_Connection *connection, int status,
                                     const char *type, struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    add_date(srv->sim, response);
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result send_reply(struct server *srv, struct MHD_Connection *connection, struct reply *reply)
{
    size_t n;
    struct MHD_Response *response;
    if (reply->body.failed) {
        buf_free(&reply->body);
        reply->body = buf_make(256);
        buf_add(&reply->body, S("the answer is too large\n"));
        reply->status = 500;
    }
    char *p = buf_take(&reply->body, &n);
    if (reply->cut) {
        struct cut_body *c = mem_alloc(sizeof *c);
        *c = (struct cut_body){p, n};
        response = MHD_create_response_from_callback(n, 16384, read_half, c, free_cut);
    } else {
        response = MHD_create_response_from_buffer(n, p, MHD_RESPMEM_MUST_FREE);
    }
    return send_response(srv, connection, reply->status, reply->type, response);
}

/* ---- /truth ---- */

struct truth_stream {
    struct sim *sim;
    uint64_t next;
    struct buf text;
    size_t sent;
    bool raw, ids;
};

static void add_truth(struct truth_stream *t, uint64_t idx)
{
    const struct slot *slot = &t->sim->book.slot[idx];
    if (!slot->visible)
        return;
    if (!t->raw) {
        truth_rows(book_record(&t->sim->book, idx), t->ids, &t->text);
    } else if (t->ids) {
        buf_printf(&t->text, "%llu\n", (unsigned long long)slot->o_id);
    } else {
        buf_add(&t->text, str_mk(slot->json, slot->json_len));
        buf_byte(&t->text, '\n');
    }
}

static ssize_t read_truth(void *ctx, uint64_t at, char *to, size_t room)
{
    struct truth_stream *t = ctx;
    (void)at;
    if (t->sent == t->text.n) {
        buf_clear(&t->text);
        t->sent = 0;
        while (t->text.n < (64u << 10) && t->next < t->sim->book.n_slots)
            add_truth(t, t->next++);
        if (t->text.n == 0)
            return MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t n = t->text.n - t->sent < room ? t->text.n - t->sent : room;
    memcpy(to, t->text.p + t->sent, n);
    t->sent += n;
    return (ssize_t)n;
}

static void free_truth(void *ctx)
{
    struct truth_stream *t = ctx;
    buf_free(&t->text);
    free(t);
}

static bool asked(struct MHD_Connection *connection, const char *key)
{
    const char *v = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, key);
    return v && strcmp(v, "1") == 0;
}

static enum MHD_Result send_truth(struct server *srv, struct MHD_Connection *connection)
{
    struct truth_stream *t = mem_zero(sizeof *t);
    *t = (struct truth_stream){
        .sim = srv->sim, .text = buf_make(16u << 20), .raw = asked(connection, "raw"), .ids = asked(connection, "ids")};
    sim_tick(srv->sim);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 64u << 10, read_truth, t, free_truth);
    return send_response(srv, connection, 200, "application/x-ndjson", response);
}

/* ---- requests ---- */

/* lint: allow(parameters) MHD_KeyValueIteratorN of libmicrohttpd */
static enum MHD_Result add_argument(void *ctx, enum MHD_ValueKind kind, const char *key, size_t key_n,
                                    const char *value, size_t value_n)
{
    (void)kind;
    if (key_n > 0)
        form_add(ctx, str_mk(key, key_n), str_mk(value ? value : "", value_n));
    return MHD_YES;
}

static void answer_router(struct server *srv, struct MHD_Connection *connection, struct exchange *x)
{
    struct params *p = mem_zero(sizeof *p);
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, add_argument, p);
    form_parse(p, x->body.p, x->body.n);
    qimen_call(srv->sim, p, &x->reply);
    free(p);
}

static bool answer_open(struct server *srv, const char *path, struct exchange *x)
{
    struct params *p;
    bool found;
    if (!srv->sim->opt.open)
        return false;
    p = mem_zero(sizeof *p);
    form_parse(p, x->body.p, x->body.n);
    found = open_call(srv->sim, str_of(path), p, &x->reply);
    free(p);
    return found;
}

static void answer_stats(struct server *srv, struct exchange *x)
{
    sim_tick(srv->sim);
    stats_write(srv->sim, &x->reply.body);
}

static void answer_text(struct exchange *x, int status, const char *text)
{
    x->reply.status = status;
    x->reply.type = "text/plain";
    buf_add(&x->reply.body, str_of(text));
}

static void answer_control(struct server *srv, struct exchange *x)
{
    control_apply(srv->sim, buf_str(&x->body), &x->reply);
    if (!srv->sim->faults.on[FAULT_HOLD])
        release_held(srv);
}

/* Makes the reply. False: it is /truth, which is streamed. */
static bool answer(struct server *srv, struct MHD_Connection *connection, const char *method, const char *path,
                   struct exchange *x)
{
    bool get = strcmp(method, "GET") == 0, post = strcmp(method, "POST") == 0;
    if (x->body.failed)
        answer_text(x, 413, "the body is too large\n");
    else if (strcmp(path, "/truth") == 0 && get)
        return false;
    else if (!srv->sim->opt.open && (strcmp(path, "/router/qm") == 0 || strcmp(path, "/router/qmtest") == 0) &&
             (get || post))
        answer_router(srv, connection, x);
    else if (strcmp(path, "/control") == 0 && post)
        answer_control(srv, x);
    else if (strcmp(path, "/stats") == 0 && get)
        answer_stats(srv, x);
    else if (strcmp(path, "/healthz") == 0 && get)
        answer_text(x, 200, "ok\n");
    else if (!post || !answer_open(srv, path, x))
        answer_text(x, 404,
                    "not here; there are POST /router/qm or /open/…, GET /truth, GET /stats, POST /control, GET "
                    "/healthz\n");
    return true;
}

/* lint: allow(parameters) MHD_AccessHandlerCallback of libmicrohttpd */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *data, size_t *data_n, void **state)
{
    struct server *srv = ctx;
    struct exchange *x = *state;
    (void)version;
    if (!x) {
        x = mem_zero(sizeof *x);
        x->body = buf_make(BODY_MAX);
        x->reply = (struct reply){.status = 200, .type = "application/json", .body = buf_make(REPLY_MAX)};
        *state = x;
        return MHD_YES;
    }
    if (*data_n > 0) {
        buf_add(&x->body, str_mk(data, *data_n));
        *data_n = 0;
        return MHD_YES;
    }
    if (!x->answered) {
        x->answered = true;
        if (!answer(srv, connection, method, path, x))
            return send_truth(srv, connection);
        if (x->reply.delay_ms > 0 && wait_for(srv, connection, x->reply.delay_ms))
            return MHD_YES;
    }
    return send_reply(srv, connection, &x->reply);
}

static void on_done(void *ctx, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *state;
    (void)ctx;
    (void)connection;
    (void)why;
    if (!x)
        return;
    buf_free(&x->body);
    buf_free(&x->reply.body);
    free(x);
    *state = NULL;
}

enum err server_start(struct sim *s, struct server **ret, int *ret_port, struct errinfo *ei)
{
    struct server *srv = mem_zero(sizeof *srv);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)s->opt.port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    pthread_condattr_t attr;
    srv->sim = s;
    pthread_mutex_init(&srv->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&srv->changed, &attr);
    pthread_condattr_destroy(&attr);
    srv->daemon =
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK,
                         (uint16_t)s->opt.port, NULL, NULL, on_request, srv, MHD_OPTION_SOCK_ADDR,
                         (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
                         MHD_OPTION_CONNECTION_LIMIT, 4096u, MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_END);
    if (!srv->daemon) {
        free(srv);
        return fail(ei, ERR_NETWORK, "cannot listen on 127.0.0.1:%lld", (long long)s->opt.port);
    }
    if (pthread_create(&srv->waker, NULL, waker_main, srv) != 0) {
        MHD_stop_daemon(srv->daemon);
        free(srv);
        return fail(ei, ERR_INTERNAL, "cannot start a thread");
    }
    *ret_port = MHD_get_daemon_info(srv->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    *ret = srv;
    return OK;
}

void server_stop(struct server *srv)
{
    pthread_mutex_lock(&srv->lock);
    srv->stopping = true;
    pthread_cond_signal(&srv->changed);
    pthread_mutex_unlock(&srv->lock);
    pthread_join(srv->waker, NULL);
    MHD_stop_daemon(srv->daemon);
    pthread_cond_destroy(&srv->changed);
    pthread_mutex_destroy(&srv->lock);
    free(srv);
}
