/* Pages of the source held against the target's rows, window by window; see auditor.c. One thread. */
#ifndef RUN_AUDITOR_H
#define RUN_AUDITOR_H

#include "flow/flow.h"
#include "run/findings.h"
#include "source/page.h"

struct auditor;

struct auditor_config {
    const struct flow *flow;
    struct sink *sink;           /* connected */
    struct findings *out;        /* gets what is off */
    const struct findings *only; /* looks only at the ids that stand there; NULL: at all */
    bool collect;                /* compares nothing: only remembers what the source shows, for auditor_shown */
};

/* ERR_CONFIG: rows of this integration cannot be told apart or compared, with what to do. */
enum err auditor_new(const struct auditor_config *c, struct auditor **ret, struct errinfo *ei) MUST_USE;
void auditor_free(struct auditor *a); /* NULL is fine */
/* Takes a page: its records' rows are looked up and compared. Errors of sink_rows. */
enum err auditor_page(struct auditor *a, const struct page *page, struct errinfo *ei) MUST_USE;
/* A window ends: rows of the target that lie in it, and that come of no record shown so far, are orphans. */
enum err auditor_mark(struct auditor *a, const struct page *mark, struct errinfo *ei) MUST_USE;
/* Did the source show what gives this row, or a record that owns it, on any page so far? */
bool auditor_shown(const struct auditor *a, const struct finding *f);
/* It showed a record whose parent cannot be told: that a row's record is not shown means nothing then. */
bool auditor_blind(const struct auditor *a);

enum audit_scope {
    AUDIT_NO_ORPHANS, /* nothing tells which rows of the target lie in the range */
    AUDIT_PARENTS,    /* rows of the records that are shown, by `children.parent` */
    AUDIT_RANGE       /* rows by their time as well */
};
struct auditor_counts {
    int64_t pages, records, rows, filtered, unmapped, windows, unverified;
};
void auditor_counts(const struct auditor *a, struct auditor_counts *ret);
enum audit_scope auditor_scope(const struct auditor *a);
/* Columns of the target: the record's time and its parent; empty: none. */
struct str auditor_time_column(const struct auditor *a);
struct str auditor_parent_column(const struct auditor *a);

#endif
