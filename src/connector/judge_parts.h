/* What judge.c, judge_failure.c and judge_status.c share. */
#ifndef CONNECTOR_JUDGE_PARTS_H
#define CONNECTOR_JUDGE_PARTS_H

#include "connector/connector_model.h"

/* A reply being judged: the body, and the envelope inside it. */
struct judged {
    const struct connector *c;
    const struct iface *i;
    const struct paging *paging;
    int status;
    const struct json *root, *envelope;
};

/* By path in the envelope, else in the whole body. NULL when it is in neither, or `path` is empty. */
const struct json *judged_at(const struct judged *j, struct str path);
/* Do all conditions hold? */
bool judged_holds(const struct judged *j, const struct condition *all, size_t n);

/* The envelope of a body. */
const struct json *judged_unwrap(const struct connector *c, const struct json *root);

/* Looks for a failure in the body; true and a complete verdict in *ret when there is one. */
bool judge_failure(const struct judged *j, struct reply *ret);
/* The verdict that the status alone gives; false for 2xx. `said`: the body's own words or its beginning, may be empty.
 */
bool judge_status(const struct judged *j, struct str said, struct reply *ret);
/* The beginning of what the other side said, into out, NUL-terminated: secrets are masked before the cut. */
struct str judge_shown(struct str text, char *out, size_t cap);
/* The beginning of a body on one line, at most 200 characters, into out; gives its length. */
#define SNIPPET_CAP 804
size_t judge_snippet(struct str body, char out[SNIPPET_CAP]);

#endif
