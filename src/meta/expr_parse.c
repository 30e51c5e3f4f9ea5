/* The parser of expressions: precedence climbing over MariaDB's table of operators, one token ahead.
 *
 *   OR ||   <   XOR   <   AND &&   <   NOT   <   = <=> <> != < <= > >= IS   <   LIKE REGEXP IN BETWEEN   <   + -   <
 * * / % DIV MOD <   - + (unary)   <   !   <   -> ->>
 *
 * Operators become calls of rows of the operator table, so that evaluation knows one kind of inner node. Chains of AND,
 * OR and XOR become one node, so a long list of alternatives is not deep. Recursion and the depth of the tree end at
 * EXPR_MAX_DEPTH. Bit operators, variables, row values, subqueries, COLLATE and := are not part of the language and are
 * refused with their column. */
#include "meta/expr_parse.h"

#include <stdarg.h>
#include <stdio.h>

enum bind { B_OR = 1, B_XOR, B_AND, B_NOT, B_COMPARE, B_MATCH, B_ADD, B_MUL, B_SIGN, B_BANG, B_ARROW };

static const struct infix {
    const char *token, *function;
    int bind;
} infixes[] = {
    {"OR", "OR", B_OR},
    {"||", "OR", B_OR},
    {"XOR", "XOR", B_XOR},
    {"AND", "AND", B_AND},
    {"&&", "AND", B_AND},
    {"=", "=", B_COMPARE},
    {"<=>", "<=>", B_COMPARE},
    {"<>", "<>", B_COMPARE},
    {"!=", "<>", B_COMPARE},
    {"<", "<", B_COMPARE},
    {"<=", "<=", B_COMPARE},
    {">", ">", B_COMPARE},
    {">=", ">=", B_COMPARE},
    {"IS", "IS", B_COMPARE},
    {"LIKE", "LIKE", B_MATCH},
    {"REGEXP", "REGEXP", B_MATCH},
    {"RLIKE", "REGEXP", B_MATCH},
    {"IN", "IN", B_MATCH},
    {"BETWEEN", "BETWEEN", B_MATCH},
    {"+", "+", B_ADD},
    {"-", "-", B_ADD},
    {"*", "*", B_MUL},
    {"/", "/", B_MUL},
    {"%", "%", B_MUL},
    {"DIV", "DIV", B_MUL},
    {"MOD", "%", B_MUL},
    {"->", "->", B_ARROW},
    {"->>", "->>", B_ARROW},
};

void *parse_error(struct parser *p, size_t pos, const char *fmt, ...)
{
    if (p->failed)
        return NULL;
    p->failed = true;
    p->error_pos = pos;
    char what[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    size_t col = utf8_count(str_mk(p->text.p, pos < p->text.n ? pos : p->text.n)) + 1;
    struct str near = str_sub(p->text, pos, utf8_prefix(str_sub(p->text, pos, 120), 20));
    if (near.n)
        (void)fail(p->ei, ERR_CONFIG, "in the _function, column %zu, near \"" STR_FMT "\": %s", col, STR_ARG(near),
                   what);
    else
        (void)fail(p->ei, ERR_CONFIG, "at the end of the _function: %s", what);
    return NULL;
}

void parse_advance(struct parser *p)
{
    lex_next(p->text, &p->pos, &p->tok);
    if (p->tok.kind != T_BAD)
        return;
    parse_error(p, p->tok.pos, STR_FMT, STR_ARG(p->tok.text));
    p->tok.kind = T_END;
    p->pos = p->text.n;
}

static struct token parse_peek(struct parser *p)
{
    size_t pos = p->pos;
    struct token t;
    lex_next(p->text, &pos, &t);
    return t;
}

bool parse_take(struct parser *p, const char *sign_or_word)
{
    if (!token_is(&p->tok, sign_or_word))
        return false;
    parse_advance(p);
    return true;
}

bool parse_expect(struct parser *p, const char *sign_or_word)
{
    if (parse_take(p, sign_or_word))
        return true;
    parse_error(p, p->tok.pos, "\"%s\" is expected here", sign_or_word);
    return false;
}

void nodes_add(struct parser *p, struct nodes *list, const struct enode *e)
{
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 4;
        const struct enode **more = ARENA_ARRAY(p->a, const struct enode *, list->cap);
        if (list->n)
            memcpy(more, list->at, list->n * sizeof *more);
        list->at = more;
    }
    list->at[list->n++] = e;
}

struct enode *make_node(struct parser *p, enum node_op op)
{
    if (++p->n_nodes > EXPR_MAX_NODES)
        return parse_error(p, p->tok.pos, "the expression has more than %d parts", EXPR_MAX_NODES);
    struct enode *e = ARENA_NEW(p->a, struct enode);
    e->op = (uint8_t)op;
    e->depth = 1;
    e->limit = -1;
    return e;
}

