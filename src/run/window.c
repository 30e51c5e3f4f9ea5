/* A stack of intervals, the oldest on top. Slices are cut off the front of what remains of the range only when they are
 * asked for, so a range of years costs nothing; a window that must be narrowed is replaced by its two halves on the
 * stack. The stack cannot grow beyond one interval a halving: 64 places are enough for any range of seconds.
 *
 * Reading again has a budget for each slice, which verified windows fill up. An upstream whose totals are never right
 * would else be read second by second: with it, such a slice costs its pages about four times and 200 calls. One bad
 * second in a week costs twenty halvings, whose other halves are verified and pay for them. */
#include "run/window.h"

#include <assert.h>
#include <stdlib.h>

#define DEPTH 80

struct walk {
    int64_t from_s, to_s, max_s;
    int64_t rest_s; /* where the next slice begins */
    bool rest;      /* something is left of the range */
    int64_t planned;
    int64_t budget; /* of the slice */
    struct window stack[DEPTH];
    int n;
};

int64_t window_slice_s(int64_t max_ms)
{
    int64_t s = max_ms / 1000 - 1;

    if (max_ms <= 0)
        return 0;
    return s < WINDOW_NARROWEST_S ? WINDOW_NARROWEST_S : s;
}

static void push(struct walk *w, int64_t from_s, int64_t to_s)
{
    assert(w->n < DEPTH);
    w->stack[w->n++] = (struct window){from_s, to_s, 0, to_s - from_s > WINDOW_NARROWEST_S};
    w->planned++;
}

static void refill(struct walk *w)
{
    int64_t end = w->to_s;

    if (w->n || !w->rest)
        return;
    if (w->max_s > 0 && w->to_s - w->rest_s > w->max_s)
        end = w->rest_s + w->max_s;
    push(w, w->rest_s, end);
    w->budget = WINDOW_BUDGET;
    w->rest = end < w->to_s;
    w->rest_s = end;
}

struct walk *walk_new(int64_t from_s, int64_t to_s, int64_t max_s)
{
    struct walk *w = mem_zero(sizeof *w);

    *w = (struct walk){.from_s = from_s, .to_s = to_s, .max_s = max_s, .rest_s = from_s, .rest = from_s <= to_s};
    refill(w);
    return w;
}

void walk_free(struct walk *w)
{
    free(w);
}

bool walk_next(const struct walk *w, struct window *ret)
{
    if (!w->n)
        return false;
    *ret = w->stack[w->n - 1];
    ret->may_narrow = ret->may_narrow && w->budget > 0;
    return true;
}

void walk_done(struct walk *w)
{
    if (w->n)
        w->n--;
    refill(w);
}

void walk_verified(struct walk *w)
{
    w->budget += WINDOW_BUDGET_EARNED;
}

bool walk_is_spent(const struct walk *w)
{
    return w->budget <= 0;
}

bool walk_narrow(struct walk *w)
{
    struct window *top, old;
    int64_t middle;

    if (!w->n || w->budget <= 0)
        return false;
    top = &w->stack[w->n - 1];
    if (!top->may_narrow && ++top->attempt >= WINDOW_ATTEMPTS)
        return false;
    w->budget--;
    if (!top->may_narrow)
        return true;
    old = *top;
    middle = old.from_s + (old.to_s - old.from_s) / 2;
    w->n--;
    push(w, middle, old.to_s);
    push(w, old.from_s, middle);
    return true;
}

int walk_permille(const struct walk *w)
{
    int64_t all = w->to_s - w->from_s, done;

    if (!w->n)
        return 1000;
    if (all <= 0)
        return 0;
    done = w->stack[w->n - 1].from_s - w->from_s;
    return (int)(done * 1000 / all);
}

int64_t walk_planned(const struct walk *w)
{
    return w->planned;
}
