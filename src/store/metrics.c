/* Figures of an integration that outlive its runs: counters (bucket 0) and histograms (a bucket a row). Told by
 * `status`, and what alert rules are built on. */
#include "store/state.h"

static enum err put(struct store *s, int64_t id, const struct metric *m, struct errinfo *ei)
{
    static const char add[] =
        "INSERT INTO metric VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value";
    static const char max[] =
        "INSERT INTO metric VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)";
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, m->max ? SLOT_METRIC_MAX : SLOT_METRIC_ADD, m->max ? max : add, &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, id);
    sqlite_bind_str(st, 2, state_given(m->name));
    sqlite_bind_int(st, 3, m->bucket);
    sqlite_bind_int(st, 4, m->value);
    return sqlite_run(st, ei);
}

static enum err put_all(struct store *s, int64_t id, const struct metric *m, size_t n, struct errinfo *ei)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < n; i++)
        e = put(s, id, &m[i], ei);
    return e;
}

enum err store_metrics_add(struct store *s, struct str integration, const struct metric *m, size_t n,
                           struct errinfo *ei)
{
    if (n == 0)
        return OK;
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0;
    enum err e = state_id(s, integration, true, &id, ei);
    if (e == OK)
        e = state_begin(s, ei);
    if (e == OK)
        e = state_end(s, put_all(s, id, m, n, ei), ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err collect(struct sqlite_stmt *st, struct arena *a, struct metrics *ret, struct errinfo *ei)
{
    void *rows = NULL;
    size_t n = 0;
    bool row = false;
    enum err e;
    while ((e = sqlite_step(st, &row, ei)) == OK && row) {
        e = state_room(a, &rows, n, sizeof(struct metric), ei);
        if (e != OK)
            break;
        ((struct metric *)rows)[n++] = (struct metric){.bucket = sqlite_int(st, 0), .value = sqlite_int(st, 1)};
    }
    if (e == OK)
        *ret = (struct metrics){rows, n};
    return e;
}

enum err store_metrics(struct store *s, struct str integration, struct str name, struct arena *a, struct metrics *ret,
                       struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    enum err e = state_id(s, integration, false, &id, ei);
    if (e == OK)
        e = state_stmt(s, SLOT_METRIC_LIST,
                       "SELECT bucket, value FROM metric WHERE integration = ? AND name = ? ORDER BY bucket", &st, ei);
    if (e == OK) {
        sqlite_bind_int(st, 1, id);
        sqlite_bind_str(st, 2, name);
        e = collect(st, a, ret, ei);
        sqlite_reset(st);
    }
    pthread_mutex_unlock(&s->mutex);
    return e;
}
