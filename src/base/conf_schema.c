/* JSON Schema (draft 2020-12) of the tables that conf_fill reads by, so that editors complete and check what the program will accept. */
#include "base/conf.h"

static void write_members(const struct field_spec *specs, size_t n, enum diag_level unknown, struct json_out *w);

static void word(struct json_out *w, const char *key, const char *value)
{
    json_out_key(w, key);
    json_out_cstr(w, value);
}

static void write_strings(struct json_out *w)
{
    json_out_key(w, "anyOf");
    json_out_begin(w, '[');
    json_out_begin(w, '{');
    word(w, "type", "string");
    json_out_end(w, '}');
    json_out_begin(w, '{');
    word(w, "type", "array");
    json_out_key(w, "items");
    json_out_begin(w, '{');
    word(w, "type", "string");
    json_out_end(w, '}');
    json_out_end(w, '}');
    json_out_end(w, ']');
}

static void write_enum(const struct field_spec *s, struct json_out *w)
{
    json_out_key(w, "enum");
    json_out_begin(w, '[');
    for (size_t i = 0; s->names[i]; i++)
        json_out_cstr(w, s->names[i]);
    json_out_end(w, ']');
}

static void write_types(struct json_out *w, const char *a, const char *b)
{
    json_out_key(w, "type");
    json_out_begin(w, '[');
    json_out_cstr(w, a);
    json_out_cstr(w, b);
    json_out_end(w, ']');
}

static void write_int(const struct field_spec *s, struct json_out *w)
{
    word(w, "type", "integer");
    if (!s->min && !s->max)
        return;
    json_out_key(w, "minimum");
    json_out_int(w, s->min);
    json_out_key(w, "maximum");
    json_out_int(w, s->max);
}

/* A node that has a table of its own is an object, or an array of such objects. */
static void write_node_type(const struct field_spec *s, struct json_out *w)
{
    if (!s->members)
        return;
    json_out_key(w, "anyOf");
    json_out_begin(w, '[');
    json_out_begin(w, '{');
    write_members(s->members, s->n_members, DIAG_ERROR, w);
    json_out_end(w, '}');
    json_out_begin(w, '{');
    word(w, "type", "array");
    json_out_end(w, '}');
    json_out_begin(w, '{');
    word(w, "type", "string");
    json_out_end(w, '}');
    json_out_end(w, ']');
}

static void write_type(const struct field_spec *s, struct json_out *w)
{
    switch (s->type) {
    case FIELD_STRING:
        write_types(w, "string", "number");
        break;
    case FIELD_INT:
        write_int(s, w);
        break;
    case FIELD_BOOL:
        word(w, "type", "boolean");
        break;
    case FIELD_DURATION:
    case FIELD_BYTES:
        write_types(w, "string", "number");
        break;
    case FIELD_ENUM:
        write_enum(s, w);
        break;
    case FIELD_STRINGS:
        write_strings(w);
        break;
    case FIELD_NODE:
        write_node_type(s, w);
        break;
    case FIELD_IGNORED:
        break;
    }
}

static void write_members(const struct field_spec *specs, size_t n, enum diag_level unknown, struct json_out *w)
{
    word(w, "type", "object");
    json_out_key(w, "properties");
    json_out_begin(w, '{');
    for (size_t i = 0; i < n; i++) {
        json_out_key(w, specs[i].name);
        json_out_begin(w, '{');
        if (specs[i].help)
            word(w, "description", specs[i].help);
        write_type(&specs[i], w);
        json_out_end(w, '}');
    }
    json_out_end(w, '}');
    json_out_key(w, "required");
    json_out_begin(w, '[');
    for (size_t i = 0; i < n; i++)
        if (specs[i].required && !specs[i].alias_of)
            json_out_cstr(w, specs[i].name);
    json_out_end(w, ']');
    json_out_key(w, "additionalProperties");
    json_out_bool(w, unknown != DIAG_ERROR);
}

void conf_schema(const struct field_spec *specs, size_t n_specs, enum diag_level unknown, struct json_out *w)
{
    json_out_begin(w, '{');
    word(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    write_members(specs, n_specs, unknown, w);
    json_out_end(w, '}');
}
