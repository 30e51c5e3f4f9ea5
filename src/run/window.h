/* From a range of time to windows that the upstream allows, and from windows that could not be verified to halves
 * (decisions 7 and 9). Pure: closed intervals in unix seconds. */
#ifndef RUN_WINDOW_H
#define RUN_WINDOW_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct window {
    int64_t from_s, to_s;
    int attempt;     /* 0 the first time; counts readings at the narrowest width */
    bool may_narrow; /* wide enough to be halved, and the budget allows it */
};

/* Neighbouring windows share the edge second, so that nothing between two seconds can fall out; therefore one second is
 * the narrowest. */
#define WINDOW_NARROWEST_S 1
/* How often the narrowest window is read before it becomes a gap. */
#define WINDOW_ATTEMPTS 3
/* How often the windows of one slice may be read again, in halves or the same, and what each verified one adds. */
#define WINDOW_BUDGET        64
#define WINDOW_BUDGET_EARNED 2

struct walk;

/* Walks [from_s, to_s] in slices of at most max_s seconds (0: one slice). from_s <= to_s. */
struct walk *walk_new(int64_t from_s, int64_t to_s, int64_t max_s);
void walk_free(struct walk *w); /* NULL is fine */
/* The window to read now, oldest first; false at the end. The same until walk_done or walk_narrow. */
bool walk_next(const struct walk *w, struct window *ret);
void walk_done(struct walk *w);
/* Before walk_done: the window was shown to be whole, so reading again is not in vain here. */
void walk_verified(struct walk *w);
/* Reads it again: in halves, or the same again while attempts are left. False when neither is possible: the caller
 * records a gap and calls walk_done. */
bool walk_narrow(struct walk *w);
/* No window of this slice may be read again any more: too many were, without one that was whole. */
bool walk_is_spent(const struct walk *w);
/* Share of the range that is behind, 0…1000. */
int walk_permille(const struct walk *w);
int64_t walk_planned(const struct walk *w); /* windows handed out or waiting, halves included */

/* Widest slice for a rule of max_ms: the limit minus one second. 0: no limit. */
int64_t window_slice_s(int64_t max_ms);

#endif
