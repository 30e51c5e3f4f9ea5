/* What may stand in sluice.json, connections/NAME.json and integrations/NAME.json: one table each, from which the files are read and their JSON Schemas are written. */
#include "project/tables.h"

#include "base/num.h"
#include "project/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define AT(type, member) offsetof(struct type, member)
#define N(array) (sizeof(array) / sizeof *(array))

/* ---- sluice.json ---- */

struct settings_raw {
    struct project_settings s;
    const struct node *retention, *kept;
};
struct retention_raw {
    int64_t journal_ms, runs_ms;
};

static const struct field_spec retention[] = {
    {.name = "journal", .type = FIELD_DURATION, .offset = AT(retention_raw, journal_ms), .help = "How long raw pages are kept after they were written."},
    {.name = "runs", .type = FIELD_DURATION, .offset = AT(retention_raw, runs_ms), .help = "How long the history of runs is kept."},
};
static const struct field_spec settings[] = {
    {.name = "name", .type = FIELD_STRING, .offset = AT(settings_raw, s.name), .help = "The project's name; it stands in the target's checkpoint. The folder's name by default."},
    {.name = "timezone", .type = FIELD_STRING, .offset = AT(settings_raw, s.timezone), .help = "IANA name of the zone in which times are rendered and read."},
    {.name = "state", .type = FIELD_STRING, .offset = AT(settings_raw, s.state), .help = "Where the state lives: sqlite:.sluice."},
    {.name = "listen", .type = FIELD_STRING, .offset = AT(settings_raw, s.listen), .help = "Address of the dashboard and API."},
    {.name = "tls", .type = FIELD_NODE, .offset = AT(settings_raw, kept), .help = "Certificate and key of the dashboard."},
    {.name = "behind_proxy", .type = FIELD_NODE, .offset = AT(settings_raw, kept), .help = "A proxy in front does the TLS."},
    {.name = "journal_limit", .type = FIELD_BYTES, .offset = AT(settings_raw, s.journal_limit_bytes), .help = "Most disk that an integration's journal may take."},
    {.name = "retention", .type = FIELD_NODE, .offset = AT(settings_raw, retention), .help = "How long things are kept.", .members = retention, .n_members = N(retention)},
    {.name = "alerts", .type = FIELD_NODE, .offset = AT(settings_raw, kept), .help = "Channels and rules."},
    {.name = "users", .type = FIELD_NODE, .offset = AT(settings_raw, kept), .help = "Where dashboard accounts are kept."},
};

void settings_read(struct arena *a, const struct node *root, struct project_settings *ret, struct diags *diags)
{
    struct settings_raw raw = {.s = *ret};
    struct retention_raw keep = {ret->keep_journal_ms, ret->keep_runs_ms};

    conf_fill(root, settings, N(settings), &raw, DIAG_WARNING, a, diags);
    if (raw.retention)
        conf_fill(raw.retention, retention, N(retention), &keep, DIAG_WARNING, a, diags);
    *ret = raw.s;
    ret->keep_journal_ms = keep.journal_ms;
    ret->keep_runs_ms = keep.runs_ms;
    if (!str_starts(ret->state, S("sqlite:"))) {
        diags_add(diags, DIAG_ERROR, node_get(root, "state")->pos, "state \"" STR_FMT "\" is not available in this version", STR_ARG(ret->state));
        diags_remedy(diags, "use \"sqlite:.sluice\"");
    }
}

/* ---- connections ---- */

struct connection_raw {
    struct str connector, environment;
    const struct node *params, *limits;
};
struct limits_raw {
    int64_t requests, per_ms;
};

static const struct field_spec limits[] = {
    {.name = "requests", .type = FIELD_INT, .offset = AT(limits_raw, requests), .min = 1, .max = 1000000, .required = true, .help = "Calls allowed in a period."},
    {.name = "per", .type = FIELD_DURATION, .offset = AT(limits_raw, per_ms), .help = "The period: \"1s\" by default."},
};
static const struct field_spec connection[] = {
    {.name = "connector", .type = FIELD_STRING, .offset = AT(connection_raw, connector), .required = true, .help = "The system spoken to: jushuitan-qimen, mysql, sqlite …"},
    {.name = "params", .type = FIELD_NODE, .offset = AT(connection_raw, params), .help = "Its parameters; `sluice connectors NAME` lists them."},
    {.name = "limits", .type = FIELD_NODE, .offset = AT(connection_raw, limits), .help = "Calls allowed; the connector's quota by default.", .members = limits, .n_members = N(limits)},
    {.name = "environment", .type = FIELD_STRING, .offset = AT(connection_raw, environment), .help = "test, production …: shown to people."},
};

