/* Lookups, compiled and compared: tests/data/meta/lookup.txt. The records stand in the test's own array, which is gone
 * through one by one, so this says what the answer is; that an index gives the same is shown end to end
 * (test_lookups.py). */
#include "test_meta_groups.h"

#include "meta/lookup.h"

static bool fits(const struct lookup_match *m, const struct json *kept, struct arena *a)
{
    for (size_t i = 0; i < m->l->n_terms; i++) {
        struct lookup_values v = {.a = a};

        lookup_collect(kept, m->l->terms[i].path, &v);
        if (!lookup_holds(m, i, v.at, v.n))
            return false;
    }
    return true;
}

/* Keys are coarser than equality: where an indexed term holds, one of the keys must be the same. */
static void keys_agree(const struct lookup_match *m, const struct json *kept, struct arena *a)
{
    for (size_t i = 0; i < m->l->n_terms; i++) {
        struct lookup_values v = {.a = a};
        bool same = false;

        lookup_collect(kept, m->l->terms[i].path, &v);
        if (!m->l->terms[i].indexed || !lookup_holds(m, i, v.at, v.n))
            continue;
        for (size_t k = 0; k < m->asked[i].n; k++)
            for (size_t j = 0; j < v.n; j++) {
                char x[DECIMAL_TEXT], y[DECIMAL_TEXT];
                struct str p = lookup_key(&m->asked[i].at[k], x), q = lookup_key(&v.at[j], y);

                same |= p.p && q.p && str_eq(p, q);
            }
        assert_true(same);
    }
}

static enum err answer(void *ctx, const struct lookup *l, const struct lookup_operands *asked, struct arena *a,
                       struct value *ret, struct errinfo *ei)
{
    struct json_iter it = json_iter(ctx);
    const struct json *kept, *found = NULL;
    struct lookup_match m;
    enum err e = lookup_match_begin(l, asked, a, &m, ei);

    while (!e && (kept = json_next(&it, NULL)))
        if (fits(&m, kept, a)) {
            keys_agree(&m, kept, a);
            found = json_path(kept, l->find);
        }
    *ret = value_of_json(found);
    if (ret->kind == VALUE_JSON)
        *ret = value_json_text(value_as_text(ret, a));
    else if (!found)
        *ret = value_null();
    return e;
}

static void one(const struct group_lines *g, struct arena *a)
{
    bool source = group_get(g, "side", a).p != NULL;
    struct str wrong = group_get(g, "wrong", a), error = group_get(g, "error", a), kept = group_get(g, "kept", a);
    struct diags *d = diags_new();
    struct slots *slots = source ? NULL : slots_new();
    struct lookup_list lookups = {0};
    struct compile c = {a, slots, source ? SIDE_SOURCE : SIDE_TARGET, d, &lookups};
    const struct tmpl *t = tmpl_compile(&c, group_get(g, "template", a), (struct pos){"f", 1, 10});
    struct json_doc *record = group_json(g, group_get(g, "record", a)), *all = group_json(g, kept);
    struct test_env te;
    struct errinfo ei;
    struct value v;
    enum err e;

    if (wrong.p || !t) {
        group_expect_in(g, "diagnostics", group_diags(d, a), wrong);
    } else {
        group_expect(g, "diagnostics", group_diags(d, a), S(""));
        assert_true(lookups.n > 0 && lookups.at[0]->integration.n > 0 && lookups.at[0]->pos.line == 1);
        test_env_open(&te, slots, json_root(record), a);
        te.env.lookup = answer;
        te.env.lookup_ctx = (void *)(uintptr_t)json_root(all);
        e = tmpl_eval(t, &te.env, &v, &ei);
        if (error.p)
            group_expect_in(g, "error", e ? str_of(ei.msg) : S(""), error);
        else
            group_expect(g, "value", e ? str_of(ei.msg) : group_value(&v, a), group_get(g, "value", a));
        test_env_close(&te);
    }
    json_free(record);
    json_free(all);
    slots_free(slots);
    diags_free(d);
}

static void data_file(void **state)
{
    (void)state;
    assert_true(groups_run("lookup.txt", one) >= 40);
}

static void names_are_taken_as_written(void **state)
{
    struct arena *a = arena_new(1 << 20);
    struct diags *d = diags_new();
    struct slots *slots = slots_new();
    struct lookup_list lookups = {0};
    struct compile c = {a, slots, SIDE_TARGET, d, &lookups};

    (void)state;
    assert_non_null(tmpl_compile(&c, S("_findCollection find F from a b c where x=1 y={{z}}"), (struct pos){0}));
    assert_non_null(tmpl_compile(&c, S("_mongoQuery '订 单' findField=content.f.g where={\"content.h\": 1, \"i\": 2}"),
                                 (struct pos){0}));
    assert_int_equal(lookups.n, 2);
    assert_true(str_eq(lookups.at[0]->integration, S("a b c")));
    assert_true(str_eq(lookups.at[0]->find, S("F")));
    assert_true(str_eq(lookups.at[0]->terms[1].path, S("y")));
    assert_true(str_eq(lookups.at[1]->integration, S("订 单")));
    assert_true(str_eq(lookups.at[1]->find, S("f.g")));
    assert_true(str_eq(lookups.at[1]->terms[0].path, S("h")));
    assert_true(str_eq(lookups.at[1]->terms[1].path, S("i")));
    slots_free(slots);
    diags_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_file),
        cmocka_unit_test(names_are_taken_as_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
