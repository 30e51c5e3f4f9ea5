/* The program's own disk, in memory, in place of src/store/store.c, its neighbours and journal.c: what a call
 * acknowledged stays through crashes, what it refused left nothing. Each call that writes is a step at which the
 * process may die. */
#include "dst.h"

#include "base/num.h"

#include <stdlib.h>

enum err world_dead(struct errinfo *ei)
{
    return fail(ei, ERR_DISK, "simulated: the process is dead");
}

/* May this call have its effect? */
static enum err gate(const char *step, bool writes, struct errinfo *ei)
{
    struct sim *s = sim_now();

    if (!sim_alive(s, writes ? step : NULL))
        return world_dead(ei);
    if (writes && chance(s, s->ch.store)) {
        sim_fault(s, FAULT_STORE_FULL);
        s->faulted = true;
        return fail(ei, ERR_DISK, "simulated: no space for %s", step);
    }
    return OK;
}

static int32_t order_of(struct str key)
{
    int64_t v;

    return num_i64(key, &v) && v >= 900000 && v < 900000 + ORDERS_MAX ? (int32_t)(v - 900000) : -1;
}

static struct disk *disk(void)
{
    return &sim_now()->disk;
}

/* ---- the store ---- */

struct str store_journal_uuid(const struct store *st)
{
    (void)st;
    return str_of(disk()->uuid);
}

enum err store_lock(struct store *st, struct str integration, struct store_lock **ret, struct errinfo *ei)
{
    (void)st;
    (void)integration;
    *ret = NULL;
    return gate("lock", false, ei);
}

void store_unlock(struct store_lock *l)
{
    (void)l;
}

char *store_journal_dir(const struct store *st, struct str integration)
{
    (void)st;
    (void)integration;
    return NULL;
}

enum err store_progress(struct store *st, struct str integration, struct progress *ret, struct errinfo *ei)
{
    enum err e = gate("progress", false, ei);

    (void)st;
    (void)integration;
    if (!e)
        *ret = disk()->progress;
    return e;
}

enum err store_set_progress(struct store *st, struct str integration, const struct progress *p, struct errinfo *ei)
{
    enum err e = gate("set progress", true, ei);

    (void)st;
    (void)integration;
    if (!e)
        disk()->progress = *p;
    return e;
}

static struct disk_fact *find_fact(const struct disk *d, struct str name)
{
    for (size_t i = 0; i < d->n_facts; i++)
        if (str_eq(str_of(d->facts[i].name), name))
            return (struct disk_fact *)(uintptr_t)&d->facts[i];
    return NULL;
}

bool disk_fact_i64(const struct sim *s, const char *name, int64_t *ret)
{
    const struct disk_fact *f = find_fact(&s->disk, str_of(name));

    return f && num_i64(str_of(f->value), ret);
}

enum err store_fact(struct store *st, struct str name, struct arena *a, struct str *ret, struct errinfo *ei)
{
    enum err e = gate("fact", false, ei);
    const struct disk_fact *f;

    (void)st;
    if (e)
        return e;
    f = find_fact(disk(), name);
    *ret = f ? arena_str(a, str_of(f->value)) : (struct str){0};
    return OK;
}

enum err store_set_fact(struct store *st, struct str name, struct str value, struct errinfo *ei)
{
    struct disk *d = disk();
    struct disk_fact *f = find_fact(d, name);
    enum err e = gate("set fact", true, ei);

    (void)st;
    if (e)
        return e;
    if (!f && d->n_facts == FACTS_MAX)
        return fail(ei, ERR_INTERNAL, "the simulated store has no room for facts");
    f = f ? f : &d->facts[d->n_facts++];
    snprintf(f->name, sizeof f->name, STR_FMT, STR_ARG(name));
    snprintf(f->value, sizeof f->value, STR_FMT, STR_ARG(value));
    return OK;
}

enum err store_run_begin(struct store *st, struct str integration, struct str kind, int64_t now_ms, int64_t *ret_id,
                         struct errinfo *ei)
{
    enum err e = gate("run begins", true, ei);

