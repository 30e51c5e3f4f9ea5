/* How a database spells what reading rows back needs; see rows.c. For this floor only. */
#ifndef SINK_ROWS_H
#define SINK_ROWS_H

#include "sink/gone.h"

struct rows_sql;
struct rows_dialect {
    const struct gone_dialect *names; /* quote, and bind for comparing with a column */
    /* A column as text from which its value can be told exactly. */
    struct str (*shown)(const struct table_column *c, struct arena *a);
    /* Is `theirs`, as shown, what the column makes of `ours`? */
    bool (*same)(const struct table_column *c, struct str ours, struct str theirs);
    /* Runs the query with these binds, giving row by row; `row` false ends it. */
    enum err (*query)(struct sink *s, const struct rows_sql *sql, struct errinfo *ei);
};
struct rows_sql {
    struct str text;
    const struct str *values; /* of its ? */
    size_t n_values;
    sink_row *row;
    void *ctx;
};

/* compare.c: both are numbers of one value, or the same text. */
bool same_number(struct str ours, struct str theirs);
bool same_double(struct str ours, struct str theirs);
bool same_text(struct str ours, struct str theirs, bool blanks_count);
bool same_time(struct str ours, struct str theirs, bool day_only);
bool same_json(struct str ours, struct str theirs);

#endif
