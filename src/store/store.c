/* The project's own state in .sluice/state.db: opening it, its tables, its kept statements and transactions.
 *
 * One SQLite handle behind one mutex: calls are short (a fraction of a millisecond, a synchronization when they write),
 * and the busy parts of the program call it once for a batch, not once for a record. Statements are prepared once.
 * Every transaction that writes begins IMMEDIATE, so that two processes queue up instead of failing half-way.
 * Integrations are kept by number; the numbers are remembered here and never given to another name.
 * What belongs to one subject (runs, dead letters, …) stands in its own file. What is *not* here: records and pages
 * (journal.c), and the checkpoint that counts, which lives in the target database; `progress` is its copy. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/digest.h"
#include "store/files.h"
#include "store/migrate.h"
#include "store/state.h"

#define BUSY_MS 10000

static const char *const steps[] = {
    /* 1 */
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE integration (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE progress (integration INTEGER PRIMARY KEY REFERENCES integration, cursor_s INTEGER NOT NULL,"
    "  fetched_s INTEGER NOT NULL, page INTEGER NOT NULL, row INTEGER NOT NULL, epoch INTEGER NOT NULL, batch INTEGER "
    "NOT NULL,"
    "  mapping INTEGER NOT NULL, freshest_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, paused INTEGER NOT NULL,"
    "  ran INTEGER NOT NULL) STRICT;"
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, integration INTEGER NOT NULL REFERENCES integration,"
    "  kind TEXT NOT NULL, status TEXT NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL, summary TEXT "
    "NOT NULL,"
    "  process TEXT NOT NULL) STRICT;"
    "CREATE INDEX run_of ON run (integration, id);"
    "CREATE TABLE dead (id INTEGER PRIMARY KEY AUTOINCREMENT, integration INTEGER NOT NULL REFERENCES integration,"
    "  key TEXT NOT NULL, target_id TEXT NOT NULL, version TEXT NOT NULL, page INTEGER NOT NULL, row INTEGER NOT NULL,"
    "  line INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    "  tried_ms INTEGER NOT NULL, tries INTEGER NOT NULL, state INTEGER NOT NULL, raw TEXT NOT NULL,"
    "  UNIQUE (integration, page, row, line)) STRICT;"
    "CREATE INDEX dead_open ON dead (integration, id) WHERE state = 0;"
    "CREATE INDEX dead_key ON dead (integration, key);"
    "CREATE INDEX dead_target ON dead (integration, target_id);"
    "CREATE TABLE gap (id INTEGER PRIMARY KEY AUTOINCREMENT, integration INTEGER NOT NULL REFERENCES integration,"
    "  from_s INTEGER NOT NULL, to_s INTEGER NOT NULL, why TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    "  tries INTEGER NOT NULL, closed_ms INTEGER) STRICT;"
    "CREATE UNIQUE INDEX gap_open ON gap (integration, from_s, to_s) WHERE closed_ms IS NULL;"
    "CREATE TABLE ledger (integration INTEGER NOT NULL, key TEXT NOT NULL, hash_hi INTEGER NOT NULL, hash_lo INTEGER "
    "NOT NULL,"
    "  version TEXT NOT NULL, page INTEGER NOT NULL, row INTEGER NOT NULL, lines INTEGER NOT NULL, mapping INTEGER NOT "
    "NULL,"
    "  PRIMARY KEY (integration, key)) STRICT, WITHOUT ROWID;",
    /* 2: what records look like */
    "CREATE TABLE field (integration INTEGER NOT NULL REFERENCES integration, path TEXT NOT NULL, count INTEGER NOT "
    "NULL,"
    "  types INTEGER NOT NULL, longest INTEGER NOT NULL, before INTEGER NOT NULL, after INTEGER NOT NULL, of INTEGER "
    "NOT NULL,"
    "  missed INTEGER NOT NULL, first_run INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_run INTEGER NOT NULL,"
    "  last_ms INTEGER NOT NULL, known INTEGER NOT NULL, PRIMARY KEY (integration, path)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE change (id INTEGER PRIMARY KEY AUTOINCREMENT, integration INTEGER NOT NULL REFERENCES integration,"
    "  kind INTEGER NOT NULL, path TEXT NOT NULL, detail TEXT NOT NULL, text TEXT NOT NULL, sql TEXT NOT NULL,"
    "  line TEXT NOT NULL, need INTEGER NOT NULL, scale INTEGER NOT NULL, run INTEGER NOT NULL, since_ms INTEGER NOT "
    "NULL,"
    "  runs INTEGER NOT NULL, state INTEGER NOT NULL, UNIQUE (integration, kind, path, detail)) STRICT;",
    /* 3: the proof of each window; figures that are kept for ever */
    "CREATE TABLE \"window\" (integration INTEGER NOT NULL REFERENCES integration, mark INTEGER NOT NULL,"
    "  run INTEGER NOT NULL, purpose INTEGER NOT NULL, from_s INTEGER NOT NULL, to_s INTEGER NOT NULL,"
    "  total_before INTEGER NOT NULL, total_after INTEGER NOT NULL, pages INTEGER NOT NULL, ids INTEGER NOT NULL,"
    "  records INTEGER NOT NULL, folded INTEGER NOT NULL, filtered INTEGER NOT NULL, repeats INTEGER NOT NULL,"
    "  shaped INTEGER NOT NULL, dead_records INTEGER NOT NULL, rows INTEGER NOT NULL, dead_rows INTEGER NOT NULL,"
    "  missing INTEGER NOT NULL, whole INTEGER NOT NULL, verified INTEGER NOT NULL, why TEXT NOT NULL,"
    "  at_ms INTEGER NOT NULL, PRIMARY KEY (integration, mark)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX window_open ON \"window\" (integration, mark) WHERE verified = 0;"
    "CREATE TABLE metric (integration INTEGER NOT NULL REFERENCES integration, name TEXT NOT NULL,"
    "  bucket INTEGER NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (integration, name, bucket)) STRICT, WITHOUT "
    "ROWID;",
    /* 4: dead letters that a person corrected */
    "ALTER TABLE dead ADD COLUMN edited TEXT NOT NULL DEFAULT ''",
};

