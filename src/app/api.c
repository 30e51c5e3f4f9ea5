/* The routes of /api/v1 that are about integrations: the table, and those that answer what a command of the command
 * line prints. A command runs inside this process with --json; its output is the body, the code of its error the
 * status. So there is one way to find out a thing, and two to ask. */
#include "app/serving.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/api_impl.h"
#include "app/out.h"
#include "base/product.h"

#define WORDS_MAX 24
#define SEARCH_S  "--seconds=3"  /* seconds of a search, whose answer says where to go on */
#define EXPORT_S  "--seconds=60" /* of a file, which is whole or an error */

/* The error that the command told, if its output is one. */
static bool told_error(struct str json, struct errinfo *ret)
{
    struct json_doc *doc = NULL;
    const struct json *e;
    struct errinfo ei;
    struct str code;

    *ret = (struct errinfo){.code = ERR_INTERNAL};
    if (json_parse(json, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        return false;
    e = json_get(json_root(doc), S("error"));
    code = json_text(json_get(e, S("code")));
    for (int c = OK + 1; c < ERR_COUNT; c++)
        if (code.n && str_eq(code, str_of(err_name((enum err)c))))
            ret->code = (enum err)c;
    if (code.n) {
        fail(ret, ret->code, STR_FMT, STR_ARG(json_text(json_get(e, S("message")))));
        fail_hint(ret, STR_FMT, STR_ARG(json_text(json_get(e, S("hint")))));
    }
    json_free(doc);
    return code.n > 0;
}

void api_command(const struct serving *s, const struct http_call *call, const char *const *words,
                 struct http_answer *ret)
{
    const char *argv[WORDS_MAX + 4] = {PRODUCT, "--json", "--quiet", NULL};
    struct errinfo ei;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    int argc = 3, status;

    if (!out)
        die_no_memory();
    argv[argc++] = arena_printf(call->arena, "--project=%s", s->dir).p;
    for (size_t i = 0; words[i] && i < WORDS_MAX; i++)
        argv[argc++] = words[i];
    status = command_main(argc, argv, out);
    fclose(out);
    if (status && status != STATUS_PARTIAL && told_error(str_mk(text, n), &ei))
        answer_err(ret, &ei);
    else
        buf_add(&ret->body, str_trim(str_mk(text, n)));
    free(text);
}

/* An option with a value, as one word. */
const char *api_option(const struct http_call *call, const char *name, const char *param)
{
    struct str text = call_text(call, param);

    return text.p ? arena_printf(call->arena, "--%s=" STR_FMT, name, STR_ARG(text)).p : NULL;
}

static void add(const char **words, const char *word)
{
    size_t n = 0;

    while (words[n])
        n++;
    if (word && n < WORDS_MAX - 1)
        words[n] = word;
}

static const char *number(const struct http_call *call, const char *option, int64_t otherwise)
{
    return arena_printf(call->arena, "--%s=%lld", option, (long long)call_int(call, "limit", otherwise)).p;
}

static const char *before_word(const struct http_call *call)
{
    return call_param(call, "before")->given
               ? arena_printf(call->arena, "--before=%lld", (long long)call_int(call, "before", 0)).p
               : NULL;
}

/* The integration of the path; false: there is none, and that is answered. */
bool api_name(const struct serving *s, const struct http_call *call, struct http_answer *ret, struct str *ret_name)
{
    struct service_look look;

    *ret_name = call_text(call, "name");
    service_look(s->service, *ret_name, &look);
    if (!look.known)
        answer_missing(ret, "integration", *ret_name, NULL);
    return look.known;
}

static const char *name_word(const struct http_call *call)
{
    return arena_cstr(call->arena, call_text(call, "name"));
}

/* ---- what commands answer ---- */

static void get_status(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"status"};

    api_command(ctx, call, words, ret);
}

static void get_runs(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"runs", number(call, "number", 50)};
    struct str name;

    add(words, before_word(call));
    add(words, "--");
    add(words, name_word(call));
    if (api_name(ctx, call, ret, &name))
        api_command(ctx, call, words, ret);
}

