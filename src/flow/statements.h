/* The target side of a flow: statements and the columns that fill their binds. For this floor only. */
#ifndef FLOW_STATEMENTS_H
#define FLOW_STATEMENTS_H

#include "flow/flow.h"

struct bound {
    const struct column **columns[10];
    size_t n_columns[10];
    struct str arrays[10];
    int id_column; /* index among the main statement's binds, or -1 */
};

/* Compiles main_sql (and extend_sql_n) into f->statements and their binds. False after an error. */
bool statements_compile(struct flow *f, struct compile *c, struct bound *ret);

/* policies.c: `children`, `left_filter` and `guard` of the integration, into f->sink_spec. After the statements and the
 * source. False after an error. */
bool policies_compile(struct flow *f, struct diags *diags);

#endif