    (void)st;
    (void)integration;
    (void)kind;
    (void)now_ms;
    if (!e)
        *ret_id = ++disk()->ids;
    return e;
}

enum err store_run_end(struct store *st, int64_t id, struct str status, struct str summary, int64_t now_ms,
                       struct errinfo *ei)
{
    (void)st;
    (void)id;
    (void)status;
    (void)summary;
    (void)now_ms;
    return gate("run ends", true, ei);
}

/* ---- dead letters ---- */

static struct disk_dead *dead_at(struct disk *d, const struct dead_letter *l)
{
    for (size_t i = 0; i < d->n_dead; i++)
        if (d->dead[i].page == l->page && d->dead[i].row == l->row && d->dead[i].line == l->line)
            return &d->dead[i];
    return d->n_dead < DEAD_MAX ? &d->dead[d->n_dead++] : NULL;
}

/* A record that was read again as it was. */
static struct disk_dead *letter_of(struct disk *d, const struct dead_letter *l, int64_t ver)
{
    for (size_t i = 0; i < d->n_dead; i++)
        if (l->key.n && d->dead[i].order == order_of(l->key) && d->dead[i].ver == ver && d->dead[i].line == l->line &&
            (d->dead[i].state == DEAD_OPEN || d->dead[i].state == DEAD_DROPPED))
            return &d->dead[i];
    return NULL;
}

enum err store_dead_add(struct store *st, struct str integration, struct dead_letter *l, size_t n, struct errinfo *ei)
{
    struct disk *d = disk();
    enum err e = gate("dead letters", true, ei);

    (void)st;
    (void)integration;
    for (size_t i = 0; i < n && !e; i++) {
        struct disk_dead *x;
        int64_t ver = 0;

        (void)num_i64(l[i].version, &ver);
        x = letter_of(d, &l[i], ver);
        l[i].again = x != NULL;
        if (x && (x->page < l[i].page || (x->page == l[i].page && x->row < l[i].row))) {
            x->page = l[i].page;
            x->row = l[i].row;
        }
        if (x)
            continue;
        x = dead_at(d, &l[i]);
        if (!x)
            return fail(ei, ERR_INTERNAL, "the simulated store has no room for dead letters");
        *x = (struct disk_dead){++d->ids, l[i].page, l[i].row, l[i].line, order_of(l[i].key), (int32_t)ver, DEAD_OPEN};
    }
    return e;
}

enum err store_dead_supersede(struct store *st, struct str integration, const struct dead_letter *newer, size_t n,
                              size_t *ret_closed, struct errinfo *ei)
{
    struct disk *d = disk();
    enum err e = gate("supersede", true, ei);

    (void)st;
    (void)integration;
    *ret_closed = 0;
    for (size_t i = 0; i < n && !e; i++)
        for (size_t k = 0; k < d->n_dead; k++) {
            struct disk_dead *x = &d->dead[k];

            if (x->state != DEAD_OPEN || x->order != order_of(newer[i].key) || x->page > newer[i].page ||
                (x->page == newer[i].page && x->row >= newer[i].row))
                continue;
            x->state = DEAD_SUPERSEDED;
            ++*ret_closed;
        }
    return e;
}

enum err store_dead_settle(struct store *st, struct str integration, int64_t page, size_t *ret_closed,
                           struct errinfo *ei)
{
    struct disk *d = disk();
    enum err e = gate("settle", true, ei);

    (void)st;
    (void)integration;
    *ret_closed = 0;
    for (size_t i = 0; i < d->n_dead && !e; i++) {
        struct disk_dead *x = &d->dead[i];
        const struct ledger_entry *l = x->order < 0 ? NULL : &d->ledger[x->order];

        int64_t ver = 0;

        if (l && d->in_ledger[x->order])
            (void)num_i64(l->version, &ver);
        if (x->state != DEAD_OPEN || !l || !d->in_ledger[x->order] || l->page > page || ver == x->ver ||
            l->page < x->page || (l->page == x->page && l->row <= x->row))
            continue;
        x->state = DEAD_SUPERSEDED;
        ++*ret_closed;
    }
    return e;
}

