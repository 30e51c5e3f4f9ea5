/* The event loop of one thread (libuv): timers and wake-ups from other threads. The only header through which upper
 * floors see it. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/clock.h"
#include "base/err.h"

struct loop;
struct loop_timer;

/* ERR_INTERNAL: the system gives no more descriptors. */
enum err loop_new(struct loop **ret, struct errinfo *ei) MUST_USE;
/* Drops what is still pending, timers and posts, without calling back. What others keep on the loop (struct http) must
 * be freed before. */
void loop_free(struct loop *l);
void loop_run(struct loop *l);  /* until loop_stop: a post may come at any time */
void loop_stop(struct loop *l); /* from the loop's thread; before loop_run: it returns at once */
/* Calls cb on the loop's thread, soon. From any thread; the order of one thread's posts is kept. */
void loop_post(struct loop *l, void (*cb)(void *ctx), void *ctx);
/* A one-shot timer, `ms` from now (0: next turn). Freed after it fired or by loop_timer_cancel, which in its own
 * callback does nothing. */
struct loop_timer *loop_timer_start(struct loop *l, int64_t ms, void (*cb)(void *ctx), void *ctx);
void loop_timer_cancel(struct loop_timer *t);
/* SIGINT, SIGTERM arrive here instead of ending the process. */
void loop_on_signal(struct loop *l, void (*cb)(void *ctx, int signo), void *ctx);

#endif
