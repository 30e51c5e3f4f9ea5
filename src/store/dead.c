/* Dead letters: records and rows that the mapping or the target refused, kept until they are retried, dropped or
 * superseded.
 *
 * A letter stands for a place in the journal (page, record, row). Shaping a page again after a crash finds the same
 * letters, so adding one that is there replaces it and keeps its id. A record that is read again, as it was, has its
 * letter already, which then stands for the later place; so what overlaps, remedies and tiers read again multiplies
 * nothing, and what a person dropped stays dropped until the record changes. A letter is superseded when a record of
 * its key from later in the journal was committed: the older version must never be written over it. Letters from later
 * than that stay open. */
#include "store/state.h"

static void bind_letter(struct sqlite_stmt *st, int64_t integration, const struct dead_letter *d)
{
    sqlite_bind_int(st, 1, integration);
    sqlite_bind_str(st, 2, state_given(d->key));
    sqlite_bind_str(st, 3, state_given(d->target_id));
    sqlite_bind_str(st, 4, state_given(d->version));
    sqlite_bind_int(st, 5, d->page);
    sqlite_bind_int(st, 6, d->row);
    sqlite_bind_int(st, 7, d->line);
    sqlite_bind_str(st, 8, state_given(d->code));
    sqlite_bind_str(st, 9, state_given(d->reason));
    sqlite_bind_int(st, 10, d->created_ms);
    sqlite_bind_int(st, 11, d->tried_ms);
    sqlite_bind_int(st, 12, d->tries);
    sqlite_bind_int(st, 13, d->state);
    sqlite_bind_str(st, 14, state_given(d->raw));
    sqlite_bind_str(st, 15, state_given(d->edited));
}

/* Does this very record have a letter for this row? A retried or superseded one is over, and does not count. Records
 * without a key cannot be told apart: two that look alike are two. */
static enum err find_again(struct store *s, int64_t integration, struct dead_letter *d, struct errinfo *ei)
{
    static const char sql[] =
        "UPDATE OR REPLACE dead SET code = ?7, reason = ?8, page = iif((page, row) < (?9, ?10), ?9, page), "
        "row = iif((page, row) < (?9, ?10), ?10, row) WHERE integration = ?1 AND key = ?2 AND target_id = ?3 AND "
        "version = ?4 AND line = ?5 AND state IN (0, 2) AND raw = ?6";
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_DEAD_AGAIN, sql, &st, ei);
    d->again = false;
    if (e != OK || !d->key.n)
        return e;
    sqlite_bind_int(st, 1, integration);
    sqlite_bind_str(st, 2, state_given(d->key));
    sqlite_bind_str(st, 3, state_given(d->target_id));
    sqlite_bind_str(st, 4, state_given(d->version));
    sqlite_bind_int(st, 5, d->line);
    sqlite_bind_str(st, 6, state_given(d->raw));
    sqlite_bind_str(st, 7, state_given(d->code));
    sqlite_bind_str(st, 8, state_given(d->reason));
    sqlite_bind_int(st, 9, d->page);
    sqlite_bind_int(st, 10, d->row);
    e = sqlite_run(st, ei);
    d->again = e == OK && sqlite_changes(s->db) > 0;
    return e;
}

static enum err add_all(struct store *s, int64_t integration, struct dead_letter *d, size_t n, struct errinfo *ei)
{
    static const char sql[] =
        "INSERT INTO dead (integration, key, target_id, version, page, row, line, code, reason, created_ms, tried_ms, "
        "tries, state, raw, edited) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (integration, page, row, line) DO UPDATE SET "
        "key = excluded.key, target_id = excluded.target_id, version = excluded.version, code = excluded.code, "
        "reason = excluded.reason, created_ms = excluded.created_ms, tried_ms = excluded.tried_ms, tries = "
        "excluded.tries, "
        "state = iif(state = 2 AND key = '' AND raw = excluded.raw, 2, excluded.state), raw = excluded.raw, "
        "edited = iif(excluded.edited = '', edited, excluded.edited)";
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_DEAD_ADD, sql, &st, ei);
    for (size_t i = 0; e == OK && i < n; i++) {
        e = find_again(s, integration, &d[i], ei);
        if (e != OK || d[i].again)
            continue;
        bind_letter(st, integration, &d[i]);
        e = sqlite_run(st, ei);
    }
    return e;
}

