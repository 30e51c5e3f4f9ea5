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

/* What looking at values has in common. */
struct look {
    uint64_t news;   /* new fields and new types of fields */
    uint64_t seldom; /* of values of a known JSON type only those whose number has none of these bits are looked at
                        closely */
};

/* guess.c: the keys of one kind of object, in the order in which they come. */
struct guess {
    struct str key;     /* copied */
    size_t slot, alias; /* MAP_NONE: nobody asks for it */
    bool nested;        /* some slot may lie inside an object of this name */
    bool walked;        /* its elements give lines: they are looked at there */
    struct seen seen;
    struct guesses *inner; /* of objects in it, or NULL; owned */
};
struct guesses {
    struct guess *at;
    size_t n, cap, pos, most;
    struct map *index;
    struct str prefix;
    struct guess spare; /* of a key that found no room; good until the next one */
    bool crowded;       /* there was one */
    bool look;          /* the object being filled is counted */
    uint64_t objects;   /* counted */
    struct look *tally; /* of the shaper */
};
#define GUESSES_MOST 4096
#define LOOK_AHEAD   4
void guesses_init(struct guesses *g, struct str prefix, size_t most);
void guesses_free(struct guesses *g);
/* The guess of a key that is not among the next few. *ret_new: what it means is not worked out yet. */
struct guess *guess_far(struct guesses *g, struct str key, bool *ret_new);
static inline struct guess *guess_find(struct guesses *g, struct str key, bool *ret_new)
{
    for (size_t i = g->pos; i < g->n && i < g->pos + LOOK_AHEAD; i++)
        if (str_eq(g->at[i].key, key)) {
            g->pos = i + 1;
            *ret_new = false;
            return &g->at[i];
        }
    return guess_far(g, key, ret_new);
}

/* look.c: counts a value of a field, and what lies inside it unless lines are made of it. */
void look_closely(struct guess *k, const struct value *v, struct look *l);
/* The same; values that can teach little are only counted. */
static inline void look_at(struct guess *k, const struct value *v, struct look *l)
{
    struct seen *s = &k->seen;
    bool known = false;

    if (v->kind == VALUE_TEXT && v->n && v->n <= s->longest)
        known = s->types & SEEN_TEXT || (s->types & SEEN_STRING && s->count & l->seldom);
    else if (v->kind == VALUE_NUMBER && v->n <= (unsigned)s->before + s->after)
        known = s->types & SEEN_NUMBER && s->count & l->seldom;
    else if (v->kind == VALUE_NULL)
        known = s->types & SEEN_NULL;
    if (known)
        s->count++;
    else
        look_closely(k, v, l);
}
/* What was counted; `elements` are those of s->arrays. */
void look_list(const struct shape *s, const struct guesses *header, const struct guesses *elements, struct arena *a,
               struct shape_fields *ret);

/* fill.c: the values of a record's slots. */
struct fill {
    struct value *value; /* n_slots */
    uint8_t *rank;       /* n_slots: where the value came from; see fill.c */
};
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
