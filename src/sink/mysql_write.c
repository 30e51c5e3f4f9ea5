/* One transaction: the rows, then the dead letters made durable, then the checkpoint row, then COMMIT.
 *
 * Rows go out in ranges below the server's packet limit. When the server refuses a range for a value, nothing of that
 * statement is in and the transaction lives on: where the message names the row it alone is set aside and the rest is
 * sent again, else the range is halved until the bad row stands alone. Any other error rolls back. What is lost while
 * COMMIT is under way has an unknown outcome; the caller asks the checkpoint.
 *
 * A LOAD DATA that gave warnings has changed values: the transaction is rolled back, and this connection goes on with
 * prepared statements, under which the same values are errors with a row. */
#include "base/log.h"
#include "base/plant.h"
#include "sink/mysql_sink.h"

#include <stdlib.h>

#define PLACEHOLDERS_MAX 65535
#define VALUES_ROWS_MAX  500
#define PACKET_SHARE     3 / 4

struct writing {
    struct sink *s;
    struct my_sink *m;
    struct batch *b;
    struct my_wire *w;
    size_t n_columns;
    struct errinfo *ei;
    struct str *values; /* scratch of prepared statements, in the batch's arena */
};

/* ---- sending a range ---- */

static enum err send_array(struct writing *w, size_t from, size_t n)
{
    struct my_sink *m = w->m;

    if (!m->array) {
        struct buf b = buf_make(4u << 20);
        enum err e;

        buf_add(&b, m->row_head);
        buf_add(&b, m->row_tuple);
        buf_byte(&b, ' ');
        buf_add(&b, m->row_tail);
        e = mydb_prepare(m->db, buf_str(&b), &m->array, w->ei);
        buf_free(&b);
        if (e)
            return e;
    }
    return mydb_stmt_array(m->array, w->w->columns, w->n_columns, from, n, w->ei);
}

static enum err prepare_values(struct writing *w, size_t rows)
{
    struct my_sink *m = w->m;
    struct buf b = buf_make(64u << 20);
    enum err e;

    if (m->values && m->values_rows == rows)
        return OK;
    mydb_stmt_close(m->values);
    m->values = NULL;
    buf_add(&b, m->row_head);
    for (size_t i = 0; i < rows; i++) {
        buf_add(&b, i ? S(",") : S(""));
        buf_add(&b, m->row_tuple);
    }
    buf_byte(&b, ' ');
    buf_add(&b, m->row_tail);
    e = b.failed ? fail(w->ei, ERR_INTERNAL, "out of memory") : mydb_prepare(m->db, buf_str(&b), &m->values, w->ei);
    m->values_rows = rows;
    buf_free(&b);
    return e;
}

static enum err send_values(struct writing *w, size_t from, size_t n)
{
    size_t k = 0;
    enum err e = prepare_values(w, n);

    if (e)
        return e;
    for (size_t i = from; i < from + n; i++) {
        const struct value *cells = w->b->rows[w->w->out.order[i]].cells;

        for (size_t c = 0; c < w->n_columns; c++)
            w->values[k++] =
                value_is_null(&cells[c]) ? (struct str){0} : (struct str){cells[c].n ? cells[c].p : "", cells[c].n};
    }
    return mydb_stmt_values(w->m->values, w->values, k, w->ei);
}

static enum err send_load(struct writing *w, size_t from, size_t n)
{
    const struct my_wire *x = w->w;
    struct str bytes = {x->text + x->line_at[from], x->line_at[from + n] - x->line_at[from]};
    enum err e = mydb_load(w->m->db, w->m->load_sql, bytes, w->ei);

    if (e && (mydb_errno(w->m->db) == 3948 || mydb_errno(w->m->db) == 4166 || mydb_errno(w->m->db) == 1148)) {
        log_info("the server no longer allows LOAD DATA LOCAL: prepared statements are used");
        w->m->load_refused = true;
        return send_values(w, from, n);
    }
    if (!e && mydb_warnings(w->m->db)) {
        w->m->load_refused = true;
        return fail(w->ei, ERR_TARGET, "LOAD DATA gave warnings: the rows are sent again by prepared statements");
    }
    return e;
}

static bool by_load(const struct writing *w)
{
    return w->m->path == PATH_LOAD && !w->m->load_refused;
}

static enum err send_some(struct writing *w, size_t from, size_t n)
{
    if (w->m->path == PATH_ARRAY)
        return send_array(w, from, n);
    return by_load(w) ? send_load(w, from, n) : send_values(w, from, n);
}

