/* The sqlite sink: a file, WAL and synchronous=FULL, one prepared statement a row inside one transaction. A row that
 * the database refuses fails alone, so nothing needs to be isolated.
 *
 * Values are bound as text: under TEXT affinity they stay exactly as they were sent. A column declared DECIMAL has
 * NUMERIC affinity here and would turn 25.80 into 25.8; `check --online` says so. */
#include "base/log.h"
#include "base/num.h"
#include "db/sqlite.h"
#include "meta/doc.h"
#include "sink/rows.h"

#include <stdio.h>
#include <stdlib.h>

#define BUSY_MS     10000
#define INDEXES_MAX 64

struct lite {
    const char *path;
    struct sqlite *db;
    struct sqlite_stmt *insert, *execute[10], *checkpoint;
    struct str insert_sql;
};

static struct lite *self(const struct sink *s)
{
    return s->self;
}

static struct str quote_name(struct str name, struct arena *a)
{
    struct buf b = buf_make(4096);
    struct str r;

    buf_byte(&b, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"')
            buf_byte(&b, '"');
        buf_byte(&b, name.p[i]);
    }
    buf_byte(&b, '"');
    r = arena_str(a, buf_str(&b));
    buf_free(&b);
    return r;
}

static enum err lite_open(struct sink *s, const struct strs *options, struct errinfo *ei)
{
    struct lite *l = ARENA_NEW(s->arena, struct lite);

    s->self = l;
    if (!options->n || !options->at[0].n)
        return fail(ei, ERR_CONFIG, "the sqlite connection has no path");
    l->path = arena_cstr(s->arena, options->at[0]);
    return OK;
}

static void disconnect(struct lite *l)
{
    sqlite_finalize(l->insert);
    sqlite_finalize(l->checkpoint);
    l->insert = l->checkpoint = NULL;
    for (size_t i = 0; i < 10; i++) {
        sqlite_finalize(l->execute[i]);
        l->execute[i] = NULL;
    }
    sqlite_close(l->db);
    l->db = NULL;
}

static void lite_close(struct sink *s)
{
    if (s->self)
        disconnect(self(s));
}

static enum err lite_connect(struct sink *s, struct errinfo *ei)
{
    struct lite *l = self(s);

    disconnect(l);
    return sqlite_open(l->path, SQLITE_RW_CREATE, BUSY_MS, &l->db, ei);
}

static const char *lite_path(const struct sink *s)
{
    (void)s;
    return "sqlite";
}

/* ---- the table ---- */

static int kind_of(struct str type)
{
    if (str_find(type, S("INT"), 0) != SIZE_MAX || str_find(type, S("int"), 0) != SIZE_MAX)
        return CAST_INT;
    return CAST_STRING;
}

/* The primary key, and the indexes that were made. */
static enum err read_keys(struct lite *l, struct sink *s, struct table_info *t, const struct table_key *primary,
                          struct errinfo *ei)
{
    struct sqlite_stmt *st;
    bool row;
    enum err e = sqlite_prepare(l->db,
                                S("SELECT l.name, l.\"unique\", i.name FROM pragma_index_list(?1) l, "
                                  "pragma_index_info(l.name) i WHERE l.origin <> 'pk' ORDER BY l.seq, i.seqno"),
                                &st, ei);

    if (e)
        return e;
    t->keys = ARENA_ARRAY(s->arena, struct table_key, INDEXES_MAX + 1);
    if (primary->columns.n)
        t->keys[t->n_keys++] = *primary;
    sqlite_bind_str(st, 1, t->name);
    while (!(e = sqlite_step(st, &row, ei)) && row && t->n_keys < INDEXES_MAX) {
        struct table_key *k = t->n_keys ? &t->keys[t->n_keys - 1] : NULL;

        if (!k || !str_eq(k->name, sqlite_str(st, 0))) {
            k = &t->keys[t->n_keys++];
            *k = (struct table_key){.name = arena_str(s->arena, sqlite_str(st, 0)), .unique = sqlite_int(st, 1)};
            k->columns.at = ARENA_ARRAY(s->arena, struct str, t->n_columns + 1);
        }
        if (k->columns.n < t->n_columns)
            ((struct str *)(uintptr_t)k->columns.at)[k->columns.n++] = arena_str(s->arena, sqlite_str(st, 2));
    }
    sqlite_finalize(st);
    return e;
}

