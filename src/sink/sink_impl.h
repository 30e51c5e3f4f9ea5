/* What the sinks share; for this floor only. */
#ifndef SINK_IMPL_H
#define SINK_IMPL_H

#include "sink/sink.h"

#define CHECKPOINT_TABLE "sluice_checkpoint"

struct rows_dialect;
struct sink_type {
    const char *name, *help;
    enum err (*open)(struct sink *s, const struct strs *options, struct errinfo *ei);
    void (*close)(struct sink *s);
    enum err (*connect)(struct sink *s, struct errinfo *ei);
    /* Describes the table behind a statement into s->tables[i]; called once, after the first connecting. */
    enum err (*describe)(struct sink *s, struct str table, struct table_info *ret, struct errinfo *ei);
    const char *(*path)(const struct sink *s);
    const char *(*server)(const struct sink *s);
    enum err (*checkpoint)(struct sink *s, struct checkpoint *ret, bool *ret_found, bool *ret_held, struct errinfo *ei);
    enum err (*may_hold)(struct sink *s, bool *ret_holds, struct errinfo *ei);
    enum err (*claim)(struct sink *s, const struct checkpoint *cp, int64_t *ret_epoch, struct errinfo *ei);
    enum err (*encode)(const struct sink *s, struct batch *b, struct errinfo *ei);
    enum sink_outcome (*write)(struct sink *s, struct batch *b, const struct sink_hook *hook, struct errinfo *ei);
    const struct rows_dialect *rows; /* reading rows back */
    enum err (*exec)(struct sink *s, struct str sql, struct errinfo *ei);
    void (*ddl)(struct str table, const struct ddl_column *cols, size_t n, struct buf *out);
    bool (*alter)(const struct table_info *t, const struct ddl_column *want, const struct table_column *from,
                  struct buf *out);
};

extern const struct sink_type sink_mysql, sink_sqlite;

/* What a column of the main statement may hold; made from the real table. */
struct fit_column {
    const struct table_column *column; /* NULL: unknown, nothing is checked */
    size_t near;                       /* bytes of text from which its characters are counted */
};

struct sink {
    const struct sink_type *type;
    struct sink_spec spec;
    struct arena *arena; /* of what is described */
    struct table_info tables[10];
    bool described, held;
    int64_t epoch;
    struct fit_column *fit; /* one a bind of the main statement, when binds are plain columns */
    size_t n_fit;
    void *self; /* of the type */
};

/* The rows of a batch that go out, in the order in which they do. */
struct outgoing {
    uint32_t *order;
    size_t n;
    size_t n_bad; /* found before sending */
};

/* Says of ERR_SCHEMA, met when the checkpoint was read, which table it is about and what to do. */
enum err sink_checkpoint_altered(struct errinfo *ei);

/* fit.c */
void fit_prepare(struct sink *s);
/* Does its collation take different texts for one? */
bool fit_folds(const struct table_column *c);
/* ERR_SCHEMA when a key of the batch might be taken for another one. */
enum err fit_keys(const struct sink *s, const struct batch *b, struct errinfo *ei) MUST_USE;
/* ERR_SCHEMA when the guard's column would compare numbers as texts. */
enum err fit_guard(const struct sink *s, const struct batch *b, struct errinfo *ei) MUST_USE;
/* Looks at each row: drops the overlaid, sets bad ones aside (b->bad), empties "" where a number or date is expected,
 * sorts. In the batch's arena. */
struct outgoing fit_rows(const struct sink *s, struct batch *b);
void batch_add_bad(struct batch *b, size_t row, enum err code, struct str reason);
/* Does "" become NULL in a column of this kind? */
bool fit_wants_value(int kind);
/* Takes back what an earlier attempt added. */
static inline void batch_forget_bad(struct batch *b, size_t n)
{
    b->n_bad = n;
}

/* The checkpoint row moved between reading and claiming it. */
static inline enum err sink_moved_on(struct errinfo *ei)
{
    return fail(ei, ERR_CONFLICT, "the target's checkpoint moved while it was taken over");
}

/* The checkpoint row was not where this writer left it: the caller has to read it. */
static inline enum sink_outcome sink_not_as_left(struct errinfo *ei)
{
    fail(ei, ERR_CONFLICT, "the target's checkpoint is not where it was left");
    return SINK_UNKNOWN;
}

/* REPLACE as it stands; with a guard it is an upsert. */
static inline bool sink_replaces(const struct sink *s)
{
    return s->spec.statements[0].verb == VERB_REPLACE && !s->spec.guard.column.n;
}
/* text of the generated statement: verb INTO table (columns) VALUES, then tuples by the sink */
struct str sink_insert_head(const struct statement *st, struct arena *a,
                            struct str (*quote)(struct str name, struct arena *a), struct str verb);
/* One tuple with its ? for the statement. */
struct str sink_tuple(const struct statement *st, struct arena *a);
size_t sink_binds(const struct statement *st); /* binds of one row */

#endif
