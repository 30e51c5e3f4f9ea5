/* The queue between threads: order, the bound, waiting at both ends, closing. Meant for the thread sanitizer as well.
 */
#include "table.h"

#include "run/queue.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ITEMS = 20000, PRODUCERS = 3, CONSUMERS = 3 };

static void in_order_and_bounded(void **state)
{
    struct queue *q = queue_new(3);
    int a[4];

    (void)state;
    assert_null(queue_try_pop(q));
    for (int i = 0; i < 3; i++)
        assert_true(queue_try_push(q, &a[i]));
    assert_false(queue_try_push(q, &a[3]));
    assert_int_equal(queue_length(q), 3);
    assert_ptr_equal(queue_pop(q), &a[0]);
    assert_true(queue_push(q, &a[3])); /* around the ring's end */
    for (int i = 1; i < 4; i++)
        assert_ptr_equal(queue_try_pop(q), &a[i]);
    assert_null(queue_try_pop(q));
    queue_free(q);
    queue_free(NULL);
}

static void closing(void **state)
{
    struct queue *q = queue_new(2);
    int a, b;

    (void)state;
    assert_true(queue_push(q, &a));
    queue_close(q);
    queue_close(q);
    assert_false(queue_push(q, &b));
    assert_false(queue_try_push(q, &b));
    assert_ptr_equal(queue_pop(q), &a); /* what is in comes out */
    assert_null(queue_pop(q));
    assert_null(queue_try_pop(q));
    queue_free(q);
}

struct crowd {
    struct queue *q;
    int items[PRODUCERS][ITEMS];
    atomic_int producer, popped, unordered;
    int last[CONSUMERS][PRODUCERS];
    atomic_int consumer;
};

static void *produce(void *ctx)
{
    struct crowd *c = ctx;
    int me = atomic_fetch_add(&c->producer, 1);

    for (int i = 0; i < ITEMS; i++) {
        c->items[me][i] = me * ITEMS + i;
        if (!queue_push(c->q, &c->items[me][i]))
            return NULL;
    }
    return NULL;
}

/* Of one producer's items each consumer sees a growing part. */
static void *consume(void *ctx)
{
    struct crowd *c = ctx;
    int me = atomic_fetch_add(&c->consumer, 1), *item;

    while ((item = queue_pop(c->q))) {
        int *last = &c->last[me][*item / ITEMS];

        if (*item % ITEMS + 1 <= *last)
            atomic_fetch_add(&c->unordered, 1);
        *last = *item % ITEMS + 1;
        atomic_fetch_add(&c->popped, 1);
    }
    return NULL;
}

static void many_threads(void **state)
{
    struct crowd *c = calloc(1, sizeof *c);
    pthread_t p[PRODUCERS], k[CONSUMERS];

    (void)state;
    c->q = queue_new(4);
    for (int i = 0; i < CONSUMERS; i++)
        assert_int_equal(pthread_create(&k[i], NULL, consume, c), 0);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&p[i], NULL, produce, c), 0);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(p[i], NULL);
    queue_close(c->q);
    for (int i = 0; i < CONSUMERS; i++)
        pthread_join(k[i], NULL);
    assert_int_equal(atomic_load(&c->popped), PRODUCERS * ITEMS);
    assert_int_equal(atomic_load(&c->unordered), 0);
    queue_free(c->q);
    free(c);
}

/* Whoever waits is woken by closing, whichever side it waits on. The joins would hang if one was not. */
static void closing_wakes_all(void **state)
{
    struct crowd *c = calloc(1, sizeof *c);
    pthread_t p[PRODUCERS], k[CONSUMERS];

    (void)state;
    c->q = queue_new(2);
    for (int i = 0; i < PRODUCERS; i++)
        assert_int_equal(pthread_create(&p[i], NULL, produce, c), 0);
    while (queue_length(c->q) < 2)
        continue;
    queue_close(c->q);
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(p[i], NULL);
    assert_non_null(queue_try_pop(c->q));
    assert_non_null(queue_try_pop(c->q));
    queue_free(c->q);
    c->q = queue_new(2);
    for (int i = 0; i < CONSUMERS; i++)
        assert_int_equal(pthread_create(&k[i], NULL, consume, c), 0);
    while (atomic_load(&c->consumer) < CONSUMERS)
        continue;
    queue_close(c->q);
    for (int i = 0; i < CONSUMERS; i++)
        pthread_join(k[i], NULL);
    assert_int_equal(atomic_load(&c->popped), 0);
    queue_free(c->q);
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_and_bounded),
        cmocka_unit_test(closing),
        cmocka_unit_test(many_threads),
        cmocka_unit_test(closing_wakes_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
