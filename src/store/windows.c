/* The proof of each window: what the source said was there, what was read, and what became of it.
 *
 * A row is put before the COMMIT that passes the window's mark, like a dead letter, and is replaced by its place when
 * the same mark is committed again after a crash: so a window that is written always has its row.
 *
 * A window that was not shown to be complete is *open* until a later verified window covers it, or the gap that was
 * recorded for it is closed. */
#include "store/state.h"

#define WINDOW_COLUMNS 23

static enum err add(struct store *s, struct str integration, const struct window_proof *w, struct errinfo *ei)
{
    static const char sql[] = "REPLACE INTO \"window\" VALUES "
                              "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    enum err e = state_id(s, integration, true, &id, ei);
    if (e == OK)
        e = state_stmt(s, SLOT_WINDOW_ADD, sql, &st, ei);
    if (e != OK)
        return e;
    const int64_t values[] = {
        id,       w->mark,      w->run,     w->purpose, w->from_s,   w->to_s,    w->total_before, w->total_after,
        w->pages, w->ids,       w->records, w->folded,  w->filtered, w->repeats, w->shaped,       w->dead_records,
        w->rows,  w->dead_rows, w->missing, w->whole,   w->verified};
    const int n = (int)(sizeof values / sizeof *values);
    for (int i = 0; i < n; i++)
        sqlite_bind_int(st, i + 1, values[i]);
    sqlite_bind_str(st, n + 1, state_given(w->why));
    sqlite_bind_int(st, n + 2, w->at_ms);
    return sqlite_run(st, ei);
}

enum err store_window_add(struct store *s, struct str integration, const struct window_proof *w, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = add(s, integration, w, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err fill(struct sqlite_stmt *st, struct arena *a, struct window_proof *w, struct errinfo *ei)
{
    int64_t v[WINDOW_COLUMNS];
    for (int i = 0; i < WINDOW_COLUMNS; i++)
        v[i] = sqlite_int(st, i);
    *w = (struct window_proof){
        .mark = v[1],
        .run = v[2],
        .purpose = (int)v[3],
        .from_s = v[4],
        .to_s = v[5],
        .total_before = v[6],
        .total_after = v[7],
        .pages = v[8],
        .ids = v[9],
        .records = v[10],
        .folded = v[11],
        .filtered = v[12],
        .repeats = v[13],
        .shaped = v[14],
        .dead_records = v[15],
        .rows = v[16],
        .dead_rows = v[17],
        .missing = v[18],
        .whole = v[19] != 0,
        .verified = v[20] != 0,
        .at_ms = v[22],
    };
    return state_text(st, 21, a, &w->why, ei);
}

static enum err collect(struct sqlite_stmt *st, struct arena *a, struct window_proof **ret, size_t *ret_n,
                        struct errinfo *ei)
{
    void *rows = NULL;
    size_t n = 0;
    bool row = false;
    enum err e;
    while ((e = sqlite_step(st, &row, ei)) == OK && row) {
        e = state_room(a, &rows, n, sizeof(struct window_proof), ei);
        if (e == OK)
            e = fill(st, a, (struct window_proof *)rows + n++, ei);
        if (e != OK)
            break;
    }
    if (e == OK) {
        *ret = rows;
        *ret_n = n;
    }
    return e;
}

static enum err list(struct store *s, const struct window_query *q, struct arena *a, struct window_proof **ret,
                     size_t *ret_n, struct errinfo *ei)
{
    static const char all[] = "SELECT * FROM \"window\" WHERE integration = ?1 AND (?3 = 0 OR mark < ?3)"
                              " ORDER BY mark DESC LIMIT ?2";
    static const char open[] =
        "SELECT * FROM \"window\" w WHERE integration = ?1 AND verified = 0 AND (?3 = 0 OR mark < ?3)"
        " AND NOT EXISTS (SELECT 1 FROM \"window\" v WHERE v.integration = w.integration AND v.mark > w.mark"
        "                 AND v.verified = 1 AND v.from_s <= w.from_s AND v.to_s >= w.to_s)"
        " AND NOT EXISTS (SELECT 1 FROM gap g WHERE g.integration = w.integration AND g.from_s = w.from_s"
        "                 AND g.to_s = w.to_s AND g.closed_ms >= w.at_ms)"
        " ORDER BY mark DESC LIMIT ?2";
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    enum err e = state_id(s, q->integration, false, &id, ei);
    if (e == OK)
        e = state_stmt(s, q->open ? SLOT_WINDOW_OPEN : SLOT_WINDOW_LIST, q->open ? open : all, &st, ei);
    if (e != OK)
        return e;
    sqlite_bind_int(st, 1, id);
    sqlite_bind_int(st, 2, q->limit && q->limit < INT64_MAX ? (int64_t)q->limit : -1);
    sqlite_bind_int(st, 3, q->before);
    e = collect(st, a, ret, ret_n, ei);
    sqlite_reset(st);
    return e;
}

enum err store_windows(struct store *s, const struct window_query *q, struct arena *a, struct window_proof **ret,
                       size_t *ret_n, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    enum err e = list(s, q, a, ret, ret_n, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}
