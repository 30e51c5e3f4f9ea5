/* Documents without their secrets.
 *
 * Only connections and sluice.json have places for secrets. They are read as a tree, so that a comment with yesterday's
 * password is not in what comes out, and written anew: a value that may be a secret becomes ${secret:NAME}. That is
 * every value of a parameter that the connector declares secret or does not know, of the secret members of channels,
 * of headers of traces, and an address with an account or a query in it. References stay: they say nothing.
 *
 * Other documents have no place for secrets and stay as they are, comments too; but what is known to be a secret is
 * masked wherever it stands. Known are, at that time, only values that matter: a host that came from ${env:HOST} is
 * hidden in messages, but to mask it here would break the documents that name it as well. Values of references of
 * ordinary parameters count from LONG_BYTES on.
 *
 * What it does not do: a secret that nothing declares, in the text of a document of the dialect, is not known. */
#include "project/portable.h"

#include "base/map.h"
#include "base/mask.h"
#include "base/product.h"
#include "project/reading.h"
#include "project/secret.h"

#include <stdlib.h>

#define OUT_MAX         (32u << 20)
#define LONG_BYTES      16
#define NAME_CHARACTERS 56 /* behind them stands a number where the name is taken */

struct portable {
    const struct project *p;
    struct arena *a;
    struct map *taken; /* references that are in use, as they are written */
    struct portable_need *needs;
    struct portable_note *notes;
    size_t n_needs, n_notes;
};

/* The object that is being looked at: where it stands, and what it is called in names and messages. */
struct place {
    struct portable *m;
    struct str file, prefix, owner; /* "connections/jst.json", "", "jst" */
    const struct connector *connector;
};

/* ---- what is known ---- */

static void hide_value(struct portable *m, struct str reference)
{
    struct errinfo ei;
    struct str value;

    if (secret_resolve(m->p->dir, reference, m->a, &value, &ei) == OK)
        secret_hide(value);
}

/* An ordinary parameter's short value, of the environment, is no secret to look for. */
static bool is_short(struct portable *m, struct str reference)
{
    const char *value;

    if (!str_starts(reference, S("${env:")))
        return false;
    value = getenv(arena_cstr(m->a, str_sub(reference, 6, reference.n - 7)));
    return !value || strlen(value) < LONG_BYTES;
}

static void learn(struct portable *m, struct str text, bool declared)
{
    struct strs refs;
    struct str outside;

    if (!text.n)
        return;
    (void)secret_references(text, m->a, &refs, &outside);
    for (size_t i = 0; i < refs.n; i++) {
        (void)map_put(m->taken, refs.at[i], 1);
        if (declared || !is_short(m, refs.at[i]))
            hide_value(m, refs.at[i]);
    }
}

static void learn_store(struct portable *m)
{
    struct errinfo ei;
    struct str *names;
    size_t n;

    if (secret_list(m->p->dir, m->a, &names, &n, &ei))
        return; /* it cannot be opened: its values are not known to anybody here */
    for (size_t i = 0; i < n; i++)
        learn(m, arena_printf(m->a, "${secret:" STR_FMT "}", STR_ARG(names[i])), true);
}

static void learn_connection(struct portable *m, const struct connection *c)
{
    size_t n = 0;
    const struct connector_option *o = c->connector ? connector_options(c->connector, &n) : NULL;

    for (size_t i = 0; i < c->options.n && i < n; i++)
        learn(m, c->options.at[i], o[i].secret);
}

struct portable *portable_new(const struct project *p)
{
    struct portable *m = mem_zero(sizeof *m);

    m->p = p;
    m->a = arena_new(1u << 30);
    m->taken = map_new();
    learn_store(m);
    for (size_t i = 0; i < p->n_connections; i++)
        learn_connection(m, &p->connections[i]);
    for (size_t i = 0; i < p->alerts->n_channels; i++) {
        const struct alert_channel *c = &p->alerts->channels[i];

        learn(m, c->url, true);
        learn(m, c->secret, true);
        learn(m, c->password, true);
        learn(m, c->user, false);
    }
    for (size_t i = 0; i < p->traces->n_headers; i++)
        learn(m, p->traces->headers[i].value, true);
    return m;
}

