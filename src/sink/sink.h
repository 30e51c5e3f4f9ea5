/* Writing rows into a target: one interface, mysql (MySQL and MariaDB) and sqlite behind it.
 *
 * A batch is one transaction: its rows and the checkpoint row commit together or not at all. Values are bound, never
 * spliced. Shape workers check and encode batches (`sink_encode`, any thread); one writer thread connects and sends. */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include "base/conf.h"
#include "meta/doc.h"
#include "sink/statement.h"

/* ---- batches ---- */
struct batch_record {
    struct str key, version; /* source id; version field's text, may be empty */
    int64_t page;            /* journal position */
    int32_t row;             /* index in the page */
    uint64_t hash_hi, hash_lo;
    int64_t modified_ms; /* 0: unknown */
    const struct json *raw;
    uint32_t n_rows; /* rows it gave in this batch */
    bool left;       /* it no longer passes the condition: it gives no rows, and those it gave before are gone */
    bool partial;    /* only some of its lines are written again: the others are not gone */
    struct str parent, guard; /* `left`: their values, p NULL: unknown */
};
struct batch_row {
    const struct value *cells; /* the binds of its statement, in order; kinds NULL, TEXT, NUMBER */
    struct str id;             /* rendered target id; may be empty */
    uint32_t record;           /* index into records */
    int32_t line;              /* row within the record, from 0 */
    uint32_t statement;        /* index into the spec's statements: 0 main, n: extend_sql_n */
    bool overlaid;             /* left out because a later one has the same id (target idCheck); set by encode */
};
struct bad_row {
    uint32_t row; /* index into batch rows */
    enum err code;
    struct str reason; /* our words or the server's, in the batch's arena */
};
/* A record whose rows in the target are to be those of this batch and no others. */
struct batch_gone {
    struct str parent, guard; /* values of its parent and guard columns; guard p NULL: none */
    enum gone how;            /* what becomes of the other rows with that parent */
    uint32_t first_row, n_rows;
};
struct checkpoint {
    char journal[40]; /* journal uuid */
    int64_t page;     /* journal position written up to */
    int32_t row;      /* records of that page that are written; -1: all of it */
    int64_t cursor_s; /* INT64_MIN: none yet */
    int64_t epoch, batch;
    uint64_t mapping;
};
/* How a batch strains a column of the table: texts that nearly fill it or more, digits that it does not keep. */
struct strain {
    const struct table_column *column; /* NULL: it does not */
    int64_t chars;                     /* longest text */
    int before, after;                 /* most digits before and after the point */
    int64_t over;                      /* rows that were set aside for it */
};
struct batch {
    struct arena *arena;
    struct batch_record *records;
    size_t n_records;
    struct batch_row *rows;
    size_t n_rows;
    struct bad_row *bad; /* in row order; found by encode and by write */
    size_t n_bad;
    struct batch_gone *gone; /* may be NULL */
    size_t n_gone;
    int64_t n_removed;     /* rows that were deleted or marked; set by write */
    struct strain *strain; /* found by encode; of n_strain binds of the main statement */
    size_t n_strain;
    size_t n_overlaid;    /* rows left out because a later one of the batch has the same id (target idCheck) */
    void *wire;           /* of the sink, in the arena */
    struct checkpoint to; /* what the checkpoint row says once this batch is in */
    int64_t after;        /* the batch that the row must name before: else it is no longer the target that was left */
};

/* ---- targets ---- */
struct table_column {
    struct str name, type;        /* the type as the database writes it: "varchar(255)", "decimal(10,2)" */
    int kind;                     /* enum cast_type that it stores best */
    int64_t max_chars, max_bytes; /* of text; -1: no limit known */
    int precision, scale;         /* of decimals; scale also of the seconds of a time; -1 */
    bool nullable, has_default, auto_value, generated, json, is_unsigned;
    struct str charset, collation; /* of text */
    struct str rest;               /* what stands behind the type in its definition; p NULL: not known */
};
struct table_key {
    struct str name;
    bool unique, primary;
    struct strs columns;
};
struct table_info {
    struct str name, engine;
    struct table_column *columns;
    size_t n_columns;
    struct table_key *keys;
    size_t n_keys;
    bool transactional, found;
};

