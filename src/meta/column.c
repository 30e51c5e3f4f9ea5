/* Columns: one value worked out for each row or call.
 *
 *   template, lookup, function → mapping → default when empty → parser → required? → cast
 *
 * A column is compiled into where its value comes from and what is done with it. The usual one copies a slot and does
 * nothing; it is asked for by column_is_plain_text and never evaluated at all. Values that are containers travel as
 * JSON text with a mark (cast.h); column_eval takes the mark off. */
#include "meta/column_impl.h"

struct value column_constant(struct arena *a, const struct node *n)
{
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES);
    struct str text = {0};

    if (n->type == NODE_NULL)
        return value_null();
    if (n->type == NODE_BOOL)
        return value_bool(n->truth);
    if (n->type == NODE_STRING)
        return value_text(n->text);
    node_write(n, &b);
    if (cast_take(&b, a, &text, NULL) != OK)
        return value_null();
    return n->type == NODE_NUMBER ? value_number(text) : value_json_text(text);
}

/* ---- compiling ---- */

static bool compile_value(struct compile *c, const struct meta_field *f, struct column *col)
{
    const struct node *n = f->value;
    bool container = n->type == NODE_ARRAY || n->type == NODE_OBJECT;

    if (n->type == NODE_NULL)
        return true;
    if (container) {
        col->tree = tree_compile(c, n);
        col->origin = FROM_TREE;
        return col->tree != NULL;
    }
    if (n->type != NODE_STRING) {
        col->constant = column_constant(c->arena, n);
        col->origin = FROM_CONSTANT;
        return true;
    }
    col->tmpl = tmpl_compile(c, n->text, n->pos);
    if (!col->tmpl)
        return false;
    col->origin = tmpl_is_slot(col->tmpl, &col->slot) ? FROM_SLOT : FROM_TEMPLATE;
    return true;
}

static bool compile_preset(struct compile *c, const struct node *n, struct column *col)
{
    if (!n)
        return true;
    col->has_preset = true;
    if (n->type != NODE_STRING) {
        col->preset_value = column_constant(c->arena, n);
        return true;
    }
    col->preset = tmpl_compile(c, n->text, n->pos);
    return col->preset != NULL;
}

static bool compile_map(struct compile *c, const struct meta_field *f, const struct maps *maps, struct column *col)
{
    const char *nearest;

    if (!f->map_name.n)
        return true;
    col->map = maps_find(maps, f->map_name, &nearest);
    if (!col->map) {
        diags_add(c->diags, DIAG_ERROR, f->pos, "map \"" STR_FMT "\" of field \"" STR_FMT "\" is not in the project",
                  STR_ARG(f->map_name), STR_ARG(f->field));
        diags_nearest(c->diags, nearest);
        diags_remedy(c->diags, "write it as maps/" STR_FMT ".json: rows with a_value and b_value",
                     STR_ARG(f->map_name));
        return false;
    }
    col->map_reverse = f->map_reverse;
    col->map_strict = f->map_strict;
    col->map_has_default = f->map_default != NULL;
    if (f->map_default)
        col->map_default = column_constant(c->arena, f->map_default);
    return true;
}

const struct column *column_compile_at(struct compile *c, const struct meta_field *f, const struct maps *maps,
                                       int depth)
{
    struct column *col = ARENA_NEW(c->arena, struct column);
    bool ok = true;

    col->name = f->field;
    col->type = f->type;
    col->required = f->required;
    if (f->n_children) {
        col->children = children_compile(c, f, maps, depth);
        col->origin = FROM_CHILDREN;
        ok = col->children != NULL;
    } else if (f->value) {
        ok = compile_value(c, f, col);
    }
    ok &= compile_preset(c, f->preset, col);
    ok &= compile_map(c, f, maps, col);
    if (f->parser.n) {
        col->parser = parser_compile(c->arena, f, c->diags);
        ok &= col->parser != NULL;
    }
    return ok ? col : NULL;
}

const struct column *column_compile(struct compile *c, const struct meta_field *f, const struct maps *maps)
{
    return column_compile_at(c, f, maps, 0);
}

/* ---- evaluating ---- */

static enum err original(const struct column *c, struct env *env, struct value *ret, struct errinfo *ei)
{
    switch (c->origin) {
    case FROM_SLOT:
        *ret = env->slot[c->slot];
        return OK;
    case FROM_TEMPLATE:
        return tmpl_eval(c->tmpl, env, ret, ei);
    case FROM_CONSTANT:
        *ret = c->constant;
        return OK;
    case FROM_TREE:
        return tree_eval(c->tree, env, ret, ei);
    case FROM_CHILDREN:
        return children_eval(c->children, env, ret, ei);
    case FROM_NOTHING:
        break;
    }
    *ret = value_null();
    return OK;
}

static enum err mapped(const struct column *c, struct arena *a, struct value *v, struct errinfo *ei)
{
    struct str key = value_as_text(v, a);

    if (!key.p)
        key = S("");
    if (map_lookup(c->map, c->map_reverse, key, v))
        return OK;
    if (c->map_has_default && !value_is_empty(v))
        *v = c->map_default;
    else if (c->map_strict && !value_is_empty(v))
        return fail(ei, ERR_DATA, "%s is not in the map", cast_shown(v, a));
    return OK;
}

static enum err preset(const struct column *c, struct env *env, struct value *v, struct errinfo *ei)
{
    if (c->preset)
        return tmpl_eval(c->preset, env, v, ei);
    *v = c->preset_value;
    return OK;
}

static enum err worked_out(const struct column *c, struct env *env, struct value *ret, struct errinfo *ei)
{
    struct value v = value_null();
    enum err e = original(c, env, &v, ei);

    if (!e && c->map)
        e = mapped(c, env->arena, &v, ei);
    if (!e && c->has_preset && value_is_empty(&v))
        e = preset(c, env, &v, ei);
    if (!e && c->parser && !value_is_empty(&v))
        e = parser_apply(c->parser, &v, env->arena, &v, ei);
    if (e)
        return e;
    if (c->required && value_is_empty(&v))
        return fail(ei, ERR_DATA, "it is required, and its value is %s",
                    v.kind == VALUE_MISSING ? "missing in the record"
                    : v.kind == VALUE_NULL  ? "null"
                                            : "empty");
    return cast_value(c->type, &v, env->sys->zone, env->arena, ret, ei);
}

enum err column_value(const struct column *c, struct env *env, struct value *ret, struct errinfo *ei)
{
    enum err e = worked_out(c, env, ret, ei);

    if (e)
        err_prefix(ei, "field \"" STR_FMT "\"", STR_ARG(c->name));
    return e;
}

enum err column_eval(const struct column *c, struct env *env, struct value *ret, struct errinfo *ei)
{
    enum err e = column_value(c, env, ret, ei);

    if (e == OK)
        ret->truth = false;
    return e;
}

struct str column_name(const struct column *c)
{
    return c->name;
}
enum cast_type column_type(const struct column *c)
{
    return c->type;
}
const struct tmpl *column_tmpl(const struct column *c)
{
    return c->tmpl;
}

bool column_is_plain_text(const struct column *c, size_t *ret_slot)
{
    if (c->origin != FROM_SLOT || c->type != CAST_STRING || c->has_preset || c->required || c->map || c->parser)
        return false;
    *ret_slot = c->slot;
    return true;
}
