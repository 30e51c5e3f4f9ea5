/* How the documents of a project are spelled: one table for each kind of object. The readers fill from them and the
 * JSON Schemas are written from them, so a key exists in both or in neither. */
#include "project/reading.h"

#define AT(type, member) offsetof(struct type, member)
#define TABLE(array)                                                                                                   \
    {                                                                                                                  \
        (array), sizeof(array) / sizeof *(array)                                                                       \
    }
#define MEMBERS(array) .members = (array), .n_members = sizeof(array) / sizeof *(array)

static const char *const keep_names[] = {"errors", "records", NULL};
static const char *const gone_names[] = {"keep", "delete", "mark", NULL};                /* enum gone */
static const char *const drift_names[] = {"ignore", "warn", "add-column", "stop", NULL}; /* enum drift */

static const struct field_spec retention[] = {
    {.name = "journal",
     .type = FIELD_DURATION,
     .offset = AT(project_settings, keep_journal_ms),
     .help = "How long pages that were fetched are kept after they were written (30d)."},
    {.name = "runs",
     .type = FIELD_DURATION,
     .offset = AT(project_settings, keep_runs_ms),
     .help = "How long the history of runs is kept (180d)."},
};

static const struct field_spec settings[] = {
    {.name = "$schema", .type = FIELD_IGNORED, .help = "The JSON Schema of this file, for editors."},
    {.name = "name",
     .type = FIELD_STRING,
     .offset = AT(settings_raw, s.name),
     .help = "The project's name (the folder's by default). Targets remember it: do not change it later."},
    {.name = "timezone",
     .type = FIELD_STRING,
     .offset = AT(settings_raw, s.timezone),
     .help = "The zone of times without offset, such as Asia/Shanghai (the default), UTC or +08:00."},
    {.name = "state",
     .type = FIELD_STRING,
     .offset = AT(settings_raw, s.state),
     .help = "Where the program keeps its own state: sqlite:FOLDER (sqlite:.sluice)."},
    {.name = "listen",
     .type = FIELD_STRING,
     .offset = AT(settings_raw, s.listen),
     .help = "Address and port of the dashboard (127.0.0.1:8420)."},
    {.name = "journal_limit",
     .type = FIELD_BYTES,
     .offset = AT(settings_raw, s.journal_limit_bytes),
     .help = "How large the journal may grow before fetching waits (20GB)."},
    {.name = "retention",
     .type = FIELD_NODE,
     .offset = AT(settings_raw, retention),
     MEMBERS(retention),
     .help = "How long journal and history are kept."},
    {.name = "tls",
     .type = FIELD_NODE,
     .offset = AT(settings_raw, s.tls),
     .help = "Certificate and key of the dashboard: {\"cert\", \"key\"}."},
    {.name = "behind_proxy",
     .type = FIELD_BOOL,
     .offset = AT(settings_raw, s.behind_proxy),
     .help = "Another server in front of the dashboard does TLS."},
    {.name = "alerts",
     .type = FIELD_NODE,
     .offset = AT(settings_raw, s.alerts),
     .members = alert_members,
     .n_members = ALERT_MEMBERS,
     .help = "Channels and rules of alerts."},
    {.name = "users", .type = FIELD_NODE, .offset = AT(settings_raw, s.users), .help = "Accounts of the dashboard."},
};

static const struct field_spec limits[] = {
    {.name = "requests",
     .type = FIELD_INT,
     .offset = AT(limits_raw, requests),
     .min = 1,
     .max = 1000000,
     .help = "Calls in a period."},
    {.name = "per", .type = FIELD_DURATION, .offset = AT(limits_raw, per_ms), .help = "The period, such as 1s."},
};

static const struct field_spec connection[] = {
    {.name = "$schema", .type = FIELD_IGNORED, .help = "The JSON Schema of this file, for editors."},
    {.name = "connector",
     .type = FIELD_STRING,
     .offset = AT(connection_raw, connector),
     .required = true,
     .help = "Which system it is: a name that `sluice connectors` lists."},
    {.name = "title", .type = FIELD_STRING, .offset = AT(connection_raw, title), .help = "For people."},
    {.name = "params",
     .type = FIELD_NODE,
     .offset = AT(connection_raw, params),
     .help = "The connector's parameters; `sluice connectors NAME` lists them. Secrets are references: ${env:NAME}, "
             "${file:PATH}, ${secret:NAME}."},
    {.name = "limits",
     .type = FIELD_NODE,
     .offset = AT(connection_raw, limits),
     MEMBERS(limits),
     .help = "How often it may be called, when that is not the connector's published quota."},
    {.name = "timeout",
     .type = FIELD_DURATION,
     .offset = AT(connection_raw, timeout_ms),
     .help = "How long the other side may take for a call (60s by default), or be silent if it is a database (120s)."},
    {.name = "environment",
     .type = FIELD_STRING,
     .offset = AT(connection_raw, environment),
     .help = "A word for people, such as production or test."},
};