enum err store_dead_list(struct store *st, const struct dead_query *q, struct arena *a, struct dead_letter **ret,
                         size_t *ret_n, struct errinfo *ei)
{
    struct disk *d = disk();
    enum err e = gate("list dead letters", false, ei);

    (void)st;
    if (e)
        return e;
    *ret = ARENA_ARRAY(a, struct dead_letter, d->n_dead + 1);
    *ret_n = 0;
    for (size_t i = 0; i < d->n_dead && (!q->limit || *ret_n < q->limit); i++) {
        const struct disk_dead *x = &d->dead[i];

        if (x->id > q->after_id && x->state == DEAD_OPEN)
            (*ret)[(*ret_n)++] = (struct dead_letter){.id = x->id,
                                                      .key = arena_printf(a, "%d", 900000 + x->order),
                                                      .page = x->page,
                                                      .row = x->row,
                                                      .line = x->line};
    }
    return OK;
}

/* Only redo sets single letters; it is not simulated. */
enum err store_dead_set(struct store *st, int64_t id, enum dead_state state, struct str reason, int64_t now_ms,
                        struct errinfo *ei)
{
    (void)st;
    (void)id;
    (void)state;
    (void)reason;
    (void)now_ms;
    return fail(ei, ERR_INTERNAL, "redo is not simulated");
}

/* ---- gaps ---- */

enum err store_gap_add(struct store *st, struct str integration, const struct gap *g, struct errinfo *ei)
{
    struct sim *s = sim_now();
    struct disk *d = &s->disk;
    enum err e = gate("gap", true, ei);

    (void)st;
    (void)integration;
    if (e)
        return e;
    sim_fault(s, FAULT_GAP);
    for (size_t i = 0; i < d->n_gaps; i++)
        if (d->gaps[i].open && d->gaps[i].from_s == g->from_s && d->gaps[i].to_s == g->to_s) {
            d->gaps[i].tries++;
            return OK;
        }
    if (d->n_gaps == GAPS_MAX)
        return fail(ei, ERR_INTERNAL, "the simulated store has no room for gaps");
    d->gaps[d->n_gaps++] = (struct disk_gap){++d->ids, g->from_s, g->to_s, 0, true};
    return OK;
}

enum err store_gaps(struct store *st, struct str integration, struct arena *a, struct gap **ret, size_t *ret_n,
                    struct errinfo *ei)
{
    struct disk *d = disk();
    enum err e = gate("gaps", false, ei);

    (void)st;
    (void)integration;
    if (e)
        return e;
    *ret = ARENA_ARRAY(a, struct gap, d->n_gaps + 1);
    *ret_n = 0;
    for (size_t i = 0; i < d->n_gaps; i++)
        if (d->gaps[i].open)
            (*ret)[(*ret_n)++] = (struct gap){
                .id = d->gaps[i].id, .from_s = d->gaps[i].from_s, .to_s = d->gaps[i].to_s, .tries = d->gaps[i].tries};
    return OK;
}

enum err store_gap_close(struct store *st, int64_t id, int64_t now_ms, struct errinfo *ei)
{
    struct sim *s = sim_now();
    struct disk *d = &s->disk;
    enum err e = gate("gap closed", true, ei);

    (void)st;
    (void)now_ms;
    for (size_t i = 0; i < d->n_gaps && !e; i++)
        if (d->gaps[i].id == id && d->gaps[i].open) {
            d->gaps[i].open = false;
            sim_fault(s, FAULT_GAP_CLOSED);
        }
    return e;
}

size_t disk_open_gaps(const struct sim *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->disk.n_gaps; i++)
        n += s->disk.gaps[i].open;
    return n;
}

/* ---- windows ---- */

enum err store_window_add(struct store *st, struct str integration, const struct window_proof *w, struct errinfo *ei)
{
    enum err e = gate("window", true, ei);

