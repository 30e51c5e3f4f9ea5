/* The only door to SQLite. One handle may be used by one thread at a time. */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#include "base/err.h"
#include "base/str.h"

struct sqlite;
struct sqlite_stmt;

enum sqlite_mode { SQLITE_RW_CREATE, SQLITE_RW, SQLITE_RO };
/* Opens; WAL, synchronous=FULL, foreign_keys on, busy time-out as given. A new file gets the rights that the umask
 * leaves of 0644; create it beforehand (empty) for others. Reading works in a folder that cannot be written, too.
 * Errors of all calls: ERR_DISK (full, read-only, I/O, cannot open, damaged), ERR_CONFLICT (locked), ERR_SCHEMA (SQL
 * that does not fit the tables), ERR_DATA (a constraint or a value; SQLite's words alone), ERR_INTERNAL (no memory,
 * misuse). */
enum err sqlite_open(const char *path, enum sqlite_mode mode, int busy_ms, struct sqlite **ret,
                     struct errinfo *ei) MUST_USE;
void sqlite_close(struct sqlite *db);             /* NULL is fine; statements must be finalized before */
const char *sqlite_path(const struct sqlite *db); /* as opened; lives as long as the handle */
enum err sqlite_exec(struct sqlite *db, const char *sql, struct errinfo *ei) MUST_USE; /* one or more statements */
/* Exactly one statement; more of them, or none, is ERR_SCHEMA. */
enum err sqlite_prepare(struct sqlite *db, struct str sql, struct sqlite_stmt **ret, struct errinfo *ei) MUST_USE;
void sqlite_finalize(struct sqlite_stmt *st);
/* Parameters count from 1. Texts and blobs are borrowed until the statement is reset. p NULL binds NULL. */
void sqlite_bind_str(struct sqlite_stmt *st, int i, struct str s);
void sqlite_bind_blob(struct sqlite_stmt *st, int i, struct str s);
void sqlite_bind_int(struct sqlite_stmt *st, int i, int64_t v);
void sqlite_bind_null(struct sqlite_stmt *st, int i);
enum err sqlite_step(struct sqlite_stmt *st, bool *ret_row, struct errinfo *ei) MUST_USE; /* false at the end */
/* step to the end, reset, clear bindings */
enum err sqlite_run(struct sqlite_stmt *st, struct errinfo *ei) MUST_USE;
void sqlite_reset(struct sqlite_stmt *st); /* and clears bindings */
#define SQLITE_COLUMNS_MAX 2000            /* of a result */
int sqlite_columns(struct sqlite_stmt *st);
bool sqlite_is_null(struct sqlite_stmt *st, int col); /* columns count from 0 */
int64_t sqlite_int(struct sqlite_stmt *st, int col);
struct str sqlite_str(struct sqlite_stmt *st, int col); /* text or blob; until the next step; p NULL for NULL */
int64_t sqlite_changes(struct sqlite *db);
int64_t sqlite_last_id(struct sqlite *db);
/* True when the last failure of this handle was a constraint or a value that one row caused (not disk, lock or schema).
 */
bool sqlite_failed_on_row(struct sqlite *db);

#endif
