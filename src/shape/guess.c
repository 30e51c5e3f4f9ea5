/* Lists of keys in the order in which objects have them: reading an object costs a comparison a member.
 *
 * Records of one reply have the same members in much the same order, so each object is read against a list of guesses:
 * the key expected next is compared first, then the next few (guess_find), then a hash table is asked. What is known of
 * a key stands with it and is kept for the shaper's life. A list that is full gives a spare guess for each key that it
 * does not know: such keys are data (a map by id), not fields. */
#include "shape/plan.h"

#include <stdlib.h>

void guesses_init(struct guesses *g, struct str prefix, size_t most)
{
    *g = (struct guesses){.prefix = prefix, .index = map_new(), .most = most};
}

void guesses_free(struct guesses *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free((char *)(uintptr_t)g->at[i].key.p);
        if (g->at[i].inner) {
            guesses_free(g->at[i].inner);
            free(g->at[i].inner);
        }
    }
    free(g->at);
    map_free(g->index);
}

static struct guess *learn(struct guesses *g, struct str key)
{
    char *copy;

    if (g->n >= g->most) {
        g->crowded = true;
        g->spare = (struct guess){.key = key, .slot = MAP_NONE, .alias = MAP_NONE};
        return &g->spare;
    }
    copy = mem_alloc(key.n + 1);
    if (key.n)
        memcpy(copy, key.p, key.n);
    copy[key.n] = '\0';
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 32;
        g->at = mem_grow(g->at, g->cap * sizeof *g->at);
    }
    g->at[g->n] = (struct guess){.key = {copy, key.n}, .slot = MAP_NONE, .alias = MAP_NONE};
    map_put(g->index, g->at[g->n].key, g->n);
    g->pos = ++g->n;
    return &g->at[g->n - 1];
}

struct guess *guess_far(struct guesses *g, struct str key, bool *ret_new)
{
    size_t i = map_get(g->index, key);

    *ret_new = i == MAP_NONE;
    if (*ret_new)
        return learn(g, key);
    g->pos = i + 1;
    return &g->at[i];
}
