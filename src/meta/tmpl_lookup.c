/* Lookups into the records of another integration, read and checked.
 *
 *   _findCollection find F from INTEGRATION where a={{x}} b='{{y}}' [_endFind]
 *   _mongoQuery INTEGRATION findField=content.x where={"content.y":{"$eq":"{{z}}"}} [_endFind]
 *
 * Conditions of _findCollection are parted by blanks (an `and` between them is accepted); a value in quotes may hold
 * blanks. The filter of _mongoQuery is JSON whose members are field names with a plain value or one of eight operators;
 * its fields stand in `content`, as the platform stores records. Every text that is compared with is a template. Both
 * become a struct lookup; nothing is looked up here. */
#include "meta/brace.h"
#include "meta/column_impl.h"
#include "meta/lookup.h"
#include "meta/tmpl_impl.h"

#include "base/conf.h"

static const struct str find_word = {"_findCollection", 15}, mongo_word = {"_mongoQuery", 11},
                        end_word = {"_endFind", 8};
static const char *const operators[] = {
    [LOOKUP_EQ] = "$eq", [LOOKUP_NE] = "$ne",   [LOOKUP_GT] = "$gt", [LOOKUP_GTE] = "$gte",
    [LOOKUP_LT] = "$lt", [LOOKUP_LTE] = "$lte", [LOOKUP_IN] = "$in", [LOOKUP_REGEX] = "$regex"};
#define N_OPERATORS (sizeof operators / sizeof *operators)

struct reader {
    struct compile *c;
    struct str text;
    size_t at;
    struct pos pos;
    struct lookup *l;          /* being read */
    struct lookup_term *terms; /* LOOKUP_TERMS_MAX */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

bool tmpl_lookup_at(struct str text, size_t at)
{
    struct str rest = str_sub(text, at, text.n);
    size_t n = str_starts(rest, find_word) ? find_word.n : str_starts(rest, mongo_word) ? mongo_word.n : 0;

    return n && (at == 0 || !is_word_byte(text.p[at - 1])) && (rest.n == n || is_blank(rest.p[n]));
}

size_t tmpl_lookup_find(struct str text, size_t from)
{
    for (size_t at = from; at < text.n; at++) {
        const char *hit = memchr(text.p + at, '_', text.n - at);

        if (!hit)
            break;
        at = (size_t)(hit - text.p);
        if (tmpl_lookup_at(text, at))
            return at;
    }
    return SIZE_MAX;
}

static bool wrong(struct reader *r, size_t at, const char *what)
{
    diags_add(r->c->diags, DIAG_ERROR, tmpl_pos(r->pos, r->text, at), "%s", what);
    diags_remedy(r->c->diags, "%s",
                 str_find(r->text, mongo_word, 0) == SIZE_MAX
                     ? "write _findCollection find FIELD from INTEGRATION where a={{x}} b={{y}}"
                     : "write _mongoQuery INTEGRATION findField=content.x where={\"content.y\":{\"$eq\":\"{{z}}\"}}");
    return false;
}

static void blanks(struct reader *r)
{
    while (r->at < r->text.n && is_blank(r->text.p[r->at]))
        r->at++;
}

/* A run of bytes up to a blank or the stop byte, or what stands between quotes. Empty when there is none or the quote
 * is open. */
static struct str word(struct reader *r, char stop)
{
    size_t from;
    struct str s;

    blanks(r);
    from = r->at;
    if (from < r->text.n && (r->text.p[from] == '\'' || r->text.p[from] == '"')) {
        const char *close = memchr(r->text.p + from + 1, r->text.p[from], r->text.n - from - 1);

        if (!close)
            return (struct str){0};
        s = str_sub(r->text, from + 1, (size_t)(close - r->text.p) - from - 1);
        r->at = from + s.n + 2;
        return s;
    }
    while (r->at < r->text.n && !is_blank(r->text.p[r->at]) && r->text.p[r->at] != stop)
        r->at++;
    return str_sub(r->text, from, r->at - from);
}

static bool keyword(struct reader *r, struct str want)
{
    struct str here;

    blanks(r);
    here = str_sub(r->text, r->at, want.n);
    if (!str_eq_nocase(here, want) || (r->at + want.n < r->text.n && is_word_byte(r->text.p[r->at + want.n])))
        return false;
    r->at += want.n;
    return true;
}

static bool at_end(struct reader *r)
{
    blanks(r);
    return r->at == r->text.n;
}

static struct pos here(const struct reader *r, size_t at)
{
    struct pos pos = r->pos;

