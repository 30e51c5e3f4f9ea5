/* Events as lines: the members of the JSON object, what a person is told, secrets masked. */
#include "table.h"

#include "base/json.h"
#include "store/logfile.h"
#include "watch/loglines.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_MS 1772353800250

static int64_t wall(void *ctx)
{
    (void)ctx;
    return NOW_MS;
}

static const struct clock fixed = {.wall_ms = wall, .mono_ms = wall};

struct told {
    struct buf lines;
    int before;
};

static void keep_told(void *ctx, enum log_level level, struct str line)
{
    struct told *t = ctx;
    size_t blank = str_find(line, S(" "), 0);

    (void)level;
    buf_add(&t->lines, str_sub(line, blank + 1, SIZE_MAX));
    buf_byte(&t->lines, '\n');
}

static void count_before(void *ctx)
{
    ((struct told *)ctx)->before++;
}

static void keep_line(void *ctx, struct str line)
{
    buf_add(ctx, line);
    buf_byte(ctx, '\n');
}

/* Emits the events into a new log and gives its file's lines; what was told is in t. */
static void emit_all(const struct event *e, size_t n, struct loglines_config c, struct told *t, struct buf *file)
{
    char dir[] = "/tmp/loglines-XXXXXX", path[64];
    struct logfile_reader reader = {.line = keep_line, .ctx = file};
    struct loglines *l;
    struct listener to;
    struct errinfo ei;

    assert_non_null(mkdtemp(dir));
    c.state_dir = dir;
    c.clock = &fixed;
    c.before = count_before;
    c.ctx = t;
    log_set_sink(keep_told, t);
    l = loglines_new(&c);
    to = loglines_listener(l);
    for (size_t i = 0; i < n; i++)
        event_emit(&to, &e[i]);
    loglines_free(l);
    log_set_sink(NULL, NULL);
    assert_int_equal(logfile_tail(dir, 10000, &reader, NULL, &ei), OK);
    snprintf(path, sizeof path, "%s/log/sluice.jsonl", dir);
    if (unlink(path) == 0) {
        snprintf(path, sizeof path, "%s/log", dir);
        (void)rmdir(path);
    } else {
        snprintf(path, sizeof path, "%s/sluice.jsonl", dir);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

static void test_json(void **state)
{
    const struct event events[] = {
        {.kind = EVENT_PAGE,
         .integration = S("orders"),
         .run = 7,
         .window = 3,
         .page_no = 2,
         .records = 50,
         .bytes = 999,
         .calls = 1,
         .took_ms = 12,
         .from_s = 1772353800,
         .to_s = 1772357400},
        {.kind = EVENT_COMMIT, .integration = S("orders"), .run = 7, .batch = 9, .rows = 50, .position = 4},
        {.kind = EVENT_WINDOW_DONE, .integration = S("orders"), .run = 7, .window = 3, .flag = true},
        {.kind = EVENT_RUN_ENDED, .integration = S("orders"), .run = 7, .text = S("{\"status\":\"ok\"}")},
    };
    static const char want[] =
        "{\"time\":\"2026-03-01T08:30:00.250Z\",\"level\":\"debug\",\"event\":\"page\",\"integration\":\"orders\","
        "\"run\":7,\"window\":3,\"from\":\"2026-03-01T08:30:00Z\",\"to\":\"2026-03-01T09:30:00Z\",\"page\":2,"
        "\"records\":50,\"bytes\":999,\"calls\":1,\"took_ms\":12}\n"
        "{\"time\":\"2026-03-01T08:30:00.250Z\",\"level\":\"debug\",\"event\":\"commit\",\"integration\":\"orders\","
        "\"run\":7,\"batch\":9,\"position\":4,\"rows\":50}\n"
        "{\"time\":\"2026-03-01T08:30:00.250Z\",\"level\":\"info\",\"event\":\"window_done\",\"integration\":"
        "\"orders\",\"run\":7,\"window\":3,\"verified\":true}\n"
        "{\"time\":\"2026-03-01T08:30:00.250Z\",\"level\":\"info\",\"event\":\"run_ended\",\"integration\":\"orders\","
        "\"run\":7,\"summary\":{\"status\":\"ok\"}}\n";
    struct told t = {.lines = buf_make(1u << 16)};
    struct buf file = buf_make(1u << 20);

    (void)state;
    emit_all(events, 4, (struct loglines_config){0}, &t, &file);
    assert_string_equal(buf_cstr(&file), want);
    assert_string_equal(buf_cstr(&t.lines), "");
    buf_free(&t.lines);
    buf_free(&file);
}

static void test_told_once_a_command(void **state)
{
    struct event events[10];
    struct told t = {.lines = buf_make(1u << 16)};
    struct buf file = buf_make(1u << 20);

    (void)state;
    for (int i = 0; i < 8; i++)
        events[i] = (struct event){.kind = EVENT_DEAD,
                                   .integration = S("orders"),
                                   .run = 1,
                                   .key = S("17"),
                                   .code = ERR_DATA,
                                   .text = S("top-secret-word is too long")};
    events[8] = (struct event){
        .kind = EVENT_RETRY, .integration = S("orders"), .run = 1, .code = ERR_NETWORK, .took_ms = 100, .text = S("x")};
    events[9] = (struct event){.kind = EVENT_RUN_ENDED, .integration = S("orders"), .run = 1, .text = S("{}")};
    log_hide(S("top-secret-word"));
    emit_all(events, 10, (struct loglines_config){0}, &t, &file);
    assert_string_equal(buf_cstr(&t.lines), "warn dead letter 17: *** is too long\n"
                                            "warn dead letter 17: *** is too long\n"
                                            "warn dead letter 17: *** is too long\n"
                                            "warn dead letter 17: *** is too long\n"
                                            "warn dead letter 17: *** is too long\n"
                                            "warn and 3 more dead letters\n");
    assert_int_equal(t.before, 6);
    assert_int_equal(str_find(buf_str(&file), S("top-secret-word"), 0), SIZE_MAX);
    buf_clear(&t.lines);
    emit_all(events, 10, (struct loglines_config){.quiet = true}, &t, &file);
    assert_string_equal(buf_cstr(&t.lines), "");
    buf_free(&t.lines);
    buf_free(&file);
}

static void test_told_by_serve(void **state)
{
    const struct event events[] = {
        {.kind = EVENT_RETRY,
         .integration = S("orders"),
         .run = 1,
         .code = ERR_NETWORK,
         .took_ms = 3500,
         .text = S("no answer")},
        {.kind = EVENT_CIRCUIT, .integration = S("orders"), .run = 1, .flag = false, .text = S("it answers again")},
        {.kind = EVENT_RUN_ENDED,
         .integration = S("idle"),
         .run = 3,
         .text = S("{\"status\":\"ok\",\"records\":7,\"rows\":0,\"dead\":0,\"error\":null}")},
        {.kind = EVENT_RUN_ENDED,
         .integration = S("orders"),
         .run = 1,
         .text = S("{\"status\":\"ok\",\"records\":5,\"rows\":6,\"dead\":0,\"error\":null}")},
        {.kind = EVENT_RUN_ENDED,
         .integration = S("stock"),
         .run = 2,
         .code = ERR_TARGET,
         .text =
             S("{\"status\":\"failed\",\"records\":0,\"rows\":0,\"dead\":0,\"error\":{\"message\":\"it is down\"}}")},
    };
    struct told t = {.lines = buf_make(1u << 16)};
    struct buf file = buf_make(1u << 20);

    (void)state;
    emit_all(events, 5, (struct loglines_config){.many = true}, &t, &file);
    assert_string_equal(buf_cstr(&t.lines),
                        "warn orders: trying again in 3.5 s: no answer\n"
                        "info orders: it answers again\n"
                        "info orders: run 1 ended: ok, records 5, rows 6, dead 0\n"
                        "error stock: run 2 ended: failed, records 0, rows 0, dead 0: it is down\n");
    buf_free(&t.lines);
    buf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_told_once_a_command),
        cmocka_unit_test(test_told_by_serve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
