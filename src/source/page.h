/* A page: one reply with its rows, the currency of the pipeline. Counted references; the last one frees document, body
 * and arena. */
#ifndef SOURCE_PAGE_H
#define SOURCE_PAGE_H

#include "base/arena.h"
#include "base/json.h"
#include "connector/connector.h"
#include "store/journal.h"
#include "store/store.h"

enum source_note {
    NOTE_RETRY,     /* a failure that is tried again */
    NOTE_THROTTLED, /* told to slow down */
    NOTE_CLOCK,     /* the clock was set */
    NOTE_WAIT,      /* the circuit is open: nothing is sent now */
    NOTE_CLOSED,    /* the upstream answers again */
    NOTE_COUNT
};

/* Where a record was first read: what CURRENT_TIME, uuid and random of its rows are frozen by. */
struct page_origin {
    int64_t seq; /* the journal's page */
    int64_t row;
    int64_t fetched_ms;
    int64_t from_s, to_s;
};

struct page {
    int refs;   /* private; changed atomically */
    char *body; /* as received, decompressed; owned */
    size_t body_n;
    struct json_doc *doc; /* owned */
    struct json_repairs repairs;
    struct reply reply;  /* facts and the rows */
    struct str call;     /* the request as a person may see it */
    struct arena *arena; /* of small things */
    int64_t fetched_ms;  /* by the source's clock */
    /* given by the reader of windows and the journal */
    int64_t seq, run, from_s, to_s, page_no;
    enum purpose purpose;
    int64_t cursor_s;   /* a mark: no rows, doc NULL */
    int64_t closes_gap; /* a mark: this gap is closed once the mark is durable; 0: none */
    bool mark;
    /* a mark that ends a window: what the reading of it saw; in `arena`. NULL: none */
    const struct window_proof *proof;
    /* redo: for each record its own, in `arena`. NULL: this page is where they were read */
    const struct page_origin *origins;
    bool lost;  /* a mark: here the records go that a repair found lost (run_options.repair) */
    bool known; /* written before this run: only the ledger may want it again */
};

struct page *page_new(void);
void page_ref(struct page *p);
void page_unref(struct page *p); /* NULL is fine */
/* Gives a mark the proof of its window (copies): as a struct, and as the body that the journal keeps. Of the proof the
 * journal holds what the reading saw: totals, pages, ids, records, verified and why, the range. */
void page_prove(struct page *mark, const struct window_proof *proof);
/* The body is journalled: the tree has its own copy of what it needs. body_n stays. */
void page_drop_body(struct page *p);
/* A page from a journalled body: parses and judges it again, `as` a reply of that call. ERR_DATA when the rows are not
 * found any more. */
enum err page_from_journal(const struct journal_entry *e, const struct judge_input *as, struct page **ret,
                           struct errinfo *ei) MUST_USE;

#endif
