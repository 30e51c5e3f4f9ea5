/* What records look like, kept: a row a field with all that was seen of it, and which of its types are the base that
 * runs compare with; and a row a change that was found, so that it is told once.
 *
 * Fields grow by what each run has seen. Shares are counted from the run in which a field came first, and `missed`
 * counts the objects since it came last: so a field that vanishes is noticed over many small runs as well. A change is
 * closed when it no longer is one (the field is back, it is mapped, the column is wide enough) and opened again when it
 * comes again; accepting forgets the changes, except those of columns: the base knows fields, not columns. */
#include "store/fields.h"

#include "store/state.h"

static const struct {
    uint32_t bit;
    const char *name;
} words[] = {
    {SEEN_NULL, "null"},
    {SEEN_BOOL, "boolean"},
    {SEEN_INTEGER, "integer"},
    {SEEN_DECIMAL, "decimal"},
    {SEEN_EMPTY, "empty text"},
    {SEEN_TEXT_INTEGER, "text like an integer"},
    {SEEN_TEXT_DECIMAL, "text like a decimal"},
    {SEEN_TEXT_TIME, "text like a time"},
    {SEEN_TEXT, "text"},
    {SEEN_ARRAY, "array"},
    {SEEN_OBJECT, "object"},
};

struct str seen_words(uint32_t types, struct arena *a)
{
    struct buf b = buf_make(4096);
    struct str r;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (types & words[i].bit)
            buf_printf(&b, "%s%s", b.n ? ", " : "", words[i].name);
    r = b.n ? arena_str(a, buf_str(&b)) : S("nothing");
    buf_free(&b);
    return r;
}

const char *change_name(enum change_kind k)
{
    static const char *const names[] = {
        [CHANGE_NEW] = "new_field",    [CHANGE_GONE] = "vanished_field", [CHANGE_TYPE] = "changed_type",
        [CHANGE_NEAR] = "nearly_full", [CHANGE_LENGTH] = "too_long",     [CHANGE_DIGITS] = "too_many_digits",
    };

    return names[k];
}

/* ---- fields ---- */

static enum err next_field(struct sqlite_stmt *st, struct arena *a, struct field *f, struct errinfo *ei)
{
    *f = (struct field){
        .seen = {.count = (uint64_t)sqlite_int(st, 1),
                 .types = (uint32_t)sqlite_int(st, 2),
                 .longest = (uint32_t)sqlite_int(st, 3),
                 .before = (uint16_t)sqlite_int(st, 4),
                 .after = (uint16_t)sqlite_int(st, 5)},
        .of = sqlite_int(st, 6),
        .missed = sqlite_int(st, 7),
        .first_run = sqlite_int(st, 8),
        .first_ms = sqlite_int(st, 9),
        .last_run = sqlite_int(st, 10),
        .last_ms = sqlite_int(st, 11),
        .known = (uint32_t)sqlite_int(st, 12),
    };
    return state_text(st, 0, a, &f->path, ei);
}

static enum err list_fields(struct store *s, struct str integration, struct arena *a, struct field **ret, size_t *ret_n,
                            struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    void *rows = NULL;
    int64_t id = 0;
    size_t n = 0;
    bool row = false;
    enum err e = state_id(s, integration, false, &id, ei);

    if (!e)
        e = state_stmt(s, SLOT_FIELD_LIST,
                       "SELECT path, count, types, longest, before, after, of, missed, first_run, first_ms, last_run, "
                       "last_ms, known FROM field WHERE integration = ? ORDER BY path",
                       &st, ei);
    if (e)
        return e;
    sqlite_bind_int(st, 1, id);
    while (!(e = sqlite_step(st, &row, ei)) && row) {
        e = state_room(a, &rows, n, sizeof(struct field), ei);
        e = e ? e : next_field(st, a, (struct field *)rows + n, ei);
        if (e)
            break;
        n++;
    }
    sqlite_reset(st);
    if (!e) {
        *ret = rows;
        *ret_n = n;
    }
    return e;
}

enum err store_fields(struct store *s, struct str integration, struct arena *a, struct field **ret, size_t *ret_n,
                      struct errinfo *ei)
{
    enum err e;