static void get_windows(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"runs", "--windows", number(call, "number", 100)};
    struct str name;

    add(words, before_word(call));
    add(words, "--");
    add(words, name_word(call));
    if (api_name(ctx, call, ret, &name))
        api_command(ctx, call, words, ret);
}

/* The list of ids as one word. */
static const char *ids_word(const struct http_call *call)
{
    struct strs ids = call_param(call, "ids")->list;
    struct buf b = buf_make(1u << 20);
    const char *word;

    if (!ids.n)
        return NULL;
    buf_add(&b, S("--ids="));
    for (size_t i = 0; i < ids.n; i++)
        buf_printf(&b, STR_FMT ",", STR_ARG(ids.at[i]));
    word = arena_cstr(call->arena, buf_str(&b));
    buf_free(&b);
    return word;
}

static void add_filters(const struct http_call *call, const char **words)
{
    static const char *const filters[] = {"id", "state", "text", "value", "from", "to", "before"};

    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        add(words, api_option(call, filters[i], filters[i]));
    add(words, ids_word(call));
    add(words, "--");
    add(words, name_word(call));
}

static void get_records(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"records", SEARCH_S, number(call, "number", 50)};
    struct str name;

    add_filters(call, words);
    if (api_name(ctx, call, ret, &name))
        api_command(ctx, call, words, ret);
}

static void get_export(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"records", EXPORT_S, api_option(call, "export", "format")};
    bool csv = str_eq(call_text(call, "format"), S("csv"));
    struct str name;

    add_filters(call, words);
    if (!api_name(ctx, call, ret, &name))
        return;
    api_command(ctx, call, words, ret);
    if (ret->status != 200)
        return;
    if (!csv)
        ret->type = S("application/json");
    ret->file_name = arena_printf(call->arena, STR_FMT ".%s", STR_ARG(name), csv ? "csv" : "json");
}

static void get_record(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"records", SEARCH_S, api_option(call, "id", "id"), "--", name_word(call)};
    struct str name;

    if (api_name(ctx, call, ret, &name))
        api_command(ctx, call, words, ret);
}

static void get_fields(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"fields", "--", name_word(call)};
    struct str name;

    if (api_name(ctx, call, ret, &name))
        api_command(ctx, call, words, ret);
}

static void post_fields_accept(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"fields", "--accept", "--", name_word(call)};
    struct str name;

    if (api_name(ctx, call, ret, &name))
        api_command(ctx, call, words, ret);
}

/* Asks source and target, so it is no reading for everybody. */
static void post_check(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"check", "--online", "--", name_word(call)};
    struct str name;

    if (api_name(ctx, call, ret, &name))
        api_command(ctx, call, words, ret);
}

static void post_ddl(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"ddl", "--", name_word(call)};
    struct str name;

    if (api_name(ctx, call, ret, &name))
        api_command(ctx, call, words, ret);
}

static void get_check(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"check"};

    api_command(ctx, call, words, ret);
}

static void get_connectors(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"connectors"};

    api_command(ctx, call, words, ret);
}

static void get_connector(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    const char *words[WORDS_MAX] = {"connectors", "--", name_word(call)};

    api_command(ctx, call, words, ret);
}

static void get_schema(void *ctx, const struct http_call *call, struct http_answer *ret)
{
    (void)ctx;
    if (!project_schema(call_text(call, "name"), &ret->body))
        answer_missing(ret, "schema", call_text(call, "name"), "project");
}

/* ---- the table ---- */

static const char *const run_kinds[] = {"main", "remedy", "backfill", NULL};

#define NAME                                                                                                           \
    {                                                                                                                  \
        .name = "name", .in = IN_PATH, .type = PARAM_STRING, .help = "the integration"                                 \
    }
#define LIMIT                                                                                                          \
    {                                                                                                                  \
        .name = "limit", .in = IN_QUERY, .type = PARAM_INT, .min = 1, .max = 1000, .help = "how many"                  \
    }
