/* Everything is appended. `part` holds the judgements of a stretch of a page, two bytes a record. Their keys' hashes go
 * into `recent`, a stretch a row; at RECENT_MAX they are sorted and written behind the others as one group of 256
 * buckets. So a record costs some bytes of three rows and none of its own, no write touches a large tree in random
 * places, and a lookup reads one bucket of each group: some thousands of groups stand for some hundred million records.
 * Numbers in blobs are in the machine's own byte order.
 *
 * Which batch a record was committed in is not noted with the record: batches cover the journal in order, so the first
 * one that reaches beyond the record's place is the one. Where power was lost before a batch was noted, the next one
 * answers for it, with its later time.
 *
 * synchronous=NORMAL: this is an index, made again from the journal. */
#include "store/records.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "db/sqlite.h"
#include "store/files.h"
#include "store/migrate.h"

#define BUSY_MS      10000
#define RECENT_MAX   32768
#define BUCKET_SHIFT 56 /* 256 buckets a group */
#define DETAIL_SHIFT 3

static const char *const steps[] = {
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), page INTEGER NOT NULL, row INTEGER NOT NULL) STRICT;"
    "INSERT INTO state VALUES (1, 0, 2147483647);"
    "CREATE TABLE part (page INTEGER NOT NULL, row INTEGER NOT NULL, fates BLOB NOT NULL, PRIMARY KEY (page, row))"
    "  STRICT, WITHOUT ROWID;"
    "CREATE TABLE recent (page INTEGER NOT NULL, row INTEGER NOT NULL, keys BLOB NOT NULL, PRIMARY KEY (page, row))"
    "  STRICT, WITHOUT ROWID;"
    "CREATE TABLE grp (id INTEGER PRIMARY KEY, last_page INTEGER NOT NULL) STRICT;"
    "CREATE TABLE entry (grp INTEGER NOT NULL, bucket INTEGER NOT NULL, keys BLOB NOT NULL,"
    "  PRIMARY KEY (grp, bucket)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE batch (page INTEGER NOT NULL, row INTEGER NOT NULL, batch INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    "  run INTEGER NOT NULL, committed_ms INTEGER NOT NULL, mapping INTEGER NOT NULL, PRIMARY KEY (page, row))"
    "  STRICT, WITHOUT ROWID;"
    "CREATE TABLE term (mapping INTEGER NOT NULL, term INTEGER NOT NULL, text TEXT NOT NULL,"
    "  PRIMARY KEY (mapping, term)) STRICT, WITHOUT ROWID;",
    "CREATE TABLE rewrite (page INTEGER NOT NULL, row INTEGER NOT NULL, run INTEGER NOT NULL, batch INTEGER NOT NULL,"
    "  n INTEGER NOT NULL, epoch INTEGER NOT NULL, committed_ms INTEGER NOT NULL, mapping INTEGER NOT NULL,"
    "  PRIMARY KEY (page, row, run, batch)) STRICT, WITHOUT ROWID;",
};

enum statement {
    GET_REACH,
    SET_REACH,
    PUT_PART,
    PUT_RECENT,
    GET_RECENT,
    PUT_ENTRY,
    PUT_GROUP,
    PUT_BATCH,
    PUT_TERM,
    FIND,
    FATE,
    BATCH_OF,
    TERM,
    PUT_REWRITE,
    REWRITES_OF,
    N_STATEMENTS
};

static const char batch_of[] = "SELECT page, row, batch, epoch, run, committed_ms, mapping FROM batch "
                               "WHERE (page, row) > (?, ?) ORDER BY page, row LIMIT 1";

/* A stretch of a page is a row. */
static const char rewrites_of[] = "SELECT batch, epoch, run, committed_ms, mapping FROM rewrite "
                                  "WHERE page = ?1 AND row <= ?2 AND row + n > ?2 ORDER BY run, batch";

