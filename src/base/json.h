/* The one gate for JSON that comes from outside: repair, limits, then the parser (yyjson). Nothing else in the
 * program includes yyjson. Numbers stay text: ids and decimals keep every digit that was sent.
 *
 * Repairs, counted: a BOM is skipped; control characters U+0000–08, 0B, 0C, 0E–1F are dropped; raw TAB, LF, CR inside
 * strings are escaped; bad UTF-8 and lone surrogate escapes become U+FFFD. Limits are checked before a tree is built.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct json_doc; /* owns the tree */
struct json;     /* a value inside a document; lives as long as the document */

enum json_type { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_limits {
    size_t max_bytes; /* of the text */
    int max_depth;
};
#define JSON_LIMITS_DEFAULT ((struct json_limits){32u << 20, 64})

struct json_repairs {
    uint32_t bom, controls, raw_blanks, bad_utf8, surrogates;
};

/* Parses one whole document. ERR_DATA with byte position, line and column in the message when it is not JSON, too deep
 * or too long; trailing bytes other than blanks are an error. `text` is borrowed for the call only. `ret_repairs` may
 * be NULL. Free with json_free. */
enum err json_parse(struct str text, const struct json_limits *limits, struct json_doc **ret,
                    struct json_repairs *ret_repairs, struct errinfo *ei) MUST_USE;
void json_free(struct json_doc *doc);           /* NULL is fine */
size_t json_memory(const struct json_doc *doc); /* bytes that the tree takes, about */

/* Every accessor takes NULL and values of another type, and answers "nothing" for them. */
const struct json *json_root(const struct json_doc *doc);
enum json_type json_type(const struct json *v);
const char *json_type_name(enum json_type t); /* "number", … */
bool json_true(const struct json *v);         /* is it the boolean true */
/* a string's bytes (may hold NUL), or a number's digits as sent; else empty with p NULL */
struct str json_text(const struct json *v);
bool json_i64(const struct json *v, int64_t *ret); /* a number, or a string that holds one, without fraction */
const struct json *json_get(const struct json *obj, struct str key);   /* first member of that name, or NULL */
const struct json *json_path(const struct json *v, struct str dotted); /* "a.b", "a.0.b"; "" is v itself */
size_t json_count(const struct json *v);                               /* elements of an array, members of an object */
/* O(i) for arrays of containers: use the iterator in loops */
const struct json *json_at(const struct json *arr, size_t i);

struct json_iter {
    const struct json *cur; /* private */
    size_t left;            /* private */
    bool object;            /* private */
};
struct json_iter json_iter(const struct json *container); /* over an array or an object; anything else is empty */
/* Next element; for objects *ret_key gets the member's name (may be NULL for arrays). NULL at the end. */
const struct json *json_next(struct json_iter *it, struct str *ret_key);

/* Appends the value's compact JSON text. Numbers as sent. */
void json_write(const struct json *v, struct buf *out);

/* Feeds the value (types, lengths and bytes, in order) to `feed`: a canonical walk for hashing; iterative. */
void json_walk(const struct json *v, void (*feed)(void *ctx, struct str bytes), void *ctx);

/* Writing JSON: commas and nesting are kept by the writer; depth at most 64. */
struct json_out {
    struct buf *b;
    uint64_t first; /* private */
    int depth;      /* private */
    bool after_key; /* private */
};
static inline struct json_out json_out(struct buf *b)
{
    return (struct json_out){.b = b, .first = 1};
}
void json_out_begin(struct json_out *w, char open); /* '{' or '[' */
void json_out_end(struct json_out *w, char close);
void json_out_key(struct json_out *w, const char *key);
void json_out_key_str(struct json_out *w, struct str key);
void json_out_str(struct json_out *w, struct str s);   /* bad UTF-8 is written as U+FFFD */
void json_out_cstr(struct json_out *w, const char *s); /* NULL writes null */
void json_out_int(struct json_out *w, int64_t v);
void json_out_bool(struct json_out *w, bool v);
void json_out_null(struct json_out *w);
void json_out_raw(struct json_out *w, struct str json); /* text that is JSON already */

/* A member of an object: key and value in one. */
void json_member(struct json_out *w, const char *key, struct str value); /* p NULL writes null */
void json_number(struct json_out *w, const char *key, int64_t value);
void json_flag(struct json_out *w, const char *key, bool value);

#endif
