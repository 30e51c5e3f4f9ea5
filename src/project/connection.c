/* One account of one system: connections/NAME.json, read by the connector's table of options.
 *
 * What a person wrote is checked as text; references stay as they are, and what they give is checked by who uses it.
 * Diagnostics never show the value of an option that is secret, nor text that could be one: a secret pasted without its
 * quotes is a mistake that happens. */
#include "project/reading.h"

#include "base/num.h"
#include "base/product.h"
#include "project/secret.h"

#include <stdlib.h>

#define TIMEOUT_MIN_MS 1000
#define TIMEOUT_MAX_MS 3600000

/* ---- URLs ---- */

static const char *port_wrong(struct str after_host)
{
    int64_t port;

    if (!after_host.n)
        return NULL;
    if (after_host.p[0] != ':')
        return "has a host that cannot be read";
    if (!num_i64(str_sub(after_host, 1, after_host.n), &port) || port < 1 || port > 65535)
        return "has a port that is not 1 to 65535";
    return NULL;
}

static const char *authority_wrong(struct str authority)
{
    size_t host;

    if (memchr(authority.p, '@', authority.n))
        return "holds a user or a password";
    if (memchr(authority.p, '\\', authority.n))
        return "holds a \\";
    if (authority.p[0] == '[') {
        host = str_find(authority, S("]"), 0);
        host = host == SIZE_MAX || host < 3 ? 0 : host + 1;
    } else {
        host = str_find(authority, S(":"), 0);
        host = host == SIZE_MAX ? authority.n : host;
    }
    return host ? port_wrong(str_sub(authority, host, authority.n)) : "has no host";
}

/* What is wrong with the address of a service, or NULL. */
static const char *url_wrong(struct str url)
{
    size_t scheme = str_find(url, S("://"), 0), end;
    struct str rest;

    if (scheme == SIZE_MAX ||
        (!str_eq_nocase(str_sub(url, 0, scheme), S("http")) && !str_eq_nocase(str_sub(url, 0, scheme), S("https"))))
        return "does not begin with http:// or https://";
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7F)
            return "holds a blank or a control character";
    rest = str_sub(url, scheme + 3, url.n);
    for (end = 0; end < rest.n; end++)
        if (rest.p[end] == '/' || rest.p[end] == '?' || rest.p[end] == '#')
            break;
    return end ? authority_wrong(str_sub(rest, 0, end)) : "has no host";
}

/* The text with "1" for each reference (which is a host and a port alike). In the arena. */
static struct str without_references(struct arena *a, struct str text)
{
    char *out = arena_alloc(a, text.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        size_t close = str_starts(str_sub(text, i, 2), S("${")) ? str_find(text, S("}"), i) : SIZE_MAX;

        out[n++] = close == SIZE_MAX ? text.p[i] : '1';
        i = close == SIZE_MAX ? i : close;
    }
    return str_mk(out, n);
}

/* ---- values ---- */

struct given {
    struct reading *r;
    const struct connector_option *o;
    struct str text;
    struct pos pos;
    bool reference;
};

static bool bad(const struct given *p, const char *what, const char *remedy)
{
    diags_add(p->r->diags, DIAG_ERROR, p->pos, "\"" STR_FMT "\" %s", STR_ARG(p->o->name), what);
    diags_remedy(p->r->diags, "%s", remedy);
    return false;
}

static bool is_port(struct str name)
{
    return str_eq(name, S("port")) || str_ends(name, S("_port"));
}

static bool check_type(const struct given *p)
{
    bool starts_with_reference = str_starts(p->text, S("${"));
    const char *wrong = NULL;
    int64_t v;

    switch (p->o->type) {
    case OPTION_INT:
        if (!p->reference && !num_i64(p->text, &v))
            return bad(p, "is not a whole number", "");
        if (!p->reference && is_port(p->o->name) && (v < 1 || v > 65535))
            return bad(p, "is not a port", "a port is a number from 1 to 65535");
        return true;
    case OPTION_BOOL:
        if (!p->reference && !str_eq(p->text, S("true")) && !str_eq(p->text, S("false")))
            return bad(p, "is not true or false", "");
        return true;
    case OPTION_URL:
        if (!starts_with_reference)
            wrong = url_wrong(p->reference ? without_references(p->r->p->arena, p->text) : p->text);
        return !wrong || bad(p, wrong, "write it as in https://host/path; accounts have parameters of their own");
    case OPTION_STRING:
    case OPTION_PATH:
        break;
    }
    return true;
}

static bool check_one_of(const struct given *p)
{
    struct buf b = buf_make(4096);

    if (!p->o->one_of.n || p->reference || strs_has(p->o->one_of, p->text))
        return true;
    if (p->o->secret)
        return bad(p, "is none of the allowed values", "");
    diags_add(p->r->diags, DIAG_ERROR, p->pos, "\"" STR_FMT "\" cannot be \"" STR_FMT "\"", STR_ARG(p->o->name),
              STR_ARG(p->text));
    diags_nearest(p->r->diags, folder_nearest(p->o->one_of, p->text));
    for (size_t i = 0; i < p->o->one_of.n; i++)
        buf_printf(&b, "%s" STR_FMT, i ? ", " : "", STR_ARG(p->o->one_of.at[i]));
    diags_remedy(p->r->diags, "one of %s", buf_cstr(&b));
    buf_free(&b);
    return false;
}

