/* Lookups into the records of another integration, read and checked.
 *
 *   _findCollection find F from INTEGRATION where a={{x}} b='{{y}}' [_endFind]
 *   _mongoQuery INTEGRATION findField=content.x where={"content.y":{"$eq":"{{z}}"}} [_endFind]
 *
 * Conditions of _findCollection are parted by blanks (an `and` between them is accepted); a value in quotes may hold
 * blanks. The filter of _mongoQuery is JSON whose members are field names with a plain value or one of eight operators.
 * Every text that is compared with is a template. What is compiled here gives the slots and the errors; nothing is
 * looked up. */
#include "meta/brace.h"
#include "meta/tmpl_impl.h"

#include "base/conf.h"

static const struct str find_word = {"_findCollection", 15}, mongo_word = {"_mongoQuery", 11},
                        end_word = {"_endFind", 8};
static const char *const operators[] = {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$regex"};
#define N_OPERATORS (sizeof operators / sizeof *operators)

struct reader {
    struct compile *c;
    struct str text;
    size_t at;
    struct pos pos;
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

static bool check_value(struct reader *r, struct str value, size_t at)
{
    struct pos pos = r->pos;

    if (pos.col)
        pos.col += (uint32_t)utf8_count(str_sub(r->text, 0, at));
    return tmpl_compile_plain(r->c, value, pos) != NULL;
}

/* ---- _findCollection ---- */

/* The name of an integration may have blanks inside: everything up to ` where `. */
static bool integration(struct reader *r, struct str stop)
{
    size_t from, end;

    blanks(r);
    from = r->at;
    if (from < r->text.n && (r->text.p[from] == '\'' || r->text.p[from] == '"'))
        return word(r, '\0').n > 0;
    for (end = str_find(r->text, stop, from); end != SIZE_MAX; end = str_find(r->text, stop, end + 1))
        if (end > from && is_blank(r->text.p[end - 1]))
            break;
    if (end == SIZE_MAX || !str_trim(str_sub(r->text, from, end - from)).n)
        return false;
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
    return check_value(r, value, at);
}

static bool find_done(struct reader *r)
{
    if (at_end(r) || r->text.p[r->at] == ',' || r->text.p[r->at] == ')')
        return true;
    return keyword(r, end_word);
}

static bool check_find(struct reader *r)
{
    if (!keyword(r, S("find")))
        return wrong(r, r->at, "`find` is missing after _findCollection");
    if (!word(r, '\0').n)
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

static bool check_text(struct reader *r, const struct node *n, struct pos at)
{
    return n->type != NODE_STRING || tmpl_compile_plain(r->c, n->text, at) != NULL;
}

static bool check_operator(struct reader *r, const struct node *n, struct pos at)
{
    bool ok = true;

    for (size_t i = 0; i < N_OPERATORS; i++) {
        if (!str_eq(n->key, str_of(operators[i])))
            continue;
        if (str_eq(n->key, S("$in")) && n->type != NODE_ARRAY) {
            diags_add(r->c->diags, DIAG_ERROR, at, "$in takes an array");
            return false;
        }
        if (n->type == NODE_OBJECT || (n->type == NODE_ARRAY && !str_eq(n->key, S("$in")))) {
            diags_add(r->c->diags, DIAG_ERROR, at, "%s takes a plain value", operators[i]);
            return false;
        }
        for (const struct node *e = n->child; e; e = e->next)
            ok &= check_text(r, e, at);
        return check_text(r, n, at) && ok;
    }
    diags_add(r->c->diags, DIAG_ERROR, at, "the operator \"" STR_FMT "\" of a lookup is not known", STR_ARG(n->key));
    diags_nearest(r->c->diags, str_nearest(n->key, operators, N_OPERATORS));
    diags_remedy(r->c->diags, "use $eq, $ne, $gt, $gte, $lt, $lte, $in or $regex");
    return false;
}

static bool check_filter_member(struct reader *r, const struct node *n, struct pos at)
{
    bool ok = true;

    if (n->key.n && n->key.p[0] == '$')
        return check_operator(r, n, at);
    if (n->type == NODE_ARRAY) {
        diags_add(r->c->diags, DIAG_ERROR, at, "\"" STR_FMT "\" is compared with an array; use $in", STR_ARG(n->key));
        return false;
    }
    if (n->type != NODE_OBJECT)
        return check_text(r, n, at);
    for (const struct node *o = n->child; o; o = o->next)
        ok &= check_operator(r, o, at);
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

static bool check_filter(struct reader *r)
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
        ok &= check_filter_member(r, n, tmpl_pos(r->pos, r->text, from));
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

static bool check_mongo(struct reader *r)
{
    if (!integration(r, S("findField")))
        return wrong(r, r->at, "the integration to look in, or `findField=` after it, is missing");
    if (!eat(r, S("findField")) || !word(r, '\0').n)
        return wrong(r, r->at, "`findField=` and the field to be found are missing");
    if (!eat(r, S("where")))
        return wrong(r, r->at, "`where=` is missing");
    if (!check_filter(r))
        return false;
    (void)keyword(r, end_word);
    return true;
}

bool tmpl_lookup_check(struct compile *c, struct str text, size_t *at, struct pos pos)
{
    struct reader r = {.c = c, .text = text, .at = *at, .pos = pos};
    bool find = str_starts(str_sub(text, *at, text.n), find_word), ok;

    r.at += find ? find_word.n : mongo_word.n;
    ok = find ? check_find(&r) : check_mongo(&r);
    *at = r.at;
    return ok;
}
