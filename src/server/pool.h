/* A few threads and a bounded queue, for handlers that take long. */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include "base/err.h"

#include <stdbool.h>

struct pool;

enum err pool_new(size_t n_threads, size_t most_waiting, struct pool **ret, struct errinfo *ei) MUST_USE;
bool pool_post(struct pool *p, void (*run)(void *arg), void *arg); /* false: the queue is full */
void pool_free(struct pool *p); /* runs what waits, waits for all of it; NULL is fine */

#endif
