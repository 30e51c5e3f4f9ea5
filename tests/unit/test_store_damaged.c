/* The state while somebody else damages it: an error at every step that says what is gone, and what is not goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "store/store.h"

#include <cmocka.h>

#include <string.h>

#include "db/sqlite.h"
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

enum { PROGRESS_CALLS = 3, FACT_CALLS = 3 };

static void progress_calls(struct store *s, enum err got[PROGRESS_CALLS])
{
    struct progress p = {.known = true, .page = 7};

    got[0] = store_set_progress(s, S("orders"), &p, &ei);
    got[1] = store_set_paused(s, S("orders"), true, 5, &ei);
    got[2] = store_progress(s, S("orders"), &p, &ei);
}

static void fact_calls(struct store *s, enum err got[FACT_CALLS])
{
    struct str v;

    got[0] = store_set_fact(s, S("size"), S("50"), &ei);
    got[1] = store_fact(s, S("size"), a, &v, &ei);
    got[2] = store_set_fact(s, S("other"), (struct str){0}, &ei);
}

static void all_are(const enum err *got, size_t n, bool well)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(got[i] == OK, well);
}

static void drop_table(const char *name)
{
    struct sqlite *db = NULL;
    char sql[100];

    snprintf(sql, sizeof sql, "PRAGMA foreign_keys = OFF; DROP TABLE %s", name);
    assert_ok(sqlite_open(in(&dir, ".sluice/state.db"), SQLITE_RW, 1000, &db, &ei), ei);
    assert_ok(sqlite_exec(db, sql, &ei), ei);
    sqlite_close(db);
}

static void damaged(void **state)
{
    static const char *const tables[] = {"progress", "fact", "integration"};
    enum err progress[PROGRESS_CALLS], fact[FACT_CALLS];

    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct store *s = open_store();
        bool known = strcmp(tables[i], "integration") == 0; /* its number is remembered while the store is open */

        progress_calls(s, progress);
        fact_calls(s, fact);
        all_are(progress, PROGRESS_CALLS, true);
        all_are(fact, FACT_CALLS, true);
        drop_table(tables[i]);
        for (int again = 0; again < 2; again++) { /* statements that were made before, and new ones */
            ei.msg[0] = '\0';
            progress_calls(s, progress);
            fact_calls(s, fact);
            if (!known || again) /* as long as its number is remembered, reading goes on */
                all_are(progress, PROGRESS_CALLS, i == 1);
            all_are(fact, FACT_CALLS, i != 1);
            if (!known || again)
                assert_non_null(strstr(ei.msg, tables[i]));
            store_close(s);
            s = open_store();
        }
        store_close(s);
        folder_drop(&dir);
        folder_make(&dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(damaged, setup, teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
