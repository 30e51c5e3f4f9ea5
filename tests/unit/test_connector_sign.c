/* Signed calls: tests/data/connector/sign.txt, and what a file of lines cannot say (NUL bytes, sizes). */
#include "connector_data.h"

#define VALUES_MAX 16

struct sign_case {
    struct arena *a;
    struct str name;
    const struct connector *c;
    const struct iface *i;
    struct str options[VALUES_MAX];
    struct kv send[VALUES_MAX];
    size_t n_send;
    int64_t now;
    bool signed_ok, tried;
    struct wire_request w;
    struct str shown;
    struct errinfo ei;
};

static void set_option(struct sign_case *t, struct str pair)
{
    size_t n;
    const struct connector_option *o = connector_options(t->c, &n);
    struct str name;

    str_cut(&pair, ' ', &name);
    for (size_t i = 0; i < n; i++) {
        if (str_eq(o[i].name, name)) {
            t->options[i] = pair;
            return;
        }
    }
    fail_msg("no option " STR_FMT, STR_ARG(name));
}

static void call(struct sign_case *t)
{
    size_t n;
    struct option_values values = {t->options, 0};
    struct sign_input in = {.options = &values, .business = t->send, .n_business = t->n_send, .now_s = t->now};

    if (t->tried)
        return;
    connector_options(t->c, &n);
    values.n = n;
    t->tried = true;
    t->signed_ok = connector_sign(t->c, t->i, &in, t->a, &t->w, &t->ei) == OK;
    if (t->signed_ok)
        t->shown = connector_show(t->c, &t->w, t->a);
}

static bool has(struct str text, struct str part)
{
    return str_find(text, part, 0) != SIZE_MAX;
}

static bool sends(const struct sign_case *t, struct str part)
{
    return has(t->w.url, part) || has(t->w.body, part);
}

static bool has_header(const struct sign_case *t, struct str pair)
{
    struct str name;

    str_cut(&pair, ' ', &name);
    for (size_t h = 0; h < t->w.n_headers; h++) {
        if (str_eq(t->w.headers[h].key, name) && str_eq(t->w.headers[h].value, pair))
            return true;
    }
    return false;
}

static bool check_out(const struct sign_case *t, struct str key, struct str value)
{
    if (str_eq(key, S("sign")))
        return sends(t, arena_printf(t->a, "=" STR_FMT, STR_ARG(value)));
    if (str_eq(key, S("method")))
        return str_eq(t->w.method, value);
    if (str_eq(key, S("url")))
        return str_eq(t->w.url, value);
    if (str_eq(key, S("body")))
        return str_eq(t->w.body, value);
    if (str_eq(key, S("type")))
        return str_eq(t->w.content_type, value);
    if (str_eq(key, S("header")))
        return has_header(t, value);
    if (str_eq(key, S("sends")))
        return sends(t, value);
    if (str_eq(key, S("lacks")))
        return !sends(t, value);
    if (str_eq(key, S("shows")))
        return has(t->shown, value);
    if (str_eq(key, S("hides")))
        return !has(t->shown, value);
    fail_msg("unknown line " STR_FMT, STR_ARG(key));
    return false;
}

static bool check_failure(const struct sign_case *t, struct str value)
{
    struct str code;

    str_cut(&value, ' ', &code);
    return !t->signed_ok && str_eq(str_of(err_name(t->ei.code)), code) && has(str_of(t->ei.msg), value);
}

static bool set_in(struct sign_case *t, struct str key, struct str value)
{
    if (str_eq(key, S("name"))) {
        t->name = value;
    } else if (str_eq(key, S("connector"))) {
        t->c = data_connector(t->a, value);
    } else if (str_eq(key, S("interface"))) {
        t->i = connector_iface(t->c, value);
        assert_non_null(t->i);
    } else if (str_eq(key, S("option"))) {
        set_option(t, value);
    } else if (str_eq(key, S("send"))) {
        assert_true(t->n_send < VALUES_MAX);
        str_cut(&value, ' ', &t->send[t->n_send].key);
        t->send[t->n_send++].value = value;
    } else if (str_eq(key, S("now"))) {
        assert_true(num_i64(value, &t->now));
    } else {
        return false;
    }
    return true;
}

