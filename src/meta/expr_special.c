/* Calls whose arguments have a syntax of their own: CASE, CAST, CONVERT, TRIM, SUBSTRING … FROM … FOR, DATE_ADD with
 * INTERVAL, TIMESTAMPDIFF with a unit, and the aggregates. Each ends as an ordinary call of a row of a table; what is
 * not an argument (unit, type, side) is kept in the node's `detail`, `limit` and `scale`. */
#include "meta/expr_parse.h"

#include "base/num.h"

static const char *const unit_names[] = {"",    "MICROSECOND", "SECOND", "MINUTE",  "HOUR",
                                         "DAY", "WEEK",        "MONTH",  "QUARTER", "YEAR"};

static bool parse_unit(struct parser *p, enum unit *ret)
{
    for (size_t i = 1; i < sizeof unit_names / sizeof *unit_names; i++) {
        if (!token_is(&p->tok, unit_names[i]))
            continue;
        *ret = (enum unit)i;
        parse_advance(p);
        return true;
    }
    if (p->tok.kind == T_WORD && memchr(p->tok.text.p, '_', p->tok.text.n))
        parse_error(p, p->tok.pos, "units made of two, such as DAY_HOUR, are not supported; add one after the other");
    else
        parse_error(p, p->tok.pos,
                    "a unit is expected: MICROSECOND, SECOND, MINUTE, HOUR, DAY, WEEK, MONTH, QUARTER or YEAR");
    return false;
}

const struct enode *parse_interval(struct parser *p)
{
    size_t pos = p->tok.pos;
    enum unit unit = UNIT_NONE;
    const struct enode *amount = parse_expr(p, BIND_LOWEST);
    if (!amount || !parse_unit(p, &unit))
        return NULL;
    struct nodes args = {.n = 0};
    nodes_add(p, &args, amount);
    struct enode *e = make_call(p, pos, expr_operator("INTERVAL"), &args);
    if (e)
        e->detail = (uint8_t)unit;
    return e;
}

const struct enode *parse_case(struct parser *p)
{
    size_t pos = p->tok.pos;
    struct nodes args = {.n = 0};
    bool base = !token_is(&p->tok, "WHEN");
    if (base) {
        const struct enode *e = parse_expr(p, BIND_LOWEST);
        if (!e)
            return NULL;
        nodes_add(p, &args, e);
    }
    if (!token_is(&p->tok, "WHEN"))
        return parse_error(p, p->tok.pos, "WHEN is expected in a CASE");
    while (parse_take(p, "WHEN")) {
        const struct enode *when = parse_expr(p, BIND_LOWEST);
        const struct enode *then = when && parse_expect(p, "THEN") ? parse_expr(p, BIND_LOWEST) : NULL;
        if (!then)
            return NULL;
        nodes_add(p, &args, when);
        nodes_add(p, &args, then);
    }
    const struct enode *otherwise = parse_take(p, "ELSE") ? parse_expr(p, BIND_LOWEST) : make_constant(p, val_null());
    if (!otherwise || !parse_expect(p, "END"))
        return NULL;
    nodes_add(p, &args, otherwise);
    struct enode *e = make_call(p, pos, expr_operator("CASE"), &args);
    if (e)
        e->case_base = base;
    return e;
}

static bool parse_size(struct parser *p, int64_t max, int64_t *ret)
{
    if (p->tok.kind != T_NUMBER || !num_i64(p->tok.text, ret) || *ret > max) {
        parse_error(p, p->tok.pos, "a whole number of at most %lld is expected", (long long)max);
        return false;
    }
    parse_advance(p);
    return true;
}

struct cast_spec {
    enum cast type;
    int64_t limit, scale;
};

/* (n) or (n, m) behind a type. */
static bool parse_type_sizes(struct parser *p, struct cast_spec *c)
{
    bool two = c->type == CAST_DEC || c->type == CAST_REAL;
    bool time = c->type == CAST_TO_TIME || c->type == CAST_TO_DATETIME;
    if (c->type == CAST_SIGNED || c->type == CAST_UNSIGNED || c->type == CAST_TO_DATE || c->type == CAST_TO_JSON ||
        !parse_take(p, "("))
        return true;
    size_t pos = p->tok.pos;
    if (time)
        return parse_size(p, 6, &c->scale) && parse_expect(p, ")");
    if (!parse_size(p, two ? DECIMAL_MAX_DIGITS : (int64_t)EXPR_MAX_RESULT_BYTES, &c->limit))
        return false;
    if (two) {
        c->scale = 0;
        if (parse_take(p, ",") && !parse_size(p, EXPR_MAX_SCALE, &c->scale))
            return false;
        if (c->scale > c->limit)
            return parse_error(p, pos, "a type cannot have more places than digits"), false;
    }
    return parse_expect(p, ")");
}

