/* Conditions: tests/data/meta/cond.txt, and the limits of expressions. */
#include "test_meta_groups.h"

/* "filtered", "pass", or one 1 or 0 for each element of the array at hand. */
static struct str outcome(const struct cond *c, const struct json *record, const struct json *array, struct arena *a)
{
    size_t n = json_count(array);
    bool *keep = ARENA_ARRAY(a, bool, n + 1);
    struct str all = {"", 0};

    if (!cond_apply(c, record, array, keep, n))
        return S("filtered");
    if (!n)
        return S("pass");
    for (size_t i = 0; i < n; i++)
        all = arena_printf(a, "%s%d", all.p, keep[i]);
    return all;
}

static void one(const struct group_lines *g, struct arena *a)
{
    struct str wrong = group_get(g, "wrong", a), warning = group_get(g, "warning", a), flat = group_get(g, "flat", a),
               over = group_get(g, "over", a);
    struct strs flats = {&flat, flat.p ? 1 : 0};
    struct diags *d = diags_new();
    bool ok = false;
    const struct cond *c = cond_compile(a, group_conf(g, group_get(g, "condition", a), a), &flats, d, &ok);
    struct str said = group_diags(d, a);

    if (wrong.p || !ok) {
        group_expect(g, "compiled", ok ? S("yes") : S("no"), S("no"));
        group_expect_in(g, "diagnostics", said, wrong);
    } else {
        struct zone *z;
        struct errinfo ei;

        assert_int_equal(zone_open(S("Asia/Shanghai"), &z, &ei), OK);
        c = cond_in_zone(a, c, z);
        if (warning.p)
            group_expect_in(g, "diagnostics", said, warning);
        else
            group_expect(g, "diagnostics", said, S(""));
        for (size_t i = 0; i < g->n; i++) {
            static const char *const outcomes[] = {"pass", "filtered", "keep"};
            struct str record = g->at[i].value, want = {0};
            struct json_doc *doc;

            for (size_t k = 0; k < 3; k++)
                if (str_eq(g->at[i].key, str_of(outcomes[k])))
                    want = str_of(outcomes[k]);
            if (!want.p)
                continue;
            if (str_eq(want, S("keep")))
                assert_true(str_cut(&record, ' ', &want));
            doc = group_json(g, record);
            group_expect(g, arena_cstr(a, record),
                         outcome(c, json_root(doc),
                                 over.p || flat.p ? json_path(json_root(doc), over.p ? over : flat) : NULL, a),
                         want);
            json_free(doc);
        }
        zone_free(z);
    }
    diags_free(d);
}

static void data_file(void **state)
{
    (void)state;
    assert_true(groups_run("cond.txt", one) >= 40);
}

/* An expression that backtracks for ever does not match, and ends. */
static void catastrophic_expression_ends(void **state)
{
    struct arena *a = arena_new(16 << 20);
    struct group_lines g = {.file = "regex"};
    struct diags *d = diags_new();
    bool ok = false;
    const struct cond *c =
        cond_compile(a, group_conf(&g, S("[[{field: 'x', logic: 'regex', value: '^(a+)+$'}]]"), a), NULL, d, &ok);
    struct json_doc *doc;
    struct str record;
    char as[5000];

    (void)state;
    assert_true(ok);
    memset(as, 'a', sizeof as);
    record = arena_printf(a, "{\"x\": \"%.*sb\"}", (int)sizeof as, as);
    doc = group_json(&g, record);
    assert_false(cond_apply(c, json_root(doc), NULL, NULL, 0));
    json_free(doc);
    diags_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_file),
        cmocka_unit_test(catastrophic_expression_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
