/* How the dialect is spelled: one table of keys for each kind of object. doc.c and its neighbours fill structs from
 * these tables, doc_schema.c writes the JSON Schema from them, and docs/metadata.md lists them, so that a key exists in
 * all three or in none. */
#include "meta/doc_tables.h"

#define AT(type, member) offsetof(struct type, member)
#define TABLE(array)                                                                                                   \
    {                                                                                                                  \
        (array), sizeof(array) / sizeof *(array)                                                                       \
    }
#define MEMBERS(array) .members = (array), .n_members = sizeof(array) / sizeof *(array)

const char *const doc_effects[] = {"QUERY", "EXECUTE", "WRITE", NULL};
static const char *const direction_names[] = {"positive", "reverse", NULL};
static const char *const unmatched_names[] = {"keep", "error", NULL};

static const struct field_spec parser_keys[] = {
    {.name = "name",
     .type = FIELD_STRING,
     .offset = AT(parser_raw, name),
     .required = true,
     .help = "ArrayToString, StringToArray, ConvertObjectParser, ConvertTwoStageObjectParser or ConvertJson."},
    {.name = "params",
     .type = FIELD_NODE,
     .offset = AT(parser_raw, params),
     .help = "What the parser is told: a separator, or names."},
};

static const struct field_spec mapping_keys[] = {
    {.name = "target",
     .type = FIELD_STRING,
     .offset = AT(mapping_raw, target),
     .required = true,
     .help = "The name of a map: the file maps/NAME.json."},
    {.name = "direction",
     .type = FIELD_STRING,
     .offset = AT(mapping_raw, direction),
     .names = direction_names,
     .help = "positive looks a_value up and gives b_value; reverse the other way round. positive by default."},
    {.name = "unmatched",
     .type = FIELD_STRING,
     .offset = AT(mapping_raw, unmatched),
     .names = unmatched_names,
     .help = "What a value becomes that the map lacks: keep it (the default), or an error of the record."},
    {.name = "default",
     .type = FIELD_NODE,
     .offset = AT(mapping_raw, preset),
     .help = "What a value becomes that the map lacks; wins over `unmatched`."},
};

static const struct field_spec field_keys[] = {
    {.name = "field",
     .type = FIELD_STRING,
     .offset = AT(field_raw, field),
     .required = true,
     .help = "The name of the parameter, column or output field."},
    {.name = "label", .type = FIELD_NODE, .offset = AT(field_raw, label), .help = "A name for people."},
    {.name = "describe", .type = FIELD_IGNORED, .help = "What the third party's documentation says; not enforced."},
    {.name = "type",
     .type = FIELD_STRING,
     .offset = AT(field_raw, type),
     .help = "string (the default), int, float, decimal, bool, datetime, date, timestamp, json, array or object."},
    {.name = "value",
     .type = FIELD_NODE,
     .offset = AT(field_raw, value),
     .help = "A literal, a template, `_function …`, `_findCollection …`, `_mongoQuery …`, or null."},
    {.name = "default",
     .type = FIELD_NODE,
     .offset = AT(field_raw, preset),
     .help = "The value when the value is missing, null or empty text."},
    {.name = "is_required",
     .type = FIELD_BOOL,
     .offset = AT(field_raw, required),
     .help = "A value that stays empty is an error of the record."},
    {.name = "parent",
     .type = FIELD_NODE,
     .offset = AT(field_raw, parent),
     .help = "The array or object field of the same group that this one belongs into."},
    {.name = "children",
     .type = FIELD_NODE,
     .offset = AT(field_raw, children),
     .help = "The fields inside an array or an object."},
    {.name = "parser",
     .type = FIELD_NODE,
     .offset = AT(field_raw, parser),
     MEMBERS(parser_keys),
     .help = "Turns the value into another shape."},
    {.name = "mapping",
     .type = FIELD_NODE,
     .offset = AT(field_raw, mapping),
     MEMBERS(mapping_keys),
     .help = "A static map of values."},
};

