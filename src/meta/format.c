/* `formatResponse`: derived fields, made from one field each before grouping and mapping. One row of the table is one
 * format.
 *
 * NULL, missing and "" stay NULL. What is not a time or not a number is an error of the record, never today and never
 * zero. */
#include "meta/doc_tables.h"
#include "meta/parser.h"
#include "meta/tmpl_impl.h"

#include "base/decimal.h"
#include "base/num.h"

enum format_kind { KIND_TIME, KIND_TEXT, KIND_INTEGER, KIND_ROUND, KIND_AMOUNT, KIND_IMPLODE };

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        literal, sizeof(literal) - 1                                                                                   \
    }

static const struct row {
    struct doc_word word;
    enum format_kind kind;
    struct str pattern; /* KIND_TIME: unless `params` gives another */
} table[] = {
    {{"date", "2026-03-01"}, KIND_TIME, TEXT("'%Y-%m-%d'")},
    {{"time", "08:30:00"}, KIND_TIME, TEXT("'%H:%M:%S'")},
    {{"dateTime", "2026-03-01 08:30:00"}, KIND_TIME, TEXT("'%Y-%m-%d %H:%M:%S'")},
    {{"shortDate", "20260301"}, KIND_TIME, TEXT("'%Y%m%d'")},
    {{"shortTime", "08:30"}, KIND_TIME, TEXT("'%H:%M'")},
    {{"shortDateTime", "2026-03-01 08:30"}, KIND_TIME, TEXT("'%Y-%m-%d %H:%M'")},
    {{"longText", "the value as text, structures as compact JSON"}, KIND_TEXT, TEXT("")},
    {{"intval", "the number without its fraction"}, KIND_INTEGER, TEXT("")},
    {{"round", "the number rounded half away from zero to `params` places, 0 by default"}, KIND_ROUND, TEXT("")},
    {{"amount", "the number with exactly `params` places, 2 by default"}, KIND_AMOUNT, TEXT("")},
    {{"implode", "the elements of an array joined by `params`, a comma by default"}, KIND_IMPLODE, TEXT("")},
};
#define N_FORMATS  (sizeof table / sizeof *table)
#define MAX_PLACES 18

const struct doc_word *doc_response_format_at(size_t i)
{
    return i < N_FORMATS ? &table[i].word : NULL;
}

static bool find_format(const struct node *n, struct str name, struct diags *diags, int *ret)
{
    const char *names[N_FORMATS];

    for (size_t i = 0; i < N_FORMATS; i++) {
        names[i] = table[i].word.name;
        if (str_eq_nocase(name, str_of(names[i]))) {
            *ret = (int)i;
            return true;
        }
    }
    diags_add(diags, DIAG_ERROR, n->pos, "format \"" STR_FMT "\" is not known", STR_ARG(name));
    diags_nearest(diags, str_nearest(name, names, N_FORMATS));
    return false;
}

static bool find_params(struct arena *a, const struct node *n, struct diags *diags, struct format_rule *f)
{
    enum format_kind kind = table[f->format].kind;
    int64_t places;

    f->params = table[f->format].pattern;
    if (!n || n->type == NODE_NULL || (n->type == NODE_STRING && !n->text.n))
        return true;
    if (n->type != NODE_STRING && n->type != NODE_NUMBER) {
        diags_add(diags, DIAG_ERROR, n->pos, "`params` is %s", node_type_name(n->type));
        return false;
    }
    f->params = n->text;
    if (kind == KIND_TIME) {
        f->params = arena_printf(a, "\"" STR_FMT "\"", STR_ARG(n->text));
        return tmpl_format_check(f->params, n->pos, diags);
    }
    if ((kind == KIND_ROUND || kind == KIND_AMOUNT) &&
        (!num_i64(n->text, &places) || places < 0 || places > MAX_PLACES)) {
        diags_add(diags, DIAG_ERROR, n->pos, "`params` of %s are places from 0 to %d", table[f->format].word.name,
                  MAX_PLACES);
        return false;
    }
    return true;
}