static void check_url(const struct node *n, struct connection *c, struct diags *diags)
{
    struct str rest = str_starts(n->text, S("https://")) ? str_sub(n->text, 8, n->text.n) : str_starts(n->text, S("http://")) ? str_sub(n->text, 7, n->text.n) : (struct str){0};
    struct str host = rest;

    for (size_t i = 0; i < rest.n && host.n == rest.n; i++)
        if (rest.p[i] == '/' || rest.p[i] == '?')
            host = str_sub(rest, 0, i);
    if (host.n && !memchr(host.p, '@', host.n) && !memchr(n->text.p, ' ', n->text.n) && !memchr(n->text.p, '\t', n->text.n))
        return;
    c->ok = false;
    diags_add(diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" is not an http or https address", STR_ARG(n->key));
    diags_remedy(diags, "write https://host/path, without user and password in it");
}

static void check_option(const struct connector_option *o, const struct node *n, struct connection *c, struct diags *diags)
{
    bool reference = secret_is_reference(n->text, n->pos, diags);
    bool found = o->one_of.n == 0;
    int64_t number;

    if (o->secret && !reference && n->text.n) {
        diags_add(diags, DIAG_WARNING, n->pos, "\"" STR_FMT "\" is a secret and stands here in plain text", STR_ARG(o->name));
        diags_remedy(diags, "write \"${env:NAME}\" or \"${secret:NAME}\" (`sluice secret set NAME`)");
    }
    if (reference)
        return;
    for (size_t i = 0; i < o->one_of.n; i++)
        found |= str_eq(n->text, o->one_of.at[i]);
    if (!found || (o->type == OPTION_INT && !num_i64(n->text, &number))) {
        c->ok = false;
        diags_add(diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" cannot be \"" STR_FMT "\"", STR_ARG(o->name), STR_ARG(n->text));
        diags_remedy(diags, STR_FMT, STR_ARG(o->help));
    }
    if (o->type == OPTION_URL)
        check_url(n, c, diags);
    if (str_eq(o->name, S("port")) && num_i64(n->text, &number) && (number < 1 || number > 65535)) {
        c->ok = false;
        diags_add(diags, DIAG_ERROR, n->pos, "\"port\" is " STR_FMT ", allowed is 1 to 65535", STR_ARG(n->text));
    }
}

static void unknown_option(struct project *p, const struct connector_option *o, size_t n_o, const struct node *n, struct connection *c, struct diags *diags)
{
    const char **names = ARENA_ARRAY(p->arena, const char *, n_o + 1);

    for (size_t i = 0; i < n_o; i++)
        names[i] = arena_cstr(p->arena, o[i].name);
    c->ok = false;
    diags_add(diags, DIAG_ERROR, n->key_pos, "connector \"" STR_FMT "\" has no parameter \"" STR_FMT "\"", STR_ARG(connector_name(c->connector)), STR_ARG(n->key));
    diags_nearest(diags, str_nearest(n->key, names, n_o));
}

static void read_options(struct project *p, const struct node *root, const struct node *params, struct connection *c, struct diags *diags)
{
    size_t n;
    const struct connector_option *o = connector_options(c->connector, &n);
    struct str *values = ARENA_ARRAY(p->arena, struct str, n + 1);
    struct pos *places = ARENA_ARRAY(p->arena, struct pos, n + 1);

    for (size_t i = 0; i < n; i++) {
        const struct node *given = node_get(params, o[i].name.p ? arena_cstr(p->arena, o[i].name) : "");

        values[i] = o[i].preset;
        places[i] = given ? given->pos : root->pos;
        if (given && given->type != NODE_STRING && given->type != NODE_NUMBER) {
            c->ok = false;
            diags_add(diags, DIAG_ERROR, given->pos, "\"" STR_FMT "\" is a %s, a text is expected", STR_ARG(o[i].name), node_type_name(given->type));
        } else if (given) {
            values[i] = given->text;
            check_option(&o[i], given, c, diags);
        }
        if (o[i].required && !values[i].n) {
            c->ok = false;
            diags_add(diags, DIAG_ERROR, places[i], "parameter \"" STR_FMT "\" is missing", STR_ARG(o[i].name));
            diags_remedy(diags, STR_FMT, STR_ARG(o[i].help));
        }
    }
    for (const struct node *k = params && params->type == NODE_OBJECT ? params->child : NULL; k; k = k->next)
        if (!connector_option(c->connector, k->key))
            unknown_option(p, o, n, k, c, diags);
    c->options = (struct option_values){values, n};
    c->option_pos = places;
}

