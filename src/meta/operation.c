/* `operation`: records merged into one call.
 *
 * batchArraySave puts every `rows` records into the array `rowsKey` of one object. merge makes one object of the
 * records whose `field` is equal: `header` fields from the first of them, and an array `bodyName` with one line a
 * record; with bodySum, records with equal `body` fields share a line in which the bodySum fields are summed. `none` is
 * no operation. */
#include "meta/doc_tables.h"
#include "meta/group_impl.h"

enum method { BATCH, MERGE };

struct operation {
    enum method method;
    struct str rows_key, body_name;
    size_t rows;
    struct strs field; /* one name */
    struct strs header, body, sums;
};

struct work {
    const struct operation *o;
    const struct named_rows *in;
    struct strs header, body;
    const size_t *header_columns, *body_columns, *sum_columns;
    struct arena *a;
    struct json_out w;
};

static bool find_method(const struct node *n, struct str name, struct diags *diags, enum method *ret, bool *ret_none)
{
    static const char *const names[] = {"none", "batchArraySave", "merge"};

    for (size_t i = 0; i < 3; i++)
        if (str_eq_nocase(name, str_of(names[i]))) {
            *ret_none = i == 0;
            *ret = i == 1 ? BATCH : MERGE;
            return true;
        }
    diags_add(diags, DIAG_ERROR, n->pos, "method \"" STR_FMT "\" of `operation` is not known", STR_ARG(name));
    diags_nearest(diags, str_nearest(name, names, 3));
    diags_remedy(diags, "use none, batchArraySave or merge");
    return false;
}

const struct operation *operation_compile(struct arena *a, const struct node *n, struct diags *diags, bool *ret_ok)
{
    struct operation_raw raw = {.rows_key = S("array"), .body_name = S("items"), .rows = 20};
    struct operation *o = ARENA_NEW(a, struct operation);
    struct str *field = ARENA_NEW(a, struct str);
    bool none = false;

    *ret_ok = true;
    if (!n || !n->child)
        return NULL;
    *ret_ok = false;
    if (n->type != NODE_OBJECT) {
        diags_add(diags, DIAG_ERROR, n->pos, "`operation` is %s, not an object", node_type_name(n->type));
        return NULL;
    }
    if (!conf_fill(n, doc_operation_keys.specs, doc_operation_keys.n, &raw, DIAG_WARNING, a, diags) ||
        !find_method(n, raw.method, diags, &o->method, &none))
        return NULL;
    *ret_ok = none || o->method == BATCH || raw.field.n;
    if (!*ret_ok)
        diags_add(diags, DIAG_ERROR, n->pos, "merge needs `field`, by which records belong together");
    if (none || !*ret_ok)
        return NULL;
    *field = raw.field;
    o->rows_key = raw.rows_key;
    o->body_name = raw.body_name;
    o->rows = (size_t)raw.rows;
    o->field = (struct strs){field, 1};
    o->header = raw.header.n ? raw.header : o->field;
    o->body = raw.body;
    o->sums = raw.body_sum;
    return o;
}

static struct strs all_names(const struct named_rows *in)
{
    return (struct strs){in->names, in->n_names};
}

static bool is_among(struct str name, struct strs names)
{
    for (size_t i = 0; i < names.n; i++)
        if (str_eq(names.at[i], name))
            return true;
    return false;
}

/* Without `body`, a line holds everything that neither the header nor the sums do. */
static struct strs body_names(const struct operation *o, const struct named_rows *in, struct arena *a)
{
    struct str *names;
    size_t n = 0;

    if (o->body.n)
        return o->body;
    names = ARENA_ARRAY(a, struct str, in->n_names + 1);
    for (size_t i = 0; i < in->n_names; i++)
        if (!is_among(in->names[i], o->header) && !is_among(in->names[i], o->sums))
            names[n++] = in->names[i];
    return (struct strs){names, n};
}

static void apply_batch(struct work *k)
{
    const size_t *columns = rows_columns(k->in, (struct str){0}, all_names(k->in), k->a);

    for (size_t from = 0; from < k->in->n_rows; from += k->o->rows) {
        json_out_begin(&k->w, '{');
        json_out_key_str(&k->w, k->o->rows_key);
        json_out_begin(&k->w, '[');
        for (size_t i = from; i < k->in->n_rows && i - from < k->o->rows; i++) {
            json_out_begin(&k->w, '{');
            rows_write(k->in, i, all_names(k->in), columns, &k->w);
            json_out_end(&k->w, '}');
        }
        json_out_end(&k->w, ']');
        json_out_end(&k->w, '}');
    }
}

static enum err write_line(struct work *k, const struct bucket *b, struct errinfo *ei)
{
    enum err e = OK;

    json_out_begin(&k->w, '{');
    rows_write(k->in, b->rows[0], k->body, k->body_columns, &k->w);
    for (size_t i = 0; !e && i < k->o->sums.n; i++) {
        struct total total;

        e = rows_sum(k->in, b, k->sum_columns[i], k->a, &total, ei);
        if (e)
            break;
        json_out_key_str(&k->w, k->o->sums.at[i]);
        value_write_json(&total.sum, &k->w);
    }
    json_out_end(&k->w, '}');
    return e;
}

static enum err write_merged(struct work *k, const struct bucket *b, struct errinfo *ei)
{
    struct buckets lines = rows_group(k->in, b, k->body_columns, k->o->sums.n ? k->body.n : 0, k->a);
    enum err e = OK;

    json_out_begin(&k->w, '{');
    rows_write(k->in, b->rows[0], k->header, k->header_columns, &k->w);
    json_out_key_str(&k->w, k->o->body_name);
    json_out_begin(&k->w, '[');
    for (size_t i = 0; !e && i < lines.n; i++)
        e = write_line(k, &lines.at[i], ei);
    json_out_end(&k->w, ']');
    json_out_end(&k->w, '}');
    return e;
}

static enum err apply_merge(struct work *k, struct errinfo *ei)
{
    const struct operation *o = k->o;
    const size_t *by = rows_columns(k->in, (struct str){0}, o->field, k->a);
    struct buckets g;
    struct bucket all;
    enum err e = OK;

    k->header = o->header;
    k->body = body_names(o, k->in, k->a);
    k->header_columns = rows_columns(k->in, o->body_name, k->header, k->a);
    k->body_columns = rows_columns(k->in, o->body_name, k->body, k->a);
    k->sum_columns = rows_columns(k->in, o->body_name, o->sums, k->a);
    all = rows_all(k->in, k->a);
    g = rows_group(k->in, &all, by, 1, k->a);
    for (size_t i = 0; !e && i < g.n; i++)
        e = write_merged(k, &g.at[i], ei);
    return e;
}

enum err operation_apply(const struct operation *o, const struct named_rows *in, struct arena *a, struct buf *out,
                         struct errinfo *ei)
{
    struct work k = {.o = o, .in = in, .a = a, .w = json_out(out)};
    enum err e = OK;

    json_out_begin(&k.w, '[');
    if (o->method == BATCH)
        apply_batch(&k);
    else
        e = apply_merge(&k, ei);
    json_out_end(&k.w, ']');
    return e;
}
