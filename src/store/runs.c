/* Runs: one row when a run begins, its summary when it ends.
 *
 * A process that dies leaves its row at "running". Nothing repairs such rows; they are shown as "interrupted" when the
 * process that began them is gone and the integration's lock is not held in its name. (Seen from another PID namespace
 * a living process looks dead; its lock tells.) */
#include <stdlib.h>

#include "store/files.h"
#include "store/state.h"

static enum err begin(struct store *s, struct str integration, struct str kind, int64_t now_ms, int64_t *ret_id,
                      struct errinfo *ei)
{
    static const char sql[] = "INSERT INTO run (integration, kind, status, started_ms, ended_ms, summary, process) "
                              "VALUES (?, ?, 'running', ?, 0, '', ?)";
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    enum err e = state_id(s, integration, true, &id, ei);
    if (e == OK)
        e = state_stmt(s, SLOT_RUN_BEGIN, sql, &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, id);
    sqlite_bind_str(st, 2, state_given(kind));
    sqlite_bind_int(st, 3, now_ms);
    sqlite_bind_str(st, 4, str_of(s->process));
    e = sqlite_run(st, ei);
    if (e == OK)
        *ret_id = sqlite_last_id(s->db);
    return e;
}

enum err store_run_begin(struct store *s, struct str integration, struct str kind, int64_t now_ms, int64_t *ret_id,
                         struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = begin(s, integration, kind, now_ms, ret_id, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err end(struct store *s, int64_t id, struct str status, struct str summary, int64_t now_ms,
                    struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e =
        state_stmt(s, SLOT_RUN_END, "UPDATE run SET status = ?, summary = ?, ended_ms = ? WHERE id = ?", &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_str(st, 1, state_given(status));
    sqlite_bind_str(st, 2, state_given(summary));
    sqlite_bind_int(st, 3, now_ms);
    sqlite_bind_int(st, 4, id);
    e = sqlite_run(st, ei);
    if (e == OK && sqlite_changes(s->db) != 1)
        return fail(ei, ERR_INTERNAL, "there is no run %lld to end in %s", (long long)id, sqlite_path(s->db));
    return e;
}

enum err store_run_end(struct store *s, int64_t id, struct str status, struct str summary, int64_t now_ms,
                       struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = end(s, id, status, summary, now_ms, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static bool still_runs(const struct store *s, struct str integration, struct str process)
{
    if (str_eq(process, str_of(s->process)) || process_alive(process))
        return true;
    char *dir = files_path("%s/lock", s->dir);
    char holder[PROCESS_TEXT];
    bool held = lock_holder(dir, integration, holder) && str_eq(process, str_of(holder));
    free(dir);
    return held;
}

static enum err fill(const struct store *s, struct sqlite_stmt *st, struct arena *a, struct run_row *r,
                     struct errinfo *ei)
{
    r->id = sqlite_int(st, 0);
    r->started_ms = sqlite_int(st, 4);
    r->ended_ms = sqlite_int(st, 5);
    struct str process = sqlite_str(st, 7);
    r->pid = process_pid(process);
    enum err e = state_text(st, 1, a, &r->integration, ei);
    if (e == OK)
        e = state_text(st, 2, a, &r->kind, ei);
    if (e == OK)
        e = state_text(st, 3, a, &r->status, ei);
    if (e == OK)
        e = state_text(st, 6, a, &r->summary, ei);
    if (e == OK && str_eq(r->status, S("running")) && !still_runs(s, r->integration, process))
        r->status = S("interrupted");
    return e;
}

static enum err collect(struct store *s, struct sqlite_stmt *st, struct arena *a, struct run_row **ret, size_t *ret_n,
                        struct errinfo *ei)
{
    void *rows = NULL;
    size_t n = 0;
    bool row = false;
    enum err e;
    while ((e = sqlite_step(st, &row, ei)) == OK && row) {
        e = state_room(a, &rows, n, sizeof(struct run_row), ei);
        if (e == OK)
            e = fill(s, st, a, (struct run_row *)rows + n++, ei);
        if (e != OK)
            break;
    }
    if (e == OK) {
        *ret = rows;
        *ret_n = n;
    }
    return e;
}

enum err store_runs(struct store *s, const struct run_query *q, struct arena *a, struct run_row **ret, size_t *ret_n,
                    struct errinfo *ei)
{
    static const char sql[] =
        "SELECT r.id, i.name, r.kind, r.status, r.started_ms, r.ended_ms, r.summary, r.process FROM run r "
        "JOIN integration i ON i.id = r.integration WHERE (?1 IS NULL OR i.name = ?1) AND (?3 = 0 OR r.id < ?3) ORDER "
        "BY r.id DESC LIMIT ?2";
    pthread_mutex_lock(&s->mutex);
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_RUN_LIST, sql, &st, ei);
    if (e == OK) {
        sqlite_bind_str(st, 1, q->integration);
        sqlite_bind_int(st, 2, q->limit && q->limit < INT64_MAX ? (int64_t)q->limit : -1);
        sqlite_bind_int(st, 3, q->before);
        e = collect(s, st, a, ret, ret_n, ei);
        sqlite_reset(st);
    }
    pthread_mutex_unlock(&s->mutex);
    return e;
}
