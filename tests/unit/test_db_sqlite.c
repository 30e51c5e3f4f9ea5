/* The door to SQLite: values come back as they went in, and each failure has the right shape. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "db/sqlite.h"

#include <cmocka.h>

#include "test_store_fixture.h"

static struct folder dir;
static struct errinfo ei;

static int setup(void **state)
{
    (void)state;
    folder_make(&dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_drop(&dir);
    return 0;
}

static struct sqlite *open_new(const char *name)
{
    struct sqlite *db = NULL;
    assert_ok(sqlite_open(in(&dir, name), SQLITE_RW_CREATE, 0, &db, &ei), ei);
    return db;
}

static struct sqlite_stmt *prepare(struct sqlite *db, const char *sql)
{
    struct sqlite_stmt *st = NULL;
    assert_ok(sqlite_prepare(db, str_of(sql), &st, &ei), ei);
    return st;
}

static struct str text_of(struct sqlite *db, const char *sql, char *out, size_t cap)
{
    struct sqlite_stmt *st = prepare(db, sql);
    bool row = false;
    assert_ok(sqlite_step(st, &row, &ei), ei);
    assert_true(row);
    struct str s = sqlite_str(st, 0);
    assert_true(s.n < cap);
    memcpy(out, s.p, s.n);
    sqlite_finalize(st);
    return str_mk(out, s.n);
}

static void durable_from_the_start(void **state)
{
    (void)state;
    struct sqlite *db = open_new("a.db");
    char out[64];
    assert_str(text_of(db, "PRAGMA journal_mode", out, sizeof out), "wal");
    assert_str(text_of(db, "PRAGMA synchronous", out, sizeof out), "2");
    assert_str(text_of(db, "PRAGMA foreign_keys", out, sizeof out), "1");
    assert_string_equal(sqlite_path(db), in(&dir, "a.db"));
    sqlite_close(db);
}

static void values_round_trip(void **state)
{
    (void)state;
    static char big[1 << 20];
    memset(big, 'x', sizeof big);
    const struct str texts[] = {S(""), S("聚水潭"), S("a\0b"), S("it's; --"), {big, sizeof big}, {NULL, 0}};
    const int64_t numbers[] = {0, 1, -1, INT64_MAX, INT64_MIN, 42};
    struct sqlite *db = open_new("a.db");
    assert_ok(sqlite_exec(db, "CREATE TABLE t (i INTEGER, s TEXT, b BLOB) STRICT", &ei), ei);
    struct sqlite_stmt *insert = prepare(db, "INSERT INTO t VALUES (?, ?, ?)");
    for (size_t i = 0; i < 6; i++) {
        sqlite_bind_int(insert, 1, numbers[i]);
        sqlite_bind_str(insert, 2, texts[i]);
        sqlite_bind_blob(insert, 3, texts[i]);
        assert_ok(sqlite_run(insert, &ei), ei);
        assert_int_equal(sqlite_changes(db), 1);
        assert_int_equal(sqlite_last_id(db), (int64_t)i + 1);
    }
    struct sqlite_stmt *select = prepare(db, "SELECT i, s, b FROM t ORDER BY rowid");
    bool row = false;
    for (size_t i = 0; i < 6; i++) {
        assert_ok(sqlite_step(select, &row, &ei), ei);
        assert_true(row);
        assert_int_equal(sqlite_int(select, 0), numbers[i]);
        for (int col = 1; col <= 2; col++) {
            struct str s = sqlite_str(select, col);
            assert_int_equal(sqlite_is_null(select, col), texts[i].p == NULL);
            assert_int_equal(s.p == NULL, texts[i].p == NULL);
            assert_true(str_eq(s, texts[i]));
        }
    }
    assert_ok(sqlite_step(select, &row, &ei), ei);
    assert_false(row);
    sqlite_finalize(select);
    sqlite_finalize(insert);
    sqlite_close(db);
}

static enum err run_with(struct sqlite *db, const char *sql, struct str value)
{
    struct sqlite_stmt *st = prepare(db, sql);
    sqlite_bind_str(st, 1, value);
    enum err e = sqlite_run(st, &ei);
    sqlite_finalize(st);
    return e;
}

static void a_row_is_to_blame(void **state)
{
    (void)state;
    struct sqlite *db = open_new("a.db");
    assert_ok(sqlite_exec(db, "CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER CHECK (n < 10)) STRICT", &ei),
              ei);
    assert_ok(run_with(db, "INSERT INTO t VALUES (?, 1)", S("a")), ei);
    static const char *const refused[] = {
        "INSERT INTO t VALUES (?, 2)",         /* doubled key */
        "INSERT INTO t VALUES (?1 || ?1, 11)", /* CHECK */
        "INSERT INTO t VALUES ('b', ?)",       /* a text into a number */
        "INSERT INTO t VALUES (nullif(?, 'a'), 1)",
        "INSERT INTO t SELECT 'c', json(?)", /* a function that fails on the value */
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(run_with(db, refused[i], S("a")), ERR_DATA);
        assert_true(sqlite_failed_on_row(db));
        assert_null(strstr(ei.msg, dir.path));
        assert_true(strlen(ei.msg) > 5);
    }
    assert_ok(run_with(db, "INSERT INTO t VALUES (?, 2)", S("z")), ei);
    assert_false(sqlite_failed_on_row(db));
    sqlite_close(db);
}

