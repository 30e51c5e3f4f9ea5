/* JSON_EXTRACT, JSON_UNQUOTE, -> and ->>.
 *
 * Paths: $ then .name, ."name", .*, [n], [last], [last-n], [*] and **. One path without wildcards gives the value;
 * wildcards or several paths give an array of what was found; nothing found is NULL. Results are JSON text in MySQL's
 * spelling, with a blank behind every comma and colon; numbers keep their digits. A text that is no JSON gives NULL. A
 * container of the record is searched in place; a text is parsed for the call. */
#include "meta/expr_json.h"

#include "base/num.h"

#define MATCHES_MAX      100000
#define RESULT_DEPTH_MAX 64

enum leg_kind { LEG_END, LEG_KEY, LEG_ANY_KEY, LEG_INDEX, LEG_FROM_LAST, LEG_ANY_INDEX, LEG_DEEP, LEG_BAD };
struct leg {
    enum leg_kind kind;
    struct str key;
    size_t index;
};

static bool take(struct str *s, const char *what)
{
    struct str prefix = str_of(what);
    if (!str_starts(*s, prefix))
        return false;
    *s = str_sub(*s, prefix.n, s->n);
    return true;
}

static struct leg bad_leg(void)
{
    return (struct leg){.kind = LEG_BAD};
}

static struct leg key_leg(struct str *s)
{
    struct leg leg = {.kind = LEG_KEY};
    if (take(s, "*"))
        return (struct leg){.kind = LEG_ANY_KEY};
    size_t n = 0;
    if (take(s, "\"")) {
        while (n < s->n && s->p[n] != '"')
            n++;
        if (n == s->n)
            return bad_leg();
        leg.key = str_sub(*s, 0, n);
        *s = str_sub(*s, n + 1, s->n);
        return leg;
    }
    while (n < s->n && !strchr(".[]*\" ", s->p[n]))
        n++;
    leg.key = str_sub(*s, 0, n);
    *s = str_sub(*s, n, s->n);
    return n ? leg : bad_leg();
}

static struct leg index_leg(struct str *s)
{
    struct leg leg = {.kind = LEG_INDEX};
    size_t n = 0;
    while (n < s->n && s->p[n] != ']')
        n++;
    struct str inside = str_trim(str_sub(*s, 0, n));
    if (n == s->n)
        return bad_leg();
    *s = str_sub(*s, n + 1, s->n);
    if (str_eq(inside, S("*")))
        return (struct leg){.kind = LEG_ANY_INDEX};
    if (take(&inside, "last")) {
        leg.kind = LEG_FROM_LAST;
        inside = str_trim(inside);
        if (inside.n == 0)
            return leg;
        if (!take(&inside, "-"))
            return bad_leg();
        inside = str_trim(inside);
    }
    return num_size(inside, &leg.index) ? leg : bad_leg();
}

/* Takes the next leg off a path whose "$" is gone. */
static struct leg next_leg(struct str *s)
{
    *s = str_trim(*s);
    if (s->n == 0)
        return (struct leg){.kind = LEG_END};
    if (take(s, "**"))
        return s->n ? (struct leg){.kind = LEG_DEEP} : bad_leg();
    if (take(s, "."))
        return key_leg(s);
    return take(s, "[") ? index_leg(s) : bad_leg();
}

static bool has_wildcard(struct str path)
{
    for (struct leg leg = next_leg(&path); leg.kind != LEG_END && leg.kind != LEG_BAD; leg = next_leg(&path))
        if (leg.kind == LEG_ANY_KEY || leg.kind == LEG_ANY_INDEX || leg.kind == LEG_DEEP)
            return true;
    return false;
}

bool json_path_valid(struct str path)
{
    path = str_trim(path);
    if (!take(&path, "$"))
        return false;
    struct leg leg = next_leg(&path);
    while (leg.kind != LEG_END && leg.kind != LEG_BAD)
        leg = next_leg(&path);
    return leg.kind == LEG_END;
}

struct matches {
    struct arena *a;
    const struct json **at;
    size_t n, cap;
    bool too_many;
};

static void add_match(struct matches *m, const struct json *v)
{
    if (m->n == MATCHES_MAX) {
        m->too_many = true;
        return;
    }
    if (m->n == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 4;
        const struct json **more = ARENA_ARRAY(m->a, const struct json *, cap);
        if (m->n)
            memcpy(more, m->at, m->n * sizeof *more);
        m->at = more;
        m->cap = cap;
    }
    m->at[m->n++] = v;
}

static void add_children(const struct json *v, enum json_type type, struct matches *m)
{
    if (json_type(v) != type)
        return;
    struct json_iter it = json_iter(v);
    const struct json *child;
    while (!m->too_many && (child = json_next(&it, NULL)))
        add_match(m, child);
}

static void add_deep(const struct json *v, struct matches *m)
{
    struct json_iter it = json_iter(v);
    const struct json *child;
    add_match(m, v);
    while (!m->too_many && (child = json_next(&it, NULL)))
        add_deep(child, m);
}

/* What is no array counts as an array of itself. */
static void add_index(const struct json *v, const struct leg *leg, struct matches *m)
{
    bool array = json_type(v) == JSON_ARRAY;
    size_t n = array ? json_count(v) : 1;
    if (leg->index >= n)
        return;
    size_t i = leg->kind == LEG_FROM_LAST ? n - 1 - leg->index : leg->index;
    add_match(m, array ? json_at(v, i) : v);
}

