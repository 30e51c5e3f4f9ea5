/* MariaDB Connector/C, kept on a short lead.
 *
 * LOCAL INFILE is on in the library by default and would send any file that a server asks for; here the handlers are
 * replaced before connecting by ones that know a single stream in memory, armed for the time of one statement.
 * Reconnecting by itself is off: a lost connection is told to the caller, who knows what was in flight. The client
 * never changes the session behind the caller's back. */
#include "db/mysql.h"

#include "base/num.h"

#include <errmsg.h>
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>

#define BULK_UNIT_OPERATIONS (1u << 2)

struct mydb {
    MYSQL *my;
    struct str stream; /* armed for mydb_load; p NULL: nothing */
    size_t sent;
    bool mariadb, bulk;
    unsigned code;
    char sqlstate[8];
    char error[512];
};

struct mydb_stmt {
    struct mydb *db;
    MYSQL_STMT *st;
    MYSQL_BIND *binds;
    unsigned long *lengths;
    size_t n_binds;
};

/* ---- errors ---- */

static void note(struct mydb *db, unsigned code, const char *state, const char *text)
{
    db->code = code;
    snprintf(db->sqlstate, sizeof db->sqlstate, "%s", state ? state : "");
    snprintf(db->error, sizeof db->error, "%s", text ? text : "");
}

static bool one_of(unsigned code, const unsigned *list)
{
    for (; *list; list++)
        if (*list == code)
            return true;
    return false;
}

enum mydb_class mydb_class(const struct mydb *db)
{
    static const unsigned lost[] = {2006, 2012, 2013, 2026, 2027, 2055, 1053, 1152,
                                    1158, 1159, 1160, 1161, 1927, 3169, 0};
    static const unsigned transient[] = {1205, 1213, 1040, 1203, 1226, 2002, 2003, 1290, 1836, 1021,
                                         1114, 1020, 1180, 3101, 4031, 1317, 3024, 1969, 1637, 0};
    static const unsigned row[] = {1048, 1062, 1264, 1265, 1292, 1300, 1364, 1366, 1367, 1406, 1411, 1416, 1425,
                                   1426, 1441, 1451, 1452, 1526, 1644, 1690, 3140, 3141, 3819, 4025, 4078, 0};

    if (!db->code)
        return MYDB_OK;
    if (one_of(db->code, lost))
        return MYDB_LOST;
    if (one_of(db->code, transient))
        return MYDB_TRANSIENT;
    if (one_of(db->code, row) || strncmp(db->sqlstate, "22", 2) == 0 || strncmp(db->sqlstate, "45", 2) == 0)
        return MYDB_ROW;
    return MYDB_PERMANENT;
}

unsigned mydb_errno(const struct mydb *db)
{
    return db->code;
}

const char *mydb_error(const struct mydb *db)
{
    return db->error;
}

uint64_t mydb_error_row(const struct mydb *db)
{
    struct str text = str_of(db->error), digits;
    size_t at = SIZE_MAX, next = 0, n = 0;
    uint64_t row;

    while ((next = str_find(text, S(" at row "), next)) != SIZE_MAX)
        at = next++;
    if (at == SIZE_MAX)
        return 0;
    digits = str_sub(text, at + 8, text.n);
    while (n < digits.n && digits.p[n] >= '0' && digits.p[n] <= '9')
        n++;
    return num_u64(str_sub(digits, 0, n), &row) ? row : 0;
}

static enum err code_of(const struct mydb *db)
{
    switch (mydb_class(db)) {
    case MYDB_ROW:
        return ERR_DATA;
    case MYDB_LOST:
        return ERR_NETWORK;
    case MYDB_OK:
    case MYDB_TRANSIENT:
        return ERR_TARGET;
    case MYDB_PERMANENT:
        break;
    }
    switch (db->code) {
    case 1044:
    case 1045:
    case 1142:
    case 1143:
    case 1227:
    case 1698:
    case 1251:
    case 2059:
        return ERR_AUTH;
    case 1049:
    case 1054:
    case 1064:
    case 1136:
    case 1146:
    case 1051:
    case 1109:
    case 1118:
    case 1101:
        return ERR_SCHEMA;
    default:
        return ERR_TARGET;
    }
}

