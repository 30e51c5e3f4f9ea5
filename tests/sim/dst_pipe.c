/* The threads of a run as actors of one thread: loop, queues and pipeline of the engine, driven step by step. Whenever
 * the loop has nothing of its own to do it draws which actor goes next: a reply comes back, the journaler takes a
 * group, the batcher a page, the writer a batch. Journaler, batcher and writer are the real ones; what is taken from
 * them is only where they would have waited. */
#include "dst_seams.h"

#include "run/batcher.h"
#include "run/journaler.h"
#include "run/ledger_notes.h"
#include "run/writer.h"
#include "source/login.h"

#include <stdlib.h>

/* ---- queues ---- */

struct queue {
    void **at;
    size_t capacity, first, n, room;
    bool closed;
};

struct queue *queue_new(size_t capacity)
{
    struct queue *q = mem_zero(sizeof *q);

    q->capacity = capacity;
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    free(q->at);
    free(q);
}

/* Nobody can wait here: a full queue takes more. Only who asks without waiting is sent away. */
bool queue_push(struct queue *q, void *item)
{
    if (q->closed)
        return false;
    if (q->first + q->n == q->room) {
        q->room = q->room ? q->room * 2 : 16;
        q->at = mem_grow(q->at, q->room * sizeof *q->at);
    }
    q->at[q->first + q->n++] = item;
    return true;
}

bool queue_try_push(struct queue *q, void *item)
{
    return q->n < q->capacity && queue_push(q, item);
}

void *queue_try_pop(struct queue *q)
{
    void *item;

    if (!q->n)
        return NULL;
    item = q->at[q->first++];
    if (!--q->n)
        q->first = 0;
    return item;
}

void *queue_pop(struct queue *q)
{
    return queue_try_pop(q);
}

void queue_close(struct queue *q)
{
    q->closed = true;
}

size_t queue_length(struct queue *q)
{
    return q->n;
}

/* ---- the loop ---- */

struct post {
    void (*cb)(void *ctx);
    void *ctx;
};

struct loop {
    struct post posts[64];
    size_t n;
    bool stopped;
};

enum err loop_new(struct loop **ret, struct errinfo *ei)
{
    (void)ei;
    *ret = sim_now()->loop = mem_zero(sizeof **ret);
    return OK;
}

void loop_free(struct loop *l)
{
    sim_now()->loop = NULL;
    free(l);
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

void loop_post(struct loop *l, void (*cb)(void *ctx), void *ctx)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->posts[i].cb == cb && l->posts[i].ctx == ctx)
            return; /* the same again changes nothing */
    if (l->n < sizeof l->posts / sizeof *l->posts)
        l->posts[l->n++] = (struct post){cb, ctx};
}

/* A run has a timer only for the line of progress, which nobody looks at here. */
struct loop_timer *loop_timer_start(struct loop *l, int64_t ms, void (*cb)(void *ctx), void *ctx)
{
    (void)l;
    (void)ms;
    (void)cb;
    (void)ctx;
    return NULL;
}

void loop_timer_cancel(struct loop_timer *t)
{
    (void)t;
}

void loop_on_signal(struct loop *l, void (*cb)(void *ctx, int signo), void *ctx)
{
    (void)l;
    (void)cb;
    (void)ctx;
}

static void run_post(struct loop *l)
{
    struct post p = l->posts[0];

    memmove(l->posts, l->posts + 1, --l->n * sizeof *l->posts);
    p.cb(p.ctx);
}

static bool ready(const struct sim *s, enum actor a)
{
    if (a == ACTOR_POSTS)
        return s->loop->n > 0;
    return a == ACTOR_SOURCE ? source_waits(s) : actor_ready(s, a);
}

static void step(struct sim *s, enum actor a)
{
    if (a == ACTOR_POSTS)
        run_post(s->loop);
    else if (a == ACTOR_SOURCE)
        source_step(s);
    else
        actor_step(s, a);
}

/* Drawn by weight among those that have something to do. */
static enum actor next_actor(struct sim *s)
{
    int sum = 0;
    int64_t at;

    for (int a = 0; a < ACTORS; a++)
        sum += ready(s, (enum actor)a) ? s->c.weight[a] : 0;
    if (!sum)
        return ACTORS;
    at = below(s, sum);
    for (int a = 0; a < ACTORS; a++) {
        at -= ready(s, (enum actor)a) ? s->c.weight[a] : 0;
        if (at < 0)
            return (enum actor)a;
    }
    return ACTORS;
}

enum { TURNS_MAX = 400000 };

void loop_run(struct loop *l)
{
    struct sim *s = sim_now();
    int64_t turns = 0;

    while (!l->stopped) {
        enum actor a = next_actor(s);

        if (a == ACTORS || ++turns > TURNS_MAX) {
            sim_fail(s, a == ACTORS ? "the run waits for ever" : "the run does not end");
            return;
        }
        step(s, a);
    }
}

/* ---- what else stands between the engine and the network ---- */

struct http *http_new(struct loop *l, const struct clock *clock)
{
    (void)l;
    (void)clock;
    return NULL;
}

void http_free(struct http *h)
{
    (void)h;
}

enum err bucket_open(const char *dir, struct str connection, int64_t calls, int64_t per_ms, struct bucket **ret,
                     struct errinfo *ei)
{
    (void)dir;
    (void)connection;
    (void)calls;
    (void)per_ms;
    (void)ei;
    *ret = NULL;
    return OK;
}

void bucket_upstream(struct bucket *b, uint64_t upstream)
{
    (void)b;
    (void)upstream;
}