static void sql_is_to_blame(void **state)
{
    (void)state;
    struct sqlite *db = open_new("a.db");
    static const char *const wrong[] = {"SELEC 1", "SELECT * FROM nowhere", "", "  -- only a comment",
                                        "SELECT 1; SELECT 2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct sqlite_stmt *st = NULL;
        assert_int_equal(sqlite_prepare(db, str_of(wrong[i]), &st, &ei), ERR_SCHEMA);
        assert_false(sqlite_failed_on_row(db));
        assert_non_null(strstr(ei.msg, "a.db"));
    }
    sqlite_finalize(prepare(db, "SELECT 1;  -- a comment behind is fine"));
    assert_int_equal(sqlite_exec(db, "nonsense", &ei), ERR_SCHEMA);
    /* The table goes away under a prepared statement: not the row's fault. */
    assert_ok(sqlite_exec(db, "CREATE TABLE t (a TEXT)", &ei), ei);
    struct sqlite_stmt *st = prepare(db, "INSERT INTO t VALUES (?)");
    assert_ok(sqlite_exec(db, "DROP TABLE t", &ei), ei);
    sqlite_bind_str(st, 1, S("x"));
    assert_int_equal(sqlite_run(st, &ei), ERR_SCHEMA);
    assert_false(sqlite_failed_on_row(db));
    sqlite_finalize(st);
    st = prepare(db, "SELECT ?");
    sqlite_bind_int(st, 7, 1);
    assert_int_equal(sqlite_run(st, &ei), ERR_INTERNAL);
    sqlite_finalize(st);
    sqlite_close(db);
}

static void write_file(const char *path, const char *text, size_t n)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

static void damage_is_named(void **state)
{
    (void)state;
    char noise[8192];
    memset(noise, 'x', sizeof noise);
    write_file(in(&dir, "noise.db"), noise, sizeof noise);
    for (enum sqlite_mode mode = SQLITE_RW_CREATE; mode <= SQLITE_RO; mode++) {
        struct sqlite *db = NULL;
        assert_int_equal(sqlite_open(in(&dir, "noise.db"), mode, 0, &db, &ei), ERR_DISK);
        assert_non_null(strstr(ei.msg, "noise.db is damaged"));
        assert_true(ei.hint[0] != 0);
    }
}

static void missing_is_named(void **state)
{
    (void)state;
    struct sqlite *db = NULL;
    assert_int_equal(sqlite_open(in(&dir, "none.db"), SQLITE_RO, 0, &db, &ei), ERR_DISK);
    assert_non_null(strstr(ei.msg, "none.db: No such file or directory"));
    assert_int_equal(sqlite_open(in(&dir, "none.db"), SQLITE_RW, 0, &db, &ei), ERR_DISK);
    assert_int_equal(sqlite_open(in(&dir, "no/such/folder.db"), SQLITE_RW_CREATE, 0, &db, &ei), ERR_DISK);
    assert_int_equal(sqlite_open(dir.path, SQLITE_RW_CREATE, 0, &db, &ei), ERR_DISK);
}

static void locked_is_a_conflict(void **state)
{
    (void)state;
    struct sqlite *one = open_new("a.db"), *two = open_new("a.db");
    assert_ok(sqlite_exec(one, "BEGIN IMMEDIATE", &ei), ei);
    assert_int_equal(sqlite_exec(two, "BEGIN IMMEDIATE", &ei), ERR_CONFLICT);
    assert_non_null(strstr(ei.msg, "a.db is locked"));
    assert_false(sqlite_failed_on_row(two));
    assert_ok(sqlite_exec(one, "COMMIT", &ei), ei);
    assert_ok(sqlite_exec(two, "BEGIN IMMEDIATE; COMMIT", &ei), ei);
    sqlite_close(one);
    sqlite_close(two);
}

