/* The long schedule of retries, and its memory in the store. */
#include "table.h"

#include "run/retry.h"
#include "test_store_fixture.h"

static struct folder dir;
static struct store *s;

static int setup(void **state)
{
    struct errinfo ei;

    (void)state;
    folder_make(&dir);
    return store_open(in(&dir, ".sluice"), false, &s, &ei);
}

static int teardown(void **state)
{
    (void)state;
    store_close(s);
    folder_drop(&dir);
    return 0;
}

static void the_schedule(void **state)
{
    static const int64_t want_ms[] = {20000, 300000, 3600000, 14400000, 72000000};
    static const enum err passing[] = {ERR_NETWORK, ERR_REMOTE, ERR_QUOTA, ERR_TARGET, ERR_DISK};

    (void)state;
    for (int code = OK; code < ERR_COUNT; code++) {
        bool passes = false;

        for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
            passes |= (int)passing[i] == code;
        for (int64_t n = -1; n < 8; n++)
            assert_int_equal(retry_wait_ms(n, (enum err)code),
                             passes && n >= 1 && n <= RETRY_TIMES ? want_ms[n - 1] : -1);
    }
    assert_int_equal(retry_wait_ms(INT64_MAX, ERR_NETWORK), -1);
    assert_int_equal(retry_wait_ms(INT64_MIN, ERR_NETWORK), -1);
}

static struct retry_state look(struct str name)
{
    struct retry_state r;
    struct errinfo ei;

    assert_int_equal(retry_look(s, name, &r, &ei), OK);
    return r;
}

static void remembered(void **state)
{
    struct errinfo ei;
    struct retry_state r;

    (void)state;
    r = look(S("orders"));

    assert_int_equal(r.failures, 0);
    for (int64_t n = 1; n <= RETRY_TIMES + 2; n++) {
        assert_int_equal(retry_note(s, S("orders"), ERR_NETWORK, 1000, &ei), OK);
        r = look(S("orders"));
        assert_int_equal(r.failures, n);
        assert_int_equal(r.code, ERR_NETWORK);
        assert_int_equal(r.next_ms, n <= RETRY_TIMES ? 1000 + retry_wait_ms(n, ERR_NETWORK) : 0);
    }
    assert_int_equal(look(S("others")).failures, 0);
    assert_int_equal(retry_note(s, S("orders"), OK, 2000, &ei), OK);
    assert_int_equal(look(S("orders")).failures, 0);
    assert_int_equal(retry_note(s, S("orders"), ERR_SCHEMA, 3000, &ei), OK);
    r = look(S("orders"));
    assert_true(r.failures == 1 && r.next_ms == 0 && r.code == ERR_SCHEMA);
}

static void damage_is_no_failure(void **state)
{
    static const char *const texts[] = {
        "", " ", "x", "3", "3 ", "-1 5 network", "0 5 network", "99999999999999999999 1 network"};
    struct errinfo ei;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(store_set_fact(s, S("retry:orders"), str_of(texts[i]), &ei), OK);
        assert_int_equal(look(S("orders")).failures, 0);
    }
    assert_int_equal(retry_note(s, S("orders"), ERR_REMOTE, 0, &ei), OK);
    assert_int_equal(look(S("orders")).failures, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schedule),
        cmocka_unit_test_setup_teardown(remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_no_failure, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
