/* The parser's state and building blocks. Inside of expr_*.c only. Functions that give a node give NULL after an error.
 */
#ifndef META_EXPR_PARSE_H
#define META_EXPR_PARSE_H

#include "meta/expr_impl.h"
#include "meta/expr_lex.h"

struct nodes {
    const struct enode **at;
    size_t n, cap;
};

struct parser {
    struct arena *a;
    struct str text;
    struct slots *slots; /* NULL: no record fields here */
    size_t n_lookups;
    struct errinfo *ei;
    size_t pos; /* behind `tok` */
    struct token tok;
    int depth;
    size_t n_nodes;
    bool in_aggregate, saw_column, failed;
    size_t error_pos;
    size_t *slot; /* operands in order of appearance */
    struct str *slot_name;
    size_t n_slots, cap_slots;
};

#define BIND_LOWEST 0

void parse_advance(struct parser *p);
bool parse_take(struct parser *p, const char *sign_or_word); /* if it stands here */
bool parse_expect(struct parser *p, const char *sign_or_word);
void *parse_error(struct parser *p, size_t pos, const char *fmt, ...)
    PRINTF_LIKE(3, 4); /* gives NULL; the first error stays */
const struct enode *parse_expr(struct parser *p, int min_bind);
void nodes_add(struct parser *p, struct nodes *list, const struct enode *e);
struct enode *make_node(struct parser *p, enum node_op op);
/* A call with its arguments counted and checked. */
struct enode *make_call(struct parser *p, size_t pos, const struct function *fn, const struct nodes *args);
struct enode *make_constant(struct parser *p, struct val v);

/* Operands and literals (expr_leaf.c). */
const struct enode *parse_operand(struct parser *p, const struct brace *b);
const struct enode *parse_literal(struct parser *p);   /* number, text, hex */
struct str parse_constant_text(const struct enode *e); /* p NULL when it is not one */

/* Calls with a syntax of their own (expr_special.c). `tok` stands behind "(". */
typedef const struct enode *special_fn(struct parser *p, size_t pos, struct str name);
special_fn *special_find(struct str name);
const struct enode *parse_case(struct parser *p); /* `tok` stands behind CASE */
const struct enode *
parse_interval(struct parser *p); /* `tok` stands behind INTERVAL; a call of "INTERVAL" with the unit as detail */

#endif
