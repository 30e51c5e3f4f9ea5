/* Documents from anybody. The first byte chooses the side; the rest is the document. A document that is read has no
 * error among its diagnostics, and everything that it holds can be compiled or is refused with a word; what is compiled
 * can be used. clang -fsanitize=fuzzer. */
#include "meta/doc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char record_text[] = "{\"id\": 1, \"a\": \"x\", \"amount\": \"10.00\", \"items\": [{\"qty\": 1, "
                                  "\"amount\": 3}, {\"qty\": 2, \"amount\": null}]}";

#define SLOTS_MAX 8192
#define ELEMENTS  2

struct use {
    struct arena *a;
    struct diags *diags;
    struct json_doc *record;
    struct sysvars sys;
};

/* `done` must not be NULL unless an error was said since there were `before`. */
static void said(const struct use *u, bool done, size_t before)
{
    if (!done && diags_count(u->diags, DIAG_ERROR) == before)
        abort();
}

static void use_request(struct use *u, const struct meta_doc *d)
{
    static struct value values[SLOTS_MAX];
    struct slots *slots = slots_new();
    struct compile c = {u->a, d->side == SIDE_SOURCE ? NULL : slots, d->side, u->diags, NULL};
    size_t before = diags_count(u->diags, DIAG_ERROR);
    const struct request *r = request_compile(&c, d->request, d->take_over, NULL);
    struct errinfo ei;
    struct params params;

    said(u, r != NULL, before);
    if (r && slots_count(slots) < SLOTS_MAX) {
        struct env env = {.slot = values, .sys = &u->sys, .arena = u->a};

        for (size_t i = 0; i < slots_count(slots); i++)
            values[i] = value_of_json(json_path(json_root(u->record), slots_name(slots, i)));
        if (request_render(r, &env, &params, &ei) == OK && params.n > d->request.n + d->take_over.n)
            abort();
    }
    slots_free(slots);
}

static void use_source(struct use *u, const struct meta_doc *d)
{
    const struct json *record = json_root(u->record), *items = json_get(record, S("items"));
    struct value shares[ELEMENTS];
    struct formats formats;
    bool keep[ELEMENTS], ok = false;
    size_t before = diags_count(u->diags, DIAG_ERROR);
    const struct cond *c = cond_compile(u->a, d->condition, &d->beat_flat, u->diags, &ok);
    const struct allocate *al;
    struct errinfo ei;

    said(u, ok, before);
    if (c && !cond_apply(c, record, items, keep, ELEMENTS) && cond_apply(c, record, items, keep, ELEMENTS))
        abort();
    before = diags_count(u->diags, DIAG_ERROR);
    al = allocate_compile(u->a, d->allocate, u->diags, &ok);
    said(u, ok, before);
    for (size_t i = 0; al && i < allocate_count(al); i++)
        if (str_eq(allocate_over(al, i), S("items")) &&
            allocate_apply(al, i, record, u->a, shares, ELEMENTS, &ei) == OK && shares[1].kind != VALUE_NUMBER)
            abort();
    before = diags_count(u->diags, DIAG_ERROR);
    ok = formats_compile(u->a, d->format_response, u->diags, &formats);
    said(u, ok, before);
    for (size_t i = 0; ok && i < formats.n; i++) {
        struct value in = value_of_json(json_get(record, S("amount"))), out;

        if (format_apply(&formats.at[i], &in, NULL, u->a, &out, &ei) == OK && out.kind == VALUE_MISSING)
            abort();
    }
}

/* What comes out of merging is JSON. */
static void check_merged(enum err e, struct buf *out)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *doc = NULL;
    struct errinfo ei;

    if (e == OK && !out->failed) {
        if (json_parse(buf_str(out), &limits, &doc, NULL, &ei) != OK || json_type(json_root(doc)) != JSON_ARRAY)
            abort();
        json_free(doc);
    }
    buf_free(out);
}

static void use_target(struct use *u, const struct meta_doc *d)
{
    static const struct str names[] = {{"id", 2}, {"a", 1}};
    const struct value first[] = {value_number(S("1")), value_text(S("x"))},
                       second[] = {value_number(S("1")), value_null()};
    const struct value *rows[] = {first, second};
    const struct named_rows in = {names, 2, rows, 2};
    size_t before = diags_count(u->diags, DIAG_ERROR);
    bool ok = false;
    const struct group *g = group_compile(u->a, d->group_calculate, u->diags, &ok);
    const struct operation *o;
    struct errinfo ei;

    said(u, ok, before);
    if (g) {
        struct buf out = buf_make(1 << 20);

        check_merged(group_apply(g, &in, u->a, &out, &ei), &out);
    }
    before = diags_count(u->diags, DIAG_ERROR);
    o = operation_compile(u->a, d->operation, u->diags, &ok);
    said(u, ok, before);
    if (o) {
        struct buf out = buf_make(1 << 20);

        check_merged(operation_apply(o, &in, u->a, &out, &ei), &out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct use u = {.a = arena_new((size_t)512 << 20), .diags = diags_new()};
    enum side side = n > 0 && (data[0] & 1) ? SIDE_SOURCE : SIDE_TARGET;
    struct node *root = NULL;
    struct errinfo ei;

    u.sys = (struct sysvars){.now_ms = 1772325000000, .page_size = -1, .start_row = -1, .page = -1};
    if (json_parse(str_mk(record_text, sizeof record_text - 1), &limits, &u.record, NULL, &ei) != OK)
        abort();
    if (n > 1 && n < 65536 && conf_parse(u.a, str_mk((const char *)data + 1, n - 1), "fuzz", u.diags, &root) == OK) {
        size_t before = diags_count(u.diags, DIAG_ERROR);
        const struct meta_doc *d = meta_read(u.a, root, side, u.diags);

        said(&u, d != NULL, before);
        if (d) {
            use_request(&u, d);
            use_source(&u, d);
            use_target(&u, d);
        }
    }
    json_free(u.record);
    diags_free(u.diags);
    arena_free(u.a);
    return 0;
}
