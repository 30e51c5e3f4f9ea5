/* Sends spans to a collector: OTLP over HTTP, as JSON (opentelemetry.io/docs/specs/otlp, 1.x). On a thread of its own,
 * bounded: who hands in a span never waits. */
#ifndef WATCH_OTLP_H
#define WATCH_OTLP_H

#include "base/buf.h"
#include "net/http.h"

struct otlp;

struct otlp_config {
    struct str address; /* base: /v1/traces is added */
    const struct http_header *headers;
    size_t n_headers;
    struct str project; /* the resource's service.namespace */
};
/* Copies all of it and starts the thread. ERR_INTERNAL: the system gives no more descriptors or threads. */
enum err otlp_new(const struct otlp_config *c, struct otlp **ret, struct errinfo *ei) MUST_USE;
/* Sends what waits, for at most so long, and ends; what is left then is lost, with a warning. NULL is fine. */
void otlp_free(struct otlp *o, int64_t wait_ms);
/* One span, as its JSON object. Thread-safe; copies. Dropped when too many wait. */
void otlp_put(struct otlp *o, struct str span);

struct otlp_counts {
    int64_t sent, dropped; /* spans; dropped: no room, refused, or the collector did not answer */
};
void otlp_counts(struct otlp *o, struct otlp_counts *ret);

#endif