static const char *const texts[N_STATEMENTS] = {
    [GET_REACH] = "SELECT page, row FROM state",
    [SET_REACH] = "UPDATE state SET page = ?, row = ?",
    [PUT_PART] = "REPLACE INTO part VALUES (?, ?, ?)",
    [PUT_RECENT] = "REPLACE INTO recent VALUES (?, ?, ?)",
    [GET_RECENT] = "SELECT page, row, keys FROM recent",
    [PUT_ENTRY] = "INSERT INTO entry VALUES (?, ?, ?)",
    [PUT_GROUP] = "INSERT INTO grp (last_page) VALUES (?)",
    [PUT_BATCH] = "REPLACE INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)",
    [PUT_TERM] = "REPLACE INTO term VALUES (?, ?, ?)",
    [FIND] = "SELECT e.keys FROM grp g CROSS JOIN entry e WHERE e.grp = g.id AND e.bucket = ?",
    [FATE] = "SELECT row, fates FROM part WHERE page = ? AND row <= ? ORDER BY row DESC LIMIT 1",
    [BATCH_OF] = batch_of,
    [TERM] = "SELECT text FROM term WHERE mapping = ? AND term = ?",
    [PUT_REWRITE] = "REPLACE INTO rewrite VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [REWRITES_OF] = rewrites_of,
};

/* A key and its place, as they stand in a group. */
struct entry {
    uint64_t hash;
    int64_t page;
    int64_t row;
};

struct records {
    pthread_mutex_t mutex; /* over all that follows */
    struct sqlite *db;
    struct sqlite_stmt *st[N_STATEMENTS];
    int64_t recent; /* keys in it, about */
    uint8_t *bytes; /* of a part being written, and its keys */
    uint64_t *keys;
    size_t cap;
};

uint64_t records_hash(struct str key)
{
    uint64_t h = hash_stable(key);

    return h ? h : 1;
}

/* ---- opening ---- */

static enum err count_recent(struct records *r, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    bool row = false;
    enum err e = sqlite_prepare(r->db, S("SELECT coalesce(sum(length(keys)), 0) / 8 FROM recent"), &st, ei);

    e = e ? e : sqlite_step(st, &row, ei);
    r->recent = !e && row ? sqlite_int(st, 0) : 0;
    sqlite_finalize(st);
    return e;
}

static enum err open_db(struct records *r, const char *path, bool read_only, struct errinfo *ei)
{
    enum err e = read_only ? OK : files_create(path, ei);

    e = e ? e : sqlite_open(path, read_only ? SQLITE_RO : SQLITE_RW, BUSY_MS, &r->db, ei);
    if (!e && !read_only)
        e = sqlite_exec(r->db, "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4096", ei);
    e = e ? e : migrate(r->db, steps, (int64_t)(sizeof steps / sizeof *steps), read_only, ei);
    for (size_t i = 0; !e && i < N_STATEMENTS; i++)
        e = sqlite_prepare(r->db, str_of(texts[i]), &r->st[i], ei);
    return e || read_only ? e : count_recent(r, ei);
}

enum err records_open(const char *state_dir, struct str integration, bool read_only, struct records **ret,
                      struct errinfo *ei)
{
    char name[FILES_NAME_MAX];
    char *dir = files_path("%s/records", state_dir), *path;
    struct records *r;
    enum err e = read_only ? OK : files_mkdir(dir, ei);

    files_name(integration, name);
    path = files_path("%s/%s.db", dir, name);
    free(dir);
    *ret = NULL;
    if (e || (read_only && access(path, F_OK) != 0)) {
        free(path);
        return e;
    }
    r = mem_zero(sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    e = open_db(r, path, read_only, ei);
    free(path);
    if (e) {
        records_close(r);
        err_prefix(ei, "records");
        return e;
    }
    *ret = r;
    return OK;
}

void records_close(struct records *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < N_STATEMENTS; i++)
        sqlite_finalize(r->st[i]);
    sqlite_close(r->db);
    pthread_mutex_destroy(&r->mutex);
    free(r->bytes);
    free(r->keys);
    free(r);
}

/* ---- writing; the caller holds the mutex ---- */

static enum err begin(struct records *r, struct errinfo *ei)
{
    pthread_mutex_lock(&r->mutex);
    return sqlite_exec(r->db, "BEGIN IMMEDIATE", ei);
}

