/* From pages that were fetched, or that an earlier run left, to pages that are durable; see journaler.c. One thread at
 * a time. */
#ifndef RUN_JOURNALER_H
#define RUN_JOURNALER_H

#include "run/pipeline.h"

struct journaler;

/* Takes a page (page_unref it). False: no more is wanted, and the page stays with the journaler. */
typedef bool journaler_give(void *ctx, struct page *page);

struct journaler *journaler_new(struct pipeline *p, journaler_give *give, void *ctx);
void journaler_free(struct journaler *j); /* NULL is fine */
/* Gives what an earlier run left unwritten. Before the first group. */
void journaler_begin(struct journaler *j);
/* Makes up to JOURNAL_GROUP pages durable in one transaction and gives them. Takes them; after a failure they are
 * dropped. */
void journaler_take(struct journaler *j, struct page **group, size_t n);

#endif
