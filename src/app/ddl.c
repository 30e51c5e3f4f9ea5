/* `ddl`: the CREATE TABLE that fits the mapping and a sample of real records. Without a source that answers, the
 * mapping's types decide alone, and it is said. */
#include "app/open.h"
#include "app/out.h"
#include "app/record.h"
#include "base/product.h"

#include <stdlib.h>

#define PATIENCE_MS     5000
#define SHAPE_ARENA_MAX (256u << 20)

struct measure {
    struct ddl_column *columns;
    size_t *cell; /* of each column; SIZE_MAX: no value is bound to it alone */
    size_t n;
    int64_t rows;
};

static void measure_number(struct ddl_column *c, struct str text)
{
    size_t point = str_find(text, S("."), 0);
    int after = point == SIZE_MAX ? 0 : (int)(text.n - point - 1), before = (int)(point == SIZE_MAX ? text.n : point);

    c->digits_before = before > c->digits_before ? before : c->digits_before;
    c->digits_after = after > c->digits_after ? after : c->digits_after;
}

static void measure_cell(struct ddl_column *c, const struct value *v)
{
    struct str text;
    int64_t chars;

    if (value_is_null(v) || (v->kind != VALUE_TEXT && v->kind != VALUE_NUMBER))
        return;
    text = value_str(v);
    chars = (int64_t)utf8_count(text);
    c->longest_chars = chars > c->longest_chars ? chars : c->longest_chars;
    if (v->kind == VALUE_NUMBER)
        measure_number(c, text);
}

static void measure_page(const struct flow *f, const struct page *page, struct measure *m)
{
    struct shaping by = {f, flow_shaper(f), page};
    struct arena *a = arena_new(SHAPE_ARENA_MAX);
    struct json_iter it = json_iter(page->reply.records);
    const struct json *raw;

    while ((raw = json_next(&it, NULL))) {
        struct shaped_record s;

        arena_reset(a);
        record_shape(&by, raw, a, &s);
        for (size_t r = 0; s.fate == RECORD_ROWS && r < s.n_rows; r++) {
            if (s.rows[r].statement)
                continue;
            m->rows++;
            for (size_t i = 0; i < m->n; i++)
                if (m->cell[i] != SIZE_MAX)
                    measure_cell(&m->columns[i], &s.rows[r].cells[m->cell[i]]);
        }
        json_free(s.extra);
    }
    arena_free(a);
    shaper_free(by.shaper);
}

static struct str label_of(const struct flow *f, struct str column)
{
    const struct meta_fields *r = &f->integration->target_doc->request;

    for (size_t i = 0; i < r->n; i++)
        if (str_eq(r->at[i].field, column))
            return r->at[i].label;
    return (struct str){0};
}

static size_t cell_of(const struct flow *f, struct str column)
{
    for (size_t i = 0; i < f->n_shape_columns; i++)
        if (str_eq(column_name(f->shape_columns[i]), column))
            return i;
    return SIZE_MAX;
}

static void name_columns(struct app *app, const struct flow *f, struct measure *m)
{
    const struct statement *s = &f->statements[0];

    const struct gone_rule *g = &f->sink_spec.gone;
    bool marks = g->child == GONE_MARK || g->left == GONE_MARK;

    m->n = s->columns.n;
    m->columns = ARENA_ARRAY(app->arena, struct ddl_column, m->n + 1);
    m->cell = ARENA_ARRAY(app->arena, size_t, m->n + 1);
    for (size_t i = 0; i < m->n; i++) {
        m->cell[i] = cell_of(f, s->columns.at[i]);
        m->columns[i] = (struct ddl_column){
            .name = s->columns.at[i],
            .label = label_of(f, s->columns.at[i]),
            .longest_chars = -1,
            .kind = m->cell[i] == SIZE_MAX ? CAST_STRING : (int)column_type(f->shape_columns[m->cell[i]]),
            .key = f->id_column.n && str_eq(f->id_column, s->columns.at[i]),
            .index = sink_removes(&f->sink_spec) && str_eq(g->parent, s->columns.at[i]) && !str_eq(g->parent, g->id),
        };
    }
    if (marks) {
        m->cell[m->n] = SIZE_MAX;
        m->columns[m->n++] = (struct ddl_column){.name = g->mark, .kind = CAST_BOOL, .flag = true};
    }
}

static enum err sample(struct app *app, struct flow *f, struct measure *m, struct errinfo *ei)
{
    struct page *page;
    enum err err = app_sample(app, f, PATIENCE_MS, &page, ei);

    if (err)
        return err;
    measure_page(f, page, m);
    page_unref(page);
    return OK;
}

static enum err create(struct app *app, const struct flow *f, struct str sql, struct errinfo *ei)
{
    struct sink *sink;
    enum err err = app_connect_target(app, f, &sink, ei);

    if (err)
        return err;
    err = sink_exec(sink, sql, ei);
    sink_close(sink);
    return err;
}

static void tell(const struct app *app, const struct flow *f, const struct measure *m, struct buf *sql,
                 const struct errinfo *why)
{
    struct buf b = buf_make(1u << 20);
    struct json_out w = json_out(&b);
    bool created = app_flag(app, "create");

    if (app->json) {
        json_out_begin(&w, '{');
        json_member(&w, "integration", f->integration->name);
        json_member(&w, "table", f->statements[0].table);
        json_member(&w, "sql", buf_str(sql));
        json_number(&w, "sample_rows", m->rows);
        json_flag(&w, "created", created);
        json_out_key(&w, "sample_error");
        json_error(&w, why);
        json_out_end(&w, '}');
        print_json(app, &b);
    } else if (created) {
        say(app, "table " STR_FMT " was created\n", STR_ARG(f->statements[0].table));
    } else {
        say_str(app, buf_str(sql));
        say(app, "%s", sql->n && sql->p[sql->n - 1] == '\n' ? "" : "\n");
    }
    if (!app->quiet && !app->json && m->rows)
        fprintf(stderr, "lengths are from %lld rows of a sample\n", (long long)m->rows);
    else if (!app->quiet && !app->json)
        fprintf(stderr, "lengths are from the mapping's types alone%s%s\n", why->code ? ": no sample, " : "",
                why->code ? why->msg : "");
    buf_free(&b);
}

static int ddl(struct app *app, struct flow *f)
{
    struct measure m = {0};
    struct errinfo ei, why = {0};
    struct buf sql = buf_make(1u << 20);
    enum err err;
    int status = STATUS_OK;

    name_columns(app, f, &m);
    if (sample(app, f, &m, &why) == OK)
        why = (struct errinfo){0};
    err = why.code == ERR_USAGE ? why.code : OK;
    ei = why;
    err = err ? err : sink_ddl(f->sink_type, f->statements[0].table, m.columns, m.n, &sql, &ei);
    if (!err && app_flag(app, "create"))
        err = create(app, f, buf_str(&sql), &ei);
    if (err)
        status = app_fail(app, &ei);
    else
        tell(app, f, &m, &sql, &why);
    buf_free(&sql);
    return status;
}

int command_ddl(struct app *app)
{
    struct flow *f;
    struct errinfo ei;
    int status;

    if (app_open_flow(app, &f, &ei))
        return app_fail(app, &ei);
    status = ddl(app, f);
    flow_free(f);
    return status;
}