/* Rows that their record no longer gives: columns of the main statement's table. */
struct gone_rule {
    enum gone child, left;       /* lines that vanished; records that left the condition */
    struct str parent, id, mark; /* `mark` counts when child or left is GONE_MARK */
    size_t parent_bind;          /* the cell that fills `parent` */
};
struct guard_rule {
    struct str column; /* empty: none. A row is not written over one whose value here is greater */
    size_t bind;
};

/* A column by name, in any case; NULL when there is none. */
const struct table_column *table_column(const struct table_info *t, struct str name);

struct sink_spec {
    struct str project, integration;
    const struct statement *statements; /* [0] main_sql, [n] extend_sql_n */
    size_t n_statements;
    bool one_record_each; /* `execute`: each record is its own transaction, :lastInsertId works */
    bool id_unique;       /* target idCheck: empty id is a bad row, the later of two equal ones wins */
    size_t limit;         /* rows a transaction */
    int64_t silence_ms;   /* how long a server may be silent before its connection counts as lost; 0: 120 s */
    struct gone_rule gone;
    struct guard_rule guard;
};
/* Does the spec take rows away or mark them? */
static inline bool sink_removes(const struct sink_spec *s)
{
    return s->gone.child != GONE_KEEP || s->gone.left != GONE_KEEP;
}

enum sink_outcome {
    SINK_COMMITTED,
    SINK_TRANSIENT, /* nothing is in; the same batch may be sent again (after reconnecting if the connection is gone) */
    SINK_UNKNOWN,   /* the answer to COMMIT was lost, or the checkpoint is not where it was left: read it to decide */
    SINK_FENCED,    /* another writer took over (epoch): stop */
    SINK_PERMANENT  /* no use trying again: schema, rights, read-only */
};

struct sink;
struct sink_type; /* a const table of callbacks; see sink_impl.h */
/* "mysql", "sqlite"; NULL when unknown. `options` are the connection's values in the order of the connector's options.
 */
const struct sink_type *sink_type_find(struct str name);

/* Opens the instance; does not connect. The spec's texts are borrowed until sink_close. */
enum err sink_open(const struct sink_type *type, const struct sink_spec *spec, const struct strs *options,
                   struct sink **ret, struct errinfo *ei) MUST_USE;
void sink_close(struct sink *s);
/* Connects (again), sets the session, reads limits and capabilities, describes the tables.
 * ERR_TARGET/ERR_AUTH/ERR_NETWORK/ERR_SCHEMA. */
enum err sink_connect(struct sink *s, struct errinfo *ei) MUST_USE;
/* The wire path chosen: "array binding", "LOAD DATA LOCAL", "prepared statements", "sqlite". After connecting. */
const char *sink_path(const struct sink *s);
const char *sink_server(const struct sink *s); /* "MariaDB 10.11.19", … */
/* The real table behind statement i; lives as long as the connection. NULL before connecting. */
const struct table_info *sink_table(const struct sink *s, size_t i);
/* ERR_SCHEMA when a table of the statements, or a column that they name, does not exist. After connecting; told before
 * anything is read, so that the cursor stays. */
enum err sink_fits(const struct sink *s, struct errinfo *ei) MUST_USE;
/* Compares statements with the real tables: missing column, too short, wrong type, folding key collation, engine
 * without transactions, more than one unique key under REPLACE, charset not utf8mb4 … `pos` of statement columns are
 * given by the caller. */
void sink_check(const struct sink *s, struct pos main_pos, struct diags *diags);

/* Reads the checkpoint row; *ret_found false when there is none. *ret_held false when the target cannot keep one (no
 * right to create the table: said in the log). */
enum err sink_checkpoint(struct sink *s, struct checkpoint *ret, bool *ret_found, bool *ret_held,
                         struct errinfo *ei) MUST_USE;
/* Could a run keep the checkpoint here? Changes nothing: asks for the table, and for the right to make it. After
 * connecting. */
enum err sink_may_hold(struct sink *s, bool *ret_holds, struct errinfo *ei) MUST_USE;
/* What a target that holds the checkpoint promises of each row, and one that does not. For people. */
struct str sink_promise(const struct sink *s, bool holds, struct arena *a);
/* Takes the integration over: writes `cp` with an epoch above its own and the stored one (creating table and row if
 * needed) in one transaction; *ret_epoch gets it. ERR_CONFLICT: the row names another batch than `cp`, so it moved
 * since it was read (a COMMIT of an earlier process that took its time): read it again. */
enum err sink_claim(struct sink *s, const struct checkpoint *cp, int64_t *ret_epoch, struct errinfo *ei) MUST_USE;

