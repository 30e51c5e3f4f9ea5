/* Values that are containers: literal arrays and objects whose texts are templates, and fields with children.
 *
 * An array field with children names its source array in `value` (`items`, without braces); each element of that array
 * gives one object, in which
 * `{{items.x}}` is the element's x and everything else a field of the record. Without a `value` the array has one
 * element. An object field with children is one object. Children without a value, and those whose value is NULL, are
 * left out.
 *
 * The result is compact JSON text. Recursion follows the nesting of the document, which the reader bounds. */
#include "meta/brace.h"
#include "meta/column_impl.h"

struct tree {
    enum node_type type;
    struct str key;
    const struct tmpl *tmpl; /* NODE_STRING */
    struct value constant;   /* NODE_NULL, NODE_BOOL, NODE_NUMBER */
    const struct tree *child, *next;
};

/* A slot that means something else in each element of the array. */
struct element_slot {
    size_t slot, column; /* SLOT_FIELD `items.x`, SLOT_COLUMN `items.x` */
    struct str rest;     /* x */
};

struct children {
    const struct column **at;
    size_t n;
    bool array; /* [ … ]; otherwise one object */
    bool over;  /* once for each element of the source array */
    size_t array_slot;
    const struct slots *slots;
    struct element_slot *elements;
    size_t n_elements;
};

/* ---- literal containers ---- */

static struct tree *compile_node(struct compile *c, const struct node *n, int depth, bool *ret_ok)
{
    struct tree *t = ARENA_NEW(c->arena, struct tree);
    const struct tree **tail = &t->child;

    t->type = n->type;
    t->key = n->key;
    if (n->type == NODE_STRING) {
        t->tmpl = tmpl_compile(c, n->text, n->pos);
        *ret_ok &= t->tmpl != NULL;
        return t;
    }
    if (n->type != NODE_ARRAY && n->type != NODE_OBJECT) {
        t->constant = column_constant(c->arena, n);
        return t;
    }
    if (depth >= 64) {
        diags_add(c->diags, DIAG_ERROR, n->pos, "the value is nested too deep");
        *ret_ok = false;
        return t;
    }
    for (const struct node *e = n->child; e; e = e->next) {
        struct tree *child = compile_node(c, e, depth + 1, ret_ok);

        *tail = child;
        tail = &child->next;
    }
    return t;
}

const struct tree *tree_compile(struct compile *c, const struct node *n)
{
    bool ok = true;
    const struct tree *t = compile_node(c, n, 0, &ok);

    return ok ? t : NULL;
}

static enum err write_tree(const struct tree *t, struct env *env, struct json_out *w, struct errinfo *ei)
{
    struct value v = t->constant;
    enum err e = OK;
    char open = t->type == NODE_OBJECT ? '{' : '[';

    if (t->type == NODE_STRING)
        e = tmpl_eval(t->tmpl, env, &v, ei);
    if (e)
        return e;
    if (t->type != NODE_ARRAY && t->type != NODE_OBJECT) {
        value_write_json(&v, w);
        return OK;
    }
    json_out_begin(w, open);
    for (const struct tree *child = t->child; !e && child; child = child->next) {
        if (open == '{')
            json_out_key_str(w, child->key);
        e = write_tree(child, env, w, ei);
    }
    json_out_end(w, open == '{' ? '}' : ']');
    return e;
}

static enum err finish(enum err e, struct buf *b, struct arena *a, struct value *ret, struct errinfo *ei)
{
    struct str text = {0};

    if (e) {
        buf_free(b);
        return e;
    }
    e = cast_take(b, a, &text, ei);
    if (e == OK)
        *ret = value_json_text(text);
    return e;
}

enum err tree_eval(const struct tree *t, struct env *env, struct value *ret, struct errinfo *ei)
{
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES);
    struct json_out w = json_out(&b);

    return finish(write_tree(t, env, &w, ei), &b, env->arena, ret, ei);
}

/* ---- children ---- */

/* "items" of `items`, `{{items}}` or `{items}`; empty when it is neither. */
static struct str source_array(const struct node *value)
{
    struct str text = value && value->type == NODE_STRING ? str_trim(value->text) : (struct str){0};
    struct brace b;

    if (!text.n)
        return (struct str){0};
    if (brace_at(text, 0, &b))
        return b.end == text.n && !b.format.p ? b.name : (struct str){0};
    for (size_t i = 0; i < text.n; i++)
        if (strchr(" \t\n\r{}|'\"()", text.p[i]))
            return (struct str){0};
    return text;
}

static bool compile_source(struct compile *c, const struct meta_field *f, struct children *ch, struct str *ret_name)
{
    struct str name = source_array(f->value);

    if (!f->value || f->value->type == NODE_NULL || (f->value->type == NODE_STRING && !f->value->text.n))
        return true;
    if (!name.n) {
        diags_add(c->diags, DIAG_ERROR, f->value->pos,
                  "field \"" STR_FMT "\" has children, so its value is the name of an array of the record",
                  STR_ARG(f->field));
        diags_remedy(c->diags, "write the name without braces, and {{name.child}} in the children");
        return false;
    }
    if (!c->slots) {
        diags_add(c->diags, DIAG_ERROR, f->value->pos, "there is no record yet whose array \"" STR_FMT "\" it could be",
                  STR_ARG(name));
        return false;
    }
    ch->over = true;
    ch->array_slot = slots_add(c->slots, name, SLOT_FIELD);
    *ret_name = name;
    return true;
}

