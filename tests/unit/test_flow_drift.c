/* Schema drift: pages in, changes out (tests/data/flow/drift.txt); counting; columns that strain; ALTER TABLE. */
#include "flow/drift.h"

#include "test_meta_groups.h"

#define TIMES 100
#define NOW   60

/* An integration as far as drift looks at it. */
struct world {
    struct integration integration;
    struct flow flow;
    struct table_info table;
    struct shaper *shaper;
    const struct shape *shape;
};

static int kind_of(struct str name)
{
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"int", CAST_INT}, {"decimal", CAST_DECIMAL}, {"datetime", CAST_DATETIME}, {"varchar", CAST_STRING}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq(name, str_of(kinds[i].name)))
            return kinds[i].kind;
    fail_msg("no kind " STR_FMT, STR_ARG(name));
    return 0;
}

static void add_columns(const struct group_lines *g, struct arena *a, struct table_info *t)
{
    *t = (struct table_info){
        .name = S("orders"), .columns = ARENA_ARRAY(a, struct table_column, GROUP_LINES), .found = true};
    for (size_t i = 0; i < g->n; i++) {
        struct str kind = g->at[i].value, name;

        if (!str_eq(g->at[i].key, S("column")))
            continue;
        str_cut(&kind, ' ', &name);
        t->columns[t->n_columns++] =
            (struct table_column){.name = name, .type = kind, .kind = kind_of(kind), .max_chars = -1, .max_bytes = -1};
    }
}

static const struct meta_doc *read_doc(const struct group_lines *g, struct str text, enum side side, struct arena *a)
{
    struct diags *d = diags_new();
    const struct meta_doc *doc = meta_read(a, group_conf(g, text, a), side, d);

    if (!doc)
        print_error("%s:%d: " STR_FMT "\n", g->file, g->line, STR_ARG(group_diags(d, a)));
    assert_non_null(doc);
    diags_free(d);
    return doc;
}

static struct str target_text(const struct group_lines *g, struct arena *a)
{
    struct buf b = buf_make(1u << 16);
    struct str r;

    buf_add(&b, S("{api: 'batchexecute', method: 'SQL', request: [{field: 'o_id', value: '{o_id}'}"));
    for (size_t i = 0; i < g->n; i++) {
        struct str value = g->at[i].value, name;

        if (!str_eq(g->at[i].key, S("map")))
            continue;
        str_cut(&value, ' ', &name);
        buf_printf(&b, ", {field: '" STR_FMT "', value: '" STR_FMT "'}", STR_ARG(name), STR_ARG(value));
    }
    buf_add(&b, S("]}"));
    r = arena_str(a, buf_str(&b));
    buf_free(&b);
    return r;
}

static void world_make(const struct group_lines *g, struct arena *a, struct world *w)
{
    struct str flat = group_get(g, "flat", a), sink = group_get(g, "sink", a);
    struct diags *d = diags_new();
    struct shape_input in = {.slots = slots_new(), .n_statements = 1, .id_column = -1};

    *w = (struct world){0};
    w->integration.source_doc =
        read_doc(g,
                 arena_printf(a, "{api: 'x', method: 'POST', id: 'o_id', beatFlat: [%s" STR_FMT "%s]}",
                              flat.n ? "'" : "", STR_ARG(flat), flat.n ? "'" : ""),
                 SIDE_SOURCE, a);
    w->integration.target_doc = read_doc(g, target_text(g, a), SIDE_TARGET, a);
    w->flow.integration = &w->integration;
    w->flow.n_statements = 1;
    w->flow.sink_type = sink_type_find(sink.n ? sink : S("mysql"));
    add_columns(g, a, &w->table);
    in.source = w->integration.source_doc;
    in.target = w->integration.target_doc;
    w->shape = shape_compile(a, &in, d);
    assert_non_null(w->shape);
    w->shaper = shaper_new(w->shape);
    diags_free(d);
}

static void world_end(struct world *w)
{
    shaper_free(w->shaper);
    shape_free((struct shape *)(uintptr_t)w->shape);
}