void portable_free(struct portable *m)
{
    if (!m)
        return;
    map_free(m->taken);
    arena_free(m->a);
    free(m->needs);
    free(m->notes);
    free(m);
}

bool portable_is_hidden(struct str text)
{
    char *masked = mem_alloc(text.n + 1);
    size_t n = mask_text(text, masked);
    bool hidden = !str_eq(str_mk(masked, n), text);

    free(masked);
    return hidden;
}

/* ---- what is told ---- */

static struct str path_of(const struct place *at, struct str key)
{
    return arena_printf(at->m->a, STR_FMT ": " STR_FMT STR_FMT, STR_ARG(at->file), STR_ARG(at->prefix), STR_ARG(key));
}

static void need(const struct place *at, struct str reference, struct str key, bool fresh)
{
    struct portable *m = at->m;
    struct str where = path_of(at, key);

    for (size_t i = 0; i < m->n_needs; i++)
        if (str_eq(m->needs[i].reference, reference)) {
            m->needs[i].where = arena_printf(m->a, STR_FMT ", " STR_FMT, STR_ARG(m->needs[i].where), STR_ARG(where));
            return;
        }
    m->needs = mem_grow(m->needs, (m->n_needs + 1) * sizeof *m->needs);
    m->needs[m->n_needs++] = (struct portable_need){reference, where, fresh};
}

static void note(struct portable *m, struct str path, struct str what)
{
    m->notes = mem_grow(m->notes, (m->n_notes + 1) * sizeof *m->notes);
    m->notes[m->n_notes++] = (struct portable_note){path, what};
}

const struct portable_need *portable_needs(const struct portable *m, size_t *ret_n)
{
    *ret_n = m->n_needs;
    return m->needs;
}

const struct portable_note *portable_notes(const struct portable *m, size_t *ret_n)
{
    *ret_n = m->n_notes;
    return m->notes;
}

/* ---- references ---- */

/* What cannot be in a name becomes "-". */
static struct str as_name(struct portable *m, struct str text)
{
    struct buf b = buf_make(4096);
    struct str ret;
    uint32_t cp;

    while (text.n) {
        size_t n = utf8_decode(text, &cp);

        buf_add(&b, project_name_ok(str_sub(text, 0, n)) ? str_sub(text, 0, n) : S("-"));
        text = str_sub(text, n, text.n);
    }
    ret = arena_str(m->a, str_sub(buf_str(&b), 0, utf8_prefix(buf_str(&b), NAME_CHARACTERS)));
    buf_free(&b);
    return ret;
}

static struct str fresh_reference(const struct place *at, struct str key)
{
    struct portable *m = at->m;
    struct str name = as_name(m, arena_printf(m->a, STR_FMT "-" STR_FMT, STR_ARG(at->owner), STR_ARG(key)));
    struct str reference = arena_printf(m->a, "${secret:" STR_FMT "}", STR_ARG(name));

    for (int i = 2; !map_put(m->taken, reference, 1); i++)
        reference = arena_printf(m->a, "${secret:" STR_FMT "-%d}", STR_ARG(name), i);
    return reference;
}

/* Words that stand before a secret in a header and are none. */
static bool is_scheme(struct str outside)
{
    return !outside.n || str_eq(outside, S("Bearer ")) || str_eq(outside, S("Basic ")) || str_eq(outside, S("Token "));
}

/* An account before the host, or a query: both are places for keys. */
static bool has_credentials(struct str url)
{
    size_t host = str_find(url, S("://"), 0), end;
    struct str rest = str_sub(url, host == SIZE_MAX ? 0 : host + 3, SIZE_MAX);

    for (end = 0; end < rest.n && rest.p[end] != '/' && rest.p[end] != '?'; end++)
        if (rest.p[end] == '@')
            return true;
    return str_find(rest, S("?"), 0) != SIZE_MAX;
}

static bool may_stay(const struct place *at, const struct node *n, bool secret)
{
    struct strs refs;
    struct str outside;

    if (n->type == NODE_NULL || n->type == NODE_BOOL || (n->type == NODE_STRING && !n->text.n))
        return true;
    if (n->type == NODE_ARRAY || n->type == NODE_OBJECT || !secret_references(n->text, at->m->a, &refs, &outside) ||
        (secret && (!refs.n || !is_scheme(outside))) || portable_is_hidden(n->text))
        return false;
    for (size_t i = 0; i < refs.n; i++)
        need(at, refs.at[i], n->key, false);
    return true;
}

