/* Alerts from figure to message, with an injected clock and channels that are functions: states, storms, outages, bans,
 * silences, quiet hours, restarts. */
#include "watch/alert_core.h"

#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define T0     INT64_C(1772325000000) /* 2026-03-01 08:30:00 +08:00 */
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

struct world {
    char dir[64];
    struct arena *a;
    const struct alert_settings *s;
    struct zone *zone;
    struct core *core;
    int64_t now;
    /* the other side */
    struct verdict answer;
    int64_t sent[500]; /* when a message went out */
    size_t n_sent, n_ok;
    char title[400], body[20000], key[80];
    int64_t errors;      /* of the last message */
    int64_t told_firing; /* together */
    int64_t told_resolved;
};

static void read_settings(struct world *w, const char *json)
{
    struct diags *d = diags_new();
    struct node *n;

    assert_int_equal(conf_parse(w->a, str_of(json), "sluice.json", d, &n), OK);
    w->s = alert_settings_read(n, (struct strs){0}, false, w->a, d);
    if (diags_count(d, DIAG_ERROR)) {
        struct errinfo ei;

        assert_int_equal(diags_first_error(d, &ei), ERR_CONFIG);
        FAIL_MSG("%s\n", ei.msg);
    }
    diags_free(d);
}

static void start(struct world *w)
{
    struct errinfo ei = {0};

    if (core_open(w->dir, w->s, w->zone, w->now, &w->core, &ei))
        FAIL_MSG("%s\n", ei.msg);
}

static void world_open(struct world *w, const char *json)
{
    struct errinfo ei;

    *w = (struct world){.now = T0, .a = arena_new(64u << 20)};
    snprintf(w->dir, sizeof w->dir, "/tmp/sluice-alerts-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    assert_int_equal(zone_open(S("Asia/Shanghai"), &w->zone, &ei), OK);
    read_settings(w, json);
    start(w);
}

static void world_close(struct world *w)
{
    static const char *const files[] = {"alerts.db", "alerts.db-wal", "alerts.db-shm"};
    char path[128];

    core_close(w->core);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", w->dir, files[i]);
        unlink(path);
    }
    rmdir(w->dir);
    zone_free(w->zone);
    arena_free(w->a);
}

/* Without a word: as after kill -9. */
static void restart(struct world *w)
{
    core_close(w->core);
    start(w);
}

static void observe(struct world *w, int rule, const char *integration, int64_t value, int64_t times)
{
    core_observe(w->core,
                 &(struct observation){.rule = rule,
                                       .integration = str_of(integration),
                                       .value = value,
                                       .base = MINUTE,
                                       .times = times,
                                       .text = times ? S("oh") : S("")},
                 w->now);
}

/* What lane 0 has to say now goes to the other side, which answers. */
static void deliver(struct world *w)
{
    struct message_context c = {false, S("p"), S("http://127.0.0.1:8420"), w->zone, w->now};
    char key[80];

    for (size_t i = 0; i < core_lanes(w->core); i++) {
        struct digest_list *d = core_take(w->core, i, w->now, key);
        struct buf b = buf_make(sizeof w->body);

        if (!d)
            continue;
        assert_true(w->n_sent < 500);
        w->sent[w->n_sent++] = w->now;
        message_title(&c, d, &b);
        snprintf(w->title, sizeof w->title, "%s", buf_cstr(&b));
        buf_clear(&b);
        message_body(&c, d, 4000, false, &b);
        assert_true(b.n <= 4000);
        snprintf(w->body, sizeof w->body, "%s", buf_cstr(&b));
        buf_free(&b);
        snprintf(w->key, sizeof w->key, "%s", key);
        w->errors = d->errors;
        if (w->answer.what == OUTCOME_OK) {
            w->n_ok++;
            w->told_firing += (int64_t)d->n_firing;
            w->told_resolved += (int64_t)d->n_resolved;
        }
        digest_list_free(d);
        core_done(w->core, i, &w->answer, w->now);
    }
}

static void pass(struct world *w, int64_t ms)
{
    int64_t until = w->now + ms;

    for (; w->now < until; w->now += 500) {
        core_tick(w->core, w->now);
        deliver(w);
    }
}

