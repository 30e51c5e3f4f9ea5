/* The OpenAPI 3.1 document, from the rows that the gate reads: what is written here is what is checked there. Schemas
 * of answers are described in short (schema.h), the server's own below, others given by the caller. */
#include "base/product.h"
#include "server/impl.h"
#include "server/schema.h"

#include <stdio.h>

#define ROLE "'viewer'|'operator'|'admin'"

static const struct answer_schema own_schemas[] = {
    {"error", "{error: {code: text, message: text, hint: text}}"},
    {"session", "{user: text?, role: 'none'|'viewer'|'operator'|'admin', csrf: text, login_required: bool, "
                "setup_required: bool, version: text, project?: text, timezone?: text, language?: text}"},
    {"user", "{name: text, role: " ROLE ", created: time}"},
    {"users", "{users: [user]}"},
    {"token", "{id: text, name: text, role: " ROLE ", created: time, used: text?, token?: text}"},
    {"tokens", "{tokens: [token]}"},
    {"audit", "{entries: [{n: int, at: time, user: text, address: text, method: text, path: text, status: int, "
              "before: any, after: any, prev: text, hash: text}], next: int?, intact: bool, broken_at?: int}"},
};

#define N_OWN_SCHEMAS (sizeof own_schemas / sizeof *own_schemas)

static void member(struct json_out *w, const char *key, const char *text)
{
    json_out_key(w, key);
    json_out_cstr(w, text);
}

static void member_raw(struct json_out *w, const char *key, const char *json)
{
    json_out_key(w, key);
    json_out_raw(w, str_of(json));
}

static void put_bounds(struct json_out *w, const struct route_param *p, const char *least, const char *most)
{
    if (p->min || (p->max && p->type == PARAM_INT)) {
        json_out_key(w, least);
        json_out_int(w, p->min);
    }
    if (p->max || (p->min && p->type == PARAM_INT)) {
        json_out_key(w, most);
        json_out_int(w, p->max);
    }
}

static void put_type(struct json_out *w, const struct route_param *p)
{
    json_out_begin(w, '{');
    switch (p->type) {
    case PARAM_INT:
        member(w, "type", "integer");
        put_bounds(w, p, "minimum", "maximum");
        break;
    case PARAM_BOOL:
        member(w, "type", "boolean");
        break;
    case PARAM_ENUM:
        member(w, "type", "string");
        json_out_key(w, "enum");
        json_out_begin(w, '[');
        for (size_t i = 0; p->names[i]; i++)
            json_out_cstr(w, p->names[i]);
        json_out_end(w, ']');
        break;
    case PARAM_STRINGS:
        member(w, "type", "array");
        member_raw(w, "items", "{\"type\":\"string\"}");
        put_bounds(w, p, "minItems", "maxItems");
        break;
    case PARAM_OBJECT:
        member(w, "type", "object");
        break;
    case PARAM_JSON:
        break;
    default:
        member(w, "type", "string");
        put_bounds(w, p, "minLength", "maxLength");
    }
    if (p->in == IN_BODY)
        member(w, "description", p->help);
    json_out_end(w, '}');
}

