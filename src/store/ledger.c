/* The ledger: for each record key what is known of its newest version: content hash, version, journal position, mapping
 * version.
 *
 * idCheck, found missing, superseding, children and audit all ask it. One table without rowid, keyed by (integration's
 * number, key), so that a lookup is one descent of one tree. Lookups of a batch run in one read transaction, writes of
 * a batch in one write transaction. */
#include "store/state.h"

#include "base/num.h"

#define ARENA_MAX (1u << 20)

static enum err get_one(struct sqlite_stmt *st, struct arena *a, struct ledger_entry *e, bool *found,
                        struct errinfo *ei)
{
    bool row = false;
    enum err err = sqlite_step(st, &row, ei);
    if (err != OK)
        return err;
    *found = row;
    if (!row)
        return OK;
    e->hash_hi = (uint64_t)sqlite_int(st, 0);
    e->hash_lo = (uint64_t)sqlite_int(st, 1);
    e->page = sqlite_int(st, 3);
    e->row = (int32_t)sqlite_int(st, 4);
    e->lines = (int32_t)sqlite_int(st, 5);
    e->mapping = (uint64_t)sqlite_int(st, 6);
    return state_text(st, 2, a, &e->version, ei);
}

static enum err get_all(struct store *s, int64_t integration, const struct ledger_lookup *l, struct arena *a,
                        struct errinfo *ei)
{
    static const char sql[] =
        "SELECT hash_hi, hash_lo, version, page, row, lines, mapping FROM ledger WHERE integration = ? AND key = ?";
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_LEDGER_GET, sql, &st, ei);
    for (size_t i = 0; e == OK && i < l->n; i++) {
        l->out[i] = (struct ledger_entry){.key = l->keys[i]};
        sqlite_bind_int(st, 1, integration);
        sqlite_bind_str(st, 2, state_given(l->keys[i]));
        e = get_one(st, a, &l->out[i], &l->found[i], ei);
        sqlite_reset(st);
    }
    return e;
}

enum err ledger_get(struct store *s, struct str integration, const struct ledger_lookup *l, struct arena *a,
                    struct errinfo *ei)
{
    if (l->n == 0)
        return OK;
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0;
    enum err e = state_id(s, integration, false, &id, ei);
    if (e == OK)
        e = sqlite_exec(s->db, "BEGIN", ei);
    if (e == OK)
        e = state_end(s, get_all(s, id, l, a, ei), ei);
    pthread_mutex_unlock(&s->mutex);
    return e;
}

static enum err put_all(struct store *s, int64_t integration, const struct ledger_news *n, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = state_stmt(s, SLOT_LEDGER_PUT, "REPLACE INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", &st, ei);
    for (size_t i = 0; e == OK && i < n->n; i++) {
        const struct ledger_entry *l = &n->at[i];
        sqlite_bind_int(st, 1, integration);
        sqlite_bind_str(st, 2, state_given(l->key));
        sqlite_bind_int(st, 3, (int64_t)l->hash_hi);
        sqlite_bind_int(st, 4, (int64_t)l->hash_lo);
        sqlite_bind_str(st, 5, state_given(l->version));
        sqlite_bind_int(st, 6, l->page);
        sqlite_bind_int(st, 7, l->row);
        sqlite_bind_int(st, 8, l->lines);
        sqlite_bind_int(st, 9, (int64_t)l->mapping);
        e = sqlite_run(st, ei);
    }
    return e;
}

/* The name of the fact that keeps the position. */
static struct str page_fact(struct arena *a, struct str integration)
{
    return arena_printf(a, "ledger_page:" STR_FMT, STR_ARG(integration));
}

enum err ledger_put(struct store *s, struct str integration, const struct ledger_news *n, struct errinfo *ei)
{
    if (n->n == 0 && n->page == 0)
        return OK;
    struct arena *a = arena_new(ARENA_MAX);
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0;
    enum err e = state_id(s, integration, true, &id, ei);
    if (e == OK)
        e = state_begin(s, ei);
    if (e == OK) {
        e = put_all(s, id, n, ei);
        if (e == OK && n->page)
            e = state_put_fact(s, page_fact(a, integration), arena_printf(a, "%lld", (long long)n->page), ei);
        e = state_end(s, e, ei);
    }
    pthread_mutex_unlock(&s->mutex);
    arena_free(a);
    return e;
}

enum err ledger_page(struct store *s, struct str integration, int64_t *ret, struct errinfo *ei)
{
    struct arena *a = arena_new(ARENA_MAX);
    struct str text;
    enum err e = store_fact(s, page_fact(a, integration), a, &text, ei);
    if (e == OK && (!text.p || !num_i64(text, ret)))
        *ret = 0;
    arena_free(a);
    return e;
}

enum err ledger_count(struct store *s, struct str integration, int64_t *ret, struct errinfo *ei)
{
    pthread_mutex_lock(&s->mutex);
    int64_t id = 0;
    struct sqlite_stmt *st = NULL;
    bool row = false;
    enum err e = state_id(s, integration, false, &id, ei);
    if (e == OK)
        e = state_stmt(s, SLOT_LEDGER_COUNT, "SELECT count(*) FROM ledger WHERE integration = ?", &st, ei);
    if (e == OK) {
        sqlite_bind_int(st, 1, id);
        e = sqlite_step(st, &row, ei);
        if (e == OK)
            *ret = row ? sqlite_int(st, 0) : 0;
        sqlite_reset(st);
    }
    pthread_mutex_unlock(&s->mutex);
    return e;
}
