/* Who is logged in: sessions of browsers, in memory, and the counters that slow guessing down. Thread-safe. */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "base/clock.h"
#include "server/users.h"

#define SESSION_TEXT        65 /* 256 bits in hex, NUL */
#define SESSION_IDLE_MS     ((int64_t)30 * 60 * 1000)
#define SESSION_ABSOLUTE_MS ((int64_t)12 * 3600 * 1000)

struct sessions;

struct sessions *sessions_new(const struct clock *clock, struct users *users);
void sessions_free(struct sessions *s); /* NULL is fine */
/* A session for an account whose password was right. The id goes to the cookie and is kept as a digest only. */
void sessions_begin(struct sessions *s, struct str user, uint64_t stamp, char ret_id[SESSION_TEXT]);
/* The session of an id that was sent. False: none, expired, or its account changed since. `touch`: it was used now. */
struct session_view {
    struct str user; /* in the arena */
    enum role role;
    char csrf[SESSION_TEXT];
};
bool sessions_find(struct sessions *s, struct str id, bool touch, struct arena *a, struct session_view *ret);
void sessions_end(struct sessions *s, struct str id);

/* Counts by key (an address, an account) within ten minutes; holds the 4,096 newest. */
struct limiter;
#define LIMIT_WINDOW_MS ((int64_t)10 * 60 * 1000)
struct limiter *limiter_new(const struct clock *clock);
void limiter_free(struct limiter *l);                                        /* NULL is fine */
uint32_t limiter_hit(struct limiter *l, const char *what, struct str key);   /* counts one more; gives the count */
uint32_t limiter_count(struct limiter *l, const char *what, struct str key); /* without counting */

#endif
