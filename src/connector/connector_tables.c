/* How a connector document is spelled: one table of members for each kind of object in it. connector_read.c fills the
 * model from these tables, connector_schema.c writes the JSON Schema from them, and the reference in
 * docs/connectors.md lists them, so a member exists in all three or in none.
 *
 * The tables know names, types and ranges. What must hold between members (an option that is named must be declared)
 * is checked in connector_read.c. */
#include "connector/connector_model.h"

#define AT(type, member) offsetof(struct type, member)
#define TABLE(array) {(array), sizeof(array) / sizeof *(array)}
#define MEMBERS(array) .members = (array), .n_members = sizeof(array) / sizeof *(array)
#define MAX_MS (INT64_C(3650) * 86400000)

const char *const iface_types[] = {"string",    "int",  "float", "decimal", "bool",  "datetime", "date",
                                   "timestamp", "json", "array", "object",  "int[]", "string[]", NULL};
const char *const verb_names[] = {"GET", "POST", "PUT", "DELETE", NULL};
const char *const react_names[] = {"retry", "slow_down", "clock", "login", "stop", NULL};
const char *const error_names[] = {"config", "secret", "usage",  "auth",     "signature", "quota",    "network", "remote",
                                   "data",   "schema", "target", "conflict", "disk",      "internal", NULL};
_Static_assert(sizeof error_names / sizeof *error_names == ERR_COUNT, "one name for each code but OK");

static const char *const kind_names[] = {"http", "database", NULL};
static const char *const option_type_names[] = {"string", "int", "bool", "url", "path", NULL};
static const char *const wire_names[] = {"form", "json", "query", NULL};
static const char *const place_names[] = {"body", "query", NULL};
static const char *const time_names[] = {"datetime", "unix", "unix_ms", NULL};
static const char *const strategy_names[] = {"none", "sorted-pairs", NULL};
static const char *const digest_names[] = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", NULL};
static const char *const wrap_names[] = {"none", "prefix", "both", NULL};
static const char *const case_names[] = {"upper", "lower", NULL};
static const char *const page_names[] = {"none", "forward", "backward", "cursor", "offset", "link", NULL};

static const struct field_spec option[] = {
    {.name = "name", .type = FIELD_STRING, .offset = AT(connector_option, name), .required = true,
     .help = "The parameter's name in a connection's params."},
    {.name = "help", .type = FIELD_STRING, .offset = AT(connector_option, help),
     .help = "One sentence for people: what it is and where to find it."},
    {.name = "preset", .type = FIELD_STRING, .offset = AT(connector_option, preset),
     .help = "The value when the connection gives none."},
    {.name = "required", .type = FIELD_BOOL, .offset = AT(connector_option, required),
     .help = "Must a connection give it (unless there is a preset)?"},
    {.name = "secret", .type = FIELD_BOOL, .offset = AT(connector_option, secret),
     .help = "A secret is never shown, logged or exported."},
    {.name = "type", .type = FIELD_ENUM, .offset = AT(connector_option, type), .names = option_type_names,
     .help = "What kind of value it is."},
    {.name = "one_of", .type = FIELD_STRINGS, .offset = AT(connector_option, one_of),
     .help = "The values that are allowed; any when absent."},
};

static const struct field_spec sent[] = {
    {.name = "name", .type = FIELD_STRING, .offset = AT(sent, name), .required = true,
     .help = "The parameter's or header's name on the wire."},
    {.name = "value", .type = FIELD_STRING, .offset = AT(sent, text), .required = true,
     .help = "Text, in which ${option:NAME}, ${method}, ${timestamp}, ${sign_method}, ${business_json} and ${sign} are filled in."},
};

static const struct field_spec request[] = {
    {.name = "method", .type = FIELD_ENUM, .offset = AT(request_raw, r.verb), .names = verb_names,
     .help = "The HTTP method; POST by default."},
    {.name = "wire", .type = FIELD_ENUM, .offset = AT(request_raw, r.wire), .names = wire_names,
     .help = "How business parameters travel: as a form, as a JSON body, or in the query."},
    {.name = "system_in", .type = FIELD_ENUM, .offset = AT(request_raw, r.system_in), .names = place_names,
     .help = "Where the system parameters of a form go: with the form, or into the query."},
    {.name = "system", .type = FIELD_NODE, .offset = AT(request_raw, system), MEMBERS(sent),
     .help = "Parameters that every call carries, the sign among them."},
    {.name = "headers", .type = FIELD_NODE, .offset = AT(request_raw, headers), MEMBERS(sent),
     .help = "HTTP headers that every call carries; they are not signed."},
};

