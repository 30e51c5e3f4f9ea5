/* The compiled shape, shared by the files of this floor only. */
#ifndef SHAPE_PLAN_H
#define SHAPE_PLAN_H

#include "base/map.h"
#include "shape/shape.h"

#define SHAPE_ARRAYS 12

/* An array whose elements give values to a row: flattened by beatFlat, or the array of an extend statement. */
struct shape_array {
    struct str name;   /* dotted path in the record */
    struct str prefix; /* last segment and "_" */
    bool flat;         /* beatFlat: multiplies rows */
};

/* A slot that is a path: `a.b`, `a.0.b`, `items.x`. */
struct path_slot {
    size_t slot;
    struct str path;
    int array;       /* index of the array whose element it means, or -1 */
    struct str rest; /* the path inside the element */
};

/* A slot that is all values of `array.field`. */
struct column_slot {
    size_t slot;
    struct str array, field;
};

struct shape_alloc {
    int array; /* index into arrays, or -1 */
    struct str over, as;
    size_t slot; /* of prefix + as; SIZE_MAX when nobody asks for it */
};

struct shape {
    struct shape_input in;
    struct arena *arena;
    size_t n_slots;
    struct map *names; /* plain slot name → slot */
    struct shape_array arrays[SHAPE_ARRAYS];
    size_t n_arrays;
    struct path_slot *paths;
    size_t n_paths;
    struct column_slot *columns;
    size_t n_columns;
    const struct cond *cond;
    const struct allocate *allocate;
    struct shape_alloc *allocs;
    size_t n_allocs;
    struct formats formats;
    size_t *format_old, *format_new;
    const struct group *group;
    const struct operation *operation;
    size_t *plain[10]; /* slot of a column that is a plain copy, or SIZE_MAX */
};

/* fill.c: the values of a record's slots. */
struct guess {
    struct str key;     /* copied */
    size_t slot, alias; /* SIZE_MAX: nobody asks for it */
    bool nested;        /* some slot may lie inside an object of this name */
};
struct guesses {
    struct guess *at;
    size_t n, cap, pos;
    struct map *index;
    struct str prefix;
};
struct fill {
    struct value *value; /* n_slots */
    uint8_t *rank;       /* n_slots: where the value came from; see fill.c */
};
void guesses_init(struct guesses *g, struct str prefix);
void guesses_free(struct guesses *g);
void fill_clear(const struct shape *s, struct fill *f);
void fill_object(const struct shape *s, struct guesses *g, const struct json *object, bool element, struct fill *f);
void fill_paths(const struct shape *s, const struct json *record, const struct json *const *elements, struct fill *f);

/* merge.c: groupCalculate and operation on the rows of one record: those elements i of its array with keep[i]. *ret_doc
 * is an array of objects, to be freed by the caller. */
struct merge_input {
    const struct json *record, *array;
    const bool *keep;
};
enum err merge_rows(const struct shape *s, const struct merge_input *in, struct arena *a, struct json_doc **ret_doc,
                    struct errinfo *ei) MUST_USE;

#endif
