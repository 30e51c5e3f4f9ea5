/* Reading one window page by page, and knowing whether it was read whole (decisions 8 and 9). A pure state machine: it
 * says which page to ask for, is told what came, and says in the end whether the window is verified. It owns the page
 * number, learns the page size that the server really gives, and counts distinct ids. */
#ifndef CONNECTOR_PAGER_H
#define CONNECTOR_PAGER_H

#include "base/arena.h"
#include "connector/connector.h"

struct pager;

struct pager_plan {
    const struct paging *paging;
    int64_t size;         /* rows to ask for */
    int64_t size_learnt;  /* what the server was seen to give at most; 0: not known */
    bool may_narrow;      /* the window can be read again in halves: do not insist */
    int64_t narrow_above; /* more rows than this (by the total): narrow at once; 0: never */
    struct str cursor;    /* PAGE_CURSOR: where to begin; empty: the paging's first value */
};

struct pager_ask {
    int64_t page, size, offset;
    struct str cursor; /* PAGE_CURSOR */
    struct str link;   /* PAGE_LINK after the first page: the whole address */
};

struct pager_facts {
    const struct reply *reply;
    const uint64_t *ids; /* hash of each row's id (and version, for PAGE_CURSOR it may be the id alone) */
    size_t n_ids;
    struct str cursor_max; /* PAGE_CURSOR: the greatest value of the cursor field on the page; empty: none */
};

/* What to do with the page just told about. */
enum pager_keep { PAGER_KEEP, PAGER_SKIP };

enum pager_end {
    PAGER_VERIFIED,
    PAGER_UNVERIFIED, /* read to its end, not shown to be complete: `why` says */
    PAGER_NARROW      /* too much, or it moved while it was read: read it again in halves */
};

struct pager *pager_new(void);
void pager_free(struct pager *p);
void pager_start(struct pager *p, const struct pager_plan *plan); /* keeps the plan's paging, copies the rest */
/* The next page to ask for; false when the window is done. Texts live until the next call. */
bool pager_next(struct pager *p, struct pager_ask *ret);
enum pager_keep pager_told(struct pager *p, const struct pager_facts *facts);
enum pager_end pager_result(const struct pager *p, const char **ret_why);
int64_t pager_size_learnt(const struct pager *p);  /* 0: not known */
int64_t pager_total(const struct pager *p);        /* as told last, -1 not told */
int64_t pager_total_before(const struct pager *p); /* as told first, -1 not told */
int64_t pager_ids(const struct pager *p);          /* distinct ids that were seen */
int64_t pager_pages_left(const struct pager *p);   /* an estimate for people; -1 unknown */
struct str pager_cursor(const struct pager *p);    /* PAGE_CURSOR: where the next run begins */

#endif
