/* Hash tables: text to number, and a set of 64-bit hashes.
 *
 * Both use open addressing with linear probing and never delete one entry. The map keeps the hash beside
 * the key, so that growing does not hash again and a probe compares text only when the hashes agree;
 * sizes are powers of two and at most three quarters full. The set stores bare keys and grows by half, to stay
 * between 10 and 15 bytes an entry; its keys are mixed once more before they choose a slot, so that keys
 * that are no good hashes do not pile up. The seed is drawn once a process, from the kernel. */
#include "base/map.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

#include "base/arena.h"
#include "base/err.h"

#define FIRST_SLOTS 16

struct slot {
    uint64_t hash; /* 0: the slot is free */
    struct str key;
    size_t value;
};

struct map {
    struct slot *slots;
    size_t n_slots, n;
    struct arena *keys; /* NULL when the caller keeps them */
};

struct hashset {
    uint64_t *keys; /* 0: free */
    size_t n_slots, n;
    bool has_zero; /* the key 0, which has no slot */
};

/* lint: allow(global) hash_bytes has no state to keep it in; written once, by draw_seed, never read before */
static uint64_t seed;
static pthread_once_t seed_drawn = PTHREAD_ONCE_INIT;

static void draw_seed(void)
{
    char *at = (char *)&seed;
    size_t left = sizeof(seed);
    while (left > 0) {
        ssize_t n = getrandom(at, left, 0);
        if (n < 0 && errno != EINTR)
            abort();
        if (n > 0) {
            at += n;
            left -= (size_t)n;
        }
    }
}

uint64_t hash_bytes(struct str s)
{
    pthread_once(&seed_drawn, draw_seed);
    return XXH3_64bits_withSeed(s.n ? s.p : "", s.n, seed);
}

static uint64_t hash_key(struct str key)
{
    uint64_t hash = hash_bytes(key);
    return hash ? hash : 1;
}

struct map *map_new(void)
{
    struct map *m = mem_zero(sizeof(*m));
    m->n_slots = FIRST_SLOTS;
    m->slots = mem_zero(m->n_slots * sizeof(*m->slots));
    return m;
}

struct map *map_new_copying(size_t max_bytes)
{
    struct map *m = map_new();
    m->keys = arena_new(max_bytes);
    return m;
}

void map_free(struct map *m)
{
    if (!m)
        return;
    arena_free(m->keys);
    free(m->slots);
    free(m);
}

void map_clear(struct map *m)
{
    memset(m->slots, 0, m->n_slots * sizeof(*m->slots));
    m->n = 0;
    if (m->keys)
        arena_reset(m->keys);
}

size_t map_count(const struct map *m)
{
    return m->n;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct slot *find(const struct map *m, uint64_t hash, struct str key)
{
    size_t mask = m->n_slots - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct slot *slot = &m->slots[i];
        if (slot->hash == 0 || (slot->hash == hash && str_eq(slot->key, key)))
            return slot;
    }
}

size_t map_get(const struct map *m, struct str key)
{
    const struct slot *slot = find(m, hash_key(key), key);
    return slot->hash ? slot->value : MAP_NONE;
}

static void map_grow(struct map *m)
{
    struct slot *old = m->slots;
    size_t n_old = m->n_slots;
    if (n_old > SIZE_MAX / sizeof(*old) / 2)
        die_no_memory();
    m->n_slots = n_old * 2;
    m->slots = mem_zero(m->n_slots * sizeof(*m->slots));
    size_t mask = m->n_slots - 1;
    for (size_t i = 0; i < n_old; i++) {
        if (old[i].hash == 0)
            continue;
        size_t to = (size_t)old[i].hash & mask;
        while (m->slots[to].hash)
            to = (to + 1) & mask;
        m->slots[to] = old[i];
    }
    free(old);
}

bool map_put(struct map *m, struct str key, size_t value)
{
    uint64_t hash = hash_key(key);
    struct slot *slot = find(m, hash, key);
    if (slot->hash) {
        slot->value = value;
        return false;
    }
    if (m->n + 1 > m->n_slots / 4 * 3) {
        map_grow(m);
        slot = find(m, hash, key);
    }
    *slot = (struct slot){hash, m->keys ? arena_str(m->keys, key) : key, value};
    m->n++;
    return true;
}

struct hashset *hashset_new(void)
{
    struct hashset *h = mem_zero(sizeof(*h));
    h->n_slots = FIRST_SLOTS;
    h->keys = mem_zero(h->n_slots * sizeof(*h->keys));
    return h;
}

void hashset_free(struct hashset *h)
{
    if (!h)
        return;
    free(h->keys);
    free(h);
}

void hashset_clear(struct hashset *h)
{
    memset(h->keys, 0, h->n_slots * sizeof(*h->keys));
    h->n = 0;
    h->has_zero = false;
}

/* Where the search for a key starts: its mixed bits scaled to the number of slots. */
static size_t first_slot(uint64_t key, size_t n_slots)
{
    __extension__ typedef unsigned __int128 wide;
    key = (key ^ key >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    key = (key ^ key >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    return (size_t)((wide)(key ^ key >> 32) * n_slots >> 64);
}

static bool insert(uint64_t *keys, size_t n_slots, uint64_t key)
{
    size_t i = first_slot(key, n_slots);
    while (keys[i] != 0) {
        if (keys[i] == key)
            return false;
        i = i + 1 < n_slots ? i + 1 : 0;
    }
    keys[i] = key;
    return true;
}

static void hashset_grow(struct hashset *h)
{
    if (h->n_slots > SIZE_MAX / sizeof(*h->keys) / 2)
        die_no_memory();
    size_t n_slots = h->n_slots + h->n_slots / 2;
    uint64_t *keys = mem_zero(n_slots * sizeof(*keys));
    for (size_t i = 0; i < h->n_slots; i++)
        if (h->keys[i])
            (void)insert(keys, n_slots, h->keys[i]);
    free(h->keys);
    h->keys = keys;
    h->n_slots = n_slots;
}

bool hashset_add(struct hashset *h, uint64_t key)
{
    if (key == 0) {
        bool fresh = !h->has_zero;
        h->has_zero = true;
        return fresh;
    }
    if (h->n + 1 > h->n_slots / 5 * 4)
        hashset_grow(h);
    bool fresh = insert(h->keys, h->n_slots, key);
    h->n += fresh;
    return fresh;
}

bool hashset_has(const struct hashset *h, uint64_t key)
{
    size_t i = first_slot(key, h->n_slots);

    if (key == 0)
        return h->has_zero;
    while (h->keys[i] != 0 && h->keys[i] != key)
        i = i + 1 < h->n_slots ? i + 1 : 0;
    return h->keys[i] == key;
}

size_t hashset_count(const struct hashset *h)
{
    return h->n + h->has_zero;
}
