/* A trace of each run: one span for the run, and beneath it one for each window, its pages, and each batch. */
#ifndef WATCH_TRACES_H
#define WATCH_TRACES_H

#include "base/clock.h"
#include "base/event.h"
#include "project/project.h"

struct traces;

/* Begins to send to the collector that the project names (resolves the headers' secrets). *ret NULL: it names none.
 * ERR_SECRET; ERR_INTERNAL. `clock` is borrowed. */
enum err traces_new(const struct project *p, const struct clock *clock, struct traces **ret,
                    struct errinfo *ei) MUST_USE;
/* Sends what waits, for at most so long. NULL is fine. */
void traces_free(struct traces *t, int64_t wait_ms);
/* Of NULL: a listener that hears nothing. */
struct listener traces_listener(struct traces *t);
/* Spans since the start; for metrics_outside. */
int64_t traces_sent(void *traces);
int64_t traces_dropped(void *traces);

#endif
