/* The log: each event a JSON line in the project's log file, and those that a person should know as lines on stderr.
 * Commands and serve share it. */
#ifndef WATCH_LOGLINES_H
#define WATCH_LOGLINES_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/log.h"

struct loglines;

struct loglines_config {
    const char *state_dir; /* where the log file lies (store/logfile.h) */
    const struct zone *zone;
    const struct clock *clock;
    bool quiet;   /* nothing on stderr */
    bool verbose; /* on stderr also each retry, and windows that are read again */
    bool many;    /* several integrations: lines name theirs, and say how runs ended that wrote or failed */
    void (*before)(void *ctx); /* called before a line is written on stderr, while held; may be NULL */
    void *ctx;
};

/* Copies the struct, borrows what it points to. A log file that cannot be opened is told and done without. */
struct loglines *loglines_new(const struct loglines_config *c);
void loglines_free(struct loglines *l); /* NULL is fine */
struct listener loglines_listener(struct loglines *l);
/* Keeps lines from stderr meanwhile: for who draws there, too. */
void loglines_hold(struct loglines *l);
void loglines_release(struct loglines *l);

/* Appends the event as one JSON object (docs/internals/watch.md), secrets masked, without newline. */
void logline_json(const struct event *e, const struct zone *z, int64_t now_ms, struct buf *out);

#endif