static void put_parameters(struct json_out *w, const struct route *r)
{
    json_out_key(w, "parameters");
    json_out_begin(w, '[');
    for (size_t i = 0; i < r->n_params; i++) {
        const struct route_param *p = &r->params[i];

        if (p->in == IN_BODY)
            continue;
        json_out_begin(w, '{');
        member(w, "name", p->name);
        member(w, "in", p->in == IN_PATH ? "path" : "query");
        json_out_key(w, "required");
        json_out_bool(w, p->required || p->in == IN_PATH);
        member(w, "description", p->help);
        json_out_key(w, "schema");
        put_type(w, p);
        if (p->type == PARAM_STRINGS) {
            member(w, "style", "form");
            json_out_key(w, "explode");
            json_out_bool(w, false);
        }
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
}

static void put_body(struct json_out *w, const struct route *r)
{
    size_t n = 0, n_required = 0;

    for (size_t i = 0; i < r->n_params; i++) {
        n += r->params[i].in == IN_BODY;
        n_required += r->params[i].in == IN_BODY && r->params[i].required;
    }
    if (!n)
        return;
    json_out_key(w, "requestBody");
    json_out_begin(w, '{');
    json_out_key(w, "required");
    json_out_bool(w, n_required > 0);
    json_out_key(w, "content");
    json_out_begin(w, '{');
    json_out_key(w, "application/json");
    json_out_begin(w, '{');
    json_out_key(w, "schema");
    json_out_begin(w, '{');
    member(w, "type", "object");
    member_raw(w, "additionalProperties", "false");
    json_out_key(w, "required");
    json_out_begin(w, '[');
    for (size_t i = 0; i < r->n_params; i++)
        if (r->params[i].in == IN_BODY && r->params[i].required)
            json_out_cstr(w, r->params[i].name);
    json_out_end(w, ']');
    json_out_key(w, "properties");
    json_out_begin(w, '{');
    for (size_t i = 0; i < r->n_params; i++) {
        if (r->params[i].in != IN_BODY)
            continue;
        json_out_key(w, r->params[i].name);
        put_type(w, &r->params[i]);
    }
    for (int i = 0; i < 5; i++)
        json_out_end(w, '}');
}

static void put_ref(struct json_out *w, const char *schema)
{
    char ref[160];

    (void)snprintf(ref, sizeof ref, "#/components/schemas/%s", schema);
    json_out_key(w, "schema");
    json_out_begin(w, '{');
    member(w, "$ref", ref);
    json_out_end(w, '}');
}

static void put_content(struct json_out *w, const struct route *r)
{
    struct str type = str_of(r->type ? r->type : "application/json"), plain;

    if (r->status == 204 || (!r->type && !r->answer))
        return;
    (void)str_cut(&type, ';', &plain);
    json_out_key(w, "content");
    json_out_begin(w, '{');
    json_out_key_str(w, plain);
    json_out_begin(w, '{');
    if (r->answer)
        put_ref(w, r->answer);
    else
        member_raw(w, "schema", "{\"type\":\"string\"}");
    json_out_end(w, '}');
    json_out_end(w, '}');
}

static void put_responses(struct json_out *w, const struct route *r)
{
    char status[12];

    (void)snprintf(status, sizeof status, "%d", r->status ? r->status : 200);
    json_out_key(w, "responses");
    json_out_begin(w, '{');
    json_out_key(w, status);
    json_out_begin(w, '{');
    member(w, "description", r->status == 202 ? "taken on" : "done");
    put_content(w, r);
    json_out_end(w, '}');
    json_out_key(w, "default");
    json_out_begin(w, '{');
    member(w, "description", "refused or failed");
    json_out_key(w, "content");
    json_out_begin(w, '{');
    json_out_key(w, "application/json");
    json_out_begin(w, '{');
    put_ref(w, "error");
    for (int i = 0; i < 4; i++)
        json_out_end(w, '}');
}

/* "get" and "/api/v1/users/{name}" → "get_users_name" */
static void put_id(struct json_out *w, const char *method, const char *path)
{
    char id[200];
    size_t n = 0;

    for (; *method; method++)
        id[n++] = (char)(*method | 32);
    if (strncmp(path, "/api/v1", 7) == 0)
        path += 7;
    for (; *path && n < sizeof id - 1; path++)
        if (*path != '{' && *path != '}')
            id[n++] = *path == '/' || *path == '.' || *path == '-' ? '_' : *path;
    id[n] = 0;
    member(w, "operationId", id);
}

static void put_operation(struct json_out *w, const struct route *r)
{
    char method[8] = "";

    for (size_t i = 0; r->method[i] && i < sizeof method - 1; i++)
        method[i] = (char)(r->method[i] | 32);
    json_out_key(w, method);
    json_out_begin(w, '{');
    member(w, "summary", r->summary);
    put_id(w, r->method, r->path);
    member(w, "x-role", role_name(r->role));
    put_parameters(w, r);
    put_body(w, r);
    put_responses(w, r);
    json_out_key(w, "security");
    json_out_raw(w, r->role == ROLE_NONE ? S("[]") : S("[{\"token\":[]},{\"session\":[]}]"));
    json_out_end(w, '}');
}

/* The rows of one path stand together in the document, wherever they stand in the tables. */
static const struct route *row_at(const struct server *s, size_t i)
{
    if (i < n_own_routes)
        return &own_routes[i];
    return i - n_own_routes < s->o.n_routes ? &s->o.routes[i - n_own_routes] : NULL;
}

static bool path_seen(const struct server *s, size_t before, const char *path)
{
    for (size_t i = 0; i < before; i++)
        if (strcmp(row_at(s, i)->path, path) == 0)
            return true;
    return false;
}

static void put_paths(const struct server *s, struct json_out *w)
{
    const struct route *r, *other;

    json_out_key(w, "paths");
    json_out_begin(w, '{');
    for (size_t i = 0; (r = row_at(s, i)); i++) {
        if (path_seen(s, i, r->path))
            continue;
        json_out_key(w, r->path);
        json_out_begin(w, '{');
        for (size_t k = i; (other = row_at(s, k)); k++)
            if (strcmp(other->path, r->path) == 0)
                put_operation(w, other);
        json_out_end(w, '}');
    }
    json_out_end(w, '}');
}

static void put_schemas(struct json_out *w, const struct answer_schema *schemas, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_out_key(w, schemas[i].name);
        schema_write(w, schemas[i].text);
    }
}

