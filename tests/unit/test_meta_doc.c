/* Reading documents: tests/data/meta/doc.txt, the two documents of the seed case, the schema. */
#include "meta/doc_tables.h"
#include "test_meta_groups.h"

static struct str shown_fields(struct meta_fields f, struct arena *a)
{
    struct str all = {"", 0};

    for (size_t i = 0; i < f.n; i++) {
        const struct meta_field *m = &f.at[i];
        struct str children =
            m->n_children ? shown_fields((struct meta_fields){m->children, m->n_children}, a) : (struct str){"", 0};

        all = arena_printf(a, "%s%s%.*s:%s%s%s%s", all.p, i ? " " : "", (int)m->field.n, m->field.p,
                           cast_type_name(m->type), children.n ? "(" : "", children.p, children.n ? ")" : "");
    }
    return all;
}

static struct str shown(const struct meta_doc *d, struct arena *a)
{
    return arena_printf(a,
                        "api=%.*s method=%.*s id=%.*s idCheck=%d pageSize=%d flat=%zu fill=%d request=[%s] other=[%s] "
                        "response=[%s] over=[%s]",
                        (int)d->api.n, d->api.p, (int)d->method.n, d->method.n ? d->method.p : "", (int)d->id.n,
                        d->id.n ? d->id.p : "", d->id_check, (int)d->page_size, d->beat_flat.n, d->auto_fill_response,
                        shown_fields(d->request, a).p, shown_fields(d->other_request, a).p,
                        shown_fields(d->response, a).p, shown_fields(d->take_over, a).p);
}

static void one(const struct group_lines *g, struct arena *a)
{
    enum side side = str_eq(group_get(g, "side", a), S("source")) ? SIDE_SOURCE : SIDE_TARGET;
    struct str want = group_get(g, "diag", a), is = group_get(g, "is", a);
    struct diags *d = diags_new();
    struct node *root = NULL;
    const struct meta_doc *doc = NULL;

    if (conf_parse(a, group_get(g, "doc", a), "f", d, &root) == OK)
        doc = meta_read(a, root, side, d);
    group_expect(g, "diagnostics", group_diags(d, a), want.p ? want : S(""));
    if (is.p)
        group_expect(g, "document", doc ? shown(doc, a) : S("none"), is);
    if (!doc && !diags_count(d, DIAG_ERROR))
        group_expect(g, "no document", S("without an error"), S(""));
    if (doc && diags_count(d, DIAG_ERROR))
        group_expect(g, "a document", S("in spite of errors"), S(""));
    diags_free(d);
}

static void data_file(void **state)
{
    (void)state;
    assert_true(groups_run("doc.txt", one) >= 25);
}

static const struct meta_doc *read_seed(const char *name, enum side side, struct arena *a)
{
    struct diags *d = diags_new();
    struct node *root = NULL;
    size_t n;
    char *text = test_read_file(name, &n);
    const struct meta_doc *doc;

    assert_int_equal(conf_parse(a, str_mk(text, n), name, d, &root), OK);
    doc = meta_read(a, root, side, d);
    if (diags_count(d, DIAG_NOTE))
        print_error("%s\n", group_diags(d, a).p);
    assert_int_equal(diags_count(d, DIAG_NOTE), 0);
    assert_non_null(doc);
    diags_free(d);
    free(text);
    return doc;
}

static void seed_source(void **state)
{
    struct arena *a = arena_new(16 << 20);
    const struct meta_doc *doc = read_seed("seed.source.json", SIDE_SOURCE, a);
    struct diags *d = diags_new();
    struct compile c = {a, NULL, SIDE_SOURCE, d, NULL};
    bool ok = false;
    const struct request *r = request_compile(&c, doc->request, doc->take_over, NULL);
    struct params params;
    struct test_env te;
    struct errinfo ei;

    (void)state;
    assert_non_null(r);
    assert_non_null(cond_compile(a, doc->condition, &doc->beat_flat, d, &ok));
    assert_true(ok);
    assert_int_equal(diags_count(d, DIAG_NOTE), 0);
    assert_int_equal(doc->id_check, -1);
    assert_true(str_eq(doc->remedy_crontab, S("2 0 * * *")));
    test_env_open(&te, NULL, NULL, a);
    assert_int_equal(request_render(r, &te.env, &params, &ei), OK);
    assert_int_equal(params.n, 5);
    assert_true(str_eq(params.at[2].name, S("start_time")));
    assert_true(str_eq(value_str(&params.at[2].value), S("2026-02-28 08:30:00")));
    assert_true(tmpl_uses_current(column_tmpl(request_column(r, 3))));
    test_env_close(&te);
    diags_free(d);
    arena_free(a);
}

