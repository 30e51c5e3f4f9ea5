/* Views of text, UTF-8 and the shape of failure. */
#include "table.h"

#include "base/err.h"
#include "base/num.h"

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void order(void **state)
{
    (void)state;
    assert_int_equal(str_cmp(S("a"), S("a")), 0);
    assert_int_equal(sign(str_cmp(S("a"), S("b"))), -1);
    assert_int_equal(sign(str_cmp(S("b"), S("a"))), 1);
    assert_int_equal(sign(str_cmp(S("a"), S("ab"))), -1);
    assert_int_equal(sign(str_cmp(S("ab"), S("a"))), 1);
    assert_int_equal(sign(str_cmp(S("a"), S("\x80"))), -1);
    assert_int_equal(str_cmp(str_mk(NULL, 0), S("")), 0);
    assert_int_equal(sign(str_cmp(str_mk(NULL, 0), S("a"))), -1);
    assert_true(str_eq_nocase(S("Content-Type"), S("content-tYPE")));
    assert_false(str_eq_nocase(S("a"), S("ab")));
    assert_false(str_eq_nocase(S("@"), S("`")));
    assert_false(str_eq_nocase(S("["), S("{")));
    assert_false(str_eq_nocase(S("\xC3\x84"), S("\xC3\xA4")));
    assert_true(str_starts(S("abc"), S("ab")) && str_starts(S("abc"), S("")) && !str_starts(S("ab"), S("abc")));
    assert_true(str_ends(S("abc"), S("bc")) && str_ends(S("abc"), S("")) && !str_ends(S("bc"), S("abc")));
    assert_true(str_starts(str_mk(NULL, 0), S("")) && str_ends(str_mk(NULL, 0), str_mk(NULL, 0)));
}

static void finding(void **state)
{
    (void)state;
    struct str s = S("abcabc\0abc");
    assert_int_equal(str_find(s, S("abc"), 0), 0);
    assert_int_equal(str_find(s, S("abc"), 1), 3);
    assert_int_equal(str_find(s, S("\0a"), 0), 6);
    assert_int_equal(str_find(s, S("abc"), 7), 7);
    assert_int_equal(str_find(s, S("abc"), 8), SIZE_MAX);
    assert_int_equal(str_find(s, S(""), 4), 4);
    assert_int_equal(str_find(s, S(""), 10), 10);
    assert_int_equal(str_find(s, S(""), 11), SIZE_MAX);
    assert_int_equal(str_find(str_mk(NULL, 0), S(""), 0), 0);
    assert_int_equal(str_find(str_mk(NULL, 0), S("a"), 0), SIZE_MAX);
    assert_true(str_eq(str_sub(S("hello"), 1, 3), S("ell")));
    assert_true(str_eq(str_sub(S("hello"), 1, SIZE_MAX), S("ello")));
    assert_int_equal(str_sub(S("hello"), 5, 1).n, 0);
    assert_int_equal(str_sub(S("hello"), SIZE_MAX, SIZE_MAX).n, 0);
    assert_int_equal(str_sub(str_mk(NULL, 0), 3, 3).n, 0);
    assert_true(str_eq(str_trim(S(" \t\r\n a b \v\f")), S("a b")));
    assert_int_equal(str_trim(S("   ")).n, 0);
    assert_int_equal(str_trim(str_mk(NULL, 0)).n, 0);
}

static void cutting(void **state)
{
    (void)state;
    struct str rest = S("a,,b,"), part;
    static const char *const want[] = {"a", "", "b", ""};
    for (size_t i = 0; i < 4; i++) {
        assert_true(str_cut(&rest, ',', &part));
        assert_true(str_eq(part, str_of(want[i])));
    }
    assert_null(rest.p);
    assert_false(str_cut(&rest, ',', &part));
    rest = S("");
    assert_true(str_cut(&rest, ',', &part));
    assert_int_equal(part.n, 0);
    assert_false(str_cut(&rest, ',', &part));
    rest = str_mk(NULL, 0);
    assert_false(str_cut(&rest, ',', &part));
}

/* The table's row as it is, and behind and before runs of ASCII of every length up to 40. */
static bool check_utf8(const struct table_row *row)
{
    struct str s = row->col[0];
    bool valid = str_eq(row->col[1], S("valid"));
    size_t count;
    if (!num_size(row->col[2], &count))
        return false;
    for (size_t pad = 0; pad < 40; pad++) {
        size_t n = s.n + 2 * pad;
        char *text = malloc(n ? n : 1);
        assert_non_null(text);
        memset(text, 'x', n);
        memcpy(text + pad, s.p, s.n);
        bool ok = utf8_valid(str_mk(text, n)) == valid && utf8_count(str_mk(text, n)) == count + 2 * pad &&
                  utf8_prefix(str_mk(text, n), count + 2 * pad) == n &&
                  utf8_prefix(str_mk(text, n), pad + count) == pad + s.n;
        free(text);
        if (!ok)
            return false;
    }
    return true;
}

