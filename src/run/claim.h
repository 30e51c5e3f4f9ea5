/* Whose the target is: claiming it, and knowing own claims from those of a copy of our state. */
#ifndef RUN_CLAIM_H
#define RUN_CLAIM_H

#include "sink/sink.h"
#include "store/store.h"

/* sink_claim for an integration of this project, noted in the state: `cp` becomes the checkpoint, in an epoch above its
 * own and the stored one; *ret_epoch gets it. Errors of both; ERR_CONFLICT: the target has moved on. */
enum err claim_target(struct store *store, struct sink *sink, struct str integration, const struct checkpoint *cp,
                      int64_t *ret_epoch, struct errinfo *ei) MUST_USE;

/* Was the epoch of `found`, a checkpoint that names our journal, claimed by this state? `g` is what the state remembers
 * of the integration. A claim of which nothing but the intent was noted is noted now. */
enum err claim_is_ours(struct store *store, struct str integration, const struct progress *g,
                       const struct checkpoint *found, bool *ret, struct errinfo *ei) MUST_USE;

#endif
