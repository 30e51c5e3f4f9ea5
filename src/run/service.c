/* Three kinds of threads behind one lock. The keeper asks the agenda what is due, hands it to the workers, asks
 * backfills that are in the way to give it, and sleeps until the agenda's next moment (at most a second, so that a
 * clock that was set is noticed). Each worker carries one task at a time (service_task.c). The watcher looks whether
 * the project's files have changed; files that somebody is still writing are left alone until they have been still for
 * one look.
 *
 * An integration keeps the generation in which its files were last good. What is asked of it while its newest files
 * have errors is done with those; that they have errors is told. */
#include "run/service_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/num.h"
#include "run/retry.h"
#include "run/tiers.h"

#define WORKERS   16
#define TURNS     4
#define NAP_MS    1000
#define LOOK_MS   1000
#define NAMES_MAX (64u << 20)

/* ---- waiting ---- */

/* The caller holds the lock. */
static void wait_for(struct service *s, pthread_cond_t *c, int64_t ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(c, &s->lock, &t);
}

static void condition(pthread_cond_t *c)
{
    pthread_condattr_t a;

    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(c, &a);
    pthread_condattr_destroy(&a);
}

/* ---- items; the caller holds the lock ---- */

struct item *service_item(const struct service *s, struct str name)
{
    size_t i = map_get(s->names, name);

    return i == MAP_NONE || s->items[i]->gone ? NULL : s->items[i];
}

static struct item *item_add(struct service *s, struct str name)
{
    size_t i = map_get(s->names, name);
    struct item *item;

    if (i != MAP_NONE) {
        s->items[i]->gone = false;
        return s->items[i];
    }
    item = mem_zero(sizeof *item);
    item->name = arena_str(s->arena, name);
    s->items = mem_grow(s->items, (s->n_items + 1) * sizeof(struct item *));
    s->items[s->n_items] = item;
    map_put(s->names, item->name, s->n_items++);
    return item;
}

/* ---- what the store knows of an integration's times ---- */

static struct str started_fact(struct arena *a, struct str name)
{
    return arena_printf(a, "started:" STR_FMT, STR_ARG(name));
}

void service_note_started(struct service *s, struct str name, int64_t now_ms)
{
    struct arena *a = arena_new(64u << 10);
    struct errinfo ei;

    if (store_set_fact(s->o.store, started_fact(a, name), arena_printf(a, "%lld", (long long)now_ms), &ei))
        log_warn("%s", ei.msg);
    arena_free(a);
}

/* When the next tier of reading again is due. */
int64_t service_tiers_ms(struct service *s, struct generation *g, const struct integration *i)
{
    struct diags *diags;
    struct arena *a;
    struct flow *f;
    int64_t next = INT64_MAX, now = clock_wall(&clock_system);

    if (!i->n_tiers && !(i->source_doc && i->source_doc->remedy_crontab.n))
        return INT64_MAX;
    diags = diags_new();
    a = arena_new(1u << 20);
    f = flow_compile(g->project, i, diags);
    for (size_t k = 0; f && k < tiers_count(f); k++) {
        struct errinfo ei;
        struct str text;
        int64_t last = now, at; /* one that was never read counts from now on */

        if (!store_fact(s->o.store, tier_fact(f, k, a), a, &text, &ei) && text.p && !num_i64(text, &last))
            last = now;
        at = tier_next_ms(f, k, last);
        next = at < next ? at : next;
    }
    flow_free(f);
    arena_free(a);
    diags_free(diags);
    return next;
}

/* What stands in the store beside the declaration. */
static enum err recall(struct service *s, struct agenda_entry *e, bool *ret_paused, struct errinfo *ei)
{
    struct arena *a = arena_new(64u << 10);
    struct progress p;
    struct retry_state retry = {0};
    struct str text;
    enum err err = store_progress(s->o.store, e->name, &p, ei);

    err = err ? err : retry_look(s->o.store, e->name, &retry, ei);
    err = err ? err : store_fact(s->o.store, started_fact(a, e->name), a, &text, ei);
    e->ran_ms = INT64_MIN;
    if (!err && text.p && !num_i64(text, &e->ran_ms))
        e->ran_ms = INT64_MIN;
    e->retry_ms = retry.next_ms;
    *ret_paused = !err && p.known && p.paused;
    arena_free(a);
    return err;
}

static struct agenda_entry entry_of(const struct generation *g, const struct integration *i)
{
    struct agenda_entry e = {.name = i->name, .source = i->source->name, .zone = g->project->zone};
    const char *why;