/* Looks `times` at each record of the key. */
static void look(const struct world *w, const struct group_lines *g, const char *key, size_t times)
{
    for (size_t i = 0; i < g->n; i++) {
        struct json_doc *doc;

        if (!str_eq(g->at[i].key, str_of(key)))
            continue;
        doc = group_json(g, g->at[i].value);
        for (size_t k = 0; k < times; k++)
            shaper_look(w->shaper, json_root(doc));
        json_free(doc);
    }
}

/* 300 records whose object of that name has another key each. */
static void crowd(const struct world *w, const struct group_lines *g, struct str name, struct arena *a)
{
    for (int i = 0; name.n && i < 300; i++) {
        struct json_doc *doc =
            group_json(g, arena_printf(a, "{\"o_id\": 1, \"" STR_FMT "\": {\"k\": 1, \"x%d\": 1}}", STR_ARG(name), i));

        shaper_look(w->shaper, json_root(doc));
        json_free(doc);
    }
}

/* What was counted, as the base of later runs: the record itself first. */
static void base_of(const struct world *w, struct arena *a, struct drift_input *in)
{
    struct shape_fields seen;
    struct field *base;

    shaper_fields(w->shaper, a, &seen);
    base = ARENA_ARRAY(a, struct field, seen.n + 1);
    base[0] = (struct field){.seen = {.count = (uint64_t)seen.levels[0].objects}, .known = SEEN_OBJECT};
    for (size_t i = 0; i < seen.n; i++) {
        base[i + 1] = seen.at[i];
        base[i + 1].known = seen.at[i].seen.types;
    }
    *in = (struct drift_input){.flow = &w->flow, .table = &w->table, .base = base, .n_base = seen.n + 1};
}

static struct str said(const struct changes *c, struct arena *a)
{
    struct str all = {"", 0};

    for (size_t i = 0; i < c->n; i++)
        all = arena_printf(a, STR_FMT "%s%s " STR_FMT "%s" STR_FMT "%s" STR_FMT "%s" STR_FMT, STR_ARG(all),
                           all.n ? "\n" : "", change_name((enum change_kind)c->at[i].kind), STR_ARG(c->at[i].path),
                           c->at[i].detail.n ? " " : "", STR_ARG(c->at[i].detail), c->at[i].sql.n ? "; " : "",
                           STR_ARG(c->at[i].sql), c->at[i].line.n ? "; " : "", STR_ARG(c->at[i].line));
    return all;
}

static void one(const struct group_lines *g, struct arena *a)
{
    struct str times = group_get(g, "times", a);
    struct world w;
    struct drift_input in;
    struct shape_fields now;
    struct changes found;

    world_make(g, a, &w);
    look(&w, g, "before", times.n ? strtoul(arena_cstr(a, times), NULL, 10) : TIMES);
    base_of(&w, a, &in);
    shaper_free(w.shaper);
    w.shaper = shaper_new(w.shape);
    look(&w, g, "now", NOW);
    crowd(&w, g, group_get(g, "crowd", a), a);
    shaper_fields(w.shaper, a, &now);
    drift_compare(&in, &now, true, a, &found);
    group_expect(g, "says", said(&found, a), group_get(g, "says", a));
    world_end(&w);
}

static void data_file(void **state)
{
    (void)state;
    assert_true(groups_run("../flow/drift.txt", one) >= 10);
}

/* ---- counting ---- */

static const struct field *field_of(const struct shape_fields *f, const char *path)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->at[i].path, str_of(path)))
            return &f->at[i];
    fail_msg("no field %s", path);
    return NULL;
}

