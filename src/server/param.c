/* From text and JSON to checked values. A parameter that the row does not know is refused, as is one that comes twice:
 * a caller who mistypes a name is told, instead of getting what nobody asked for. In a body types are exact ("5" is no
 * number); in paths and queries all is text and read strictly. */
#include "server/param.h"

#include "base/clock.h"
#include "base/num.h"
#include "server/uri.h"

#define TEXT_MAX     4096
#define ELEMENTS_MAX 10000
#define NAMES_MAX    64

static const char *const places[] = {"path", "query", "body"};

static enum err wrong(const struct route_param *p, struct errinfo *ei, const char *what)
{
    return fail(ei, ERR_USAGE, "parameter \"%s\" in the %s %s", p->name, places[p->in], what);
}

static enum err check_text(const struct route_param *p, struct str s, struct errinfo *ei)
{
    int64_t most = p->max ? p->max : p->in == IN_BODY ? INT64_MAX : TEXT_MAX;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == 0x7f || (c < 0x20 && (p->in != IN_BODY || (c != '\t' && c != '\n' && c != '\r'))))
            return wrong(p, ei, "holds a control character");
    }
    if ((int64_t)s.n < p->min)
        return wrong(p, ei, p->min == 1 ? "is empty" : "is too short");
    if ((int64_t)s.n > most)
        return fail(ei, ERR_USAGE, "parameter \"%s\" in the %s has %zu bytes; %lld is the most", p->name, places[p->in],
                    s.n, (long long)most);
    return OK;
}

static enum err take_int(const struct route_param *p, struct str digits, struct param_value *v, struct errinfo *ei)
{
    bool ranged = p->min || p->max;

    if (!num_i64(digits, &v->number))
        return wrong(p, ei, "is not an integer of at most 64 bits");
    if (ranged && (v->number < p->min || v->number > p->max))
        return fail(ei, ERR_USAGE, "parameter \"%s\" in the %s is out of range: %lld to %lld", p->name, places[p->in],
                    (long long)p->min, (long long)p->max);
    return OK;
}

static enum err take_enum(const struct route_param *p, struct param_value *v, struct errinfo *ei)
{
    size_t n = 0;
    const char *near;

    for (; p->names[n]; n++) {
        if (str_eq(v->text, str_of(p->names[n]))) {
            v->number = (int64_t)n;
            return OK;
        }
    }
    near = str_nearest(v->text, p->names, n);
    wrong(p, ei, "is none of its words");
    if (near)
        return fail_hint(ei, "did you mean \"%s\"?", near);
    return fail_hint(ei, "the document at /api/v1/openapi.json lists them");
}

static enum err take_time(const struct route_param *p, const struct param_source *from, struct param_value *v,
                          struct errinfo *ei)
{
    bool ok = from->time ? from->time(from->ctx, v->text, &v->unix_ms) : time_parse(v->text, NULL, &v->unix_ms);

    if (ok)
        return OK;
    wrong(p, ei, "is not a time");
    return fail_hint(ei, "write it as 2026-03-01T08:30:00+08:00, 2026-03-01 08:30:00 or 2026-03-01");
}

/* What is text in every place: strings, times, words. */
static enum err take_text(const struct route_param *p, const struct param_source *from, struct str s,
                          struct param_value *v, struct errinfo *ei)
{
    enum err err = check_text(p, s, ei);

    v->text = s;
    if (!err && p->type == PARAM_ENUM)
        err = take_enum(p, v, ei);
    if (!err && p->type == PARAM_TIME)
        err = take_time(p, from, v, ei);
    return err;
}

static enum err check_count(const struct route_param *p, size_t n, struct errinfo *ei)
{
    size_t most = p->max ? (size_t)p->max : ELEMENTS_MAX;

    if (n > most)
        return fail(ei, ERR_USAGE, "parameter \"%s\" in the %s has %zu elements; %zu is the most", p->name,
                    places[p->in], n, most);
    return (int64_t)n < p->min ? wrong(p, ei, "has too few elements") : OK;
}

static enum err split_list(const struct route_param *p, struct str s, struct arena *a, struct param_value *v,
                           struct errinfo *ei)
{
    struct str *at, rest = s, one;
    size_t n = s.n ? 1 : 0;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == ',';
    if (check_count(p, n, ei))
        return ERR_USAGE;
    at = ARENA_ARRAY(a, struct str, n ? n : 1);
    for (size_t i = 0; i < n && str_cut(&rest, ',', &one); i++)
        at[i] = one;
    v->text = s;
    v->list = (struct strs){at, n};
    return OK;
}

static enum err from_text(const struct route_param *p, const struct param_source *from, struct str raw,
                          struct param_value *v, struct errinfo *ei)
{
    struct str s;

    if (!uri_decode(raw, p->in == IN_QUERY, from->arena, &s))
        return wrong(p, ei, "is not percent-encoded UTF-8 without control characters");
    v->given = true;
    switch (p->type) {
    case PARAM_INT:
        return take_int(p, s, v, ei);
    case PARAM_BOOL:
        v->truth = str_eq(s, S("true")) || str_eq(s, S("1"));
        return v->truth || str_eq(s, S("false")) || str_eq(s, S("0")) ? OK : wrong(p, ei, "is not true or false");
    case PARAM_STRINGS:
        return split_list(p, s, from->arena, v, ei);
    default:
        return take_text(p, from, s, v, ei);
    }
}

