/* What a run is to read: cursor, now and the integration's settings become jobs. Pure. */
#ifndef RUN_PLAN_H
#define RUN_PLAN_H

#include "run/tiers.h"

#define PLAN_JOBS_MAX 1024

struct plan_input {
    const struct flow *flow;
    const struct run_options *options; /* kind; from_s, to_s of a backfill */
    int64_t cursor_s;                  /* INT64_MIN: none, with a growing cursor */
    int64_t now_s;                     /* by the source's clock */
    const struct gap *gaps;            /* open ones */
    size_t n_gaps;
    const size_t *tiers; /* to be read again after them, by number */
    size_t n_tiers;
};

struct plan {
    struct job jobs[PLAN_JOBS_MAX]; /* in the order of reading */
    size_t n;
    int64_t from_s, to_s;                /* the range asked for, before overlap */
    int64_t edge_s;                      /* now less the lag */
    size_t tier[RUN_TIERS_MAX], n_tiers; /* the last jobs: which tiers they are */
};

void plan_make(const struct plan_input *in, struct plan *ret);

#endif
