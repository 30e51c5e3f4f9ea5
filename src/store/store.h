/* The project's own state in .sluice/state.db: integrations, runs, dead letters, gaps, ledger, learnt facts. SQLite,
 * WAL, synchronous=FULL, STRICT tables, migrations. All calls are thread-safe (one handle behind a mutex) and durable
 * when they return. Times are unix seconds or milliseconds as named. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

struct store;

/* Errors of all calls: ERR_DISK (full, read-only, damaged: which file, what to do), ERR_CONFLICT (locked for more than
 * 10 s), ERR_INTERNAL (texts beyond the arena's ceiling, no memory). Texts that are given may be p NULL where empty is
 * allowed; they are copied. */

/* Opens or creates `dir`/state.db (dir is made with mode 0700). A database of a newer program is ERR_CONFIG; so is
 * opening read-only where nothing has run yet, or where an older program's state would have to be migrated. */
enum err store_open(const char *dir, bool read_only, struct store **ret, struct errinfo *ei) MUST_USE;
void store_close(struct store *s);
struct str store_journal_uuid(const struct store *s); /* made once with the database */

/* One writer an integration: an advisory file lock held until closed. ERR_CONFLICT names the process that holds it. */
struct store_lock;
enum err store_lock(struct store *s, struct str integration, struct store_lock **ret, struct errinfo *ei) MUST_USE;
void store_unlock(struct store_lock *l); /* NULL is fine */
/* The folder of an integration's journal, for journal_open: dir/journal/<file name of the integration>. free() it. */
char *store_journal_dir(const struct store *s, struct str integration);
/* Forgets ended runs, windows, closed dead letters and closed gaps that ended before `before_ms`. */
enum err store_prune(struct store *s, int64_t before_ms, size_t *ret_dropped, struct errinfo *ei) MUST_USE;

/* ---- integrations ---- */
struct progress {
    bool known;        /* false: never ran */
    int64_t cursor_s;  /* LAST_SYNC_TIME: written up to; the target's checkpoint is the truth, this its copy */
    int64_t fetched_s; /* fetched up to */
    int64_t page;      /* journal position written up to */
    int32_t row;       /* rows of that page's records that are written; -1: all */
    int64_t epoch, batch;
    uint64_t mapping;    /* mapping version */
    int64_t freshest_ms; /* newest `modified` written; 0 none */
    int64_t updated_ms;
    bool paused;
};
enum err store_progress(struct store *s, struct str integration, struct progress *ret, struct errinfo *ei) MUST_USE;
enum err store_set_progress(struct store *s, struct str integration, const struct progress *p,
                            struct errinfo *ei) MUST_USE;
/* that alone */
enum err store_set_paused(struct store *s, struct str integration, bool paused, int64_t now_ms,
                          struct errinfo *ei) MUST_USE;
/* Small facts by name: learnt page size, clock offset, found key. p NULL deletes. */
/* p NULL when absent */
enum err store_fact(struct store *s, struct str name, struct arena *a, struct str *ret, struct errinfo *ei) MUST_USE;
enum err store_set_fact(struct store *s, struct str name, struct str value, struct errinfo *ei) MUST_USE;

/* ---- runs ---- */
struct run_row {
    int64_t id;
    struct str integration, kind; /* "main", "remedy", "backfill", "replay", "retry" */
    struct str status;            /* "running", "ok", "partial", "failed", "interrupted" */
    int64_t started_ms, ended_ms;
    struct str summary; /* the JSON object that `run --json` prints, or empty while it runs */
    int64_t pid;
};
enum err store_run_begin(struct store *s, struct str integration, struct str kind, int64_t now_ms, int64_t *ret_id,
                         struct errinfo *ei) MUST_USE;
enum err store_run_end(struct store *s, int64_t id, struct str status, struct str summary, int64_t now_ms,
                       struct errinfo *ei) MUST_USE;
