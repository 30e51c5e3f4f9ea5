/* Reads a project's folder: settings, then connections, then integrations with their documents, then maps.
 *
 * With a choice of integrations only what they need is read, so that a broken file elsewhere is no obstacle: their own
 * files, their connections, and the maps that their documents name. Files in integrations/ that an integration names as
 * its metadata are not integrations themselves. Everything lives in one arena; nothing is watched or kept open. */
#include "meta/lookup.h"
#include "project/reading.h"

#include "base/map.h"
#include "base/product.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX_BYTES ((size_t)4 << 30)
#define DEFAULT_ZONE    "Asia/Shanghai"

/* ---- settings ---- */

/* The folder's name with what cannot be in a name replaced. */
static struct str name_of_folder(struct arena *a, const char *dir)
{
    struct str base = str_of(strrchr(dir, '/') + 1);
    struct buf b = buf_make(4096);
    struct str ret;

    while (base.n) {
        uint32_t cp;
        size_t n = utf8_decode(base, &cp);

        buf_add(&b, project_name_ok(str_sub(base, 0, n)) || base.p[0] == ' ' ? str_sub(base, 0, n) : S("-"));
        base = str_sub(base, n, base.n);
    }
    ret = str_trim(str_sub(buf_str(&b), 0, utf8_prefix(buf_str(&b), 64)));
    ret = project_name_ok(ret) ? arena_str(a, ret) : S("project");
    buf_free(&b);
    return ret;
}

static void wrong_setting(struct reading *r, const struct node *root, const char *key, const char *remedy)
{
    const struct node *n = node_get(root, key);

    diags_add(r->diags, DIAG_ERROR, n->pos, "\"%s\" cannot be \"" STR_FMT "\"", key, STR_ARG(n->text));
    diags_remedy(r->diags, "%s", remedy);
}

static void open_zone(struct reading *r, const struct node *root)
{
    struct project *p = r->p;
    struct errinfo ei;

    if (zone_open(p->settings.timezone, &p->zone, &ei) == OK)
        return;
    p->zone = NULL;
    diags_add(r->diags, DIAG_ERROR,
              root && node_get(root, "timezone") ? node_get(root, "timezone")->pos : (struct pos){0}, "%s", ei.msg);
    diags_remedy(r->diags, "%s",
                 ei.hint[0] ? ei.hint : "write a name such as " DEFAULT_ZONE ", UTC, or an offset such as +08:00");
}

static void place_state(struct reading *r, const struct node *root)
{
    struct project *p = r->p;
    struct str path = p->settings.state;

    if (!str_starts(path, S("sqlite:")) || path.n == 7 || memchr(path.p, '\0', path.n)) {
        wrong_setting(r, root, "state", "write \"sqlite:.sluice\", or another folder behind sqlite:");
        return;
    }
    path = str_sub(path, 7, path.n);
    p->state_dir =
        path.p[0] == '/' ? arena_cstr(p->arena, path) : arena_printf(p->arena, "%s/" STR_FMT, p->dir, STR_ARG(path)).p;
}

static void read_settings(struct reading *r)
{
    struct project *p = r->p;
    struct settings_raw raw = {.s = {.name = name_of_folder(p->arena, p->dir),
                                     .timezone = S(DEFAULT_ZONE),
                                     .state = S("sqlite:." PRODUCT),
                                     .listen = S("127.0.0.1:8420"),
                                     .journal_limit_bytes = UINT64_C(20000000000),
                                     .keep_journal_ms = INT64_C(30) * 86400000,
                                     .keep_runs_ms = INT64_C(180) * 86400000}};
    const struct node *root = NULL;

    if (folder_exists(p->dir, PRODUCT ".json"))
        root = folder_load(p->arena, p->dir, PRODUCT ".json", r->diags);
    if (root)
        (void)conf_fill(root, table_settings.specs, table_settings.n, &raw, DIAG_WARNING, p->arena, r->diags);
    if (raw.retention)
        (void)conf_fill(raw.retention, table_retention.specs, table_retention.n, &raw.s, DIAG_WARNING, p->arena,
                        r->diags);
    p->settings = raw.s;
    if (!project_name_ok(p->settings.name))
        wrong_setting(r, root, "name", "letters, digits, _, - and inner blanks, at most 64 characters");
    place_state(r, root);
    open_zone(r, root);
}

