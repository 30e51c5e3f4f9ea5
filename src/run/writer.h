/* From batches to the target; see writer.c. One thread at a time. */
#ifndef RUN_WRITER_H
#define RUN_WRITER_H

#include "run/pipeline.h"

struct writer;

struct writer *writer_new(struct pipeline *p);
void writer_free(struct writer *w); /* NULL is fine */
/* Reads which records have open dead letters. Before the first unit. ERR_DISK. */
enum err writer_begin(struct writer *w, struct errinfo *ei) MUST_USE;
/* Writes one unit: returns when it is committed, or with what stopped it (patience over, fenced, no use trying again).
 * Borrows it. */
enum err writer_write(struct writer *w, struct unit *u, struct errinfo *ei) MUST_USE;
/* After the last unit: the store's copy of the progress. ERR_DISK. */
enum err writer_end(struct writer *w, struct errinfo *ei) MUST_USE;

#endif
