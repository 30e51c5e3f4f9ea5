/* What an integration declares of rows that vanish and of versions, checked against its statements.
 *
 * Taking rows away is the one thing here that could destroy data that nobody asked to lose: it is allowed only where
 * the parent's column is made of the record's own id, so that no other record can share it, and where a column holds
 * the target's id. */
#include "flow/statements.h"

/* The bind that alone fills a column of the main statement; SIZE_MAX: none does. */
static size_t plain_bind(const struct flow *f, struct str column)
{
    const struct statement *s = &f->statements[0];
    size_t k = 0;

    for (size_t i = 0; i < s->columns.n; i++) {
        size_t n = s->values ? s->values[i].templates.n : 1;

        if (str_eq_nocase(s->columns.at[i], column))
            return n == 1 && (!s->values || str_eq(s->values[i].sql, S("?"))) ? k : SIZE_MAX;
        k += n;
    }
    return SIZE_MAX;
}

struct place {
    struct diags *diags;
    struct pos pos;
};

static bool refuse(const struct place *p, const char *what, struct str column, const char *remedy)
{
    diags_add(p->diags, DIAG_ERROR, p->pos, what, STR_ARG(column));
    diags_remedy(p->diags, "%s", remedy);
    return false;
}

/* May this byte be part of a field's name or path? */
static bool in_path(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == '-' || c == '.' ||
           c >= 0x80;
}

/* Does the text name this field? {so_id} and {items.o_id} are not {o_id}. */
static bool names_field(struct str text, struct str field)
{
    for (size_t at = str_find(text, field, 0); at != SIZE_MAX; at = str_find(text, field, at + 1)) {
        size_t end = at + field.n;

        if ((!at || !in_path((unsigned char)text.p[at - 1])) && (end == text.n || !in_path((unsigned char)text.p[end])))
            return true;
    }
    return false;
}

/* Is the column filled from the record's id, so that it tells records apart? */
static bool names_record(const struct flow *f, struct str column)
{
    const struct meta_doc *s = f->integration->source_doc, *t = f->integration->target_doc;
    struct str id = s->id.n ? s->id : f->iface->id;
    const struct meta_field *field = NULL;

    for (size_t i = 0; i < t->request.n; i++)
        if (str_eq_nocase(t->request.at[i].field, column))
            field = &t->request.at[i];
    return field && id.n && names_field(meta_text(field), id);
}

static bool compile_gone(struct flow *f, struct diags *diags)
{
    const struct integration *i = f->integration;
    struct gone_rule *g = &f->sink_spec.gone;
    const struct place at = {diags, i->gone_pos};
    bool one_row = !i->source_doc->beat_flat.n;

    *g = (struct gone_rule){i->child_gone, i->left_filter, i->parent, f->id_column, i->mark_column, 0};
    if (!sink_removes(&f->sink_spec))
        return true;
    if (f->sink_spec.one_record_each)
        return refuse(&at, "`children` and `left_filter` need \"batchexecute\"" STR_FMT, (struct str){0},
                      "write the rows by batchexecute, or leave both out");
    if (!g->id.n)
        return refuse(&at, "`children` and `left_filter` need a column that holds the target's id" STR_FMT,
                      (struct str){0}, "name a column of request[] in the target document's `id`");
    if (!g->parent.n && !one_row)
        return refuse(&at, "`left_filter` needs `children.parent`: a record gives several rows" STR_FMT,
                      (struct str){0}, "name the column that all rows of a record share, such as o_id");
    if (!g->parent.n)
        g->parent = g->id;
    g->parent_bind = plain_bind(f, g->parent);
    if (g->parent_bind == SIZE_MAX)
        return refuse(&at, "`children.parent` \"" STR_FMT "\" is no column that one field of request[] fills",
                      g->parent, "name a column of main_sql");
    if (!names_record(f, g->parent))
        return refuse(&at, "column " STR_FMT " is not made of the source's id: rows of other records could go with it",
                      g->parent, "name the column that holds the id of the source's record");
    return true;
}

static bool compile_guard(struct flow *f, struct diags *diags)
{
    struct guard_rule *g = &f->sink_spec.guard;
    const struct statement *s = &f->statements[0];
    const struct place at = {diags, f->integration->guard_pos};

    g->column = f->integration->guard;
    if (!g->column.n)
        return true;
    if (f->sink_spec.one_record_each || s->verb != VERB_REPLACE || s->tail.n)
        return refuse(&at, "`guard` \"" STR_FMT "\" needs a REPLACE INTO in main_sql", g->column,
                      "write REPLACE INTO, or put the condition into your own ON DUPLICATE KEY UPDATE");
    g->bind = plain_bind(f, g->column);
    if (g->bind == SIZE_MAX)
        return refuse(&at, "`guard` \"" STR_FMT "\" is no column that one field of request[] fills", g->column,
                      "name a column of main_sql, such as modified");
    return true;
}

bool policies_compile(struct flow *f, struct diags *diags)
{
    bool gone = compile_gone(f, diags), guard = compile_guard(f, diags);

    return gone && guard;
}
