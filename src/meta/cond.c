/* `condition`: which records pass, and which elements of a flattened array keep their row.
 *
 * The outer array is OR, the inner AND. A term asks about a field of the record, or about a field of the elements of an
 * array: `items.x`, or `items_x` when `items` is flattened. Terms about the array at hand are asked of each element;
 * those about another array hold when one of its elements holds (all of them with strictMode). A record without
 * elements is asked once, as if the field were missing.
 *
 * Everything that can be worked out beforehand is: numbers are parsed, lists cut, expressions compiled. Asking needs no
 * memory but for `regex` and for fields that are containers, whose text is their compact JSON. A pattern that runs into
 * its limits does not match. */
#include "meta/brace.h"
#include "meta/cast.h"
#include "meta/doc_tables.h"
#include "meta/pattern.h"

#include "base/decimal.h"

#define MAX_TERMS 1000

enum logic { EQ, NEQ, GT, EGT, LT, ELT, LIKE, NOTLIKE, IN, NOTIN, BETWEEN, ISNULL, NOTNULL, REGEX };

static const struct doc_word logics[] = {
    [EQ] = {"eq", "equal"},
    [NEQ] = {"neq", "not equal; passes when the field is null or missing"},
    [GT] = {"gt", "greater"},
    [EGT] = {"egt", "equal or greater"},
    [LT] = {"lt", "less"},
    [ELT] = {"elt", "equal or less"},
    [LIKE] = {"like", "contains the text"},
    [NOTLIKE] = {"notlike", "does not contain the text; passes when the field is null or missing"},
    [IN] = {"in", "one of a list: \"a,b,c\" or an array"},
    [NOTIN] = {"notin", "none of a list; passes when the field is null or missing"},
    [BETWEEN] = {"between", "from the first to the second of two, both included: \"100,500\""},
    [ISNULL] = {"isnull", "null or missing"},
    [NOTNULL] = {"notnull", "neither null nor missing"},
    [REGEX] = {"regex", "the Perl-compatible regular expression matches somewhere"},
};
#define N_LOGICS (sizeof logics / sizeof *logics)

struct operand {
    struct str text;
    bool is_number;
    struct decimal number;
};

struct term {
    struct str field;          /* path in the record */
    struct str array, element; /* n > 0: of the elements of that array, this path inside */
    enum logic logic;
    bool strict, time, null; /* null: compared with null */
    struct operand *operands;
    size_t n;
    const struct pattern *regex;
};

struct clause {
    struct term *terms;
    size_t n;
};

struct cond {
    struct clause *clauses;
    size_t n;
    const struct zone *zone;
};

struct reader {
    struct arena *a;
    struct diags *diags;
    const struct strs *flat;
    size_t n_terms;
};

const struct doc_word *doc_logic_at(size_t i)
{
    return i < N_LOGICS ? &logics[i] : NULL;
}

/* ---- compiling ---- */

static bool find_logic(struct reader *r, const struct node *n, struct str name, enum logic *ret)
{
    const char *names[N_LOGICS];

    for (size_t i = 0; i < N_LOGICS; i++) {
        names[i] = logics[i].name;
        if (str_eq_nocase(name, str_of(names[i]))) {
            *ret = (enum logic)i;
            return true;
        }
    }
    diags_add(r->diags, DIAG_ERROR, n->pos, "logic \"" STR_FMT "\" is not known", STR_ARG(name));
    diags_nearest(r->diags, str_nearest(name, names, N_LOGICS));
    diags_remedy(r->diags,
                 "use eq, neq, gt, egt, lt, elt, like, notlike, in, notin, between, isnull, notnull or regex");
    return false;
}

/* The rest of the field behind the array's name and `by`; empty when it does not begin so. */
static struct str behind(struct str field, struct str array, char by)
{
    if (field.n <= array.n + 1 || !str_starts(field, array) || field.p[array.n] != by)
        return (struct str){0};
    return str_sub(field, array.n + 1, field.n);
}

/* `items.x`, or `items_x` for a flattened array `items`. A number after the dot is an index and no field of all
 * elements. */
