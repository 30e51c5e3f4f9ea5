/* One way in, many ears.
 *
 * Runs emit from several threads at once. One mutex is held while an event goes round, so that all listeners hear the
 * same order (a window's pages before the window, a run's end last) and need no thought of each other. That is why they
 * have to be quick: what may block (a network, a slow disk) belongs on a thread of the listener's own. */
#include "watch/hub.h"

#include <pthread.h>
#include <stdlib.h>

struct hub {
    pthread_mutex_t lock;
    struct listener *listeners;
    size_t n;
};

static void hear(void *ctx, const struct event *e)
{
    struct hub *h = ctx;

    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->n; i++)
        event_emit(&h->listeners[i], e);
    pthread_mutex_unlock(&h->lock);
}

struct hub *hub_new(void)
{
    struct hub *h = mem_zero(sizeof *h);

    pthread_mutex_init(&h->lock, NULL);
    return h;
}

void hub_free(struct hub *h)
{
    if (!h)
        return;
    pthread_mutex_destroy(&h->lock);
    free(h->listeners);
    free(h);
}

void hub_listen(struct hub *h, struct listener l)
{
    h->listeners = mem_grow(h->listeners, (h->n + 1) * sizeof *h->listeners);
    h->listeners[h->n++] = l;
}

struct listener hub_listener(struct hub *h)
{
    return (struct listener){hear, h};
}