static void follow(const struct json *v, const struct leg *leg, struct matches *m)
{
    const struct json *member;
    switch (leg->kind) {
    case LEG_KEY:
        if ((member = json_get(v, leg->key)))
            add_match(m, member);
        break;
    case LEG_ANY_KEY:
        add_children(v, JSON_OBJECT, m);
        break;
    case LEG_INDEX:
    case LEG_FROM_LAST:
        add_index(v, leg, m);
        break;
    case LEG_ANY_INDEX:
        add_children(v, JSON_ARRAY, m);
        break;
    case LEG_DEEP:
        add_deep(v, m);
        break;
    case LEG_END:
    case LEG_BAD:
        break;
    }
}

/* Leg by leg: from the set of values reached so far to the next. */
static void find(const struct json *root, struct str path, struct matches *found)
{
    struct matches at = {.a = found->a};
    add_match(&at, root);
    for (struct leg leg = next_leg(&path); leg.kind != LEG_END && !at.too_many; leg = next_leg(&path)) {
        struct matches next = {.a = found->a};
        for (size_t i = 0; i < at.n && !next.too_many; i++)
            follow(at.at[i], &leg, &next);
        at = next;
    }
    found->too_many |= at.too_many;
    for (size_t i = 0; i < at.n; i++)
        add_match(found, at.at[i]);
}

static void write_spaced(const struct json *v, struct buf *out, int depth)
{
    enum json_type t = json_type(v);
    if ((t != JSON_ARRAY && t != JSON_OBJECT) || depth >= RESULT_DEPTH_MAX) {
        json_write(v, out);
        return;
    }
    struct json_iter it = json_iter(v);
    struct str key;
    const struct json *child;
    bool first = true;
    buf_byte(out, t == JSON_ARRAY ? '[' : '{');
    while ((child = json_next(&it, &key))) {
        if (!first)
            buf_add(out, S(", "));
        first = false;
        if (t == JSON_OBJECT) {
            struct json_out w = json_out(out);
            json_out_str(&w, key);
            buf_add(out, S(": "));
        }
        write_spaced(child, out, depth + 1);
    }
    buf_byte(out, t == JSON_ARRAY ? ']' : '}');
}

static enum err write_matches(struct run *r, const struct matches *m, bool as_array, struct val *ret)
{
    struct buf out = buf_make(EXPR_MAX_RESULT_BYTES);
    if (as_array)
        buf_byte(&out, '[');
    for (size_t i = 0; i < m->n; i++) {
        if (i)
            buf_add(&out, S(", "));
        write_spaced(m->at[i], &out, 0);
    }
    if (as_array)
        buf_byte(&out, ']');
    *ret = val_null();
    enum err err = out.failed ? OK : result_copy(r, buf_str(&out), ret);
    ret->flags = VAL_JSON;
    buf_free(&out);
    return err;
}

static enum err search(struct run *r, const struct enode *e, const struct json *root, struct val *ret)
{
    struct matches m = {.a = r->env->arena};
    bool as_array = e->n_args > 2;
    for (size_t i = 1; i < e->n_args; i++) {
        struct val path;
        enum err err = eval(r, e->arg[i], &path);
        if (err)
            return err;
        if (path.t == V_NULL)
            return OK;
        struct str s = str_trim(val_str(r, &path));
        if (!json_path_valid(s))
            return bad_data(r, "\"" STR_FMT "\" is not a JSON path such as $.items[0].name",
                            STR_ARG(str_sub(s, 0, 100)));
        s = str_sub(s, 1, s.n);
        as_array |= has_wildcard(s);
        find(root, s, &m);
    }
    if (m.too_many)
        return bad_data(r, "JSON_EXTRACT finds more than %d values", MATCHES_MAX);
    return m.n ? write_matches(r, &m, as_array, ret) : OK;
}

enum err fn_json_extract(struct run *r, const struct enode *e, struct val *ret)
{
    struct value v = value_null();
    struct val text;
    enum err err = OK;
    *ret = val_null();
    if (is_operand(e->arg[0]))
        err = eval_operand(r, e->arg[0], &v);
    if (err || v.kind == VALUE_JSON)
        return err ? err : search(r, e, v.json, ret);
    err = eval(r, e->arg[0], &text);
    if (err || text.t == V_NULL)
        return err;
    struct json_doc *doc;
    struct errinfo not_json; /* a warning in MySQL */
    if (json_parse(val_str(r, &text), &JSON_LIMITS_DEFAULT, &doc, NULL, &not_json))
        return OK;
    err = search(r, e, json_root(doc), ret);
    json_free(doc);
    return err;
}

enum err fn_json_unquote(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str s = val_str(r, &a[0]), trimmed = str_trim(s);
    struct json_doc *doc;
    struct errinfo not_json;
    *ret = val_text(s);
    if (trimmed.n < 2 || trimmed.p[0] != '"' || trimmed.p[trimmed.n - 1] != '"')
        return OK;
    if (json_parse(trimmed, &JSON_LIMITS_DEFAULT, &doc, NULL, &not_json))
        return OK;
    enum err err = result_copy(r, json_text(json_root(doc)), ret);
    json_free(doc);
    return err;
}

enum err op_arrow(struct run *r, const struct enode *e, struct val *ret)
{
    return fn_json_extract(r, e, ret);
}

enum err op_arrow_text(struct run *r, const struct enode *e, struct val *ret)
{
    struct val v;
    enum err err = fn_json_extract(r, e, &v);
    *ret = v;
    return err || v.t == V_NULL ? err : fn_json_unquote(r, &v, 1, ret);
}