static enum err end(struct records *r, enum err e, struct errinfo *ei)
{
    if (!e)
        e = sqlite_exec(r->db, "COMMIT", ei);
    if (e) {
        enum err undone = sqlite_exec(r->db, "ROLLBACK", NULL);
        (void)undone; /* after some failures SQLite has rolled back by itself, and says so */
        err_prefix(ei, "records");
    }
    pthread_mutex_unlock(&r->mutex);
    return e;
}

static enum err set_reach(struct records *r, struct records_reach to, struct errinfo *ei)
{
    sqlite_bind_int(r->st[SET_REACH], 1, to.page);
    sqlite_bind_int(r->st[SET_REACH], 2, to.row);
    return sqlite_run(r->st[SET_REACH], ei);
}

static enum err put_at(struct records *r, enum statement which, const struct record_note *at, struct str bytes,
                       struct errinfo *ei)
{
    sqlite_bind_int(r->st[which], 1, at->page);
    sqlite_bind_int(r->st[which], 2, at->row);
    sqlite_bind_blob(r->st[which], 3, bytes);
    return sqlite_run(r->st[which], ei);
}

/* The notes from `notes` on that stand side by side in one page, as one part; *ret_n of them. */
static enum err put_part(struct records *r, const struct record_note *notes, size_t n, size_t *ret_n,
                         struct errinfo *ei)
{
    size_t k = 0;
    enum err e;

    for (; k < n && notes[k].page == notes[0].page && notes[k].row == notes[0].row + (int32_t)k; k++) {
        unsigned v = (unsigned)notes[k].fate | (unsigned)notes[k].detail << DETAIL_SHIFT;

        if (k == r->cap) {
            r->cap = r->cap ? 2 * r->cap : 1024;
            r->bytes = mem_grow(r->bytes, 2 * r->cap);
            r->keys = mem_grow(r->keys, r->cap * sizeof *r->keys);
        }
        r->bytes[2 * k] = (uint8_t)v;
        r->bytes[2 * k + 1] = (uint8_t)(v >> 8);
        r->keys[k] = notes[k].hash;
    }
    *ret_n = k;
    r->recent += (int64_t)k;
    e = put_at(r, PUT_PART, notes, str_mk((const char *)r->bytes, 2 * k), ei);
    return e ? e : put_at(r, PUT_RECENT, notes, str_mk((const char *)r->keys, k * sizeof *r->keys), ei);
}

/* ---- groups ---- */

struct entries {
    struct entry *at;
    size_t n, cap;
};

static void add_entry(struct entries *all, struct entry e)
{
    if (all->n == all->cap) {
        all->cap = all->cap ? 2 * all->cap : 64;
        all->at = mem_grow(all->at, all->cap * sizeof *all->at);
    }
    all->at[all->n++] = e;
}

/* The keys that are in no group yet: those of `hash`, or (0) all. */
static enum err recent_entries(struct records *r, uint64_t hash, struct entries *out, struct errinfo *ei)
{
    struct sqlite_stmt *st = r->st[GET_RECENT];
    bool row = false;
    enum err e;

    while (!(e = sqlite_step(st, &row, ei)) && row) {
        struct str keys = sqlite_str(st, 2);

        for (size_t i = 0; i < keys.n / sizeof(uint64_t); i++) {
            uint64_t key;

            memcpy(&key, keys.p + i * sizeof key, sizeof key);
            if (key && (!hash || key == hash))
                add_entry(out, (struct entry){key, sqlite_int(st, 0), sqlite_int(st, 1) + (int64_t)i});
        }
    }
    sqlite_reset(st);
    return e;
}

static int by_hash(const void *x, const void *y)
{
    uint64_t a = ((const struct entry *)x)->hash, b = ((const struct entry *)y)->hash;

    return (a > b) - (a < b);
}

static int64_t bucket_of(uint64_t hash)
{
    return (int64_t)(hash >> BUCKET_SHIFT);
}

static enum err put_group(struct records *r, struct entries *all, struct errinfo *ei)
{
    int64_t last = 0, group;
    enum err e;

