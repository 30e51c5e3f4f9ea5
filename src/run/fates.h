/* What became of the records of a batch, for an integration that keeps its records; see fates.c. One thread at a time.
 */
#ifndef RUN_FATES_H
#define RUN_FATES_H

#include "run/pipeline.h"
#include "store/records.h"

struct fates;

/* NULL where records are not kept; all calls take NULL and do nothing. */
struct fates *fates_new(struct pipeline *p);
void fates_free(struct fates *f);
/* Notes a record as sent, and gives the note's number; FATES_NONE when nobody keeps it. */
#define FATES_NONE SIZE_MAX
size_t fates_add(struct fates *f, const struct batch_record *r);
/* What became of it after all. FATES_NONE is ignored. */
void fates_set(struct fates *f, size_t note, enum record_fate_kind fate, size_t detail);
bool fates_full(const struct fates *f);
/* Is this record behind what is noted already? */
bool fates_lack(const struct fates *f, const struct batch_record *r);
/* Keeps the notes: everything up to this place is noted. Before the batch is written. ERR_DISK. */
enum err fates_keep(struct fates *f, int64_t page, int32_t row, struct errinfo *ei) MUST_USE;

#endif
