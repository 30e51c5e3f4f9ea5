/* Decimals against tables: chosen cases (limits, signs, exponent forms) and random ones that another implementation
 * worked out. */
#include "table.h"

#include "base/decimal.h"
#include "base/num.h"

static bool parse(struct str s, struct decimal *ret)
{
    return decimal_parse(s, ret);
}

/* Whether a value prints as wanted, and is in the form that all code relies on. */
static bool prints(const struct decimal *d, struct str want)
{
    char text[DECIMAL_TEXT];
    size_t n = decimal_print(d, text);
    bool sound = text[n] == '\0' && strlen(text) == n && (d->n_limbs == 0 || d->limb[d->n_limbs - 1] != 0) &&
                 !(d->negative && d->n_limbs == 0) && d->scale <= DECIMAL_MAX_SCALE;
    if (!str_eq(str_mk(text, n), want))
        print_error("got %s\n", text);
    return sound && str_eq(str_mk(text, n), want);
}

static bool outcome(bool done, const struct decimal *d, struct str want)
{
    if (str_eq(want, S("no")))
        return !done;
    return done && prints(d, want);
}

static bool check_two(const struct table_row *row, const struct decimal *a, const struct decimal *b)
{
    struct str op = row->col[0], want = row->col[3];
    struct decimal r, alias_a = *a, alias_b = *b;
    bool (*f)(const struct decimal *, const struct decimal *, struct decimal *) = str_eq(op, S("add"))   ? decimal_add
                                                                                  : str_eq(op, S("sub")) ? decimal_sub
                                                                                  : str_eq(op, S("mul")) ? decimal_mul
                                                                                                         : decimal_mod;
    return outcome(f(a, b, &r), &r, want) && outcome(f(&alias_a, b, &alias_a), &alias_a, want) &&
           outcome(f(a, &alias_b, &alias_b), &alias_b, want);
}

static bool check_scaled(const struct table_row *row, const struct decimal *a)
{
    int64_t scale;
    struct decimal b, r, alias = *a;
    if (str_eq(row->col[0], S("div")))
        return parse(row->col[2], &b) && num_i64(row->col[3], &scale) &&
               outcome(decimal_div(a, &b, (int)scale, &r), &r, row->col[4]) &&
               outcome(decimal_div(&alias, &b, (int)scale, &alias), &alias, row->col[4]);
    bool (*f)(const struct decimal *, int, struct decimal *) =
        str_eq(row->col[0], S("round")) ? decimal_round : decimal_trunc;
    return num_i64(row->col[2], &scale) && outcome(f(a, (int)scale, &r), &r, row->col[3]) &&
           outcome(f(&alias, (int)scale, &alias), &alias, row->col[3]);
}

static bool check_one(const struct table_row *row, const struct decimal *a)
{
    struct str op = row->col[0], want = row->col[2];
    struct decimal r;
    int64_t whole = 0, expected = 0;
    if (str_eq(op, S("floor")))
        return outcome(decimal_floor(a, &r), &r, want);
    if (str_eq(op, S("ceil")))
        return outcome(decimal_ceil(a, &r), &r, want);
    if (str_eq(op, S("i64"))) {
        bool fits = decimal_to_i64(a, &whole);
        return str_eq(want, S("no")) ? !fits : fits && num_i64(want, &expected) && whole == expected;
    }
    if (str_eq(op, S("digits")))
        return num_i64(want, &expected) && decimal_digits(a) == expected;
    char text[100] = {0};
    memcpy(text, want.p, want.n);
    return decimal_to_double(a) == strtod(text, NULL);
}

static bool check_cmp(const struct table_row *row, const struct decimal *a)
{
    struct decimal b;
    int64_t want;
    return parse(row->col[2], &b) && num_i64(row->col[3], &want) && decimal_cmp(a, &b) == want &&
           decimal_cmp(&b, a) == -want;
}

static bool check(const struct table_row *row)
{
    struct decimal a;
    struct str op = row->col[0];
    if (str_eq(op, S("parse")))
        return outcome(parse(row->col[1], &a), &a, row->col[2]);
    if (!parse(row->col[1], &a))
        return false;
    if (str_eq(op, S("cmp")))
        return check_cmp(row, &a);
    if (str_eq(op, S("div")) || str_eq(op, S("round")) || str_eq(op, S("trunc")))
        return check_scaled(row, &a);
    if (row->n == 3)
        return check_one(row, &a);
    struct decimal b;
    return parse(row->col[2], &b) && check_two(row, &a, &b);
}

static void chosen_cases(void **state)
{
    (void)state;
    table_run("base/decimal.txt", check);
}

static void random_cases(void **state)
{
    (void)state;
    assert_true(table_run("base/decimal_random.txt", check) > 500);
}

static void whole_numbers(void **state)
{
    (void)state;
    static const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1000};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct decimal d;
        int64_t back = 7;
        char digits[21];
        decimal_from_i64(values[i], &d);
        assert_true(prints(&d, str_mk(digits, num_print_i64(values[i], digits))));
        assert_true(decimal_to_i64(&d, &back));
        assert_int_equal(back, values[i]);
    }
}

static void negation(void **state)
{
    (void)state;
    struct decimal d;
    decimal_from_i64(0, &d);
    decimal_neg(&d);
    assert_false(d.negative);
    assert_true(decimal_is_zero(&d));
    decimal_from_i64(5, &d);
    decimal_neg(&d);
    assert_true(prints(&d, S("-5")));
    assert_false(decimal_is_zero(&d));
    decimal_neg(&d);
    assert_true(prints(&d, S("5")));
}

static void hostile_lengths(void **state)
{
    (void)state;
    size_t n = 1 << 20;
    char *text = malloc(n);
    assert_non_null(text);
    struct decimal d;
    memset(text, '9', n);
    assert_false(decimal_parse(str_mk(text, n), &d));
    memset(text, '0', n);
    assert_true(decimal_parse(str_mk(text, n), &d));
    assert_true(prints(&d, S("0")));
    /* A million zeros after the point and an exponent that takes them back. */
    text[1] = '.';
    memcpy(text + n - 9, "7e1048566", 9);
    assert_true(decimal_parse(str_mk(text, n), &d));
    assert_true(prints(&d, S("7")));
    memset(text, 'e', n);
    assert_false(decimal_parse(str_mk(text, n), &d));
    assert_false(decimal_parse(str_mk(NULL, 0), &d));
    free(text);
}

static void text_order(void **state)
{
    (void)state;
    assert_true(decimal_cmp_text(S("9"), S("10")) < 0); /* numbers by value */
    assert_true(decimal_cmp_text(S("9007199254740993"), S("9007199254740992")) > 0);
    assert_true(decimal_cmp_text(S("1.50"), S("1.5")) == 0);
    assert_true(decimal_cmp_text(S("2026-11-01 09:00:00"), S("2026-11-01 10:00:00")) < 0);
    assert_true(decimal_cmp_text(S("9"), S("x")) < 0); /* one is no number: as texts */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chosen_cases), cmocka_unit_test(random_cases),    cmocka_unit_test(whole_numbers),
        cmocka_unit_test(negation),     cmocka_unit_test(hostile_lengths), cmocka_unit_test(text_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
