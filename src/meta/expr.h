/* `_function` expressions: MySQL's expression syntax and semantics (metadata.md 3.6, decisions 15 and 16), compiled
 * once into a compact program and evaluated for each row. Pure: no clock, no environment; NOW() and RAND() come from
 * `env->sys`. */
#ifndef META_EXPR_H
#define META_EXPR_H

#include "meta/value.h"

struct expr;

/* What names in an expression may stand for, beside system variables. */
struct expr_names {
    struct slots *slots;                 /* NULL: there is no record, as on the source side */
    const struct lookup *const *lookups; /* those that stand in the expression: EXPR_LOOKUP and a number names one */
    size_t n_lookups;
};
/* The first character (U+FFFE, which no text holds) of the placeholder that stands for a lookup. */
#define EXPR_LOOKUP "\xEF\xBF\xBE"

/* Compiles the text after `_function`. Placeholders become operands: slots are added to names->slots (SLOT_COLUMN
 * inside SUM, AVG, MIN, MAX, COUNT over `array.field`), system variables are read from env->sys. Without slots other
 * names are errors, and `random` and `uuid` are always system variables. The lookups are kept, the list of them is
 * copied. *ret lives in `a`. ERR_CONFIG with what and where; *ret_col (may be NULL) gets the character column (from 1)
 * within `text`. Limits: 64 KiB, 20,000 parts, nesting 200. */
enum err expr_compile(struct arena *a, struct str text, const struct expr_names *names, const struct expr **ret,
                      uint32_t *ret_col, struct errinfo *ei) MUST_USE;
/* NULL results are VALUE_NULL; decimals and integers VALUE_NUMBER; text and times VALUE_TEXT. ERR_DATA on an evaluation
 * error, with the expression and its operands in the message. */
enum err expr_eval(const struct expr *e, struct env *env, struct value *ret, struct errinfo *ei) MUST_USE;

/* One row a function that the language knows, for reference pages: name, least and most arguments (SIZE_MAX: any),
 * help. */
struct expr_function_info {
    const char *name;
    size_t min_args, max_args;
    const char *help;
};
const struct expr_function_info *expr_functions(size_t *ret_n);

#endif
