/* Every open connection and the time by which it must have got on. The library closes what is shut down here; a
 * descriptor in the list is still open, because a connection leaves the list before its descriptor is closed. */
#include "base/clock.h"
#include "server/impl.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct connection {
    struct connection *prev, *next;
    int fd;
    int64_t deadline_ms; /* 0: none */
};

struct connections {
    pthread_mutex_t lock;
    struct connection *first;
    size_t n;
};

struct connections *connections_new(void)
{
    struct connections *all = mem_zero(sizeof *all);

    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void connections_free(struct connections *all)
{
    pthread_mutex_destroy(&all->lock);
    free(all);
}

struct connection *connections_add(struct connections *all, int fd, int64_t in_ms)
{
    struct connection *c = mem_zero(sizeof *c);

    c->fd = fd;
    c->deadline_ms = clock_mono(&clock_system) + in_ms;
    pthread_mutex_lock(&all->lock);
    c->next = all->first;
    if (c->next)
        c->next->prev = c;
    all->first = c;
    all->n++;
    pthread_mutex_unlock(&all->lock);
    return c;
}

void connections_remove(struct connections *all, struct connection *c)
{
    pthread_mutex_lock(&all->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        all->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    all->n--;
    pthread_mutex_unlock(&all->lock);
    free(c);
}

void connections_deadline(struct connections *all, struct connection *c, int64_t in_ms)
{
    pthread_mutex_lock(&all->lock);
    c->deadline_ms = in_ms ? clock_mono(&clock_system) + in_ms : 0;
    pthread_mutex_unlock(&all->lock);
}

void connections_cut_late(struct connections *all)
{
    int64_t now = clock_mono(&clock_system);

    pthread_mutex_lock(&all->lock);
    for (struct connection *c = all->first; c; c = c->next) {
        if (!c->deadline_ms || now < c->deadline_ms)
            continue;
        c->deadline_ms = 0;
        (void)shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&all->lock);
}

size_t connections_count(struct connections *all)
{
    size_t n;

    pthread_mutex_lock(&all->lock);
    n = all->n;
    pthread_mutex_unlock(&all->lock);
    return n;
}
