/* The index of kept records: versions newest first over many groups, fates over parts that were written again, batches
 * by place, cutting back, forgetting. */
#include "store/records.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#undef fail

#include "base/clock.h"
#include "test_store_fixture.h"

static struct folder dir;
static struct errinfo ei;
static struct arena *a;
static struct records *r;

static int set_up(void **state)
{
    (void)state;
    folder_make(&dir);
    a = arena_new((size_t)64 << 20);
    return records_open(dir.path, S("orders"), false, &r, &ei) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    records_close(r);
    folder_drop(&dir);
    arena_free(a);
    return 0;
}

/* `n` records of a page from `row` on, each with a key of its own and this fate. */
static void add(int64_t page, int32_t row, size_t n, enum record_fate_kind fate, uint16_t detail)
{
    static struct record_note notes[5000];

    for (size_t i = 0; i < n; i++)
        notes[i] =
            (struct record_note){(uint64_t)(row + (int32_t)i) + 1000, page, row + (int32_t)i, (uint16_t)fate, detail};
    assert_int_equal(records_add(r, notes, n, (struct records_reach){page, row + (int32_t)n}, &ei), OK);
}

static void expect_fate(int64_t page, int32_t row, int fate, int detail)
{
    struct record_note note = {0};
    bool known;

    assert_int_equal(records_fate(r, (struct records_place){page, row}, &note, &known, &ei), OK);
    assert_int_equal(known, fate >= 0);
    if (fate >= 0) {
        assert_int_equal(note.fate, fate);
        assert_int_equal(note.detail, detail);
    }
}

static void versions_newest_first(void **state)
{
    struct records_place *at;
    size_t n;

    (void)state;
    for (int64_t page = 1; page <= 40; page++) /* some groups, and some in the recent ones */
        add(page, 0, 2000, FATE_SENT, 0);
    add(40, 7, 1, FATE_SENT, 0); /* again: one place stays one */
    assert_int_equal(records_find(r, 1007, a, &at, &n, &ei), OK);
    assert_int_equal(n, 40);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(at[i].page, 40 - (int64_t)i);
        assert_int_equal(at[i].row, 7);
    }
    assert_int_equal(records_find(r, 99, a, &at, &n, &ei), OK);
    assert_int_equal(n, 0);
    records_close(r);
    assert_int_equal(records_open(dir.path, S("orders"), true, &r, &ei), OK);
    assert_int_equal(records_find(r, 1007, a, &at, &n, &ei), OK);
    assert_int_equal(n, 40);
}

static void fates_of_parts(void **state)
{
    struct records_reach to = {0};

    (void)state;
    add(1, 0, 10, FATE_FILTERED, 5);
    add(1, 10, 10, FATE_DEAD, FATE_DETAIL_MAX);
    expect_fate(1, 0, FATE_FILTERED, 5);
    expect_fate(1, 9, FATE_FILTERED, 5);
    expect_fate(1, 10, FATE_DEAD, FATE_DETAIL_MAX);
    expect_fate(1, 20, -1, 0);
    expect_fate(2, 0, -1, 0);
    assert_int_equal(records_cut(r, (struct records_reach){1, 5}, &ei), OK);
    assert_int_equal(records_reached(r, &to, &ei), OK);
    assert_int_equal(to.page, 1);
    assert_int_equal(to.row, 5);
    expect_fate(1, 12, -1, 0);
    add(1, 5, 3, FATE_SENT, 0); /* in other parts than before */
    expect_fate(1, 4, FATE_FILTERED, 5);
    expect_fate(1, 5, FATE_SENT, 0);
}

static void expect_batch(int64_t page, int32_t row, int64_t batch)
{
    struct records_batch b = {0};
    bool known;

    assert_int_equal(records_batch_of(r, (struct records_place){page, row}, &b, &known, &ei), OK);
    assert_int_equal(known, batch > 0);
    if (batch > 0)
        assert_int_equal(b.batch, batch);
}

static void batches_by_place(void **state)
{
    struct records_batch one = {.to = {3, 50}, .batch = 1, .committed_ms = 11},
                         two = {.to = {4, INT32_MAX}, .batch = 2, .committed_ms = 12};

    (void)state;
    assert_int_equal(records_committed(r, &one, &ei), OK);
    assert_int_equal(records_committed(r, &two, &ei), OK);
    expect_batch(1, 0, 1);
    expect_batch(3, 49, 1);
    expect_batch(3, 50, 2);
    expect_batch(4, 1000, 2);
    expect_batch(5, 0, 0);
    assert_int_equal(records_cut(r, (struct records_reach){3, 50}, &ei), OK);
    expect_batch(3, 49, 1);
    expect_batch(3, 50, 0);
}

