/* Sessions and counters. A session is found by the SHA-256 of its id, so that what memory holds opens nothing; it ends
 * after 30 min without use, after 12 h, or when its account changes in any way. They live in memory: a restart asks
 * everybody to log in again. The table is small and walked; when it is full the one unused longest makes room. */
#include "server/session.h"

#include "base/digest.h"
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

#define SESSIONS_MAX 1024
#define DIGEST_BYTES 32
#define SLOTS        4096
#define PROBES       8

struct session {
    uint8_t digest[DIGEST_BYTES];
    char user[USER_NAME_MAX + 1], csrf[SESSION_TEXT];
    uint64_t stamp;
    int64_t begun_ms, used_ms; /* begun 0: a free place */
};

struct sessions {
    const struct clock *clock;
    struct users *users;
    pthread_mutex_t lock;
    size_t n; /* places used so far */
    struct session at[SESSIONS_MAX];
};

struct sessions *sessions_new(const struct clock *clock, struct users *users)
{
    struct sessions *s = mem_zero(sizeof *s);

    s->clock = clock;
    s->users = users;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void random_hex(char out[SESSION_TEXT])
{
    uint8_t bytes[DIGEST_BYTES];

    random_bytes(bytes, sizeof bytes);
    hex_lower(bytes, sizeof bytes, out);
}

static void digest_of(struct str id, uint8_t out[DIGEST_BYTES])
{
    uint8_t bytes[DIGEST_MAX];

    (void)digest(DIGEST_SHA256, &id, 1, bytes);
    memcpy(out, bytes, DIGEST_BYTES);
}

static bool over(const struct session *one, int64_t now)
{
    return now - one->used_ms > SESSION_IDLE_MS || now - one->begun_ms > SESSION_ABSOLUTE_MS;
}

static struct session *free_place(struct sessions *s, int64_t now)
{
    struct session *oldest = &s->at[0];

    for (size_t i = 0; i < s->n; i++) {
        if (!s->at[i].begun_ms || over(&s->at[i], now))
            return &s->at[i];
        if (s->at[i].used_ms < oldest->used_ms)
            oldest = &s->at[i];
    }
    return s->n < SESSIONS_MAX ? &s->at[s->n++] : oldest;
}

void sessions_begin(struct sessions *s, struct str user, uint64_t stamp, char ret_id[SESSION_TEXT])
{
    int64_t now = clock_mono(s->clock) + 1;
    struct session *one;

    random_hex(ret_id);
    pthread_mutex_lock(&s->lock);
    one = free_place(s, now);
    *one = (struct session){.stamp = stamp, .begun_ms = now, .used_ms = now};
    digest_of(str_of(ret_id), one->digest);
    random_hex(one->csrf);
    memcpy(one->user, user.p, user.n <= USER_NAME_MAX ? user.n : USER_NAME_MAX);
    pthread_mutex_unlock(&s->lock);
}

static struct session *find(struct sessions *s, struct str id)
{
    uint8_t wanted[DIGEST_BYTES];

    if (id.n != SESSION_TEXT - 1)
        return NULL;
    digest_of(id, wanted);
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].begun_ms && memcmp(s->at[i].digest, wanted, DIGEST_BYTES) == 0)
            return &s->at[i];
    return NULL;
}

bool sessions_find(struct sessions *s, struct str id, bool touch, struct arena *a, struct session_view *ret)
{
    int64_t now = clock_mono(s->clock) + 1;
    struct session *one;
    bool found = false;

    pthread_mutex_lock(&s->lock);
    one = find(s, id);
    if (one && !over(one, now)) {
        ret->role = users_role(s->users, str_of(one->user), one->stamp);
        found = ret->role != ROLE_NONE;
    }
    if (found) {
        ret->user = arena_str(a, str_of(one->user));
        memcpy(ret->csrf, one->csrf, SESSION_TEXT);
        if (touch)
            one->used_ms = now;
    } else if (one) {
        one->begun_ms = 0;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

void sessions_end(struct sessions *s, struct str id)
{
    struct session *one;

    pthread_mutex_lock(&s->lock);
    one = find(s, id);
    if (one)
        one->begun_ms = 0;
    pthread_mutex_unlock(&s->lock);
}

/* ---- counters ---- */

struct counter {
    uint64_t key; /* 0: free */
    int64_t since_ms;
    uint32_t n;
};

struct limiter {
    const struct clock *clock;
    pthread_mutex_t lock;
    struct counter at[SLOTS];
};

struct limiter *limiter_new(const struct clock *clock)
{
    struct limiter *l = mem_zero(sizeof *l);

    l->clock = clock;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void limiter_free(struct limiter *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* The counter of a key among the places where it may stand; a new one takes a free place, else the oldest. */
static struct counter *counter_of(struct limiter *l, const char *what, struct str key)
{
    uint64_t hash = (hash_bytes(key) ^ hash_bytes(str_of(what)) * 3) | 1;
    int64_t now = clock_mono(l->clock);
    struct counter *oldest = NULL;

    for (size_t i = 0; i < PROBES; i++) {
        struct counter *c = &l->at[(hash / 2 + i) % SLOTS];

        if (c->key && now - c->since_ms > LIMIT_WINDOW_MS)
            c->key = 0;
        if (c->key == hash)
            return c;
        if (!oldest || (oldest->key && (!c->key || c->since_ms < oldest->since_ms)))
            oldest = c;
    }
    *oldest = (struct counter){hash, now, 0};
    return oldest;
}

uint32_t limiter_hit(struct limiter *l, const char *what, struct str key)
{
    uint32_t n;

    pthread_mutex_lock(&l->lock);
    n = ++counter_of(l, what, key)->n;
    pthread_mutex_unlock(&l->lock);
    return n;
}

uint32_t limiter_count(struct limiter *l, const char *what, struct str key)
{
    uint32_t n;

    pthread_mutex_lock(&l->lock);
    n = counter_of(l, what, key)->n;
    pthread_mutex_unlock(&l->lock);
    return n;
}