static void find_array(struct reader *r, struct term *t)
{
    for (size_t i = 0; i < r->flat->n && !t->array.n; i++) {
        struct str name = r->flat->at[i], last = name, path;

        for (size_t k = 0; k < name.n; k++)
            if (name.p[k] == '.')
                last = str_sub(name, k + 1, name.n);
        path = behind(t->field, name, '.');
        if (path.n && path.p[0] >= '0' && path.p[0] <= '9')
            path.n = 0;
        if (!path.n)
            path = behind(t->field, last, '_');
        if (path.n) {
            t->array = name;
            t->element = path;
        }
    }
}

static struct operand operand(struct arena *a, struct str text)
{
    struct operand o = {.text = arena_str(a, text)};

    o.is_number = decimal_parse(str_trim(text), &o.number);
    return o;
}

static bool scalar_operand(struct reader *r, const struct node *n, struct operand *ret)
{
    if (n->type == NODE_BOOL) {
        ret->text = n->truth ? S("true") : S("false");
        decimal_from_i64(n->truth, &ret->number);
        ret->is_number = true;
        return true;
    }
    if (n->type == NODE_STRING || n->type == NODE_NUMBER) {
        *ret = operand(r->a, n->text);
        return true;
    }
    diags_add(r->diags, DIAG_ERROR, n->pos, "the value of a condition is %s", node_type_name(n->type));
    return false;
}

static struct str cut_time_prefix(struct str s, bool *ret_time)
{
    if (!str_starts(s, S("timestamp:")))
        return s;
    *ret_time = true;
    return str_trim(str_sub(s, S("timestamp:").n, s.n));
}

static bool list_operands(struct reader *r, const struct node *n, struct term *t)
{
    struct str rest = n->text, part;
    size_t cap = n->n_children + 1;

    for (size_t i = 0; n->type == NODE_STRING && i < rest.n; i++)
        cap += rest.p[i] == ',';
    t->operands = ARENA_ARRAY(r->a, struct operand, cap);
    if (n->type != NODE_ARRAY && n->type != NODE_STRING) {
        t->n = 1;
        return scalar_operand(r, n, &t->operands[0]);
    }
    for (const struct node *e = n->child; e; e = e->next) {
        if (!scalar_operand(r, e, &t->operands[t->n]))
            return false;
        t->operands[t->n].text = str_trim(t->operands[t->n].text);
        t->n++;
    }
    while (n->type == NODE_STRING && str_cut(&rest, ',', &part))
        t->operands[t->n++] = operand(r->a, str_trim(part));
    return true;
}

static bool check_times(struct reader *r, const struct node *n, struct term *t)
{
    for (size_t i = 0; i < t->n; i++)
        t->operands[i].text = cut_time_prefix(t->operands[i].text, &t->time);
    for (size_t i = 0; i < t->n; i++) {
        struct value v = value_text(t->operands[i].text);
        int64_t ms;

        if (t->time && !cast_time_ms(&v, NULL, &ms)) {
            diags_add(r->diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" is not a time", STR_ARG(t->operands[i].text));
            return false;
        }
    }
    return true;
}

static bool compile_regex(struct reader *r, const struct node *n, struct term *t)
{
    struct errinfo ei;

    if (pattern_compile(r->a, t->operands[0].text, &t->regex, &ei) == OK)
        return true;
    diags_add(r->diags, DIAG_ERROR, n->pos, "%s", ei.msg);
    return false;
}

static void warn_placeholder(struct reader *r, const struct node *n)
{
    struct brace b;
    size_t at = 0;

    if (n->type != NODE_STRING || !brace_next(n->text, &at, &b))
        return;
    diags_add(r->diags, DIAG_WARNING, n->pos,
              "the value of a condition is taken literally; {{" STR_FMT "}} is not replaced", STR_ARG(b.name));
}

