/* Columns (mapping, default, parser, cast) and requests: tests/data/meta/column.txt, cast.txt and request.txt. */
#include "test_meta_groups.h"

struct setup {
    struct diags *d;
    struct slots *slots;
    struct compile c;
    struct maps *maps;
};

static void open_setup(struct setup *s, const struct group_lines *g, struct arena *a)
{
    struct str rows = S("[{a_value: 'A', a_label: 'x', b_value: '1', b_label: 'y'}, {a_value: 'B', b_value: 2}, "
                        "{a_value: 3, b_value: null}]");

    s->d = diags_new();
    s->slots = slots_new();
    s->c = (struct compile){a, s->slots, SIDE_TARGET, s->d, NULL};
    s->maps = maps_new(a);
    maps_add(s->maps, S("仓库"), group_conf(g, rows, a), s->d);
    maps_add(s->maps, S("shops"), group_conf(g, S("[]"), a), s->d);
}

static void close_setup(struct setup *s)
{
    slots_free(s->slots);
    diags_free(s->d);
}

static const struct meta_doc *read_request(struct setup *s, const struct group_lines *g, const char *fields,
                                           struct arena *a)
{
    struct str doc = arena_printf(a, "{api: 'a', request: %s}", fields);

    return meta_read(a, group_conf(g, doc, a), SIDE_TARGET, s->d);
}

static void check_error(const struct group_lines *g, enum err e, const struct errinfo *ei, struct str want)
{
    group_expect_in(g, "error", e ? str_of(ei->msg) : S(""), want);
}

static void one_column(const struct group_lines *g, struct arena *a)
{
    struct str value = group_get(g, "value", a), error = group_get(g, "error", a), wrong = group_get(g, "wrong", a);
    struct json_doc *record = group_json(g, group_get(g, "record", a));
    struct setup s;
    const struct meta_doc *doc;
    const struct column *col;
    struct test_env te;
    struct errinfo ei;
    struct value v;
    enum err e;

    open_setup(&s, g, a);
    doc = read_request(&s, g, arena_printf(a, "[{%s}]", arena_cstr(a, group_get(g, "field", a))).p, a);
    col = doc ? column_compile(&s.c, &doc->request.at[0], s.maps) : NULL;
    if (wrong.p || !col) {
        group_expect_in(g, "diagnostics", group_diags(s.d, a), wrong);
    } else {
        group_expect(g, "diagnostics", group_diags(s.d, a), S(""));
        test_env_open(&te, s.slots, json_root(record), a);
        e = column_eval(col, &te.env, &v, &ei);
        if (error.p) {
            check_error(g, e, &ei, error);
        } else {
            group_expect(g, "value", e ? str_of(ei.msg) : group_value(&v, a), value);
            assert_true(e || v.kind == VALUE_BOOL || !v.truth);
        }
        test_env_close(&te);
    }
    close_setup(&s);
    json_free(record);
}

static void columns(void **state)
{
    (void)state;
    assert_true(groups_run("column.txt", one_column) >= 40);
}

/* Each line of a group is `in: type | JSON | result`. */
static void one_cast(const struct group_lines *g, struct arena *a)
{
    struct zone *z;
    struct errinfo ei;

    assert_int_equal(zone_open(str_sub(g->at[0].value, 0, g->at[0].value.n), &z, &ei), OK);
    for (size_t i = 1; i < g->n; i++) {
        struct str rest = g->at[i].value, in, want;
        enum cast_type type = CAST_STRING;
        struct json_doc *doc;
        struct value v, out;

        assert_true(cast_type_find(g->at[i].key, &type));
        assert_true(str_cut(&rest, '|', &in) && rest.p);
        doc = group_json(g, str_trim(in));
        want = str_trim(rest);
        v = value_of_json(json_root(doc));
        if (cast_value(type, &v, z, a, &out, &ei) != OK)
            group_expect(g, arena_printf(a, "%.*s", (int)g->at[i].value.n, g->at[i].value.p).p,
                         arena_printf(a, "error %s", ei.msg), want);
        else
            group_expect(g, arena_printf(a, "%.*s", (int)g->at[i].value.n, g->at[i].value.p).p,
                         str_trim(group_value(&out, a)), want);
        json_free(doc);
    }
    zone_free(z);
}

