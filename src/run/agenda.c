/* One entry an integration, with the task that runs and a short list of those that wait, in the order of precedence and
 * then of arrival. A schedule that comes due puts its task into that list; a task that waits already is not put there
 * twice, so what was missed is made up for once.
 *
 * Whose turn it is: of the first tasks of all entries that run nothing, and whose source has a turn left, the one of
 * the highest precedence, and among those the one that waits longest. Entries are looked through one after the other:
 * ten thousand of them take a fraction of a millisecond, once for every task that begins or ends. */
#include "run/agenda.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/map.h"
#include "run/schedule.h"

#define TIERS_WAIT_MS 60000 /* a tier that is due waits so long for the main schedule, which reads it as well */
#define NAMES_MAX     (64u << 20)

struct waiting {
    struct waiting *next;
    struct task t;
    char *record;
};

struct entry {
    struct agenda_entry declared; /* its texts in the agenda's map */
    size_t source;                /* index into sources */
    int64_t main_ms, write_ms;    /* when they are due by their schedules; INT64_MAX: never */
    struct waiting *running, *waiting;
    bool gone;
};

struct source {
    int running;
};

struct agenda {
    struct map *names, *source_names;
    struct arena *arena;
    struct entry *entries;
    struct source *sources;
    size_t n, cap, n_sources, cap_sources;
    int workers, turns, running;
    int64_t last_id;
};

static const char *const kind_names[TASK_KINDS] = {"main", "write", "retry", "replay", "audit", "tiers", "backfill"};

const char *task_kind_name(enum task_kind k)
{
    return kind_names[k];
}

struct agenda *agenda_new(int workers, int turns)
{
    struct agenda *a = mem_zero(sizeof *a);

    a->arena = arena_new(NAMES_MAX);
    a->names = map_new();
    a->source_names = map_new();
    a->workers = workers;
    a->turns = turns;
    return a;
}

static void waiting_free(struct waiting *w)
{
    if (w)
        free(w->record);
    free(w);
}

static void forget_waiting(struct entry *e)
{
    while (e->waiting) {
        struct waiting *next = e->waiting->next;

        waiting_free(e->waiting);
        e->waiting = next;
    }
}

void agenda_free(struct agenda *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n; i++) {
        forget_waiting(&a->entries[i]);
        waiting_free(a->entries[i].running);
    }
    map_free(a->names);
    map_free(a->source_names);
    arena_free(a->arena);
    free(a->entries);
    free(a->sources);
    free(a);
}

/* ---- entries ---- */

static struct entry *find(const struct agenda *a, struct str name)
{
    size_t i = map_get(a->names, name);

    return i == MAP_NONE || a->entries[i].gone ? NULL : &a->entries[i];
}

static size_t source_of(struct agenda *a, struct str name)
{
    size_t i = map_get(a->source_names, name);

    if (i != MAP_NONE)
        return i;
    if (a->n_sources == a->cap_sources) {
        a->cap_sources = a->cap_sources ? 2 * a->cap_sources : 16;
        a->sources = mem_grow(a->sources, a->cap_sources * sizeof *a->sources);
    }
    a->sources[a->n_sources] = (struct source){0};
    map_put(a->source_names, arena_str(a->arena, name), a->n_sources);
    return a->n_sources++;
}

static struct entry *find_or_add(struct agenda *a, struct str name)
{
    size_t i = map_get(a->names, name);

    if (i != MAP_NONE)
        return &a->entries[i];
    if (a->n == a->cap) {
        a->cap = a->cap ? 2 * a->cap : 16;
        a->entries = mem_grow(a->entries, a->cap * sizeof *a->entries);
    }
    a->entries[a->n] = (struct entry){.declared.name = arena_str(a->arena, name), .declared.ran_ms = INT64_MIN};
    map_put(a->names, a->entries[a->n].declared.name, a->n);
    return &a->entries[a->n++];
}

static void set_due(struct entry *e, int64_t now_ms)
{
    const struct agenda_entry *d = &e->declared;
    int64_t ran = d->ran_ms == INT64_MIN ? now_ms : d->ran_ms;

    e->main_ms = !d->has_main ? INT64_MAX : d->ran_ms == INT64_MIN ? now_ms : schedule_next(&d->main, d->zone, ran);
    if (d->retry_ms && d->retry_ms < e->main_ms)
        e->main_ms = d->retry_ms;
    e->write_ms = d->has_target ? schedule_next(&d->target, d->zone, now_ms) : INT64_MAX;
}

