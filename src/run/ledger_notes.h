/* What the ledger is to learn, collected; see ledger_notes.c. One thread at a time. */
#ifndef RUN_LEDGER_NOTES_H
#define RUN_LEDGER_NOTES_H

#include "run/pipeline.h"

struct ledger_notes;

struct ledger_notes *ledger_notes_new(struct pipeline *p);
/* Notes a record (copies), in the order of the journal. When there are many, what the target holds by now is made
 * durable, and the position after it; what is not, is learnt again from the journal. ERR_DISK. */
enum err ledger_notes_add(struct ledger_notes *n, const struct batch_record *r, struct errinfo *ei) MUST_USE;
/* Looks up what the notes know of a key and the store does not yet; views, until the next keep. */
bool ledger_notes_find(const struct ledger_notes *n, struct str key, struct ledger_entry *ret);
/* Everything up to this journal position is noted or kept; never goes back. */
void ledger_notes_reach(struct ledger_notes *n, int64_t page);

/* When the last batch is in, or the run has failed: keeps, and frees the pipeline's notes. */
void ledger_notes_close(struct pipeline *p);

#endif