enum { OPENERS = 8, OPENINGS = 60 };

struct opener {
    pthread_barrier_t *at_once;
    int failed;
    struct errinfo why;
};

static void *open_what_is_new(void *ctx)
{
    struct opener *o = ctx;
    for (int i = 0; i < OPENINGS; i++) {
        struct sqlite *db = NULL;
        char path[512];
        snprintf(path, sizeof path, "%s/new%d.db", dir.path, i);
        pthread_barrier_wait(o->at_once);
        o->failed += sqlite_open(path, SQLITE_RW_CREATE, 10000, &db, &o->why) != OK;
        sqlite_close(db);
    }
    return NULL;
}

static void opened_by_many_at_once(void **state)
{
    (void)state;
    pthread_barrier_t at_once;
    pthread_t thread[OPENERS];
    struct opener opener[OPENERS];
    assert_int_equal(pthread_barrier_init(&at_once, NULL, OPENERS), 0);
    for (int i = 0; i < OPENERS; i++) {
        opener[i] = (struct opener){.at_once = &at_once};
        assert_int_equal(pthread_create(&thread[i], NULL, open_what_is_new, &opener[i]), 0);
    }
    for (int i = 0; i < OPENERS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < OPENERS; i++)
        assert_ok(opener[i].failed ? opener[i].why.code : OK, opener[i].why);
    pthread_barrier_destroy(&at_once);
}

static int open_in_readonly_folder(const struct folder *f)
{
    struct sqlite *db = NULL;
    struct sqlite_stmt *st = NULL;
    bool row = false;
    if (sqlite_open(in(f, "b.db"), SQLITE_RW_CREATE, 0, &db, &ei) != ERR_DISK || !strstr(ei.msg, "b.db"))
        return 1;
    if (sqlite_open(in(f, "a ?#%.db"), SQLITE_RW, 0, &db, &ei) != ERR_DISK || !strstr(ei.msg, "a ?#%.db"))
        return 2;
    if (sqlite_open(in(f, "a ?#%.db"), SQLITE_RO, 0, &db, &ei) != OK)
        return 3;
    if (sqlite_prepare(db, S("SELECT n FROM t"), &st, &ei) != OK || sqlite_step(st, &row, &ei) != OK ||
        sqlite_int(st, 0) != 7)
        return 4;
    sqlite_finalize(st);
    if (sqlite_exec(db, "DELETE FROM t", &ei) != ERR_DISK)
        return 5;
    sqlite_close(db);
    return 0;
}

static void reading_needs_no_rights(void **state)
{
    (void)state;
    struct sqlite *db = open_new("a ?#%.db");
    assert_ok(sqlite_exec(db, "CREATE TABLE t (n); INSERT INTO t VALUES (7)", &ei), ei);
    sqlite_close(db);
    assert_int_equal(chmod(in(&dir, "a ?#%.db"), 0444), 0);
    assert_int_equal(chmod(dir.path, 0555), 0);
    int status = as_nobody(open_in_readonly_folder, &dir);
    assert_int_equal(chmod(dir.path, 0755), 0);
    assert_int_equal(status, 0);
}

static void full_disk(void **state)
{
    (void)state;
    if (!small_disk(&dir, "1m"))
        skip();
    struct sqlite *db = open_new("a.db");
    assert_ok(sqlite_exec(db, "CREATE TABLE t (b BLOB)", &ei), ei);
    const char *ballast = fill_disk(&dir);
    assert_int_equal(sqlite_exec(db, "INSERT INTO t VALUES (randomblob(200000))", &ei), ERR_DISK);
    assert_non_null(strstr(ei.msg, "No space left on device"));
    assert_non_null(strstr(ei.msg, "a.db"));
    assert_non_null(strstr(ei.hint, "Free space"));
    assert_int_equal(unlink(ballast), 0);
    assert_ok(sqlite_exec(db, "INSERT INTO t VALUES (randomblob(200000))", &ei), ei);
    sqlite_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(durable_from_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown(values_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(a_row_is_to_blame, setup, teardown),
        cmocka_unit_test_setup_teardown(sql_is_to_blame, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(locked_is_a_conflict, setup, teardown),
        cmocka_unit_test_setup_teardown(opened_by_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_needs_no_rights, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
