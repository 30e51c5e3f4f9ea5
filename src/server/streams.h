/* Events for many clients: a ring that all of them read, each at its own place. A client that falls out of the ring is
 * told to fetch anew (`resync`); it never costs memory. Thread-safe. */
#ifndef SERVER_STREAMS_H
#define SERVER_STREAMS_H

#include "base/buf.h"
#include "base/clock.h"

#define HUB_EVENTS    4096
#define HUB_RING_MAX  ((size_t)16 << 20) /* bytes of all events in the ring */
#define HUB_EVENT_MAX (64u << 10)        /* of one; longer ones become resync */
#define HUB_PING_MS   15000

struct streams;
struct streams_client;

struct streams_calls {
    void (*suspend)(void *connection); /* nothing to send: called under the streams's lock */
    void (*resume)(void *connection);  /* there is again: on the streams's thread, without the lock */
    void (*each_second)(void *ctx);    /* on the streams's thread */
    void *ctx;
};

struct streams *streams_new(const struct streams_calls *calls);
/* Starts the thread that wakes clients. */
enum err streams_start(struct streams *h, struct errinfo *ei) MUST_USE;
/* Ends every stream: reads give -1 from now on, and those who wait are resumed. */
void streams_stop(struct streams *h);
void streams_free(struct streams *h); /* after streams_stop and after the last client left; NULL is fine */

void streams_publish(struct streams *h, const char *name, struct str integration, struct str json);

struct streams_join {
    struct str integration; /* "": all. Copied */
    struct str last_id;     /* Last-Event-ID, or empty */
    void *connection;
    bool (*alive)(void *who); /* asked every 15 s under the streams's lock; false ends the stream */
    void *who;
};
struct streams_client *streams_join(struct streams *h, const struct streams_join *j);
void streams_leave(struct streams *h, struct streams_client *c);
/* Copies what comes next into out; gives the bytes. 0: nothing now, and the connection was suspended. -1: the end. */
long streams_read(struct streams *h, struct streams_client *c, char *out, size_t max);
size_t streams_clients(struct streams *h);
uint64_t streams_resyncs(struct streams *h);

#endif
