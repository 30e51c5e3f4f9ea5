/* Failure in one shape: formats errinfo lines, names the codes, and ends the process when a small
 * allocation fails.
 *
 * Messages are formatted into a local buffer first, so that an argument may be the old message of the
 * same errinfo. What comes out is always valid UTF-8: a malformed byte becomes "?", and text that is too
 * long is cut at a character's edge. Secrets are masked before the cut: messages quote replies, and are kept in the
 * state, answered and sent as they are. Nothing here writes to a log. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mask.h"
#include "base/product.h"
#include "base/str.h"

#define EXIT_FAILED 1
#define SHORT_BYTES 2048

static const char *const names[ERR_COUNT] = {
    [OK] = "ok",
    [ERR_CONFIG] = "config",
    [ERR_SECRET] = "secret",
    [ERR_USAGE] = "usage",
    [ERR_AUTH] = "auth",
    [ERR_SIGNATURE] = "signature",
    [ERR_QUOTA] = "quota",
    [ERR_NETWORK] = "network",
    [ERR_REMOTE] = "remote",
    [ERR_DATA] = "data",
    [ERR_SCHEMA] = "schema",
    [ERR_TARGET] = "target",
    [ERR_CONFLICT] = "conflict",
    [ERR_DISK] = "disk",
    [ERR_INTERNAL] = "internal",
};

const char *err_name(enum err code)
{
    return (unsigned)code < ERR_COUNT ? names[code] : names[ERR_INTERNAL];
}

/* Copies `from` into `out` as valid UTF-8, cut at a character's edge to cap - 1 bytes. */
static void copy_text(char *out, size_t cap, struct str from)
{
    size_t n = 0;
    for (size_t i = 0; i < from.n;) {
        uint32_t cp;
        size_t len = utf8_decode(str_mk(from.p + i, from.n - i), &cp);
        if (n + len >= cap)
            break;
        if (len == 1 && (unsigned char)from.p[i] >= 0x80)
            out[n] = '?';
        else
            memcpy(out + n, from.p + i, len);
        n += len;
        i += len;
    }
    out[n] = '\0';
}

/* Formats into `out`; only what is long needs memory for it. */
static void PRINTF_LIKE(3, 0) format_text(char *out, size_t cap, const char *fmt, va_list ap)
{
    char text[SHORT_BYTES], masked[SHORT_BYTES], *whole = NULL, *both = NULL;
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    if (n >= SHORT_BYTES) {
        whole = mem_alloc((size_t)n + 1);
        both = mem_alloc((size_t)n + 1);
        n = vsnprintf(whole, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    struct str formatted = str_mk(whole ? whole : text, n > 0 ? (size_t)n : 0);
    char *to = both ? both : masked;
    copy_text(out, cap, str_mk(to, mask_text(formatted, to)));
    free(both);
    free(whole);
}

enum err fail(struct errinfo *ei, enum err code, const char *fmt, ...)
{
    if (ei) {
        va_list ap;
        va_start(ap, fmt);
        format_text(ei->msg, sizeof(ei->msg), fmt, ap);
        va_end(ap);
        ei->code = code;
        ei->hint[0] = '\0';
    }
    return code;
}

enum err fail_hint(struct errinfo *ei, const char *fmt, ...)
{
    if (!ei)
        return ERR_INTERNAL;
    va_list ap;
    va_start(ap, fmt);
    format_text(ei->hint, sizeof(ei->hint), fmt, ap);
    va_end(ap);
    return ei->code;
}

void err_prefix(struct errinfo *ei, const char *fmt, ...)
{
    if (!ei)
        return;
    char head[sizeof(ei->msg)];
    va_list ap;
    va_start(ap, fmt);
    format_text(head, sizeof(head), fmt, ap);
    va_end(ap);
    char whole[2 * sizeof(ei->msg) + 2];
    int n = snprintf(whole, sizeof(whole), "%s: %s", head, ei->msg);
    copy_text(ei->msg, sizeof(ei->msg), str_mk(whole, n < 0 ? 0 : (size_t)n));
}

void die_no_memory(void)
{
    static const char line[] = PRODUCT ": out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);
    (void)ignored;
    _exit(EXIT_FAILED);
}

void *mem_alloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p)
        die_no_memory();
    return p;
}

void *mem_zero(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (!p)
        die_no_memory();
    return p;
}

void *mem_grow(void *p, size_t n)
{
    void *grown = realloc(p, n ? n : 1);
    if (!grown)
        die_no_memory();
    return grown;
}