static size_t most_in_a_minute(const struct world *w)
{
    size_t most = 0;

    for (size_t i = 0; i < w->n_sent; i++) {
        size_t n = 0;

        for (size_t k = i; k < w->n_sent && w->sent[k] < w->sent[i] + MINUTE; k++)
            n++;
        most = n > most ? n : most;
    }
    return most;
}

#define OPS "{channels: {ops: {type: 'dingtalk', webhook: '${env:X}'}}"

static void fires_and_resolves(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, OPS ", rules: [{rule: 'source_down', 'for': '2m'}]}");
    observe(&w, ALERT_SOURCE_DOWN, "orders", 1, 0);
    pass(&w, 119 * SECOND);
    assert_int_equal(w.n_sent, 0);
    assert_int_equal(book_at(core_book(w.core), 0)->state, ALERT_PENDING);
    pass(&w, 6 * SECOND);
    assert_int_equal(w.n_sent, 1);
    assert_string_equal(w.title, "[warning] orders: source is down");
    assert_non_null(strstr(w.body, "Since: 03-01 08:30"));
    assert_non_null(strstr(w.body, "/integrations/orders"));
    observe(&w, ALERT_SOURCE_DOWN, "orders", 0, 0);
    pass(&w, 30 * SECOND);
    observe(&w, ALERT_SOURCE_DOWN, "orders", 1, 0); /* flutters: it is still the same */
    pass(&w, 30 * SECOND);
    assert_int_equal(w.n_sent, 1);
    observe(&w, ALERT_SOURCE_DOWN, "orders", 0, 0);
    pass(&w, 2 * MINUTE);
    assert_int_equal(w.n_sent, 2);
    assert_string_equal(w.title, "[resolved] orders: source is down");
    assert_int_equal(book_firing(core_book(w.core)), 0);
    world_close(&w);
}

static void is_over_before_it_fires(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, OPS "}");
    observe(&w, ALERT_TARGET_DOWN, "orders", 1, 0);
    pass(&w, 30 * SECOND);
    observe(&w, ALERT_TARGET_DOWN, "orders", 0, 0);
    pass(&w, 10 * MINUTE);
    assert_int_equal(w.n_sent, 0);
    world_close(&w);
}

static void holds_figures_against_rules(void **state)
{
    static const struct {
        int rule;
        int64_t value;
        bool fires;
    } rows[] = {
        {ALERT_STALE, 3 * MINUTE, false},
        {ALERT_STALE, 3 * MINUTE + 1, true},
        {ALERT_DEAD_LETTERS, 0, false},
        {ALERT_DEAD_LETTERS, 1, true},
        {ALERT_NO_DATA, 5 * MINUTE, false},
        {ALERT_NO_DATA, 6 * MINUTE, true},
        {ALERT_QUOTA, 90, false},
        {ALERT_QUOTA, 91, true},
        {ALERT_TOKEN_EXPIRING, 72 * HOUR, false},
        {ALERT_TOKEN_EXPIRING, 71 * HOUR, true},
        {ALERT_DISK, 90, false},
        {ALERT_DISK, 95, true},
        {ALERT_CLOCK_SKEW, -30 * SECOND, false},
        {ALERT_CLOCK_SKEW, -31 * SECOND, true},
        {ALERT_SCHEMA_DRIFT, 1, true},
        {ALERT_FOUND_MISSING, 2, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;

        world_open(&w, OPS "}");
        observe(&w, rows[i].rule, "orders", rows[i].value, 0);
        pass(&w, 6 * MINUTE);
        if (book_firing(core_book(w.core)) != (rows[i].fires ? 1u : 0u))
            FAIL_MSG("row %zu\n", i);
        world_close(&w);
    }
}

static void tells_a_storm_in_few_words(void **state)
{
    struct world w;
    char name[32];

    (void)state;
    world_open(&w, OPS "}");
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "orders-%04d", i);
        observe(&w, ALERT_RUN_FAILED, name, 1, 1);
    }
    pass(&w, 5 * SECOND);
    assert_int_equal(w.n_sent, 1);
    assert_int_equal(w.told_firing, 10000);
    assert_int_equal(w.errors, 10000);
    assert_non_null(strstr(w.body, "10000 firing, 0 resolved, 10000 errors in all"));
    assert_non_null(strstr(w.body, "orders-0000"));
    world_close(&w);
}

