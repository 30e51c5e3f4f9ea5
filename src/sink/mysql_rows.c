/* Reading rows back from MySQL and MariaDB: what a column shows, and when that is what was sent. */
#include "base/decimal.h"
#include "sink/mysql_sink.h"

#include <stdio.h>

/* Through the server's own text: a double with all its digits, a FLOAT as the double that it is. */
static struct str shown(const struct table_column *c, struct arena *a)
{
    struct str name = mydb_quote_name(c->name, a);

    switch (c->kind) {
    case CAST_STRING:
        return name;
    case CAST_FLOAT:
        return arena_printf(a, "CAST(" STR_FMT " + 0e0 AS CHAR)", STR_ARG(name));
    case CAST_BOOL:
        return arena_printf(a, "CAST(" STR_FMT " + 0 AS CHAR)", STR_ARG(name));
    default:
        return arena_printf(a, "CAST(" STR_FMT " AS CHAR)", STR_ARG(name));
    }
}

/* A FLOAT holds the nearest single of what was sent. */
static bool same_single(struct str ours, struct str theirs)
{
    struct decimal d;
    char text[64];

    if (!decimal_parse(ours, &d))
        return str_eq(ours, theirs);
    return same_double(
        (struct str){text, (size_t)snprintf(text, sizeof text, "%.17g", (double)(float)decimal_to_double(&d))}, theirs);
}

static bool same(const struct table_column *c, struct str ours, struct str theirs)
{
    switch (c->kind) {
    case CAST_INT:
    case CAST_DECIMAL:
    case CAST_BOOL:
        return same_number(ours, theirs);
    case CAST_FLOAT:
        return str_starts(c->type, S("float")) ? same_single(ours, theirs) : same_double(ours, theirs);
    case CAST_DATE:
    case CAST_DATETIME:
        return same_time(ours, theirs, c->kind == CAST_DATE);
    case CAST_JSON:
        return same_json(ours, theirs);
    default:
        return same_text(ours, theirs, !str_starts(c->type, S("char(")));
    }
}

static enum err query(struct sink *s, const struct rows_sql *sql, struct errinfo *ei)
{
    struct my_sink *m = my_self(s);
    struct mydb_stmt *st;
    enum err e = m->db ? OK : sink_connect(s, ei);

    e = e ? e : mydb_prepare(m->db, sql->text, &st, ei);
    if (e)
        return e;
    e = mydb_stmt_rows(st, sql->values, sql->n_values, sql->row, sql->ctx, ei);
    mydb_stmt_close(st);
    return e;
}

const struct rows_dialect my_rows = {.names = &my_names, .shown = shown, .same = same, .query = query};
