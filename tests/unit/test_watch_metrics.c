/* Figures: the text, counting over a run, the table's page, figures over time and over a restart, their price.
 *
 * With arguments it is a tool for other tests: `page` prints docs/metrics.md, `text` a text with everything in it,
 * `bench` what ten thousand integrations cost. */
#include "table.h"

#include "base/json.h"
#include "watch/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0_S 1772353800 /* 2026-03-01T08:30:00Z */

struct hands {
    int64_t wall_ms;
};

static int64_t wall(void *ctx)
{
    return ((struct hands *)ctx)->wall_ms;
}

static const struct metrics_sample idle = {.fresh_ms = 61500,
                                           .behind_ms = 60000,
                                           .quota_left = 25,
                                           .quota_limit = 100,
                                           .journal_pages = 3,
                                           .journal_bytes = 4096,
                                           .dead = 1,
                                           .gaps = 2,
                                           .windows_open = 2,
                                           .token_left_ms = -1,
                                           .clock_offset_ms = -1500,
                                           .state = "late"};

static void end_run(struct meters *m, const char *name, int64_t rows, const char *status)
{
    struct listener l = metrics_listener(m);
    char summary[200];

    snprintf(summary, sizeof summary,
             "{\"status\":\"%s\",\"calls\":4,\"records\":%lld,\"rows\":%lld,\"dead\":1,\"duration_ms\":1500}", status,
             (long long)rows, (long long)rows);
    event_emit(
        &l, &(struct event){.kind = EVENT_RUN_ENDED, .integration = str_of(name), .run = 1, .text = str_of(summary)});
}

static void feed(struct meters *m, const char *name)
{
    struct listener l = metrics_listener(m);
    struct str n = str_of(name);

    event_emit(&l, &(struct event){.kind = EVENT_RUN_STARTED, .integration = n, .run = 1});
    event_emit(&l, &(struct event){.kind = EVENT_WINDOW_DONE, .integration = n, .run = 1, .flag = true});
    event_emit(&l, &(struct event){.kind = EVENT_COMMIT, .integration = n, .run = 1, .took_ms = 7});
    event_emit(&l, &(struct event){.kind = EVENT_COMMIT, .integration = n, .run = 1, .took_ms = 90000});
    metrics_live(
        m, n, &(struct run_live){.run = 1, .counts = {.rows = 90, .records = 80, .bytes = 12345}, .queued_shape = 2});
    metrics_sample(m, n, &idle);
}

static void assert_has(const struct buf *text, const char *line)
{
    char whole[300];

    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (str_find(buf_str(text), str_of(whole), 0) == SIZE_MAX)
        FAIL_MSG("not in the text: %s\n", line);
}

