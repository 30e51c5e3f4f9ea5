/* Lookups in the kept records of another integration (metadata.md 3.7), compiled: `_findCollection` and `_mongoQuery`
 * are two spellings of one thing. Pure: who answers is env->lookup. What is asked and what a record holds are compared
 * here, so that every answer follows the same rules. */
#ifndef META_LOOKUP_H
#define META_LOOKUP_H

#include "base/decimal.h"
#include "meta/pattern.h"
#include "meta/tmpl.h"

enum lookup_op { LOOKUP_EQ, LOOKUP_NE, LOOKUP_GT, LOOKUP_GTE, LOOKUP_LT, LOOKUP_LTE, LOOKUP_IN, LOOKUP_REGEX };

/* What a term compares with: a template, or a literal. A literal null asks for null or missing; a template that gives
 * null or nothing finds nothing. */
struct lookup_value {
    const struct tmpl *tmpl; /* NULL: the literal */
    struct value literal;
};

/* One condition; all of a lookup hold together. */
struct lookup_term {
    struct str path; /* in the record: "shop_id", "items.sku_id", "items.0.sku_id" */
    enum lookup_op op;
    const struct lookup_value *values; /* one; LOOKUP_IN: any number */
    size_t n;
    bool indexed;                  /* an equality that an index can answer */
    const struct pattern *pattern; /* LOOKUP_REGEX of a literal */
};

#define LOOKUP_TERMS_MAX 16

struct lookup {
    struct str text; /* as written */
    struct pos pos;
    struct str integration;
    struct str find; /* path of the value that is wanted */
    const struct lookup_term *terms;
    size_t n_terms;
};

/* What was asked, worked out: one list of values a term. VALUE_MISSING: a template that gave nothing. */
struct lookup_operands {
    const struct value *at;
    size_t n;
};

/* Works the operands out and asks env->lookup; containers come back as marked JSON text (cast.h). ERR_CONFIG where
 * nobody answers. */
enum err lookup_eval(const struct lookup *l, struct env *env, struct value *ret, struct errinfo *ei) MUST_USE;

/* A lookup with its operands, ready to be compared with many records. */
struct lookup_match {
    const struct lookup *l;
    const struct lookup_operands *asked; /* one a term */
    const struct pattern *patterns[LOOKUP_TERMS_MAX];
};
/* Borrows both. ERR_DATA: an operand is no regular expression. */
enum err lookup_match_begin(const struct lookup *l, const struct lookup_operands *asked, struct arena *a,
                            struct lookup_match *ret, struct errinfo *ei) MUST_USE;
/* Does term i hold for the values that the record has at its path? Any of them does; LOOKUP_NE: none equals. Texts are
 * equal byte by byte; where one side is a JSON number and the other one a number as well, by value. Greater and less
 * are by value when both are numbers, else by code points. */
bool lookup_holds(const struct lookup_match *m, size_t i, const struct value *have, size_t n);
/* Equal values have equal keys, and some others too ("7" and "007"): what an index goes by. `out` has room for
 * DECIMAL_TEXT bytes; the result points there or into the value, and JSON gives p NULL. */
struct str lookup_key(const struct value *v, char *out);

/* All values at the path: through arrays into each element, the elements of an array at its end. */
struct lookup_values {
    struct arena *a;
    struct value *at;
    size_t n, cap;
};
void lookup_collect(const struct json *from, struct str path, struct lookup_values *out);

#endif
