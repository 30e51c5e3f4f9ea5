/* The JSON gate: bad inputs as a table (tests/data/base/json.txt) and, where a table cannot hold them, made here;
 * access, walks and writing. */
#include "table.h"

#include "base/json.h"

static struct str written(const struct json *v, struct buf *b)
{
    buf_clear(b);
    json_write(v, b);
    assert_false(b->failed);
    return buf_str(b);
}

static struct json_doc *must_parse(struct str text)
{
    struct json_doc *doc = NULL;
    struct errinfo ei;

    if (json_parse(text, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        FAIL_MSG("%.*s: %s\n", (int)(text.n < 200 ? text.n : 200), text.p, ei.msg);
    return doc;
}

/* An allocation of exactly the text's size, so that the address sanitizer sees a read beyond it. */
static enum err parse_exactly(struct str text, struct json_doc **ret, struct json_repairs *repairs, struct errinfo *ei)
{
    char *copy = malloc(text.n ? text.n : 1);
    enum err e;

    assert_non_null(copy);
    memcpy(copy, text.n ? text.p : "", text.n);
    e = json_parse(str_mk(copy, text.n), &JSON_LIMITS_DEFAULT, ret, repairs, ei);
    free(copy);
    return e;
}

static bool check(const struct table_row *row)
{
    struct str want = row->col[3];
    struct json_doc *doc = NULL;
    struct json_repairs r = {9, 9, 9, 9, 9};
    struct errinfo ei = {0};
    enum err e = parse_exactly(row->col[1], &doc, &r, &ei);
    struct buf b = buf_make(1u << 20);
    bool holds;

    if (e) {
        holds = str_eq(row->col[2], S("error")) && e == ERR_DATA && ei.code == e && !doc && r.bom == 9 &&
                str_find(str_of(ei.msg), want, 0) != SIZE_MAX;
        if (!holds)
            print_error("got: %s\n", ei.msg);
        return holds;
    }
    holds = str_eq(row->col[2], S("ok")) && str_eq(written(json_root(doc), &b), want) && !ei.msg[0];
    if (!holds)
        print_error("got: %.*s\n", (int)b.n, b.p);
    if (row->n > 4) {
        char counts[64];

        (void)snprintf(counts, sizeof counts, "%u %u %u %u %u", r.bom, r.controls, r.raw_blanks, r.bad_utf8,
                       r.surrogates);
        if (!str_eq(row->col[4], str_of(counts))) {
            print_error("got repairs %s\n", counts);
            holds = false;
        }
    }
    json_free(doc);
    buf_free(&b);
    return holds;
}

static void table(void **state)
{
    (void)state;
    table_run("base/json.txt", check);
}

static const char page[] =
    "{\"code\":0,\"data\":{\"datas\":[{\"o_id\":9007199254740993,\"name\":\"\\u8ba2\\u5355 \\\"x\\\" "
    "\xE5\x8D\x95\",\"ok\":true,\"none\":null,\"pay\":-25.80e-1}]},\"msg\":\"\\ud83d\\ude00\"}";

static void truncated_everywhere(void **state)
{
    struct json_doc *doc = NULL;
    struct errinfo ei;

    (void)state;
    for (size_t n = 0; n < sizeof page - 1; n++) {
        ei.msg[0] = '\0';
        assert_int_equal(parse_exactly(str_mk(page, n), &doc, NULL, &ei), ERR_DATA);
        assert_null(doc);
        assert_string_not_equal(ei.msg, "");
    }
    json_free(must_parse(str_of(page)));
}

/* `n` times `unit`, then n times `end`. */
static struct str repeated(struct buf *b, size_t n, const char *unit, const char *middle, const char *end)
{
    buf_clear(b);
    for (size_t i = 0; i < n; i++)
        buf_add(b, str_of(unit));
    buf_add(b, str_of(middle));
    for (size_t i = 0; i < n; i++)
        buf_add(b, str_of(end));
    assert_false(b->failed);
    return buf_str(b);
}

static void depth(void **state)
{
    struct buf b = buf_make(64u << 20), out = buf_make(1u << 20);
    struct json_doc *doc;
    struct errinfo ei;
    struct str deep = repeated(&b, 64, "[", "1", "]");
    struct json_limits generous = {1u << 20, 1000000};

    (void)state;
    doc = must_parse(deep);
    assert_true(str_eq(written(json_root(doc), &out), deep));
    json_free(doc);
    doc = must_parse(repeated(&b, 32, "{\"a\":[", "1", "]}"));
    assert_true(str_eq(written(json_root(doc), &out), buf_str(&b)));
    json_free(doc);
    doc = NULL;
    assert_int_equal(json_parse(repeated(&b, 65, "[", "1", "]"), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), ERR_DATA);
    assert_non_null(strstr(ei.msg, "deeper than 64 at byte 64"));
    assert_int_equal(json_parse(repeated(&b, 1000000, "[", "", "]"), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), ERR_DATA);
    assert_int_equal(json_parse(repeated(&b, 20000000, "[", "", ""), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), ERR_DATA);
    assert_int_equal(json_parse(repeated(&b, 100000, "{\"a\":", "", "}"), &generous, &doc, NULL, &ei), ERR_DATA);
    assert_null(doc);
    /* Brackets inside strings are text. */
    doc = must_parse(
        repeated(&b, 3, "[", "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"", "]"));
    json_free(doc);
    buf_free(&b);
    buf_free(&out);
}

static void bytes(void **state)
{
    struct buf b = buf_make(64u << 20);
    struct json_doc *doc = NULL;
    struct errinfo ei;
    struct json_limits ten = {10, 64};

    (void)state;
    assert_int_equal(json_parse(S("\"12345678\""), &ten, &doc, NULL, &ei), OK);
    json_free(doc);
    doc = NULL;
    assert_int_equal(json_parse(S("\"123456789\""), &ten, &doc, NULL, &ei), ERR_DATA);
    assert_non_null(strstr(ei.msg, "11 bytes"));
    /* A string of 32 MiB less its quotes is read whole; one byte more is not. */
    repeated(&b, (32u << 20) - 2, "x", "", "");
    buf_byte(&b, '"');
    buf_byte(&b, '"');
    memmove(b.p + 1, b.p, b.n - 2);
    b.p[0] = '"';
    doc = must_parse(buf_str(&b));
    assert_int_equal(json_text(json_root(doc)).n, (32u << 20) - 2);
    assert_true(json_memory(doc) >= 32u << 20);
    json_free(doc);
    doc = NULL;
    buf_byte(&b, ' ');
    assert_int_equal(json_parse(buf_str(&b), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), ERR_DATA);
    assert_null(doc);
    buf_free(&b);
}

static void many_keys(void **state)
{
    struct buf b = buf_make(64u << 20);
    struct json_doc *doc;
    struct json_iter it;
    struct str key;
    size_t n = 0;

    (void)state;
    buf_byte(&b, '{');
    for (int i = 0; i < 1000000; i++)
        buf_printf(&b, "%s\"k%d\":%d", i ? "," : "", i, i);
    buf_byte(&b, '}');
    doc = must_parse(buf_str(&b));
    assert_int_equal(json_count(json_root(doc)), 1000000);
    for (it = json_iter(json_root(doc)); json_next(&it, &key); n++)
        ;
    assert_int_equal(n, 1000000);
    assert_true(str_eq(key, S("k999999")));
    json_free(doc);

    buf_clear(&b);
    buf_add(&b, S("{\""));
    for (int i = 0; i < 1 << 20; i++)
        buf_byte(&b, 'k');
    buf_add(&b, S("\":7}"));
    doc = must_parse(buf_str(&b));
    assert_true(str_eq(json_text(json_get(json_root(doc), str_mk(b.p + 2, 1u << 20))), S("7")));
    json_free(doc);
    buf_free(&b);
}

static void every_repair_at_every_offset(void **state)
{
    static const struct {
        const char *bad, *good;
    } cases[] = {{"\x01", ""},     {"\n", "\\n"},   {"\xFF", "\xEF\xBF\xBD"}, {"\\ud800", "\xEF\xBF\xBD"},
                 {"\\\"", "\\\""}, {"\\\\", "\\\\"}};
    struct buf b = buf_make(4096), want = buf_make(4096), out = buf_make(4096);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int before = 0; before < 20; before++)
            for (int after = 0; after < 20; after++) {
                struct json_doc *doc = NULL;
                struct errinfo ei;

                buf_clear(&b);
                buf_clear(&want);
                buf_printf(&b, "[\"%.*s", before, "aaaaaaaaaaaaaaaaaaaa");
                buf_printf(&want, "[\"%.*s", before, "aaaaaaaaaaaaaaaaaaaa");
                buf_add(&b, str_of(cases[i].bad));
                buf_add(&want, str_of(cases[i].good));
                buf_printf(&b, "%.*s\"]", after, "bbbbbbbbbbbbbbbbbbbb");
                buf_printf(&want, "%.*s\"]", after, "bbbbbbbbbbbbbbbbbbbb");
                assert_int_equal(parse_exactly(buf_str(&b), &doc, NULL, &ei), OK);
                assert_true(str_eq(written(json_root(doc), &out), buf_str(&want)));
                json_free(doc);
            }
    buf_free(&b);
    buf_free(&want);
    buf_free(&out);
}

static void access(void **state)
{
    struct json_doc *doc =
        must_parse(S("{\"a\":{\"b\":[10,{\"c\":\"x\"},\"12\",\"1.5\",2.0]},\"t\":true,\"s\":\"true\","
                     "\"d\":1,\"d\":2,\"n\":null,\"\":5,\"z\":\"a\\u0000b\"}"));
    const struct json *root = json_root(doc), *b = json_path(root, S("a.b"));
    int64_t v = 0;

    (void)state;
    assert_int_equal(json_type(b), JSON_ARRAY);
    assert_int_equal(json_count(b), 5);
    assert_ptr_equal(json_path(root, S("")), root);
    assert_true(str_eq(json_text(json_path(root, S("a.b.1.c"))), S("x")));
    assert_null(json_path(root, S("a.b.5")));
    assert_null(json_path(root, S("a.b.-1")));
    assert_null(json_path(root, S("a.b.99999999999999999999")));
    assert_null(json_path(root, S("a.c.d")));
    assert_null(json_path(root, S("a..b")));
    assert_null(json_path(root, S("t.x")));
    assert_true(json_i64(json_at(b, 0), &v) && v == 10);
    assert_true(json_i64(json_at(b, 2), &v) && v == 12);
    assert_false(json_i64(json_at(b, 3), &v));
    assert_false(json_i64(b, &v));
    assert_int_equal(v, 12);
    assert_true(json_true(json_get(root, S("t"))));
    assert_false(json_true(json_get(root, S("s"))));
    assert_true(str_eq(json_text(json_get(root, S("d"))), S("1")));
    assert_true(str_eq(json_text(json_get(root, S(""))), S("5")));
    assert_int_equal(json_text(json_get(root, S("z"))).n, 3);
    assert_int_equal(json_type(json_get(root, S("n"))), JSON_NULL);
    assert_null(json_get(b, S("a")));
    assert_null(json_at(root, 0));
    assert_null(json_at(b, 5));
    assert_null(json_text(b).p);
    assert_string_equal(json_type_name(json_type(b)), "array");
    json_free(doc);
}

static void nothing(void **state)
{
    struct json_iter it = json_iter(NULL);
    struct buf b = buf_make(100);
    int64_t v;

    (void)state;
    json_free(NULL);
    assert_null(json_root(NULL));
    assert_int_equal(json_type(NULL), JSON_NONE);
    assert_false(json_true(NULL));
    assert_null(json_text(NULL).p);
    assert_false(json_i64(NULL, &v));
    assert_null(json_get(NULL, S("a")));
    assert_null(json_at(NULL, 0));
    assert_null(json_path(NULL, S("a.b")));
    assert_int_equal(json_count(NULL), 0);
    assert_null(json_next(&it, NULL));
    assert_int_equal(json_memory(NULL), 0);
    assert_true(str_eq(written(NULL, &b), S("null")));
    buf_free(&b);
}

static void iterate(void **state)
{
    struct json_doc *doc = must_parse(S("{\"a\":[1,[2,3],{}],\"b\":{\"c\":4},\"d\":\"e\"}"));
    struct json_iter it = json_iter(json_root(doc)), inner;
    struct str key;

    (void)state;
    inner = json_iter(json_next(&it, &key));
    assert_true(str_eq(key, S("a")));
    assert_true(str_eq(json_text(json_next(&inner, NULL)), S("1")));
    assert_int_equal(json_count(json_next(&inner, NULL)), 2);
    assert_int_equal(json_type(json_next(&inner, NULL)), JSON_OBJECT);
    assert_null(json_next(&inner, NULL));
    assert_null(json_next(&inner, NULL));
    inner = json_iter(json_next(&it, &key));
    assert_true(str_eq(key, S("b")));
    assert_true(str_eq(json_text(json_next(&inner, NULL)), S("4")));
    assert_true(str_eq(json_text(json_next(&it, &key)), S("e")));
    inner = json_iter(json_root(doc));
    inner = json_iter(json_get(json_root(doc), S("d")));
    assert_null(json_next(&inner, &key));
    assert_null(json_next(&it, &key));
    json_free(doc);
}

static void collect(void *ctx, struct str piece)
{
    buf_add(ctx, piece);
}

static void walks_differ(void **state)
{
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "\"0\"",
        "\"\"",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "[1]",
        "[\"1\"]",
        "[12]",
        "[1,2]",
        "[[1],2]",
        "[[1,2]]",
        "[[1],[2]]",
        "{\"a\":1}",
        "[\"a\",1]",
        "{\"a\":\"1\"}",
        "{\"a1\":\"\"}",
        "{\"\":\"a1\"}",
        "[\"ab\",\"c\"]",
        "[\"a\",\"bc\"]",
        "[\"abc\"]",
        "{\"a\":{\"b\":1}}",
        "{\"a\":{},\"b\":1}",
        "1.0",
        "1.00",
        "10",
        "[null]",
        "[true]",
        "[\"true\"]",
        "{\"b\":1,\"a\":1}",
        "{\"a\":1,\"b\":1}",
        "\"a\\u0000\"",
        "\"a\"",
    };
    enum { N = sizeof texts / sizeof *texts };
    struct buf at[N];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct json_doc *doc = must_parse(str_of(texts[i]));

        at[i] = buf_make(4096);
        json_walk(json_root(doc), collect, &at[i]);
        assert_true(at[i].n > 0);
        json_free(doc);
        for (size_t j = 0; j < i; j++)
            if (str_eq(buf_str(&at[i]), buf_str(&at[j])))
                FAIL_MSG("%s and %s feed the same\n", texts[i], texts[j]);
    }
    for (size_t i = 0; i < N; i++)
        buf_free(&at[i]);
}

