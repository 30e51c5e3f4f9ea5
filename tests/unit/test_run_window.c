/* From a range to windows and halves: no hole, no overlap but the shared edge, an end. */
#include "table.h"

#include "run/window.h"

static void expect(struct walk *w, int64_t from_s, int64_t to_s)
{
    struct window win;

    assert_true(walk_next(w, &win));
    assert_int_equal(win.from_s, from_s);
    assert_int_equal(win.to_s, to_s);
}

static void expect_end(struct walk *w)
{
    struct window win;

    assert_false(walk_next(w, &win));
    assert_false(walk_narrow(w));
    walk_done(w);
    assert_false(walk_next(w, &win));
    assert_int_equal(walk_permille(w), 1000);
    walk_free(w);
}

static void slices(void **state)
{
    struct walk *w = walk_new(1000, 2500, 700);

    (void)state;
    expect(w, 1000, 1700);
    expect(w, 1000, 1700); /* the same until it is done */
    assert_int_equal(walk_permille(w), 0);
    walk_done(w);
    expect(w, 1700, 2400);
    walk_done(w);
    expect(w, 2400, 2500);
    assert_int_equal(walk_permille(w), 933);
    assert_int_equal(walk_planned(w), 3);
    walk_done(w);
    expect_end(w);
}

static void whole_and_single(void **state)
{
    struct walk *w = walk_new(5, 100000000, 0);

    (void)state;
    expect(w, 5, 100000000);
    walk_done(w);
    expect_end(w);
    w = walk_new(7, 7, 60); /* one second */
    expect(w, 7, 7);
    assert_int_equal(walk_permille(w), 0);
    walk_done(w);
    expect_end(w);
    w = walk_new(0, 60, 60); /* exactly one slice, no empty one behind it */
    expect(w, 0, 60);
    walk_done(w);
    expect_end(w);
    w = walk_new(8, 7, 0);
    expect_end(w);
    walk_free(NULL);
}

static void halves(void **state)
{
    struct walk *w = walk_new(0, 5, 0);

    (void)state;
    assert_true(walk_narrow(w));
    expect(w, 0, 2);
    assert_true(walk_narrow(w));
    expect(w, 0, 1);
    walk_done(w);
    expect(w, 1, 2);
    walk_done(w);
    expect(w, 2, 5);
    assert_true(walk_narrow(w));
    expect(w, 2, 3);
    walk_done(w);
    expect(w, 3, 5);
    assert_int_equal(walk_planned(w), 7);
    walk_done(w);
    expect_end(w);
}

static void the_narrowest_is_tried_again(void **state)
{
    struct walk *w = walk_new(10, 11, 0);
    struct window win;

    (void)state;
    for (int attempt = 0; attempt < WINDOW_ATTEMPTS; attempt++) {
        assert_true(walk_next(w, &win));
        assert_int_equal(win.attempt, attempt);
        assert_false(win.may_narrow);
        assert_int_equal(walk_narrow(w), attempt + 1 < WINDOW_ATTEMPTS);
    }
    walk_done(w);
    expect_end(w);
}

/* A century, halved wherever it can be, on one path down: the stack holds. */
static void deep(void **state)
{
    const int64_t from_s = -62135596800, to_s = 253402300799;
    struct walk *w = walk_new(from_s, to_s, 0);
    struct window win;
    int64_t edge_s = from_s;
    int n = 0;

    (void)state;
    for (;;) {
        assert_true(walk_next(w, &win));
        if (!win.may_narrow)
            break;
        assert_true(walk_narrow(w));
        n++;
    }
    assert_true(n < 64);
    while (walk_next(w, &win)) {
        assert_int_equal(win.from_s, edge_s);
        edge_s = win.to_s;
        walk_done(w);
    }
    assert_int_equal(edge_s, to_s);
    walk_free(w);
}

/* Reading again ends, sooner where nothing was ever whole; each slice begins with a budget of its own. */
static void budget(void **state)
{
    struct walk *w = walk_new(0, 2000000, 1000000);
    struct window win;
    int n = 0;

    (void)state;
    for (; walk_narrow(w); n++)
        continue;
    assert_int_equal(n, 19 + WINDOW_ATTEMPTS - 1);
    for (; walk_next(w, &win) && win.to_s < 1000000; walk_done(w))
        for (; walk_narrow(w); n++)
            continue;
    assert_int_equal(n, WINDOW_BUDGET);
    assert_true(walk_is_spent(w));
    assert_false(win.may_narrow);
    assert_false(walk_narrow(w));
    walk_verified(w);
    assert_false(walk_is_spent(w));
    walk_done(w);
    assert_true(walk_next(w, &win));
    assert_int_equal(win.from_s, 1000000);
    assert_true(win.may_narrow);
    for (n = 0; walk_narrow(w); n++)
        walk_verified(w);
    assert_true(n > 20);
    walk_free(w);
}

/* Any order of halving leaves no hole, and permille only grows. */
static void random_walks(void **state)
{
    uint64_t rng = 42;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        int64_t to_s = (int64_t)(i % 300), edge_s = 0;
        struct walk *w = walk_new(0, to_s, i % 7 * 10);
        struct window win;
        int permille = 0;

        while (walk_next(w, &win)) {
            assert_int_equal(win.from_s, edge_s);
            assert_true(win.to_s >= win.from_s && win.to_s <= to_s);
            assert_true(i % 7 == 0 || win.to_s - win.from_s <= i % 7 * 10);
            assert_true(walk_permille(w) >= permille);
            permille = walk_permille(w);
            rng = rng * 6364136223846793005u + 1442695040888963407u;
            if ((rng >> 40) % 3 && walk_narrow(w))
                continue;
            edge_s = win.to_s;
            walk_done(w);
        }
        assert_int_equal(edge_s, to_s);
        walk_free(w);
    }
}

static void slice_widths(void **state)
{
    (void)state;
    assert_int_equal(window_slice_s(0), 0);
    assert_int_equal(window_slice_s(-5), 0);
    assert_int_equal(window_slice_s(7 * 86400000ll), 7 * 86400 - 1);
    assert_int_equal(window_slice_s(1), WINDOW_NARROWEST_S);
    assert_int_equal(window_slice_s(1500), WINDOW_NARROWEST_S);
    assert_int_equal(window_slice_s(INT64_MAX), INT64_MAX / 1000 - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices),       cmocka_unit_test(whole_and_single),
        cmocka_unit_test(halves),       cmocka_unit_test(the_narrowest_is_tried_again),
        cmocka_unit_test(deep),         cmocka_unit_test(budget),
        cmocka_unit_test(random_walks), cmocka_unit_test(slice_widths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
