/* When a tier of reading again is due, and what it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "run/plan.h"
#include "run/reading.h"

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

static struct plan made;

static void make(enum run_kind kind, const struct run_options *more, struct plan_input in)
{
    struct run_options o = more ? *more : (struct run_options){0};

    o.kind = kind;
    in.flow = &flow;
    in.options = &o;
    in.now_s = NOW_S;
    plan_make(&in, &made);
}

static void job_is(size_t i, enum purpose purpose, int64_t from_s, int64_t to_s)
{
    assert_true(i < made.n);
    assert_int_equal(made.jobs[i].purpose, purpose);
    assert_int_equal(made.jobs[i].from_s, from_s);
    assert_int_equal(made.jobs[i].to_s, to_s);
}

/* The cursor less the overlap, but not before `start`; one second to ask the time when our clock is behind. */
static void planned_range(void **state)
{
    struct run_options write = {.part = RUN_WRITE};

    (void)state;
    make(RUN_MAIN, NULL, (struct plan_input){.cursor_s = NOW_S - 600});
    assert_int_equal(made.n, 1);
    job_is(0, PURPOSE_MAIN, NOW_S - 900, NOW_S - 10);
    assert_int_equal(made.from_s, NOW_S - 600);
    assert_int_equal(made.to_s, NOW_S - 10);
    make(RUN_MAIN, NULL, (struct plan_input){.cursor_s = NOW_S + 3600});
    job_is(0, PURPOSE_MAIN, NOW_S + 3300, NOW_S + 3300);
    integration.has_start = true;
    integration.start_s = NOW_S - 700;
    make(RUN_MAIN, NULL, (struct plan_input){.cursor_s = NOW_S - 600});
    job_is(0, PURPOSE_MAIN, NOW_S - 700, NOW_S - 10);
    integration.start_s = NOW_S - 500; /* moved behind the cursor meanwhile */
    make(RUN_MAIN, NULL, (struct plan_input){.cursor_s = NOW_S - 600});
    job_is(0, PURPOSE_MAIN, NOW_S - 600, NOW_S - 10);
    integration.start_s = NOW_S - 5000;
    make(RUN_MAIN, NULL, (struct plan_input){.cursor_s = NOW_S - 600});
    job_is(0, PURPOSE_MAIN, NOW_S - 900, NOW_S - 10);
    make(RUN_MAIN, &write, (struct plan_input){.cursor_s = NOW_S - 600}); /* writes what is here, and asks nobody */
    assert_int_equal(made.n, 0);
}

/* A growing cursor is no time: the range only says where a first run begins. */
static void planned_cursor(void **state)
{
    (void)state;
    paging.kind = PAGE_CURSOR;
    make(RUN_MAIN, NULL, (struct plan_input){.cursor_s = 77});
    job_is(0, PURPOSE_MAIN, NOW_S - 10, NOW_S - 10);
    integration.has_start = true;
    integration.start_s = NOW_S - 5000;
    make(RUN_MAIN, NULL, (struct plan_input){.cursor_s = 77});
    job_is(0, PURPOSE_MAIN, NOW_S - 5000, NOW_S - 10);
    assert_int_equal(made.from_s, 77);
}

static void planned_backfill(void **state)
{
    struct run_options o = {.from_s = NOW_S - 100, .to_s = NOW_S - 50}, beyond = {.from_s = NOW_S - 100, .to_s = NOW_S},
                       ahead = {.from_s = NOW_S, .to_s = NOW_S + 50};
    const struct repair_range ranges[] = {{1, 2}, {7, 9}};
    const struct repair_rule rule = {.ranges = ranges, .n_ranges = 2};
    struct run_options repair = {.from_s = 0, .to_s = 10, .repair = &rule};

    (void)state;
    make(RUN_BACKFILL, &o, (struct plan_input){.cursor_s = NOW_S - 600});
    assert_int_equal(made.n, 1);
    job_is(0, PURPOSE_BACKFILL, NOW_S - 100, NOW_S - 50);
    make(RUN_BACKFILL, &beyond, (struct plan_input){.cursor_s = NOW_S - 600});
    job_is(0, PURPOSE_BACKFILL, NOW_S - 100, NOW_S - 10); /* what is younger than the lag is the main run's */
    make(RUN_BACKFILL, &ahead, (struct plan_input){.cursor_s = NOW_S - 600});
    assert_int_equal(made.n, 0);
    make(RUN_REPAIR, &repair, (struct plan_input){.cursor_s = NOW_S - 600});
    assert_int_equal(made.n, 2);
    job_is(0, PURPOSE_REPAIR, 1, 2);
    job_is(1, PURPOSE_REPAIR, 7, 9);
    assert_true(made.jobs[1].whole);
}

/* More gaps than a run takes: the rest, and the tiers, are left to the next. */
static void planned_for_many_gaps(void **state)
{
    static struct gap gaps[PLAN_JOBS_MAX + 5];
    const size_t which[] = {0, 1};

    (void)state;
    for (size_t i = 0; i < PLAN_JOBS_MAX + 5; i++)
        gaps[i] = (struct gap){.id = (int64_t)i + 1, .from_s = (int64_t)i, .to_s = (int64_t)i + 1};
    make(RUN_MAIN, NULL,
         (struct plan_input){
             .cursor_s = NOW_S - 600, .gaps = gaps, .n_gaps = PLAN_JOBS_MAX + 5, .tiers = which, .n_tiers = 2});
    assert_int_equal(made.n, PLAN_JOBS_MAX);
    assert_int_equal(made.n_tiers, 0);
    job_is(0, PURPOSE_MAIN, NOW_S - 900, NOW_S - 10);
    job_is(PLAN_JOBS_MAX - 1, PURPOSE_GAP, PLAN_JOBS_MAX - 2, PLAN_JOBS_MAX - 1);
    make(RUN_MAIN, NULL,
         (struct plan_input){.cursor_s = NOW_S - 600, .gaps = gaps, .n_gaps = 2, .tiers = which, .n_tiers = 2});
    assert_int_equal(made.n, 5);
    assert_int_equal(made.jobs[2].gap, 2);
    make(RUN_REMEDY, &(struct run_options){.reread = REREAD_DUE},
         (struct plan_input){.cursor_s = NOW_S - 600, .tiers = which, .n_tiers = 2});
    assert_int_equal(made.n, 2); /* tiers that are due, alone, with calls that are left over */
    assert_true(made.jobs[0].spare);
}

/* A range that is empty has no window. */
static void nothing_to_read(void **state)
{
    const struct reading_range range = {.windowed = true, .from_s = 5, .to_s = 4};
    const struct pager_plan plan = {.paging = &paging, .size = 10};
    struct reading g;

    (void)state;
    reading_init(&g);
    reading_begin(&g, &range, &plan);
    assert_null(g.walk);
    reading_clear(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(due, setup, teardown),
                                       cmocka_unit_test_setup_teardown(planned, setup, teardown),

                                       cmocka_unit_test_setup_teardown(planned_range, setup, teardown),
                                       cmocka_unit_test_setup_teardown(planned_cursor, setup, teardown),
                                       cmocka_unit_test_setup_teardown(planned_backfill, setup, teardown),
                                       cmocka_unit_test_setup_teardown(planned_for_many_gaps, setup, teardown),
                                       cmocka_unit_test_setup_teardown(nothing_to_read, setup, teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