struct enode *make_constant(struct parser *p, struct val v)
{
    struct enode *e = make_node(p, N_CONST);
    if (e)
        e->value = v;
    return e;
}

static bool check_count(struct parser *p, size_t pos, const struct function *fn, size_t n)
{
    if (n >= fn->min_args && n <= fn->max_args)
        return true;
    if (fn->min_args == fn->max_args)
        parse_error(p, pos, "%s takes %zu argument%s, not %zu", fn->name, fn->min_args, fn->min_args == 1 ? "" : "s",
                    n);
    else if (n < fn->min_args)
        parse_error(p, pos, "%s takes at least %zu argument%s, not %zu", fn->name, fn->min_args,
                    fn->min_args == 1 ? "" : "s", n);
    else
        parse_error(p, pos, "%s takes at most %zu arguments, not %zu", fn->name, fn->max_args, n);
    return false;
}

/* What can be known of constant arguments is checked and prepared now, not at the first record. */
static bool prepare(struct parser *p, size_t pos, struct enode *e)
{
    if (e->n_args < 2)
        return true;
    if (strcmp(e->fn->name, "REGEXP") == 0) {
        struct str pattern = parse_constant_text(e->arg[1]);
        struct errinfo why;
        if (pattern.p && !(e->code = regex_compile(p->a, pattern, true, &why)))
            return parse_error(p, pos, "%s", why.msg), false;
    } else if (strcmp(e->fn->name, "LIKE") == 0 && e->n_args == 3) {
        struct str escape = parse_constant_text(e->arg[2]);
        if (escape.p && utf8_count(escape) > 1)
            return parse_error(p, pos, "ESCAPE takes one character"), false;
    } else if (strcmp(e->fn->name, "JSON_EXTRACT") == 0 || strcmp(e->fn->name, "->") == 0 ||
               strcmp(e->fn->name, "->>") == 0) {
        for (size_t i = 1; i < e->n_args; i++) {
            struct str path = parse_constant_text(e->arg[i]);
            if (path.p && !json_path_valid(path))
                return parse_error(p, pos, "\"" STR_FMT "\" is not a JSON path such as $.items[0].name", STR_ARG(path)),
                       false;
        }
    }
    return true;
}

struct enode *make_call(struct parser *p, size_t pos, const struct function *fn, const struct nodes *args)
{
    if (p->failed || !check_count(p, pos, fn, args->n))
        return NULL;
    struct enode *e = make_node(p, N_CALL);
    if (!e)
        return NULL;
    e->fn = fn;
    e->arg = args->at;
    e->n_args = (uint32_t)args->n;
    for (size_t i = 0; i < args->n; i++)
        if (args->at[i]->depth >= e->depth)
            e->depth = (uint16_t)(args->at[i]->depth + 1);
    if (e->depth > EXPR_MAX_DEPTH)
        return parse_error(p, pos, "the expression is nested more than %d deep", EXPR_MAX_DEPTH);
    return prepare(p, pos, e) ? e : NULL;
}

static const struct enode *call_of(struct parser *p, size_t pos, const char *operator, const struct enode * a,
                                   const struct enode *b)
{
    if (!a || p->failed)
        return NULL;
    struct nodes args = {.n = 0};
    nodes_add(p, &args, a);
    if (b)
        nodes_add(p, &args, b);
    return make_call(p, pos, expr_operator(operator), &args);
}

static const struct enode *negate(struct parser *p, const struct enode *e, bool negated)
{
    return negated ? call_of(p, p->tok.pos, "NOT", e, NULL) : e;
}

/* a AND b AND c: one node. */
static const struct enode *parse_chain(struct parser *p, const struct enode *first, const struct infix *op)
{
    struct nodes args = {.n = 0};
    size_t pos = p->tok.pos;
    nodes_add(p, &args, first);
    for (;;) {
        const struct enode *next = parse_expr(p, op->bind + 1);
        if (!next)
            return NULL;
        nodes_add(p, &args, next);
        bool more = false;
        for (size_t i = 0; i < sizeof infixes / sizeof *infixes && !more; i++)
            more = infixes[i].bind == op->bind && token_is(&p->tok, infixes[i].token);
        if (!more)
            return make_call(p, pos, expr_operator(op->function), &args);
        parse_advance(p);
    }
}

static const struct enode *parse_is(struct parser *p, const struct enode *left)
{
    static const char *const words[][2] = {
        {"NULL", "IS NULL"}, {"UNKNOWN", "IS NULL"}, {"TRUE", "IS TRUE"}, {"FALSE", "IS FALSE"}};
    bool negated = parse_take(p, "NOT");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t pos = p->tok.pos;
        if (parse_take(p, words[i][0]))
            return negate(p, call_of(p, pos, words[i][1], left, NULL), negated);
    }
    return parse_error(p, p->tok.pos, "NULL, TRUE, FALSE or UNKNOWN is expected after IS");
}

