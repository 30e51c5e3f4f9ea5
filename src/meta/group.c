/* `groupCalculate`: flattened rows grouped into records with lines, and calculations over them.
 *
 * Rows with equal headerGroup fields become one record. With bodyGroup, the rows of a record with equal bodyGroup
 * fields become one line, the calculations stand in the line, and lines beyond bodyMaxLine go into a further record
 * with the same header. Without bodyGroup there are no lines, and the calculations stand in the record. Fields may be
 * named with or without the prefix that flattening gave them (`items_qty` or `qty` with bodyName `items`). Sums are
 * exact. */
#include "base/decimal.h"
#include "meta/doc_tables.h"
#include "meta/group_impl.h"

enum calculation { SUM, AVG, MIN, MAX, PUSH, ADD_TO_SET, FIRST, LAST };

static const struct doc_word calculations[] = {
    [SUM] = {"$sum", "the exact sum; NULL counts as 0"},
    [AVG] = {"$avg", "the mean of those that are not NULL, with four places more than the sum"},
    [MIN] = {"$min", "the least, by number when both are numbers"},
    [MAX] = {"$max", "the greatest, by number when both are numbers"},
    [PUSH] = {"$push", "all values as an array"},
    [ADD_TO_SET] = {"$addToSet", "the distinct values as an array"},
    [FIRST] = {"$first", "the first row's value"},
    [LAST] = {"$last", "the last row's value"},
};
#define N_CALCULATIONS  (sizeof calculations / sizeof *calculations)
#define AVG_MORE_PLACES 4

struct rule {
    struct str out, field;
    enum calculation calculation;
};

struct group {
    struct strs header, body;
    struct str prefix, lines;
    size_t max_lines; /* 0: any number */
    struct rule *rules;
    size_t n_rules;
};

/* What stays the same while one set of rows is worked on. */
struct work {
    const struct group *g;
    const struct named_rows *in;
    const size_t *header, *body, *rules; /* columns */
    struct arena *a;
    struct json_out w;
};

const struct doc_word *doc_calculation_at(size_t i)
{
    return i < N_CALCULATIONS ? &calculations[i] : NULL;
}

/* ---- compiling ---- */

static bool find_calculation(const struct node *at, struct str name, struct diags *diags, enum calculation *ret)
{
    const char *names[N_CALCULATIONS];

    for (size_t i = 0; i < N_CALCULATIONS; i++) {
        names[i] = calculations[i].name;
        if (str_eq(name, str_of(names[i]))) {
            *ret = (enum calculation)i;
            return true;
        }
    }
    diags_add(diags, DIAG_ERROR, at->pos, "calculation \"" STR_FMT "\" is not known", STR_ARG(name));
    diags_nearest(diags, str_nearest(name, names, N_CALCULATIONS));
    diags_remedy(diags, "use $sum, $avg, $min, $max, $push, $addToSet, $first or $last");
    return false;
}

/* "qty": "$sum", or "total": {"$sum": "qty"}; a `$` before the field's name is taken off. */
static bool compile_rule(const struct node *n, struct diags *diags, struct rule *r)
{
    const struct node *inner = n->type == NODE_OBJECT && n->n_children == 1 ? n->child : NULL;

    r->out = r->field = n->key;
    if (n->type == NODE_STRING)
        return find_calculation(n, n->text, diags, &r->calculation);
    if (!inner || inner->type != NODE_STRING) {
        diags_add(diags, DIAG_ERROR, n->pos, "a calculation is \"$sum\" or {\"$sum\": \"field\"}");
        return false;
    }
    r->field = inner->text;
    if (r->field.n && r->field.p[0] == '$')
        r->field = str_sub(r->field, 1, r->field.n);
    return find_calculation(inner, inner->key, diags, &r->calculation);
}

