/* The list of names that a compiled document needs from a record.
 *
 * Names are copied into an arena of the list and numbered in the order of their coming; a map for each kind finds a
 * name that is already there. Shaping reads the list once and fills an array of values in the same order for every row.
 */
#include "meta/value.h"

#include "base/map.h"

#include <stdlib.h>

#define NAMES_MAX_BYTES ((size_t)64 << 20)

struct slot {
    struct str name;
    enum slot_kind kind;
};

struct slots {
    struct arena *arena;
    struct map *by_name[2]; /* one for each kind */
    struct slot *at;
    size_t n, cap;
};

struct slots *slots_new(void)
{
    struct slots *s = mem_zero(sizeof *s);
    s->arena = arena_new(NAMES_MAX_BYTES);
    s->by_name[SLOT_FIELD] = map_new();
    s->by_name[SLOT_COLUMN] = map_new();
    return s;
}

void slots_free(struct slots *s)
{
    if (!s)
        return;
    map_free(s->by_name[SLOT_FIELD]);
    map_free(s->by_name[SLOT_COLUMN]);
    arena_free(s->arena);
    free(s->at);
    free(s);
}

size_t slots_add(struct slots *s, struct str name, enum slot_kind kind)
{
    size_t found = map_get(s->by_name[kind], name);
    if (found != MAP_NONE)
        return found;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 32;
        s->at = mem_grow(s->at, s->cap * sizeof *s->at);
    }
    s->at[s->n] = (struct slot){arena_str(s->arena, name), kind};
    map_put(s->by_name[kind], s->at[s->n].name, s->n);
    return s->n++;
}

size_t slots_count(const struct slots *s)
{
    return s->n;
}

struct str slots_name(const struct slots *s, size_t i)
{
    return s->at[i].name;
}

enum slot_kind slots_kind(const struct slots *s, size_t i)
{
    return s->at[i].kind;
}
