/* What sign.c, sign_json.c and sign_show.c share. */
#ifndef CONNECTOR_SIGN_PARTS_H
#define CONNECTOR_SIGN_PARTS_H

#include "connector/connector_model.h"

#define REQUEST_MAX_BYTES (8u << 20)

/* The business parameters as one JSON object, each by its declared type; appended to `out`. */
void sign_business_json(const struct iface *i, const struct kv *business, size_t n, struct buf *out);

#endif
