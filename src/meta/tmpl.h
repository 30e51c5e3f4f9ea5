/* Values of field objects: literals, templates with {{name}} / {name} / {{name|format}}, `_function …`,
 * `_findCollection …`,
 * `_mongoQuery …`, compiled once (metadata.md 2). */
#ifndef META_TMPL_H
#define META_TMPL_H

#include "base/diag.h"
#include "meta/value.h"

enum side { SIDE_SOURCE, SIDE_TARGET };

struct tmpl;
struct lookup;

/* The lookups that a document holds, as they are compiled. */
struct lookup_list {
    const struct lookup **at; /* in the compilation's arena */
    size_t n, cap;
};

struct compile {
    struct arena *arena; /* of the configuration */
    struct slots *slots; /* NULL: record fields are not allowed here (source requests) */
    enum side side;
    struct diags *diags;
    struct lookup_list *lookups; /* gets every lookup that is compiled; NULL: nobody asks for them */
};

/* Compiles a value's text. Problems go to c->diags at `pos` (columns inside the text are added). NULL when there was an
 * error. */
const struct tmpl *tmpl_compile(struct compile *c, struct str text, struct pos pos);
/* A whole-value template keeps the JSON kind of what it names; joined text is VALUE_TEXT. ERR_DATA for a record's
 * error. */
enum err tmpl_eval(const struct tmpl *t, struct env *env, struct value *ret, struct errinfo *ei) MUST_USE;
/* True when it is nothing but one record field without format: shaping may read the slot directly. */
bool tmpl_is_slot(const struct tmpl *t, size_t *ret_slot);
/* True when it names LAST_SYNC_TIME or CURRENT_TIME (to find window fields and to warn about open-ended requests). */
bool tmpl_uses_last_sync(const struct tmpl *t);
bool tmpl_uses_current(const struct tmpl *t);

/* Renders the time of a value (unix seconds, or a date text in `z`) by a format name or a quoted strftime pattern;
 * ERR_DATA when it is not a time. */
enum err tmpl_format(const struct value *v, struct str format, const struct zone *z, struct arena *a, struct value *ret,
                     struct errinfo *ei) MUST_USE;

#endif
