/* Expressions from outside: compile a text, evaluate it for a row, say what failed.
 *
 * The tree is built once in the configuration's arena and never changes, so many threads may evaluate it, each with its
 * own env. Results and everything on the way to them live in env->arena; nothing is allocated elsewhere, but for the
 * trees of JSON texts and texts of hundreds of digits. An error of a record carries the expression and its operands,
 * for the person who has to find the record. */
#include "meta/expr_parse.h"

#include <stdio.h>

#define SHOWN_EXPR_CHARS  200
#define SHOWN_VALUE_CHARS 40

enum err expr_compile(struct arena *a, struct str text, const struct expr_names *names, const struct expr **ret,
                      uint32_t *ret_col, struct errinfo *ei)
{
    struct errinfo unused;
    struct parser p = {
        .a = a, .text = text, .slots = names->slots, .n_lookups = names->n_lookups, .ei = ei ? ei : &unused};
    if (text.n <= EXPR_MAX_BYTES)
        p.text = arena_str(a, text);
    struct expr e;
    if (!expr_parse(&p, &e)) {
        size_t col = utf8_count(str_sub(text, 0, p.error_pos)) + 1;
        if (ret_col)
            *ret_col = (uint32_t)col;
        return ERR_CONFIG;
    }
    struct expr *kept = ARENA_NEW(a, struct expr);
    *kept = e;
    if (names->n_lookups) {
        kept->lookups = ARENA_ARRAY(a, const struct lookup *, names->n_lookups);
        memcpy(kept->lookups, names->lookups, names->n_lookups * sizeof *kept->lookups);
    }
    *ret = kept;
    return OK;
}

static struct str shortened(struct str s, size_t n_chars)
{
    return str_sub(s, 0, utf8_prefix(s, n_chars));
}

static void show_operands(const struct expr *e, struct env *env, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < e->n_slots && n < cap; i++) {
        const struct value *v = &env->slot[e->slot[i]];
        const char *quote = v->kind == VALUE_TEXT ? "'" : "";
        struct str name = e->slot_name[i], s = value_is_null(v) ? S("NULL") : S("[…]");
        if (v->kind == VALUE_NUMBER || v->kind == VALUE_TEXT || v->kind == VALUE_BOOL)
            s = value_as_text(v, env->arena);
        struct str cut = shortened(s, SHOWN_VALUE_CHARS);
        int wrote = snprintf(out + n, cap - n, "%s" STR_FMT " = %s" STR_FMT "%s%s", i ? ", " : " with ", STR_ARG(name),
                             quote, STR_ARG(cut), cut.n < s.n ? "…" : "", quote);
        n += wrote > 0 ? (size_t)wrote : 0;
    }
}

static enum err explain(const struct expr *e, struct env *env, struct errinfo *why, struct errinfo *ei)
{
    char operands[200];
    struct str shown = shortened(e->text, SHOWN_EXPR_CHARS);
    show_operands(e, env, operands, sizeof operands);
    return fail(ei, why->code, "%.250s in _function " STR_FMT "%s%s", why->msg, STR_ARG(shown),
                shown.n < e->text.n ? "…" : "", operands);
}

enum err expr_eval(const struct expr *e, struct env *env, struct value *ret, struct errinfo *ei)
{
    struct errinfo why = {.code = OK};
    struct run r = {e, env, &why, 0};
    struct val v;
    if (eval(&r, e->root, &v))
        return explain(e, env, &why, ei);
    *ret = val_to_value(&r, &v);
    return OK;
}
