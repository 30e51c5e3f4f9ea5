/* What the files of the template compiler share. Inside meta only. */
#ifndef META_TMPL_IMPL_H
#define META_TMPL_IMPL_H

#include "meta/tmpl.h"

/* `pos` moved by characters inside the text of a string that opens at `pos`. */
struct pos tmpl_pos(struct pos pos, struct str text, size_t byte);

/* Compiles literal text with placeholders, whatever it starts with. */
const struct tmpl *tmpl_compile_plain(struct compile *c, struct str text, struct pos pos);

/* Is there a lookup (`_findCollection …`, `_mongoQuery …`) exactly at `at`? */
bool tmpl_lookup_at(struct str text, size_t at);
/* The first lookup at or after `from`, or SIZE_MAX. */
size_t tmpl_lookup_find(struct str text, size_t from);
/* Reads the lookup at *at, adds it to c->lookups and moves *at behind it (and behind its `_endFind`). NULL after an
 * error. */
const struct lookup *tmpl_lookup_read(struct compile *c, struct str text, size_t *at, struct pos pos);

/* Adds it to c->lookups, if there is such a list. */
void tmpl_lookup_list(struct compile *c, const struct lookup *l);

/* Is it a format name or a quoted pattern that works? Reports an error at `pos` otherwise. */
bool tmpl_format_check(struct str format, struct pos pos, struct diags *diags);

#endif