/* Every slot below the array's name, whoever asked for it. */
static void find_element_slots(struct compile *c, struct str name, struct children *ch)
{
    size_t n = slots_count(c->slots);

    ch->elements = ARENA_ARRAY(c->arena, struct element_slot, n);
    for (size_t i = 0; i < n; i++) {
        struct str slot = slots_name(c->slots, i), rest;

        if (slots_kind(c->slots, i) != SLOT_FIELD || slot.n <= name.n + 1 || !str_starts(slot, name) ||
            slot.p[name.n] != '.')
            continue;
        rest = arena_str(c->arena, str_sub(slot, name.n + 1, slot.n));
        slot = arena_str(c->arena, slot);
        ch->elements[ch->n_elements++] = (struct element_slot){i, slots_add(c->slots, slot, SLOT_COLUMN), rest};
    }
}

const struct children *children_compile(struct compile *c, const struct meta_field *f, const struct maps *maps,
                                        int depth)
{
    struct children *ch = ARENA_NEW(c->arena, struct children);
    struct str name = {0};
    bool ok;

    if (depth >= COLUMN_MAX_NESTING) {
        diags_add(c->diags, DIAG_ERROR, f->pos, "children are nested deeper than %d levels", COLUMN_MAX_NESTING);
        return NULL;
    }
    ch->array = f->type != CAST_OBJECT;
    ch->slots = c->slots;
    ch->at = ARENA_ARRAY(c->arena, const struct column *, f->n_children);
    ok = compile_source(c, f, ch, &name);
    for (size_t i = 0; i < f->n_children; i++) {
        const struct column *child = column_compile_at(c, &f->children[i], maps, depth + 1);

        ok &= child != NULL;
        ch->at[ch->n++] = child;
    }
    if (ok && ch->over)
        find_element_slots(c, name, ch);
    return ok ? ch : NULL;
}

static void write_typed(const struct column *c, const struct value *v, struct json_out *w)
{
    if (c->type == CAST_BOOL)
        json_out_bool(w, v->n == 1 && v->p[0] == '1');
    else
        value_write_json(v, w);
}

static enum err write_object(const struct children *ch, struct env *env, struct json_out *w, struct errinfo *ei)
{
    json_out_begin(w, '{');
    for (size_t i = 0; i < ch->n; i++) {
        struct value v;
        enum err e = column_value(ch->at[i], env, &v, ei);

        if (e)
            return e;
        if (v.kind == VALUE_NULL)
            continue;
        json_out_key_str(w, ch->at[i]->name);
        write_typed(ch->at[i], &v, w);
    }
    json_out_end(w, '}');
    return OK;
}

/* The values of element k in the place of the slots below the array. What the element itself lacks may be a field that
 * shaping added. */
static void set_element(const struct children *ch, const struct env *env, const struct json *element, size_t k,
                        struct value *slot)
{
    for (size_t i = 0; i < ch->n_elements; i++) {
        const struct element_slot *es = &ch->elements[i];
        const struct value *all = NULL;

        slot[es->slot] = value_of_json(json_path(element, es->rest));
        if (slot[es->slot].kind == VALUE_MISSING && env->column && env->column(env->column_ctx, es->column, &all) > k)
            slot[es->slot] = all[k];
    }
}

static enum err write_elements(const struct children *ch, struct env *env, const struct json *array, struct json_out *w,
                               struct errinfo *ei)
{
    size_t n = slots_count(ch->slots), k = 0;
    struct value *slot = ARENA_ARRAY(env->arena, struct value, n);
    struct env inner = *env;
    struct json_iter it = json_iter(array);
    const struct json *element;
    enum err e = OK;

    memcpy(slot, env->slot, n * sizeof *slot);
    inner.slot = slot;
    while (!e && (element = json_next(&it, NULL))) {
        set_element(ch, env, element, k, slot);
        e = write_object(ch, &inner, w, ei);
        if (e)
            err_prefix(ei, "element %zu", k);
        k++;
    }
    env->draws = inner.draws;
    return e;
}

static enum err write_children(const struct children *ch, struct env *env, struct json_out *w, struct errinfo *ei)
{
    const struct value *source = ch->over ? &env->slot[ch->array_slot] : NULL;
    enum err e;

    if (source && !value_is_empty(source) && (source->kind != VALUE_JSON || json_type(source->json) != JSON_ARRAY))
        return fail(ei, ERR_DATA, "%s is not an array", cast_shown(source, env->arena));
    if (ch->array)
        json_out_begin(w, '[');
    if (!source)
        e = write_object(ch, env, w, ei);
    else
        e = write_elements(ch, env, source->kind == VALUE_JSON ? source->json : NULL, w, ei);
    if (ch->array)
        json_out_end(w, ']');
    return e;
}

enum err children_eval(const struct children *ch, struct env *env, struct value *ret, struct errinfo *ei)
{
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES);
    struct json_out w = json_out(&b);

    return finish(write_children(ch, env, &w, ei), &b, env->arena, ret, ei);
}
