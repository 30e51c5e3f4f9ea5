/* The log: the form of a line, one line an event whatever it quotes, and secrets that never show. */
#include "table.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

struct seen {
    struct buf lines;
    size_t n;
    enum log_level last;
};

static void keep(void *ctx, enum log_level level, struct str line)
{
    struct seen *seen = ctx;
    seen->last = level;
    seen->n++;
    buf_add(&seen->lines, line);
    buf_byte(&seen->lines, '\n');
}

static struct seen seen;
static int real_stderr = -1;

/* Sends stderr to a file that is gone at once, so that the test's own output stays readable. */
static int catch_lines(void **state)
{
    (void)state;
    char path[] = "/tmp/test_base_log_XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    (void)unlink(path);
    real_stderr = dup(STDERR_FILENO);
    (void)dup2(fd, STDERR_FILENO);
    (void)close(fd);
    seen = (struct seen){.lines = buf_make((size_t)16 << 20)};
    log_set_sink(keep, &seen);
    log_set_level(LOG_INFO_);
    log_set_json(false);
    return 0;
}

static int let_go(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    log_set_json(false);
    buf_free(&seen.lines);
    (void)dup2(real_stderr, STDERR_FILENO);
    (void)close(real_stderr);
    return 0;
}

/* What follows the time in the line seen last. */
static struct str after_time(void)
{
    struct str line = buf_str(&seen.lines);
    size_t blank = str_find(line, S(" "), 0);
    assert_int_not_equal(blank, SIZE_MAX);
    return str_sub(line, blank + 1, SIZE_MAX);
}

static void text_lines(void **state)
{
    (void)state;
    log_debug("not shown");
    assert_int_equal(seen.n, 0);
    log_warn("%d rows in \"%s\"", 5, "聚水潭");
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.last, LOG_WARN_);
    assert_true(str_eq(after_time(), S("warn 5 rows in \"聚水潭\"\n")));
    assert_int_equal(str_find(buf_str(&seen.lines), S(" "), 0), strlen("2026-03-01T08:30:00Z"));
    char from_stderr[256] = "";
    assert_int_equal(pread(STDERR_FILENO, from_stderr, sizeof(from_stderr) - 1, 0), (ssize_t)seen.lines.n);
    assert_string_equal(from_stderr, buf_cstr(&seen.lines));
    log_set_level(LOG_DEBUG_);
    log_debug("shown");
    assert_int_equal(seen.n, 2);
    log_set_level(LOG_ERROR_);
    log_warn("not shown");
    log_error("shown");
    assert_int_equal(seen.n, 3);
}

static void one_line_whatever_it_quotes(void **state)
{
    (void)state;
    log_info("%s", "a\nb\r\n\tc\x1b[31m\x7f\xff\xc2\x85\xe2\x80\xa8 end");
    assert_true(str_eq(after_time(), S("info a\\nb\\r\\n\\tc\\x1b[31m\\x7f\xEF\xBF\xBD\\x85\\u2028 end\n")));
}

static void json_lines(void **state)
{
    (void)state;
    log_set_json(true);
    log_error("%s", "say \"hi\\\" \n\x01\xff 聚");
    struct str line = buf_str(&seen.lines);
    assert_true(str_starts(line, S("{\"time\":\"")));
    size_t at = str_find(line, S("\",\"level\""), 0);
    assert_int_not_equal(at, SIZE_MAX);
    assert_true(str_eq(str_sub(line, at, SIZE_MAX),
                       S("\",\"level\":\"error\",\"message\":\"say \\\"hi\\\\\\\" \\n\\u0001\xEF\xBF\xBD 聚\"}\n")));
}