    (void)st;
    (void)integration;
    sim_now()->read_again |= w->purpose != PURPOSE_MAIN;
    if (w->purpose == PURPOSE_REREAD)
        sim_fault(sim_now(), FAULT_REREAD);
    if (!e && w->whole && w->records != w->folded + w->filtered + w->repeats + w->dead_records + w->shaped)
        sim_fail(sim_now(), "the records of window [%lld, %lld] do not add up", (long long)w->from_s,
                 (long long)w->to_s);
    return e;
}

enum err store_prune(struct store *st, int64_t before_ms, size_t *ret_dropped, struct errinfo *ei)
{
    (void)st;
    (void)before_ms;
    *ret_dropped = 0;
    return gate("prune", false, ei);
}

/* ---- metrics: nobody reads them back here ---- */

enum err store_metrics_add(struct store *st, struct str integration, const struct metric *m, size_t n,
                           struct errinfo *ei)
{
    (void)st;
    (void)integration;
    (void)m;
    (void)n;
    return gate("metrics", true, ei);
}

enum err store_metrics(struct store *st, struct str integration, struct str name, struct arena *a, struct metrics *ret,
                       struct errinfo *ei)
{
    (void)st;
    (void)integration;
    (void)name;
    (void)a;
    *ret = (struct metrics){0};
    return gate("metrics read", false, ei);
}

/* ---- the ledger ---- */

enum err ledger_get(struct store *st, struct str integration, const struct ledger_lookup *l, struct arena *a,
                    struct errinfo *ei)
{
    struct disk *d = disk();
    enum err e = gate("ledger read", false, ei);

    (void)st;
    (void)integration;
    (void)a;
    for (size_t i = 0; i < l->n && !e; i++) {
        int32_t order = order_of(l->keys[i]);

        l->found[i] = order >= 0 && d->in_ledger[order];
        if (l->found[i])
            l->out[i] = d->ledger[order];
    }
    return e;
}

enum err ledger_put(struct store *st, struct str integration, const struct ledger_news *n, struct errinfo *ei)
{
    struct disk *d = disk();
    enum err e = gate("ledger", true, ei);

    (void)st;
    (void)integration;
    for (size_t i = 0; i < n->n && !e; i++) {
        int32_t order = order_of(n->at[i].key);

        if (order < 0)
            continue;
        d->ledger[order] = n->at[i];
        d->ledger[order].key = arena_str(d->arena, n->at[i].key);
        d->ledger[order].version = arena_str(d->arena, n->at[i].version);
        d->in_ledger[order] = true;
    }
    if (!e && n->page)
        d->ledger_page = n->page;
    return e;
}

enum err ledger_page(struct store *st, struct str integration, int64_t *ret, struct errinfo *ei)
{
    enum err e = gate("ledger position", false, ei);

    (void)st;
    (void)integration;
    if (!e)
        *ret = disk()->ledger_page;
    return e;
}

/* ---- the journal ---- */

int64_t disk_last(const struct sim *s)
{
    return (int64_t)s->disk.n_pages;
}

enum err journal_open(const char *dir, struct journal_limits limits, bool read_only, struct journal **ret,
                      struct errinfo *ei)
{
    (void)dir;
    (void)limits;
    (void)read_only;
    *ret = (struct journal *)disk();
    return gate("journal opened", false, ei);
}

void journal_close(struct journal *j)
{
    (void)j;
}

int64_t journal_last(struct journal *j)
{
    (void)j;
    return disk_last(sim_now());
}

/* This one never forgets how far it had come. */
void journal_begin_behind(struct journal *j, int64_t seq)
{
    (void)j;
    (void)seq;
}

int64_t journal_first(struct journal *j)
{
    return journal_last(j) > disk()->dropped ? disk()->dropped + 1 : 0;
}

int64_t journal_bytes(struct journal *j)
{
    return journal_last(j) * 1000;
}

enum err journal_prune(struct journal *j, const struct prune_rule *rule, size_t *ret_dropped, struct errinfo *ei)
{
    struct disk *d = disk();
    struct sim *s = sim_now();
    uint64_t x = (s->seed * 0x9e3779b97f4a7c15u ^ (uint64_t)s->run_no) * 0xff51afd7ed558ccdu >> 40;