    for (size_t i = 0; i < all->n; i++)
        last = all->at[i].page > last ? all->at[i].page : last;
    qsort(all->at, all->n, sizeof *all->at, by_hash);
    sqlite_bind_int(r->st[PUT_GROUP], 1, last);
    e = sqlite_run(r->st[PUT_GROUP], ei);
    group = sqlite_last_id(r->db);
    for (size_t i = 0, k; !e && i < all->n; i = k) {
        for (k = i + 1; k < all->n && bucket_of(all->at[k].hash) == bucket_of(all->at[i].hash);)
            k++;
        sqlite_bind_int(r->st[PUT_ENTRY], 1, group);
        sqlite_bind_int(r->st[PUT_ENTRY], 2, bucket_of(all->at[i].hash));
        sqlite_bind_blob(r->st[PUT_ENTRY], 3, str_mk((const char *)&all->at[i], (k - i) * sizeof *all->at));
        e = sqlite_run(r->st[PUT_ENTRY], ei);
    }
    return e;
}

static enum err move_recent(struct records *r, struct errinfo *ei)
{
    struct entries all = {0};
    enum err e = recent_entries(r, 0, &all, ei);

    r->recent = 0;
    if (!e && all.n)
        e = put_group(r, &all, ei);
    free(all.at);
    return e ? e : sqlite_exec(r->db, "DELETE FROM recent", ei);
}

enum err records_add(struct records *r, const struct record_note *notes, size_t n, struct records_reach to,
                     struct errinfo *ei)
{
    enum err e = begin(r, ei);

    for (size_t i = 0, k; !e && i < n; i += k)
        e = put_part(r, notes + i, n - i, &k, ei);
    e = e ? e : set_reach(r, to, ei);
    if (!e && r->recent >= RECENT_MAX)
        e = move_recent(r, ei);
    return end(r, e, ei);
}

/* A part may begin before the position and end behind it: nothing is lost, those of its records that come again are
 * written over in parts of their own. Keys stay, they are true. */
enum err records_cut(struct records *r, struct records_reach from, struct errinfo *ei)
{
    static const char *const cuts[] = {"DELETE FROM part WHERE (page, row) >= (?, ?)",
                                       "DELETE FROM batch WHERE (page, row) > (?, ?)"};
    enum err e = begin(r, ei);

    for (size_t i = 0; !e && i < 2; i++) {
        struct sqlite_stmt *st = NULL;

        e = sqlite_prepare(r->db, str_of(cuts[i]), &st, ei);
        if (e)
            break;
        sqlite_bind_int(st, 1, from.page);
        sqlite_bind_int(st, 2, from.row);
        e = sqlite_run(st, ei);
        sqlite_finalize(st);
    }
    return end(r, e ? e : set_reach(r, from, ei), ei);
}

enum err records_committed(struct records *r, const struct records_batch *b, struct errinfo *ei)
{
    const int64_t numbers[] = {b->to.page, b->to.row, b->batch, b->epoch, b->run, b->committed_ms, (int64_t)b->mapping};
    enum err e = begin(r, ei);

    for (int i = 0; i < 7; i++)
        sqlite_bind_int(r->st[PUT_BATCH], i + 1, numbers[i]);
    return end(r, e ? e : sqlite_run(r->st[PUT_BATCH], ei), ei);
}

static enum err put_rewrite(struct records *r, struct records_place at, size_t n, const struct records_batch *b,
                            struct errinfo *ei)
{
    const int64_t numbers[] = {at.page,    at.row,   b->run,          b->batch,
                               (int64_t)n, b->epoch, b->committed_ms, (int64_t)b->mapping};

    for (int i = 0; i < 8; i++)
        sqlite_bind_int(r->st[PUT_REWRITE], i + 1, numbers[i]);
    return sqlite_run(r->st[PUT_REWRITE], ei);
}

enum err records_rewritten(struct records *r, const struct records_place *at, size_t n, const struct records_batch *b,
                           struct errinfo *ei)
{
    enum err e = begin(r, ei);

    for (size_t i = 0, k; !e && i < n; i += k) {
        for (k = 1; i + k < n && at[i + k].page == at[i].page && at[i + k].row == at[i].row + (int32_t)k;)
            k++;
        e = put_rewrite(r, at[i], k, b, ei);
    }
    return end(r, e, ei);
}