static void journal_lines(void **state)
{
    struct stat st;
    char name[48];

    (void)state;
    log_set_journal(true);
    log_warn("one");
    log_error("two");
    log_set_journal(false);
    assert_true(str_eq(buf_str(&seen.lines), S("<4>one\n<3>two\n")));
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(name, sizeof name, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", name, 1);
    assert_true(log_is_journal());
    setenv("JOURNAL_STREAM", "1:1", 1);
    assert_false(log_is_journal());
    unsetenv("JOURNAL_STREAM");
    assert_false(log_is_journal());
}

static void hide_all(void)
{
    log_hide(S("abc"));
    log_hide(S(""));
    log_hide(str_mk(NULL, 0));
    log_hide(S("s3cr3t-key"));
    log_hide(S("s3cr3t-key"));
    log_hide(S("s3cr3t-key-longer"));
    log_hide(S("pa ss/w+rd"));
    log_hide(S("密码abc"));
    log_hide(S("abcdefgh"));
    log_hide(S("cdefghijkl"));
    log_hide(S("100%41x"));
    log_hide(S("q\"u\\\\o/te"));
    log_hide(S("t&<'y>"));
    log_hide(S("😀smile"));
}

static bool check_mask(const struct table_row *row)
{
    char out[256];
    size_t n = log_mask(row->col[0], out, sizeof(out));
    if (!str_eq(str_mk(out, n), row->col[1]))
        print_error("got %s\n", out);
    return out[n] == '\0' && str_eq(str_mk(out, n), row->col[1]);
}

static void masks(void **state)
{
    (void)state;
    hide_all();
    table_run("base/log_mask.txt", check_mask);
    char out[8] = "?";
    assert_int_equal(log_mask(S("x"), out, 0), 0);
    assert_string_equal(out, "?");
    assert_int_equal(log_mask(S("x"), out, 1), 0);
    assert_string_equal(out, "");
    assert_int_equal(log_mask(S("聚水潭"), out, sizeof(out)), 6);
    assert_string_equal(out, "聚水");
    assert_int_equal(log_mask(str_mk(NULL, 0), out, sizeof(out)), 0);
    /* The text is masked before it is cut: no part of the secret shows, wherever the cut falls. */
    for (size_t cap = 1; cap < 20; cap++) {
        char small[20];
        (void)log_mask(S("abs3cr3t-key"), small, cap);
        assert_null(strstr(small, "s3"));
    }
}

static void lines_are_masked(void **state)
{
    (void)state;
    hide_all();
    log_info("GET /?key=%s&p=%s", "s3cr3t-key", "pa%20ss%2Fw%2Brd");
    assert_true(str_eq(after_time(), S("info GET /?key=***&p=***\n")));
    /* Also across the place where a long line is cut. */
    for (size_t lead = (16 << 10) - 20; lead < (16 << 10) + 20; lead++) {
        buf_clear(&seen.lines);
        log_info("%*s%s tail", (int)lead, "", "s3cr3t-key");
        assert_int_equal(str_find(buf_str(&seen.lines), S("s3"), 0), SIZE_MAX);
    }
}

/* Messages are kept and answered as they are; no half of a secret is left where they are cut. */
static void failures_are_masked(void **state)
{
    struct errinfo ei;

    (void)state;
    hide_all();
    for (int lead = 600; lead < 4000; lead += lead < 660 ? 1 : 97) {
        (void)fail(&ei, ERR_REMOTE, "%*s%s tail", lead, "", "s3cr3t-key");
        assert_null(strstr(ei.msg, "s3"));
        (void)fail_hint(&ei, "%*s%s tail", lead - 320, "", "s3cr3t-key");
        assert_null(strstr(ei.hint, "s3"));
    }
    (void)fail(&ei, ERR_REMOTE, "it says {\"a\":\"q\\\"u\\\\\\\\o/te\"}");
    err_prefix(&ei, "s3cr3t-key");
    assert_string_equal(ei.msg, "***: it says {\"a\":\"***\"}");
}

static void huge_messages(void **state)
{
    (void)state;
    size_t n = (size_t)2 << 20;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, 'x', n);
    text[n] = '\0';
    log_info("%s", text);
    assert_true(str_find(buf_str(&seen.lines), S("too long"), 0) != SIZE_MAX);
    buf_clear(&seen.lines);
    memset(text, '\x01', n);
    text[100000] = '\0';
    log_set_json(true);
    log_info("%s", text);
    assert_true(seen.lines.n > 16384);
    assert_true(str_ends(buf_str(&seen.lines), S("…\"}\n")));
    free(text);
}

static void *write_lines(void *arg)
{
    for (int i = 0; i < 500; i++) {
        log_info("thread %d line %d s3cr3t-key", *(int *)arg, i);
        if (i % 100 == 0)
            log_hide(str_sub(S("another-secret"), (size_t)i / 100, 8));
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    hide_all();
    pthread_t thread[4];
    int name[4];
    for (int i = 0; i < 4; i++) {
        name[i] = i;
        assert_int_equal(pthread_create(&thread[i], NULL, write_lines, &name[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(seen.n, 2000);
    struct str rest = buf_str(&seen.lines), line;
    while (str_cut(&rest, '\n', &line))
        if (line.n > 0)
            assert_true(str_ends(line, S(" ***")) && str_find(line, S(" info thread "), 0) != SIZE_MAX);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, catch_lines, let_go)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(text_lines),
        LOG_TEST(one_line_whatever_it_quotes),
        LOG_TEST(json_lines),
        LOG_TEST(journal_lines),
        cmocka_unit_test(masks),
        LOG_TEST(lines_are_masked),
        cmocka_unit_test(failures_are_masked),
        LOG_TEST(huge_messages),
        LOG_TEST(threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
