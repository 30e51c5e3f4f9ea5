/* Schema drift: what the records of a run look like against what was known of them, and how their values strain the
 * table. Pure; what becomes of a change is decided by the run. */
#ifndef FLOW_DRIFT_H
#define FLOW_DRIFT_H

#include "flow/flow.h"
#include "store/fields.h"

/* Records that must have been seen, in earlier runs, before a difference is a change. */
#define DRIFT_LEARN_RECORDS 100
/* A field that was in 99 of 100 objects before has vanished when it is in none of so many in a row. */
#define DRIFT_GONE_OBJECTS 50
#define DRIFT_GONE_PERCENT 99

struct drift_input {
    const struct flow *flow;
    const struct table_info *table; /* of the main statement, or NULL */
    const struct field *base;       /* as store_fields gives them */
    size_t n_base;
    int64_t run, now_ms;
};
struct changes {
    struct change *at;
    size_t n;
};
/* Is enough known for a comparison? */
bool drift_learnt(const struct drift_input *in);
/* New fields, changed types; with `gone` vanished fields. In `a`; none before enough is known. */
void drift_compare(const struct drift_input *in, const struct shape_fields *now, bool gone, struct arena *a,
                   struct changes *ret);
/* Values that are too long for their column, or nearly so; digits that it does not keep. What nearly fills a column
 * before enough is known is marked CHANGE_ACCEPTED: it was always so. */
void drift_strain(const struct drift_input *in, const struct batch *b, struct arena *a, struct changes *ret);
/* Objects that were counted of the kind that has the field. */
int64_t drift_objects(const struct shape_fields *now, struct str path);
/* Does the change no longer hold: the field is mapped, the column takes the value? */
bool drift_is_over(const struct drift_input *in, const struct change *c, struct arena *a);
/* The ALTER TABLE that makes room for a change as the table is now; empty when there is none. */
struct str drift_alter(const struct drift_input *in, const struct change *c, struct arena *a);

/* The name by which a template asks for the field (`items_qty`); empty when it is inside an array that gives no lines.
 */
struct str field_name(const struct flow *f, struct str path, struct arena *a);
/* Columns of the main statement whose value names the field, or an object that it is in; "a, b". */
struct str field_columns(const struct flow *f, struct str path, struct arena *a);

#endif
