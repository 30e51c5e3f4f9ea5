/* A growing byte buffer with a ceiling.
 *
 * Memory doubles up to the ceiling; one byte more than `cap` is always allocated, so that a NUL can stand
 * after the text without counting. An append is whole or not at all: the first one that does not fit sets
 * `failed`, and from then on all are dropped until `buf_clear` or `buf_free`. What is appended may be a
 * part of the buffer itself. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"

#define FIRST_CAP 64

void buf_free(struct buf *b)
{
    free(b->p);
    *b = buf_make(b->max_bytes);
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

/* Grows so that n more bytes fit. The new size is at least double, at most the ceiling. */
static bool grow(struct buf *b, size_t n)
{
    if (b->n > b->max_bytes || n > b->max_bytes - b->n || b->max_bytes == SIZE_MAX) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + n;
    size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap > b->max_bytes / 2 ? b->max_bytes : b->cap * 2;
    cap = cap < need ? need : cap;
    cap = cap > b->max_bytes ? b->max_bytes : cap;
    b->p = mem_grow(b->p, cap + 1);
    b->cap = cap;
    return true;
}

bool buf_room(struct buf *b, size_t n)
{
    if (b->failed)
        return false;
    return (b->p && n <= b->cap - b->n) || grow(b, n);
}

void buf_add(struct buf *b, struct str s)
{
    if (s.n == 0 || b->failed)
        return;
    if (s.n > b->cap - b->n) {
        uintptr_t offset = (uintptr_t)s.p - (uintptr_t)b->p;
        bool own = b->p && (uintptr_t)s.p >= (uintptr_t)b->p && offset < b->n;
        if (!grow(b, s.n))
            return;
        if (own)
            s.p = b->p + offset;
    }
    memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
}

void buf_byte(struct buf *b, char c)
{
    if (buf_room(b, 1))
        b->p[b->n++] = c;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    if (!buf_room(b, 0))
        return;
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t room = b->cap - b->n;
    int n = vsnprintf(b->p + b->n, room + 1, fmt, ap);
    if (n < 0)
        b->failed = true;
    else if ((size_t)n > room && grow(b, (size_t)n))
        n = vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
    if (!b->failed)
        b->n += (size_t)n;
    va_end(again);
    va_end(ap);
}

void buf_int(struct buf *b, int64_t v)
{
    char digits[21];
    buf_add(b, str_mk(digits, num_print_i64(v, digits)));
}

const char *buf_cstr(struct buf *b)
{
    if (b->failed || !b->p)
        return "";
    b->p[b->n] = '\0';
    return b->p;
}

char *buf_take(struct buf *b, size_t *ret_n)
{
    if (b->failed || !b->p) {
        bool failed = b->failed;
        buf_free(b);
        b->failed = failed;
        *ret_n = 0;
        return mem_zero(1);
    }
    char *p = b->p;
    p[b->n] = '\0';
    *ret_n = b->n;
    *b = buf_make(b->max_bytes);
    return p;
}
