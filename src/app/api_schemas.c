/* What the routes of the API answer, for the OpenAPI document; described as in server/schema.h. A test asks every route
 * of a project that has run and compares: an answer has these members, of these types, and no others. */
#include "app/serving.h"

#define VERDICT "'ok'|'partial'|'failed'|'interrupted'"

/* The summary of a run, as `sluice run --json` prints it; an audit has one of its own. */
#define RUN_SUMMARY                                                                                                    \
    "{integration: text, status: " VERDICT ", from: time|int?, to: time|int?, cursor: time|int?, windows: int, "       \
    "calls: int, throttled: int, retries: int, pages: int, records: int, folded: int, filtered: int, repeats: int, "   \
    "rows: int, dead: int, missing_found: int, removed: int, bytes: int, duration_ms: int, verified: bool, "           \
    "error: problem?}"

#define AUDIT_SUMMARY                                                                                                  \
    "{integration: text, status: text, from: time?, to: time?, calls: int, windows: int, pages: int, "                 \
    "records: int, filtered: int, unmapped: int, rows: int, missing: int, stale: int, orphaned: int, dead: int, "      \
    "repaired: int, orphans_sought: text, verified: bool, duration_ms: int, findings: [object], "                      \
    "repair: run_summary?, error: problem?}"

const struct answer_schema api_schemas[] = {
    {"problem", "{code: text, message: text, hint: text?}"},
    {"row", "{name: text, title: text, enabled: bool, paused: bool, state: text, reason: text?, cursor: time|int?, "
            "freshest: time?, fresh_ms: int?, behind_ms: int?, dead: int, gaps: int, found_missing: int, "
            "windows_open: int, changes: int, schedule: text?, target_schedule: text?, next: time?, rows_today: int, "
            "records_today: int, errors_today: int, spark: [int], waiting: int, last: {run: int, kind: text, "
            "status: text, started: time?, ended: time?, error: text?}?, running: running?}"},
    {"overview", "{now: time, totals: {integrations: int, running: int, failing: int, rows_today: int, dead: int, "
                 "found_missing: int, firing: int}, integrations: [row]}"},
    {"run_summary", RUN_SUMMARY},
    {"audit_summary", AUDIT_SUMMARY},
    {"window", "{run: int, purpose: text, from: time|int?, to: time|int?, position: int, total_before: int?, "
               "total_after: int?, pages: int, ids: int?, records: int, folded: int, filtered: int, repeats: int, "
               "shaped: int, rows: int, dead_records: int, dead: int, missing_found: int, whole: bool, verified: bool, "
               "why: text?, read: time?}"},
    {"standing", "{integration: text, title: text, enabled: bool, paused: bool, cursor: time|int?, fetched: time|int?, "
                 "freshest: time?, behind_ms: int?, dead: int, gaps: int, upstream_down: any, retry: {failures: int, "
                 "code: text?, next: time?}?, changes: [object], windows_open: int, windows: [window], "
                 "found_missing: int, lateness: object?, audit: {at: time, from: time, to: time, status: text, "
                 "verified: bool, missing: int, stale: int, orphaned: int, repaired: int}?, promise: text?, "
                 "path: text?, last_run: run_summary?, last_status: text?, last_started: time?}"},
    {"status", "{project: text, integrations: [standing]}"},
    {"integration", "{row: row, status: standing?, source: text?, target: text?, keep_records: bool, live: live?}"},
    {"live", "object"},
    {"running", "object"},
    {"job", "{job: int, integration?: text, kind?: text, state?: 'queued'|'running'|'ended', since?: time?, "
            "ended?: time?, live?: live?, summary?: run_summary|audit_summary?}"},
    {"jobs", "{jobs: [int]}"},
    {"runs", "{runs: [{run: int, integration: text, kind: text, status: text, started: time?, ended: time?, "
             "summary: run_summary|audit_summary?}], next: int|text?}"},
    {"series", "{step: int, at: [int], rows: [number?], records: [number?], calls: [number?], errors: [number?], "
               "latency_p50: [number?], latency_p99: [number?], freshness: [number?], quota: [number?]}"},
    {"windows", "{windows: [window], next: int|text?}"},
    {"cursor", "{integration: text, cursor: time|int?, before: time|int?, moved: bool, skips: bool}"},
    {"letter_row",
     "{letter: int, id: text?, target_id: text?, version: text?, state: text, code: text?, reason: text?, "
     "page: int, row: int, line: int, tries: int, edited: any, edited_raw?: any, created: time?, "
     "tried: time?}"},
    {"dead", "{letters: [letter_row], count: int, next: int?}"},
    {"letter", "{letter: letter_row, raw: any}"},
    {"dropped", "{dropped: int}"},
    /* one record's story has all of it, a list the first lines; the second line is of records that are kept */
    {"record", "{id: text?, version: text?, state: text, fetched: time?, page: int, row: int, run: int, rows: int, "
               "why: text?, fate?: text?, condition?: text?, committed?: time?, batch?: int?, call?: text?, "
               "window_from?: time?, window_to?: time?, again?: [rewrite], letters?: [letter_row], raw?: any, "
               "mapped?: [object], "
               "statements?: [text?], target?: any, target_error?: problem?}"},
    {"rewrite", "{run: int, batch: int, committed: time?}"},
    {"records", "{records: [record], next?: text?, missing?: [text], dead_letters?: [letter_row]}"},
    {"field", "{path: text, types: text, longest: int, digits_before: int, digits_after: int, seen: int, of: int, "
              "since: time?, first_run: int, last: time?, last_run: int, known: bool, columns: text?}"},
    {"fields", "{integration: text, records?: int, fields?: [field], changes?: [object], accepted?: int}"},
    {"ddl", "{integration: text, table: text, sql: text, sample_rows: int, created: bool, sample_error: problem?}"},
    {"document", "{path: text?, text: text?}"},
    {"metadata", "{version: text, integration: document, source: document, target: document}"},
    {"version", "{version: text}"},
    {"versions", "{versions: [{version: text, number: int, at: time, user: text?, comment: text?}]}"},
    {"diagnostics", "{ok: bool, errors: int, warnings: int, integrations: int, diagnostics: [{file: text, line: int, "
                    "column: int, severity: 'error'|'warning'|'note', what: text, remedy: text?, nearest: text?}], "
                    "online?: [{integration: text, "
                    "source: {ok: bool, address?: text?, latency_ms?: int?, records?: int?, error: problem?}?, "
                    "target: {ok: bool, server?: text?, path?: text?, promise?: text?, latency_ms?: int?, "
                    "error: problem?}?}]}"},
    {"preview", "{integration: text, statement: text, request: text, records: int, rows: [{id: text?, fate: text, "
                "why: text?, mapped: object?, raw: any}]}"},
    {"connection", "{name: text, connector: text, kind: 'source'|'target', environment: text?, params: object, "
                   "secrets: [{param: text, set: bool, required: bool}], state: text, since: time?, failures: int, "
                   "quota?: {left: int, limit: int, per_ms: int}?, clock_offset_ms: int?, used_by: [text]}"},
    {"connections", "{connections: [connection]}"},
    {"tested", "{ok: bool, took_ms?: int, message: text?, hint?: text?}"},
    {"alert", "{id: text, rule: text, severity: text, state: 'pending'|'firing'|'resolved', integration: text, "
              "since: time?, count: int, summary: text, detail: text?, action: text, link: text?, title: text, "
              "doing: text, fired: time?, told: time?, ended: time?, value: int, over: int, silenced: bool}"},
    {"alerts", "{alerts: [alert], total?: int, firing?: int, next?: int?}"},
    {"alert_rules", "{rules: [{rule: text, title: text, severity: text, off: bool, default: bool, factor?: int, "
                    "over?: int, for: text?, repeat: text?, channels: [text], integrations: [text]}]}"},
    {"alert_channels", "{channels: [{name: text, type: text, target: text, to: [text], mentions: int, signed: bool, "
                       "state: text, waiting: int, last: time?, last_failed: time?, banned_until: time?, "
                       "error: text?}]}"},
    {"silence", "{id: int}"},
    {"silences", "{silences: [{id: int, rule: text?, integration: text?, until: time, comment: text?, user: text?}]}"},
    {"done", "{}"},
    {"log", "{lines: [object]}"},
    {"connectors", "{connectors: [{name: text, title: text, kind: text, interfaces: int}]}"},
    {"connector", "{name: text, title: text, kind: text, quota: {calls: int, per_ms: int}?, params: [{name: text, "
                  "help: text?, default: text?, required: bool, secret: bool}], interfaces: [object]}"},
    {"schema", "object"},
};
const size_t n_api_schemas = sizeof api_schemas / sizeof *api_schemas;
