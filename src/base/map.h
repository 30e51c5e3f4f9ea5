/* A hash table from text to a number (an index into the caller's array, a count, a slot) with a seeded hash (XXH3).
 * Open addressing; keys are views that the caller keeps alive, or copies in the map's own arena when made
 * with `map_new_copying`. Not for sharing between threads while it changes. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map;

#define MAP_NONE SIZE_MAX

struct map *map_new(void);
struct map *map_new_copying(size_t max_bytes);
void map_free(struct map *m);
void map_clear(struct map *m);
size_t map_count(const struct map *m);
/* The value of the key, or MAP_NONE. */
size_t map_get(const struct map *m, struct str key);
/* Sets the key. Gives true when it was new, false when its value was replaced. */
bool map_put(struct map *m, struct str key, size_t value);

/* Seeded 64-bit hash of bytes: one random seed a process. Never stored, never sent. */
uint64_t hash_bytes(struct str s);

/* A set of 64-bit hashes (for counting distinct ids in a window): 8–16 bytes an entry. */
struct hashset;
struct hashset *hashset_new(void);
void hashset_free(struct hashset *h);
void hashset_clear(struct hashset *h);
bool hashset_add(struct hashset *h, uint64_t key); /* true when new */
bool hashset_has(const struct hashset *h, uint64_t key);
size_t hashset_count(const struct hashset *h);

#endif
