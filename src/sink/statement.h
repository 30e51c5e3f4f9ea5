/* The SQL that people write in main_sql and extend_sql_n, taken apart: never executed as it stands, values are always
 * bound (metadata.md 7, decisions 3 and 23). Pure. */
#ifndef SINK_STATEMENT_H
#define SINK_STATEMENT_H

#include "base/conf.h"

enum verb { VERB_INSERT, VERB_REPLACE, VERB_INSERT_IGNORE, VERB_OTHER };

struct stmt_value {
    struct str sql;        /* "?", or an expression with one ? per bind: "UPPER(?)", "NOW()" */
    struct strs templates; /* the templates bound, in order, when the tuple was written out; else empty */
};

struct statement {
    enum verb verb;
    struct str table;    /* as written, unquoted; "db.table" keeps both */
    struct strs columns; /* unquoted */
    /* one a column when a VALUES tuple was written out; NULL: all "?" from request[] in order */
    struct stmt_value *values;
    struct str tail; /* "ON DUPLICATE KEY UPDATE …" as written, or empty */
    bool generated;  /* made from request[] because main_sql was elided or absent */
    /* execute: any statement with :name placeholders */
    struct str sql;    /* with ? for each placeholder */
    struct strs binds; /* the names, in order; "lastInsertId" is the key of the main statement */
    struct pos pos;
};

/* SQL as a document has it, and where. */
struct sql_text {
    struct str text;
    struct pos pos;
};
/* Reads a batchexecute main_sql. `columns` are the names of request[] in order; `table` the document's `table`.
 * Differences in order and number are errors in `diags`; an elided
 * ("…", "...", "(...)") or empty text is generated. NULL after errors. */
const struct statement *statement_batch(struct arena *a, struct sql_text sql, struct str table,
                                        const struct strs *columns, struct diags *diags);
/* Reads an execute statement: `params` are the names that may be bound. */
const struct statement *statement_execute(struct arena *a, struct sql_text sql, const struct strs *params,
                                          struct diags *diags);

#endif
