/* Values between a record and a row.
 *
 * A value is sixteen bytes that point elsewhere: into the page's document or into the arena of the evaluation. Making
 * one from JSON copies nothing; numbers keep the digits that were sent. Text is only built where a container has to be
 * written out. Casting to a column's type is not done here. */
#include "meta/value.h"

#define JSON_TEXT_MAX_BYTES ((size_t)256 << 20) /* six bytes for each of a body, and room: it cannot be reached */

struct value value_of_json(const struct json *v)
{
    switch (json_type(v)) {
    case JSON_NONE:
        return VALUE_NOTHING;
    case JSON_NULL:
        return value_null();
    case JSON_BOOL:
        return value_bool(json_true(v));
    case JSON_NUMBER:
        return value_number(json_text(v));
    case JSON_STRING:
        return value_text(json_text(v));
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return (struct value){.kind = VALUE_JSON, .json = v};
}

static struct str container_text(const struct json *v, struct arena *a)
{
    struct buf b = buf_make(JSON_TEXT_MAX_BYTES);
    json_write(v, &b);
    if (b.failed)
        die_no_memory(); /* an empty text in its place would be written as if it were the value */
    struct str text = arena_str(a, str_mk(b.p, b.n));
    buf_free(&b);
    return text;
}

struct str value_as_text(const struct value *v, struct arena *a)
{
    switch (v->kind) {
    case VALUE_BOOL:
        return v->truth ? S("true") : S("false");
    case VALUE_NUMBER:
    case VALUE_TEXT:
        return v->p ? value_str(v) : S("");
    case VALUE_JSON:
        return container_text(v->json, a);
    default:
        return (struct str){NULL, 0};
    }
}