void agenda_put(struct agenda *a, const struct agenda_entry *declared, int64_t now_ms)
{
    struct entry *e = find_or_add(a, declared->name);
    struct agenda_entry before = e->declared;

    e->declared = *declared;
    e->declared.name = before.name;
    e->declared.source = (struct str){0};
    if (before.ran_ms > declared->ran_ms)
        e->declared.ran_ms = before.ran_ms;
    e->source = source_of(a, declared->source);
    e->gone = false;
    set_due(e, now_ms);
}

void agenda_drop(struct agenda *a, struct str name)
{
    struct entry *e = find(a, name);

    if (!e)
        return;
    forget_waiting(e);
    e->gone = true;
}

void agenda_rest(struct agenda *a, struct str name, bool off)
{
    struct entry *e = find(a, name);

    if (e)
        e->declared.off = off;
}

/* ---- tasks ---- */

static bool is_same(const struct task *x, const struct task *y)
{
    return x->kind == y->kind && x->from_s == y->from_s && x->to_s == y->to_s && x->dry_run == y->dry_run &&
           x->repair == y->repair && x->all_tiers == y->all_tiers && x->no_tiers == y->no_tiers &&
           str_eq(x->record, y->record);
}

static int64_t wait_for(struct agenda *a, struct entry *e, const struct task *t, int64_t now_ms)
{
    struct waiting **at = &e->waiting, *w;

    for (struct waiting *i = e->waiting; i; i = i->next)
        if (is_same(&i->t, t)) {
            i->t.asked |= t->asked;
            return i->t.id;
        }
    while (*at && (*at)->t.kind <= t->kind)
        at = &(*at)->next;
    w = mem_zero(sizeof *w);
    w->t = *t;
    if (t->record.p) {
        w->record = mem_alloc(t->record.n + 1);
        memcpy(w->record, t->record.p, t->record.n);
        w->t.record.p = w->record;
    }
    w->t.integration = e->declared.name;
    w->t.since_ms = now_ms;
    w->t.id = ++a->last_id;
    w->next = *at;
    *at = w;
    return w->t.id;
}

int64_t agenda_ask(struct agenda *a, const struct task *t, int64_t now_ms)
{
    struct entry *e = find(a, t->integration);

    return e ? wait_for(a, e, t, now_ms) : 0;
}

bool agenda_cancel(struct agenda *a, int64_t id)
{
    for (size_t i = 0; i < a->n; i++)
        for (struct waiting **at = &a->entries[i].waiting; *at; at = &(*at)->next)
            if ((*at)->t.id == id) {
                struct waiting *w = *at;

                *at = w->next;
                waiting_free(w);
                return true;
            }
    return false;
}

/* The tier's own moment, unless the main schedule comes in time. */
static int64_t tiers_wake_ms(const struct entry *e)
{
    int64_t at = e->declared.tiers_ms;

    return at == INT64_MAX || (e->main_ms != INT64_MAX && e->main_ms <= at + TIERS_WAIT_MS) ? INT64_MAX : at;
}

static int64_t due_ms(const struct entry *e)
{
    int64_t at = e->main_ms, tiers = tiers_wake_ms(e);

    if (e->gone || e->declared.off)
        return INT64_MAX;
    at = e->write_ms < at ? e->write_ms : at;
    return tiers < at ? tiers : at;
}

static void come_due(struct agenda *a, struct entry *e, int64_t now_ms)
{
    const struct agenda_entry *d = &e->declared;

    if (due_ms(e) > now_ms)
        return;
    if (tiers_wake_ms(e) <= now_ms) {
        wait_for(a, e, &(struct task){.kind = TASK_TIERS}, now_ms);
        e->declared.tiers_ms = INT64_MAX;
    }
    if (e->main_ms <= now_ms) {
        wait_for(a, e, &(struct task){.kind = TASK_MAIN}, now_ms);
        e->main_ms = d->has_main ? schedule_next(&d->main, d->zone, now_ms) : INT64_MAX;
    }
    if (e->write_ms <= now_ms) {
        wait_for(a, e, &(struct task){.kind = TASK_WRITE}, now_ms);
        e->write_ms = schedule_next(&d->target, d->zone, now_ms);
    }
}

