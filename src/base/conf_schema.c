/* JSON Schema (draft 2020-12) of the tables that conf_fill reads by, so that editors complete and check what the
 * program will accept.
 *
 * One table's schema may hold others: a member with a table of its own is an object of that table, an array of such
 * objects, or a text that names one. The tables are ours and nest a few levels; the writer's 64 levels end a table that
 * would hold itself. Unknown members are allowed where the reader only warns of them. */
#include "base/conf.h"

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

static void write_scalar_type(const struct field_spec *s, struct json_out *w)
{
    switch (s->type) {
    case FIELD_STRING:
    case FIELD_DURATION:
    case FIELD_BYTES:
        write_types(w, "string", "number");
        break;
    case FIELD_INT:
        write_int(s, w);
        break;
    case FIELD_BOOL:
        word(w, "type", "boolean");
        break;
    case FIELD_ENUM:
        write_enum(s, w);
        break;
    case FIELD_STRINGS:
        write_strings(w);
        break;
    case FIELD_NODE:
    case FIELD_IGNORED:
        break;
    }
}

/* An alias in the document may stand for it, so that the name itself cannot be required. */
static bool has_alias(const struct field_spec *specs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (specs[i].alias_of && strcmp(specs[i].alias_of, name) == 0)
            return true;
    return false;
}

static void write_required(const struct field_spec *specs, size_t n, struct json_out *w)
{
    json_out_key(w, "required");
    json_out_begin(w, '[');
    for (size_t i = 0; i < n; i++)
        if (specs[i].required && !specs[i].alias_of && !has_alias(specs, n, specs[i].name))
            json_out_cstr(w, specs[i].name);
    json_out_end(w, ']');
}

static void write_types_of_table(struct json_out *w)
{
    json_out_key(w, "type");
    json_out_begin(w, '[');
    json_out_cstr(w, "object");
    json_out_cstr(w, "array");
    json_out_cstr(w, "string");
    json_out_end(w, ']');
}

/* What the schema says of members binds objects only, and of items arrays only: so a list may hold lists besides. */
static void write_members(const struct field_spec *specs, size_t n, enum diag_level unknown, struct json_out *w)
{
    json_out_key(w, "properties");
    json_out_begin(w, '{');
    for (size_t i = 0; i < n && !w->b->failed; i++) {
        const struct field_spec *s = &specs[i];

        json_out_key(w, s->name);
        json_out_begin(w, '{');
        if (s->help)
            word(w, "description", s->help);
        write_scalar_type(s, w);
        if (s->members && s->by_name) {
            word(w, "type", "object");
            json_out_key(w, "additionalProperties");
            json_out_begin(w, '{');
            write_members(s->members, s->n_members, unknown, w);
            json_out_end(w, '}');
        } else if (s->members) {
            write_types_of_table(w);
            json_out_key(w, "items");
            json_out_begin(w, '{');
            write_members(s->members, s->n_members, unknown, w);
            json_out_end(w, '}');
            write_members(s->members, s->n_members, unknown, w);
        }
        json_out_end(w, '}');
    }
    json_out_end(w, '}');
    write_required(specs, n, w);
    json_out_key(w, "additionalProperties");
    json_out_bool(w, unknown != DIAG_ERROR);
}

void conf_schema(const struct field_spec *specs, size_t n_specs, enum diag_level unknown, struct json_out *w)
{
    json_out_begin(w, '{');
    word(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    word(w, "type", "object");
    write_members(specs, n_specs, unknown, w);
    json_out_end(w, '}');
}