    pthread_mutex_lock(&s->mutex);
    e = list_fields(s, integration, a, ret, ret_n, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err learn_one(struct store *s, int64_t id, const struct field *f, const struct fields_seen *all,
                          struct errinfo *ei)
{
    static const char sql[] =
        "INSERT INTO field (integration, path, count, types, longest, before, after, of, missed, first_run, first_ms, "
        "last_run, last_ms, known) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?9, ?10, ?11) "
        "ON CONFLICT (integration, path) DO UPDATE SET count = count + ?3, types = types | ?4, "
        "longest = max(longest, ?5), before = max(before, ?6), after = max(after, ?7), of = of + ?8, "
        "missed = CASE WHEN ?3 > 0 THEN 0 ELSE missed + ?8 END, last_run = CASE WHEN ?3 > 0 THEN ?9 ELSE last_run END, "
        "last_ms = CASE WHEN ?3 > 0 THEN ?10 ELSE last_ms END, known = known | ?11";
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_FIELD_LEARN, sql, &st, ei);

    if (e)
        return e;
    sqlite_bind_int(st, 1, id);
    sqlite_bind_str(st, 2, state_given(f->path));
    sqlite_bind_int(st, 3, (int64_t)f->seen.count);
    sqlite_bind_int(st, 4, f->seen.types);
    sqlite_bind_int(st, 5, f->seen.longest);
    sqlite_bind_int(st, 6, f->seen.before);
    sqlite_bind_int(st, 7, f->seen.after);
    sqlite_bind_int(st, 8, f->of);
    sqlite_bind_int(st, 9, all->run);
    sqlite_bind_int(st, 10, all->now_ms);
    sqlite_bind_int(st, 11, all->base ? f->seen.types : 0);
    return sqlite_run(st, ei);
}

enum err store_fields_learn(struct store *s, struct str integration, const struct fields_seen *f, struct errinfo *ei)
{
    int64_t id = 0;
    enum err e;

    pthread_mutex_lock(&s->mutex);
    e = state_id(s, integration, true, &id, ei);
    e = e ? e : state_begin(s, ei);
    if (!e) {
        for (size_t i = 0; !e && i < f->n; i++)
            e = learn_one(s, id, &f->at[i], f, ei);
        e = state_end(s, e, ei);
    }
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err run_for(struct store *s, enum slot slot, const char *sql, int64_t id, size_t *ret_n, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, slot, sql, &st, ei);

    if (e)
        return e;
    sqlite_bind_int(st, 1, id);
    e = sqlite_run(st, ei);
    if (!e && ret_n)
        *ret_n += (size_t)sqlite_changes(s->db);
    return e;
}

static enum err accept(struct store *s, int64_t id, size_t *closed, struct errinfo *ei)
{
    enum err e = run_for(s, SLOT_FIELD_FORGET,
                         "DELETE FROM field WHERE integration = ?1 AND path IN (SELECT path FROM change WHERE "
                         "integration = ?1 AND kind = 1 AND state = 0)", /* CHANGE_GONE */
                         id, NULL, ei);

    e = e ? e : run_for(s, SLOT_FIELD_ACCEPT, "UPDATE field SET known = types WHERE integration = ?", id, NULL, ei);
    e = e ? e
          : run_for(s, SLOT_CHANGE_ACCEPT,
                    "UPDATE change SET state = 2 WHERE integration = ? AND state = 0 AND kind >= 3", id, closed, ei);
    return e ? e
             : run_for(s, SLOT_CHANGE_FORGET, "DELETE FROM change WHERE integration = ? AND state = 0", id, closed, ei);
}

enum err store_fields_accept(struct store *s, struct str integration, size_t *ret_closed, struct errinfo *ei)
{
    size_t closed = 0;
    int64_t id = 0;
    enum err e;

    pthread_mutex_lock(&s->mutex);
    e = state_id(s, integration, false, &id, ei);
    e = e ? e : state_begin(s, ei);
    if (!e)
        e = state_end(s, accept(s, id, &closed, ei), ei);
    pthread_mutex_unlock(&s->mutex);
    if (!e)
        *ret_closed = closed;
    return e;
}

/* ---- changes ---- */

static enum err find_change(struct store *s, int64_t id, const struct change *c, bool *ret_found, int64_t *ret_state,
                            struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e =
        state_stmt(s, SLOT_CHANGE_FIND,
                   "SELECT state FROM change WHERE integration = ? AND kind = ? AND path = ? AND detail = ?", &st, ei);

    if (e)
        return e;
    sqlite_bind_int(st, 1, id);
    sqlite_bind_int(st, 2, c->kind);
    sqlite_bind_str(st, 3, state_given(c->path));
    sqlite_bind_str(st, 4, state_given(c->detail));
    e = sqlite_step(st, ret_found, ei);
    if (!e && *ret_found)
        *ret_state = sqlite_int(st, 0);
    sqlite_reset(st);
    return e;
}

static enum err put_change(struct store *s, int64_t id, const struct change *c, int64_t state, struct errinfo *ei)
{
    static const char sql[] =
        "INSERT INTO change (integration, kind, path, detail, text, sql, line, need, scale, run, since_ms, runs, "
        "state) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1, ?12) "
        "ON CONFLICT (integration, kind, path, detail) DO UPDATE SET text = ?5, sql = ?6, line = ?7, "
        "need = max(need, ?8), scale = max(scale, ?9), state = ?12, runs = runs + (run <> ?10), "
        "since_ms = CASE WHEN state = 1 THEN ?11 ELSE since_ms END, run = ?10";
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_CHANGE_PUT, sql, &st, ei);

