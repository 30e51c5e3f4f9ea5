/* A small reader of the SQL that integrations carry. It knows just enough of the grammar to find verb, table, columns,
 * the VALUES tuple and the tail; what it does not know is an error with its place, never passed on unread. Quotes
 * around placeholders are dropped: '{o_id}-{items_oi_id}' is one bind, and so is {o_id}. Inside a tuple, an expression
 * keeps its text with a ? for each bind.
 *
 * It does not run anything and does not know the real table. */
#include "sink/statement.h"

#include "base/buf.h"

#include <stdlib.h>

#define TUPLE_DEPTH 32

struct scan {
    struct arena *a;
    struct str text;
    size_t at;
    struct pos pos;
    struct diags *diags;
    bool bad;
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

static void complain(struct scan *s, const char *what, const char *remedy)
{
    struct pos at = s->pos;

    if (s->bad)
        return;
    s->bad = true;
    diags_add(s->diags, DIAG_ERROR, at, "SQL, character %zu: %s", utf8_count(str_sub(s->text, 0, s->at)) + 1, what);
    diags_remedy(s->diags, "%s", remedy);
}

static void blanks(struct scan *s)
{
    while (s->at < s->text.n && (s->text.p[s->at] == ' ' || s->text.p[s->at] == '\t' || s->text.p[s->at] == '\n' ||
                                 s->text.p[s->at] == '\r'))
        s->at++;
}

static char peek(struct scan *s)
{
    blanks(s);
    return s->at < s->text.n ? s->text.p[s->at] : '\0';
}

static struct str peek_word(struct scan *s)
{
    size_t end;

    blanks(s);
    for (end = s->at; end < s->text.n && is_word(s->text.p[end]);)
        end++;
    return str_sub(s->text, s->at, end - s->at);
}

static bool take_word(struct scan *s, const char *word)
{
    struct str w = peek_word(s);

    if (!str_eq_nocase(w, str_of(word)))
        return false;
    s->at += w.n;
    return true;
}

static bool take(struct scan *s, char c)
{
    if (peek(s) != c)
        return false;
    s->at++;
    return true;
}

/* A name, plain or in backticks (doubled inside). */
static struct str name(struct scan *s)
{
    struct buf b = buf_make(1024);
    struct str w;

    if (!take(s, '`')) {
        w = peek_word(s);
        s->at += w.n;
        if (!w.n)
            complain(s, "a name is expected here", "write table and columns as plain names or in `backticks`");
        return w;
    }
    while (s->at < s->text.n) {
        char c = s->text.p[s->at++];

        if (c == '`' && (s->at >= s->text.n || s->text.p[s->at] != '`'))
            break;
        s->at += c == '`';
        buf_byte(&b, c);
    }
    w = arena_str(s->a, buf_str(&b));
    if (!w.n || w.n > 192 || memchr(w.p, '\0', w.n))
        complain(s, "a name between backticks is empty or too long", "names have 1 to 64 characters");
    buf_free(&b);
    return w;
}

static struct str table_name(struct scan *s)
{
    struct str first = name(s), second;

    if (s->at >= s->text.n || s->text.p[s->at] != '.')
        return first;
    s->at++;
    second = name(s);
    return arena_printf(s->a, STR_FMT "." STR_FMT, STR_ARG(first), STR_ARG(second));
}

static struct strs column_list(struct scan *s)
{
    struct str *at = NULL;
    size_t n = 0, cap = 0;
    struct strs r;

    while (!s->bad) {
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            at = mem_grow(at, cap * sizeof *at);
        }
        at[n++] = name(s);
        if (take(s, ')'))
            break;
        if (!take(s, ','))
            complain(s, "the list of columns is not closed", "separate columns with commas and end the list with )");
    }
    r.at = arena_alloc(s->a, (n + 1) * sizeof *at);
    if (n)
        memcpy((void *)(uintptr_t)r.at, at, n * sizeof *at);
    r.n = n;
    free(at);
    return r;
}

/* ---- the tuple ---- */

struct value_scan {
    struct buf sql;
    struct str templates[64];
    size_t n;
};

