/* Values, slots, placeholders, system variables. */
#include "meta/brace.h"
#include "meta/sysvar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct json_doc *parse(const char *text)
{
    struct json_doc *doc = NULL;
    struct errinfo ei;
    assert_int_equal(json_parse(str_of(text), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), OK);
    return doc;
}

static void test_values(void **state)
{
    static const struct {
        const char *json;
        int kind;
        const char *text;
    } rows[] = {
        {"null", VALUE_NULL, NULL},     {"true", VALUE_BOOL, "true"},
        {"false", VALUE_BOOL, "false"}, {"1.50", VALUE_NUMBER, "1.50"},
        {"1E+2", VALUE_NUMBER, "1E+2"}, {"9007199254740993", VALUE_NUMBER, "9007199254740993"},
        {"\"\"", VALUE_TEXT, ""},       {"\"a\\u0000b\"", VALUE_TEXT, "a"},
        {"\"中\"", VALUE_TEXT, "中"},   {"[1, {\"a\": 2.0}]", VALUE_JSON, "[1,{\"a\":2.0}]"},
        {"{}", VALUE_JSON, "{}"},
    };
    (void)state;
    struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json_doc *doc = parse(rows[i].json);
        struct value v = value_of_json(json_root(doc));
        struct str s = value_as_text(&v, a);
        assert_int_equal(v.kind, rows[i].kind);
        assert_int_equal(s.p == NULL, rows[i].text == NULL);
        if (rows[i].text)
            assert_true(str_starts(s, str_of(rows[i].text)));
        json_free(doc);
    }
    assert_int_equal(value_of_json(NULL).kind, VALUE_MISSING);
    arena_free(a);
}

static void test_slots(void **state)
{
    (void)state;
    struct slots *s = slots_new();
    char name[] = "items.qty";
    assert_int_equal(slots_add(s, str_of(name), SLOT_FIELD), 0);
    assert_int_equal(slots_add(s, str_of(name), SLOT_COLUMN), 1);
    name[0] = 'x'; /* names are copied */
    assert_int_equal(slots_add(s, S("items.qty"), SLOT_FIELD), 0);
    assert_int_equal(slots_add(s, S("items.qty"), SLOT_COLUMN), 1);
    for (int i = 0; i < 1000; i++) {
        char other[16];
        int n = snprintf(other, sizeof other, "f%d", i);
        assert_int_equal(slots_add(s, str_mk(other, (size_t)n), SLOT_FIELD), 2 + i);
    }
    assert_int_equal(slots_count(s), 1002);
    assert_true(str_eq(slots_name(s, 1), S("items.qty")));
    assert_int_equal(slots_kind(s, 1), SLOT_COLUMN);
    assert_true(str_eq(slots_name(s, 1001), S("f999")));
    slots_free(s);
    slots_free(NULL);
}

/* The text with every placeholder written as <name|format>. */
static void marked(struct str text, struct buf *out)
{
    struct brace b;
    size_t pos = 0;
    bool more;
    do {
        more = brace_next(text, &pos, &b);
        buf_add(out, b.before);
        if (more)
            buf_printf(out, "<" STR_FMT "%s" STR_FMT "%s>", STR_ARG(b.name), b.format.p ? "|" : "", STR_ARG(b.format),
                       b.quoted ? "!" : "");
    } while (more);
}

static void test_braces(void **state)
{
    static const struct {
        const char *text, *marked;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"{a}", "<a>"},
        {"{{a}}", "<a>"},
        {"{{ a }}", "<a>"},
        {"{ a }", "{ a }"},
        {"'{a}' \"{{b}}\" '{c}\"", "'<a!>' \"<b!>\" '<c>\""},
        {"{a}-{b}", "<a>-<b>"},
        {"{a.b.0.c}", "<a.b.0.c>"},
        {"{a.}", "{a.}"},
        {"{.a}", "{.a}"},
        {"{a..b}", "{a..b}"},
        {"{3}{2,4}{\"a\":1}", "{3}{2,4}{\"a\":1}"},
        {"{\"a\":{x}}", "{\"a\":<x>}"},
        {"{\"a\":{{x}}}", "{\"a\":<x>}"},
        {"{{{x}}}", "{<x>}"},
        {"{{x}", "{<x>"},
        {"{x}}", "<x>}"},
        {"{x", "{x"},
        {"{", "{"},
        {"{{", "{{"},
        {"{}", "{}"},
        {"{{}}", "{{}}"},
        {"{_a-1}", "<_a-1>"},
        {"{-a}", "{-a}"},
        {"{名称}{数量。}", "<名称>{数量。}"},
        {"{a|date}", "<a|date>"},
        {"{{ a | date }}", "<a|date>"},
        {"{{a|\"%Y-%m}\"}}", "<a|\"%Y-%m}\">"},
        {"{{a|'%Y'}}", "<a|'%Y'>"},
        {"{a|}", "{a|}"},
        {"{a|3}", "{a|3}"},
        {"{a|'x}", "{a|'x}"},
        {"{a b}", "{a b}"},
        {"{a:b}", "{a:b}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf b = buf_make(1 << 16);
        marked(str_of(rows[i].text), &b);
        assert_string_equal(buf_cstr(&b), rows[i].marked);
        buf_free(&b);
    }
}

