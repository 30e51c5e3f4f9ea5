/* The circuit: closed while calls are answered; open after HEALTH_FAILURES failures in a row by whichever process; half
 * open once its wait is over, when the first who asks becomes the probe and the rest go on waiting. A probe that is
 * answered closes it, one that fails doubles the wait.
 *
 * Retries have an allowance of their own (a generic cell rate like the quota's): a number at once, which comes back one
 * by one with time and faster with every ten first attempts. An outage that is no outage but a brown-out, where half
 * of the calls fail, then costs the upstream a share of retries instead of twice the calls.
 *
 * Every number is atomic and stands alone, changed by compare-and-swap where two could take the same thing (the probe,
 * a retry). Between the numbers of one change another process may read; what it does then is one call too many or one
 * wait too long, never a lock that nobody opens: whatever lies further ahead than its own ceiling is damage and counts
 * as nothing. */
#include "source/health.h"

#include <stdatomic.h>
#include <stddef.h>

#define UNTIL_MAX_MS (2 * HEALTH_WAIT_MAX_MS)
#define SPENT_MAX_MS (INT64_C(2) * HEALTH_RETRIES * HEALTH_RETRY_MS)

/* The moment `at`, if it lies ahead and can be one of ours; else 0. */
static int64_t ahead(int64_t at, int64_t now_ms, int64_t max_ms)
{
    return at > now_ms && at - now_ms <= max_ms ? at : 0;
}

static bool is_open(const struct health *h)
{
    return atomic_load(&h->until_ms) != 0;
}

int64_t health_admit(struct health *h, int64_t now_ms, bool *ret_probe)
{
    int64_t until = ahead(atomic_load(&h->until_ms), now_ms, UNTIL_MAX_MS), probe = atomic_load(&h->probe_ms);

    *ret_probe = false;
    if (!is_open(h))
        return 0;
    if (until)
        return until - now_ms;
    if (ahead(probe, now_ms, HEALTH_PROBE_MS) ||
        !atomic_compare_exchange_strong(&h->probe_ms, &probe, now_ms + HEALTH_PROBE_MS))
        return HEALTH_LOOK_MS;
    *ret_probe = true;
    return 0;
}

static int64_t probe_wait_ms(int64_t probes, uint32_t chance)
{
    int64_t wait = HEALTH_WAIT_MS;

    for (int64_t i = 0; i < probes && wait < HEALTH_WAIT_MAX_MS; i++)
        wait *= 2;
    if (wait > HEALTH_WAIT_MAX_MS)
        wait = HEALTH_WAIT_MAX_MS;
    return wait * 3 / 4 + (int64_t)(chance % (uint32_t)(wait / 2));
}

bool health_failed(struct health *h, const struct health_failure *f)
{
    int64_t n = atomic_fetch_add(&h->failures, 1) + 1, none = 0;

    atomic_compare_exchange_strong(&h->since_ms, &none, f->wall_ms);
    if (f->probe) {
        int64_t probes = atomic_fetch_add(&h->probes, 1) + 1;

        atomic_store(&h->until_ms, f->now_ms + probe_wait_ms(probes, f->chance));
        atomic_store(&h->probe_ms, 0);
        return true;
    }
    none = 0;
    if (n >= HEALTH_FAILURES)
        atomic_compare_exchange_strong(&h->until_ms, &none, f->now_ms + probe_wait_ms(0, f->chance));
    return is_open(h);
}

bool health_answered(struct health *h)
{
    if (!atomic_load(&h->failures) && !is_open(h))
        return false;
    atomic_store(&h->failures, 0);
    atomic_store(&h->since_ms, 0);
    atomic_store(&h->probes, 0);
    atomic_store(&h->probe_ms, 0);
    return atomic_exchange(&h->until_ms, 0) != 0;
}

void health_probe_dropped(struct health *h)
{
    atomic_store(&h->probe_ms, 0);
}

/* Moves the moment of the whole allowance by `step`; it never lies before now. Gives where it was. */
static int64_t move_spent(struct health *h, int64_t now_ms, int64_t step, int64_t at_most)
{
    int64_t seen = atomic_load(&h->spent_ms), at, to;

    do {
        at = ahead(seen, now_ms, SPENT_MAX_MS);
        at = at ? at : now_ms;
        to = at + step > now_ms ? at + step : now_ms;
        if (step > 0 && to > at_most)
            return INT64_MAX;
    } while (!atomic_compare_exchange_weak(&h->spent_ms, &seen, to));
    return at;
}

void health_called(struct health *h, int64_t now_ms)
{
    if (atomic_load(&h->spent_ms) > now_ms)
        (void)move_spent(h, now_ms, -(HEALTH_RETRY_MS / HEALTH_CALLS_A_RETRY), 0);
}

int64_t health_retry_ms(struct health *h, int64_t now_ms, int64_t max_ms)
{
    int64_t burst = INT64_C(1) * HEALTH_RETRIES * HEALTH_RETRY_MS, farthest = SPENT_MAX_MS, at;

    if (max_ms < farthest - burst)
        farthest = burst + (max_ms > 0 ? max_ms : 0);
    at = move_spent(h, now_ms, HEALTH_RETRY_MS, now_ms + farthest);
    if (at == INT64_MAX)
        return -1;
    at += HEALTH_RETRY_MS - burst - now_ms;
    return at > 0 ? at : 0;
}

void health_look(const struct health *h, int64_t now_ms, struct health_state *ret)
{
    int64_t until = ahead(atomic_load(&h->until_ms), now_ms, UNTIL_MAX_MS);

    *ret = (struct health_state){.open = is_open(h),
                                 .failures = atomic_load(&h->failures),
                                 .since_ms = atomic_load(&h->since_ms),
                                 .next_ms = until ? until - now_ms : 0};
}
