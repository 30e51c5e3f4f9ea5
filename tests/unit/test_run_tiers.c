/* When a tier of reading again is due, and what it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "run/plan.h"

#include <cmocka.h>

#include "test_store_fixture.h"

#define HOUR_MS INT64_C(3600000)
#define NOW_S   INT64_C(1772000000) /* 2026-02-25 14:13:20 in Shanghai */

static struct flow flow;
static struct integration integration;
static struct meta_doc source;
static struct project project;
static struct paging paging;
static const struct reread tiers[] = {{HOUR_MS, 24 * HOUR_MS}, {24 * HOUR_MS, 7 * 24 * HOUR_MS}};

static int setup(void **state)
{
    struct errinfo ei;

    (void)state;
    assert_ok(zone_open(S("Asia/Shanghai"), &project.zone, &ei), ei);
    source = (struct meta_doc){.remedy_crontab = S("10 2 * * *")};
    integration = (struct integration){
        .name = S("a"), .source_doc = &source, .tiers = tiers, .n_tiers = 2, .lag_ms = 10000, .overlap_ms = 300000};
    paging = (struct paging){.kind = PAGE_BACKWARD};
    flow = (struct flow){.project = &project,
                         .integration = &integration,
                         .paging = &paging,
                         .request = (const struct request *)&tiers[0],
                         .remedy = (const struct request *)&tiers[1]};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    zone_free(project.zone);
    return 0;
}

static void due(void **state)
{
    int64_t now = NOW_S * 1000;

    (void)state;
    assert_int_equal(tiers_count(&flow), 3);
    assert_int_equal(tiers_remedy(&flow), 2);
    assert_false(tier_due(&flow, 0, now - HOUR_MS + 1, now));
    assert_true(tier_due(&flow, 0, now - HOUR_MS, now));
    assert_false(tier_due(&flow, 1, now - HOUR_MS, now));
    /* 02:10 in Shanghai was 12 h 3 min 20 s ago */
    assert_false(tier_due(&flow, 2, now - 12 * HOUR_MS, now));
    assert_true(tier_due(&flow, 2, now - 12 * HOUR_MS - 240000, now));
    assert_true(tier_due(&flow, 2, 0, now));
    source.remedy_crontab = S("");
    assert_false(tier_due(&flow, 2, 0, now));
    source.remedy_crontab = S("@every 2h");
    assert_true(tier_due(&flow, 2, now - 2 * HOUR_MS, now));
    assert_false(tier_due(&flow, 2, now - 2 * HOUR_MS + 1000, now));
    source.remedy_crontab = S("10 2 1 * *");
    assert_false(tier_due(&flow, 2, now - 23 * 24 * HOUR_MS, now));
    assert_true(tier_due(&flow, 2, now - 25 * 24 * HOUR_MS, now));
}

static void planned(void **state)
{
    static struct plan p;
    const struct run_options o = {.kind = RUN_MAIN}, remedy = {.kind = RUN_REMEDY, .reread = REREAD_NONE};
    const size_t which[] = {0, 2, 1}, last[] = {2};
    struct gap gap = {.id = 9, .from_s = 5, .to_s = 6};
    struct plan_input in = {&flow, &o, NOW_S - 600, NOW_S, &gap, 1, which, 3};

    (void)state;
    plan_make(&in, &p);
    assert_int_equal(p.n, 5);
    assert_int_equal(p.n_tiers, 3);
    assert_int_equal(p.jobs[0].purpose, PURPOSE_MAIN);
    assert_false(p.jobs[0].spare);
    assert_int_equal(p.jobs[1].purpose, PURPOSE_GAP);
    assert_int_equal(p.jobs[2].purpose, PURPOSE_REREAD);
    assert_true(p.jobs[2].spare);
    assert_int_equal(p.jobs[2].from_s, NOW_S - 86400);
    assert_int_equal(p.jobs[2].to_s, NOW_S - 600);
    assert_int_equal(p.jobs[3].purpose, PURPOSE_REMEDY);
    assert_true(p.jobs[3].spare);
    assert_int_equal(p.tier[1], 2);
    integration.has_start = true;
    integration.start_s = NOW_S - 7200;
    plan_make(&in, &p);
    assert_int_equal(p.jobs[2].from_s, NOW_S - 7200);
    integration.start_s = NOW_S;
    plan_make(&in, &p);
    assert_int_equal(p.n_tiers, 1); /* nothing of the others lies behind `start` */
    in.options = &remedy;
    in.tiers = last;
    in.n_tiers = 1;
    plan_make(&in, &p);
    assert_int_equal(p.n, 1);
    assert_int_equal(p.jobs[0].purpose, PURPOSE_REMEDY);
    assert_false(p.jobs[0].spare);
    paging.kind = PAGE_CURSOR;
    assert_int_equal(tiers_count(&flow), 1);
    assert_int_equal(tiers_remedy(&flow), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(due, setup, teardown),
                                       cmocka_unit_test_setup_teardown(planned, setup, teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