static enum err failed(struct mydb *db, unsigned code, const char *state, const char *text, struct errinfo *ei)
{
    note(db, code, state, text);
    return fail(ei, code_of(db), "%s (error %u)", db->error, code);
}

static enum err db_failed(struct mydb *db, struct errinfo *ei)
{
    return failed(db, mysql_errno(db->my), mysql_sqlstate(db->my), mysql_error(db->my), ei);
}

static enum err stmt_failed(struct mydb_stmt *st, struct errinfo *ei)
{
    return failed(st->db, mysql_stmt_errno(st->st), mysql_stmt_sqlstate(st->st), mysql_stmt_error(st->st), ei);
}

/* ---- the only file there is ---- */

static int infile_init(void **ret, const char *name, void *ctx)
{
    struct mydb *db = ctx;

    (void)name;
    *ret = db;
    return db->stream.p ? 0 : 1;
}

static int infile_read(void *ctx, char *out, unsigned int cap)
{
    struct mydb *db = ctx;
    size_t left = db->stream.n - db->sent, n = left < cap ? left : cap;

    if (n)
        memcpy(out, db->stream.p + db->sent, n);
    db->sent += n;
    return (int)n;
}

static void infile_end(void *ctx)
{
    ((struct mydb *)ctx)->sent = 0;
}

static int infile_error(void *ctx, char *out, unsigned int cap)
{
    (void)ctx;
    snprintf(out, cap, "the server asked for a file; none is ever given");
    return CR_UNKNOWN_ERROR;
}

/* ---- connecting ---- */

enum attempt { PLAIN, TLS_ANY, TLS_VERIFIED };