static void utf8_table(void **state)
{
    (void)state;
    table_run("base/utf8.txt", check_utf8);
    assert_true(utf8_valid(str_mk(NULL, 0)));
    assert_int_equal(utf8_count(str_mk(NULL, 0)), 0);
    assert_int_equal(utf8_prefix(S("聚水潭"), 2), 6);
    assert_int_equal(utf8_prefix(S("聚水潭"), 99), 9);
    assert_int_equal(utf8_prefix(S("聚水潭"), 0), 0);
}

static void utf8_every_character(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x110010; cp++) {
        char out[4];
        uint32_t back;
        bool real = cp <= 0x10FFFF && !(cp >= 0xD800 && cp <= 0xDFFF);
        size_t n = utf8_encode(cp, out);
        if (!utf8_valid(str_mk(out, n)) || utf8_decode(str_mk(out, n), &back) != n || back != (real ? cp : 0xFFFD))
            FAIL_MSG("U+%04X\n", cp);
    }
    uint32_t cp;
    assert_int_equal(utf8_decode(S("\xE4\xB8"), &cp), 1);
    assert_int_equal(cp, 0xFFFD);
    assert_int_equal(utf8_decode(S("\xEF\xBF\xBD"), &cp), 3);
    assert_int_equal(cp, 0xFFFD);
}

static bool check_distance(const struct table_row *row)
{
    size_t want = SIZE_MAX;
    if (!str_eq(row->col[2], S("none")) && !num_size(row->col[2], &want))
        return false;
    return str_distance(row->col[0], row->col[1]) == want && str_distance(row->col[1], row->col[0]) == want;
}

static void distances(void **state)
{
    (void)state;
    table_run("base/str_distance.txt", check_distance);
    static const char *const names[] = {"schedule", "source", "sink", "mapping", "map"};
    assert_string_equal(str_nearest(S("shedule"), names, 5), "schedule");
    assert_string_equal(str_nearest(S("snik"), names, 5), "sink");
    assert_string_equal(str_nearest(S("map"), names, 5), "map");
    assert_string_equal(str_nearest(S("maping"), names, 5), "mapping");
    assert_null(str_nearest(S("zzzz"), names, 5));
    assert_null(str_nearest(S("zzzz"), NULL, 0));
}

static void failures(void **state)
{
    (void)state;
    struct errinfo ei;
    assert_int_equal(fail(&ei, ERR_DATA, "row %d", 5), ERR_DATA);
    assert_int_equal(ei.code, ERR_DATA);
    assert_string_equal(ei.msg, "row 5");
    assert_string_equal(ei.hint, "");
    assert_int_equal(fail_hint(&ei, "look at %s", "it"), ERR_DATA);
    assert_string_equal(ei.hint, "look at it");
    err_prefix(&ei, "page %d", 2);
    assert_string_equal(ei.msg, "page 2: row 5");
    assert_int_equal(fail(&ei, ERR_DISK, "again: %s", ei.msg), ERR_DISK);
    assert_string_equal(ei.msg, "again: page 2: row 5");
    assert_string_equal(ei.hint, "");
    assert_int_equal(fail(NULL, ERR_AUTH, "x"), ERR_AUTH);
    assert_int_equal(fail_hint(NULL, "x"), ERR_INTERNAL);
    err_prefix(NULL, "x");
    for (int code = 0; code < ERR_COUNT; code++)
        assert_true(err_name((enum err)code)[0] != '\0');
    assert_string_equal(err_name(OK), "ok");
    assert_string_equal(err_name(ERR_NETWORK), "network");
}

static void failures_are_utf8(void **state)
{
    (void)state;
    struct errinfo ei;
    char text[4000];
    /* Every alignment of the cut against three-byte characters. */
    for (size_t lead = 0; lead < 4; lead++) {
        memset(text, 'x', sizeof(text));
        for (size_t i = lead; i + 3 < sizeof(text); i += 3)
            memcpy(text + i, "聚", 3);
        text[sizeof(text) - 1] = '\0';
        text[sizeof(text) - 2] = text[sizeof(text) - 3] = text[sizeof(text) - 4] = 'x';
        (void)fail(&ei, ERR_DATA, "%s", text);
        assert_true(utf8_valid(str_of(ei.msg)) && strlen(ei.msg) > sizeof(ei.msg) - 4);
        assert_null(strchr(ei.msg, '?'));
        (void)fail_hint(&ei, "%s", text);
        assert_true(utf8_valid(str_of(ei.hint)) && strlen(ei.hint) > sizeof(ei.hint) - 5);
        err_prefix(&ei, "%s", text);
        assert_true(utf8_valid(str_of(ei.msg)) && strlen(ei.msg) > sizeof(ei.msg) - 5);
    }
    (void)fail(&ei, ERR_DATA, "bad \xFF\xE4\xB8 text");
    assert_string_equal(ei.msg, "bad ??? text");
    (void)fail(&ei, ERR_DATA, STR_FMT, STR_ARG(str_mk(NULL, 0)));
    assert_string_equal(ei.msg, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),      cmocka_unit_test(finding),           cmocka_unit_test(cutting),
        cmocka_unit_test(utf8_table), cmocka_unit_test(distances),         cmocka_unit_test(utf8_every_character),
        cmocka_unit_test(failures),   cmocka_unit_test(failures_are_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