static void add_bind(struct scan *s, struct value_scan *v, struct str text)
{
    if (v->n == sizeof v->templates / sizeof *v->templates) {
        complain(s, "an expression has more than 64 placeholders", "work it out in request[] with _function");
        return;
    }
    v->templates[v->n++] = arena_str(s->a, text);
    buf_byte(&v->sql, '?');
}

/* A quoted text: with a placeholder inside it is a bind without its quotes, else it stays a literal. */
static void quoted(struct scan *s, struct value_scan *v, char quote)
{
    struct buf inner = buf_make(1u << 20);
    size_t begin = s->at++;

    while (s->at < s->text.n && s->text.p[s->at] != quote) {
        if (s->text.p[s->at] == '\\' && s->at + 1 < s->text.n)
            s->at++;
        buf_byte(&inner, s->text.p[s->at++]);
        if (s->at + 1 < s->text.n && s->text.p[s->at] == quote && s->text.p[s->at + 1] == quote) {
            buf_byte(&inner, quote);
            s->at += 2;
        }
    }
    if (s->at >= s->text.n)
        complain(s, "a quoted text is not closed", "close it with the quote that opened it");
    s->at++;
    if (memchr(inner.n ? inner.p : "", '{', inner.n))
        add_bind(s, v, buf_str(&inner));
    else
        buf_add(&v->sql, str_sub(s->text, begin, s->at - begin));
    buf_free(&inner);
}

static void placeholder(struct scan *s, struct value_scan *v)
{
    size_t begin = s->at, depth = 0;

    do {
        depth += s->text.p[s->at] == '{';
        depth -= s->text.p[s->at] == '}';
        s->at++;
    } while (depth && s->at < s->text.n);
    if (depth)
        complain(s, "a placeholder is not closed", "write {name} or {{name}}");
    else
        add_bind(s, v, str_sub(s->text, begin, s->at - begin));
}

/* One element of the tuple, up to the comma or parenthesis that ends it. */
static struct stmt_value tuple_value(struct scan *s)
{
    struct value_scan v = {.sql = buf_make(1u << 20)};
    struct stmt_value r = {0};
    struct str *copy;
    int depth = 0;

    while (!s->bad) {
        char c = s->at < s->text.n ? s->text.p[s->at] : '\0';

        if (c == '\0')
            complain(s, "the VALUES tuple is not closed", "end it with )");
        else if (depth == 0 && (c == ',' || c == ')'))
            break;
        else if (c == '\'' || c == '"')
            quoted(s, &v, c);
        else if (c == '{')
            placeholder(s, &v);
        else if (c == ';' || c == '?' || (c == '-' && s->at + 1 < s->text.n && s->text.p[s->at + 1] == '-') || c == '#')
            complain(s, "this character cannot stand in the VALUES tuple",
                     "only values, placeholders and function calls can");
        else {
            depth += c == '(';
            depth -= c == ')';
            if (depth > TUPLE_DEPTH)
                complain(s, "the expression is nested too deeply", "work it out in request[] with _function");
            buf_byte(&v.sql, c);
            s->at++;
        }
    }
    copy = ARENA_ARRAY(s->a, struct str, v.n);
    memcpy(copy, v.templates, v.n * sizeof *copy);
    r.templates = (struct strs){copy, v.n};
    r.sql = arena_str(s->a, str_trim(buf_str(&v.sql)));
    buf_free(&v.sql);
    return r;
}

static struct stmt_value *tuple(struct scan *s, size_t n_columns)
{
    struct stmt_value *values = ARENA_ARRAY(s->a, struct stmt_value, n_columns);
    size_t n = 0;

    while (!s->bad) {
        struct stmt_value v;

        blanks(s);
        v = tuple_value(s);
        if (s->bad)
            break;
        if (!v.sql.n)
            complain(s, "a value of the tuple is empty", "give each column a value");
        if (n < n_columns)
            values[n] = v;
        n++;
        if (take(s, ')'))
            break;
        take(s, ',');
    }
    if (!s->bad && n != n_columns) {
        s->bad = true;
        diags_add(s->diags, DIAG_ERROR, s->pos, "main_sql names %zu columns and its VALUES tuple has %zu values",
                  n_columns, n);
        diags_remedy(s->diags, "give each column one value");
    }
    return values;
}

/* ---- batchexecute ---- */

static bool is_elided(struct str sql)
{
    return str_find(sql, S("..."), 0) != SIZE_MAX || str_find(sql, S("\xE2\x80\xA6"), 0) != SIZE_MAX;
}

