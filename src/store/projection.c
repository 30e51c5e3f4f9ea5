/* Two tables. `line` is ordered by what is asked for (hash) and then by place in the journal, so that a lookup is one
 * descent and the newest stands last; `record` knows the newest version of each key, filtered ones included, so that an
 * older copy that is read later cannot come back.
 *
 * synchronous=NORMAL: a loss of power may take the last additions back, which then are made again from the journal. */
#include "store/projection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/decimal.h"
#include "base/num.h"
#include "db/sqlite.h"
#include "store/files.h"
#include "store/migrate.h"

#define BUSY_MS 10000

static const char *const steps[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE record (key TEXT PRIMARY KEY, version TEXT NOT NULL, page INTEGER NOT NULL, row INTEGER NOT NULL)"
    "  STRICT, WITHOUT ROWID;"
    "CREATE TABLE line (hash INTEGER NOT NULL, page INTEGER NOT NULL, row INTEGER NOT NULL, line INTEGER NOT NULL,"
    "  fields TEXT NOT NULL, found TEXT, PRIMARY KEY (hash, page, row, line)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX line_at ON line (page, row);",
};

enum statement { GET_META, PUT_META, GET_RECORD, PUT_RECORD, DROP_LINES, PUT_LINE, FIND, N_STATEMENTS };

static const char *const texts[N_STATEMENTS] = {
    [GET_META] = "SELECT value FROM meta WHERE name = ?",
    [PUT_META] = "REPLACE INTO meta VALUES (?, ?)",
    [GET_RECORD] = "SELECT version, page, row FROM record WHERE key = ?",
    [PUT_RECORD] = "REPLACE INTO record VALUES (?, ?, ?, ?)",
    [DROP_LINES] = "DELETE FROM line WHERE page = ? AND row = ?",
    [PUT_LINE] = "INSERT OR IGNORE INTO line VALUES (?, ?, ?, ?, ?, ?)",
    [FIND] = "SELECT page, row, line, fields, found FROM line WHERE hash = ? ORDER BY page DESC, row DESC, line",
};

struct projection {
    struct sqlite *db;
    struct sqlite_stmt *st[N_STATEMENTS];
};

/* ---- meta ---- */

static enum err get_meta(struct projection *p, struct str name, struct buf *ret, struct errinfo *ei)
{
    bool row = false;
    enum err e;

    sqlite_bind_str(p->st[GET_META], 1, name);
    e = sqlite_step(p->st[GET_META], &row, ei);
    buf_clear(ret);
    if (!e && row)
        buf_add(ret, sqlite_str(p->st[GET_META], 0));
    sqlite_reset(p->st[GET_META]);
    return e;
}

static enum err put_meta(struct projection *p, struct str name, struct str value, struct errinfo *ei)
{
    sqlite_bind_str(p->st[PUT_META], 1, name);
    sqlite_bind_str(p->st[PUT_META], 2, value);
    return sqlite_run(p->st[PUT_META], ei);
}

enum err projection_page(struct projection *p, int64_t *ret, struct errinfo *ei)
{
    struct buf b = buf_make(4096);
    enum err e = get_meta(p, S("page"), &b, ei);

    if (!e && !num_i64(buf_str(&b), ret))
        *ret = 0;
    buf_free(&b);
    return e;
}

static enum err put_page(struct projection *p, int64_t page, struct errinfo *ei)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)page);

    return put_meta(p, S("page"), str_mk(text, (size_t)n), ei);
}

/* ---- opening ---- */

static enum err commit_or_not(struct projection *p, enum err e, struct errinfo *ei)
{
    if (!e)
        e = sqlite_exec(p->db, "COMMIT", ei);
    if (e) {
        enum err undone = sqlite_exec(p->db, "ROLLBACK", NULL);
        (void)undone; /* after some failures SQLite has rolled back by itself, and says so */
    }
    return e;
}

enum err projection_clear(struct projection *p, struct errinfo *ei)
{
    enum err e = sqlite_exec(p->db, "BEGIN IMMEDIATE", ei);

    if (e)
        return e;
    e = sqlite_exec(p->db, "DELETE FROM line; DELETE FROM record; DELETE FROM meta WHERE name = 'page'", ei);
    return commit_or_not(p, e, ei);
}

static enum err adopt(struct projection *p, struct str spec, struct errinfo *ei)
{
    struct buf b = buf_make(1u << 20);
    enum err e = get_meta(p, S("spec"), &b, ei);

    if (!e && !str_eq(buf_str(&b), spec)) {
        e = projection_clear(p, ei);
        e = e ? e : put_meta(p, S("spec"), spec, ei);
    }
    buf_free(&b);
    return e;
}

static enum err open_db(struct projection *p, const char *path, struct errinfo *ei)
{
    enum err e = files_create(path, ei);