static bool parse_list(struct parser *p, struct nodes *args)
{
    do {
        const struct enode *e = parse_expr(p, BIND_LOWEST);
        if (!e)
            return false;
        nodes_add(p, args, e);
    } while (parse_take(p, ","));
    return parse_expect(p, ")");
}

/* IN, BETWEEN, LIKE, REGEXP: `tok` stands behind the word. */
static const struct enode *parse_match(struct parser *p, const struct enode *left, const struct infix *op)
{
    struct nodes args = {.n = 0};
    size_t pos = p->tok.pos;
    nodes_add(p, &args, left);
    if (op->function[0] == 'I') {
        if (!parse_expect(p, "(") || !parse_list(p, &args))
            return NULL;
    } else {
        const struct enode *right = parse_expr(p, B_MATCH + 1);
        if (!right)
            return NULL;
        nodes_add(p, &args, right);
        const struct enode *third = NULL;
        if (op->function[0] == 'B')
            third = parse_expect(p, "AND") ? parse_expr(p, B_MATCH) : NULL;
        else if (op->function[0] == 'L' && parse_take(p, "ESCAPE"))
            third = parse_expr(p, B_MATCH + 1);
        if (p->failed)
            return NULL;
        if (third)
            nodes_add(p, &args, third);
    }
    return make_call(p, pos, expr_operator(op->function), &args);
}

static const struct enode *make_shift(struct parser *p, size_t pos, const struct enode *date,
                                      const struct enode *amount, const char *operator)
{
    if (!date || !amount)
        return NULL;
    struct nodes args = {.n = 0};
    nodes_add(p, &args, date);
    nodes_add(p, &args, amount);
    return make_call(p, pos, expr_operator(operator), &args);
}

/* d + INTERVAL 1 DAY: `tok` stands behind INTERVAL. */
static const struct enode *parse_shift(struct parser *p, const struct enode *left, bool minus)
{
    size_t pos = p->tok.pos;
    return make_shift(p, pos, left, parse_interval(p), minus ? "- INTERVAL" : "+ INTERVAL");
}

/* INTERVAL 1 DAY + d */
static const struct enode *parse_interval_first(struct parser *p, size_t pos)
{
    const struct enode *amount = parse_interval(p);
    if (!amount || !parse_expect(p, "+"))
        return NULL;
    return make_shift(p, pos, parse_expr(p, B_ADD + 1), amount, "+ INTERVAL");
}

static const struct enode *parse_infix(struct parser *p, const struct enode *left, const struct infix *op, size_t pos)
{
    if (op->bind <= B_AND)
        return parse_chain(p, left, op);
    if (op->function[0] == 'I' && op->function[1] == 'S')
        return parse_is(p, left);
    if (op->bind == B_MATCH)
        return parse_match(p, left, op);
    if (op->bind == B_ADD && parse_take(p, "INTERVAL"))
        return parse_shift(p, left, op->function[0] == '-');
    const struct enode *right = parse_expr(p, op->bind + 1);
    return right ? call_of(p, pos, op->function, left, right) : NULL;
}

static const struct infix *find_infix(const struct token *t)
{
    if (t->kind != T_SIGN && t->kind != T_WORD)
        return NULL;
    for (size_t i = 0; i < sizeof infixes / sizeof *infixes; i++)
        if (token_is(t, infixes[i].token))
            return &infixes[i];
    return NULL;
}

static const struct enode *parse_function(struct parser *p, struct token word)
{
    parse_advance(p); /* "(" */
    special_fn *special = special_find(word.text);
    if (special)
        return special(p, word.pos, word.text);
    const struct function *fn = expr_function(word.text);
    if (!fn) {
        const char *near = expr_nearest_function(word.text);
        return parse_error(p, word.pos, "there is no function " STR_FMT "%s%s%s", STR_ARG(word.text),
                           near ? "; do you mean " : "", near ? near : "", near ? "?" : "");
    }
    struct nodes args = {.n = 0};
    if (!parse_take(p, ")") && !parse_list(p, &args))
        return NULL;
    return make_call(p, word.pos, fn, &args);
}

static const struct enode *parse_word(struct parser *p)
{
    static const char *const bare[] = {"CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIME",
                                       "LOCALTIMESTAMP"};
    struct token word = p->tok;
    parse_advance(p);
    if (token_is(&p->tok, "(") && !token_is(&word, "CASE"))
        return parse_function(p, word);
    if (token_is(&word, "NULL"))
        return make_constant(p, val_null());
    if (token_is(&word, "TRUE") || token_is(&word, "FALSE"))
        return make_constant(p, val_bool(token_is(&word, "TRUE")));
    if (token_is(&word, "CASE"))
        return parse_case(p);
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
        if (token_is(&word, bare[i]))
            return make_call(p, word.pos, expr_function(word.text), &(struct nodes){.n = 0});
    if (find_infix(&word))
        return parse_error(p, word.pos, "an operand is missing before " STR_FMT, STR_ARG(word.text));
    return parse_error(
        p, word.pos, "\"" STR_FMT "\" means nothing here; write {{" STR_FMT "}} for a field, '" STR_FMT "' for a text",
        STR_ARG(word.text), STR_ARG(word.text), STR_ARG(word.text));
}

