/* The long schedule of automatic retries (metadata.md 8): what `run` did not cure within its patience is tried again 20
 * s, 5 min, 1 h, 4 h and 20 h later; then it stays in error until someone runs it. `run` notes its failures; whoever
 * keeps time starts the next try when it is due. */
#ifndef RUN_RETRY_H
#define RUN_RETRY_H

#include "store/store.h"

#define RETRY_TIMES 5

/* How long to wait after that many failures in a row (1: the first), the last of them with this code. -1: it stays in
 * error. Pure. */
int64_t retry_wait_ms(int64_t failures, enum err code);

struct retry_state {
    int64_t failures; /* in a row; 0: the last run was well */
    int64_t next_ms;  /* wall clock; 0: it stays in error */
    enum err code;    /* of the last failure */
};
/* Counts a run that ended with this code; OK forgets all. */
enum err retry_note(struct store *s, struct str integration, enum err code, int64_t now_ms,
                    struct errinfo *ei) MUST_USE;
enum err retry_look(struct store *s, struct str integration, struct retry_state *ret, struct errinfo *ei) MUST_USE;

#endif
