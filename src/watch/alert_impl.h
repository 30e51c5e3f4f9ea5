/* What alert.c, alert_hear.c and alert_json.c share. */
#ifndef WATCH_ALERT_IMPL_H
#define WATCH_ALERT_IMPL_H

#include "base/map.h"
#include "watch/alert_send.h"

#include <pthread.h>

/* What is told between two steps, summed up by rule and integration. */
struct inbox {
    struct arena *a;
    struct map *by_key;
    struct inbox_entry {
        struct observation o; /* value: the state, when there is one */
        bool has_state, forget;
    } * at;
    size_t n, cap;
};

#define LANES_MAX 64 /* as many channels as a project may have */

struct alerts {
    const struct clock *clock;
    char *project_dir, *link, *project;
    void (*changed)(void *ctx, struct str json);
    void *ctx;
    bool passive;

    pthread_mutex_t lock; /* of all below, up to the inbox */
    struct core *core;
    struct arena *settings_arena, *next_arena; /* next: to be taken when nothing is under way */
    const struct alert_settings *settings, *next_settings;
    struct zone *zone, *next_zone;
    int64_t looked_ms;

    pthread_mutex_t inbox_lock;
    struct inbox inbox;
    bool woken;

    struct loop *loop;
    struct sender *sender;
    struct on_way { /* whose verdict is awaited */
        struct alerts *a;
        size_t lane;
    } ways[LANES_MAX];
    struct loop_timer *timer;
    pthread_t thread;
};

/* On the loop's thread: takes what was told, soon. */
void alerts_wake(void *ctx);
/* Takes what was told since the last time; the caller frees its arena and map. */
struct inbox alerts_take_inbox(struct alerts *a);
void inbox_free(struct inbox *in);
/* The words of messages and answers. */
struct message_context alerts_context(const struct alerts *a, int64_t now_ms);
/* One alert as the API shows it. */
void alerts_alert_json(const struct alerts *a, const struct alert *al, struct json_out *w);

#endif
