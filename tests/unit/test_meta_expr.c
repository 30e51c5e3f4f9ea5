/* Expressions: the tables of tests/data/expr, and what does not fit a line. */
#include "../tools/expr_run.h"
#include "../tools/expr_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LINE_MAX_BYTES 8192

struct fixture {
    struct arena *arena;
    struct zone *zone;
};

static int set_up(void **state)
{
    struct fixture *f = mem_zero(sizeof *f);
    struct errinfo ei;
    f->arena = arena_new((size_t)96 << 20);
    if (zone_open(S("+08:00"), &f->zone, &ei))
        return -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    zone_free(f->zone);
    free(f);
    return 0;
}

static enum err run_row(struct fixture *f, struct str expr, const char *row, struct value *ret, struct errinfo *ei)
{
    struct json_doc *doc = NULL;
    struct errinfo bad;
    assert_int_equal(json_parse(str_of(row), &JSON_LIMITS_DEFAULT, &doc, NULL, &bad), OK);
    enum err err = expr_run(f->arena, expr, json_root(doc), f->zone, ret, ei);
    if (!err && (ret->kind == VALUE_TEXT || ret->kind == VALUE_NUMBER)) /* it may point into the document */
        ret->p = arena_cstr(f->arena, value_str(ret));
    json_free(doc);
    return err;
}

/* As the data files write it. */
static struct str shown(struct fixture *f, enum err err, const struct value *v, const struct errinfo *ei)
{
    if (err)
        return arena_printf(f->arena, "error %s: %s", err_name(err), ei->msg);
    if (value_is_null(v))
        return S("null");
    if (v->kind == VALUE_NUMBER)
        return value_str(v);
    struct buf b = buf_make((size_t)1 << 20);
    struct json_out w = json_out(&b);
    json_out_str(&w, value_str(v));
    struct str s = arena_str(f->arena, buf_str(&b));
    buf_free(&b);
    return s;
}

static struct str expected_text(struct fixture *f, struct str line)
{
    struct json_doc *doc;
    struct errinfo ei;
    if (!line.n || line.p[0] != '"')
        return line;
    assert_int_equal(json_parse(line, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), OK);
    struct value v = value_of_json(json_root(doc));
    struct str s = shown(f, OK, &v, NULL);
    json_free(doc);
    return s;
}

static bool fits(struct str got, struct str want)
{
    struct str kind = {NULL, 0};
    if (!str_starts(want, S("error ")))
        return str_eq(got, want);
    size_t colon = str_find(want, S(": "), 0);
    kind = str_sub(want, 0, colon + 2);
    return str_starts(got, kind) && str_find(got, str_sub(want, colon + 2, want.n), kind.n) != SIZE_MAX;
}

static bool read_line(FILE *f, char *out)
{
    if (!fgets(out, LINE_MAX_BYTES, f))
        return false;
    out[strcspn(out, "\n")] = '\0';
    return true;
}

/* The first line of the next group: behind comments; in Markdown, inside of ```expr fences. */
static bool read_first(FILE *f, char *out, bool *fenced, bool markdown)
{
    while (read_line(f, out)) {
        if (strcmp(out, "```expr") == 0)
            *fenced = true;
        else if (*fenced && strcmp(out, "```") == 0)
            *fenced = false;
        else if (markdown ? *fenced : out[0] != '#')
            return true;
    }
    return false;
}

