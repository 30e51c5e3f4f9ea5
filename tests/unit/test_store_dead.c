/* Dead letters: added, replaced, known again, edited, settled and forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "store/store.h"

#include <cmocka.h>

#include "test_store_fixture.h"
#include "test_store_letter.h"

static struct folder dir;
static struct errinfo ei;
static struct arena *a;
static const struct str any = {NULL, 0};

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

static struct dead_letter *dead(struct store *s, struct dead_query q, size_t want)
{
    struct dead_letter *d = NULL;
    size_t n = 0;
    assert_ok(store_dead_list(s, &q, a, &d, &n, &ei), ei);
    assert_int_equal(n, want);
    return d;
}

static void dead_letters(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct dead_letter d[4] = {letter("k1", 1, 0, -1), letter("k1", 2, 0, 0), letter("k2", 2, 1, 3),
                               letter("k1", 9, 0, 0)};
    int64_t n_open = -1;
    d[3].version = S("w");
    assert_ok(store_dead_count(s, S("a"), &n_open, &ei), ei);
    assert_int_equal(n_open, 0);
    assert_ok(store_dead_add(s, S("a"), d, 4, &ei), ei);
    assert_ok(store_dead_add(s, S("b"), d, 1, &ei), ei);
    d[2].reason = S("still too long");
    assert_ok(store_dead_add(s, S("a"), &d[2], 1, &ei), ei); /* the same place: replaces */
    assert_ok(store_dead_count(s, S("a"), &n_open, &ei), ei);
    assert_int_equal(n_open, 4);
    s = reopen(s);
    struct dead_letter *got = dead(s, (struct dead_query){.integration = S("a")}, 4);
    assert_str(got[2].reason, "still too long");
    assert_str(got[2].key, "k2");
    assert_str(got[2].integration, "a");
    assert_true(got[2].page == 2 && got[2].row == 1 && got[2].line == 3 && got[2].created_ms == 5 &&
                got[2].state == DEAD_OPEN);
    dead(s, (struct dead_query){.integration = any}, 5);
    dead(s, (struct dead_query){.integration = S("a"), .limit = 3}, 3);
    dead(s, (struct dead_query){.integration = S("a"), .after_id = got[1].id}, 2);
    dead(s, (struct dead_query){.integration = S("a"), .id = S("k1")}, 3);
    dead(s, (struct dead_query){.integration = S("a"), .id = S("t-1")}, 4);
    dead(s, (struct dead_query){.integration = S("a"), .id = S("' OR 1 --")}, 0);

    /* A newer version at page 5 closes those before it, and not the one after it. */
    struct dead_letter newer[2] = {letter("k1", 5, 0, 0), letter("unknown", 5, 1, 0)};
    size_t closed = 9;
    assert_ok(store_dead_supersede(s, S("a"), newer, 2, &closed, &ei), ei);
    assert_int_equal(closed, 2);
    assert_ok(store_dead_supersede(s, S("none"), newer, 2, &closed, &ei), ei);
    assert_int_equal(closed, 0);
    got = dead(s, (struct dead_query){.integration = S("a")}, 2);
    assert_int_equal(got[1].page, 9);
    assert_int_equal(dead(s, (struct dead_query){.integration = S("a"), .all_states = true}, 4)[0].state,
                     DEAD_SUPERSEDED);

    assert_ok(store_dead_set(s, got[0].id, DEAD_OPEN, S("again"), 77, &ei), ei);
    assert_ok(store_dead_set(s, got[0].id, DEAD_RETRIED, any, 78, &ei), ei);
    assert_int_equal(store_dead_set(s, 12345, DEAD_RETRIED, any, 78, &ei), ERR_USAGE);
    got = dead(s, (struct dead_query){.integration = S("a"), .id = S("k2"), .all_states = true}, 1);
    assert_str(got[0].reason, "again");
    assert_true(got[0].tries == 2 && got[0].tried_ms == 78 && got[0].state == DEAD_RETRIED);
    size_t dropped = 0;
    assert_ok(store_prune(s, 78, &dropped, &ei), ei); /* the two superseded ones of 5 ms; the retried one is of 78 */
    assert_int_equal(dropped, 2);
    store_close(s);
}

