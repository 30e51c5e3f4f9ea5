/* The mysql sink: opening and connecting.
 *
 * The session is strict whatever the server's default: values that do not fit are errors, never changed in silence. The
 * wire path is chosen once: array binding where the server has it (MariaDB), LOAD DATA LOCAL from memory for a plain
 * REPLACE where the server allows it (without REPLACE it would be an IGNORE in disguise), else prepared statements of
 * many rows. */
#include "sink/mysql_sink.h"

#include "base/num.h"
#include "base/plant.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_S 10u
#define SILENCE_S 120u

struct my_sink *my_self(const struct sink *s)
{
    return s->self;
}

static enum err my_open(struct sink *s, const struct strs *options, struct errinfo *ei)
{
    struct my_sink *m = ARENA_NEW(s->arena, struct my_sink);
    /* host port socket user password database tls tls_ca, as the connector lists them */
    struct str v[8] = {S("127.0.0.1"), S("3306"), {0}, {0}, {0}, {0}, S("prefer"), {0}};
    unsigned silence_s = (unsigned)((s->spec.silence_ms + 999) / 1000);
    int64_t port;

    for (size_t i = 0; i < options->n && i < 8; i++)
        if (options->at[i].n)
            v[i] = options->at[i];
    s->self = m;
    m->texts = s->arena;
    if (!num_i64(v[1], &port) || port < 1 || port > 65535)
        return fail(ei, ERR_CONFIG, "port \"" STR_FMT "\" is not a number from 1 to 65535", STR_ARG(v[1]));
    m->options = (struct mydb_options){
        .host = arena_cstr(s->arena, v[0]),
        .port = (unsigned)port,
        .socket = v[2].n ? arena_cstr(s->arena, v[2]) : NULL,
        .user = arena_cstr(s->arena, v[3]),
        .password = arena_cstr(s->arena, v[4]),
        .database = arena_cstr(s->arena, v[5]),
        .tls = str_eq(v[6], S("require"))   ? MYDB_TLS_REQUIRE
               : str_eq(v[6], S("disable")) ? MYDB_TLS_DISABLE
                                            : MYDB_TLS_PREFER,
        .ca_file = arena_cstr(s->arena, v[7]),
        .connect_s = silence_s && silence_s < CONNECT_S ? silence_s : CONNECT_S,
        .io_s = silence_s ? silence_s : SILENCE_S,
    };
    return OK;
}

void my_disconnect(struct my_sink *m)
{
    mydb_stmt_close(m->array);
    mydb_stmt_close(m->values);
    m->array = m->values = NULL;
    m->values_rows = 0;
    for (size_t i = 0; i < 10; i++) {
        mydb_stmt_close(m->execute[i]);
        m->execute[i] = NULL;
    }
    mydb_close(m->db);
    m->db = NULL;
}

static void my_close(struct sink *s)
{
    if (s->self)
        my_disconnect(my_self(s));
}

/* ---- connecting ---- */

static enum err set_session(struct my_sink *m, struct errinfo *ei)
{
    enum err e = mydb_exec(m->db,
                           S("SET SESSION sql_mode = "
                             "'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_"
                             "BY_ZERO,NO_ENGINE_SUBSTITUTION'"),
                           ei);

    return e ? e : mydb_exec(m->db, S("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"), ei);
}

static enum err read_limits(struct my_sink *m, bool *ret_infile, struct errinfo *ei)
{
    struct arena *a = arena_new(1u << 20);
    struct mydb_rows r;
    int64_t packet = 0;
    enum err e = mydb_query(m->db, S("SELECT @@max_allowed_packet, @@local_infile, @@read_only"), a, &r, ei);

    if (!e && (r.n_rows != 1 || !num_i64(r.cells[0], &packet)))
        e = fail(ei, ERR_TARGET, "the server does not tell max_allowed_packet");
    if (!e) {
        m->max_packet = (size_t)packet;
        *ret_infile = str_eq(r.cells[1], S("1")) || str_eq_nocase(r.cells[1], S("ON"));
    }
    arena_free(a);
    return e;
}

static bool may_load(const struct sink *s)
{
    const struct statement *st = &s->spec.statements[0];

    return st->verb == VERB_REPLACE && !st->tail.n && !st->values && !s->spec.guard.column.n;
}

/* A guarded REPLACE: each column changes only when the guard's does not go back. Assignments run from left to right and
 * see what those before them did, so the guard's own comes last. */
static struct str guarded_tail(const struct sink *s)
{
    const struct statement *st = &s->spec.statements[0];
    struct str guard = mydb_quote_name(s->spec.guard.column, s->arena), r;
    struct buf b = buf_make(1u << 20);
    bool first = true;