enum err store_dead_add(struct store *s, struct str integration, struct dead_letter *d, size_t n, struct errinfo *ei)
{
    if (n == 0)
        return OK;
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0;
    enum err e = state_id(s, integration, true, &id, ei);
    if (e == OK)
        e = state_begin(s, ei);
    if (e == OK)
        e = state_end(s, add_all(s, id, d, n, ei), ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

/* By the key: the index of places would go through all that stand before. */
static enum err supersede_all(struct store *s, int64_t integration, const struct dead_letter *newer, size_t n,
                              size_t *closed, struct errinfo *ei)
{
    static const char sql[] =
        "UPDATE dead SET state = 3 WHERE integration = ? AND key = ? AND state = 0 AND (+page, +row) < (?, ?)";
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_DEAD_SUPERSEDE, sql, &st, ei);
    for (size_t i = 0; e == OK && i < n; i++) {
        sqlite_bind_int(st, 1, integration);
        sqlite_bind_str(st, 2, state_given(newer[i].key));
        sqlite_bind_int(st, 3, newer[i].page);
        sqlite_bind_int(st, 4, newer[i].row);
        e = sqlite_run(st, ei);
        if (e == OK)
            *closed += (size_t)sqlite_changes(s->db);
    }
    return e;
}

static enum err count_open(struct store *s, int64_t integration, int64_t *ret, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e =
        state_stmt(s, SLOT_DEAD_COUNT, "SELECT count(*) FROM dead WHERE integration = ? AND state = 0", &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, integration);
    bool row = false;
    e = sqlite_step(st, &row, ei);
    if (e == OK)
        *ret = row ? sqlite_int(st, 0) : 0;
    sqlite_reset(st);
    return e;
}

/* Nearly always there is no open letter at all: then nothing is written, and nothing waits for the disk. */
enum err store_dead_supersede(struct store *s, struct str integration, const struct dead_letter *newer, size_t n,
                              size_t *ret_closed, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0, n_open = 0;
    size_t closed = 0;
    enum err e = state_id(s, integration, false, &id, ei);
    if (e == OK)
        e = count_open(s, id, &n_open, ei);
    if (e == OK && n_open > 0) {
        e = state_begin(s, ei);
        if (e == OK)
            e = state_end(s, supersede_all(s, id, newer, n, &closed, ei), ei);
    }
    pthread_mutex_unlock(&s->mutex);
    if (e == OK)
        *ret_closed = closed;
    return e;
}

static enum err settle(struct store *s, int64_t integration, int64_t page, size_t *closed, struct errinfo *ei)
{
    static const char sql[] =
        "UPDATE dead SET state = 3 WHERE integration = ?1 AND state = 0 AND EXISTS (SELECT 1 FROM ledger l WHERE "
        "l.integration = ?1 AND l.key = dead.key AND l.version <> dead.version AND (l.page, l.row) > (dead.page, "
        "dead.row) AND "
        "l.page <= ?2)";
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_DEAD_SETTLE, sql, &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, integration);
    sqlite_bind_int(st, 2, page);
    e = sqlite_run(st, ei);
    if (e == OK)
        *closed = (size_t)sqlite_changes(s->db);
    return e;
}

enum err store_dead_settle(struct store *s, struct str integration, int64_t page, size_t *ret_closed,
                           struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0, n_open = 0;
    size_t closed = 0;
    enum err e = state_id(s, integration, false, &id, ei);
    if (e == OK)
        e = count_open(s, id, &n_open, ei);
    if (e == OK && n_open > 0) {
        e = state_begin(s, ei);
        if (e == OK)
            e = state_end(s, settle(s, id, page, &closed, ei), ei);
    }
    pthread_mutex_unlock(&s->mutex);
    if (e == OK)
        *ret_closed = closed;
    return e;
}

