/* What an audit found to be off, one entry a target id; see findings.c. */
#ifndef RUN_FINDINGS_H
#define RUN_FINDINGS_H

#include "base/arena.h"
#include "base/map.h"

enum finding_kind {
    FINDING_MISSING, /* the source shows it, the target has no row of it */
    FINDING_STALE,   /* the row is not what the source shows */
    FINDING_ORPHAN   /* the source shows nothing that gives this row */
};
#define FINDING_KINDS 3
const char *finding_name(enum finding_kind k); /* "missing", "stale", "orphaned" */

struct finding {
    enum finding_kind kind;
    struct str id;            /* of the target's row */
    struct str key;           /* of the source's record; empty: unknown */
    struct str parent, guard; /* of an orphan: what the row holds there; p NULL: unknown */
    struct str detail;
    int64_t at_s; /* `modified` of the record, of an orphan whose record is not shown that of the row; 0: unknown */
    bool unseen;  /* an orphan: the source shows no such record in the range */
    bool dead;    /* missing: a dead letter tells why */
};

struct findings;
struct findings *findings_new(void);
void findings_free(struct findings *f); /* NULL is fine */
/* Copies. Of equal ids the first stays, but for an `unseen` one, which one that is seen replaces. Beyond FINDINGS_MAX
 * they are only counted. */
#define FINDINGS_MAX 200000
void findings_add(struct findings *f, const struct finding *one);
size_t findings_kept(const struct findings *f);
struct finding *findings_at(struct findings *f, size_t i);
bool findings_has(const struct findings *f, struct str id);
/* Keeps those for which `keep` says so. */
void findings_filter(struct findings *f, bool (*keep)(void *ctx, const struct finding *one), void *ctx);
int64_t findings_count(const struct findings *f, enum finding_kind k);  /* also of those that were not kept */
int64_t findings_unkept(const struct findings *f, enum finding_kind k); /* those alone */
void findings_sort(struct findings *f);                                 /* by kind, then id */

#endif
