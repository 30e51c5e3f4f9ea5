/* Progress of integrations and small facts.
 *
 * Progress is one row for each integration, replaced whole; an integration whose row says "ran 0" was only paused so
 * far and counts as not known. Facts are learnt values by name (the page size that a server really gives, its clock's
 * offset): text in, text out. */
#include "store/state.h"

static enum err get_progress(struct store *s, struct str integration, struct progress *ret, struct errinfo *ei)
{
    static const char sql[] =
        "SELECT cursor_s, fetched_s, page, row, epoch, batch, mapping, freshest_ms, updated_ms, paused, ran "
        "FROM progress WHERE integration = ?";
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    enum err e = state_id(s, integration, false, &id, ei);
    if (e == OK)
        e = state_stmt(s, SLOT_PROGRESS_GET, sql, &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, id);
    bool row = false;
    e = sqlite_step(st, &row, ei);
    if (e == OK && !row)
        *ret = (struct progress){.known = false};
    else if (e == OK)
        *ret = (struct progress){.known = sqlite_int(st, 10) != 0,
                                 .cursor_s = sqlite_int(st, 0),
                                 .fetched_s = sqlite_int(st, 1),
                                 .page = sqlite_int(st, 2),
                                 .row = (int32_t)sqlite_int(st, 3),
                                 .epoch = sqlite_int(st, 4),
                                 .batch = sqlite_int(st, 5),
                                 .mapping = (uint64_t)sqlite_int(st, 6),
                                 .freshest_ms = sqlite_int(st, 7),
                                 .updated_ms = sqlite_int(st, 8),
                                 .paused = sqlite_int(st, 9) != 0};
    sqlite_reset(st);
    return e;
}

enum err store_progress(struct store *s, struct str integration, struct progress *ret, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = get_progress(s, integration, ret, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err put_progress(struct store *s, struct str integration, const struct progress *p, struct errinfo *ei)
{
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    enum err e = state_id(s, integration, true, &id, ei);
    if (e == OK)
        e = state_stmt(s, SLOT_PROGRESS_PUT, "REPLACE INTO progress VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)", &st,
                       ei);
    if (e != OK)
        return e;
    const int64_t values[] = {id,       p->cursor_s,         p->fetched_s,   p->page,       p->row,   p->epoch,
                              p->batch, (int64_t)p->mapping, p->freshest_ms, p->updated_ms, p->paused};
    for (int i = 0; i < (int)(sizeof values / sizeof *values); i++)
        sqlite_bind_int(st, i + 1, values[i]);
    return sqlite_run(st, ei);
}

enum err store_set_progress(struct store *s, struct str integration, const struct progress *p, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = put_progress(s, integration, p, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err put_paused(struct store *s, struct str integration, bool paused, int64_t now_ms, struct errinfo *ei)
{
    static const char sql[] = "INSERT INTO progress VALUES (?1, 0, 0, 0, 0, 0, 0, 0, 0, ?2, ?3, 0) "
                              "ON CONFLICT DO UPDATE SET paused = ?3, updated_ms = ?2";
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    enum err e = state_id(s, integration, true, &id, ei);
    if (e == OK)
        e = state_stmt(s, SLOT_PROGRESS_PAUSE, sql, &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, id);
    sqlite_bind_int(st, 2, now_ms);
    sqlite_bind_int(st, 3, paused);
    return sqlite_run(st, ei);
}

enum err store_set_paused(struct store *s, struct str integration, bool paused, int64_t now_ms, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = put_paused(s, integration, paused, now_ms, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err get_fact(struct store *s, struct str name, struct arena *a, struct str *ret, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_FACT_GET, "SELECT value FROM fact WHERE name = ?", &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_str(st, 1, state_given(name));
    bool row = false;
    struct str value = {NULL, 0};
    e = sqlite_step(st, &row, ei);
    if (e == OK && row)
        e = state_text(st, 0, a, &value, ei);
    if (e == OK)
        *ret = value;
    sqlite_reset(st);
    return e;
}

enum err store_fact(struct store *s, struct str name, struct arena *a, struct str *ret, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = get_fact(s, name, a, ret, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

enum err state_put_fact(struct store *s, struct str name, struct str value, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = value.p ? state_stmt(s, SLOT_FACT_PUT, "REPLACE INTO fact VALUES (?, ?)", &st, ei)
                         : state_stmt(s, SLOT_FACT_DROP, "DELETE FROM fact WHERE name = ?", &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_str(st, 1, state_given(name));
    if (value.p)
        sqlite_bind_str(st, 2, value);
    return sqlite_run(st, ei);
}

enum err store_set_fact(struct store *s, struct str name, struct str value, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = state_put_fact(s, name, value, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}
