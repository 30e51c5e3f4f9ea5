/* Regular expressions of conditions and lookups: PCRE2 with limits on what a match may cost. */
#ifndef META_PATTERN_H
#define META_PATTERN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct pattern;

/* Compiles into the arena. ERR_CONFIG says what is wrong and at which character. At most 4096 bytes. */
enum err pattern_compile(struct arena *a, struct str text, const struct pattern **ret, struct errinfo *ei) MUST_USE;
/* Does it match somewhere in the text? One that runs into its limits does not. */
bool pattern_matches(const struct pattern *p, struct str text);

#endif
