/* The common face of the sinks. The tables behind the statements are described once, after the first connecting, and
 * stay as they are for the life of the sink: shape workers read them while the writer may be reconnecting. A table that
 * changes meanwhile is told by the server's errors. */
#include "sink/gone.h"

#include <stdlib.h>

static const struct sink_type *const types[] = {&sink_mysql, &sink_sqlite};

const struct sink_type *sink_type_find(struct str name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq(name, str_of(types[i]->name)))
            return types[i];
    return NULL;
}

enum err sink_open(const struct sink_type *type, const struct sink_spec *spec, const struct strs *options,
                   struct sink **ret, struct errinfo *ei)
{
    struct sink *s = mem_zero(sizeof *s);
    enum err e;

    s->type = type;
    s->spec = *spec;
    s->arena = arena_new(64u << 20);
    e = type->open(s, options, ei);
    if (e) {
        sink_close(s);
        return e;
    }
    *ret = s;
    return OK;
}

void sink_close(struct sink *s)
{
    if (!s)
        return;
    s->type->close(s);
    arena_free(s->arena);
    free(s);
}

static enum err describe(struct sink *s, struct errinfo *ei)
{
    for (size_t i = 0; i < s->spec.n_statements; i++) {
        enum err e;

        if (!s->spec.statements[i].table.n)
            continue;
        e = s->type->describe(s, s->spec.statements[i].table, &s->tables[i], ei);
        if (e)
            return e;
    }
    fit_prepare(s);
    s->described = true;
    return OK;
}

enum err sink_connect(struct sink *s, struct errinfo *ei)
{
    enum err e = s->type->connect(s, ei);

    if (e) {
        err_prefix(ei, "target");
        return e;
    }
    return s->described ? OK : describe(s, ei);
}

enum err sink_describe_again(struct sink *s, struct errinfo *ei)
{
    s->described = false;
    return sink_connect(s, ei);
}

const char *sink_path(const struct sink *s)
{
    return s->type->path(s);
}

const char *sink_server(const struct sink *s)
{
    return s->type->server(s);
}

const struct table_info *sink_table(const struct sink *s, size_t i)
{
    return s->described && i < s->spec.n_statements ? &s->tables[i] : NULL;
}

enum err sink_checkpoint(struct sink *s, struct checkpoint *ret, bool *ret_found, bool *ret_held, struct errinfo *ei)
{
    enum err e = s->type->checkpoint(s, ret, ret_found, ret_held, ei);

    if (!e)
        s->held = *ret_held;
    return e;
}

enum err sink_may_hold(struct sink *s, bool *ret_holds, struct errinfo *ei)
{
    return s->type->may_hold(s, ret_holds, ei);
}

enum err sink_checkpoint_altered(struct errinfo *ei)
{
    err_prefix(ei, "table " CHECKPOINT_TABLE " is not as it was made");
    return fail_hint(ei, "give it back its columns, or drop it: then all that the journal has is written again");
}

struct str sink_promise(const struct sink *s, bool holds, struct arena *a)
{
    if (!holds)
        return S("each row at least once: the target holds no checkpoint");
    for (size_t i = 0; i < s->spec.n_statements; i++)
        if (s->tables[i].found && !s->tables[i].transactional)
            return arena_printf(a, "each row at least once: table " STR_FMT " has no transactions (" STR_FMT ")",
                                STR_ARG(s->tables[i].name), STR_ARG(s->tables[i].engine));
    return S("each row exactly once: the checkpoint commits with the rows");
}

enum err sink_claim(struct sink *s, const struct checkpoint *cp, int64_t *ret_epoch, struct errinfo *ei)
{
    enum err e = s->type->claim(s, cp, ret_epoch, ei);

    if (!e)
        s->epoch = *ret_epoch;
    return e;
}

enum err sink_encode(const struct sink *s, struct batch *b, struct errinfo *ei)
{
    enum err e = fit_keys(s, b, ei);

    e = e ? e : fit_guard(s, b, ei);
    b->bad = ARENA_ARRAY(b->arena, struct bad_row, b->n_rows + 1);
    b->n_bad = 0;
    return e ? e : s->type->encode(s, b, ei);
}