static void test_text(void **state)
{
    struct hands h = {T0_S * 1000LL + 250};
    struct clock clock = {.wall_ms = wall, .mono_ms = wall, .ctx = &h};
    struct meters *m = metrics_new(&(struct metrics_config){.clock = &clock});
    struct buf b = buf_make(1u << 20);

    (void)state;
    feed(m, "orders");
    feed(m, "a \"b\\c\n聚");
    metrics_text(m, &b);
    assert_has(&b, "# TYPE sluice_rows_total counter");
    assert_has(&b, "sluice_rows_total{integration=\"orders\"} 90");
    assert_has(&b, "sluice_rows_total{integration=\"a \\\"b\\\\c\\n聚\"} 90");
    assert_has(&b, "sluice_freshness_seconds{integration=\"orders\"} 61.500");
    assert_has(&b, "sluice_behind_seconds{integration=\"orders\"} 60");
    assert_has(&b, "sluice_clock_offset_seconds{integration=\"orders\"} -1.500");
    assert_has(&b, "sluice_quota_used_ratio{integration=\"orders\"} 0.750");
    assert_has(&b, "sluice_queue_length{integration=\"orders\",queue=\"shape\"} 2");
    assert_has(&b, "sluice_state{integration=\"orders\",state=\"late\"} 1");
    assert_has(&b, "sluice_windows_total{integration=\"orders\",verified=\"true\"} 1");
    assert_has(&b, "sluice_batch_duration_seconds_bucket{integration=\"orders\",le=\"0.005\"} 0");
    assert_has(&b, "sluice_batch_duration_seconds_bucket{integration=\"orders\",le=\"0.010\"} 1");
    assert_has(&b, "sluice_batch_duration_seconds_bucket{integration=\"orders\",le=\"+Inf\"} 2");
    assert_has(&b, "sluice_batch_duration_seconds_sum{integration=\"orders\"} 90.007");
    assert_has(&b, "sluice_batch_duration_seconds_count{integration=\"orders\"} 2");
    assert_has(&b, "process_start_time_seconds 1772353800.250");
    assert_int_equal(str_find(buf_str(&b), S("token_expires_seconds{"), 0), SIZE_MAX);
    end_run(m, "orders", 100, "partial");
    buf_clear(&b);
    metrics_text(m, &b);
    assert_has(&b, "sluice_rows_total{integration=\"orders\"} 100");
    assert_has(&b, "sluice_runs_total{integration=\"orders\",status=\"partial\"} 1");
    assert_has(&b, "sluice_run_duration_seconds_total{integration=\"orders\"} 1.500");
    assert_has(&b, "sluice_dead_letters_total{integration=\"orders\"} 1");
    assert_has(&b, "sluice_last_success_timestamp_seconds{integration=\"orders\"} 1772353800.250");
    assert_int_equal(str_find(buf_str(&b), S("sluice_queue_length{integration=\"orders\""), 0), SIZE_MAX);
    h.wall_ms += 2250; /* ages go on between samples */
    buf_clear(&b);
    metrics_text(m, &b);
    assert_has(&b, "sluice_freshness_seconds{integration=\"orders\"} 63.750");
    assert_has(&b, "sluice_behind_seconds{integration=\"orders\"} 62.250");
    metrics_keep(m, &S("stock"), 1);
    buf_clear(&b);
    metrics_text(m, &b);
    assert_has(&b, "sluice_rows_total{integration=\"stock\"} 0");
    assert_int_equal(str_find(buf_str(&b), S("orders"), 0), SIZE_MAX);
    metrics_free(m);
    metrics_free(NULL);
    buf_free(&b);
}

/* A dry run does nothing and counts for nothing; a run that fails before it gets a number is a failed run. */
static void test_without_number(void **state)
{
    struct hands h = {T0_S * 1000LL};
    struct clock clock = {.wall_ms = wall, .mono_ms = wall, .ctx = &h};
    struct meters *m = metrics_new(&(struct metrics_config){.clock = &clock});
    struct listener l = metrics_listener(m);
    struct event e = {.kind = EVENT_WINDOW_DONE, .integration = S("orders"), .flag = true};
    struct buf b = buf_make(1u << 20);

    (void)state;
    event_emit(&l, &e);
    metrics_live(m, S("orders"), &(struct run_live){.counts = {.rows = 90}});
    e.kind = EVENT_RUN_ENDED;
    e.text = S("{\"status\":\"ok\",\"rows\":90,\"duration_ms\":5}");
    event_emit(&l, &e);
    e.text = S("{\"status\":\"failed\",\"rows\":0,\"duration_ms\":5}");
    e.code = ERR_NETWORK;
    event_emit(&l, &e);
    metrics_text(m, &b);
    assert_has(&b, "sluice_rows_total{integration=\"orders\"} 0");
    assert_has(&b, "sluice_windows_total{integration=\"orders\",verified=\"true\"} 0");
    assert_has(&b, "sluice_runs_total{integration=\"orders\",status=\"ok\"} 0");
    assert_has(&b, "sluice_runs_total{integration=\"orders\",status=\"failed\"} 1");
    metrics_free(m);
    buf_free(&b);
}

static void test_page(void **state)
{
    struct buf want = buf_make(1u << 20);
    char *have = calloc(1, 1u << 20);
    FILE *f = fopen(SOURCE_DIR "/docs/metrics.md", "r");

    (void)state;
    metrics_page(&want);
    assert_non_null(f);
    assert_true(fread(have, 1, (1u << 20) - 1, f) > 0);
    fclose(f);
    if (strcmp(have, buf_cstr(&want)) != 0)
        FAIL_MSG("docs/metrics.md is stale: build/tests/test_watch_metrics page >docs/metrics.md\n");
    free(have);
    buf_free(&want);
}

static void assert_series(struct meters *m, struct series_query q, const char *want)
{
    struct buf b = buf_make(1u << 20);
    struct errinfo ei;

    q.integration = S("orders");
    assert_int_equal(metrics_series(m, &q, &b, &ei), OK);
    assert_string_equal(buf_cstr(&b), want);
    buf_free(&b);
}

