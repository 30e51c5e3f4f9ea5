/* Reads the interfaces. What the connector says about paging and windows for all of them is what each begins with. */
#include "connector/connector_reader.h"

static bool type_known(struct str type)
{
    for (size_t i = 0; iface_types[i]; i++) {
        if (str_eq(type, str_of(iface_types[i])))
            return true;
    }
    return false;
}

static size_t count_types(void)
{
    size_t n = 0;

    while (iface_types[n])
        n++;
    return n;
}

static struct iface_field *read_fields(struct reader *r, const struct node *list, size_t *ret_n)
{
    const struct iface_field preset = {.type = S("string")};
    const struct list_of of = {.table = &table_iface_field, .size = sizeof(struct iface_field), .preset = &preset};
    struct iface_field *at = reader_list(r, list, &of, ret_n);
    const struct node *n = reader_first(list);

    for (size_t i = 0; i < *ret_n; i++, n = n->next) {
        if (type_known(at[i].type))
            continue;
        READER_BAD(r, n, "the type \"" STR_FMT "\" is not known", STR_ARG(at[i].type));
        diags_nearest(r->diags, str_nearest(at[i].type, iface_types, count_types()));
    }
    if (*ret_n)
        reader_unique(r, list, &at[0].name, *ret_n, sizeof *at);
    return at;
}

/* What each kind of paging cannot do without. */
static const char *paging_lacks(const struct paging *p)
{
    switch (p->kind) {
    case PAGE_FORWARD:
    case PAGE_BACKWARD:
        return p->page_param.n ? NULL : "page";
    case PAGE_CURSOR:
        if (!p->cursor_param.n)
            return "cursor";
        return p->cursor_field.n ? NULL : "cursor_field";
    case PAGE_OFFSET:
        return p->offset_param.n ? NULL : "offset";
    case PAGE_LINK:
        return p->next_path.n ? NULL : "next";
    case PAGE_NONE:
        break;
    }
    return NULL;
}

static void check_paging(struct reader *r, const struct node *n, struct paging *p)
{
    const char *lacks = paging_lacks(p);

    if (!p->size_max)
        p->size_max = p->size_default ? p->size_default : 100;
    if (!p->size_default)
        p->size_default = p->size_max;
    if (p->size_default > p->size_max)
        READER_BAD(r, n, "the default of %lld rows a page is more than the %lld that are allowed",
                   (long long)p->size_default, (long long)p->size_max);
    if (lacks)
        READER_BAD(r, n, "this kind of paging needs \"%s\"", lacks);
}

static void read_fixed(struct reader *r, const struct node *n, struct paging_mode *m)
{
    struct kv *at;

    if (!n)
        return;
    if (n->type != NODE_OBJECT) {
        READER_BAD(r, n, "\"fixed\" is an object of parameters and their values");
        return;
    }
    if (!reader_takes(r, n, n->n_children))
        return;
    m->fixed = at = ARENA_ARRAY(r->arena, struct kv, n->n_children);
    for (const struct node *e = n->child; e; e = e->next) {
        struct strs text = reader_texts(r, e);

        if (text.n == 1)
            at[m->n_fixed++] = (struct kv){e->key, text.at[0]};
        else
            READER_BAD(r, e, "one value is expected here");
    }
}

static void read_modes(struct reader *r, const struct node *n, const struct paging *preset, struct iface *i)
{
    if (!n)
        return;
    if (n->type != NODE_OBJECT) {
        READER_BAD(r, n, "\"paging_modes\" is an object: {\"start_ts\": {\"kind\": \"cursor\", …}}");
        return;
    }
    if (!reader_takes(r, n, n->n_children))
        return;
    i->modes = ARENA_ARRAY(r->arena, struct paging_mode, n->n_children);
    for (const struct node *e = n->child; e; e = e->next) {
        struct paging_mode *m = &i->modes[i->n_modes++];
        struct paging_raw raw = {.p = *preset};

        reader_object(r, e, &table_paging, &raw);
        m->name = e->key;
        m->paging = raw.p;
        if (!m->name.n)
            READER_BAD(r, e, "a paging mode has the name of the request parameter that chooses it");
        check_paging(r, e, &m->paging);
        read_fixed(r, raw.fixed, m);
    }
}

