/* From a connector document to the model: the options and the story of the whole. The call (request, clock, sign) is
 * read in connector_read_call.c, replies and codes in connector_read_reply.c, interfaces in connector_read_iface.c.
 *
 * Members and types come from the tables of connector_tables.c; here and in those files stands what must hold between
 * members: what is named must be declared, names are unique, a signed API has a secret, a paged one a page parameter.
 * Everything that is wrong is reported in one pass, with its place in the file.
 *
 * It opens no files and knows no folders: the caller brings the tree. Nothing is freed alone; all lives in the
 * caller's arena. */
#include "connector/connector_reader.h"

#include "base/map.h"
#include "base/num.h"

#define ELEMENTS_MAX 20000
#define OPTIONS_MAX  64

void reader_object(struct reader *r, const struct node *n, const struct table *t, void *out)
{
    if (!n)
        return;
    if (n->type != NODE_OBJECT) {
        READER_BAD(r, n, "an object is expected here, not %s", node_type_name(n->type));
        return;
    }
    if (!conf_fill(n, t->specs, t->n, out, DIAG_ERROR, r->arena, r->diags))
        r->failed = true;
}

bool reader_takes(struct reader *r, const struct node *n, size_t n_elements)
{
    if (n_elements > ELEMENTS_MAX - r->taken) {
        READER_BAD(r, n, "a connector's lists have at most %d elements together", ELEMENTS_MAX);
        return false;
    }
    r->taken += n_elements;
    return true;
}

const struct node *reader_first(const struct node *list)
{
    if (!list)
        return NULL;
    return list->type == NODE_ARRAY ? list->child : list;
}

void *reader_list(struct reader *r, const struct node *list, const struct list_of *of, size_t *ret_n)
{
    bool lone = of->lone && list && list->type == NODE_OBJECT;
    char *at, *element;

    *ret_n = 0;
    if (!list)
        return NULL;
    if (list->type != NODE_ARRAY && !lone) {
        READER_BAD(r, list, "a list of objects is expected here, not %s", node_type_name(list->type));
        return NULL;
    }
    if (!reader_takes(r, list, lone ? 1 : list->n_children))
        return NULL;
    *ret_n = lone ? 1 : list->n_children;
    at = element = ARENA_ARRAY(r->arena, char, *ret_n * of->size + 1);
    for (const struct node *n = reader_first(list); n; n = lone ? NULL : n->next) {
        if (of->preset)
            memcpy(element, of->preset, of->size);
        reader_object(r, n, of->table, element);
        element += of->size;
    }
    return at;
}

static bool is_scalar(const struct node *n)
{
    return n->type == NODE_STRING || n->type == NODE_NUMBER || n->type == NODE_BOOL;
}

static struct str scalar_text(const struct node *n)
{
    if (n->type == NODE_BOOL)
        return n->truth ? S("true") : S("false");
    return n->text;
}

struct strs reader_texts(struct reader *r, const struct node *n)
{
    struct strs texts = {0};
    struct str *at;

    if (!n)
        return texts;
    if (n->type != NODE_ARRAY && !is_scalar(n)) {
        READER_BAD(r, n, "a value or a list of values is expected here, not %s", node_type_name(n->type));
        return texts;
    }
    if (!reader_takes(r, n, n->type == NODE_ARRAY ? n->n_children : 1))
        return texts;
    at = ARENA_ARRAY(r->arena, struct str, n->type == NODE_ARRAY ? n->n_children : 1);
    texts.at = at;
    for (const struct node *e = reader_first(n); e; e = n->type == NODE_ARRAY ? e->next : NULL) {
        if (is_scalar(e))
            at[texts.n++] = scalar_text(e);
        else
            READER_BAD(r, e, "a text, a number or a boolean is expected here, not %s", node_type_name(e->type));
    }
    return texts;
}

void reader_unique(struct reader *r, const struct node *list, const struct str *at, size_t n, size_t stride)
{
    struct map *seen = map_new();
    const struct node *node = reader_first(list);

    for (size_t i = 0; i < n && node; i++, node = node->next) {
        const struct str *name = (const struct str *)((const char *)at + i * stride);

        if (name->n && !map_put(seen, *name, i))
            READER_BAD(r, node, "\"" STR_FMT "\" stands here twice", STR_ARG(*name));
    }
    map_free(seen);
}

