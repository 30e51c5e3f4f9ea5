/* Figures of every integration: for Prometheus as text, for the dashboard over time. Fed by events, by the ticks of
 * runs and by samples. Thread-safe. */
#ifndef WATCH_METRICS_H
#define WATCH_METRICS_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/event.h"
#include "run/run.h"

struct meters;

struct metrics_config {
    const char *state_dir;   /* figures over time are kept in its file `series`; NULL: they are not kept */
    const struct zone *zone; /* in which a day begins; NULL: UTC */
    const struct clock *clock;
};

/* Copies the struct, borrows what it points to. A series file that cannot be opened is told and done without. */
struct meters *metrics_new(const struct metrics_config *c);
void metrics_free(struct meters *m); /* NULL is fine */
struct listener metrics_listener(struct meters *m);
/* From a run's tick: its counts until its end is heard as an event. */
void metrics_live(struct meters *m, struct str integration, const struct run_live *live);

/* What is true now and no event tells; -1: not known, or there is no such thing. */
struct metrics_sample {
    int64_t fresh_ms;                     /* now − newest `modified` that is written */
    int64_t behind_ms;                    /* now − the cursor */
    int64_t quota_left, quota_limit;      /* calls of the running period */
    int64_t journal_pages, journal_bytes; /* journalled and not yet written; of the journal's files */
    int64_t dead, gaps, windows_open;
    int64_t token_left_ms;   /* until the connection's token expires */
    int64_t clock_offset_ms; /* of the source to ours; INT64_MIN: not known */
    bool running, paused;
    const char *state; /* of ROW; a constant text */
};
/* Every so often, for each integration; ages (fresh, behind, token) go on by themselves. */
void metrics_sample(struct meters *m, struct str integration, const struct metrics_sample *s);
/* What is no longer in the project vanishes from the text, until it is heard of again. */
void metrics_keep(struct meters *m, const struct str *names, size_t n);
/* Counters of the whole process that others keep: asked when the text is made, left out when nobody was named. */
enum metrics_outside { OUTSIDE_TRACES_SENT, OUTSIDE_TRACES_DROPPED, OUTSIDES };
/* Before the first text. */
void metrics_set_outside(struct meters *m, enum metrics_outside which, int64_t (*value)(void *ctx), void *ctx);

/* Appends the text of all figures (Prometheus text format 0.0.4), families and integrations in a stable order. A
 * hundred bytes a line, about 60 lines an integration: give the buffer room. */
void metrics_text(struct meters *m, struct buf *out);
/* Appends docs/metrics.md. */
void metrics_page(struct buf *out);

/* ---- over time ---- */
/* Notes what happened since the last step; every 10 s. A file that cannot be written is told once and counted. */
void metrics_step(struct meters *m);

struct metrics_day {
    int64_t rows, records, errors; /* since midnight; errors: dead letters and failed runs */
    int64_t spark[24];             /* rows an hour, oldest first; the last is the running hour */
};
void metrics_day(struct meters *m, struct str integration, struct metrics_day *ret);

struct series_query {
    struct str integration;
    struct str names;     /* with commas between: rows, records, calls, errors, latency_p50, latency_p99, freshness,
                             quota; empty: all */
    int64_t from_s, to_s; /* unix; [from, to) */
    int64_t step_s;       /* 0: chosen */
};
/* Appends {"step":s,"at":[unix s],"rows":[…],…}: sums a step (rows, records, calls, errors), the worst of a step
 * (latency of a batch and freshness in seconds, quota: how much of it is used in percent), null where nothing is known.
 * At most 3,000 points; the step grows to that end. ERR_USAGE: an unknown name, a range that is none. */
enum err metrics_series(struct meters *m, const struct series_query *q, struct buf *out, struct errinfo *ei) MUST_USE;

#endif
