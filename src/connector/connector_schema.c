/* The JSON Schema of connector documents, from the tables that read them. Objects whose members have names of their
 * own (signing methods, paging modes) stand there as objects of any shape; the reader checks them. */
#include "connector/connector_model.h"

void connector_schema(struct json_out *w)
{
    conf_schema(table_connector.specs, table_connector.n, DIAG_ERROR, w);
}
