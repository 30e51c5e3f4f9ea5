/* Starting, failing and ending the threads of a run; the threads themselves, which only move pages and units between
 * queues and the journaler, the batcher and the writer. */
#include "run/pipeline.h"

#include "run/batcher.h"
#include "run/journaler.h"
#include "run/ledger_notes.h"
#include "run/writer.h"

void pipeline_fail(struct pipeline *p, const struct errinfo *ei)
{
    pthread_mutex_lock(&p->lock);
    if (!p->error.code)
        p->error = *ei;
    pthread_mutex_unlock(&p->lock);
    atomic_store(&p->failed, true);
    queue_close(p->to_journal);
    queue_close(p->to_shape);
    queue_close(p->to_write);
}

void pipeline_emit(const struct pipeline *p, struct event e)
{
    e.integration = p->flow->integration->name;
    e.run = p->run_id;
    event_emit(&p->options->listener, &e);
}

static bool give_page(void *ctx, struct page *page)
{
    struct pipeline *p = ctx;

    if (p->fetch_only) {
        atomic_fetch_add(&p->pages, !page->mark);
        atomic_fetch_add(&p->records, page->mark ? 0 : (int64_t)page->reply.n_records);
        page_unref(page);
        return true;
    }
    return queue_push(p->to_shape, page);
}

/* What is waiting, up to a group. */
static size_t take_group(struct pipeline *p, struct page **group)
{
    size_t n = 0;

    group[0] = queue_pop(p->to_journal);
    while (group[n] && ++n < JOURNAL_GROUP)
        group[n] = queue_try_pop(p->to_journal);
    if (n && p->room)
        p->room(p->room_ctx);
    return n;
}

static void *journal_main(void *pipeline)
{
    struct pipeline *p = pipeline;
    struct journaler *j = journaler_new(p, give_page, p);
    struct page *group[JOURNAL_GROUP];
    size_t n;

    journaler_begin(j);
    while ((n = take_group(p, group)))
        journaler_take(j, group, n);
    queue_close(p->to_shape);
    journaler_free(j);
    return NULL;
}

static bool give_unit(void *ctx, struct unit *u)
{
    struct pipeline *p = ctx;

    return queue_push(p->to_write, u);
}

/* What is there is flushed before waiting for more. */
static void *shape_main(void *pipeline)
{
    struct pipeline *p = pipeline;
    struct batcher *b = batcher_new(p, give_unit, p);
    bool going = true;

    for (;;) {
        struct page *page = queue_try_pop(p->to_shape);

        if (!page && going)
            going = batcher_flush(b);
        if (!page)
            page = queue_pop(p->to_shape);
        if (!page)
            break;
        going = going && batcher_take(b, page);
        page_unref(page);
    }
    (void)(going && batcher_end(b)); /* why not is the pipeline's to tell */
    queue_close(p->to_write);
    batcher_free(b);
    return NULL;
}

static void *write_main(void *pipeline)
{
    struct pipeline *p = pipeline;
    struct writer *w = writer_new(p);
    struct errinfo ei = {0};
    enum err e = writer_begin(w, &ei);
    struct unit *u;

    while (!e && (u = queue_pop(p->to_write))) {
        e = writer_write(w, u, &ei);
        unit_free(u);
    }
    if (!e)
        e = writer_end(w, &ei);
    if (e)
        pipeline_fail(p, &ei);
    writer_free(w);
    p->ended(p->ended_ctx);
    return NULL;
}

enum err pipeline_start(struct pipeline *p, struct errinfo *ei)
{
    void *(*const mains[3])(void *) = {journal_main, shape_main, write_main};
    static const char *const names[3] = {"journal", "shape", "write"};

    pthread_mutex_init(&p->lock, NULL);
    p->to_journal = queue_new(JOURNAL_QUEUE);
    p->to_shape = queue_new(SHAPE_QUEUE);
    p->to_write = queue_new(WRITE_QUEUE);
    for (; p->n_threads < 3; p->n_threads++) {
        int rc = pthread_create(&p->threads[p->n_threads], NULL, mains[p->n_threads], p);

        if (rc) {
            char words[128];
            struct errinfo why;

            fail(&why, ERR_INTERNAL, "cannot start a thread: %s", strerror_r(rc, words, sizeof words));
            fail_hint(&why, "give the process more memory or threads (ulimit -v, ulimit -u); four threads are enough");
            pipeline_fail(p, &why);
            if (ei)
                *ei = why;
            return ERR_INTERNAL;
        }
        pthread_setname_np(p->threads[p->n_threads], names[p->n_threads]);
    }
    return OK;
}

bool pipeline_offer(struct pipeline *p, struct page *page)
{
    return queue_try_push(p->to_journal, page);
}

void pipeline_finish_input(struct pipeline *p)
{
    queue_close(p->to_journal);
}

void pipeline_join(struct pipeline *p)
{
    struct page *page;
    struct unit *u;

    for (int i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    ledger_notes_close(p);
    while ((page = queue_try_pop(p->to_journal)))
        page_unref(page);
    while ((page = queue_try_pop(p->to_shape)))
        page_unref(page);
    while ((u = queue_try_pop(p->to_write)))
        unit_free(u);
    queue_free(p->to_journal);
    queue_free(p->to_shape);
    queue_free(p->to_write);
    pthread_mutex_destroy(&p->lock);
}