static bool parse_type(struct parser *p, struct cast_spec *c)
{
    static const struct {
        const char *word;
        enum cast type;
    } types[] = {
        {"CHAR", CAST_CHAR},
        {"VARCHAR", CAST_CHAR},
        {"NCHAR", CAST_CHAR},
        {"BINARY", CAST_BINARY},
        {"SIGNED", CAST_SIGNED},
        {"INTEGER", CAST_SIGNED},
        {"INT", CAST_SIGNED},
        {"UNSIGNED", CAST_UNSIGNED},
        {"DECIMAL", CAST_DEC},
        {"DEC", CAST_DEC},
        {"NUMERIC", CAST_DEC},
        {"DOUBLE", CAST_REAL},
        {"FLOAT", CAST_REAL},
        {"REAL", CAST_REAL},
        {"DATE", CAST_TO_DATE},
        {"TIME", CAST_TO_TIME},
        {"DATETIME", CAST_TO_DATETIME},
        {"JSON", CAST_TO_JSON},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (!parse_take(p, types[i].word))
            continue;
        bool bare_decimal = types[i].type == CAST_DEC;
        *c = (struct cast_spec){types[i].type, bare_decimal ? 10 : -1,
                                bare_decimal || types[i].type != CAST_REAL ? 0 : FLOATING};
        if (c->type == CAST_SIGNED || c->type == CAST_UNSIGNED) {
            if (!parse_take(p, "INTEGER"))
                parse_take(p, "INT");
        } else if (!parse_type_sizes(p, c)) {
            return false;
        }
        if (c->type == CAST_CHAR &&
            (parse_take(p, "CHARSET") || (parse_take(p, "CHARACTER") && parse_expect(p, "SET"))))
            parse_advance(p);
        return !p->failed;
    }
    parse_error(p, p->tok.pos,
                "a type is expected: CHAR, BINARY, SIGNED, UNSIGNED, DECIMAL, DOUBLE, DATE, TIME, DATETIME or JSON");
    return false;
}

static const struct enode *make_cast(struct parser *p, size_t pos, const struct enode *e, const struct cast_spec *c)
{
    struct nodes args = {.n = 0};
    nodes_add(p, &args, e);
    struct enode *cast = make_call(p, pos, expr_operator("CAST"), &args);
    if (!cast)
        return NULL;
    cast->detail = (uint8_t)c->type;
    cast->limit = c->limit;
    cast->scale = (uint8_t)c->scale;
    return cast;
}

static const struct enode *parse_cast(struct parser *p, size_t pos, struct str name)
{
    (void)name;
    struct cast_spec c;
    const struct enode *e = parse_expr(p, BIND_LOWEST);
    if (!e || !parse_expect(p, "AS") || !parse_type(p, &c) || !parse_expect(p, ")"))
        return NULL;
    return make_cast(p, pos, e, &c);
}

static const struct enode *parse_convert(struct parser *p, size_t pos, struct str name)
{
    (void)name;
    struct cast_spec c = {CAST_CHAR, -1, 0};
    const struct enode *e = parse_expr(p, BIND_LOWEST);
    if (!e)
        return NULL;
    if (parse_take(p, "USING"))
        parse_advance(p); /* everything is UTF-8 here */
    else if (!parse_expect(p, ",") || !parse_type(p, &c))
        return NULL;
    return parse_expect(p, ")") ? make_cast(p, pos, e, &c) : NULL;
}

static const struct enode *parse_trim(struct parser *p, size_t pos, struct str name)
{
    (void)name;
    enum trim side = parse_take(p, "LEADING") ? TRIM_LEADING : parse_take(p, "TRAILING") ? TRIM_TRAILING : TRIM_BOTH;
    if (side == TRIM_BOTH)
        parse_take(p, "BOTH");
    const struct enode *what =
        token_is(&p->tok, "FROM") ? make_constant(p, val_text(S(" "))) : parse_expr(p, BIND_LOWEST);
    const struct enode *from = what;
    if (parse_take(p, "FROM"))
        from = parse_expr(p, BIND_LOWEST);
    else
        what = make_constant(p, val_text(S(" ")));
    if (!from || !what || !parse_expect(p, ")"))
        return NULL;
    struct nodes args = {.n = 0};
    nodes_add(p, &args, from);
    nodes_add(p, &args, what);
    struct enode *e = make_call(p, pos, expr_operator("TRIM"), &args);
    if (e)
        e->detail = (uint8_t)side;
    return e;
}

