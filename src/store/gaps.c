/* Gaps: windows that could not be shown to be complete, open until a later reading closes them.
 *
 * Adding a range that is open already counts a try and takes the newest reason, so that reading a bad window every
 * minute leaves one row. */
#include "store/state.h"

static enum err add(struct store *s, struct str integration, const struct gap *g, struct errinfo *ei)
{
    static const char sql[] =
        "INSERT INTO gap (integration, from_s, to_s, why, created_ms, tries) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (integration, from_s, to_s) WHERE closed_ms IS NULL "
        "DO UPDATE SET why = excluded.why, tries = tries + 1";
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    enum err e = state_id(s, integration, true, &id, ei);
    if (e == OK)
        e = state_stmt(s, SLOT_GAP_ADD, sql, &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, id);
    sqlite_bind_int(st, 2, g->from_s);
    sqlite_bind_int(st, 3, g->to_s);
    sqlite_bind_str(st, 4, state_given(g->why));
    sqlite_bind_int(st, 5, g->created_ms);
    sqlite_bind_int(st, 6, g->tries);
    return sqlite_run(st, ei);
}

enum err store_gap_add(struct store *s, struct str integration, const struct gap *g, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = add(s, integration, g, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err collect(struct sqlite_stmt *st, struct arena *a, struct gap **ret, size_t *ret_n, struct errinfo *ei)
{
    void *rows = NULL;
    size_t n = 0;
    bool row = false;
    enum err e;
    while ((e = sqlite_step(st, &row, ei)) == OK && row) {
        e = state_room(a, &rows, n, sizeof(struct gap), ei);
        if (e != OK)
            break;
        struct gap *g = (struct gap *)rows + n++;
        *g = (struct gap){.id = sqlite_int(st, 0),
                          .from_s = sqlite_int(st, 1),
                          .to_s = sqlite_int(st, 2),
                          .created_ms = sqlite_int(st, 4),
                          .tries = sqlite_int(st, 5)};
        e = state_text(st, 3, a, &g->why, ei);
        if (e != OK)
            break;
    }
    if (e == OK) {
        *ret = rows;
        *ret_n = n;
    }
    return e;
}

enum err store_gaps(struct store *s, struct str integration, struct arena *a, struct gap **ret, size_t *ret_n,
                    struct errinfo *ei)
{
    static const char sql[] =
        "SELECT id, from_s, to_s, why, created_ms, tries FROM gap WHERE integration = ? AND closed_ms IS NULL "
        "ORDER BY from_s, to_s, id";
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    enum err e = state_id(s, integration, false, &id, ei);
    if (e == OK)
        e = state_stmt(s, SLOT_GAP_LIST, sql, &st, ei);
    if (e == OK) {
        sqlite_bind_int(st, 1, id);
        e = collect(st, a, ret, ret_n, ei);
        sqlite_reset(st);
    }
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err close_gap(struct store *s, int64_t id, int64_t now_ms, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e =
        state_stmt(s, SLOT_GAP_CLOSE, "UPDATE gap SET closed_ms = ? WHERE id = ? AND closed_ms IS NULL", &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, now_ms);
    sqlite_bind_int(st, 2, id);
    return sqlite_run(st, ei);
}

enum err store_gap_close(struct store *s, int64_t id, int64_t now_ms, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = close_gap(s, id, now_ms, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}