static void warn_literal(const struct given *p)
{
    secret_hide(p->text);
    diags_add(p->r->diags, DIAG_WARNING, p->pos, "\"" STR_FMT "\" is a literal secret", STR_ARG(p->o->name));
    diags_remedy(p->r->diags,
                 "keep it out of the file: write ${env:NAME}, ${file:PATH}, or ${secret:NAME} after `" PRODUCT
                 " secret set NAME`");
}

static bool check_param(struct given *p)
{
    size_t errors = diags_count(p->r->diags, DIAG_ERROR);

    if (p->text.n && memchr(p->text.p, '\0', p->text.n))
        return bad(p, "holds a zero byte", "");
    if (!p->text.n)
        return !p->o->required || bad(p, "is empty", "it must have a value");
    p->reference = secret_is_reference(p->text, p->pos, p->r->diags);
    if (diags_count(p->r->diags, DIAG_ERROR) != errors)
        return false;
    if (p->o->secret && !p->reference)
        warn_literal(p);
    return check_type(p) && check_one_of(p);
}

/* ---- params ---- */

static bool text_of_node(const struct node *n, const struct connector_option *o, struct str *ret)
{
    if (n->type == NODE_STRING || n->type == NODE_NUMBER)
        *ret = n->text;
    else if (n->type == NODE_BOOL && o->type == OPTION_BOOL)
        *ret = n->truth ? S("true") : S("false");
    else
        return false;
    return true;
}

static bool unknown_param(struct reading *r, const struct node *n, const struct connector *c)
{
    size_t n_options;
    const struct connector_option *o = connector_options(c, &n_options);
    struct str *names = ARENA_ARRAY(r->p->arena, struct str, n_options + 1);

    for (size_t i = 0; i < n_options; i++)
        names[i] = arena_str(r->p->arena, o[i].name);
    diags_add(r->diags, DIAG_ERROR, n->key_pos, "\"" STR_FMT "\" is no parameter of the connector \"" STR_FMT "\"",
              STR_ARG(n->key), STR_ARG(connector_name(c)));
    diags_nearest(r->diags, folder_nearest((struct strs){names, n_options}, n->key));
    diags_remedy(r->diags, "`" PRODUCT " connectors " STR_FMT "` lists them", STR_ARG(connector_name(c)));
    return false;
}

/* One option: its value in the document, or its preset. */
static bool read_option(struct reading *r, const struct node *params, const struct connector_option *o,
                        struct str *value, struct pos *pos)
{
    struct arena *a = r->p->arena;
    const struct node *n = node_get(params, arena_cstr(a, o->name));
    struct given p = {.r = r, .o = o};

    if (!n || n->type == NODE_NULL) {
        *value = o->preset;
        if (!o->required || o->preset.n)
            return true;
        diags_add(r->diags, DIAG_ERROR, *pos, "the parameter \"" STR_FMT "\" is missing", STR_ARG(o->name));
        diags_remedy(r->diags, STR_FMT, STR_ARG(o->help));
        return false;
    }
    p.pos = *pos = n->pos;
    if (!text_of_node(n, o, &p.text)) {
        diags_add(r->diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" is %s, %s is expected", STR_ARG(o->name),
                  folder_type(n),
                  o->type == OPTION_INT    ? "a number"
                  : o->type == OPTION_BOOL ? "true or false"
                                           : "a text");
        return false;
    }
    *value = p.text;
    return check_param(&p);
}

static bool read_params(struct reading *r, const struct node *params, struct connection *c)
{
    size_t n;
    const struct connector_option *o = connector_options(c->connector, &n);
    struct str *values = ARENA_ARRAY(r->p->arena, struct str, n + 1);
    struct pos *at = ARENA_ARRAY(r->p->arena, struct pos, n + 1);
    bool ok = true;

    if (params && params->type != NODE_OBJECT) {
        diags_add(r->diags, DIAG_ERROR, params->pos, "\"params\" is %s, an object is expected", folder_type(params));
        params = NULL;
        ok = false;
    }
    for (const struct node *m = params ? params->child : NULL; m; m = m->next)
        if (!connector_option(c->connector, m->key))
            ok = unknown_param(r, m, c->connector);
    for (size_t i = 0; i < n; i++) {
        at[i] = params ? params->pos : c->pos;
        ok &= read_option(r, params, &o[i], &values[i], &at[i]);
    }
    c->options = (struct option_values){values, n};
    c->option_pos = at;
    return ok;
}

