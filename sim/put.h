/* Putting values into a record: the small verbs of the generator. Formatted text lives in the record's pool. */
#ifndef SIM_PUT_H
#define SIM_PUT_H

#include "record.h"
#include "rng.h"

struct str put_printf(struct record *r, const char *fmt, ...) PRINTF_LIKE(2, 3); /* into the pool */
void put_null(struct value *v);
void put_text(struct value *v, struct str s);
void put_cstr(struct value *v, const char *s);
void put_token(struct value *v, struct str digits);
void put_bool(struct value *v, bool b);
void put_int(struct record *r, struct value *v, int64_t n);
void put_json(struct value *v, struct str sent, struct str plain);
/* An amount of `units`/10000 with `scale` digits after the point (2 or 4; 0 for whole ones), as text or number. */
void put_amount(struct record *r, struct value *v, int64_t units, int scale, bool as_text);
void put_time(struct record *r, struct value *v, int64_t unix_s);
/* Text that is now and then null, missing or empty. */
void put_some(struct value *v, struct rng *b, struct str s);
/* `calm`, or one time in eight something hostile, unless `plain`. At most 200 characters. */
struct str put_wild(struct record *r, struct rng *b, bool plain, struct str calm);
/* The extension data of a line in one of its shapes: null, missing, object, JSON text, short text, empty. */
void put_extension(struct record *r, struct value *v, struct rng *b, bool plain);

/* lines.c: fills r->lines, r->n_lines, r->items; gives the sum of the amounts. */
int64_t lines_make(const struct gen *g, const struct version *v, struct record *r);

/* What kind of sums an order carries. */
enum money {
    MONEY_NEGATIVE = 0,
    MONEY_BIG,
    MONEY_NO_PAY,      /* pay_amount null */
    MONEY_FREE,        /* amounts 0: spread by quantity */
    MONEY_FREE_NO_QTY, /* amounts and quantities 0: spread equally */
    MONEY_PAY_4,       /* four decimals at the head */
    MONEY_LINES_4,     /* four decimals at the lines */
    MONEY_TOKENS,      /* numbers, not strings */
    MONEY_WHOLE,       /* no decimals */
    MONEY_PLAIN        /* and all above */
};
enum money money_kind(const struct gen *g, uint64_t idx);

#endif
