/* Figures over time, a ring for each integration and step, in one file: 10 s for an hour, 1 min for a day, 15 min for
 * 30 days. Kept over a restart; never grows but by integrations. Not thread-safe: its owner locks. */
#ifndef WATCH_SERIES_H
#define WATCH_SERIES_H

#include "base/err.h"
#include "base/str.h"

enum series_sum { SUM_ROWS, SUM_RECORDS, SUM_CALLS, SUM_ERRORS, SUMS };
enum series_gauge { GAUGE_P50_MS, GAUGE_P99_MS, GAUGE_FRESH_MS, GAUGE_QUOTA, GAUGES };

/* What happened within a step from at_s on. A sum that is too great stays at its greatest. */
struct series_point {
    int64_t at_s; /* 0: nothing is known */
    uint32_t sums[SUMS];
    float gauges[GAUGES]; /* the worst of the step; NAN: not known */
};

#define SERIES_LEVELS 3
struct series_level {
    int64_t step_s;
    size_t points;
};
extern const struct series_level series_levels[SERIES_LEVELS];

struct series;
/* Opens or makes `path`. A file of another format, or one that cannot be read, begins anew. ERR_DISK. */
enum err series_open(const char *path, struct series **ret, struct errinfo *ei) MUST_USE;
void series_close(struct series *s); /* NULL is fine */
/* The integration's rings, made if need be; a name is cut at 255 bytes. */
size_t series_block(struct series *s, struct str integration);
/* Keeps the point in the ring of that level, over whatever was there. ERR_DISK. */
enum err series_put(struct series *s, size_t block, int level, const struct series_point *p,
                    struct errinfo *ei) MUST_USE;
/* The n points of the level from `from` on, oldest first; those that are not known have at_s 0. */
struct series_place {
    size_t block;
    int level;
    int64_t at_s; /* a multiple of the level's step */
};
void series_get(const struct series *s, const struct series_place *from, struct series_point *ret, size_t n);

#endif