    if (pos.col)
        pos.col += (uint32_t)utf8_count(str_sub(r->text, 0, at));
    return pos;
}

/* ---- terms ---- */

static struct lookup_term *add_term(struct reader *r, struct str path, enum lookup_op op, size_t n_values)
{
    struct lookup_term *t;

    if (r->l->n_terms == LOOKUP_TERMS_MAX) {
        diags_add(r->c->diags, DIAG_ERROR, r->pos, "a lookup has more than %d conditions", LOOKUP_TERMS_MAX);
        return NULL;
    }
    t = &r->terms[r->l->n_terms++];
    t->path = arena_str(r->c->arena, path);
    t->op = op;
    t->values = ARENA_ARRAY(r->c->arena, struct lookup_value, n_values + 1);
    t->n = n_values;
    t->indexed = op == LOOKUP_EQ || op == LOOKUP_IN;
    return t;
}

static struct lookup_value *value_at(struct lookup_term *t, size_t i)
{
    return (struct lookup_value *)(uintptr_t)&t->values[i];
}

/* A text is a template when there is a placeholder in it. */
static bool text_value(struct reader *r, struct str text, struct pos pos, struct lookup_value *v)
{
    struct brace b;
    size_t at = 0;

    if (!brace_next(text, &at, &b)) {
        v->literal = value_text(arena_str(r->c->arena, text));
        return true;
    }
    v->tmpl = tmpl_compile_plain(r->c, text, pos);
    return v->tmpl != NULL;
}

/* ---- _findCollection ---- */

/* The name of an integration may have blanks inside: everything up to ` where `. */
static bool integration(struct reader *r, struct str stop)
{
    size_t from, end;

    blanks(r);
    from = r->at;
    if (from < r->text.n && (r->text.p[from] == '\'' || r->text.p[from] == '"')) {
        r->l->integration = arena_str(r->c->arena, word(r, '\0'));
        return r->l->integration.n > 0;
    }
    for (end = str_find(r->text, stop, from); end != SIZE_MAX; end = str_find(r->text, stop, end + 1))
        if (end > from && is_blank(r->text.p[end - 1]))
            break;
    if (end == SIZE_MAX || !str_trim(str_sub(r->text, from, end - from)).n)
        return false;
    r->l->integration = arena_str(r->c->arena, str_trim(str_sub(r->text, from, end - from)));
    r->at = end;
    return true;
}

/* A value may hold placeholders with blanks in them, so they are stepped over as one. */
static struct str bare_value(struct reader *r)
{
    size_t from = r->at;
    struct brace b;

