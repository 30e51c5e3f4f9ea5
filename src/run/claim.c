/* Whose the target is.
 *
 * A run begins by claiming the integration in the target: the epoch goes up, and whoever wrote with an older one is
 * fenced. A state folder may have been copied, to another machine or from a backup, and then two states have the same
 * journal up to where they parted. What the one has read and not yet written can be older than what the other wrote
 * meanwhile, so a state has to know whether the epoch that it finds is its own.
 *
 * Two facts of the state tell: `claiming`, written before the claim, with the epoch that it will be and the batch that
 * the target then stands at; and `claimed`, written after it. An epoch up to `claimed` is ours. So is that of
 * `claiming` while the target still stands at that batch: our claim, whose answer was lost; it is noted as claimed at
 * once, before the next claim takes its place. Any other one is not. */
#include "run/claim.h"

#include "base/num.h"

static struct str fact_name(struct arena *a, const char *what, struct str integration)
{
    return arena_printf(a, "%s:" STR_FMT, what, STR_ARG(integration));
}

static enum err note_claimed(struct store *store, struct arena *a, struct str integration, int64_t epoch,
                             struct errinfo *ei)
{
    return store_set_fact(store, fact_name(a, "claimed", integration), arena_printf(a, "%lld", (long long)epoch), ei);
}

enum err claim_target(struct store *store, struct sink *sink, struct str integration, const struct checkpoint *cp,
                      int64_t *ret_epoch, struct errinfo *ei)
{
    struct arena *a = arena_new(1u << 16);
    struct str before = arena_printf(a, "%lld %lld", (long long)cp->epoch + 1, (long long)cp->batch);
    enum err err = store_set_fact(store, fact_name(a, "claiming", integration), before, ei);

    err = err ? err : sink_claim(sink, cp, ret_epoch, ei);
    err = err ? err : note_claimed(store, a, integration, *ret_epoch, ei);
    arena_free(a);
    return err;
}

/* "EPOCH BATCH" */
static bool is_claim(struct str text, const struct checkpoint *found)
{
    size_t blank = text.p ? str_find(text, S(" "), 0) : SIZE_MAX;
    int64_t epoch, batch;

    return blank != SIZE_MAX && num_i64(str_sub(text, 0, blank), &epoch) &&
           num_i64(str_sub(text, blank + 1, text.n), &batch) && epoch == found->epoch && batch == found->batch;
}

enum err claim_is_ours(struct store *store, struct str integration, const struct progress *g,
                       const struct checkpoint *found, bool *ret, struct errinfo *ei)
{
    struct arena *a = arena_new(1u << 16);
    struct str claimed, claiming;
    int64_t epoch;
    enum err err = store_fact(store, fact_name(a, "claimed", integration), a, &claimed, ei);

    err = err ? err : store_fact(store, fact_name(a, "claiming", integration), a, &claiming, ei);
    if (!err) {
        if (!claimed.p || !num_i64(claimed, &epoch))
            epoch = 0;
        if (g->known && g->epoch > epoch)
            epoch = g->epoch;
        *ret = found->epoch <= epoch || is_claim(claiming, found);
        if (*ret && found->epoch > epoch)
            err = note_claimed(store, a, integration, found->epoch, ei);
    }
    arena_free(a);
    return err;
}
