/* Values on their way from a record to a row, and what they are evaluated in.
 *
 * A value never owns its bytes: they live in the page's document or in the arena of the evaluation. Numbers are
 * the digits that the API sent. */
#ifndef META_VALUE_H
#define META_VALUE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

enum value_kind {
    VALUE_MISSING, /* the record has no such field */
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_NUMBER, /* text of a JSON number, as sent */
    VALUE_TEXT,
    VALUE_JSON /* an array or an object */
};

struct value {
    uint8_t kind; /* enum value_kind */
    bool truth;   /* VALUE_BOOL */
    uint32_t n;   /* bytes at p: VALUE_NUMBER, VALUE_TEXT */
    union {
        const char *p;
        const struct json *json; /* VALUE_JSON */
    };
};

#define VALUE_NOTHING ((struct value){.kind = VALUE_MISSING})
static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}
static inline struct value value_text(struct str s)
{
    return (struct value){.kind = VALUE_TEXT, .n = (uint32_t)s.n, .p = s.p};
}
static inline struct value value_number(struct str s)
{
    return (struct value){.kind = VALUE_NUMBER, .n = (uint32_t)s.n, .p = s.p};
}
static inline struct value value_bool(bool b)
{
    return (struct value){.kind = VALUE_BOOL, .truth = b};
}
static inline struct str value_str(const struct value *v)
{
    return (struct str){v->p, v->n};
} /* NUMBER and TEXT only */
static inline bool value_is_null(const struct value *v)
{
    return v->kind <= VALUE_NULL;
}
/* Empty in the sense of `default` and `is_required` (decisions 14): missing, null or "". */
static inline bool value_is_empty(const struct value *v)
{
    return v->kind <= VALUE_NULL || (v->kind == VALUE_TEXT && v->n == 0);
}

struct value value_of_json(const struct json *v); /* NULL gives MISSING */
/* The value as text (cast to `string`): digits as sent, true/false, compact JSON in arena `a`. Null and missing give p
 * NULL. */
struct str value_as_text(const struct value *v, struct arena *a);

/* The names that a compiled document needs from a record, each with a number. Shaping fills one `struct value` a slot.
 */
enum slot_kind {
    SLOT_FIELD, /* a field of the flattened row, or a dotted path */
    SLOT_COLUMN /* `array.field` inside an aggregate of a _function: all elements of the array */
};
struct slots;
struct slots *slots_new(void);
void slots_free(struct slots *s);
/* gives the number; the same name and kind give the same number */
size_t slots_add(struct slots *s, struct str name, enum slot_kind kind);
size_t slots_count(const struct slots *s);
struct str slots_name(const struct slots *s, size_t i);
enum slot_kind slots_kind(const struct slots *s, size_t i);

/* System variables. Times are those of the source's clock, frozen by the caller: per call on the source side, at the
 * page's fetch on the target side (decisions 10). */
struct sysvars {
    const struct zone *zone; /* the project's */
    int64_t now_ms;
    int64_t last_sync_s, current_s;     /* LAST_SYNC_TIME, CURRENT_TIME */
    int64_t page_size, start_row, page; /* PAGINATION_…; -1 when they do not apply */
    struct str max_data_id;             /* p NULL when there is none */
    /* of random, uuid, RAND(): fixed by the caller, so that shaping again gives the same row */
    uint64_t seed;
};

struct lookup; /* lookup.h */
struct lookup_operands;

struct env {
    const struct value *slot; /* slots_count() values */
    const struct sysvars *sys;
    struct arena *arena; /* of results */
    /* The values of a SLOT_COLUMN slot over the whole array, in arena; NULL callback: no aggregates here. */
    size_t (*column)(void *ctx, size_t slot, const struct value **ret);
    void *column_ctx;
    /* Answers a lookup in the kept records of another integration: the value in `a`, containers as marked JSON text
     * (cast.h), VALUE_NULL when nothing is found. May be asked by several threads. NULL: nobody answers here. */
    enum err (*lookup)(void *ctx, const struct lookup *l, const struct lookup_operands *asked, struct arena *a,
                       struct value *ret, struct errinfo *ei);
    void *lookup_ctx;
    uint32_t draws; /* how many random values were drawn in this row; kept by the evaluation, start at 0 */
};

#endif
