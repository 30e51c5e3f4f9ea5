/* What became of each window's records, summed over the units that carried them; see proofs.c. One thread at a time. */
#ifndef RUN_PROOFS_H
#define RUN_PROOFS_H

#include "run/pipeline.h"

struct proofs {
    struct window_proof sum; /* of the window that goes on */
    bool later;              /* a window or a stretch ended before: the sum has everything from its first page on */
};

/* Before the unit is committed: stores the proof of each window that ends in it. May be called again for the same unit.
 * ERR_DISK. */
enum err proofs_keep(const struct proofs *s, struct pipeline *p, const struct unit *u, struct errinfo *ei) MUST_USE;
/* After it was committed: goes on behind it. Windows that did not add up are counted and told. */
void proofs_pass(struct proofs *s, struct pipeline *p, const struct unit *u);

#endif