static const struct route_param only_name[] = {NAME};
#define BEFORE                                                                                                         \
    {                                                                                                                  \
        .name = "before", .in = IN_QUERY, .type = PARAM_INT, .min = 1, .max = INT64_MAX,                               \
        .help = "`next` of the answer before"                                                                          \
    }
static const struct route_param list_params[] = {NAME, LIMIT, BEFORE};
#define QUERY(param, what)                                                                                             \
    {                                                                                                                  \
        .name = param, .in = IN_QUERY, .type = PARAM_STRING, .help = what                                              \
    }
#define RECORD_FILTERS                                                                                                 \
    QUERY("id", "of the source or of the target"),                                                                     \
        QUERY("state", "waiting, done, filtered, folded, repeat; dead letters: error, retried, dropped, superseded"),  \
        QUERY("text", "stands in the raw JSON"), QUERY("value", "some value of the record is exactly this"),           \
        {.name = "from", .in = IN_QUERY, .type = PARAM_TIME, .help = "fetched at or after"},                           \
        {.name = "to", .in = IN_QUERY, .type = PARAM_TIME, .help = "fetched at or before"},                            \
        {.name = "ids", .in = IN_QUERY, .type = PARAM_STRINGS, .max = 500, .help = "the newest version of each"},      \
        QUERY("before", "`next` of the answer before")
