/* libuv behind a small door. Posts from other threads go through one locked list and one async handle. That handle
 * keeps the loop alive: a post may come when nothing else is being waited for, so a loop ends when it is told to, and
 * not before. Timers are one-shot and free themselves; signals do not keep the loop alive. */
#include "net/loop_uv.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define DESCRIPTORS_NEEDED 12 /* two pipes' ends, an epoll and an eventfd for itself; sockets and files to come */

struct post {
    struct post *next;
    void (*cb)(void *ctx);
    void *ctx;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_signal_t signals[2];
    bool has_signals;
    pthread_mutex_t lock;
    struct post *first, **last;
    void (*on_signal)(void *ctx, int signo);
    void *signal_ctx;
};

struct loop_timer {
    uv_timer_t uv;
    void (*cb)(void *ctx);
    void *ctx;
};

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

static void run_posts(uv_async_t *handle)
{
    struct loop *l = handle->data;
    struct post *p;

    pthread_mutex_lock(&l->lock);
    p = l->first;
    l->first = NULL;
    l->last = &l->first;
    pthread_mutex_unlock(&l->lock);
    while (p) {
        struct post *next = p->next;

        p->cb(p->ctx);
        free(p);
        p = next;
    }
}

/* libuv aborts without a word when there are no descriptors for what it shares between loops, so look before. */
static bool descriptors_left(void)
{
    int fds[DESCRIPTORS_NEEDED], n = 0;

    while (n < DESCRIPTORS_NEEDED && (fds[n] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
        n++;
    for (int i = 0; i < n; i++)
        close(fds[i]);
    return n == DESCRIPTORS_NEEDED || errno == EBADF;
}

enum err loop_new(struct loop **ret, struct errinfo *ei)
{
    struct loop *l = mem_zero(sizeof *l);
    int rc = descriptors_left() ? uv_loop_init(&l->uv) : UV_EMFILE;

    if (!rc && (rc = uv_async_init(&l->uv, &l->wake, run_posts)))
        uv_loop_close(&l->uv);
    if (rc) {
        free(l);
        fail(ei, ERR_INTERNAL, "cannot wait for the network: %s", uv_strerror(rc));
        return fail_hint(ei, "raise the limit of open files (ulimit -n), 256 is enough");
    }
    l->wake.data = l;
    l->last = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    *ret = l;
    return OK;
}

static void free_timer(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, handle->type == UV_TIMER ? free_timer : NULL);
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    uv_walk(&l->uv, close_handle, NULL);
    while (uv_run(&l->uv, UV_RUN_DEFAULT)) /* a loop_stop that nobody waited for ends the first turn */
        continue;
    uv_loop_close(&l->uv);
    while (l->first) {
        struct post *next = l->first->next;

        free(l->first);
        l->first = next;
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

void loop_post(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
    struct post *p = mem_alloc(sizeof *p);

    *p = (struct post){NULL, cb, ctx};
    pthread_mutex_lock(&l->lock);
    *l->last = p;
    l->last = &p->next;
    pthread_mutex_unlock(&l->lock);
    uv_async_send(&l->wake);
}

/* Closed first: the callback may cancel it, and may start another. The memory goes when the loop turns. */
static void fire(uv_timer_t *handle)
{
    struct loop_timer *t = handle->data;

    uv_close((uv_handle_t *)handle, free_timer);
    t->cb(t->ctx);
}

struct loop_timer *loop_timer_start(struct loop *l, int64_t ms, void (*cb)(void *ctx), void *ctx)
{
    struct loop_timer *t = mem_zero(sizeof *t);

    t->cb = cb;
    t->ctx = ctx;
    t->uv.data = t;
    uv_timer_init(&l->uv, &t->uv);
    uv_update_time(&l->uv);
    uv_timer_start(&t->uv, fire, ms > 0 ? (uint64_t)ms : 0, 0);
    return t;
}

void loop_timer_cancel(struct loop_timer *t)
{
    if (!t || uv_is_closing((uv_handle_t *)&t->uv))
        return;
    uv_close((uv_handle_t *)&t->uv, free_timer);
}

static void on_signal(uv_signal_t *handle, int signo)
{
    struct loop *l = handle->data;

    l->on_signal(l->signal_ctx, signo);
}

void loop_on_signal(struct loop *l, void (*cb)(void *ctx, int signo), void *ctx)
{
    static const int which[2] = {SIGINT, SIGTERM};

    l->on_signal = cb;
    l->signal_ctx = ctx;
    if (l->has_signals)
        return;
    l->has_signals = true;
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&l->uv, &l->signals[i]);
        l->signals[i].data = l;
        uv_signal_start(&l->signals[i], on_signal, which[i]);
        uv_unref((uv_handle_t *)&l->signals[i]);
    }
}
