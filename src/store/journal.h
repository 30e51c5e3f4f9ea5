/* The journal of one integration: raw pages, durable before they are shaped, in the order of writing. A folder of
 * segments, each an SQLite file (WAL, synchronous=FULL), dropped whole. Bodies are zstd-compressed (level 1). Entries
 * are numbered from 1 without gaps over all segments. One writer, any readers; thread-safe. */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct journal;

#define JOURNAL_BODY_MAX ((32 << 20) + 1) /* bytes of one page, uncompressed */

enum journal_kind {
    JOURNAL_PAGE, /* a reply's body */
    JOURNAL_MARK  /* a window is complete: when all before it is written, the cursor may move to `cursor_s` */
};
/* What was read for: as numbers they stand in journals, so new ones come last. */
enum purpose { PURPOSE_MAIN, PURPOSE_GAP, PURPOSE_REMEDY, PURPOSE_BACKFILL, PURPOSE_REREAD, PURPOSE_REPAIR };
#define PURPOSE_LAST PURPOSE_REPAIR
const char *purpose_name(int purpose); /* "main", … */

struct journal_entry {
    int64_t seq; /* given by append */
    enum journal_kind kind;
    enum purpose purpose;
    int64_t run;          /* run's id */
    int64_t from_s, to_s; /* the window */
    int64_t page_no;
    int64_t fetched_ms; /* by the source's clock */
    int64_t cursor_s;   /* JOURNAL_MARK of PURPOSE_MAIN; INT64_MIN: does not move it */
    struct str call;    /* the request as a person may see it, secrets masked */
    struct str body;    /* uncompressed */
};

/* When a new segment begins: bytes that the newest takes, milliseconds between the fetching of its first entry and of
 * the one to append. 0: no limit. */
struct journal_limits {
    int64_t segment_bytes;
    int64_t segment_ms;
};
/* Opens the folder (made with mode 0700; when reading, a missing one is an empty journal). ERR_CONFLICT when another
 * process writes it; ERR_DISK when the newest segment is damaged; ERR_CONFIG when a newer program wrote it. A reader
 * follows what the writing process adds and drops. */
enum err journal_open(const char *dir, struct journal_limits limits, bool read_only, struct journal **ret,
                      struct errinfo *ei) MUST_USE;
void journal_close(struct journal *j); /* NULL is fine */
/* Appends all in one transaction, sets their seq; durable on return. ERR_DISK when it is full: nothing is kept of it,
 * and the next append works when there is space again. ERR_DATA: a body longer than JOURNAL_BODY_MAX. */
enum err journal_append(struct journal *j, struct journal_entry *entries, size_t n, struct errinfo *ei) MUST_USE;
/* An empty journal gives numbers above `seq` from now on, one that is not stays as it is: a folder that was lost must
 * not give numbers again. Before anything else is done with it. */
void journal_begin_behind(struct journal *j, int64_t seq);
int64_t journal_last(struct journal *j);  /* highest seq ever given; 0: empty */
int64_t journal_first(struct journal *j); /* lowest seq still kept; 0: empty */
/* The first entry with seq >= `seq`; its texts in `a` (the body decompressed; NULL `a`: without body and call).
 * ret_found false past the end. A damaged body, or an entry that is missing between kept ones, is ERR_DISK with the
 * position and the file. ERR_INTERNAL: beyond the arena's ceiling. */
enum err journal_read(struct journal *j, int64_t seq, struct arena *a, struct journal_entry *ret, bool *ret_found,
                      struct errinfo *ei) MUST_USE;
struct prune_rule {
    int64_t done;      /* entries up to this one are needed no more */
    int64_t keep_ms;   /* INT64_MAX: for ever */
    int64_t max_bytes; /* INT64_MAX: no limit */
    int64_t now_ms;
};
/* Drops whole segments, oldest first, whose entries are all <= done and that are older than keep_ms or while all take
 * more than max_bytes. Numbers are never given again. Gives how many. */
enum err journal_prune(struct journal *j, const struct prune_rule *rule, size_t *ret_dropped,
                       struct errinfo *ei) MUST_USE;
int64_t journal_bytes(struct journal *j);

#endif