static const char *const file_formats[] = {"csv", "json", NULL};
static const struct route_param records_params[] = {NAME, LIMIT, RECORD_FILTERS};
static const struct route_param export_params[] = {
    NAME,
    {.name = "format",
     .in = IN_QUERY,
     .type = PARAM_ENUM,
     .names = file_formats,
     .required = true,
     .help = "csv: the rows as they are mapped; json: with raw and mapped"},
    RECORD_FILTERS,
};
static const struct route_param record_params[] = {
    NAME,
    {.name = "id", .in = IN_PATH, .type = PARAM_STRING, .help = "the record's id, of the source or of the target"},
};
static const struct route_param run_params[] = {
    NAME,
    {.name = "kind", .in = IN_BODY, .type = PARAM_ENUM, .names = run_kinds, .help = "what to run; main when not given"},
    {.name = "from", .in = IN_BODY, .type = PARAM_TIME, .help = "of a backfill: its first second"},
    {.name = "to", .in = IN_BODY, .type = PARAM_TIME, .help = "of a backfill: its last second"},
    {.name = "dry_run", .in = IN_BODY, .type = PARAM_BOOL, .help = "keeps and writes nothing"},
    {.name = "reread",
     .in = IN_BODY,
     .type = PARAM_BOOL,
     .help = "true: all tiers of reading again, due or not; false: none; else those that are due"},
};
static const struct route_param series_params[] = {
    NAME,
    {.name = "names",
     .in = IN_QUERY,
     .type = PARAM_STRING,
     .help = "rows, records, calls, errors, latency_p50, latency_p99, freshness, quota; commas between"},
    {.name = "from", .in = IN_QUERY, .type = PARAM_TIME, .help = "an hour before `to` when not given"},
    {.name = "to", .in = IN_QUERY, .type = PARAM_TIME, .help = "now when not given"},
    {.name = "step", .in = IN_QUERY, .type = PARAM_INT, .min = 0, .max = 86400, .help = "seconds; 0: chosen"},
};
static const struct route_param range_params[] = {
    NAME,
    {.name = "from", .in = IN_BODY, .type = PARAM_TIME, .required = true, .help = "the first second"},
    {.name = "to", .in = IN_BODY, .type = PARAM_TIME, .required = true, .help = "the last second"},
};
static const struct route_param audit_params[] = {
    NAME,
    {.name = "from", .in = IN_BODY, .type = PARAM_TIME, .help = "seven days before the cursor when not given"},
    {.name = "to", .in = IN_BODY, .type = PARAM_TIME, .help = "the cursor when not given"},
    {.name = "repair", .in = IN_BODY, .type = PARAM_BOOL, .help = "fetches what is off again"},
};
static const struct route_param cursor_params[] = {
    NAME,
    {.name = "at", .in = IN_BODY, .type = PARAM_STRING, .required = true, .help = "a time, or a rowversion"},
    {.name = "dry_run", .in = IN_BODY, .type = PARAM_BOOL, .help = "only tells what it would do"},
};
static const struct route_param job_params[] = {
    {.name = "id", .in = IN_PATH, .type = PARAM_INT, .min = 1, .max = INT64_MAX, .help = "the job"},
};
static const struct route_param choice_params[] = {
    NAME,
    {.name = "ids", .in = IN_BODY, .type = PARAM_STRINGS, .help = "ids of records"},
    {.name = "all", .in = IN_BODY, .type = PARAM_BOOL, .help = "all open ones"},
};
static const char *const letter_states[] = {"error", "retried", "dropped", "superseded", NULL}; /* enum dead_state */
static const struct route_param dead_params[] = {
    NAME,
    LIMIT,
    {.name = "id", .in = IN_QUERY, .type = PARAM_STRING, .help = "of the source or of the target"},
    {.name = "state", .in = IN_QUERY, .type = PARAM_ENUM, .names = letter_states, .help = "error when not given"},
    {.name = "before",
     .in = IN_QUERY,
     .type = PARAM_INT,
     .min = 0,
     .max = INT64_MAX,
     .help = "`next` of the answer before"},
};
static const struct route_param letter_params[] = {
    NAME,
    {.name = "id", .in = IN_PATH, .type = PARAM_INT, .min = 1, .max = INT64_MAX, .help = "the dead letter"},
};
static const struct route_param edit_params[] = {
    NAME,
    {.name = "id", .in = IN_PATH, .type = PARAM_INT, .min = 1, .max = INT64_MAX, .help = "the dead letter"},
    {.name = "record", .in = IN_BODY, .type = PARAM_OBJECT, .required = true, .help = "the record, corrected"},
};
static const struct route_param log_params[] = {
    LIMIT,
    {.name = "integration", .in = IN_QUERY, .type = PARAM_STRING, .help = "lines of this one only"},
    {.name = "event", .in = IN_QUERY, .type = PARAM_STRING, .help = "lines of this event only"},
    {.name = "text", .in = IN_QUERY, .type = PARAM_STRING, .help = "stands in the line"},
};
static const struct route_param schema_params[] = {
    {.name = "name", .in = IN_PATH, .type = PARAM_STRING, .help = "project, connection, integration, source, …"},
};
static const struct route_param documents_params[] = {
    NAME,
    {.name = "base", .in = IN_BODY, .type = PARAM_STRING, .help = "the version that was edited"},
    {.name = "source", .in = IN_BODY, .type = PARAM_STRING, .help = "the source document"},
    {.name = "target", .in = IN_BODY, .type = PARAM_STRING, .help = "the target document"},
    {.name = "integration", .in = IN_BODY, .type = PARAM_STRING, .help = "the integration's own file"},
    {.name = "comment", .in = IN_BODY, .type = PARAM_STRING, .max = 400, .help = "why"},
};
static const struct route_param preview_params[] = {
    NAME,
    {.name = "source", .in = IN_BODY, .type = PARAM_STRING, .help = "the source document"},
    {.name = "target", .in = IN_BODY, .type = PARAM_STRING, .help = "the target document"},
    {.name = "integration", .in = IN_BODY, .type = PARAM_STRING, .help = "the integration's own file"},
    {.name = "n", .in = IN_BODY, .type = PARAM_INT, .min = 1, .max = 100, .help = "how many records"},
};
static const struct route_param version_params[] = {
    NAME,
    {.name = "version", .in = IN_PATH, .type = PARAM_STRING, .help = "the version"},
};
static const struct route_param rollback_params[] = {
    NAME,
    {.name = "version", .in = IN_BODY, .type = PARAM_STRING, .required = true, .help = "the version to go back to"},
    {.name = "comment", .in = IN_BODY, .type = PARAM_STRING, .max = 400, .help = "why"},
};
static const struct route_param connection_secret_params[] = {
    {.name = "name", .in = IN_PATH, .type = PARAM_STRING, .help = "the connection"},
    {.name = "param", .in = IN_PATH, .type = PARAM_STRING, .help = "its parameter"},
    {.name = "value", .in = IN_BODY, .type = PARAM_STRING, .required = true, .secret = true, .help = "the secret"},
};
#define LANG                                                                                                           \
    {                                                                                                                  \
        .name = "lang", .in = IN_QUERY, .type = PARAM_ENUM, .names = languages,                                        \
        .help = "in which language; the project's when not given"                                                      \
    }
