/* Carrying out a task: what it means for the engine, who is told, and what comes next for its integration. */
#include "run/service_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "run/retry.h"

/* How long a source or target that is down is waited for within a run; the long schedule goes on from there. */
#define PATIENCE_MS    20000
#define TIERS_AGAIN_MS 60000 /* reading again that failed is as due as before; it is not tried again at once */
#define SUMMARY_MAX    (1u << 30)

/* What a carrier works on. */
struct carried {
    struct service *service;
    struct task task; /* its texts live until agenda_done */
    struct generation *generation;
    const struct integration *integration;
    struct run_options options;
    struct task_end end;
    struct buf summary;
    bool failed;
};

static void tick(void *ctx, const struct run_live *live)
{
    struct carried *c = ctx;

    c->service->o.live(c->service->o.ctx, &c->task, live);
}

enum run_kind task_run_kind(const struct task *t)
{
    static const enum run_kind kinds[TASK_KINDS] = {
        [TASK_MAIN] = RUN_MAIN,         [TASK_WRITE] = RUN_MAIN,     [TASK_RETRY] = RUN_RETRY,
        [TASK_REPLAY] = RUN_REPLAY,     [TASK_AUDIT] = RUN_BACKFILL, [TASK_TIERS] = RUN_REMEDY,
        [TASK_BACKFILL] = RUN_BACKFILL,
    };

    return t->kind == TASK_AUDIT && t->repair ? RUN_REPAIR : kinds[t->kind];
}

static void set_options(struct carried *c, struct run_control *control)
{
    const struct task *t = &c->task;

    c->options = (struct run_options){
        .kind = task_run_kind(t),
        .part = t->kind == TASK_WRITE                                                   ? RUN_WRITE
                : t->kind == TASK_MAIN && c->integration->target_crontab.n && !t->asked ? RUN_FETCH
                                                                                        : RUN_WHOLE,
        .dry_run = t->dry_run,
        .from_s = t->from_s,
        .to_s = t->to_s,
        .id = t->record,
        .reread = t->all_tiers  ? REREAD_ALL
                  : t->no_tiers ? REREAD_NONE
                                : REREAD_DUE,
        .clock = &clock_system,
        .listener = c->service->o.listener,
        .tick = c->service->o.live ? tick : NULL,
        .tick_ctx = c,
        .control = control,
        .patience_ms = PATIENCE_MS,
    };
}

/* The target could not be reached, and the source was not asked yet. */
static bool lacks_target(const struct carried *c, const struct run_summary *s)
{
    enum err code = s->error.code;

    return c->options.kind == RUN_MAIN && c->options.part == RUN_WHOLE && !c->options.dry_run && !s->counts.calls &&
           (code == ERR_NETWORK || code == ERR_TARGET);
}

static void run(struct carried *c)
{
    struct run_summary *s = mem_zero(sizeof *s);

    run_integration(c->generation->project, c->integration, c->service->o.store, &c->options, s);
    if (lacks_target(c, s)) { /* what is read meanwhile waits in the journal */
        struct run_summary *fetched = mem_zero(sizeof *fetched);

        c->options.part = RUN_FETCH;
        run_integration(c->generation->project, c->integration, c->service->o.store, &c->options, fetched);
        free(fetched);
    }
    run_summary_json(s, c->generation->project->zone, &c->summary);
    c->failed = s->error.code != OK;
    if (s->gave_way && c->task.kind == TASK_BACKFILL)
        c->end.rest_from_s = s->to_s;
    free(s);
}

static void audit(struct carried *c)
{
    struct audit_summary *s = mem_zero(sizeof *s);

    audit_integration(c->generation->project, c->integration, c->service->o.store, &c->options, s);
    audit_json(s, c->generation->project->zone, &c->summary);
    findings_free(s->findings);
    free(s);
}

/* When its integration is due again besides its schedule. */
static void look_ahead(struct carried *c)
{
    int64_t soonest = c->failed ? clock_wall(&clock_system) + TIERS_AGAIN_MS : INT64_MIN;
    struct retry_state retry;
    struct errinfo ei;

    if (retry_look(c->service->o.store, c->integration->name, &retry, &ei))
        log_warn("%s", ei.msg);
    else
        c->end.retry_ms = retry.next_ms;
    c->end.tiers_ms = service_tiers_ms(c->service, c->generation, c->integration);
    if (c->end.tiers_ms < soonest)
        c->end.tiers_ms = soonest;
}