struct run_query {
    struct str integration;
    size_t limit;
    int64_t before; /* only runs of a lower id; 0: all */
};                  /* integration p NULL: all; limit 0: no limit */
/* Newest first. Rows left "running" by a dead process are shown as "interrupted". */
enum err store_runs(struct store *s, const struct run_query *q, struct arena *a, struct run_row **ret, size_t *ret_n,
                    struct errinfo *ei) MUST_USE;

/* ---- dead letters ---- */
enum dead_state { DEAD_OPEN, DEAD_RETRIED, DEAD_DROPPED, DEAD_SUPERSEDED };
struct dead_letter {
    int64_t id;
    struct str key;       /* source id */
    struct str target_id; /* of the row, or empty when the record did not get that far */
    struct str version;
    int64_t page;      /* journal position */
    int32_t row;       /* record within the page */
    int32_t line;      /* row within the record; -1: the whole record */
    struct str code;   /* err_name */
    struct str reason; /* the words of the mapper or of the server */
    struct str raw;    /* the record's JSON */
    struct str edited; /* as a person corrected it, or empty; what was kept stays when one is added without */
    int64_t created_ms, tried_ms;
    int64_t tries;
    int state;              /* enum dead_state */
    bool again;             /* set by add: this letter was there already */
    struct str integration; /* given by store_dead_list; add takes it as an argument */
};
/* Adds; the same (integration, page, row, line) replaces. A record that was read again without having changed adds
 * nothing while its letter is open, or dropped: that one gets the reason and the later place. One
 * transaction. */
enum err store_dead_add(struct store *s, struct str integration, struct dead_letter *d, size_t n,
                        struct errinfo *ei) MUST_USE;
/* Closes as superseded the open letters of these keys that stand earlier in the journal than the (page, row) given with
 * the key. Later ones stay: they are newer than what was written. */
enum err store_dead_supersede(struct store *s, struct str integration, const struct dead_letter *newer, size_t n,
                              size_t *ret_closed, struct errinfo *ei) MUST_USE;
/* Closes as superseded the open letters of which the ledger knows a later version at or before this page, all of which
 * is written: those that a crash, or a full disk, left open between the commit and store_dead_supersede. */
enum err store_dead_settle(struct store *s, struct str integration, int64_t page, size_t *ret_closed,
                           struct errinfo *ei) MUST_USE;
struct dead_query {
    struct str integration; /* p NULL: all */
    struct str id;          /* source or target id; p NULL: all */
    int64_t after_id;
    size_t limit;    /* 0: no limit */
    bool all_states; /* else those of `state` */
    enum dead_state state;
    bool brief; /* without `raw` and `edited` */
};
/* In the order of their ids. */
enum err store_dead_list(struct store *s, const struct dead_query *q, struct arena *a, struct dead_letter **ret,
                         size_t *ret_n, struct errinfo *ei) MUST_USE;
/* The error that no letter has this id: ERR_USAGE. */
static inline enum err store_no_letter(struct str id, struct errinfo *ei)
{
    fail(ei, ERR_USAGE, "there is no dead letter with id " STR_FMT, STR_ARG(id));
    return fail_hint(ei, "`records NAME --state error` lists them; --id takes the source's or the target's id");
}
enum err store_dead_count(struct store *s, struct str integration, int64_t *ret_open, struct errinfo *ei) MUST_USE;
/* Puts a corrected record beside the raw one. Unknown id: ERR_USAGE. */
enum err store_dead_edit(struct store *s, int64_t id, struct str edited, struct errinfo *ei) MUST_USE;
/* counts a try; reason p NULL keeps; unknown id: ERR_USAGE */
enum err store_dead_set(struct store *s, int64_t id, enum dead_state state, struct str reason, int64_t now_ms,
                        struct errinfo *ei) MUST_USE;

/* ---- gaps: windows that could not be verified ---- */
struct gap {
    int64_t id;
    int64_t from_s, to_s;
    struct str why;
    int64_t created_ms;
    int64_t tries;
};
/* an open one of the same range counts a try instead */
enum err store_gap_add(struct store *s, struct str integration, const struct gap *g, struct errinfo *ei) MUST_USE;
/* open ones, oldest first */
enum err store_gaps(struct store *s, struct str integration, struct arena *a, struct gap **ret, size_t *ret_n,
                    struct errinfo *ei) MUST_USE;
