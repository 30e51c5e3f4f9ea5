/* The two documents of an integration, read and validated (metadata.md 1). Everything is a view into the
 * configuration's arena. */
#ifndef META_DOC_H
#define META_DOC_H

#include "base/conf.h"
#include "meta/tmpl.h"

/* What becomes of rows in the target that their record no longer gives. */
enum gone { GONE_KEEP, GONE_DELETE, GONE_MARK };

enum cast_type {
    CAST_STRING,
    CAST_INT,
    CAST_FLOAT,
    CAST_DECIMAL,
    CAST_BOOL,
    CAST_DATETIME,
    CAST_DATE,
    CAST_TIMESTAMP,
    CAST_JSON,
    CAST_ARRAY,
    CAST_OBJECT
};

struct meta_field {
    struct str field, label;
    struct pos pos; /* of the object */
    enum cast_type type;
    const struct node *value;  /* NULL: no value given */
    const struct node *preset; /* `default`, or NULL */
    bool required;
    struct str parser, parser_params; /* empty when there is none */
    struct str map_name;              /* `mapping.target`, empty when there is none */
    bool map_reverse;
    const struct node *map_default;    /* `mapping.default`, or NULL */
    bool map_strict;                   /* `mapping.unmatched` is "error" */
    const struct meta_field *children; /* array or object */
    size_t n_children;
};

struct meta_fields {
    const struct meta_field *at;
    size_t n;
};

struct meta_doc {
    enum side side;
    const char *file;
    struct pos pos;
    struct str api, method;
    struct str id, number, name; /* field name, path, or template with braces */
    struct pos id_pos;
    int id_check; /* 1, 0, or -1 when not given */
    struct meta_fields request, other_request, response, other_response;
    bool auto_fill_response;
    int64_t page_size; /* `pagination.pageSize`, 0 when not given */
    struct strs beat_flat;
    const struct node *condition, *allocate, *format_response, *omission_remedy, *operation, *group_calculate;
    struct str table;
    struct str remedy_crontab;    /* omissionRemedy.crontab, empty when there is none */
    struct meta_fields take_over; /* omissionRemedy.takeOverRequest */
};

/* Reads a parsed document. `side` says which document is expected; one of the other direction is an error. NULL when
 * there were errors. */
const struct meta_doc *meta_read(struct arena *a, const struct node *root, enum side side, struct diags *diags);
/* Adds the lookups that stand in the document (lookup.h) to the list; those with errors are left out. In `a`. */
void meta_lookups(const struct meta_doc *doc, struct arena *a, struct lookup_list *ret);
/* The field of that name in a group, or NULL. */
const struct meta_field *meta_find(struct meta_fields group, const char *field);
/* The text of a field's value ("" when it has none or it is null): otherRequest.main_sql, limit, … */
struct str meta_text(const struct meta_field *f);
/* The JSON Schema of the document of a side. */
void meta_schema(enum side side, struct json_out *w);
/* The dialect's keys and values as tables for reference pages are in doc_tables.h. */

/* One value to be worked out for each row or call: template → lookup → function → mapping → parser → cast (metadata.md
 * 2). */
struct column;
struct maps; /* the project's static value maps */
struct maps *maps_new(struct arena *a);
/* Reads rows {a_value,a_label,b_value,b_label}; duplicates within a direction are warnings. */
void maps_add(struct maps *m, struct str name, const struct node *rows, struct diags *diags);
const struct column *column_compile(struct compile *c, const struct meta_field *f,
                                    const struct maps *maps); /* NULL after an error */
struct str column_name(const struct column *c);
enum cast_type column_type(const struct column *c);
const struct tmpl *column_tmpl(const struct column *c); /* NULL when it has no value */
/* A plain copy of one slot as text: no default, not required, no mapping, no parser, type string. */
bool column_is_plain_text(const struct column *c, size_t *ret_slot);
/* Result kinds: NULL, TEXT (string, dates), NUMBER (int, float, decimal, timestamp; bool as 1/0), JSON text for
 * json/array/object (as TEXT). ERR_DATA names the column and the value. */
enum err column_eval(const struct column *c, struct env *env, struct value *ret, struct errinfo *ei) MUST_USE;

