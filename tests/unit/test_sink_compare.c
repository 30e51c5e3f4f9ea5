/* When a table holds what was sent: by value, exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "sink/rows.h"

#include <cmocka.h>

struct row {
    const char *ours, *theirs;
    bool same;
};

static void numbers(void **state)
{
    static const struct row rows[] = {
        {"9007199254740993", "9007199254740993", true},
        {"9007199254740993", "9007199254740992", false},
        {"25.8", "25.80", true},
        {"1E+2", "100", true},
        {"-0", "0", true},
        {"0.1", "0.10000000000000000000000000001", false},
        {"", "0", false},
        {"abc", "abc", true},
        {"12345678901234567890123456789.1234", "12345678901234567890123456789.1234", true},
        {"12345678901234567890123456789.1234", "12345678901234567890123456789.1235", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (same_number(str_of(rows[i].ours), str_of(rows[i].theirs)) != rows[i].same)
            fail_msg("%s, %s", rows[i].ours, rows[i].theirs);
}

static void doubles(void **state)
{
    (void)state;
    assert_true(same_double(S("0.1"), S("0.1000000000000000055511151231257827")));
    assert_false(same_double(S("0.1"), S("0.10000000149011612")));
    assert_true(same_double(S("1e300"), S("1E300")));
    assert_false(same_double(S("1"), S("")));
}

static void times(void **state)
{
    static const struct row rows[] = {
        {"2026-11-01 08:00:00", "2026-11-01 08:00:00", true},
        {"2026-11-01 08:00:00", "2026-11-01 08:00:00.000", true},
        {"2026-11-01 08:00:00.4", "2026-11-01 08:00:00", true},
        {"2026-11-01 08:00:00.5", "2026-11-01 08:00:01", true},
        {"2026-11-01 08:00:00.5", "2026-11-01 08:00:00", false},
        {"2026-11-01 08:00:00.123", "2026-11-01 08:00:00.120", false},
        {"2026-11-01", "2026-11-01 00:00:00", true},
        {"2026-11-01 08:00:00", "2026-11-01 08:00:02", false},
        {"", "2026-11-01 08:00:02", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (same_time(str_of(rows[i].ours), str_of(rows[i].theirs), false) != rows[i].same)
            fail_msg("%s, %s", rows[i].ours, rows[i].theirs);
    assert_true(same_time(S("2026-11-01 23:59:59"), S("2026-11-01"), true));
    assert_false(same_time(S("2026-11-02 00:00:00"), S("2026-11-01"), true));
}

static void texts(void **state)
{
    (void)state;
    assert_true(same_text(S("a "), S("a"), false));
    assert_false(same_text(S("a "), S("a"), true));
    assert_false(same_text(S("A"), S("a"), false));
    assert_false(same_text(S(""), S(" "), true));
}

static void documents(void **state)
{
    static const struct row rows[] = {
        {"{\"b\":1,\"a\":[1.0,null,true]}", "{\"a\": [1, null, true], \"b\": 1}", true},
        {"{\"a\":9007199254740993}", "{\"a\":9007199254740992}", false},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"c\":2}", "{\"a\":1,\"b\":2}", false},
        {"[1,2]", "[2,1]", false},
        {"[true]", "[false]", false},
        {"\"x\"", "\"y\"", false},
        {"{", "{", true},
        {"{", "{}", false},
        {"{}", "{", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (same_json(str_of(rows[i].ours), str_of(rows[i].theirs)) != rows[i].same)
            fail_msg("%s, %s", rows[i].ours, rows[i].theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(doubles), cmocka_unit_test(times),
                                       cmocka_unit_test(texts), cmocka_unit_test(documents)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