static bool has_schema(const struct answer_schema *schemas, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(schemas[i].name, name) == 0)
            return true;
    return false;
}

/* A name that no table describes is an object of whatever members: what refers to it finds it. */
static void put_undescribed(const struct server *s, struct json_out *w)
{
    const struct route *r, *before;

    for (size_t i = 0; (r = row_at(s, i)); i++) {
        bool known = !r->answer || has_schema(own_schemas, N_OWN_SCHEMAS, r->answer) ||
                     has_schema(s->o.schemas, s->o.n_schemas, r->answer);

        for (size_t k = 0; !known && k < i; k++) {
            before = row_at(s, k);
            known = before->answer && strcmp(before->answer, r->answer) == 0;
        }
        if (!known)
            member_raw(w, r->answer, "{\"type\":\"object\"}");
    }
}

void openapi_write(const struct server *s, struct buf *out)
{
    struct json_out w = json_out(out);

    json_out_begin(&w, '{');
    member(&w, "openapi", "3.1.0");
    json_out_key(&w, "info");
    json_out_begin(&w, '{');
    member(&w, "title", PRODUCT);
    member(&w, "version", PRODUCT_VERSION);
    json_out_end(&w, '}');
    put_paths(s, &w);
    json_out_key(&w, "components");
    json_out_begin(&w, '{');
    json_out_key(&w, "schemas");
    json_out_begin(&w, '{');
    put_schemas(&w, own_schemas, N_OWN_SCHEMAS);
    put_schemas(&w, s->o.schemas, s->o.n_schemas);
    put_undescribed(s, &w);
    json_out_end(&w, '}');
    json_out_key(&w, "securitySchemes");
    json_out_begin(&w, '{');
    member_raw(&w, "token", "{\"type\":\"http\",\"scheme\":\"bearer\"}");
    json_out_key(&w, "session");
    json_out_begin(&w, '{');
    member(&w, "type", "apiKey");
    member(&w, "in", "cookie");
    member(&w, "name", cookie_name(s));
    for (int i = 0; i < 4; i++)
        json_out_end(&w, '}');
}
