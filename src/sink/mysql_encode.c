/* From cells to the wire, on a shape worker: columns of pointers for array binding, lines for LOAD DATA. Nothing of a
 * value is copied for array binding; for LOAD DATA each byte is looked at once, since tab, newline, backslash and zero
 * must be escaped and bad UTF-8 could swallow the tab behind it. */
#include "sink/mysql_sink.h"

#define ROW_BLOCK 16

static void encode_arrays(struct batch *b, struct my_wire *w, size_t n_columns)
{
    size_t n = w->out.n;

    w->columns = ARENA_ARRAY(b->arena, struct mydb_array, n_columns + 1);
    for (size_t c = 0; c < n_columns; c++) {
        struct mydb_array *col = &w->columns[c];

        col->p = arena_alloc(b->arena, (n + 1) * sizeof *col->p);
        col->n = arena_alloc(b->arena, (n + 1) * sizeof *col->n);
        col->null = arena_alloc(b->arena, n + 1);
    }
    /* a few rows at a time, column by column: each column's arrays are written in runs */
    for (size_t from = 0; from < n; from += ROW_BLOCK) {
        size_t to = from + ROW_BLOCK < n ? from + ROW_BLOCK : n;

        for (size_t c = 0; c < n_columns; c++) {
            const struct mydb_array *col = &w->columns[c];

            for (size_t i = from; i < to; i++) {
                const struct value *v = &b->rows[w->out.order[i]].cells[c];
                bool null = value_is_null(v);

                col->p[i] = (char *)(uintptr_t)(null ? "" : v->p);
                col->n[i] = null ? 0 : v->n;
                col->null[i] = null;
            }
        }
    }
}

static size_t line_room(const struct value *cells, size_t n_columns)
{
    size_t n = n_columns * 3 + 2;

    for (size_t c = 0; c < n_columns; c++)
        n += value_is_null(&cells[c]) ? 0 : 2 * (size_t)cells[c].n;
    return n;
}

static char *put_cell(char *out, const struct value *v)
{
    if (value_is_null(v)) {
        *out++ = '\\';
        *out++ = 'N';
        return out;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        char c = v->p[i];

        if (c == '\\' || c == '\t' || c == '\n' || c == '\0') {
            *out++ = '\\';
            c = c == '\t' ? 't' : c == '\n' ? 'n' : c == '\0' ? '0' : c;
        }
        *out++ = c;
    }
    return out;
}

static enum err encode_lines(struct batch *b, struct my_wire *w, size_t n_columns, struct errinfo *ei)
{
    size_t room = 0;
    char *out;

    for (size_t i = 0; i < w->out.n; i++)
        room += line_room(b->rows[w->out.order[i]].cells, n_columns);
    w->text = arena_try(b->arena, room + 1);
    if (!w->text)
        return fail(ei, ERR_DATA, "a batch of %zu rows takes more than %zu bytes", w->out.n, room);
    w->line_at = arena_alloc(b->arena, (w->out.n + 1) * sizeof *w->line_at);
    out = w->text;
    for (size_t i = 0; i < w->out.n; i++) {
        const struct value *cells = b->rows[w->out.order[i]].cells;

        w->line_at[i] = (size_t)(out - w->text);
        for (size_t c = 0; c < n_columns; c++) {
            out = put_cell(out, &cells[c]);
            *out++ = c + 1 < n_columns ? '\t' : '\n';
        }
    }
    w->line_at[w->out.n] = (size_t)(out - w->text);
    return OK;
}

static void measure_rows(struct batch *b, struct my_wire *w, size_t n_columns)
{
    w->row_bytes = arena_alloc(b->arena, (w->out.n + 1) * sizeof *w->row_bytes);
    for (size_t i = 0; i < w->out.n; i++) {
        const struct value *cells = b->rows[w->out.order[i]].cells;
        size_t n = n_columns * 10;

        for (size_t c = 0; c < n_columns; c++)
            n += value_is_null(&cells[c]) ? 0 : cells[c].n;
        w->row_bytes[i] = n;
    }
}

enum err my_encode(const struct sink *s, struct batch *b, struct errinfo *ei)
{
    const struct my_sink *m = my_self(s);
    struct my_wire *w = ARENA_NEW(b->arena, struct my_wire);
    size_t n_columns = sink_binds(&s->spec.statements[0]);
    enum err e = OK;

    b->wire = w;
    w->out = fit_rows(s, b);
    if (s->spec.one_record_each)
        return OK;
    if (m->path == PATH_ARRAY)
        encode_arrays(b, w, n_columns);
    else if (m->path == PATH_LOAD)
        e = encode_lines(b, w, n_columns, ei);
    measure_rows(b, w, n_columns);
    return e;
}