static bool compile_rule(struct arena *a, const struct node *n, struct diags *diags, struct format_rule *f)
{
    struct format_raw raw = {0};

    if (n->type != NODE_OBJECT) {
        diags_add(diags, DIAG_ERROR, n->pos, "an element of `formatResponse` is %s, not an object",
                  node_type_name(n->type));
        return false;
    }
    if (!conf_fill(n, doc_format_keys.specs, doc_format_keys.n, &raw, DIAG_WARNING, a, diags) ||
        !find_format(n, raw.format, diags, &f->format))
        return false;
    f->old_name = raw.old_name;
    f->new_name = raw.new_name;
    return find_params(a, raw.params, diags, f);
}

bool formats_compile(struct arena *a, const struct node *list, struct diags *diags, struct formats *ret)
{
    struct format_rule *at;
    size_t n = 0;
    bool ok = true;

    *ret = (struct formats){0};
    if (!list || !list->child)
        return true;
    if (list->type != NODE_ARRAY) {
        diags_add(diags, DIAG_ERROR, list->pos, "`formatResponse` is %s, not an array", node_type_name(list->type));
        return false;
    }
    at = ARENA_ARRAY(a, struct format_rule, list->n_children);
    for (const struct node *e = list->child; e; e = e->next)
        ok &= compile_rule(a, e, diags, &at[n++]);
    *ret = (struct formats){at, n};
    return ok;
}

static bool number_of(const struct value *in, struct decimal *ret)
{
    if (in->kind == VALUE_BOOL) {
        decimal_from_i64(in->truth, ret);
        return true;
    }
    return (in->kind == VALUE_NUMBER || in->kind == VALUE_TEXT) && decimal_parse(str_trim(value_str(in)), ret);
}

/* Rounds to `places`, and with `exact` adds the zeros that are missing. */
static bool to_places(struct decimal *d, int places, bool exact)
{
    struct decimal one;

    if (d->scale > places)
        return decimal_round(d, places, d);
    decimal_from_i64(1, &one);
    return !exact || d->scale == places || decimal_div(d, &one, places, d);
}

static enum err format_number(const struct format_rule *f, enum format_kind kind, const struct value *in,
                              struct arena *a, struct value *ret, struct errinfo *ei)
{
    struct decimal d;
    int64_t places = kind == KIND_AMOUNT ? 2 : 0;
    bool ok = number_of(in, &d);
    char *p;

    if (!ok)
        return fail(ei, ERR_DATA, "field \"" STR_FMT "\" has no format %s: %s is not a number", STR_ARG(f->old_name),
                    table[f->format].word.name, cast_shown(in, a));
    if (kind != KIND_INTEGER && f->params.n)
        ok = num_i64(f->params, &places);
    ok = ok && (kind == KIND_INTEGER ? decimal_trunc(&d, 0, &d) : to_places(&d, (int)places, kind == KIND_AMOUNT));
    if (!ok)
        return fail(ei, ERR_DATA, "field \"" STR_FMT "\" has too many digits", STR_ARG(f->old_name));
    p = arena_alloc(a, DECIMAL_TEXT);
    *ret = value_number(str_mk(p, decimal_print(&d, p)));
    return OK;
}

enum err format_apply(const struct format_rule *f, const struct value *in, const struct zone *z, struct arena *a,
                      struct value *ret, struct errinfo *ei)
{
    enum format_kind kind = table[f->format].kind;
    enum err e = OK;

    if (value_is_empty(in)) {
        *ret = value_null();
        return OK;
    }
    switch (kind) {
    case KIND_TIME:
        e = tmpl_format(in, f->params, z, a, ret, ei);
        break;
    case KIND_IMPLODE:
        e = parser_join(in, f->params.n ? f->params : S(","), a, ret, ei);
        break;
    case KIND_TEXT:
        *ret = value_text(value_as_text(in, a));
        return OK;
    default:
        return format_number(f, kind, in, a, ret, ei);
    }
    if (e)
        err_prefix(ei, "field \"" STR_FMT "\"", STR_ARG(f->old_name));
    return e;
}
