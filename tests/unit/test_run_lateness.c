/* How late records become visible: buckets, and what is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "run/lateness.h"

#include <cmocka.h>

#include "test_store_fixture.h"

static void quantiles(void **state)
{
    struct lateness l = {0};

    (void)state;
    assert_int_equal(lateness_within_s(&l, 999), 0);
    for (int i = 0; i < 990; i++)
        lateness_on_time(&l);
    assert_int_equal(lateness_within_s(&l, 1000), 0);
    for (int i = 0; i < 9; i++)
        lateness_late(&l, 5, 1);
    lateness_late(&l, 1000, 700);
    assert_int_equal(lateness_count(&l), 1000);
    assert_int_equal(lateness_late_ones(&l), 10);
    assert_int_equal(lateness_within_s(&l, 500), 0);
    assert_int_equal(lateness_within_s(&l, 990), 0);
    assert_int_equal(lateness_within_s(&l, 999), 7);
    assert_int_equal(lateness_within_s(&l, 1000), 1000);
    assert_int_equal(l.behind_max_s, 700);
}

static void edges(void **state)
{
    static const struct {
        int64_t late_s;
        int bucket;
    } rows[] = {{0, 1}, {1, 1}, {2, 2}, {3, 2}, {4, 3}, {1023, 10}, {1024, 11}, {INT64_MAX, LATENESS_BUCKETS - 1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct lateness l = {0};

        lateness_late(&l, rows[i].late_s, 0);
        assert_int_equal(l.bucket[rows[i].bucket], 1);
    }
}

static void kept(void **state)
{
    struct folder dir;
    struct store *s = NULL;
    struct errinfo ei;
    struct lateness l = {0}, found;
    struct arena *a = arena_new(1 << 20);

    (void)state;
    folder_make(&dir);
    assert_ok(store_open(in(&dir, ".sluice"), false, &s, &ei), ei);
    assert_ok(lateness_recall(s, S("a"), a, &found, &ei), ei);
    assert_int_equal(lateness_count(&found), 0);
    lateness_on_time(&l);
    lateness_late(&l, 100, 60);
    assert_ok(lateness_keep(&l, s, S("a"), &ei), ei);
    l.behind_max_s = 30;
    assert_ok(lateness_keep(&l, s, S("a"), &ei), ei);
    assert_ok(lateness_recall(s, S("a"), a, &found, &ei), ei);
    assert_int_equal(lateness_count(&found), 4);
    assert_int_equal(lateness_late_ones(&found), 2);
    assert_int_equal(found.max_s, 100);
    assert_int_equal(found.behind_max_s, 60);
    store_close(s);
    arena_free(a);
    folder_drop(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quantiles), cmocka_unit_test(edges), cmocka_unit_test(kept)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
