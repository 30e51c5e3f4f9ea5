/* Reading: jobs → windows → pages, on the loop's thread. */
#ifndef RUN_READER_H
#define RUN_READER_H

#include "flow/flow.h"
#include "run/pipeline.h"
#include "source/source.h"

/* One range to read. */
struct job {
    enum purpose purpose;
    const struct request *request;
    int64_t from_s, to_s; /* LAST_SYNC_TIME and CURRENT_TIME of its request */
    bool whole;           /* the range is from_s…to_s itself, not what the request renders (gaps) */
    int64_t gap;          /* PURPOSE_GAP: its id */
    bool spare;           /* only with calls that others leave over; without them it is left to another run */
};

struct reader;

struct reader_config {
    const struct flow *flow;
    struct pipeline *pipeline;
    struct source *source;
    struct store *store;
    const struct remote_clock *remote;
    int64_t size_learnt; /* as remembered, 0: not known */
    int64_t cursor;      /* PAGE_CURSOR: where to begin; INT64_MIN: the paging's first value */
    /* after the first reply, until it is content: may replace the jobs (the clock was learnt); `again` reads the page
     * anew; an error ends the reading */
    enum err (*first_page)(void *ctx, bool *ret_again, struct errinfo *ei);
    void (*ended)(void *ctx, const struct errinfo *why); /* why->code OK: everything was read */
    /* takes each page and mark instead of the pipeline; false: no room yet, the page stays. NULL: the pipeline does */
    bool (*take)(void *ctx, struct page *page);
    void *ctx;
};

struct reader *reader_new(const struct reader_config *c); /* copies the struct */
void reader_free(struct reader *r);
/* The jobs in order; copied. Before reader_start, or from first_page. */
void reader_set_jobs(struct reader *r, const struct job *jobs, size_t n);
void reader_start(struct reader *r);
void reader_room(void *reader);         /* there is room in the pipeline again; loop's thread */
void reader_give_way(struct reader *r); /* ends after the window that is being read */
void reader_stop(struct reader *r);     /* asks for nothing more; `ended` is not called any more */

struct reader_state {
    int64_t windows, verified, gaps, gaps_closed;
    size_t jobs_done; /* the first so many */
    int64_t window_from_s, window_to_s, pages_left;
    int permille;
    int64_t size_learnt;
    bool gave_way;     /* there was more to read */
    int64_t reached_s; /* the end of the last window that was read whole; INT64_MIN: none */
};
void reader_state(const struct reader *r, struct reader_state *ret);

#endif
