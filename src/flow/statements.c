/* batchexecute: the columns of main_sql are filled by request[] in order, or by the VALUES tuple when it is written out
 * (then each {placeholder} of it is a bind). execute: main_sql's :names are children of main_params, extend_sql_n's are
 * children of extend_params_n, whose own value names the array that it runs over.
 *
 * A bind named lastInsertId is filled by the sink; its cell is NULL here. */
#include "flow/statements.h"

#include "base/num.h"

#include <stdio.h>

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX     100000

static const struct column *compile_text(struct flow *f, struct compile *c, struct str name, struct str text,
                                         struct pos pos)
{
    struct meta_field *field = ARENA_NEW(f->arena, struct meta_field);
    struct node *value = ARENA_NEW(f->arena, struct node);

    *value = (struct node){.type = text.p ? NODE_STRING : NODE_NULL, .text = text, .pos = pos};
    *field = (struct meta_field){.field = name, .type = CAST_STRING, .value = value, .pos = pos};
    return column_compile(c, field, f->project->maps);
}

static const struct meta_field *other(const struct flow *f, const char *name)
{
    return meta_find(f->integration->target_doc->other_request, name);
}

static struct sql_text sql_text(const struct meta_field *sql, const struct meta_doc *doc)
{
    return (struct sql_text){meta_text(sql), sql ? sql->pos : doc->pos};
}

/* Columns named by request[], in order. */
static bool bind_request(struct flow *f, struct compile *c, struct meta_fields fields, size_t statement,
                         struct bound *ret)
{
    bool ok = true;

    ret->columns[statement] = ARENA_ARRAY(f->arena, const struct column *, fields.n);
    ret->n_columns[statement] = fields.n;
    for (size_t i = 0; i < fields.n; i++) {
        ret->columns[statement][i] = column_compile(c, &fields.at[i], f->project->maps);
        ok &= ret->columns[statement][i] != NULL;
    }
    return ok;
}

/* Columns by the tuple written out after VALUES. */
static bool bind_tuple(struct flow *f, struct compile *c, struct bound *ret)
{
    const struct statement *s = &f->statements[0];
    size_t n = 0, k = 0;
    bool ok = true;

    for (size_t i = 0; i < s->columns.n; i++)
        n += s->values[i].templates.n;
    ret->columns[0] = ARENA_ARRAY(f->arena, const struct column *, n);
    ret->n_columns[0] = n;
    for (size_t i = 0; i < s->columns.n; i++)
        for (size_t t = 0; t < s->values[i].templates.n; t++) {
            ret->columns[0][k] = compile_text(f, c, s->columns.at[i], s->values[i].templates.at[t], s->pos);
            ok &= ret->columns[0][k++] != NULL;
        }
    return ok;
}

static bool compile_batch(struct flow *f, struct compile *c, struct bound *ret)
{
    const struct meta_doc *doc = f->integration->target_doc;
    const struct meta_field *sql = other(f, "main_sql");
    struct str *names = ARENA_ARRAY(f->arena, struct str, doc->request.n);
    struct strs columns = {names, doc->request.n};
    const struct statement *s;

    for (size_t i = 0; i < doc->request.n; i++)
        names[i] = doc->request.at[i].field;
    s = statement_batch(f->arena, sql_text(sql, doc), doc->table, &columns, c->diags);
    if (!s)
        return false;
    f->statements[0] = *s;
    f->n_statements = 1;
    return s->values ? bind_tuple(f, c, ret) : bind_request(f, c, doc->request, 0, ret);
}

/* Binds of an execute statement, from the children of its params field. */
static bool bind_params(struct flow *f, struct compile *c, const struct meta_field *params, size_t statement,
                        struct bound *ret)
{
    const struct statement *s = &f->statements[statement];
    bool ok = true;

    ret->columns[statement] = ARENA_ARRAY(f->arena, const struct column *, s->binds.n);
    ret->n_columns[statement] = s->binds.n;
    for (size_t i = 0; i < s->binds.n; i++) {
        const struct column *col = NULL;

        for (size_t k = 0; params && k < params->n_children; k++)
            if (str_eq(params->children[k].field, s->binds.at[i]))
                col = column_compile(c, &params->children[k], f->project->maps);
        if (str_eq(s->binds.at[i], S("lastInsertId")))
            col = compile_text(f, c, s->binds.at[i], (struct str){0}, s->pos);
        ret->columns[statement][i] = col;
        ok &= col != NULL;
    }
    return ok;
}

