/* From pages to batches; see batcher.c. One thread at a time. */
#ifndef RUN_BATCHER_H
#define RUN_BATCHER_H

#include "run/pipeline.h"

struct batcher;

/* Takes a unit that is ready to be written (unit_free it). False: no more is wanted, and the unit stays with the
 * batcher. */
typedef bool batcher_give(void *ctx, struct unit *u);

/* Begins at the pipeline's `start`. */
struct batcher *batcher_new(struct pipeline *p, batcher_give *give, void *ctx);
void batcher_free(struct batcher *b); /* what was not given is lost; the journal has it. NULL is fine */
/* Takes the next page or mark of the journal; borrows it (units hold references to what they need). False: the run
 * ends, because `give` said so or the pipeline has failed. */
bool batcher_take(struct batcher *b, struct page *page);
/* Gives what is there, if the position moved. False as above. */
bool batcher_flush(struct batcher *b);
/* After the last page. False as above. */
bool batcher_end(struct batcher *b);

#endif