static const struct field_spec clock_members[] = {
    {.name = "zone", .type = FIELD_STRING, .offset = AT(clock_rule, zone),
     .help = "The zone of times without an offset, on the wire and in records; +08:00 by default."},
    {.name = "format", .type = FIELD_ENUM, .offset = AT(clock_rule, format), .names = time_names,
     .help = "How ${timestamp} is written: 2026-03-01 08:30:00, unix seconds or milliseconds."},
    {.name = "tolerance", .type = FIELD_DURATION, .offset = AT(clock_rule, tolerance_ms), .max = MAX_MS,
     .help = "How far the timestamp may be off before the upstream refuses it."},
};

static const struct field_spec sign_method[] = {
    {.name = "digest", .type = FIELD_ENUM, .offset = AT(sign_method, digest), .names = digest_names,
     .help = "Digest of the text with the secret around it as `wrap` says."},
    {.name = "hmac", .type = FIELD_ENUM, .offset = AT(sign_method, hmac), .names = digest_names,
     .help = "HMAC of the text with the secret as its key."},
    {.name = "wrap", .type = FIELD_ENUM, .offset = AT(sign_method, wrap), .names = wrap_names,
     .help = "Where the secret stands for a digest: before the text, before and after it, or not at all."},
};

static const struct field_spec sign[] = {
    {.name = "strategy", .type = FIELD_ENUM, .offset = AT(sign_raw, r.strategy), .names = strategy_names, .required = true,
     .help = "sorted-pairs: names and values, sorted by name in byte order and joined without separators."},
    {.name = "methods", .type = FIELD_NODE, .offset = AT(sign_raw, methods),
     .help = "The methods by name: {\"md5\": {\"digest\": \"md5\", \"wrap\": \"both\"}, \"hmac\": {\"hmac\": \"md5\"}}."},
    {.name = "default", .type = FIELD_STRING, .offset = AT(sign_raw, r.preset_name),
     .help = "The method used unless the connection chooses another; the first by default."},
    {.name = "method_option", .type = FIELD_STRING, .offset = AT(sign_raw, r.method_option),
     .help = "The option by which a connection chooses the method."},
    {.name = "secret", .type = FIELD_STRING, .offset = AT(sign_raw, r.secret_name),
     .help = "The option that holds the secret."},
    {.name = "case", .type = FIELD_ENUM, .offset = AT(sign_raw, r.letter_case), .names = case_names,
     .help = "Letters of the hexadecimal sign."},
    {.name = "skip_empty", .type = FIELD_BOOL, .offset = AT(sign_raw, r.skip_empty),
     .help = "Leave system parameters without a value out of the call and of the sign; true by default."},
    {.name = "add_body", .type = FIELD_BOOL, .offset = AT(sign_raw, r.add_body),
     .help = "Append the bytes of a JSON body to the text that is signed."},
};

static const struct field_spec condition[] = {
    {.name = "path", .type = FIELD_STRING, .offset = AT(condition_raw, c.path), .required = true,
     .help = "Dotted path, looked for in the envelope and then in the whole body."},
    {.name = "equals", .type = FIELD_NODE, .offset = AT(condition_raw, equals),
     .help = "The value as text: 0 and \"0\" are the same."},
    {.name = "in", .type = FIELD_NODE, .offset = AT(condition_raw, in), .help = "One of these values."},
    {.name = "not_equals", .type = FIELD_NODE, .offset = AT(condition_raw, not_equals),
     .help = "Not this value; holds when the path is missing too."},
    {.name = "not_in", .type = FIELD_NODE, .offset = AT(condition_raw, not_in),
     .help = "None of these values; holds when the path is missing too."},
    {.name = "exists", .type = FIELD_NODE, .offset = AT(condition_raw, exists),
     .help = "true: it is there and not null. false: it is missing or null."},
};

static const struct field_spec failure[] = {
    {.name = "where", .type = FIELD_NODE, .offset = AT(failure_raw, where), MEMBERS(condition),
     .help = "The conditions, one or a list of which all must hold, by which a failure is known."},
    {.name = "code", .type = FIELD_STRING, .offset = AT(failure_raw, r.code), .help = "Path of the error code, number or text."},
    {.name = "sub_code", .type = FIELD_STRING, .offset = AT(failure_raw, r.sub_code), .help = "Path of the finer code."},
    {.name = "message", .type = FIELD_STRINGS, .offset = AT(failure_raw, r.message),
     .help = "Paths of texts for people; those that are there are joined."},
    {.name = "request_id", .type = FIELD_STRING, .offset = AT(failure_raw, r.request_id),
     .help = "Path of the id by which the upstream's support finds the call."},
};