static enum err read_columns(struct lite *l, struct sink *s, struct table_info *t, struct errinfo *ei)
{
    struct sqlite_stmt *st;
    struct table_column *c;
    struct table_key *key = ARENA_NEW(s->arena, struct table_key);
    struct str *names;
    bool row = true;
    enum err e = sqlite_prepare(l->db,
                                S("SELECT name, type, \"notnull\", dflt_value, pk, (SELECT count(*) FROM "
                                  "pragma_table_info(?1)) FROM pragma_table_info(?1)"),
                                &st, ei);

    if (e)
        return e;
    sqlite_bind_str(st, 1, t->name);
    while (!(e = sqlite_step(st, &row, ei)) && row) {
        if (!t->columns) {
            t->columns = ARENA_ARRAY(s->arena, struct table_column, sqlite_int(st, 5));
            key->columns.at = ARENA_ARRAY(s->arena, struct str, sqlite_int(st, 5));
        }
        c = &t->columns[t->n_columns++];
        *c = (struct table_column){.name = arena_str(s->arena, sqlite_str(st, 0)),
                                   .type = arena_str(s->arena, sqlite_str(st, 1)),
                                   .max_chars = -1,
                                   .max_bytes = -1,
                                   .precision = -1,
                                   .scale = -1};
        c->kind = kind_of(c->type);
        c->nullable = !sqlite_int(st, 2);
        c->has_default = !sqlite_is_null(st, 3);
        c->auto_value = sqlite_int(st, 4) == 1 && c->kind == CAST_INT;
        names = (struct str *)(uintptr_t)key->columns.at;
        if (sqlite_int(st, 4))
            names[key->columns.n++] = c->name;
    }
    sqlite_finalize(st);
    t->found = t->n_columns > 0;
    t->transactional = true;
    t->engine = S("sqlite");
    if (e)
        return e;
    key->unique = key->primary = true;
    key->name = S("PRIMARY");
    return read_keys(l, s, t, key, ei);
}

/* A guarded REPLACE is an upsert that leaves rows with a greater value alone. */
static void put_guarded(const struct sink *s, struct buf *b)
{
    const struct statement *st = &s->spec.statements[0];
    struct str guard = quote_name(s->spec.guard.column, s->arena), table = quote_name(st->table, s->arena);

    buf_add(b, S("ON CONFLICT DO UPDATE SET "));
    for (size_t i = 0; i < st->columns.n; i++) {
        struct str c = quote_name(st->columns.at[i], s->arena);

        buf_printf(b, "%s" STR_FMT " = excluded." STR_FMT, i ? ", " : "", STR_ARG(c), STR_ARG(c));
    }
    buf_printf(b, " WHERE " STR_FMT "." STR_FMT " IS NULL OR excluded." STR_FMT " >= " STR_FMT "." STR_FMT,
               STR_ARG(table), STR_ARG(guard), STR_ARG(guard), STR_ARG(table), STR_ARG(guard));
}

static void make_text(struct sink *s)
{
    const struct statement *st = &s->spec.statements[0];
    struct lite *l = self(s);
    struct buf b = buf_make(4u << 20);

    buf_add(&b, sink_insert_head(st, s->arena, quote_name, sink_replaces(s) ? S("REPLACE") : S("INSERT")));
    buf_add(&b, sink_tuple(st, s->arena));
    buf_byte(&b, ' ');
    if (s->spec.guard.column.n)
        put_guarded(s, &b);
    else
        buf_add(&b, st->verb == VERB_INSERT_IGNORE && !st->tail.n ? S("ON CONFLICT DO NOTHING") : st->tail);
    l->insert_sql = arena_str(s->arena, buf_str(&b));
    buf_free(&b);
}

static enum err lite_describe(struct sink *s, struct str table, struct table_info *ret, struct errinfo *ei)
{
    *ret = (struct table_info){.name = table};
    if (ret == &s->tables[0] && !s->spec.one_record_each)
        make_text(s);
    return read_columns(self(s), s, ret, ei);
}

/* ---- the checkpoint ---- */

static enum err select_checkpoint(struct sink *s, struct checkpoint *ret, bool *ret_found, struct errinfo *ei)
{
    struct sqlite_stmt *st;
    enum err e =
        sqlite_prepare(self(s)->db,
                       S("SELECT journal, page, page_row, cursor_at, epoch, batch, mapping FROM " CHECKPOINT_TABLE
                         " WHERE project = ? AND integration = ?"),
                       &st, ei);