static bool read_limits(struct reading *r, const struct node *limits, struct connection *c)
{
    struct limits_raw raw;
    int64_t calls, per_ms;

    connector_quota(c->connector, &calls, &per_ms);
    c->requests = calls;
    c->per_ms = per_ms;
    if (!limits || limits->type == NODE_NULL)
        return true;
    raw = (struct limits_raw){calls > 0 ? calls : 1, per_ms > 0 ? per_ms : 1000};
    if (!conf_fill(limits, table_limits.specs, table_limits.n, &raw, DIAG_WARNING, r->p->arena, r->diags))
        return false;
    if (raw.per_ms <= 0) {
        diags_add(r->diags, DIAG_ERROR, node_get(limits, "per")->pos, "\"per\" is nothing");
        diags_remedy(r->diags, "a period is longer than 0, such as 1s");
        return false;
    }
    /* requests/per against calls/quota: 10^6 · 3650 days in ms fits 64 bits */
    if (calls > 0 && raw.requests * per_ms > calls * raw.per_ms) {
        diags_add(r->diags, DIAG_WARNING, limits->pos,
                  "%lld calls in %lld ms are more than the connector's quota of %lld in %lld ms",
                  (long long)raw.requests, (long long)raw.per_ms, (long long)calls, (long long)per_ms);
        diags_remedy(r->diags, "the other side may refuse them");
    }
    c->requests = raw.requests;
    c->per_ms = raw.per_ms;
    return true;
}

static bool read_timeout(struct reading *r, const struct node *root, int64_t ms, struct connection *c)
{
    if (ms < 0)
        return true;
    if (ms < TIMEOUT_MIN_MS || ms > TIMEOUT_MAX_MS) {
        diags_add(r->diags, DIAG_ERROR, node_get(root, "timeout")->pos, "\"timeout\" is not between 1s and 1h");
        return false;
    }
    c->timeout_ms = ms;
    return true;
}

/* ---- the document ---- */

static const struct connector *find_connector(struct reading *r, struct str name, struct pos pos)
{
    const struct connector *c;

    for (size_t i = 0; i < r->n_connectors; i++)
        if (str_eq(r->connector_names[i], name)) {
            if (!r->connectors[i])
                diags_add(r->diags, DIAG_ERROR, pos, "the connector \"" STR_FMT "\" cannot be used", STR_ARG(name));
            return r->connectors[i];
        }
    c = connector_find(r->p->arena, r->p->dir, name, pos, r->diags);
    r->connector_names[r->n_connectors] = name;
    r->connectors[r->n_connectors++] = c;
    return c;
}

/* A copy of a message in which what stands between the first and the last quote is not shown. */
static const char *without_quoted(struct arena *a, const char *what)
{
    const char *first = strchr(what, '"'), *last = strrchr(what, '"');

    if (!first || first == last)
        return what;
    return arena_printf(a, "%.*s***%s", (int)(first + 1 - what), what, last).p;
}

/* Reads the file; what its syntax errors quote may be a secret. */
static const struct node *load(struct reading *r, const char *shown)
{
    struct diags *own = diags_new();
    const struct node *root = folder_load(r->p->arena, r->p->dir, shown, own);

    for (size_t i = 0; i < diags_count(own, DIAG_NOTE); i++) {
        const struct diag *d = diags_at(own, i);

        diags_add(r->diags, d->level, d->pos, "%s", root ? d->what : without_quoted(r->p->arena, d->what));
        diags_nearest(r->diags, d->nearest[0] ? d->nearest : NULL);
        diags_remedy(r->diags, "%s", d->remedy);
    }
    if (diags_count(own, DIAG_ERROR))
        root = NULL;
    diags_free(own);
    return root;
}

static void read_connection(struct reading *r, struct connection *c)
{
    const char *shown = arena_printf(r->p->arena, "connections/" STR_FMT ".json", STR_ARG(c->name)).p;
    struct connection_raw raw = {.timeout_ms = -1};
    const struct node *root, *connector;
    bool ok;

    c->pos = (struct pos){shown, 0, 0};
    root = load(r, shown);
    if (!root)
        return;
    c->pos = root->pos;
    ok = conf_fill(root, table_project_connection.specs, table_project_connection.n, &raw, DIAG_WARNING, r->p->arena,
                   r->diags);
    c->environment = raw.environment;
    connector = node_get(root, "connector");
    if (!connector || !raw.connector.p)
        return;
    c->connector = find_connector(r, raw.connector, connector->pos);
    if (!c->connector)
        return;
    ok &= read_params(r, raw.params && raw.params->type != NODE_NULL ? raw.params : NULL, c);
    ok &= read_limits(r, raw.limits, c);
    ok &= read_timeout(r, root, raw.timeout_ms, c);
    c->ok = ok;
}

const struct connection *reading_connection(struct reading *r, struct str name, struct pos asked_at)
{
    const struct connection *known = project_connection(r->p, name);
    struct connection *c;

    if (known)
        return known;
    if (!strs_has(r->connection_names, name) || !project_name_ok(name)) {
        diags_add(r->diags, DIAG_ERROR, asked_at, "there is no connection \"" STR_FMT "\"", STR_ARG(name));
        diags_nearest(r->diags, folder_nearest(r->connection_names, name));
        diags_remedy(r->diags, "connections/NAME.json describes one");
        return NULL;
    }
    c = &r->p->connections[r->p->n_connections++];
    c->name = name;
    read_connection(r, c);
    return c;
}
