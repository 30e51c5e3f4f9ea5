/* Lateness is the time between a record's `modified` and the moment at which the source first showed it.
 *
 * It can only be told of records whose moment had been read before: a record that lies after the cursor is seen at the
 * first reading of its range, so it was not late, however long ago the run before was (counted as 0); one that lies at
 * or before the cursor and was not known had been invisible when its range was read, and counts from its modified to
 * its fetching. So neither a first run, nor a backfill, nor a source that was not asked for a day looks late. How far
 * behind the cursor a late record lay is the overlap that would have brought it (by a tier of reading again: that would
 * certainly have).
 *
 * A histogram of powers of two: forty numbers tell p99.9 well enough, and cost an addition a record. */
#include "run/lateness.h"

void lateness_on_time(struct lateness *l)
{
    l->bucket[0]++;
}

void lateness_late(struct lateness *l, int64_t late_s, int64_t behind_s)
{
    int k = 1;

    while (k < LATENESS_BUCKETS - 1 && late_s >> k)
        k++;
    l->bucket[k]++;
    if (late_s > l->max_s)
        l->max_s = late_s;
    if (behind_s > l->behind_max_s)
        l->behind_max_s = behind_s;
}

enum err lateness_keep(const struct lateness *l, struct store *store, struct str integration, struct errinfo *ei)
{
    struct metric m[LATENESS_BUCKETS + 2];
    size_t n = 0;

    for (int k = 0; k < LATENESS_BUCKETS; k++)
        if (l->bucket[k])
            m[n++] = (struct metric){.name = S("late"), .bucket = k, .value = l->bucket[k]};
    if (l->max_s)
        m[n++] = (struct metric){.name = S("late_max_s"), .value = l->max_s, .max = true};
    if (l->behind_max_s)
        m[n++] = (struct metric){.name = S("behind_max_s"), .value = l->behind_max_s, .max = true};
    return store_metrics_add(store, integration, m, n, ei);
}

enum err lateness_recall(struct store *store, struct str integration, struct arena *a, struct lateness *ret,
                         struct errinfo *ei)
{
    struct metrics m = {0}, max = {0}, behind = {0};
    enum err e = store_metrics(store, integration, S("late"), a, &m, ei);

    e = e ? e : store_metrics(store, integration, S("late_max_s"), a, &max, ei);
    e = e ? e : store_metrics(store, integration, S("behind_max_s"), a, &behind, ei);
    if (e)
        return e;
    *ret = (struct lateness){.max_s = max.n ? max.at[0].value : 0, .behind_max_s = behind.n ? behind.at[0].value : 0};
    for (size_t i = 0; i < m.n; i++)
        if (m.at[i].bucket >= 0 && m.at[i].bucket < LATENESS_BUCKETS)
            ret->bucket[m.at[i].bucket] = m.at[i].value;
    return OK;
}

int64_t lateness_count(const struct lateness *l)
{
    return l->bucket[0] + lateness_late_ones(l);
}

int64_t lateness_late_ones(const struct lateness *l)
{
    int64_t n = 0;

    for (int k = 1; k < LATENESS_BUCKETS; k++)
        n += l->bucket[k];
    return n;
}

int64_t lateness_within_s(const struct lateness *l, int permille)
{
    int64_t all = lateness_count(l), wanted = (all * permille + 999) / 1000, sum = 0;
    int k = 0;

    for (; k < LATENESS_BUCKETS; k++) {
        sum += l->bucket[k];
        if (sum >= wanted)
            break;
    }
    if (k == 0 || !all)
        return 0;
    return k < LATENESS_BUCKETS && ((int64_t)1 << k) - 1 < l->max_s ? ((int64_t)1 << k) - 1 : l->max_s;
}
