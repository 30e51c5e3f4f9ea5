/* From an object of a document to a struct, by a table of members.
 *
 * Types are checked, unknown keys are told with the nearest known name, required ones are missed. The first wrong
 * member does not end it: everything that is wrong with an object is told at once. What was wrong keeps its default.
 * People write numbers and truth in quotes, so those are read as well; the schema (conf_schema.c) shows the plain form.
 */
#include "base/conf.h"

#include "base/conf_text.h"
#include "base/num.h"

#include <stdlib.h>

struct fill {
    const struct field_spec *specs;
    size_t n_specs;
    char *out;
    struct arena *a;
    struct diags *diags;
    bool ok;
};

/* A type with its article. */
static const char *type_phrase(enum node_type t)
{
    static const char *const phrases[] = {"null", "a boolean", "a number", "a string", "an array", "an object"};

    return phrases[t];
}

static void wrong_type(struct fill *f, const struct node *n, const char *expected)
{
    f->ok = false;
    diags_add(f->diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" is %s, %s is expected", STR_ARG(conf_shown(n->key)),
              type_phrase(n->type), expected);
}

static void wrong_value(struct fill *f, const struct node *n, const char *expected)
{
    f->ok = false;
    diags_add(f->diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" is \"" STR_FMT "\", %s is expected",
              STR_ARG(conf_shown(n->key)), STR_ARG(conf_shown(n->text)), expected);
}

static void fill_int(struct fill *f, const struct field_spec *s, const struct node *n, int64_t *out)
{
    int64_t v;

    if (n->type != NODE_NUMBER && n->type != NODE_STRING) {
        wrong_type(f, n, "a whole number");
    } else if (!num_i64(n->text, &v)) {
        wrong_value(f, n, "a whole number");
    } else if ((s->min || s->max) && (v < s->min || v > s->max)) {
        f->ok = false;
        diags_add(f->diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" is %lld, allowed is %lld to %lld",
                  STR_ARG(conf_shown(n->key)), (long long)v, (long long)s->min, (long long)s->max);
    } else {
        *out = v;
    }
}

static void fill_bool(struct fill *f, const struct node *n, bool *out)
{
    if (n->type == NODE_BOOL)
        *out = n->truth;
    else if (n->type == NODE_STRING && (str_eq(n->text, S("true")) || str_eq(n->text, S("false"))))
        *out = str_eq(n->text, S("true"));
    else
        wrong_type(f, n, "true or false");
}

static void fill_duration(struct fill *f, const struct node *n, int64_t *out)
{
    if (n->type != NODE_NUMBER && n->type != NODE_STRING)
        wrong_type(f, n, "a duration such as \"10s\" or \"5m\"");
    else if (!num_duration_ms(n->text, out))
        wrong_value(f, n, "a duration such as \"10s\", \"5m\", \"2h\" or \"1d\"");
}

static void fill_bytes(struct fill *f, const struct node *n, uint64_t *out)
{
    if (n->type != NODE_NUMBER && n->type != NODE_STRING)
        wrong_type(f, n, "a size such as \"20GB\"");
    else if (!num_bytes(n->text, out))
        wrong_value(f, n, "a size such as \"20GB\" or \"512MB\"");
}

static void fill_enum(struct fill *f, const struct field_spec *s, const struct node *n, int *out)
{
    size_t count = 0;

    if (n->type != NODE_STRING) {
        wrong_type(f, n, "a word");
        return;
    }
    for (; s->names[count]; count++)
        if (str_eq(n->text, str_of(s->names[count]))) {
            *out = (int)count;
            return;
        }
    f->ok = false;
    diags_add(f->diags, DIAG_ERROR, n->pos, "\"" STR_FMT "\" cannot be \"" STR_FMT "\"", STR_ARG(conf_shown(n->key)),
              STR_ARG(conf_shown(n->text)));
    diags_nearest(f->diags, str_nearest(n->text, s->names, count));
    if (count && count <= 12) {
        struct buf b = buf_make(4096);

        for (size_t i = 0; i < count; i++)
            buf_printf(&b, "%s%s", i ? ", " : "", s->names[i]);
        diags_remedy(f->diags, "one of %s", buf_cstr(&b));
        buf_free(&b);
    }
}