/* ---- integrations ---- */

struct candidate {
    struct str name, file; /* "orders", "integrations/orders.json" */
    const struct node *root;
    struct diags *diags; /* of loading it: told unless it is a document of another; NULL: none */
};

static struct str inside_folder(struct str file)
{
    return str_sub(file, sizeof "integrations/" - 1, file.n);
}

/* Loads the files, and marks in `documents` those that another names as its metadata. */
static struct candidate *load_candidates(struct reading *r, struct strs names, struct map *documents)
{
    static const char *const sides[] = {"source", "target"};
    struct arena *a = r->p->arena;
    struct candidate *all = ARENA_ARRAY(a, struct candidate, names.n + 1);

    for (size_t i = 0; i < names.n; i++) {
        struct candidate *c = &all[i];

        c->name = names.at[i];
        c->file = arena_printf(a, "integrations/" STR_FMT ".json", STR_ARG(c->name));
        if (!project_name_ok(c->name))
            continue;
        c->diags = diags_new();
        c->root = folder_load(a, r->p->dir, c->file.p, c->diags);
        if (!diags_count(c->diags, DIAG_NOTE)) {
            diags_free(c->diags);
            c->diags = NULL;
        }
        for (int s = 0; s < 2; s++)
            if (c->root)
                map_put(documents, reading_beside(c->root, sides[s]), i);
    }
    return all;
}

static void read_candidate(struct reading *r, const struct candidate *c)
{
    struct integration *i = &r->p->integrations[r->p->n_integrations++];
    bool clean = !c->diags || !diags_count(c->diags, DIAG_ERROR);

    *i = (struct integration){.name = c->name, .pos = {c->file.p, 0, 0}};
    if (c->diags)
        folder_copy_diags(c->diags, r->diags);
    if (c->root)
        reading_integration(r, c->root, c->name, i);
    i->ok &= clean;
}

/* Files with names that no integration can have. A document is one that was forgotten, unless an integration that could
 * not be read may have named it. */
static void check_file_name(struct reading *r, const struct candidate *c)
{
    for (size_t i = 0; i < r->p->n_integrations; i++)
        if (!r->p->integrations[i].ok && (str_ends(c->name, S(".source")) || str_ends(c->name, S(".target"))))
            return;
    if (!str_ends(c->name, S(".source")) && !str_ends(c->name, S(".target"))) {
        folder_bad_name(c->file.p, c->name, r->diags);
        return;
    }
    diags_add(r->diags, DIAG_WARNING, (struct pos){c->file.p, 0, 0}, "no integration names this document");
    diags_remedy(r->diags, "name it in an integration's \"metadata\", or remove it");
}

/* Adds the integrations of these names to those that were read. */
static void read_integrations(struct reading *r, struct strs names, bool all)
{
    struct project *p = r->p;
    struct map *documents = map_new();
    struct candidate *c = load_candidates(r, names, documents);
    struct integration *room = ARENA_ARRAY(p->arena, struct integration, p->n_integrations + names.n + 1);

    if (p->n_integrations)
        memcpy(room, p->integrations, p->n_integrations * sizeof *room);
    p->integrations = room;
    for (size_t i = 0; i < names.n; i++)
        if (project_name_ok(c[i].name) && map_get(documents, inside_folder(c[i].file)) == MAP_NONE)
            read_candidate(r, &c[i]);
    for (size_t i = 0; i < names.n; i++) {
        if (all && !project_name_ok(c[i].name) && map_get(documents, inside_folder(c[i].file)) == MAP_NONE)
            check_file_name(r, &c[i]);
        diags_free(c[i].diags);
    }
    map_free(documents);
}

/* Those of `only` that have a file, each once. */
static struct strs existing(struct reading *r, const struct str *only, size_t n_only)
{
    struct arena *a = r->p->arena;
    struct str *names = ARENA_ARRAY(a, struct str, n_only + 1);
    struct strs ret = {names, 0};