static enum err list_of_json(const struct route_param *p, const struct json *array, struct arena *a,
                             struct param_value *v, struct errinfo *ei)
{
    struct json_iter it = json_iter(array);
    struct route_param element = {.name = p->name, .in = IN_BODY, .type = PARAM_STRING, .max = TEXT_MAX};
    const struct json *e;
    struct str *at;
    size_t n = json_count(array), i = 0;

    if (check_count(p, n, ei))
        return ERR_USAGE;
    at = ARENA_ARRAY(a, struct str, n ? n : 1);
    while ((e = json_next(&it, NULL))) {
        if (json_type(e) != JSON_STRING)
            return wrong(p, ei, "has an element that is not a string");
        at[i] = json_text(e);
        if (check_text(&element, at[i++], ei))
            return ERR_USAGE;
    }
    v->list = (struct strs){at, n};
    return OK;
}

static enum err from_json(const struct route_param *p, const struct param_source *from, const struct json *j,
                          struct param_value *v, struct errinfo *ei)
{
    static const enum json_type want[] = {JSON_STRING, JSON_NUMBER, JSON_STRING, JSON_BOOL,
                                          JSON_STRING, JSON_ARRAY,  JSON_OBJECT, JSON_NONE};
    enum json_type type = json_type(j);

    if (want[p->type] != JSON_NONE && type != want[p->type])
        return fail(ei, ERR_USAGE, "parameter \"%s\" in the body is %s where %s is wanted", p->name,
                    json_type_name(type), json_type_name(want[p->type]));
    v->given = true;
    v->json = j;
    switch (p->type) {
    case PARAM_INT:
        return take_int(p, json_text(j), v, ei);
    case PARAM_BOOL:
        v->truth = json_true(j);
        return OK;
    case PARAM_STRINGS:
        return list_of_json(p, j, from->arena, v, ei);
    case PARAM_OBJECT:
    case PARAM_JSON:
        return OK;
    default:
        return take_text(p, from, json_text(j), v, ei);
    }
}

/* Finds the row's parameter. ERR_USAGE when it has none of that name there, or it was given before. */
static enum err find(const struct route *r, enum param_in in, struct str name, const struct param_value *values,
                     size_t *ret, struct errinfo *ei)
{
    const char *names[NAMES_MAX], *near;
    size_t n = 0;

    for (size_t i = 0; i < r->n_params; i++) {
        if (r->params[i].in != in)
            continue;
        if (str_eq(name, str_of(r->params[i].name))) {
            *ret = i;
            return values[i].given ? fail(ei, ERR_USAGE, "parameter \"%s\" comes twice", r->params[i].name) : OK;
        }
        if (n < NAMES_MAX)
            names[n++] = r->params[i].name;
    }
    near = str_nearest(name, names, n);
    fail(ei, ERR_USAGE, "unknown parameter \"" STR_FMT "\" in the %s", STR_ARG(name), places[in]);
    return near ? fail_hint(ei, "did you mean \"%s\"?", near) : ERR_USAGE;
}

static enum err take_path(const struct route *r, const struct param_source *from, struct param_value *values,
                          struct errinfo *ei)
{
    struct str rest = str_of(r->path), part;
    size_t n = 0, i = 0;
    enum err err = OK;

    while (!err && str_cut(&rest, '/', &part)) {
        if (part.n < 3 || part.p[0] != '{' || n >= from->n_segments)
            continue;
        err = find(r, IN_PATH, str_sub(part, 1, part.n - 2), values, &i, ei);
        err = err ? err : from_text(&r->params[i], from, from->segments[n++], &values[i], ei);
    }
    return err;
}

static enum err take_query(const struct route *r, const struct param_source *from, struct param_value *values,
                           struct errinfo *ei)
{
    struct str rest = from->query, name, value;
    enum err err = OK;
    size_t i = 0;

    while (!err && uri_pair(&rest, &name, &value)) {
        if (!uri_decode(name, true, from->arena, &name))
            return fail(ei, ERR_USAGE, "the query is not percent-encoded UTF-8 without control characters");
        err = find(r, IN_QUERY, name, values, &i, ei);
        err = err ? err : from_text(&r->params[i], from, value, &values[i], ei);
    }
    return err;
}

static enum err take_body(const struct route *r, const struct param_source *from, struct param_value *values,
                          struct errinfo *ei)
{
    struct json_iter it = json_iter(from->body);
    const struct json *j;
    struct str name;
    enum err err = OK;
    size_t i = 0;

    while (!err && (j = json_next(&it, &name))) {
        err = find(r, IN_BODY, name, values, &i, ei);
        err = err || json_type(j) == JSON_NULL ? err : from_json(&r->params[i], from, j, &values[i], ei);
    }
    return err;
}

enum err params_check(const struct route *route, const struct param_source *from, struct param_value *values,
                      struct errinfo *ei)
{
    enum err err = take_path(route, from, values, ei);

    err = err ? err : take_query(route, from, values, ei);
    err = err ? err : take_body(route, from, values, ei);
    for (size_t i = 0; !err && i < route->n_params; i++)
        if ((route->params[i].required || route->params[i].in == IN_PATH) && !values[i].given)
            err = wrong(&route->params[i], ei, "is missing");
    return err;
}
