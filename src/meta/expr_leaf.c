/* Leaves of the tree: operands, literals, quoted texts with placeholders in them.
 *
 * A placeholder is an operand whether or not quotes stand around it. A quoted text that holds text and placeholders
 * becomes one JOIN node: operands as text (as templates join them: NULL is nothing), never pasted into the expression.
 * Names resolve in this order: system variable, then record field; inside an aggregate a dotted name is a column of an
 * array. */
#include "meta/expr_parse.h"

#include "base/num.h"

static void remember(struct parser *p, size_t slot, struct str name)
{
    for (size_t i = 0; i < p->n_slots; i++)
        if (p->slot[i] == slot)
            return;
    if (p->n_slots == p->cap_slots) {
        p->cap_slots = p->cap_slots ? 2 * p->cap_slots : 4;
        size_t *slots = ARENA_ARRAY(p->a, size_t, p->cap_slots);
        struct str *names = ARENA_ARRAY(p->a, struct str, p->cap_slots);
        for (size_t i = 0; i < p->n_slots; i++) {
            slots[i] = p->slot[i];
            names[i] = p->slot_name[i];
        }
        p->slot = slots;
        p->slot_name = names;
    }
    p->slot[p->n_slots] = slot;
    p->slot_name[p->n_slots++] = name;
}

static struct enode *field(struct parser *p, const struct brace *b)
{
    if (!p->slots)
        return parse_error(p, (size_t)(b->name.p - p->text.p),
                           "{{" STR_FMT
                           "}} is no system variable, and there is no record here that could have such a field",
                           STR_ARG(b->name));
    bool column = p->in_aggregate && memchr(b->name.p, '.', b->name.n);
    struct enode *e = make_node(p, column ? N_COLUMN : N_SLOT);
    if (!e)
        return NULL;
    p->saw_column |= column;
    e->slot = slots_add(p->slots, b->name, column ? SLOT_COLUMN : SLOT_FIELD);
    e->fallback = !column && sysvar_fallback(b->name, SIDE_TARGET);
    if (!column)
        remember(p, e->slot, b->name);
    return e;
}

static struct enode *lookup(struct parser *p, struct str number)
{
    int64_t i;
    if (!num_i64(number, &i) || i < 0 || (size_t)i >= p->n_lookups)
        return parse_error(p, p->pos, "there is no such lookup");
    struct enode *e = make_node(p, N_LOOKUP);
    if (e)
        e->slot = (size_t)i;
    return e;
}

const struct enode *parse_operand(struct parser *p, const struct brace *b)
{
    if (str_starts(b->name, S(EXPR_LOOKUP)))
        return lookup(p, str_sub(b->name, sizeof EXPR_LOOKUP - 1, b->name.n));
    bool system = sysvar_known(b->name, p->slots ? SIDE_TARGET : SIDE_SOURCE);
    struct enode *e = system ? make_node(p, N_SYSVAR) : field(p, b);
    if (!e)
        return NULL;
    e->name = b->name;
    if (!b->format.p)
        return e;
    struct enode *format = make_node(p, N_FORMAT);
    if (!format)
        return NULL;
    struct nodes args = {.n = 0};
    nodes_add(p, &args, e);
    format->arg = args.at;
    format->n_args = 1;
    format->depth = 2;
    format->name = b->format;
    return format;
}

struct str parse_constant_text(const struct enode *e)
{
    return e->op == N_CONST && e->value.t == V_TEXT ? e->value.s : (struct str){NULL, 0};
}

static const struct enode *parse_hex(struct parser *p)
{
    struct str digits = p->tok.text;
    bool odd = digits.n % 2;
    char *out = arena_alloc(p->a, digits.n / 2 + 2);
    size_t n = 0;
    for (size_t i = 0; i < digits.n; i++) {
        char c = digits.p[i];
        int v = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if ((i + odd) % 2 == 0 || n == 0)
            out[n++] = (char)v;
        else
            out[n - 1] = (char)((unsigned char)out[n - 1] << 4 | v);
    }
    struct val v = val_text(str_mk(out, n));
    v.flags = VAL_BINARY | VAL_HEX;
    parse_advance(p);
    return make_constant(p, v);
}

static const struct enode *parse_number(struct parser *p)
{
    struct str s = p->tok.text;
    size_t pos = p->tok.pos;
    int64_t i;
    struct decimal d;
    parse_advance(p);
    if (num_i64(s, &i))
        return make_constant(p, val_int(i));
    for (size_t k = 0; k < s.n; k++) {
        if ((s.p[k] | 0x20) != 'e')
            continue;
        double f;
        return text_number(s, &f) ? make_constant(p, val_real(f))
                                  : parse_error(p, pos, "this number is too large for a double");
    }
    if (s.p[s.n - 1] == '.')
        s.n--;
    if (!decimal_parse(s, &d))
        return parse_error(p, pos, "a number of more than 65 digits, or of more than 38 behind the point");
    if (d.scale == 0 && decimal_to_i64(&d, &i))
        return make_constant(p, val_int(i));
    return make_constant(p, val_decimal(&d, d.scale));
}

/* One quoted text: its pieces go to `parts` as text constants and operands. */
static bool add_pieces(struct parser *p, struct nodes *parts)
{
    struct str body = str_mk(p->tok.text.p + 1, p->tok.text.n - 2);
    char quote = p->tok.text.p[0];
    size_t pos = 0;
    struct piece piece;
    for (;;) {
        char *out = arena_alloc(p->a, body.n - pos + 1);
        if (!lex_piece(body, quote, &pos, out, &piece))
            return true;
        const struct enode *e =
            piece.is_brace ? parse_operand(p, &piece.brace) : make_constant(p, val_text(str_mk(out, piece.n)));
        if (!e)
            return false;
        nodes_add(p, parts, e);
    }
}

static const struct enode *join(struct parser *p, const struct nodes *parts)
{
    if (parts->n == 0)
        return make_constant(p, val_text(S("")));
    if (parts->n == 1)
        return parts->at[0];
    bool constant = true;
    size_t n = 0;
    for (size_t i = 0; i < parts->n; i++) {
        constant &= parts->at[i]->op == N_CONST;
        n += parts->at[i]->op == N_CONST ? parts->at[i]->value.s.n : 0;
    }
    if (!constant) {
        struct enode *e = make_node(p, N_JOIN);
        if (!e)
            return NULL;
        e->arg = parts->at;
        e->n_args = (uint32_t)parts->n;
        e->depth = 3; /* an operand with a format below */
        return e;
    }
    char *out = arena_alloc(p->a, n + 1);
    size_t at = 0;
    for (size_t i = 0; i < parts->n; i++) {
        struct str s = parts->at[i]->value.s;
        memcpy(out + at, s.p, s.n);
        at += s.n;
    }
    return make_constant(p, val_text(str_mk(out, n)));
}

const struct enode *parse_literal(struct parser *p)
{
    if (p->tok.kind == T_HEX)
        return parse_hex(p);
    if (p->tok.kind == T_NUMBER)
        return parse_number(p);
    struct nodes parts = {.n = 0};
    while (p->tok.kind == T_STRING) { /* texts side by side are one */
        if (!add_pieces(p, &parts))
            return NULL;
        parse_advance(p);
    }
    return p->failed ? NULL : join(p, &parts);
}
