/* What the records of an integration look like, as far as it was learnt, and the changes of it that were found. Part of
 * the state (store.h says how calls behave and fail). */
#ifndef STORE_FIELDS_H
#define STORE_FIELDS_H

#include "store/store.h"

/* JSON types that were seen in a field, as bits. Once a field held SEEN_TEXT its later texts are not told apart. */
enum seen_type {
    SEEN_NULL = 1,
    SEEN_BOOL = 2,
    SEEN_INTEGER = 4,
    SEEN_DECIMAL = 8,
    SEEN_EMPTY = 16,        /* "" */
    SEEN_TEXT_INTEGER = 32, /* texts that look like a whole number, */
    SEEN_TEXT_DECIMAL = 64, /* like another number, */
    SEEN_TEXT_TIME = 128,   /* like a date or a time, */
    SEEN_TEXT = 256,        /* like anything else */
    SEEN_ARRAY = 512,
    SEEN_OBJECT = 1024
};
#define SEEN_NUMBER  (SEEN_INTEGER | SEEN_DECIMAL)
#define SEEN_NUMERIC (SEEN_TEXT_INTEGER | SEEN_TEXT_DECIMAL)
#define SEEN_STRING  (SEEN_EMPTY | SEEN_NUMERIC | SEEN_TEXT_TIME | SEEN_TEXT)

/* What was seen of a field. Digits are those of numbers and of texts that look like one. */
struct seen {
    uint64_t count; /* objects that had it */
    uint32_t types;
    uint32_t longest;       /* characters */
    uint16_t before, after; /* most digits before and after the point */
};
/* "integer, text like a time": the types in words, in `a`; "nothing" for none. */
struct str seen_words(uint32_t types, struct arena *a);

/* A field by its path: `o_id`, `ext.colour`, `items[].qty`; the empty path stands for the record itself. */
struct field {
    struct str path;
    struct seen seen;
    int64_t of;     /* objects of its level (records, elements) since it was seen first */
    int64_t missed; /* those of them that came since it was seen last */
    int64_t first_run, first_ms, last_run, last_ms;
    uint32_t known; /* types that are the base: what runs compare with; 0: it is not part of it */
};
/* In the order of their paths. */
enum err store_fields(struct store *s, struct str integration, struct arena *a, struct field **ret, size_t *ret_n,
                      struct errinfo *ei) MUST_USE;
/* Adds what a run has seen: of each field path, seen (count 0: it was in none), of. With `base` what was seen becomes
 * part of the base. One transaction. */
struct fields_seen {
    const struct field *at;
    size_t n;
    int64_t run, now_ms;
    bool base;
};
enum err store_fields_learn(struct store *s, struct str integration, const struct fields_seen *f,
                            struct errinfo *ei) MUST_USE;
/* The present state becomes the base: what vanished is forgotten, open changes are closed. *ret_closed: how many. */
enum err store_fields_accept(struct store *s, struct str integration, size_t *ret_closed, struct errinfo *ei) MUST_USE;

/* ---- changes ---- */
enum change_kind {
    CHANGE_NEW,    /* a field that was never seen */
    CHANGE_GONE,   /* a field that was always there */
    CHANGE_TYPE,   /* another JSON type */
    CHANGE_NEAR,   /* texts that nearly fill their column */
    CHANGE_LENGTH, /* texts longer than their column */
    CHANGE_DIGITS  /* more digits than their column keeps */
};
const char *change_name(enum change_kind k); /* "new_field", … */
enum change_state { CHANGE_OPEN, CHANGE_CLOSED, CHANGE_ACCEPTED };
struct change {
    int64_t id;
    int kind;            /* enum change_kind */
    struct str path;     /* of the field, or of the target column where values are too long */
    struct str detail;   /* what tells changes of one kind and path apart: the new type; else empty */
    struct str text;     /* one sentence */
    struct str sql;      /* the ALTER TABLE that would fit, or empty */
    struct str line;     /* the member of request[] that maps it, or empty */
    int64_t need, scale; /* characters; or digits before and after the point */
    int64_t run, since_ms, runs;
    int state; /* enum change_state */
};
/* Keeps a change by (kind, path, detail). *ret_state is what it was: CHANGE_CLOSED when it is new or open again (tell
 * it), CHANGE_OPEN when it was told (its figures are brought up to date), CHANGE_ACCEPTED when a person wants to hear
 * no more of it (nothing is changed). `c->state` is that of a change that is not there yet. */
enum err store_change(struct store *s, struct str integration, const struct change *c, enum change_state *ret_state,
                      struct errinfo *ei) MUST_USE;
/* The open ones, oldest first. */
enum err store_changes(struct store *s, struct str integration, struct arena *a, struct change **ret, size_t *ret_n,
                       struct errinfo *ei) MUST_USE;
enum err store_change_close(struct store *s, int64_t id, struct errinfo *ei) MUST_USE;

#endif
