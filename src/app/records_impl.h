/* What `records` looks for, and what it finds; the command's own files only. */
#ifndef APP_RECORDS_IMPL_H
#define APP_RECORDS_IMPL_H

#include "app/dead.h"
#include "app/record.h"
#include "store/journal.h"
#include "store/records.h"

struct target {
    bool asked;
    struct sink *sink;
    struct errinfo why;
};

struct search {
    struct app *app;
    struct flow *flow;
    struct journal *journal;
    struct records *kept; /* NULL: records are not kept, or nothing ran since */
    struct shaper *shaper;
    struct progress progress;
    struct str id;       /* p NULL: every record */
    struct str list;     /* ids, commas or blanks between; p NULL: none were given */
    struct str *missing; /* of the list */
    size_t n_missing;
    bool whole;       /* tell all of each record */
    struct str state; /* p NULL: any */
    struct str value; /* some value of the record is exactly this; p NULL: any */
    struct dead_filter only;
    struct records_place before; /* page 0: from the newest on */
    struct records_place next;   /* where to go on; page 0: that was all */
    int64_t end_ms;              /* monotonic: look no longer than that */
    int64_t limit, found;
    enum file_format format;
    struct records_file *file; /* FILE_CSV: what it is written with */
    struct target target;
    struct json_out *w;
};

/* A record in the journal, shaped. */
struct hit {
    const struct journal_entry *entry;
    int32_t row;
    struct shaped_record shaped;
    bool noted, committed;
    struct record_note note;
    struct records_batch batch, *again; /* by redo; `again` only of a whole story */
    size_t n_again;
    struct str term;             /* what filtered it; or empty */
    struct dead_letter *letters; /* of this version */
    size_t n_letters;
};

/* ---- records_tell.c: one record, for people and as JSON ---- */
/* "waiting", "done", … */
const char *records_state(const struct search *s, const struct hit *h);
/* Why it is not in the target, as far as that is known; p NULL: no reason. */
struct str records_why(const struct hit *h);

/* Tells of it, in the form that was asked for. */
void records_show(struct search *s, const struct hit *h);

/* ---- records_file.c: the same as CSV ---- */
/* Writes to app->out what was put, in pieces, unless it is to be collected (with --json, where a failure must still be
 * able to take its place): then at most RECORDS_FILE_MAX bytes. */
#define RECORDS_FILE_MAX ((size_t)60 << 20)
struct records_file *records_file_new(struct app *app, const struct flow *f);
void records_file_add(struct records_file *file, const struct search *s, const struct hit *h);
/* Frees. `e`: how the search went; what was collected is dropped when it failed, and it is given back. ERR_USAGE: there
 * was more than may be collected. */
enum err records_file_end(struct records_file *file, enum err e, struct errinfo *ei) MUST_USE;
enum err records_too_long(struct errinfo *ei);

#endif