static bool compile_operands(struct reader *r, const struct node *n, const struct node *value, struct term *t)
{
    bool ok;

    if (t->logic == ISNULL || t->logic == NOTNULL)
        return true;
    if (!value || value->type == NODE_NULL) {
        t->null = true;
        if (t->logic == EQ || t->logic == NEQ)
            return true;
        diags_add(r->diags, DIAG_ERROR, n->pos, "logic %s needs a value", logics[t->logic].name);
        return false;
    }
    if (t->logic != REGEX)
        warn_placeholder(r, value);
    if (t->logic == IN || t->logic == NOTIN || t->logic == BETWEEN) {
        ok = list_operands(r, value, t);
    } else {
        t->operands = ARENA_NEW(r->a, struct operand);
        t->n = 1;
        ok = scalar_operand(r, value, t->operands);
    }
    if (ok && t->logic == BETWEEN && t->n != 2) {
        diags_add(r->diags, DIAG_ERROR, value->pos, "between takes two values, \"100,500\", and here are %zu", t->n);
        ok = false;
    }
    if (ok && t->logic == REGEX)
        return compile_regex(r, value, t);
    if (ok && t->logic != LIKE && t->logic != NOTLIKE)
        return check_times(r, value, t);
    return ok;
}

static bool compile_term(struct reader *r, const struct node *n, struct term *t)
{
    struct term_raw raw = {0};

    if (n->type != NODE_OBJECT) {
        diags_add(r->diags, DIAG_ERROR, n->pos, "a condition is %s, not an object with field, logic and value",
                  node_type_name(n->type));
        return false;
    }
    if (++r->n_terms > MAX_TERMS) {
        diags_add(r->diags, DIAG_ERROR, n->pos, "more than %d conditions", MAX_TERMS);
        return false;
    }
    if (!conf_fill(n, doc_term_keys.specs, doc_term_keys.n, &raw, DIAG_WARNING, r->a, r->diags) ||
        !find_logic(r, n, raw.logic, &t->logic))
        return false;
    t->field = raw.field;
    t->strict = raw.strict;
    find_array(r, t);
    return compile_operands(r, n, raw.value, t);
}

static bool compile_clause(struct reader *r, const struct node *list, struct clause *c)
{
    bool ok = true;

    c->terms = ARENA_ARRAY(r->a, struct term, list->n_children);
    for (const struct node *n = list->child; n; n = n->next)
        ok &= compile_term(r, n, &c->terms[c->n++]);
    return ok;
}

static bool is_flat_list(const struct node *condition)
{
    for (const struct node *n = condition->child; n; n = n->next)
        if (n->type != NODE_OBJECT)
            return false;
    return true;
}

static bool compile_clauses(struct reader *r, const struct node *condition, struct cond *c)
{
    bool ok = true;

    c->clauses = ARENA_ARRAY(r->a, struct clause, condition->n_children);
    if (is_flat_list(condition)) {
        diags_add(r->diags, DIAG_WARNING, condition->pos, "`condition` is one list; its conditions are joined by AND");
        diags_remedy(r->diags, "put it into another array: the outer one is OR, the inner AND");
        c->n = 1;
        return compile_clause(r, condition, c->clauses);
    }
    for (const struct node *n = condition->child; n; n = n->next) {
        if (n->type != NODE_ARRAY) {
            diags_add(r->diags, DIAG_ERROR, n->pos, "an element of `condition` is %s, not an array of conditions",
                      node_type_name(n->type));
            ok = false;
        } else if (n->child) {
            ok &= compile_clause(r, n, &c->clauses[c->n++]);
        }
    }
    return ok;
}

const struct cond *cond_compile(struct arena *a, const struct node *condition, const struct strs *beat_flat,
                                struct diags *diags, bool *ret_ok)
{
    static const struct strs none;
    struct reader r = {.a = a, .diags = diags, .flat = beat_flat ? beat_flat : &none};
    struct cond *c;

    *ret_ok = true;
    if (!condition || !condition->child)
        return NULL;
    if (condition->type != NODE_ARRAY) {
        diags_add(diags, DIAG_ERROR, condition->pos, "`condition` is %s, not an array of arrays",
                  node_type_name(condition->type));
        *ret_ok = false;
        return NULL;
    }
    c = ARENA_NEW(a, struct cond);
    *ret_ok = compile_clauses(&r, condition, c);
    return *ret_ok && c->n ? c : NULL;
}

const struct cond *cond_in_zone(struct arena *a, const struct cond *c, const struct zone *z)
{
    struct cond *copy;

    if (!c)
        return NULL;
    copy = ARENA_NEW(a, struct cond);
    *copy = *c;
    copy->zone = z;
    return copy;
}

