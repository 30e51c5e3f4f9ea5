/* One segment of a journal.
 *
 * A table `pages` of one row for each entry; the body is the last column, so that looking at the others does not walk
 * its pages. Bodies are zstd frames of level 1 (higher levels gain nothing on these pages) with their length and a
 * checksum inside: a bit that flipped on the disk is found when the body is read, and named. The compression context is
 * made at the first use and kept.
 *
 * While it is written a segment is in WAL mode. When it is full it is sealed: the log is folded in and the mode set
 * back, which leaves one file that can be read in a folder that cannot be written and that leaves nothing beside it. */
#include "store/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "db/sqlite.h"
#include "store/files.h"
#include "store/migrate.h"

#define BUSY_MS    10000
#define ZSTD_LEVEL 1

static const char *const steps[] = {
    "CREATE TABLE pages (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, purpose INTEGER NOT NULL, run INTEGER NOT "
    "NULL,"
    "  from_s INTEGER NOT NULL, to_s INTEGER NOT NULL, page_no INTEGER NOT NULL, fetched_ms INTEGER NOT NULL,"
    "  cursor_s INTEGER NOT NULL, body_bytes INTEGER NOT NULL, call TEXT NOT NULL, body BLOB) STRICT;",
};

struct segment {
    int64_t first;
    struct sqlite *db;
    struct sqlite_stmt *insert, *select, *ends;
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    struct buf packed;
};

char *segment_path(const char *dir, int64_t first, const char *suffix)
{
    return files_path("%s/%08lld.db%s", dir, (long long)first, suffix);
}

static enum err prepare(struct segment *g, bool read_only, struct errinfo *ei)
{
    static const char insert_sql[] = "INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    static const char select_sql[] =
        "SELECT seq, kind, purpose, run, from_s, to_s, page_no, fetched_ms, cursor_s, body_bytes, call, body "
        "FROM pages WHERE seq = ?";
    static const char ends_sql[] =
        "SELECT seq, fetched_ms FROM pages WHERE seq IN ((SELECT min(seq) FROM pages), (SELECT max(seq) FROM pages)) "
        "ORDER BY seq";
    enum err e = sqlite_prepare(g->db, str_of(select_sql), &g->select, ei);
    if (e == OK)
        e = sqlite_prepare(g->db, str_of(ends_sql), &g->ends, ei);
    if (e == OK && !read_only)
        e = sqlite_prepare(g->db, str_of(insert_sql), &g->insert, ei);
    return e;
}

/* Was the file made and never filled? Then there are no tables, and nothing to read. */
static enum err look_blank(struct sqlite *db, bool *ret, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = sqlite_prepare(db, S("SELECT count(*) FROM sqlite_schema"), &st, ei);
    bool row = false;
    if (e == OK)
        e = sqlite_step(st, &row, ei);
    if (e == OK)
        *ret = !row || sqlite_int(st, 0) == 0;
    sqlite_finalize(st);
    return e;
}

static enum err open_reading(struct segment *g, const char *path, struct errinfo *ei)
{
    bool blank = false;
    enum err e = sqlite_open(path, SQLITE_RO, BUSY_MS, &g->db, ei);
    if (e == OK)
        e = look_blank(g->db, &blank, ei);
    if (e != OK || blank)
        return e;
    e = migrate(g->db, steps, (int64_t)(sizeof steps / sizeof *steps), true, ei);
    return e == OK ? prepare(g, true, ei) : e;
}

static enum err open_writing(struct segment *g, const char *path, struct errinfo *ei)
{
    enum err e = files_create(path, ei);
    if (e == OK)
        e = sqlite_open(path, SQLITE_RW, BUSY_MS, &g->db, ei);
    if (e == OK)
        e = migrate(g->db, steps, (int64_t)(sizeof steps / sizeof *steps), false, ei);
    return e == OK ? prepare(g, false, ei) : e;
}

enum err segment_open(const char *dir, int64_t first, bool read_only, struct segment **ret, struct errinfo *ei)
{
    struct segment *g = mem_zero(sizeof *g);
    g->first = first;
    g->packed = buf_make(ZSTD_COMPRESSBOUND(JOURNAL_BODY_MAX));
    char *path = segment_path(dir, first, "");
    enum err e = read_only ? open_reading(g, path, ei) : open_writing(g, path, ei);
    free(path);
    if (e != OK) {
        segment_close(g);
        err_prefix(ei, "journal");
        return e;
    }
    *ret = g;
    return OK;
}