static enum verb verb_of(struct scan *s)
{
    enum verb v = VERB_OTHER;

    if (take_word(s, "replace"))
        v = VERB_REPLACE;
    else if (take_word(s, "insert"))
        v = VERB_INSERT;
    while (v != VERB_OTHER &&
           (take_word(s, "low_priority") || take_word(s, "delayed") || take_word(s, "high_priority")))
        continue;
    if (v == VERB_INSERT && take_word(s, "ignore"))
        v = VERB_INSERT_IGNORE;
    take_word(s, "into");
    return v;
}

/* What the text says before it breaks off; the rest comes from request[]. */
static bool generate(struct scan *s, struct statement *st, struct str table, const struct strs *columns)
{
    st->generated = true;
    st->verb = VERB_REPLACE;
    st->table = table;
    if (s->text.n) {
        enum verb v = verb_of(s);

        if (v == VERB_OTHER)
            complain(s, "main_sql must begin with INSERT INTO, INSERT IGNORE INTO or REPLACE INTO",
                     "write it as in REPLACE INTO table(columns) VALUES");
        else
            st->verb = v;
        if (!s->bad && (is_word(peek(s)) || peek(s) == '`'))
            st->table = table_name(s);
    }
    if (!s->bad && !st->table.n) {
        s->bad = true;
        diags_add(s->diags, DIAG_ERROR, s->pos, "main_sql is missing, and the document has no `table` to make one for");
        diags_remedy(s->diags, "add \"table\": \"name\", or write main_sql");
    }
    st->columns = *columns;
    if (!columns->n && !s->bad) {
        s->bad = true;
        diags_add(s->diags, DIAG_ERROR, s->pos, "request[] is empty: there is nothing to write");
        diags_remedy(s->diags, "add one field a column");
    }
    return !s->bad;
}

/* The columns of main_sql against request[], in order and number. */
static void compare(struct scan *s, const struct strs *sql, const struct strs *request)
{
    size_t n = sql->n < request->n ? sql->n : request->n;

    for (size_t i = 0; i < n; i++)
        if (!str_eq_nocase(sql->at[i], request->at[i])) {
            s->bad = true;
            diags_add(s->diags, DIAG_ERROR, s->pos,
                      "column %zu of main_sql is " STR_FMT ", but field %zu of request[] is " STR_FMT, i + 1,
                      STR_ARG(sql->at[i]), i + 1, STR_ARG(request->at[i]));
            diags_remedy(s->diags, "request[] must name the columns of main_sql in the same order");
            return;
        }
    if (sql->n != request->n) {
        s->bad = true;
        diags_add(s->diags, DIAG_ERROR, s->pos,
                  "main_sql has %zu columns, request[] has %zu fields; " STR_FMT " is the first without a partner",
                  sql->n, request->n, STR_ARG(sql->n > n ? sql->at[n] : request->at[n]));
        diags_remedy(s->diags, "request[] must name the columns of main_sql in the same order");
    }
}

static void tail(struct scan *s, struct statement *st)
{
    struct str t = str_trim(str_sub(s->text, s->at, s->text.n));

    if (t.n && t.p[t.n - 1] == ';')
        t = str_trim(str_sub(t, 0, t.n - 1));
    st->tail = t;
    if (t.n && !(t.n > 3 && str_eq_nocase(str_sub(t, 0, 3), S("on ")))) {
        complain(s, "main_sql goes on after VALUES in a way that is not understood",
                 "only ON DUPLICATE KEY UPDATE … (or ON CONFLICT … for sqlite) may follow");
        return;
    }
    if (memchr(t.n ? t.p : "", ';', t.n) || memchr(t.n ? t.p : "", '{', t.n))
        complain(s, "the part after VALUES has a ; or a placeholder in it", "name columns there with VALUES(column)");
}

