/* The state: what is put in comes out, from any thread, after a restart, and from an older format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "store/migrate.h"
#include "store/store.h"

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "store/files.h"
#include "store/lock.h"
#include "test_store_fixture.h"
#include "test_store_letter.h"

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

static void opening(void **state)
{
    (void)state;
    struct store *s = NULL;
    assert_int_equal(store_open(in(&dir, ".sluice"), true, &s, &ei), ERR_CONFIG);
    assert_non_null(strstr(ei.msg, "state.db does not exist"));
    assert_int_equal(access(in(&dir, ".sluice"), F_OK), -1);
    s = open_store();
    char uuid[64];
    snprintf(uuid, sizeof uuid, STR_FMT, STR_ARG(store_journal_uuid(s)));
    assert_int_equal(strlen(uuid), 36);
    s = reopen(s);
    assert_str(store_journal_uuid(s), uuid);
    struct store *reader = NULL;
    assert_ok(store_open(in(&dir, ".sluice"), true, &reader, &ei), ei);
    assert_str(store_journal_uuid(reader), uuid);
    struct progress p = {0};
    assert_int_equal(store_set_progress(reader, S("x"), &p, &ei), ERR_DISK);
    store_close(reader);
    struct stat st;
    static const char *const files[] = {".sluice/state.db", ".sluice/state.db-wal", ".sluice/state.db-shm"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stat(in(&dir, files[i]), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    assert_int_equal(stat(in(&dir, ".sluice"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    store_close(s);
}

static void progress_and_facts(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct progress p, want = {.known = true,
                               .cursor_s = -1,
                               .fetched_s = INT64_MAX,
                               .page = 7,
                               .row = -1,
                               .epoch = 3,
                               .batch = 9,
                               .mapping = UINT64_MAX,
                               .freshest_ms = 5,
                               .updated_ms = 6};
    assert_ok(store_progress(s, S("订单 1"), &p, &ei), ei);
    assert_false(p.known);
    assert_ok(store_set_paused(s, S("订单 1"), true, 4, &ei), ei);
    assert_ok(store_progress(s, S("订单 1"), &p, &ei), ei);
    assert_true(p.paused && !p.known);
    assert_ok(store_set_progress(s, S("订单 1"), &want, &ei), ei);
    assert_ok(store_set_paused(s, S("订单 1"), true, 8, &ei), ei);
    s = reopen(s);
    assert_ok(store_progress(s, S("订单 1"), &p, &ei), ei);
    assert_true(p.known && p.paused && p.cursor_s == -1 && p.fetched_s == INT64_MAX && p.page == 7 && p.row == -1);
    assert_true(p.epoch == 3 && p.batch == 9 && p.mapping == UINT64_MAX && p.freshest_ms == 5 && p.updated_ms == 8);
    assert_ok(store_progress(s, S("订单 2"), &p, &ei), ei);
    assert_false(p.known || p.paused);

    struct str fact;
    assert_ok(store_fact(s, S("page_size"), a, &fact, &ei), ei);
    assert_null(fact.p);
    assert_ok(store_set_fact(s, S("page_size"), S("25"), &ei), ei);
    assert_ok(store_set_fact(s, S("page_size"),
                             S("2\0"
                               "6"),
                             &ei),
              ei);
    assert_ok(store_set_fact(s, S("empty"), S(""), &ei), ei);
    assert_ok(store_fact(s, S("page_size"), a, &fact, &ei), ei);
    assert_true(str_eq(fact, S("2\0"
                               "6")));
    assert_ok(store_fact(s, S("empty"), a, &fact, &ei), ei);
    assert_true(fact.p && fact.n == 0);
    assert_ok(store_set_fact(s, S("page_size"), (struct str){NULL, 0}, &ei), ei);
    assert_ok(store_fact(s, S("page_size"), a, &fact, &ei), ei);
    assert_null(fact.p);
    struct arena *tiny = arena_new(4096);
    static char big[1 << 20];
    memset(big, 'x', sizeof big);
    assert_ok(store_set_fact(s, S("big"), str_mk(big, sizeof big), &ei), ei);
    assert_int_equal(store_fact(s, S("big"), tiny, &fact, &ei), ERR_INTERNAL);
    assert_ok(store_fact(s, S("big"), a, &fact, &ei), ei);
    assert_true(str_eq(fact, str_mk(big, sizeof big)));
    arena_free(tiny);
    store_close(s);
}

/* ---- runs ---- */

