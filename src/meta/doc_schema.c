/* The JSON Schema of a document, from the tables that read it. Where a member is a list of objects (request, condition,
 * …) the schema names the members of those objects; what must hold between members is checked by the reader alone. */
#include "meta/doc_tables.h"

void meta_schema(enum side side, struct json_out *w)
{
    struct doc_table keys = doc_keys(side);

    conf_schema(keys.specs, keys.n, DIAG_WARNING, w);
}
