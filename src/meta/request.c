/* The parameters of a call: a group of fields, with those of a takeOverRequest in the place of the fields of the same
 * name.
 *
 * Fields without a value, or whose value is null, are not sent (decisions 8); empty text is, and the connector's wire
 * form decides what becomes of it. */
#include "meta/column_impl.h"

struct request {
    const struct column **at;
    size_t n;
};

static const struct meta_field *replaced(const struct meta_field *f, struct meta_fields over)
{
    for (size_t i = 0; i < over.n; i++)
        if (str_eq(over.at[i].field, f->field))
            return &over.at[i];
    return f;
}

static bool is_among(struct str name, struct meta_fields group)
{
    for (size_t i = 0; i < group.n; i++)
        if (str_eq(group.at[i].field, name))
            return true;
    return false;
}

static bool add(struct compile *c, struct request *r, const struct meta_field *f, const struct maps *maps)
{
    r->at[r->n] = column_compile(c, f, maps);
    return r->at[r->n] && ++r->n;
}

const struct request *request_compile(struct compile *c, struct meta_fields group, struct meta_fields over,
                                      const struct maps *maps)
{
    struct request *r = ARENA_NEW(c->arena, struct request);
    bool ok = true;

    r->at = ARENA_ARRAY(c->arena, const struct column *, group.n + over.n);
    for (size_t i = 0; i < group.n; i++)
        ok &= add(c, r, replaced(&group.at[i], over), maps);
    for (size_t i = 0; i < over.n; i++)
        if (!is_among(over.at[i].field, group))
            ok &= add(c, r, &over.at[i], maps);
    return ok ? r : NULL;
}

enum err request_render(const struct request *r, struct env *env, struct params *ret, struct errinfo *ei)
{
    struct params out = {.at = ARENA_ARRAY(env->arena, struct param, r->n)};

    for (size_t i = 0; i < r->n; i++) {
        struct param p = {.name = r->at[i]->name};
        enum err e = column_value(r->at[i], env, &p.value, ei);

        if (e)
            return e;
        if (p.value.kind == VALUE_NULL)
            continue;
        p.json = value_is_json_text(&p.value);
        p.value.truth = false;
        if (r->at[i]->type == CAST_BOOL)
            p.value = value_bool(p.value.n == 1 && p.value.p[0] == '1');
        out.at[out.n++] = p;
    }
    *ret = out;
    return OK;
}

const struct column *request_column(const struct request *r, size_t i)
{
    return r->at[i];
}