/* 10,000 errors of one integration over a minute: the first word within five seconds, the last count exact. */
static void counts_what_grows(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, OPS "}");
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k < 100; k++)
            observe(&w, ALERT_DEAD_LETTERS, "orders", ALERT_MORE, 1);
        pass(&w, 500);
    }
    assert_int_equal(w.n_sent, 1);
    assert_true(w.sent[0] - T0 <= 5 * SECOND);
    pass(&w, 10 * MINUTE);
    assert_int_equal(w.n_sent, 2);
    assert_int_equal(w.errors, 10000);
    assert_non_null(strstr(w.body, "10000 records are not written (10000 new)"));
    world_close(&w);
}

/* Alerts come and go without end: never more than the limit in any minute. */
static void stays_below_the_limit(void **state)
{
    struct world w;
    char name[32];

    (void)state;
    world_open(&w, OPS "}");
    for (int i = 0; i < 1200; i++) {
        snprintf(name, sizeof name, "i%d", i);
        observe(&w, ALERT_RUN_FAILED, name, 1, 1);
        pass(&w, SECOND);
        if (i % 100 == 99)
            restart(&w);
    }
    pass(&w, 2 * MINUTE);
    assert_int_equal(w.told_firing, 1200);
    assert_true(most_in_a_minute(&w) <= 15);
    world_close(&w);
}

static void keeps_all_through_an_outage(void **state)
{
    struct world w;
    char name[32], first_key[80];

    (void)state;
    world_open(&w, OPS "}");
    w.answer = (struct verdict){.what = OUTCOME_RETRY, .why = "down"};
    observe(&w, ALERT_RUN_FAILED, "first", 1, 1);
    pass(&w, 10 * SECOND);
    snprintf(first_key, sizeof first_key, "%s", w.key);
    for (int i = 0; i < 180; i++) {
        snprintf(name, sizeof name, "i%d", i);
        observe(&w, ALERT_RUN_FAILED, name, 1, 1);
        if (i % 2)
            observe(&w, ALERT_RUN_FAILED, name, 0, 0);
        pass(&w, 10 * SECOND);
        if (i % 60 == 30)
            restart(&w);
    }
    assert_int_equal(w.n_ok, 0);
    assert_string_equal(w.key, first_key); /* the same message, tried again */
    assert_true(w.n_sent < 80);
    w.answer.what = OUTCOME_OK;
    pass(&w, 3 * MINUTE);
    assert_int_equal(w.n_ok, 2); /* the one that was on its way, and all the rest in one */
    assert_int_equal(w.told_firing, 1 + 90);
    assert_int_equal(w.told_resolved, 90);
    world_close(&w);
}

static void obeys_a_ban(void **state)
{
    struct world w;
    size_t before;

    (void)state;
    world_open(&w, OPS "}");
    w.answer = (struct verdict){.what = OUTCOME_BANNED, .wait_ms = 10 * MINUTE, .why = "too fast"};
    observe(&w, ALERT_RUN_FAILED, "orders", 1, 1);
    pass(&w, 5 * SECOND);
    before = w.n_sent;
    assert_int_equal(before, 1);
    w.answer.what = OUTCOME_OK;
    restart(&w);
    pass(&w, 9 * MINUTE + 50 * SECOND);
    assert_int_equal(w.n_sent, before);
    pass(&w, 20 * SECOND);
    assert_int_equal(w.n_ok, 1);
    world_close(&w);
}

static void is_silenced(void **state)
{
    struct world w;
    struct errinfo ei;
    int64_t id;

    (void)state;
    world_open(&w, OPS "}");
    const struct silence s = {.rule = ALERT_RUN_FAILED, .integration = S("ord*"), .until_ms = T0 + HOUR};

    assert_int_equal(astore_add_silence(core_store(w.core), &s, &id, &ei), OK);
    core_silences(w.core, w.now);
    observe(&w, ALERT_RUN_FAILED, "orders", 1, 1);
    observe(&w, ALERT_RUN_FAILED, "refunds", 1, 1);
    pass(&w, 59 * MINUTE);
    assert_int_equal(w.told_firing, 1);
    assert_string_equal(w.title, "[critical] refunds: run failed");
    pass(&w, 2 * MINUTE);
    assert_int_equal(w.told_firing, 2);
    assert_string_equal(w.title, "[critical] orders: run failed");
    world_close(&w);
}