/* Checks each row against the real table (NULL into NOT NULL, too long in characters, digits that would be rounded, bad
 * JSON, bad UTF-8, empty or doubled id), puts the bad ones in batch->bad, sorts where order does not matter, and builds
 * batch->wire. Thread-safe. */
enum err sink_encode(const struct sink *s, struct batch *b, struct errinfo *ei) MUST_USE;
/* One attempt at the transaction, connecting first when the connection is gone: rows that the server refuses are
 * isolated and added to batch->bad, then `before_commit` is called (it makes dead letters durable; an error there rolls
 * back and comes out as SINK_TRANSIENT), then the checkpoint row is updated (WHERE epoch and the batch before match),
 * then COMMIT. ERR code and text in `ei` when not committed. A batch without rows moves the checkpoint alone (a mark,
 * or a page that gave nothing). */
struct sink_hook {
    enum err (*before_commit)(void *ctx, struct batch *b, struct errinfo *ei);
    void *ctx;
};
enum sink_outcome sink_write(struct sink *s, struct batch *b, const struct sink_hook *hook,
                             struct errinfo *ei) MUST_USE;

/* Rows of the main table by target id, as JSON objects appended to `out` (for `records`), at most 100. */
enum err sink_lookup(struct sink *s, struct str id_column, struct str id, struct buf *out, struct errinfo *ei) MUST_USE;

/* ---- reading rows back ---- */
typedef bool sink_row(void *ctx, const struct str *cells); /* p NULL: NULL. False ends it. No other call to the sink */
struct row_query {
    const struct str *columns; /* of the main table, to be given */
    size_t n_columns;
    struct str by; /* the rows whose value in this column is one of `values` */
    const struct str *values;
    size_t n_values;   /* 0: no row */
    bool range;        /* or lies between the two of them, both included */
    struct str unless; /* and whose value in this column is not 1; empty: all */
    bool plain;        /* as the database shows them; else so that sink_same can tell each value exactly */
    size_t limit;      /* 0: all */
    sink_row *row;
    void *ctx;
};
/* Gives them row by row, in no order. Needs a described table; not while a batch is being written. ERR_TARGET,
 * ERR_NETWORK, ERR_SCHEMA. */
enum err sink_rows(struct sink *s, const struct row_query *q, struct errinfo *ei) MUST_USE;
/* Columns of the main statement that hold, after a batch, what was sent for them; and the binds that fill them. */
struct compared {
    const struct str *columns;
    const size_t *binds;
    size_t n;
};
/* In `a`. ERR_CONFIG for "execute". */
enum err sink_compared(const struct sink *s, struct arena *a, struct compared *ret, struct errinfo *ei) MUST_USE;
/* The bind that alone fills the column; SIZE_MAX: none does. */
size_t sink_bind_of(const struct sink *s, struct str column);
/* Does the row hold (`theirs`, as sink_rows shows it) what was sent for this bind? Exact, by the column's type. */
bool sink_same(const struct sink *s, size_t bind, const struct value *ours, struct str theirs);

/* Reads the definitions of the tables again, after they were altered. Not while batches are encoded or written. */
enum err sink_describe_again(struct sink *s, struct errinfo *ei) MUST_USE;

/* Runs one statement outside any batch (ddl --create). */
enum err sink_exec(struct sink *s, struct str sql, struct errinfo *ei) MUST_USE;

/* CREATE TABLE that fits: columns with the longest value seen (characters) and whether all were integers / decimals /
 * times; row-size limits respected. */
struct ddl_column {
    struct str name, label;
    int kind;
    int64_t longest_chars;
    int digits_before, digits_after;
    bool key;
    bool flag;  /* 0 or 1, never NULL */
    bool index; /* gets an index of its own */
};
enum err sink_ddl(const struct sink_type *type, struct str table, const struct ddl_column *cols, size_t n,
                  struct buf *out, struct errinfo *ei) MUST_USE;
/* The ALTER TABLE that adds the column (it may be NULL), or, with `from`, makes that column of `t` take `want` as well:
 * wider, never narrower, never of another kind. False when there is none: it is wide enough, the kind has no width, a
 * key or the kind of the column forbids it; the database takes no column of that name. */
bool sink_alter(const struct sink_type *type, const struct table_info *t, const struct ddl_column *want,
                const struct table_column *from, struct buf *out);

#endif