static size_t run_file(struct fixture *f, const char *path)
{
    char expr[LINE_MAX_BYTES], row[LINE_MAX_BYTES], want[LINE_MAX_BYTES];
    size_t n = 0, wrong = 0;
    bool fenced = false, markdown = str_ends(str_of(path), S(".md"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (; read_first(file, expr, &fenced, markdown) && read_line(file, row) && read_line(file, want); n++) {
        struct value v;
        struct errinfo ei;
        enum err err = run_row(f, str_of(expr), row, &v, &ei);
        struct str got = shown(f, err, &v, &ei);
        if (!fits(got, expected_text(f, str_of(want)))) {
            wrong++;
            print_message("%s\n  with %s\n  gives    " STR_FMT "\n  expected %s\n", expr, row, STR_ARG(got), want);
        }
        arena_reset(f->arena);
    }
    fclose(file);
    assert_int_equal(wrong, 0);
    return n;
}

static void test_server_answers(void **state)
{
    assert_true(run_file(*state, TEST_DATA "/expr/mariadb.txt") > 1000);
}

static void test_handpicked(void **state)
{
    assert_true(run_file(*state, TEST_DATA "/expr/handpicked.txt") > 100);
}

static void test_documentation(void **state)
{
    char line[LINE_MAX_BYTES], row[EXPR_ROW_BYTES];
    size_t n, found = 0;
    const struct expr_function_info *info = expr_functions(&n);
    assert_true(run_file(*state, SOURCE_DIR "/docs/functions.md") >= 20);
    FILE *file = fopen(SOURCE_DIR "/docs/functions.md", "r");
    assert_non_null(file);
    while (read_line(file, line))
        found += found < n && strcmp(line, expr_table_row(&info[found], row)) == 0;
    fclose(file);
    if (found != n)
        fail_msg("docs/functions.md lacks the row of %s: paste the output of expr_eval --functions", info[found].name);
}

/* `open` n times, `inner`, `close` n times. */
static struct str nested(struct fixture *f, const char *open, const char *inner, const char *close, size_t n)
{
    struct buf b = buf_make((size_t)1 << 22);
    for (size_t i = 0; i < n; i++)
        buf_add(&b, str_of(open));
    buf_add(&b, str_of(inner));
    for (size_t i = 0; i < n; i++)
        buf_add(&b, str_of(close));
    struct str s = arena_str(f->arena, buf_str(&b));
    buf_free(&b);
    return s;
}

static void expect(struct fixture *f, struct str expr, const char *want)
{
    struct value v;
    struct errinfo ei;
    enum err err = run_row(f, expr, "{}", &v, &ei);
    struct str got = shown(f, err, &v, &ei);
    if (!fits(got, str_of(want)))
        fail_msg("gives " STR_FMT ", expected %s", STR_ARG(got), want);
}

static void test_depth(void **state)
{
    struct fixture *f = *state;
    expect(f, nested(f, "(", "1", ")", 100), "1");
    expect(f, nested(f, "(", "1", ")", 10000), "error config: nested more than");
    expect(f, nested(f, "ABS(", "1", ")", 10000), "error config: nested more than");
    expect(f, nested(f, "-", "1", "", 10000), "error config: nested more than");
    expect(f, nested(f, "NOT ", "1", "", 10000), "error config: nested more than");
    expect(f, nested(f, "CASE ", "1", "", 10000), "error config: nested more than");
    expect(f, nested(f, "", "1", "+1", 10000), "error config: nested more than");
    expect(f, nested(f, "", "1", "+1", 150), "151");
    expect(f, nested(f, "", "0", " OR 0", 5000), "0");
    expect(f, nested(f, "", "1", " AND 1", 5000), "1");
    expect(f, nested(f, "IF(0, 2, ", "1", ")", 150), "1");
}

static void test_size(void **state)
{
    struct fixture *f = *state;
    expect(f, nested(f, "", "'x", " ", 70000), "error config: longer than");
    expect(f, nested(f, "", "CONCAT('x'", ",'y'", 17000), "error config: longer than");
    expect(f, nested(f, "", "LENGTH('x", "xx", 30000), "error config: does not end");
    expect(f, S("LENGTH(REPEAT('x', 1048576))"), "1048576");
    expect(f, S("LENGTH(CONCAT(REPEAT('x', 9000000), REPEAT('x', 9000000)))"), "null");
}

static void test_bad_bytes(void **state)
{
    struct fixture *f = *state;
    expect(f, S("1 + \0 2"), "error config: cannot be read");
    expect(f, S("'\xff'"), "error config: not UTF-8");
    expect(f, S("LENGTH('a\0b')"), "3");
    expect(f, S("\x01"), "error config: cannot be read");
    expect(f, S("9999999999999999999999999999999999999999999999999999999999999999999999"), "error config: 65 digits");
    expect(f, S("1e999"), "error config: too large");
}

static void test_column_counts_characters(void **state)
{
    struct fixture *f = *state;
    const struct expr *e;
    struct errinfo ei;
    uint32_t col = 0;
    struct slots *slots = slots_new();
    assert_int_equal(
        expr_compile(f->arena, S("CONCAT('中文', ?)"), &(struct expr_names){.slots = slots}, &e, &col, &ei),
        ERR_CONFIG);
    assert_int_equal(col, 14);
    slots_free(slots);
}

static void test_no_record(void **state)
{
    struct fixture *f = *state;
    const struct expr *e;
    struct errinfo ei;
    struct value v;
    uint32_t col;
    assert_int_equal(expr_compile(f->arena, S("{{o_id}} + 1"), &(struct expr_names){0}, &e, &col, &ei), ERR_CONFIG);
    assert_non_null(strstr(ei.msg, "no record"));
    assert_int_equal(
        expr_compile(f->arena, S("{{TODAY}} + 1 AND {{random}} >= 0"), &(struct expr_names){0}, &e, &col, &ei), OK);
    struct sysvars sys = {.zone = f->zone, .now_ms = EXPR_RUN_NOW_MS, .seed = 7};
    struct env env = {.sys = &sys, .arena = f->arena};
    assert_int_equal(expr_eval(e, &env, &v, &ei), OK);
    assert_true(str_eq(value_str(&v), S("1")));
}

/* The same row shaped again draws the same numbers; one row draws several. */
static void test_random_repeats(void **state)
{
    struct fixture *f = *state;
    const struct expr *e;
    struct errinfo ei;
    struct value v[2];
    assert_int_equal(expr_compile(f->arena, S("CONCAT(RAND(), ' ', RAND())"), &(struct expr_names){0}, &e, NULL, &ei),
                     OK);
    struct sysvars sys = {.zone = f->zone, .now_ms = EXPR_RUN_NOW_MS, .seed = 7};
    for (int i = 0; i < 2; i++) {
        struct env env = {.sys = &sys, .arena = f->arena};
        assert_int_equal(expr_eval(e, &env, &v[i], &ei), OK);
    }
    struct str rest = value_str(&v[0]), first;
    assert_true(str_eq(value_str(&v[0]), value_str(&v[1])));
    assert_true(str_cut(&rest, ' ', &first));
    assert_false(str_eq(first, rest));
}

/* An arena that is full is an error of the record, not the end of the process. */
static void test_full_arena(void **state)
{
    struct fixture *f = *state;
    struct arena *small = arena_new((size_t)1 << 20);
    struct value v;
    struct errinfo ei;
    assert_int_equal(expr_run(small, S("REPEAT('x', 5000000)"), NULL, f->zone, &v, &ei), ERR_DATA);
    assert_non_null(strstr(ei.msg, "no memory"));
    arena_free(small);
}

/* Every function that the reference page lists can be called, and none crashes on NULL. */
static void test_table(void **state)
{
    struct fixture *f = *state;
    size_t n;
    const struct expr_function_info *info = expr_functions(&n);
    assert_true(n > 90);
    for (size_t i = 0; i < n; i++) {
        struct value v;
        struct errinfo ei;
        struct buf b = buf_make(4096);
        assert_true(info[i].help[0] && info[i].min_args <= info[i].max_args);
        buf_printf(&b, "%s(", info[i].name);
        for (size_t k = 0; k < info[i].min_args; k++)
            buf_printf(&b, "%sNULL", k ? ", " : "");
        buf_byte(&b, ')');
        enum err err = expr_run(f->arena, buf_str(&b), NULL, f->zone, &v, &ei);
        if (err && err != ERR_CONFIG) /* some have a syntax of their own */
            fail_msg("%s: %s", buf_cstr(&b), ei.msg);
        if (err && strstr(ei.msg, "there is no function"))
            fail_msg("%s", ei.msg);
        buf_free(&b);
    }
}

static void test_error_is_cut(void **state)
{
    struct fixture *f = *state;
    struct value v;
    struct errinfo ei;
    struct str e = nested(f, "", "{{a}} + 9223372036854775807", " + 1", 100);
    assert_int_equal(run_row(f, e, "{\"a\": 12345678}", &v, &ei), ERR_DATA);
    assert_non_null(strstr(ei.msg, "… with a = 12345678"));
    assert_true(strlen(ei.msg) < 600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_answers),
        cmocka_unit_test(test_handpicked),
        cmocka_unit_test(test_documentation),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_bad_bytes),
        cmocka_unit_test(test_column_counts_characters),
        cmocka_unit_test(test_no_record),
        cmocka_unit_test(test_random_repeats),
        cmocka_unit_test(test_full_arena),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_error_is_cut),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