static void test_long_braces(void **state)
{
    (void)state;
    struct buf text = buf_make(1 << 22), out = buf_make(1 << 23);
    for (int i = 0; i < 200000; i++)
        buf_add(&text, i % 3 ? S("{{") : S("{a"));
    marked(buf_str(&text), &out);
    assert_int_equal(out.n, text.n);
    buf_free(&text);
    buf_free(&out);
}

static void test_sysvars(void **state)
{
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"LAST_SYNC_TIME", "100"},      {"CURRENT_TIME", "200"},        {"MINUTE_AGO_5", "1772324700"},
        {"HOUR_AGO_1", "1772321400"},   {"DAYS_AGO_0", "1772325000"},   {"DAYS_AGO_30", "1769733000"},
        {"TODAY", "1772294400"},        {"YESTERDAY", "1772208000"},    {"MONTH_START", "1772294400"},
        {"PAGINATION_PAGE_SIZE", "50"}, {"PAGINATION_START_ROW", NULL}, {"PAGINATION_PAGE", "1"},
        {"MAX_DATA_ID", NULL},
    };
    (void)state;
    struct errinfo ei;
    struct zone *zone;
    struct value v;
    assert_int_equal(zone_open(S("+08:00"), &zone, &ei), OK);
    struct sysvars sys = {.zone = zone,
                          .now_ms = 1772325000123,
                          .last_sync_s = 100,
                          .current_s = 200,
                          .page_size = 50,
                          .start_row = -1,
                          .page = 1,
                          .seed = 1};
    struct env env = {.sys = &sys, .arena = arena_new(1 << 20)};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(sysvar_known(str_of(rows[i].name), SIDE_SOURCE) && sysvar_known(str_of(rows[i].name), SIDE_TARGET));
        assert_int_equal(sysvar_value(str_of(rows[i].name), &env, &v, &ei), OK);
        assert_int_equal(value_is_null(&v), rows[i].value == NULL);
        if (rows[i].value)
            assert_true(str_eq(value_str(&v), str_of(rows[i].value)));
    }
    assert_int_equal(sysvar_value(S("DAYS_AGO_9000000000"), &env, &v, &ei), ERR_DATA);
    assert_int_equal(sysvar_value(S("NOPE"), &env, &v, &ei), ERR_DATA);
    arena_free(env.arena);
    zone_free(zone);
}

static void test_sysvar_names(void **state)
{
    (void)state;
    assert_false(sysvar_known(S("DAYS_AGO_"), SIDE_SOURCE));
    assert_false(sysvar_known(S("DAYS_AGO_-1"), SIDE_SOURCE));
    assert_false(sysvar_known(S("DAYS_AGO_x"), SIDE_SOURCE));
    assert_false(sysvar_known(S("today"), SIDE_SOURCE));
    assert_true(sysvar_known(S("uuid"), SIDE_SOURCE));
    assert_false(sysvar_known(S("uuid"), SIDE_TARGET));
    assert_true(sysvar_fallback(S("random"), SIDE_TARGET));
    assert_false(sysvar_fallback(S("random"), SIDE_SOURCE));
    assert_false(sysvar_fallback(S("TODAY"), SIDE_TARGET));
    size_t n = 0;
    while (sysvar_at(n))
        n++;
    assert_int_equal(n, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),      cmocka_unit_test(test_slots),   cmocka_unit_test(test_braces),
        cmocka_unit_test(test_long_braces), cmocka_unit_test(test_sysvars), cmocka_unit_test(test_sysvar_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
