/* What alerts remember: .sluice/alerts.db. One handle, used under the alerts' lock. */
#ifndef WATCH_ALERT_STORE_H
#define WATCH_ALERT_STORE_H

#include "base/arena.h"
#include "watch/alert_book.h"

struct astore;

/* What one channel is to be told of one alert. Texts are views, good for the callback's time. */
struct notice {
    int64_t seq, alert, at_ms, due_ms; /* due: told from then on; later than `at` in quiet hours */
    int kind;                          /* enum notice_kind */
    int rule, severity;
    struct str integration, text;
    int64_t since_ms, count, value, base, limit;
};
/* How a channel stands. */
struct lane_state {
    int64_t banned_ms;        /* nothing before */
    int64_t batch;            /* under way, or 0; the number that its notices bear */
    int64_t last_batch;       /* the greatest so far */
    int64_t ok_ms, failed_ms; /* 0: never */
    int64_t sent[64];         /* when the last were sent, newest first; 0: none */
    char error[400];          /* of the last failure; masked */
    bool refused;             /* that failure was a refusal: soon again is no use */
};

enum err astore_open(const char *state_dir, struct astore **ret, struct errinfo *ei) MUST_USE;
void astore_close(struct astore *s);
const char *astore_id(const struct astore *s); /* made with the database; de-duplication keys begin with it */

/* All writing between the two is one transaction. */
enum err astore_begin(struct astore *s, struct errinfo *ei) MUST_USE;
enum err astore_commit(struct astore *s, struct errinfo *ei) MUST_USE;
void astore_rollback(struct astore *s);

enum err astore_put_alert(struct astore *s, const struct alert *al, struct errinfo *ei) MUST_USE;
/* Gives all that are not clear to `take`, and the greatest id that was ever given. */
enum err astore_alerts(struct astore *s, void (*take)(void *ctx, const struct alert *al), void *ctx,
                       int64_t *ret_last_id, struct errinfo *ei) MUST_USE;
enum err astore_put_history(struct astore *s, const struct alert *al, int64_t ended_ms, struct errinfo *ei) MUST_USE;
/* At most `limit`, newest first, those that ended before the row `before` (0: all). The row is its number. */
enum err astore_history(struct astore *s, size_t limit, int64_t before,
                        void (*take)(void *ctx, const struct alert *al, int64_t ended_ms, int64_t row), void *ctx,
                        struct errinfo *ei) MUST_USE;
enum err astore_forget_history(struct astore *s, int64_t before_ms, struct errinfo *ei) MUST_USE;

/* Adds what a channel is to be told. A NOTICE_MORE takes the place of one that nobody took yet. */
enum err astore_put_notice(struct astore *s, struct str channel, const struct notice *n, struct errinfo *ei) MUST_USE;
/* How many wait for the channel, and when the first is due (INT64_MAX: none). */
enum err astore_waiting(struct astore *s, struct str channel, int64_t *ret_n, int64_t *ret_due_ms,
                        struct errinfo *ei) MUST_USE;
/* Gives what is due its batch number; those with the number already stay. */
enum err astore_assign(struct astore *s, struct str channel, int64_t batch, int64_t now_ms,
                       struct errinfo *ei) MUST_USE;
enum err astore_batch(struct astore *s, struct str channel, int64_t batch,
                      void (*take)(void *ctx, const struct notice *n), void *ctx, struct errinfo *ei) MUST_USE;
enum err astore_drop_batch(struct astore *s, struct str channel, int64_t batch, struct errinfo *ei) MUST_USE;
/* Zeroes when the channel was never used. */
enum err astore_lane(struct astore *s, struct str channel, struct lane_state *ret, struct errinfo *ei) MUST_USE;
enum err astore_put_lane(struct astore *s, struct str channel, const struct lane_state *l, struct errinfo *ei) MUST_USE;

enum err astore_add_silence(struct astore *s, const struct silence *x, int64_t *ret_id, struct errinfo *ei) MUST_USE;
enum err astore_remove_silence(struct astore *s, int64_t id, bool *ret_was, struct errinfo *ei) MUST_USE;
/* Those that still count, in `a`. */
enum err astore_silences(struct astore *s, int64_t now_ms, struct arena *a, struct silence **ret, size_t *ret_n,
                         struct errinfo *ei) MUST_USE;

#endif
