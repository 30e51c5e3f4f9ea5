/* Inside of the service; for its own files only. */
#ifndef RUN_SERVICE_IMPL_H
#define RUN_SERVICE_IMPL_H

#include "run/service.h"

#include <pthread.h>

#define REPORTS 512

/* An integration, as the service knows it. */
struct item {
    struct str name;
    struct generation *generation; /* in which its files were last good; NULL: never */
    const struct integration *integration;
    int64_t seen; /* number of the last generation that has it */
    bool broken, paused, gone;
    char why[640];
};

/* A worker and what it carries. */
struct carrier {
    struct service *service;
    pthread_t thread;
    const struct task *task; /* NULL: it waits */
    struct run_control control;
};

struct report {
    int64_t id, began_ms, ended_ms;
    enum task_kind kind;
    char *integration, *summary;
    size_t n_integration, n_summary;
};

struct service {
    struct service_options o;
    struct arena *arena;
    pthread_mutex_t lock; /* before all that follows */
    pthread_cond_t keeper_wakes, watcher_wakes, work, ended;
    pthread_t keeper, watcher;
    struct agenda *agenda;
    struct map *names;
    struct item **items;
    size_t n_items;
    struct generation *generation; /* the newest */
    struct carrier *carriers;
    const struct task **ready; /* handed out, and not yet carried */
    int n_ready, n_carrying;
    _Atomic int64_t moved_ms; /* when the keeper moved last, monotonic */
    bool stopping, reload;
    struct report reports[REPORTS]; /* a ring of the tasks that ended */
    size_t n_reports;
    uint64_t fingerprint;
    int64_t readings; /* the watcher's, and before it starts the starter's */
};

struct item *service_item(const struct service *s, struct str name); /* NULL: unknown; under the lock */
void service_note_started(struct service *s, struct str name, int64_t now_ms);
int64_t service_tiers_ms(struct service *s, struct generation *g, const struct integration *i);

/* service_task.c */
void *service_carry(void *carrier);
void service_forget_reports(struct service *s);

#endif
