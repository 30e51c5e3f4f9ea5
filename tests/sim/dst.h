/* The simulated world: an upstream whose orders move, a target, the program's own disk, and time. One thread, one seed;
 * docs/internals/simulation.md says what is real and what is not. */
#ifndef TESTS_SIM_DST_H
#define TESTS_SIM_DST_H

#include "run/engine.h"

#include <stdio.h>

enum {
    ORDERS_MAX = 512,
    VERSIONS_MAX = 4096,
    LINES = 4, /* of an order, numbered from 1; slot 0 is the row of an order without lines */
    SLOTS = LINES + 1,
    COPIES_MAX = 3, /* older copies of the target */
    TRACE_START_MS = 0
};
#define EPOCH_MS INT64_C(1790000000000) /* where every world begins */
#define SLACK_S  5 /* of the clock: whole seconds in Date and stamps, half a trip, what counts as right */

/* ---- what goes wrong; each is counted where it happens ---- */
#define FAULTS(X)                                                                                                      \
    X(EDIT, "edits while a call was under way")                                                                        \
    X(NEW_ORDER, "orders that appeared")                                                                               \
    X(LATE, "commits seen after their stamp, within the promise")                                                      \
    X(TOO_LATE, "commits seen later than lag and overlap")                                                             \
    X(LEFT_WINDOW, "records that left a window while it was read")                                                     \
    X(ENTERED_WINDOW, "records that entered a window while it was read")                                               \
    X(BLURRED, "a record that left and one that entered between the same two calls")                                   \
    X(FILTERED, "orders that left the condition")                                                                      \
    X(CLAMPED, "pages smaller than asked for")                                                                         \
    X(HAS_ALWAYS, "has_next true for ever")                                                                            \
    X(HAS_NEVER, "has_next false too early")                                                                           \
    X(HAS_UNTOLD, "has_next not told")                                                                                 \
    X(TOTAL_UNTOLD, "totals not told")                                                                                 \
    X(TOTAL_WRONG, "wrong totals")                                                                                     \
    X(TOTAL_GROWS, "totals that grow")                                                                                 \
    X(DOUBLED, "rows told twice")                                                                                      \
    X(STUCK, "the first page again, whatever was asked for")                                                           \
    X(THROTTLED, "calls slowed down")                                                                                  \
    X(RETRIED, "calls that failed and were made again")                                                                \
    X(CALL_FAILED, "calls that failed for good")                                                                       \
    X(AUTH, "credentials that ran out")                                                                                \
    X(CLOCK_REFUSED, "timestamps refused")                                                                             \
    X(SKEW, "runs with a wrong clock")                                                                                 \
    X(JUMP, "clock jumps during a run")                                                                                \
    X(DATE_UNTOLD, "runs without Date")                                                                                \
    X(DATE_LIES, "runs with a Date that is wrong")                                                                     \
    X(CRASH, "crashes")                                                                                                \
    X(JOURNAL_FULL, "journal appends refused")                                                                         \
    X(STORE_FULL, "state that could not be written")                                                                   \
    X(CONNECT_FAILED, "target not reached")                                                                            \
    X(TRANSIENT, "transactions rolled back")                                                                           \
    X(UNKNOWN_IN, "COMMIT answers lost, in")                                                                           \
    X(UNKNOWN_OUT, "COMMIT answers lost, not in")                                                                      \
    X(LATE_COMMIT, "COMMITs that landed after their answer was lost")                                                  \
    X(PERMANENT, "transactions refused for good")                                                                      \
    X(ROW_REFUSED, "rows refused")                                                                                     \
    X(BROKEN, "records that cannot be shaped")                                                                         \
    X(TAKEN_OVER, "another process took the target over")                                                              \
    X(PRUNED, "journals pruned of what was written")                                                                   \
    X(SET_BACK, "target set back to an older copy")                                                                    \
    X(STATE_LOST, "local state lost")                                                                                  \
    X(UNHELD, "runs whose target keeps no checkpoint")                                                                 \
    X(GAP, "gaps recorded")                                                                                            \
    X(GAP_CLOSED, "gaps closed")                                                                                       \
    X(NARROWED, "windows read again, narrower")                                                                        \
    X(REMOVED, "rows taken away")                                                                                      \
    X(REPEATS, "records known to be unchanged")                                                                        \
    X(BACKLOG, "runs that began with pages of an earlier one")                                                         \
    X(HALF_PAGE, "runs that began in the middle of a page")                                                            \
    X(REREAD, "windows read again by tiers that were due")                                                             \
    X(MISSED, "records missed where more was not promised")                                                            \
    X(ALARM, "alarms: found missing")
#define FAULT_NUMBER(id, text) FAULT_##id,
enum fault { FAULTS(FAULT_NUMBER) FAULT_COUNT };

