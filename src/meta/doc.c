/* Reading a document into `struct meta_doc`.
 *
 * conf_fill does the keys: unknown ones are warnings with the nearest known key. This file does what tables cannot say:
 * the two spellings of the direction, groups of field objects with their nesting (`children` inside, or `parent` naming
 * another field of the group), names that are given twice, the short form `body`. Templates are not compiled here: a
 * document that was read may still hold a wrong expression, which column_compile and request_compile find.
 *
 * Empty arrays, empty objects and null stand for "not given" wherever an object or a list is optional: exported
 * documents are full of them. */
#include "meta/cast.h"
#include "meta/doc_tables.h"

#include "base/map.h"
#include "base/num.h"

#define MAX_NESTING 16
#define MAX_FIELDS  5000

struct reader {
    struct arena *a;
    struct diags *diags;
    const char *group; /* for messages */
    bool columns;      /* names must be unique */
    bool auto_fill;    /* `_autoFillResponse` was seen */
};

struct flat { /* a group before `parent` is followed */
    struct meta_field *at;
    const struct node **parents;
    size_t n;
    bool *placed;
};

static bool is_absent(const struct node *n)
{
    return !n || n->type == NODE_NULL || ((n->type == NODE_ARRAY || n->type == NODE_OBJECT) && !n->child) ||
           (n->type == NODE_STRING && !n->text.n);
}

static struct str node_text(const struct node *n)
{
    return n && (n->type == NODE_STRING || n->type == NODE_NUMBER) ? n->text : (struct str){"", 0};
}

static bool fill(struct reader *r, const struct node *n, const struct doc_table *t, void *out)
{
    return conf_fill(n, t->specs, t->n, out, DIAG_WARNING, r->a, r->diags);
}

static bool wrong_type(struct reader *r, const struct node *n, const char *what, const char *want)
{
    diags_add(r->diags, DIAG_ERROR, n->pos, "%s is %s, not %s", what, node_type_name(n->type), want);
    return false;
}

/* ---- one field ---- */

static bool read_parser(struct reader *r, const struct node *n, struct meta_field *f)
{
    struct parser_raw raw = {0};

    if (is_absent(n))
        return true;
    if (n->type == NODE_STRING) {
        f->parser = n->text;
        return true;
    }
    if (n->type != NODE_OBJECT)
        return wrong_type(r, n, "`parser`", "an object");
    if (!fill(r, n, &doc_parser_keys, &raw))
        return false;
    f->parser = raw.name;
    f->parser_params = node_text(raw.params);
    return true;
}

/* One of two words. *ret_second: it is the second. */
static bool one_of(struct reader *r, const struct node *at, struct str word, const char *const names[2],
                   bool *ret_second)
{
    *ret_second = str_eq(word, str_of(names[1]));
    if (*ret_second || str_eq(word, str_of(names[0])))
        return true;
    diags_add(r->diags, DIAG_ERROR, at->pos, "\"" STR_FMT "\" is not known here", STR_ARG(word));
    diags_nearest(r->diags, str_nearest(word, names, 2));
    return false;
}

static bool read_mapping(struct reader *r, const struct node *n, struct meta_field *f)
{
    static const char *const directions[] = {"positive", "reverse"}, *const unmatched[] = {"keep", "error"};
    struct mapping_raw raw = {.direction = S("positive"), .unmatched = S("keep")};

    if (is_absent(n))
        return true;
    if (n->type != NODE_OBJECT)
        return wrong_type(r, n, "`mapping`", "an object");
    if (!fill(r, n, &doc_mapping_keys, &raw))
        return false;
    if (!one_of(r, n, raw.direction, directions, &f->map_reverse) ||
        !one_of(r, n, raw.unmatched, unmatched, &f->map_strict))
        return false;
    f->map_name = raw.target;
    f->map_default = raw.preset && raw.preset->type != NODE_NULL ? raw.preset : NULL;
    return true;
}

static bool read_type(struct reader *r, const struct node *n, struct str type, struct meta_field *f)
{
    static const char *const names[] = {"string", "int",       "float", "decimal", "bool",  "datetime",
                                        "date",   "timestamp", "json",  "array",   "object"};

    if (!type.n || cast_type_find(type, &f->type))
        return true;
    diags_add(r->diags, DIAG_ERROR, node_get(n, "type")->pos, "type \"" STR_FMT "\" is not known", STR_ARG(type));
    diags_nearest(r->diags, str_nearest(type, names, sizeof names / sizeof *names));
    diags_remedy(r->diags, "use string, int, float, decimal, bool, datetime, date, timestamp, json, array or object");
    return false;
}

/* ---- groups; a tree whose depth is bounded by the parser of the file, and by MAX_NESTING ---- */

