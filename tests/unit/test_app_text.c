/* What the command line prints of texts, widths and durations: tables of what goes in and what comes out. */
#include "app/out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void widths(void **state)
{
    static const struct {
        const char *text;
        size_t width;
    } rows[] = {
        {"", 0},
        {"abc", 3},
        {"聚水潭", 6},
        {"e\xcc\x81", 1},
        {"ｶ", 1},
        {"Ａ", 2},
        {"😀", 2},
        {"a\xff"
         "b",
         3},
        {"한국", 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(text_width(str_of(rows[i].text)), rows[i].width);
}

static void fitted(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
        const char *shown;
    } rows[] = {
        {"abc", 5, "abc  "},
        {"abcdef", 4, "abc…"},
        {"聚水潭", 6, "聚水潭"},
        {"聚水潭", 5, "聚水…"},
        {"聚水潭", 4, "聚… "},
        {"abc", 0, ""},
        {"聚水潭", 1, "…"},
        {"a\nb\tc", 5, "a b c"},
        {"\033[31mx", 9, " [31mx   "},
        {"a\xe2\x80\xae"
         "b",
         3, "a b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = buf_make(1000);

        add_fitted(&b, str_of(rows[i].text), rows[i].columns);
        assert_string_equal(buf_cstr(&b), rows[i].shown);
        buf_free(&b);
    }
}

static void numbers(void **state)
{
    static const struct {
        int64_t n;
        const char *shown;
    } rows[] = {{0, "0"},        {999, "999"},
                {1000, "1,000"}, {-1234567, "-1,234,567"},
                {-999, "-999"},  {INT64_MAX, "9,223,372,036,854,775,807"}};
    struct arena *a = arena_new(1u << 16);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(grouped(a, rows[i].n).p, rows[i].shown);
    arena_free(a);
}

static void durations(void **state)
{
    static const struct {
        int64_t ms;
        const char *shown;
    } rows[] = {{0, "0.0 s"},          {1240, "1.2 s"},        {10000, "10 s"},       {119999, "119 s"},
                {120000, "2 min 0 s"}, {7200000, "2 h 0 min"}, {200000000, "2 d 7 h"}};
    struct app app = {.arena = arena_new(1u << 16)};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(duration_text(&app, rows[i].ms).p, rows[i].shown);
    arena_free(app.arena);
}

/* Rows of the table are what parser, help and completion rely on. */
static void table(void **state)
{
    const struct command *c;

    (void)state;
    for (size_t i = 0; (c = command_at(i)); i++) {
        assert_ptr_equal(command_find(str_of(c->name)), c);
        assert_true(c->n_options <= OPTIONS_MAX);
        assert_true(c->min_words <= c->max_words);
        assert_true(c->run && *c->summary && *c->summary_zh && *c->example);
        for (size_t k = 0; k < c->n_options; k++)
            for (size_t g = 0; g < n_global_options; g++) {
                assert_string_not_equal(c->options[k].name, global_options[g].name);
                assert_true(!c->options[k].letter || c->options[k].letter != global_options[g].letter);
            }
    }
    assert_null(command_find(S("nothing")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(widths), cmocka_unit_test(fitted), cmocka_unit_test(numbers),
                                       cmocka_unit_test(durations), cmocka_unit_test(table)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
