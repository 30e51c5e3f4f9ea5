/* Records on their way into the ledger: many at a time in key order touch each page of the store once.
 *
 * The position up to which the ledger knows the journal is kept after the entries, so that a crash between the two
 * repeats work and skips none: what lies behind the position is brought up to date from the journal by the next run. */
#include "run/ledger_notes.h"

#include "base/map.h"

#include <stdlib.h>

#define LEDGER_GROUP     8192
#define LEDGER_ARENA_MAX (64u << 20)

struct ledger_notes {
    struct pipeline *p;
    struct arena *arena;
    struct ledger_entry *at;
    size_t n;
    struct map *index; /* key → the newest of `at` */
    int64_t page;      /* everything up to here is in `at` or in the store */
};

struct ledger_notes *ledger_notes_new(struct pipeline *p)
{
    struct ledger_notes *n = mem_zero(sizeof *n);

    n->p = p;
    n->arena = arena_new(LEDGER_ARENA_MAX);
    n->at = mem_alloc(LEDGER_GROUP * sizeof *n->at);
    n->index = map_new();
    n->page = p->ledger_page;
    return n;
}

void ledger_notes_free(struct ledger_notes *n)
{
    if (!n)
        return;
    free(n->at);
    map_free(n->index);
    arena_free(n->arena);
    free(n);
}

static int by_key(const void *x, const void *y)
{
    return str_cmp(((const struct ledger_entry *)x)->key, ((const struct ledger_entry *)y)->key);
}

enum err ledger_notes_keep(struct ledger_notes *n, struct errinfo *ei)
{
    struct pipeline *p = n->p;
    struct str name = p->flow->integration->name;
    enum err e = OK;

    if (n->n) {
        qsort(n->at, n->n, sizeof *n->at, by_key);
        e = ledger_put(p->store, name, n->at, n->n, ei);
    }
    if (!e && n->page > p->ledger_page)
        e = store_set_fact(p->store, ledger_page_fact(n->arena, name),
                           arena_printf(n->arena, "%lld", (long long)n->page), ei);
    p->ledger_page = n->page;
    n->n = 0;
    map_clear(n->index);
    arena_reset(n->arena);
    return e;
}

/* A key that waits already is noted anew in its place: of equal keys the later one counts. */
enum err ledger_notes_add(struct ledger_notes *n, const struct batch_record *r, struct errinfo *ei)
{
    size_t known = map_get(n->index, r->key), at = known == MAP_NONE ? n->n : known;
    struct str key = known == MAP_NONE ? arena_str(n->arena, r->key) : n->at[at].key;

    n->at[at] = (struct ledger_entry){
        .key = key,
        .version = arena_str(n->arena, r->version),
        .hash_hi = r->hash_hi,
        .hash_lo = r->hash_lo,
        .page = r->page,
        .row = r->row,
        .lines = (int32_t)r->n_rows,
        .mapping = n->p->flow->mapping,
    };
    if (known == MAP_NONE)
        map_put(n->index, key, n->n++);
    return n->n == LEDGER_GROUP ? ledger_notes_keep(n, ei) : OK;
}

bool ledger_notes_find(const struct ledger_notes *n, struct str key, struct ledger_entry *ret)
{
    size_t at = map_get(n->index, key);

    if (at == MAP_NONE)
        return false;
    *ret = n->at[at];
    return true;
}

void ledger_notes_reach(struct ledger_notes *n, int64_t page)
{
    if (page > n->page)
        n->page = page;
}