/* A minus before a number belongs to the number: the smallest BIGINT has no positive twin. */
static const struct enode *parse_minus(struct parser *p, size_t pos)
{
    const struct enode *e = parse_expr(p, B_SIGN);
    if (!e || e->op != N_CONST || (e->value.t != V_INT && e->value.t != V_DEC))
        return call_of(p, pos, "NEG", e, NULL);
    struct val v = e->value;
    int64_t i;
    if (v.t == V_DEC) {
        decimal_neg(&v.d);
        if (v.dec == 0 && decimal_to_i64(&v.d, &i))
            v = val_int(i);
    } else if (v.i == INT64_MIN) {
        struct decimal d;
        decimal_from_i64(v.i, &d);
        decimal_neg(&d);
        v = val_decimal(&d, 0);
    } else {
        v.i = -v.i;
    }
    return make_constant(p, v);
}

static const struct enode *parse_prefix(struct parser *p, int min_bind)
{
    size_t pos = p->tok.pos;
    switch (p->tok.kind) {
    case T_NUMBER:
    case T_STRING:
    case T_HEX:
        return parse_literal(p);
    case T_BRACE: {
        struct brace b = p->tok.brace;
        parse_advance(p);
        return parse_operand(p, &b);
    }
    case T_END:
    case T_BAD:
        return parse_error(p, pos, "an operand is missing");
    case T_SIGN:
    case T_WORD:
        break;
    }
    if (parse_take(p, "(")) {
        const struct enode *e = parse_expr(p, BIND_LOWEST);
        return e && parse_expect(p, ")") ? e : NULL;
    }
    if (parse_take(p, "-"))
        return parse_minus(p, pos);
    if (parse_take(p, "+"))
        return parse_expr(p, B_SIGN);
    if (parse_take(p, "!"))
        return call_of(p, pos, "NOT", parse_expr(p, B_BANG), NULL);
    if (token_is(&p->tok, "NOT")) {
        if (min_bind > B_NOT)
            return parse_error(p, pos, "put NOT and what follows in parentheses");
        parse_advance(p);
        return call_of(p, pos, "NOT", parse_expr(p, B_NOT), NULL);
    }
    if (parse_take(p, "BINARY"))
        return call_of(p, pos, "BINARY", parse_expr(p, B_BANG), NULL);
    if (parse_take(p, "INTERVAL"))
        return parse_interval_first(p, pos);
    return p->tok.kind == T_WORD ? parse_word(p) : parse_error(p, pos, "an operand is missing");
}

static const struct enode *parse_operators(struct parser *p, int min_bind)
{
    const struct enode *left = parse_prefix(p, min_bind);
    while (left && !p->failed) {
        size_t pos = p->tok.pos;
        bool negated = token_is(&p->tok, "NOT");
        struct token t = negated ? parse_peek(p) : p->tok;
        const struct infix *op = find_infix(&t);
        if (!op || op->bind < min_bind || (negated && op->bind != B_MATCH))
            break;
        if (negated)
            parse_advance(p);
        parse_advance(p);
        left = negate(p, parse_infix(p, left, op, pos), negated);
    }
    return p->failed ? NULL : left;
}

const struct enode *parse_expr(struct parser *p, int min_bind)
{
    if (p->depth >= EXPR_MAX_DEPTH)
        return parse_error(p, p->tok.pos, "the expression is nested more than %d deep", EXPR_MAX_DEPTH);
    p->depth++;
    const struct enode *e = parse_operators(p, min_bind);
    p->depth--;
    return e;
}

bool expr_parse(struct parser *p, struct expr *ret)
{
    if (p->text.n > EXPR_MAX_BYTES) {
        parse_error(p, 0, "the expression is longer than %zu bytes", EXPR_MAX_BYTES);
        return false;
    }
    if (!utf8_valid(p->text)) {
        parse_error(p, 0, "the expression is not UTF-8");
        return false;
    }
    parse_advance(p);
    const struct enode *root = parse_expr(p, BIND_LOWEST);
    if (root && p->tok.kind != T_END)
        parse_error(p, p->tok.pos, "an operator is missing");
    if (p->failed)
        return false;
    *ret =
        (struct expr){.text = p->text, .root = root, .slot = p->slot, .slot_name = p->slot_name, .n_slots = p->n_slots};
    return true;
}