static bool goes_before(const struct waiting *x, const struct waiting *y)
{
    if (x->t.kind != y->t.kind)
        return x->t.kind < y->t.kind;
    return x->t.since_ms != y->t.since_ms ? x->t.since_ms < y->t.since_ms : x->t.id < y->t.id;
}

/* Writing what was fetched, retrying and replaying call no source. */
static bool calls_source(enum task_kind k)
{
    return k == TASK_MAIN || k == TASK_AUDIT || k == TASK_TIERS || k == TASK_BACKFILL;
}

static bool has_turn(const struct agenda *a, const struct entry *e)
{
    return !calls_source(e->waiting->t.kind) || a->sources[e->source].running < a->turns;
}

bool agenda_take(struct agenda *a, int64_t now_ms, const struct task **ret)
{
    struct entry *best = NULL;

    for (size_t i = 0; i < a->n; i++) {
        struct entry *e = &a->entries[i];

        come_due(a, e, now_ms);
        if (a->running < a->workers && e->waiting && !e->running && has_turn(a, e) &&
            (!best || goes_before(e->waiting, best->waiting)))
            best = e;
    }
    if (!best)
        return false;
    best->running = best->waiting;
    best->waiting = best->waiting->next;
    best->running->t.since_ms = now_ms;
    if (best->running->t.kind == TASK_MAIN) {
        best->declared.ran_ms = now_ms;
        best->declared.retry_ms = 0;
    }
    a->sources[best->source].running += calls_source(best->running->t.kind);
    a->running++;
    *ret = &best->running->t;
    return true;
}

static struct entry *entry_running(const struct agenda *a, int64_t id)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->entries[i].running && a->entries[i].running->t.id == id)
            return &a->entries[i];
    return NULL;
}

void agenda_done(struct agenda *a, int64_t id, const struct task_end *end, int64_t now_ms)
{
    struct entry *e = entry_running(a, id);
    struct waiting *w;

    if (!e)
        return;
    w = e->running;
    e->running = NULL;
    a->running--;
    a->sources[e->source].running -= calls_source(w->t.kind);
    e->declared.tiers_ms = end->tiers_ms;
    e->declared.retry_ms = end->retry_ms;
    if (end->retry_ms && end->retry_ms < e->main_ms)
        e->main_ms = end->retry_ms;
    if (end->rest_from_s != INT64_MIN && !e->gone) {
        w->t.from_s = end->rest_from_s;
        wait_for(a, e, &w->t, now_ms);
    }
    waiting_free(w);
}

bool agenda_in_the_way(const struct agenda *a, int64_t id)
{
    const struct entry *mine = entry_running(a, id);
    enum task_kind kind;
    bool full;

    if (!mine || mine->running->t.kind < TASK_TIERS)
        return false;
    kind = mine->running->t.kind;
    if (mine->waiting && mine->waiting->t.kind < kind)
        return true;
    full = a->running == a->workers;
    for (size_t i = 0; i < a->n; i++) {
        const struct entry *e = &a->entries[i];

        if (e->waiting && !e->running && e->waiting->t.kind < TASK_TIERS &&
            (full || (e->source == mine->source && !has_turn(a, e))))
            return true;
    }
    return false;
}

int64_t agenda_wake_ms(const struct agenda *a)
{
    int64_t at = INT64_MAX;

    for (size_t i = 0; i < a->n; i++) {
        int64_t due = due_ms(&a->entries[i]);

        at = due < at ? due : at;
    }
    return at;
}

bool agenda_look(const struct agenda *a, struct str name, struct agenda_state *ret)
{
    const struct entry *e = find(a, name);

    if (!e)
        return false;
    *ret = (struct agenda_state){.next_ms = e->declared.off ? INT64_MAX : e->main_ms,
                                 .running = e->running ? &e->running->t : NULL,
                                 .waiting = e->waiting ? &e->waiting->t : NULL};
    for (const struct waiting *w = e->waiting; w; w = w->next)
        ret->n_waiting++;
    return true;
}

const struct task *agenda_task(const struct agenda *a, int64_t id)
{
    for (size_t i = 0; i < a->n; i++) {
        if (a->entries[i].running && a->entries[i].running->t.id == id)
            return &a->entries[i].running->t;
        for (const struct waiting *w = a->entries[i].waiting; w; w = w->next)
            if (w->t.id == id)
                return &w->t;
    }
    return NULL;
}