static void check_window(struct reader *r, const struct node *n, const struct window_rule *w)
{
    if ((w->from_param.n > 0) != (w->to_param.n > 0))
        READER_BAD(r, n, "a window has \"from\" and \"to\", or neither");
}

static void refuse_fixed(struct reader *r, const struct node *fixed)
{
    if (fixed)
        READER_BAD(r, fixed, "\"fixed\" belongs to paging_modes");
}

static void read_paging(struct reader *r, const struct node *n, const struct node *owner, struct paging *p)
{
    struct paging_raw raw = {.p = *p};

    reader_object(r, n, &table_paging, &raw);
    *p = raw.p;
    refuse_fixed(r, raw.fixed);
    check_paging(r, n ? n : owner, p);
}

static void check_allocate(struct reader *r, const struct node *n)
{
    if (n && n->type != NODE_ARRAY)
        READER_BAD(r, n, "\"allocate\" is a list of objects");
}

static void read_iface(struct reader *r, const struct node *n, const struct iface_raw *raw, struct iface *i)
{
    const struct list_of aliases = {.table = &table_alias, .size = sizeof(struct alias)};
    struct paging shared = raw->i.paging;

    *i = raw->i;
    if (!i->name.n)
        READER_BAD(r, n, "an interface needs a name");
    if (!i->method.n)
        i->method = i->name;
    i->verb = verb_names[raw->verb >= 0 ? raw->verb : r->c->request.verb];
    i->params = read_fields(r, raw->params, &i->n_params);
    i->fields = read_fields(r, raw->fields, &i->n_fields);
    i->aliases = reader_list(r, raw->aliases, &aliases, &i->n_aliases);
    i->allocate = raw->allocate;
    check_allocate(r, raw->allocate);
    if (r->c->kind == CONNECTOR_DATABASE)
        return;
    read_paging(r, raw->paging, n, &i->paging);
    read_modes(r, raw->modes, &shared, i);
    reader_object(r, raw->window, &table_window, &i->window);
    check_window(r, raw->window ? raw->window : n, &i->window);
    if (!i->records.n)
        READER_BAD(r, n, "the interface \"" STR_FMT "\" does not say where its \"records\" stand", STR_ARG(i->name));
}

void reader_ifaces(struct reader *r, const struct connector_raw *raw)
{
    struct paging_raw paging = {.p = {.kind = PAGE_NONE, .first_page = 1}};
    struct iface_raw preset = {.verb = -1};
    const struct list_of of = {.table = &table_iface, .size = sizeof(struct iface_raw), .preset = &preset};
    struct connector *c = r->c;
    struct iface_raw *list;
    const struct node *n = reader_first(raw->interfaces);

    if (c->kind == CONNECTOR_HTTP) {
        reader_object(r, raw->paging, &table_paging, &paging);
        refuse_fixed(r, paging.fixed);
        reader_object(r, raw->window, &table_window, &preset.i.window);
    }
    preset.i.paging = paging.p;
    list = reader_list(r, raw->interfaces, &of, &c->n_ifaces);
    c->ifaces = ARENA_ARRAY(r->arena, struct iface, c->n_ifaces);
    for (size_t i = 0; i < c->n_ifaces; i++, n = n->next)
        read_iface(r, n, &list[i], &c->ifaces[i]);
    if (c->n_ifaces)
        reader_unique(r, raw->interfaces, &c->ifaces[0].name, c->n_ifaces, sizeof *c->ifaces);
    else
        READER_BAD(r, raw->interfaces, "a connector needs interfaces");
}