struct totals { /* numbers alone: they are added member by member */
    int64_t seeds, runs, calls, edits, commits, checks, failed_runs, beyond, blurred, broken;
    int64_t hour_edits, hour_worst_permille;
    int64_t faults[FAULT_COUNT];
};

/* ---- the upstream ---- */
struct version {           /* its index is its row version (`ts`); 0 is none */
    int32_t order, before; /* the version before; 0: none */
    int64_t stamp_s, visible_ms;
    uint8_t lines; /* bit n − 1: line n is there */
    bool hidden;   /* does not pass the condition */
    bool refused;  /* the target refuses its first line */
    bool broken;   /* cannot be shaped */
};

enum has { HAS_TRUTH, HAS_ALWAYS, HAS_NEVER, HAS_UNTOLD, HAS_KINDS };
enum told { TOLD_TRUTH, TOLD_UNTOLD, TOLD_WRONG, TOLD_GROWS, TOLD_KINDS };
enum edges { EDGES_CLOSED, EDGES_LEFT_OPEN, EDGES_RIGHT_OPEN, EDGES_KINDS };
enum date { DATE_TRUTH, DATE_UNTOLD, DATE_LIES, DATE_KINDS };
enum write_kind { WRITE_REPLACE, WRITE_KNOWN, WRITE_GUARDED, WRITE_INSERT, WRITE_KINDS }; /* KNOWN: with idCheck */
enum { PAGING_KINDS = 5 }; /* backward, forward, offset, link, cursor */

struct upstream {
    struct version v[VERSIONS_MAX];
    int32_t n_versions;
    int32_t newest[ORDERS_MAX]; /* by order: its newest version */
    int32_t n_orders;
    bool descending;
    enum edges edges;
    int64_t given_size; /* rows a page at most */
    enum has has;
    enum told told;
    int64_t wrong_by;
    bool doubled, stuck;
    enum date date;
    int64_t date_off_ms;
    bool strict_clock; /* refuses timestamps ten minutes off */
    int64_t now_calls;
    /* the window of the call before, to see what moved in it */
    int64_t last_from_s, last_to_s;
    int64_t last_run;
    bool inside[ORDERS_MAX], any_inside;
    bool blurred; /* what happened cannot be shown by counting: docs/internals/windows.md */
};

/* ---- the target ---- */
struct table {
    int32_t ver[ORDERS_MAX][SLOTS]; /* REPLACE: the version that stands there; 0: no row */
    int64_t n_inserted;             /* INSERT: how much of `inserted` is there */
    struct checkpoint cp;
    bool found;
    int64_t begun; /* positions began anew behind this page: it tells nothing of the pages before */
    int32_t over;  /* of a transaction that has not gone in: a version that took the place of a later one */
};
struct inserted {
    int32_t ver;
    int32_t slot;
};

/* ---- the disk ---- */
struct disk_page {
    struct journal_entry e;
    int32_t *versions; /* the row versions on it, in order; −1: none that can be shaped */
    size_t n_versions;
};
struct disk_fact {
    char name[64], value[64];
};
struct disk_gap {
    int64_t id, from_s, to_s, tries;
    bool open;
};
struct disk_dead {
    int64_t id, page;
    int32_t row, line, order, ver;
    int state;
};
enum { FACTS_MAX = 32, GAPS_MAX = 16384, DEAD_MAX = 8192 };
struct disk {
    struct arena *arena; /* of bodies and texts; lives as long as the seed */
    char uuid[40];
    struct disk_page *pages;
    size_t n_pages, cap_pages;
    int64_t dropped, to_drop; /* pages up to here are not kept any more; the oracle still has them */
    struct progress progress;
    struct disk_fact facts[FACTS_MAX];
    size_t n_facts;
    struct disk_gap gaps[GAPS_MAX];
    size_t n_gaps;
    struct disk_dead dead[DEAD_MAX];
    size_t n_dead;
    struct ledger_entry ledger[ORDERS_MAX];
    bool in_ledger[ORDERS_MAX];
    int64_t ledger_page;
    int64_t ids;
};

/* ---- what a seed is made of ---- */
struct chances { /* in a thousand */
    int call_retry, call_throttle, call_fail, auth, journal, store, connect, transient, unknown, permanent, taken_over,
        set_back, jump;
};

struct config {
    int paging; /* 0 … PAGING_KINDS − 1 */
    enum write_kind write;
    int64_t page_size, limit, lag_s, overlap_s, window_max_s, late_max_ms;
    int late_percent;
    bool held;           /* the target keeps the checkpoint */
    struct reread tier;  /* every_ms 0: none */
    int64_t edit_gap_ms; /* between two edits, on average */
    int hidden_percent, refused_percent, broken_percent, new_percent;
    int64_t trip_ms;
    int weight[5]; /* of the actors of a run: posts, source, journal, shape, write */
};

