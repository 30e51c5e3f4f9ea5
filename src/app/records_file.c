/* Records and dead letters as CSV: what is known of the record, then the columns of the mapping, a line for each row of
 * the target. A record that gives no row has one line without columns. Statements beside the main one have columns of
 * their own: those that no statement before had stand to the right of the others. */
#include "app/records_impl.h"

#include <stdlib.h>

#include "app/csv.h"
#include "app/out.h"

#define PIECE (1u << 20)

struct records_file {
    struct app *app;
    const struct flow *flow;
    struct buf b;
    struct csv csv;
    struct str *columns, *cells; /* their names; of the line that is being written */
    size_t n_columns;
};

static size_t column_at(const struct records_file *f, struct str name)
{
    size_t i = 0;

    while (i < f->n_columns && !str_eq(f->columns[i], name))
        i++;
    return i;
}

static void learn_columns(struct records_file *f)
{
    size_t most = 0;

    for (uint32_t s = 0; s < f->flow->n_statements; s++)
        most += record_width(f->flow, s);
    f->columns = mem_alloc((most + 1) * sizeof *f->columns);
    f->cells = mem_alloc((most + 1) * sizeof *f->cells);
    for (uint32_t s = 0; s < f->flow->n_statements; s++)
        for (size_t i = 0; i < record_width(f->flow, s); i++) {
            struct str name = record_column(f->flow, s, i);
            size_t at = column_at(f, name);

            if (at == f->n_columns)
                f->columns[f->n_columns++] = name;
        }
}

struct records_file *records_file_new(struct app *app, const struct flow *flow)
{
    static const char *const facts[] = {"record_id",   "record_version", "record_state", "record_fetched",
                                        "record_page", "record_row",     "record_run",   "record_why"};
    struct records_file *f = mem_zero(sizeof *f);

    f->app = app;
    f->flow = flow;
    f->b = buf_make(app->json ? RECORDS_FILE_MAX : 256u << 20);
    f->csv = csv_begin(&f->b);
    learn_columns(f);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        csv_cell(&f->csv, str_of(facts[i]));
    for (size_t i = 0; i < f->n_columns; i++)
        csv_cell(&f->csv, f->columns[i]);
    csv_end_line(&f->csv);
    return f;
}

static void add_line(struct records_file *f, const struct search *s, const struct hit *h, const struct batch_row *row)
{
    struct csv *c = &f->csv;

    for (size_t i = 0; i < f->n_columns; i++)
        f->cells[i] = (struct str){0};
    for (size_t i = 0; row && i < record_width(f->flow, row->statement); i++)
        f->cells[column_at(f, record_column(f->flow, row->statement, i))] = record_cell(&row->cells[i]);
    csv_cell(c, h->shaped.record.key);
    csv_cell(c, h->shaped.record.version);
    csv_cell(c, str_of(records_state(s, h)));
    csv_cell(c, time_text(s->app, h->entry->fetched_ms / 1000));
    csv_number(c, h->entry->seq);
    csv_number(c, h->row);
    csv_number(c, h->entry->run);
    csv_cell(c, records_why(h));
    for (size_t i = 0; i < f->n_columns; i++)
        csv_cell(c, f->cells[i]);
    csv_end_line(c);
}

void records_file_add(struct records_file *f, const struct search *s, const struct hit *h)
{
    bool rows = h->shaped.fate == RECORD_ROWS && h->shaped.n_rows > 0;

    for (size_t i = 0; i < (rows ? h->shaped.n_rows : 1); i++)
        add_line(f, s, h, rows ? &h->shaped.rows[i] : NULL);
    if (!f->app->json && f->b.n > PIECE) {
        print_text(f->app, buf_str(&f->b));
        buf_clear(&f->b);
    }
}

enum err records_too_long(struct errinfo *ei)
{
    fail(ei, ERR_USAGE, "the file would be longer than %zu MiB", RECORDS_FILE_MAX >> 20);
    return fail_hint(ei, "narrow it with from and to");
}

enum err records_file_end(struct records_file *f, enum err e, struct errinfo *ei)
{
    if (!e && f->b.failed)
        e = records_too_long(ei);
    if (!e || !f->app->json)
        print_text(f->app, buf_str(&f->b));
    buf_free(&f->b);
    free(f->columns);
    free(f->cells);
    free(f);
    return e;
}
