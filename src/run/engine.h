/* What a run of any kind needs open: journal, target, connection to the source. Shared by run.c, redo.c and sample.c.
 */
#ifndef RUN_ENGINE_H
#define RUN_ENGINE_H

#include "run/pipeline.h"
#include "run/reader.h"

struct engine {
    const struct project *project;
    const struct integration *integration;
    const struct run_options *options;
    struct store *store;
    struct arena *arena;
    struct flow *flow;
    struct diags *diags;
    struct store_lock *lock;
    struct journal *journal;
    struct records *kept; /* NULL: records are not kept */
    struct sink *sink;
    struct checkpoint at; /* where the target stands, claimed */
    bool target_holds;
    bool interrupted;         /* a signal came while the target was waited for */
    bool adopted;             /* the local state was lost, or belongs to another journal: positions begin anew */
    bool cursor_by_own_clock; /* it is the moment of the first run: nothing was ever read */
    struct loop *loop;
    void (*on_ask)(void *ctx, enum run_ask ask);
    void *ask_ctx;
    enum run_ask asked; /* and told */
    struct loop_timer *ask_timer;
    int signals;
    struct http *http;
    struct bucket *bucket;
    struct remote_clock *remote;
    struct login *login; /* NULL: the calls carry no token */
    struct source *source;
};

/* Compiles the flow and resolves the target's secrets. */
enum err engine_open(struct engine *e, struct errinfo *ei) MUST_USE;
/* Locks the integration, opens journal and target, reconciles checkpoint and local state, claims the target. */
enum err engine_open_target(struct engine *e, struct errinfo *ei) MUST_USE;
/* Instead of the target, to fetch alone: locks the integration and opens the journal; where the target stands is taken
 * from what is known of it. */
enum err engine_open_journal(struct engine *e, struct errinfo *ei) MUST_USE;
/* The cursor up to which the journal holds everything, written or not: where reading goes on. Not before the
 * checkpoint's. */
enum err engine_fetched(const struct engine *e, int64_t *ret_s, struct errinfo *ei) MUST_USE;
/* Instead of the target, for a dry run: the cursor as far as the store knows it; nothing is locked or changed. */
enum err engine_peek(struct engine *e, struct errinfo *ei) MUST_USE;
/* The target for reading alone: connected and fitting, neither claimed nor locked. */
enum err engine_look_at_target(struct engine *e, struct errinfo *ei) MUST_USE;
/* Loop, HTTP, quota, clock and source. */
enum err engine_open_source(struct engine *e,
                            void (*note)(void *ctx, enum source_note what, const struct errinfo *ei, int64_t wait_ms),
                            void *ctx, struct errinfo *ei) MUST_USE;
/* From here on calls back on the loop's thread when the run is to give way, or to stop: as options->control says, or
 * without it when a signal comes (a second one ends the process). Each once. After engine_open_source. */
void engine_on_ask(struct engine *e, void (*on_ask)(void *ctx, enum run_ask ask), void *ctx);
/* Asks no more; the loop may end. */
void engine_off_ask(struct engine *e);
/* Remembers what was learnt of the source: clock offset. */
void engine_remember(struct engine *e);
/* What the ledger knows of pages up to *ret was written to another target, or before the local state was lost. */
enum err engine_ledger_base(const struct engine *e, int64_t *ret, struct errinfo *ei) MUST_USE;
void engine_close(struct engine *e);

/* summary.c: an error that came without a hint gets the usual one of its code. */
void summary_hint(struct run_summary *s);

/* redo.c: replay and retry, on an engine that is not open yet; opens and closes it. */
void redo(struct engine *e, struct run_summary *ret);

#endif