static void expect_rewrites(int64_t page, int32_t row, size_t n, int64_t last)
{
    struct records_batch *found;
    size_t found_n;

    assert_int_equal(records_rewrites_of(r, (struct records_place){page, row}, a, &found, &found_n, &ei), OK);
    assert_int_equal(found_n, n);
    if (n)
        assert_int_equal(found[n - 1].batch, last);
}

static void written_again(void **state)
{
    const struct records_place at[] = {{3, 4}, {3, 5}, {3, 7}, {4, 8}, {9, 0}};

    (void)state;
    assert_int_equal(records_rewritten(r, at, 5, &(struct records_batch){.batch = 7, .run = 3}, &ei), OK);
    assert_int_equal(records_rewritten(r, at, 1, &(struct records_batch){.batch = 8, .run = 4}, &ei), OK);
    expect_rewrites(3, 3, 0, 0);
    expect_rewrites(3, 4, 2, 8);
    expect_rewrites(3, 5, 1, 7);
    expect_rewrites(3, 6, 0, 0);
    expect_rewrites(3, 7, 1, 7);
    expect_rewrites(4, 8, 1, 7);
    expect_rewrites(9, 0, 1, 7);
    assert_int_equal(records_prune(r, 4, &ei), OK);
    expect_rewrites(3, 4, 0, 0);
    expect_rewrites(4, 8, 1, 7);
}

static void terms_by_mapping(void **state)
{
    struct str terms[] = {S("labels notlike 线上发货"), S("b eq 1")}, text;

    (void)state;
    assert_int_equal(records_name_terms(r, 7, terms, 2, &ei), OK);
    assert_int_equal(records_name_terms(r, 7, terms, 2, &ei), OK);
    assert_int_equal(records_term(r, 7, 1, a, &text, &ei), OK);
    assert_true(str_eq(text, S("b eq 1")));
    assert_int_equal(records_term(r, 8, 1, a, &text, &ei), OK);
    assert_null(text.p);
}

static void forgotten_with_the_journal(void **state)
{
    struct records_place *at;
    size_t n;

    (void)state;
    for (int64_t page = 1; page <= 40; page++)
        add(page, 0, 2000, FATE_SENT, 0);
    assert_int_equal(records_prune(r, 30, &ei), OK);
    expect_fate(29, 0, -1, 0);
    expect_fate(30, 0, FATE_SENT, 0);
    assert_int_equal(records_find(r, 1007, a, &at, &n, &ei), OK);
    assert_in_range(n, 11, 39); /* whole groups go */
    assert_int_equal(at[0].page, 40);
    assert_int_equal(at[10].page, 30);
}

static void nothing_kept_yet(void **state)
{
    struct records *none = r;

    (void)state;
    assert_int_equal(records_open(dir.path, S("others"), true, &none, &ei), OK);
    assert_null(none);
}

/* Printed, not judged: machines differ. */
static void speed(void **state)
{
    enum { BATCHES = 300, EACH = 1000 };
    static struct record_note notes[EACH];
    int64_t began = clock_mono(&clock_system), made;
    struct records_place *at;
    size_t n;

    (void)state;
    for (int64_t page = 1; page <= BATCHES; page++) {
        for (int32_t i = 0; i < EACH; i++) {
            char key[24];
            int w = snprintf(key, sizeof key, "%lld", (long long)(page * EACH + i));

            notes[i] = (struct record_note){.hash = records_hash(str_mk(key, (size_t)w)), .page = page, .row = i};
        }
        assert_int_equal(records_add(r, notes, EACH, (struct records_reach){page, INT32_MAX}, &ei), OK);
        assert_int_equal(records_committed(r, &(struct records_batch){.to = {page, INT32_MAX}, .batch = page}, &ei),
                         OK);
    }
    made = clock_mono(&clock_system);
    for (int i = 0; i < EACH; i++)
        assert_int_equal(records_find(r, notes[i].hash, a, &at, &n, &ei), OK);
    print_message("records: %.2f us a record noted, %.0f us a lookup in %d records\n",
                  (double)(made - began) * 1000 / (BATCHES * EACH),
                  (double)(clock_mono(&clock_system) - made) * 1000 / EACH, BATCHES * EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions_newest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fates_of_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches_by_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(written_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(terms_by_mapping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgotten_with_the_journal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_kept_yet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(speed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
