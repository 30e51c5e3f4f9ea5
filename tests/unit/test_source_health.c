/* The circuit and the allowance of retries, with time as a number; and both under threads that share them. */
#include "table.h"

#include "source/health.h"

#include <pthread.h>
#include <stdatomic.h>

static bool fail_at(struct health *h, int64_t now_ms, bool probe)
{
    return health_failed(h, &(struct health_failure){now_ms, 1700000000000 + now_ms, probe, 0});
}

static void open_it(struct health *h, int64_t now_ms)
{
    for (int i = 0; i < HEALTH_FAILURES; i++)
        assert_int_equal(fail_at(h, now_ms, false), i + 1 == HEALTH_FAILURES);
}

static void closed_while_answered(void **state)
{
    struct health h = {0};
    bool probe = true;

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(health_admit(&h, i, &probe), 0);
        assert_false(probe);
        assert_false(fail_at(&h, i, false));
        if (i % (HEALTH_FAILURES - 1) == 0)
            assert_false(health_answered(&h));
    }
}

static void opens_probes_and_closes(void **state)
{
    struct health h = {0};
    struct health_state s;
    int64_t now = 1000, wait;
    bool probe;

    (void)state;
    open_it(&h, now);
    health_look(&h, now, &s);
    assert_true(s.open);
    assert_int_equal(s.failures, HEALTH_FAILURES);
    assert_int_equal(s.since_ms, 1700000001000);
    wait = health_admit(&h, now, &probe);
    assert_int_equal(wait, HEALTH_WAIT_MS * 3 / 4);
    assert_int_equal(s.next_ms, wait);
    now += wait;
    assert_int_equal(health_admit(&h, now, &probe), 0);
    assert_true(probe);
    assert_int_equal(health_admit(&h, now, &probe), HEALTH_LOOK_MS); /* one at a time */
    assert_false(probe);
    assert_true(fail_at(&h, now, true));
    assert_int_equal(health_admit(&h, now, &probe), HEALTH_WAIT_MS * 2 * 3 / 4);
    now += 60000;
    assert_int_equal(health_admit(&h, now, &probe), 0);
    assert_true(probe);
    health_probe_dropped(&h); /* given up: the next who asks takes its place */
    assert_int_equal(health_admit(&h, now, &probe), 0);
    assert_true(probe);
    assert_true(health_answered(&h));
    assert_false(health_answered(&h));
    assert_int_equal(health_admit(&h, now, &probe), 0);
    assert_false(probe);
    health_look(&h, now, &s);
    assert_true(!s.open && !s.failures && !s.since_ms);
}

/* Each probe that fails doubles the wait, to a ceiling; chance moves it by a quarter at most. */
static void waits_grow(void **state)
{
    static const uint32_t chances[] = {0, 0x7fffffff, UINT32_MAX};
    bool probe;

    (void)state;
    for (size_t c = 0; c < sizeof chances / sizeof *chances; c++) {
        struct health h = {0};
        int64_t now = 0, want = HEALTH_WAIT_MS;

        open_it(&h, now);
        for (int i = 0; i < 70; i++) {
            struct health_failure f = {.probe = true, .chance = chances[c]};

            now += 100000;
            assert_int_equal(health_admit(&h, now, &probe), 0);
            assert_true(probe);
            f.now_ms = now;
            assert_true(health_failed(&h, &f));
            want = want * 2 < HEALTH_WAIT_MAX_MS ? want * 2 : HEALTH_WAIT_MAX_MS;
            assert_in_range(health_admit(&h, now, &probe), want * 3 / 4, want * 5 / 4);
        }
    }
}

/* A call that began before the circuit opened and fails later does not move the probe. */
static void late_failures(void **state)
{
    struct health h = {0};
    int64_t wait;
    bool probe;

    (void)state;
    open_it(&h, 0);
    wait = health_admit(&h, 0, &probe);
    for (int i = 0; i < 50; i++)
        assert_true(fail_at(&h, 10, false));
    assert_int_equal(health_admit(&h, 0, &probe), wait);
}

