/* One integration, compiled and checked: the two documents, the connector's interface, the statements; and, when asked,
 * the real table. What `check` says is found here. */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "project/project.h"
#include "shape/shape.h"
#include "sink/sink.h"

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

#endif