enum err state_stmt(struct store *s, enum slot slot, const char *sql, struct sqlite_stmt **ret, struct errinfo *ei)
{
    if (!s->kept[slot]) {
        enum err e = sqlite_prepare(s->db, str_of(sql), &s->kept[slot], ei);
        if (e != OK)
            return e;
    }
    *ret = s->kept[slot];
    return OK;
}

static enum err find_id(struct store *s, struct str integration, int64_t *ret, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_ID_FIND, "SELECT id FROM integration WHERE name = ?", &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_str(st, 1, integration);
    bool row = false;
    e = sqlite_step(st, &row, ei);
    if (e == OK)
        *ret = row ? sqlite_int(st, 0) : 0;
    sqlite_reset(st);
    return e;
}

static enum err add_id(struct store *s, struct str integration, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e =
        state_stmt(s, SLOT_ID_ADD, "INSERT INTO integration (name) VALUES (?) ON CONFLICT DO NOTHING", &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_str(st, 1, integration);
    return sqlite_run(st, ei);
}

enum err state_id(struct store *s, struct str integration, bool make, int64_t *ret, struct errinfo *ei)
{
    struct str name = state_given(integration);
    size_t known = map_get(s->ids, name);
    int64_t id = known == MAP_NONE ? 0 : (int64_t)known;
    enum err e = id ? OK : find_id(s, name, &id, ei);
    if (e == OK && id == 0 && make) {
        e = add_id(s, name, ei);
        if (e == OK)
            e = find_id(s, name, &id, ei);
    }
    if (e != OK)
        return e;
    if (id && known == MAP_NONE)
        map_put(s->ids, name, (size_t)id);
    *ret = id;
    return OK;
}

enum err state_begin(struct store *s, struct errinfo *ei)
{
    return sqlite_exec(s->db, "BEGIN IMMEDIATE", ei);
}

enum err state_end(struct store *s, enum err e, struct errinfo *ei)
{
    if (e == OK)
        e = sqlite_exec(s->db, "COMMIT", ei);
    if (e != OK) {
        enum err undone = sqlite_exec(s->db, "ROLLBACK", NULL);
        (void)undone; /* after some failures SQLite has rolled back by itself, and says so */
    }
    return e;
}

enum err state_text(struct sqlite_stmt *st, int col, struct arena *a, struct str *ret, struct errinfo *ei)
{
    struct str s = sqlite_str(st, col);
    if (!s.p) {
        *ret = s;
        return OK;
    }
    char *p = arena_try(a, s.n + 1);
    if (!p)
        return fail(ei, ERR_INTERNAL, "the answer from the state takes more memory than was set aside");
    memcpy(p, s.p, s.n);
    p[s.n] = 0;
    *ret = str_mk(p, s.n);
    return OK;
}

enum err state_room(struct arena *a, void **array, size_t n, size_t size, struct errinfo *ei)
{
    if (n != 0 && (n & (n - 1)) != 0)
        return OK; /* room for the next power of two is there */
    void *p = arena_try(a, (n ? 2 * n : 1) * size);
    if (!p)
        return fail(ei, ERR_INTERNAL, "the list from the state takes more memory than was set aside");
    if (n)
        memcpy(p, *array, n * size);
    *array = p;
    return OK;
}

static enum err read_uuid(struct store *s, bool *ret_found, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = sqlite_prepare(s->db, S("SELECT value FROM meta WHERE name = 'journal'"), &st, ei);
    bool row = false;
    if (e == OK)
        e = sqlite_step(st, &row, ei);
    if (e == OK && row)
        snprintf(s->uuid, sizeof s->uuid, STR_FMT, STR_ARG(sqlite_str(st, 0)));
    if (e == OK)
        *ret_found = row;
    sqlite_finalize(st);
    return e;
}

static enum err make_uuid(struct store *s, struct errinfo *ei)
{
    char uuid[37];
    uuid_v4(uuid);
    struct sqlite_stmt *st = NULL;
    enum err e = sqlite_prepare(s->db, S("INSERT INTO meta VALUES ('journal', ?) ON CONFLICT DO NOTHING"), &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_str(st, 1, str_of(uuid));
    e = sqlite_run(st, ei);
    sqlite_finalize(st);
    return e;
}

static enum err learn_uuid(struct store *s, bool read_only, struct errinfo *ei)
{
    bool found = false;
    enum err e = read_uuid(s, &found, ei);
    if (e != OK || found)
        return e;
    if (read_only)
        return fail(ei, ERR_CONFIG, "%s holds no journal id: it is not a state of this program", sqlite_path(s->db));
    e = make_uuid(s, ei);
    return e == OK ? read_uuid(s, &found, ei) : e;
}

static enum err open_db(struct store *s, const char *path, bool read_only, struct errinfo *ei)
{
    enum err e = sqlite_open(path, read_only ? SQLITE_RO : SQLITE_RW, BUSY_MS, &s->db, ei);
    if (e == OK)
        e = sqlite_exec(s->db, "PRAGMA cache_size = -16384", ei); /* 16 MiB: the ledger's upper pages stay */
    if (e == OK)
        e = migrate(s->db, steps, (int64_t)(sizeof steps / sizeof *steps), read_only, ei);
    return e == OK ? learn_uuid(s, read_only, ei) : e;
}

/* The folder and an empty file with the right modes, before SQLite sees them. */
static enum err prepare_files(const char *dir, const char *path, bool read_only, struct errinfo *ei)
{
    if (read_only) {
        if (access(path, F_OK) == 0 || errno != ENOENT)
            return OK;
        fail(ei, ERR_CONFIG, "there is no state yet: %s does not exist", path);
        return fail_hint(ei, "Run an integration first.");
    }
    enum err e = files_mkdir(dir, ei);
    return e == OK ? files_create(path, ei) : e;
}

enum err store_open(const char *dir, bool read_only, struct store **ret, struct errinfo *ei)
{
    struct store *s = mem_zero(sizeof *s);
    pthread_mutex_init(&s->mutex, NULL);
    s->ids = map_new_copying(64u << 20);
    s->dir = files_path("%s", dir);
    process_identity(s->process);
    char *path = files_path("%s/state.db", dir);
    enum err e = prepare_files(dir, path, read_only, ei);
    if (e == OK)
        e = open_db(s, path, read_only, ei);
    free(path);
    if (e != OK) {
        store_close(s);
        return e;
    }
    *ret = s;
    return OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < SLOT_COUNT; i++)
        sqlite_finalize(s->kept[i]);
    sqlite_close(s->db);
    map_free(s->ids);
    pthread_mutex_destroy(&s->mutex);
    free(s->dir);
    free(s);
}

struct str store_journal_uuid(const struct store *s)
{
    return str_of(s->uuid);
}

char *store_journal_dir(const struct store *s, struct str integration)
{
    char name[FILES_NAME_MAX];
    files_name(integration, name);
    return files_path("%s/journal/%s", s->dir, name);
}

enum err store_lock(struct store *s, struct str integration, struct store_lock **ret, struct errinfo *ei)
{
    char *dir = files_path("%s/lock", s->dir);
    enum err e = lock_take(dir, integration, ret, ei);
    free(dir);
    return e;
}

void store_unlock(struct store_lock *l)
{
    lock_release(l);
}

static enum err prune_one(struct store *s, enum slot slot, const char *sql, int64_t before_ms, size_t *n,
                          struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, slot, sql, &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, before_ms);
    e = sqlite_run(st, ei);
    if (e == OK)
        *n += (size_t)sqlite_changes(s->db);
    return e;
}