static const struct field_spec term_keys[] = {
    {.name = "field",
     .type = FIELD_STRING,
     .offset = AT(term_raw, field),
     .required = true,
     .help = "A field of the record, or a path; items.x is x of the elements of items."},
    {.name = "logic",
     .type = FIELD_STRING,
     .offset = AT(term_raw, logic),
     .required = true,
     .help = "eq, neq, gt, egt, lt, elt, like, notlike, in, notin, between, isnull, notnull or regex."},
    {.name = "value",
     .type = FIELD_NODE,
     .offset = AT(term_raw, value),
     .help = "What the field is compared with, taken literally."},
    {.name = "strictMode",
     .type = FIELD_BOOL,
     .offset = AT(term_raw, strict),
     .help = "For a path into an array: true drops the whole record when one element fails; false (the default) only "
             "that element."},
    {.name = "label", .type = FIELD_IGNORED, .help = "A name for people."},
    {.name = "type", .type = FIELD_IGNORED, .help = "Known, and not needed: the comparison follows the values."},
};

static const struct field_spec allocate_keys[] = {
    {.name = "amount",
     .type = FIELD_STRING,
     .offset = AT(allocate_raw, amount),
     .required = true,
     .help = "The field of the header whose amount is spread."},
    {.name = "minus",
     .type = FIELD_STRINGS,
     .offset = AT(allocate_raw, minus),
     .help = "Fields of the header taken off the amount first."},
    {.name = "over",
     .type = FIELD_STRING,
     .offset = AT(allocate_raw, over),
     .required = true,
     .help = "The array over whose elements it is spread."},
    {.name = "by",
     .type = FIELD_STRING,
     .offset = AT(allocate_raw, by),
     .required = true,
     .help = "The field of an element to which its share is proportional."},
    {.name = "as",
     .type = FIELD_STRING,
     .offset = AT(allocate_raw, as),
     .required = true,
     .help = "The field of an element that holds its share."},
    {.name = "scale",
     .type = FIELD_INT,
     .offset = AT(allocate_raw, scale),
     .min = 0,
     .max = 18,
     .help = "Places after the point; 2 by default."},
};

static const struct field_spec format_keys[] = {
    {.name = "old",
     .type = FIELD_STRING,
     .offset = AT(format_raw, old_name),
     .required = true,
     .help = "The field that is read."},
    {.name = "new",
     .type = FIELD_STRING,
     .offset = AT(format_raw, new_name),
     .required = true,
     .help = "The field that is made."},
    {.name = "format",
     .type = FIELD_STRING,
     .offset = AT(format_raw, format),
     .required = true,
     .help = "date, time, dateTime, shortDate, shortTime, shortDateTime, longText, intval, round, amount or implode."},
    {.name = "params",
     .type = FIELD_NODE,
     .offset = AT(format_raw, params),
     .help = "Places for round and amount, the separator for implode."},
};

static const struct field_spec group_keys[] = {
    {.name = "headerGroup",
     .type = FIELD_STRINGS,
     .offset = AT(group_raw, header),
     .required = true,
     .help = "Rows with equal values of these fields become one record."},
    {.name = "bodyGroup",
     .type = FIELD_STRINGS,
     .offset = AT(group_raw, body),
     .help = "Inside a record, rows with equal values of these fields become one line."},
    {.name = "bodyName",
     .type = FIELD_STRING,
     .offset = AT(group_raw, body_name),
     .help = "The array that the rows came from: its fields may be named with or without this prefix."},
    {.name = "targetBodyName",
     .type = FIELD_STRING,
     .offset = AT(group_raw, target_body_name),
     .help = "The name of the array of lines; bodyName by default."},
    {.name = "bodyMaxLine",
     .type = FIELD_INT,
     .offset = AT(group_raw, max_line),
     .min = 0,
     .max = 100000,
     .help = "A record with more lines becomes several; 0: any number."},
    {.name = "calculate",
     .type = FIELD_NODE,
     .offset = AT(group_raw, calculate),
     .help = "Output field to calculation: {\"qty\": \"$sum\"} or {\"total\": {\"$sum\": \"qty\"}}."},
};

static const struct field_spec operation_keys[] = {
    {.name = "method",
     .type = FIELD_STRING,
     .offset = AT(operation_raw, method),
     .required = true,
     .help = "none, batchArraySave or merge."},
    {.name = "rowsKey",
     .type = FIELD_STRING,
     .offset = AT(operation_raw, rows_key),
     .help = "batchArraySave: the name of the array; array by default."},
    {.name = "rows",
     .type = FIELD_INT,
     .offset = AT(operation_raw, rows),
     .min = 1,
     .max = 100000,
     .help = "batchArraySave: records in one call; 20 by default."},
    {.name = "field",
     .type = FIELD_STRING,
     .offset = AT(operation_raw, field),
     .help = "merge: records with equal values of this field become one."},
    {.name = "bodyName",
     .type = FIELD_STRING,
     .offset = AT(operation_raw, body_name),
     .help = "merge: the name of the array of lines; items by default."},
    {.name = "header",
     .type = FIELD_STRINGS,
     .offset = AT(operation_raw, header),
     .help = "merge: fields taken from the first of the records."},
    {.name = "body", .type = FIELD_STRINGS, .offset = AT(operation_raw, body), .help = "merge: fields of each line."},
    {.name = "bodySum",
     .type = FIELD_STRINGS,
     .offset = AT(operation_raw, body_sum),
     .help = "merge: fields summed over lines whose `body` fields are equal."},
};

