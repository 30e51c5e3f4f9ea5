/* Spreading an amount: tests/data/meta/allocate.txt, and its laws on many made-up records. */
#include "base/decimal.h"
#include "test_meta_groups.h"

static void one(const struct group_lines *g, struct arena *a)
{
    struct str error = group_get(g, "error", a), wrong = group_get(g, "wrong", a), got = {"", 0};
    struct json_doc *doc = group_json(g, group_get(g, "record", a));
    struct diags *d = diags_new();
    bool ok = false;
    const struct allocate *al = allocate_compile(a, group_conf(g, group_get(g, "allocate", a), a), d, &ok);
    struct errinfo ei;

    if (wrong.p || !ok) {
        group_expect_in(g, "diagnostics", group_diags(d, a), wrong);
    } else {
        const struct json *array = json_path(json_root(doc), allocate_over(al, 0));
        size_t n = json_type(array) == JSON_ARRAY ? json_count(array) : 0;
        struct value *shares = ARENA_ARRAY(a, struct value, n + 1);
        enum err e = allocate_apply(al, 0, json_root(doc), a, shares, n, &ei);

        for (size_t i = 0; !e && i < n; i++)
            got = arena_printf(a, "%s%s%.*s", got.p, i ? " " : "", (int)shares[i].n, shares[i].p);
        if (error.p)
            group_expect_in(g, "error", e ? str_of(ei.msg) : S(""), error);
        else
            group_expect(g, "shares", e ? str_of(ei.msg) : got, group_get(g, "shares", a));
    }
    diags_free(d);
    json_free(doc);
}

static void data_file(void **state)
{
    (void)state;
    assert_true(groups_run("allocate.txt", one) >= 20);
}

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static struct decimal dec(struct str s)
{
    struct decimal d;

    assert_true(decimal_parse(s, &d));
    return d;
}

/* The shares sum to the target, none is a whole unit away from its exact share, and the negated amount gives the
 * negated shares. */
static void check_laws(const struct allocate *al, const char *amount, const int64_t *weights, size_t n, struct arena *a)
{
    struct value *shares = ARENA_ARRAY(a, struct value, n), *mirrored = ARENA_ARRAY(a, struct value, n);
    struct group_lines g = {.file = "laws"};
    struct str items = {"", 0};
    struct decimal sum = {0}, target = dec(str_of(amount)), weight_sum = {0};
    struct errinfo ei;
    struct json_doc *doc;

    for (size_t i = 0; i < n; i++) {
        struct decimal w;

        items = arena_printf(a, "%s%s{\"w\": %lld}", items.p, i ? "," : "", (long long)weights[i]);
        decimal_from_i64(weights[i], &w);
        assert_true(decimal_add(&weight_sum, &w, &weight_sum));
    }
    doc = group_json(&g, arena_printf(a, "{\"t\": \"%s\", \"items\": [%s]}", amount, items.p));
    assert_int_equal(allocate_apply(al, 0, json_root(doc), a, shares, n, &ei), OK);
    json_free(doc);
    doc = group_json(&g, arena_printf(a, "{\"t\": \"%s\", \"items\": [%s]}",
                                      amount[0] == '-' ? amount + 1 : arena_printf(a, "-%s", amount).p, items.p));
    assert_int_equal(allocate_apply(al, 0, json_root(doc), a, mirrored, n, &ei), OK);
    json_free(doc);
    for (size_t i = 0; i < n; i++) {
        struct decimal share = dec(value_str(&shares[i])), back = dec(value_str(&mirrored[i])), w, exact, off, scaled,
                       unit = dec(S("0.01"));

        assert_true(decimal_add(&sum, &share, &sum));
        assert_true(decimal_add(&share, &back, &off));
        assert_true(decimal_is_zero(&off));
        if (decimal_is_zero(&weight_sum))
            continue;
        decimal_from_i64(weights[i], &w);
        assert_true(decimal_mul(&target, &w, &exact));
        assert_true(decimal_mul(&share, &weight_sum, &scaled));
        assert_true(decimal_sub(&exact, &scaled, &off));
        assert_true(decimal_mul(&unit, &weight_sum, &unit));
        off.negative = unit.negative = false;
        assert_true(decimal_cmp(&off, &unit) < 0);
    }
    assert_int_equal(decimal_cmp(&sum, &target), 0);
}

static void laws_hold(void **state)
{
    struct arena *a = arena_new((size_t)64 << 20);
    struct group_lines g = {.file = "laws"};
    struct diags *d = diags_new();
    uint64_t seed = 20260301;
    bool ok = false;
    const struct allocate *al =
        allocate_compile(a, group_conf(&g, S("[{amount: 't', over: 'items', by: 'w', as: 's', scale: 2}]"), a), d, &ok);

    (void)state;
    assert_true(ok);
    for (int round = 0; round < 2000; round++) {
        struct arena *inner = arena_new(16 << 20);
        size_t n = 1 + next_random(&seed) % (round % 100 == 0 ? 300 : 7);
        int64_t weights[300];
        char amount[40];

        for (size_t i = 0; i < n; i++)
            weights[i] = (int64_t)(next_random(&seed) % (round % 3 ? 100000 : 4)) - (round % 5 ? 0 : 20000);
        snprintf(amount, sizeof amount, "%s%llu.%02llu", round % 2 ? "-" : "",
                 (unsigned long long)(next_random(&seed) % 1000000), (unsigned long long)(next_random(&seed) % 100));
        check_laws(al, amount, weights, n, inner);
        arena_free(inner);
    }
    diags_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_file),
        cmocka_unit_test(laws_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