/* A prober that died, and numbers that no process of ours wrote, stop nobody for long. */
static void damage_heals(void **state)
{
    struct health h = {0};
    bool probe;

    (void)state;
    open_it(&h, 0);
    assert_int_equal(health_admit(&h, 5000, &probe), 0);
    assert_int_equal(health_admit(&h, 5000 + HEALTH_PROBE_MS - 1, &probe), HEALTH_LOOK_MS);
    assert_int_equal(health_admit(&h, 5000 + HEALTH_PROBE_MS, &probe), 0);
    assert_true(probe);
    h = (struct health){.failures = INT64_MAX - 1, .until_ms = INT64_MAX, .probe_ms = INT64_MAX, .spent_ms = INT64_MAX};
    assert_int_equal(health_admit(&h, 5000, &probe), 0);
    assert_true(probe);
    assert_int_equal(health_retry_ms(&h, 5000, 60000), 0);
    assert_true(health_answered(&h));
    assert_int_equal(health_admit(&h, 5000, &probe), 0);
    assert_false(probe);
}

static void retries_have_an_allowance(void **state)
{
    struct health h = {0};
    int64_t now = 50;

    (void)state;
    for (int i = 0; i < HEALTH_RETRIES; i++)
        assert_int_equal(health_retry_ms(&h, now, 60000), 0);
    for (int i = 1; i <= HEALTH_RETRIES; i++)
        assert_int_equal(health_retry_ms(&h, now, 60000), i * HEALTH_RETRY_MS);
    assert_int_equal(health_retry_ms(&h, now, 60000), -1); /* nobody queues up for ever */
    now += (2 * HEALTH_RETRIES - 1) * HEALTH_RETRY_MS;
    assert_int_equal(health_retry_ms(&h, now, 0), 0);
    h = (struct health){0};
    for (int i = 0; i < HEALTH_RETRIES; i++)
        assert_int_equal(health_retry_ms(&h, now, 0), 0);
    assert_int_equal(health_retry_ms(&h, now, 0), -1);
    assert_int_equal(health_retry_ms(&h, now, HEALTH_RETRY_MS - 1),
                     -1); /* less patience than the wait: none is taken */
    for (int i = 0; i < HEALTH_CALLS_A_RETRY; i++) {
        assert_int_equal(health_retry_ms(&h, now, 0), -1);
        health_called(&h, now);
    }
    assert_int_equal(health_retry_ms(&h, now, 0), 0); /* ten calls earn one */
    for (int i = 0; i < 100000; i++)
        health_called(&h, now);
    for (int i = 0; i < HEALTH_RETRIES; i++) /* and no more than the allowance is kept */
        assert_int_equal(health_retry_ms(&h, now, 0), 0);
    assert_int_equal(health_retry_ms(&h, now, 0), -1);
}

struct crowd {
    struct health h;
    _Atomic int probes, retries;
};

static void *push(void *ctx)
{
    struct crowd *c = ctx;
    bool probe;

    for (int i = 0; i < 20000; i++) {
        if (!health_admit(&c->h, 5000, &probe) && probe)
            atomic_fetch_add(&c->probes, 1);
        if (health_retry_ms(&c->h, 5000, 0) == 0)
            atomic_fetch_add(&c->retries, 1);
    }
    return NULL;
}

static void shared(void **state)
{
    struct crowd c = {.probes = 0};
    pthread_t t[4];

    (void)state;
    open_it(&c.h, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, push, &c), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(c.probes, 1);
    assert_int_equal(c.retries, HEALTH_RETRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_while_answered),
        cmocka_unit_test(opens_probes_and_closes),
        cmocka_unit_test(waits_grow),
        cmocka_unit_test(late_failures),
        cmocka_unit_test(damage_heals),
        cmocka_unit_test(retries_have_an_allowance),
        cmocka_unit_test(shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