static bool compile_one(struct flow *f, struct compile *c, const char *sql_name, const char *params_name,
                        struct bound *ret)
{
    const struct meta_doc *doc = f->integration->target_doc;
    const struct meta_field *sql = other(f, sql_name), *params = meta_find(doc->request, params_name);
    size_t at = f->n_statements, n = params ? params->n_children : 0;
    struct str *names = ARENA_ARRAY(f->arena, struct str, n + 1);
    struct strs known = {names, n};
    const struct statement *s;

    for (size_t i = 0; i < n; i++)
        names[i] = params->children[i].field;
    s = statement_execute(f->arena, sql_text(sql, doc), &known, c->diags);
    if (!s)
        return false;
    f->statements[at] = *s;
    f->n_statements++;
    if (at > 0 && params && params->value && params->value->type == NODE_STRING)
        ret->arrays[at] = params->value->text;
    if (at > 0 && !ret->arrays[at].n) {
        diags_add(c->diags, DIAG_ERROR, params ? params->pos : doc->pos, "%s does not say which array %s runs over",
                  params_name, sql_name);
        diags_remedy(c->diags, "give %s a `value` with the array's name, as in \"items\"", params_name);
        return false;
    }
    return bind_params(f, c, params, at, ret);
}

static bool compile_execute(struct flow *f, struct compile *c, struct bound *ret)
{
    bool ok = compile_one(f, c, "main_sql", "main_params", ret);
    char sql[32], params[32];

    for (int i = 1; i <= 9 && ok; i++) {
        snprintf(sql, sizeof sql, "extend_sql_%d", i);
        snprintf(params, sizeof params, "extend_params_%d", i);
        if (meta_text(other(f, sql)).n)
            ok = compile_one(f, c, sql, params, ret);
    }
    return ok;
}

/* `id` of the target document: the name of a column of request[], else a field, path or template of the record. */
static void find_id_column(struct flow *f, struct bound *ret)
{
    const struct meta_doc *doc = f->integration->target_doc;

    ret->id_column = -1;
    for (size_t i = 0; i < ret->n_columns[0]; i++)
        if (doc->id.n && str_eq(column_name(ret->columns[0][i]), doc->id)) {
            ret->id_column = (int)i;
            f->id_column = doc->id;
        }
}

static bool set_limit(struct flow *f, struct compile *c)
{
    const struct meta_field *field = other(f, "limit");
    struct str text = meta_text(field);
    int64_t limit = LIMIT_DEFAULT;

    if (text.n && (!num_i64(text, &limit) || limit < 1 || limit > LIMIT_MAX)) {
        diags_add(c->diags, DIAG_ERROR, field->pos, "limit is \"" STR_FMT "\"", STR_ARG(text));
        diags_remedy(c->diags, "rows a transaction: a whole number from 1 to %d", LIMIT_MAX);
        return false;
    }
    f->sink_spec.limit = (size_t)limit;
    return true;
}

bool statements_compile(struct flow *f, struct compile *c, struct bound *ret)
{
    const struct meta_doc *doc = f->integration->target_doc;
    bool execute = str_eq(doc->api, S("execute"));
    bool ok;

    if (!execute && !str_eq(doc->api, S("batchexecute"))) {
        diags_add(c->diags, DIAG_ERROR, doc->pos, "api \"" STR_FMT "\" cannot be written to by " STR_FMT,
                  STR_ARG(doc->api), STR_ARG(connector_name(f->integration->target->connector)));
        diags_remedy(
            c->diags,
            "databases take \"batchexecute\" (many rows a transaction) and \"execute\" (one record a transaction)");
        return false;
    }
    ok = execute ? compile_execute(f, c, ret) : compile_batch(f, c, ret);
    if (!ok)
        return false;
    find_id_column(f, ret);
    f->sink_spec.one_record_each = execute;
    return set_limit(f, c);
}
