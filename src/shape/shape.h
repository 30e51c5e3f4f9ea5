/* Page → rows: select → allocate → condition → beatFlat → formatResponse → groupCalculate → target mapping (metadata.md
 * 3, decisions 18, 19), without copying what need not be copied: cells point into the page's document. A compiled shape
 * is immutable and may be used by several threads, each with its own `struct shaper`. */
#ifndef SHAPE_SHAPE_H
#define SHAPE_SHAPE_H

#include "connector/connector.h"
#include "meta/doc.h"
#include "sink/sink.h"
#include "store/fields.h"

struct shape;

struct shape_input {
    const struct meta_doc *source, *target;
    const struct iface *iface;               /* aliases, allocate, id, versions */
    struct slots *slots;                     /* filled while columns were compiled; owned by the shape from now on */
    const struct column *const *columns[10]; /* of each statement */
    size_t n_columns[10];
    struct str arrays[10]; /* statement n ≥ 1: the source array whose elements it writes */
    size_t n_statements;
    int id_column; /* column of the main statement that holds the target id; -1: none */
    /* target id when no column holds it; NULL: the source id, with -1, -2 … when a record gives several rows */
    const struct tmpl *id;
    struct str source_id; /* field name or dotted path; or, when it has braces, source_id_tmpl */
    const struct tmpl *source_id_tmpl;
    const struct zone *zone;        /* the project's: templates */
    const struct zone *remote_zone; /* of times in records; borrowed, as all of this */
    uint64_t mapping;
};
/* Compiles the record side (conditions, allocate, flattening); problems go to `diags`, NULL after an error. Lives in
 * `a`. */
struct shape *shape_compile(struct arena *a, const struct shape_input *in, struct diags *diags);
void shape_free(struct shape *s); /* frees what does not live in the arena */

/* What became of one record. */
enum record_fate { RECORD_ROWS, RECORD_FILTERED, RECORD_DEAD };
struct shaped_record {
    enum record_fate fate;
    struct batch_record record;
    struct batch_row *rows; /* record fields unset; in the arena */
    size_t n_rows;
    struct errinfo *why; /* RECORD_DEAD; in the arena */
    /* made by groupCalculate or operation: cells point into it; the caller frees it after the batch */
    struct json_doc *extra;
};

struct shaper;
typedef enum err shaper_lookup(void *ctx, const struct lookup *l, const struct lookup_operands *asked, struct arena *a,
                               struct value *ret, struct errinfo *ei);
struct shaper *shaper_new(const struct shape *s);
void shaper_free(struct shaper *sh);
/* Who answers lookups from now on (struct env); until then nobody does. */
void shaper_set_lookup(struct shaper *sh, shaper_lookup *lookup, void *ctx);
/* Does the condition pass the record? ret_keep (in `a`) says for each element of the flattened array `array` whether
 * its row stays; NULL when the record has no such elements. */
bool shaper_passes(struct shaper *sh, const struct json *raw, struct str array, struct arena *a, const bool **ret_keep);
/* Identity of a record without mapping it: key, version, hash (when `with_hash`), modified. ERR_DATA when it has no id.
 */
enum err shaper_identify(struct shaper *sh, const struct json *record, struct arena *a, bool with_hash,
                         struct batch_record *ret, struct errinfo *ei) MUST_USE;
/* Shapes record `raw` into arena `a`. `sys` holds the frozen times of its page; ret->record is already identified. */
void shaper_record(struct shaper *sh, const struct json *raw, const struct sysvars *sys, struct arena *a,
                   struct shaped_record *ret);
/* The value that a column of the main statement has in the record's first line, whatever the condition says of it; p
 * NULL for NULL. For records that left the condition, or that cannot be mapped: shares that cannot be made are missing.
 */
struct cell_of {
    const struct json *raw;
    const struct sysvars *sys;
    size_t column;
};
enum err shaper_cell(struct shaper *sh, const struct cell_of *c, struct arena *a, struct str *ret,
                     struct errinfo *ei) MUST_USE;
/* Which term of the condition keeps a filtered record out: its number among shape_terms, SIZE_MAX: none of them alone.
 */
size_t shaper_failing(const struct shaper *sh, const struct json *raw);
struct strs shape_terms(const struct shape *s, struct arena *a); /* as a person reads them */
/* How often each target column found nothing (missing) since the last call, by column of the main statement; n of them.
 * For "a mapping that never found its field". */
const uint64_t *shaper_missing(const struct shaper *sh, size_t *ret_n, uint64_t *ret_rows);

/* ---- what records look like ---- */

/* From now on the records that are shaped are counted. */
void shaper_watch(struct shaper *sh);
/* Counts a record without shaping it. */
void shaper_look(struct shaper *sh, const struct json *record);
/* Grows with each field, and each type of a field, that is counted for the first time. */
uint64_t shaper_news(const struct shaper *sh);

/* Objects of one kind: records (empty path), elements of an array ("items[]"), objects in a field ("ext"). */
struct shape_level {
    struct str path;
    int64_t objects;
};
/* What was counted since the shaper was made: path, seen and `of` of each field; the rest of a `struct field` is 0. */
struct shape_fields {
    struct field *at;
    size_t n;
    struct shape_level *levels;
    size_t n_levels;
};
void shaper_fields(const struct shaper *sh, struct arena *a, struct shape_fields *ret);

#endif
