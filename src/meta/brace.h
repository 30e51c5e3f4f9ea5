/* The one scanner that finds {name}, {{name}} and {{name|format}} in a text; templates and expressions both use it. */
#ifndef META_BRACE_H
#define META_BRACE_H

#include "base/str.h"

/* One placeholder. All views point into the scanned text. */
struct brace {
    struct str before; /* literal text between where the scan began and the placeholder */
    struct str name;   /* "a.b", without blanks around it */
    struct str format; /* after `|`, as written: `datetime`, or a pattern with its quotes; p NULL when there is none */
    size_t start, end; /* byte offsets in the text: the first brace, and after the last one */
    bool quoted;       /* it fills a quoted string: '{x}' or "{{x}}" */
};

/* Is there a placeholder exactly at `pos`? Its first segment starts with a letter, `_` or a non-ASCII letter, so `{3}`,
 * `{2,4}`, `{"a"` stay text (decisions 15). Further characters: letters, digits, `_`, `-`; segments are parted by `.`.
 * Blanks around the name are taken in double braces only. `before` is left empty. */
bool brace_at(struct str text, size_t pos, struct brace *ret);

/* Finds the next placeholder at or after *pos and moves *pos behind it. False when there is none left: ret->before then
 * holds the rest of the text, *pos its end. */
bool brace_next(struct str text, size_t *pos, struct brace *ret);

#endif