    e = e ? e : sqlite_open(path, SQLITE_RW, BUSY_MS, &p->db, ei);
    e = e ? e
          : sqlite_exec(
                p->db, "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 8192", ei);
    e = e ? e : migrate(p->db, steps, (int64_t)(sizeof steps / sizeof *steps), false, ei);
    for (size_t i = 0; !e && i < N_STATEMENTS; i++)
        e = sqlite_prepare(p->db, str_of(texts[i]), &p->st[i], ei);
    return e;
}

enum err projection_open(const struct projection_name *n, struct projection **ret, struct errinfo *ei)
{
    struct projection *p = mem_zero(sizeof *p);
    char *path = files_path("%s/%s.db", n->dir, n->name);
    enum err e = files_mkdir(n->dir, ei);

    e = e ? e : open_db(p, path, ei);
    e = e ? e : adopt(p, n->spec, ei);
    free(path);
    if (e) {
        projection_close(p);
        err_prefix(ei, "lookup");
        return e;
    }
    *ret = p;
    return OK;
}

void projection_close(struct projection *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < N_STATEMENTS; i++)
        sqlite_finalize(p->st[i]);
    sqlite_close(p->db);
    free(p);
}

/* ---- adding ---- */

/* Takes the lines of the version that is known away; *ret_newer false when that one is the newer. */
static enum err replace(struct projection *p, const struct projected_record *r, bool *ret_newer, struct errinfo *ei)
{
    struct sqlite_stmt *st = p->st[GET_RECORD];
    int64_t page = 0, at = 0;
    bool row = false;
    enum err e;

    *ret_newer = true;
    sqlite_bind_str(st, 1, r->key);
    e = sqlite_step(st, &row, ei);
    if (!e && row) {
        struct str known = sqlite_str(st, 0);

        *ret_newer = !known.n || !r->version.n || decimal_cmp_text(r->version, known) >= 0;
        page = sqlite_int(st, 1);
        at = sqlite_int(st, 2);
    }
    sqlite_reset(st);
    if (e || !row || !*ret_newer)
        return e;
    sqlite_bind_int(p->st[DROP_LINES], 1, page);
    sqlite_bind_int(p->st[DROP_LINES], 2, at);
    return sqlite_run(p->st[DROP_LINES], ei);
}

static enum err put_line(struct projection *p, const struct projected_record *r, const struct projected_line *l,
                         struct errinfo *ei)
{
    struct sqlite_stmt *st = p->st[PUT_LINE];

    sqlite_bind_int(st, 1, (int64_t)l->hash);
    sqlite_bind_int(st, 2, r->page);
    sqlite_bind_int(st, 3, r->row);
    sqlite_bind_int(st, 4, l->line);
    sqlite_bind_str(st, 5, l->fields);
    sqlite_bind_str(st, 6, l->found);
    return sqlite_run(st, ei);
}

static enum err add_one(struct projection *p, const struct projected_record *r, struct errinfo *ei)
{
    struct sqlite_stmt *st = p->st[PUT_RECORD];
    bool newer;
    enum err e = replace(p, r, &newer, ei);

    if (e || !newer)
        return e;
    sqlite_bind_str(st, 1, r->key);
    sqlite_bind_str(st, 2, r->version.p ? r->version : S(""));
    sqlite_bind_int(st, 3, r->page);
    sqlite_bind_int(st, 4, r->row);
    e = sqlite_run(st, ei);
    for (size_t i = 0; !e && i < r->n_lines; i++)
        e = put_line(p, r, &r->lines[i], ei);
    return e;
}

enum err projection_add(struct projection *p, const struct projection_step *s, bool *ret_taken, struct errinfo *ei)
{
    int64_t page = 0;
    enum err e = sqlite_exec(p->db, "BEGIN IMMEDIATE", ei);

    if (e)
        return e;
    e = projection_page(p, &page, ei);
    *ret_taken = page == s->from;
    for (size_t i = 0; !e && *ret_taken && i < s->n; i++)
        e = add_one(p, &s->records[i], ei);
    if (!e && *ret_taken)
        e = put_page(p, s->to, ei);
    e = commit_or_not(p, e, ei);
    if (e)
        err_prefix(ei, "lookup");
    return e;
}

/* ---- asking ---- */

enum err projection_find(struct projection *p, uint64_t hash, projection_each *each, void *ctx, struct errinfo *ei)
{
    struct sqlite_stmt *st = p->st[FIND];
    bool row = false, more = true;
    enum err e = OK;

    sqlite_bind_int(st, 1, (int64_t)hash);
    while (more && !(e = sqlite_step(st, &row, ei)) && row) {
        struct projected_hit hit = {.page = sqlite_int(st, 0),
                                    .row = (int32_t)sqlite_int(st, 1),
                                    .line = (int32_t)sqlite_int(st, 2),
                                    .fields = sqlite_str(st, 3),
                                    .found = sqlite_str(st, 4)};

        more = each(ctx, &hit);
    }
    sqlite_reset(st);
    if (e)
        err_prefix(ei, "lookup");
    return e;
}