static const struct field_spec remedy_keys[] = {
    {.name = "crontab", .type = FIELD_STRING, .offset = AT(remedy_raw, crontab), .help = "When the remedy runs."},
    {.name = "takeOverRequest",
     .type = FIELD_NODE,
     .offset = AT(remedy_raw, take_over),
     MEMBERS(field_keys),
     .help = "Fields that replace those of the same name in `request` for that run."},
};

static const struct field_spec pagination_keys[] = {
    {.name = "pageSize",
     .type = FIELD_NODE,
     .offset = AT(pagination_raw, page_size),
     .help = "Rows asked for in a page."},
};

#define COMMON_KEYS                                                                                                    \
    {.name = "api",                                                                                                    \
     .type = FIELD_STRING,                                                                                             \
     .offset = AT(doc_raw, api),                                                                                       \
     .required = true,                                                                                                 \
     .help = "The interface, by the name that the connector gives it."},                                               \
        {.name = "effect",                                                                                             \
         .type = FIELD_ENUM,                                                                                           \
         .offset = AT(doc_raw, effect),                                                                                \
         .names = doc_effects,                                                                                         \
         .help = "The direction: QUERY for a source, EXECUTE (or WRITE) for a target."},                               \
        {.name = "type",                                                                                               \
         .type = FIELD_ENUM,                                                                                           \
         .offset = AT(doc_raw, type),                                                                                  \
         .names = doc_effects,                                                                                         \
         .help = "Another spelling of `effect`, which wins."},                                                         \
        {.name = "method",                                                                                             \
         .type = FIELD_STRING,                                                                                         \
         .offset = AT(doc_raw, method),                                                                                \
         .help = "The transport: POST, GET, PUT, DELETE or SQL."},                                                     \
        {.name = "id",                                                                                                 \
         .type = FIELD_STRING,                                                                                         \
         .offset = AT(doc_raw, id),                                                                                    \
         .help = "The key of a record: a field, a dotted path, or a template."},                                       \
        {.name = "number",                                                                                             \
         .type = FIELD_STRING,                                                                                         \
         .offset = AT(doc_raw, number),                                                                                \
         .help = "The record's number as people see it."},                                                             \
        {.name = "name",                                                                                               \
         .type = FIELD_STRING,                                                                                         \
         .offset = AT(doc_raw, name),                                                                                  \
         .help = "The record's name as people see it."},                                                               \
        {.name = "idCheck",                                                                                            \
         .type = FIELD_BOOL,                                                                                           \
         .offset = AT(doc_raw, id_check),                                                                              \
         .help = "Source: do not write unchanged records again. Target: the id must be there and unique in a batch."}, \
        {.name = "request",                                                                                            \
         .type = FIELD_NODE,                                                                                           \
         .offset = AT(doc_raw, request),                                                                               \
         MEMBERS(field_keys),                                                                                          \
         .help = "Source: parameters of the call. Target: one field for each column, in order."},                      \
        {.name = "otherRequest",                                                                                       \
         .type = FIELD_NODE,                                                                                           \
         .offset = AT(doc_raw, other_request),                                                                         \
         MEMBERS(field_keys),                                                                                          \
         .help = "Values for the adapter: main_sql, limit, extend_sql_1, FormId, …"},                                  \
        {.name = "response",                                                                                           \
         .type = FIELD_NODE,                                                                                           \
         .offset = AT(doc_raw, response),                                                                              \
         MEMBERS(field_keys),                                                                                          \
         .help = "Fields of the records."},                                                                            \
        {.name = "otherResponse",                                                                                      \
         .type = FIELD_NODE,                                                                                           \
         .offset = AT(doc_raw, other_response),                                                                        \
         MEMBERS(field_keys),                                                                                          \
         .help = "Where rows, status and paging stand in a reply: DataKey, StatusKey, PageKey."},                      \
    {                                                                                                                  \
        .name = "body", .type = FIELD_NODE, .offset = AT(doc_raw, body),                                               \
        .help = "otherRequest in short: {\"main_sql\": \"…\", \"limit\": 1000}."                                     \
    }

