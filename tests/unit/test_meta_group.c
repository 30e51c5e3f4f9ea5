/* groupCalculate and operation on named rows: tests/data/meta/group.txt. */
#include "test_meta_groups.h"

static void lay_rows(const struct json *list, struct named_rows *ret, struct arena *a)
{
    size_t n = json_count(list), cap = 50;
    struct str *names = ARENA_ARRAY(a, struct str, cap);
    struct value **rows = ARENA_ARRAY(a, struct value *, n + 1);
    struct json_iter it = json_iter(list);

    *ret = (struct named_rows){.names = names, .n_rows = n};
    for (size_t i = 0; i < n; i++) {
        struct json_iter members = json_iter(json_next(&it, NULL));
        const struct json *v;
        struct str key;

        rows[i] = ARENA_ARRAY(a, struct value, cap);
        while ((v = json_next(&members, &key))) {
            size_t k = 0;

            while (k < ret->n_names && !str_eq(names[k], key))
                k++;
            assert_true(k < cap);
            if (k == ret->n_names)
                names[ret->n_names++] = key;
            rows[i][k] = value_of_json(v);
        }
    }
    ret->rows = (const struct value *const *)rows;
}

static void one(const struct group_lines *g, struct arena *a)
{
    struct str group = group_get(g, "group", a), operation = group_get(g, "operation", a),
               wrong = group_get(g, "wrong", a), error = group_get(g, "error", a);
    struct json_doc *doc = group_json(g, group_get(g, "rows", a));
    struct diags *d = diags_new();
    struct buf out = buf_make(1 << 20);
    struct errinfo ei;
    const struct group *gr = NULL;
    const struct operation *op = NULL;
    bool ok = false;
    enum err e = OK;

    if (group.p)
        gr = group_compile(a, group_conf(g, group, a), d, &ok);
    else
        op = operation_compile(a, group_conf(g, operation, a), d, &ok);
    if (wrong.p || !ok) {
        group_expect_in(g, "diagnostics", group_diags(d, a), wrong);
    } else if (!gr && !op) {
        group_expect(g, "operation", S("none"), group_get(g, "out", a));
    } else {
        struct named_rows in;

        lay_rows(json_root(doc), &in, a);
        e = gr ? group_apply(gr, &in, a, &out, &ei) : operation_apply(op, &in, a, &out, &ei);
        if (error.p)
            group_expect_in(g, "error", e ? str_of(ei.msg) : S(""), error);
        else
            group_expect(g, "out", e ? str_of(ei.msg) : buf_str(&out), group_get(g, "out", a));
    }
    buf_free(&out);
    diags_free(d);
    json_free(doc);
}

static void data_file(void **state)
{
    (void)state;
    assert_true(groups_run("group.txt", one) >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(data_file)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