    if (e)
        return e;
    sqlite_bind_str(st, 1, s->spec.project);
    sqlite_bind_str(st, 2, s->spec.integration);
    e = sqlite_step(st, ret_found, ei);
    if (!e && *ret_found) {
        *ret = (struct checkpoint){
            .page = sqlite_int(st, 1),
            .row = (int32_t)sqlite_int(st, 2),
            .cursor_s = sqlite_is_null(st, 3) ? INT64_MIN : sqlite_int(st, 3),
            .epoch = sqlite_int(st, 4),
            .batch = sqlite_int(st, 5),
            .mapping = (uint64_t)sqlite_int(st, 6),
        };
        snprintf(ret->journal, sizeof ret->journal, STR_FMT, STR_ARG(sqlite_str(st, 0)));
    }
    sqlite_finalize(st);
    return e;
}

static enum err lite_checkpoint(struct sink *s, struct checkpoint *ret, bool *ret_found, bool *ret_held,
                                struct errinfo *ei)
{
    enum err e =
        sqlite_exec(self(s)->db,
                    "CREATE TABLE IF NOT EXISTS " CHECKPOINT_TABLE
                    " (project TEXT NOT NULL, integration TEXT NOT NULL, journal TEXT NOT NULL, page INTEGER NOT NULL, "
                    "page_row INTEGER NOT NULL, cursor_at INTEGER, epoch INTEGER NOT NULL, batch INTEGER NOT NULL, "
                    "mapping INTEGER NOT NULL, "
                    "updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (project, integration)) STRICT",
                    ei);

    *ret_held = true;
    e = e ? e : select_checkpoint(s, ret, ret_found, ei);
    return e == ERR_SCHEMA ? sink_checkpoint_altered(ei) : e;
}

static enum err lite_may_hold(struct sink *s, bool *ret_holds, struct errinfo *ei)
{
    (void)s;
    (void)ei;
    *ret_holds = true;
    return OK;
}

static void bind_checkpoint(struct sqlite_stmt *st, const struct sink *s, const struct checkpoint *c)
{
    sqlite_bind_str(st, 1, str_of(c->journal));
    sqlite_bind_int(st, 2, c->page);
    sqlite_bind_int(st, 3, c->row);
    if (c->cursor_s == INT64_MIN)
        sqlite_bind_null(st, 4);
    else
        sqlite_bind_int(st, 4, c->cursor_s);
    sqlite_bind_int(st, 5, c->batch);
    sqlite_bind_int(st, 6, (int64_t)c->mapping);
    sqlite_bind_str(st, 7, s->spec.project);
    sqlite_bind_str(st, 8, s->spec.integration);
    sqlite_bind_int(st, 9, c->epoch);
}

static enum err claim_inside(struct sink *s, const struct checkpoint *cp, int64_t *ret_epoch, struct errinfo *ei)
{
    struct checkpoint old = {0}, new = *cp;
    struct sqlite_stmt *st;
    bool found;
    enum err e = select_checkpoint(s, &old, &found, ei);

    if (e)
        return e;
    if (found && old.batch != cp->batch)
        return sink_moved_on(ei);
    new.epoch = (found && old.epoch > cp->epoch ? old.epoch : cp->epoch) + 1;
    e = sqlite_prepare(self(s)->db,
                       S("INSERT OR REPLACE INTO " CHECKPOINT_TABLE
                         " (journal, page, page_row, cursor_at, batch, mapping, "
                         "project, integration, epoch) VALUES (?,?,?,?,?,?,?,?,?)"),
                       &st, ei);
    if (e)
        return e;
    bind_checkpoint(st, s, &new);
    e = sqlite_run(st, ei);
    sqlite_finalize(st);
    if (!e)
        *ret_epoch = new.epoch;
    return e;
}

static void rollback(struct lite *l)
{
    struct errinfo ignored;

    if (sqlite_exec(l->db, "ROLLBACK", &ignored))
        disconnect(l);
}

static enum err lite_claim(struct sink *s, const struct checkpoint *cp, int64_t *ret_epoch, struct errinfo *ei)
{
    struct lite *l = self(s);
    enum err e = sqlite_exec(l->db, "BEGIN IMMEDIATE", ei);

    if (e)
        return e;
    e = claim_inside(s, cp, ret_epoch, ei);
    e = e ? e : sqlite_exec(l->db, "COMMIT", ei);
    if (e)
        rollback(l);
    return e;
}