static void run_group(struct str group)
{
    struct sign_case t = {.a = arena_new(DATA_ARENA_BYTES)};
    struct str key, value;
    size_t checks = 0;

    while (data_line(&group, &key, &value)) {
        bool ok;

        if (set_in(&t, key, value))
            continue;
        call(&t);
        if (str_eq(key, S("fails"))) {
            ok = check_failure(&t, value);
        } else {
            if (!t.signed_ok)
                fail_msg(STR_FMT ": %s", STR_ARG(t.name), t.ei.msg);
            ok = check_out(&t, key, value);
        }
        if (!ok)
            fail_msg(STR_FMT ": " STR_FMT " " STR_FMT "\nurl " STR_FMT "\nbody " STR_FMT "\n" STR_FMT "\n%s",
                     STR_ARG(t.name), STR_ARG(key), STR_ARG(value), STR_ARG(t.w.url), STR_ARG(t.w.body),
                     STR_ARG(t.shown), t.ei.msg);
        checks++;
    }
    assert_true(checks > 0);
    arena_free(t.a);
}

static void vectors(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct str rest = data_file(a, TEST_DATA "/connector/sign.txt"), group;
    size_t n = 0;

    (void)state;
    for (; data_group(&rest, &group); n++)
        run_group(group);
    assert_true(n > 20);
    arena_free(a);
}

/* Signs one call of the bearer connector (a header, a JSON body). */
static enum err sign_bearer(struct arena *a, struct str token, struct kv pair, struct wire_request *w,
                            struct errinfo *ei)
{
    const struct connector *c = data_connector(a, S("bearer.json"));
    struct str options[] = {S("https://api.example"), token, S("")};
    struct option_values values = {options, 3};
    struct sign_input in = {.options = &values, .business = &pair, .n_business = 1, .now_s = 1};

    return connector_sign(c, connector_iface(c, S("list")), &in, a, w, ei);
}

static void control_characters_in_a_header(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct wire_request w;
    struct errinfo ei;

    (void)state;
    assert_int_equal(sign_bearer(a, S("x\r\nEvil: 1"), (struct kv){S("limit"), S("1")}, &w, &ei), ERR_CONFIG);
    assert_int_equal(sign_bearer(a, S("x\0y"), (struct kv){S("limit"), S("1")}, &w, &ei), ERR_CONFIG);
    arena_free(a);
}

static void sizes(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    struct wire_request w;
    struct errinfo ei;
    size_t n = 9u << 20;
    char *big = malloc(n);

    (void)state;
    assert_non_null(big);
    memset(big, 'x', n);
    assert_int_equal(sign_bearer(a, S("token"), (struct kv){S("k"), str_mk(big, n)}, &w, &ei), ERR_DATA);
    assert_int_equal(sign_bearer(a, S("token"), (struct kv){S("k"), str_mk(big, 1u << 20)}, &w, &ei), OK);
    assert_true(w.body.n > 1u << 20);
    assert_true(connector_show(data_connector(a, S("bearer.json")), &w, a).n < 8192);
    free(big);
    arena_free(a);
}

static void nul_bytes_are_signed_and_sent(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("query.json"));
    struct str options[] = {S("https://q.example"), S("query-key"), S("")};
    struct option_values values = {options, 3};
    struct kv pair = {S("a"), S("x\0y")};
    struct sign_input in = {.options = &values, .business = &pair, .n_business = 1, .now_s = 1};
    struct wire_request with, without;
    struct errinfo ei;

    (void)state;
    assert_int_equal(connector_sign(c, connector_iface(c, S("list")), &in, a, &with, &ei), OK);
    pair.value = S("x");
    assert_int_equal(connector_sign(c, connector_iface(c, S("list")), &in, a, &without, &ei), OK);
    assert_true(has(with.url, S("a=x%00y")));
    assert_false(str_eq(str_sub(with.url, 0, 80), str_sub(without.url, 0, 80)));
    arena_free(a);
}

static void a_database_is_not_called(void **state)
{
    struct arena *a = arena_new(DATA_ARENA_BYTES);
    const struct connector *c = data_connector(a, S("mysql"));
    struct option_values values = {0};
    struct sign_input in = {.options = &values, .now_s = 1};
    struct wire_request w;
    struct errinfo ei;

    (void)state;
    assert_int_equal(connector_sign(c, connector_iface(c, S("select")), &in, a, &w, &ei), ERR_INTERNAL);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(control_characters_in_a_header),
        cmocka_unit_test(sizes),
        cmocka_unit_test(nul_bytes_are_signed_and_sent),
        cmocka_unit_test(a_database_is_not_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
