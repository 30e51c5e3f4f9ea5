/* Counting again: what the source shows in a range against what the target holds, key by key; and, when asked, setting
 * it right. */
#ifndef RUN_AUDIT_H
#define RUN_AUDIT_H

#include "run/auditor.h"
#include "run/run.h"

enum audit_status { AUDIT_OK, AUDIT_DIFFERENT, AUDIT_FAILED, AUDIT_INTERRUPTED };
const char *audit_status_name(enum audit_status s); /* "ok", "different", "failed", "interrupted" */

struct audit_summary {
    char integration[260];
    enum audit_status status;
    int64_t from_s, to_s;
    struct auditor_counts counts; /* of the reading of the whole range */
    int64_t calls;
    enum audit_scope scope;
    bool verified;              /* every window was shown to be complete */
    int64_t off[FINDING_KINDS]; /* that remain */
    int64_t unnamed;            /* of these, beyond what `findings` can hold: not looked at twice, nor repaired */
    int64_t dead;               /* of the missing: dead letters */
    int64_t repaired;           /* that were off and are not any more */
    bool repairing;
    struct run_summary repair; /* when `repairing`: the run that fetched them again */
    int64_t duration_ms;
    struct errinfo error;
    struct findings *findings; /* what remains, sorted; findings_free it */
};

/* Audits o->from_s … o->to_s (INT64_MIN: the seven days up to the cursor), never beyond the cursor. Nothing is
 * journalled, and nothing moves; with kind RUN_REPAIR what is off is fetched again, by an ordinary run. Always fills
 * *ret. The calling thread becomes the loop's. */
void audit_integration(const struct project *p, const struct integration *i, struct store *store,
                       const struct run_options *o, struct audit_summary *ret);
/* The object that `audit --json` prints. */
void audit_json(const struct audit_summary *s, const struct zone *z, struct buf *out);
/* Exit status: 0, 1, 2, 3 or 130. */
int audit_exit_status(const struct audit_summary *s);

#endif