static void seed_target(void **state)
{
    struct arena *a = arena_new(16 << 20);
    const struct meta_doc *doc = read_seed("seed.target.json", SIDE_TARGET, a);
    struct diags *d = diags_new();
    struct slots *slots = slots_new();
    struct compile c = {a, slots, SIDE_TARGET, d, NULL};
    size_t plain = 0, slot;

    (void)state;
    assert_int_equal(doc->request.n, 69);
    assert_int_equal(doc->id_check, 1);
    assert_true(str_starts(meta_text(meta_find(doc->other_request, "main_sql")), S("REPLACE INTO order_list_query(")));
    assert_true(str_eq(meta_text(meta_find(doc->other_request, "limit")), S("1000")));
    assert_null(meta_find(doc->other_request, "nothing"));
    for (size_t i = 0; i < doc->request.n; i++) {
        const struct column *col = column_compile(&c, &doc->request.at[i], NULL);

        assert_non_null(col);
        plain += column_is_plain_text(col, &slot);
    }
    assert_int_equal(plain, 67); /* all but the joined id and the expression */
    assert_int_equal(diags_count(d, DIAG_NOTE), 0);
    slots_free(slots);
    diags_free(d);
    arena_free(a);
}

static void schema_names_every_key(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct buf b = buf_make(1 << 20);
        struct json_out w = json_out(&b);
        struct json_limits limits = JSON_LIMITS_DEFAULT;
        struct json_doc *doc;
        struct errinfo ei;

        meta_schema((enum side)side, &w);
        assert_false(b.failed);
        assert_int_equal(json_parse(buf_str(&b), &limits, &doc, NULL, &ei), OK);
        for (size_t i = 0; i < doc_keys((enum side)side).n; i++)
            assert_non_null(
                json_get(json_get(json_root(doc), S("properties")), str_of(doc_keys((enum side)side).specs[i].name)));
        json_free(doc);
        buf_free(&b);
    }
}

#define PAGE_MAX 200000

static size_t read_page(char *text)
{
    FILE *f = fopen(SOURCE_DIR "/docs/metadata.md", "rb");
    size_t n;

    assert_non_null(f);
    n = fread(text, 1, PAGE_MAX, f);
    fclose(f);
    assert_true(n > 0 && n < PAGE_MAX);
    return n;
}

static void expect_in_page(struct str page, const char *name)
{
    char quoted[80];

    snprintf(quoted, sizeof quoted, "`%s`", name);
    if (str_find(page, str_of(quoted), 0) == SIZE_MAX)
        fail_msg("docs/metadata.md lacks %s", quoted);
}

/* The reference page names every key, format, parser, logic and calculation. */
static void reference_page_is_complete(void **state)
{
    static const struct doc_word *(*const words[])(size_t) = {doc_format_at, doc_parser_at, doc_logic_at,
                                                              doc_response_format_at, doc_calculation_at};
    const struct doc_table tables[] = {doc_keys(SIDE_SOURCE), doc_field_keys,      doc_parser_keys,   doc_mapping_keys,
                                       doc_remedy_keys,       doc_pagination_keys, doc_term_keys,     doc_allocate_keys,
                                       doc_format_keys,       doc_group_keys,      doc_operation_keys};
    char *text = malloc(PAGE_MAX);
    struct str page = {text, read_page(text)};

    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (size_t k = 0; k < tables[i].n; k++)
            expect_in_page(page, tables[i].specs[k].name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (size_t k = 0; words[i](k); k++)
            expect_in_page(page, words[i](k)->name);
    free(text);
}

/* Its examples are documents that can be read without a word. */
static void reference_examples_are_read(void **state)
{
    static const struct str fences[] = {{"```json source\n", 15}, {"```json target\n", 15}};
    char *text = malloc(PAGE_MAX);
    struct str page = {text, read_page(text)};
    size_t examples = 0;

    (void)state;
    for (int side = 0; side < 2; side++)
        for (size_t at = str_find(page, fences[side], 0); at != SIZE_MAX; at = str_find(page, fences[side], at)) {
            size_t end = str_find(page, S("```"), at + fences[side].n);
            struct arena *a = arena_new(1 << 20);
            struct diags *d = diags_new();
            struct node *root = NULL;

            assert_true(end != SIZE_MAX);
            at += fences[side].n;
            assert_int_equal(conf_parse(a, str_sub(page, at, end - at), "example", d, &root), OK);
            assert_non_null(meta_read(a, root, (enum side)side, d));
            assert_int_equal(diags_count(d, DIAG_NOTE), 0);
            diags_free(d);
            arena_free(a);
            examples++;
        }
    assert_int_equal(examples, 4);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_file),
        cmocka_unit_test(seed_source),
        cmocka_unit_test(seed_target),
        cmocka_unit_test(schema_names_every_key),
        cmocka_unit_test(reference_page_is_complete),
        cmocka_unit_test(reference_examples_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