static enum err prune_all(struct store *s, int64_t before_ms, size_t *n, struct errinfo *ei)
{
    enum err e = prune_one(s, SLOT_RUN_PRUNE, "DELETE FROM run WHERE ended_ms > 0 AND ended_ms < ?", before_ms, n, ei);
    if (e == OK)
        e = prune_one(s, SLOT_DEAD_PRUNE, "DELETE FROM dead WHERE state <> 0 AND max(tried_ms, created_ms) < ?",
                      before_ms, n, ei);
    if (e == OK)
        e = prune_one(s, SLOT_GAP_PRUNE, "DELETE FROM gap WHERE closed_ms < ?", before_ms, n, ei);
    if (e == OK)
        e = prune_one(s, SLOT_WINDOW_PRUNE, "DELETE FROM \"window\" WHERE at_ms < ?", before_ms, n, ei);
    return e;
}

enum err store_prune(struct store *s, int64_t before_ms, size_t *ret_dropped, struct errinfo *ei)
{
    size_t n = 0;
    pthread_mutex_lock(&s->mutex);
    enum err e = state_begin(s, ei);
    if (e == OK)
        e = state_end(s, prune_all(s, before_ms, &n, ei), ei);
    pthread_mutex_unlock(&s->mutex);
    if (e == OK)
        *ret_dropped = n;
    return e;
}