static const char *const languages[] = {"zh", "en", NULL};
static const struct route_param alert_params[] = {LANG};
static const struct route_param history_params[] = {
    LIMIT,
    LANG,
    {.name = "before", .in = IN_QUERY, .type = PARAM_INT, .help = "the `next` of the answer before", .max = INT64_MAX},
};
static const struct route_param silence_params[] = {
    {.name = "rule", .in = IN_BODY, .type = PARAM_ENUM, .names = alert_rule_names, .help = "this rule only"},
    {.name = "integration",
     .in = IN_BODY,
     .type = PARAM_STRING,
     .help = "this one only; * and ? are allowed",
     .max = 300},
    {.name = "until", .in = IN_BODY, .type = PARAM_TIME, .required = true, .help = "when it ends"},
    {.name = "comment", .in = IN_BODY, .type = PARAM_STRING, .help = "why", .max = 2000},
};
static const struct route_param silence_id[] = {
    {.name = "id", .in = IN_PATH, .type = PARAM_INT, .help = "its number", .min = 1, .max = INT64_MAX},
};
static const struct route_param channel_params[] = {
    {.name = "name", .in = IN_PATH, .type = PARAM_STRING, .help = "the channel"},
};
static const struct route_param connection_params[] = {
    {.name = "name", .in = IN_PATH, .type = PARAM_STRING, .help = "the connection"},
};

#define N(a)      (a), sizeof(a) / sizeof *(a)
#define ONE(tail) "/api/v1/integrations/{name}" tail

