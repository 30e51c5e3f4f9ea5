/* What is found by name: names themselves (tests/data/project/names.txt), connectors, schemas. */
#include "test_project_fixture.h"

#define SHIPPED SOURCE_DIR "/connectors"

static bool check_name(const struct table_row *row)
{
    return row->n == 2 && project_name_ok(row->col[0]) == str_eq(row->col[1], S("yes"));
}

static void knows_names(void **state)
{
    size_t n = 1 << 20;
    char *text = malloc(n);

    (void)state;
    assert_true(table_run("project/names.txt", check_name) > 60);
    assert_non_null(text);
    memset(text, 'a', n);
    assert_false(project_name_ok(str_mk(text, n)));
    assert_false(project_name_ok(str_mk(NULL, 0)));
    free(text);
}

/* ---- connectors ---- */

static void point_to(const char *dir)
{
    assert_int_equal(dir ? setenv("SLUICE_CONNECTORS", dir, 1) : unsetenv("SLUICE_CONNECTORS"), 0);
}

static void reads_every_shipped_connector(void **state)
{
    struct arena *a = arena_new((size_t)1 << 30);
    struct diags *diags = diags_new();
    struct strs names;
    struct errinfo ei;

    (void)state;
    point_to(SHIPPED);
    assert_int_equal(connector_names(a, NULL, &names, &ei), OK);
    assert_true(names.n >= 3);
    for (size_t i = 0; i < names.n; i++) {
        const struct connector *c = connector_find(a, NULL, names.at[i], (struct pos){0}, diags);

        assert_non_null(c);
        assert_true(str_eq(connector_name(c), names.at[i]));
        assert_true(i == 0 || str_cmp(names.at[i - 1], names.at[i]) < 0);
    }
    assert_int_equal(diags_count(diags, DIAG_NOTE), 0);
    diags_free(diags);
    arena_free(a);
}

static void prefers_the_projects_own(void **state)
{
    static const char own[] = "{name: 'mysql', title: 'own', kind: 'database', interfaces: [{name: 'x'}]}";
    static const char extra[] = "{name: 'extra', kind: 'database', interfaces: [{name: 'x'}]}";
    struct arena *a = arena_new((size_t)1 << 30);
    struct diags *diags = diags_new();
    struct folder f = folder_make();
    struct strs names;
    struct errinfo ei;
    size_t n_mysql = 0, n_extra = 0;

    (void)state;
    point_to(SHIPPED);
    folder_write(&f, "connectors/mysql/connector.json", str_of(own));
    folder_write(&f, "connectors/extra/connector.json", str_of(extra));
    folder_write(&f, "connectors/empty/readme", S("x"));
    folder_write(&f, "connectors/a.b/connector.json", S("x"));
    assert_int_equal(connector_names(a, f.dir, &names, &ei), OK);
    for (size_t i = 0; i < names.n; i++) {
        n_mysql += str_eq(names.at[i], S("mysql"));
        n_extra += str_eq(names.at[i], S("extra"));
        assert_false(str_eq(names.at[i], S("empty")) || str_eq(names.at[i], S("a.b")));
    }
    assert_true(n_mysql == 1 && n_extra == 1);
    const struct connector *c = connector_find(a, f.dir, S("mysql"), (struct pos){0}, diags);
    assert_non_null(c);
    assert_true(str_eq(connector_title(c), S("own")));
    c = connector_find(a, NULL, S("mysql"), (struct pos){0}, diags);
    assert_non_null(c);
    assert_false(str_eq(connector_title(c), S("own")));
    assert_int_equal(diags_count(diags, DIAG_NOTE), 0);
    diags_free(diags);
    arena_free(a);
    folder_drop(&f);
}

static void says_when_there_are_none(void **state)
{
    struct arena *a = arena_new(1 << 24);
    struct diags *diags = diags_new();
    struct strs names;
    struct str dir;
    struct errinfo ei;

    (void)state;
    point_to("/nonexistent/connectors");
    assert_int_equal(connectors_dir(a, &dir, &ei), ERR_CONFIG);
    assert_non_null(strstr(ei.msg, "/nonexistent/connectors"));
    assert_int_equal(connector_names(a, NULL, &names, &ei), ERR_CONFIG);
    assert_null(connector_find(a, NULL, S("mysql"), (struct pos){"f", 2, 3}, diags));
    assert_int_equal(diags_count(diags, DIAG_ERROR), 1);
    assert_int_equal(diags_at(diags, 0)->pos.line, 2);
    point_to(SHIPPED);
    assert_int_equal(connectors_dir(a, &dir, &ei), OK);
    assert_true(dir.p[0] == '/');
    diags_free(diags);
    arena_free(a);
}

/* ---- schemas ---- */

static void writes_schemas(void **state)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct errinfo ei;

    (void)state;
    for (size_t i = 0; project_schema_names[i]; i++) {
        struct buf b = buf_make(1 << 22);
        struct json_doc *doc = NULL;

        assert_true(project_schema(str_of(project_schema_names[i]), &b));
        assert_false(b.failed);
        if (json_parse(buf_str(&b), &limits, &doc, NULL, &ei))
            FAIL_MSG("%s: %s\n", project_schema_names[i], ei.msg);
        assert_non_null(json_get(json_root(doc), S("$schema")));
        assert_non_null(json_get(json_root(doc), S("type")));
        json_free(doc);
        buf_free(&b);
    }
    struct buf b = buf_make(1 << 20);
    assert_false(project_schema(S("projects"), &b));
    assert_false(project_schema(str_mk("", 0), &b));
    assert_int_equal(b.n, 0);
    assert_true(project_schema(S("integration"), &b));
    assert_true(str_find(buf_str(&b), S("\"enum\":[\"errors\",\"records\"]"), 0) != SIZE_MAX);
    assert_true(str_find(buf_str(&b), S("\"metadata\""), 0) != SIZE_MAX);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_names),
        cmocka_unit_test(reads_every_shipped_connector),
        cmocka_unit_test(prefers_the_projects_own),
        cmocka_unit_test(says_when_there_are_none),
        cmocka_unit_test(writes_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
