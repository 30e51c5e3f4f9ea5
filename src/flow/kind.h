/* A kind of lookup: the integration, the paths of its conditions (and which of them an index can answer), the path of
 * the value wanted. Inside flow only. */
#ifndef FLOW_KIND_H
#define FLOW_KIND_H

#include "flow/flow.h"
#include "flow/kept.h"
#include "store/journal.h"
#include "store/projection.h"

#include <pthread.h>

/* A path of a lookup: in the record, and inside an element of the flattened array that it lies in. */
struct place {
    struct str path;
    struct str element;
    bool in_line;
};

struct kind {
    const struct lookup *as; /* the first lookup of this kind */
    struct kept *kept;
    struct str array; /* the flattened array whose elements answer, or empty */
    struct place find, *paths;
    size_t n_paths;
    size_t indexed[LOOKUP_TERMS_MAX]; /* of paths */
    size_t n_indexed;
    struct projection *projection; /* NULL: nothing has run yet */
    struct journal *journal;
    pthread_mutex_t mutex; /* over all below, and the projection */
    struct hasher *hasher;
    struct shaper *shaper; /* of `kept` */
    int64_t page, looked_ms;
};

/* Fills array, find, paths and indexed. */
void kind_places(struct kind *k);
/* Which of the distinct paths of the lookup the term has: the index into `paths`, and into the fields of a line. */
size_t kind_path(const struct lookup *l, const struct lookup_term *t);
/* Key, version and lines of a record, in `a`; no key when it has none. ERR_DATA: too many combinations. */
enum err kind_project(const struct kind *k, const struct json *raw, struct arena *a, struct projected_record *ret,
                      struct errinfo *ei) MUST_USE;

/* Lists of values to look up by; one choice of each gives a hash. Counted through like the digits of a number. */
struct choices {
    struct lookup_values of[LOOKUP_TERMS_MAX];
    size_t at[LOOKUP_TERMS_MAX], n;
};
/* Those of the values that a key can be made of. */
struct lookup_values choices_of(struct arena *a, const struct value *v, size_t n);
/* Is there any? ERR_DATA: there are too many. */
enum err choices_count(const struct choices *c, bool *ret_any, struct errinfo *ei) MUST_USE;
bool choices_next(struct choices *c);
uint64_t choices_hash(struct hasher *h, const struct choices *c);

#endif
