/* A bounded queue of pointers between threads: when it is full, the step before waits. */
#ifndef RUN_QUEUE_H
#define RUN_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue;

struct queue *queue_new(size_t capacity);
void queue_free(struct queue *q); /* must be empty; NULL is fine */
/* Waits for room. False when the queue was closed: the item stays with the caller. */
bool queue_push(struct queue *q, void *item);
/* Without waiting: false when there is no room or it was closed. */
bool queue_try_push(struct queue *q, void *item);
/* Waits for an item; NULL when the queue is closed and empty. */
void *queue_pop(struct queue *q);
/* Without waiting: NULL when it is empty. */
void *queue_try_pop(struct queue *q);
/* No more pushes; poppers get what is left, then NULL. */
void queue_close(struct queue *q);
size_t queue_length(struct queue *q);

#endif
