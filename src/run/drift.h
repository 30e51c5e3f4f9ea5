/* Schema drift in a run; see drift.c. */
#ifndef RUN_DRIFT_H
#define RUN_DRIFT_H

#include "flow/drift.h"
#include "run/pipeline.h"

/* Reads what is known of the records, and closes changes that are over. The pipeline's target is described. */
enum err drift_open(struct pipeline *p, struct drift_run **ret, struct errinfo *ei) MUST_USE;
void drift_free(struct drift_run *d); /* NULL is fine */

/* ---- by the thread that shapes; `d` may be NULL ---- */

/* Has the shaper count what it shapes. */
void drift_watch(struct drift_run *d, struct shaper *sh);
/* Under `stop`: looks at a page before any of it is shaped. ERR_SCHEMA: it must not be written. */
enum err drift_page(struct drift_run *d, struct shaper *sh, const struct page *page, struct errinfo *ei) MUST_USE;
/* An encoded batch: tells what is new since the last one. ERR_SCHEMA under `stop`: it must not be written. */
enum err drift_batch(struct drift_run *d, const struct shaper *sh, const struct batch *b, struct errinfo *ei) MUST_USE;
/* After the last batch: what vanished; what was seen is learnt. */
enum err drift_end(struct drift_run *d, const struct shaper *sh, struct errinfo *ei) MUST_USE;

/* ---- while no batch is on its way ---- */

/* Under `add-column`: makes room in the target for the open changes. The first failure, after trying each. */
enum err drift_make_room(struct drift_run *d, struct errinfo *ei) MUST_USE;

#endif