struct pending_call {
    bool waits;
    int64_t from_s, to_s, page, size, offset, cursor;
    struct str link;
    char link_text[32];
    bool windowed;
    void (*done)(void *ctx, struct page *page, const struct errinfo *why);
    void *ctx;
};

struct sim {
    uint64_t seed, rng;
    bool trace;
    struct config c;
    struct chances ch;
    struct totals *totals;
    int64_t t_ms, began_ms, skew_ms, next_edit_ms; /* the true time; the program's clock is skew_ms ahead of it */
    bool edits_on;
    struct clock clock;
    struct upstream up;
    struct table table, copies[COPIES_MAX];
    size_t n_copies;
    struct table late; /* what a COMMIT on its way makes of the table */
    bool late_commit;
    struct inserted *inserted;
    size_t cap_inserted;
    struct disk disk;
    /* the run */
    struct integration integration;
    struct iface iface;
    struct paging paging;
    struct statement statement;
    struct flow flow;
    struct run_summary summary;
    int64_t run_no, steps, crash_at; /* crash_at 0: none */
    bool dead;                       /* the process died: nothing has an effect any more */
    bool faulted;                    /* something happened in this run that may make it fail */
    struct source *source;
    struct loop *loop;
    int64_t checked_page; /* checkpoint = data was looked at up to here */
    int64_t claimed;      /* the last epoch that a run claimed: a higher one is another copy's */
    bool went_forward;    /* a younger copy took the place of an older one of the target */
    bool may_double;      /* a plain INSERT after such a copy: the ledger forgot */
    bool state_lost, unheld_lost;
    bool beyond; /* more came late than was promised to be caught */
    bool clock_beyond;
    bool read_again; /* a window, by a tier or the remedy */
    bool settled;
    int64_t first_stamp_s; /* where the integration starts */
    bool failed;
    char why[512];
};

/* ---- chance ---- */
static inline uint64_t draw(struct sim *s)
{
    uint64_t z = (s->rng += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
static inline int64_t below(struct sim *s, int64_t n)
{
    return (int64_t)(draw(s) % (uint64_t)n);
}
static inline bool chance(struct sim *s, int permille)
{
    return permille > 0 && below(s, 1000) < permille;
}
static inline bool percent(struct sim *s, int p)
{
    return p > 0 && below(s, 100) < p;
}

/* dst.c */
struct sim *sim_now(void); /* the one world of this thread: seams that get no object of ours find it here */
void sim_fault(struct sim *s, enum fault f);
void sim_fail(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3); /* an invariant is broken; the first is kept */
void sim_trace(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Before each step that leaves something behind. False: the process is dead, the step does not happen. */
bool sim_alive(struct sim *s, const char *step);

/* dst_world.c */
void world_make(struct sim *s);
void world_advance(struct sim *s, int64_t ms);
int64_t world_cursor_s(const struct sim *s); /* where reading goes on; long ago: nowhere yet */
int32_t world_visible(const struct sim *s, int32_t order, int64_t t_ms); /* its version, 0: none */
int64_t world_lateness_ms(const struct version *v);
enum err world_dead(struct errinfo *ei);

/* dst_disk.c */
void disk_clear(struct sim *s, bool journal_too);
void disk_begin_run(struct sim *s); /* what the run before pruned is gone by now */
int64_t disk_last(const struct sim *s);
size_t disk_open_gaps(const struct sim *s);
bool disk_fact_i64(const struct sim *s, const char *name, int64_t *ret);

/* dst_target.c */
extern const struct sink_type target_type;
void target_keep_copy(struct sim *s);
void target_set_back(struct sim *s);

/* dst_flows.c */
void flows_open(void);
void flows_close(void);
void flows_use(struct sim *s); /* makes s->flow and what hangs on it */
const struct project *flows_project(void);

/* dst_seed.c */
void seed_run(struct sim *s); /* a whole life */
void seed_one_run(struct sim *s, enum run_kind kind);

/* dst_hour.c */
void hour_run(struct sim *s); /* an hour of serve, held against the promise of freshness */

/* dst_check.c */
void check_run(struct sim *s, int64_t before_ms);
void check_end(struct sim *s);
size_t check_missing(struct sim *s, bool tell); /* how many records are not in the target as they should be */
bool check_arrived(struct sim *s, int32_t ver); /* that version, or a newer one of its order */
bool check_promised(const struct sim *s, const struct version *v); /* not seen later than lag and overlap catch */
size_t check_silent(struct sim *s); /* of those: how many give no rows, so that finding them is no alarm */

#endif
