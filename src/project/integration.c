/* One source and one target: integrations/NAME.json with its two documents, which stand inside it or beside it.
 *
 * A path may leave the folder integrations/, never the project, whether by "..", by a link or by beginning at the root:
 * a project is copied and imported as a whole. What the documents mean together (columns, interfaces, templates) is
 * for flow/ to say; here each is read alone. */
#include "project/reading.h"

#include "base/crontab.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

static bool bad(struct reading *r, const struct node *n, const char *what, const char *remedy)
{
    diags_add(r->diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" %s", STR_ARG(n->key), what);
    diags_remedy(r->diags, "%s", remedy);
    return false;
}

static bool check_crontab(struct reading *r, const struct node *n, struct str text)
{
    struct crontab unused;
    const char *why;

    if (crontab_parse(text, &unused, &why))
        return true;
    diags_add(r->diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" is no schedule: %s", STR_ARG(text), why);
    diags_remedy(r->diags, "write five fields as in \"*/5 * * * *\", or \"@every 30s\"");
    return false;
}

/* ---- documents ---- */

/* The path below the project's folder of what the text names, or NULL after an error. In the arena. */
static const char *document_path(struct reading *r, const struct node *n)
{
    struct arena *a = r->p->arena;
    size_t root = strlen(r->p->dir);
    const char *inside = NULL;
    struct stat st;
    char *real;

    if (!n->text.n || memchr(n->text.p, '\0', n->text.n) || n->text.p[0] == '/' || n->text.n >= PATH_MAX) {
        bad(r, n, "is not the path of a file that begins at this file", "write as in \"orders.source.json\"");
        return NULL;
    }
    real = realpath(arena_printf(a, "%s/integrations/%s", r->p->dir, arena_cstr(a, n->text)).p, NULL);
    if (!real)
        bad(r, n, "names a file that is not there", "the path begins at this file");
    else if (strncmp(real, r->p->dir, root) != 0 || real[root] != '/')
        bad(r, n, "names a file outside the project", "move it into the project");
    else if (stat(real, &st) || !S_ISREG(st.st_mode))
        bad(r, n, "names no regular file", "a document is an ordinary file");
    else
        inside = arena_cstr(a, str_of(real + root + 1));
    free(real);
    return inside;
}

static const struct meta_doc *read_document(struct reading *r, const struct node *n, enum side side)
{
    const struct node *root = n;
    size_t errors = diags_count(r->diags, DIAG_ERROR);
    const struct meta_doc *doc;

    if (n->type == NODE_STRING) {
        const char *shown = document_path(r, n);

        root = shown ? folder_load(r->p->arena, r->p->dir, shown, r->diags) : NULL;
    } else if (n->type != NODE_OBJECT) {
        diags_add(r->diags, DIAG_ERROR, n->pos, "\"metadata\" is %s, a document or the path of one is expected",
                  folder_type(n));
        return NULL;
    }
    doc = root ? meta_read(r->p->arena, root, side, r->diags) : NULL;
    if (doc && doc->remedy_crontab.n) {
        const struct node *crontab = node_get(doc->omission_remedy, "crontab");

        if (crontab)
            (void)check_crontab(r, crontab, doc->remedy_crontab);
    }
    return diags_count(r->diags, DIAG_ERROR) == errors ? doc : NULL;
}

/* ---- sides ---- */

struct end {
    const struct connection *connection;
    const struct meta_doc *doc;
    struct str crontab;
    bool ok;
};

static struct end read_end(struct reading *r, const struct node *n, enum side side)
{
    struct end e = {.ok = false};
    struct side_raw raw = {.metadata = NULL};
    const struct node *connection, *crontab;

    if (!n)
        return e;
    e.ok = conf_fill(n, table_side.specs, table_side.n, &raw, DIAG_WARNING, r->p->arena, r->diags);
    connection = node_get(n, "connection");
    crontab = node_get(n, "crontab");
    if (connection && raw.connection.p)
        e.connection = reading_connection(r, raw.connection, connection->pos);
    if (crontab && raw.crontab.p && !check_crontab(r, crontab, raw.crontab))
        e.ok = false;
    if (raw.metadata)
        e.doc = read_document(r, raw.metadata, side);
    e.crontab = raw.crontab;
    e.ok &= e.connection && e.connection->ok && e.doc;
    return e;
}

static bool read_start(struct reading *r, const struct node *root, struct str text, struct integration *out)
{
    const struct node *n = node_get(root, "start");
    int64_t ms;

    if (!n || !text.p || !r->p->zone)
        return true;
    if (!time_parse(text, r->p->zone, &ms)) {
        diags_add(r->diags, DIAG_ERROR, n->pos, "\"start\" is \"" STR_FMT "\", which is no time", STR_ARG(text));
        diags_remedy(r->diags, "write as in \"2026-11-01 00:00:00\"");
        return false;
    }
    out->has_start = true;
    out->start_s = ms / 1000;
    return true;
}

/* ---- what becomes of rows, reading again ---- */

#define TIERS_MAX 8