static const struct field_spec wait_members[] = {
    {.name = "patterns", .type = FIELD_STRINGS, .offset = AT(wait_rule, patterns),
     .help = "Texts in messages that name a wait, {n} for the number: \"last for {n} more seconds\"."},
    {.name = "unit", .type = FIELD_DURATION, .offset = AT(wait_rule, unit_ms), .max = MAX_MS, .help = "What {n} counts; 1s by default."},
    {.name = "plus", .type = FIELD_DURATION, .offset = AT(wait_rule, plus_ms), .max = MAX_MS,
     .help = "Added to a wait that was named; 1s by default."},
    {.name = "default", .type = FIELD_DURATION, .offset = AT(wait_rule, preset_ms), .max = MAX_MS,
     .help = "The wait when none is named; 1s by default."},
    {.name = "max", .type = FIELD_DURATION, .offset = AT(wait_rule, max_ms), .max = MAX_MS,
     .help = "A wait named longer than this is not believed; 1d by default."},
};

static const struct field_spec reply[] = {
    {.name = "unwrap", .type = FIELD_STRINGS, .offset = AT(reply_raw, r.unwrap),
     .help = "Members that may wrap the envelope; without any of them the body itself is the envelope."},
    {.name = "failures", .type = FIELD_NODE, .offset = AT(reply_raw, failures), MEMBERS(failure),
     .help = "How failures look; the first rule that holds counts."},
    {.name = "success", .type = FIELD_NODE, .offset = AT(reply_raw, success), MEMBERS(condition),
     .help = "A marker of success, by which a null list with has_next false is an empty page."},
    {.name = "wait", .type = FIELD_NODE, .offset = AT(reply_raw, wait), MEMBERS(wait_members),
     .help = "How long to wait after being told to slow down."},
};

static const struct field_spec code[] = {
    {.name = "codes", .type = FIELD_NODE, .offset = AT(code_raw, codes), .help = "Error codes, numbers or texts."},
    {.name = "sub_codes", .type = FIELD_STRINGS, .offset = AT(code_raw, r.sub_codes),
     .help = "Finer codes; a * at the end stands for any rest. The entry fits when a code or a finer code does."},
    {.name = "react", .type = FIELD_ENUM, .offset = AT(code_raw, r.react), .names = react_names, .required = true,
     .help = "What to do: try again, slow down, correct the clock once, log in again, or give up."},
    {.name = "error", .type = FIELD_ENUM, .offset = AT(code_raw, r.error), .names = error_names,
     .help = "The kind of error that people see; by default the one that fits `react`."},
    {.name = "hint", .type = FIELD_STRING, .offset = AT(code_raw, r.hint), .help = "One sentence: what a person should do."},
    {.name = "hint_zh", .type = FIELD_STRING, .offset = AT(code_raw, r.hint_zh), .help = "The same in Chinese."},
    {.name = "wait", .type = FIELD_DURATION, .offset = AT(code_raw, r.wait_ms), .max = MAX_MS,
     .help = "The wait for this code when the reply names none."},
};

static const struct field_spec quota[] = {
    {.name = "requests", .type = FIELD_INT, .offset = AT(quota_rule, calls), .min = 1, .max = 1000000, .required = true,
     .help = "Calls that are allowed in the period."},
    {.name = "per", .type = FIELD_DURATION, .offset = AT(quota_rule, per_ms), .required = true, .max = MAX_MS,
     .help = "The period."},
};

