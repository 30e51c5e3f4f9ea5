/* Reading a project folder: settings, connections, integrations, maps. Each file is read by a table of its members; what is wrong is told with its place and the rest is still read, so that one run of
 * `check` tells everything.
 *
 * File names shown to people are relative to the project. Metadata paths stay inside the project. */
#include "project/project.h"

#include "project/secret.h"
#include "project/tables.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROJECT_ARENA_MAX (512u << 20)
#define NAME_MAX_CHARS 64

/* ---- names ---- */

static bool name_char(uint32_t cp)
{
    return (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || cp == '_' || cp == '-' || (cp >= 0xA0 && cp != 0xFFFD && cp != 0x3000 && (cp < 0x2000 || cp > 0x206F));
}

bool project_name_ok(struct str name)
{
    if (!name.n || !utf8_valid(name) || utf8_count(name) > NAME_MAX_CHARS || name.p[0] == ' ' || name.p[name.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < name.n;) {
        uint32_t cp;

        i += utf8_decode(str_sub(name, i, name.n), &cp);
        if (cp != ' ' && !name_char(cp))
            return false;
    }
    return true;
}

/* ---- folders ---- */

static int by_text(const void *x, const void *y) { return str_cmp(*(const struct str *)x, *(const struct str *)y); }

/* Names of the NAME.json files of a folder, sorted; none when there is no folder. */
static struct strs json_names(struct project *p, const char *folder, struct diags *diags)
{
    struct str path = arena_printf(p->arena, "%s/%s", p->dir, folder);
    DIR *d = opendir(path.p);
    struct str *at = NULL;
    size_t n = 0, cap = 0;
    struct dirent *entry;
    struct strs r = {0};

    while (d && (entry = readdir(d))) {
        struct str name = str_of(entry->d_name);

        /* the documents of an integration stand beside it: NAME.source.json, NAME.target.json */
        if (name.p[0] == '.' || !str_ends(name, S(".json")) || str_ends(name, S(".source.json")) || str_ends(name, S(".target.json")))
            continue;
        name = str_sub(name, 0, name.n - 5);
        if (!project_name_ok(name)) {
            diags_add(diags, DIAG_ERROR, (struct pos){arena_printf(p->arena, "%s/%s", folder, entry->d_name).p, 0, 0}, "this name cannot be used");
            diags_remedy(diags, "names are letters of any script, digits, _, - and inner blanks, at most 64");
            continue;
        }
        if (n == cap) {
            cap = cap ? cap * 2 : 16;
            at = mem_grow(at, cap * sizeof *at);
        }
        at[n++] = arena_str(p->arena, name);
    }
    if (d)
        closedir(d);
    if (n)
        qsort(at, n, sizeof *at, by_text);
    r.at = arena_alloc(p->arena, (n + 1) * sizeof *at);
    if (n)
        memcpy((void *)(uintptr_t)r.at, at, n * sizeof *at);
    r.n = n;
    free(at);
    return r;
}

static struct node *load(struct project *p, struct str relative, struct diags *diags)
{
    struct str path = arena_printf(p->arena, "%s/" STR_FMT, p->dir, STR_ARG(relative));
    struct node *root;

    return conf_load(p->arena, path.p, relative.p, diags, &root) == OK ? root : NULL;
}

/* ---- settings ---- */

static void read_settings(struct project *p, struct diags *diags)
{
    struct project_settings *s = &p->settings;
    const char *slash = strrchr(p->dir, '/');
    struct errinfo ei;
    struct node *root;

    *s = (struct project_settings){
        .name = str_of(slash && slash[1] ? slash + 1 : "project"),
        .timezone = S("Asia/Shanghai"),
        .state = S("sqlite:.sluice"),
        .listen = S("127.0.0.1:8420"),
        .journal_limit_bytes = 20000000000ull,
        .keep_journal_ms = 30ll * 86400000,
        .keep_runs_ms = 180ll * 86400000,
    };
    if (access(arena_printf(p->arena, "%s/sluice.json", p->dir).p, F_OK) == 0) {
        root = load(p, S("sluice.json"), diags);
        if (root)
            settings_read(p->arena, root, s, diags);
    }
    if (!project_name_ok(s->name)) {
        diags_add(diags, DIAG_ERROR, (struct pos){"sluice.json", 0, 0}, "the project's name \"" STR_FMT "\" cannot be used", STR_ARG(s->name));
        diags_remedy(diags, "set \"name\" in sluice.json: letters, digits, _, - and inner blanks, at most 64");
    }
    if (zone_open(s->timezone, &p->zone, &ei)) {
        diags_add(diags, DIAG_ERROR, (struct pos){"sluice.json", 0, 0}, "%s", ei.msg);
        diags_remedy(diags, "%s", ei.hint);
    }
}

/* ---- maps ---- */

static void read_maps(struct project *p, struct diags *diags)
{
    struct strs names = json_names(p, "maps", diags);

    p->maps = maps_new(p->arena);
    for (size_t i = 0; i < names.n; i++) {
        struct node *root = load(p, arena_printf(p->arena, "maps/" STR_FMT ".json", STR_ARG(names.at[i])), diags);

        if (root)
            maps_add(p->maps, names.at[i], root, diags);
    }
}

/* ---- integrations ---- */

static bool wanted(const struct str *only, size_t n_only, struct str name)
{
    for (size_t i = 0; i < n_only; i++)
        if (str_eq(only[i], name))
            return true;
    return n_only == 0;
}

static void read_integrations(struct project *p, const struct str *only, size_t n_only, struct diags *diags)
{
    struct strs names = json_names(p, "integrations", diags);

    p->integrations = ARENA_ARRAY(p->arena, struct integration, names.n + 1);
    for (size_t i = 0; i < names.n; i++) {
        struct str file = arena_printf(p->arena, "integrations/" STR_FMT ".json", STR_ARG(names.at[i]));
        struct node *root;

        if (!wanted(only, n_only, names.at[i]))
            continue;
        root = load(p, file, diags);
        p->integrations[p->n_integrations].name = names.at[i];
        p->integrations[p->n_integrations].pos = (struct pos){file.p, 1, 1};
        if (root)
            integration_read(p, root, &p->integrations[p->n_integrations], diags);
        p->n_integrations++;
    }
}

/* ---- connections ---- */

static const struct connection *read_connection(struct project *p, struct str name, struct pos asked_at, struct diags *diags)
{
    struct str file = arena_printf(p->arena, "connections/" STR_FMT ".json", STR_ARG(name));
    const struct connection *known = project_connection(p, name);
    struct connection *c;
    struct node *root;

    if (known || !name.n)
        return known;
    if (!project_name_ok(name) || access(arena_printf(p->arena, "%s/" STR_FMT, p->dir, STR_ARG(file)).p, F_OK)) {
        struct strs names = json_names(p, "connections", diags);
        const char **texts = ARENA_ARRAY(p->arena, const char *, names.n + 1);

        for (size_t i = 0; i < names.n; i++)
            texts[i] = names.at[i].p;
        diags_add(diags, DIAG_ERROR, asked_at, "there is no connection \"" STR_FMT "\"", STR_ARG(name));
        diags_nearest(diags, str_nearest(name, texts, names.n));
        diags_remedy(diags, STR_FMT " describes it", STR_ARG(file));
        return NULL;
    }
    root = load(p, file, diags);
    c = &p->connections[p->n_connections++];
    c->name = name;
    c->pos = (struct pos){file.p, 1, 1};
    if (root)
        connection_read(p, root, c, diags);
    return c;
}

/* Every integration's connections; all of the folder when all integrations are read. */
static void read_connections(struct project *p, size_t n_only, struct diags *diags)
{
    struct strs names = json_names(p, "connections", diags);

    p->connections = ARENA_ARRAY(p->arena, struct connection, names.n + 1);
    for (size_t i = 0; i < names.n && !n_only; i++)
        read_connection(p, names.at[i], (struct pos){0}, diags);
    for (size_t i = 0; i < p->n_integrations; i++) {
        struct integration *in = &p->integrations[i];

        in->source = read_connection(p, in->source_name, in->source_pos, diags);
        in->target = read_connection(p, in->target_name, in->target_pos, diags);
        in->ok = in->ok && in->source && in->source->ok && in->target && in->target->ok;
    }
}

/* ---- the whole ---- */

static bool looks_like_project(const char *dir, struct arena *a)
{
    return access(arena_printf(a, "%s/sluice.json", dir).p, F_OK) == 0 || access(arena_printf(a, "%s/integrations", dir).p, F_OK) == 0;
}

enum err project_open(const char *dir, const struct str *only, size_t n_only, struct diags *diags, struct project **ret, struct errinfo *ei)
{
    struct arena *a = arena_new(PROJECT_ARENA_MAX);
    struct project *p = ARENA_NEW(a, struct project);
    char *real = realpath(dir, NULL);

    if (!real || !looks_like_project(real, a)) {
        fail(ei, ERR_CONFIG, "%s: %s", dir, real ? "there is no project in this folder" : strerror(errno));
        fail_hint(ei, "`sluice init DIR` makes one; -C DIR names its folder");
        free(real);
        arena_free(a);
        return ERR_CONFIG;
    }
    p->arena = a;
    p->dir = arena_cstr(a, str_of(real));
    p->state_dir = arena_printf(a, "%s/.sluice", real).p;
    free(real);
    read_settings(p, diags);
    read_maps(p, diags);
    read_integrations(p, only, n_only, diags);
    read_connections(p, n_only, diags);
    *ret = p;
    return OK;
}

void project_close(struct project *p)
{
    if (!p)
        return;
    zone_free(p->zone);
    arena_free(p->arena);
}

const struct integration *project_integration(const struct project *p, struct str name)
{
    for (size_t i = 0; i < p->n_integrations; i++)
        if (str_eq(p->integrations[i].name, name))
            return &p->integrations[i];
    return NULL;
}

const struct connection *project_connection(const struct project *p, struct str name)
{
    for (size_t i = 0; i < p->n_connections; i++)
        if (str_eq(p->connections[i].name, name))
            return &p->connections[i];
    return NULL;
}

const char *project_nearest_integration(const struct project *p, struct str name)
{
    const char **names = ARENA_ARRAY(p->arena, const char *, p->n_integrations + 1);

    for (size_t i = 0; i < p->n_integrations; i++)
        names[i] = arena_cstr(p->arena, p->integrations[i].name);
    return str_nearest(name, names, p->n_integrations);
}

enum err connection_values(const struct project *p, const struct connection *c, struct arena *a, struct strs *ret, struct errinfo *ei)
{
    struct str *values = ARENA_ARRAY(a, struct str, c->options.n + 1);
    size_t n;
    const struct connector_option *specs = connector_options(c->connector, &n);

    for (size_t i = 0; i < c->options.n; i++) {
        enum err e = secret_resolve(p->dir, c->options.at[i], a, &values[i], ei);

        if (e) {
            err_prefix(ei, "connection \"" STR_FMT "\"", STR_ARG(c->name));
            return e;
        }
        if (i < n && specs[i].type == OPTION_PATH && values[i].n && values[i].p[0] != '/')
            values[i] = arena_printf(a, "%s/" STR_FMT, p->dir, STR_ARG(values[i]));
    }
    *ret = (struct strs){values, c->options.n};
    return OK;
}