/* ---- reports; the caller holds the lock ---- */

static void report_free(struct report *r)
{
    free(r->integration);
    free(r->summary);
    *r = (struct report){0};
}

void service_forget_reports(struct service *s)
{
    for (size_t i = 0; i < REPORTS; i++)
        report_free(&s->reports[i]);
}

static char *copy(struct str text)
{
    char *p = mem_alloc(text.n + 1);

    memcpy(p, text.p, text.n);
    p[text.n] = 0;
    return p;
}

static void report(struct service *s, const struct carried *c)
{
    struct report *r = &s->reports[s->n_reports++ % REPORTS];

    report_free(r);
    *r = (struct report){
        .id = c->task.id,
        .kind = c->task.kind,
        .began_ms = c->task.since_ms,
        .ended_ms = clock_wall(&clock_system),
        .integration = copy(c->task.integration),
        .n_integration = c->task.integration.n,
        .summary = copy(buf_str(&c->summary)),
        .n_summary = c->summary.n,
    };
}

void service_task(struct service *s, int64_t id, struct arena *a, struct task_report *ret)
{
    const struct task *t;

    *ret = (struct task_report){.id = id};
    pthread_mutex_lock(&s->lock);
    t = agenda_task(s->agenda, id);
    if (t) {
        ret->state = TASK_QUEUED;
        ret->kind = t->kind;
        ret->integration = arena_str(a, t->integration);
        for (int i = 0; i < s->o.workers; i++)
            if (s->carriers[i].task == t)
                ret->state = TASK_RUNNING;
        ret->began_ms = t->since_ms;
    }
    for (size_t i = 0; i < REPORTS && !t; i++) {
        const struct report *r = &s->reports[i];

        if (r->id != id || !r->summary)
            continue;
        *ret =
            (struct task_report){TASK_ENDED,  r->kind,     arena_str(a, str_mk(r->integration, r->n_integration)), id,
                                 r->began_ms, r->ended_ms, arena_str(a, str_mk(r->summary, r->n_summary))};
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- the worker ---- */

static void tell(struct service *s, struct str name)
{
    if (s->o.changed)
        s->o.changed(s->o.ctx, name);
}

/* Under the lock, which is given up while the task is carried out. */
static void carry(struct carrier *carrier, const struct task *t)
{
    struct service *s = carrier->service;
    const struct item *item = service_item(s, t->integration);
    struct carried c = {.service = s, .task = *t, .end = {.tiers_ms = INT64_MAX, .rest_from_s = INT64_MIN}};

    if (!item || !item->generation) { /* it was dropped since it was handed out */
        agenda_done(s->agenda, t->id, &c.end, clock_wall(&clock_system));
        return;
    }
    c.generation = generation_ref(item->generation);
    c.integration = item->integration;
    c.summary = buf_make(SUMMARY_MAX);
    carrier->task = t;
    atomic_store(&carrier->control.ask, s->stopping ? RUN_STOP : RUN_GO_ON);
    s->n_carrying++;
    pthread_mutex_unlock(&s->lock);
    tell(s, c.task.integration);
    set_options(&c, &carrier->control);
    if (t->kind == TASK_MAIN)
        service_note_started(s, t->integration, t->since_ms);
    if (t->kind == TASK_AUDIT)
        audit(&c);
    else
        run(&c);
    look_ahead(&c);
    if (s->o.live)
        s->o.live(s->o.ctx, &c.task, NULL);
    pthread_mutex_lock(&s->lock);
    report(s, &c);
    carrier->task = NULL;
    s->n_carrying--;
    agenda_done(s->agenda, c.task.id, &c.end, clock_wall(&clock_system));
    pthread_cond_signal(&s->keeper_wakes);
    pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->lock);
    tell(s, c.integration->name);
    generation_unref(c.generation);
    buf_free(&c.summary);
    pthread_mutex_lock(&s->lock);
}

void *service_carry(void *ctx)
{
    struct carrier *c = ctx;
    struct service *s = c->service;

    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        if (s->n_ready)
            carry(c, s->ready[--s->n_ready]);
        else
            pthread_cond_wait(&s->work, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- asking ---- */

enum err service_ask(struct service *s, const struct task *t, int64_t *ret_id, struct errinfo *ei)
{
    const struct item *item;
    enum err err = OK;

    pthread_mutex_lock(&s->lock);
    item = service_item(s, t->integration);
    if (item && !item->generation)
        err = fail(ei, ERR_CONFIG, "%s", item->why);
    else if (!item || !(*ret_id = agenda_ask(s->agenda, t, clock_wall(&clock_system))))
        err = fail(ei, ERR_USAGE, "there is no integration \"" STR_FMT "\"", STR_ARG(t->integration));
    pthread_cond_signal(&s->keeper_wakes);
    pthread_mutex_unlock(&s->lock);
    if (!err)
        tell(s, t->integration);
    return err;
}

void service_halt(struct service *s, struct str name)
{
    struct agenda_state a;

    pthread_mutex_lock(&s->lock);
    while (agenda_look(s->agenda, name, &a) && a.waiting)
        agenda_cancel(s->agenda, a.waiting->id);
    for (int i = 0; i < s->o.workers; i++)
        if (s->carriers[i].task && str_eq(s->carriers[i].task->integration, name))
            atomic_store(&s->carriers[i].control.ask, RUN_STOP);
    pthread_mutex_unlock(&s->lock);
    tell(s, name);
}

enum err service_pause(struct service *s, struct str name, bool paused, struct errinfo *ei)
{
    int64_t now = clock_wall(&clock_system);
    struct item *item;
    enum err err = store_set_paused(s->o.store, name, paused, now, ei);

    if (err)
        return err;
    pthread_mutex_lock(&s->lock);
    item = service_item(s, name);
    if (item) {
        item->paused = paused;
        agenda_rest(s->agenda, name, paused || (item->integration && !item->integration->enabled));
    }
    pthread_cond_signal(&s->keeper_wakes);
    pthread_mutex_unlock(&s->lock);
    tell(s, name);
    return item ? OK : fail(ei, ERR_USAGE, "there is no integration \"" STR_FMT "\"", STR_ARG(name));
}

/* ---- looking ---- */

struct generation *service_project(struct service *s)
{
    struct generation *g;

    pthread_mutex_lock(&s->lock);
    g = generation_ref(s->generation);
    pthread_mutex_unlock(&s->lock);
    return g;
}

struct generation *service_integration(struct service *s, struct str name, const struct integration **ret)
{
    struct generation *g = NULL;
    const struct item *item;

    pthread_mutex_lock(&s->lock);
    item = service_item(s, name);
    if (item && item->generation) {
        g = generation_ref(item->generation);
        *ret = item->integration;
    }
    pthread_mutex_unlock(&s->lock);
    return g;
}

void service_look(struct service *s, struct str name, struct service_look *ret)
{
    const struct item *item;
    struct agenda_state a;

    *ret = (struct service_look){.next_ms = INT64_MAX};
    pthread_mutex_lock(&s->lock);
    item = service_item(s, name);
    if (item) {
        ret->known = true;
        ret->broken = item->broken;
        ret->usable = item->generation != NULL;
        ret->paused = item->paused;
        ret->enabled = item->integration && item->integration->enabled;
        memcpy(ret->why, item->why, sizeof ret->why);
    }
    if (item && agenda_look(s->agenda, name, &a)) {
        ret->next_ms = a.next_ms;
        ret->running = a.running != NULL;
        ret->n_waiting = a.n_waiting;
        if (a.running || a.waiting)
            ret->task = a.running ? *a.running : *a.waiting;
    }
    pthread_mutex_unlock(&s->lock);
}

static int by_name(const void *x, const void *y)
{
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

struct strs service_names(struct service *s, struct arena *a)
{
    struct str *names;
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    names = ARENA_ARRAY(a, struct str, s->n_items + 1);
    for (size_t i = 0; i < s->n_items; i++)
        if (!s->items[i]->gone)
            names[n++] = arena_str(a, s->items[i]->name);
    pthread_mutex_unlock(&s->lock);
    qsort(names, n, sizeof *names, by_name);
    return (struct strs){names, n};
}