static void casts(void **state)
{
    (void)state;
    assert_true(groups_run("cast.txt", one_cast) >= 8);
}

static struct str params_text(const struct params *p, struct arena *a)
{
    struct str all = {"", 0};

    for (size_t i = 0; i < p->n; i++) {
        struct str v = group_value(&p->at[i].value, a);

        all = arena_printf(a, "%.*s%s%.*s=%s%.*s", (int)all.n, all.p, i ? "; " : "", (int)p->at[i].name.n,
                           p->at[i].name.p, p->at[i].json ? "raw " : "", (int)v.n, v.p);
    }
    return all;
}

static void one_request(const struct group_lines *g, struct arena *a)
{
    struct str over = group_get(g, "over", a), error = group_get(g, "error", a), wrong = group_get(g, "wrong", a);
    struct json_doc *record = group_json(g, group_get(g, "record", a));
    struct meta_fields none = {0};
    const struct meta_doc *doc, *take = NULL;
    const struct request *r = NULL;
    struct params params;
    struct test_env te;
    struct errinfo ei;
    struct setup s;
    enum err e;

    open_setup(&s, g, a);
    doc = read_request(&s, g, arena_cstr(a, group_get(g, "request", a)), a);
    if (over.p)
        take = read_request(&s, g, arena_cstr(a, over), a);
    if (doc)
        r = request_compile(&s.c, doc->request, take ? take->request : none, s.maps);
    if (wrong.p || !r) {
        group_expect_in(g, "diagnostics", group_diags(s.d, a), wrong);
    } else {
        group_expect(g, "diagnostics", group_diags(s.d, a), S(""));
        test_env_open(&te, s.slots, json_root(record), a);
        e = request_render(r, &te.env, &params, &ei);
        if (error.p) {
            check_error(g, e, &ei, error);
        } else {
            group_expect(g, "params", e ? str_of(ei.msg) : params_text(&params, a), group_get(g, "params", a));
        }
        test_env_close(&te);
    }
    close_setup(&s);
    json_free(record);
}

static void requests(void **state)
{
    (void)state;
    assert_true(groups_run("request.txt", one_request) >= 10);
}

static void map_rows_are_checked(void **state)
{
    struct arena *a = arena_new(1 << 20);
    struct diags *d = diags_new();
    struct maps *m = maps_new(a);
    struct group_lines g = {.file = "map"};
    size_t before = group_failures;

    (void)state;
    maps_add(m, S("m"),
             group_conf(&g,
                        S("[{a_value: 1, b_value: 2},\n{a_value: 1, b_value: 3},\n{a_value: 2},\n{a_value: 4, b_value: "
                          "[], c: 1},\n5]"),
                        a),
             d);
    group_expect(&g, "diagnostics", group_diags(d, a),
                 S("test:3:1: error: \"b_value\" of a map's row is missing\n"
                   "test:4:27: warning: \"c\" is not a member of a map's row\n"
                   "test:4:23: error: \"b_value\" of a map's row is not a single value\n"
                   "test:5:1: error: a map's row is number, not an object\n"
                   "test:2:1: warning: map \"m\" has a_value \"1\" in line 1 already; the first counts"));
    maps_add(m, S("n"), group_conf(&g, S("{}"), a), d);
    assert_int_equal(diags_count(d, DIAG_ERROR), 4);
    assert_int_equal(group_failures, before);
    diags_free(d);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns),
        cmocka_unit_test(casts),
        cmocka_unit_test(requests),
        cmocka_unit_test(map_rows_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