static bool read_children(struct reading *r, const struct node *n, struct integration *out)
{
    struct children_raw raw = {.gone = GONE_KEEP};
    bool ok = !n || conf_fill(n, table_children.specs, table_children.n, &raw, DIAG_WARNING, r->p->arena, r->diags);

    out->parent = raw.parent;
    out->child_gone = (enum gone)raw.gone;
    return ok;
}

static int by_width(const void *x, const void *y)
{
    const struct reread *a = x, *b = y;

    return a->back_ms < b->back_ms ? -1 : a->back_ms > b->back_ms;
}

static bool read_tier(struct reading *r, const struct node *n, struct reread *ret)
{
    if (!conf_fill(n, table_reread.specs, table_reread.n, ret, DIAG_WARNING, r->p->arena, r->diags))
        return false;
    if (ret->every_ms > 0 && ret->back_ms > 0)
        return true;
    diags_add(r->diags, DIAG_ERROR, n->pos, "a tier of \"reread\" needs \"every\" and \"back\" above zero");
    diags_remedy(r->diags, "write as in {\"every\": \"1h\", \"back\": \"1d\"}");
    return false;
}

static bool read_tiers(struct reading *r, const struct node *n, struct integration *out)
{
    struct reread *tiers = ARENA_ARRAY(r->p->arena, struct reread, TIERS_MAX);
    bool ok = true;

    if (!n)
        return true;
    if (n->type != NODE_ARRAY || n->n_children > TIERS_MAX)
        return bad(r, n, "is no list of at most 8 tiers", "write as in [{\"every\": \"1h\", \"back\": \"1d\"}]");
    for (const struct node *t = n->child; t; t = t->next)
        ok &= read_tier(r, t, &tiers[out->n_tiers++]);
    qsort(tiers, out->n_tiers, sizeof *tiers, by_width);
    out->tiers = tiers;
    return ok;
}

/* What needs the name of a column, or excludes another. */
static bool check_policies(struct reading *r, const struct node *root, struct integration *out)
{
    if (out->mark_column.p && !out->mark_column.n)
        return bad(r, node_get(root, "mark_column"), "is empty", "name a column of the target");
    if (!out->mark_column.n)
        out->mark_column = S("sluice_gone");
    if (node_get(root, "children") && !out->parent.n)
        return bad(r, node_get(root, "children"), "has an empty parent",
                   "name the target column that all rows of a record share, such as o_id");
    if (out->guard.p && !out->guard.n)
        return bad(r, node_get(root, "guard"), "is empty", "name a column of the target, such as modified");
    return true;
}

static struct pos pos_of(const struct node *root, const char *key)
{
    const struct node *n = node_get(root, key);

    return n ? n->pos : root->pos;
}

static void hint_metadata(struct reading *r, const struct node *root)
{
    if (node_get(root, "source") || node_get(root, "target") || (!node_get(root, "api") && !node_get(root, "request")))
        return;
    diags_add(r->diags, DIAG_NOTE, root->pos,
              "this looks like the metadata of a source or target, not like an integration");
    diags_remedy(r->diags,
                 "name it NAME.source.json or NAME.target.json, and name it in an integration's \"metadata\"");
}

void reading_integration(struct reading *r, const struct node *root, struct str name, struct integration *out)
{
    struct integration_raw raw = {.i = {.lag_ms = 10000, .overlap_ms = 300000, .enabled = true},
                                  .keep = KEEP_ERRORS,
                                  .left_filter = GONE_KEEP,
                                  .drift = DRIFT_WARN};
    bool ok = conf_fill(root, table_integration.specs, table_integration.n, &raw, DIAG_WARNING, r->p->arena, r->diags);
    struct end source, target;

    if (root->type == NODE_OBJECT)
        hint_metadata(r, root);
    source = read_end(r, raw.source, SIDE_SOURCE);
    target = read_end(r, raw.target, SIDE_TARGET);
    *out = raw.i;
    out->name = name;
    out->pos = root->pos;
    out->source = source.connection;
    out->source_doc = source.doc;
    out->source_crontab = source.crontab;
    out->target = target.connection;
    out->target_doc = target.doc;
    out->target_crontab = target.crontab;
    out->keep_records = raw.keep == KEEP_RECORDS;
    out->left_filter = (enum gone)raw.left_filter;
    out->gone_pos = pos_of(root, node_get(root, "children") ? "children" : "left_filter");
    out->guard_pos = pos_of(root, "guard");
    out->drift = (enum drift)raw.drift;
    ok &= read_start(r, root, raw.start, out);
    ok &= read_children(r, raw.children, out);
    ok &= read_tiers(r, raw.reread, out);
    ok = ok && check_policies(r, root, out);
    out->ok = ok && source.ok && target.ok;
}

struct str reading_beside(const struct node *root, const char *side)
{
    const struct node *n = node_get(node_get(root, side), "metadata");

    if (!n || n->type != NODE_STRING || !n->text.n)
        return str_mk("", 0);
    return str_starts(n->text, S("./")) ? str_sub(n->text, 2, n->text.n) : n->text;
}