void bucket_close(struct bucket *b)
{
    (void)b;
}

int64_t bucket_left(const struct bucket *b)
{
    (void)b;
    return -1;
}

/* The connector of the simulation needs no token. */
struct login *login_new(const struct login_config *c)
{
    (void)c;
    return NULL;
}

void login_free(struct login *l)
{
    (void)l;
}

/* ---- the pipeline ---- */

/* the actors of the run under way; as the threads that they stand for, one set at a time */
static struct {
    struct pipeline *p;
    struct journaler *journaler;
    struct batcher *batcher;
    struct writer *writer;
    bool journal_begun, write_begun, shape_going, dirty, journal_done, shape_done, write_done;
} actors;

void pipe_clear(void)
{
    journaler_free(actors.journaler);
    batcher_free(actors.batcher);
    writer_free(actors.writer);
    memset(&actors, 0, sizeof actors);
}

void pipeline_fail(struct pipeline *p, const struct errinfo *ei)
{
    if (!p->error.code)
        p->error = *ei;
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

    return queue_push(p->to_shape, page);
}

static bool give_unit(void *ctx, struct unit *u)
{
    struct pipeline *p = ctx;

    return queue_push(p->to_write, u);
}

enum err pipeline_start(struct pipeline *p, struct errinfo *ei)
{
    (void)ei;
    p->to_journal = queue_new(JOURNAL_QUEUE);
    p->to_shape = queue_new(SHAPE_QUEUE);
    p->to_write = queue_new(WRITE_QUEUE);
    actors.p = p;
    actors.journaler = journaler_new(p, give_page, p);
    actors.batcher = batcher_new(p, give_unit, p);
    actors.writer = writer_new(p);
    actors.shape_going = true;
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

static void step_journal(struct pipeline *p)
{
    struct page *group[JOURNAL_GROUP];
    size_t n = 0;

    if (!actors.journal_begun) {
        journaler_begin(actors.journaler);
        actors.journal_begun = true;
        return;
    }
    while (n < JOURNAL_GROUP && queue_length(p->to_journal))
        group[n++] = queue_try_pop(p->to_journal);
    if (n && p->room)
        p->room(p->room_ctx);
    if (n) {
        journaler_take(actors.journaler, group, n);
        return;
    }
    queue_close(p->to_shape);
    actors.journal_done = true;
}

static void step_shape(struct pipeline *p)
{
    struct page *page = queue_try_pop(p->to_shape);

    if (page) {
        actors.shape_going = actors.shape_going && batcher_take(actors.batcher, page);
        actors.dirty = true;
        page_unref(page);
        return;
    }
    if (actors.dirty && actors.shape_going)
        actors.shape_going = batcher_flush(actors.batcher);
    actors.dirty = false;
    if (!p->to_shape->closed)
        return;
    (void)(actors.shape_going && batcher_end(actors.batcher));
    queue_close(p->to_write);
    actors.shape_done = true;
}

static void end_write(struct pipeline *p, enum err e, const struct errinfo *ei)
{
    if (e)
        pipeline_fail(p, ei);
    actors.write_done = true;
    p->ended(p->ended_ctx);
}

static void step_write(struct pipeline *p)
{
    struct errinfo ei = {0};
    struct unit *u;
    enum err e = OK;

    if (!actors.write_begun) {
        actors.write_begun = true;
        e = writer_begin(actors.writer, &ei);
        if (e)
            end_write(p, e, &ei);
        return;
    }
    u = queue_try_pop(p->to_write);
    if (!u) {
        e = writer_end(actors.writer, &ei);
        end_write(p, e, &ei);
        return;
    }
    e = writer_write(actors.writer, u, &ei);
    unit_free(u);
    if (e)
        end_write(p, e, &ei);
}

bool actor_ready(const struct sim *s, enum actor a)
{
    struct pipeline *p = actors.p;

    (void)s;
    if (!p)
        return false;
    switch (a) {
    case ACTOR_JOURNAL:
        return !actors.journal_done && (!actors.journal_begun || p->to_journal->n || p->to_journal->closed);
    case ACTOR_SHAPE:
        return !actors.shape_done && (p->to_shape->n || p->to_shape->closed || actors.dirty);
    case ACTOR_WRITE:
        return !actors.write_done && (!actors.write_begun || p->to_write->n || p->to_write->closed);
    case ACTOR_POSTS:
    case ACTOR_SOURCE:
    case ACTORS:
        break;
    }
    return false;
}

void actor_step(struct sim *s, enum actor a)
{
    (void)s;
    if (a == ACTOR_JOURNAL)
        step_journal(actors.p);
    else if (a == ACTOR_SHAPE)
        step_shape(actors.p);
    else
        step_write(actors.p);
}

/* As joining the threads: those in front may still have something to do when the writer has ended. */
void pipeline_join(struct pipeline *p)
{
    struct page *page;
    struct unit *u;

    while (actor_ready(NULL, ACTOR_JOURNAL))
        step_journal(p);
    while (actor_ready(NULL, ACTOR_SHAPE))
        step_shape(p);
    ledger_notes_close(p);
    while ((page = queue_try_pop(p->to_journal)))
        page_unref(page);
    while ((page = queue_try_pop(p->to_shape)))
        page_unref(page);
    while ((u = queue_try_pop(p->to_write)))
        unit_free(u);
    pipe_clear();
    queue_free(p->to_journal);
    queue_free(p->to_shape);
    queue_free(p->to_write);
}
