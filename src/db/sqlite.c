/* The only file that includes sqlite3.h.
 *
 * What it adds to SQLite: durable defaults (WAL, synchronous=FULL, foreign keys, defensive mode), one shape of failure,
 * and the distinction that a sink needs: did the disk fail, is somebody else in the way, or is one row to blame?
 *
 *   FULL, IOERR, READONLY, CANTOPEN, PERM   ERR_DISK with the words of the operating system and the path
 *   CORRUPT, NOTADB                         ERR_DISK saying that the file is damaged
 *   BUSY, LOCKED, PROTOCOL                  ERR_CONFLICT
 *   CONSTRAINT, MISMATCH, TOOBIG            ERR_DATA with SQLite's words alone
 *   ERROR                                   ERR_SCHEMA when the SQL does not compile (any more); ERR_DATA when it
 * compiles and has parameters: then a value made a function fail (json('{'), abs of the least integer) NOMEM and all
 * else                      ERR_INTERNAL
 *
 * A bind that fails is remembered and told by the next step, so that callers bind freely.
 * A database in WAL mode inside a folder that cannot be written needs SQLite's immutable mode: reading falls back to it
 * when there is no log beside the file that it would have to look at. There is no locking here: a handle belongs to one
 * thread at a time. */
#include "db/sqlite.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"

#define MODE_WAIT_MS 5

struct sqlite {
    sqlite3 *h;
    bool failed_on_row;
    char *path;
};

struct sqlite_stmt {
    struct sqlite *db;
    sqlite3_stmt *st;
    int bind_rc; /* of the first bind that failed */
};

static enum err fail_disk(struct sqlite *db, int rc, struct errinfo *ei)
{
    int primary = rc & 0xff, os = sqlite3_system_errno(db->h);
    char words[128];
    if (primary == SQLITE_FULL || (primary == SQLITE_IOERR && (os == ENOSPC || os == EDQUOT))) {
        fail(ei, ERR_DISK, "%s: cannot write: %s", db->path, strerror_r(os ? os : ENOSPC, words, sizeof words));
        return fail_hint(ei, "Free space on its file system; nothing that was acknowledged is lost.");
    }
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
        fail(ei, ERR_DISK, "the file %s is damaged: %s", db->path, sqlite3_errmsg(db->h));
        return fail_hint(
            ei, "Keep a copy of it; restore it from a backup, or save what is left with: sqlite3 FILE .recover");
    }
    const char *reason = os ? strerror_r(os, words, sizeof words) : sqlite3_errmsg(db->h);
    if (primary == SQLITE_CANTOPEN)
        fail(ei, ERR_DISK, "cannot open %s: %s", db->path, reason);
    else if (primary == SQLITE_READONLY || primary == SQLITE_PERM)
        fail(ei, ERR_DISK, "%s cannot be written: %s", db->path, sqlite3_errmsg(db->h));
    else
        fail(ei, ERR_DISK, "%s: %s (code %d): %s", db->path, sqlite3_errstr(rc), rc, reason);
    if (primary == SQLITE_IOERR)
        return fail_hint(ei, "Look at the disk and at the kernel's log; then start again.");
    return fail_hint(ei, "Check that the file and its folder exist and may be read and written by user %ld.",
                     (long)geteuid());
}

static enum err fail_with(struct sqlite *db, int rc, struct errinfo *ei)
{
    if (rc == SQLITE_IOERR_NOMEM)
        rc = SQLITE_NOMEM;
    switch (rc & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fail_disk(db, rc, ei);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        fail(ei, ERR_CONFLICT, "%s is locked by another process or connection", db->path);
        return fail_hint(ei, "Wait until it is done, or end it.");
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        db->failed_on_row = true;
        return fail(ei, ERR_DATA, "%s", sqlite3_errmsg(db->h));
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
        return fail(ei, ERR_SCHEMA, "%s: %s", db->path, sqlite3_errmsg(db->h));
    default:
        return fail(ei, ERR_INTERNAL, "%s: %s (code %d)", db->path, sqlite3_errmsg(db->h), rc);
    }
}

