/* Rows that vanished, in MySQL and MariaDB. The statements are prepared each time: their length changes from batch to
 * batch, and one is enough for some hundred records. */
#include "sink/mysql_sink.h"

static struct str bind(const struct table_column *c, struct arena *a)
{
    (void)a;
    if (c && c->kind == CAST_INT)
        return str_find(c->type, S("unsigned"), 0) != SIZE_MAX ? S("CAST(? AS UNSIGNED)") : S("CAST(? AS SIGNED)");
    return c && c->kind == CAST_DECIMAL ? S("CAST(? AS DECIMAL(65,30))") : S("?");
}

static struct str exact(const struct table_column *c, size_t n, struct arena *a)
{
    struct buf b = buf_make(1u << 20);
    struct str r;

    if (c->kind == CAST_INT || str_ends(c->collation, S("_bin")))
        return S("");
    buf_add(&b, S(" AND CAST("));
    buf_add(&b, mydb_quote_name(c->name, a));
    buf_add(&b, S(" AS BINARY) IN ("));
    for (size_t i = 0; i < n; i++)
        buf_add(&b, i ? S(",CAST(? AS BINARY)") : S("CAST(? AS BINARY)"));
    buf_byte(&b, ')');
    r = arena_str(a, buf_str(&b));
    buf_free(&b);
    return r;
}

const struct gone_dialect my_names = {.quote = mydb_quote_name, .bind = bind, .exact = exact};

static enum err run(struct my_sink *m, const struct gone_statement *g, int64_t *ret_rows, struct errinfo *ei)
{
    struct mydb_stmt *st;
    enum err e = mydb_prepare(m->db, g->sql, &st, ei);

    if (e)
        return e;
    e = mydb_stmt_values(st, g->values, g->n_values, ei);
    *ret_rows = e ? 0 : mydb_stmt_affected(st);
    mydb_stmt_close(st);
    return e;
}

enum err my_remove_gone(struct sink *s, struct batch *b, struct errinfo *ei)
{
    struct gone_walk w = {.s = s, .b = b, .d = &my_names};
    struct gone_statement g;
    int64_t rows;
    enum err e;

    b->n_removed = 0;
    while (!(e = gone_next(&w, &g, ei)) && g.sql.n) {
        e = run(my_self(s), &g, &rows, ei);
        if (e)
            return e;
        b->n_removed += g.removes ? rows : 0;
    }
    return e;
}