static void read_limits(struct project *p, const struct node *n, struct connection *c, struct diags *diags)
{
    struct limits_raw raw = {0, 1000};
    int64_t calls, per_ms;

    connector_quota(c->connector, &calls, &per_ms);
    c->requests = calls;
    c->per_ms = per_ms;
    if (!n)
        return;
    if (!conf_fill(n, limits, N(limits), &raw, DIAG_ERROR, p->arena, diags)) {
        c->ok = false;
        return;
    }
    c->requests = raw.requests;
    c->per_ms = raw.per_ms > 0 ? raw.per_ms : 1000;
    if (calls > 0 && per_ms > 0 && c->requests * per_ms > calls * c->per_ms) {
        diags_add(diags, DIAG_WARNING, n->pos, "the limit is above the published quota of %lld calls in %lld ms", (long long)calls, (long long)per_ms);
        diags_remedy(diags, "calls beyond the quota are refused, and cost time");
    }
}

void connection_read(struct project *p, const struct node *root, struct connection *ret, struct diags *diags)
{
    struct connection_raw raw = {0};

    ret->pos = root->pos;
    ret->ok = conf_fill(root, connection, N(connection), &raw, DIAG_WARNING, p->arena, diags);
    if (!raw.connector.n)
        return;
    ret->environment = raw.environment;
    ret->connector = connector_find(p->arena, p->dir, raw.connector, node_get(root, "connector")->pos, diags);
    if (!ret->connector) {
        ret->ok = false;
        return;
    }
    if (raw.params && raw.params->type != NODE_OBJECT) {
        ret->ok = false;
        diags_add(diags, DIAG_ERROR, raw.params->pos, "\"params\" is a %s, an object is expected", node_type_name(raw.params->type));
        return;
    }
    read_options(p, root, raw.params, ret, diags);
    read_limits(p, raw.limits, ret, diags);
}

/* ---- integrations ---- */

struct integration_raw {
    struct str title, start;
    const struct node *source, *target;
    int64_t lag_ms, overlap_ms;
    int keep;
    bool enabled;
};
struct end_raw {
    struct str connection, crontab;
    const struct node *metadata;
};

static const char *const keep_names[] = {"errors", "records", NULL};

static const struct field_spec end[] = {
    {.name = "connection", .type = FIELD_STRING, .offset = AT(end_raw, connection), .required = true, .help = "The name of a file in connections/."},
    {.name = "crontab", .type = FIELD_STRING, .offset = AT(end_raw, crontab), .help = "When: five fields, or @every 30s."},
    {.name = "metadata", .type = FIELD_NODE, .offset = AT(end_raw, metadata), .required = true, .help = "The document, or its path beside this file."},
};
static const struct field_spec integration[] = {
    {.name = "title", .type = FIELD_STRING, .offset = AT(integration_raw, title), .help = "Shown to people."},
    {.name = "source", .type = FIELD_NODE, .offset = AT(integration_raw, source), .required = true, .help = "Where records come from.", .members = end, .n_members = N(end)},
    {.name = "target", .type = FIELD_NODE, .offset = AT(integration_raw, target), .required = true, .help = "Where rows go.", .members = end, .n_members = N(end)},
    {.name = "start", .type = FIELD_STRING, .offset = AT(integration_raw, start), .help = "Where the first LAST_SYNC_TIME stands; the first run by default."},
    {.name = "lag", .type = FIELD_DURATION, .offset = AT(integration_raw, lag_ms), .help = "How far behind the source's now a window ends (10s)."},
    {.name = "overlap", .type = FIELD_DURATION, .offset = AT(integration_raw, overlap_ms), .help = "How much of the last window is read again (5m)."},
    {.name = "keep", .type = FIELD_ENUM, .names = keep_names, .offset = AT(integration_raw, keep), .help = "What is kept for asking later: errors, or all records."},
    {.name = "enabled", .type = FIELD_BOOL, .offset = AT(integration_raw, enabled), .help = "false: the scheduler leaves it out."},
};

