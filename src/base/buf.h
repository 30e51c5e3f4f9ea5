/* A growing byte buffer that knows its ceiling. Running over the ceiling sets `failed` and drops what is
 * appended, so a caller may append freely and look once. Running out of memory below it ends the process. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n, cap, max_bytes;
    bool failed;
};

static inline struct buf buf_make(size_t max_bytes)
{
    return (struct buf){.max_bytes = max_bytes};
}
void buf_free(struct buf *b);  /* frees the bytes; the ceiling stays */
void buf_clear(struct buf *b); /* empties it, keeps the memory, resets `failed` */
/* makes room for n more bytes at b->p + b->n; false (and failed) if it cannot */
bool buf_room(struct buf *b, size_t n);
void buf_add(struct buf *b, struct str s);
void buf_byte(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_int(struct buf *b, int64_t v);
const char *buf_cstr(struct buf *b); /* NUL-terminates (not counted) and gives the text; "" when failed */
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}
/* Gives the bytes to the caller (free() them), NUL-terminated, and leaves `b` empty. */
char *buf_take(struct buf *b, size_t *ret_n);

#endif