/* Everything but the children. */
static bool read_field(struct reader *r, const struct node *n, struct meta_field *f, const struct node **ret_parent,
                       const struct node **ret_children)
{
    struct field_raw raw = {0};
    bool ok;

    *f = (struct meta_field){.pos = n->pos, .type = CAST_STRING};
    if (n->type != NODE_OBJECT)
        return wrong_type(r, n, "an element of a group of fields", "an object");
    if (!fill(r, n, &doc_field_keys, &raw))
        return false;
    f->field = raw.field;
    f->label = node_text(raw.label);
    f->value = raw.value;
    f->preset = raw.preset && raw.preset->type != NODE_NULL ? raw.preset : NULL;
    f->required = raw.required;
    *ret_parent = is_absent(raw.parent) ? NULL : raw.parent;
    *ret_children = raw.children;
    ok = read_type(r, n, raw.type, f);
    ok &= read_parser(r, raw.parser, f);
    ok &= read_mapping(r, raw.mapping, f);
    if (raw.field.n)
        return ok;
    diags_add(r->diags, DIAG_ERROR, n->pos, "`field` is empty");
    return false;
}

static bool name_twice(struct reader *r, struct meta_fields group)
{
    struct map *seen = map_new();
    bool ok = true;

    for (size_t i = 0; i < group.n; i++) {
        size_t first = map_get(seen, group.at[i].field);

        if (first == MAP_NONE) {
            map_put(seen, group.at[i].field, i);
            continue;
        }
        diags_add(r->diags, r->columns ? DIAG_ERROR : DIAG_WARNING, group.at[i].pos,
                  "field \"" STR_FMT "\" of %s was given in line %u already", STR_ARG(group.at[i].field), r->group,
                  group.at[first].pos.line);
        diags_remedy(r->diags, "remove one of the two");
        ok &= !r->columns;
    }
    map_free(seen);
    return ok;
}

static size_t parent_index(const struct flat *g, size_t i, struct str inside)
{
    struct str name = g->parents[i] ? node_text(g->parents[i]) : (struct str){0};

    if (!name.n || str_eq(name, inside))
        return SIZE_MAX;
    for (size_t k = 0; k < g->n; k++)
        if (str_eq(g->at[k].field, name))
            return k;
    return SIZE_MAX;
}

/* Appends to field i's children those of the group that name it as their parent; deeper ones first. */
static void adopt(struct reader *r, struct flat *g, size_t i, struct str inside, int depth)
{
    struct meta_field *children;
    size_t n = g->at[i].n_children, own = n;

    g->placed[i] = true;
    for (size_t k = 0; k < g->n; k++)
        n += k != i && parent_index(g, k, inside) == i;
    if (n == own || depth >= MAX_NESTING)
        return;
    children = ARENA_ARRAY(r->a, struct meta_field, n);
    if (own)
        memcpy(children, g->at[i].children, own * sizeof *children);
    n = own;
    for (size_t k = 0; k < g->n; k++)
        if (k != i && parent_index(g, k, inside) == i) {
            adopt(r, g, k, inside, depth + 1);
            children[n++] = g->at[k];
        }
    g->at[i].children = children;
    g->at[i].n_children = n;
}

static bool follow_parents(struct reader *r, struct flat *g, struct str inside, int depth)
{
    struct meta_field *kept = ARENA_ARRAY(r->a, struct meta_field, g->n);
    size_t n = 0;
    bool ok = true;

    for (size_t i = 0; i < g->n; i++) {
        struct str name = g->parents[i] ? node_text(g->parents[i]) : (struct str){0};

        if (name.n && !str_eq(name, inside) && parent_index(g, i, inside) == SIZE_MAX) {
            diags_add(r->diags, DIAG_ERROR, g->parents[i]->pos, "the parent \"" STR_FMT "\" is no field of %s",
                      STR_ARG(name), r->group);
            g->placed[i] = true;
            ok = false;
        } else if (parent_index(g, i, inside) == SIZE_MAX) {
            adopt(r, g, i, inside, depth);
            kept[n++] = g->at[i];
        }
    }
    for (size_t i = 0; ok && i < g->n; i++)
        if (!g->placed[i]) {
            diags_add(r->diags, DIAG_ERROR, g->at[i].pos, "the parents of \"" STR_FMT "\" go in a circle or too deep",
                      STR_ARG(g->at[i].field));
            ok = false;
        }
    g->at = kept;
    g->n = n;
    return ok;
}

static bool is_auto_fill(const struct node *n)
{
    if (n->type == NODE_OBJECT) {
        const struct node *field = node_get(n, "field"), *value = node_get(n, "value");

        return str_eq(node_text(field), S("_autoFillResponse")) || str_eq(node_text(value), S("_autoFillResponse"));
    }
    return str_eq(node_text(n), S("_autoFillResponse"));
}