static void set_options(struct mydb *db, const struct mydb_options *o, enum attempt how)
{
    unsigned on = 1, connect_s = o->connect_s ? o->connect_s : 10, io_s = o->io_s ? o->io_s : 120;
    my_bool yes = 1, no = 0;

    mysql_options(db->my, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(db->my, MYSQL_OPT_READ_TIMEOUT, &io_s);
    mysql_options(db->my, MYSQL_OPT_WRITE_TIMEOUT, &io_s);
    mysql_options(db->my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(db->my, MYSQL_OPT_RECONNECT, &no);
    mysql_options(db->my, MYSQL_OPT_LOCAL_INFILE, &on);
    mysql_set_local_infile_handler(db->my, infile_init, infile_read, infile_end, infile_error, db);
    if (how != PLAIN)
        mysql_options(db->my, MYSQL_OPT_SSL_ENFORCE, &yes);
    if (how == TLS_VERIFIED)
        mysql_options(db->my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
    if (how == TLS_VERIFIED && o->ca_file[0])
        mysql_options(db->my, MYSQL_OPT_SSL_CA, o->ca_file);
}

/* TLS that another try does not mend; a handshake that was cut is not among it. */
static bool tls_refused(const struct mydb *db)
{
    static const char *const words[] = {"ertificate", "hostname", "self-signed", "self signed", "support"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(db->error, words[i]))
            return true;
    return false;
}

static enum err explain_connect(struct mydb *db, const struct mydb_options *o, struct errinfo *ei)
{
    enum err e = db_failed(db, ei);
    unsigned code = db->code;

    if (code == 2002 || code == 2003 || code == 2005 || code == 2013) {
        e = fail(ei, ERR_NETWORK, "%s:%u: %s (error %u)", o->host, o->port, db->error, code);
        fail_hint(ei, "is the database up, and are host and port right?");
    } else if (e == ERR_AUTH) {
        fail_hint(ei, "check user, password and rights of the target's connection");
    } else if (code == 1049) {
        fail_hint(ei, "create the database, or name another in the target's connection");
    } else if (code == 2026) {
        e = fail(ei, tls_refused(db) ? ERR_AUTH : ERR_NETWORK, "%s:%u: TLS failed: %s", o->host, o->port, db->error);
        fail_hint(ei, "\"tls\": \"require\" needs a certificate that this machine trusts (option `ca`), \"prefer\" "
                      "takes what the server offers");
    }
    return e;
}

static bool try_connect(struct mydb *db, const struct mydb_options *o, enum attempt how)
{
    if (db->my)
        mysql_close(db->my);
    db->my = mysql_init(NULL);
    if (!db->my)
        die_no_memory();
    set_options(db, o, how);
    return mysql_real_connect(db->my, o->socket ? "localhost" : o->host, o->user, o->password, o->database, o->port,
                              o->socket, CLIENT_FOUND_ROWS);
}

/* Never TLS_ANY first: the library takes it for granted then, and sends the password as it stands to a server that asks
 * for it without TLS (caching_sha2_password). Asked to verify, it gives up before that. */
static bool connect_preferring_tls(struct mydb *db, const struct mydb_options *o)
{
    if (try_connect(db, o, TLS_VERIFIED))
        return true;
    if (mysql_errno(db->my) != CR_SSL_CONNECTION_ERROR)
        return false;
    return try_connect(db, o, db->my->server_capabilities & CLIENT_SSL ? TLS_ANY : PLAIN);
}

enum err mydb_open(const struct mydb_options *o, struct mydb **ret, struct errinfo *ei)
{
    struct mydb *db = mem_zero(sizeof *db);
    unsigned long capabilities = 0;
    bool connected;
    enum err e;

    connected = o->tls == MYDB_TLS_PREFER ? connect_preferring_tls(db, o)
                                          : try_connect(db, o, o->tls == MYDB_TLS_REQUIRE ? TLS_VERIFIED : PLAIN);
    if (!connected) {
        e = explain_connect(db, o, ei);
        mydb_close(db);
        return e;
    }
    if (o->tls == MYDB_TLS_REQUIRE && !mysql_get_ssl_cipher(db->my)) {
        mydb_close(db);
        fail(ei, ERR_AUTH, "%s:%u: the server offers no TLS, which \"tls\": \"require\" asks for", o->host, o->port);
        return fail_hint(ei, "switch TLS on in the server, or use \"tls\": \"prefer\"");
    }
    db->mariadb = mariadb_connection(db->my) != 0;
    if (!mariadb_get_infov(db->my, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &capabilities))
        db->bulk = db->mariadb && (capabilities & BULK_UNIT_OPERATIONS);
    *ret = db;
    return OK;
}

void mydb_close(struct mydb *db)
{
    if (!db)
        return;
    mysql_close(db->my);
    free(db);
}

bool mydb_is_mariadb(const struct mydb *db)
{
    return db->mariadb;
}

bool mydb_has_bulk(const struct mydb *db)
{
    return db->bulk;
}

const char *mydb_version(const struct mydb *db)
{
    return mysql_get_server_info(db->my);
}

/* ---- statements as text ---- */

enum err mydb_exec(struct mydb *db, struct str sql, struct errinfo *ei)
{
    MYSQL_RES *r;

    db->code = 0;
    if (mysql_real_query(db->my, sql.p, (unsigned long)sql.n))
        return db_failed(db, ei);
    r = mysql_store_result(db->my);
    if (!r && mysql_errno(db->my))
        return db_failed(db, ei);
    mysql_free_result(r);
    return OK;
}

enum err mydb_query(struct mydb *db, struct str sql, struct arena *a, struct mydb_rows *ret, struct errinfo *ei)
{
    MYSQL_RES *r;
    MYSQL_ROW row;
    size_t at = 0;

    db->code = 0;
    if (mysql_real_query(db->my, sql.p, (unsigned long)sql.n) || !(r = mysql_store_result(db->my)))
        return db_failed(db, ei);
    *ret = (struct mydb_rows){.n_rows = (size_t)mysql_num_rows(r), .n_columns = mysql_num_fields(r)};
    ret->cells = ARENA_ARRAY(a, struct str, ret->n_rows * ret->n_columns + 1);
    ret->names = ARENA_ARRAY(a, struct str, ret->n_columns + 1);
    for (size_t c = 0; c < ret->n_columns; c++)
        ret->names[c] = arena_str(a, str_of(mysql_fetch_field_direct(r, (unsigned)c)->name));
    while ((row = mysql_fetch_row(r)) && at < ret->n_rows * ret->n_columns) {
        unsigned long *n = mysql_fetch_lengths(r);

        for (size_t c = 0; c < ret->n_columns; c++, at++)
            ret->cells[at] = row[c] ? arena_str(a, (struct str){row[c], n[c]}) : (struct str){0};
    }
    mysql_free_result(r);
    return OK;
}

struct str mydb_quote(struct mydb *db, struct str s, struct arena *a)
{
    char *out = arena_alloc(a, s.n * 2 + 3);
    unsigned long n;

    out[0] = '\'';
    n = mysql_real_escape_string(db->my, out + 1, s.n ? s.p : "", (unsigned long)s.n);
    out[n + 1] = '\'';
    return (struct str){out, n + 2};
}

struct str mydb_quote_name(struct str name, struct arena *a)
{
    struct buf b = buf_make(4096);
    struct str r;

    buf_byte(&b, '`');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '`')
            buf_byte(&b, '`');
        if (name.p[i] == '.')
            buf_add(&b, S("`.`"));
        else
            buf_byte(&b, name.p[i]);
    }
    buf_byte(&b, '`');
    r = arena_str(a, buf_str(&b));
    buf_free(&b);
    return r;
}

int64_t mydb_affected(const struct mydb *db)
{
    return (int64_t)mysql_affected_rows(db->my);
}

unsigned mydb_warnings(const struct mydb *db)
{
    return mysql_warning_count(db->my);
}

/* ---- prepared statements ---- */

enum err mydb_prepare(struct mydb *db, struct str sql, struct mydb_stmt **ret, struct errinfo *ei)
{
    struct mydb_stmt *st = mem_zero(sizeof *st);
    enum err e;

    db->code = 0;
    st->db = db;
    st->st = mysql_stmt_init(db->my);
    if (!st->st)
        die_no_memory();
    if (mysql_stmt_prepare(st->st, sql.p, (unsigned long)sql.n)) {
        e = stmt_failed(st, ei);
        mydb_stmt_close(st);
        return e;
    }
    st->n_binds = mysql_stmt_param_count(st->st);
    st->binds = mem_zero((st->n_binds + 1) * sizeof *st->binds);
    st->lengths = mem_zero((st->n_binds + 1) * sizeof *st->lengths);
    *ret = st;
    return OK;
}

void mydb_stmt_close(struct mydb_stmt *st)
{
    if (!st)
        return;
    mysql_stmt_close(st->st);
    free(st->binds);
    free(st->lengths);
    free(st);
}

static enum err send(struct mydb_stmt *st, struct errinfo *ei)
{
    st->db->code = 0;
    return mysql_stmt_bind_param(st->st, st->binds) || mysql_stmt_execute(st->st) ? stmt_failed(st, ei) : OK;
}

static enum err execute(struct mydb_stmt *st, struct errinfo *ei)
{
    enum err e = send(st, ei);

    if (e)
        return e;
    if (mysql_stmt_field_count(st->st)) {
        mysql_stmt_store_result(st->st);
        mysql_stmt_free_result(st->st);
    }
    return OK;
}

enum err mydb_stmt_array(struct mydb_stmt *st, const struct mydb_array *columns, size_t n_columns, size_t from_row,
                         size_t n_rows, struct errinfo *ei)
{
    unsigned size = (unsigned)n_rows;

    if (n_columns != st->n_binds)
        return fail(ei, ERR_INTERNAL, "%zu columns for %zu binds", n_columns, st->n_binds);
    for (size_t c = 0; c < n_columns; c++) {
        st->binds[c] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING};
        st->binds[c].buffer = columns[c].p + from_row;
        st->binds[c].length = columns[c].n + from_row;
        st->binds[c].u.indicator = columns[c].null + from_row;
    }
    mysql_stmt_attr_set(st->st, STMT_ATTR_ARRAY_SIZE, &size);
    return execute(st, ei);
}

