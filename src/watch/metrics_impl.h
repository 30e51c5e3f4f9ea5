/* Shared by metrics*.c: what is kept of an integration. */
#ifndef WATCH_METRICS_IMPL_H
#define WATCH_METRICS_IMPL_H

#include "base/map.h"
#include "watch/metrics.h"
#include "watch/series.h"

#include <pthread.h>

#define BUCKETS    13 /* and one without end */
#define RUN_STATES 4
#define DAY_SLOTS  104 /* of 15 minutes: a day of 25 hours and what runs */

extern const int64_t metrics_bucket_ms[BUCKETS];

/* A step that goes on. */
struct step {
    struct series_point point;
    uint32_t batches[BUCKETS + 1];
};
struct day_slot {
    int64_t at_s;
    uint32_t rows, records, errors;
};

struct entry {
    char *name, *label; /* label: integration="…", escaped */
    size_t name_n, label_n;
    bool gone;
    struct counts ended, live; /* of runs that ended, of the one that runs */
    int64_t runs[RUN_STATES], run_ms;
    int64_t windows[2]; /* not verified, verified */
    int64_t windows_again, gaps;
    int64_t last_run_ms, last_ok_ms; /* when one ended; 0: not since the start */
    int64_t batches[BUCKETS + 1], batch_ms;
    bool sampled;
    int64_t sampled_ms; /* the sample's ages count from here */
    struct metrics_sample sample;
    bool goes_on;      /* a run does; it told: */
    int64_t queued[3]; /* pages, pages, batches before journal, shape and write */
    /* over time */
    size_t block;
    int64_t stepped[SUMS];               /* what was noted up to the last step */
    uint32_t batches_since[BUCKETS + 1]; /* the last step */
    struct step steps[SERIES_LEVELS];
    struct day_slot day[DAY_SLOTS];
};

struct meters {
    struct metrics_config c;
    pthread_mutex_t lock;
    struct entry **entries; /* in the order of their names; never freed before the whole */
    size_t n, cap;
    struct map *names;     /* → index in made */
    struct entry **made;   /* in the order in which they came */
    struct series *series; /* NULL: not kept */
    int64_t series_failed;
    int64_t started_ms;
    struct outside {
        int64_t (*value)(void *ctx); /* NULL: nobody counts it */
        void *ctx;
    } outside[OUTSIDES];
};

/* NULL: never heard of; the caller holds the lock. */
struct entry *metrics_find(const struct meters *m, struct str integration);
/* Lets what the sample says of ages grow up to now. */
void metrics_age(struct entry *e, int64_t now_ms);
/* metrics_series.c: reads back what the file knows of the running steps and the last day; the lock is held. */
void metrics_recall(struct meters *m, struct entry *e);
static inline struct str entry_name(const struct entry *e)
{
    return (struct str){e->name, e->name_n};
}

#endif
