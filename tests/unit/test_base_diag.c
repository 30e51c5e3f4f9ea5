/* Diagnostics: how they print, what is kept, what the first error becomes. */
#include "table.h"

#include "base/diag.h"

static const struct pos at = {"dir/orders.source.json", 12, 5};

static const char *printed(const struct diags *d, size_t i, char out[2000])
{
    diag_print(diags_at(d, i), out, 2000);
    return out;
}

static void print(void **state)
{
    struct diags *d = diags_new();
    char out[2000], small[8];

    (void)state;
    diags_add(d, DIAG_ERROR, at, "unknown key \"%s\"", "writerMode");
    diags_nearest(d, "writeMode");
    diags_remedy(d, "rename it in %d places", 2);
    assert_string_equal(printed(d, 0, out),
                        "dir/orders.source.json:12:5: error: unknown key \"writerMode\" (did you mean "
                        "\"writeMode\"?). rename it in 2 places");
    diags_add(d, DIAG_WARNING, (struct pos){"f", 0, 0}, "w");
    assert_string_equal(printed(d, 1, out), "f: warning: w");
    diags_add(d, DIAG_NOTE, (struct pos){NULL, 0, 0}, "n");
    diags_nearest(d, NULL);
    assert_string_equal(printed(d, 2, out), "note: n");
    diags_add(d, DIAG_NOTE, (struct pos){NULL, 3, 1}, "n");
    assert_string_equal(printed(d, 3, out), "3:1: note: n");
    diag_print(diags_at(d, 1), small, sizeof small);
    assert_string_equal(small, "f: warn");
    diag_print(diags_at(d, 1), small, 0);
    assert_string_equal(small, "f: warn");
    assert_int_equal(diags_count(d, DIAG_NOTE), 4);
    assert_int_equal(diags_count(d, DIAG_WARNING), 2);
    assert_int_equal(diags_count(d, DIAG_ERROR), 1);
    diags_free(d);
    diags_free(NULL);
}

static void copies(void **state)
{
    struct diags *d = diags_new();
    char file[] = "a.json", near[] = "near", out[2000];

    (void)state;
    diags_add(d, DIAG_ERROR, (struct pos){file, 1, 1}, "x");
    diags_nearest(d, near);
    memset(file, 'z', sizeof file - 1);
    memset(near, 'z', sizeof near - 1);
    diags_add(d, DIAG_ERROR, (struct pos){file, 1, 1}, "x");
    assert_string_equal(printed(d, 0, out), "a.json:1:1: error: x (did you mean \"near\"?)");
    assert_string_equal(printed(d, 1, out), "zzzzzz:1:1: error: x");
    diags_free(d);
}

static void repetitions(void **state)
{
    struct diags *d = diags_new();
    char out[2000];

    (void)state;
    diags_remedy(d, "of nothing");
    diags_nearest(d, "nothing");
    diags_add(d, DIAG_ERROR, at, "x");
    diags_remedy(d, "first");
    diags_add(d, DIAG_WARNING, at, "x");
    diags_add(d, DIAG_ERROR, at, "x");
    diags_remedy(d, "second");
    diags_nearest(d, "second");
    assert_int_equal(diags_count(d, DIAG_NOTE), 2);
    assert_string_equal(printed(d, 0, out), "dir/orders.source.json:12:5: error: x. first");
    assert_string_equal(printed(d, 1, out), "dir/orders.source.json:12:5: warning: x");
    diags_free(d);
}

static void at_most_ten_thousand(void **state)
{
    struct diags *d = diags_new();
    char out[2000];

    (void)state;
    for (uint32_t i = 1; i <= 10100; i++) {
        diags_add(d, DIAG_ERROR, (struct pos){"f", i, 1}, "x");
        diags_remedy(d, "r%u", i);
    }
    assert_int_equal(diags_count(d, DIAG_NOTE), 10000);
    assert_string_equal(printed(d, 9999, out), "f:10000:1: error: x. r10000");
    diags_free(d);
}

/* Texts of documents are made fit for a terminal: no control characters, no halves of characters. */
static void long_and_strange(void **state)
{
    struct diags *d = diags_new();
    char text[5001], out[2000];

    (void)state;
    for (size_t cut = 0; cut < 4; cut++) {
        for (size_t i = 0; i < 5000; i++)
            text[i] = "\xE8\xAE\xA2"[(i + cut) % 3];
        memset(text, 'a', cut == 0 ? 0 : 3 - cut % 3);
        text[5000] = '\0';
        diags_add(d, DIAG_ERROR, (struct pos){"f", (uint32_t)cut + 1, 1}, "%s", text);
        assert_true(utf8_valid(str_of(diags_at(d, cut)->what)));
        assert_in_range(strlen(diags_at(d, cut)->what), 1000, 1200);
        for (size_t cap = 1; cap < 60; cap++) {
            diag_print(diags_at(d, cut), out, cap);
            assert_true(strlen(out) < cap && utf8_valid(str_of(out)));
        }
    }
    diags_add(d, DIAG_ERROR, at, "a\x1b[31m\nb\x7f");
    assert_string_equal(diags_at(d, 4)->what, "a [31m b ");
    diags_free(d);
}

static void first_error(void **state)
{
    struct diags *d = diags_new();
    struct errinfo ei = {.code = OK};

    (void)state;
    assert_int_equal(diags_first_error(d, &ei), OK);
    diags_add(d, DIAG_WARNING, at, "only a warning");
    assert_int_equal(diags_first_error(d, &ei), OK);
    assert_int_equal(ei.code, OK);
    diags_add(d, DIAG_ERROR, at, "first");
    diags_nearest(d, "frist");
    diags_remedy(d, "do this");
    diags_add(d, DIAG_ERROR, at, "second");
    assert_int_equal(diags_first_error(d, &ei), ERR_CONFIG);
    assert_int_equal(ei.code, ERR_CONFIG);
    assert_string_equal(ei.msg, "dir/orders.source.json:12:5: first");
    assert_string_equal(ei.hint, "did you mean \"frist\"? do this");
    assert_int_equal(diags_first_error(d, NULL), ERR_CONFIG);
    diags_free(d);

    d = diags_new();
    diags_add(d, DIAG_ERROR, (struct pos){"f", 0, 0}, "100%% of it");
    assert_int_equal(diags_first_error(d, &ei), ERR_CONFIG);
    assert_string_equal(ei.msg, "f: 100% of it");
    assert_string_equal(ei.hint, "");
    diags_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(print),
        cmocka_unit_test(copies),
        cmocka_unit_test(repetitions),
        cmocka_unit_test(at_most_ten_thousand),
        cmocka_unit_test(long_and_strange),
        cmocka_unit_test(first_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
