/* One integration, compiled and checked: the two documents, the connector's interface, the statements; and, when asked,
 * the real table. What `check` says is found here. */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "meta/lookup.h"
#include "project/project.h"
#include "shape/shape.h"
#include "sink/sink.h"
#include "store/store.h"

/* A lookup of one of the documents, and the integration that it looks in. */
struct looked_up {
    const struct lookup *lookup;
    const struct integration *in;
};

struct lookups; /* lookups.c */

struct flow {
    const struct project *project;
    const struct integration *integration;
    const struct connector *connector; /* of the source */
    const struct iface *iface;
    const struct paging *paging;               /* as chosen: the interface's, or the start_ts mode */
    const struct request *request;             /* ordinary run */
    const struct request *remedy;              /* with takeOverRequest; NULL when there is none */
    int64_t page_size;                         /* the wish, cut to the declared maximum */
    struct str records_path;                   /* otherResponse.DataKey, or empty */
    const struct shape *shape;                 /* page → rows */
    const struct column *const *shape_columns; /* of the main statement */
    size_t n_shape_columns;
    struct statement statements[10];
    size_t n_statements;
    const struct sink_type *sink_type;
    struct sink_spec sink_spec;
    struct str id_column;     /* the column that holds the target id, or empty */
    bool id_check;            /* the source's, with its default (metadata.md 6) */
    struct zone *remote_zone; /* of times without offset in records */
    uint64_t mapping;         /* version: hash of both documents and the connector's allocate */
    const struct looked_up *lookups;
    size_t n_lookups;
    struct lookups *answers; /* flow_open_lookups; NULL until then */
    struct arena *arena;
};

/* Compiles. Problems go to `diags`; NULL when there was an error among them. */
struct flow *flow_compile(const struct project *p, const struct integration *i, struct diags *diags);
void flow_free(struct flow *f); /* NULL is fine */
/* What a good reply to its calls is judged as. */
static inline struct judge_input flow_reply(const struct flow *f)
{
    return (struct judge_input){f->connector, f->iface, f->paging, 200, f->records_path};
}

/* Makes the lookups of the documents answerable, from the records that the other integrations keep: brings what they
 * ask for up to date, which takes time where much is new. Does nothing when there are none. `store` NULL: nothing has
 * run yet, nothing will be found. ERR_DISK, ERR_CONFLICT, ERR_DATA (a kept page that cannot be read any more). */
enum err flow_open_lookups(struct flow *f, struct store *store, const struct clock *clock, struct errinfo *ei) MUST_USE;
/* A shaper of this flow, with its lookups; shaper_free it. */
struct shaper *flow_shaper(const struct flow *f);
/* The environment of a source request, with the flow's lookups. */
struct env flow_env(const struct flow *f, const struct sysvars *sys, struct arena *a);

#endif
