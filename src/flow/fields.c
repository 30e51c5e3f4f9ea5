/* Fields of records and columns of the table: which is mapped to which, as the documents say.
 *
 * A field is named in templates by its flattened name (`items_qty`, `ext_colour`), by its path (`items.qty`), or by the
 * object or array that it is in. Whether a value names it is asked of the value's text: inside functions and nested
 * objects too. */
#include "flow/drift.h"

/* The path with the marks of arrays taken out: "items[].qty" → "items.qty". */
static struct str dotted(struct str path, struct arena *a)
{
    char *out = arena_alloc(a, path.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] != '[' && path.p[i] != ']')
            out[n++] = path.p[i];
    return (struct str){out, n};
}

static bool is_flat(const struct flow *f, struct str array)
{
    const struct strs *flat = &f->integration->source_doc->beat_flat;

    for (size_t i = 0; i < flat->n; i++)
        if (str_eq(flat->at[i], array))
            return true;
    return false;
}

static struct str underscored(struct str name, struct arena *a)
{
    struct str copy = arena_str(a, name);

    for (size_t i = 0; i < copy.n; i++)
        if (copy.p[i] == '.')
            ((char *)(uintptr_t)copy.p)[i] = '_';
    return copy;
}

struct str field_name(const struct flow *f, struct str path, struct arena *a)
{
    size_t mark = str_find(path, S("[]."), 0), cut;
    struct str array, rest;

    if (mark == SIZE_MAX)
        return underscored(path, a);
    array = str_sub(path, 0, mark);
    rest = str_sub(path, mark + 3, path.n);
    if (!is_flat(f, array) || str_find(rest, S("[]"), 0) != SIZE_MAX)
        return (struct str){0};
    for (cut = array.n; cut > 0 && array.p[cut - 1] != '.'; cut--)
        ;
    return underscored(arena_printf(a, STR_FMT "_" STR_FMT, STR_ARG(str_sub(array, cut, array.n)), STR_ARG(rest)), a);
}

static bool is_name_byte(char c)
{
    return c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

/* Does the text name it, as a whole name? */
static bool names(struct str text, struct str name)
{
    size_t at = 0;

    while (name.n && (at = str_find(text, name, at)) != SIZE_MAX) {
        if ((at == 0 || !is_name_byte(text.p[at - 1])) && (at + name.n == text.n || !is_name_byte(text.p[at + name.n])))
            return true;
        at++;
    }
    return false;
}

/* What a column's value may call the field: its flattened name, its path, and each container that it is in. */
struct called {
    struct str at[12];
    size_t n;
};

static struct called called(const struct flow *f, struct str path, struct arena *a)
{
    struct called c = {.n = 0};

    for (size_t i = path.n; i > 0 && c.n + 2 <= sizeof c.at / sizeof *c.at; i--)
        if (i == path.n || path.p[i] == '.') {
            struct str outer = str_sub(path, 0, i);

            if (str_ends(outer, S("[]")))
                outer.n -= 2;
            c.at[c.n++] = field_name(f, outer, a);
            c.at[c.n++] = dotted(outer, a);
        }
    return c;
}

static bool names_any(struct str text, const struct called *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (names(text, c->at[i]))
            return true;
    return false;
}

static bool value_names(const struct meta_field *field, const struct called *c)
{
    struct buf b = buf_make(4u << 20);
    bool found;

    if (field->value)
        node_write(field->value, &b);
    for (size_t i = 0; i < field->n_children; i++) {
        buf_byte(&b, ' ');
        if (field->children[i].value)
            node_write(field->children[i].value, &b);
    }
    found = names_any(buf_str(&b), c);
    buf_free(&b);
    return found;
}

static void add_column(struct buf *b, struct str name)
{
    buf_add(b, b->n ? S(", ") : S(""));
    buf_add(b, name);
}

static void add_bound(const struct flow *f, const struct called *c, struct buf *out)
{
    const struct statement *st = &f->statements[0];

    for (size_t i = 0; i < st->columns.n; i++)
        for (size_t t = 0; t < st->values[i].templates.n; t++)
            if (names_any(st->values[i].templates.at[t], c)) {
                add_column(out, st->columns.at[i]);
                break;
            }
}

static void add_requested(struct meta_fields fields, const struct called *c, struct buf *out)
{
    for (size_t i = 0; i < fields.n; i++)
        if (value_names(&fields.at[i], c))
            add_column(out, fields.at[i].field);
}

struct str field_columns(const struct flow *f, struct str path, struct arena *a)
{
    const struct meta_doc *doc = f->integration->target_doc;
    const struct meta_field *params = meta_find(doc->other_request, "main_params");
    struct called c = called(f, path, a);
    struct buf b = buf_make(1u << 20);
    struct str r;

    if (f->statements[0].values)
        add_bound(f, &c, &b);
    else
        add_requested(doc->request, &c, &b);
    if (params)
        add_requested((struct meta_fields){params->children, params->n_children}, &c, &b);
    r = b.n ? arena_str(a, buf_str(&b)) : (struct str){0};
    buf_free(&b);
    return r;
}
