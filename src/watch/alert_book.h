/* The states of alerts: pure, time is an argument. Observations go in; pending, firing, resolved and what is to be told
 * come out. */
#ifndef WATCH_ALERT_BOOK_H
#define WATCH_ALERT_BOOK_H

#include "watch/alert.h"

enum alert_state { ALERT_CLEAR, ALERT_PENDING, ALERT_FIRING };
enum notice_kind { NOTICE_FIRED, NOTICE_MORE, NOTICE_RESOLVED };

struct alert {
    int64_t id;
    int rule;
    char *integration; /* owned */
    int state;         /* enum alert_state */
    int severity;
    int64_t since_ms, fired_ms, last_ms; /* condition true since; told to people since; last seen true */
    int64_t off_ms;                      /* condition false since, or 0 */
    int64_t told_ms;                     /* 0: never */
    int64_t update_ms;                   /* how long until it is told that it grew */
    int64_t count, told_count;           /* errors since it began; as last told */
    int64_t value, base, limit;          /* limit: what the value was held against */
    char *text;                          /* owned; what the other side said */
    bool silenced, dirty;                /* dirty: differs from what is stored */
};

/* What the book tells; called from within its functions. */
struct book_port {
    void (*notice)(void *ctx, const struct alert *al, enum notice_kind kind, int64_t now_ms);
    void (*ended)(void *ctx, const struct alert *al, int64_t now_ms); /* it fired, and is over: for the history */
    void (*changed)(void *ctx, const struct alert *al);               /* its state is another */
    void *ctx;
};

struct book;
struct book *book_new(const struct book_port *port);
void book_free(struct book *b);
void book_settings(struct book *b, const struct alert_settings *s);      /* borrowed until the next; before all else */
void book_silences(struct book *b, const struct silence *all, size_t n); /* borrowed until the next */
/* Takes an alert back in, as it was stored; copies. `next_id` is raised above its id. */
void book_restore(struct book *b, const struct alert *al);
void book_next_id(struct book *b, int64_t at_least);
void book_observe(struct book *b, const struct observation *o, int64_t now_ms);
void book_forget(struct book *b, struct str integration, int64_t now_ms);
void book_tick(struct book *b, int64_t now_ms);
size_t book_count(const struct book *b); /* of all that were ever seen, those in ALERT_CLEAR included */
struct alert *book_at(const struct book *b, size_t i);
size_t book_firing(const struct book *b);

#endif
