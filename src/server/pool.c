/* The bounded pool: a ring of things to run under one lock. Who finds it full is told at once; nothing waits without a
 * bound. */
#include "server/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct job {
    void (*run)(void *arg);
    void *arg;
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    struct job *ring;
    size_t cap, first, n;
    pthread_t *threads;
    size_t n_threads;
};

static void *pool_main(void *arg)
{
    struct pool *p = arg;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->n && !p->stopping)
            pthread_cond_wait(&p->changed, &p->lock);
        if (!p->n)
            break;
        struct job job = p->ring[p->first];
        p->first = (p->first + 1) % p->cap;
        p->n--;
        pthread_mutex_unlock(&p->lock);
        job.run(job.arg);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

enum err pool_new(size_t n_threads, size_t most_waiting, struct pool **ret, struct errinfo *ei)
{
    struct pool *p = mem_zero(sizeof *p);

    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->cap = most_waiting;
    p->ring = mem_zero(most_waiting * sizeof *p->ring);
    p->threads = mem_zero(n_threads * sizeof *p->threads);
    while (p->n_threads < n_threads) {
        int e = pthread_create(&p->threads[p->n_threads], NULL, pool_main, p);

        if (e) {
            pool_free(p);
            return fail(ei, ERR_INTERNAL, "no thread for slow requests: %s", strerror(e));
        }
        p->n_threads++;
    }
    *ret = p;
    return OK;
}

bool pool_post(struct pool *p, void (*run)(void *arg), void *arg)
{
    bool room;

    pthread_mutex_lock(&p->lock);
    room = p->n < p->cap && !p->stopping;
    if (room) {
        p->ring[(p->first + p->n++) % p->cap] = (struct job){run, arg};
        pthread_cond_signal(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p->ring);
    free(p);
}
