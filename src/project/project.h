/* A project is a folder: sluice.json, connections/, integrations/, maps/, .sluice/. Reading it gives views into one
 * arena and a list of diagnostics; nothing is opened or connected here. */
#ifndef PROJECT_PROJECT_H
#define PROJECT_PROJECT_H

#include "connector/connector.h"
#include "meta/doc.h"
#include "project/alerts.h"
#include "project/traces.h"

struct connection {
    struct str name;
    struct pos pos;
    const struct connector *connector; /* NULL when it could not be read */
    struct option_values options;      /* as written: references unresolved; in the order of connector_options() */
    const struct pos *option_pos;
    int64_t requests, per_ms; /* limits, the connector's quota by default */
    int64_t timeout_ms;       /* of a call, or of a database's silence; 0: not given */
    struct str environment;
    bool ok; /* no errors */
};

/* What a change of the records' fields does. */
enum drift { DRIFT_IGNORE, DRIFT_WARN, DRIFT_ADD_COLUMN, DRIFT_STOP };
/* A tier of reading again: every `every_ms`, the last `back_ms` before now. */
struct reread {
    int64_t every_ms, back_ms;
};

struct integration {
    struct str name, title;
    struct pos pos;
    const struct connection *source, *target; /* NULL when unknown */
    const struct meta_doc *source_doc, *target_doc;
    struct str source_crontab, target_crontab;
    bool has_start;
    int64_t start_s;            /* in the project's zone */
    int64_t lag_ms, overlap_ms; /* defaults 10 s, 5 min */
    bool keep_records;
    struct str parent;              /* children.parent: the target column that all rows of a record share, or empty */
    enum gone child_gone;           /* rows of a record that its newest version no longer has */
    enum gone left_filter;          /* rows of a record that the condition no longer passes */
    struct str mark_column;         /* GONE_MARK sets it to 1, a row that is back to 0 */
    struct str guard;               /* the target column that never goes back, or empty */
    struct pos gone_pos, guard_pos; /* where children or left_filter, and guard, are declared */
    const struct reread *tiers;     /* narrowest first */
    size_t n_tiers;
    enum drift drift;
    bool enabled;
    bool ok;
};

struct project_settings {
    struct str name; /* the folder's name by default; stands in the target's checkpoint */
    struct str timezone, state, listen;
    uint64_t journal_limit_bytes;          /* 20 GB */
    int64_t keep_journal_ms, keep_runs_ms; /* 30 d, 180 d */
    /* What `serve` reads; NULL when not given. */
    bool behind_proxy;
    const struct node *tls, *alerts, *users, *traces;
};

struct project {
    const char *dir;       /* absolute */
    const char *state_dir; /* absolute; dir/.sluice unless "state" names another folder */
    struct project_settings settings;
    struct zone *zone; /* owned; NULL when the name is unknown */
    struct connection *connections;
    size_t n_connections;
    struct integration *integrations;
    size_t n_integrations; /* those asked for; behind them, up to n_known, what their documents look up */
    size_t n_known;
    const struct alert_settings *alerts; /* as settings.alerts says, or the defaults; never NULL */
    const struct trace_settings *traces; /* never NULL */
    struct maps *maps;
    struct arena *arena;
};

/* Reads the folder. `only`: integrations to read (with their connections, and the integrations that their documents
 * look up), n_only 0: all. ERR_CONFIG when there is no
 * project there (hint: sluice init); errors inside files go to `diags` and the project is returned as far as it could
 * be read. */
enum err project_open(const char *dir, const struct str *only, size_t n_only, struct diags *diags, struct project **ret,
                      struct errinfo *ei) MUST_USE;
void project_close(struct project *p);                                                   /* NULL is fine */
const struct integration *project_integration(const struct project *p, struct str name); /* NULL when unknown */
const struct connection *project_connection(const struct project *p, struct str name);
/* Names for "did you mean". NULL when none is near. */
const char *project_nearest_integration(const struct project *p, struct str name);

/* The connectors that ship with the program: the folder is found next to the binary (build tree: ../connectors,
 * installed: share/…/connectors) or by $SLUICE_CONNECTORS; a project's own connectors/NAME/connector.json wins. */
enum err connectors_dir(struct arena *a, struct str *ret, struct errinfo *ei) MUST_USE;
const struct connector *connector_find(struct arena *a, const char *project_dir, struct str name, struct pos asked_at,
                                       struct diags *diags); /* NULL after errors */
enum err connector_names(struct arena *a, const char *project_dir, struct strs *ret, struct errinfo *ei) MUST_USE;

/* The values of a connection's options, ready for use: references resolved, relative paths begun at the project's
 * folder. In `a`; ERR_SECRET names the connection. */
enum err connection_values(const struct project *p, const struct connection *c, struct arena *a, struct strs *ret,
                           struct errinfo *ei) MUST_USE;

/* A name of a project, integration or connection (decisions 25): letters of any script, digits, _ - and inner blanks,
 * at most 64 characters. */
bool project_name_ok(struct str name);

/* JSON Schemas by name: "project", "connection", "integration", "source", "target", "map", "connector". False when
 * unknown. */
bool project_schema(struct str name, struct buf *out);
extern const char *const project_schema_names[]; /* NULL-terminated */

#endif
