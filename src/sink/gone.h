/* The statements that take rows away, or mark them; see gone.c. For this floor only. */
#ifndef SINK_GONE_H
#define SINK_GONE_H

#include "sink/sink_impl.h"

/* How a database spells what these statements need. */
struct gone_dialect {
    struct str (*quote)(struct str name, struct arena *a);
    /* `?` compared with that column: exact whatever the column's type, so that two long ids never count as one */
    struct str (*bind)(const struct table_column *c, struct arena *a);
    /* "AND …" that a text parent must also meet so that a folding collation takes nothing of another record; one
     * operand a parent, in the same order; NULL: nothing */
    struct str (*exact)(const struct table_column *c, size_t n, struct arena *a);
};

/* One statement at a time, until `ret->sql` is empty. */
struct gone_walk {
    const struct sink *s;
    const struct batch *b;
    const struct gone_dialect *d;
    size_t at;   /* next entry of b->gone; then, in GONE_MARK, rows that are back */
    size_t back; /* next row */
};
struct gone_statement {
    struct str sql;
    struct str *values; /* of its ?, in order */
    size_t n_values;
    bool removes; /* its affected rows are rows that went */
};
/* In the batch's arena. ERR_DATA: a record has more lines than a statement can name. */
enum err gone_next(struct gone_walk *w, struct gone_statement *ret, struct errinfo *ei) MUST_USE;

/* ERR_SCHEMA when the table cannot carry the spec's rules: a column is missing, or of a type that cannot be compared
 * exactly. */
enum err gone_fits(const struct sink *s, struct errinfo *ei) MUST_USE;
/* The same as diagnostics, and that an index on the parent's column is missing. */
void gone_check(const struct sink *s, struct pos pos, struct diags *diags);

#endif