/* The walk over a part feeds what the part alone would; blanks and escapes in the text make no difference. */
static void walks_agree(void **state)
{
    struct json_doc *whole = must_parse(S("[0, {\"a\" : [\"\\u8ba2\", {}, 2]}, 3]"));
    struct json_doc *part = must_parse(S("{\"a\":[\"\xE8\xAE\xA2\",{},2]}"));
    struct buf a = buf_make(4096), b = buf_make(4096);

    (void)state;
    json_walk(json_at(json_root(whole), 1), collect, &a);
    json_walk(json_root(part), collect, &b);
    assert_true(a.n > 0 && str_eq(buf_str(&a), buf_str(&b)));
    json_walk(NULL, collect, &a);
    assert_int_equal(a.n, b.n);
    json_free(whole);
    json_free(part);
    buf_free(&a);
    buf_free(&b);
}

static void out(void **state)
{
    struct buf b = buf_make(1000);
    struct json_out w = json_out(&b);

    (void)state;
    json_out_begin(&w, '{');
    json_out_key(&w, "a\"");
    json_out_begin(&w, '[');
    json_out_int(&w, INT64_MIN);
    json_out_bool(&w, true);
    json_out_null(&w);
    json_out_cstr(&w, NULL);
    json_out_begin(&w, '[');
    json_out_end(&w, ']');
    json_out_begin(&w, '{');
    json_out_end(&w, '}');
    json_out_end(&w, ']');
    json_out_key_str(&w, S(""));
    json_out_raw(&w, S("1.50"));
    json_out_key(&w, "s");
    json_out_str(&w, S("\x01\x1f\"\\\n\r\t/\x7f\xE5\x8D\x95\xFF\xC0\x80\0z"));
    json_out_end(&w, '}');
    assert_string_equal(buf_cstr(&b), "{\"a\\\"\":[-9223372036854775808,true,null,null,[],{}],\"\":1.50,\"s\":"
                                      "\"\\u0001\\u001f\\\"\\\\\\n\\r\\t/\x7f\xE5\x8D\x95\xEF\xBF\xBD\xEF\xBF\xBD"
                                      "\xEF\xBF\xBD\\u0000z\"}");
    json_free(must_parse(buf_str(&b)));
    buf_free(&b);
}

static void out_depth(void **state)
{
    struct buf b = buf_make(1000);
    struct json_out w = json_out(&b);

    (void)state;
    for (int i = 0; i < 64; i++) {
        json_out_begin(&w, '[');
        json_out_int(&w, i);
    }
    for (int i = 0; i < 64; i++) {
        json_out_int(&w, i);
        json_out_end(&w, ']');
    }
    assert_false(b.failed);
    json_free(must_parse(buf_str(&b)));
    buf_clear(&b);
    w = json_out(&b);
    for (int i = 0; i < 65; i++)
        json_out_begin(&w, '[');
    assert_true(b.failed);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),       cmocka_unit_test(truncated_everywhere),
        cmocka_unit_test(depth),       cmocka_unit_test(bytes),
        cmocka_unit_test(many_keys),   cmocka_unit_test(every_repair_at_every_offset),
        cmocka_unit_test(access),      cmocka_unit_test(nothing),
        cmocka_unit_test(iterate),     cmocka_unit_test(walks_differ),
        cmocka_unit_test(walks_agree), cmocka_unit_test(out),
        cmocka_unit_test(out_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