#define SOURCE_KEYS(kept)                                                                                              \
    {.name = "autoFillResponse",                                                                                       \
     .type = kept(FIELD_BOOL),                                                                                         \
     .offset = AT(doc_raw, auto_fill_response),                                                                        \
     .help = "Learn `response` from live data."},                                                                      \
        {.name = "pagination",                                                                                         \
         .type = kept(FIELD_NODE),                                                                                     \
         .offset = AT(doc_raw, pagination),                                                                            \
         MEMBERS(pagination_keys),                                                                                     \
         .help = "The page size."},                                                                                    \
        {.name = "beatFlat",                                                                                           \
         .type = kept(FIELD_STRINGS),                                                                                  \
         .offset = AT(doc_raw, beat_flat),                                                                             \
         .help = "Arrays whose elements become rows."},                                                                \
        {.name = "condition",                                                                                          \
         .type = kept(FIELD_NODE),                                                                                     \
         .offset = AT(doc_raw, condition),                                                                             \
         MEMBERS(term_keys),                                                                                           \
         .help = "Which records pass: the outer array is OR, the inner AND."},                                         \
        {.name = "condition_bk", .type = FIELD_IGNORED, .help = "A condition that is parked: ignored."},               \
        {.name = "allocate",                                                                                           \
         .type = kept(FIELD_NODE),                                                                                     \
         .offset = AT(doc_raw, allocate),                                                                              \
         MEMBERS(allocate_keys),                                                                                       \
         .help = "Spreads an amount of the header over the elements of an array."},                                    \
        {.name = "formatResponse",                                                                                     \
         .type = kept(FIELD_NODE),                                                                                     \
         .offset = AT(doc_raw, format_response),                                                                       \
         MEMBERS(format_keys),                                                                                         \
         .help = "Derived fields."},                                                                                   \
    {                                                                                                                  \
        .name = "omissionRemedy", .type = kept(FIELD_NODE), .offset = AT(doc_raw, omission_remedy),                    \
        MEMBERS(remedy_keys), .help = "The scheduled run that looks for what was missed."                              \
    }

#define TARGET_KEYS(kept)                                                                                              \
    {.name = "table",                                                                                                  \
     .type = kept(FIELD_STRING),                                                                                       \
     .offset = AT(doc_raw, table),                                                                                     \
     .help = "The table, when main_sql is left to be generated."},                                                     \
        {.name = "operation",                                                                                          \
         .type = kept(FIELD_NODE),                                                                                     \
         .offset = AT(doc_raw, operation),                                                                             \
         MEMBERS(operation_keys),                                                                                      \
         .help = "Merges records into one call."},                                                                     \
    {                                                                                                                  \
        .name = "groupCalculate", .type = kept(FIELD_NODE), .offset = AT(doc_raw, group_calculate),                    \
        MEMBERS(group_keys), .help = "Groups rows and calculates over them."                                           \
    }

#define KEPT(type)     type
#define NOT_KEPT(type) FIELD_IGNORED

static const struct field_spec source_keys[] = {COMMON_KEYS, SOURCE_KEYS(KEPT), TARGET_KEYS(NOT_KEPT)};
static const struct field_spec target_keys[] = {COMMON_KEYS, SOURCE_KEYS(NOT_KEPT), TARGET_KEYS(KEPT)};

struct doc_table doc_keys(enum side side)
{
    static const struct doc_table source = TABLE(source_keys), target = TABLE(target_keys);

    return side == SIDE_SOURCE ? source : target;
}

const struct doc_table doc_field_keys = TABLE(field_keys);
const struct doc_table doc_parser_keys = TABLE(parser_keys);
const struct doc_table doc_mapping_keys = TABLE(mapping_keys);
const struct doc_table doc_remedy_keys = TABLE(remedy_keys);
const struct doc_table doc_pagination_keys = TABLE(pagination_keys);
const struct doc_table doc_term_keys = TABLE(term_keys);
const struct doc_table doc_allocate_keys = TABLE(allocate_keys);
const struct doc_table doc_format_keys = TABLE(format_keys);
const struct doc_table doc_group_keys = TABLE(group_keys);
const struct doc_table doc_operation_keys = TABLE(operation_keys);
