/* Projections: the newest version answers, whatever the order in which versions are read; two that make one file; a
 * file that was made for something else. */
#include "store/projection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>
#undef fail

#include "base/clock.h"
#include "test_store_fixture.h"

static struct folder dir;
static struct errinfo ei;

static int set_up(void **state)
{
    (void)state;
    folder_make(&dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_drop(&dir);
    return 0;
}

static struct projection *open_it(struct str spec)
{
    struct projection *p = NULL;

    assert_int_equal(projection_open(&(struct projection_name){in(&dir, "lookup/x"), "abc", spec}, &p, &ei), OK);
    return p;
}

/* One record of one line per page: key, version, hash 7 unless it has no line. */
static void add(struct projection *p, int64_t page, const char *key, const char *version, const char *found)
{
    struct projected_line line = {.hash = 7, .fields = S("[]"), .found = {found, found ? strlen(found) : 0}};
    struct projected_record r = {.key = str_of(key), .version = str_of(version), .page = page, .lines = &line};
    bool taken = false;

    r.n_lines = found ? 1 : 0;
    assert_int_equal(
        projection_add(p, &(struct projection_step){.from = page - 1, .to = page, .records = &r, .n = 1}, &taken, &ei),
        OK);
    assert_true(taken);
}

struct seen {
    char text[200];
    size_t limit, n;
};

static bool each(void *ctx, const struct projected_hit *h)
{
    struct seen *s = ctx;
    size_t at = strlen(s->text);

    snprintf(s->text + at, sizeof s->text - at, "%s%lld:" STR_FMT, at ? " " : "", (long long)h->page,
             STR_ARG(h->found));
    return ++s->n < s->limit;
}

static const char *find(struct projection *p, uint64_t hash, size_t limit)
{
    static struct seen s;

    s = (struct seen){.limit = limit};
    assert_int_equal(projection_find(p, hash, each, &s, &ei), OK);
    return s.text;
}

static void newest_first(void **state)
{
    struct projection *p = open_it(S("a"));

    (void)state;
    add(p, 1, "A", "1", "\"a1\"");
    add(p, 2, "B", "1", "\"b1\"");
    add(p, 3, "A", "2", "\"a2\"");
    assert_string_equal(find(p, 7, 9), "3:\"a2\" 2:\"b1\"");
    assert_string_equal(find(p, 7, 1), "3:\"a2\"");
    assert_string_equal(find(p, 8, 9), "");
    projection_close(p);
}

static void an_older_version_never_comes_back(void **state)
{
    struct projection *p = open_it(S("a"));

    (void)state;
    add(p, 1, "A", "9", "\"new\"");
    add(p, 2, "A", "8", "\"old\"");
    assert_string_equal(find(p, 7, 9), "1:\"new\"");
    add(p, 3, "A", "10", NULL); /* filtered now */
    add(p, 4, "A", "9", "\"old\"");
    assert_string_equal(find(p, 7, 9), "");
    add(p, 5, "A", "", "\"without version\"");
    assert_string_equal(find(p, 7, 9), "5:\"without version\"");
    projection_close(p);
}

static void another_process_was_quicker(void **state)
{
    struct projection *p = open_it(S("a")), *q = open_it(S("a"));
    struct projection_step late = {.from = 0, .to = 1};
    int64_t page = -1;
    bool taken = true;

    (void)state;
    add(p, 1, "A", "1", "\"a\"");
    assert_int_equal(projection_add(q, &late, &taken, &ei), OK);
    assert_false(taken);
    assert_int_equal(projection_page(q, &page, &ei), OK);
    assert_int_equal(page, 1);
    add(q, 2, "B", "1", "\"b\"");
    assert_string_equal(find(p, 7, 9), "2:\"b\" 1:\"a\"");
    projection_close(p);
    projection_close(q);
}

static void made_for_something_else(void **state)
{
    struct projection *p = open_it(S("a"));
    int64_t page = -1;

    (void)state;
    add(p, 1, "A", "1", "\"a\"");
    projection_close(p);
    p = open_it(S("a"));
    assert_string_equal(find(p, 7, 9), "1:\"a\"");
    projection_close(p);
    p = open_it(S("b"));
    assert_string_equal(find(p, 7, 9), "");
    assert_int_equal(projection_page(p, &page, &ei), OK);
    assert_int_equal(page, 0);
    projection_close(p);
}

/* Printed, not judged: machines differ. */
static void speed(void **state)
{
    enum { PAGES = 200, EACH = 100 };
    struct projection *p = open_it(S("a"));
    static struct projected_record r[EACH];
    static struct projected_line lines[EACH];
    static char keys[EACH][24];
    int64_t began = clock_mono(&clock_system), made;
    bool taken;

    (void)state;
    for (int64_t page = 1; page <= PAGES; page++) {
        for (int i = 0; i < EACH; i++) {
            uint64_t id = (uint64_t)(page * EACH + i) * 2654435761u % 1000000007u;

            snprintf(keys[i], sizeof keys[i], "%llu", (unsigned long long)id);
            lines[i] = (struct projected_line){id * 0x9E3779B97F4A7C15u, 0, S("[[\"x\"]]"), S("\"found\"")};
            r[i] = (struct projected_record){str_of(keys[i]), S("1"), page, i, &lines[i], 1};
        }
        assert_int_equal(projection_add(p, &(struct projection_step){page - 1, page, r, EACH}, &taken, &ei), OK);
    }
    made = clock_mono(&clock_system);
    for (int i = 0; i < PAGES * EACH; i++)
        assert_int_equal(projection_find(p, lines[i % EACH].hash, each, &(struct seen){.limit = 1}, &ei), OK);
    print_message("projection: %.1f us a record added, %.1f us a lookup\n",
                  (double)(made - began) * 1000 / (PAGES * EACH),
                  (double)(clock_mono(&clock_system) - made) * 1000 / (PAGES * EACH));
    projection_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(newest_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_older_version_never_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_process_was_quicker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(made_for_something_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(speed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
