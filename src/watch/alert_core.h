/* Book, memory and channels put together, without threads, sockets or clocks: who owns one drives it with the time. */
#ifndef WATCH_ALERT_CORE_H
#define WATCH_ALERT_CORE_H

#include "watch/alert_message.h"

/* What the other side made of a message. */
enum outcome {
    OUTCOME_OK,
    OUTCOME_RETRY,  /* try again, soon, then later and later */
    OUTCOME_BANNED, /* too often: nothing for wait_ms */
    OUTCOME_REFUSED /* it will not take it as things are: a person must look; tried again every 10 minutes */
};
struct verdict {
    enum outcome what;
    int64_t wait_ms; /* OUTCOME_BANNED */
    char why[300];   /* of a failure, masked */
};

/* One channel and what is under way there. */
struct lane {
    const struct alert_channel *channel; /* of the settings */
    struct lane_state s;
    int64_t waiting, due_ms; /* how many notices; when the first may be told */
    int64_t retry_ms;        /* nothing before */
    int tries;               /* of the batch, failed */
    bool busy;               /* taken, its verdict not in yet */
};
struct core;

enum err core_open(const char *state_dir, const struct alert_settings *s, const struct zone *zone, int64_t now_ms,
                   struct core **ret, struct errinfo *ei) MUST_USE;
void core_close(struct core *c);
/* What is borrowed from now on; lanes are made anew, none may be busy. */
void core_settings(struct core *c, const struct alert_settings *s, const struct zone *zone, int64_t now_ms);
/* Hears of each change of state. */
void core_on_change(struct core *c, void (*changed)(void *ctx, const struct alert *al), void *ctx);

void core_observe(struct core *c, const struct observation *o, int64_t now_ms); /* kept by the next core_tick */
void core_forget(struct core *c, struct str integration, int64_t now_ms);
/* Ages states, makes all of it durable in one transaction. */
void core_tick(struct core *c, int64_t now_ms);

size_t core_lanes(const struct core *c);
struct lane *core_lane(struct core *c, size_t i);
/* A message for lane i when one may go now, else NULL: gathered, its time durable (so that the limit holds through a
 * crash). key: of the message, the same when it is sent again. digest_list_free it; core_done must follow. */
struct digest_list *core_take(struct core *c, size_t i, int64_t now_ms, char key[80]);
void core_done(struct core *c, size_t i, const struct verdict *v, int64_t now_ms);

/* A test is about to go to lane i: it counts, and is refused (ERR_QUOTA) where a message would have to wait. */
enum err core_note_test(struct core *c, size_t i, int64_t now_ms, struct errinfo *ei) MUST_USE;

struct book *core_book(const struct core *c);
struct astore *core_store(const struct core *c);
/* Silences anew from the database: another process may have changed them. */
void core_silences(struct core *c, int64_t now_ms);
const struct silence *core_silenced(const struct core *c, size_t *ret_n); /* until the next of the above */
#endif
