/* One thread of libmicrohttpd takes a request whole, lets the simulator answer it, and sends that as JSON. The main
 * thread waits for a signal meanwhile. Nothing is limited but the body: whoever calls is a test or a demonstration on
 * this machine. */
#include "desk.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)256 << 20)

const char *desk_argument(const struct desk_call *c, const char *key)
{
    const char *v = MHD_lookup_connection_value(c->connection, MHD_GET_ARGUMENT_KIND, key);

    return v ? v : "";
}

static enum MHD_Result reply(struct desk_call *c)
{
    size_t n;
    char *p = buf_take(&c->answer, &n);
    struct MHD_Response *response = MHD_create_response_from_buffer(n, p, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result queued;

    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json; charset=utf-8");
    queued = MHD_queue_response(c->connection, (unsigned)c->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* lint: allow(parameters) MHD_AccessHandlerCallback of libmicrohttpd */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *data, size_t *data_n, void **state)
{
    const struct desk *d = ctx;
    struct desk_call *c = *state;

    (void)version;
    if (!c) {
        c = mem_zero(sizeof *c);
        c->body = buf_make(DESK_BODY_MAX);
        c->answer = buf_make(ANSWER_MAX);
        c->status = 200;
        c->connection = connection;
        *state = c;
        return MHD_YES;
    }
    if (*data_n) {
        buf_add(&c->body, str_mk(data, *data_n));
        *data_n = 0;
        return MHD_YES;
    }
    d->answer(d->ctx, c, method, path);
    return c->drop ? MHD_NO : reply(c);
}

static void on_done(void *ctx, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
    struct desk_call *c = *state;

    (void)ctx;
    (void)connection;
    (void)why;
    if (!c)
        return;
    buf_free(&c->body);
    buf_free(&c->answer);
    free(c);
    *state = NULL;
}

enum err desk_run(const struct desk *desk, struct errinfo *ei)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)desk->port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct desk held = *desk;
    const union MHD_DaemonInfo *info;
    struct MHD_Daemon *d;
    sigset_t signals;
    enum err err;
    int got;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (desk->die_with_parent && (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() == 1))
        return fail(ei, ERR_USAGE, "the parent is gone already");
    d = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)desk->port, NULL, NULL, on_request, &held,
                         MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL,
                         MHD_OPTION_END);
    info = d ? MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (!info)
        return fail(ei, ERR_NETWORK, "cannot listen on port %d", (int)desk->port);
    err = desk->ready(desk->ctx, info->port, ei);
    if (!err)
        sigwait(&signals, &got);
    MHD_stop_daemon(d);
    return err;
}
