/* One run of one integration, from cursor to now − lag: the engine. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "base/event.h"
#include "base/map.h"
#include "flow/flow.h"
#include "source/page.h"
#include "store/store.h"

#include <stdatomic.h>

enum run_kind { RUN_MAIN, RUN_REMEDY, RUN_BACKFILL, RUN_REPLAY, RUN_RETRY, RUN_REPAIR };
const char *run_kind_name(enum run_kind k);

struct counts {
    int64_t windows, calls, throttled, retries, pages, records, folded, filtered, repeats, rows, missing_found, bytes;
    int64_t dead_records, dead_rows, shaped_records, shaped_rows, overlaid_rows;
    int64_t removed; /* rows that were deleted or marked because their record no longer gives them */
    int64_t gaps, gaps_closed;
};

enum run_status { RUN_OK, RUN_PARTIAL, RUN_FAILED, RUN_INTERRUPTED };
const char *run_status_name(enum run_status s);

struct run_summary {
    char integration[260];
    enum run_kind kind;
    enum run_status status;
    int64_t from_s, to_s; /* the range asked for, before overlap; INT64_MIN: none */
    int64_t cursor_s;     /* INT64_MIN: none yet */
    bool cursor_is_time;  /* false: a rowversion */
    struct counts counts;
    int64_t duration_ms;
    bool verified;
    struct errinfo error; /* code OK: none */
    bool gave_way;        /* the rest of the range, from to_s on, is still to be read */
    char path[40];        /* how rows went in: "array binding", … */
};

/* What is going on, for a progress line. */
struct run_live {
    int64_t run; /* its number in the store; 0: a dry run */
    struct counts counts;
    int64_t window_from_s, window_to_s, pages_left;
    int permille;       /* of the range */
    int64_t quota_left; /* -1: unlimited */
    int64_t elapsed_ms;
    const char *doing;   /* "reading", "writing what is left", "waiting for the target", … */
    const char *waiting; /* what for, when it cannot go on; else NULL */
    int64_t queued_journal, queued_shape, queued_write; /* pages, pages, batches between the threads */
};

/* What a repair fetches again, after an audit. */
struct repair_range {
    int64_t from_s, to_s;
};
struct lost_record {
    struct str parent, guard; /* values of those columns; guard p NULL: none */
};
struct repair_rule {
    const struct repair_range *ranges; /* seconds to read */
    size_t n_ranges;
    const struct map *keys;         /* of the records that are read, only these are taken */
    const struct map *ids;          /* and of their rows only these; NULL: all */
    const struct lost_record *lost; /* records that the source does not show: their rows go as `left_filter` says */
    size_t n_lost;
};

enum reread_mode { REREAD_DUE, REREAD_ALL, REREAD_NONE };

/* How whoever started a run asks it to end sooner; from any thread. */
enum run_ask {
    RUN_GO_ON,
    RUN_GIVE_WAY, /* at the next window's edge; the summary's to_s says how far it came */
    RUN_STOP      /* now: interrupted */
};
struct run_control {
    _Atomic int ask; /* enum run_ask */
};

/* What of an ordinary run is done: source and target may have schedules of their own. */
enum run_part {
    RUN_WHOLE,
    RUN_FETCH, /* reads into the journal; the target is not asked, and may be down */
    RUN_WRITE  /* writes what is in the journal; the source is not called */
};

struct run_options {
    enum run_kind kind;
    enum run_part part;               /* of RUN_MAIN */
    bool dry_run;                     /* fetches and shapes, keeps and writes nothing */
    int64_t from_s, to_s;             /* RUN_BACKFILL and RUN_REPLAY */
    struct str id;                    /* RUN_RETRY: this source or target id; p NULL: all */
    const struct repair_rule *repair; /* RUN_REPAIR */
    enum reread_mode reread; /* RUN_MAIN: which tiers are read behind it; RUN_REMEDY: which alone, NONE: the remedy */
    const struct clock *clock;
    struct listener listener;
    /* about four times a second, on the calling thread; or NULL */
    void (*tick)(void *ctx, const struct run_live *live);
    void *tick_ctx;
    struct run_control *control; /* NULL: SIGTERM and SIGINT stop the run */
    int64_t patience_ms;         /* how long a source or target that is down is retried: 60 s (decisions 12) */
};

/* Runs; always fills *ret (ret->error says what failed) and records the run in the store. The calling thread becomes
 * the loop's. */
void run_integration(const struct project *p, const struct integration *i, struct store *store,
                     const struct run_options *o, struct run_summary *ret);

/* The members of the object that `run --json` prints that count. */
void counts_json(struct json_out *w, const struct counts *c);
/* The object that `run --json` prints. */
void run_summary_json(const struct run_summary *s, const struct zone *z, struct buf *out);
/* Exit status: 0, 1, 2, 3 or 130. */
int run_exit_status(const struct run_summary *s);

/* One page of the integration, fetched and judged but neither kept nor written: for preview, ddl and check --online. */
enum err run_sample(const struct project *p, const struct flow *f, const struct run_options *o, struct page **ret,
                    struct errinfo *ei) MUST_USE;

#endif
