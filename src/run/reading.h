/* One range of time, read window by window: the walk over the range, the pager of the window that is being read, and
 * what the pager's verdict means to the walk. Pure, so that the rule can be rehearsed against a simulated upstream by
 * the thousand. */
#ifndef RUN_READING_H
#define RUN_READING_H

#include "connector/pager.h"
#include "run/window.h"

struct reading {
    struct walk *walk; /* NULL: nothing is being read */
    struct pager *pager;
    struct window window; /* being read */
    bool windowed;
    struct pager_plan plan; /* size_learnt goes on from window to window */
};

struct reading_range {
    bool windowed; /* false: one window without times, which cannot be halved */
    int64_t from_s, to_s, max_s;
};

enum reading_verdict {
    READING_AGAIN,    /* the window is read again, in halves or the same: `window` is the next one, and begun */
    READING_VERIFIED, /* whole */
    READING_GAP       /* read, as often as it may be, and not shown to be whole */
};

void reading_init(struct reading *g);
void reading_clear(struct reading *g); /* frees what it holds */
/* Begins the range. Keeps plan->paging; may_narrow of the plan is set by the window. */
void reading_begin(struct reading *g, const struct reading_range *range, const struct pager_plan *plan);
/* When pager_next has no more to ask: what became of the window. `ret_why` says why not verified (static text). */
enum reading_verdict reading_judge(struct reading *g, const char **ret_why);
/* Leaves the window behind and begins the next; false at the end of the range. */
bool reading_advance(struct reading *g);
void reading_drop(struct reading *g); /* forgets the range under way */

#endif
