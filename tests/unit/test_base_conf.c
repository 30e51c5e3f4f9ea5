/* Documents that people write: what is read and what is said about mistakes, as tables (tests/data/base/conf.txt and
 * conf_fill.txt); limits, files, schema. */
#include "table.h"

#include "base/conf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES        (64u << 20)
#define DOCUMENT_MAX_BYTES (8u << 20)

static bool check(const struct table_row *row)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct diags *diags = diags_new();
    struct buf b = buf_make(1u << 20);
    struct node *root = NULL;
    bool is_error = str_eq(row->col[1], S("error")), is_ok = str_eq(row->col[1], S("ok"));
    enum err e = conf_parse(a, row->col[1].n ? row->col[0] : S(""), "f", diags, &root);
    char got[2000] = "";
    bool holds =
        e == (is_error ? ERR_CONFIG : OK) && !root == is_error && (diags_count(diags, DIAG_NOTE) == 0) == is_ok;

    if (is_ok && root) {
        node_write(root, &b);
        (void)snprintf(got, sizeof got, "%s", buf_cstr(&b));
        holds &= str_eq(str_of(got), row->col[2]);
    } else if (diags_count(diags, DIAG_NOTE)) {
        diag_print(diags_at(diags, 0), got, sizeof got);
        holds &= str_find(str_of(got), row->col[2], 0) != SIZE_MAX;
    }
    if (!holds)
        print_error("got: %s\n", got);
    buf_free(&b);
    diags_free(diags);
    arena_free(a);
    return holds;
}

static void table(void **state)
{
    (void)state;
    table_run("base/conf.txt", check);
}

/* Parses a text; gives the first diagnostic, or "". */
static const char *said_of(struct str text, size_t arena_bytes, char *out, size_t cap)
{
    struct arena *a = arena_new(arena_bytes);
    struct diags *diags = diags_new();
    struct node *root = NULL;
    enum err e = conf_parse(a, text, "f", diags, &root);

    out[0] = '\0';
    if (diags_count(diags, DIAG_NOTE))
        diag_print(diags_at(diags, 0), out, cap);
    assert_int_equal(e, out[0] ? ERR_CONFIG : OK);
    diags_free(diags);
    arena_free(a);
    return out;
}

static void add_times(struct buf *b, size_t n, const char *unit)
{
    for (size_t i = 0; i < n; i++)
        buf_add(b, str_of(unit));
}

static void depth(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct diags *diags = diags_new();
    struct buf b = buf_make(16u << 20), out = buf_make(1000);
    struct node *root = NULL;
    char said[2000];

    (void)state;
    add_times(&b, 64, "[");
    add_times(&b, 1, "1");
    add_times(&b, 64, "]");
    assert_int_equal(conf_parse(a, buf_str(&b), "f", diags, &root), OK);
    node_write(root, &out);
    assert_false(out.failed);
    assert_true(str_eq(buf_str(&out), buf_str(&b)));
    buf_clear(&b);
    add_times(&b, 65, "[");
    assert_non_null(
        strstr(said_of(buf_str(&b), ARENA_BYTES, said, sizeof said), "f:1:65: error: nested deeper than 64"));
    buf_clear(&b);
    add_times(&b, 1000000, "{a:");
    assert_non_null(strstr(said_of(buf_str(&b), ARENA_BYTES, said, sizeof said), "nested deeper than 64"));
    diags_free(diags);
    arena_free(a);
    buf_free(&b);
    buf_free(&out);
}