/* The parameters of a call, rendered: what decisions 7 and 8 say. */
struct param {
    struct str name;
    struct value value;
    bool json;
}; /* containers are VALUE_TEXT with json true; a bool is VALUE_BOOL */
struct params {
    struct param *at;
    size_t n;
};
struct request;
/* `group` with the fields of the same name in `over` (a takeOverRequest, or empty) put in their place. */
const struct request *request_compile(struct compile *c, struct meta_fields group, struct meta_fields over,
                                      const struct maps *maps);
/* Fields without value or with null are left out; empty strings are kept (the connector's wire form decides). In
 * env->arena. */
enum err request_render(const struct request *r, struct env *env, struct params *ret, struct errinfo *ei) MUST_USE;
/* Field i of the request, in its order. */
const struct column *request_column(const struct request *r, size_t i);

/* `condition` (metadata.md 4, decisions 20). */
struct cond;
const struct cond *cond_compile(struct arena *a, const struct node *condition, const struct strs *beat_flat,
                                struct diags *diags, bool *ret_ok); /* NULL with *ret_ok: passes all */
/* False: the record is filtered. `keep[i]` says for each element of array `array_name` whether its row stays (all true
 * when the array is not concerned); n is its length. `array` may be NULL. */
bool cond_apply(const struct cond *c, const struct json *record, const struct json *array, bool *keep, size_t n);

/* Which term keeps the record out, by its number in the document (of the first list of terms, the first that does not
 * hold for it); SIZE_MAX when each holds for some element of an array but never all for one. */
size_t cond_failing(const struct cond *c, const struct json *record);
/* The terms, as a person reads them ("labels notlike 线上发货"); NULL gives none. In `a`. */
struct strs cond_terms(const struct cond *c, struct arena *a);

/* The same condition with the zone in which `timestamp:` comparisons read times without an offset (UTC otherwise). NULL
 * for NULL. */
const struct cond *cond_in_zone(struct arena *a, const struct cond *c, const struct zone *z);

/* `allocate` (metadata.md 3.1, decisions 21): shares of an amount of the header over the elements of an array. */
struct allocate;
const struct allocate *allocate_compile(struct arena *a, const struct node *list, struct diags *diags,
                                        bool *ret_ok); /* NULL with *ret_ok: none */
size_t allocate_count(const struct allocate *al);
struct str allocate_over(const struct allocate *al, size_t i); /* the array's name */
struct str allocate_as(const struct allocate *al, size_t i);   /* the new element field's name, without prefix */
/* shares[k]: the value for element k, n = length of the array. ERR_DATA when an amount is not a number. */
enum err allocate_apply(const struct allocate *al, size_t i, const struct json *record, struct arena *a,
                        struct value *shares, size_t n, struct errinfo *ei) MUST_USE;

/* `formatResponse`: derived fields. */
struct format_rule {
    struct str old_name, new_name;
    int format;
    struct str params;
};
struct formats {
    const struct format_rule *at;
    size_t n;
};
bool formats_compile(struct arena *a, const struct node *list, struct diags *diags, struct formats *ret);
enum err format_apply(const struct format_rule *f, const struct value *in, const struct zone *z, struct arena *a,
                      struct value *ret, struct errinfo *ei) MUST_USE;

/* `groupCalculate` and `operation`: rows in, merged records out, as JSON text of an array of objects appended to `out`.
 */
struct named_rows {
    const struct str *names;
    size_t n_names;
    const struct value *const *rows;
    size_t n_rows;
};
struct group;
const struct group *group_compile(struct arena *a, const struct node *n, struct diags *diags, bool *ret_ok);
enum err group_apply(const struct group *g, const struct named_rows *in, struct arena *a, struct buf *out,
                     struct errinfo *ei) MUST_USE;
struct operation;
const struct operation *operation_compile(struct arena *a, const struct node *n, struct diags *diags,
                                          bool *ret_ok); /* NULL with *ret_ok: "none" */
enum err operation_apply(const struct operation *o, const struct named_rows *in, struct arena *a, struct buf *out,
                         struct errinfo *ei) MUST_USE;

#endif
