/* A projection: of the records that an integration keeps, the values that one kind of lookup asks for, by what it asks
 * with. One SQLite file (WAL). It is made from the journal and may be thrown away at any time. Several processes may
 * add to it; one thread at a time uses a handle. Errors of all calls: ERR_DISK, ERR_CONFLICT, ERR_INTERNAL. */
#ifndef STORE_PROJECTION_H
#define STORE_PROJECTION_H

#include "base/arena.h"
#include "base/err.h"

struct projection;

/* What an answer may come from: a record, or one element of an array of it. */
struct projected_line {
    uint64_t hash;     /* of what it is looked up by; 0 when there is nothing to go by */
    int32_t line;      /* within the record */
    struct str fields; /* values to compare with, as the caller writes them */
    struct str found;  /* the value looked for; p NULL: none */
};
struct projected_record {
    struct str key, version;
    int64_t page;
    int32_t row;
    const struct projected_line *lines;
    size_t n_lines; /* 0: it is not to be found (any more) */
};

/* Opens or creates dir/name.db. `spec` says what it holds, and of which journal: one made for another is emptied. */
struct projection_name {
    const char *dir, *name;
    struct str spec;
};
enum err projection_open(const struct projection_name *n, struct projection **ret, struct errinfo *ei) MUST_USE;
void projection_close(struct projection *p); /* NULL is fine */
/* The journal's pages up to this one are in it. */
enum err projection_page(struct projection *p, int64_t *ret, struct errinfo *ei) MUST_USE;
/* Adds the records of the pages after `from` up to `to`, in one transaction: of each key the newest version stays (the
 * later one unless its version is older). ret_taken false: another process was quicker, nothing was done. */
struct projection_step {
    int64_t from, to;
    const struct projected_record *records;
    size_t n;
};
enum err projection_add(struct projection *p, const struct projection_step *s, bool *ret_taken,
                        struct errinfo *ei) MUST_USE;
/* Empties it: it is made anew from the journal's first page on. */
enum err projection_clear(struct projection *p, struct errinfo *ei) MUST_USE;
/* Lines of that hash, the most recently changed record first, until `each` gives false. Texts live for the call. */
struct projected_hit {
    int64_t page;
    int32_t row, line;
    struct str fields, found;
};
typedef bool projection_each(void *ctx, const struct projected_hit *hit);
enum err projection_find(struct projection *p, uint64_t hash, projection_each *each, void *ctx,
                         struct errinfo *ei) MUST_USE;

#endif