void segment_close(struct segment *g)
{
    if (!g)
        return;
    sqlite_finalize(g->insert);
    sqlite_finalize(g->select);
    sqlite_finalize(g->ends);
    sqlite_close(g->db);
    ZSTD_freeCCtx(g->pack);
    ZSTD_freeDCtx(g->unpack);
    buf_free(&g->packed);
    free(g);
}

int64_t segment_first(const struct segment *g)
{
    return g->first;
}

bool segment_is_blank(const struct segment *g)
{
    return !g->select;
}

enum err segment_span(struct segment *g, struct segment_span *ret, struct errinfo *ei)
{
    struct segment_span span = {.last = g->first - 1};
    bool row = false;
    enum err e = OK;
    for (int i = 0; g->ends && (e = sqlite_step(g->ends, &row, ei)) == OK && row; i++) {
        span.last = sqlite_int(g->ends, 0);
        span.newest_ms = sqlite_int(g->ends, 1);
        if (i == 0)
            span.oldest_ms = span.newest_ms;
    }
    if (g->ends)
        sqlite_reset(g->ends);
    if (e == OK && span.last < g->first - 1)
        e = fail(ei, ERR_DISK, "%s is damaged: it holds entry %lld, which belongs before it", sqlite_path(g->db),
                 (long long)span.last);
    if (e == OK)
        *ret = span;
    return e;
}

static enum err compress(struct segment *g, struct str body, struct errinfo *ei)
{
    if (!g->pack) {
        g->pack = ZSTD_createCCtx();
        if (!g->pack)
            die_no_memory();
        ZSTD_CCtx_setParameter(g->pack, ZSTD_c_compressionLevel, ZSTD_LEVEL);
        ZSTD_CCtx_setParameter(g->pack, ZSTD_c_checksumFlag, 1);
    }
    buf_clear(&g->packed);
    size_t bound = ZSTD_compressBound(body.n);
    if (!buf_room(&g->packed, bound))
        return fail(ei, ERR_INTERNAL, "journal: no memory to compress a page of %zu bytes", body.n);
    size_t n = ZSTD_compress2(g->pack, g->packed.p, bound, body.p, body.n);
    if (ZSTD_isError(n))
        return fail(ei, ERR_INTERNAL, "journal: a page of %zu bytes cannot be compressed: %s", body.n,
                    ZSTD_getErrorName(n));
    g->packed.n = n;
    return OK;
}

static enum err insert(struct segment *g, const struct journal_entry *entry, int64_t seq, struct errinfo *ei)
{
    buf_clear(&g->packed);
    enum err e = entry->body.n ? compress(g, entry->body, ei) : OK;
    if (e != OK)
        return e;
    const int64_t numbers[] = {seq,         entry->kind,    entry->purpose,    entry->run,      entry->from_s,
                               entry->to_s, entry->page_no, entry->fetched_ms, entry->cursor_s, (int64_t)entry->body.n};
    for (int i = 0; i < 10; i++)
        sqlite_bind_int(g->insert, i + 1, numbers[i]);
    sqlite_bind_str(g->insert, 11, entry->call.p ? entry->call : S(""));
    if (entry->body.n)
        sqlite_bind_blob(g->insert, 12, buf_str(&g->packed));
    return sqlite_run(g->insert, ei);
}

enum err segment_append(struct segment *g, const struct journal_entry *entries, size_t n, int64_t seq,
                        int64_t *ret_bytes, struct errinfo *ei)
{
    const int64_t row_bytes = 64; /* about, beside texts */
    int64_t bytes = 0;
    enum err e = sqlite_exec(g->db, "BEGIN IMMEDIATE", ei);
    if (e != OK)
        return e;
    for (size_t i = 0; e == OK && i < n; i++) {
        e = insert(g, &entries[i], seq + (int64_t)i, ei);
        bytes += (int64_t)g->packed.n + (int64_t)entries[i].call.n + row_bytes;
    }
    if (e == OK)
        e = sqlite_exec(g->db, "COMMIT", ei);
    if (e != OK) {
        enum err undone = sqlite_exec(g->db, "ROLLBACK", NULL);
        (void)undone; /* after some failures SQLite has rolled back by itself, and says so */
        return e;
    }
    *ret_bytes = bytes;
    return OK;
}