enum err records_name_terms(struct records *r, uint64_t mapping, const struct str *terms, size_t n, struct errinfo *ei)
{
    struct sqlite_stmt *st = r->st[PUT_TERM];
    enum err e = begin(r, ei);

    for (size_t i = 0; !e && i < n; i++) {
        sqlite_bind_int(st, 1, (int64_t)mapping);
        sqlite_bind_int(st, 2, (int64_t)i);
        sqlite_bind_str(st, 3, terms[i]);
        e = sqlite_run(st, ei);
    }
    return end(r, e, ei);
}

/* ---- asking ---- */

enum err records_reached(struct records *r, struct records_reach *ret, struct errinfo *ei)
{
    struct sqlite_stmt *st = r->st[GET_REACH];
    bool row = false;
    enum err e;

    pthread_mutex_lock(&r->mutex);
    e = sqlite_step(st, &row, ei);
    if (!e && row)
        *ret = (struct records_reach){sqlite_int(st, 0), (int32_t)sqlite_int(st, 1)};
    sqlite_reset(st);
    pthread_mutex_unlock(&r->mutex);
    return e;
}

static enum err group_entries(struct records *r, uint64_t hash, struct entries *out, struct errinfo *ei)
{
    struct sqlite_stmt *st = r->st[FIND];
    bool row = false;
    enum err e;

    sqlite_bind_int(st, 1, bucket_of(hash));
    while (!(e = sqlite_step(st, &row, ei)) && row) {
        struct str keys = sqlite_str(st, 0);

        for (size_t at = 0; at + sizeof(struct entry) <= keys.n; at += sizeof(struct entry)) {
            struct entry one;

            memcpy(&one, keys.p + at, sizeof one);
            if (one.hash == hash)
                add_entry(out, one);
        }
    }
    sqlite_reset(st);
    return e;
}

static int newest_first(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;

    if (a->page != b->page)
        return a->page > b->page ? -1 : 1;
    return (a->row < b->row) - (a->row > b->row);
}

enum err records_find(struct records *r, uint64_t hash, struct arena *a, struct records_place **ret, size_t *ret_n,
                      struct errinfo *ei)
{
    struct entries all = {0};
    enum err e;

    *ret_n = 0;
    pthread_mutex_lock(&r->mutex);
    e = recent_entries(r, hash, &all, ei);
    e = e ? e : group_entries(r, hash, &all, ei);
    pthread_mutex_unlock(&r->mutex);
    if (all.n)
        qsort(all.at, all.n, sizeof *all.at, newest_first);
    *ret = ARENA_ARRAY(a, struct records_place, all.n + 1);
    for (size_t i = 0; !e && i < all.n; i++)
        if (!i || newest_first(&all.at[i - 1], &all.at[i]))
            (*ret)[(*ret_n)++] = (struct records_place){all.at[i].page, (int32_t)all.at[i].row};
    free(all.at);
    return e;
}

enum err records_fate(struct records *r, struct records_place at, struct record_note *ret, bool *ret_known,
                      struct errinfo *ei)
{
    struct sqlite_stmt *st = r->st[FATE];
    bool row = false;
    enum err e;

    *ret_known = false;
    pthread_mutex_lock(&r->mutex);
    sqlite_bind_int(st, 1, at.page);
    sqlite_bind_int(st, 2, at.row);
    e = sqlite_step(st, &row, ei);
    if (!e && row) {
        struct str fates = sqlite_str(st, 1);
        size_t i = 2 * (size_t)(at.row - sqlite_int(st, 0));

        if (i + 2 <= fates.n) {
            unsigned v = (unsigned)(uint8_t)fates.p[i] | (unsigned)(uint8_t)fates.p[i + 1] << 8;

            *ret = (struct record_note){.page = at.page,
                                        .row = at.row,
                                        .fate = (uint16_t)(v & ((1u << DETAIL_SHIFT) - 1)),
                                        .detail = (uint16_t)(v >> DETAIL_SHIFT)};
            *ret_known = ret->fate < FATE_COUNT;
        }
    }
    sqlite_reset(st);
    pthread_mutex_unlock(&r->mutex);
    return e;
}