static void part_with(const struct place *at, struct node *n, bool secret)
{
    struct str reference;

    if (may_stay(at, n, secret))
        return;
    if (n->type == NODE_STRING || n->type == NODE_NUMBER)
        secret_hide(n->text);
    reference = fresh_reference(at, n->key);
    n->type = NODE_STRING;
    n->text = reference;
    n->child = NULL;
    n->n_children = 0;
    need(at, reference, n->key, true);
}

/* ---- documents ---- */

static bool is_in(const struct field_spec *specs, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(key, str_of(specs[i].name)))
            return true;
    return false;
}

/* What is not known may be anything. */
static void drop_unknown(const struct place *at, struct node *object, const struct field_spec *specs, size_t n)
{
    for (struct node **link = &object->child; *link;) {
        if (is_in(specs, n, (*link)->key)) {
            link = &(*link)->next;
            continue;
        }
        note(at->m, path_of(at, (*link)->key), S("this member is not known, so it is left out"));
        *link = (*link)->next;
        object->n_children--;
    }
}

static void strip_param(const struct place *at, struct node *n)
{
    const struct connector_option *o = at->connector ? connector_option(at->connector, n->key) : NULL;
    bool text = n->type == NODE_STRING && n->text.n;

    part_with(at, n, !o || o->secret || (o->type == OPTION_URL && text && has_credentials(n->text)));
    if (text && o && o->type == OPTION_PATH && !str_starts(n->text, S("${")))
        note(at->m, path_of(at, n->key),
             arena_printf(at->m->a, "it names the file " STR_FMT ", which is not in here", STR_ARG(n->text)));
}

static void strip_connection(struct place *at, struct node *root)
{
    struct str name = str_sub(at->file, 12, at->file.n - 17); /* connections/NAME.json */
    const struct connection *c = project_connection(at->m->p, name);

    at->owner = name;
    at->connector = c ? c->connector : NULL;
    drop_unknown(at, root, table_project_connection.specs, table_project_connection.n);
    for (struct node *m = root->child; m; m = m->next)
        for (struct node *n = str_eq(m->key, S("params")) ? m->child : NULL; n; n = n->next)
            strip_param(at, n);
}

static void strip_channel(const struct place *outer, struct node *channel, const struct field_spec *specs, size_t n)
{
    struct portable *m = outer->m;
    struct place at = *outer;
    const struct node *type = node_get(channel, "type");
    bool mail = type && str_eq(type->text, S("smtp"));

    at.prefix = arena_printf(m->a, "alerts.channels." STR_FMT ".", STR_ARG(channel->key));
    at.owner = arena_printf(m->a, "alerts-" STR_FMT, STR_ARG(channel->key));
    drop_unknown(&at, channel, specs, n);
    for (struct node *v = channel->child; v; v = v->next) {
        static const char *const secrets[] = {"webhook", "secret", "user", "password"};
        bool secret = str_eq(v->key, S("url")) && (!mail || has_credentials(v->text));

        for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
            secret |= str_eq(v->key, str_of(secrets[i]));
        if (secret || str_eq(v->key, S("url")))
            part_with(&at, v, secret);
    }
}

static void strip_alerts(const struct place *outer, struct node *alerts)
{
    struct place in = *outer, *at = &in;

    in.prefix = S("alerts.");
    drop_unknown(at, alerts, alert_members, ALERT_MEMBERS);
    for (size_t i = 0; i < ALERT_MEMBERS; i++) {
        const struct field_spec *spec = &alert_members[i];

        for (struct node *v = alerts->child; v; v = v->next)
            for (struct node *c = spec->by_name && str_eq(v->key, str_of(spec->name)) ? v->child : NULL; c; c = c->next)
                strip_channel(at, c, spec->members, spec->n_members);
    }
}

/* References are not looked up in the address of a collector, so what may be a key in it cannot become one: only the
 * host stays. */