static enum err bind_values(struct mydb_stmt *st, const struct str *values, size_t n, struct errinfo *ei)
{
    if (n != st->n_binds)
        return fail(ei, ERR_INTERNAL, "%zu values for %zu binds", n, st->n_binds);
    for (size_t i = 0; i < n; i++) {
        st->lengths[i] = (unsigned long)values[i].n;
        st->binds[i] = (MYSQL_BIND){.buffer_type = values[i].p ? MYSQL_TYPE_STRING : MYSQL_TYPE_NULL};
        st->binds[i].buffer = (void *)(uintptr_t)values[i].p;
        st->binds[i].buffer_length = st->lengths[i];
        st->binds[i].length = &st->lengths[i];
    }
    return OK;
}

enum err mydb_stmt_values(struct mydb_stmt *st, const struct str *values, size_t n, struct errinfo *ei)
{
    enum err e = bind_values(st, values, n, ei);

    return e ? e : execute(st, ei);
}

/* ---- rows of a prepared statement ---- */

#define CELL_FIRST 256

/* A column of the result, into a buffer that grows. */
struct cell {
    char *p;
    unsigned long cap, n;
    my_bool null;
};

static void bind_cells(MYSQL_BIND *binds, struct cell *cells, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        if (!cells[c].p) {
            cells[c].cap = CELL_FIRST;
            cells[c].p = mem_alloc(CELL_FIRST);
        }
        binds[c] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING, .buffer = cells[c].p};
        binds[c].buffer_length = cells[c].cap;
        binds[c].length = &cells[c].n;
        binds[c].is_null = &cells[c].null;
    }
}