    e.has_main = crontab_parse(i->source_crontab, &e.main, &why);
    e.has_target = crontab_parse(i->target_crontab, &e.target, &why);
    return e;
}

/* ---- reading the project ---- */

/* Of one integration's files alone: their first error. */
static void first_error(struct service *s, struct str name, struct errinfo *ret)
{
    struct diags *diags = diags_new();
    struct project *p = NULL;
    const struct integration *i;
    struct errinfo ei;

    *ret = (struct errinfo){.code = ERR_CONFIG};
    if (project_open(s->o.dir, &name, 1, diags, &p, &ei) == OK && (i = project_integration(p, name)) && i->ok)
        flow_free(flow_compile(p, i, diags));
    if (!diags_first_error(diags, ret))
        fail(ret, ERR_CONFIG, "its files have errors");
    project_close(p);
    diags_free(diags);
}

static bool compiles(const struct generation *g, const struct integration *i)
{
    struct diags *diags = diags_new();
    struct flow *f = i->ok ? flow_compile(g->project, i, diags) : NULL;
    bool ok = f != NULL;

    flow_free(f);
    diags_free(diags);
    return ok;
}

/* Takes the integration over from this generation. The lock is taken for the change alone. */
static void take_over(struct service *s, struct generation *g, const struct integration *i)
{
    bool good = compiles(g, i), paused = false;
    struct agenda_entry e = {0};
    struct generation *old = NULL;
    struct errinfo why = {0};
    struct item *item;
    bool usable;

    if (good) {
        e = entry_of(g, i);
        if (recall(s, &e, &paused, &why))
            log_warn("integration \"" STR_FMT "\": %s", STR_ARG(i->name), why.msg);
        e.off = paused || !i->enabled;
        e.tiers_ms = service_tiers_ms(s, g, i);
    } else {
        first_error(s, i->name, &why);
    }
    pthread_mutex_lock(&s->lock);
    item = item_add(s, i->name);
    item->seen = g->number;
    item->broken = !good;
    snprintf(item->why, sizeof item->why, "%s", good ? "" : why.msg);
    if (good) {
        old = item->generation;
        item->generation = generation_ref(g);
        item->integration = i;
        item->paused = paused;
        agenda_put(s->agenda, &e, clock_wall(&clock_system));
    }
    usable = item->generation != NULL;
    pthread_mutex_unlock(&s->lock);
    if (!good)
        log_warn("integration \"" STR_FMT "\": %s; %s", STR_ARG(i->name), why.msg,
                 usable ? "it goes on as it was" : "it is not run");
    generation_unref(old);
}

/* What the newest generation does not have any more. */
static void drop_others(struct service *s, int64_t number)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_items; i++) {
        struct item *item = s->items[i];

        if (item->gone || item->seen == number)
            continue;
        item->gone = true;
        agenda_drop(s->agenda, item->name);
        generation_unref(item->generation);
        item->generation = NULL;
    }
    pthread_mutex_unlock(&s->lock);
}

static enum err read_project(struct service *s, struct errinfo *ei)
{
    struct generation *g, *old;
    enum err err = generation_read(s->o.dir, s->readings + 1, &g, ei);

    if (err)
        return err;
    s->readings++;
    for (size_t i = 0; i < g->project->n_integrations; i++)
        take_over(s, g, &g->project->integrations[i]);
    drop_others(s, g->number);
    pthread_mutex_lock(&s->lock);
    old = s->generation;
    s->generation = g;
    pthread_cond_signal(&s->keeper_wakes);
    pthread_mutex_unlock(&s->lock);
    generation_unref(old);
    if (old && s->o.changed)
        s->o.changed(s->o.ctx, (struct str){0});
    return OK;
}

/* ---- the watcher ---- */

