/* A list of what is wrong with documents.
 *
 * Texts are copied, repetitions are dropped, and the list has an end: a document that is wrong in ten thousand places
 * does not need more. Texts quote what stands in documents, so they are made fit for a terminal: control characters
 * become blanks, overlong ones are cut at a character's edge. */
#include "base/diag.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define KEPT_MAX  10000
#define TEXT_MAX  1200
#define ARENA_MAX (128u << 20)

struct diags {
    struct arena *a;
    struct diag *at;
    size_t n, cap;
    bool dropped; /* the one added last was dropped: its remedy and nearest go nowhere */
};

struct diags *diags_new(void)
{
    struct diags *d = mem_zero(sizeof *d);

    d->a = arena_new(ARENA_MAX);
    return d;
}

void diags_free(struct diags *d)
{
    if (!d)
        return;
    arena_free(d->a);
    free(d->at);
    free(d);
}

size_t diags_count(const struct diags *d, enum diag_level at_least)
{
    size_t n = 0;

    for (size_t i = 0; i < d->n; i++)
        n += d->at[i].level >= at_least;
    return n;
}

const struct diag *diags_at(const struct diags *d, size_t i)
{
    return &d->at[i];
}

static bool same(const struct diag *a, const struct diag *b)
{
    const char *fa = a->pos.file ? a->pos.file : "", *fb = b->pos.file ? b->pos.file : "";

    return a->pos.line == b->pos.line && a->pos.col == b->pos.col && a->level == b->level &&
           strcmp(a->what, b->what) == 0 && strcmp(fa, fb) == 0;
}

/* Cuts off what a full buffer left of the last character. */
static void cut_at_edge(char *text)
{
    size_t n = strlen(text), from = n;

    while (from && n - from < 3 && ((unsigned char)text[from - 1] & 0xC0) == 0x80)
        from--;
    if (from && (unsigned char)text[from - 1] >= 0xC0 && !utf8_valid(str_mk(text + from - 1, n - from + 1)))
        text[from - 1] = '\0';
}

static void format(char out[TEXT_MAX], const char *fmt, va_list ap)
{
    int n = vsnprintf(out, TEXT_MAX, fmt, ap);

    if (n < 0)
        out[0] = '\0';
    if (n >= TEXT_MAX)
        cut_at_edge(out);
    for (char *p = out; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = ' ';
}

/* Most diagnostics name the file that the one before named. */
static const char *keep_file(struct diags *d, const char *file)
{
    const char *last = d->n ? d->at[d->n - 1].pos.file : NULL;

    if (!file || (last && strcmp(last, file) == 0))
        return file ? last : NULL;
    return arena_cstr(d->a, str_of(file));
}

void diags_add(struct diags *d, enum diag_level level, struct pos pos, const char *what_fmt, ...)
{
    char what[TEXT_MAX];
    struct diag new = {level, pos, what, "", ""};
    va_list ap;

    va_start(ap, what_fmt);
    format(what, what_fmt, ap);
    va_end(ap);
    d->dropped = d->n >= KEPT_MAX;
    for (size_t i = 0; i < d->n && !d->dropped; i++)
        d->dropped = same(&d->at[i], &new);
    if (d->dropped)
        return;
    if (d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 32;
        d->at = mem_grow(d->at, d->cap * sizeof *d->at);
    }
    new.what = arena_cstr(d->a, str_of(what));
    new.pos.file = keep_file(d, pos.file);
    d->at[d->n++] = new;
}

void diags_remedy(struct diags *d, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;

    if (d->dropped || !d->n)
        return;
    va_start(ap, fmt);
    format(text, fmt, ap);
    va_end(ap);
    d->at[d->n - 1].remedy = arena_cstr(d->a, str_of(text));
}

void diags_nearest(struct diags *d, const char *name)
{
    if (!d->dropped && d->n && name)
        d->at[d->n - 1].nearest = arena_cstr(d->a, str_of(name));
}

void diag_print(const struct diag *d, char *out, size_t cap)
{
    static const char *const levels[] = {"note", "warning", "error"};
    struct buf b = buf_make(64u << 10);

    if (d->pos.file)
        buf_printf(&b, "%s:", d->pos.file);
    if (d->pos.line)
        buf_printf(&b, "%u:%u:", d->pos.line, d->pos.col);
    buf_printf(&b, "%s%s: %s", b.n ? " " : "", levels[d->level], d->what);
    if (d->nearest[0])
        buf_printf(&b, " (did you mean \"%s\"?)", d->nearest);
    if (d->remedy[0])
        buf_printf(&b, ". %s", d->remedy);
    if (cap && (size_t)snprintf(out, cap, "%s", buf_cstr(&b)) >= cap)
        cut_at_edge(out);
    buf_free(&b);
}

enum err diags_first_error(const struct diags *d, struct errinfo *ei)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct diag *x = &d->at[i];

        if (x->level != DIAG_ERROR)
            continue;
        if (x->pos.file && x->pos.line)
            fail(ei, ERR_CONFIG, "%s:%u:%u: %s", x->pos.file, x->pos.line, x->pos.col, x->what);
        else
            fail(ei, ERR_CONFIG, "%s%s%s", x->pos.file ? x->pos.file : "", x->pos.file ? ": " : "", x->what);
        if (x->nearest[0])
            fail_hint(ei, "did you mean \"%s\"? %s", x->nearest, x->remedy);
        else
            fail_hint(ei, "%s", x->remedy);
        return ERR_CONFIG;
    }
    return OK;
}
