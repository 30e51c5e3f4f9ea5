/* Templates: the text of a field's value, compiled into pieces once and evaluated for each call or row.
 *
 * A template is a list of pieces (literal text, record field, system variable), or an expression after `_function`, or
 * a lookup. One placeholder that fills the whole text keeps the JSON kind of what it names; everything else is joined
 * into text, in which NULL and missing fields leave nothing. A lookup is read by tmpl_lookup.c and asked by lookup.c;
 * inside an expression a placeholder stands for it.
 *
 * Placeholders are found by brace.c and nowhere else. */
#include "meta/brace.h"
#include "meta/cast.h"
#include "meta/expr.h"
#include "meta/lookup.h"
#include "meta/sysvar.h"
#include "meta/tmpl_impl.h"

enum piece_kind { PIECE_TEXT, PIECE_SLOT, PIECE_SYSVAR, PIECE_SLOT_OR_SYSVAR };

struct piece {
    enum piece_kind kind;
    size_t slot;
    struct str text;   /* PIECE_TEXT; otherwise the name */
    struct str format; /* p NULL when there is none */
};

struct tmpl {
    const struct piece *pieces;
    size_t n_pieces;
    bool whole; /* one placeholder and nothing else */
    bool uses_last_sync, uses_current;
    const struct expr *expr;     /* after `_function`, or NULL */
    const struct lookup *lookup; /* or NULL */
};

#define PIECES_ON_STACK 16
#define TEXT_MAX_BYTES  ((size_t)32 << 20)

struct pos tmpl_pos(struct pos pos, struct str text, size_t byte)
{
    if (pos.col)
        pos.col += (uint32_t)utf8_count(str_sub(text, 0, byte)) + 1;
    return pos;
}

/* ---- compiling ---- */

static const char *nearest_sysvar(struct str name)
{
    const char *names[32];
    size_t n = 0;

    for (const struct sysvar_info *i; n < 32 && (i = sysvar_at(n)); n++)
        names[n] = i->name;
    return str_nearest(name, names, n);
}

