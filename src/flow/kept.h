/* The records that an integration keeps, read again from its journal: its source side alone, without its target. Inside
 * flow only. */
#ifndef FLOW_KEPT_H
#define FLOW_KEPT_H

#include "base/diag.h"
#include "project/project.h"
#include "shape/shape.h"

struct kept {
    const struct integration *integration;
    const struct connector *connector;
    const struct iface *iface;
    const struct paging *paging;
    struct str records_path;
    struct str id;       /* of the source document, or the interface's */
    struct shape *shape; /* identity and condition; no columns */
    struct zone *zone;
    struct arena *arena;
};

/* ERR_CONFIG: its source document has errors, with the first of them. */
enum err kept_open(const struct project *p, const struct integration *i, struct kept **ret,
                   struct errinfo *ei) MUST_USE;
void kept_close(struct kept *k); /* NULL is fine */

/* flow.c, for both: otherResponse.DataKey, or empty; the way of paging that the request chooses. */
struct str flow_records_path(const struct meta_doc *doc);
const struct paging *flow_paging(const struct iface *face, const struct meta_doc *doc);

#endif
