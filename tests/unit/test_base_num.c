/* Numbers from outside: a table of what is taken and what is refused, and the printing of whole numbers. */
#include "table.h"

#include "base/num.h"

static bool same_u64(struct str want, uint64_t got)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)got);
    return str_eq(want, str_mk(text, (size_t)n));
}

static bool same_i64(struct str want, int64_t got)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%lld", (long long)got);
    return str_eq(want, str_mk(text, (size_t)n));
}

static bool same_double(struct str want, double got)
{
    char text[64] = {0};
    memcpy(text, want.p, want.n);
    double value = strtod(text, NULL);
    return memcmp(&value, &got, sizeof(got)) == 0;
}

static bool check(const struct table_row *row)
{
    struct str kind = row->col[0], text = row->col[1], want = row->col[2];
    bool refuse = str_eq(want, S("no")), ok, same;
    if (str_eq(kind, S("i64")) || str_eq(kind, S("ms"))) {
        int64_t v = 42;
        ok = str_eq(kind, S("ms")) ? num_duration_ms(text, &v) : num_i64(text, &v);
        same = refuse ? v == 42 : same_i64(want, v);
    } else if (str_eq(kind, S("u64")) || str_eq(kind, S("bytes"))) {
        uint64_t v = 42;
        ok = str_eq(kind, S("bytes")) ? num_bytes(text, &v) : num_u64(text, &v);
        same = refuse ? v == 42 : same_u64(want, v);
    } else if (str_eq(kind, S("size"))) {
        size_t v = 42;
        ok = num_size(text, &v);
        same = refuse ? v == 42 : same_u64(want, v);
    } else {
        double v = 42.5;
        ok = num_double(text, &v);
        same = refuse ? v >= 42.5 && v <= 42.5 : same_double(want, v);
    }
    return ok == !refuse && same;
}

static void table(void **state)
{
    (void)state;
    table_run("base/num.txt", check);
}

static void long_numbers(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, '1', n);
    int64_t i;
    double d = 0;
    assert_false(num_i64(str_mk(text, n), &i));
    assert_false(num_double(str_mk(text, n), &d));
    memset(text, '0', n);
    memcpy(text, "0.5", 3);
    assert_true(num_double(str_mk(text, n), &d));
    assert_true(same_double(S("0.5"), d));
    for (size_t len = 120; len < 136; len++) {
        assert_true(num_double(str_mk(text, len), &d));
        assert_true(same_double(S("0.5"), d));
    }
    assert_false(num_double(str_mk(NULL, 0), &d));
    assert_false(num_i64(str_mk(NULL, 0), &i));
    free(text);
}

static void printing(void **state)
{
    (void)state;
    static const int64_t values[] = {0, 1, -1, 9, 10, -10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char out[21];
        assert_true(same_i64(str_mk(out, num_print_i64(values[i], out)), values[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(long_numbers),
        cmocka_unit_test(printing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
