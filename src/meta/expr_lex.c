/* The lexer of expressions: MySQL's tokens, less comments, plus placeholders.
 *
 * It keeps no state but a position, so that the parser can look ahead and go back. Strings are only delimited here;
 * `lex_piece` takes them apart later. MySQL's escapes: \0 \b \n \r \t \Z \\ \' \"; \% and \_ keep their backslash (LIKE
 * reads it); any other escaped character is itself. A doubled quote is one quote. A backslash before a brace makes it
 * an ordinary character. */
#include "meta/expr_lex.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static char at(struct str text, size_t pos)
{
    return pos < text.n ? text.p[pos] : '\0';
}

static void bad(struct token *ret, struct str what)
{
    ret->kind = T_BAD;
    ret->text = what;
}

static void lex_string(struct str text, size_t *pos, struct token *ret)
{
    size_t from = *pos, i = from + 1;
    char quote = text.p[from];
    struct brace b;
    while (i < text.n) {
        if (text.p[i] == '\\') {
            i += 2;
        } else if (text.p[i] == quote && at(text, i + 1) == quote) {
            i += 2;
        } else if (text.p[i] == quote) {
            ret->kind = T_STRING;
            ret->text = str_mk(text.p + from, i + 1 - from);
            *pos = i + 1;
            return;
        } else if (brace_at(text, i, &b)) {
            i = b.end;
        } else {
            i++;
        }
    }
    bad(ret, S("a quoted text that does not end"));
}

/* 0x4142, or x'4142' with *pos at its quote. */
static void lex_hex(struct str text, size_t from, size_t *pos, struct token *ret)
{
    bool quoted = at(text, *pos) == '\'';
    size_t i = *pos + (quoted ? 1 : 0), start = i;
    while (is_hex(at(text, i)))
        i++;
    ret->kind = T_HEX;
    ret->text = str_mk(text.p + start, i - start);
    if (quoted && at(text, i) != '\'')
        bad(ret, S("a hexadecimal literal with other characters than 0-9 and A-F"));
    else if (quoted && (i - start) % 2)
        bad(ret, S("a hexadecimal literal with an odd number of digits"));
    else if (!quoted && is_word(at(text, i)))
        bad(ret, S("a hexadecimal literal with other characters than 0-9 and A-F"));
    ret->pos = from;
    *pos = i + (quoted ? 1 : 0);
}

static void lex_number(struct str text, size_t *pos, struct token *ret)
{
    size_t from = *pos, i = from;
    while (is_digit(at(text, i)))
        i++;
    if (at(text, i) == '.') {
        i++;
        while (is_digit(at(text, i)))
            i++;
    }
    if (at(text, i) == 'e' || at(text, i) == 'E') {
        size_t e = i + 1;
        if (at(text, e) == '+' || at(text, e) == '-')
            e++;
        if (is_digit(at(text, e))) {
            while (is_digit(at(text, e)))
                e++;
            i = e;
        }
    }
    ret->kind = T_NUMBER;
    ret->text = str_mk(text.p + from, i - from);
    if (is_word(at(text, i)))
        bad(ret, S("a number that runs into a word"));
    *pos = i;
}

static void lex_sign(struct str text, size_t *pos, struct token *ret)
{
    static const char *const signs[] = {"<=>", "->>", "->", "<=", ">=", "<>", "!=", "||", "&&", "<", ">",
                                        "=",   "!",   "+",  "-",  "*",  "/",  "%",  "(",  ")",  ","};
    struct str rest = str_mk(text.p + *pos, text.n - *pos);
    if (str_starts(rest, S("/*")) || rest.p[0] == '#' ||
        (str_starts(rest, S("--")) && (rest.n == 2 || (unsigned char)rest.p[2] <= ' '))) {
        bad(ret, S("a comment: comments are not allowed here"));
        return;
    }
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        struct str sign = str_of(signs[i]);
        if (!str_starts(rest, sign))
            continue;
        ret->kind = T_SIGN;
        ret->text = str_mk(rest.p, sign.n);
        *pos += sign.n;
        return;
    }
    if (strchr("&|^~:;@`[]?\\.", rest.p[0]) && rest.p[0])
        bad(ret, S("a character that has no meaning here"));
    else if (rest.p[0] == '{' || rest.p[0] == '}')
        bad(ret, S("a brace that is not part of a placeholder such as {{name}}"));
    else
        bad(ret, S("a character that cannot be read"));
}

void lex_next(struct str text, size_t *pos, struct token *ret)
{
    while (*pos < text.n && strchr(" \t\r\n\f\v", text.p[*pos]) && text.p[*pos])
        ++*pos;
    size_t from = *pos;
    *ret = (struct token){.kind = T_END, .pos = from};
    if (from >= text.n)
        return;
    char c = text.p[from];
    if (c == '\'' || c == '"') {
        lex_string(text, pos, ret);
    } else if (c == '{' && brace_at(text, from, &ret->brace)) {
        ret->kind = T_BRACE;
        ret->text = str_mk(text.p + from, ret->brace.end - from);
        *pos = ret->brace.end;
    } else if (c == '0' && at(text, from + 1) == 'x' && is_hex(at(text, from + 2))) {
        *pos += 2;
        lex_hex(text, from, pos, ret);
    } else if ((c == 'x' || c == 'X') && at(text, from + 1) == '\'') {
        *pos += 1;
        lex_hex(text, from, pos, ret);
    } else if (is_digit(c) || (c == '.' && is_digit(at(text, from + 1)))) {
        lex_number(text, pos, ret);
    } else if (is_word(c)) {
        while (is_word(at(text, *pos)))
            ++*pos;
        ret->kind = T_WORD;
        ret->text = str_mk(text.p + from, *pos - from);
    } else {
        lex_sign(text, pos, ret);
    }
}

bool token_is(const struct token *t, const char *sign_or_word)
{
    return (t->kind == T_WORD || t->kind == T_SIGN) && str_eq_nocase(t->text, str_of(sign_or_word));
}

static size_t unescape(char c, char *out)
{
    static const char from[] = "bnrtZ0", to[] = "\b\n\r\t\x1a";
    if (c == '%' || c == '_') {
        out[0] = '\\';
        out[1] = c;
        return 2;
    }
    const char *found = c ? strchr(from, c) : NULL;
    out[0] = found ? to[found - from] : c;
    return 1;
}

bool lex_piece(struct str body, char quote, size_t *pos, char *out, struct piece *ret)
{
    *ret = (struct piece){.n = 0};
    while (*pos < body.n) {
        char c = body.p[*pos];
        if (c == '{' && brace_at(body, *pos, &ret->brace)) {
            if (ret->n)
                return true;
            ret->is_brace = true;
            *pos = ret->brace.end;
            return true;
        }
        if (c == '\\' && *pos + 1 < body.n) {
            ret->n += unescape(body.p[*pos + 1], out + ret->n);
            *pos += 2;
        } else {
            out[ret->n++] = c;
            *pos += c == quote ? 2 : 1;
        }
    }
    return ret->n > 0;
}