/* Steps through `n` times ten seconds; before each, a run of ten rows ends. */
static void go(struct meters *m, struct hands *h, int n)
{
    for (int i = 0; i < n; i++) {
        end_run(m, "orders", 10, "ok");
        metrics_step(m);
        h->wall_ms += 10000;
    }
}

static void test_over_time(void **state)
{
    struct hands h = {T0_S * 1000LL};
    struct clock clock = {.wall_ms = wall, .mono_ms = wall, .ctx = &h};
    char dir[] = "/tmp/metrics-XXXXXX", path[64];
    struct metrics_config c = {.clock = &clock, .state_dir = dir};
    struct metrics_day day;
    struct meters *m;
    struct errinfo ei;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    m = metrics_new(&c);
    feed(m, "orders");
    end_run(m, "orders", 0, "ok");
    go(m, &h, 12);
    metrics_day(m, S("orders"), &day);
    assert_int_equal(day.rows, 120);
    assert_int_equal(day.errors, 13);
    metrics_free(m);
    m = metrics_new(&c);
    metrics_sample(m, S("orders"), &idle);
    go(m, &h, 3);
    assert_series(m, (struct series_query){.from_s = T0_S + 100, .to_s = T0_S + 140, .names = S("rows,freshness")},
                  "{\"step\":10,\"at\":[1772353900,1772353910,1772353920,1772353930],\"rows\":[10,10,10,10],"
                  "\"freshness\":[161.5,171.5,61.5,71.5]}");
    assert_series(m,
                  (struct series_query){.from_s = T0_S, .to_s = T0_S + 180, .step_s = 60, .names = S("rows, errors")},
                  "{\"step\":60,\"at\":[1772353800,1772353860,1772353920],\"rows\":[60,60,30],\"errors\":[7,6,3]}");
    assert_series(m,
                  (struct series_query){.from_s = T0_S, .to_s = T0_S + 180, .step_s = 900, .names = S("calls,quota")},
                  "{\"step\":900,\"at\":[1772353800],\"calls\":[64],\"quota\":[75]}");
    assert_series(m,
                  (struct series_query){.from_s = T0_S - 20, .to_s = T0_S + 10, .names = S("latency_p50,latency_p99")},
                  "{\"step\":10,\"at\":[1772353780,1772353790,1772353800],\"latency_p50\":[null,null,0.01],"
                  "\"latency_p99\":[null,null,60]}");
    assert_int_equal(metrics_series(m, &(struct series_query){.from_s = 5, .to_s = 6, .names = S("x")},
                                    &(struct buf){.max_bytes = 10}, &ei),
                     ERR_USAGE);
    assert_int_equal(
        metrics_series(m, &(struct series_query){.from_s = 6, .to_s = 6}, &(struct buf){.max_bytes = 10}, &ei),
        ERR_USAGE);
    metrics_day(m, S("orders"), &day);
    assert_int_equal(day.rows, 150);
    assert_int_equal(day.spark[23], 150);
    metrics_day(m, S("never heard of"), &day);
    assert_int_equal(day.rows, 0);
    h.wall_ms += 15 * 3600 * 1000 + 1800 * 1000; /* the next day */
    metrics_step(m);
    metrics_day(m, S("orders"), &day);
    assert_int_equal(day.rows, 0);
    assert_int_equal(day.spark[23 - 16], 150);
    metrics_free(m);
    snprintf(path, sizeof path, "%s/series", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= 4096 + 2 * (256 + 4680 * 40));
    assert_int_equal(truncate(path, 5), 0); /* damaged: begins anew */
    m = metrics_new(&c);
    metrics_sample(m, S("orders"), &idle);
    metrics_day(m, S("orders"), &day);
    assert_int_equal(day.spark[23 - 16], 0);
    metrics_free(m);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* The greatest questions give at most 3,000 points, whatever is asked. */
static void test_bounds(void **state)
{
    struct hands h = {T0_S * 1000LL};
    struct clock clock = {.wall_ms = wall, .mono_ms = wall, .ctx = &h};
    struct meters *m = metrics_new(&(struct metrics_config){.clock = &clock});
    const struct series_query asks[] = {
        {.from_s = INT64_MIN, .to_s = INT64_MAX},
        {.from_s = INT64_MIN, .to_s = INT64_MAX, .step_s = INT64_MAX},
        {.from_s = 0, .to_s = 1, .step_s = 7},
        {.from_s = T0_S + 100, .to_s = T0_S + 200},
        {.from_s = T0_S - 2592000, .to_s = T0_S, .step_s = 1},
        {.from_s = T0_S - 3600, .to_s = T0_S, .step_s = 25},
    };

    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        struct buf b = buf_make(1u << 20);
        struct json_doc *doc;
        struct errinfo ei;

        assert_int_equal(metrics_series(m, &asks[i], &b, &ei), OK);
        assert_int_equal(json_parse(buf_str(&b), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), OK);
        assert_true(json_count(json_get(json_root(doc), S("at"))) <= 3000);
        assert_int_equal(json_count(json_get(json_root(doc), S("rows"))),
                         json_count(json_get(json_root(doc), S("at"))));
        json_free(doc);
        buf_free(&b);
    }
    metrics_free(m);
}

