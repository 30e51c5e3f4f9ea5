/* A list of what is wrong with documents. Texts are copied, repetitions are dropped, and the list has an end: a document that is wrong in ten thousand places does not need more. */
#include "base/diag.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define KEPT_MAX 10000
#define ARENA_MAX (64u << 20)

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

const struct diag *diags_at(const struct diags *d, size_t i) { return &d->at[i]; }

static bool same(const struct diag *a, const struct diag *b)
{
    const char *fa = a->pos.file ? a->pos.file : "", *fb = b->pos.file ? b->pos.file : "";

    return a->level == b->level && a->pos.line == b->pos.line && a->pos.col == b->pos.col && strcmp(fa, fb) == 0 && strcmp(a->what, b->what) == 0;
}

void diags_add(struct diags *d, enum diag_level level, struct pos pos, const char *what_fmt, ...)
{
    char what[1200];
    struct diag new = {level, pos, what, "", ""};
    va_list ap;

    va_start(ap, what_fmt);
    vsnprintf(what, sizeof what, what_fmt, ap);
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
    new.pos.file = pos.file ? arena_cstr(d->a, str_of(pos.file)) : NULL;
    d->at[d->n++] = new;
}

void diags_remedy(struct diags *d, const char *fmt, ...)
{
    char text[1200];
    va_list ap;

    if (d->dropped || !d->n)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
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
    struct str text;

    if (d->pos.file)
        buf_printf(&b, "%s:", d->pos.file);
    if (d->pos.line)
        buf_printf(&b, "%u:%u:", d->pos.line, d->pos.col);
    buf_printf(&b, "%s%s: %s", b.n ? " " : "", levels[d->level], d->what);
    if (d->nearest[0])
        buf_printf(&b, " (did you mean \"%s\"?)", d->nearest);
    if (d->remedy[0])
        buf_printf(&b, ". %s", d->remedy);
    text = buf_str(&b);
    snprintf(out, cap, "%.*s", (int)text.n, text.n ? text.p : "");
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
