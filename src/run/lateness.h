/* How late records become visible; see lateness.c. */
#ifndef RUN_LATENESS_H
#define RUN_LATENESS_H

#include "store/store.h"

#define LATENESS_BUCKETS 40

struct lateness {
    int64_t bucket[LATENESS_BUCKETS]; /* 0: at once; k: 2^(k-1) … 2^k - 1 seconds */
    int64_t max_s, behind_max_s;      /* behind: how far before the cursor it lay */
};

void lateness_on_time(struct lateness *l);
/* first seen less modified; cursor less modified. Both at least 0. */
void lateness_late(struct lateness *l, int64_t late_s, int64_t behind_s);
/* Adds to what is kept of the integration. ERR_DISK. */
enum err lateness_keep(const struct lateness *l, struct store *store, struct str integration,
                       struct errinfo *ei) MUST_USE;
/* What is kept of it. */
enum err lateness_recall(struct store *store, struct str integration, struct arena *a, struct lateness *ret,
                         struct errinfo *ei) MUST_USE;
int64_t lateness_count(const struct lateness *l); /* records */
int64_t lateness_late_ones(const struct lateness *l);
/* Seconds that so many of a thousand records stay within: the upper end of a bucket, at most the greatest seen. */
int64_t lateness_within_s(const struct lateness *l, int permille);

#endif
