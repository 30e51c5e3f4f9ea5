/* The event log: lines in order, over rotations, from the end and onwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "base/buf.h"
#include "store/logfile.h"

#include <cmocka.h>

#include <pthread.h>

#include "test_store_fixture.h"

static struct folder dir;
static struct errinfo ei;
static struct buf got; /* lines that were given, each with "|" behind */

static int setup(void **state)
{
    (void)state;
    folder_make(&dir);
    got = buf_make(64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_drop(&dir);
    buf_free(&got);
    return 0;
}

static void take(void *ctx, struct str line)
{
    (void)ctx;
    buf_add(&got, line);
    buf_byte(&got, '|');
}

static bool is_odd(void *ctx, struct str line)
{
    (void)ctx;
    return (line.p[line.n - 1] - '0') % 2 == 1;
}

static const struct logfile_reader all = {.line = take}, odd = {.want = is_odd, .line = take};

static struct logfile *open_log(int64_t max_bytes)
{
    struct logfile *lf = NULL;
    assert_ok(logfile_open(in(&dir, "log"), max_bytes, &lf, &ei), ei);
    return lf;
}

static void write_numbers(struct logfile *lf, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char line[32];
        snprintf(line, sizeof line, "line %d", i);
        assert_ok(logfile_write(lf, str_of(line), &ei), ei);
    }
}

static const char *tail(size_t n, const struct logfile_reader *r, struct logfile_place *place)
{
    buf_clear(&got);
    assert_ok(logfile_tail(in(&dir, "log"), n, r, place, &ei), ei);
    return buf_cstr(&got);
}

static const char *follow(struct logfile_place *place, const struct logfile_reader *r)
{
    buf_clear(&got);
    assert_ok(logfile_follow(in(&dir, "log"), place, r, &ei), ei);
    return buf_cstr(&got);
}

static void tail_and_follow(void **state)
{
    (void)state;
    struct logfile_place place = {0, 0};
    assert_string_equal(tail(5, &all, &place), "");
    assert_string_equal(follow(&place, &all), "");
    struct logfile *lf = open_log(0);
    assert_string_equal(tail(5, &all, &place), "");
    write_numbers(lf, 1, 5);
    assert_string_equal(follow(&place, &all), "line 1|line 2|line 3|line 4|line 5|");
    assert_string_equal(follow(&place, &all), "");
    assert_string_equal(tail(2, &all, &place), "line 4|line 5|");
    assert_string_equal(tail(100, &all, NULL), "line 1|line 2|line 3|line 4|line 5|");
    assert_string_equal(tail(2, &odd, NULL), "line 3|line 5|");
    assert_string_equal(tail(0, &all, NULL), "");
    write_numbers(lf, 6, 7);
    assert_string_equal(follow(&place, &odd), "line 7|");
    assert_ok(logfile_write(lf, S("a\nb\rc"), &ei), ei);
    assert_ok(logfile_write(lf, S(""), &ei), ei);
    assert_string_equal(follow(&place, &all), "a b c|");
    struct stat st;
    assert_int_equal(stat(in(&dir, "log/sluice.jsonl"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    logfile_close(lf);
}

static void an_incomplete_line_waits(void **state)
{
    (void)state;
    struct logfile *lf = open_log(0);
    struct logfile_place place = {0, 0};
    FILE *f = fopen(in(&dir, "log/sluice.jsonl"), "ae");
    fputs("one\ntw", f);
    fflush(f);
    assert_string_equal(follow(&place, &all), "one|");
    assert_string_equal(tail(9, &all, &place), "one|");
    fputs("o\n", f);
    fclose(f);
    assert_string_equal(follow(&place, &all), "two|");
    logfile_close(lf);
}

static void rotation(void **state)
{
    (void)state;
    struct logfile *lf = open_log(64), *other = open_log(64); /* eight or nine lines a file */
    struct logfile_place place = {0, 0};
    write_numbers(lf, 10, 14);
    assert_string_equal(follow(&place, &all), "line 10|line 11|line 12|line 13|line 14|");
    write_numbers(lf, 15, 22);
    write_numbers(other, 23, 35); /* notices that the file was rotated under it */
    write_numbers(lf, 36, 37);
    assert_int_equal(access(in(&dir, "log/sluice.jsonl.2"), F_OK), 0);
    char want[1000];
    size_t n = 0;
    for (int i = 15; i <= 37; i++)
        n += (size_t)snprintf(want + n, sizeof want - n, "line %d|", i);
    assert_string_equal(follow(&place, &all), want);
    assert_string_equal(tail(23, &all, NULL), want);
    write_numbers(lf, 10, 99);
    write_numbers(lf, 10, 99);
    assert_int_equal(access(in(&dir, "log/sluice.jsonl.5"), F_OK), 0);
    assert_int_equal(access(in(&dir, "log/sluice.jsonl.6"), F_OK), -1);
    const char *rest = follow(&place, &all); /* what it knew is gone: from the oldest that is kept, to the end */
    assert_true(strlen(rest) >= 8 * 8 * 5);
    assert_string_equal(rest + strlen(rest) - 16, "line 98|line 99|");
    assert_string_equal(follow(&place, &all), "");
    logfile_close(lf);
    logfile_close(other);
}

static void long_lines(void **state)
{
    (void)state;
    char *line = malloc(2 << 20);
    assert_non_null(line);
    memset(line, 'x', 2 << 20);
    struct logfile *lf = open_log(0);
    assert_ok(logfile_write(lf, str_mk(line, 2 << 20), &ei), ei);
    assert_ok(logfile_write(lf, S("next"), &ei), ei);
    tail(2, &all, NULL);
    assert_int_equal(got.n, LOGFILE_LINE_MAX + 6);
    assert_string_equal(tail(1, &all, NULL), "next|");
    free(line);
    logfile_close(lf);
}

static void *write_some(void *arg)
{
    struct errinfo mine;
    for (int i = 0; i < 300; i++) {
        if (logfile_write(arg, S("0123456789012345678901234567890123456789"), &mine) != OK)
            return arg;
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    struct logfile *lf = open_log(16000);
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, write_some, lf), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(t[i], &wrong);
        assert_null(wrong);
    }
    tail(10000, &all, NULL);
    assert_int_equal(got.n, 1200 * 41);
    logfile_close(lf);
}

static void full_disk(void **state)
{
    (void)state;
    if (!small_disk(&dir, "256k"))
        skip();
    struct logfile *lf = open_log(0);
    write_numbers(lf, 1, 1);
    const char *ballast = fill_disk(&dir);
    enum err e = OK;
    for (int i = 0; i < 2000 && e == OK; i++)
        e = logfile_write(lf, S("some text that does not fit for ever"), &ei);
    assert_int_equal(e, ERR_DISK);
    assert_non_null(strstr(ei.msg, "sluice.jsonl: No space left on device"));
    assert_int_equal(unlink(ballast), 0);
    write_numbers(lf, 2, 3);
    assert_string_equal(tail(2, &all, NULL), "line 2|line 3|");
    logfile_close(lf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tail_and_follow, setup, teardown),
        cmocka_unit_test_setup_teardown(an_incomplete_line_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(rotation, setup, teardown),
        cmocka_unit_test_setup_teardown(long_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(threads, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