static void *watch(void *ctx)
{
    struct service *s = ctx;
    uint64_t read = s->fingerprint, before = read;
    struct errinfo ei;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        bool asked;
        uint64_t now;

        wait_for(s, &s->watcher_wakes, LOOK_MS);
        asked = s->reload;
        s->reload = false;
        if (s->stopping)
            break;
        pthread_mutex_unlock(&s->lock);
        now = generation_fingerprint(s->o.dir);
        if (asked || (now != read && now == before)) {
            if (read_project(s, &ei))
                log_warn("the project could not be read again: %s; it goes on as it was", ei.msg);
            read = now;
        }
        before = now;
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

void service_reload(struct service *s)
{
    pthread_mutex_lock(&s->lock);
    s->reload = true;
    pthread_cond_signal(&s->watcher_wakes);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the keeper ---- */

static void hand_out(struct service *s)
{
    const struct task *t;

    while (!s->stopping && agenda_take(s->agenda, clock_wall(&clock_system), &t)) {
        s->ready[s->n_ready++] = t;
        pthread_cond_signal(&s->work);
    }
    for (int i = 0; i < s->o.workers; i++) {
        struct carrier *c = &s->carriers[i];

        if (c->task && agenda_in_the_way(s->agenda, c->task->id) && atomic_load(&c->control.ask) == RUN_GO_ON)
            atomic_store(&c->control.ask, RUN_GIVE_WAY);
    }
}

static void *keep(void *ctx)
{
    struct service *s = ctx;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        int64_t ms;

        hand_out(s);
        atomic_store(&s->moved_ms, clock_mono(&clock_system));
        ms = agenda_wake_ms(s->agenda) - clock_wall(&clock_system);
        wait_for(s, &s->keeper_wakes, ms < 1 ? 1 : ms > NAP_MS ? NAP_MS : ms);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

bool service_is_alive(struct service *s, int64_t within_ms)
{
    return clock_mono(&clock_system) - atomic_load(&s->moved_ms) < within_ms;
}

/* ---- beginning and end ---- */

static enum err begin_threads(struct service *s, struct errinfo *ei)
{
    bool ok = pthread_create(&s->keeper, NULL, keep, s) == 0;

    if (ok && pthread_create(&s->watcher, NULL, watch, s) != 0)
        ok = false;
    for (int i = 0; ok && i < s->o.workers; i++) {
        s->carriers[i].service = s;
        ok = pthread_create(&s->carriers[i].thread, NULL, service_carry, &s->carriers[i]) == 0;
    }
    return ok ? OK : fail(ei, ERR_INTERNAL, "the system gives no more threads");
}

enum err service_start(const struct service_options *o, struct service **ret, struct errinfo *ei)
{
    struct service *s = mem_zero(sizeof *s);
    enum err err;

    s->o = *o;
    s->o.workers = o->workers ? o->workers : WORKERS;
    s->o.turns = o->turns ? o->turns : TURNS;
    s->arena = arena_new(NAMES_MAX);
    s->names = map_new();
    s->agenda = agenda_new(s->o.workers, s->o.turns);
    s->carriers = mem_zero(sizeof *s->carriers * (size_t)s->o.workers);
    s->ready = mem_zero(sizeof(struct task *) * (size_t)s->o.workers);
    pthread_mutex_init(&s->lock, NULL);
    condition(&s->keeper_wakes);
    condition(&s->watcher_wakes);
    condition(&s->work);
    condition(&s->ended);
    atomic_store(&s->moved_ms, clock_mono(&clock_system));
    s->fingerprint = generation_fingerprint(o->dir);
    err = read_project(s, ei);
    if (err) {
        service_free(s);
        return err;
    }
    *ret = s;                    /* before there are threads that may ask for it */
    return begin_threads(s, ei); /* without all its threads the process ends: nothing of it is taken back */
}

bool service_stop(struct service *s, int64_t wait_ms)
{
    int64_t begun = clock_mono(&clock_system), left;

    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (int i = 0; i < s->o.workers; i++)
        atomic_store(&s->carriers[i].control.ask, RUN_STOP);
    pthread_cond_broadcast(&s->work);
    pthread_cond_signal(&s->keeper_wakes);
    pthread_cond_signal(&s->watcher_wakes);
    while (s->n_carrying && (left = begun + wait_ms - clock_mono(&clock_system)) > 0)
        wait_for(s, &s->ended, left);
    left = s->n_carrying;
    pthread_mutex_unlock(&s->lock);
    if (left)
        return false;
    for (int i = 0; i < s->o.workers; i++)
        pthread_join(s->carriers[i].thread, NULL);
    pthread_join(s->keeper, NULL);
    pthread_join(s->watcher, NULL);
    return true;
}

void service_free(struct service *s)
{
    for (size_t i = 0; i < s->n_items; i++) {
        generation_unref(s->items[i]->generation);
        free(s->items[i]);
    }
    generation_unref(s->generation);
    service_forget_reports(s);
    agenda_free(s->agenda);
    map_free(s->names);
    arena_free(s->arena);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->keeper_wakes);
    pthread_cond_destroy(&s->watcher_wakes);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->ended);
    free(s->items);
    free(s->carriers);
    free(s->ready);
    free(s);
}
