/* Cells of CSV: what is quoted, what a spreadsheet would take for a formula, and that numbers stay numbers. */
#include "app/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void cells(void **state)
{
    static const struct {
        const char *text, *cell;
    } rows[] = {
        {"", ""},
        {"abc", "abc"},
        {"聚水潭", "聚水潭"},
        {"a,b", "\"a,b\""},
        {"a \"b\"", "\"a \"\"b\"\"\""},
        {"\"", "\"\"\"\""},
        {"a\nb", "\"a\nb\""},
        {" a", "\" a\""},
        {"a ", "\"a \""},
        {"=1+1", "'=1+1"},
        {"=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""},
        {"+86 13800000000", "'+86 13800000000"},
        {"-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"\t=1", "'\t=1"},
        {"\r=1", "\"'\r=1\""},
        {"-12.50", "-12.50"},
        {"-1e3", "-1e3"},
        {"-1-1", "'-1-1"},
        {"+1", "'+1"},
        {"-", "'-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = buf_make(4096);
        struct csv c = {&b, false};

        csv_cell(&c, str_of(rows[i].text));
        assert_string_equal(buf_cstr(&b), rows[i].cell);
        buf_free(&b);
    }
}

static void lines(void **state)
{
    struct buf b = buf_make(4096);
    struct csv c = csv_begin(&b);

    (void)state;
    csv_cell(&c, S("a"));
    csv_number(&c, -5);
    csv_cell(&c, (struct str){0});
    csv_end_line(&c);
    csv_cell(&c, S("b"));
    csv_end_line(&c);
    assert_string_equal(buf_cstr(&b), "\xEF\xBB\xBF"
                                      "a,-5,\r\nb\r\n");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cells), cmocka_unit_test(lines)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