static bool is_upper_name(struct str name)
{
    bool letter = false;

    for (size_t i = 0; i < name.n; i++) {
        if (!((name.p[i] >= 'A' && name.p[i] <= 'Z') || (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '_'))
            return false;
        letter |= name.p[i] >= 'A' && name.p[i] <= 'Z';
    }
    return letter;
}

static bool compile_field(struct compile *c, struct str name, struct pos pos, size_t *ret_slot)
{
    const char *near = nearest_sysvar(name);

    if (!c->slots) {
        diags_add(c->diags, DIAG_ERROR, pos,
                  "{{" STR_FMT "}} is not a system variable, and there is no record yet whose field it could be",
                  STR_ARG(name));
        diags_nearest(c->diags, near);
        return false;
    }
    if (near && is_upper_name(name)) {
        diags_add(c->diags, DIAG_WARNING, pos,
                  "{{" STR_FMT "}} is read as a field of the record; no system variable has this name", STR_ARG(name));
        diags_nearest(c->diags, near);
    }
    *ret_slot = slots_add(c->slots, name, SLOT_FIELD);
    return true;
}

static bool compile_brace(struct compile *c, const struct brace *b, struct pos pos, struct piece *ret)
{
    *ret = (struct piece){.kind = PIECE_SLOT, .text = arena_str(c->arena, b->name)};
    if (b->format.p) {
        if (!tmpl_format_check(b->format, pos, c->diags))
            return false;
        ret->format = arena_str(c->arena, b->format);
    }
    if (sysvar_known(b->name, c->side)) {
        ret->kind = PIECE_SYSVAR;
        return true;
    }
    if (c->slots && sysvar_fallback(b->name, c->side))
        ret->kind = PIECE_SLOT_OR_SYSVAR;
    return compile_field(c, b->name, pos, &ret->slot);
}

static void find_uses(struct tmpl *t, struct str text)
{
    struct brace b;
    size_t at = 0;

    while (brace_next(text, &at, &b)) {
        t->uses_last_sync |= str_eq(b.name, S("LAST_SYNC_TIME"));
        t->uses_current |= str_eq(b.name, S("CURRENT_TIME"));
    }
}

const struct tmpl *tmpl_compile_plain(struct compile *c, struct str text, struct pos pos)
{
    struct tmpl *t = ARENA_NEW(c->arena, struct tmpl);
    struct piece *pieces;
    struct brace b;
    size_t at = 0, n = 1;
    bool ok = true;

    text = arena_str(c->arena, text);
    while (brace_next(text, &at, &b))
        n += 2;
    pieces = ARENA_ARRAY(c->arena, struct piece, n);
    n = 0;
    at = 0;
    while (brace_next(text, &at, &b)) {
        if (b.before.n)
            pieces[n++] = (struct piece){.kind = PIECE_TEXT, .text = b.before};
        ok &= compile_brace(c, &b, tmpl_pos(pos, text, b.start), &pieces[n++]);
    }
    if (b.before.n || n == 0)
        pieces[n++] = (struct piece){.kind = PIECE_TEXT, .text = b.before};
    t->pieces = pieces;
    t->n_pieces = n;
    t->whole = n == 1 && pieces[0].kind != PIECE_TEXT;
    find_uses(t, text);
    return ok ? t : NULL;
}

/* The text with each lookup replaced by a placeholder of the same width, so that the rest can be compiled with its
 * columns right. */
static bool name_lookups(struct compile *c, struct str text, struct pos pos, struct str *ret, struct lookup_list *found)
{
    struct compile inner = *c;
    struct buf out = buf_make(2 * text.n + 1); /* a name may take more bytes than it has characters */
    size_t from = 0, at;
    struct str whole = {0};
    bool ok = true;

    inner.lookups = found;
    while (ok && (at = tmpl_lookup_find(text, from)) != SIZE_MAX) {
        size_t end = at, chars, name;

        ok = tmpl_lookup_read(&inner, text, &end, pos) != NULL;
        chars = utf8_count(str_sub(text, at, end - at));
        buf_add(&out, str_sub(text, from, at - from));
        name = out.n;
        buf_printf(&out, "{" EXPR_LOOKUP "%zu}", ok ? found->n - 1 : 0);
        for (size_t i = utf8_count(str_sub(buf_str(&out), name, out.n)); i < chars; i++)
            buf_byte(&out, ' ');
        from = end;
    }
    buf_add(&out, str_sub(text, from, text.n));
    if (ok)
        whole = arena_str(c->arena, buf_str(&out));
    buf_free(&out);
    *ret = whole;
    return ok;
}

static bool report_function(struct compile *c, struct pos pos, const struct errinfo *ei)
{
    diags_add(c->diags, DIAG_ERROR, pos, "%s", ei->msg);
    if (ei->hint[0])
        diags_remedy(c->diags, "%s", ei->hint);
    return false;
}

/* `text` is all of it, `skip` the bytes up to the expression. */
static bool compile_function(struct compile *c, struct str text, size_t skip, struct pos pos, struct tmpl *t)
{
    struct lookup_list found = {0};
    struct expr_names names = {.slots = c->slots};
    struct str body;
    struct errinfo ei;
    uint32_t col = 1;
    bool ok;

    ok = name_lookups(c, text, pos, &body, &found);
    names.lookups = found.at;
    names.n_lookups = found.n;
    for (size_t i = 0; i < found.n; i++)
        tmpl_lookup_list(c, found.at[i]);
    if (ok && expr_compile(c->arena, str_sub(body, skip, body.n), &names, &t->expr, &col, &ei) != OK) {
        pos = tmpl_pos(pos, text, skip);
        if (pos.col)
            pos.col += col ? col - 1 : 0;
        ok = report_function(c, pos, &ei);
    }
    return ok;
}

static size_t skip_blanks(struct str text, size_t at)
{
    while (at < text.n && (text.p[at] == ' ' || text.p[at] == '\t' || text.p[at] == '\n' || text.p[at] == '\r'))
        at++;
    return at;
}

static bool starts_word(struct str text, size_t at, struct str word)
{
    struct str rest = str_sub(text, at, text.n);

    return str_starts(rest, word) && (rest.n == word.n || skip_blanks(rest, word.n) > word.n);
}

static bool compile_lookup(struct compile *c, struct str text, size_t at, struct pos pos, struct tmpl *t)
{
    t->lookup = tmpl_lookup_read(c, text, &at, pos);
    if (!t->lookup)
        return false;
    at = skip_blanks(text, at);
    if (at == text.n)
        return true;
    diags_add(c->diags, DIAG_ERROR, tmpl_pos(pos, text, at), "nothing may follow a lookup; here is \"%.*s\"",
              (int)utf8_prefix(str_sub(text, at, text.n), 20), text.p + at);
    return false;
}

const struct tmpl *tmpl_compile(struct compile *c, struct str text, struct pos pos)
{
    size_t at = skip_blanks(text, 0);
    struct tmpl *t;
    bool ok;

    if (!starts_word(text, at, S("_function")) && !tmpl_lookup_at(text, at))
        return tmpl_compile_plain(c, text, pos);
    text = arena_str(c->arena, text);
    t = ARENA_NEW(c->arena, struct tmpl);
    if (starts_word(text, at, S("_function")))
        ok = compile_function(c, text, at + S("_function").n, pos, t);
    else
        ok = compile_lookup(c, text, at, pos, t);
    find_uses(t, text);
    return ok ? t : NULL;
}

/* ---- evaluating ---- */

static enum err piece_value(const struct piece *p, struct env *env, struct value *ret, struct errinfo *ei)
{
    enum err e = OK;

    if (p->kind == PIECE_TEXT) {
        *ret = value_text(p->text);
        return OK;
    }
    if (p->kind != PIECE_SYSVAR)
        *ret = env->slot[p->slot];
    if (p->kind == PIECE_SYSVAR || (p->kind == PIECE_SLOT_OR_SYSVAR && ret->kind == VALUE_MISSING))
        e = sysvar_value(p->text, env, ret, ei);
    if (e || !p->format.p)
        return e;
    e = tmpl_format(ret, p->format, env->sys->zone, env->arena, ret, ei);
    if (e)
        err_prefix(ei, "{{" STR_FMT "}}", STR_ARG(p->text));
    return e;
}

static enum err join(const struct str *texts, size_t n, struct arena *a, struct value *ret, struct errinfo *ei)
{
    size_t total = 0, at = 0;
    char *p;

    for (size_t i = 0; i < n; i++)
        total += texts[i].n;
    p = total <= TEXT_MAX_BYTES ? arena_try(a, total + 1) : NULL;
    if (!p)
        return fail(ei, ERR_DATA, "joined text of %zu bytes is too long", total);
    for (size_t i = 0; i < n; i++) {
        if (texts[i].n)
            memcpy(p + at, texts[i].p, texts[i].n);
        at += texts[i].n;
    }
    p[at] = '\0';
    *ret = value_text(str_mk(p, at));
    return OK;
}

static enum err eval_joined(const struct tmpl *t, struct env *env, struct value *ret, struct errinfo *ei)
{
    struct str on_stack[PIECES_ON_STACK], *texts = on_stack;

    if (t->n_pieces > PIECES_ON_STACK)
        texts = ARENA_ARRAY(env->arena, struct str, t->n_pieces);
    for (size_t i = 0; i < t->n_pieces; i++) {
        struct value v;
        enum err e = piece_value(&t->pieces[i], env, &v, ei);

        if (e)
            return e;
        texts[i] = value_as_text(&v, env->arena);
    }
    return join(texts, t->n_pieces, env->arena, ret, ei);
}

enum err tmpl_eval(const struct tmpl *t, struct env *env, struct value *ret, struct errinfo *ei)
{
    if (t->lookup)
        return lookup_eval(t->lookup, env, ret, ei);
    if (t->expr)
        return expr_eval(t->expr, env, ret, ei);
    if (t->n_pieces == 1)
        return piece_value(&t->pieces[0], env, ret, ei);
    return eval_joined(t, env, ret, ei);
}

bool tmpl_is_slot(const struct tmpl *t, size_t *ret_slot)
{
    if (!t->whole || t->pieces[0].kind != PIECE_SLOT || t->pieces[0].format.p)
        return false;
    *ret_slot = t->pieces[0].slot;
    return true;
}

bool tmpl_uses_last_sync(const struct tmpl *t)
{
    return t->uses_last_sync;
}
bool tmpl_uses_current(const struct tmpl *t)
{
    return t->uses_current;
}