    while (r->at < r->text.n && !is_blank(r->text.p[r->at]) && r->text.p[r->at] != ',' && r->text.p[r->at] != ')') {
        if (brace_at(r->text, r->at, &b))
            r->at = b.end;
        else
            r->at++;
    }
    return str_sub(r->text, from, r->at - from);
}

static bool find_condition(struct reader *r)
{
    struct lookup_term *t;
    struct str key, value;
    size_t at;

    blanks(r);
    at = r->at;
    key = word(r, '=');
    blanks(r);
    if (!key.n || r->at == r->text.n || r->text.p[r->at] != '=')
        return wrong(r, at, "a condition of a lookup is name=value");
    r->at++;
    blanks(r);
    at = r->at;
    if (at < r->text.n && (r->text.p[at] == '\'' || r->text.p[at] == '"')) {
        value = word(r, '\0');
        if (r->at == at)
            return wrong(r, at, "the quote is not closed");
    } else {
        value = bare_value(r);
        if (!value.n)
            return wrong(r, at, "a condition of a lookup has no value");
    }
    t = add_term(r, key, LOOKUP_EQ, 1);
    return t && text_value(r, value, here(r, at), value_at(t, 0));
}

static bool find_done(struct reader *r)
{
    if (at_end(r) || r->text.p[r->at] == ',' || r->text.p[r->at] == ')')
        return true;
    return keyword(r, end_word);
}

static bool read_find(struct reader *r)
{
    if (!keyword(r, S("find")))
        return wrong(r, r->at, "`find` is missing after _findCollection");
    r->l->find = arena_str(r->c->arena, word(r, '\0'));
    if (!r->l->find.n)
        return wrong(r, r->at, "the field to be found is missing");
    if (!keyword(r, S("from")))
        return wrong(r, r->at, "`from` is missing");
    if (!integration(r, S("where")))
        return wrong(r, r->at, "the integration to look in, or `where` after it, is missing");
    if (!keyword(r, S("where")))
        return wrong(r, r->at, "`where` is missing");
    do {
        if (!find_condition(r))
            return false;
        (void)keyword(r, S("and"));
    } while (!find_done(r));
    return true;
}

/* ---- _mongoQuery ---- */

/* The platform stores a record's fields in `content`. */
static struct str in_content(struct str path)
{
    return str_starts(path, S("content.")) ? str_sub(path, sizeof "content." - 1, path.n) : path;
}

static bool plain_value(struct reader *r, const struct node *n, struct pos at, struct lookup_term *t, size_t i)
{
    struct lookup_value *v = value_at(t, i);

    if (n->type == NODE_STRING)
        return text_value(r, n->text, at, v);
    v->literal = column_constant(r->c->arena, n);
    t->indexed &= n->type != NODE_NULL;
    return true;
}

static bool list_values(struct reader *r, const struct node *n, struct pos at, struct lookup_term *t)
{
    bool ok = true;
    size_t i = 0;

    for (const struct node *e = n->child; e; e = e->next) {
        if (e->type == NODE_ARRAY || e->type == NODE_OBJECT) {
            diags_add(r->c->diags, DIAG_ERROR, at, "$in takes an array of plain values");
            return false;
        }
        ok &= plain_value(r, e, at, t, i++);
    }
    return ok;
}

static bool fixed_pattern(struct reader *r, struct pos at, struct lookup_term *t)
{
    struct errinfo ei;

    if (t->op != LOOKUP_REGEX || t->values[0].tmpl || t->values[0].literal.kind != VALUE_TEXT ||
        pattern_compile(r->c->arena, value_str(&t->values[0].literal), &t->pattern, &ei) == OK)
        return true;
    diags_add(r->c->diags, DIAG_ERROR, at, "%s", ei.msg);
    return false;
}

/* `n` is named by an operator, or stands for $eq. */
static bool read_operator(struct reader *r, struct str path, const struct node *n, enum lookup_op op, struct pos at)
{
    bool list = n->type == NODE_ARRAY;
    struct lookup_term *t;

    if (op == LOOKUP_IN && !list) {
        diags_add(r->c->diags, DIAG_ERROR, at, "$in takes an array");
        return false;
    }
    if (n->type == NODE_OBJECT || (list && op != LOOKUP_IN) ||
        (n->type == NODE_NULL && op != LOOKUP_EQ && op != LOOKUP_NE)) {
        diags_add(r->c->diags, DIAG_ERROR, at, "%s takes a plain value", operators[op]);
        return false;
    }
    t = add_term(r, in_content(path), op, list ? n->n_children : 1);
    if (!t)
        return false;
    return list ? list_values(r, n, at, t) : plain_value(r, n, at, t, 0) && fixed_pattern(r, at, t);
}

static bool named_operator(struct reader *r, struct str path, const struct node *n, struct pos at)
{
    for (size_t i = 0; i < N_OPERATORS; i++)
        if (str_eq(n->key, str_of(operators[i])))
            return read_operator(r, path, n, (enum lookup_op)i, at);
    diags_add(r->c->diags, DIAG_ERROR, at, "the operator \"" STR_FMT "\" of a lookup is not known", STR_ARG(n->key));
    diags_nearest(r->c->diags, str_nearest(n->key, operators, N_OPERATORS));
    diags_remedy(r->c->diags, "use $eq, $ne, $gt, $gte, $lt, $lte, $in or $regex");
    return false;
}

static bool filter_member(struct reader *r, const struct node *n, struct pos at)
{
    bool ok = true;

    if (n->key.n && n->key.p[0] == '$') {
        diags_add(r->c->diags, DIAG_ERROR, at, "\"" STR_FMT "\" stands where a field's name is expected",
                  STR_ARG(n->key));
        diags_remedy(r->c->diags, "write {\"content.y\": {\"$eq\": \"{{z}}\"}}; all members hold together");
        return false;
    }
    if (n->type == NODE_ARRAY) {
        diags_add(r->c->diags, DIAG_ERROR, at, "\"" STR_FMT "\" is compared with an array; use $in", STR_ARG(n->key));
        return false;
    }
    if (n->type != NODE_OBJECT)
        return read_operator(r, n->key, n, LOOKUP_EQ, at);
    for (const struct node *o = n->child; o; o = o->next)
        ok &= named_operator(r, n->key, o, at);
    return ok;
}

/* The end of the object that opens at `from`: braces outside of quotes balance. SIZE_MAX when they do not. */
static size_t object_end(struct str text, size_t from)
{
    size_t depth = 0;
    char quote = 0;

    for (size_t i = from; i < text.n; i++) {
        char ch = text.p[i];

        if (quote) {
            if (ch == '\\')
                i++;
            else if (ch == quote)
                quote = 0;
        } else if (ch == '"' || ch == '\'') {
            quote = ch;
        } else if (ch == '{') {
            depth++;
        } else if (ch == '}' && --depth == 0) {
            return i + 1;
        }
    }
    return SIZE_MAX;
}

static bool read_filter(struct reader *r)
{
    size_t from = r->at, end = from < r->text.n && r->text.p[from] == '{' ? object_end(r->text, from) : SIZE_MAX;
    struct diags *own;
    struct node *root = NULL;
    bool ok;

    if (end == SIZE_MAX)
        return wrong(r, from, "`where=` is followed by a JSON object");
    own = diags_new();
    ok = conf_parse(r->c->arena, str_sub(r->text, from, end - from), NULL, own, &root) == OK &&
         diags_count(own, DIAG_ERROR) == 0;
    if (!ok) {
        const struct diag *d = diags_count(own, DIAG_NOTE) ? diags_at(own, 0) : NULL;
        struct pos pos = tmpl_pos(r->pos, r->text, from);

        if (d && d->pos.line <= 1 && d->pos.col && pos.col)
            pos.col += d->pos.col - 1;
        diags_add(r->c->diags, DIAG_ERROR, pos, "the filter is not JSON: %s", d ? d->what : "it cannot be read");
    }
    diags_free(own);
    if (!ok)
        return false;
    if (!root->child)
        return wrong(r, from, "the filter of a lookup is empty");
    for (const struct node *n = root->child; n; n = n->next)
        ok &= filter_member(r, n, tmpl_pos(r->pos, r->text, from));
    r->at = end;
    return ok;
}

static bool eat(struct reader *r, struct str what)
{
    blanks(r);
    if (!str_starts(str_sub(r->text, r->at, r->text.n), what))
        return false;
    r->at += what.n;
    blanks(r);
    if (r->at == r->text.n || r->text.p[r->at] != '=')
        return false;
    r->at++;
    blanks(r);
    return true;
}

static bool read_mongo(struct reader *r)
{
    if (!integration(r, S("findField")))
        return wrong(r, r->at, "the integration to look in, or `findField=` after it, is missing");
    if (eat(r, S("findField")))
        r->l->find = arena_str(r->c->arena, in_content(word(r, '\0')));
    if (!r->l->find.n)
        return wrong(r, r->at, "`findField=` and the field to be found are missing");
    if (!eat(r, S("where")))
        return wrong(r, r->at, "`where=` is missing");
    if (!read_filter(r))
        return false;
    (void)keyword(r, end_word);
    return true;
}

void tmpl_lookup_list(struct compile *c, const struct lookup *l)
{
    struct lookup_list *all = c->lookups;

    if (!all)
        return;
    if (all->n == all->cap) {
        size_t cap = all->cap ? 2 * all->cap : 8;
        const struct lookup **at = ARENA_ARRAY(c->arena, const struct lookup *, cap);

        if (all->n)
            memcpy(at, all->at, all->n * sizeof *at);
        all->at = at;
        all->cap = cap;
    }
    all->at[all->n++] = l;
}

const struct lookup *tmpl_lookup_read(struct compile *c, struct str text, size_t *at, struct pos pos)
{
    struct lookup *l = ARENA_NEW(c->arena, struct lookup);
    struct reader r = {.c = c, .text = text, .at = *at, .pos = pos, .l = l};
    bool find = str_starts(str_sub(text, *at, text.n), find_word), ok;

    r.terms = ARENA_ARRAY(c->arena, struct lookup_term, LOOKUP_TERMS_MAX);
    l->terms = r.terms;
    l->pos = tmpl_pos(pos, text, *at);
    r.at += find ? find_word.n : mongo_word.n;
    ok = find ? read_find(&r) : read_mongo(&r);
    l->text = arena_str(c->arena, str_trim(str_sub(text, *at, r.at - *at)));
    *at = r.at;
    if (!ok)
        return NULL;
    tmpl_lookup_list(c, l);
    return l;
}