static const struct field_spec paging[] = {
    {.name = "kind", .type = FIELD_ENUM, .offset = AT(paging_raw, p.kind), .names = page_names,
     .help = "none, forward, backward (last page first), cursor (greatest value seen), offset, or link (the reply names the next address)."},
    {.name = "page", .type = FIELD_STRING, .offset = AT(paging_raw, p.page_param), .help = "The request's page number."},
    {.name = "size", .type = FIELD_STRING, .offset = AT(paging_raw, p.size_param), .help = "The request's rows per page."},
    {.name = "offset", .type = FIELD_STRING, .offset = AT(paging_raw, p.offset_param), .help = "The request's number of rows to pass over."},
    {.name = "cursor", .type = FIELD_STRING, .offset = AT(paging_raw, p.cursor_param), .help = "The request's cursor."},
    {.name = "first", .type = FIELD_INT, .offset = AT(paging_raw, p.first_page), .min = 0, .max = 1, .help = "The first page's number."},
    {.name = "default", .type = FIELD_INT, .offset = AT(paging_raw, p.size_default), .min = 1, .max = 100000,
     .help = "Rows per page when the integration asks for none."},
    {.name = "max", .type = FIELD_INT, .offset = AT(paging_raw, p.size_max), .min = 1, .max = 100000,
     .help = "The most rows per page that the upstream allows."},
    {.name = "cursor_field", .type = FIELD_STRING, .offset = AT(paging_raw, p.cursor_field), .help = "The record's field that the cursor follows."},
    {.name = "cursor_first", .type = FIELD_STRING, .offset = AT(paging_raw, p.cursor_first), .help = "The cursor before anything was read."},
    {.name = "next", .type = FIELD_STRING, .offset = AT(paging_raw, p.next_path), .help = "Path of the next page's address in the envelope."},
    {.name = "total", .type = FIELD_STRING, .offset = AT(paging_raw, p.total_path), .help = "Path of the number of all rows."},
    {.name = "pages", .type = FIELD_STRING, .offset = AT(paging_raw, p.pages_path), .help = "Path of the number of pages."},
    {.name = "has_next", .type = FIELD_STRING, .offset = AT(paging_raw, p.has_next_path), .help = "Path of the flag that more follows."},
    {.name = "size_told", .type = FIELD_STRING, .offset = AT(paging_raw, p.size_path), .help = "Path of the page size that was applied."},
    {.name = "index_told", .type = FIELD_STRING, .offset = AT(paging_raw, p.index_path), .help = "Path of the page number that was answered."},
    {.name = "fixed", .type = FIELD_NODE, .offset = AT(paging_raw, fixed),
     .help = "In paging_modes: parameters that the mode needs, {\"name\": \"value\"}, sent unless the request has them."},
};

static const struct field_spec window[] = {
    {.name = "from", .type = FIELD_STRING, .offset = AT(window_rule, from_param), .help = "The request's start of the window."},
    {.name = "to", .type = FIELD_STRING, .offset = AT(window_rule, to_param), .help = "The request's end of the window."},
    {.name = "max", .type = FIELD_DURATION, .offset = AT(window_rule, max_ms), .max = MAX_MS, .help = "The widest window that is allowed."},
    {.name = "field", .type = FIELD_STRING, .offset = AT(window_rule, time_field), .help = "The record's time that the window is about."},
};

static const struct field_spec iface_field_members[] = {
    {.name = "name", .type = FIELD_STRING, .offset = AT(iface_field, name), .required = true,
     .help = "The field's name; members of arrays and objects are dotted: items.qty."},
    {.name = "type", .type = FIELD_STRING, .offset = AT(iface_field, type),
     .help = "string (the default), int, float, decimal, bool, datetime, date, timestamp, json, array, object, int[] or string[]."},
    {.name = "label", .type = FIELD_STRING, .offset = AT(iface_field, label), .help = "What people call it."},
};

static const struct field_spec alias[] = {
    {.name = "a", .type = FIELD_STRING, .offset = AT(alias, a), .required = true, .help = "One name of the field."},
    {.name = "b", .type = FIELD_STRING, .offset = AT(alias, b), .required = true, .help = "Its other name."},
};

static const struct field_spec iface[] = {
    {.name = "name", .type = FIELD_STRING, .offset = AT(iface_raw, i.name), .required = true,
     .help = "The name that metadata documents give as `api`."},
    {.name = "label", .type = FIELD_STRING, .offset = AT(iface_raw, i.label), .help = "What people call it."},
    {.name = "path", .type = FIELD_STRING, .offset = AT(iface_raw, i.path), .help = "Appended to the connection's base_url."},
    {.name = "api_method", .type = FIELD_STRING, .offset = AT(iface_raw, i.method), .help = "What ${method} stands for; the name by default."},
    {.name = "method", .type = FIELD_ENUM, .offset = AT(iface_raw, verb), .names = verb_names, .help = "The HTTP method, if not the connector's."},
    {.name = "records", .type = FIELD_STRINGS, .offset = AT(iface_raw, i.records),
     .help = "Paths in the envelope where the rows may stand; the first array counts."},
    {.name = "id", .type = FIELD_STRING, .offset = AT(iface_raw, i.id), .help = "The field that identifies a record."},
    {.name = "versions", .type = FIELD_STRINGS, .offset = AT(iface_raw, i.versions), .help = "Fields that grow when a record changes, the best first."},
    {.name = "paging", .type = FIELD_NODE, .offset = AT(iface_raw, paging), MEMBERS(paging),
     .help = "How it is paged, where it differs from the connector's paging."},
    {.name = "paging_modes", .type = FIELD_NODE, .offset = AT(iface_raw, modes),
     .help = "Other ways of paging by the request parameter that chooses them: {\"start_ts\": {\"kind\": \"cursor\", …}}."},
    {.name = "window", .type = FIELD_NODE, .offset = AT(iface_raw, window), MEMBERS(window),
     .help = "Its window of time, where it differs from the connector's window."},
    {.name = "allocate", .type = FIELD_NODE, .offset = AT(iface_raw, allocate), .help = "Amounts to spread over lines, as in a source document."},
    {.name = "aliases", .type = FIELD_NODE, .offset = AT(iface_raw, aliases), MEMBERS(alias), .help = "Fields that go by two names; either reads the other."},
    {.name = "params", .type = FIELD_NODE, .offset = AT(iface_raw, params), MEMBERS(iface_field_members), .help = "The request's parameters."},
    {.name = "fields", .type = FIELD_NODE, .offset = AT(iface_raw, fields), MEMBERS(iface_field_members), .help = "The fields of a record."},
};