    for (size_t i = 0; i < n_only; i++)
        if (project_name_ok(only[i]) && !strs_has(ret, only[i]) &&
            folder_exists(r->p->dir, arena_printf(a, "integrations/" STR_FMT ".json", STR_ARG(only[i])).p))
            names[ret.n++] = arena_str(a, only[i]);
    return ret;
}

/* What the documents of the integrations look up, as far as it has a file and was not read yet. */
static struct strs looked_up(struct reading *r)
{
    struct project *p = r->p;
    struct lookup_list found = {0};
    struct str *names;
    size_t n = 0;

    for (size_t i = 0; i < p->n_integrations; i++) {
        if (p->integrations[i].source_doc)
            meta_lookups(p->integrations[i].source_doc, p->arena, &found);
        if (p->integrations[i].target_doc)
            meta_lookups(p->integrations[i].target_doc, p->arena, &found);
    }
    names = ARENA_ARRAY(p->arena, struct str, found.n + 1);
    for (size_t i = 0; i < found.n; i++) {
        bool read = false;

        for (size_t k = 0; k < p->n_integrations; k++)
            read |= str_eq(p->integrations[k].name, found.at[i]->integration);
        if (!read)
            names[n++] = found.at[i]->integration;
    }
    return existing(r, names, n);
}

static void read_connections(struct reading *r, bool all)
{
    struct project *p = r->p;
    size_t n;

    r->connection_names = folder_names(p->arena, p->dir, "connections", r->diags);
    n = r->connection_names.n + 1;
    p->connections = ARENA_ARRAY(p->arena, struct connection, n);
    r->connectors = ARENA_ARRAY(p->arena, const struct connector *, n);
    r->connector_names = ARENA_ARRAY(p->arena, struct str, n);
    for (size_t i = 0; all && i < r->connection_names.n; i++) {
        struct str name = r->connection_names.at[i];
        const char *shown = arena_printf(p->arena, "connections/" STR_FMT ".json", STR_ARG(name)).p;

        if (project_name_ok(name))
            (void)reading_connection(r, name, (struct pos){shown, 0, 0});
        else
            folder_bad_name(shown, name, r->diags);
    }
}

/* ---- maps ---- */

struct map_names {
    struct map *seen;
    bool missing; /* a document names one that has no file */
};

static void read_map(struct reading *r, struct str name)
{
    const char *shown = arena_printf(r->p->arena, "maps/" STR_FMT ".json", STR_ARG(name)).p;
    const struct node *rows;

    if (!project_name_ok(name)) {
        folder_bad_name(shown, name, r->diags);
        return;
    }
    rows = folder_load(r->p->arena, r->p->dir, shown, r->diags);
    if (rows)
        maps_add(r->p->maps, name, rows, r->diags);
}

static void read_maps_of(struct reading *r, struct meta_fields group, struct map_names *m)
{
    struct arena *a = r->p->arena;

    for (size_t i = 0; i < group.n; i++) {
        const struct meta_field *f = &group.at[i];

        if (f->n_children) /* as deep as documents are, 64 levels */
            read_maps_of(r, (struct meta_fields){f->children, f->n_children}, m);
        if (!f->map_name.n || !map_put(m->seen, f->map_name, 0))
            continue;
        if (project_name_ok(f->map_name) &&
            folder_exists(r->p->dir, arena_printf(a, "maps/" STR_FMT ".json", STR_ARG(f->map_name)).p))
            read_map(r, f->map_name);
        else
            m->missing = true;
    }
}

/* The maps that the integrations name. Where one is missing all are read, so that the nearest name can be told. */
static void read_needed_maps(struct reading *r)
{
    struct map_names m = {.seen = map_new()};
    struct project *p = r->p;

    for (size_t i = 0; i < p->n_integrations; i++) {
        const struct meta_doc *docs[] = {p->integrations[i].source_doc, p->integrations[i].target_doc};

        for (int d = 0; d < 2; d++) {
            if (!docs[d])
                continue;
            read_maps_of(r, docs[d]->request, &m);
            read_maps_of(r, docs[d]->other_request, &m);
            read_maps_of(r, docs[d]->take_over, &m);
        }
    }
    if (m.missing) {
        struct strs names = folder_names(p->arena, p->dir, "maps", r->diags);

        for (size_t i = 0; i < names.n; i++)
            if (map_get(m.seen, names.at[i]) == MAP_NONE)
                read_map(r, names.at[i]);
    }
    map_free(m.seen);
}

