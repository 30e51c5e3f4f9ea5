/* Any range, any width, any verdicts: the windows cover the range without a hole, each second of an edge is shared, and
 * the walk ends. The first 24 bytes are the range and the width; each byte that follows is a verdict. */
#include "run/window.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define YEAR_9999_S INT64_C(253402300799)

static void need(bool ok)
{
    if (!ok)
        abort();
}

static int64_t second(const uint8_t *p)
{
    int64_t v;
    memcpy(&v, p, sizeof v);
    return v % YEAR_9999_S;
}

/* The end of what is read, after a window that begins where this one may. */
static void walk(struct walk *w, int64_t from, int64_t to, const uint8_t *verdict, size_t n)
{
    struct window now;
    int64_t covered = from;
    for (size_t i = 0; i < 4096 && walk_next(w, &now); i++) {
        int permille = walk_permille(w);
        need(now.from_s == covered && now.to_s <= to && now.from_s <= now.to_s);
        need(permille >= 0 && permille <= 1000);
        if (i < n && verdict[i] % 3 == 0 && walk_narrow(w))
            continue;
        if (i < n && verdict[i] % 3 == 1)
            walk_verified(w);
        covered = now.to_s;
        walk_done(w);
    }
    if (!walk_next(w, &now))
        need(covered == to && walk_permille(w) == 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 24)
        return 0;
    int64_t from = second(data), to = second(data + 8), max_ms = second(data + 16);
    int64_t width = window_slice_s(max_ms);
    if (from > to) {
        int64_t other = from;
        from = to;
        to = other;
    }
    struct walk *w = walk_new(from, to, width);
    walk(w, from, to, data + 24, n - 24);
    need(walk_planned(w) > 0);
    walk_free(w);
    return 0;
}