static int64_t rss_kb(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    char text[100] = {0};
    char *at = text;

    if (!f || !fread(text, 1, sizeof text - 1, f))
        return 0;
    fclose(f);
    (void)strtoll(text, &at, 10);
    return strtoll(at, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024);
}

static int bench(int n)
{
    char dir[] = "/tmp/metrics-XXXXXX", name[40], path[64];
    struct meters *m;
    struct buf b = buf_make(256u << 20);
    int64_t began, text_ms = INT64_MAX, step_ms = INT64_MAX, before = rss_kb(), after = 0;

    if (!mkdtemp(dir))
        return 1;
    m = metrics_new(&(struct metrics_config){.clock = &clock_system, .state_dir = dir});
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "integration_%05d", i);
        feed(m, name);
    }
    for (int i = 0; i < 5; i++) {
        began = clock_mono(&clock_system);
        metrics_step(m);
        step_ms = clock_mono(&clock_system) - began < step_ms ? clock_mono(&clock_system) - began : step_ms;
        if (i == 0)
            after = rss_kb();
        buf_clear(&b);
        began = clock_mono(&clock_system);
        metrics_text(m, &b);
        text_ms = clock_mono(&clock_system) - began < text_ms ? clock_mono(&clock_system) - began : text_ms;
    }
    printf("{\"integrations\":%d,\"text_ms\":%lld,\"text_bytes\":%zu,\"step_ms\":%lld,\"memory_kb\":%lld,"
           "\"grown_kb_in_4_rounds\":%lld}\n",
           n, (long long)text_ms, b.n, (long long)step_ms, (long long)(after - before),
           (long long)(rss_kb() - after - (int64_t)(b.cap / 1024)));
    buf_free(&b);
    metrics_free(m);
    snprintf(path, sizeof path, "%s/series", dir);
    return unlink(path) | rmdir(dir);
}

static int64_t seven(void *ctx)
{
    (void)ctx;
    return 7;
}

static int print_text(void)
{
    struct hands h = {clock_wall(&clock_system)};
    struct clock clock = {.wall_ms = wall, .mono_ms = wall, .ctx = &h};
    struct meters *m = metrics_new(&(struct metrics_config){.clock = &clock});
    struct buf b = buf_make(16u << 20);
    struct metrics_sample s = idle;

    s.token_left_ms = 3600000;
    metrics_set_outside(m, OUTSIDE_TRACES_SENT, seven, NULL);
    metrics_set_outside(m, OUTSIDE_TRACES_DROPPED, seven, NULL);
    feed(m, "orders");
    end_run(m, "orders", 100, "ok");
    feed(m, "a \"b\\c\n聚");
    metrics_sample(m, S("orders"), &s);
    metrics_text(m, &b);
    fwrite(b.p, 1, b.n, stdout);
    buf_free(&b);
    metrics_free(m);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),      cmocka_unit_test(test_without_number), cmocka_unit_test(test_page),
        cmocka_unit_test(test_over_time), cmocka_unit_test(test_bounds),
    };
    struct buf b = buf_make(1u << 20);

    if (argc == 2 && strcmp(argv[1], "bench") == 0)
        return bench(10000);
    if (argc == 2 && strcmp(argv[1], "text") == 0)
        return print_text();
    if (argc == 2 && strcmp(argv[1], "page") == 0) {
        metrics_page(&b);
        fwrite(b.p, 1, b.n, stdout);
        buf_free(&b);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
