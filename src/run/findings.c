/* The list that an audit ends with. It is as long as what is off, not as what was read; a ceiling keeps a target that
 * is empty from filling the memory. */
#include "run/findings.h"

#include <stdlib.h>

#define FINDINGS_BYTES_MAX (1u << 30)

struct findings {
    struct arena *arena;
    struct map *ids; /* → index */
    struct finding *at;
    size_t n, cap;
    int64_t count[FINDING_KINDS], unkept[FINDING_KINDS];
};

const char *finding_name(enum finding_kind k)
{
    static const char *const names[] = {"missing", "stale", "orphaned"};

    return names[k];
}

struct findings *findings_new(void)
{
    struct findings *f = mem_zero(sizeof *f);

    f->arena = arena_new(FINDINGS_BYTES_MAX);
    f->ids = map_new();
    return f;
}

void findings_free(struct findings *f)
{
    if (!f)
        return;
    map_free(f->ids);
    arena_free(f->arena);
    free(f->at);
    free(f);
}

void findings_add(struct findings *f, const struct finding *one)
{
    size_t at = map_get(f->ids, one->id);
    struct finding *c;

    if (at != MAP_NONE && (!f->at[at].unseen || one->unseen))
        return;
    f->count[one->kind]++;
    if (at == MAP_NONE && f->n >= FINDINGS_MAX) {
        f->unkept[one->kind]++;
        return;
    }
    if (at != MAP_NONE) {
        f->count[f->at[at].kind]--;
    } else {
        at = f->n++;
        if (at == f->cap) {
            f->cap = f->cap ? f->cap * 2 : 64;
            f->at = mem_grow(f->at, f->cap * sizeof *f->at);
        }
    }
    c = &f->at[at];
    *c = *one;
    c->id = arena_str(f->arena, one->id);
    c->key = arena_str(f->arena, one->key);
    c->detail = arena_str(f->arena, one->detail);
    c->parent = one->parent.p ? arena_str(f->arena, one->parent) : one->parent;
    c->guard = one->guard.p ? arena_str(f->arena, one->guard) : one->guard;
    map_put(f->ids, c->id, at);
}

size_t findings_kept(const struct findings *f)
{
    return f->n;
}

struct finding *findings_at(struct findings *f, size_t i)
{
    return &f->at[i];
}

bool findings_has(const struct findings *f, struct str id)
{
    return map_get(f->ids, id) != MAP_NONE;
}

static void index_anew(struct findings *f)
{
    map_clear(f->ids);
    for (size_t i = 0; i < f->n; i++)
        map_put(f->ids, f->at[i].id, i);
}

void findings_filter(struct findings *f, bool (*keep)(void *ctx, const struct finding *one), void *ctx)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (keep(ctx, &f->at[i]))
            f->at[n++] = f->at[i];
        else
            f->count[f->at[i].kind]--;
    }
    f->n = n;
    index_anew(f);
}

int64_t findings_count(const struct findings *f, enum finding_kind k)
{
    return f->count[k];
}

int64_t findings_unkept(const struct findings *f, enum finding_kind k)
{
    return f->unkept[k];
}

static int by_kind(const void *x, const void *y)
{
    const struct finding *a = x, *b = y;

    return a->kind != b->kind ? (int)a->kind - (int)b->kind : str_cmp(a->id, b->id);
}

void findings_sort(struct findings *f)
{
    if (f->n)
        qsort(f->at, f->n, sizeof *f->at, by_kind);
    index_anew(f);
}
