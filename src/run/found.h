/* Records that the source shows for the first time: how late they are, and whether ordinary runs missed them; see
 * found.c. One thread at a time. */
#ifndef RUN_FOUND_H
#define RUN_FOUND_H

#include "run/pipeline.h"

struct found;

struct found *found_new(struct pipeline *p);
void found_free(struct found *f); /* keeps what was measured, and tells when it is too much. NULL is fine */
/* Has the ledger to be asked about this page's records? */
bool found_asks(const struct found *f, const struct page *page, const struct batch_record *r, size_t n);
/* Notes a record that is new: `known` is what the ledger says of it, NULL: nothing. True: the ordinary runs had missed
 * it. */
bool found_note(struct found *f, const struct page *page, const struct batch_record *r,
                const struct ledger_entry *known);

#endif