enum err records_batch_of(struct records *r, struct records_place at, struct records_batch *ret, bool *ret_known,
                          struct errinfo *ei)
{
    struct sqlite_stmt *st = r->st[BATCH_OF];
    bool row = false;
    enum err e;

    pthread_mutex_lock(&r->mutex);
    sqlite_bind_int(st, 1, at.page);
    sqlite_bind_int(st, 2, at.row);
    e = sqlite_step(st, &row, ei);
    *ret_known = !e && row;
    if (*ret_known)
        *ret = (struct records_batch){.to = {sqlite_int(st, 0), (int32_t)sqlite_int(st, 1)},
                                      .batch = sqlite_int(st, 2),
                                      .epoch = sqlite_int(st, 3),
                                      .run = sqlite_int(st, 4),
                                      .committed_ms = sqlite_int(st, 5),
                                      .mapping = (uint64_t)sqlite_int(st, 6)};
    sqlite_reset(st);
    pthread_mutex_unlock(&r->mutex);
    return e;
}

enum err records_rewrites_of(struct records *r, struct records_place at, struct arena *a, struct records_batch **ret,
                             size_t *ret_n, struct errinfo *ei)
{
    struct sqlite_stmt *st = r->st[REWRITES_OF];
    struct records_batch *found = NULL;
    size_t n = 0, cap = 0;
    bool row = false;
    enum err e;

    pthread_mutex_lock(&r->mutex);
    sqlite_bind_int(st, 1, at.page);
    sqlite_bind_int(st, 2, at.row);
    while (!(e = sqlite_step(st, &row, ei)) && row) {
        if (n == cap) {
            cap = cap ? 2 * cap : 4;
            found = mem_grow(found, cap * sizeof *found);
        }
        found[n++] = (struct records_batch){.batch = sqlite_int(st, 0),
                                            .epoch = sqlite_int(st, 1),
                                            .run = sqlite_int(st, 2),
                                            .committed_ms = sqlite_int(st, 3),
                                            .mapping = (uint64_t)sqlite_int(st, 4)};
    }
    sqlite_reset(st);
    pthread_mutex_unlock(&r->mutex);
    *ret = ARENA_ARRAY(a, struct records_batch, n + 1);
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = found[i];
    *ret_n = n;
    free(found);
    return e;
}

enum err records_term(struct records *r, uint64_t mapping, uint16_t term, struct arena *a, struct str *ret,
                      struct errinfo *ei)
{
    struct sqlite_stmt *st = r->st[TERM];
    bool row = false;
    enum err e;

    pthread_mutex_lock(&r->mutex);
    sqlite_bind_int(st, 1, (int64_t)mapping);
    sqlite_bind_int(st, 2, term);
    e = sqlite_step(st, &row, ei);
    *ret = !e && row ? arena_str(a, sqlite_str(st, 0)) : (struct str){0};
    sqlite_reset(st);
    pthread_mutex_unlock(&r->mutex);
    return e;
}

/* ---- forgetting ---- */

enum err records_prune(struct records *r, int64_t first, struct errinfo *ei)
{
    static const char *const drops[] = {"DELETE FROM entry WHERE grp IN (SELECT id FROM grp WHERE last_page < ?)",
                                        "DELETE FROM grp WHERE last_page < ?",
                                        "DELETE FROM part WHERE page < ?",
                                        "DELETE FROM batch WHERE page < ?",
                                        "DELETE FROM recent WHERE page < ?",
                                        "DELETE FROM rewrite WHERE page < ?"};
    enum err e = begin(r, ei);

    for (size_t i = 0; !e && i < sizeof drops / sizeof *drops; i++) {
        struct sqlite_stmt *st = NULL;

        e = sqlite_prepare(r->db, str_of(drops[i]), &st, ei);
        if (e)
            break;
        sqlite_bind_int(st, 1, first);
        e = sqlite_run(st, ei);
        sqlite_finalize(st);
    }
    return end(r, e, ei);
}
