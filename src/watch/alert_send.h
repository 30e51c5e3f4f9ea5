/* Delivers one message over one channel: resolves its secrets, signs, sends, judges. On the loop's thread; mail and
 * commands wait on a thread of their own. */
#ifndef WATCH_ALERT_SEND_H
#define WATCH_ALERT_SEND_H

#include "net/loop.h"
#include "watch/alert_robot.h"

struct sender;
struct sender *sender_new(struct loop *l, const struct clock *clock, const char *project_dir);
/* Gives up what is under way without calling back; waits for its threads, at most a second or so. NULL is fine. */
void sender_free(struct sender *s);
/* Borrows all for the call. `done` is called once, later, on the loop's thread. */
struct delivery {
    const struct alert_channel *channel;
    const struct message_context *context;
    const struct digest_list *list;
    struct str key;
};
void sender_send(struct sender *s, const struct delivery *d, void (*done)(void *ctx, const struct verdict *v),
                 void *ctx);

#endif