static enum err open_handle(struct sqlite *db, const char *name, int flags, int busy_ms, struct errinfo *ei)
{
    int rc = sqlite3_open_v2(name, &db->h, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (!db->h)
        die_no_memory();
    if (rc != SQLITE_OK)
        return fail_with(db, sqlite3_extended_errcode(db->h), ei);
    sqlite3_extended_result_codes(db->h, 1);
    sqlite3_busy_timeout(db->h, busy_ms);
    sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    return sqlite_exec(db, "PRAGMA foreign_keys = ON", ei);
}

static bool log_waits(const char *path)
{
    struct buf name = buf_make(8192);
    buf_printf(&name, "%s-wal", path);
    struct stat st;
    bool waits = stat(buf_cstr(&name), &st) == 0 && st.st_size > 0;
    buf_free(&name);
    return waits;
}

static bool folder_is_writable(const char *path)
{
    struct buf name = buf_make(8192);
    const char *slash = strrchr(path, '/');
    buf_add(&name, slash ? str_mk(path, (size_t)(slash - path) + 1) : S("."));
    bool writable = access(buf_cstr(&name), W_OK) == 0;
    buf_free(&name);
    return writable;
}

static enum err open_immutable(struct sqlite *db, struct errinfo *ei)
{
    struct buf uri = buf_make(32768);
    buf_add(&uri, S("file:"));
    url_encode(str_of(db->path), &uri);
    buf_add(&uri, S("?immutable=1"));
    sqlite3_close(db->h);
    enum err e = open_handle(db, buf_cstr(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, 0, ei);
    buf_free(&uri);
    return e;
}

static enum err open_for_reading(struct sqlite *db, int busy_ms, struct errinfo *ei)
{
    static const char probe[] = "SELECT count(*) FROM sqlite_schema";
    enum err e = open_handle(db, db->path, SQLITE_OPEN_READONLY, busy_ms, ei);
    if (e == OK)
        e = sqlite_exec(db, probe, ei);
    int rc = sqlite3_errcode(db->h) & 0xff;
    if (e != ERR_DISK || (rc != SQLITE_CANTOPEN && rc != SQLITE_READONLY) || access(db->path, R_OK) != 0)
        return e;
    if (folder_is_writable(db->path) || log_waits(db->path))
        return e;
    e = open_immutable(db, ei);
    return e == OK ? sqlite_exec(db, probe, ei) : e;
}

/* The busy timeout does not hold for this change: of two processes that open a new file at once, SQLite refuses one
 * rather than let each wait for the other. The refused one comes again. */
static enum err set_journal_mode(struct sqlite *db, int busy_ms, struct errinfo *ei)
{
    int64_t begun = clock_mono(&clock_system);
    enum err e;
    while ((e = sqlite_exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", ei)) == ERR_CONFLICT &&
           clock_mono(&clock_system) - begun < busy_ms)
        sqlite3_sleep(MODE_WAIT_MS);
    return e;
}

static enum err open_for_writing(struct sqlite *db, int flags, int busy_ms, struct errinfo *ei)
{
    enum err e = open_handle(db, db->path, flags | SQLITE_OPEN_READWRITE, busy_ms, ei);
    if (e != OK)
        return e;
    if (sqlite3_db_readonly(db->h, "main") == 1) {
        fail(ei, ERR_DISK, "%s cannot be written: it is read-only", db->path);
        return fail_hint(ei, "Make it writable for user %ld, or mount its file system read-write.", (long)geteuid());
    }
    return set_journal_mode(db, busy_ms, ei);
}

enum err sqlite_open(const char *path, enum sqlite_mode mode, int busy_ms, struct sqlite **ret, struct errinfo *ei)
{
    struct sqlite *db = mem_zero(sizeof *db);
    size_t n = strlen(path) + 1;
    db->path = mem_alloc(n);
    memcpy(db->path, path, n);
    enum err e = mode == SQLITE_RO
                     ? open_for_reading(db, busy_ms, ei)
                     : open_for_writing(db, mode == SQLITE_RW_CREATE ? SQLITE_OPEN_CREATE : 0, busy_ms, ei);
    if (e != OK) {
        sqlite_close(db);
        return e;
    }
    *ret = db;
    return OK;
}

void sqlite_close(struct sqlite *db)
{
    if (!db)
        return;
    sqlite3_close(db->h);
    free(db->path);
    free(db);
}

const char *sqlite_path(const struct sqlite *db)
{
    return db->path;
}

enum err sqlite_exec(struct sqlite *db, const char *sql, struct errinfo *ei)
{
    db->failed_on_row = false;
    int rc = sqlite3_exec(db->h, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? OK : fail_with(db, rc, ei);
}

/* Is there a second statement in what prepare left over? Blanks and comments are none. */
static bool more_follows(struct sqlite *db, const char *tail, const char *end)
{
    sqlite3_stmt *second = NULL;
    int rc = tail < end ? sqlite3_prepare_v2(db->h, tail, (int)(end - tail), &second, NULL) : SQLITE_OK;
    sqlite3_finalize(second);
    return rc != SQLITE_OK || second;
}

enum err sqlite_prepare(struct sqlite *db, struct str sql, struct sqlite_stmt **ret, struct errinfo *ei)
{
    db->failed_on_row = false;
    if (sql.n == 0 || sql.n > INT_MAX - 1 || memchr(sql.p, 0, sql.n))
        return fail(ei, ERR_SCHEMA, "%s: a statement is empty, too long or holds a NUL byte", db->path);
    const char *tail = NULL;
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v3(db->h, sql.p, (int)sql.n, SQLITE_PREPARE_PERSISTENT, &st, &tail);
    if (rc != SQLITE_OK)
        return fail_with(db, rc, ei);
    if (!st)
        return fail(ei, ERR_SCHEMA, "%s: the statement is empty", db->path);
    if (more_follows(db, tail, sql.p + sql.n)) {
        sqlite3_finalize(st);
        return fail(ei, ERR_SCHEMA, "%s: there is more than one statement in: " STR_FMT, db->path, STR_ARG(sql));
    }
    *ret = mem_zero(sizeof **ret);
    **ret = (struct sqlite_stmt){.db = db, .st = st};
    return OK;
}

void sqlite_finalize(struct sqlite_stmt *st)
{
    if (!st)
        return;
    sqlite3_finalize(st->st);
    free(st);
}

static void note_bind(struct sqlite_stmt *st, int rc)
{
    if (rc != SQLITE_OK && st->bind_rc == SQLITE_OK)
        st->bind_rc = rc;
}

void sqlite_bind_str(struct sqlite_stmt *st, int i, struct str s)
{
    note_bind(st, sqlite3_bind_text64(st->st, i, s.p, s.n, SQLITE_STATIC, SQLITE_UTF8));
}

void sqlite_bind_blob(struct sqlite_stmt *st, int i, struct str s)
{
    note_bind(st, sqlite3_bind_blob64(st->st, i, s.p, s.n, SQLITE_STATIC));
}

void sqlite_bind_int(struct sqlite_stmt *st, int i, int64_t v)
{
    note_bind(st, sqlite3_bind_int64(st->st, i, v));
}

void sqlite_bind_null(struct sqlite_stmt *st, int i)
{
    note_bind(st, sqlite3_bind_null(st->st, i));
}

/* A statement with parameters that still compiles can only have stumbled over a value. Looking must not lose the first
 * message. */
static enum err fail_step(struct sqlite_stmt *st, int rc, struct errinfo *ei)
{
    enum err e = fail_with(st->db, rc, ei);
    if ((rc & 0xff) != SQLITE_ERROR || sqlite3_bind_parameter_count(st->st) == 0)
        return e;
    struct buf words = buf_make(4096);
    buf_add(&words, str_of(sqlite3_errmsg(st->db->h)));
    sqlite3_stmt *again = NULL;
    bool compiles = sqlite3_prepare_v2(st->db->h, sqlite3_sql(st->st), -1, &again, NULL) == SQLITE_OK;
    sqlite3_finalize(again);
    if (compiles) {
        st->db->failed_on_row = true;
        e = fail(ei, ERR_DATA, "%s", buf_cstr(&words));
    }
    buf_free(&words);
    return e;
}

enum err sqlite_step(struct sqlite_stmt *st, bool *ret_row, struct errinfo *ei)
{
    st->db->failed_on_row = false;
    if (st->bind_rc != SQLITE_OK) {
        st->db->failed_on_row = st->bind_rc == SQLITE_TOOBIG;
        return fail(ei, st->bind_rc == SQLITE_TOOBIG ? ERR_DATA : ERR_INTERNAL, "%s: a value cannot be bound: %s",
                    st->db->path, sqlite3_errstr(st->bind_rc));
    }
    int rc = sqlite3_step(st->st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return fail_step(st, rc, ei);
    *ret_row = rc == SQLITE_ROW;
    return OK;
}

enum err sqlite_run(struct sqlite_stmt *st, struct errinfo *ei)
{
    bool row = true;
    enum err e = OK;
    while (e == OK && row)
        e = sqlite_step(st, &row, ei);
    sqlite_reset(st);
    return e;
}

void sqlite_reset(struct sqlite_stmt *st)
{
    sqlite3_reset(st->st);
    sqlite3_clear_bindings(st->st);
    st->bind_rc = SQLITE_OK;
}

int sqlite_columns(struct sqlite_stmt *st)
{
    return sqlite3_column_count(st->st);
}

bool sqlite_is_null(struct sqlite_stmt *st, int col)
{
    return sqlite3_column_type(st->st, col) == SQLITE_NULL;
}

int64_t sqlite_int(struct sqlite_stmt *st, int col)
{
    return sqlite3_column_int64(st->st, col);
}

struct str sqlite_str(struct sqlite_stmt *st, int col)
{
    int type = sqlite3_column_type(st->st, col);
    if (type == SQLITE_NULL)
        return (struct str){NULL, 0};
    const void *p = type == SQLITE_BLOB ? sqlite3_column_blob(st->st, col) : sqlite3_column_text(st->st, col);
    int n = sqlite3_column_bytes(st->st, col);
    if (!p && n > 0)
        die_no_memory();
    return n > 0 ? str_mk(p, (size_t)n) : S("");
}

int64_t sqlite_changes(struct sqlite *db)
{
    return sqlite3_changes64(db->h);
}

int64_t sqlite_last_id(struct sqlite *db)
{
    return sqlite3_last_insert_rowid(db->h);
}

bool sqlite_failed_on_row(struct sqlite *db)
{
    return db->failed_on_row;
}
