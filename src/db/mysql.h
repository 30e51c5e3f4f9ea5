/* The only door to MySQL and MariaDB (MariaDB Connector/C). A handle is used by one thread at a time. Text is utf8mb4;
 * CLIENT_FOUND_ROWS is set, so an unchanged row counts as found. */
#ifndef DB_MYSQL_H
#define DB_MYSQL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct mydb;
struct mydb_stmt;

enum mydb_tls { MYDB_TLS_PREFER, MYDB_TLS_REQUIRE, MYDB_TLS_DISABLE };

struct mydb_options {
    const char *host, *user, *password, *database, *ca_file; /* ca_file "": the system's */
    const char *socket;                                      /* a local socket instead of host and port; NULL: none */
    unsigned port;
    enum mydb_tls tls; /* REQUIRE verifies the certificate: without that the library would go on in plain text */
    unsigned connect_s, io_s;
};

/* What a server's error number means for us. Source: MySQL and MariaDB error references; measured on MariaDB 10.11 and
 * MySQL 9. */
enum mydb_class {
    MYDB_OK,
    MYDB_ROW,       /* a value or a row: the rest of the batch may go in */
    MYDB_TRANSIENT, /* lock, load, shutdown, full: again later */
    MYDB_LOST,      /* the connection is gone */
    MYDB_PERMANENT  /* schema, syntax, rights */
};

/* ERR_NETWORK (no server), ERR_AUTH (refused), ERR_SCHEMA (no such database), ERR_TARGET. */
enum err mydb_open(const struct mydb_options *o, struct mydb **ret, struct errinfo *ei) MUST_USE;
void mydb_close(struct mydb *db); /* NULL is fine */
bool mydb_is_mariadb(const struct mydb *db);
bool mydb_has_bulk(const struct mydb *db); /* array binding */
const char *mydb_version(const struct mydb *db);
enum err mydb_exec(struct mydb *db, struct str sql, struct errinfo *ei) MUST_USE; /* a result set is thrown away */
struct mydb_rows {
    struct str *cells;
    size_t n_rows, n_columns;
    struct str *names;
};
/* NULL cells have p NULL */
enum err mydb_query(struct mydb *db, struct str sql, struct arena *a, struct mydb_rows *ret,
                    struct errinfo *ei) MUST_USE;
/* Escapes for a quoted literal on this connection (for look-ups by name; rows are always bound). */
struct str mydb_quote(struct mydb *db, struct str s, struct arena *a);
struct str mydb_quote_name(struct str name, struct arena *a); /* `name`, or `db`.`name` for a dotted one */
int64_t mydb_affected(const struct mydb *db);
unsigned mydb_warnings(const struct mydb *db);
/* Of the last failure on this handle. */
enum mydb_class mydb_class(const struct mydb *db);
unsigned mydb_errno(const struct mydb *db);
const char *mydb_error(const struct mydb *db);
/* "… at row N" of the last failure: N from 1, or 0 when no row was named. */
uint64_t mydb_error_row(const struct mydb *db);

enum err mydb_prepare(struct mydb *db, struct str sql, struct mydb_stmt **ret, struct errinfo *ei) MUST_USE;
void mydb_stmt_close(struct mydb_stmt *st); /* NULL is fine */
/* A column of an array, as the library wants it: one pointer, length and indicator (0 value, 1 NULL) a row. */
struct mydb_array {
    char **p;
    unsigned long *n;
    char *null;
};
/* Array binding: n_rows rows of n_columns columns in one execution. */
enum err mydb_stmt_array(struct mydb_stmt *st, const struct mydb_array *columns, size_t n_columns, size_t from_row,
                         size_t n_rows, struct errinfo *ei) MUST_USE;
/* One execution with n values (several rows one behind the other); p NULL is NULL. */
enum err mydb_stmt_values(struct mydb_stmt *st, const struct str *values, size_t n, struct errinfo *ei) MUST_USE;
/* One execution with n values, giving the rows one by one as text (p NULL: NULL); `row` false ends it. The connection
 * is busy until it returns. */
typedef bool mydb_row(void *ctx, const struct str *cells);
enum err mydb_stmt_rows(struct mydb_stmt *st, const struct str *values, size_t n, mydb_row *row, void *ctx,
                        struct errinfo *ei) MUST_USE;
int64_t mydb_stmt_last_id(const struct mydb_stmt *st);
int64_t mydb_stmt_affected(const struct mydb_stmt *st); /* rows found (CLIENT_FOUND_ROWS) by the last execution */

/* LOAD DATA LOCAL: the statement asks for a file, and gets these bytes. No other bytes can ever be handed out, whatever
 * file the server names. */
enum err mydb_load(struct mydb *db, struct str sql, struct str bytes, struct errinfo *ei) MUST_USE;

#endif