/* As many rows from `from` as one statement may take. */
static size_t chunk(const struct writing *w, size_t from)
{
    size_t limit = w->m->max_packet * PACKET_SHARE, bytes = 4096, n = 0, most = w->w->out.n - from;

    if (w->m->path != PATH_ARRAY && !by_load(w)) {
        size_t fit = PLACEHOLDERS_MAX / (w->n_columns ? w->n_columns : 1);

        fit = fit > VALUES_ROWS_MAX ? VALUES_ROWS_MAX : fit;
        most = most > fit ? fit : most;
    }
    if (by_load(w))
        return most; /* a stream, not a packet */
    while (n < most && (n == 0 || bytes + w->w->row_bytes[from + n] <= limit))
        bytes += w->w->row_bytes[from + n++];
    return n;
}

/* ---- isolating bad rows ---- */

static void set_aside(struct writing *w, size_t place)
{
    batch_add_bad(w->b, w->w->out.order[place], ERR_DATA, str_of(mydb_error(w->m->db)));
}

/* A range, whatever it takes. Depth is at most the logarithm of its length, and one level for each row that the server
 * names. */
static enum err send_range(struct writing *w, size_t from, size_t n)
{
    while (n) {
        enum err e = send_some(w, from, n);
        uint64_t row;
        size_t half;

        if (!e || (PLANTED(lock_continue) && mydb_errno(w->m->db) == 1205))
            return OK;
        if (mydb_class(w->m->db) != MYDB_ROW)
            return e;
        if (n == 1) {
            set_aside(w, from);
            return OK;
        }
        row = mydb_error_row(w->m->db);
        if (row >= 1 && row <= n) {
            set_aside(w, from + row - 1);
            e = send_range(w, from, (size_t)row - 1);
            if (e)
                return e;
            from += (size_t)row;
            n -= (size_t)row;
            continue;
        }
        half = n / 2;
        e = send_range(w, from, half);
        if (e)
            return e;
        from += half;
        n -= half;
    }
    return OK;
}

static enum err send_rows(struct writing *w)
{
    w->values = arena_try(w->b->arena, (w->n_columns * VALUES_ROWS_MAX + 1) * sizeof *w->values);
    if (!w->values)
        return fail(w->ei, ERR_INTERNAL, "out of memory");
    for (size_t from = 0; from < w->w->out.n;) {
        size_t n = chunk(w, from);
        enum err e = send_range(w, from, n);

        if (e)
            return e;
        from += n;
    }
    return OK;
}

/* ---- execute: record by record ---- */

static enum err run_statement(struct writing *w, const struct batch_row *row, int64_t *last_id)
{
    const struct statement *st = &w->s->spec.statements[row->statement];
    struct mydb_stmt **kept = &w->m->execute[row->statement];
    struct str *values = ARENA_ARRAY(w->b->arena, struct str, st->binds.n + 1);
    enum err e = *kept ? OK : mydb_prepare(w->m->db, st->sql, kept, w->ei);

    for (size_t i = 0; i < st->binds.n; i++) {
        if (str_eq(st->binds.at[i], S("lastInsertId")))
            values[i] = arena_printf(w->b->arena, "%lld", (long long)*last_id);
        else if (!value_is_null(&row->cells[i]))
            values[i] = (struct str){row->cells[i].n ? row->cells[i].p : "", row->cells[i].n};
    }
    e = e ? e : mydb_stmt_values(*kept, values, st->binds.n, w->ei);
    if (!e && row->statement == 0)
        *last_id = mydb_stmt_last_id(*kept);
    return e;
}

/* The rows of one record, from place `from`: all or none. *ret_n says how many there were. */
static enum err run_record(struct writing *w, size_t from, size_t *ret_n)
{
    const struct batch *b = w->b;
    const uint32_t *order = w->w->out.order;
    uint32_t record = b->rows[order[from]].record;
    int64_t last_id = 0;
    enum err e = mydb_exec(w->m->db, S("SAVEPOINT record"), w->ei);
    size_t n = 0;

    for (size_t i = from; i < w->w->out.n && b->rows[order[i]].record == record; i++)
        n++;
    *ret_n = n;
    for (size_t i = from; !e && i < from + n; i++)
        e = run_statement(w, &b->rows[order[i]], &last_id);
    if (!e || mydb_class(w->m->db) != MYDB_ROW)
        return e;
    for (size_t i = from; i < from + n; i++)
        set_aside(w, i);
    return mydb_exec(w->m->db, S("ROLLBACK TO SAVEPOINT record"), w->ei);
}

