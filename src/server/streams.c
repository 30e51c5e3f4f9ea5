/* One ring of finished texts, counted by who still sends them; a client is a position in it. Publishing copies, counts
 * and wakes one thread; that thread wakes the clients, at most every 50 ms, so that a storm of events costs each client
 * a few large writes instead of many small ones.
 *
 * An id is BOOT-N: an id of an earlier process, or one that left the ring, is answered with `resync`. */
#include "server/streams.h"

#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WAKE_MS 50

struct message {
    unsigned refs;
    size_t n;
    char *integration; /* "": for all */
    char text[];
};

struct streams_client {
    struct streams_client *prev, *next;
    struct streams_join join;
    char *integration;
    uint64_t next_id; /* of the event that it reads next */
    struct message *now;
    size_t sent; /* of `now` */
    bool greet, resync, ping, waiting, ended;
};

struct streams {
    struct streams_calls calls;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, stopping, dirty;
    char boot[17];
    struct message *ring[HUB_EVENTS];
    uint64_t oldest, next; /* ids; an id's place is id % HUB_EVENTS */
    size_t bytes;
    struct streams_client *clients;
    size_t n_clients;
    uint64_t n_resyncs;
};

static struct message *message_new(struct str integration, struct str text)
{
    struct message *m = mem_alloc(sizeof *m + text.n + integration.n + 1);

    m->refs = 1;
    m->n = text.n;
    memcpy(m->text, text.p, text.n);
    m->integration = m->text + text.n;
    memcpy(m->integration, integration.n ? integration.p : "", integration.n);
    m->integration[integration.n] = 0;
    return m;
}

static void message_drop(struct message *m)
{
    if (m && !--m->refs)
        free(m);
}

struct streams *streams_new(const struct streams_calls *calls)
{
    struct streams *h = mem_zero(sizeof *h);
    pthread_condattr_t attr;

    h->calls = *calls;
    h->oldest = h->next = 1;
    (void)snprintf(h->boot, sizeof h->boot, "%llx", (unsigned long long)clock_wall(&clock_system));
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->changed, &attr);
    pthread_condattr_destroy(&attr);
    return h;
}

/* ---- the thread that wakes ---- */

static bool has_news(const struct streams *h, const struct streams_client *c)
{
    return h->stopping || c->ended || c->ping || c->next_id < h->next;
}

/* Takes those who wait and have something to read off the list of waiting; the caller resumes them. A connection that
 * is suspended does not go away by itself. */
static size_t take_waiting(struct streams *h, void ***ret)
{
    size_t n = 0;

    *ret = mem_alloc((h->n_clients + 1) * sizeof **ret);
    for (struct streams_client *c = h->clients; c; c = c->next) {
        if (!c->waiting || !has_news(h, c))
            continue;
        c->waiting = false;
        (*ret)[n++] = c->join.connection;
    }
    return n;
}

static void wake(struct streams *h)
{
    void **who;
    size_t n = take_waiting(h, &who);

    pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < n; i++)
        h->calls.resume(who[i]);
    free(who);
    pthread_mutex_lock(&h->lock);
}

static void ping_all(struct streams *h)
{
    for (struct streams_client *c = h->clients; c; c = c->next) {
        c->ping = true;
        c->ended = c->ended || (c->join.alive && !c->join.alive(c->join.who));
    }
}

static void wait_until(struct streams *h, int64_t mono_ms)
{
    struct timespec t = {(time_t)(mono_ms / 1000), (long)(mono_ms % 1000) * 1000000};

    (void)pthread_cond_timedwait(&h->changed, &h->lock, &t);
}

