/* What the state keeps of windows and of figures that outlive runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "store/store.h"

#include <cmocka.h>

#include "test_store_fixture.h"

static struct folder dir;
static struct errinfo ei;
static struct arena *a;

static int setup(void **state)
{
    (void)state;
    folder_make(&dir);
    a = arena_new(64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_drop(&dir);
    arena_free(a);
    return 0;
}

static struct store *open_store(void)
{
    struct store *s = NULL;
    assert_ok(store_open(in(&dir, ".sluice"), false, &s, &ei), ei);
    return s;
}

static struct store *reopen(struct store *s)
{
    store_close(s);
    return open_store();
}

static struct window_proof proof(int64_t mark, int64_t from_s, int64_t to_s, bool verified)
{
    return (struct window_proof){.mark = mark,
                                 .run = 7,
                                 .purpose = 3,
                                 .from_s = from_s,
                                 .to_s = to_s,
                                 .total_before = -1,
                                 .total_after = 12,
                                 .pages = 1,
                                 .ids = 12,
                                 .records = 13,
                                 .folded = 1,
                                 .filtered = 2,
                                 .repeats = 3,
                                 .shaped = 6,
                                 .dead_records = 1,
                                 .rows = 11,
                                 .dead_rows = 4,
                                 .missing = 5,
                                 .whole = true,
                                 .verified = verified,
                                 .why = verified ? S("") : S("it moved"),
                                 .at_ms = mark * 1000};
}

static size_t count_windows(struct store *s, bool open)
{
    struct window_proof *w = NULL;
    size_t n = 99;
    assert_ok(store_windows(s, &(struct window_query){.integration = S("a"), .open = open}, a, &w, &n, &ei), ei);
    return n;
}

static void windows(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct window_proof *w = NULL, one = proof(10, 100, 200, false);
    size_t n = 99;
    assert_int_equal(count_windows(s, false), 0);
    assert_ok(store_window_add(s, S("a"), &one, &ei), ei);
    one = proof(20, 200, 300, true);
    one.rows = 1;
    assert_ok(store_window_add(s, S("a"), &one, &ei), ei);
    one.rows = 2;
    assert_ok(store_window_add(s, S("a"), &one, &ei), ei);
    assert_ok(store_window_add(s, S("b"), &one, &ei), ei);
    s = reopen(s);
    assert_ok(store_windows(s, &(struct window_query){.integration = S("a")}, a, &w, &n, &ei), ei);
    assert_int_equal(n, 2);
    assert_int_equal(w[0].mark, 20);
    assert_int_equal(w[0].rows, 2);
    assert_true(w[0].verified);
    assert_int_equal(w[0].why.n, 0);
    one = proof(10, 100, 200, false);
    assert_str(w[1].why, "it moved");
    const int64_t found[] = {w[1].mark,         w[1].run,          w[1].purpose,   w[1].from_s,   w[1].to_s,
                             w[1].total_before, w[1].pages,        w[1].ids,       w[1].records,  w[1].folded,
                             w[1].filtered,     w[1].repeats,      w[1].shaped,    w[1].rows,     w[1].missing,
                             w[1].whole,        w[1].dead_records, w[1].dead_rows, w[1].verified, w[1].at_ms,
                             w[1].total_after};
    const int64_t wanted[] = {one.mark,     one.run,   one.purpose,    one.from_s, one.to_s,         one.total_before,
                              one.pages,    one.ids,   one.records,    one.folded, one.filtered,     one.repeats,
                              one.shaped,   one.rows,  one.missing,    one.whole,  one.dead_records, one.dead_rows,
                              one.verified, one.at_ms, one.total_after};
    assert_memory_equal(found, wanted, sizeof wanted);
    assert_ok(store_windows(s, &(struct window_query){.integration = S("a"), .limit = 1}, a, &w, &n, &ei), ei);
    assert_int_equal(n, 1);
    assert_ok(store_windows(s, &(struct window_query){.integration = S("a"), .before = 20}, a, &w, &n, &ei), ei);
    assert_int_equal(n, 1);
    assert_int_equal(w[0].mark, 10);
    store_close(s);
}

/* A window stays open until a later verified one covers it, or its gap is closed. */
static void windows_that_stay_open(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct window_proof late = proof(10, 100, 200, false), other = proof(11, 500, 600, false);
    struct window_proof half = proof(12, 100, 150, true), whole = proof(13, 90, 200, true);
    struct gap *g = NULL;
    size_t n = 0;
    assert_ok(store_window_add(s, S("a"), &late, &ei), ei);
    assert_ok(store_window_add(s, S("a"), &other, &ei), ei);
    assert_int_equal(count_windows(s, true), 2);
    assert_ok(store_window_add(s, S("a"), &half, &ei), ei);
    assert_int_equal(count_windows(s, true), 2);
    assert_ok(store_window_add(s, S("a"), &whole, &ei), ei);
    assert_int_equal(count_windows(s, true), 1);
    assert_ok(store_gap_add(s, S("a"), &(struct gap){.from_s = 500, .to_s = 600, .created_ms = 11000}, &ei), ei);
    assert_int_equal(count_windows(s, true), 1);
    assert_ok(store_gaps(s, S("a"), a, &g, &n, &ei), ei);
    assert_ok(store_gap_close(s, g[0].id, 12000, &ei), ei);
    assert_int_equal(count_windows(s, true), 0);
    assert_ok(store_prune(s, 12500, &n, &ei), ei);
    assert_int_equal(count_windows(s, false), 1);
    store_close(s);
}

static void metrics(void **state)
{
    (void)state;
    struct store *s = open_store();
    const struct metric some[] = {{S("late"), 3, 10, false}, {S("late"), -1, 2, false}, {S("late_max"), 0, 70, true}};
    const struct metric more[] = {{S("late"), 3, 5, false}, {S("late_max"), 0, 60, true}};
    struct metrics m = {.n = 99};
    assert_ok(store_metrics(s, S("a"), S("late"), a, &m, &ei), ei);
    assert_int_equal(m.n, 0);
    assert_ok(store_metrics_add(s, S("a"), some, 3, &ei), ei);
    assert_ok(store_metrics_add(s, S("a"), more, 2, &ei), ei);
    assert_ok(store_metrics_add(s, S("b"), more, 2, &ei), ei);
    s = reopen(s);
    assert_ok(store_metrics(s, S("a"), S("late"), a, &m, &ei), ei);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.at[0].bucket, -1);
    assert_int_equal(m.at[0].value, 2);
    assert_int_equal(m.at[1].value, 15);
    assert_ok(store_metrics(s, S("a"), S("late_max"), a, &m, &ei), ei);
    assert_int_equal(m.at[0].value, 70);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(windows, setup, teardown),
        cmocka_unit_test_setup_teardown(windows_that_stay_open, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