/* A record that is read again as it was has its letter already; whatever differs makes another one. */
static void dead_again(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct dead_letter first = letter("k", 2, 0, 0);
    assert_ok(store_dead_add(s, S("a"), &first, 1, &ei), ei);
    assert_false(first.again);
    assert_ok(store_dead_edit(s, dead(s, (struct dead_query){.integration = S("a")}, 1)->id, S("{1}"), &ei), ei);

    struct dead_letter same = letter("k", 7, 3, 0);
    same.reason = S("too long by now");
    same.created_ms = 9;
    assert_ok(store_dead_add(s, S("a"), &same, 1, &ei), ei);
    assert_true(same.again);
    struct dead_letter *got = dead(s, (struct dead_query){.integration = S("a")}, 1);
    assert_true(got->page == 7 && got->row == 3 && got->created_ms == 5);
    assert_str(got->reason, "too long by now");
    assert_ok(store_dead_add(s, S("a"), &first, 1, &ei), ei); /* what a crash shapes again does not go back */
    assert_true(first.again);
    assert_int_equal(dead(s, (struct dead_query){.integration = S("a")}, 1)->page, 7);
    assert_str(got->edited, "{1}");

    struct dead_letter other[6];
    for (int i = 0; i < 6; i++)
        other[i] = letter("k", 8 + i, 0, 0);
    other[0].version = S("w");
    other[1].raw = S("{\"a\":1}");
    other[2].line = 1;
    other[3].target_id = S("t-2");
    other[4].key = S("l");
    assert_ok(store_dead_add(s, S("a"), other, 5, &ei), ei);
    for (int i = 0; i < 5; i++)
        assert_false(other[i].again);
    assert_ok(store_dead_add(s, S("b"), &other[5], 1, &ei), ei);
    assert_false(other[5].again);
    got = dead(s, (struct dead_query){.integration = S("a")}, 6);

    /* without a key: two that look alike are two */
    struct dead_letter keyless[2] = {letter("", 1, 0, 0), letter("", 1, 1, 0)};
    assert_ok(store_dead_add(s, S("keyless"), keyless, 2, &ei), ei);
    dead(s, (struct dead_query){.integration = S("keyless")}, 2);

    /* dropped: it stays so; retried: it is refused anew */
    assert_ok(store_dead_set(s, got[0].id, DEAD_DROPPED, any, 9, &ei), ei);
    assert_ok(store_dead_add(s, S("a"), &same, 1, &ei), ei);
    assert_true(same.again);
    dead(s, (struct dead_query){.integration = S("a")}, 5);
    assert_ok(store_dead_set(s, got[0].id, DEAD_RETRIED, any, 9, &ei), ei);
    assert_ok(store_dead_add(s, S("a"), &same, 1, &ei), ei);
    assert_false(same.again);
    dead(s, (struct dead_query){.integration = S("a")}, 6);
    store_close(s);
}

/* What stayed open between a commit and its closing is closed by what the ledger knows, as far as that is written. */
static void dead_settled(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct dead_letter letters[3] = {letter("old", 2, 1, 0), letter("newest", 6, 3, 0), letter("unwritten", 2, 2, 0)};
    struct ledger_entry known[3] = {{.key = S("newest"), .page = 6, .row = 3},
                                    {.key = S("old"), .page = 5, .row = 0},
                                    {.key = S("unwritten"), .page = 7, .row = 0}};
    size_t closed = 9;
    assert_ok(store_dead_add(s, S("a"), letters, 3, &ei), ei);
    assert_ok(ledger_put(s, S("a"), &(struct ledger_news){known, 3, 0}, &ei), ei);
    assert_ok(store_dead_settle(s, S("none"), 6, &closed, &ei), ei);
    assert_int_equal(closed, 0);
    assert_ok(store_dead_settle(s, S("a"), 6, &closed, &ei), ei);
    assert_int_equal(closed, 1);
    struct dead_letter *got = dead(s, (struct dead_query){.integration = S("a")}, 2);
    assert_str(got[0].key, "newest");
    assert_str(got[1].key, "unwritten");
    assert_ok(store_dead_settle(s, S("a"), 7, &closed, &ei), ei);
    assert_int_equal(closed, 1);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(dead_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(dead_again, setup, teardown),
        cmocka_unit_test_setup_teardown(dead_settled, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