    if (e)
        return e;
    sqlite_bind_int(st, 1, id);
    sqlite_bind_int(st, 2, c->kind);
    sqlite_bind_str(st, 3, state_given(c->path));
    sqlite_bind_str(st, 4, state_given(c->detail));
    sqlite_bind_str(st, 5, state_given(c->text));
    sqlite_bind_str(st, 6, state_given(c->sql));
    sqlite_bind_str(st, 7, state_given(c->line));
    sqlite_bind_int(st, 8, c->need);
    sqlite_bind_int(st, 9, c->scale);
    sqlite_bind_int(st, 10, c->run);
    sqlite_bind_int(st, 11, c->since_ms);
    sqlite_bind_int(st, 12, state);
    return sqlite_run(st, ei);
}

static enum err keep_change(struct store *s, int64_t id, const struct change *c, enum change_state *ret_state,
                            struct errinfo *ei)
{
    bool found = false;
    int64_t state = CHANGE_CLOSED;
    enum err e = find_change(s, id, c, &found, &state, ei);

    if (e)
        return e;
    *ret_state = (enum change_state)state;
    return state == CHANGE_ACCEPTED ? OK : put_change(s, id, c, found ? CHANGE_OPEN : c->state, ei);
}

enum err store_change(struct store *s, struct str integration, const struct change *c, enum change_state *ret_state,
                      struct errinfo *ei)
{
    int64_t id = 0;
    enum err e;

    pthread_mutex_lock(&s->mutex);
    e = state_id(s, integration, true, &id, ei);
    e = e ? e : state_begin(s, ei);
    if (!e)
        e = state_end(s, keep_change(s, id, c, ret_state, ei), ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err next_change(struct sqlite_stmt *st, struct arena *a, struct change *c, struct errinfo *ei)
{
    struct str *texts[] = {&c->path, &c->detail, &c->text, &c->sql, &c->line};
    enum err e = OK;

    *c = (struct change){
        .id = sqlite_int(st, 0),
        .kind = (int)sqlite_int(st, 1),
        .need = sqlite_int(st, 7),
        .scale = sqlite_int(st, 8),
        .run = sqlite_int(st, 9),
        .since_ms = sqlite_int(st, 10),
        .runs = sqlite_int(st, 11),
        .state = CHANGE_OPEN,
    };
    for (int i = 0; !e && i < 5; i++)
        e = state_text(st, i + 2, a, texts[i], ei);
    return e;
}

static enum err list_changes(struct store *s, struct str integration, struct arena *a, struct change **ret,
                             size_t *ret_n, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    void *rows = NULL;
    int64_t id = 0;
    size_t n = 0;
    bool row = false;
    enum err e = state_id(s, integration, false, &id, ei);

    if (!e)
        e = state_stmt(s, SLOT_CHANGE_LIST,
                       "SELECT id, kind, path, detail, text, sql, line, need, scale, run, since_ms, runs FROM change "
                       "WHERE integration = ? AND state = 0 ORDER BY id",
                       &st, ei);
    if (e)
        return e;
    sqlite_bind_int(st, 1, id);
    while (!(e = sqlite_step(st, &row, ei)) && row) {
        e = state_room(a, &rows, n, sizeof(struct change), ei);
        e = e ? e : next_change(st, a, (struct change *)rows + n, ei);
        if (e)
            break;
        n++;
    }
    sqlite_reset(st);
    if (!e) {
        *ret = rows;
        *ret_n = n;
    }
    return e;
}

enum err store_changes(struct store *s, struct str integration, struct arena *a, struct change **ret, size_t *ret_n,
                       struct errinfo *ei)
{
    enum err e;

    pthread_mutex_lock(&s->mutex);
    e = list_changes(s, integration, a, ret, ret_n, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

enum err store_change_close(struct store *s, int64_t id, struct errinfo *ei)
{
    enum err e;

    pthread_mutex_lock(&s->mutex);
    e = run_for(s, SLOT_CHANGE_CLOSE, "UPDATE change SET state = 1 WHERE id = ?", id, NULL, ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}