/* ---- writing ---- */

static enum err lite_encode(const struct sink *s, struct batch *b, struct errinfo *ei)
{
    struct outgoing *o = ARENA_NEW(b->arena, struct outgoing);

    (void)ei;
    *o = fit_rows(s, b);
    b->wire = o;
    return OK;
}

static void bind_cells(struct sqlite_stmt *st, const struct value *cells, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        if (value_is_null(&cells[c]))
            sqlite_bind_null(st, (int)c + 1);
        else
            sqlite_bind_str(st, (int)c + 1, (struct str){cells[c].n ? cells[c].p : "", cells[c].n});
    }
}

static enum err run_row(struct sink *s, const struct batch_row *row, int64_t *last_id, struct errinfo *ei)
{
    struct lite *l = self(s);
    const struct statement *st = &s->spec.statements[row->statement];
    struct sqlite_stmt **kept = s->spec.one_record_each ? &l->execute[row->statement] : &l->insert;
    size_t n = s->spec.one_record_each ? st->binds.n : sink_binds(st);
    enum err e = *kept ? OK : sqlite_prepare(l->db, s->spec.one_record_each ? st->sql : l->insert_sql, kept, ei);

    if (e)
        return e;
    bind_cells(*kept, row->cells, n);
    for (size_t i = 0; s->spec.one_record_each && i < n; i++)
        if (str_eq(st->binds.at[i], S("lastInsertId")))
            sqlite_bind_int(*kept, (int)i + 1, *last_id);
    e = sqlite_run(*kept, ei);
    if (!e && row->statement == 0)
        *last_id = sqlite_last_id(l->db);
    return e;
}

/* The rows of one record under `execute`: all or none. */
static enum err run_record(struct sink *s, struct batch *b, const struct outgoing *o, size_t from, size_t n,
                           struct errinfo *ei)
{
    struct lite *l = self(s);
    int64_t last_id = 0;
    enum err e = sqlite_exec(l->db, "SAVEPOINT record", ei);
    bool row_fault;

    for (size_t i = from; !e && i < from + n; i++)
        e = run_row(s, &b->rows[o->order[i]], &last_id, ei);
    row_fault = e && sqlite_failed_on_row(l->db);
    if (!e)
        return sqlite_exec(l->db, "RELEASE record", ei);
    if (!row_fault)
        return e;
    for (size_t i = from; i < from + n; i++)
        batch_add_bad(b, o->order[i], ERR_DATA, str_of(ei->msg));
    return sqlite_exec(l->db, "ROLLBACK TO record; RELEASE record", ei);
}

static enum err send_rows(struct sink *s, struct batch *b, struct errinfo *ei)
{
    const struct outgoing *o = b->wire;
    int64_t last_id = 0;
    size_t n;

    for (size_t i = 0; i < o->n; i += n) {
        enum err e;

        n = 1;
        if (s->spec.one_record_each) {
            while (i + n < o->n && b->rows[o->order[i + n]].record == b->rows[o->order[i]].record)
                n++;
            e = run_record(s, b, o, i, n, ei);
        } else {
            e = run_row(s, &b->rows[o->order[i]], &last_id, ei);
            if (e && sqlite_failed_on_row(self(s)->db)) {
                batch_add_bad(b, o->order[i], ERR_DATA, str_of(ei->msg));
                e = OK;
            }
        }
        if (e)
            return e;
    }
    return OK;
}

/* Column affinity makes the comparison exact: a text against an INTEGER column becomes an integer of 64 bits. */
static struct str bind_plain(const struct table_column *c, struct arena *a)
{
    (void)c;
    (void)a;
    return S("?");
}

static const struct gone_dialect lite_names = {.quote = quote_name, .bind = bind_plain};

static enum err remove_gone(struct sink *s, struct batch *b, struct errinfo *ei)
{
    struct gone_walk w = {.s = s, .b = b, .d = &lite_names};
    struct gone_statement g;
    enum err e;

    b->n_removed = 0;
    while (!(e = gone_next(&w, &g, ei)) && g.sql.n) {
        struct sqlite_stmt *st;

        e = sqlite_prepare(self(s)->db, g.sql, &st, ei);
        if (e)
            return e;
        for (size_t i = 0; i < g.n_values; i++)
            sqlite_bind_str(st, (int)i + 1, g.values[i]);
        e = sqlite_run(st, ei);
        sqlite_finalize(st);
        if (e)
            return e;
        if (g.removes)
            b->n_removed += sqlite_changes(self(s)->db);
    }
    return e;
}

