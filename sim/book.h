/* The book of orders: every order's current visible version, its JSON, and two sorted indexes.
 * Owned by one thread. Times are milliseconds of the simulator's clock unless named otherwise. */
#ifndef SIM_BOOK_H
#define SIM_BOOK_H

#include "record.h"
#include "rng.h"

struct slot {
    uint64_t o_id;
    int64_t ts;
    int64_t modified_s, born_s;
    char *json;
    uint32_t json_len;
    uint32_t rev;      /* visible */
    uint32_t last_rev; /* given out, perhaps not visible yet */
    uint8_t status;
    bool visible;
    struct twist twist, last_twist; /* visible; given out */
};

struct pending { /* a version that waits to be seen */
    int64_t visible_ms;
    struct version v;
};

struct book {
    struct gen gen;
    struct slot *slot;
    uint64_t n_slots, cap_slots;
    uint32_t *by_modified, *by_ts; /* slot numbers, visible ones only */
    size_t n_visible;
    struct pending *pending; /* ordered by visible_ms */
    size_t n_pending, cap_pending;
    int64_t next_ts;
    uint64_t edits;
    int64_t new_from_ms; /* --realtime-new */
    double new_per_s;
    uint64_t new_made;
    struct record *record; /* scratch */
    struct buf text;       /* scratch */
};

/* Makes the initial orders; those modified less than late_ms ago wait to be seen. */
void book_open(struct book *b, const struct gen *g, int64_t now_ms, int64_t late_ms);
void book_close(struct book *b);
/* Shows what has become visible and makes the new orders that are due. Call it before reading. */
void book_tick(struct book *b, int64_t now_ms, int64_t late_ms);
/* One edit of the order in that slot, stamped now; seen late_ms from now. */
void book_edit(struct book *b, uint64_t idx, int64_t now_ms, int64_t late_ms);
/* An edit that also gives the order this twist, until another does. */
void book_twist(struct book *b, uint64_t idx, struct twist to, int64_t now_ms, int64_t late_ms);
/* One new order, stamped now. */
void book_add(struct book *b, int64_t now_ms, int64_t late_ms);
/* The half-open range of by_modified with from <= modified <= to (seconds); of by_ts with ts >= from. */
void book_range(const struct book *b, int64_t from_s, int64_t to_s, size_t *ret_lo, size_t *ret_hi);
size_t book_from_ts(const struct book *b, int64_t ts);
bool book_find(const struct book *b, uint64_t o_id, uint64_t *ret_idx); /* visible or not */
struct version book_version(const struct book *b, uint64_t idx);
/* Makes the visible version again, into the book's scratch record. */
const struct record *book_record(struct book *b, uint64_t idx);

#endif