static void sizes(void **state)
{
    struct buf b = buf_make(32u << 20);
    char said[2000];

    (void)state;
    add_times(&b, 1, "\"");
    add_times(&b, DOCUMENT_MAX_BYTES - 2, "x");
    add_times(&b, 1, "\"");
    assert_string_equal(said_of(buf_str(&b), ARENA_BYTES, said, sizeof said), "");
    add_times(&b, 1, " ");
    assert_non_null(strstr(said_of(buf_str(&b), ARENA_BYTES, said, sizeof said), "larger than 8 MiB"));
    /* Two million values on one line: counting their columns and keeping them is bounded. */
    buf_clear(&b);
    add_times(&b, 1, "[");
    add_times(&b, 2000000, "1,");
    add_times(&b, 1, "]");
    assert_non_null(strstr(said_of(buf_str(&b), ARENA_BYTES, said, sizeof said), "needs more memory"));
    assert_string_equal(said_of(buf_str(&b), 512u << 20, said, sizeof said), "");
    /* A number of a mebibyte, a key of a mebibyte. */
    buf_clear(&b);
    add_times(&b, 1, "[.");
    add_times(&b, 1u << 20, "1");
    add_times(&b, 1, "]");
    (void)said_of(buf_str(&b), ARENA_BYTES, said, sizeof said);
    buf_clear(&b);
    add_times(&b, 1, "{");
    add_times(&b, 1u << 20, "k");
    add_times(&b, 1, " 1}");
    assert_non_null(strstr(said_of(buf_str(&b), ARENA_BYTES, said, sizeof said), "a colon is expected"));
    buf_free(&b);
}

static void many_keys_twice(void **state)
{
    struct arena *a = arena_new(512u << 20);
    struct diags *diags = diags_new();
    struct buf b = buf_make(16u << 20);
    struct node *root = NULL;

    (void)state;
    add_times(&b, 1, "{");
    for (int i = 0; i < 100000; i++)
        buf_printf(&b, "k%d: %d,\n", i == 99999 ? 5 : i, i);
    add_times(&b, 1, "}");
    assert_int_equal(conf_parse(a, buf_str(&b), "f", diags, &root), OK);
    assert_int_equal(diags_count(diags, DIAG_ERROR), 1);
    assert_string_equal(diags_at(diags, 0)->what, "key \"k5\" stands twice in this object");
    assert_string_equal(diags_at(diags, 0)->remedy, "it stands on line 6 as well; remove one of them");
    assert_int_equal(diags_at(diags, 0)->pos.line, 100000);
    assert_true(str_eq(node_get(root, "k5")->text, S("99999")));
    diags_free(diags);
    arena_free(a);
    buf_free(&b);
}

static void places(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct diags *diags = diags_new();
    struct node *root = NULL, *n;
    struct str text = S("{\n  // 注释\n  订单: [1,\r\n    'x'],\r\tb: /* 一 */ {c: true}\n}");

    (void)state;
    assert_int_equal(conf_parse(a, text, "dir/f.json", diags, &root), OK);
    assert_int_equal(root->n_children, 2);
    assert_string_equal(root->pos.file, "dir/f.json");
    n = root->child;
    assert_true(str_eq(n->key, S("订单")));
    assert_int_equal(n->key_pos.line, 3);
    assert_int_equal(n->key_pos.col, 3);
    assert_int_equal(n->pos.col, 7);
    assert_int_equal(n->child->next->pos.line, 4);
    assert_int_equal(n->child->next->pos.col, 5);
    n = node_get(root, "b");
    assert_int_equal(n->key_pos.line, 5);
    assert_int_equal(n->key_pos.col, 2);
    assert_int_equal(n->pos.col, 13);
    n = node_get(n, "c");
    assert_true(n->type == NODE_BOOL && n->truth);
    assert_int_equal(n->pos.col, 17);
    assert_null(node_get(n, "x"));
    assert_null(node_get(NULL, "x"));
    assert_null(node_get(root, "absent"));
    assert_string_equal(node_type_name(root->type), "object");
    diags_free(diags);
    arena_free(a);
}

/* ---- files ---- */

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/test_base_conf.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static const char *said_of_file(const char *path, char *out, size_t cap)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct diags *diags = diags_new();
    struct node *root = NULL;
    enum err e = conf_load(a, path, "shown.json", diags, &root);

    out[0] = '\0';
    if (diags_count(diags, DIAG_NOTE))
        diag_print(diags_at(diags, 0), out, cap);
    assert_int_equal(e, out[0] ? ERR_CONFIG : OK);
    assert_true(!root == (e != OK));
    diags_free(diags);
    arena_free(a);
    return out;
}

