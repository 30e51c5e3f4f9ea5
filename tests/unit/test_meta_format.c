/* Derived fields: tests/data/meta/format.txt. A group is one rule, then lines of `case: JSON | result`. */
#include "test_meta_groups.h"

static void one(const struct group_lines *g, struct arena *a)
{
    struct str wrong = group_get(g, "wrong", a);
    struct diags *d = diags_new();
    struct formats formats;
    struct errinfo ei;
    struct zone *z;
    bool ok = formats_compile(a, group_conf(g, group_get(g, "rules", a), a), d, &formats);

    assert_int_equal(zone_open(S("Asia/Shanghai"), &z, &ei), OK);
    if (wrong.p || !ok)
        group_expect_in(g, "diagnostics", group_diags(d, a), wrong);
    for (size_t i = 0; ok && i < g->n; i++) {
        struct str rest = g->at[i].value, in, want;
        struct json_doc *doc;
        struct value v, out;

        if (!str_eq(g->at[i].key, S("case")))
            continue;
        assert_true(str_cut(&rest, '|', &in) && rest.p);
        want = str_trim(rest);
        doc = group_json(g, str_trim(in));
        v = value_of_json(json_root(doc));
        if (format_apply(&formats.at[0], &v, z, a, &out, &ei) == OK)
            group_expect(g, arena_cstr(a, in), group_value(&out, a), want);
        else
            group_expect(g, arena_cstr(a, in), arena_printf(a, "error %s", ei.msg), want);
        json_free(doc);
    }
    zone_free(z);
    diags_free(d);
}

static void data_file(void **state)
{
    (void)state;
    assert_true(groups_run("format.txt", one) >= 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(data_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
