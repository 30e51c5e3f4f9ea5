/* `traces` of sluice.json: where the traces of runs go. */
#ifndef PROJECT_TRACES_H
#define PROJECT_TRACES_H

#include "base/conf.h"

struct trace_header {
    struct str name, value; /* value as written: references unresolved */
};
struct trace_settings {
    struct str otlp; /* base address of a collector that speaks OTLP over HTTP; empty: no traces */
    const struct trace_header *headers;
    size_t n_headers;
};

/* Reads the object (NULL: no traces) into `a`. Problems go to `diags`; then there are no traces. */
const struct trace_settings *trace_settings_read(const struct node *traces, struct arena *a, struct diags *diags);
/* The members of the object, for the schema. */
#define TRACE_MEMBERS 2
extern const struct field_spec trace_members[TRACE_MEMBERS];

#endif