static bool compile_rules(struct arena *a, const struct node *n, struct diags *diags, struct group *g)
{
    bool ok = true;

    if (!n || !n->child)
        return true;
    if (n->type != NODE_OBJECT) {
        diags_add(diags, DIAG_ERROR, n->pos, "`calculate` is %s, not an object", node_type_name(n->type));
        return false;
    }
    g->rules = ARENA_ARRAY(a, struct rule, n->n_children);
    for (const struct node *m = n->child; m; m = m->next)
        ok &= compile_rule(m, diags, &g->rules[g->n_rules++]);
    return ok;
}

const struct group *group_compile(struct arena *a, const struct node *n, struct diags *diags, bool *ret_ok)
{
    struct group_raw raw = {0};
    struct group *g;

    *ret_ok = true;
    if (!n || !n->child)
        return NULL;
    *ret_ok = false;
    if (n->type != NODE_OBJECT) {
        diags_add(diags, DIAG_ERROR, n->pos, "`groupCalculate` is %s, not an object", node_type_name(n->type));
        return NULL;
    }
    if (!conf_fill(n, doc_group_keys.specs, doc_group_keys.n, &raw, DIAG_WARNING, a, diags))
        return NULL;
    if (!raw.header.n) {
        diags_add(diags, DIAG_ERROR, n->pos, "headerGroup names no field");
        return NULL;
    }
    if (raw.body.n && !raw.body_name.n && !raw.target_body_name.n) {
        diags_add(diags, DIAG_ERROR, n->pos,
                  "bodyGroup needs bodyName or targetBodyName, the name of the array of lines");
        return NULL;
    }
    g = ARENA_NEW(a, struct group);
    *g = (struct group){
        .header = raw.header, .body = raw.body, .prefix = raw.body_name, .max_lines = (size_t)raw.max_line};
    g->lines = raw.target_body_name.n ? raw.target_body_name : raw.body_name;
    *ret_ok = compile_rules(a, raw.calculate, diags, g);
    return *ret_ok ? g : NULL;
}

/* ---- applying ---- */

static int compare(const struct value *x, const struct value *y, struct arena *a)
{
    struct decimal dx, dy;
    struct str sx = value_as_text(x, a), sy = value_as_text(y, a);

    if (x->kind != VALUE_JSON && y->kind != VALUE_JSON && decimal_parse(sx, &dx) && decimal_parse(sy, &dy))
        return decimal_cmp(&dx, &dy);
    return str_cmp(sx, sy);
}

static void write_extreme(struct work *k, const struct bucket *b, size_t column, bool greatest)
{
    const struct value *best = NULL;

    for (size_t i = 0; i < b->n; i++) {
        const struct value *v = &k->in->rows[b->rows[i]][column];

        if (value_is_null(v))
            continue;
        if (!best || (greatest ? compare(v, best, k->a) > 0 : compare(v, best, k->a) < 0))
            best = v;
    }
    if (best)
        value_write_json(best, &k->w);
    else
        json_out_null(&k->w);
}

static void write_list(struct work *k, const struct bucket *b, size_t column, bool distinct)
{
    struct buckets sets = rows_group(k->in, b, &column, distinct ? 1 : 0, k->a);

    json_out_begin(&k->w, '[');
    for (size_t i = 0; i < sets.n; i++) {
        const struct value *v = &k->in->rows[sets.at[i].rows[0]][column];

        if (v->kind != VALUE_MISSING)
            value_write_json(v, &k->w);
    }
    json_out_end(&k->w, ']');
}

static enum err write_mean(struct work *k, const struct total *t, struct errinfo *ei)
{
    struct decimal total, count, mean;
    char text[DECIMAL_TEXT];

    if (!t->n) {
        json_out_null(&k->w);
        return OK;
    }
    decimal_from_i64((int64_t)t->n, &count);
    if (!decimal_parse(value_str(&t->sum), &total) ||
        !decimal_div(&total, &count, total.scale + AVG_MORE_PLACES + 1, &mean) ||
        !decimal_round(&mean, total.scale + AVG_MORE_PLACES, &mean))
        return fail(ei, ERR_DATA, "a mean has too many digits");
    json_out_raw(&k->w, str_mk(text, decimal_print(&mean, text)));
    return OK;
}