/* ---- asking ---- */

/* What a term is asked of: a value that is not NULL, and its text. */
struct subject {
    const struct value *value;
    struct str text;
    const struct zone *zone;
};

/* <0, 0, >0 in *ret; false when the two cannot be compared. */
static bool compare(const struct term *t, const struct operand *o, const struct subject *s, int *ret)
{
    const struct value *v = s->value;
    struct decimal d;

    if (t->time) {
        struct value literal = value_text(o->text);
        int64_t x, y;

        if (!cast_time_ms(v, s->zone, &x) || !cast_time_ms(&literal, s->zone, &y))
            return false;
        *ret = (x > y) - (x < y);
        return true;
    }
    if (o->is_number && v->kind == VALUE_BOOL) {
        decimal_from_i64(v->truth, &d);
        *ret = decimal_cmp(&d, &o->number);
    } else if (o->is_number && v->kind != VALUE_JSON && decimal_parse(str_trim(s->text), &d)) {
        *ret = decimal_cmp(&d, &o->number);
    } else {
        *ret = str_cmp(s->text, o->text);
    }
    return true;
}

static bool is_one_of(const struct term *t, const struct subject *s)
{
    int order;

    for (size_t i = 0; i < t->n; i++)
        if (compare(t, &t->operands[i], s, &order) && order == 0)
            return true;
    return false;
}

static bool is_between(const struct term *t, const struct subject *s)
{
    int low, high;

    return compare(t, &t->operands[0], s, &low) && compare(t, &t->operands[1], s, &high) && low >= 0 && high <= 0;
}

static bool text_holds(const struct cond *c, const struct term *t, const struct value *v, struct str text)
{
    const struct subject s = {v, text, c->zone};
    int order = 0;
    bool known = t->n == 1 && t->logic <= ELT && compare(t, &t->operands[0], &s, &order);

    switch (t->logic) {
    case EQ:
        return known && order == 0;
    case NEQ:
        return !known || order != 0;
    case GT:
        return known && order > 0;
    case EGT:
        return known && order >= 0;
    case LT:
        return known && order < 0;
    case ELT:
        return known && order <= 0;
    case LIKE:
        return str_find(text, t->operands[0].text, 0) != SIZE_MAX;
    case NOTLIKE:
        return str_find(text, t->operands[0].text, 0) == SIZE_MAX;
    case IN:
        return is_one_of(t, &s);
    case NOTIN:
        return !is_one_of(t, &s);
    case BETWEEN:
        return is_between(t, &s);
    case REGEX:
        return pattern_matches(t->regex, text);
    case ISNULL:
        return false;
    case NOTNULL:
        return true;
    }
    return false;
}

static bool holds(const struct cond *c, const struct term *t, const struct json *j)
{
    struct value v = value_of_json(j);
    struct buf b;
    bool yes;

    if (value_is_null(&v))
        return t->logic == ISNULL || t->logic == NOTLIKE || t->logic == NOTIN || (t->logic == NEQ && !t->null) ||
               (t->logic == EQ && t->null);
    if (t->null)
        return t->logic == NEQ;
    if (v.kind == VALUE_BOOL)
        return text_holds(c, t, &v, v.truth ? S("true") : S("false"));
    if (v.kind != VALUE_JSON)
        return text_holds(c, t, &v, value_str(&v));
    b = buf_make(CAST_TEXT_MAX_BYTES);
    json_write(j, &b);
    yes = text_holds(c, t, &v, buf_str(&b));
    buf_free(&b);
    return yes;
}

static bool holds_over(const struct cond *c, const struct term *t, const struct json *array, struct str path)
{
    struct json_iter it = json_iter(array);
    const struct json *e;

    if (json_type(array) != JSON_ARRAY || !json_count(array))
        return holds(c, t, NULL);
    while ((e = json_next(&it, NULL)))
        if (holds(c, t, json_path(e, path)) != t->strict)
            return !t->strict;
    return t->strict;
}

