/* Documents from anybody. Either there is a tree or an error that has a place inside the text; places of values only
 * grow and lie inside it too. A tree, written as JSON, is read the same by this reader and by the JSON gate. Filling a
 * table from it and asking for the first error never fails by itself. clang -fsanitize=fuzzer. */
#include "base/conf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define ARENA_BYTES (256u << 20)

struct filled {
    struct str name;
    int64_t n, wait_ms;
    uint64_t size;
    struct strs list;
    const struct node *any;
    int word;
    bool on;
};

static const char *const words[] = {"one", "two", NULL};
static const struct field_spec specs[] = {
    {.name = "s", .type = FIELD_STRING, .offset = offsetof(struct filled, name), .required = true},
    {.name = "i", .type = FIELD_INT, .offset = offsetof(struct filled, n), .min = -1, .max = 1000},
    {.name = "d", .type = FIELD_DURATION, .offset = offsetof(struct filled, wait_ms)},
    {.name = "b", .type = FIELD_BYTES, .offset = offsetof(struct filled, size)},
    {.name = "l", .type = FIELD_STRINGS, .offset = offsetof(struct filled, list)},
    {.name = "a", .type = FIELD_NODE, .offset = offsetof(struct filled, any)},
    {.name = "w", .type = FIELD_ENUM, .offset = offsetof(struct filled, word), .names = words},
    {.name = "t", .type = FIELD_BOOL, .offset = offsetof(struct filled, on)},
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool before(struct pos a, struct pos b)
{
    return a.line < b.line || (a.line == b.line && a.col < b.col);
}

static void check_tree(const struct node *n, struct pos *last, size_t text_bytes)
{
    size_t count = 0;

    must(before(*last, n->pos) && n->pos.line <= text_bytes && n->pos.col <= text_bytes);
    *last = n->pos;
    must(utf8_valid(n->text) && utf8_valid(n->key));
    for (const struct node *c = n->child; c; c = c->next, count++) {
        if (n->type == NODE_OBJECT)
            must(before(*last, c->key_pos) && before(c->key_pos, c->pos));
        check_tree(c, last, text_bytes);
    }
    must(count == n->n_children);
}

static void check_diags(const struct diags *diags, size_t text_bytes)
{
    char line[3000];

    for (size_t i = 0; i < diags_count(diags, DIAG_NOTE); i++) {
        const struct diag *d = diags_at(diags, i);

        must(d->pos.line >= 1 && d->pos.line <= text_bytes + 1 && d->pos.col >= 1 && d->pos.col <= text_bytes + 1);
        must(d->what[0] && utf8_valid(str_of(d->what)) && utf8_valid(str_of(d->remedy)));
        diag_print(d, line, sizeof line);
        must(utf8_valid(str_of(line)));
    }
}

static void check_written(struct arena *a, const struct node *root, const struct diags *said)
{
    struct buf text = buf_make(64u << 20), again = buf_make(64u << 20);
    struct json_limits limits = {64u << 20, 64};
    struct diags *diags = diags_new();
    struct json_doc *doc = NULL;
    struct node *second = NULL;

    node_write(root, &text);
    must(!text.failed);
    must(json_parse(buf_str(&text), &limits, &doc, NULL, NULL) == OK);
    json_write(json_root(doc), &again);
    must(str_eq(buf_str(&text), buf_str(&again)));
    json_free(doc);
    if (text.n <= 8u << 20) {
        must(conf_parse(a, buf_str(&text), "f", diags, &second) == OK);
        buf_clear(&again);
        node_write(second, &again);
        must(str_eq(buf_str(&text), buf_str(&again)));
        must(diags_count(diags, DIAG_NOTE) == diags_count(said, DIAG_NOTE)); /* keys that stand twice */
    }
    diags_free(diags);
    buf_free(&text);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct diags *diags = diags_new();
    struct filled filled = {.n = 1};
    struct node *root = NULL;
    struct errinfo ei;
    struct pos start = {"f", 0, 0};

    if (conf_parse(a, str_mk((const char *)data, n), "f", diags, &root) == OK) {
        check_tree(root, &start, n);
        check_written(a, root, diags);
        must(conf_fill(root, specs, sizeof specs / sizeof *specs, &filled, DIAG_ERROR, a, diags) ||
             diags_count(diags, DIAG_ERROR));
        must(filled.word == 0 || filled.word == 1);
        must(filled.n >= -1 && filled.n <= 1000);
    } else {
        must(!root && diags_first_error(diags, &ei) == ERR_CONFIG && ei.msg[0]);
    }
    check_diags(diags, n);
    diags_free(diags);
    arena_free(a);
    return 0;
}