enum err segment_cut(struct segment *g, int64_t last, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = sqlite_prepare(g->db, S("DELETE FROM pages WHERE seq > ?"), &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, last);
    e = sqlite_run(st, ei);
    sqlite_finalize(st);
    return e;
}

static enum err fail_damaged(struct segment *g, int64_t seq, const char *how, struct errinfo *ei)
{
    fail(ei, ERR_DISK, "journal entry %lld is damaged: %s (in %s)", (long long)seq, how, sqlite_path(g->db));
    return fail_hint(ei, "Keep a copy of the file; fetch that window again with `run NAME --from --to`.");
}

static enum err decompress(struct segment *g, int64_t seq, int64_t n_bytes, struct arena *a, struct str *ret,
                           struct errinfo *ei)
{
    struct str packed = sqlite_str(g->select, 11);
    if (n_bytes == 0 && !packed.p) {
        *ret = S("");
        return OK;
    }
    if (n_bytes <= 0 || n_bytes > JOURNAL_BODY_MAX)
        return fail_damaged(g, seq, "its length cannot be", ei);
    if (ZSTD_getFrameContentSize(packed.p, packed.n) != (unsigned long long)n_bytes)
        return fail_damaged(g, seq, "its body is not of the length noted", ei);
    char *p = arena_try(a, (size_t)n_bytes + 1);
    if (!p)
        return fail(ei, ERR_INTERNAL, "journal entry %lld takes %lld bytes, more than was set aside", (long long)seq,
                    (long long)n_bytes);
    if (!g->unpack && !(g->unpack = ZSTD_createDCtx()))
        die_no_memory();
    size_t n = ZSTD_decompressDCtx(g->unpack, p, (size_t)n_bytes, packed.p, packed.n);
    if (ZSTD_isError(n))
        return fail_damaged(g, seq, ZSTD_getErrorName(n), ei);
    if (n != (size_t)n_bytes)
        return fail_damaged(g, seq, "its body is too short", ei);
    p[n] = 0;
    *ret = str_mk(p, n);
    return OK;
}

static enum err fill(struct segment *g, struct arena *a, struct journal_entry *out, struct errinfo *ei)
{
    struct sqlite_stmt *st = g->select;
    int64_t kind = sqlite_int(st, 1), purpose = sqlite_int(st, 2);
    struct journal_entry entry = {.seq = sqlite_int(st, 0),
                                  .run = sqlite_int(st, 3),
                                  .from_s = sqlite_int(st, 4),
                                  .to_s = sqlite_int(st, 5),
                                  .page_no = sqlite_int(st, 6),
                                  .fetched_ms = sqlite_int(st, 7),
                                  .cursor_s = sqlite_int(st, 8)};
    if (kind < JOURNAL_PAGE || kind > JOURNAL_MARK || purpose < PURPOSE_MAIN || purpose > PURPOSE_LAST)
        return fail_damaged(g, entry.seq, "its kind or purpose is unknown", ei);
    entry.kind = (enum journal_kind)kind;
    entry.purpose = (enum purpose)purpose;
    if (a) {
        struct str call = sqlite_str(st, 10);
        char *p = arena_try(a, call.n + 1);
        if (!p)
            return fail(ei, ERR_INTERNAL, "journal entry %lld takes more memory than was set aside",
                        (long long)entry.seq);
        memcpy(p, call.n ? call.p : "", call.n);
        p[call.n] = 0;
        entry.call = str_mk(p, call.n);
        enum err e = decompress(g, entry.seq, sqlite_int(st, 9), a, &entry.body, ei);
        if (e != OK)
            return e;
    }
    *out = entry;
    return OK;
}

enum err segment_read(struct segment *g, int64_t seq, struct arena *a, struct journal_entry *ret, bool *ret_found,
                      struct errinfo *ei)
{
    if (!g->select) {
        *ret_found = false;
        return OK;
    }
    bool row = false;
    sqlite_bind_int(g->select, 1, seq);
    enum err e = sqlite_step(g->select, &row, ei);
    if (e == OK && row)
        e = fill(g, a, ret, ei);
    if (e == OK)
        *ret_found = row;
    else
        err_prefix(ei, "journal");
    sqlite_reset(g->select);
    return e;
}

void segment_seal(struct segment *g)
{
    sqlite_reset(g->select);
    sqlite_reset(g->ends);
    enum err e = sqlite_exec(g->db, "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE", NULL);
    (void)e; /* another process may be reading: then it stays in WAL mode, which is readable as well */
}
