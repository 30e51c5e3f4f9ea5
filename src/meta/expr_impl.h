/* The inside of the expression language: tree, values, and what the files of `expr_*.c` give each other. Nobody else
 * includes it.
 *
 * An expression is a tree of nodes in the configuration's arena. Leaves are constants and operands; everything else,
 * operators too, is a call of a row of a function table. Evaluation walks the tree; its depth is bounded when it is
 * built, so the stack is. */
#ifndef META_EXPR_IMPL_H
#define META_EXPR_IMPL_H

#include "base/decimal.h"
#include "meta/brace.h"
#include "meta/expr.h"
#include "meta/sysvar.h"

#define EXPR_MAX_BYTES        ((size_t)64 << 10) /* text of an expression */
#define EXPR_MAX_DEPTH        200                /* of the tree and of the parser's recursion */
#define EXPR_MAX_NODES        20000
#define EXPR_MAX_RESULT_BYTES ((size_t)16 << 20) /* of one text; beyond: NULL, as with max_allowed_packet */
#define EXPR_MAX_SCALE        38
#define FLOATING              39 /* `dec` of a double that shows as many places as it needs */

enum vtype { V_NULL, V_INT, V_DEC, V_REAL, V_TEXT, V_DATE, V_TIME, V_DATETIME };

enum val_flag {
    VAL_BINARY = 1, /* text that compares by bytes */
    VAL_HEX = 2,    /* hex literal: a big-endian integer among numbers */
    VAL_JSON = 4    /* JSON text: a string in it compares without its quotes */
};

/* A value while it is worked on. `dec` is the number of places that show: of V_DEC (the decimal itself may hold more,
 * as MySQL's quotients do), of V_REAL (FLOATING: as needed), of the seconds of V_TIME and V_DATETIME. */
struct val {
    uint8_t t; /* enum vtype */
    uint8_t dec;
    uint8_t flags;
    union {
        int64_t i;
        double f;
        struct decimal d;
        struct str s;
        int64_t us; /* V_TIME: signed microseconds; V_DATE, V_DATETIME: microseconds since 1970-01-01 00:00:00 of the
                       civil calendar */
    };
};

struct vtypes {
    uint8_t t, dec;
}; /* what a node gives, before it is evaluated */

struct run {
    const struct expr *e;
    struct env *env;
    struct errinfo *ei;
    size_t element; /* inside an aggregate: which element of the array */
};

enum node_op { N_CONST, N_SLOT, N_COLUMN, N_SYSVAR, N_LOOKUP, N_JOIN, N_FORMAT, N_CALL };

enum unit {
    UNIT_NONE,
    UNIT_MICROSECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR
};
enum cast {
    CAST_CHAR,
    CAST_BINARY,
    CAST_SIGNED,
    CAST_UNSIGNED,
    CAST_DEC,
    CAST_REAL,
    CAST_TO_DATE,
    CAST_TO_TIME,
    CAST_TO_DATETIME,
    CAST_TO_JSON
};
enum trim { TRIM_BOTH = 3, TRIM_LEADING = 1, TRIM_TRAILING = 2 };

struct function;
struct enode {
    uint8_t op;     /* enum node_op */
    uint8_t detail; /* of a call: enum unit, enum cast, enum trim, or whatever its function says */
    uint8_t scale;  /* CAST_DEC, CAST_TO_TIME, …: places */
    bool fallback;  /* N_SLOT: a system variable of that name stands in when the record has no such field */
    bool case_base; /* CASE x WHEN …: the first argument is x */
    uint16_t depth;
    uint32_t n_args;
    int64_t limit; /* CAST_CHAR: characters, CAST_DEC: digits; -1: none */
    const struct enode **arg;
    const struct function *fn;
    struct str name;  /* operand: as written; N_FORMAT: the format */
    size_t slot;      /* N_LOOKUP: which of the expression's lookups */
    struct val value; /* N_CONST */
    void *code;       /* REGEXP: the compiled pattern */
};

struct expr {
    struct str text;
    const struct enode *root;
    const size_t *slot; /* the operands, for error messages */
    const struct str *slot_name;
    size_t n_slots;
    const struct lookup **lookups;
};

enum fn_kind {
    FN_STRICT, /* arguments evaluated; NULL among them gives NULL */
    FN_VALUES, /* arguments evaluated, NULLs included */
    FN_LAZY    /* evaluates its own arguments */
};

typedef enum err expr_strict_fn(struct run *r, struct val *a, size_t n, struct val *ret);
typedef enum err expr_lazy_fn(struct run *r, const struct enode *e, struct val *ret);
typedef struct vtypes expr_type_fn(struct run *r, const struct enode *e);

struct function {
    const char *name;
    size_t min_args, max_args;
    enum fn_kind kind;
    enum vtype type; /* of the result; V_NULL: ask type_of */
    expr_type_fn *type_of;
    expr_strict_fn *strict; /* FN_STRICT, FN_VALUES */
    expr_lazy_fn *lazy;     /* FN_LAZY */
};