static struct run_row *runs(struct store *s, struct str integration, size_t limit, size_t want)
{
    struct run_row *rows = NULL;
    size_t n = 0;
    assert_ok(store_runs(s, &(struct run_query){.integration = integration, .limit = limit}, a, &rows, &n, &ei), ei);
    assert_int_equal(n, want);
    return rows;
}

static const struct str any = {NULL, 0};

static void runs_round_trip(void **state)
{
    (void)state;
    struct store *s = open_store();
    int64_t first = 0, second = 0, third = 0;
    runs(s, any, 0, 0);
    assert_ok(store_run_begin(s, S("a"), S("main"), 1000, &first, &ei), ei);
    assert_ok(store_run_begin(s, S("b"), S("remedy"), 1001, &second, &ei), ei);
    assert_ok(store_run_begin(s, S("a"), S("main"), 1002, &third, &ei), ei);
    assert_ok(store_run_end(s, first, S("ok"), S("{\"rows\":1}"), 2000, &ei), ei);
    assert_int_equal(store_run_end(s, 99, S("ok"), S(""), 1, &ei), ERR_INTERNAL);
    s = reopen(s);
    struct run_row *r = runs(s, any, 0, 3);
    assert_int_equal(r[0].id, third);
    assert_int_equal(r[1].id, second);
    assert_str(r[0].status, "running"); /* by this process, which lives */
    assert_int_equal(r[0].pid, getpid());
    assert_str(r[1].integration, "b");
    assert_str(r[1].kind, "remedy");
    r = runs(s, S("a"), 0, 2);
    assert_int_equal(r[1].id, first);
    assert_str(r[1].status, "ok");
    assert_str(r[1].summary, "{\"rows\":1}");
    assert_true(r[1].started_ms == 1000 && r[1].ended_ms == 2000);
    runs(s, S("a"), 1, 1);
    runs(s, S("none"), 0, 0);
    size_t dropped = 0;
    assert_ok(store_prune(s, 2001, &dropped, &ei), ei);
    assert_int_equal(dropped, 1);
    runs(s, any, 0, 2);
    store_close(s);
}

static void run_of_a_dead_process(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int64_t id = 0;
        struct store *mine = NULL;
        if (store_open(in(&dir, ".sluice"), false, &mine, &ei) != OK ||
            store_run_begin(mine, S("a"), S("main"), 1, &id, &ei) != OK)
            _exit(1);
        _exit(0);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    struct store *s = open_store();
    struct run_row *r = runs(s, S("a"), 0, 1);
    assert_str(r[0].status, "interrupted");
    assert_int_equal(r[0].pid, pid);

    /* Another process that got the same number is not the one that ran. */
    struct sqlite *db = NULL;
    char sql[200];
    assert_ok(sqlite_open(in(&dir, ".sluice/state.db"), SQLITE_RW, 1000, &db, &ei), ei);
    snprintf(sql, sizeof sql, "UPDATE run SET process = '%d 1 boot'", (int)getpid());
    assert_ok(sqlite_exec(db, sql, &ei), ei);
    sqlite_close(db);
    assert_str(runs(s, S("a"), 0, 1)[0].status, "interrupted");

    /* Unless it holds the lock in its name (it may live where we cannot see it). */
    struct store_lock *lock = NULL;
    assert_ok(store_lock(s, S("a"), &lock, &ei), ei);
    assert_str(runs(s, S("a"), 0, 1)[0].status, "interrupted");
    FILE *f = fopen(in(&dir, ".sluice/lock/a"), "we");
    fprintf(f, "%d 1 boot", (int)getpid());
    fclose(f);
    assert_str(runs(s, S("a"), 0, 1)[0].status, "running");
    store_unlock(lock);
    assert_str(runs(s, S("a"), 0, 1)[0].status, "interrupted");
    store_close(s);
}