/* What was longer than its buffer is fetched again. */
static bool fetch_rest(struct mydb_stmt *st, MYSQL_BIND *binds, struct cell *cells, size_t n)
{
    bool grown = false;

    for (size_t c = 0; c < n; c++) {
        if (cells[c].null || cells[c].n <= cells[c].cap)
            continue;
        cells[c].p = mem_grow(cells[c].p, cells[c].n);
        cells[c].cap = cells[c].n;
        binds[c].buffer = cells[c].p;
        binds[c].buffer_length = cells[c].cap;
        if (mysql_stmt_fetch_column(st->st, &binds[c], (unsigned)c, 0))
            return false;
        grown = true;
    }
    return !grown || !mysql_stmt_bind_result(st->st, binds);
}

static enum err give_rows(struct mydb_stmt *st, size_t n, mydb_row *row, void *ctx, struct errinfo *ei)
{
    MYSQL_BIND *binds = mem_zero((n + 1) * sizeof *binds);
    struct cell *cells = mem_zero((n + 1) * sizeof *cells);
    struct str *texts = mem_zero((n + 1) * sizeof *texts);
    enum err e = OK;
    int got;

    bind_cells(binds, cells, n);
    if (mysql_stmt_bind_result(st->st, binds))
        e = stmt_failed(st, ei);
    while (!e && (got = mysql_stmt_fetch(st->st)) != MYSQL_NO_DATA) {
        if (got == 1 || !fetch_rest(st, binds, cells, n)) {
            e = stmt_failed(st, ei);
            break;
        }
        for (size_t c = 0; c < n; c++)
            texts[c] = cells[c].null ? (struct str){0} : (struct str){cells[c].p, cells[c].n};
        if (!row(ctx, texts))
            break;
    }
    for (size_t c = 0; c < n; c++)
        free(cells[c].p);
    free(cells);
    free(binds);
    free(texts);
    return e;
}

enum err mydb_stmt_rows(struct mydb_stmt *st, const struct str *values, size_t n, mydb_row *row, void *ctx,
                        struct errinfo *ei)
{
    enum err e = bind_values(st, values, n, ei);

    e = e ? e : send(st, ei);
    if (e)
        return e;
    e = give_rows(st, mysql_stmt_field_count(st->st), row, ctx, ei);
    mysql_stmt_free_result(st->st);
    return e;
}

int64_t mydb_stmt_last_id(const struct mydb_stmt *st)
{
    return (int64_t)mysql_stmt_insert_id(st->st);
}

int64_t mydb_stmt_affected(const struct mydb_stmt *st)
{
    return (int64_t)mysql_stmt_affected_rows(st->st);
}

enum err mydb_load(struct mydb *db, struct str sql, struct str bytes, struct errinfo *ei)
{
    enum err e;

    db->stream = bytes;
    db->sent = 0;
    e = mydb_exec(db, sql, ei);
    db->stream = (struct str){0};
    return e;
}