/* SUBSTRING(x FROM a FOR b) and SUBSTRING(x, a, b). */
static const struct enode *parse_substring(struct parser *p, size_t pos, struct str name)
{
    struct nodes args = {.n = 0};
    const struct enode *e = parse_expr(p, BIND_LOWEST);
    if (!e)
        return NULL;
    nodes_add(p, &args, e);
    bool words = parse_take(p, "FROM");
    while (words ? args.n == 1 || parse_take(p, "FOR") : parse_take(p, ",")) {
        if (!(e = parse_expr(p, BIND_LOWEST)))
            return NULL;
        nodes_add(p, &args, e);
    }
    return parse_expect(p, ")") ? make_call(p, pos, expr_function(name), &args) : NULL;
}

static const struct enode *parse_date_add(struct parser *p, size_t pos, struct str name)
{
    bool minus = str_eq_nocase(name, S("DATE_SUB")) || str_eq_nocase(name, S("SUBDATE"));
    const struct enode *date = parse_expr(p, BIND_LOWEST);
    if (!date || !parse_expect(p, ","))
        return NULL;
    if (!parse_take(p, "INTERVAL"))
        return parse_error(p, p->tok.pos, "INTERVAL is expected, as in " STR_FMT "(x, INTERVAL 1 DAY)", STR_ARG(name));
    const struct enode *amount = parse_interval(p);
    if (!amount || !parse_expect(p, ")"))
        return NULL;
    struct nodes args = {.n = 0};
    nodes_add(p, &args, date);
    nodes_add(p, &args, amount);
    return make_call(p, pos, expr_operator(minus ? "- INTERVAL" : "+ INTERVAL"), &args);
}

static const struct enode *parse_timestampdiff(struct parser *p, size_t pos, struct str name)
{
    enum unit unit = UNIT_NONE;
    if (!parse_unit(p, &unit))
        return NULL;
    struct nodes args = {.n = 0};
    while (parse_take(p, ",")) {
        const struct enode *e = parse_expr(p, BIND_LOWEST);
        if (!e)
            return NULL;
        nodes_add(p, &args, e);
    }
    struct enode *e = parse_expect(p, ")") ? make_call(p, pos, expr_function(name), &args) : NULL;
    if (e)
        e->detail = (uint8_t)unit;
    return e;
}

static const struct enode *parse_aggregate(struct parser *p, size_t pos, struct str name)
{
    if (p->in_aggregate)
        return parse_error(p, pos, "an aggregate cannot stand inside another one");
    if (token_is(&p->tok, "*") || token_is(&p->tok, "DISTINCT"))
        return parse_error(p, p->tok.pos, "name the array's field, as in " STR_FMT "({{items.qty}})", STR_ARG(name));
    p->in_aggregate = true;
    p->saw_column = false;
    const struct enode *e = parse_expr(p, BIND_LOWEST);
    p->in_aggregate = false;
    if (!e || !parse_expect(p, ")"))
        return NULL;
    if (!p->saw_column)
        return parse_error(p, pos, STR_FMT " needs a field of an array, as in " STR_FMT "({{items.qty}})",
                           STR_ARG(name), STR_ARG(name));
    struct nodes args = {.n = 0};
    nodes_add(p, &args, e);
    return make_call(p, pos, expr_function(name), &args);
}

special_fn *special_find(struct str name)
{
    static const struct {
        const char *name;
        special_fn *parse;
    } specials[] = {
        {"CAST", parse_cast},
        {"CONVERT", parse_convert},
        {"TRIM", parse_trim},
        {"SUBSTRING", parse_substring},
        {"SUBSTR", parse_substring},
        {"MID", parse_substring},
        {"DATE_ADD", parse_date_add},
        {"DATE_SUB", parse_date_add},
        {"ADDDATE", parse_date_add},
        {"SUBDATE", parse_date_add},
        {"TIMESTAMPDIFF", parse_timestampdiff},
        {"SUM", parse_aggregate},
        {"AVG", parse_aggregate},
        {"MIN", parse_aggregate},
        {"MAX", parse_aggregate},
        {"COUNT", parse_aggregate},
    };
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (str_eq_nocase(name, str_of(specials[i].name)))
            return specials[i].parse;
    return NULL;
}
