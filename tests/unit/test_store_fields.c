/* What records look like, kept: learning over runs, changes that are told once, accepting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "store/fields.h"

#include <cmocka.h>

#include "test_store_fixture.h"

static struct folder dir;
static struct errinfo ei;
static struct arena *a;
static struct store *s;

static int setup(void **state)
{
    (void)state;
    folder_make(&dir);
    a = arena_new(16 << 20);
    return store_open(in(&dir, ".sluice"), false, &s, &ei);
}

static int teardown(void **state)
{
    (void)state;
    store_close(s);
    folder_drop(&dir);
    arena_free(a);
    return 0;
}

static void learn(int64_t run, bool base, const struct field *f, size_t n)
{
    struct fields_seen seen = {.at = f, .n = n, .run = run, .now_ms = run * 1000, .base = base};

    assert_int_equal(store_fields_learn(s, S("orders"), &seen, &ei), OK);
}

static size_t fields(struct field **ret)
{
    size_t n;

    assert_int_equal(store_fields(s, S("orders"), a, ret, &n, &ei), OK);
    return n;
}

static void fields_grow(void **state)
{
    struct field first[] = {{.seen = {.count = 10, .types = SEEN_OBJECT}, .of = 10},
                            {.path = S("a"), .seen = {10, SEEN_TEXT, 5, 0, 0}, .of = 10},
                            {.path = S("b"), .seen = {3, SEEN_INTEGER, 0, 2, 0}, .of = 10}};
    struct field second[] = {{.seen = {.count = 4, .types = SEEN_OBJECT}, .of = 4},
                             {.path = S("a"), .seen = {4, SEEN_NULL | SEEN_TEXT, 3, 0, 0}, .of = 4},
                             {.path = S("b"), .of = 4},
                             {.path = S("c"), .seen = {1, SEEN_DECIMAL, 0, 4, 2}, .of = 4}};
    struct field *f;

    (void)state;
    assert_int_equal(fields(&f), 0);
    learn(1, true, first, 3);
    learn(2, false, second, 4);
    assert_int_equal(fields(&f), 4);
    assert_true(f[0].path.n == 0 && f[0].seen.count == 14);
    assert_true(f[1].seen.count == 14 && f[1].of == 14 && f[1].seen.longest == 5 && f[1].missed == 0);
    assert_true(f[1].seen.types == (SEEN_NULL | SEEN_TEXT) && f[1].known == SEEN_TEXT);
    assert_true(f[1].first_run == 1 && f[1].last_run == 2 && f[1].last_ms == 2000);
    assert_true(f[2].seen.count == 3 && f[2].of == 14 && f[2].missed == 4 && f[2].last_run == 1);
    assert_true(f[3].known == 0 && f[3].of == 4 && f[3].seen.before == 4 && f[3].seen.after == 2);
    learn(3, true, first, 3);
    assert_int_equal(fields(&f), 4);
    assert_true(f[2].missed == 0 && f[2].seen.count == 6);
    assert_int_equal(store_fields(s, S("other"), a, &f, &(size_t){0}, &ei), OK);
}

static enum change_state keep(struct change c)
{
    enum change_state was = CHANGE_OPEN;

    assert_int_equal(store_change(s, S("orders"), &c, &was, &ei), OK);
    return was;
}

static size_t changes(struct change **ret)
{
    size_t n;

    assert_int_equal(store_changes(s, S("orders"), a, ret, &n, &ei), OK);
    return n;
}

static void changes_are_told_once(void **state)
{
    struct change c = {
        .kind = CHANGE_TYPE, .path = S("a"), .detail = S("number"), .text = S("t"), .run = 1, .since_ms = 5};
    struct change *got;

    (void)state;
    assert_int_equal(keep(c), CHANGE_CLOSED);
    c.run = 2;
    c.since_ms = 9;
    c.text = S("u");
    assert_int_equal(keep(c), CHANGE_OPEN);
    c.detail = S("array");
    assert_int_equal(keep(c), CHANGE_CLOSED);
    assert_int_equal(changes(&got), 2);
    assert_true(got[0].since_ms == 5 && got[0].runs == 2 && got[0].run == 2 && str_eq(got[0].text, S("u")));
    assert_int_equal(store_change_close(s, got[0].id, &ei), OK);
    assert_int_equal(changes(&got), 1);
    c.detail = S("number");
    c.since_ms = 20;
    assert_int_equal(keep(c), CHANGE_CLOSED); /* again: told again */
    assert_int_equal(changes(&got), 2);
    assert_int_equal(got[0].since_ms, 20);
}

static void accepting(void **state)
{
    struct field f[] = {{.seen = {.count = 10, .types = SEEN_OBJECT}, .of = 10},
                        {.path = S("new"), .seen = {10, SEEN_TEXT, 5, 0, 0}, .of = 10},
                        {.path = S("gone"), .seen = {3, SEEN_INTEGER, 0, 2, 0}, .of = 10}};
    struct change gone = {.kind = CHANGE_GONE, .path = S("gone")}, new = {.kind = CHANGE_NEW, .path = S("new")},
                  wide = {.kind = CHANGE_LENGTH, .path = S("column"), .need = 30};
    struct change quiet = {.kind = CHANGE_NEAR, .path = S("column"), .state = CHANGE_ACCEPTED};
    struct field *left;
    struct change *open;
    size_t closed = 0;

    (void)state;
    learn(1, false, f, 3);
    assert_int_equal(keep(gone), CHANGE_CLOSED);
    assert_int_equal(keep(new), CHANGE_CLOSED);
    assert_int_equal(keep(wide), CHANGE_CLOSED);
    assert_int_equal(keep(quiet), CHANGE_CLOSED);
    quiet.state = CHANGE_OPEN;
    assert_int_equal(keep(quiet), CHANGE_ACCEPTED);
    assert_int_equal(changes(&open), 3);
    assert_int_equal(store_fields_accept(s, S("orders"), &closed, &ei), OK);
    assert_int_equal(closed, 3);
    assert_int_equal(changes(&open), 0);
    assert_int_equal(fields(&left), 2);
    assert_true(left[1].known == SEEN_TEXT);
    assert_int_equal(keep(wide), CHANGE_ACCEPTED); /* a column is no part of the base */
    assert_int_equal(keep(gone), CHANGE_CLOSED);
    assert_int_equal(store_fields_accept(s, S("nobody"), &closed, &ei), OK);
    assert_int_equal(closed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(changes_are_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(accepting, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