static void read_all_maps(struct reading *r)
{
    struct strs names = folder_names(r->p->arena, r->p->dir, "maps", r->diags);

    for (size_t i = 0; i < names.n; i++)
        read_map(r, names.at[i]);
}

/* ---- the whole ---- */

/* Patterns are held against the names when all integrations were read. */
static void read_alerts(struct reading *r, bool all)
{
    struct project *p = r->p;
    struct str *names = ARENA_ARRAY(p->arena, struct str, p->n_integrations + 1);
    bool chinese = str_eq(p->settings.timezone, S(DEFAULT_ZONE));

    for (size_t i = 0; i < p->n_integrations; i++)
        names[i] = p->integrations[i].name;
    p->alerts = alert_settings_read(p->settings.alerts, (struct strs){names, all ? p->n_integrations : 0}, chinese,
                                    p->arena, r->diags);
}

static enum err find_folder(const char *dir, char **ret, struct errinfo *ei)
{
    char *real = realpath(dir, NULL);

    if (!real) {
        fail(ei, ERR_CONFIG, "there is no project in %s: %s", dir, strerror(errno));
        return fail_hint(ei, "run `" PRODUCT " init %s` to make one, or name another folder with -C", dir);
    }
    if (folder_exists(real, PRODUCT ".json") || (folder_has(real, "connections") && folder_has(real, "integrations"))) {
        *ret = real;
        return OK;
    }
    fail(ei, ERR_CONFIG, "there is no project in %s: neither " PRODUCT ".json nor connections/ and integrations/",
         real);
    free(real);
    return fail_hint(ei, "run `" PRODUCT " init` there to make one, or name another folder with -C");
}

enum err project_open(const char *dir, const struct str *only, size_t n_only, struct diags *diags, struct project **ret,
                      struct errinfo *ei)
{
    struct reading r = {.diags = diags};
    struct arena *a;
    char *real = NULL;
    enum err err = find_folder(dir, &real, ei);

    if (err)
        return err;
    a = arena_new(ARENA_MAX_BYTES);
    r.p = ARENA_NEW(a, struct project);
    r.p->arena = a;
    r.p->dir = arena_cstr(a, str_of(real));
    r.p->state_dir = arena_printf(a, "%s/." PRODUCT, real).p;
    r.p->maps = maps_new(a);
    free(real);
    read_settings(&r);
    read_connections(&r, n_only == 0);
    if (n_only) {
        size_t n;

        read_integrations(&r, existing(&r, only, n_only), false);
        n = r.p->n_integrations;
        read_integrations(&r, looked_up(&r), false);
        r.p->n_known = r.p->n_integrations;
        read_needed_maps(&r);
        r.p->n_integrations = n;
    } else {
        read_integrations(&r, folder_names(a, r.p->dir, "integrations", diags), true);
        read_all_maps(&r);
        r.p->n_known = r.p->n_integrations;
    }
    read_alerts(&r, n_only == 0);
    r.p->traces = trace_settings_read(r.p->settings.traces, r.p->arena, r.diags);
    *ret = r.p;
    return OK;
}

void project_close(struct project *p)
{
    struct arena *a = p ? p->arena : NULL;

    if (!p)
        return;
    zone_free(p->zone);
    arena_free(a);
}

const struct integration *project_integration(const struct project *p, struct str name)
{
    for (size_t i = 0; i < p->n_known; i++)
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
    struct str *names = mem_alloc((p->n_known + 1) * sizeof *names);
    const char *found;

    for (size_t i = 0; i < p->n_known; i++)
        names[i] = p->integrations[i].name;
    found = folder_nearest((struct strs){names, p->n_known}, name);
    free(names);
    return found;
}
