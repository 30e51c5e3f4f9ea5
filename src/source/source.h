/* Calling an upstream: sign, spend quota, call, judge the reply, try again. One `struct source` an integration;
 * integrations of one connection share its `struct bucket` and its `struct remote_clock`. Lives on the loop's thread.
 * One call at a time. */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include "connector/connector.h"
#include "net/http.h"
#include "source/bucket.h"
#include "source/login.h"
#include "source/page.h"

struct source;

struct source_config {
    struct loop *loop;
    struct http *http;
    const struct clock *clock;
    const struct connector *connector;
    const struct iface *iface;
    const struct paging *paging;  /* as chosen: its paths tell the facts */
    struct str connection;        /* its name, for people */
    struct option_values options; /* secrets resolved; borrowed */
    struct str records_path;      /* the document's DataKey, or empty */
    struct bucket *bucket;        /* of the connection */
    struct remote_clock *remote;  /* of the connection */
    struct login *login;          /* of the connection; NULL: its calls carry no token */
    size_t max_bytes;             /* of a reply; default 32 MiB */
    int64_t call_ms;              /* deadline of one call, default 60 s */
    int64_t patience_ms; /* how long transient trouble is retried before giving up, from the first failure; 60 s in
                            `run` (decisions 12) */
    void (*note)(void *ctx, enum source_note what, const struct errinfo *ei, int64_t wait_ms); /* may be NULL */
    void *note_ctx;
};

struct source *source_new(const struct source_config *config); /* copies the struct */
void source_free(struct source *s);
struct source_request {
    const struct kv *business;
    size_t n_business;
    struct str link; /* PAGE_LINK: the address that the last reply named; empty: the interface's own */
    bool spare;      /* only with a place that others leave over (bucket_spare_ms); ERR_QUOTA when none comes in time */
};
/* One call with retries. The request is copied. `done` gets a page that it owns (page_unref), or NULL and why; it may
 * come before this returns (a request that cannot be signed), and may make the next call. */
void source_call(struct source *s, const struct source_request *r,
                 void (*done)(void *ctx, struct page *page, const struct errinfo *why), void *ctx);
void source_cancel(struct source *s); /* the call under way, if any, without callback; not from inside `note` */
struct source_counts {
    int64_t calls, throttled, retries, bytes;
};
struct source_counts source_counts(const struct source *s);

#endif