static void fill_strings(struct fill *f, const struct node *n, struct strs *out)
{
    const struct node *first = n->type == NODE_ARRAY ? n->child : n;
    size_t i = 0, count = n->type == NODE_ARRAY ? n->n_children : 1;
    bool ok = true;
    struct str *at;

    if (n->type != NODE_ARRAY && n->type != NODE_STRING) {
        wrong_type(f, n, "an array of texts");
        return;
    }
    at = arena_try(f->a, (count + 1) * sizeof *at);
    if (!at) {
        wrong_type(f, n, "an array of texts that memory has room for");
        return;
    }
    for (const struct node *c = first; i < count; c = c->next) {
        if (c->type != NODE_STRING) {
            ok = false;
            diags_add(f->diags, DIAG_ERROR, c->pos, "element %zu of \"" STR_FMT "\" is %s, a text is expected", i + 1,
                      STR_ARG(conf_shown(n->key)), type_phrase(c->type));
        }
        at[i++] = c->text;
    }
    f->ok &= ok;
    if (ok)
        *out = (struct strs){at, count};
}

static void fill_member(struct fill *f, const struct field_spec *s, const struct node *n)
{
    void *out = f->out + s->offset;

    switch (s->type) {
    case FIELD_STRING:
        if (n->type == NODE_STRING || n->type == NODE_NUMBER)
            *(struct str *)out = n->text;
        else
            wrong_type(f, n, "a text");
        break;
    case FIELD_INT:
        fill_int(f, s, n, out);
        break;
    case FIELD_BOOL:
        fill_bool(f, n, out);
        break;
    case FIELD_DURATION:
        fill_duration(f, n, out);
        break;
    case FIELD_BYTES:
        fill_bytes(f, n, out);
        break;
    case FIELD_ENUM:
        fill_enum(f, s, n, out);
        break;
    case FIELD_STRINGS:
        fill_strings(f, n, out);
        break;
    case FIELD_NODE:
        *(const struct node **)out = n;
        break;
    case FIELD_IGNORED:
        break;
    }
}

static const struct field_spec *find_spec(const struct field_spec *specs, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(str_of(specs[i].name), name))
            return &specs[i];
    return NULL;
}

static void tell_unknown(struct fill *f, const struct node *n, enum diag_level level)
{
    const char **names = mem_alloc((f->n_specs + 1) * sizeof *names);

    for (size_t i = 0; i < f->n_specs; i++)
        names[i] = f->specs[i].name;
    diags_add(f->diags, level, n->key_pos, "unknown key \"" STR_FMT "\"", STR_ARG(conf_shown(n->key)));
    diags_nearest(f->diags, str_nearest(n->key, names, f->n_specs));
    f->ok &= level != DIAG_ERROR;
    free(names);
}

/* An alias gives way to the name itself. */
static bool overruled(const struct node *obj, const struct field_spec *s)
{
    return s->alias_of && node_get(obj, s->alias_of);
}

static bool given(const struct fill *f, const struct node *obj, const struct field_spec *s)
{
    if (node_get(obj, s->name))
        return true;
    for (size_t i = 0; i < f->n_specs; i++)
        if (f->specs[i].alias_of && strcmp(f->specs[i].alias_of, s->name) == 0 && node_get(obj, f->specs[i].name))
            return true;
    return false;
}

/* lint: allow(parameters) what is read, by which table, into what, and where mistakes are told */
bool conf_fill(const struct node *obj, const struct field_spec *specs, size_t n_specs, void *out,
               enum diag_level unknown, struct arena *a, struct diags *diags)
{
    struct fill f = {specs, n_specs, out, a, diags, true};

    if (obj->type != NODE_OBJECT) {
        diags_add(diags, DIAG_ERROR, obj->pos, "%s stands here, an object is expected", type_phrase(obj->type));
        return false;
    }
    for (const struct node *n = obj->child; n; n = n->next) {
        const struct field_spec *s = find_spec(specs, n_specs, n->key);

        if (!s)
            tell_unknown(&f, n, unknown);
        else if (!overruled(obj, s))
            fill_member(&f, s, n);
    }
    for (size_t i = 0; i < n_specs; i++)
        if (specs[i].required && !specs[i].alias_of && !given(&f, obj, &specs[i])) {
            f.ok = false;
            diags_add(diags, DIAG_ERROR, obj->pos, "\"%s\" is missing", specs[i].name);
            diags_remedy(diags, "%s", specs[i].help ? specs[i].help : "");
        }
    return f.ok;
}