static enum sink_outcome outcome_of(struct lite *l, enum err e)
{
    rollback(l);
    return e == ERR_CONFLICT || e == ERR_DISK ? SINK_TRANSIENT : SINK_PERMANENT;
}

static enum err move_checkpoint(struct sink *s, const struct batch *b, bool *ret_moved, struct errinfo *ei)
{
    struct lite *l = self(s);
    enum err e = OK;

    if (!l->checkpoint)
        e = sqlite_prepare(l->db,
                           S("UPDATE " CHECKPOINT_TABLE " SET journal = ?1, page = ?2, page_row = ?3, cursor_at = ?4, "
                             "batch = ?5, mapping = ?6, updated_at = CURRENT_TIMESTAMP "
                             "WHERE project = ?7 AND integration = ?8 AND epoch = ?9 AND batch = ?10 AND journal = ?1"),
                           &l->checkpoint, ei);
    if (e)
        return e;
    bind_checkpoint(l->checkpoint, s, &b->to);
    sqlite_bind_int(l->checkpoint, 10, b->after);
    e = sqlite_run(l->checkpoint, ei);
    *ret_moved = !e && sqlite_changes(l->db) == 1;
    return e;
}

static enum sink_outcome lite_finish(struct sink *s, const struct batch *b, struct errinfo *ei)
{
    struct lite *l = self(s);
    bool moved = true;
    enum err e = move_checkpoint(s, b, &moved, ei);

    if (!e && !moved) {
        rollback(l);
        return sink_not_as_left(ei);
    }
    e = e ? e : sqlite_exec(l->db, "COMMIT", ei);
    return e ? outcome_of(l, e) : SINK_COMMITTED;
}

static enum sink_outcome lite_begin(struct sink *s, struct errinfo *ei)
{
    struct lite *l = self(s);
    enum err e = l->db ? OK : sink_connect(s, ei);

    e = e ? e : sqlite_exec(l->db, "BEGIN IMMEDIATE", ei);
    if (!e)
        return SINK_COMMITTED;
    return e == ERR_CONFLICT || e == ERR_DISK ? SINK_TRANSIENT : SINK_PERMANENT;
}

static enum sink_outcome lite_write(struct sink *s, struct batch *b, const struct sink_hook *hook, struct errinfo *ei)
{
    struct lite *l = self(s);
    enum sink_outcome o = lite_begin(s, ei);
    enum err e;

    if (o != SINK_COMMITTED)
        return o;
    batch_forget_bad(b, ((const struct outgoing *)b->wire)->n_bad);
    e = send_rows(s, b, ei);
    if (!e && sink_removes(&s->spec))
        e = remove_gone(s, b, ei);
    if (e)
        return outcome_of(l, e);
    if (hook && hook->before_commit(hook->ctx, b, ei)) {
        rollback(l);
        return SINK_TRANSIENT;
    }
    return lite_finish(s, b, ei);
}

/* ---- reading rows back ---- */

/* A REAL with all its digits. */
static struct str lite_shown(const struct table_column *c, struct arena *a)
{
    struct str name = quote_name(c->name, a);

    return arena_printf(a,
                        "CASE typeof(" STR_FMT ") WHEN 'real' THEN printf('%%!.17g', " STR_FMT ") ELSE " STR_FMT " END",
                        STR_ARG(name), STR_ARG(name), STR_ARG(name));
}

static bool type_has(struct str type, const char *const *words)
{
    for (; *words; words++)
        for (size_t at = 0, n = strlen(*words); at + n <= type.n; at++)
            if (str_eq_nocase(str_sub(type, at, n), str_of(*words)))
                return true;
    return false;
}

/* Text stays as it was sent where the column's affinity is TEXT or none (https://www.sqlite.org/datatype3.html, 3.1);
 * elsewhere a text that is a number has become one. */
static bool lite_same(const struct table_column *c, struct str ours, struct str theirs)
{
    static const char *const whole[] = {"INT", NULL}, *const text[] = {"CHAR", "CLOB", "TEXT", "BLOB", NULL};

    if (str_eq(ours, theirs))
        return true;
    if (!c->type.n || (!type_has(c->type, whole) && type_has(c->type, text)))
        return false;
    return same_number(ours, theirs) ||
           ((memchr(theirs.p, '.', theirs.n) || memchr(theirs.p, 'e', theirs.n)) && same_double(ours, theirs));
}