/* Tables (expr_table.c). Names compare without case. */
const struct function *expr_function(struct str name);
const char *expr_nearest_function(struct str name);
const struct function *expr_operator(const char *name); /* "+", "AND", "CASE", "CAST", "JOIN", … : must exist */

/* Evaluation (expr_eval.c). */
enum err eval(struct run *r, const struct enode *e, struct val *ret) MUST_USE;
enum err eval_operand(struct run *r, const struct enode *e,
                      struct value *ret) MUST_USE; /* N_SLOT, N_COLUMN, N_SYSVAR: not converted */
bool is_operand(const struct enode *e);

/* Types (expr_type.c). */
struct vtypes type_of(struct run *r, const struct enode *e);
struct vtypes type_unify(struct vtypes a, struct vtypes b);
enum err val_coerce(struct run *r, struct val *v, struct vtypes to) MUST_USE; /* NULL stays NULL */
bool is_temporal(uint8_t t);

/* Conversions (expr_val.c). NULL must be dealt with before. */
static inline struct val val_null(void)
{
    return (struct val){.t = V_NULL};
}
static inline struct val val_int(int64_t i)
{
    return (struct val){.t = V_INT, .i = i};
}
static inline struct val val_bool(bool b)
{
    return (struct val){.t = V_INT, .i = b};
}
static inline struct val val_text(struct str s)
{
    return (struct val){.t = V_TEXT, .s = s};
}
static inline struct val val_real(double f)
{
    return (struct val){.t = V_REAL, .dec = FLOATING, .f = f};
}
struct val val_decimal(const struct decimal *d, uint8_t dec);
enum err val_of_value(struct run *r, const struct value *v, struct val *ret) MUST_USE;
struct value val_to_value(struct run *r, const struct val *v);
struct str val_str(struct run *r, const struct val *v); /* as text, in the arena or where it was */
struct val val_number(const struct val *v);             /* V_INT, V_DEC or V_REAL */
double val_double(const struct val *v);
int64_t val_integer(const struct val *v); /* as MySQL's val_int: rounded, clamped; text by its integer prefix */
bool val_dec(const struct val *v, struct decimal *ret); /* false: too large for a decimal */
bool val_true(const struct val *v);
void val_rounded(const struct val *v, struct decimal *ret); /* V_DEC: to the places that show */
bool text_number(struct str s, double *ret); /* the numeric prefix, 0 when there is none; false when it is infinite */
bool text_plain_decimal(struct str s, struct decimal *ret);
/* Room for a text result of n bytes. OK with NULL in *ret when it is longer than EXPR_MAX_RESULT_BYTES (the result is
 * NULL). */
enum err result_room(struct run *r, size_t n, char **ret) MUST_USE;
enum err result_copy(struct run *r, struct str s, struct val *ret) MUST_USE;

/* Comparison (expr_cmp.c): <0, 0, >0; both not NULL. */
int val_cmp(struct run *r, const struct val *a, const struct val *b);
int val_cmp_number(const struct val *a, const struct val *b);
/* The same with decimals rounded to the places that show: the server's operators and NULLIF do so, its IN, BETWEEN,
 * CASE and FIELD do not. */
int val_cmp_shown(struct run *r, const struct val *a, const struct val *b);
char ascii_upper(char c);

/* Time (expr_time.c). */
#define US_PER_S   1000000LL
#define US_PER_DAY (86400LL * US_PER_S)
struct moment {
    int year, month, day, hour, minute, second, us;
};
int64_t days_of_date(int year, int month, int day); /* since 1970-01-01, proleptic Gregorian */
void moment_of_us(int64_t us, struct moment *ret);
int64_t us_of_moment(const struct moment *m);
int days_in_month(int year, int month);
bool us_in_range(int64_t us); /* years 1 to 9999 */
struct when {
    int64_t us;
    bool has_time;
    uint8_t dec;
};
/* As a date with time; a V_TIME gets the current date. False when it is none. */
bool val_when(struct run *r, const struct val *v, struct when *ret);
bool val_time(struct run *r, const struct val *v, struct when *ret); /* the time of day, or a duration; us signed */
struct str time_text_of(struct run *r, const struct val *v);         /* V_DATE, V_TIME, V_DATETIME */
struct val time_number(const struct val *v);                         /* 20260301, 83000, 20260301083000 */
struct val val_of_time(enum vtype t, int64_t us, uint8_t dec);
int64_t now_us(struct run *r); /* civil, in the project's zone */

/* Parsing helpers shared by the parser's files. */
struct parser;
bool expr_parse(struct parser *p, struct expr *ret);

/* Regular expressions and LIKE (expr_match.c). */
void *regex_compile(struct arena *a, struct str pattern, bool caseless,
                    struct errinfo *ei); /* NULL after an error (ERR_DATA) */
enum err regex_match(struct run *r, const void *code, struct str subject, bool *ret) MUST_USE;
bool like_match(struct str text, struct str pattern, uint32_t escape);

/* JSON paths (expr_json.c). */
bool json_path_valid(struct str path);

enum err bad_data(struct run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
