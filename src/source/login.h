/* The token that a connection's calls carry, where the API wants one that does not last: fetched once for all who share
 * the connection (threads, processes), kept between runs, fetched anew at half of its life or when it is refused. Lives
 * on the loop's thread. */
#ifndef SOURCE_LOGIN_H
#define SOURCE_LOGIN_H

#include "connector/connector.h"
#include "net/http.h"
#include "source/bucket.h"

/* Where the token rests between runs: whoever opens the connection says how. */
struct token_store {
    void *ctx;
    /* What was saved last; p NULL: nothing, or nothing that can be read any more. */
    enum err (*load)(void *ctx, struct arena *a, struct str *ret, struct errinfo *ei);
    /* Durable when it returns. */
    enum err (*save)(void *ctx, struct str text, struct errinfo *ei);
    const char *lock_path; /* a file whose lock says who fetches */
};

struct login;
struct login_config {
    struct loop *loop;
    struct http *http;
    const struct clock *clock;
    const struct connector *connector; /* connector_token is true of it */
    struct option_values options;      /* secrets resolved; borrowed */
    struct bucket *bucket;
    struct remote_clock *remote;
    struct token_store store;
    int64_t call_ms, patience_ms;
    void (*fetched)(void *ctx); /* a token was fetched by this one; may be NULL */
    void *fetched_ctx;
};
struct login *login_new(const struct login_config *c); /* copies the struct */
void login_free(struct login *l);                      /* NULL is fine */
/* Is there no token to send, or one that should be fetched anew now? */
bool login_is_due(const struct login *l);
struct str login_token(const struct login *l); /* until the next login_get */
/* Gets a token that is not `refused` (copied; empty: whatever is good): the one that another fetched meanwhile, or a
 * new one. `done` gets NULL or why not; it may come before this returns. One at a time. */
void login_get(struct login *l, struct str refused, void (*done)(void *ctx, const struct errinfo *why), void *ctx);
void login_cancel(struct login *l); /* without callback */

/* When the token that was saved as this text ends by itself, unix ms. False: the text does not say. */
bool login_expires_ms(struct str saved, int64_t *ret_ms);

#endif
