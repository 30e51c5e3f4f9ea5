/* groupCalculate and operation, on the lines of one record: the lines are laid out flat as named values, the dialect
 * merges them into objects, and the objects go on as records without arrays.
 *
 * The first flattened array is the one whose lines are merged. Header fields stand in each line under their own names,
 * element fields with the prefix, nested objects flattened with "_". */
#include "shape/plan.h"

#include <stdlib.h>

#define MERGED_MAX_BYTES (32u << 20)
#define NAMES_MAX        2000
#define FLAT_DEPTH       8

/* Names found so far and the values of one line under them. */
struct sheet {
    struct arena *a;
    struct map *index;
    struct str *names;
    size_t n_names;
    struct value **rows;
    size_t n_rows, cap;
};

static void sheet_put(struct sheet *sh, struct value *row, struct str name, const struct json *v)
{
    size_t at = map_get(sh->index, name);

    if (at == MAP_NONE) {
        if (sh->n_names == NAMES_MAX)
            return;
        at = sh->n_names++;
        sh->names[at] = arena_str(sh->a, name);
        map_put(sh->index, sh->names[at], at);
    }
    row[at] = value_of_json(v);
}

static void sheet_flatten(struct sheet *sh, struct value *row, struct str prefix, const struct json *object, int depth)
{
    struct json_iter it = json_iter(object);
    const struct json *v;
    struct str key;

    while ((v = json_next(&it, &key))) {
        struct str name = arena_printf(sh->a, STR_FMT STR_FMT, STR_ARG(prefix), STR_ARG(key));

        sheet_put(sh, row, name, v);
        if (json_type(v) == JSON_OBJECT && depth < FLAT_DEPTH)
            sheet_flatten(sh, row, arena_printf(sh->a, STR_FMT "_", STR_ARG(name)), v, depth + 1);
    }
}

static void sheet_line(struct sheet *sh, const struct shape *s, const struct json *record, const struct json *element)
{
    struct value *row = ARENA_ARRAY(sh->a, struct value, NAMES_MAX);

    sheet_flatten(sh, row, (struct str){0}, record, 0);
    if (element)
        sheet_flatten(sh, row, s->arrays[0].prefix, element, 0);
    sh->rows[sh->n_rows++] = row;
}

static enum err merge_names(const struct shape *s, const struct sheet *sh, struct buf *out, struct errinfo *ei)
{
    struct named_rows in = {sh->names, sh->n_names, (const struct value *const *)sh->rows, sh->n_rows};

    if (s->group)
        return group_apply(s->group, &in, sh->a, out, ei);
    return operation_apply(s->operation, &in, sh->a, out, ei);
}

enum err merge_rows(const struct shape *s, const struct merge_input *in, struct arena *a, struct json_doc **ret_doc,
                    struct errinfo *ei)
{
    struct sheet sh = {.a = a, .index = map_new()};
    struct buf out = buf_make(MERGED_MAX_BYTES);
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_iter it = json_iter(in->array);
    const struct json *element;
    enum err e;

    sh.names = ARENA_ARRAY(a, struct str, NAMES_MAX);
    sh.rows = ARENA_ARRAY(a, struct value *, json_count(in->array) + 1);
    for (size_t i = 0; (element = json_next(&it, NULL)); i++)
        if (in->keep[i])
            sheet_line(&sh, s, in->record, element);
    if (!sh.n_rows)
        sheet_line(&sh, s, in->record, NULL);
    e = merge_names(s, &sh, &out, ei);
    if (!e && out.failed)
        e = fail(ei, ERR_DATA, "the merged record is longer than %u bytes", MERGED_MAX_BYTES);
    if (!e)
        e = json_parse(buf_str(&out), &limits, ret_doc, NULL, ei);
    buf_free(&out);
    map_free(sh.index);
    return e;
}