enum err store_gap_close(struct store *s, int64_t id, int64_t now_ms, struct errinfo *ei) MUST_USE;

/* ---- windows: what was there, what was read, what became of it ---- */
struct window_proof {
    int64_t mark; /* journal position of its mark */
    int64_t run;
    int purpose; /* enum purpose */
    int64_t from_s, to_s;
    int64_t total_before, total_after; /* what the source said was there; -1: it did not tell */
    int64_t pages, ids;                /* kept pages; distinct ids that the reading saw */
    int64_t records;                   /* received: of all kept pages, those of readings given up included */
    int64_t folded, filtered, repeats, shaped, dead_records; /* what became of them */
    int64_t rows, dead_rows, missing;                        /* written; refused; rows that were found missing */
    bool whole;     /* counted from its first page on; false: a process before this one wrote the beginning */
    bool verified;  /* shown to be complete */
    struct str why; /* why not; empty: verified */
    int64_t at_ms;  /* when it was read, by the source's clock */
};
/* Adds; the same (integration, mark) replaces. */
enum err store_window_add(struct store *s, struct str integration, const struct window_proof *w,
                          struct errinfo *ei) MUST_USE;
struct window_query {
    struct str integration;
    size_t limit;   /* 0: no limit */
    bool open;      /* only those that are not verified, and that no later reading has made good */
    int64_t before; /* only those of an earlier mark; 0: all */
};
/* Newest first. */
enum err store_windows(struct store *s, const struct window_query *q, struct arena *a, struct window_proof **ret,
                       size_t *ret_n, struct errinfo *ei) MUST_USE;

/* ---- metrics: counters and histograms of an integration that outlive its runs ---- */
struct metric {
    struct str name; /* given; not in answers */
    int64_t bucket, value;
    bool max; /* the greater of the two stays; else they are added */
};
/* In one transaction. */
enum err store_metrics_add(struct store *s, struct str integration, const struct metric *m, size_t n,
                           struct errinfo *ei) MUST_USE;
struct metrics {
    struct metric *at; /* by bucket */
    size_t n;
};
enum err store_metrics(struct store *s, struct str integration, struct str name, struct arena *a, struct metrics *ret,
                       struct errinfo *ei) MUST_USE;

/* ---- ledger (decisions 4): what is known of each record key ---- */
struct ledger_entry {
    struct str key;
    uint64_t hash_hi, hash_lo; /* of the raw record and the mapping version; both 0: unknown */
    struct str version;        /* ts or modified as text; may be empty */
    int64_t page;
    int32_t row;
    int32_t lines; /* target rows that it gave */
    uint64_t mapping;
};
/* n keys to look up, and where found[i] and out[i] go. */
struct ledger_lookup {
    const struct str *keys;
    size_t n;
    struct ledger_entry *out;
    bool *found;
};
/* Looks them up, in one transaction; texts in `a`. */
enum err ledger_get(struct store *s, struct str integration, const struct ledger_lookup *l, struct arena *a,
                    struct errinfo *ei) MUST_USE;
struct ledger_news {
    const struct ledger_entry *at;
    size_t n;
    int64_t page; /* with them everything up to this page is in; 0: where it stood */
};
/* Inserts or replaces, and moves the position, in one transaction: entries that are further on than the position says
 * would not be seen to be ahead of a target that was set back. */
enum err ledger_put(struct store *s, struct str integration, const struct ledger_news *n, struct errinfo *ei) MUST_USE;
/* Up to which page the ledger has the journal; 0: nothing of it. */
enum err ledger_page(struct store *s, struct str integration, int64_t *ret, struct errinfo *ei) MUST_USE;
enum err ledger_count(struct store *s, struct str integration, int64_t *ret, struct errinfo *ei) MUST_USE;

#endif
