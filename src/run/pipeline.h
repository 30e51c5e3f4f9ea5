/* The way of a page through the threads of one run; shared by the files of this floor.
 *
 *   loop thread     reader: asks for pages, judges windows               → journal queue
 *   journal thread  appends pages in groups, durable; first of all it
 *                   feeds what an earlier run left unwritten              → shape queue
 *   shape thread    folds, shapes, fills and encodes batches, ledger      → write queue
 *   write thread    one transaction a batch, checkpoint inside; retries; decides unknown outcomes
 *
 * Queues are short, so memory stays flat. The first failure is kept and stops the steps before it; the steps behind it
 * finish what is safe. */
#ifndef RUN_PIPELINE_H
#define RUN_PIPELINE_H

#include "flow/flow.h"
#include "run/queue.h"
#include "run/run.h"
#include "source/page.h"
#include "store/journal.h"
#include "store/records.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

#define JOURNAL_QUEUE  3
#define SHAPE_QUEUE    3
#define WRITE_QUEUE    1
#define JOURNAL_GROUP  4
#define UNIT_PAGES_MAX 32
#define UNIT_BYTES_MAX (24u << 20)
#define MISSING_NAMED  5

/* What became of the records of a window, or of the part of it that is in one unit. */
struct tally {
    size_t first, end;                          /* its records in the batch */
    int64_t records, folded, filtered, repeats; /* as in struct counts */
    int64_t dead_records, missing;
    const struct window_proof *proof; /* the window ends here; in the unit's arena. NULL: it goes on */
    bool anew;                        /* what was counted before it belongs to no window: its reading was cut short */
};

/* A batch on its way, with what keeps its cells alive. */
struct unit {
    struct batch b;
    struct page *pages[UNIT_PAGES_MAX + 1];
    size_t n_pages;
    size_t bytes;
    struct json_doc **docs;
    size_t n_docs, cap_docs;
    struct dead_letter *dead; /* found while shaping; b.bad adds to them */
    size_t n_dead, cap_dead;
    int64_t freshest_ms;
    int64_t shaped_records;
    struct tally *tallies; /* in order; the last is being counted */
    size_t n_tallies, cap_tallies;
    struct str missing[MISSING_NAMED]; /* keys of records that were found missing */
    size_t n_missing;                  /* all of them */
};

struct drift_run;

/* What redo did not get in of a record: a line of it, or (-1) the whole record. */
struct redo_refusal {
    int32_t line;
    enum err code;
    struct str reason;
};

struct pipeline {
    const struct flow *flow;
    const struct run_options *options;
    struct store *store;
    struct journal *journal; /* NULL in a dry run and in redo */
    struct sink *sink;       /* NULL in a dry run */
    struct drift_run *drift; /* NULL: what records look like is nobody's concern */
    int64_t run_id;
    struct checkpoint start;                 /* as claimed */
    bool target_holds;                       /* the checkpoint is kept by the target */
    bool frozen;                             /* redo: positions and cursor stay as they are */
    bool fetch_only;                         /* pages go into the journal and no further */
    bool ledger;                             /* keep and ask it */
    bool ledger_exact;                       /* idCheck relies on it: hashes are kept */
    int64_t ledger_base;                     /* what the ledger knows of pages up to here is of another target */
    int64_t ledger_page;                     /* the ledger knows the journal up to here */
    struct records *kept;                    /* NULL: records are not kept */
    struct records_reach kept_to;            /* they are noted up to here; the shape thread's once it runs */
    struct ledger_notes *notes;              /* entries that wait until their rows are in */
    int64_t missing_until_s, missing_from_s; /* found missing counts records modified in (from, until] */
    bool ran_before;                         /* the range up to missing_until_s was read by earlier runs */
    struct queue *to_journal, *to_shape, *to_write;
    pthread_t threads[3];
    int n_threads;
    void (*room)(void *ctx); /* called by the journal thread after it took from its queue */
    void *room_ctx;
    void (*ended)(void *ctx); /* called once by the write thread when everything is written or has failed */
    void *ended_ctx;
    /* in redo: is this line of the record to be written? NULL: all are */
    bool (*wanted)(void *ctx, const struct batch_record *record, int32_t line);
    /* what became of a record in redo; called on the write thread after the commit, or when it is dead again */
    void (*redone)(void *ctx, const struct batch_record *record, const struct redo_refusal *refused, size_t n);
    /* in redo, before the commit: is what was refused a letter already? If not, this one is kept as it is then */
    bool (*has_letter)(void *ctx, struct dead_letter *d);
    void *redone_ctx;

    /* results, read after the end (or as a snapshot through atomics) */
    _Atomic int64_t records, folded, filtered, repeats, dead_records, shaped_records, shaped_rows, rows, dead_rows,
        overlaid, removed, missing_found, pages, bytes, retries;
    _Atomic int64_t unbalanced; /* windows whose records or rows did not add up */
    _Atomic int64_t whole_page; /* all of the journal up to here is in the target */
    _Atomic int64_t written_page, written_cursor, fetched_cursor, freshest_ms;
    _Atomic bool failed, stopping;
    _Atomic(const char *) waiting; /* for a progress line; NULL: not waiting */
    pthread_mutex_t lock;
    struct errinfo error; /* the first failure, under lock */
};

/* The first failure wins; everything upstream of it stops. */
void pipeline_fail(struct pipeline *p, const struct errinfo *ei);
void pipeline_emit(const struct pipeline *p, struct event e);
enum err pipeline_start(struct pipeline *p, struct errinfo *ei) MUST_USE;
/* From the loop's thread: takes the page (a mark, or rows). False when there is no room: the page stays with the
 * caller, `room` will be called. */
bool pipeline_offer(struct pipeline *p, struct page *page);
void pipeline_finish_input(struct pipeline *p);
void pipeline_join(struct pipeline *p); /* after `ended` */

/* The last page that is written whole when a checkpoint says this. */
static inline int64_t checkpoint_whole(const struct checkpoint *c)
{
    return c->row < 0 ? c->page : c->page - 1;
}

/* Name of the fact that keeps ledger_base. */
static inline struct str ledger_base_fact(struct arena *a, struct str integration)
{
    return arena_printf(a, "ledger_base:" STR_FMT, STR_ARG(integration));
}

/* Name of the fact since when (as a cursor) the ledger knows records; there is one when the journal does not begin with
 * the first. */
static inline struct str ledger_from_fact(struct arena *a, struct str integration)
{
    return arena_printf(a, "ledger_from:" STR_FMT, STR_ARG(integration));
}

/* unit.c */
struct unit *unit_new(void);
void unit_free(struct unit *u);
void unit_hold_page(struct unit *u, struct page *page); /* adds a reference once */
void unit_hold_doc(struct unit *u, struct json_doc *doc);
struct dead_letter *unit_add_dead(struct unit *u);
void unit_add_tally(struct unit *u); /* begins one */
static inline struct tally *unit_tally(struct unit *u)
{
    return &u->tallies[u->n_tallies - 1];
}

#endif