static void gaps(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct gap *g = NULL;
    size_t n = 9;
    assert_ok(store_gaps(s, S("a"), a, &g, &n, &ei), ei);
    assert_int_equal(n, 0);
    assert_ok(store_gap_add(s, S("a"), &(struct gap){.from_s = 20, .to_s = 30, .why = S("late"), .created_ms = 1}, &ei),
              ei);
    assert_ok(
        store_gap_add(s, S("a"), &(struct gap){.from_s = 10, .to_s = 20, .why = S("total"), .created_ms = 2}, &ei), ei);
    assert_ok(
        store_gap_add(s, S("a"), &(struct gap){.from_s = 10, .to_s = 20, .why = S("again"), .created_ms = 3}, &ei), ei);
    assert_ok(store_gap_add(s, S("b"), &(struct gap){.from_s = 10, .to_s = 20, .created_ms = 3}, &ei), ei);
    s = reopen(s);
    assert_ok(store_gaps(s, S("a"), a, &g, &n, &ei), ei);
    assert_int_equal(n, 2);
    assert_true(g[0].from_s == 10 && g[0].to_s == 20 && g[0].tries == 1 && g[0].created_ms == 2 && g[1].from_s == 20);
    assert_str(g[0].why, "again");
    assert_ok(store_gap_close(s, g[0].id, 4, &ei), ei);
    assert_ok(store_gap_close(s, g[0].id, 5, &ei), ei);
    assert_ok(store_gap_add(s, S("a"), &(struct gap){.from_s = 10, .to_s = 20, .created_ms = 6}, &ei),
              ei); /* opens anew */
    assert_ok(store_gaps(s, S("a"), a, &g, &n, &ei), ei);
    assert_int_equal(n, 2);
    assert_int_equal(g[0].tries, 0);
    store_close(s);
}

/* ---- ledger ---- */