static void write_file(const char *path, size_t blanks, const char *text)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    for (size_t i = 0; i < blanks; i++)
        (void)fputc(' ', f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void files(void **state)
{
    char path[128], said[2000];

    (void)state;
    (void)snprintf(path, sizeof path, "%s/f.json", dir);
    assert_string_equal(said_of_file(path, said, sizeof said),
                        "shown.json: error: No such file or directory. is the name right?");
    write_file(path, 0, "{a: 1}");
    assert_string_equal(said_of_file(path, said, sizeof said), "");
    write_file(path, 0, "");
    assert_non_null(strstr(said_of_file(path, said, sizeof said), "shown.json:1:1: error: the document is empty"));
    write_file(path, DOCUMENT_MAX_BYTES - 2, "{}");
    assert_string_equal(said_of_file(path, said, sizeof said), "");
    write_file(path, DOCUMENT_MAX_BYTES - 1, "{}");
    assert_string_equal(said_of_file(path, said, sizeof said),
                        "shown.json: error: the document is larger than 8 MiB. is it the right file?");
    assert_int_equal(truncate(path, 100l << 20), 0);
    assert_non_null(strstr(said_of_file(path, said, sizeof said), "larger than 8 MiB"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_non_null(strstr(said_of_file(path, said, sizeof said), "it is not a regular file"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("f.json", path), 0);
    assert_non_null(strstr(said_of_file(path, said, sizeof said), "shown.json: error: Too many levels"));
    assert_int_equal(unlink(path), 0);
    assert_non_null(strstr(said_of_file(dir, said, sizeof said), "it is not a regular file"));
    assert_non_null(strstr(said_of_file("/dev/zero", said, sizeof said), "it is not a regular file"));
}

/* ---- tables of members ---- */

struct filled {
    struct str name;
    int64_t n;
    bool on;
    int64_t wait_ms;
    uint64_t size;
    int mode;
    struct strs list;
    const struct node *free;
};

static const char *const modes[] = {"append", "replace", "upsert", NULL};
static const struct field_spec inner[] = {
    {.name = "deep", .type = FIELD_INT, .offset = 0, .required = true},
};
static const struct field_spec specs[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .offset = offsetof(struct filled, name),
     .help = "The name of it.",
     .required = true},
    {.name = "title", .type = FIELD_STRING, .offset = offsetof(struct filled, name), .alias_of = "name"},
    {.name = "n", .type = FIELD_INT, .offset = offsetof(struct filled, n), .min = -5, .max = 100},
    {.name = "on", .type = FIELD_BOOL, .offset = offsetof(struct filled, on)},
    {.name = "wait", .type = FIELD_DURATION, .offset = offsetof(struct filled, wait_ms)},
    {.name = "size", .type = FIELD_BYTES, .offset = offsetof(struct filled, size)},
    {.name = "mode", .type = FIELD_ENUM, .offset = offsetof(struct filled, mode), .names = modes},
    {.name = "list", .type = FIELD_STRINGS, .offset = offsetof(struct filled, list)},
    {.name = "free", .type = FIELD_NODE, .offset = offsetof(struct filled, free), .members = inner, .n_members = 1},
    {.name = "old", .type = FIELD_IGNORED},
};
#define N_SPECS (sizeof specs / sizeof *specs)

static bool fill_row(const struct table_row *row)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct diags *diags = diags_new();
    struct filled f = {.name = S("default"), .n = 7, .wait_ms = 1000, .size = 1, .mode = 1};
    struct buf values = buf_make(10000), said = buf_make(10000);
    struct node *root = NULL;
    bool ok, twice, holds;

    assert_int_equal(conf_parse(a, row->col[0], NULL, diags, &root), OK);
    twice = diags_count(diags, DIAG_NOTE) > 0;
    ok = conf_fill(root, specs, N_SPECS, &f, DIAG_ERROR, a, diags);
    buf_printf(&values, STR_FMT "; %lld; %s; %lld; %llu; %d; [", STR_ARG(f.name), (long long)f.n, f.on ? "yes" : "no",
               (long long)f.wait_ms, (unsigned long long)f.size, f.mode);
    for (size_t i = 0; i < f.list.n; i++)
        buf_printf(&values, "%s" STR_FMT, i ? " " : "", STR_ARG(f.list.at[i]));
    buf_printf(&values, "]; %s", f.free ? node_type_name(f.free->type) : "-");
    for (size_t i = 0; i < diags_count(diags, DIAG_NOTE); i++) {
        char line[2000];

        diag_print(diags_at(diags, i), line, sizeof line);
        buf_printf(&said, "%s%s", i ? " / " : "", line);
    }
    holds = str_eq(buf_str(&values), row->col[1]) && str_eq(str_of(buf_cstr(&said)), row->col[2]) &&
            ok == (said.n == 0 || twice);
    if (!holds)
        print_error("got: %s | %s\n", buf_cstr(&values), buf_cstr(&said));
    buf_free(&values);
    buf_free(&said);
    diags_free(diags);
    arena_free(a);
    return holds;
}

static void fill(void **state)
{
    (void)state;
    table_run("base/conf_fill.txt", fill_row);
}

static void fill_unknown_as_warning(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct diags *diags = diags_new();
    struct buf b = buf_make(4u << 20);
    struct filled f = {0};
    struct node *root = NULL;

    (void)state;
    add_times(&b, 1, "{name: 'x', '");
    add_times(&b, 1u << 20, "k");
    add_times(&b, 1, "\\u001b': 1}");
    assert_int_equal(conf_parse(a, buf_str(&b), "f", diags, &root), OK);
    assert_true(conf_fill(root, specs, N_SPECS, &f, DIAG_WARNING, a, diags));
    assert_int_equal(diags_count(diags, DIAG_ERROR), 0);
    assert_int_equal(diags_count(diags, DIAG_WARNING), 1);
    assert_true(strlen(diags_at(diags, 0)->what) < 100);
    diags_free(diags);
    arena_free(a);
    buf_free(&b);
}

static struct json_doc *schema(enum diag_level unknown)
{
    struct buf b = buf_make(1u << 20);
    struct json_out w = json_out(&b);
    struct json_doc *doc = NULL;
    struct errinfo ei;

    conf_schema(specs, N_SPECS, unknown, &w);
    assert_false(b.failed);
    assert_int_equal(json_parse(buf_str(&b), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei), OK);
    buf_free(&b);
    return doc;
}

static void schema_tells(void **state)
{
    static const struct {
        const char *path, *want;
    } rows[] = {
        {"$schema", "\"https://json-schema.org/draft/2020-12/schema\""},
        {"type", "\"object\""},
        {"additionalProperties", "false"},
        {"required", "[]"}, /* "title" may stand for "name" */
        {"properties.name", "{\"description\":\"The name of it.\",\"type\":[\"string\",\"number\"]}"},
        {"properties.n", "{\"type\":\"integer\",\"minimum\":-5,\"maximum\":100}"},
        {"properties.on", "{\"type\":\"boolean\"}"},
        {"properties.wait.type", "[\"string\",\"number\"]"},
        {"properties.size.type", "[\"string\",\"number\"]"},
        {"properties.mode", "{\"enum\":[\"append\",\"replace\",\"upsert\"]}"},
        {"properties.list", "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}"},
        {"properties.free.type", "[\"object\",\"array\",\"string\"]"},
        {"properties.free.items.required", "[\"deep\"]"},
        {"properties.free.properties.deep.type", "\"integer\""},
        {"properties.free.additionalProperties", "false"},
        {"properties.old", "{}"},
    };
    struct json_doc *doc = schema(DIAG_ERROR), *lenient = schema(DIAG_WARNING);
    struct buf b = buf_make(10000);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_clear(&b);
        json_write(json_path(json_root(doc), str_of(rows[i].path)), &b);
        assert_string_equal(buf_cstr(&b), rows[i].want);
    }
    assert_true(json_true(json_path(json_root(lenient), S("additionalProperties"))));
    buf_free(&b);
    json_free(doc);
    json_free(lenient);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),        cmocka_unit_test(depth),
        cmocka_unit_test(sizes),        cmocka_unit_test(many_keys_twice),
        cmocka_unit_test(places),       cmocka_unit_test_setup_teardown(files, make_dir, remove_dir),
        cmocka_unit_test(fill),         cmocka_unit_test(fill_unknown_as_warning),
        cmocka_unit_test(schema_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
