/* The JSON Schemas of a project's files, by name, each from the tables that read it. */
#include "project/reading.h"

const char *const project_schema_names[] = {"project", "connection", "integration", "source",
                                            "target",  "map",        "connector",   NULL};

static void word(struct json_out *w, const char *key, const char *value)
{
    json_out_key(w, key);
    json_out_cstr(w, value);
}

/* The one file that is no object: rows of four scalars, which meta/ reads. */
static void map_schema(struct json_out *w)
{
    static const char *const members[][2] = {{"a_value", "What the source says."},
                                             {"a_label", "For people."},
                                             {"b_value", "What the target says."},
                                             {"b_label", "For people."}};

    json_out_begin(w, '{');
    word(w, "$schema", "https://json-schema.org/draft/2020-12/schema");
    word(w, "type", "array");
    json_out_key(w, "items");
    json_out_begin(w, '{');
    word(w, "type", "object");
    json_out_key(w, "properties");
    json_out_begin(w, '{');
    for (size_t i = 0; i < 4; i++) {
        json_out_key(w, members[i][0]);
        json_out_begin(w, '{');
        word(w, "description", members[i][1]);
        json_out_end(w, '}');
    }
    json_out_end(w, '}');
    json_out_key(w, "required");
    json_out_raw(w, S("[\"a_value\",\"b_value\"]"));
    json_out_end(w, '}');
    json_out_end(w, '}');
}

static void table_schema(const struct project_table *t, struct json_out *w)
{
    conf_schema(t->specs, t->n, DIAG_WARNING, w);
}

bool project_schema(struct str name, struct buf *out)
{
    struct json_out w = json_out(out);

    if (str_eq(name, S("project")))
        table_schema(&table_settings, &w);
    else if (str_eq(name, S("connection")))
        table_schema(&table_project_connection, &w);
    else if (str_eq(name, S("integration")))
        table_schema(&table_integration, &w);
    else if (str_eq(name, S("source")) || str_eq(name, S("target")))
        meta_schema(str_eq(name, S("source")) ? SIDE_SOURCE : SIDE_TARGET, &w);
    else if (str_eq(name, S("map")))
        map_schema(&w);
    else if (str_eq(name, S("connector")))
        connector_schema(&w);
    else
        return false;
    return true;
}