static int64_t mono_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *streams_main(void *arg)
{
    struct streams *h = arg;
    int64_t ping = mono_ms() + HUB_PING_MS, second = mono_ms() + 1000, woken = 0;

    pthread_mutex_lock(&h->lock);
    while (!h->stopping) {
        int64_t now = mono_ms(), due = h->dirty ? woken + WAKE_MS : second;

        if (now >= ping) {
            ping_all(h);
            h->dirty = true;
            ping = now + HUB_PING_MS;
        }
        if (h->dirty && now >= woken + WAKE_MS) {
            h->dirty = false;
            woken = now;
            wake(h);
        } else if (now >= second) {
            second = now + 1000;
            pthread_mutex_unlock(&h->lock);
            h->calls.each_second(h->calls.ctx);
            pthread_mutex_lock(&h->lock);
        } else {
            wait_until(h, due < second ? due : second);
        }
    }
    wake(h);
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

enum err streams_start(struct streams *h, struct errinfo *ei)
{
    if (pthread_create(&h->thread, NULL, streams_main, h))
        return fail(ei, ERR_INTERNAL, "no thread for the events: %s", strerror(errno));
    h->started = true;
    return OK;
}

void streams_stop(struct streams *h)
{
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_cond_signal(&h->changed);
    pthread_mutex_unlock(&h->lock);
    if (h->started)
        pthread_join(h->thread, NULL);
    h->started = false;
}

void streams_free(struct streams *h)
{
    if (!h)
        return;
    streams_stop(h);
    for (uint64_t id = h->oldest; id < h->next; id++)
        message_drop(h->ring[id % HUB_EVENTS]);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* ---- publishing ---- */

static void drop_oldest(struct streams *h)
{
    struct message *m = h->ring[h->oldest % HUB_EVENTS];

    h->bytes -= m->n;
    message_drop(m);
    h->oldest++;
}

void streams_publish(struct streams *h, const char *name, struct str integration, struct str json)
{
    bool whole = json.n <= HUB_EVENT_MAX && !memchr(json.p, '\n', json.n) && !memchr(json.p, '\r', json.n);
    struct buf text = buf_make(HUB_EVENT_MAX + 1024);
    struct message *m;

    if (!whole) {
        log_debug("an event \"%s\" of %zu bytes is told as resync", name, json.n);
        name = "resync";
        json = S("{}");
    }
    pthread_mutex_lock(&h->lock);
    buf_printf(&text, "id: %s-%llu\nevent: %s\ndata: ", h->boot, (unsigned long long)h->next, name);
    buf_add(&text, json);
    buf_add(&text, S("\n\n"));
    m = message_new(integration, buf_str(&text));
    while (h->oldest < h->next && (h->next - h->oldest >= HUB_EVENTS || h->bytes + m->n > HUB_RING_MAX))
        drop_oldest(h);
    h->ring[h->next++ % HUB_EVENTS] = m;
    h->bytes += m->n;
    if (!h->dirty) {
        h->dirty = true;
        pthread_cond_signal(&h->changed);
    }
    pthread_mutex_unlock(&h->lock);
    buf_free(&text);
}

/* ---- reading ---- */

/* Where a client that was here before goes on; false: not any more. */
static bool resume_at(const struct streams *h, struct str last_id, uint64_t *ret)
{
    char *end;
    char text[48];
    unsigned long long n;
    size_t boot = strlen(h->boot);

    if (last_id.n >= sizeof text || last_id.n < boot + 2 || memcmp(last_id.p, h->boot, boot) != 0 ||
        last_id.p[boot] != '-' || last_id.p[boot + 1] < '0' || last_id.p[boot + 1] > '9')
        return false;
    memcpy(text, last_id.p + boot + 1, last_id.n - boot - 1);
    text[last_id.n - boot - 1] = 0;
    n = strtoull(text, &end, 10);
    if (*end || n >= h->next || n + 1 < h->oldest)
        return false;
    *ret = n + 1;
    return true;
}

struct streams_client *streams_join(struct streams *h, const struct streams_join *j)
{
    struct streams_client *c = mem_zero(sizeof *c);

    c->join = *j;
    c->integration = mem_alloc(j->integration.n + 1);
    memcpy(c->integration, j->integration.n ? j->integration.p : "", j->integration.n);
    c->integration[j->integration.n] = 0;
    c->greet = true;
    pthread_mutex_lock(&h->lock);
    c->next_id = h->next;
    c->resync = j->last_id.n && !resume_at(h, j->last_id, &c->next_id);
    c->next = h->clients;
    if (c->next)
        c->next->prev = c;
    h->clients = c;
    h->n_clients++;
    pthread_mutex_unlock(&h->lock);
    return c;
}

void streams_leave(struct streams *h, struct streams_client *c)
{
    pthread_mutex_lock(&h->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        h->clients = c->next;
    if (c->next)
        c->next->prev = c->prev;
    h->n_clients--;
    message_drop(c->now);
    pthread_mutex_unlock(&h->lock);
    free(c->integration);
    free(c);
}

static bool wanted(const struct streams_client *c, const struct message *m)
{
    return !c->integration[0] || !m->integration[0] || strcmp(c->integration, m->integration) == 0;
}

/* The next text for a client, or NULL. */
static struct message *next_message(struct streams *h, struct streams_client *c)
{
    if (c->greet) {
        c->greet = false;
        return message_new(S(""), S("retry: 2000\n\n"));
    }
    if (c->next_id < h->oldest) {
        c->next_id = h->next;
        c->resync = true;
    }
    if (c->resync) {
        char text[96];
        int n = snprintf(text, sizeof text, "id: %s-%llu\nevent: resync\ndata: {}\n\n", h->boot,
                         (unsigned long long)c->next_id - 1);

        c->resync = false;
        h->n_resyncs++;
        return message_new(S(""), str_mk(text, (size_t)n));
    }
    while (c->next_id < h->next) {
        struct message *m = h->ring[c->next_id++ % HUB_EVENTS];

        if (!wanted(c, m))
            continue;
        m->refs++;
        return m;
    }
    if (c->ping) {
        c->ping = false;
        return message_new(S(""), S(": still here\n\n"));
    }
    return NULL;
}

static size_t fill(struct streams *h, struct streams_client *c, char *out, size_t max)
{
    size_t n = 0;

    while (n < max) {
        size_t piece;

        if (!c->now) {
            c->now = next_message(h, c);
            c->sent = 0;
        }
        if (!c->now)
            break;
        piece = c->now->n - c->sent < max - n ? c->now->n - c->sent : max - n;
        memcpy(out + n, c->now->text + c->sent, piece);
        n += piece;
        c->sent += piece;
        if (c->sent == c->now->n) {
            message_drop(c->now);
            c->now = NULL;
        }
    }
    return n;
}

long streams_read(struct streams *h, struct streams_client *c, char *out, size_t max)
{
    long n = -1;

    pthread_mutex_lock(&h->lock);
    if (!h->stopping && !c->ended) {
        n = (long)fill(h, c, out, max);
        if (n == 0) {
            c->waiting = true;
            h->calls.suspend(c->join.connection);
        }
    }
    pthread_mutex_unlock(&h->lock);
    return n;
}

size_t streams_clients(struct streams *h)
{
    size_t n;

    pthread_mutex_lock(&h->lock);
    n = h->n_clients;
    pthread_mutex_unlock(&h->lock);
    return n;
}

uint64_t streams_resyncs(struct streams *h)
{
    uint64_t n;

    pthread_mutex_lock(&h->lock);
    n = h->n_resyncs;
    pthread_mutex_unlock(&h->lock);
    return n;
}