static enum err lite_query(struct sink *s, const struct rows_sql *sql, struct errinfo *ei)
{
    struct lite *l = self(s);
    struct sqlite_stmt *st;
    struct str cells[SQLITE_COLUMNS_MAX];
    int n;
    bool row = true;
    enum err e = l->db ? OK : sink_connect(s, ei);

    e = e ? e : sqlite_prepare(l->db, sql->text, &st, ei);
    if (e)
        return e;
    for (size_t i = 0; i < sql->n_values; i++)
        sqlite_bind_str(st, (int)i + 1, sql->values[i]);
    n = sqlite_columns(st);
    while (!(e = sqlite_step(st, &row, ei)) && row) {
        for (int c = 0; c < n && c < SQLITE_COLUMNS_MAX; c++)
            cells[c] = sqlite_is_null(st, c) ? (struct str){0} : sqlite_str(st, c);
        if (!sql->row(sql->ctx, cells))
            break;
    }
    sqlite_finalize(st);
    return e;
}

static const struct rows_dialect lite_rows = {
    .names = &lite_names, .shown = lite_shown, .same = lite_same, .query = lite_query};

/* ---- running, making ---- */

static enum err lite_exec(struct sink *s, struct str sql, struct errinfo *ei)
{
    struct arena *a = arena_new(8u << 20);
    enum err e = sqlite_exec(self(s)->db, arena_cstr(a, sql), ei);

    arena_free(a);
    return e;
}

static const char *type_of(const struct ddl_column *c)
{
    return c->kind == CAST_INT || c->kind == CAST_TIMESTAMP || c->kind == CAST_BOOL ? "INTEGER" : "TEXT";
}

/* No column has a width here. */
static bool lite_alter(const struct table_info *t, const struct ddl_column *want, const struct table_column *from,
                       struct buf *out)
{
    struct arena *a = arena_new(1u << 20);

    if (!from)
        buf_printf(out, "ALTER TABLE " STR_FMT " ADD COLUMN " STR_FMT " %s", STR_ARG(quote_name(t->name, a)),
                   STR_ARG(quote_name(want->name, a)), type_of(want));
    arena_free(a);
    return !from;
}

static void lite_ddl(struct str table, const struct ddl_column *cols, size_t n, struct buf *out)
{
    struct arena *a = arena_new(16u << 20);
    bool keyed = false;

    buf_printf(out, "CREATE TABLE " STR_FMT " (\n", STR_ARG(quote_name(table, a)));
    for (size_t i = 0; i < n; i++)
        keyed |= cols[i].key;
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "  " STR_FMT " %s%s%s", STR_ARG(quote_name(cols[i].name, a)), type_of(&cols[i]),
                   cols[i].key    ? " NOT NULL"
                   : cols[i].flag ? " NOT NULL DEFAULT 0"
                                  : "",
                   i + 1 < n || keyed ? ",\n" : "\n");
    if (keyed)
        buf_add(out, S("  PRIMARY KEY ("));
    for (size_t i = 0, k = 0; i < n; i++)
        if (cols[i].key)
            buf_printf(out, "%s" STR_FMT, k++ ? ", " : "", STR_ARG(quote_name(cols[i].name, a)));
    if (keyed)
        buf_add(out, S(")\n"));
    buf_add(out, S(")\n"));
    for (size_t i = 0; i < n; i++)
        if (cols[i].index)
            buf_printf(
                out, ";\nCREATE INDEX " STR_FMT " ON " STR_FMT " (" STR_FMT ")\n",
                STR_ARG(quote_name(arena_printf(a, STR_FMT "_" STR_FMT, STR_ARG(table), STR_ARG(cols[i].name)), a)),
                STR_ARG(quote_name(table, a)), STR_ARG(quote_name(cols[i].name, a)));
    arena_free(a);
}

const struct sink_type sink_sqlite = {
    .name = "sqlite",
    .help = "an SQLite file",
    .open = lite_open,
    .close = lite_close,
    .connect = lite_connect,
    .describe = lite_describe,
    .path = lite_path,
    .server = lite_path,
    .checkpoint = lite_checkpoint,
    .may_hold = lite_may_hold,
    .claim = lite_claim,
    .encode = lite_encode,
    .write = lite_write,
    .rows = &lite_rows,
    .exec = lite_exec,
    .ddl = lite_ddl,
    .alter = lite_alter,
};
