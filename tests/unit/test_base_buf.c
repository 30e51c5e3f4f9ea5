/* Buffers: growth, the ceiling, appending a buffer's own bytes, giving the bytes away. */
#include "table.h"

#include "base/buf.h"

static void appends(void **state)
{
    (void)state;
    struct buf b = buf_make(1000);
    assert_string_equal(buf_cstr(&b), "");
    buf_add(&b, S("ab"));
    buf_add(&b, str_mk(NULL, 0));
    buf_byte(&b, '\0');
    buf_int(&b, INT64_MIN);
    buf_printf(&b, "%s-%d", "x", 7);
    assert_true(str_eq(buf_str(&b), S("ab\0-9223372036854775808x-7")));
    assert_int_equal(strlen(buf_cstr(&b) + 3), b.n - 3);
    buf_clear(&b);
    assert_int_equal(b.n, 0);
    assert_string_equal(buf_cstr(&b), "");
    buf_free(&b);
    assert_null(b.p);
    assert_int_equal(b.max_bytes, 1000);
}

static void grows_from_nothing(void **state)
{
    (void)state;
    struct buf b = buf_make(1 << 20);
    for (size_t i = 0; i < 100000; i++)
        buf_byte(&b, (char)('a' + i % 26));
    assert_false(b.failed);
    assert_int_equal(b.n, 100000);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(b.p[i], 'a' + (int)(i % 26));
    buf_free(&b);
}

/* At each ceiling: as many bytes as it allows, not one more, and nothing after the first that did not fit. */
static void ceiling(void **state)
{
    (void)state;
    for (size_t max = 0; max < 200; max++) {
        struct buf b = buf_make(max);
        for (size_t i = 0; i < max; i++)
            buf_byte(&b, 'x');
        assert_false(b.failed);
        assert_int_equal(b.n, max);
        assert_int_equal(strlen(buf_cstr(&b)), max);
        buf_byte(&b, 'y');
        assert_true(b.failed);
        assert_int_equal(b.n, max);
        assert_string_equal(buf_cstr(&b), "");
        buf_clear(&b);
        assert_false(b.failed);
        if (max > 0) {
            buf_add(&b, S("z"));
            assert_string_equal(buf_cstr(&b), "z");
        }
        buf_free(&b);
    }
    struct buf b = buf_make(10);
    buf_add(&b, S("12345678901"));
    assert_true(b.failed);
    buf_add(&b, S("1"));
    assert_int_equal(b.n, 0);
    buf_free(&b);
    buf_printf(&b, "%s", "12345678901");
    assert_true(b.failed);
    buf_clear(&b);
    buf_printf(&b, "%s", "1234567890");
    assert_string_equal(buf_cstr(&b), "1234567890");
    assert_false(buf_room(&b, SIZE_MAX));
    assert_true(b.failed);
    buf_free(&b);
    struct buf none = {0};
    buf_printf(&none, "%d", 1);
    assert_true(none.failed);
    buf_free(&none);
}

static void prints_long_text(void **state)
{
    (void)state;
    for (size_t n = 50; n < 80; n++) {
        struct buf b = buf_make(1000);
        buf_printf(&b, "%*d", (int)n, 5);
        assert_int_equal(b.n, n);
        assert_int_equal(b.p[n - 1], '5');
        buf_printf(&b, "%*d", (int)n, 6);
        assert_int_equal(b.n, 2 * n);
        assert_int_equal(b.p[2 * n - 1], '6');
        buf_free(&b);
    }
}

static void appends_itself(void **state)
{
    (void)state;
    struct buf b = buf_make(1 << 16);
    buf_add(&b, S("0123456789"));
    while (b.n < 40000)
        buf_add(&b, buf_str(&b));
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(b.p[i], '0' + (int)(i % 10));
    buf_free(&b);
}

static void room(void **state)
{
    (void)state;
    struct buf b = buf_make(100);
    assert_true(buf_room(&b, 100));
    memset(b.p, 'r', 100);
    b.n = 100;
    assert_true(buf_room(&b, 0));
    assert_int_equal(strlen(buf_cstr(&b)), 100);
    assert_false(buf_room(&b, 1));
    buf_free(&b);
}

static void takes(void **state)
{
    (void)state;
    struct buf b = buf_make(100);
    size_t n = 7;
    char *p = buf_take(&b, &n);
    assert_non_null(p);
    assert_int_equal(n, 0);
    assert_string_equal(p, "");
    free(p);
    buf_add(&b, S("abc"));
    p = buf_take(&b, &n);
    assert_int_equal(n, 3);
    assert_string_equal(p, "abc");
    free(p);
    assert_null(b.p);
    assert_int_equal(b.n, 0);
    buf_add(&b, S("d"));
    (void)buf_room(&b, 1000);
    p = buf_take(&b, &n);
    assert_true(b.failed);
    assert_int_equal(n, 0);
    assert_string_equal(p, "");
    free(p);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends), cmocka_unit_test(grows_from_nothing), cmocka_unit_test(ceiling),
        cmocka_unit_test(room),    cmocka_unit_test(prints_long_text),   cmocka_unit_test(appends_itself),
        cmocka_unit_test(takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
