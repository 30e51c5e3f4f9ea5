/* A batch and what keeps its cells alive: references to pages, documents made while shaping, one arena. */
#include "run/pipeline.h"

#include <stdlib.h>

#define UNIT_ARENA_MAX (256u << 20)

void unit_add_tally(struct unit *u)
{
    if (u->n_tallies == u->cap_tallies) {
        u->cap_tallies = u->cap_tallies ? u->cap_tallies * 2 : 4;
        u->tallies = mem_grow(u->tallies, u->cap_tallies * sizeof *u->tallies);
    }
    u->tallies[u->n_tallies++] = (struct tally){.first = u->b.n_records};
}

struct unit *unit_new(void)
{
    struct unit *u = mem_zero(sizeof *u);

    u->b.arena = arena_new(UNIT_ARENA_MAX);
    unit_add_tally(u);
    return u;
}

void unit_free(struct unit *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->n_pages; i++)
        page_unref(u->pages[i]);
    for (size_t i = 0; i < u->n_docs; i++)
        json_free(u->docs[i]);
    free(u->docs);
    free(u->dead);
    free(u->tallies);
    free(u->b.records);
    free(u->b.rows);
    arena_free(u->b.arena);
    free(u);
}

void unit_hold_page(struct unit *u, struct page *page)
{
    if (u->n_pages && u->pages[u->n_pages - 1] == page)
        return;
    page_ref(page);
    u->pages[u->n_pages++] = page;
    u->bytes += page->body_n;
}

void unit_hold_doc(struct unit *u, struct json_doc *doc)
{
    if (!doc)
        return;
    if (u->n_docs == u->cap_docs) {
        u->cap_docs = u->cap_docs ? u->cap_docs * 2 : 16;
        u->docs = mem_grow(u->docs, u->cap_docs * sizeof *u->docs);
    }
    u->docs[u->n_docs++] = doc;
}

struct dead_letter *unit_add_dead(struct unit *u)
{
    if (u->n_dead == u->cap_dead) {
        u->cap_dead = u->cap_dead ? u->cap_dead * 2 : 8;
        u->dead = mem_grow(u->dead, u->cap_dead * sizeof *u->dead);
    }
    u->dead[u->n_dead] = (struct dead_letter){.line = -1, .state = DEAD_OPEN};
    return &u->dead[u->n_dead++];
}
