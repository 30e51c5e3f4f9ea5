/* Parsers of field values. Inside meta only. */
#ifndef META_PARSER_H
#define META_PARSER_H

#include "meta/cast.h"

struct parser;
/* The parser of a field, compiled with its params; NULL after an error. */
const struct parser *parser_compile(struct arena *a, const struct meta_field *f, struct diags *diags);
/* Never called with an empty value. Containers come out as JSON text (cast.h). */
enum err parser_apply(const struct parser *p, const struct value *in, struct arena *a, struct value *ret,
                      struct errinfo *ei) MUST_USE;
/* The elements of an array as text with the separator between them; a value that is no container stays as it is.
 * ERR_DATA for an object. */
enum err parser_join(const struct value *in, struct str separator, struct arena *a, struct value *ret,
                     struct errinfo *ei) MUST_USE;
/* Appends a value as JSON. */
void value_write_json(const struct value *v, struct json_out *w);

#endif