/* A term about the record. A path may lead through an array that is not flattened. */
static bool record_holds(const struct cond *c, const struct term *t, const struct json *record)
{
    const struct json *v = json_path(record, t->field);

    if (v)
        return holds(c, t, v);
    for (size_t i = 1; i + 1 < t->field.n; i++)
        if (t->field.p[i] == '.') {
            v = json_path(record, str_sub(t->field, 0, i));
            if (json_type(v) == JSON_ARRAY)
                return holds_over(c, t, v, str_sub(t->field, i + 1, t->field.n));
        }
    return holds(c, t, NULL);
}

static bool is_about(const struct term *t, const struct json *record, const struct json *array)
{
    return array && t->array.n && json_path(record, t->array) == array;
}

/* Terms that are the same for all elements of the array at hand. *ret_rest: are there others? */
static bool clause_common(const struct cond *c, const struct clause *cl, const struct json *record,
                          const struct json *array, bool *ret_rest)
{
    *ret_rest = false;
    for (size_t i = 0; i < cl->n; i++) {
        const struct term *t = &cl->terms[i];
        bool yes = true;

        if (!t->array.n)
            yes = record_holds(c, t, record);
        else if (!is_about(t, record, array))
            yes = holds_over(c, t, json_path(record, t->array), t->element);
        else if (t->strict)
            yes = holds_over(c, t, array, t->element);
        else
            *ret_rest = true;
        if (!yes)
            return false;
    }
    return true;
}

static bool clause_element(const struct cond *c, const struct clause *cl, const struct json *record,
                           const struct json *array, const struct json *element)
{
    for (size_t i = 0; i < cl->n; i++)
        if (!cl->terms[i].strict && is_about(&cl->terms[i], record, array) &&
            !holds(c, &cl->terms[i], json_path(element, cl->terms[i].element)))
            return false;
    return true;
}

bool cond_apply(const struct cond *c, const struct json *record, const struct json *array, bool *keep, size_t n)
{
    bool any = false, rest = false, all = c == NULL;

    if (json_type(array) != JSON_ARRAY || !n)
        array = NULL;
    if (array && !all)
        memset(keep, 0, n * sizeof *keep);
    for (size_t g = 0; !all && g < c->n; g++) {
        struct json_iter it = json_iter(array);
        const struct json *element;

        if (!clause_common(c, &c->clauses[g], record, array, &rest))
            continue;
        all = !rest;
        for (size_t k = 0; rest && k < n && (element = json_next(&it, NULL)); k++) {
            keep[k] = keep[k] || clause_element(c, &c->clauses[g], record, array, element);
            any |= keep[k];
        }
    }
    for (size_t k = 0; all && array && k < n; k++)
        keep[k] = true;
    return all || any;
}

/* ---- telling ---- */

static bool term_holds(const struct cond *c, const struct term *t, const struct json *record)
{
    const struct json *array = t->array.n ? json_path(record, t->array) : NULL;

    if (!t->array.n)
        return record_holds(c, t, record);
    return holds_over(c, t, array, t->element);
}

size_t cond_failing(const struct cond *c, const struct json *record)
{
    for (size_t i = 0; c->n && i < c->clauses[0].n; i++)
        if (!term_holds(c, &c->clauses[0].terms[i], record))
            return i;
    return SIZE_MAX;
}

static void write_term(const struct term *t, struct buf *out)
{
    buf_add(out, t->field);
    buf_byte(out, ' ');
    buf_add(out, str_of(logics[t->logic].name));
    for (size_t i = 0; i < t->n; i++) {
        buf_add(out, i ? S(",") : S(" "));
        buf_add(out, t->operands[i].text);
    }
    if (t->null)
        buf_add(out, S(" null"));
}

struct strs cond_terms(const struct cond *c, struct arena *a)
{
    size_t n = 0, at = 0;
    struct str *all;

    for (size_t i = 0; c && i < c->n; i++)
        n += c->clauses[i].n;
    all = ARENA_ARRAY(a, struct str, n + 1);
    for (size_t i = 0; c && i < c->n; i++)
        for (size_t k = 0; k < c->clauses[i].n; k++) {
            struct buf b = buf_make(64u << 10);

            write_term(&c->clauses[i].terms[k], &b);
            all[at++] = arena_str(a, buf_str(&b));
            buf_free(&b);
        }
    return (struct strs){all, n};
}