static const struct field_spec side[] = {
    {.name = "connection",
     .type = FIELD_STRING,
     .offset = AT(side_raw, connection),
     .required = true,
     .help = "The name of a file in connections/, without .json."},
    {.name = "crontab",
     .type = FIELD_STRING,
     .offset = AT(side_raw, crontab),
     .help =
         "When it runs: five fields, @hourly and the like, or \"@every 30s\". A target without one writes at once."},
    {.name = "metadata",
     .type = FIELD_NODE,
     .offset = AT(side_raw, metadata),
     .required = true,
     .help = "The document in the metadata dialect, or the path of its file, beginning at this file."},
};

static const struct field_spec children[] = {
    {.name = "parent",
     .type = FIELD_STRING,
     .offset = AT(children_raw, parent),
     .required = true,
     .help = "The target column that all rows of one record share, such as o_id."},
    {.name = "gone",
     .type = FIELD_ENUM,
     .offset = AT(children_raw, gone),
     .names = gone_names,
     .help = "What becomes of rows that the record's newest version no longer has: keep, delete or mark."},
};

static const struct field_spec reread[] = {
    {.name = "every",
     .type = FIELD_DURATION,
     .offset = AT(reread, every_ms),
     .required = true,
     .help = "How often, such as 1h."},
    {.name = "back",
     .type = FIELD_DURATION,
     .offset = AT(reread, back_ms),
     .required = true,
     .help = "How far back from now, such as 1d."},
};

static const struct field_spec integration[] = {
    {.name = "$schema", .type = FIELD_IGNORED, .help = "The JSON Schema of this file, for editors."},
    {.name = "title", .type = FIELD_STRING, .offset = AT(integration_raw, i.title), .help = "For people."},
    {.name = "source",
     .type = FIELD_NODE,
     .offset = AT(integration_raw, source),
     .required = true,
     MEMBERS(side),
     .help = "Where records come from."},
    {.name = "target",
     .type = FIELD_NODE,
     .offset = AT(integration_raw, target),
     .required = true,
     MEMBERS(side),
     .help = "Where records go."},
    {.name = "start",
     .type = FIELD_STRING,
     .offset = AT(integration_raw, start),
     .help = "Where the first LAST_SYNC_TIME stands, in the project's zone (when it was first run)."},
    {.name = "lag",
     .type = FIELD_DURATION,
     .offset = AT(integration_raw, i.lag_ms),
     .help = "How far behind now a run ends, so that late commits of the source are in (10s)."},
    {.name = "overlap",
     .type = FIELD_DURATION,
     .offset = AT(integration_raw, i.overlap_ms),
     .help = "How much of what was read before is read again (5m)."},
    {.name = "keep",
     .type = FIELD_ENUM,
     .offset = AT(integration_raw, keep),
     .names = keep_names,
     .help = "What is kept for looking up: errors (the default) or all records."},
    {.name = "children",
     .type = FIELD_NODE,
     .offset = AT(integration_raw, children),
     MEMBERS(children),
     .help = "What happens when a record loses lines that it had before."},
    {.name = "left_filter",
     .type = FIELD_ENUM,
     .offset = AT(integration_raw, left_filter),
     .names = gone_names,
     .help = "What becomes of the rows of a record that the condition no longer passes: keep (the default), delete or "
             "mark."},
    {.name = "mark_column",
     .type = FIELD_STRING,
     .offset = AT(integration_raw, i.mark_column),
     .help = "The target column that `mark` sets to 1, and to 0 when the row is back (sluice_gone)."},
    {.name = "guard",
     .type = FIELD_STRING,
     .offset = AT(integration_raw, i.guard),
     .help = "A target column, such as modified, that never goes back: a row with a smaller value is not written over "
             "one with a greater."},
    {.name = "reread",
     .type = FIELD_NODE,
     .offset = AT(integration_raw, reread),
     MEMBERS(reread),
     .help = "Tiers of reading again, such as [{\"every\": \"1h\", \"back\": \"1d\"}, {\"every\": \"1d\", \"back\": "
             "\"7d\"}]; they take only calls that the ordinary runs leave over."},
    {.name = "drift",
     .type = FIELD_ENUM,
     .offset = AT(integration_raw, drift),
     .names = drift_names,
     .help = "What a change of the records' fields does: ignore, warn (the default), add-column or stop."},
    {.name = "enabled",
     .type = FIELD_BOOL,
     .offset = AT(integration_raw, i.enabled),
     .help = "Does its schedule count? (true)"},
};

const struct project_table table_settings = TABLE(settings), table_retention = TABLE(retention),
                           table_project_connection = TABLE(connection), table_limits = TABLE(limits),
                           table_integration = TABLE(integration), table_side = TABLE(side),
                           table_children = TABLE(children), table_reread = TABLE(reread);