const struct route api_routes[] = {
    {"GET", "/api/v1/overview", "every integration, those that need a person first", ROLE_VIEWER, NULL, 0, "overview",
     NULL, 0, 0, api_get_overview},
    {"GET", "/api/v1/status", "as `sluice status --json`", ROLE_VIEWER, NULL, 0, "status", NULL, 0, ROUTE_SLOW,
     get_status},
    {"GET", ONE(""), "one integration", ROLE_VIEWER, N(only_name), "integration", NULL, 0, ROUTE_SLOW,
     api_get_integration},
    {"POST", ONE("/run"), "run now, or backfill a range", ROLE_OPERATOR, N(run_params), "job", NULL, 202, 0,
     api_post_run},
    {"POST", ONE("/stop"), "stop what runs, take back what waits", ROLE_OPERATOR, N(only_name), "row", NULL, 0, 0,
     api_post_stop},
    {"POST", ONE("/pause"), "let its schedules rest", ROLE_OPERATOR, N(only_name), "row", NULL, 0, ROUTE_SLOW,
     api_post_pause},
    {"POST", ONE("/resume"), "let its schedules go on", ROLE_OPERATOR, N(only_name), "row", NULL, 0, ROUTE_SLOW,
     api_post_resume},
    {"POST", ONE("/replay"), "map and write again from the journal", ROLE_OPERATOR, N(range_params), "job", NULL, 202,
     0, api_post_replay},
    {"POST", ONE("/audit"), "count again against source and target", ROLE_OPERATOR, N(audit_params), "job", NULL, 202,
     0, api_post_audit},
    {"POST", ONE("/cursor"), "move LAST_SYNC_TIME", ROLE_ADMIN, N(cursor_params), "cursor", NULL, 0, ROUTE_SLOW,
     api_post_cursor},
    {"GET", "/api/v1/jobs/{id}", "what became of a job", ROLE_VIEWER, N(job_params), "job", NULL, 0, 0, api_get_job},
    {"GET", ONE("/runs"), "its runs, newest first", ROLE_VIEWER, N(list_params), "runs", NULL, 0, ROUTE_SLOW, get_runs},
    {"GET", ONE("/series"), "figures over time", ROLE_VIEWER, N(series_params), "series", NULL, 0, ROUTE_SLOW,
     api_get_series},
    {"GET", ONE("/windows"), "the ranges that were read, and what became of them", ROLE_VIEWER, N(list_params),
     "windows", NULL, 0, ROUTE_SLOW, get_windows},
    {"GET", ONE("/records"), "records, newest first", ROLE_VIEWER, N(records_params), "records", NULL, 0, ROUTE_SLOW,
     get_records},
    {"GET", ONE("/records/{id}"), "the story of a record", ROLE_VIEWER, N(record_params), "records", NULL, 0,
     ROUTE_SLOW, get_record},
    {"GET", ONE("/export"), "records, or with a state of theirs dead letters, as a file; 400 when not all fits into it",
     ROLE_VIEWER, N(export_params), NULL, "text/csv; charset=utf-8", 0, ROUTE_SLOW, get_export},
    {"GET", ONE("/dead"), "dead letters", ROLE_VIEWER, N(dead_params), "dead", NULL, 0, ROUTE_SLOW, api_get_dead},
    {"GET", ONE("/dead/{id}"), "a dead letter, with its raw record", ROLE_VIEWER, N(letter_params), "letter", NULL, 0,
     ROUTE_SLOW, api_get_letter},
    {"PUT", ONE("/dead/{id}"), "correct a dead letter's record", ROLE_OPERATOR, N(edit_params), "letter", NULL, 0,
     ROUTE_SLOW, api_put_dead},
    {"POST", ONE("/retry"), "write dead letters again", ROLE_OPERATOR, N(choice_params), "jobs", NULL, 202, 0,
     api_post_retry},
    {"POST", ONE("/drop"), "put dead letters away", ROLE_OPERATOR, N(choice_params), "dropped", NULL, 0, ROUTE_SLOW,
     api_post_drop},
    {"POST", ONE("/check"), "what check says, with source and target asked", ROLE_OPERATOR, N(only_name), "diagnostics",
     NULL, 0, ROUTE_SLOW, post_check},
    {"POST", ONE("/ddl"), "the CREATE TABLE that fits the mapping and a page; nothing is made", ROLE_OPERATOR,
     N(only_name), "ddl", NULL, 0, ROUTE_SLOW, post_ddl},
    {"GET", ONE("/fields"), "what its records look like", ROLE_VIEWER, N(only_name), "fields", NULL, 0, ROUTE_SLOW,
     get_fields},
    {"POST", ONE("/fields/accept"), "take what they look like as the base", ROLE_OPERATOR, N(only_name), "fields", NULL,
     0, ROUTE_SLOW, post_fields_accept},
    {"GET", ONE("/metadata"), "its documents", ROLE_VIEWER, N(only_name), "metadata", NULL, 0, ROUTE_SLOW,
     api_get_metadata},
    {"PUT", ONE("/metadata"), "save its documents as a new version", ROLE_ADMIN, N(documents_params), "version", NULL,
     0, ROUTE_SLOW | ROUTE_LONG_BODY, api_put_metadata},
    {"POST", ONE("/metadata/check"), "what check says of documents that are not saved", ROLE_VIEWER, N(preview_params),
     "diagnostics", NULL, 0, ROUTE_SLOW | ROUTE_LONG_BODY, api_post_metadata_check},
    {"POST", ONE("/metadata/preview"), "a real page, mapped by documents that are not saved", ROLE_OPERATOR,
     N(preview_params), "preview", NULL, 0, ROUTE_SLOW | ROUTE_LONG_BODY, api_post_metadata_preview},
    {"GET", ONE("/metadata/versions"), "what was saved, newest first", ROLE_VIEWER, N(only_name), "versions", NULL, 0,
     ROUTE_SLOW, api_get_versions},
    {"GET", ONE("/metadata/versions/{version}"), "the documents of a version", ROLE_VIEWER, N(version_params),
     "metadata", NULL, 0, ROUTE_SLOW, api_get_version},
    {"POST", ONE("/metadata/rollback"), "go back to a version", ROLE_ADMIN, N(rollback_params), "version", NULL, 0,
     ROUTE_SLOW, api_post_rollback},
    {"GET", "/api/v1/connections", "accounts of systems, and how they are", ROLE_VIEWER, NULL, 0, "connections", NULL,
     0, ROUTE_SLOW, api_get_connections},
    {"POST", "/api/v1/connections/{name}/test", "connect, and say how it went", ROLE_OPERATOR, N(connection_params),
     "test", NULL, 0, ROUTE_SLOW, api_post_connection_test},
    {"PUT", "/api/v1/connections/{name}/secrets/{param}", "put a secret into the encrypted store", ROLE_ADMIN,
     N(connection_secret_params), "done", NULL, 0, ROUTE_SLOW, api_put_connection_secret},
    {"GET", "/api/v1/alerts", "what fires, and what is about to", ROLE_VIEWER, N(alert_params), "alerts", NULL, 0, 0,
     api_get_alerts},
    {"GET", "/api/v1/alerts/history", "what is over, newest first", ROLE_VIEWER, N(history_params), "alerts", NULL, 0,
     ROUTE_SLOW, api_get_alert_history},
    {"GET", "/api/v1/alerts/rules", "the rules in force", ROLE_VIEWER, N(alert_params), "alert_rules", NULL, 0, 0,
     api_get_alert_rules},
    {"GET", "/api/v1/alerts/channels", "whom it is told, and how they are", ROLE_VIEWER, NULL, 0, "alert_channels",
     NULL, 0, 0, api_get_alert_channels},
    {"POST", "/api/v1/alerts/channels/{name}/test", "send a test message", ROLE_OPERATOR, N(channel_params), "tested",
     NULL, 0, ROUTE_SLOW, api_post_channel_test},
    {"GET", "/api/v1/alerts/silences", "what is held back", ROLE_VIEWER, NULL, 0, "silences", NULL, 0, 0,
     api_get_silences},
    {"POST", "/api/v1/alerts/silences", "hold messages back for a while", ROLE_OPERATOR, N(silence_params), "silence",
     NULL, 201, ROUTE_SLOW, api_post_silence},
    {"DELETE", "/api/v1/alerts/silences/{id}", "end a silence", ROLE_OPERATOR, N(silence_id), "done", NULL, 0,
     ROUTE_SLOW, api_delete_silence},
    {"GET", "/api/v1/log", "what happened, newest first", ROLE_VIEWER, N(log_params), "log", NULL, 0, ROUTE_SLOW,
     api_get_log},
    {"GET", "/api/v1/check", "what check says of the project", ROLE_VIEWER, NULL, 0, "diagnostics", NULL, 0, ROUTE_SLOW,
     get_check},
    {"GET", "/api/v1/connectors", "the systems it speaks", ROLE_VIEWER, NULL, 0, "connectors", NULL, 0, ROUTE_SLOW,
     get_connectors},
    {"GET", "/api/v1/connectors/{name}", "one of them", ROLE_VIEWER, N(schema_params), "connector", NULL, 0, ROUTE_SLOW,
     get_connector},
    {"GET", "/api/v1/schemas/{name}", "a JSON Schema", ROLE_VIEWER, N(schema_params), "schema", NULL, 0, 0, get_schema},
};
const size_t n_api_routes = sizeof api_routes / sizeof *api_routes;
