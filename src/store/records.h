/* What became of each version of each record of an integration that keeps its records: an index into its journal. Which
 * page and row hold a key's versions, how each was judged, in which batch it was committed. The raw records themselves
 * stay in the journal. One SQLite file (WAL) beside it; it may lag behind the journal and is brought up to date from
 * it. Thread-safe. Errors of all calls: ERR_DISK, ERR_CONFLICT, ERR_INTERNAL. */
#ifndef STORE_RECORDS_H
#define STORE_RECORDS_H

#include "base/arena.h"
#include "base/err.h"

struct records;

enum record_fate_kind {
    FATE_SENT,     /* it went into a batch; refused rows are dead letters */
    FATE_FILTERED, /* the condition did not pass it; `detail` says by which of its terms */
    FATE_FOLDED,   /* a newer version of it stood in the same batch, or is known */
    FATE_REPEAT,   /* idCheck: unchanged */
    FATE_DEAD,     /* the mapping refused it: a dead letter */
    FATE_UNNOTED,  /* done, but nobody noted how: learnt from the journal afterwards */
    FATE_COUNT
};
#define FATE_DETAIL_MAX 8191 /* the largest detail; it stands for "none of them alone" */

struct record_note {
    uint64_t hash; /* of the key: records_hash; 0 when the record has none */
    int64_t page;
    int32_t row;
    uint16_t fate, detail;
};
/* Up to where the journal is noted: the pages before `page`, and `row` records of it (INT32_MAX: all). */
struct records_reach {
    int64_t page;
    int32_t row;
};

/* Opens state_dir/records/<file name of the integration>.db; for writing it is made when it is missing, for reading a
 * missing one gives NULL. */
enum err records_open(const char *state_dir, struct str integration, bool read_only, struct records **ret,
                      struct errinfo *ei) MUST_USE;
void records_close(struct records *r); /* NULL is fine */
uint64_t records_hash(struct str key); /* the same for ever */
/* Where it stands. */
enum err records_reached(struct records *r, struct records_reach *ret, struct errinfo *ei) MUST_USE;
/* Takes away what was noted at or behind a position: it was not committed and comes again. */
enum err records_cut(struct records *r, struct records_reach from, struct errinfo *ei) MUST_USE;
/* Adds notes, in journal order, and moves the reach; one transaction. Survives the death of the process; a loss of
 * power may take the last ones back. */
enum err records_add(struct records *r, const struct record_note *notes, size_t n, struct records_reach to,
                     struct errinfo *ei) MUST_USE;

/* A batch that was committed: everything up to `to` that no earlier one covered. */
struct records_batch {
    struct records_reach to;
    int64_t batch, epoch, run, committed_ms;
    uint64_t mapping;
};
enum err records_committed(struct records *r, const struct records_batch *b, struct errinfo *ei) MUST_USE;
/* The terms of the condition of a mapping version, in their order; once. */
enum err records_name_terms(struct records *r, uint64_t mapping, const struct str *terms, size_t n,
                            struct errinfo *ei) MUST_USE;

/* Where the versions of a key stand, newest first; other keys may be among them. In `a`. */
struct records_place {
    int64_t page;
    int32_t row;
};
enum err records_find(struct records *r, uint64_t hash, struct arena *a, struct records_place **ret, size_t *ret_n,
                      struct errinfo *ei) MUST_USE;
/* How the record at a place was judged. ret_known false: nothing is noted of it. */
enum err records_fate(struct records *r, struct records_place at, struct record_note *ret, bool *ret_known,
                      struct errinfo *ei) MUST_USE;
/* The batch that covered a place. ret_known false: not committed, or nobody noted it. */
enum err records_batch_of(struct records *r, struct records_place at, struct records_batch *ret, bool *ret_known,
                          struct errinfo *ei) MUST_USE;
/* Records that a redo wrote again, in one batch: `to` of it means nothing. */
enum err records_rewritten(struct records *r, const struct records_place *at, size_t n, const struct records_batch *b,
                           struct errinfo *ei) MUST_USE;
/* The batches that wrote the record at a place again, in their order. In `a`. */
enum err records_rewrites_of(struct records *r, struct records_place at, struct arena *a, struct records_batch **ret,
                             size_t *ret_n, struct errinfo *ei) MUST_USE;
/* The text of a term; p NULL when it is not known. In `a`. */
enum err records_term(struct records *r, uint64_t mapping, uint16_t term, struct arena *a, struct str *ret,
                      struct errinfo *ei) MUST_USE;
/* Forgets the pages before `first`, which the journal has dropped. */
enum err records_prune(struct records *r, int64_t first, struct errinfo *ei) MUST_USE;

#endif