const struct table_column *table_column(const struct table_info *t, struct str name)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (str_eq_nocase(t->columns[i].name, name))
            return &t->columns[i];
    return NULL;
}

static enum err fits(const struct sink *s, const struct statement *st, const struct table_info *t, struct errinfo *ei)
{
    if (!t->found) {
        fail(ei, ERR_SCHEMA, "table " STR_FMT " does not exist in the target", STR_ARG(st->table));
        return fail_hint(ei,
                         "`sluice ddl " STR_FMT "` prints a CREATE TABLE that fits; with --create it makes the table",
                         STR_ARG(s->spec.integration));
    }
    for (size_t i = 0; i < st->columns.n; i++)
        if (!table_column(t, st->columns.at[i])) {
            fail(ei, ERR_SCHEMA, "table " STR_FMT " has no column " STR_FMT, STR_ARG(st->table),
                 STR_ARG(st->columns.at[i]));
            return fail_hint(ei,
                             "add it to the table or take it out of the mapping; `sluice check --online " STR_FMT
                             "` compares the two",
                             STR_ARG(s->spec.integration));
        }
    return OK;
}

enum err sink_fits(const struct sink *s, struct errinfo *ei)
{
    enum err e = OK;

    for (size_t i = 0; i < s->spec.n_statements && s->described && !e; i++)
        if (s->spec.statements[i].table.n)
            e = fits(s, &s->spec.statements[i], &s->tables[i], ei);
    return e || !s->described ? e : gone_fits(s, ei);
}

enum sink_outcome sink_write(struct sink *s, struct batch *b, const struct sink_hook *hook, struct errinfo *ei)
{
    return s->type->write(s, b, hook, ei);
}

enum err sink_exec(struct sink *s, struct str sql, struct errinfo *ei)
{
    return s->type->exec(s, sql, ei);
}

enum err sink_ddl(const struct sink_type *type, struct str table, const struct ddl_column *cols, size_t n,
                  struct buf *out, struct errinfo *ei)
{
    if (!n)
        return fail(ei, ERR_CONFIG, "there are no columns to make a table of");
    type->ddl(table, cols, n, out);
    return out->failed ? fail(ei, ERR_INTERNAL, "the statement became too long") : OK;
}

bool sink_alter(const struct sink_type *type, const struct table_info *t, const struct ddl_column *want,
                const struct table_column *from, struct buf *out)
{
    return !memchr(want->name.p, '\0', want->name.n) && type->alter(t, want, from, out);
}

/* ---- texts of statements ---- */

size_t sink_binds(const struct statement *st)
{
    size_t n = 0;

    if (!st->values)
        return st->columns.n;
    for (size_t i = 0; i < st->columns.n; i++)
        n += st->values[i].templates.n;
    return n;
}

struct str sink_insert_head(const struct statement *st, struct arena *a,
                            struct str (*quote)(struct str name, struct arena *a), struct str verb)
{
    struct buf b = buf_make(1u << 20);
    struct str r;

    buf_add(&b, verb);
    buf_add(&b, S(" INTO "));
    buf_add(&b, quote(st->table, a));
    buf_add(&b, S(" ("));
    for (size_t i = 0; i < st->columns.n; i++) {
        buf_add(&b, i ? S(",") : S(""));
        buf_add(&b, quote(st->columns.at[i], a));
    }
    buf_add(&b, S(") VALUES "));
    r = arena_str(a, buf_str(&b));
    buf_free(&b);
    return r;
}

struct str sink_tuple(const struct statement *st, struct arena *a)
{
    struct buf b = buf_make(1u << 20);
    struct str r;

    buf_byte(&b, '(');
    for (size_t i = 0; i < st->columns.n; i++) {
        buf_add(&b, i ? S(",") : S(""));
        buf_add(&b, st->values ? st->values[i].sql : S("?"));
    }
    buf_byte(&b, ')');
    r = arena_str(a, buf_str(&b));
    buf_free(&b);
    return r;
}