static bool group_is_list(struct reader *r, const struct node *n, int depth)
{
    if (n->type != NODE_ARRAY)
        return wrong_type(r, n, r->group, "an array of field objects");
    if (depth > MAX_NESTING) {
        diags_add(r->diags, DIAG_ERROR, n->pos, "children are nested deeper than %d levels", MAX_NESTING);
        return false;
    }
    if (n->n_children > MAX_FIELDS) {
        diags_add(r->diags, DIAG_ERROR, n->pos, "%s has more than %d fields", r->group, MAX_FIELDS);
        return false;
    }
    return true;
}

static bool read_group(struct reader *r, const struct node *n, struct str inside, int depth, struct meta_fields *ret)
{
    struct flat g = {0};
    bool ok = true, parents = false;

    *ret = (struct meta_fields){0};
    if (is_absent(n))
        return true;
    if (!group_is_list(r, n, depth))
        return false;
    g.at = ARENA_ARRAY(r->a, struct meta_field, n->n_children);
    g.parents = ARENA_ARRAY(r->a, const struct node *, n->n_children);
    g.placed = ARENA_ARRAY(r->a, bool, n->n_children);
    for (const struct node *e = n->child; e; e = e->next) {
        struct meta_field *f = &g.at[g.n];
        const struct node *children = NULL;
        struct meta_fields inner;

        if (is_auto_fill(e)) {
            r->auto_fill = true;
            continue;
        }
        ok &= read_field(r, e, f, &g.parents[g.n], &children);
        ok &= read_group(r, children, f->field, depth + 1, &inner);
        f->children = inner.at;
        f->n_children = inner.n;
        parents |= g.parents[g.n++] != NULL;
    }
    if (ok && parents)
        ok = follow_parents(r, &g, inside, depth);
    *ret = (struct meta_fields){g.at, g.n};
    return ok && name_twice(r, *ret);
}

static bool read_named(struct reader *r, const struct node *n, const char *group, bool columns, struct meta_fields *ret)
{
    r->group = group;
    r->columns = columns;
    return read_group(r, n, (struct str){"", 0}, 0, ret);
}

/* `body`: members are fields of otherRequest; one that stands there already wins. */
static bool read_body(struct reader *r, const struct node *body, struct meta_fields *other)
{
    struct meta_field *at;
    size_t n = other->n;

    if (is_absent(body))
        return true;
    if (body->type != NODE_OBJECT)
        return wrong_type(r, body, "`body`", "an object");
    at = ARENA_ARRAY(r->a, struct meta_field, n + body->n_children);
    if (n)
        memcpy(at, other->at, n * sizeof *at);
    for (const struct node *m = body->child; m; m = m->next) {
        bool known = false;

        for (size_t i = 0; i < n; i++)
            known |= str_eq(at[i].field, m->key);
        if (!known)
            at[n++] = (struct meta_field){.field = m->key, .pos = m->key_pos, .value = m, .label = {"", 0}};
    }
    *other = (struct meta_fields){at, n};
    return true;
}

/* ---- the document ---- */

static bool check_side(struct reader *r, const struct node *root, const struct doc_raw *raw, enum side side)
{
    int effect = raw->effect >= 0 ? raw->effect : raw->type;
    const struct node *at = node_get(root, raw->effect >= 0 ? "effect" : "type");

    if (effect < 0)
        return true;
    if (raw->effect >= 0 && raw->type >= 0 && (raw->effect == 0) != (raw->type == 0))
        diags_add(r->diags, DIAG_WARNING, node_get(root, "type")->pos,
                  "`type` says %s and `effect` %s; `effect` counts", doc_effects[raw->type], doc_effects[raw->effect]);
    if ((effect == 0) == (side == SIDE_SOURCE))
        return true;
    diags_add(r->diags, DIAG_ERROR, at->pos, "this is a document of the %s side (%s), and the %s side is expected here",
              side == SIDE_SOURCE ? "target" : "source", doc_effects[effect],
              side == SIDE_SOURCE ? "source" : "target");
    diags_remedy(r->diags, "look whether the two documents were exchanged");
    return false;
}

static void check_method(struct reader *r, const struct node *root, struct str method)
{
    static const char *const methods[] = {"POST", "GET", "PUT", "DELETE", "SQL"};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (!method.n || str_eq_nocase(method, str_of(methods[i])))
            return;
    diags_add(r->diags, DIAG_WARNING, node_get(root, "method")->pos, "method \"" STR_FMT "\" is not known",
              STR_ARG(method));
    diags_nearest(r->diags, str_nearest(method, methods, sizeof methods / sizeof *methods));
}

