/* Diagnostics of documents: what is wrong, where (file:line:column), what to do, and the nearest known name.
 * A list that parsers fill and `check` prints; ordered as found. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum diag_level { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR };

struct pos {
    const char *file;   /* lives in the configuration's arena; NULL: not from a file */
    uint32_t line, col; /* from 1; 0: unknown. Columns count characters */
};

struct diag {
    enum diag_level level;
    struct pos pos;
    const char *what;    /* one sentence */
    const char *remedy;  /* one sentence, or "" */
    const char *nearest; /* the nearest known name, or "" */
};

struct diags;
struct diags *diags_new(void);
void diags_free(struct diags *d);
size_t diags_count(const struct diags *d, enum diag_level at_least);
const struct diag *diags_at(const struct diags *d, size_t i); /* i < diags_count(d, DIAG_NOTE) */
/* Copies all texts (and the file's name). Exact repetitions are dropped; at most 10,000 are kept. */
void diags_add(struct diags *d, enum diag_level level, struct pos pos, const char *what_fmt, ...) PRINTF_LIKE(4, 5);
void diags_remedy(struct diags *d, const char *fmt, ...) PRINTF_LIKE(2, 3); /* of the one added last */
void diags_nearest(struct diags *d, const char *name);                      /* of the one added last; NULL is fine */
/* "orders.source.json:12:5: error: what (did you mean "x"?). remedy" */
void diag_print(const struct diag *d, char *out, size_t cap);
/* The first error as an errinfo (ERR_CONFIG); OK when there is none. */
enum err diags_first_error(const struct diags *d, struct errinfo *ei) MUST_USE;

#endif