static void strip_address(const struct place *at, struct node *n)
{
    size_t scheme = str_find(n->text, S("://"), 0), end;
    struct str host = str_sub(n->text, scheme == SIZE_MAX ? 0 : scheme + 3, SIZE_MAX);
    struct buf b = buf_make(OUT_MAX);

    for (end = 0; end < host.n && host.p[end] != '/' && host.p[end] != '?' && host.p[end] != '#'; end++)
        if (host.p[end] == '@') {
            host = str_sub(host, end + 1, host.n);
            end = SIZE_MAX; /* begins anew behind it */
        }
    buf_add(&b, str_sub(n->text, 0, scheme == SIZE_MAX ? 0 : scheme + 3));
    buf_add(&b, str_sub(host, 0, end));
    if (n->type == NODE_STRING && !str_eq(buf_str(&b), n->text)) {
        secret_hide(n->text);
        n->text = arena_str(at->m->a, buf_str(&b));
        note(at->m, path_of(at, n->key), S("what may be a key in this address is left out: only the host stays"));
    }
    buf_free(&b);
}

static void strip_traces(const struct place *outer, struct node *traces)
{
    struct place at = *outer, header = *outer;

    at.prefix = S("traces.");
    header.prefix = S("traces.headers.");
    header.owner = S("traces");
    drop_unknown(&at, traces, trace_members, TRACE_MEMBERS);
    for (struct node *v = traces->child; v; v = v->next) {
        if (str_eq(v->key, S("otlp")))
            strip_address(&at, v);
        for (struct node *n = str_eq(v->key, S("headers")) ? v->child : NULL; n; n = n->next)
            part_with(&header, n, true);
    }
}

static void strip_settings(const struct place *at, struct node *root)
{
    drop_unknown(at, root, table_settings.specs, table_settings.n);
    for (struct node *v = root->child; v; v = v->next) {
        if (str_eq(v->key, S("alerts")))
            strip_alerts(at, v);
        if (str_eq(v->key, S("traces")))
            strip_traces(at, v);
    }
}

/* Compact JSON in lines, for people. */
static void add_lines(struct str json, struct buf *out)
{
    bool inside = false;
    int depth = 0;

    for (size_t i = 0; i < json.n; i++) {
        char c = json.p[i], next = i + 1 < json.n ? json.p[i + 1] : 0;
        bool opens = c == '{' || c == '[', closes = next == '}' || next == ']';

        buf_byte(out, c);
        if (inside && c == '\\')
            buf_byte(out, json.p[++i]);
        else if (c == '"')
            inside = !inside;
        if (inside || c == '\\' || (opens && closes))
            continue;
        depth += opens;
        if (c == ':')
            buf_byte(out, ' ');
        if (closes)
            depth--;
        if (opens || c == ',' || closes)
            buf_printf(out, "\n%*s", depth * 2, "");
    }
    buf_byte(out, '\n');
}

static enum err strip(struct portable *m, struct str path, struct str text, struct buf *out, struct errinfo *ei)
{
    struct place at = {.m = m, .file = path};
    struct diags *diags = diags_new();
    struct buf json = buf_make(OUT_MAX);
    struct node *root;
    bool read = conf_parse(m->a, text, arena_cstr(m->a, path), diags, &root) == OK && root->type == NODE_OBJECT;

    diags_free(diags);
    if (!read)
        return fail(ei, ERR_CONFIG, "it cannot be read, so nobody can say where its secrets are");
    if (str_starts(path, S("connections/")))
        strip_connection(&at, root);
    else
        strip_settings(&at, root);
    node_write(root, &json);
    add_lines(buf_str(&json), out);
    buf_free(&json);
    return OK;
}

enum err portable_document(struct portable *m, struct str path, struct str text, struct buf *out, struct errinfo *ei)
{
    bool has_places = str_eq(path, S(PRODUCT ".json")) || str_starts(path, S("connections/"));
    struct buf b = buf_make(OUT_MAX);
    struct str whole = text;
    enum err err = OK;

    path = arena_str(m->a, path);
    if (has_places) {
        err = strip(m, path, text, &b, ei);
        whole = buf_str(&b);
    }
    if (!err && buf_room(out, whole.n + 1)) {
        size_t n = mask_text(whole, out->p + out->n);

        if (!str_eq(str_mk(out->p + out->n, n), whole))
            note(m, path, S("what is a secret elsewhere stood in it and is masked"));
        out->n += n;
    }
    if (!err && (b.failed || out->failed))
        err = fail(ei, ERR_CONFIG, "it is too large");
    buf_free(&b);
    return err;
}
