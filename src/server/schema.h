#ifndef SLUICE_SERVER_SCHEMA_H
#define SLUICE_SERVER_SCHEMA_H

#include "base/json.h"

/* Writes a JSON Schema (2020-12), which a short text of our own describes:
 *
 *     {name: text, count: int, until: time?, role: 'viewer'|'admin', rows: [row], note?: text, cursor: text|int?}
 *
 * Words are text, int, number, bool, time (RFC 3339), object (whatever members), any, or the name of another schema;
 * "…" are the words allowed. A type may be followed by "|" and another, and by "?": it may be null. A member whose name
 * is followed by "?" may be absent. The text is a constant of the program: what is wrong in it ends the program. */
void schema_write(struct json_out *w, const char *text);

#endif
