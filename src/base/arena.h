/* Memory by lifetime: an arena per page, per batch, per run, per configuration. Nothing inside is freed
 * alone. Not for sharing between threads while it grows. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/err.h"
#include "base/str.h"

struct arena;

struct arena *arena_new(size_t max_bytes); /* the ceiling of all its memory together */
void arena_free(struct arena *a);          /* NULL is fine */
void arena_reset(struct arena *a);         /* empties it, keeps its first chunk */
size_t arena_used(const struct arena *a);  /* bytes handed out */
/* Aligned for any type, not zeroed. Ends the process when memory is out or the ceiling is passed:
 * for sizes that our own code bounds. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((returns_nonnull));
void *arena_zero(struct arena *a, size_t n) __attribute__((returns_nonnull));
/* The same for sizes that come from outside: NULL at the ceiling. When memory is out it ends the process as well: that
 * says nothing about what was to be stored, so it must not become a verdict on a record. */
void *arena_try(struct arena *a, size_t n) MUST_USE;
struct str arena_str(struct arena *a, struct str s); /* copies; NUL-terminated besides */
const char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(a, type)      ((type *)arena_zero((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_zero((a), sizeof(type) * (size_t)(n)))

#endif
