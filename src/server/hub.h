/* Events for many clients: a ring that all of them read, each at its own place. A client that falls out of the ring is
 * told to fetch anew (`resync`); it never costs memory. Thread-safe. */
#ifndef SERVER_HUB_H
#define SERVER_HUB_H

#include "base/buf.h"
#include "base/clock.h"

#define HUB_EVENTS    4096
#define HUB_RING_MAX  ((size_t)16 << 20) /* bytes of all events in the ring */
#define HUB_EVENT_MAX (64u << 10)        /* of one; longer ones become resync */
#define HUB_PING_MS   15000

struct hub;
struct hub_client;

struct hub_calls {
    void (*suspend)(void *connection); /* nothing to send: called under the hub's lock */
    void (*resume)(void *connection);  /* there is again: on the hub's thread, without the lock */
    void (*each_second)(void *ctx);    /* on the hub's thread */
    void *ctx;
};

struct hub *hub_new(const struct hub_calls *calls);
/* Starts the thread that wakes clients. */
enum err hub_start(struct hub *h, struct errinfo *ei) MUST_USE;
/* Ends every stream: reads give -1 from now on, and those who wait are resumed. */
void hub_stop(struct hub *h);
void hub_free(struct hub *h); /* after hub_stop and after the last client left; NULL is fine */

void hub_publish(struct hub *h, const char *name, struct str integration, struct str json);

struct hub_join {
    struct str integration; /* "": all. Copied */
    struct str last_id;     /* Last-Event-ID, or empty */
    void *connection;
    bool (*alive)(void *who); /* asked every 15 s under the hub's lock; false ends the stream */
    void *who;
};
struct hub_client *hub_join(struct hub *h, const struct hub_join *j);
void hub_leave(struct hub *h, struct hub_client *c);
/* Copies what comes next into out; gives the bytes. 0: nothing now, and the connection was suspended. -1: the end. */
long hub_read(struct hub *h, struct hub_client *c, char *out, size_t max);
size_t hub_clients(struct hub *h);
uint64_t hub_resyncs(struct hub *h);

#endif
