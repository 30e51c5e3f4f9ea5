/* Templates: tests/data/meta/tmpl.txt, and what a data file cannot say. */
#include "test_meta_groups.h"

static void evaluate(const struct group_lines *g, const struct tmpl *t, const struct slots *slots, struct arena *a)
{
    struct json_doc *doc = group_json(g, group_get(g, "record", a));
    struct str value = group_get(g, "value", a), error = group_get(g, "error", a);
    struct test_env te;
    struct errinfo ei;
    struct value v;
    enum err e;

    test_env_open(&te, slots, json_root(doc), a);
    e = tmpl_eval(t, &te.env, &v, &ei);
    if (error.p) {
        group_expect_in(g, "error", e ? str_of(ei.msg) : S(""), error);
    } else {
        group_expect(g, "value", e ? str_of(ei.msg) : group_value(&v, a), value);
    }
    test_env_close(&te);
    json_free(doc);
}

static void one(const struct group_lines *g, struct arena *a)
{
    bool source = group_get(g, "side", a).p && str_eq(group_get(g, "side", a), S("source"));
    struct str wrong = group_get(g, "wrong", a), warning = group_get(g, "warning", a), uses = group_get(g, "uses", a);
    struct diags *d = diags_new();
    struct slots *slots = source ? NULL : slots_new();
    struct lookup_list lookups = {0};
    struct compile c = {a, slots, source ? SIDE_SOURCE : SIDE_TARGET, d, &lookups};
    const struct tmpl *t = tmpl_compile(&c, group_get(g, "template", a), (struct pos){"f", 1, 10});
    struct str said = group_diags(d, a);

    if (wrong.p || !t) {
        group_expect_in(g, "diagnostics", said, wrong);
    } else {
        if (warning.p)
            group_expect_in(g, "diagnostics", said, warning);
        else
            group_expect(g, "diagnostics", said, S(""));
        if (uses.p)
            group_expect(g, "uses",
                         arena_printf(a, "%d%d%d", tmpl_uses_last_sync(t), tmpl_uses_current(t), (int)lookups.n), uses);
        evaluate(g, t, slots, a);
    }
    slots_free(slots);
    diags_free(d);
}

static void data_file(void **state)
{
    (void)state;
    assert_true(groups_run("tmpl.txt", one) >= 60);
}

static void slot_is_read_directly(void **state)
{
    struct arena *a = arena_new(1 << 20);
    struct diags *d = diags_new();
    struct slots *slots = slots_new();
    struct compile c = {a, slots, SIDE_TARGET, d, NULL};
    size_t slot = 99;

    (void)state;
    assert_true(tmpl_is_slot(tmpl_compile(&c, S("{a}"), (struct pos){0}), &slot));
    assert_int_equal(slot, 0);
    assert_true(tmpl_is_slot(tmpl_compile(&c, S("{{b.c}}"), (struct pos){0}), &slot));
    assert_int_equal(slot, 1);
    assert_false(tmpl_is_slot(tmpl_compile(&c, S("{{b|date}}"), (struct pos){0}), &slot));
    assert_false(tmpl_is_slot(tmpl_compile(&c, S("{a} "), (struct pos){0}), &slot));
    assert_false(tmpl_is_slot(tmpl_compile(&c, S("{{CURRENT_TIME}}"), (struct pos){0}), &slot));
    assert_false(tmpl_is_slot(tmpl_compile(&c, S("{{uuid}}"), (struct pos){0}), &slot));
    assert_false(tmpl_is_slot(tmpl_compile(&c, S(""), (struct pos){0}), &slot));
    slots_free(slots);
    diags_free(d);
    arena_free(a);
}

static void long_text_is_an_error_of_the_record(void **state)
{
    struct arena *a = arena_new((size_t)256 << 20);
    struct diags *d = diags_new();
    struct slots *slots = slots_new();
    struct compile c = {a, slots, SIDE_TARGET, d, NULL};
    const struct tmpl *t = tmpl_compile(&c, S("{a}{a}{a}"), (struct pos){0});
    size_t n = (size_t)12 << 20;
    char *big = malloc(n);
    struct value v, in;
    struct sysvars sys = {0};
    struct env env = {.slot = &in, .sys = &sys, .arena = a};
    struct errinfo ei;

    (void)state;
    assert_non_null(big);
    memset(big, 'x', n);
    in = value_text(str_mk(big, n));
    assert_int_equal(tmpl_eval(t, &env, &v, &ei), ERR_DATA);
    free(big);
    slots_free(slots);
    diags_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_file),
        cmocka_unit_test(slot_is_read_directly),
        cmocka_unit_test(long_text_is_an_error_of_the_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