size_t reader_option(struct reader *r, const struct node *n, struct str name)
{
    const struct connector *c = r->c;
    const char **names;

    for (size_t i = 0; i < c->n_options; i++) {
        if (str_eq(c->options[i].name, name))
            return i;
    }
    READER_BAD(r, n, "there is no option \"" STR_FMT "\"", STR_ARG(name));
    names = ARENA_ARRAY(r->arena, const char *, c->n_options + 1);
    for (size_t i = 0; i < c->n_options; i++)
        names[i] = arena_cstr(r->arena, c->options[i].name);
    diags_nearest(r->diags, str_nearest(name, names, c->n_options));
    return SIZE_MAX;
}

/* Names end up in documents, file names and messages. */
static bool name_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char b = s.p[i];
        bool letter = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9');

        if (!letter && b != '-' && b != '_')
            return false;
    }
    return s.n > 0 && s.n <= 64;
}

static bool is_one_of(struct strs list, struct str s)
{
    for (size_t i = 0; i < list.n; i++) {
        if (str_eq(list.at[i], s))
            return true;
    }
    return list.n == 0;
}

static void read_options(struct reader *r, const struct node *list)
{
    const struct list_of of = {.table = &table_option, .size = sizeof(struct connector_option)};
    struct connector *c = r->c;
    const struct node *n;
    int64_t number;

    c->options = reader_list(r, list, &of, &c->n_options);
    if (!c->n_options)
        return;
    if (c->n_options > OPTIONS_MAX) {
        READER_BAD(r, list, "a connector has at most %d options", OPTIONS_MAX);
        c->n_options = 0;
        return;
    }
    reader_unique(r, list, &c->options[0].name, c->n_options, sizeof *c->options);
    n = reader_first(list);
    for (size_t i = 0; i < c->n_options; i++, n = n->next) {
        const struct connector_option *o = &c->options[i];

        if (!name_ok(o->name))
            READER_BAD(r, n, "an option's name is made of letters, digits, _ and -");
        if (o->preset.n && !is_one_of(o->one_of, o->preset))
            READER_BAD(r, n, "the preset \"" STR_FMT "\" is not among one_of", STR_ARG(o->preset));
        if (o->preset.n && o->type == OPTION_INT && !num_i64(o->preset, &number))
            READER_BAD(r, n, "the preset \"" STR_FMT "\" is not a whole number", STR_ARG(o->preset));
        if (o->preset.n && o->secret)
            READER_BAD(r, n, "a secret cannot have a preset: this file is no secret");
    }
}

static void read_quota(struct reader *r, const struct node *n)
{
    reader_object(r, n, &table_quota, &r->c->quota);
    if (n && r->c->quota.calls > 0 && r->c->quota.per_ms <= 0)
        READER_BAD(r, n, "\"per\" must be longer than nothing");
}

/* A database's driver is part of the program: there is nothing to say about calls. */
static void refuse_call(struct reader *r, const struct connector_raw *raw)
{
    const struct node *parts[] = {raw->request, raw->clock, raw->sign,   raw->token, raw->reply,
                                  raw->codes,   raw->quota, raw->paging, raw->window};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i])
            READER_BAD(r, parts[i], "a connector of kind \"database\" has options and interfaces only");
    }
}

static void read_http(struct reader *r, const struct node *root, const struct connector_raw *raw)
{
    r->c->base_url_at = reader_option(r, root, S("base_url"));
    reader_call(r, raw);
    reader_token(r, raw);
    reader_reply(r, raw);
    read_quota(r, raw->quota);
}

const struct connector *connector_read(struct arena *a, const struct node *root, struct diags *diags)
{
    struct connector_raw raw = {.c = {.clock = {.zone = S("+08:00")}, .base_url_at = SIZE_MAX}};
    struct reader r = {.arena = a, .diags = diags};

    reader_object(&r, root, &table_connector, &raw);
    if (r.failed || !root)
        return NULL;
    r.c = ARENA_NEW(a, struct connector);
    *r.c = raw.c;
    if (!name_ok(r.c->name))
        READER_BAD(&r, root, "a connector's name is made of letters, digits, _ and -");
    read_options(&r, raw.options);
    if (r.c->kind == CONNECTOR_HTTP)
        read_http(&r, root, &raw);
    else
        refuse_call(&r, &raw);
    reader_ifaces(&r, &raw);
    return r.failed ? NULL : r.c;
}