/* Keys that mean something on the other side only. */
static void check_other_side(struct reader *r, const struct node *root, enum side side)
{
    struct doc_table here = doc_keys(side), there = doc_keys(side == SIDE_SOURCE ? SIDE_TARGET : SIDE_SOURCE);

    for (size_t i = 0; i < here.n; i++) {
        const struct node *n = node_get(root, here.specs[i].name);

        if (n && here.specs[i].type == FIELD_IGNORED && there.specs[i].type != FIELD_IGNORED && !is_absent(n))
            diags_add(r->diags, DIAG_WARNING, n->key_pos, "\"%s\" has a meaning in the %s document only",
                      here.specs[i].name, side == SIDE_SOURCE ? "target" : "source");
    }
}

static bool read_pagination(struct reader *r, const struct node *n, int64_t *ret)
{
    struct pagination_raw raw = {0};
    int64_t size;

    if (is_absent(n))
        return true;
    if (n->type != NODE_OBJECT)
        return wrong_type(r, n, "`pagination`", "an object");
    if (!fill(r, n, &doc_pagination_keys, &raw) || is_absent(raw.page_size))
        return diags_count(r->diags, DIAG_ERROR) == 0;
    if (!num_i64(node_text(raw.page_size), &size) || size < 1 || size > 100000) {
        diags_add(r->diags, DIAG_ERROR, raw.page_size->pos, "pageSize is not a number from 1 to 100000");
        return false;
    }
    *ret = size;
    return true;
}

static bool read_remedy(struct reader *r, const struct node *n, struct meta_doc *d)
{
    struct remedy_raw raw = {0};

    if (is_absent(n))
        return true;
    if (n->type != NODE_OBJECT)
        return wrong_type(r, n, "`omissionRemedy`", "an object");
    if (!fill(r, n, &doc_remedy_keys, &raw))
        return false;
    d->omission_remedy = n;
    d->remedy_crontab = raw.crontab;
    return read_named(r, raw.take_over, "takeOverRequest", true, &d->take_over);
}

static bool read_groups(struct reader *r, const struct doc_raw *raw, struct meta_doc *d)
{
    bool ok = read_named(r, raw->request, "request", true, &d->request);

    ok &= read_named(r, raw->other_request, "otherRequest", true, &d->other_request);
    ok &= read_body(r, raw->body, &d->other_request);
    ok &= read_named(r, raw->response, "response", false, &d->response);
    ok &= read_named(r, raw->other_response, "otherResponse", false, &d->other_response);
    d->auto_fill_response = raw->auto_fill_response || r->auto_fill;
    ok &= read_pagination(r, raw->pagination, &d->page_size);
    return read_remedy(r, raw->omission_remedy, d) && ok;
}

static void keep_nodes(const struct doc_raw *raw, struct meta_doc *d)
{
    d->condition = is_absent(raw->condition) ? NULL : raw->condition;
    d->allocate = is_absent(raw->allocate) ? NULL : raw->allocate;
    d->format_response = is_absent(raw->format_response) ? NULL : raw->format_response;
    d->operation = is_absent(raw->operation) ? NULL : raw->operation;
    d->group_calculate = is_absent(raw->group_calculate) ? NULL : raw->group_calculate;
}

const struct meta_doc *meta_read(struct arena *a, const struct node *root, enum side side, struct diags *diags)
{
    struct reader r = {.a = a, .diags = diags};
    struct doc_raw raw = {.effect = -1, .type = -1};
    struct doc_table keys = doc_keys(side);
    struct meta_doc *d = ARENA_NEW(a, struct meta_doc);
    const struct node *id;
    bool ok;

    if (root->type != NODE_OBJECT) {
        diags_add(diags, DIAG_ERROR, root->pos, "the document is %s, not an object", node_type_name(root->type));
        return NULL;
    }
    ok = conf_fill(root, keys.specs, keys.n, &raw, DIAG_WARNING, a, diags);
    ok &= check_side(&r, root, &raw, side);
    check_method(&r, root, raw.method);
    check_other_side(&r, root, side);
    id = node_get(root, "id");
    *d = (struct meta_doc){.side = side,
                           .file = root->pos.file,
                           .pos = root->pos,
                           .api = raw.api,
                           .method = raw.method,
                           .id = raw.id,
                           .number = raw.number,
                           .name = raw.name,
                           .id_pos = id ? id->pos : root->pos,
                           .beat_flat = raw.beat_flat,
                           .table = raw.table};
    d->id_check = node_get(root, "idCheck") ? raw.id_check : -1;
    ok &= read_groups(&r, &raw, d);
    keep_nodes(&raw, d);
    return ok ? d : NULL;
}

const struct meta_field *meta_find(struct meta_fields group, const char *field)
{
    for (size_t i = 0; i < group.n; i++)
        if (str_eq(group.at[i].field, str_of(field)))
            return &group.at[i];
    return NULL;
}

struct str meta_text(const struct meta_field *f)
{
    return f ? node_text(f->value) : (struct str){"", 0};
}
