/* A ring behind a mutex and two conditions. It moves whole pages and batches, some hundred a second, so nothing
 * cleverer is needed. */
#include "run/queue.h"

#include "base/err.h"

#include <pthread.h>
#include <stdlib.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    void **at;
    size_t capacity, head, n;
    bool closed;
};

struct queue *queue_new(size_t capacity)
{
    struct queue *q = mem_zero(sizeof *q);

    q->at = mem_zero(capacity * sizeof *q->at);
    q->capacity = capacity;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    pthread_cond_init(&q->not_full, NULL);
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    pthread_cond_destroy(&q->not_full);
    pthread_cond_destroy(&q->not_empty);
    pthread_mutex_destroy(&q->lock);
    free(q->at);
    free(q);
}

static bool put(struct queue *q, void *item)
{
    if (q->closed || q->n == q->capacity)
        return false;
    q->at[(q->head + q->n++) % q->capacity] = item;
    pthread_cond_signal(&q->not_empty);
    return true;
}

bool queue_push(struct queue *q, void *item)
{
    bool done;

    pthread_mutex_lock(&q->lock);
    while (!q->closed && q->n == q->capacity)
        pthread_cond_wait(&q->not_full, &q->lock);
    done = put(q, item);
    pthread_mutex_unlock(&q->lock);
    return done;
}

bool queue_try_push(struct queue *q, void *item)
{
    bool done;

    pthread_mutex_lock(&q->lock);
    done = put(q, item);
    pthread_mutex_unlock(&q->lock);
    return done;
}

static void *take(struct queue *q)
{
    void *item;

    if (!q->n)
        return NULL;
    item = q->at[q->head];
    q->head = (q->head + 1) % q->capacity;
    q->n--;
    pthread_cond_signal(&q->not_full);
    return item;
}

void *queue_pop(struct queue *q)
{
    void *item;

    pthread_mutex_lock(&q->lock);
    while (!q->closed && !q->n)
        pthread_cond_wait(&q->not_empty, &q->lock);
    item = take(q);
    pthread_mutex_unlock(&q->lock);
    return item;
}

void *queue_try_pop(struct queue *q)
{
    void *item;

    pthread_mutex_lock(&q->lock);
    item = take(q);
    pthread_mutex_unlock(&q->lock);
    return item;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}

size_t queue_length(struct queue *q)
{
    size_t n;

    pthread_mutex_lock(&q->lock);
    n = q->n;
    pthread_mutex_unlock(&q->lock);
    return n;
}