static enum err write_rule(struct work *k, const struct rule *r, const struct bucket *b, size_t column,
                           struct errinfo *ei)
{
    struct total total;
    enum err e;

    json_out_key_str(&k->w, r->out);
    if (r->calculation <= AVG) {
        e = rows_sum(k->in, b, column, k->a, &total, ei);
        if (e)
            return e;
        if (r->calculation == AVG)
            return write_mean(k, &total, ei);
        value_write_json(&total.sum, &k->w);
    } else if (column == SIZE_MAX) {
        json_out_null(&k->w);
    } else if (r->calculation <= MAX) {
        write_extreme(k, b, column, r->calculation == MAX);
    } else if (r->calculation <= ADD_TO_SET) {
        write_list(k, b, column, r->calculation == ADD_TO_SET);
    } else {
        value_write_json(&k->in->rows[b->rows[r->calculation == FIRST ? 0 : b->n - 1]][column], &k->w);
    }
    return OK;
}

static enum err write_rules(struct work *k, const struct bucket *b, struct errinfo *ei)
{
    enum err e = OK;

    for (size_t i = 0; !e && i < k->g->n_rules; i++)
        e = write_rule(k, &k->g->rules[i], b, k->rules[i], ei);
    return e;
}

static enum err write_record(struct work *k, const struct bucket *header, const struct bucket *lines, size_t n,
                             struct errinfo *ei)
{
    enum err e = OK;

    json_out_begin(&k->w, '{');
    rows_write(k->in, header->rows[0], k->g->header, k->header, &k->w);
    if (!k->g->body.n) {
        e = write_rules(k, header, ei);
        json_out_end(&k->w, '}');
        return e;
    }
    json_out_key_str(&k->w, k->g->lines);
    json_out_begin(&k->w, '[');
    for (size_t i = 0; !e && i < n; i++) {
        json_out_begin(&k->w, '{');
        rows_write(k->in, lines[i].rows[0], k->g->body, k->body, &k->w);
        e = write_rules(k, &lines[i], ei);
        json_out_end(&k->w, '}');
    }
    json_out_end(&k->w, ']');
    json_out_end(&k->w, '}');
    return e;
}

static enum err write_records(struct work *k, const struct bucket *header, struct errinfo *ei)
{
    struct buckets lines = {0};
    size_t step = k->g->max_lines, from = 0;
    enum err e;

    if (k->g->body.n)
        lines = rows_group(k->in, header, k->body, k->g->body.n, k->a);
    if (!step || step > lines.n)
        step = lines.n;
    do {
        size_t n = lines.n - from < step ? lines.n - from : step;

        e = write_record(k, header, lines.n ? lines.at + from : header, n, ei);
        from += n;
    } while (!e && from < lines.n);
    return e;
}

enum err group_apply(const struct group *g, const struct named_rows *in, struct arena *a, struct buf *out,
                     struct errinfo *ei)
{
    struct work k = {.g = g, .in = in, .a = a, .w = json_out(out)};
    size_t *rules = ARENA_ARRAY(a, size_t, g->n_rules + 1);
    struct buckets headers;
    struct bucket all;
    enum err e = OK;

    for (size_t i = 0; i < g->n_rules; i++)
        rules[i] = rows_column(in, g->prefix, g->rules[i].field);
    k.header = rows_columns(in, g->prefix, g->header, a);
    k.body = rows_columns(in, g->prefix, g->body, a);
    k.rules = rules;
    all = rows_all(in, a);
    headers = rows_group(in, &all, k.header, g->header.n, a);
    json_out_begin(&k.w, '[');
    for (size_t i = 0; !e && i < headers.n; i++)
        e = write_records(&k, &headers.at[i], ei);
    json_out_end(&k.w, ']');
    return e;
}
