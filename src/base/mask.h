/* Hidden values in texts: what `log_hide` was given shows as "***". Thread-safe. */
#ifndef BASE_MASK_H
#define BASE_MASK_H

#include "base/str.h"

/* Copies `text` to `out` with the hidden values masked and gives the length, which is never more than the text's. `out`
 * has room for it and is another place. */
size_t mask_text(struct str text, char *out);

#endif