static void is_quiet_at_night(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, OPS ", quiet: {from: '23:00', to: '08:00', except: 'critical'}}");
    w.now = T0 + 15 * HOUR; /* 23:30 */
    observe(&w, ALERT_DEAD_LETTERS, "orders", 3, 3);
    observe(&w, ALERT_SCHEMA_DRIFT, "orders", 1, 1);
    pass(&w, HOUR);
    assert_int_equal(w.n_sent, 0);
    observe(&w, ALERT_DEAD_LETTERS, "orders", 0, 0);
    observe(&w, ALERT_RUN_FAILED, "orders", 1, 1);
    pass(&w, MINUTE);
    assert_int_equal(w.n_sent, 1); /* critical */
    pass(&w, 7 * HOUR + 28 * MINUTE);
    assert_true(w.n_sent <= 3); /* repeats of what is critical */
    w.told_firing = w.told_resolved = 0;
    pass(&w, 2 * MINUTE);
    assert_int_equal(w.told_firing, 1); /* the drift, in one message with what is over */
    assert_int_equal(w.told_resolved, 1);
    world_close(&w);
}

static void repeats(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, OPS ", rules: [{rule: 'target_down', repeat: '1h', 'for': 0}]}");
    observe(&w, ALERT_TARGET_DOWN, "orders", 1, 0);
    pass(&w, 10 * SECOND);
    for (int i = 0; i < 3; i++)
        pass(&w, HOUR);
    assert_int_equal(w.n_ok, 4);
    world_close(&w);
}

/* States, told or not, come back as they were. */
static void survives(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, OPS "}");
    observe(&w, ALERT_RUN_FAILED, "orders", 1, 7);
    core_tick(w.core, w.now); /* kept, not told yet */
    restart(&w);
    assert_int_equal(book_firing(core_book(w.core)), 1);
    pass(&w, 10 * SECOND);
    assert_int_equal(w.n_ok, 1);
    assert_int_equal(w.errors, 7);
    restart(&w);
    pass(&w, HOUR);
    assert_int_equal(w.n_ok, 1); /* not told again */
    observe(&w, ALERT_RUN_FAILED, "orders", 0, 0);
    pass(&w, 10 * SECOND);
    restart(&w);
    assert_int_equal(book_firing(core_book(w.core)), 0);
    pass(&w, MINUTE);
    assert_int_equal(w.told_resolved, 1);
    world_close(&w);
}

static void goes_where_it_should(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, "{channels: {a: {type: 'webhook', url: 'http://x'}, b: {type: 'webhook', url: 'http://y'}},"
                   " rules: [{rule: 'disk', channels: ['b'], 'for': 0},"
                   " {rule: 'run_failed', off: true, integrations: ['test*']}]}");
    observe(&w, ALERT_RUN_FAILED, "test-1", 1, 1);
    pass(&w, MINUTE);
    assert_int_equal(w.n_sent, 0);
    observe(&w, ALERT_RUN_FAILED, "orders", 1, 1);
    pass(&w, MINUTE);
    assert_int_equal(w.n_sent, 2);
    observe(&w, ALERT_DISK, "", 99, 0);
    pass(&w, MINUTE);
    assert_int_equal(w.n_sent, 3);
    assert_non_null(strstr(w.body, "disk is 99% full (limit 90%)"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_and_resolves),
        cmocka_unit_test(is_over_before_it_fires),
        cmocka_unit_test(holds_figures_against_rules),
        cmocka_unit_test(tells_a_storm_in_few_words),
        cmocka_unit_test(counts_what_grows),
        cmocka_unit_test(stays_below_the_limit),
        cmocka_unit_test(keeps_all_through_an_outage),
        cmocka_unit_test(obeys_a_ban),
        cmocka_unit_test(is_silenced),
        cmocka_unit_test(is_quiet_at_night),
        cmocka_unit_test(repeats),
        cmocka_unit_test(survives),
        cmocka_unit_test(goes_where_it_should),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
