/* What all runs emit into, and all who want to know hear from: log lines, metrics, alerts, live pages, traces. */
#ifndef WATCH_HUB_H
#define WATCH_HUB_H

#include "base/event.h"

struct hub;
struct hub *hub_new(void);
void hub_free(struct hub *h); /* once nothing emits any more; NULL is fine */
/* Adds a listener; before the first event. What is in `ctx` stays the caller's and outlives the hub. */
void hub_listen(struct hub *h, struct listener l);
/* What run_options.listener becomes. Thread-safe: every listener hears every event, one at a time and all in the same
 * order, in the order in which they were added. A listener must be quick, and must not emit. */
struct listener hub_listener(struct hub *h);

#endif
