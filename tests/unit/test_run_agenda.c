/* Whose turn it is: days of schedules, with tasks that take time, on an injected clock. */
#include "table.h"

#include "run/agenda.h"

#include <string.h>

#define SECOND  INT64_C(1000)
#define MINUTE  (60 * SECOND)
#define HOUR    (60 * MINUTE)
#define NOON_MS INT64_C(1795334400000) /* 2026-11-22 08:00:00 UTC */

static struct agenda *agenda;
static struct task_end well = {.tiers_ms = INT64_MAX, .rest_from_s = INT64_MIN};

static void put(const char *name, const char *source, const char *crontab)
{
    struct agenda_entry e = {
        .name = str_of(name), .source = str_of(source), .ran_ms = NOON_MS - 1, .tiers_ms = INT64_MAX};
    const char *why;

    e.has_main = crontab && crontab_parse(str_of(crontab), &e.main, &why);
    agenda_put(agenda, &e, NOON_MS);
}

static int setup(void **state)
{
    (void)state;
    agenda = agenda_new(3, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    agenda_free(agenda);
    return 0;
}

/* Takes a task that must be there. */
static struct task take(int64_t now)
{
    const struct task *t = NULL;

    assert_true(agenda_take(agenda, now, &t));
    return *t;
}

static void none(int64_t now)
{
    const struct task *t;

    assert_false(agenda_take(agenda, now, &t));
}

static void is(struct task t, const char *name, enum task_kind kind)
{
    assert_true(str_eq(t.integration, str_of(name)));
    assert_int_equal(t.kind, kind);
}

static int64_t ask(const char *name, enum task_kind kind, int64_t from_s, int64_t now)
{
    return agenda_ask(agenda,
                      &(struct task){.integration = str_of(name), .kind = kind, .from_s = from_s, .asked = true}, now);
}

static void an_hour_of_schedules(void **state)
{
    int runs[2] = {0};

    (void)state;
    put("a", "s", "*/5 * * * *");
    put("b", "s", "@every 30s");
    for (int64_t now = NOON_MS; now < NOON_MS + HOUR;) {
        const struct task *t;

        while (agenda_take(agenda, now, &t)) {
            runs[str_eq(t->integration, S("b"))]++;
            agenda_done(agenda, t->id, &well, now);
        }
        assert_true(agenda_wake_ms(agenda) > now);
        now = agenda_wake_ms(agenda);
    }
    assert_int_equal(runs[0], 12);
    assert_int_equal(runs[1], 120);
}

static void never_twice_at_once(void **state)
{
    struct task first, again;

    (void)state;
    put("a", "s", "*/5 * * * *");
    first = take(NOON_MS);
    none(NOON_MS + 5 * MINUTE);
    none(NOON_MS + 25 * MINUTE);
    agenda_done(agenda, first.id, &well, NOON_MS + 26 * MINUTE);
    again = take(NOON_MS + 26 * MINUTE); /* five were missed, one is made up for */
    is(again, "a", TASK_MAIN);
    agenda_done(agenda, again.id, &well, NOON_MS + 27 * MINUTE);
    none(NOON_MS + 27 * MINUTE);
    assert_int_equal(agenda_wake_ms(agenda), NOON_MS + 30 * MINUTE);
}

static void made_up_after_a_stop(void **state)
{
    struct agenda_entry e = {
        .name = S("a"), .source = S("s"), .has_main = true, .tiers_ms = INT64_MAX, .ran_ms = NOON_MS - 26 * HOUR};
    const char *why;

    (void)state;
    assert_true(crontab_parse(S("0 2 * * *"), &e.main, &why));
    agenda_put(agenda, &e, NOON_MS);
    is(take(NOON_MS), "a", TASK_MAIN);
    e.name = S("in time");
    e.ran_ms = NOON_MS - HOUR;
    agenda_put(agenda, &e, NOON_MS);
    none(NOON_MS);
    e.name = S("new");
    e.ran_ms = INT64_MIN;
    agenda_put(agenda, &e, NOON_MS);
    is(take(NOON_MS), "new", TASK_MAIN);
    e.name = S("off");
    e.source = S("another");
    e.off = true;
    agenda_put(agenda, &e, NOON_MS);
    none(NOON_MS);
    e.off = false;
    agenda_put(agenda, &e, NOON_MS);
    is(take(NOON_MS), "off", TASK_MAIN);
}

/* Two turns at a source: a third waits, and others of another source do not. */
static void turns_are_fair(void **state)
{
    struct task a, b;

    (void)state;
    put("a", "s", NULL);
    put("b", "s", NULL);
    put("c", "s", NULL);
    put("d", "s", NULL);
    put("e", "other", NULL);
    put("f", "other", NULL);
    ask("a", TASK_MAIN, 0, NOON_MS);
    ask("b", TASK_MAIN, 0, NOON_MS + 1);
    ask("d", TASK_BACKFILL, 7, NOON_MS + 2);
    ask("c", TASK_MAIN, 0, NOON_MS + 3);
    a = take(NOON_MS + 4);
    is(a, "a", TASK_MAIN);
    b = take(NOON_MS + 4);
    is(b, "b", TASK_MAIN);
    none(NOON_MS + 4);
    ask("e", TASK_MAIN, 0, NOON_MS + 5);
    ask("f", TASK_MAIN, 0, NOON_MS + 6);
    is(take(NOON_MS + 6), "e", TASK_MAIN);
    none(NOON_MS + 6); /* all three workers are busy */
    agenda_done(agenda, b.id, &well, NOON_MS + 7);
    is(take(NOON_MS + 7), "c", TASK_MAIN); /* it came later than the backfill, and goes before it */
    agenda_done(agenda, a.id, &well, NOON_MS + 8);
    is(take(NOON_MS + 8), "f", TASK_MAIN);
    none(NOON_MS + 8);
}

static void a_backfill_gives_way(void **state)
{
    struct task t;
    struct task_end rest = {.tiers_ms = INT64_MAX, .rest_from_s = 500};

    (void)state;
    put("a", "s", "*/5 * * * *");
    agenda_done(agenda, take(NOON_MS).id, &well, NOON_MS);
    ask("a", TASK_BACKFILL, 100, NOON_MS);
    t = take(NOON_MS + 1);
    is(t, "a", TASK_BACKFILL);
    assert_false(agenda_in_the_way(agenda, t.id));
    none(NOON_MS + 5 * MINUTE);
    assert_true(agenda_in_the_way(agenda, t.id));
    agenda_done(agenda, t.id, &rest, NOON_MS + 5 * MINUTE);
    t = take(NOON_MS + 5 * MINUTE);
    is(t, "a", TASK_MAIN);
    none(NOON_MS + 5 * MINUTE);
    agenda_done(agenda, t.id, &well, NOON_MS + 6 * MINUTE);
    t = take(NOON_MS + 6 * MINUTE);
    is(t, "a", TASK_BACKFILL);
    assert_int_equal(t.from_s, 500);
}

/* The same at another integration that has no turn. */
static void a_backfill_gives_way_to_others(void **state)
{
    struct task one, two;

    (void)state;
    put("a", "s", NULL);
    put("b", "s", NULL);
    put("c", "s", NULL);
    ask("a", TASK_BACKFILL, 1, NOON_MS);
    ask("b", TASK_BACKFILL, 1, NOON_MS);
    one = take(NOON_MS);
    two = take(NOON_MS);
    ask("c", TASK_BACKFILL, 1, NOON_MS);
    assert_false(agenda_in_the_way(agenda, one.id));
    ask("c", TASK_MAIN, 0, NOON_MS);
    assert_true(agenda_in_the_way(agenda, one.id));
    assert_true(agenda_in_the_way(agenda, two.id));
    agenda_done(agenda, two.id, &well, NOON_MS);
    is(take(NOON_MS), "c", TASK_MAIN);
    assert_false(agenda_in_the_way(agenda, one.id));
}

static void asked_twice_done_once(void **state)
{
    int64_t first, other;

    (void)state;
    put("a", "s", NULL);
    first = ask("a", TASK_BACKFILL, 1, NOON_MS);
    other = ask("a", TASK_BACKFILL, 2, NOON_MS);
    assert_int_equal(ask("a", TASK_BACKFILL, 1, NOON_MS), first);
    assert_int_not_equal(other, first);
    assert_int_equal(ask("nobody", TASK_MAIN, 0, NOON_MS), 0);
    assert_true(agenda_cancel(agenda, other));
    assert_false(agenda_cancel(agenda, other));
    assert_null(agenda_task(agenda, other));
    assert_int_equal(take(NOON_MS).id, first);
    assert_non_null(agenda_task(agenda, first));
    none(NOON_MS);
    assert_false(agenda_cancel(agenda, first));
}

static void a_failed_run_is_due_sooner(void **state)
{
    struct task_end failed = {.tiers_ms = INT64_MAX, .rest_from_s = INT64_MIN, .retry_ms = NOON_MS + 20 * SECOND};
    struct agenda_state look;

    (void)state;
    put("a", "s", "0 * * * *");
    agenda_done(agenda, take(NOON_MS).id, &failed, NOON_MS + 1);
    assert_int_equal(agenda_wake_ms(agenda), NOON_MS + 20 * SECOND);
    agenda_done(agenda, take(NOON_MS + 20 * SECOND).id, &well, NOON_MS + 21 * SECOND);
    assert_true(agenda_look(agenda, S("a"), &look));
    assert_int_equal(look.next_ms, NOON_MS + HOUR);
    failed.retry_ms = NOON_MS + 5 * HOUR; /* later than the schedule: the schedule comes first */
    agenda_done(agenda, take(NOON_MS + HOUR).id, &failed, NOON_MS + HOUR);
    assert_int_equal(agenda_wake_ms(agenda), NOON_MS + 2 * HOUR);
}

static void tiers_and_targets_have_their_own_time(void **state)
{
    struct agenda_entry e = {.name = S("a"),
                             .source = S("s"),
                             .has_main = true,
                             .has_target = true,
                             .tiers_ms = NOON_MS + 30 * MINUTE,
                             .ran_ms = NOON_MS};
    struct task_end next = {.tiers_ms = NOON_MS + 2 * HOUR + 30 * SECOND, .rest_from_s = INT64_MIN};
    const char *why;
    struct task t;

    (void)state;
    assert_true(crontab_parse(S("0 * * * *"), &e.main, &why) && crontab_parse(S("45 * * * *"), &e.target, &why));
    agenda_put(agenda, &e, NOON_MS);
    assert_int_equal(agenda_wake_ms(agenda), NOON_MS + 30 * MINUTE);
    t = take(NOON_MS + 30 * MINUTE);
    is(t, "a", TASK_TIERS);
    agenda_done(agenda, t.id, &next, NOON_MS + 31 * MINUTE);
    t = take(NOON_MS + 45 * MINUTE);
    is(t, "a", TASK_WRITE);
    agenda_done(agenda, t.id, &next, NOON_MS + 46 * MINUTE);
    t = take(NOON_MS + HOUR);
    is(t, "a", TASK_MAIN);
    agenda_done(agenda, t.id, &next, NOON_MS + 61 * MINUTE);
    is(take(NOON_MS + 105 * MINUTE), "a", TASK_WRITE);
    /* the tier half a minute after the hour is read behind the main run of the hour */
    assert_int_equal(agenda_wake_ms(agenda), NOON_MS + 2 * HOUR);
}

static void dropped_while_it_runs(void **state)
{
    struct task t;

    (void)state;
    put("a", "s", "* * * * *");
    t = take(NOON_MS);
    ask("a", TASK_RETRY, 0, NOON_MS);
    agenda_drop(agenda, S("a"));
    assert_int_equal(agenda_wake_ms(agenda), INT64_MAX);
    agenda_done(agenda, t.id, &well, NOON_MS);
    none(NOON_MS + HOUR);
    put("a", "s", "* * * * *");
    is(take(NOON_MS + HOUR), "a", TASK_MAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_hour_of_schedules, setup, teardown),
        cmocka_unit_test_setup_teardown(never_twice_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(made_up_after_a_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(turns_are_fair, setup, teardown),
        cmocka_unit_test_setup_teardown(a_backfill_gives_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_backfill_gives_way_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(asked_twice_done_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_run_is_due_sooner, setup, teardown),
        cmocka_unit_test_setup_teardown(tiers_and_targets_have_their_own_time, setup, teardown),
        cmocka_unit_test_setup_teardown(dropped_while_it_runs, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