static void counts(void **state)
{
    static const char *const records[] = {
        "{\"n\": -12.500, \"t\": \"甲乙丙\", \"e\": \"\", \"d\": \"2026-01-02\", \"i\": \"007\", \"items\": [{\"q\": "
        "1}, {\"q\": 22}]}",
        "{\"n\": 7, \"t\": \"abcd\", \"d\": \"2026-01-02T03:04:05+08:00\", \"i\": \"-8\", \"items\": null}",
        "{\"n\": 1e3, \"t\": \"12\", \"d\": null, \"items\": []}",
    };
    struct group_lines g = {.file = "here"};
    struct arena *a = arena_new((size_t)16 << 20);
    struct world w;
    struct shape_fields f;

    (void)state;
    world_make(&g, a, &w);
    for (size_t i = 0; i < 3; i++) {
        struct json_doc *doc = group_json(&g, str_of(records[i]));

        shaper_look(w.shaper, json_root(doc));
        json_free(doc);
    }
    shaper_fields(w.shaper, a, &f);
    assert_int_equal(f.levels[0].objects, 3);
    assert_int_equal(field_of(&f, "n")->seen.types, SEEN_INTEGER | SEEN_DECIMAL);
    assert_int_equal(field_of(&f, "n")->seen.before, 2);
    assert_int_equal(field_of(&f, "n")->seen.after, 3);
    assert_int_equal(field_of(&f, "t")->seen.longest, 4);
    assert_true(field_of(&f, "t")->seen.types & SEEN_TEXT);
    assert_int_equal(field_of(&f, "e")->seen.count, 1);
    assert_int_equal(field_of(&f, "e")->of, 3);
    assert_int_equal(field_of(&f, "e")->seen.types, SEEN_EMPTY);
    assert_int_equal(field_of(&f, "d")->seen.types, SEEN_TEXT_TIME | SEEN_NULL);
    assert_int_equal(field_of(&f, "i")->seen.types, SEEN_TEXT_INTEGER);
    assert_int_equal(field_of(&f, "items")->seen.types, SEEN_ARRAY | SEEN_NULL);
    assert_int_equal(field_of(&f, "items[].q")->seen.count, 2);
    assert_int_equal(drift_objects(&f, S("items[].q")), 2);
    assert_int_equal(drift_objects(&f, S("nothing.here")), 0);
    world_end(&w);
    arena_free(a);
}

/* ---- columns ---- */

static struct table_column column(const char *name, const char *type, int64_t chars, const char *rest)
{
    return (struct table_column){.name = str_of(name),
                                 .type = str_of(type),
                                 .kind = CAST_STRING,
                                 .max_chars = chars,
                                 .max_bytes = chars * 4,
                                 .precision = -1,
                                 .scale = -1,
                                 .nullable = true,
                                 .rest = rest ? str_of(rest) : (struct str){0}};
}

static void altered(const struct table_info *t, size_t i, struct ddl_column want, const char *expected)
{
    struct buf b = buf_make(1u << 16);

    want.name = t->columns[i].name;
    assert_int_equal(sink_alter(sink_type_find(S("mysql")), t, &want, &t->columns[i], &b), expected != NULL);
    assert_string_equal(buf_cstr(&b), expected ? expected : "");
    buf_free(&b);
}