const struct statement *statement_batch(struct arena *a, struct sql_text sql, struct str table,
                                        const struct strs *columns, struct diags *diags)
{
    struct statement *st = ARENA_NEW(a, struct statement);
    struct scan s = {.a = a, .text = str_trim(sql.text), .pos = sql.pos, .diags = diags};

    st->pos = sql.pos;
    if (!s.text.n || is_elided(s.text))
        return generate(&s, st, table, columns) ? st : NULL;
    st->verb = verb_of(&s);
    if (st->verb == VERB_OTHER)
        complain(&s, "main_sql must begin with INSERT INTO, INSERT IGNORE INTO or REPLACE INTO",
                 "for other statements use the api \"execute\"");
    st->table = s.bad ? st->table : table_name(&s);
    if (!s.bad && take(&s, '('))
        st->columns = column_list(&s);
    else if (!s.bad)
        st->columns = *columns;
    if (!s.bad && !take_word(&s, "values") && !take_word(&s, "value"))
        complain(&s, "VALUES is expected here", "write it as in REPLACE INTO table(columns) VALUES");
    if (!s.bad && take(&s, '(') && !take(&s, ')'))
        st->values = tuple(&s, st->columns.n);
    if (!s.bad)
        tail(&s, st);
    if (!s.bad && !st->values)
        compare(&s, &st->columns, columns);
    return s.bad ? NULL : st;
}

/* ---- execute ---- */

static void bind_name(struct scan *s, struct str *binds, size_t *n, size_t cap, const struct strs *params)
{
    struct str w = peek_word(s);
    const char **names;

    s->at += w.n;
    if (*n == cap) {
        complain(s, "a statement has more than 1000 placeholders", "split it");
        return;
    }
    binds[(*n)++] = w;
    if (str_eq(w, S("lastInsertId")))
        return;
    for (size_t i = 0; i < params->n; i++)
        if (str_eq(params->at[i], w))
            return;
    s->bad = true;
    names = ARENA_ARRAY(s->a, const char *, params->n);
    for (size_t i = 0; i < params->n; i++)
        names[i] = arena_cstr(s->a, params->at[i]);
    diags_add(s->diags, DIAG_ERROR, s->pos, "the statement binds :" STR_FMT ", which is not among its params",
              STR_ARG(w));
    diags_nearest(s->diags, str_nearest(w, names, params->n));
    diags_remedy(s->diags, "add a child of that name to main_params (or extend_params_n)");
}

static void copy_quoted(struct scan *s, struct buf *out, char quote)
{
    do {
        if (s->text.p[s->at] == '\\' && s->at + 1 < s->text.n)
            buf_byte(out, s->text.p[s->at++]);
        buf_byte(out, s->text.p[s->at++]);
    } while (s->at < s->text.n && s->text.p[s->at] != quote);
    if (s->at < s->text.n)
        buf_byte(out, s->text.p[s->at++]);
    else
        complain(s, "a quoted text is not closed", "close it with the quote that opened it");
}

const struct statement *statement_execute(struct arena *a, struct sql_text sql, const struct strs *params,
                                          struct diags *diags)
{
    enum { MOST = 1000 };
    struct statement *st = ARENA_NEW(a, struct statement);
    struct scan s = {.a = a, .text = str_trim(sql.text), .pos = sql.pos, .diags = diags};
    struct str *binds = ARENA_ARRAY(a, struct str, MOST);
    struct buf out = buf_make(4u << 20);
    size_t n = 0;

    st->pos = sql.pos;
    st->verb = VERB_OTHER;
    if (!s.text.n)
        complain(&s, "the statement is empty", "write the SQL with :name placeholders");
    while (!s.bad && s.at < s.text.n) {
        char c = s.text.p[s.at];

        if (c == '\'' || c == '"' || c == '`') {
            copy_quoted(&s, &out, c);
        } else if (c == ':' && s.at + 1 < s.text.n && is_word(s.text.p[s.at + 1]) &&
                   (s.at == 0 || s.text.p[s.at - 1] != ':')) {
            s.at++;
            bind_name(&s, binds, &n, MOST, params);
            buf_byte(&out, '?');
        } else if (c == '?' || (c == ';' && str_trim(str_sub(s.text, s.at + 1, s.text.n)).n)) {
            complain(&s, "one statement with :name placeholders is expected",
                     "put further statements into extend_sql_1 …");
        } else {
            if (c != ';')
                buf_byte(&out, c);
            s.at++;
        }
    }
    st->sql = arena_str(a, buf_str(&out));
    st->binds = (struct strs){binds, n};
    buf_free(&out);
    return s.bad ? NULL : st;
}
