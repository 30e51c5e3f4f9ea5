/* Carries out the agenda: reads the project, runs what is due on a few threads, and reads the project again when its
 * files change. All calls are thread-safe. */
#ifndef RUN_SERVICE_H
#define RUN_SERVICE_H

#include "run/agenda.h"
#include "run/audit.h"
#include "run/generation.h"

struct service;

struct service_options {
    const char *dir;
    struct store *store; /* open for writing; outlives the service */
    int workers, turns;  /* 0: 16 and 4 */
    struct listener listener;
    /* a run moves on, about four times a second, on its thread; `live` NULL: the task has ended */
    void (*live)(void *ctx, const struct task *t, const struct run_live *live);
    /* what is known of an integration changed (a task began to wait, started or ended); name p NULL: the project was
     * read again */
    void (*changed)(void *ctx, struct str name);
    void *ctx;
};

/* Reads the project and starts. ERR_CONFIG: there is none. service_free it. */
enum err service_start(const struct service_options *o, struct service **ret, struct errinfo *ei) MUST_USE;
/* Asks every task to stop and waits so long. True: all have ended. Nothing new is started. */
bool service_stop(struct service *s, int64_t wait_ms);
/* Did the thread that keeps the agenda move within so long? */
bool service_is_alive(struct service *s, int64_t within_ms);
void service_free(struct service *s); /* after service_stop gave true */

/* ---- the project ---- */
/* As it was read last; generation_unref it. */
struct generation *service_project(struct service *s);
/* Reads it again now, as a change of its files would. */
void service_reload(struct service *s);

/* ---- what is going on ---- */
struct service_look {
    bool known;  /* there is such an integration */
    bool broken; /* its files have errors; the last good ones, if there were any, are still used */
    bool usable; /* there are good ones */
    bool paused, enabled;
    char why[640];   /* of `broken` */
    int64_t next_ms; /* INT64_MAX: none */
    bool running;
    struct task task; /* that runs, or else the first that waits (id 0: none); texts not to be used */
    size_t n_waiting;
};
void service_look(struct service *s, struct str name, struct service_look *ret);
/* The integration as it is used, in its generation; NULL when there is none that is good. generation_unref it. */
struct generation *service_integration(struct service *s, struct str name, const struct integration **ret);
/* All names, in alphabetical order, in the arena. */
struct strs service_names(struct service *s, struct arena *a);

/* What the engine is asked to do for it. */
enum run_kind task_run_kind(const struct task *t);

/* ---- asking ---- */
/* The task's id. ERR_USAGE: no such integration; ERR_CONFIG: its files have errors and never had none. */
enum err service_ask(struct service *s, const struct task *t, int64_t *ret_id, struct errinfo *ei) MUST_USE;
/* Stops what runs for the integration and takes back what waits. */
void service_halt(struct service *s, struct str name);
/* Rests its schedules, or lets them go on. */
enum err service_pause(struct service *s, struct str name, bool paused, struct errinfo *ei) MUST_USE;

enum task_state { TASK_UNKNOWN, TASK_QUEUED, TASK_RUNNING, TASK_ENDED };
struct task_report {
    enum task_state state;
    enum task_kind kind;
    struct str integration;
    int64_t id, began_ms, ended_ms;
    struct str summary; /* the object that `run --json` or `audit --json` prints; p NULL until it has ended */
};
/* Of the last few hundred tasks; texts in the arena. */
void service_task(struct service *s, int64_t id, struct arena *a, struct task_report *ret);

#endif
