/* `preview`: one page of the source, its first records before and after the mapping, and the statement that would be
 * sent. Nothing is kept or written.
 *
 * On a terminal the raw record stands on the left and its rows beside it, as many as the width allows. */
#include "app/open.h"
#include "app/out.h"
#include "app/record.h"
#include "base/product.h"

#define PATIENCE_MS     10000
#define PANE_MIN        38
#define SHAPE_ARENA_MAX (512u << 20)

struct preview {
    struct app *app;
    const struct flow *flow;
    struct page *page;
    int64_t limit;
};

/* ---- JSON ---- */

static void row_json(struct json_out *w, const struct flow *f, const struct shaped_record *s, size_t row)
{
    struct buf raw = buf_make(32u << 20);

    json_out_begin(w, '{');
    json_member(w, "id", s->record.key);
    json_member(w, "fate", str_of(record_fate(s)));
    json_member(w, "why", s->fate == RECORD_DEAD ? str_of(s->why->msg) : (struct str){0});
    json_out_key(w, "mapped");
    if (s->fate == RECORD_ROWS && row < s->n_rows)
        record_row_json(w, f, &s->rows[row]);
    else
        json_out_null(w);
    json_write(s->record.raw, &raw);
    json_out_key(w, "raw");
    json_out_raw(w, buf_str(&raw));
    json_out_end(w, '}');
    buf_free(&raw);
}

/* ---- side by side ---- */

struct pane {
    struct str *lines;
    size_t n;
};

static struct pane raw_pane(struct arena *a, const struct json *raw)
{
    struct json_iter it = json_iter(raw);
    struct pane p = {ARENA_ARRAY(a, struct str, json_count(raw) + 1), 0};
    const struct json *v;
    struct str key;

    while ((v = json_next(&it, &key))) {
        struct buf b = buf_make(32u << 20);

        if (json_type(v) == JSON_STRING)
            buf_add(&b, json_text(v));
        else
            json_write(v, &b);
        p.lines[p.n++] = arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(key), STR_ARG(buf_str(&b)));
        buf_free(&b);
    }
    return p;
}

static struct pane row_pane(struct arena *a, const struct flow *f, const struct batch_row *row)
{
    size_t width = record_width(f, row->statement);
    struct pane p = {ARENA_ARRAY(a, struct str, width + 1), 0};

    for (size_t i = 0; i < width; i++) {
        struct str text = record_cell(&row->cells[i]);

        p.lines[p.n++] = arena_printf(a, STR_FMT " " STR_FMT, STR_ARG(record_column(f, row->statement, i)),
                                      STR_ARG(text.p ? text : S("NULL")));
    }
    return p;
}

static void show_panes(const struct app *app, const struct pane *panes, size_t n)
{
    size_t width = ((size_t)app->width - 3 * (n - 1)) / n, longest = 0;
    struct buf b = buf_make(64u << 20);

    for (size_t i = 0; i < n; i++)
        longest = panes[i].n > longest ? panes[i].n : longest;
    for (size_t line = 0; line < longest; line++) {
        for (size_t i = 0; i < n; i++) {
            buf_add(&b, i ? S(" │ ") : S(""));
            add_fitted(&b, line < panes[i].n ? panes[i].lines[line] : S(""),
                       i + 1 < n || line < panes[i].n ? width : 0);
        }
        while (b.n && b.p[b.n - 1] == ' ')
            b.n--;
        buf_byte(&b, '\n');
    }
    say_str(app, buf_str(&b));
    buf_free(&b);
}

static void show_record(const struct preview *p, struct arena *a, const struct shaped_record *s)
{
    const struct app *app = p->app;
    size_t room = (size_t)app->width / PANE_MIN, n = 1;
    struct pane *panes = ARENA_ARRAY(a, struct pane, room + 2);

    room = room < 2 ? 2 : room;
    say(app, "\n%s" STR_FMT "%s  %s%s%s\n", color(app, COLOR_BOLD), STR_ARG(s->record.key), color(app, COLOR_NONE),
        record_fate(s), s->fate == RECORD_DEAD ? ": " : "", s->fate == RECORD_DEAD ? s->why->msg : "");
    panes[0] = raw_pane(a, s->record.raw);
    for (size_t i = 0; s->fate == RECORD_ROWS && i < s->n_rows && n < room; i++)
        panes[n++] = row_pane(a, p->flow, &s->rows[i]);
    show_panes(app, panes, n);
    if (s->fate == RECORD_ROWS && s->n_rows > n - 1)
        say(app, "and %zu more row%s of this record\n", s->n_rows - (n - 1), s->n_rows - (n - 1) == 1 ? "" : "s");
}

static void each_record(struct preview *p, struct json_out *w)
{
    struct shaping by = {p->flow, flow_shaper(p->flow), p->page};
    struct json_iter it = json_iter(p->page->reply.records);
    const struct json *raw;

    for (int64_t i = 0; i < p->limit && (raw = json_next(&it, NULL)); i++) {
        struct arena *a = arena_new(SHAPE_ARENA_MAX);
        struct shaped_record s;

        record_shape(&by, raw, a, &s);
        if (p->app->json)
            for (size_t row = 0; row < (s.fate == RECORD_ROWS && s.n_rows ? s.n_rows : 1); row++)
                row_json(w, p->flow, &s, row);
        else
            show_record(p, a, &s);
        json_free(s.extra);
        arena_free(a);
    }
    shaper_free(by.shaper);
}

static void show_all(struct preview *p)
{
    const struct app *app = p->app;
    struct buf b = buf_make(256u << 20);
    struct json_out w = json_out(&b);
    struct str statement = record_statement(p->flow, 0, p->app->arena);

    json_out_begin(&w, '{');
    json_member(&w, "integration", p->flow->integration->name);
    json_member(&w, "statement", statement);
    json_member(&w, "request", p->page->call.p ? p->page->call : S(""));
    json_number(&w, "records", (int64_t)p->page->reply.n_records);
    json_out_key(&w, "rows");
    json_out_begin(&w, '[');
    say(app, STR_FMT "\n", STR_ARG(p->page->call));
    say(app, "%s%zu records in the page%s\n", color(app, COLOR_BOLD), p->page->reply.n_records, color(app, COLOR_NONE));
    each_record(p, &w);
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    say(app, "\n" STR_FMT "\n", STR_ARG(statement));
    if (app->json)
        print_json(app, &b);
    buf_free(&b);
}

int command_preview(struct app *app)
{
    struct preview p = {.app = app};
    struct flow *f;
    struct errinfo ei;
    enum err err = app_number(app, "number", (struct number_range){5, 1, 1000}, &p.limit, &ei);

    err = err ? err : app_open_flow(app, &f, &ei);
    if (err)
        return app_fail(app, &ei);
    p.flow = f;
    err = app_sample(app, f, PATIENCE_MS, &p.page, &ei);
    if (!err)
        show_all(&p);
    page_unref(p.page);
    flow_free(f);
    return err ? app_fail(app, &ei) : STATUS_OK;
}
