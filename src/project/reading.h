/* What the parts of the project reader share. Only src/project includes it. */
#ifndef PROJECT_READING_H
#define PROJECT_READING_H

#include "project/project.h"

struct reading {
    struct project *p;
    struct diags *diags;
    struct strs connection_names;        /* of the files in connections/, sorted */
    const struct connector **connectors; /* those that were read, NULL for broken ones */
    struct str *connector_names;         /* their names, parallel */
    size_t n_connectors;
};

/* ---- folder.c: files and names ---- */

/* The names of the files dir/sub/NAME.json, sorted; none when there is no such folder. An unreadable folder is an error
 * in `diags`. */
struct strs folder_names(struct arena *a, const char *dir, const char *sub, struct diags *diags);
bool folder_has(const char *dir, const char *name);    /* is there a folder of that name? */
bool folder_exists(const char *dir, const char *name); /* is there anything of that name? */
/* Loads dir/shown, which must not be a link out of `dir`. NULL after errors. */
const struct node *folder_load(struct arena *a, const char *dir, const char *shown, struct diags *diags);
void folder_copy_diags(const struct diags *from, struct diags *to);
const char *folder_type(const struct node *n); /* "an array" */
/* Reports a file whose name cannot be a name. `shown`: "connections/a.b.json". */
void folder_bad_name(const char *shown, struct str name, struct diags *diags);
/* The entry of `names` nearest to `name`, or NULL. */
const char *folder_nearest(struct strs names, struct str name);
bool strs_has(struct strs list, struct str s);

/* ---- tables.c: how the documents are spelled ---- */

struct settings_raw {
    struct project_settings s;
    const struct node *retention;
};
struct connection_raw {
    struct str connector, environment, title;
    const struct node *params, *limits;
    int64_t timeout_ms; /* -1: not given */
};
struct limits_raw {
    int64_t requests, per_ms;
};
struct integration_raw {
    struct integration i; /* what is filled as it stands */
    struct str start;
    int keep; /* index into keep_names */
    int left_filter, drift;
    const struct node *source, *target, *children, *reread;
};
struct children_raw {
    struct str parent;
    int gone;
};
struct side_raw {
    struct str connection, crontab;
    const struct node *metadata;
};
struct project_table {
    const struct field_spec *specs;
    size_t n;
};
enum { KEEP_ERRORS, KEEP_RECORDS };
extern const struct project_table table_settings, table_retention, table_project_connection, table_limits,
    table_integration, table_side, table_children, table_reread;

/* ---- connection.c, integration.c ---- */

/* The connection of that name, read when it was not yet. NULL, told at `asked_at`, when there is none; one with errors
 * has `ok` false. */
const struct connection *reading_connection(struct reading *r, struct str name, struct pos asked_at);
/* Fills `out` from the document of an integration; `out->ok` says whether it can be used. */
void reading_integration(struct reading *r, const struct node *root, struct str name, struct integration *out);
/* The file that a side's "metadata" names beside the integration ("orders.source.json"), or empty. */
struct str reading_beside(const struct node *root, const char *side);

#endif