    buf_add(&b, S("ON DUPLICATE KEY UPDATE "));
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < st->columns.n; i++) {
            struct str c = mydb_quote_name(st->columns.at[i], s->arena);

            if (str_eq_nocase(st->columns.at[i], s->spec.guard.column) != (pass == (PLANTED(mod_first) ? 0 : 1)))
                continue;
            buf_printf(&b,
                       "%s" STR_FMT " = IF(" STR_FMT " IS NULL OR VALUES(" STR_FMT ") %s " STR_FMT ", VALUES(" STR_FMT
                       "), " STR_FMT ")",
                       first ? "" : ", ", STR_ARG(c), STR_ARG(guard), STR_ARG(guard),
                       PLANTED(mod_first) ? ">" : ">=", STR_ARG(guard), STR_ARG(c), STR_ARG(c));
            first = false;
        }
    r = arena_str(s->arena, buf_str(&b));
    buf_free(&b);
    return r;
}

/* INSERT IGNORE would swallow errors: it is run as an upsert that changes nothing (decisions 3). */
static struct str tail_of(const struct sink *s)
{
    const struct statement *st = &s->spec.statements[0];
    const struct table_info *t = &s->tables[0];

    if (s->spec.guard.column.n)
        return guarded_tail(s);
    if (st->verb != VERB_INSERT_IGNORE)
        return st->tail;
    for (size_t i = 0; i < t->n_keys; i++)
        if (t->keys[i].unique && t->keys[i].columns.n) {
            struct str key = mydb_quote_name(t->keys[i].columns.at[0], s->arena);

            return arena_printf(s->arena, "ON DUPLICATE KEY UPDATE " STR_FMT " = " STR_FMT, STR_ARG(key), STR_ARG(key));
        }
    return st->tail;
}

static void make_texts(struct sink *s)
{
    struct my_sink *m = my_self(s);
    const struct statement *st = &s->spec.statements[0];
    struct buf b = buf_make(1u << 20);

    if (s->spec.one_record_each)
        return;
    m->row_head = sink_insert_head(st, s->arena, mydb_quote_name, sink_replaces(s) ? S("REPLACE") : S("INSERT"));
    m->row_tuple = sink_tuple(st, s->arena);
    m->row_tail = tail_of(s);
    buf_add(&b, S("LOAD DATA LOCAL INFILE 'rows' REPLACE INTO TABLE "));
    buf_add(&b, mydb_quote_name(st->table, s->arena));
    buf_add(&b, S(" CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ("));
    for (size_t i = 0; i < st->columns.n; i++) {
        buf_add(&b, i ? S(",") : S(""));
        buf_add(&b, mydb_quote_name(st->columns.at[i], s->arena));
    }
    buf_byte(&b, ')');
    m->load_sql = arena_str(s->arena, buf_str(&b));
    buf_free(&b);
}

static enum err my_connect(struct sink *s, struct errinfo *ei)
{
    struct my_sink *m = my_self(s);
    bool infile = false;
    enum err e;

    my_disconnect(m);
    e = mydb_open(&m->options, &m->db, ei);
    e = e ? e : set_session(m, ei);
    e = e ? e : read_limits(m, &infile, ei);
    if (e) {
        my_disconnect(m);
        return e;
    }
    if (!s->described)
        m->path = mydb_has_bulk(m->db) ? PATH_ARRAY : infile && may_load(s) ? PATH_LOAD : PATH_VALUES;
    snprintf(m->server, sizeof m->server, "%s %s", mydb_is_mariadb(m->db) ? "MariaDB" : "MySQL", mydb_version(m->db));
    return OK;
}

static const char *my_path_name(const struct sink *s)
{
    static const char *const names[] = {
        [PATH_ARRAY] = "array binding", [PATH_LOAD] = "LOAD DATA LOCAL", [PATH_VALUES] = "prepared statements"};
    const struct my_sink *m = my_self(s);

    if (s->spec.one_record_each || (m->path == PATH_LOAD && m->load_refused))
        return names[PATH_VALUES];
    return names[m->path];
}

static const char *my_server(const struct sink *s)
{
    return my_self(s)->server;
}

/* The texts need the keys of the table, so they are made when it was described. */
static enum err describe_and_prepare(struct sink *s, struct str table, struct table_info *ret, struct errinfo *ei)
{
    enum err e = my_describe(s, table, ret, ei);

    if (!e && ret == &s->tables[0])
        make_texts(s);
    return e;
}

static enum err my_exec(struct sink *s, struct str sql, struct errinfo *ei)
{
    return mydb_exec(my_self(s)->db, sql, ei);
}

const struct sink_type sink_mysql = {
    .name = "mysql",
    .help = "MySQL and MariaDB",
    .open = my_open,
    .close = my_close,
    .connect = my_connect,
    .describe = describe_and_prepare,
    .path = my_path_name,
    .server = my_server,
    .checkpoint = my_checkpoint,
    .may_hold = my_may_hold,
    .claim = my_claim,
    .encode = my_encode,
    .write = my_write,
    .rows = &my_rows,
    .exec = my_exec,
    .ddl = my_ddl,
    .alter = my_alter,
};
