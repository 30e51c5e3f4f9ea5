/* The hub: every listener hears every event, all in one order, whoever emits. */
#include "table.h"

#include "watch/hub.h"

#include <pthread.h>
#include <stdlib.h>

#define EMITTERS 4
#define EACH     500

struct ear {
    int64_t heard[EMITTERS * EACH];
    size_t n;
};

static void hear(void *ctx, const struct event *e)
{
    struct ear *ear = ctx;

    ear->heard[ear->n++] = e->run * EACH + e->page_no;
}

struct emitter {
    struct listener to;
    int64_t run;
};

static void *emit_all(void *ctx)
{
    const struct emitter *m = ctx;

    for (int64_t i = 0; i < EACH; i++)
        event_emit(&m->to, &(struct event){.kind = EVENT_PAGE, .run = m->run, .page_no = i});
    return NULL;
}

static void test_one_order(void **state)
{
    struct ear *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    struct hub *h = hub_new();
    pthread_t threads[EMITTERS];
    struct emitter emitters[EMITTERS];
    int64_t next[EMITTERS] = {0};

    (void)state;
    hub_listen(h, (struct listener){hear, a});
    hub_listen(h, (struct listener){hear, b});
    for (int i = 0; i < EMITTERS; i++) {
        emitters[i] = (struct emitter){hub_listener(h), i};
        assert_int_equal(pthread_create(&threads[i], NULL, emit_all, &emitters[i]), 0);
    }
    for (int i = 0; i < EMITTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(a->n, EMITTERS * EACH);
    assert_int_equal(b->n, EMITTERS * EACH);
    assert_memory_equal(a->heard, b->heard, sizeof a->heard);
    for (size_t i = 0; i < a->n; i++)
        assert_int_equal(a->heard[i] % EACH, next[a->heard[i] / EACH]++);
    hub_free(h);
    free(a);
    free(b);
}

static void test_nobody_listens(void **state)
{
    struct hub *h = hub_new();
    struct listener l = hub_listener(h);

    (void)state;
    event_emit(&l, &(struct event){.kind = EVENT_PAGE});
    hub_free(h);
    hub_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_order), cmocka_unit_test(test_nobody_listens)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