static void ledger(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct str keys[3] = {S("900001"), S("键"), S("none")};
    struct ledger_entry put[2] = {{.key = keys[0],
                                   .hash_hi = UINT64_MAX,
                                   .hash_lo = 1,
                                   .version = S("8"),
                                   .page = 3,
                                   .row = 4,
                                   .lines = 2,
                                   .mapping = 1ull << 63},
                                  {.key = keys[1], .hash_lo = 7, .page = 1}};
    struct ledger_entry got[3];
    bool found[3] = {true, true, true};
    assert_ok(ledger_get(s, S("a"), &(struct ledger_lookup){keys, 3, got, found}, a, &ei), ei);
    assert_false(found[0] || found[1] || found[2]);
    int64_t page = -1;
    assert_ok(ledger_page(s, S("a"), &page, &ei), ei);
    assert_int_equal(page, 0);
    assert_ok(ledger_put(s, S("a"), &(struct ledger_news){put, 2, 7}, &ei), ei);
    assert_ok(ledger_page(s, S("a"), &page, &ei), ei);
    assert_int_equal(page, 7);
    assert_ok(ledger_put(s, S("a"), &(struct ledger_news){NULL, 0, 9}, &ei), ei);
    assert_ok(ledger_page(s, S("b"), &page, &ei), ei);
    assert_int_equal(page, 0);
    put[1].hash_lo = 8;
    assert_ok(ledger_put(s, S("a"), &(struct ledger_news){&put[1], 1, 0}, &ei), ei);
    assert_ok(ledger_page(s, S("a"), &page, &ei), ei);
    assert_int_equal(page, 9);
    s = reopen(s);
    assert_ok(ledger_get(s, S("a"), &(struct ledger_lookup){keys, 3, got, found}, a, &ei), ei);
    assert_true(found[0] && found[1] && !found[2]);
    assert_true(got[0].hash_hi == UINT64_MAX && got[0].hash_lo == 1 && got[0].page == 3 && got[0].row == 4 &&
                got[0].lines == 2);
    assert_true(got[0].mapping == 1ull << 63 && got[1].hash_lo == 8 && got[1].version.n == 0);
    assert_str(got[0].version, "8");
    assert_str(got[2].key, "none");
    assert_ok(ledger_get(s, S("b"), &(struct ledger_lookup){keys, 3, got, found}, a, &ei), ei);
    assert_false(found[0] || found[1] || found[2]);
    int64_t n = 0;
    assert_ok(ledger_count(s, S("a"), &n, &ei), ei);
    assert_int_equal(n, 2);
    assert_ok(ledger_count(s, S("b"), &n, &ei), ei);
    assert_int_equal(n, 0);
    store_close(s);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Puts and gets 50,000 keys in batches of 1,000; prints what one took. Ids come about ascending; scattered keys are the
 * worst case. */
static void ledger_speed(struct store *s, const char *what, int64_t first, int64_t step)
{
    static char texts[1000][24];
    static struct ledger_entry e[1000], got[1000];
    static struct str keys[1000];
    static bool found[1000];
    double put_s = 0, get_s = 0;
    for (int batch = 0; batch < 50; batch++) {
        for (int i = 0; i < 1000; i++) {
            snprintf(texts[i], sizeof texts[i], "%lld", (long long)(first + (batch * 1000 + i) * step % 1000003));
            keys[i] = str_of(texts[i]);
            e[i] = (struct ledger_entry){.key = keys[i],
                                         .hash_hi = (uint64_t)i + 1,
                                         .hash_lo = (uint64_t)batch,
                                         .version = S("1767225600000"),
                                         .page = batch};
        }
        double t0 = now_s();
        assert_ok(ledger_put(s, S("a"), &(struct ledger_news){e, 1000, 0}, &ei), ei);
        double t1 = now_s();
        arena_reset(a);
        assert_ok(ledger_get(s, S("a"), &(struct ledger_lookup){keys, 1000, got, found}, a, &ei), ei);
        put_s += t1 - t0;
        get_s += now_s() - t1;
        for (int i = 0; i < 1000; i++)
            assert_true(found[i] && got[i].hash_lo == (uint64_t)batch && got[i].hash_hi == (uint64_t)i + 1);
    }
    print_message("ledger, %s keys: put of 1,000 %.2f ms, get of 1,000 %.2f ms\n", what, put_s * 20, get_s * 20);
}

static void ledger_of_100k(void **state)
{
    (void)state;
    struct store *s = open_store();
    ledger_speed(s, "ascending", 800000000000, 1);
    ledger_speed(s, "scattered", 900000000000, 7919);
    int64_t n = 0;
    assert_ok(ledger_count(s, S("a"), &n, &ei), ei);
    assert_int_equal(n, 100000);
    store_close(s);
}

/* ---- threads ---- */

struct shared {
    struct store *s;
    int number;
};

static const char *one_round(struct store *s, struct arena *mine, int number, int i)
{
    struct errinfo e;
    char name[32], key[32];
    snprintf(name, sizeof name, "integration %d", number % 2);
    snprintf(key, sizeof key, "%d-%d", number, i);
    struct str integration = str_of(name), k = str_of(key), value;
    struct dead_letter d = letter(key, number, i, 0);
    struct ledger_entry l = {.key = k, .hash_lo = (uint64_t)i}, got;
    struct progress p = {.cursor_s = i};
    struct run_row *rows;
    size_t n;
    int64_t id;
    bool found = false;
    arena_reset(mine);
    if (ledger_put(s, integration, &(struct ledger_news){&l, 1, 0}, &e) != OK ||
        ledger_get(s, integration, &(struct ledger_lookup){&k, 1, &got, &found}, mine, &e) != OK || !found)
        return "ledger";
    if (got.hash_lo != (uint64_t)i)
        return "ledger's value";
    if (store_dead_add(s, integration, &d, 1, &e) != OK || store_set_progress(s, integration, &p, &e) != OK)
        return "dead letter, progress";
    if (store_set_fact(s, k, integration, &e) != OK || store_fact(s, k, mine, &value, &e) != OK ||
        !str_eq(value, integration))
        return "fact";
    if (store_run_begin(s, integration, S("main"), i, &id, &e) != OK ||
        store_run_end(s, id, S("ok"), S("{}"), i, &e) != OK)
        return "run";
    if (store_runs(s, &(struct run_query){.integration = integration, .limit = 5}, mine, &rows, &n, &e) != OK || n == 0)
        return "runs";
    return NULL;
}

#define ROUNDS 40

static void *work(void *arg)
{
    struct shared *shared = arg;
    struct arena *mine = arena_new(1 << 20);
    const char *wrong = NULL;
    for (int i = 0; !wrong && i < ROUNDS; i++)
        wrong = one_round(shared->s, mine, shared->number, i);
    arena_free(mine);
    return (void *)(uintptr_t)wrong;
}

/* Four threads on two handles (as two processes would). */
static void threads(void **state)
{
    (void)state;
    struct store *s[2] = {open_store(), open_store()};
    pthread_t t[4];
    struct shared shared[4];
    for (int i = 0; i < 4; i++) {
        shared[i] = (struct shared){s[i / 2], i};
        assert_int_equal(pthread_create(&t[i], NULL, work, &shared[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(t[i], &wrong);
        if (wrong)
            fail_msg("thread %d: %s", i, (const char *)wrong);
    }
    for (int i = 0; i < 2; i++) {
        int64_t n = 0;
        struct str name = i ? S("integration 1") : S("integration 0");
        assert_ok(ledger_count(s[i], name, &n, &ei), ei);
        assert_int_equal(n, 2 * ROUNDS);
        assert_ok(store_dead_count(s[i], name, &n, &ei), ei);
        assert_int_equal(n, 2 * ROUNDS);
        store_close(s[i]);
    }
}

/* ---- formats ---- */

static int64_t number_of(struct sqlite *db, const char *sql)
{
    struct sqlite_stmt *st = NULL;
    bool row = false;
    assert_ok(sqlite_prepare(db, str_of(sql), &st, &ei), ei);
    assert_ok(sqlite_step(st, &row, &ei), ei);
    int64_t n = sqlite_int(st, 0);
    sqlite_finalize(st);
    return n;
}

static void migrations(void **state)
{
    (void)state;
    static const char *const steps[] = {"CREATE TABLE t (a INTEGER) STRICT; INSERT INTO t VALUES (1)",
                                        "ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 5",
                                        "UPDATE t SET b = b + a", "CREATE TABLE u (x); INSERT INTO nowhere VALUES (1)"};
    struct sqlite *db = NULL;
    assert_ok(sqlite_open(in(&dir, "m.db"), SQLITE_RW_CREATE, 0, &db, &ei), ei);
    assert_int_equal(migrate(db, steps, 1, true, &ei), ERR_CONFIG); /* not when reading */
    assert_ok(migrate(db, steps, 1, false, &ei), ei);
    assert_int_equal(number_of(db, "PRAGMA user_version"), 1);
    assert_ok(migrate(db, steps, 3, false, &ei), ei);
    assert_ok(migrate(db, steps, 3, false, &ei), ei); /* done once only */
    assert_ok(migrate(db, steps, 3, true, &ei), ei);
    assert_int_equal(number_of(db, "SELECT b FROM t"), 6);
    assert_int_equal(migrate(db, steps, 4, false, &ei), ERR_SCHEMA); /* fails as a whole */
    assert_non_null(strstr(ei.msg, "format 4"));
    assert_int_equal(number_of(db, "PRAGMA user_version"), 3);
    assert_int_equal(number_of(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'u'"), 0);
    assert_int_equal(migrate(db, steps, 2, false, &ei), ERR_CONFIG);
    assert_non_null(strstr(ei.msg, "newer"));
    sqlite_close(db);
}

static void newer_format_and_damage(void **state)
{
    (void)state;
    store_close(open_store());
    struct sqlite *db = NULL;
    struct store *s = NULL;
    assert_ok(sqlite_open(in(&dir, ".sluice/state.db"), SQLITE_RW, 0, &db, &ei), ei);
    assert_ok(sqlite_exec(db, "PRAGMA user_version = 999", &ei), ei);
    sqlite_close(db);
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(store_open(in(&dir, ".sluice"), read_only, &s, &ei), ERR_CONFIG);
        assert_non_null(strstr(ei.msg, "state.db was written by a newer"));
    }
    FILE *f = fopen(in(&dir, ".sluice/state.db"), "r+e");
    for (int i = 0; i < 200; i++)
        fputc('x', f);
    fclose(f);
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(store_open(in(&dir, ".sluice"), read_only, &s, &ei), ERR_DISK);
        assert_non_null(strstr(ei.msg, "state.db is damaged"));
    }
}

/* ---- locks and names ---- */

static void locks(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct store_lock *one = NULL, *two = NULL;
    char holder[PROCESS_TEXT], me[PROCESS_TEXT], want[32];
    assert_ok(store_lock(s, S("订单 1"), &one, &ei), ei);
    assert_int_equal(store_lock(s, S("订单 1"), &two, &ei), ERR_CONFLICT);
    snprintf(want, sizeof want, "process %d", (int)getpid());
    assert_non_null(strstr(ei.msg, want));
    assert_non_null(strstr(ei.msg, "订单 1"));
    assert_ok(store_lock(s, S("订单 2"), &two, &ei), ei);
    store_unlock(two);
    process_identity(me);
    assert_true(lock_holder(in(&dir, ".sluice/lock"), S("订单 1"), holder));
    assert_string_equal(holder, me);
    store_unlock(one);
    assert_false(lock_holder(in(&dir, ".sluice/lock"), S("订单 1"), holder));
    assert_false(lock_holder(in(&dir, ".sluice/lock"), S("never"), holder));
    assert_ok(store_lock(s, S("订单 1"), &one, &ei), ei);
    store_unlock(one);
    store_unlock(NULL);

    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char ok = store_lock(s, S("a"), &one, &ei) == OK;
        if (write(ready[1], &ok, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char ok = 0;
    assert_int_equal(read(ready[0], &ok, 1), 1);
    assert_true(ok);
    assert_int_equal(store_lock(s, S("a"), &two, &ei), ERR_CONFLICT);
    snprintf(want, sizeof want, "process %d", (int)pid);
    assert_non_null(strstr(ei.msg, want));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_ok(store_lock(s, S("a"), &two, &ei), ei); /* the dead hold nothing */
    store_unlock(two);
    close(ready[0]);
    close(ready[1]);
    assert_true(process_alive(str_of(me)));
    static const char *const dead_ones[] = {"", "x", "0 1 2", "-1 1 2", "99999999999999999999 1 2", "1 0 no"};
    for (size_t i = 0; i < sizeof dead_ones / sizeof *dead_ones; i++)
        assert_false(process_alive(str_of(dead_ones[i])));
    char guess[PROCESS_TEXT * 2];
    const char *boot = strrchr(me, ' ');
    const struct {
        const char *tail;
        bool alive;
    } unsure[] = {{" ? ?", true}, {" ? other-boot", false}, {" 0 ?", false}, {" ?", false}, {" ? ? ?", false}};
    for (size_t i = 0; i < sizeof unsure / sizeof *unsure; i++) {
        snprintf(guess, sizeof guess, "%d%s", (int)getpid(), unsure[i].tail);
        assert_int_equal(process_alive(str_of(guess)), unsure[i].alive);
    }
    snprintf(guess, sizeof guess, "%d ?%s", (int)getpid(), boot);
    assert_true(process_alive(str_of(guess)));
    store_close(s);
}

static void file_names(void **state)
{
    (void)state;
    char out[FILES_NAME_MAX], other[FILES_NAME_MAX], longs[300];
    static const char *const table[][2] = {{"orders_1-a", "orders_1-a"}, {"a b", "a%20b"},
                                           {"../x", "%2E%2E%2Fx"},       {".", "%2E"},
                                           {"订", "%E8%AE%A2"},          {"a%b~", "a%25b%7E"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t n = files_name(str_of(table[i][0]), out);
        assert_string_equal(out, table[i][1]);
        assert_int_equal(n, strlen(out));
    }
    assert_true(files_name(S(""), out) > 1 && out[0] == '~');
    assert_string_equal((files_name(S("a\0b"), out), out), "a%00b");
    memset(longs, 'x', sizeof longs);
    for (size_t n = 150; n < sizeof longs; n++) {
        size_t length = files_name(str_mk(longs, n), out);
        assert_int_equal(length, strlen(out));
        assert_true(length < FILES_NAME_MAX);
        files_name(str_mk(longs, n + 1), other);
        assert_string_not_equal(out, other);
    }
    for (size_t i = 0; i + 3 <= sizeof longs; i += 3)
        memcpy(longs + i, "订", 3);
    size_t length = files_name(str_mk(longs, 297), out);
    assert_int_equal(length, strlen(out));
    assert_int_equal(out[length - 33], '~');
    struct store *s = open_store();
    char *path = store_journal_dir(s, S("订"));
    assert_string_equal(path, in(&dir, ".sluice/journal/%E8%AE%A2"));
    free(path);
    store_close(s);
}

static void full_disk(void **state)
{
    (void)state;
    if (!small_disk(&dir, "1m"))
        skip();
    struct store *s = open_store();
    struct ledger_entry e = {.key = S("k"), .hash_lo = 1}, got;
    assert_ok(ledger_put(s, S("a"), &(struct ledger_news){&e, 1, 0}, &ei), ei);
    const char *ballast = fill_disk(&dir);
    static char big[100000];
    memset(big, 'x', sizeof big);
    assert_int_equal(store_set_fact(s, S("big"), str_mk(big, sizeof big), &ei), ERR_DISK);
    assert_non_null(strstr(ei.msg, "state.db"));
    struct dead_letter d = letter("k", 1, 1, 0);
    d.raw = str_mk(big, sizeof big);
    assert_int_equal(store_dead_add(s, S("a"), &d, 1, &ei), ERR_DISK);
    bool found = false;
    assert_ok(ledger_get(s, S("a"), &(struct ledger_lookup){&e.key, 1, &got, &found}, a, &ei), ei);
    assert_true(found);
    assert_int_equal(unlink(ballast), 0);
    assert_ok(store_dead_add(s, S("a"), &d, 1, &ei), ei);
    s = reopen(s);
    int64_t n = 0;
    assert_ok(store_dead_count(s, S("a"), &n, &ei), ei);
    assert_int_equal(n, 1);
    store_close(s);
}

static int use_readonly_folder(const struct folder *f)
{
    struct store *s = NULL;
    struct progress p;
    if (store_open(in(f, ".sluice"), false, &s, &ei) != ERR_DISK || !strstr(ei.msg, "state.db"))
        return 1;
    if (store_open(in(f, "new"), false, &s, &ei) != ERR_DISK || !strstr(ei.msg, "new: Permission denied"))
        return 2;
    if (store_open(in(f, ".sluice"), true, &s, &ei) != OK)
        return 3;
    if (store_progress(s, S("a"), &p, &ei) != OK || p.page != 5)
        return 4;
    store_close(s);
    return 0;
}

static void readonly_folder(void **state)
{
    (void)state;
    struct store *s = open_store();
    struct progress p = {.page = 5};
    assert_ok(store_set_progress(s, S("a"), &p, &ei), ei);
    store_close(s);
    chmod(in(&dir, ".sluice/state.db"), 0444);
    chmod(in(&dir, ".sluice"), 0555);
    chmod(dir.path, 0555);
    int status = as_nobody(use_readonly_folder, &dir);
    chmod(dir.path, 0755);
    chmod(in(&dir, ".sluice"), 0755);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opening, setup, teardown),
        cmocka_unit_test_setup_teardown(progress_and_facts, setup, teardown),
        cmocka_unit_test_setup_teardown(runs_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(run_of_a_dead_process, setup, teardown),
        cmocka_unit_test_setup_teardown(gaps, setup, teardown),
        cmocka_unit_test_setup_teardown(ledger, setup, teardown),
        cmocka_unit_test_setup_teardown(ledger_of_100k, setup, teardown),
        cmocka_unit_test_setup_teardown(threads, setup, teardown),
        cmocka_unit_test_setup_teardown(migrations, setup, teardown),
        cmocka_unit_test_setup_teardown(newer_format_and_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(locks, setup, teardown),
        cmocka_unit_test_setup_teardown(file_names, setup, teardown),
        cmocka_unit_test_setup_teardown(readonly_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
