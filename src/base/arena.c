/* Memory by lifetime: a bump pointer in a chain of chunks.
 *
 * The first chunk lies behind the arena itself, in the same allocation, and survives a reset; further
 * chunks double in size up to 1 MiB, and a request larger than that gets a chunk of its own size. The
 * ceiling counts the room of all chunks together. Text is packed without alignment; everything else is
 * aligned for any type. Under the address sanitizer, what was not handed out is poisoned. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(WITH_ASAN)
#include <sanitizer/asan_interface.h>
#define HIDE(p, n)   __asan_poison_memory_region((p), (n))
#define REVEAL(p, n) __asan_unpoison_memory_region((p), (n))
#else
#define HIDE(p, n)   ((void)(p), (void)(n))
#define REVEAL(p, n) ((void)(p), (void)(n))
#endif

#define ALIGNMENT       _Alignof(max_align_t)
#define FIRST_BYTES     4000
#define MAX_CHUNK_BYTES ((size_t)1 << 20)

struct chunk { /* its room follows it */
    _Alignas(max_align_t) struct chunk *before;
    size_t cap; /* bytes of room */
};

struct arena {
    char *at, *end; /* the free room of the newest chunk */
    struct chunk *newest;
    size_t max_bytes, total_bytes; /* ceiling and sum of the room of all chunks */
    size_t next_bytes;             /* room of the next chunk, unless more is asked for */
    size_t used_bytes;
    struct chunk first; /* last, for its room lies behind */
};

static char *room_of(struct chunk *c)
{
    return (char *)(c + 1);
}

static void use_chunk(struct arena *a, struct chunk *c)
{
    a->newest = c;
    a->at = room_of(c);
    a->end = a->at + c->cap;
    HIDE(a->at, c->cap);
}

struct arena *arena_new(size_t max_bytes)
{
    size_t cap = max_bytes < FIRST_BYTES ? max_bytes : FIRST_BYTES;
    struct arena *a = mem_alloc(sizeof(*a) + cap);
    *a = (struct arena){.max_bytes = max_bytes, .total_bytes = cap, .next_bytes = 2 * FIRST_BYTES};
    a->first.cap = cap;
    use_chunk(a, &a->first);
    return a;
}

static void free_later_chunks(struct arena *a)
{
    while (a->newest != &a->first) {
        struct chunk *c = a->newest;
        a->newest = c->before;
        REVEAL(room_of(c), c->cap);
        free(c);
    }
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    free_later_chunks(a);
    REVEAL(room_of(&a->first), a->first.cap);
    free(a);
}

void arena_reset(struct arena *a)
{
    free_later_chunks(a);
    a->total_bytes = a->first.cap;
    a->used_bytes = 0;
    use_chunk(a, &a->first);
}

size_t arena_used(const struct arena *a)
{
    return a->used_bytes;
}

/* Opens a chunk with room for at least n bytes; false at the ceiling. */
static bool add_chunk(struct arena *a, size_t n)
{
    size_t left = a->max_bytes - a->total_bytes;
    size_t cap = a->next_bytes < n ? n : a->next_bytes;
    cap = cap > left ? left : cap;
    if (cap < n || cap > SIZE_MAX - sizeof(struct chunk))
        return false;
    struct chunk *c = mem_alloc(sizeof(*c) + cap);
    c->before = a->newest;
    c->cap = cap;
    a->total_bytes += cap;
    if (a->next_bytes < MAX_CHUNK_BYTES)
        a->next_bytes *= 2;
    use_chunk(a, c);
    return true;
}

/* n bytes at a multiple of `align` (a power of two), or NULL. */
static inline void *take(struct arena *a, size_t n, size_t align)
{
    size_t gap = (size_t)(-(uintptr_t)a->at & (align - 1));
    size_t room = (size_t)(a->end - a->at);
    if (gap > room || n > room - gap) {
        if (!add_chunk(a, n))
            return NULL;
        gap = 0;
    }
    char *p = a->at + gap;
    a->at = p + n;
    a->used_bytes += n;
    REVEAL(p, n);
    return p;
}

void *arena_try(struct arena *a, size_t n)
{
    return take(a, n, ALIGNMENT);
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p = take(a, n, ALIGNMENT);
    if (!p)
        die_no_memory();
    return p;
}

void *arena_zero(struct arena *a, size_t n)
{
    return memset(arena_alloc(a, n), 0, n);
}

static char *take_text(struct arena *a, size_t n)
{
    char *p = n < SIZE_MAX ? take(a, n + 1, 1) : NULL;
    if (!p)
        die_no_memory();
    p[n] = '\0';
    return p;
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = take_text(a, s.n);
    if (s.n)
        memcpy(p, s.p, s.n);
    return str_mk(p, s.n);
}

const char *arena_cstr(struct arena *a, struct str s)
{
    return arena_str(a, s).p;
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    size_t len = n < 0 ? 0 : (size_t)n;
    char *p = take_text(a, len);
    if (len < sizeof(small))
        memcpy(p, small, len);
    else
        (void)vsnprintf(p, len + 1, fmt, again);
    va_end(again);
    va_end(ap);
    return str_mk(p, len);
}
