/* Tokens of an expression. Inside of expr_*.c only. */
#ifndef META_EXPR_LEX_H
#define META_EXPR_LEX_H

#include "meta/brace.h"

enum tok { T_END, T_NUMBER, T_STRING, T_HEX, T_BRACE, T_WORD, T_SIGN, T_BAD };

struct token {
    enum tok kind;
    struct str text;    /* as written; T_BAD: what is wrong, for a person */
    size_t pos;         /* byte offset */
    struct brace brace; /* T_BRACE */
};

/* Reads the token at *pos and moves *pos behind it. Strings include their quotes; a placeholder inside a string does
 * not end it, whatever it holds. */
void lex_next(struct str text, size_t *pos, struct token *ret);
bool token_is(const struct token *t, const char *sign_or_word); /* words without case */

/* A piece of a quoted string: the next run of literal text, unescaped into `out` (room for the string's length), or a
 * placeholder. */
struct piece {
    bool is_brace;
    struct brace brace;
    size_t n; /* bytes written to `out` */
};
/* `body` is the text between the quotes. False at its end. */
bool lex_piece(struct str body, char quote, size_t *pos, char *out, struct piece *ret);

#endif
