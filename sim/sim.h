/* What one running simulator is: options, faults, clock, quota, statistics and the book. Owned by the HTTP thread
 * from the moment it listens. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "book.h"

enum fault_id {
    FAULT_DRIFT,
    FAULT_LATE,
    FAULT_CLAMP,
    FAULT_HTTP500,
    FAULT_CUT,
    FAULT_SLOW,
    FAULT_HOLD,
    FAULT_GARBAGE,
    FAULT_BAREROOT,
    FAULT_CTRL,
    FAULT_SKEW,
    FAULT_LIE_HASNEXT,
    FAULT_DUP,
    FAULT_NOTOTAL,
    FAULT_RESHAPE,
    FAULT_SLOW_LOGIN,
    FAULT_NO_REFRESH,
    FAULT_LIFE_TOLD,
    FAULT_COUNT
};

struct fault {
    const char *name;
    double value;    /* when none is given; 0 for a plain switch */
    double min, max; /* what may be given */
    const char *help;
};
extern const struct fault fault_table[FAULT_COUNT];

struct faults {
    bool on[FAULT_COUNT];
    double value[FAULT_COUNT];
};
/* "NAME", "NAME=VALUE" or "NAME=off". ERR_USAGE with the names that exist. */
enum err fault_set(struct faults *f, struct str name, struct str value, struct errinfo *ei) MUST_USE;

struct options {
    const char *app_key, *app_secret, *customer_id;
    uint64_t seed, orders;
    int64_t port, qps, days, page_max, start_s; /* start_s: -1 is now */
    int64_t token_life_s;
    double realtime_new;
    bool plain, die_with_parent;
    bool open; /* jushuitan-open instead of jushuitan-qimen */
};

#define TARGET_APP_KEY "23060081"
enum { METHOD_ORDERS, METHOD_REFUNDS, METHOD_SALEOUTS, METHOD_COUNT };

struct stats {
    uint64_t calls, served, refused, bad_signature, lower_case_sign, errors, errors_injected, cuts, rows, bytes;
    uint64_t by_method[METHOD_COUNT];
    uint64_t logins, refreshes, bad_tokens;
};

/* The only token that is good; jushuitan-open. */
#define TOKEN_TEXT 40
struct sim_token {
    char access[TOKEN_TEXT], refresh[TOKEN_TEXT]; /* empty: none was given out */
    int64_t until_ms;
    uint64_t n; /* given out so far */
};

struct sim {
    struct options opt;
    struct faults faults;
    struct stats stats;
    struct book book;
    struct rng rng;      /* draws of the faults */
    int64_t shift_ms;    /* simulator's clock less the system's, without skew */
    int64_t advanced_ms; /* part of it that /control added; the quota refills with it */
    double tokens;       /* of the quota */
    int64_t tokens_at_ms;
    struct sim_token token;
    uint64_t n_failures; /* protocol errors answered: picks their shape */
    uint64_t n_requests; /* for request ids */
    uint32_t *matched;   /* scratch: rows of a filtered query */
    size_t cap_matched;
    struct buf scratch;
};

void sim_open(struct sim *s, const struct options *opt, const struct faults *faults);
void sim_close(struct sim *s);
int64_t sim_now_ms(const struct sim *s); /* the simulator's clock, with skew */
int64_t sim_late_ms(const struct sim *s);
bool sim_quota_take(struct sim *s); /* one call; false when the bucket is empty */
void sim_tick(struct sim *s);

#define REPLY_HELD INT64_MAX
/* An answer on its way. */
struct reply {
    int status;
    const char *type;
    struct buf body;
    bool cut;         /* close the connection half-way */
    int64_t delay_ms; /* before the answer; REPLY_HELD: until no answer is held any more */
};

/* Name and value of one form field, decoded. */
struct param {
    struct str key, value;
};
#define PARAMS_MAX 256
struct params {
    struct param v[PARAMS_MAX];
    size_t n;
    bool overflow;
};
/* Decodes a form body in place and appends its fields. */
void form_parse(struct params *p, char *body, size_t n);
void form_add(struct params *p, struct str key, struct str value);
struct str form_get(const struct params *p, const char *key); /* p NULL when it is absent */

/* qimen.c: one call to the router. */
void qimen_call(struct sim *s, struct params *p, struct reply *out);
/* open.c: one call to that path; false: there is no such path. */
bool open_call(struct sim *s, struct str path, struct params *p, struct reply *out);
/* qimen.c, for both: how long the answer waits; a gateway in trouble (true: the answer is written); edits while the
 * client pages. */
int64_t sim_delay_ms(const struct sim *s);
bool sim_strike(struct sim *s, struct reply *out);
void sim_drift(struct sim *s);
/* query.c: the business part. Appends the answer to `out`, or fills `problem`. */
struct problem {
    int code; /* 0: none */
    char detail[160];
};
void query_run(struct sim *s, int method, const struct params *p, struct buf *out, struct problem *problem);
/* reshape.c: changes what the orders of an answer look like, when the fault is on. */
enum reshape { RESHAPE_GROW = 1, RESHAPE_GROW_LINES, RESHAPE_RENAME, RESHAPE_RETYPE, RESHAPE_LENGTHEN };
void reshape(struct sim *s, struct buf *body);
void to_xml(struct str json, struct buf *out);                         /* xml.c */
void control_apply(struct sim *s, struct str json, struct reply *out); /* control.c */
void stats_write(const struct sim *s, struct buf *out);
/* http.c: starts the server; gives the port. */
struct server;
enum err server_start(struct sim *s, struct server **ret, int *ret_port, struct errinfo *ei) MUST_USE;
void server_stop(struct server *srv);

#endif