static void widening(void **state)
{
    struct str key[] = {S("k"), S("l")};
    struct table_key keys[] = {{.name = S("PRIMARY"), .unique = true, .primary = true, .columns = {key, 2}}};
    struct table_column c[] = {
        column("s", "varchar(20)", 20, " COLLATE utf8mb4_bin NOT NULL DEFAULT 'it''s' COMMENT 'a, b'"),
        column("k", "varchar(64)", 64, " NOT NULL"),
        column("l", "varchar(500)", 500, " NOT NULL"),
        column("x", "varchar(8192)", 8192, " DEFAULT NULL"),
        column("t", "text", 65535, " DEFAULT NULL"),
        column("n", "decimal(10,2)", -1, " DEFAULT NULL"),
        column("u", "varchar(20)", 20, NULL),
        column("h", "longtext", 4294967295, ""),
    };
    struct table_info t = {
        .name = S("bi.orders"), .columns = c, .n_columns = 8, .keys = keys, .n_keys = 1, .found = true};

    (void)state;
    c[0].has_default = true;
    c[4].max_bytes = 65535;
    c[5].kind = CAST_DECIMAL;
    c[5].precision = 10;
    c[5].scale = 2;
    c[7].max_bytes = 4294967295;
    altered(&t, 0, (struct ddl_column){.longest_chars = 60},
            "ALTER TABLE `bi`.`orders` MODIFY COLUMN `s` varchar(128) COLLATE utf8mb4_bin NOT NULL DEFAULT 'it''s' "
            "COMMENT 'a, b'");
    altered(&t, 0, (struct ddl_column){.longest_chars = 60000}, NULL); /* TEXT takes no default */
    altered(&t, 1, (struct ddl_column){.longest_chars = 70},
            "ALTER TABLE `bi`.`orders` MODIFY COLUMN `k` varchar(128) NOT NULL");
    altered(&t, 1, (struct ddl_column){.longest_chars = 400}, NULL); /* the key would get too long */
    altered(&t, 3, (struct ddl_column){.longest_chars = 9000},
            "ALTER TABLE `bi`.`orders` MODIFY COLUMN `x` text DEFAULT NULL");
    altered(&t, 4, (struct ddl_column){.longest_chars = 70000},
            "ALTER TABLE `bi`.`orders` MODIFY COLUMN `t` mediumtext DEFAULT NULL");
    altered(&t, 5, (struct ddl_column){.digits_before = 9, .digits_after = 4},
            "ALTER TABLE `bi`.`orders` MODIFY COLUMN `n` decimal(13,4) DEFAULT NULL");
    altered(&t, 5, (struct ddl_column){.digits_before = 8, .digits_after = 2}, NULL); /* it takes that */
    altered(&t, 5, (struct ddl_column){.digits_before = 9, .digits_after = 31}, NULL);
    altered(&t, 6, (struct ddl_column){.longest_chars = 60}, NULL); /* what stands behind the type is not known */
    altered(&t, 7, (struct ddl_column){.longest_chars = 60}, NULL);
}

static void strains(void **state)
{
    struct group_lines g = {.file = "here"};
    struct arena *a = arena_new((size_t)16 << 20);
    struct table_column c[] = {column("s", "varchar(20)", 20, " NULL"), column("n", "decimal(10,2)", -1, " NULL")};
    struct strain strain[] = {{&c[0], 19, 0, 0, 0}, {NULL, 0, 0, 0, 0}, {&c[1], 0, 9, 4, 3}, {&c[0], 30, 0, 0, 2}};
    struct batch b = {.strain = strain, .n_strain = 4};
    struct drift_input in;
    struct changes found;
    struct world w;

    (void)state;
    c[1].kind = CAST_DECIMAL;
    c[1].precision = 10;
    c[1].scale = 2;
    world_make(&g, a, &w);
    w.table = (struct table_info){.name = S("orders"), .columns = c, .n_columns = 2, .found = true};
    in = (struct drift_input){.flow = &w.flow, .table = &w.table};
    drift_strain(&in, &b, a, &found);
    assert_int_equal(found.n, 3);
    assert_int_equal(found.at[0].kind, CHANGE_NEAR);
    assert_int_equal(found.at[0].state, CHANGE_ACCEPTED); /* nothing was learnt yet: it was always so */
    assert_int_equal(found.at[1].kind, CHANGE_DIGITS);
    assert_int_equal(found.at[2].kind, CHANGE_LENGTH);
    assert_int_equal(found.at[2].state, CHANGE_OPEN);
    assert_false(drift_is_over(&in, &found.at[1], a));
    assert_false(drift_is_over(&in, &found.at[2], a));
    assert_true(drift_alter(&in, &found.at[2], a).n > 0);
    c[0].max_chars = 64;
    c[1].precision = 13;
    c[1].scale = 4;
    assert_true(drift_is_over(&in, &found.at[0], a));
    assert_true(drift_is_over(&in, &found.at[1], a));
    assert_true(drift_is_over(&in, &found.at[2], a));
    world_end(&w);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(data_file), cmocka_unit_test(counts),
                                       cmocka_unit_test(widening), cmocka_unit_test(strains)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
