/* The journal: what was acknowledged is there, once, whole and in order, whatever happens in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "store/journal.h"

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "test_store_fixture.h"

/* Stand before the C library's, for SQLite as well: the Nth synchronization fails, once. */
static atomic_int syncs_left = -1;

static int sync_or_fail(long number, int fd)
{
    if (atomic_load(&syncs_left) >= 0 && atomic_fetch_sub(&syncs_left, 1) == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(number, fd);
}

int fsync(int fd)
{
    return sync_or_fail(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_or_fail(SYS_fdatasync, fd);
}

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

static const struct journal_limits no_limits = {0, 0};

static struct journal *open_at(const char *path, struct journal_limits limits, bool read_only)
{
    struct journal *j = NULL;
    assert_ok(journal_open(path, limits, read_only, &j, &ei), ei);
    return j;
}

/* A body that follows from a number, and does not compress to nothing. */
static struct str body_of(int64_t number, char *out, size_t n)
{
    uint64_t x = (uint64_t)number * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (size_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[i] = (char)('a' + x % 26);
    }
    return str_mk(out, n);
}

#define BODY 6000

static size_t body_length(int64_t number)
{
    return (size_t)(number * 997 % BODY) + 1;
}

/* Appends entries that hold their own number (from last + 1). */
static enum err append(struct journal *j, int64_t from, size_t n)
{
    static _Thread_local char bodies[8][BODY];
    struct journal_entry entries[8] = {{0}};
    for (size_t i = 0; i < n; i++) {
        int64_t number = from + (int64_t)i;
        entries[i] = (struct journal_entry){.kind = JOURNAL_PAGE,
                                            .purpose = PURPOSE_MAIN,
                                            .run = 7,
                                            .from_s = -5,
                                            .to_s = INT64_MAX,
                                            .page_no = number,
                                            .fetched_ms = number * 1000,
                                            .cursor_s = INT64_MIN,
                                            .call = S("GET /x?a=1"),
                                            .body = body_of(number, bodies[i], body_length(number))};
    }
    enum err e = journal_append(j, entries, n, &ei);
    for (size_t i = 0; e == OK && i < n; i++)
        assert_int_equal(entries[i].seq, from + (int64_t)i);
    return e;
}

static const char *wrong_entry(struct journal *j, int64_t seq, struct arena *a)
{
    static _Thread_local char body[BODY];
    struct journal_entry e;
    struct errinfo mine;
    bool found = false;
    arena_reset(a);
    if (journal_read(j, seq, a, &e, &found, &mine) != OK)
        return "read failed";
    if (!found)
        return "not found";
    if (e.seq != seq || e.page_no != seq || e.fetched_ms != seq * 1000 || e.run != 7 || e.cursor_s != INT64_MIN)
        return "numbers differ";
    if (!str_eq(e.body, body_of(seq, body, body_length(seq))) || !str_eq(e.call, S("GET /x?a=1")))
        return "texts differ";
    return NULL;
}

static void check_entries(struct journal *j, int64_t from, int64_t to)
{
    struct arena *a = arena_new(1 << 20);
    for (int64_t seq = from; seq <= to; seq++) {
        const char *wrong = wrong_entry(j, seq, a);
        if (wrong)
            fail_msg("entry %lld: %s", (long long)seq, wrong);
    }
    arena_free(a);
}

static void round_trip(void **state)
{
    (void)state;
    static char big[1 << 20];
    struct journal *j = open_at(in(&dir, "new/聚水潭"), no_limits, false);
    assert_int_equal(journal_last(j), 0);
    assert_int_equal(journal_first(j), 0);
    assert_int_equal(journal_bytes(j), 0);
    struct journal_entry given[4] = {
        {.kind = JOURNAL_PAGE,
         .purpose = PURPOSE_GAP,
         .run = 1,
         .from_s = 10,
         .to_s = 20,
         .page_no = 3,
         .fetched_ms = 99,
         .call = S("call"),
         .body = S("{\"a\":1}")},
        {.kind = JOURNAL_MARK, .purpose = PURPOSE_MAIN, .run = 1, .cursor_s = 20},
        {.kind = JOURNAL_PAGE, .purpose = PURPOSE_REMEDY, .body = S("nul\0inside")},
        {.kind = JOURNAL_PAGE, .purpose = PURPOSE_BACKFILL, .body = body_of(4, big, sizeof big)}};
    assert_ok(journal_append(j, given, 4, &ei), ei);
    assert_ok(journal_append(j, NULL, 0, &ei), ei);
    journal_close(j);
    j = open_at(in(&dir, "new/聚水潭"), no_limits, false);
    assert_int_equal(journal_first(j), 1);
    assert_int_equal(journal_last(j), 4);
    assert_true(journal_bytes(j) > (int64_t)sizeof big / 2);
    struct arena *a = arena_new(4 << 20);
    bool found = false;
    for (int64_t seq = 1; seq <= 4; seq++) {
        struct journal_entry got;
        assert_ok(journal_read(j, seq, a, &got, &found, &ei), ei);
        const struct journal_entry *want = &given[seq - 1];
        assert_true(found);
        assert_int_equal(got.seq, seq);
        assert_int_equal(got.kind, want->kind);
        assert_int_equal(got.purpose, want->purpose);
        assert_int_equal(got.from_s, want->from_s);
        assert_int_equal(got.to_s, want->to_s);
        assert_int_equal(got.cursor_s, want->cursor_s);
        assert_true(str_eq(got.body, want->body) && got.body.p);
        assert_true(str_eq(got.call, want->call) && got.call.p);
        assert_ok(journal_read(j, seq, NULL, &got, &found, &ei), ei);
        assert_null(got.body.p);
        assert_int_equal(got.page_no, want->page_no);
    }
    struct journal_entry got;
    assert_ok(journal_read(j, 5, a, &got, &found, &ei), ei);
    assert_false(found);
    assert_ok(journal_read(j, INT64_MIN, a, &got, &found, &ei), ei);
    assert_true(found);
    assert_int_equal(got.seq, 1);
    struct stat st;
    assert_int_equal(stat(in(&dir, "new/聚水潭/00000001.db"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in(&dir, "new/聚水潭"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    arena_free(a);
    journal_close(j);
}

static void longest_and_too_long(void **state)
{
    (void)state;
    char *body = calloc(1, JOURNAL_BODY_MAX + 1);
    assert_non_null(body);
    struct journal *j = open_at(in(&dir, "j"), no_limits, false);
    struct journal_entry e = {.body = {body, JOURNAL_BODY_MAX + 1}};
    assert_int_equal(journal_append(j, &e, 1, &ei), ERR_DATA);
    assert_int_equal(journal_last(j), 0);
    e.body.n--;
    assert_ok(journal_append(j, &e, 1, &ei), ei);
    struct arena *small = arena_new(1 << 20), *large = arena_new((size_t)40 << 20);
    struct journal_entry got;
    bool found = false;
    assert_int_equal(journal_read(j, 1, small, &got, &found, &ei), ERR_INTERNAL);
    assert_ok(journal_read(j, 1, large, &got, &found, &ei), ei);
    assert_int_equal(got.body.n, JOURNAL_BODY_MAX);
    arena_free(small);
    arena_free(large);
    free(body);
    journal_close(j);
}

static bool exists(const char *rest)
{
    return access(in(&dir, rest), F_OK) == 0;
}

static void segments_by_age_and_size(void **state)
{
    (void)state;
    struct journal *j = open_at(in(&dir, "j"), (struct journal_limits){0, 10000}, false); /* an entry is a second */
    for (int64_t i = 1; i <= 35; i++)
        assert_ok(append(j, i, 1), ei);
    assert_true(exists("j/00000001.db") && exists("j/00000011.db") && exists("j/00000021.db") &&
                exists("j/00000031.db"));
    assert_false(exists("j/00000001.db-wal"));
    assert_true(exists("j/00000031.db-wal"));
    check_entries(j, 1, 35);
    assert_false(exists("j/00000001.db-shm"));
    journal_close(j);
    j = open_at(in(&dir, "j"), (struct journal_limits){1, 0}, false); /* one append each */
    assert_ok(append(j, 36, 3), ei);
    assert_ok(append(j, 39, 2), ei);
    assert_true(exists("j/00000036.db") && exists("j/00000039.db"));
    check_entries(j, 1, 40);
    journal_close(j);
}

static void pruning(void **state)
{
    (void)state;
    size_t n = 0;
    struct journal *j = open_at(in(&dir, "j"), (struct journal_limits){0, 10000}, false);
    for (int64_t i = 1; i <= 35; i++)
        assert_ok(append(j, i, 1), ei);
    check_entries(j, 1, 2); /* the reader holds the first segment */
    assert_ok(journal_prune(j, &(struct prune_rule){9, 0, 0, 1000000}, &n, &ei), ei); /* not done yet */
    assert_int_equal(n, 0);
    /* nothing too old or too much */
    assert_ok(journal_prune(j, &(struct prune_rule){35, INT64_MAX, INT64_MAX, 1000000}, &n, &ei), ei);
    assert_int_equal(n, 0);
    assert_ok(journal_prune(j, &(struct prune_rule){35, 15000, INT64_MAX, 36000}, &n, &ei),
              ei); /* its newest at 10 s and 20 s: older than 15 s at 36 s */
    assert_int_equal(n, 2);
    assert_int_equal(journal_first(j), 21);
    assert_false(exists("j/00000001.db") || exists("j/00000011.db"));
    /* too much: all but the newest */
    assert_ok(journal_prune(j, &(struct prune_rule){35, INT64_MAX, 0, 0}, &n, &ei), ei);
    assert_int_equal(n, 1);
    assert_int_equal(journal_first(j), 31);
    struct arena *a = arena_new(1 << 20);
    struct journal_entry got;
    bool found = false;
    assert_ok(journal_read(j, 1, a, &got, &found, &ei), ei);
    assert_true(found);
    assert_int_equal(got.seq, 31);
    assert_ok(journal_prune(j, &(struct prune_rule){35, 1000, INT64_MAX, 1000000}, &n, &ei),
              ei); /* even the newest is old: numbers go on all the same */
    assert_int_equal(n, 1);
    assert_int_equal(journal_first(j), 0);
    assert_int_equal(journal_last(j), 35);
    assert_ok(journal_read(j, 1, a, &got, &found, &ei), ei);
    assert_false(found);
    journal_close(j);
    j = open_at(in(&dir, "j"), no_limits, false);
    assert_int_equal(journal_last(j), 35);
    assert_ok(append(j, 36, 1), ei);
    check_entries(j, 36, 36);
    assert_int_equal(journal_first(j), 36);
    arena_free(a);
    journal_close(j);
}

static void a_lost_journal_gives_no_number_again(void **state)
{
    (void)state;
    struct journal *j = open_at(in(&dir, "j"), no_limits, false);
    journal_begin_behind(j, 41);
    assert_int_equal(journal_last(j), 41);
    assert_int_equal(journal_first(j), 0);
    assert_ok(append(j, 42, 3), ei);
    journal_begin_behind(j, 99);
    assert_int_equal(journal_last(j), 44);
    journal_close(j);
    j = open_at(in(&dir, "j"), no_limits, false);
    assert_int_equal(journal_first(j), 42);
    assert_int_equal(journal_last(j), 44);
    check_entries(j, 42, 44);
    journal_close(j);
}

static void one_writer_many_readers(void **state)
{
    (void)state;
    struct journal *none = open_at(in(&dir, "j"), no_limits, true);
    assert_int_equal(journal_last(none), 0);
    struct journal *w = open_at(in(&dir, "j"), (struct journal_limits){0, 10000}, false), *second = NULL;
    assert_int_equal(journal_open(in(&dir, "j"), no_limits, false, &second, &ei), ERR_CONFLICT);
    assert_ok(append(w, 1, 3), ei);
    check_entries(none, 1, 3); /* it follows */
    assert_int_equal(journal_last(none), 3);
    for (int64_t i = 4; i <= 40; i++)
        assert_ok(append(w, i, 1), ei);
    check_entries(none, 1, 40);
    size_t n = 0;
    assert_ok(journal_prune(w, &(struct prune_rule){40, INT64_MAX, 0, 0}, &n, &ei), ei);
    assert_true(n >= 2);
    int64_t first = journal_first(w);
    assert_int_equal(journal_first(none), first);
    check_entries(none, first, 40);
    assert_int_equal(append(none, 41, 1), ERR_INTERNAL);
    assert_int_equal(journal_prune(none, &(struct prune_rule){1, 0, 0, 0}, &n, &ei), ERR_INTERNAL);
    journal_close(none);
    journal_close(w);
}

/* ---- threads ---- */

struct shared {
    struct journal *j;
    int64_t total;
};

static void *write_all(void *arg)
{
    struct shared *s = arg;
    for (int64_t i = 1; i < s->total; i += 4) {
        if (append(s->j, i, 4) != OK)
            return "append failed";
    }
    return NULL;
}

static void *read_all(void *arg)
{
    struct shared *s = arg;
    struct arena *a = arena_new(1 << 20);
    const char *wrong = NULL;
    for (int64_t seq = 1; !wrong && seq <= s->total;) {
        if (seq > journal_last(s->j))
            sched_yield();
        else
            wrong = wrong_entry(s->j, seq++, a);
    }
    arena_free(a);
    return (void *)(uintptr_t)wrong;
}

static void threads(void **state)
{
    (void)state;
    struct shared s = {open_at(in(&dir, "j"), (struct journal_limits){0, 50000}, false), 400};
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, i ? read_all : write_all, &s), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(t[i], &wrong);
        if (wrong)
            fail_msg("thread %d: %s", i, (const char *)wrong);
    }
    journal_close(s.j);
}

/* ---- kill -9 ---- */

static void append_until_killed(const char *path, int acks)
{
    struct journal *j = NULL;
    if (journal_open(path, (struct journal_limits){100000, 0}, false, &j, &ei) != OK)
        _exit(1);
    for (size_t i = 0;; i++) {
        size_t n = i % 4 + 1;
        if (append(j, journal_last(j) + 1, n) != OK)
            _exit(2);
        int64_t last = journal_last(j);
        if (write(acks, &last, sizeof last) != sizeof last)
            _exit(3);
    }
}

/* Kills a child after `n` acknowledged appends (the next is under way); gives the last number acknowledged. */
static int64_t kill_after(const char *path, int n)
{
    int acks[2];
    assert_int_equal(pipe(acks), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(acks[0]);
        append_until_killed(path, acks[1]);
    }
    close(acks[1]);
    int64_t acked = 0, last = 0;
    for (int i = 0; i < n && read(acks[0], &last, sizeof last) == sizeof last; i++)
        acked = last;
    for (volatile int spin = 0; spin < n * 1000; spin++) { /* not always at the same point */
    }
    kill(pid, SIGKILL);
    while (read(acks[0], &last, sizeof last) == sizeof last)
        acked = last;
    close(acks[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return acked;
}

static void killed_in_the_middle(void **state)
{
    (void)state;
    const char *path = in(&dir, "j");
    char kept[512];
    snprintf(kept, sizeof kept, "%s", path);
    int64_t before = 0;
    for (int round = 0; round < 50; round++) {
        int64_t acked = kill_after(kept, round % 9);
        struct journal *j = open_at(kept, (struct journal_limits){100000, 0}, false);
        int64_t last = journal_last(j);
        assert_true(last >= acked);
        assert_true(last >= before);
        assert_true(last <= (acked > before ? acked : before) + 8);
        check_entries(j, before + 1, last);
        assert_ok(append(j, last + 1, 2), ei);
        before = last + 2;
        journal_close(j);
    }
    struct journal *j = open_at(kept, no_limits, true);
    check_entries(j, 1, before);
    assert_int_equal(journal_last(j), before);
    print_message("%lld entries, 50 kills\n", (long long)before);
    journal_close(j);
}

/* ---- disks that fail ---- */

static void full_disk(void **state)
{
    (void)state;
    if (!small_disk(&dir, "1m"))
        skip();
    struct journal *j = open_at(in(&dir, "j"), (struct journal_limits){60000, 0}, false);
    int64_t next = 1;
    for (int cycle = 0; cycle < 5; cycle++) {
        assert_ok(append(j, next++, 1), ei);
        const char *ballast = fill_disk(&dir);
        int failures = 0;
        for (int i = 0; i < 60 && failures < 3; i++) {
            if (append(j, next, 1) == OK) {
                next++;
                continue;
            }
            failures++;
            assert_int_equal(ei.code, ERR_DISK);
            assert_non_null(strstr(ei.msg, "No space left on device"));
            assert_non_null(strstr(ei.msg, "/j/"));
        }
        assert_int_equal(failures, 3);
        assert_int_equal(journal_last(j), next - 1);
        check_entries(j, journal_first(j), next - 1);
        assert_int_equal(unlink(ballast), 0);
        assert_ok(append(j, next++, 1), ei);
        size_t n = 0;
        assert_ok(journal_prune(j, &(struct prune_rule){next - 1, INT64_MAX, 0, 0}, &n, &ei), ei);
    }
    journal_close(j);
    j = open_at(in(&dir, "j"), no_limits, false);
    assert_int_equal(journal_last(j), next - 1);
    check_entries(j, journal_first(j), next - 1);
    journal_close(j);
}

/* Appends until one fails or 12 went well; gives how many failed. Numbers go on as if the failed ones had never been.
 */
static int append_with_failing_sync(struct journal *j, int nth)
{
    int failures = 0;
    atomic_store(&syncs_left, nth);
    for (int i = 0; i < 12; i++) {
        int64_t next = journal_last(j) + 1;
        if (append(j, next, 2) != OK) {
            failures++;
            assert_int_equal(ei.code, ERR_DISK);
            assert_non_null(strstr(ei.msg, "/j"));
            assert_int_equal(journal_last(j), next - 1);
        }
    }
    atomic_store(&syncs_left, -1);
    return failures;
}

static void failing_sync(void **state)
{
    (void)state;
    int failures = 0;
    int64_t before = 0;
    struct journal_limits limits = {20000, 0};
    for (int nth = 0; nth < 30; nth++) {
        struct journal *j = open_at(in(&dir, "j"), limits, false);
        assert_int_equal(journal_last(j), before);
        failures += append_with_failing_sync(j, nth);
        before = journal_last(j);
        check_entries(j, 1, before);
        journal_close(j);
    }
    assert_true(failures > 10);
    print_message("%lld entries, 30 failed synchronizations, %d of them told\n", (long long)before, failures);
}

/* A commit whose synchronization failed may be in the file all the same; what is appended next takes its place. */
static void failed_append_leaves_nothing(void **state)
{
    (void)state;
    struct journal *j = open_at(in(&dir, "j"), no_limits, false);
    assert_ok(append(j, 1, 1), ei);
    struct journal_entry lost = {.body = S("lost")}, kept = {.body = S("kept")}, got;
    atomic_store(&syncs_left, 0);
    assert_int_equal(journal_append(j, &lost, 1, &ei), ERR_DISK);
    assert_int_equal(lost.seq, 0);
    struct arena *a = arena_new(1 << 20);
    bool found = true;
    assert_ok(journal_read(j, 2, a, &got, &found, &ei), ei);
    assert_false(found);
    assert_ok(journal_append(j, &kept, 1, &ei), ei);
    assert_int_equal(kept.seq, 2);
    journal_close(j);
    j = open_at(in(&dir, "j"), no_limits, false);
    assert_int_equal(journal_last(j), 2);
    assert_ok(journal_read(j, 2, a, &got, &found, &ei), ei);
    assert_str(got.body, "kept");
    arena_free(a);
    journal_close(j);
}

static int use_readonly_folder(const struct folder *f)
{
    struct journal *j = NULL;
    if (journal_open(in(f, "j"), no_limits, false, &j, &ei) != ERR_DISK || !strstr(ei.msg, "00000003.db"))
        return 1;
    if (journal_open(in(f, "other"), no_limits, false, &j, &ei) != ERR_DISK ||
        !strstr(ei.msg, "other: Permission denied"))
        return 2;
    if (journal_open(in(f, "j"), no_limits, true, &j, &ei) != OK)
        return 3;
    struct arena *a = arena_new(1 << 20);
    int wrong = wrong_entry(j, 1, a) || wrong_entry(j, 4, a) || journal_last(j) != 4;
    arena_free(a);
    journal_close(j);
    return wrong ? 4 : 0;
}

static void readonly_folder(void **state)
{
    (void)state;
    struct journal *j = open_at(in(&dir, "j"), (struct journal_limits){1, 0}, false);
    assert_ok(append(j, 1, 2), ei);
    assert_ok(append(j, 3, 2), ei);
    journal_close(j);
    assert_int_equal(chmod(in(&dir, "j/00000001.db"), 0444), 0);
    assert_int_equal(chmod(in(&dir, "j/00000003.db"), 0444), 0);
    assert_int_equal(chmod(in(&dir, "j"), 0555), 0);
    assert_int_equal(chmod(dir.path, 0555), 0);
    int status = as_nobody(use_readonly_folder, &dir);
    chmod(dir.path, 0755);
    chmod(in(&dir, "j"), 0755);
    assert_int_equal(status, 0);
}

/* Flips one byte in the middle of the place where `needle` stands. */
static void damage(const char *path, const char *needle)
{
    FILE *f = fopen(path, "r+e");
    assert_non_null(f);
    static char all[1 << 20];
    size_t n = fread(all, 1, sizeof all, f);
    char *at = memmem(all, n, needle, strlen(needle));
    assert_non_null(at);
    long where = (long)(at - all) + (long)strlen(needle) / 2;
    assert_int_equal(fseek(f, where, SEEK_SET), 0);
    assert_int_equal(fputc(all[where] ^ 1, f), all[where] ^ 1);
    fclose(f);
}

static void damaged_body(void **state)
{
    (void)state;
    struct journal *j = open_at(in(&dir, "j"), (struct journal_limits){1, 0}, false);
    struct journal_entry e[3] = {
        {.body = S("short: kept as it is by zstd")}, {.body = S("another one, that is damaged")}, {.body = S("third")}};
    assert_ok(journal_append(j, e, 3, &ei), ei);
    assert_ok(append(j, 4, 1), ei);
    journal_close(j);
    damage(in(&dir, "j/00000001.db"), "another one, that is damaged");
    j = open_at(in(&dir, "j"), no_limits, false);
    struct arena *a = arena_new(1 << 20);
    struct journal_entry got;
    bool found = false;
    assert_ok(journal_read(j, 1, a, &got, &found, &ei), ei);
    assert_int_equal(journal_read(j, 2, a, &got, &found, &ei), ERR_DISK);
    assert_non_null(strstr(ei.msg, "entry 2 is damaged"));
    assert_non_null(strstr(ei.msg, "00000001.db"));
    assert_true(ei.hint[0] != 0);
    assert_ok(journal_read(j, 3, a, &got, &found, &ei), ei);
    assert_str(got.body, "third");
    check_entries(j, 4, 4);
    assert_true(exists("j/00000001.db"));
    arena_free(a);
    journal_close(j);
}

static void overwrite_head(const char *path)
{
    FILE *f = fopen(path, "r+e");
    assert_non_null(f);
    for (int i = 0; i < 4096; i++)
        fputc('x', f);
    fclose(f);
}

static void damaged_segments(void **state)
{
    (void)state;
    struct journal *j = open_at(in(&dir, "j"), (struct journal_limits){1, 0}, false);
    for (int64_t i = 1; i <= 4; i++)
        assert_ok(append(j, i, 1), ei);
    journal_close(j);
    struct arena *a = arena_new(1 << 20);
    struct journal_entry got;
    bool found = false;
    size_t n = 0;
    overwrite_head(in(&dir, "j/00000001.db")); /* an old one: told when it is read; the rest works */
    j = open_at(in(&dir, "j"), no_limits, false);
    assert_int_equal(journal_read(j, 1, a, &got, &found, &ei), ERR_DISK);
    assert_non_null(strstr(ei.msg, "00000001.db is damaged"));
    assert_int_equal(journal_prune(j, &(struct prune_rule){4, 1, INT64_MAX, 1000000}, &n, &ei), ERR_DISK);
    assert_true(exists("j/00000001.db"));
    check_entries(j, 2, 4);
    journal_close(j);
    assert_int_equal(unlink(in(&dir, "j/00000003.db")), 0); /* one taken away: never skipped */
    j = open_at(in(&dir, "j"), no_limits, false);
    check_entries(j, 2, 2);
    assert_int_equal(journal_read(j, 3, a, &got, &found, &ei), ERR_DISK);
    assert_non_null(strstr(ei.msg, "entry 3 is missing"));
    check_entries(j, 4, 4);
    journal_close(j);
    overwrite_head(in(&dir, "j/00000005.db")); /* the newest (pruning began it): nothing can be written after it */
    assert_int_equal(journal_open(in(&dir, "j"), no_limits, false, &j, &ei), ERR_DISK);
    assert_non_null(strstr(ei.msg, "00000005.db is damaged"));
    assert_int_equal(journal_open(in(&dir, "j"), no_limits, true, &j, &ei), ERR_DISK);
    arena_free(a);
}

/* A crash between making a segment's file and filling it, and one in the middle of dropping a segment. */
static void half_made_and_half_dropped(void **state)
{
    (void)state;
    struct journal *j = open_at(in(&dir, "j"), (struct journal_limits){1, 0}, false);
    assert_ok(append(j, 1, 2), ei);
    assert_ok(append(j, 3, 1), ei);
    size_t n = 0;
    assert_ok(journal_prune(j, &(struct prune_rule){2, INT64_MAX, 0, 0}, &n, &ei), ei);
    journal_close(j);
    fclose(fopen(in(&dir, "j/00000001.db-wal"), "we"));
    fclose(fopen(in(&dir, "j/00000004.db"), "we"));
    fclose(fopen(in(&dir, "j/notes.txt"), "we"));
    fclose(fopen(in(&dir, "j/x0000005.db"), "we"));
    j = open_at(in(&dir, "j"), no_limits, true);
    assert_int_equal(journal_last(j), 3);
    check_entries(j, 3, 3);
    struct journal *w = open_at(in(&dir, "j"), (struct journal_limits){1, 0}, false);
    assert_int_equal(journal_last(w), 3);
    assert_false(exists("j/00000001.db-wal"));
    assert_ok(append(w, 4, 1), ei);
    assert_ok(append(w, 5, 1), ei);
    check_entries(j, 3, 5);
    journal_close(w);
    journal_close(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_journal_gives_no_number_again, setup, teardown),
        cmocka_unit_test_setup_teardown(longest_and_too_long, setup, teardown),
        cmocka_unit_test_setup_teardown(segments_by_age_and_size, setup, teardown),
        cmocka_unit_test_setup_teardown(pruning, setup, teardown),
        cmocka_unit_test_setup_teardown(one_writer_many_readers, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_in_the_middle, setup, teardown),
        cmocka_unit_test_setup_teardown(threads, setup, teardown),
        cmocka_unit_test_setup_teardown(readonly_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_body, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_segments, setup, teardown),
        cmocka_unit_test_setup_teardown(half_made_and_half_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(failing_sync, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_append_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