static const struct field_spec connector[] = {
    {.name = "$schema", .type = FIELD_IGNORED, .help = "The JSON Schema by which editors check the file."},
    {.name = "name", .type = FIELD_STRING, .offset = AT(connector_raw, c.name), .required = true, .help = "The connector's name, as connections give it."},
    {.name = "title", .type = FIELD_STRING, .offset = AT(connector_raw, c.title), .help = "What people call the system."},
    {.name = "kind", .type = FIELD_ENUM, .offset = AT(connector_raw, c.kind), .names = kind_names, .required = true,
     .help = "http: an API that this document describes. database: a driver that the program has."},
    {.name = "options", .type = FIELD_NODE, .offset = AT(connector_raw, options), MEMBERS(option), .help = "The parameters of a connection."},
    {.name = "request", .type = FIELD_NODE, .offset = AT(connector_raw, request), MEMBERS(request), .help = "How a call is made."},
    {.name = "clock", .type = FIELD_NODE, .offset = AT(connector_raw, clock), MEMBERS(clock_members), .help = "Times on the wire."},
    {.name = "sign", .type = FIELD_NODE, .offset = AT(connector_raw, sign), MEMBERS(sign), .help = "How a call is signed."},
    {.name = "reply", .type = FIELD_NODE, .offset = AT(connector_raw, reply), MEMBERS(reply), .help = "How a reply is judged."},
    {.name = "codes", .type = FIELD_NODE, .offset = AT(connector_raw, codes), MEMBERS(code), .help = "What error codes mean; the first entry that fits counts."},
    {.name = "quota", .type = FIELD_NODE, .offset = AT(connector_raw, quota), MEMBERS(quota), .help = "How often the upstream allows calls."},
    {.name = "paging", .type = FIELD_NODE, .offset = AT(connector_raw, paging), MEMBERS(paging), .help = "Paging that the interfaces share."},
    {.name = "window", .type = FIELD_NODE, .offset = AT(connector_raw, window), MEMBERS(window), .help = "The window rule that the interfaces share."},
    {.name = "interfaces", .type = FIELD_NODE, .offset = AT(connector_raw, interfaces), .required = true, MEMBERS(iface), .help = "What can be called."},
};

const struct table table_connector = TABLE(connector), table_option = TABLE(option), table_request = TABLE(request), table_sent = TABLE(sent),
                   table_clock = TABLE(clock_members), table_sign = TABLE(sign), table_sign_method = TABLE(sign_method),
                   table_reply = TABLE(reply), table_condition = TABLE(condition), table_failure = TABLE(failure),
                   table_wait = TABLE(wait_members), table_code = TABLE(code), table_quota = TABLE(quota),
                   table_iface = TABLE(iface), table_paging = TABLE(paging), table_window = TABLE(window),
                   table_iface_field = TABLE(iface_field_members), table_alias = TABLE(alias);

enum reaction react_of(const struct code_rule *r) { return (enum reaction)(REACT_RETRY + r->react); }

enum err error_of(const struct code_rule *r)
{
    if (r->error >= 0)
        return (enum err)(ERR_CONFIG + r->error);
    switch (react_of(r)) {
    case REACT_SLOW_DOWN:
        return ERR_QUOTA;
    case REACT_CLOCK:
        return ERR_SIGNATURE;
    case REACT_LOGIN:
        return ERR_AUTH;
    case REACT_OK:
    case REACT_RETRY:
    case REACT_STOP:
        break;
    }
    return ERR_REMOTE;
}
