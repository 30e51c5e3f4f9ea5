/* What is to run next: the schedules of all integrations, what people asked for, and whose turn it is. Pure: time is an
 * argument (unix milliseconds), nothing is run here. One thread. */
#ifndef RUN_AGENDA_H
#define RUN_AGENDA_H

#include "base/clock.h"
#include "base/crontab.h"

/* In the order of precedence. */
enum task_kind { TASK_MAIN, TASK_WRITE, TASK_RETRY, TASK_REPLAY, TASK_AUDIT, TASK_TIERS, TASK_BACKFILL, TASK_KINDS };
const char *task_kind_name(enum task_kind k); /* "main", "write", … */

struct task {
    int64_t id;
    struct str integration;
    enum task_kind kind;
    int64_t since_ms;     /* waiting, or running, since then */
    int64_t from_s, to_s; /* of a backfill, replay, audit */
    struct str record;    /* of a retry: this id; p NULL: all */
    bool asked;           /* by a person; else by the schedule */
    bool all_tiers, no_tiers, dry_run, repair;
};

struct agenda;
/* So many tasks at once in all, and so many at once that call the same source. */
struct agenda *agenda_new(int workers, int turns);
void agenda_free(struct agenda *a);

/* An integration as it is declared. Texts are copied. */
struct agenda_entry {
    struct str name, source; /* source: the connection whose quota it spends */
    struct crontab main;     /* when it is run; */
    bool has_main;           /* false: only when somebody asks */
    struct crontab target;   /* when what was fetched is written; */
    bool has_target;         /* false: at once */
    const struct zone *zone; /* keeps: until the entry is put again or dropped */
    bool off;                /* disabled or paused: its schedules rest */
    int64_t ran_ms;          /* when it last ran, INT64_MIN: never. What was due since then is made up for, once */
    int64_t retry_ms;        /* when a failed run is due again; 0: it is not */
    int64_t tiers_ms;        /* when the next tier of reading again is due; INT64_MAX: none */
};
/* Adds it, or takes the place of the one with its name; what waits and what runs stays. */
void agenda_put(struct agenda *a, const struct agenda_entry *e, int64_t now_ms);
/* Forgets it and what waits for it; what runs stays until it is done. */
void agenda_drop(struct agenda *a, struct str name);

/* Its schedules rest, or go on. */
void agenda_rest(struct agenda *a, struct str name, bool off);

/* Asks for a task; gives its id, or that of one that waits for the same. 0: there is no such integration. The id and
 * since_ms of `t` do not count. */
int64_t agenda_ask(struct agenda *a, const struct task *t, int64_t now_ms);
/* Takes a waiting task back. False: it is not waiting. */
bool agenda_cancel(struct agenda *a, int64_t id);
/* The next task to start now: it counts as running from here on. False: none. *ret lives until agenda_done. */
bool agenda_take(struct agenda *a, int64_t now_ms, const struct task **ret);
/* A task has ended. `next` gives when the integration is due again: of it ran_ms, retry_ms and tiers_ms count.
 * `rest_from_s`: a backfill gave way and goes on from there, behind the others; INT64_MIN: it is done. */
struct task_end {
    int64_t retry_ms, tiers_ms, rest_from_s;
};
void agenda_done(struct agenda *a, int64_t id, const struct task_end *e, int64_t now_ms);

/* Should this running task give way at the next opportunity? Something of higher precedence waits for its integration,
 * or for its source while all turns there are taken. */
bool agenda_in_the_way(const struct agenda *a, int64_t id);
/* When agenda_take should be asked again if nothing else happens; INT64_MAX: never. */
int64_t agenda_wake_ms(const struct agenda *a);

struct agenda_state {
    int64_t next_ms;            /* of the main schedule or a retry; INT64_MAX: none */
    const struct task *running; /* NULL: none */
    const struct task *waiting; /* the first; NULL: none */
    size_t n_waiting;
};
bool agenda_look(const struct agenda *a, struct str name, struct agenda_state *ret);
/* A waiting or running task. NULL: neither. */
const struct task *agenda_task(const struct agenda *a, int64_t id);

#endif
