/* Casts of a value to a field's `type` (metadata.md 2, decisions 14). Inside meta only. */
#ifndef META_CAST_H
#define META_CAST_H

#include "meta/doc.h"

/* A value worked out here that is a container has no tree: it is VALUE_TEXT holding compact JSON, marked by `truth`.
 * The mark is taken off before a value leaves this floor. */
static inline struct value value_json_text(struct str s)
{
    return (struct value){.kind = VALUE_TEXT, .truth = true, .n = (uint32_t)s.n, .p = s.p};
}
static inline bool value_is_json_text(const struct value *v)
{
    return v->kind == VALUE_TEXT && v->truth;
}

/* NULL and missing give NULL; "" gives NULL for every type but string. ERR_DATA names the value. Dates without an
 * offset are the zone's. Results point into the input or live in `a`. */
enum err cast_value(enum cast_type type, const struct value *in, const struct zone *z, struct arena *a,
                    struct value *ret, struct errinfo *ei) MUST_USE;

/* The instant that a value means: a number is unix seconds (from 10^11 on: milliseconds), a text a date and time in `z`
 * or 10 or 13 digits. False when it is none, or outside the years 0 to 9999. */
bool cast_time_ms(const struct value *v, const struct zone *z, int64_t *ret_ms);

/* The start of a value, for messages: at most 60 characters, in `a`. */
const char *cast_shown(const struct value *v, struct arena *a);

/* The types by name, `integer`, `boolean`, … included. */
bool cast_type_find(struct str name, enum cast_type *ret);
const char *cast_type_name(enum cast_type type);

/* Copies what a buffer holds into the arena and frees the buffer. ERR_DATA when it ran over its ceiling. */
enum err cast_take(struct buf *b, struct arena *a, struct str *ret, struct errinfo *ei) MUST_USE;

#define CAST_TEXT_MAX_BYTES ((size_t)32 << 20)

#endif
