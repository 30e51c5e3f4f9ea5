/* Records on their way into the ledger. They wait until the target's checkpoint has passed them: a ledger that were
 * ahead of the target would take what a crash left unwritten for written. Then they are put many at a time in key
 * order, which touches each page of the store once.
 *
 * The position up to which the ledger knows the journal is kept with the entries; what lies behind it is brought up to
 * date from the journal by the next run. */
#include "run/ledger_notes.h"

#include "base/plant.h"

#include "base/map.h"

#include <stdlib.h>

#ifndef LEDGER_GROUP /* a simulation wants to meet its edges */
#define LEDGER_GROUP 8192
#endif
#define LEDGER_MIN_CAP   64
#define LEDGER_ARENA_MAX (64u << 20)

struct ledger_notes {
    struct pipeline *p;
    struct arena *arena;
    struct ledger_entry *at;
    size_t n, cap;     /* in the order of the journal; a key may be there several times */
    size_t keep_at;    /* so many are worth a transaction */
    struct map *index; /* key → the newest of `at` */
    int64_t page;      /* everything up to here is in `at` or in the store */
};

struct ledger_notes *ledger_notes_new(struct pipeline *p)
{
    struct ledger_notes *n = mem_zero(sizeof *n);

    n->p = p;
    n->arena = arena_new(LEDGER_ARENA_MAX);
    n->cap = LEDGER_MIN_CAP;
    n->at = mem_alloc(n->cap * sizeof *n->at);
    n->keep_at = LEDGER_GROUP;
    n->index = map_new();
    n->page = p->ledger_page;
    return n;
}

static void free_notes(struct ledger_notes *n)
{
    if (!n)
        return;
    free(n->at);
    map_free(n->index);
    arena_free(n->arena);
    free(n);
}

/* Of equal keys the later comes last, and counts. */
static int by_key(const void *x, const void *y)
{
    const struct ledger_entry *a = x, *b = y;
    int c = str_cmp(a->key, b->key);

    if (c)
        return c;
    if (a->page != b->page)
        return a->page < b->page ? -1 : 1;
    return a->row - b->row;
}

/* Forgets the first `n_put`, and the texts of all but the others. */
static void forget(struct ledger_notes *n, size_t n_put)
{
    struct arena *a;

    n->keep_at = n->n - n_put + LEDGER_GROUP;
    if (!n_put)
        return;
    a = arena_new(LEDGER_ARENA_MAX);
    map_clear(n->index);
    n->n -= n_put;
    for (size_t i = 0; i < n->n; i++) {
        n->at[i] = n->at[n_put + i];
        n->at[i].key = arena_str(a, n->at[i].key);
        n->at[i].version = arena_str(a, n->at[i].version);
        map_put(n->index, n->at[i].key, i);
    }
    arena_free(n->arena);
    n->arena = a;
}

static enum err keep(struct ledger_notes *n, struct errinfo *ei)
{
    struct pipeline *p = n->p;
    struct str name = p->flow->integration->name;
    int64_t whole = PLANTED(ledger_ahead) ? INT64_MAX : atomic_load(&p->whole_page),
            page = n->page < whole ? n->page : whole;
    size_t n_put = 0;
    enum err e;

    while (n_put < n->n && n->at[n_put].page <= whole)
        n_put++;
    if (n_put)
        qsort(n->at, n_put, sizeof *n->at, by_key);
    e = ledger_put(p->store, name, &(struct ledger_news){n->at, n_put, page > p->ledger_page ? page : 0}, ei);
    if (e)
        return e;
    if (page > p->ledger_page)
        p->ledger_page = page;
    forget(n, n_put);
    return OK;
}

enum err ledger_notes_add(struct ledger_notes *n, const struct batch_record *r, struct errinfo *ei)
{
    struct str key = arena_str(n->arena, r->key);

    if (n->n == n->cap) {
        n->cap *= 2;
        n->at = mem_grow(n->at, n->cap * sizeof *n->at);
    }
    n->at[n->n] = (struct ledger_entry){
        .key = key,
        .version = arena_str(n->arena, r->version),
        .hash_hi = r->hash_hi,
        .hash_lo = r->hash_lo,
        .page = r->page,
        .row = r->row,
        .lines = (int32_t)r->n_rows,
        .mapping = n->p->flow->mapping,
    };
    map_put(n->index, key, n->n++);
    return n->n >= n->keep_at ? keep(n, ei) : OK;
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

void ledger_notes_close(struct pipeline *p)
{
    struct errinfo ei;

    if (p->notes && p->ledger && !p->frozen && keep(p->notes, &ei))
        pipeline_fail(p, &ei);
    free_notes(p->notes);
    p->notes = NULL;
}
