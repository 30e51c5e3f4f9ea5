/* LIVE: its members, rates over five seconds, one job an integration. */
#include "table.h"

#include "base/json.h"
#include "watch/live.h"

#include <string.h>

static const struct live_job orders = {
    .integration = {"orders", 6}, .job = 5, .kind = RUN_BACKFILL, .since_ms = 1772353800000};

static void json_of(struct live *l, const char *name, struct buf *b)
{
    buf_clear(b);
    live_json(l, str_of(name), b);
}

static void test_members(void **state)
{
    struct live *l = live_new(NULL);
    struct run_live now = {.run = 9,
                           .permille = 250,
                           .quota_left = -1,
                           .doing = "reading",
                           .window_from_s = 1772353800,
                           .window_to_s = 1772357400,
                           .queued_shape = 2,
                           .counts = {.calls = 3, .dead_rows = 1}};
    struct buf b = buf_make(1u << 16);

    (void)state;
    json_of(l, "orders", &b);
    assert_string_equal(buf_cstr(&b), "null");
    live_tick(l, &orders, &now, 1000);
    assert_int_equal(live_count(l), 1);
    json_of(l, "orders", &b);
    assert_string_equal(
        buf_cstr(&b),
        "{\"run\":9,\"job\":5,\"kind\":\"backfill\",\"since\":\"2026-03-01T08:30:00Z\",\"doing\":\"reading\","
        "\"permille\":250,\"window\":{\"from\":\"2026-03-01T08:30:00Z\",\"to\":\"2026-03-01T09:30:00Z\"},\"counts\":{"
        "\"windows\":0,\"calls\":3,\"throttled\":0,\"retries\":0,\"pages\":0,\"records\":0,\"folded\":0,\"filtered\":0,"
        "\"repeats\":0,\"rows\":0,\"dead\":1,\"missing_found\":0,\"removed\":0,\"bytes\":0},\"rates\":{\"calls\":0.0,"
        "\"records\":0.0,\"rows\":0.0},\"quota_left\":null,\"queues\":{\"journal\":0,\"shape\":2,\"write\":0},"
        "\"waiting\":null}");
    json_of(l, "stock", &b);
    assert_string_equal(buf_cstr(&b), "null");
    live_end(l, S("stock"));
    live_end(l, S("orders"));
    assert_int_equal(live_count(l), 0);
    live_free(l);
    live_free(NULL);
    buf_free(&b);
}

static void assert_rate(struct live *l, const char *want)
{
    struct buf b = buf_make(1u << 16);
    struct json_doc *doc;
    struct errinfo ei;

    live_json(l, S("orders"), &b);
    assert_int_equal(json_parse(buf_str(&b), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), OK);
    assert_true(str_eq(json_text(json_path(json_root(doc), S("rates.rows"))), str_of(want)));
    json_free(doc);
    buf_free(&b);
}

/* 100 rows a second for ten seconds, then none: the rate falls to nothing within five. */
static void test_rates(void **state)
{
    struct live *l = live_new(NULL);
    struct live_job next = orders;
    struct run_live now = {0};
    int64_t ms = 0;

    (void)state;
    for (; ms <= 10000; ms += 250) {
        now.counts.rows = ms / 10;
        live_tick(l, &orders, &now, ms);
    }
    assert_rate(l, "100.0");
    for (; ms <= 12500; ms += 250)
        live_tick(l, &orders, &now, ms);
    assert_rate(l, "50.0");
    for (; ms <= 16000; ms += 250)
        live_tick(l, &orders, &now, ms);
    assert_rate(l, "0.0");
    next.job = 6;
    now.counts.rows = 7;
    live_tick(l, &next, &now, ms);
    assert_rate(l, "0.0");
    assert_int_equal(live_count(l), 1);
    live_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members), cmocka_unit_test(test_rates)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
