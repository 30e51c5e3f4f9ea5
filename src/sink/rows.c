/* Reading rows of the main table back: by values of one column, or a range of it. Values are bound. Columns come as
 * text from which their value can be told exactly, and are compared with what was sent by the type of the column.
 *
 * It reads outside any batch, on the connection of the sink: the writer and a reader of rows take turns. */
#include "sink/rows.h"

static void put_columns(struct buf *b, const struct sink *s, const struct row_query *q, struct arena *a)
{
    const struct rows_dialect *d = s->type->rows;

    for (size_t i = 0; i < q->n_columns; i++) {
        const struct table_column *c = table_column(&s->tables[0], q->columns[i]);

        buf_add(b, i ? S(", ") : S(""));
        buf_add(b, c && !q->plain ? d->shown(c, a) : d->names->quote(q->columns[i], a));
    }
}

static void put_where(struct buf *b, const struct sink *s, const struct row_query *q, struct arena *a)
{
    const struct rows_dialect *d = s->type->rows;
    struct str bind = d->names->bind(table_column(&s->tables[0], q->by), a);

    buf_add(b, S(" WHERE "));
    buf_add(b, d->names->quote(q->by, a));
    if (q->range) {
        buf_add(b, S(" BETWEEN "));
        buf_add(b, bind);
        buf_add(b, S(" AND "));
        buf_add(b, bind);
    } else {
        for (size_t i = 0; i < q->n_values; i++) {
            buf_add(b, i ? S(",") : S(" IN ("));
            buf_add(b, bind);
        }
        buf_byte(b, ')');
    }
    if (q->unless.n) {
        buf_add(b, S(" AND ("));
        buf_add(b, d->names->quote(q->unless, a));
        buf_add(b, S(" IS NULL OR "));
        buf_add(b, d->names->quote(q->unless, a));
        buf_add(b, S(" <> 1)"));
    }
}

enum err sink_rows(struct sink *s, const struct row_query *q, struct errinfo *ei)
{
    struct arena *a = arena_new(64u << 20);
    struct buf sql = buf_make(4u << 20);
    struct rows_sql r = {.values = q->values, .n_values = q->n_values, .row = q->row, .ctx = q->ctx};
    enum err e = OK;

    if (q->n_values) {
        buf_add(&sql, S("SELECT "));
        put_columns(&sql, s, q, a);
        buf_add(&sql, S(" FROM "));
        buf_add(&sql, s->type->rows->names->quote(s->spec.statements[0].table, a));
        put_where(&sql, s, q, a);
        if (q->limit)
            buf_printf(&sql, " LIMIT %zu", q->limit);
        r.text = buf_str(&sql);
        e = s->type->rows->query(s, &r, ei);
    }
    buf_free(&sql);
    arena_free(a);
    return e;
}

/* ---- for `records` ---- */

struct looking_up {
    struct json_out w;
    const struct table_info *t;
};

static bool write_row(void *ctx, const struct str *cells)
{
    struct looking_up *l = ctx;

    json_out_begin(&l->w, '{');
    for (size_t c = 0; c < l->t->n_columns; c++) {
        json_out_key_str(&l->w, l->t->columns[c].name);
        if (cells[c].p)
            json_out_str(&l->w, cells[c]);
        else
            json_out_null(&l->w);
    }
    json_out_end(&l->w, '}');
    return true;
}

enum err sink_lookup(struct sink *s, struct str id_column, struct str id, struct buf *out, struct errinfo *ei)
{
    struct arena *a = arena_new(1u << 20);
    struct looking_up l = {json_out(out), &s->tables[0]};
    struct str *names = ARENA_ARRAY(a, struct str, l.t->n_columns + 1);
    struct row_query q = {.columns = names,
                          .n_columns = l.t->n_columns,
                          .by = id_column,
                          .values = &id,
                          .n_values = 1,
                          .plain = true,
                          .limit = 100,
                          .row = write_row,
                          .ctx = &l};
    enum err e;

    for (size_t c = 0; c < l.t->n_columns; c++)
        names[c] = l.t->columns[c].name;
    json_out_begin(&l.w, '[');
    e = sink_rows(s, &q, ei);
    json_out_end(&l.w, ']');
    arena_free(a);
    return e;
}

/* ---- comparing ---- */

/* Does the statement write this column when the row is there already? */
static bool rewritten(const struct statement *st, struct str column)
{
    if (st->verb == VERB_INSERT_IGNORE)
        return false;
    return !st->tail.n || str_find(st->tail, column, 0) != SIZE_MAX;
}

enum err sink_compared(const struct sink *s, struct arena *a, struct compared *ret, struct errinfo *ei)
{
    const struct statement *st = &s->spec.statements[0];
    struct str *names = ARENA_ARRAY(a, struct str, s->n_fit + 1);
    size_t *binds = ARENA_ARRAY(a, size_t, s->n_fit + 1);

    *ret = (struct compared){names, binds, 0};
    if (s->spec.one_record_each || !s->n_fit)
        return fail(ei, ERR_CONFIG, "rows that are written by \"execute\" cannot be compared with the source");
    for (size_t k = 0; k < s->n_fit; k++) {
        const struct table_column *c = s->fit[k].column;

        if (!c || c->generated || !rewritten(st, c->name))
            continue;
        names[ret->n] = c->name;
        binds[ret->n++] = k;
    }
    return OK;
}

size_t sink_bind_of(const struct sink *s, struct str column)
{
    for (size_t k = 0; k < s->n_fit; k++)
        if (s->fit[k].column && str_eq_nocase(s->fit[k].column->name, column))
            return k;
    return SIZE_MAX;
}

bool sink_same(const struct sink *s, size_t bind, const struct value *ours, struct str theirs)
{
    const struct table_column *c = s->fit[bind].column;
    bool is_null = value_is_null(ours) || (!value_str(ours).n && fit_wants_value(c->kind));

    if (is_null || !theirs.p)
        return is_null == !theirs.p || (is_null && c->auto_value);
    return s->type->rows->same(c, value_str(ours), theirs);
}
