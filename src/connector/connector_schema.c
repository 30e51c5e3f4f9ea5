/* The JSON Schema of connector documents and their reference in Markdown, both from the tables that read them. Objects
 * whose members have names of their own (signing methods, paging modes) stand in the schema as objects of any shape;
 * the reader checks them. docs/connectors.md holds the reference, and a test keeps it equal to this. */
#include "connector/connector_model.h"

struct chapter {
    const char *title;
    const struct table *table;
};
static const struct chapter chapters[] = {
    {"The document", &table_connector},
    {"`options[]`", &table_option},
    {"`request`", &table_request},
    {"`request.system[]`, `request.headers[]`", &table_sent},
    {"`clock`", &table_clock},
    {"`sign`", &table_sign},
    {"`sign.methods.NAME`", &table_sign_method},
    {"`token`", &table_token},
    {"`token.login`, `token.refresh`", &table_token_call},
    {"`reply`", &table_reply},
    {"`reply.failures[]`", &table_failure},
    {"Conditions: `where`, `success`", &table_condition},
    {"`reply.wait`", &table_wait},
    {"`codes[]`", &table_code},
    {"`quota`", &table_quota},
    {"`paging`, `interfaces[].paging`, `interfaces[].paging_modes.NAME`", &table_paging},
    {"`window`, `interfaces[].window`", &table_window},
    {"`interfaces[]`", &table_iface},
    {"`interfaces[].params[]`, `interfaces[].fields[]`", &table_iface_field},
    {"`interfaces[].aliases[]`", &table_alias},
};

void connector_schema(struct json_out *w)
{
    conf_schema(table_connector.specs, table_connector.n, DIAG_ERROR, w);
}

static void write_type(const struct field_spec *f, struct buf *out)
{
    static const char *const names[] = {
        [FIELD_STRING] = "text",
        [FIELD_INT] = "whole number",
        [FIELD_BOOL] = "true or false",
        [FIELD_DURATION] = "time",
        [FIELD_BYTES] = "size",
        [FIELD_ENUM] = "word",
        [FIELD_STRINGS] = "text or list of texts",
        [FIELD_NODE] = "see text",
        [FIELD_IGNORED] = "any",
    };

    if (f->type == FIELD_NODE && f->n_members) {
        buf_add(out, S("see below"));
        return;
    }
    if (f->type != FIELD_ENUM) {
        buf_add(out, str_of(names[f->type]));
        return;
    }
    for (size_t i = 0; f->names[i]; i++)
        buf_printf(out, "%s`%s`", i ? " " : "", f->names[i]);
}

void connector_reference(struct buf *out)
{
    for (size_t c = 0; c < sizeof chapters / sizeof *chapters; c++) {
        const struct table *t = chapters[c].table;

        buf_printf(out, "%s### %s\n\n| member | value | meaning |\n|---|---|---|\n", c ? "\n" : "", chapters[c].title);
        for (size_t i = 0; i < t->n; i++) {
            buf_printf(out, "| `%s`%s | ", t->specs[i].name, t->specs[i].required ? " (required)" : "");
            write_type(&t->specs[i], out);
            buf_printf(out, " | %s |\n", t->specs[i].help);
        }
    }
}