    (void)j;
    *ret_dropped = 0;
    if (!s->dead && s->seed % 3 == 0 && x % 2 && rule->done > d->dropped) {
        d->to_drop = rule->done - (int64_t)(x / 2 % 4);
        sim_fault(s, FAULT_PRUNED);
    }
    return gate("prune", false, ei);
}

void disk_begin_run(struct sim *s)
{
    struct disk *d = &s->disk;

    if (d->to_drop > d->dropped) {
        d->dropped = d->to_drop;
        sim_trace(s, "journal pruned up to %lld", (long long)d->dropped);
    }
}

/* The row versions that a body tells, for the check that checkpoint and rows agree. */
static void note_versions(struct disk *d, struct disk_page *p)
{
    static const char mark[] = "\"ts\":";
    const char *at = p->e.body.p, *end = at + p->e.body.n;
    size_t room = p->e.body.n / 40 + 1;

    p->versions = arena_alloc(d->arena, room * sizeof *p->versions);
    p->n_versions = 0;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1))) {
        int32_t v = 0;

        for (at += sizeof mark - 1; *at >= '0' && *at <= '9'; at++)
            v = v * 10 + (*at - '0');
        p->versions[p->n_versions++] = v;
    }
}

enum err journal_append(struct journal *j, struct journal_entry *entries, size_t n, struct errinfo *ei)
{
    struct sim *s = sim_now();
    struct disk *d = &s->disk;

    (void)j;
    if (!sim_alive(s, "journal"))
        return world_dead(ei);
    if (chance(s, s->ch.journal)) {
        sim_fault(s, FAULT_JOURNAL_FULL);
        s->faulted = true;
        return fail(ei, ERR_DISK, "simulated: no space for the journal");
    }
    for (size_t i = 0; i < n; i++) {
        struct disk_page *p;

        if (d->n_pages == d->cap_pages) {
            d->cap_pages = d->cap_pages ? 2 * d->cap_pages : 64;
            d->pages = mem_grow(d->pages, d->cap_pages * sizeof *d->pages);
        }
        entries[i].seq = (int64_t)d->n_pages + 1;
        p = &d->pages[d->n_pages++];
        *p = (struct disk_page){.e = entries[i]};
        p->e.body = arena_str(d->arena, entries[i].body);
        p->e.call = S("call");
        if (entries[i].kind == JOURNAL_PAGE)
            note_versions(d, p);
        s->read_again |= p->e.purpose != PURPOSE_MAIN;
        sim_trace(s, "journal %lld: %s%s", (long long)p->e.seq, p->e.kind == JOURNAL_MARK ? "mark" : "page",
                  p->e.purpose == PURPOSE_MAIN ? "" : " (not main)");
    }
    return OK;
}

enum err journal_read(struct journal *j, int64_t seq, struct arena *a, struct journal_entry *ret, bool *ret_found,
                      struct errinfo *ei)
{
    struct disk *d = disk();
    enum err e = gate("journal read", false, ei);

    (void)j;
    (void)a;
    if (e)
        return e;
    seq = seq > d->dropped ? seq : d->dropped + 1;
    *ret_found = seq <= (int64_t)d->n_pages;
    if (*ret_found)
        *ret = d->pages[seq - 1].e;
    return OK;
}

/* ---- losing it ---- */

void disk_clear(struct sim *s, bool journal_too)
{
    struct disk *d = &s->disk;

    if (!d->arena)
        d->arena = arena_new(256u << 20);
    snprintf(d->uuid, sizeof d->uuid, "journal-%llx", (unsigned long long)draw(s));
    d->progress = (struct progress){0};
    d->n_facts = d->n_gaps = d->n_dead = 0;
    memset(d->in_ledger, 0, sizeof d->in_ledger);
    d->ledger_page = 0;
    if (journal_too)
        d->n_pages = 0;
    if (journal_too)
        d->dropped = d->to_drop = 0;
}
