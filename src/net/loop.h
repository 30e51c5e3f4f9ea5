/* The event loop of one thread (libuv): timers and wake-ups from other threads. The only header through which upper floors see it. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/clock.h"
#include "base/err.h"

struct loop;
struct loop_timer;

struct loop *loop_new(void);
void loop_free(struct loop *l);    /* nothing may be pending */
void loop_run(struct loop *l);     /* until loop_stop, or until nothing is left to wait for */
void loop_stop(struct loop *l);    /* from the loop's thread */
/* Calls cb on the loop's thread, soon. From any thread; the order of one thread's posts is kept. */
void loop_post(struct loop *l, void (*cb)(void *ctx), void *ctx);
/* A one-shot timer, `ms` from now (0: next turn). Freed after it fired or by loop_timer_cancel. */
struct loop_timer *loop_timer_start(struct loop *l, int64_t ms, void (*cb)(void *ctx), void *ctx);
void loop_timer_cancel(struct loop_timer *t);
/* SIGINT, SIGTERM arrive here instead of ending the process. */
void loop_on_signal(struct loop *l, void (*cb)(void *ctx, int signo), void *ctx);

#endif