enum err store_dead_count(struct store *s, struct str integration, int64_t *ret_open, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0;
    enum err e = state_id(s, integration, false, &id, ei);
    if (e == OK)
        e = count_open(s, id, ret_open, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err fill(struct sqlite_stmt *st, struct arena *a, struct dead_letter *d, struct errinfo *ei)
{
    *d = (struct dead_letter){.id = sqlite_int(st, 0),
                              .page = sqlite_int(st, 1),
                              .row = (int32_t)sqlite_int(st, 2),
                              .line = (int32_t)sqlite_int(st, 3),
                              .created_ms = sqlite_int(st, 4),
                              .tried_ms = sqlite_int(st, 5),
                              .tries = sqlite_int(st, 6),
                              .state = (int)sqlite_int(st, 7)};
    struct str *texts[] = {&d->integration, &d->key,    &d->target_id, &d->version,
                           &d->code,        &d->reason, &d->raw,       &d->edited};
    enum err e = OK;
    for (int i = 0; e == OK && i < 8; i++)
        e = state_text(st, 8 + i, a, texts[i], ei);
    return e;
}

static enum err collect(struct sqlite_stmt *st, struct arena *a, struct dead_letter **ret, size_t *ret_n,
                        struct errinfo *ei)
{
    void *rows = NULL;
    size_t n = 0;
    bool row = false;
    enum err e;
    while ((e = sqlite_step(st, &row, ei)) == OK && row) {
        e = state_room(a, &rows, n, sizeof(struct dead_letter), ei);
        if (e == OK)
            e = fill(st, a, (struct dead_letter *)rows + n++, ei);
        if (e != OK)
            break;
    }
    if (e == OK) {
        *ret = rows;
        *ret_n = n;
    }
    return e;
}

#define DEAD_COLUMNS                                                                                                   \
    "SELECT d.id, d.page, d.row, d.line, d.created_ms, d.tried_ms, d.tries, d.state, i.name, d.key, d.target_id, "     \
    "d.version, d.code, "                                                                                              \
    "d.reason, iif(?7, '', d.raw), iif(?7, '', d.edited) FROM dead d JOIN integration i ON i.id = d.integration "      \
    "WHERE "
#define DEAD_FILTER "d.id > ?2 AND (?3 OR d.state = ?6) AND (?1 IS NULL OR i.name = ?1) ORDER BY d.id LIMIT ?4"

enum err store_dead_list(struct store *s, const struct dead_query *q, struct arena *a, struct dead_letter **ret,
                         size_t *ret_n, struct errinfo *ei)
{
    static const char all[] = DEAD_COLUMNS DEAD_FILTER;
    static const char by_id[] = DEAD_COLUMNS "(d.key = ?5 OR d.target_id = ?5) AND " DEAD_FILTER;
    pthread_mutex_lock(&s->mutex);
    struct sqlite_stmt *st = NULL;
    enum err e =
        q->id.p ? state_stmt(s, SLOT_DEAD_LIST_ID, by_id, &st, ei) : state_stmt(s, SLOT_DEAD_LIST, all, &st, ei);
    if (e == OK) {
        sqlite_bind_str(st, 1, q->integration);
        sqlite_bind_int(st, 2, q->after_id);
        sqlite_bind_int(st, 3, q->all_states);
        sqlite_bind_int(st, 6, q->state);
        sqlite_bind_int(st, 7, q->brief);
        sqlite_bind_int(st, 4, q->limit && q->limit < INT64_MAX ? (int64_t)q->limit : -1);
        if (q->id.p)
            sqlite_bind_str(st, 5, q->id);
        e = collect(st, a, ret, ret_n, ei);
        sqlite_reset(st);
    }
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err none_such(int64_t id, struct errinfo *ei)
{
    fail(ei, ERR_USAGE, "there is no dead letter %lld", (long long)id);
    return fail_hint(ei, "List them with `records NAME --state error`.");
}

static enum err edit(struct store *s, int64_t id, struct str edited, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_DEAD_EDIT, "UPDATE dead SET edited = ? WHERE id = ?", &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_str(st, 1, edited);
    sqlite_bind_int(st, 2, id);
    e = sqlite_run(st, ei);
    return e == OK && sqlite_changes(s->db) != 1 ? none_such(id, ei) : e;
}

enum err store_dead_edit(struct store *s, int64_t id, struct str edited, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = edit(s, id, edited, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err set_state(struct store *s, int64_t id, enum dead_state state, struct str reason, int64_t now_ms,
                          struct errinfo *ei)
{
    static const char sql[] =
        "UPDATE dead SET state = ?, reason = coalesce(?, reason), tried_ms = ?, tries = tries + 1 WHERE id = ?";
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_DEAD_SET, sql, &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, state);
    sqlite_bind_str(st, 2, reason);
    sqlite_bind_int(st, 3, now_ms);
    sqlite_bind_int(st, 4, id);
    e = sqlite_run(st, ei);
    return e == OK && sqlite_changes(s->db) != 1 ? none_such(id, ei) : e;
}

enum err store_dead_set(struct store *s, int64_t id, enum dead_state state, struct str reason, int64_t now_ms,
                        struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = set_state(s, id, state, reason, now_ms, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}
