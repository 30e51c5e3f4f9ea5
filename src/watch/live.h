/* What goes on in each integration right now, with rates over the last five seconds: LIVE of docs/internals/server.md.
 * Thread-safe. */
#ifndef WATCH_LIVE_H
#define WATCH_LIVE_H

#include "base/buf.h"
#include "base/clock.h"
#include "run/run.h"

struct live;

struct live_job {
    struct str integration;
    int64_t job;
    enum run_kind kind;
    int64_t since_ms; /* when it began, unix */
};

struct live *live_new(const struct zone *z); /* borrows; NULL: UTC */
void live_free(struct live *l);              /* NULL is fine */
/* From a run's tick; `mono_ms` is now. Copies. Of an integration one job runs at a time: another takes its place. */
void live_tick(struct live *l, const struct live_job *job, const struct run_live *now, int64_t mono_ms);
void live_end(struct live *l, struct str integration);
/* Appends LIVE, or null when nothing runs. */
void live_json(struct live *l, struct str integration, struct buf *out);
size_t live_count(struct live *l); /* of integrations that run */

#endif
