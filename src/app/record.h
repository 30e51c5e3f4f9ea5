/* One record, shaped by the current mapping as a run would, for showing. */
#ifndef APP_RECORD_H
#define APP_RECORD_H

#include "base/json.h"
#include "flow/flow.h"
#include "source/page.h"

/* What a record is shaped with: the flow, a shaper of its own, and the page that brought it. */
struct shaping {
    const struct flow *flow;
    struct shaper *shaper;
    const struct page *page;
};

/* Identifies and shapes; a record without id is RECORD_DEAD. json_free(ret->extra) before the arena goes. */
void record_shape(const struct shaping *by, const struct json *raw, struct arena *a, struct shaped_record *ret);
const char *record_fate(const struct shaped_record *s); /* "rows", "filtered", "dead" */
/* The cells of a statement's rows: how many, and their names. */
size_t record_width(const struct flow *f, uint32_t statement);
struct str record_column(const struct flow *f, uint32_t statement, size_t i);
struct str record_cell(const struct value *v); /* p NULL: NULL */
/* {"column": "text" or null, …} */
void record_row_json(struct json_out *w, const struct flow *f, const struct batch_row *row);

/* The statement that its rows are written with, values as ?. In `a`, or as long as the flow. */
struct str record_statement(const struct flow *f, uint32_t statement, struct arena *a);

#endif
