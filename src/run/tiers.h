/* Tiers of reading again: those of `reread`, and omissionRemedy, which is one of them. Pure. */
#ifndef RUN_TIERS_H
#define RUN_TIERS_H

#include "run/reader.h"

#define RUN_TIERS_MAX 9 /* eight of `reread`, and the remedy, which is the last */

size_t tiers_count(const struct flow *f);
/* The number of the remedy; SIZE_MAX: there is none. */
size_t tiers_remedy(const struct flow *f);
/* The name of the fact that keeps when the tier was last read whole (unix milliseconds of the source's clock). */
struct str tier_fact(const struct flow *f, size_t i, struct arena *a);
/* When it is due again after it was last read (unix milliseconds): a tier of `reread` `every` after that; the remedy
 * when its crontab comes up; INT64_MAX: never. */
int64_t tier_next_ms(const struct flow *f, size_t i, int64_t last_ms);
bool tier_due(const struct flow *f, size_t i, int64_t last_ms, int64_t now_ms);
struct tier_times {
    int64_t cursor_s, now_s, edge_s; /* edge: now less the lag */
};
/* What it reads; false: nothing, its range is empty. Takes only calls that others leave over. */
bool tier_job(const struct flow *f, size_t i, const struct tier_times *t, struct job *ret);

#endif