/* The document itself, or the file that it names: inside the project, a regular file. */
static const struct node *metadata(struct project *p, const struct node *n, const char **ret_file, struct diags *diags)
{
    struct str relative;
    char *real, *folder;
    struct node *root;
    bool inside;

    *ret_file = n->pos.file;
    if (n->type == NODE_OBJECT)
        return n;
    if (n->type != NODE_STRING || !n->text.n) {
        diags_add(diags, DIAG_ERROR, n->pos, "\"metadata\" is a %s; the document or its path is expected", node_type_name(n->type));
        return NULL;
    }
    relative = arena_printf(p->arena, "integrations/" STR_FMT, STR_ARG(n->text));
    folder = realpath(p->dir, NULL);
    real = realpath(arena_printf(p->arena, "%s/" STR_FMT, p->dir, STR_ARG(relative)).p, NULL);
    inside = real && folder && strncmp(real, folder, strlen(folder)) == 0 && real[strlen(folder)] == '/';
    if (!real)
        diags_add(diags, DIAG_ERROR, n->pos, STR_FMT ": %s", STR_ARG(relative), strerror(errno));
    else if (!inside)
        diags_add(diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" lies outside the project", STR_ARG(n->text));
    if (!inside)
        diags_remedy(diags, "put the document beside this file and name it");
    free(real);
    free(folder);
    if (!inside || conf_load(p->arena, arena_printf(p->arena, "%s/" STR_FMT, p->dir, STR_ARG(relative)).p, relative.p, diags, &root))
        return NULL;
    *ret_file = relative.p;
    return root;
}

static const struct meta_doc *read_end(struct project *p, const struct node *n, enum side side, struct end_raw *ret, struct diags *diags)
{
    const struct node *root;
    const char *file;

    if (!conf_fill(n, end, N(end), ret, DIAG_WARNING, p->arena, diags))
        return NULL;
    root = metadata(p, ret->metadata, &file, diags);
    return root ? meta_read(p->arena, root, side, diags) : NULL;
}

static bool read_start(const struct project *p, const struct node *root, struct str text, struct integration *ret, struct diags *diags)
{
    int64_t ms;

    ret->has_start = text.n > 0;
    if (!text.n)
        return true;
    if (!p->zone || !time_parse(text, p->zone, &ms)) {
        diags_add(diags, DIAG_ERROR, node_get(root, "start")->pos, "start \"" STR_FMT "\" is not a time", STR_ARG(text));
        diags_remedy(diags, "write it as 2026-11-01 00:00:00");
        return false;
    }
    ret->start_s = ms / 1000;
    return true;
}

void integration_read(struct project *p, const struct node *root, struct integration *ret, struct diags *diags)
{
    struct integration_raw raw = {.lag_ms = 10000, .overlap_ms = 300000, .enabled = true};
    struct end_raw source = {0}, target = {0};

    ret->pos = root->pos;
    if (!conf_fill(root, integration, N(integration), &raw, DIAG_WARNING, p->arena, diags))
        return;
    ret->source_doc = read_end(p, raw.source, SIDE_SOURCE, &source, diags);
    ret->target_doc = read_end(p, raw.target, SIDE_TARGET, &target, diags);
    ret->title = raw.title.n ? raw.title : ret->name;
    ret->source_name = source.connection;
    ret->target_name = target.connection;
    ret->source_pos = raw.source->pos;
    ret->target_pos = raw.target->pos;
    ret->source_crontab = source.crontab;
    ret->target_crontab = target.crontab;
    ret->lag_ms = raw.lag_ms;
    ret->overlap_ms = raw.overlap_ms;
    ret->keep_records = raw.keep == 1;
    ret->enabled = raw.enabled;
    ret->ok = read_start(p, root, raw.start, ret, diags) && ret->source_doc && ret->target_doc;
}

/* ---- schemas ---- */

const char *const project_schema_names[] = {"project", "connection", "integration", "source", "target", "map", "connector", NULL};

static const struct field_spec map_row[] = {
    {.name = "a_value", .type = FIELD_STRING, .help = "The value on the source's side."},
    {.name = "a_label", .type = FIELD_STRING, .help = "What it means there."},
    {.name = "b_value", .type = FIELD_STRING, .help = "The value on the target's side."},
    {.name = "b_label", .type = FIELD_STRING, .help = "What it means there."},
};

bool project_schema(struct str name, struct buf *out)
{
    struct json_out w = json_out(out);

    if (str_eq(name, S("project")))
        conf_schema(settings, N(settings), DIAG_WARNING, &w);
    else if (str_eq(name, S("connection")))
        conf_schema(connection, N(connection), DIAG_WARNING, &w);
    else if (str_eq(name, S("integration")))
        conf_schema(integration, N(integration), DIAG_WARNING, &w);
    else if (str_eq(name, S("source")) || str_eq(name, S("target")))
        meta_schema(str_eq(name, S("source")) ? SIDE_SOURCE : SIDE_TARGET, &w);
    else if (str_eq(name, S("connector")))
        connector_schema(&w);
    else if (str_eq(name, S("map"))) {
        json_out_begin(&w, '{');
        json_out_key(&w, "type");
        json_out_cstr(&w, "array");
        json_out_key(&w, "items");
        conf_schema(map_row, N(map_row), DIAG_WARNING, &w);
        json_out_end(&w, '}');
    } else
        return false;
    return true;
}
