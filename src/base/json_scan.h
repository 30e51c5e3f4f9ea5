/* The two passes over JSON text before it is parsed; only json.c uses them. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/json.h"

struct json_scan {
    bool dirty;     /* a control character, a raw line break in a string or a lone surrogate escape must be repaired */
    int depth;      /* the deepest nesting; the scan ends where it passes the limit */
    size_t deep_at; /* the byte where it passed */
};

void json_scan(struct str text, int max_depth, struct json_scan *ret);

/* Appends the repaired text to `out` (at most three times as long) and counts. Ends when `out` holds `stop` bytes
 * (SIZE_MAX: at the end) and gives the bytes of `text` that were used: so a place in the repaired text is found in the
 * original. */
size_t json_repair(struct str text, size_t stop, struct buf *out, struct json_repairs *count);

#endif
