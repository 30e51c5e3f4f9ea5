/* The HTTP side of a simulator that is not itself an HTTP API with a clock of orders: robots, webhook, mail. */
#ifndef SIM_DESK_H
#define SIM_DESK_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>

struct MHD_Connection;

struct desk_call {
    struct buf body, answer; /* the answer is JSON */
    int status;              /* 200 to begin with */
    bool drop;               /* no answer, the connection is cut */
    struct MHD_Connection *connection;
};

struct desk {
    int64_t port; /* on 127.0.0.1; 0: a free one */
    bool die_with_parent;
    void (*answer)(void *ctx, struct desk_call *c, const char *method, const char *path);
    /* It listens: signals are blocked, what the simulator starts besides may be started; says so on stdout. */
    enum err (*ready)(void *ctx, int port, struct errinfo *ei);
    void *ctx;
};

#define DESK_BODY_MAX (1u << 20)

/* Answers one call at a time until SIGTERM or SIGINT. ERR_USAGE (no parent any more), ERR_NETWORK (port taken). */
enum err desk_run(const struct desk *d, struct errinfo *ei) MUST_USE;
/* The value of an argument in the address; "" when it is not there. */
const char *desk_argument(const struct desk_call *c, const char *key);

#endif