static enum err run_records(struct writing *w)
{
    for (size_t from = 0, n; from < w->w->out.n; from += n) {
        enum err e = run_record(w, from, &n);

        if (e)
            return e;
    }
    return OK;
}

/* ---- the transaction ---- */

/* After a failure that was not a row's: rolls back and says what it was. */
static enum sink_outcome give_up(struct my_sink *m, bool in_commit, const struct errinfo *ei)
{
    enum mydb_class c = mydb_class(m->db);
    struct errinfo ignored;

    if (c == MYDB_LOST) {
        my_disconnect(m);
        return in_commit ? SINK_UNKNOWN : SINK_TRANSIENT;
    }
    if (mydb_exec(m->db, S("ROLLBACK"), &ignored))
        my_disconnect(m);
    if (in_commit)
        return SINK_TRANSIENT;
    return c == MYDB_PERMANENT && ei->code != ERR_DISK ? SINK_PERMANENT : SINK_TRANSIENT;
}

static enum sink_outcome commit(struct sink *s, struct errinfo *ei)
{
    struct my_sink *m = my_self(s);

    if (mydb_exec(m->db, S("COMMIT"), ei))
        return give_up(m, true, ei);
    return SINK_COMMITTED;
}

static enum sink_outcome finish(struct sink *s, const struct batch *b, struct errinfo *ei)
{
    struct my_sink *m = my_self(s);
    bool moved = true;

    if (PLANTED(append) && mydb_exec(m->db, S("COMMIT"), ei))
        return give_up(m, false, ei);
    if (PLANTED(state_first))
        return commit(s, ei);
    if (s->held && my_move_checkpoint(s, b, &moved, ei))
        return give_up(m, false, ei);
    if (!moved) {
        struct errinfo ignored;

        if (mydb_exec(m->db, S("ROLLBACK"), &ignored))
            my_disconnect(m);
        return sink_not_as_left(ei);
    }
    return commit(s, ei);
}

static enum sink_outcome ready(struct sink *s, struct errinfo *ei)
{
    struct my_sink *m = my_self(s);

    if (!m->db && sink_connect(s, ei))
        return ei->code == ERR_AUTH || ei->code == ERR_SCHEMA || ei->code == ERR_CONFIG ? SINK_PERMANENT
                                                                                        : SINK_TRANSIENT;
    if (!PLANTED(autocommit) && mydb_exec(m->db, S("START TRANSACTION"), ei))
        return give_up(m, false, ei);
    return SINK_COMMITTED;
}

/* The server refused rows that the definition of the table, as it was read, allows: was it changed since? Then they are
 * no dead letters, and the writing stops. */
static enum sink_outcome still_fits(const struct writing *w)
{
    enum err e = my_unchanged(w->s, w->ei);
    struct errinfo ignored;

    if (!e)
        return SINK_COMMITTED;
    if (e != ERR_SCHEMA)
        return give_up(w->m, false, w->ei);
    if (mydb_exec(w->m->db, S("ROLLBACK"), &ignored))
        my_disconnect(w->m);
    return SINK_PERMANENT;
}

enum sink_outcome my_write(struct sink *s, struct batch *b, const struct sink_hook *hook, struct errinfo *ei)
{
    struct writing w = {s, my_self(s), b, b->wire, sink_binds(&s->spec.statements[0]), ei, NULL};
    enum sink_outcome o = ready(s, ei);
    enum err e;

    if (o != SINK_COMMITTED)
        return o;
    if (PLANTED(state_first)) {
        bool moved;

        if (my_move_checkpoint(s, b, &moved, ei) || !moved || mydb_exec(w.m->db, S("COMMIT"), ei))
            return give_up(w.m, false, ei);
    }
    batch_forget_bad(b, w.w->out.n_bad);
    e = s->spec.one_record_each ? run_records(&w) : send_rows(&w);
    if (!e && sink_removes(&s->spec))
        e = my_remove_gone(s, b, ei);
    if (e)
        return give_up(w.m, false, ei);
    if (b->n_bad > w.w->out.n_bad && (o = still_fits(&w)) != SINK_COMMITTED)
        return o;
    if (hook && hook->before_commit(hook->ctx, b, ei)) {
        struct errinfo ignored;

        if (mydb_exec(w.m->db, S("ROLLBACK"), &ignored))
            my_disconnect(w.m);
        return SINK_TRANSIENT;
    }
    return finish(s, b, ei);
}
