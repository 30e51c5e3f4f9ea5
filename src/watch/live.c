/* The newest tick of each run that goes on, and a few before it.
 *
 * Only what runs is kept (as many entries as there are workers), so a list that is searched from its beginning is
 * enough. A rate is the difference to the oldest tick that is at most five seconds old, over the time between: it
 * follows a change within seconds and does not jump with each page. */
#include "watch/live.h"

#include "base/json.h"

#include <pthread.h>
#include <stdlib.h>

#define SPAN_MS 5000
#define TICKS   32 /* more than come within the span */

struct tick {
    int64_t at_ms, calls, records, rows;
};

struct entry {
    struct entry *next;
    char *name;
    struct live_job job; /* its text is `name` */
    struct run_live now;
    struct tick ticks[TICKS]; /* a ring; the newest is ticks[(n - 1) % TICKS] */
    size_t n;
};

struct live {
    pthread_mutex_t lock;
    const struct zone *zone;
    struct entry *first;
};

static struct entry **find(struct live *l, struct str integration)
{
    struct entry **at = &l->first;

    while (*at && !str_eq((*at)->job.integration, integration))
        at = &(*at)->next;
    return at;
}

static void drop(struct entry **at)
{
    struct entry *gone = *at;

    if (!gone)
        return;
    *at = gone->next;
    free(gone->name);
    free(gone);
}

static struct entry *add(struct live *l, const struct live_job *job)
{
    struct entry *e = mem_zero(sizeof *e);

    e->name = mem_alloc(job->integration.n + 1);
    memcpy(e->name, job->integration.p, job->integration.n);
    e->job = *job;
    e->job.integration = (struct str){e->name, job->integration.n};
    e->next = l->first;
    l->first = e;
    return e;
}

void live_tick(struct live *l, const struct live_job *job, const struct run_live *now, int64_t mono_ms)
{
    struct entry **at, *e;

    pthread_mutex_lock(&l->lock);
    at = find(l, job->integration);
    if (*at && (*at)->job.job != job->job)
        drop(at);
    e = *find(l, job->integration);
    e = e ? e : add(l, job);
    e->now = *now;
    e->ticks[e->n++ % TICKS] = (struct tick){mono_ms, now->counts.calls, now->counts.records, now->counts.rows};
    pthread_mutex_unlock(&l->lock);
}

void live_end(struct live *l, struct str integration)
{
    pthread_mutex_lock(&l->lock);
    drop(find(l, integration));
    pthread_mutex_unlock(&l->lock);
}

size_t live_count(struct live *l)
{
    size_t n = 0;

    pthread_mutex_lock(&l->lock);
    for (const struct entry *e = l->first; e; e = e->next)
        n++;
    pthread_mutex_unlock(&l->lock);
    return n;
}

static void add_time(struct json_out *w, const char *key, const struct zone *z, int64_t unix_ms)
{
    char text[TIME_TEXT];

    json_member(w, key, (struct str){text, time_rfc3339(z, unix_ms, text)});
}

/* A second, to a tenth. */
static void add_rate(struct json_out *w, const char *key, int64_t count, int64_t span_ms)
{
    struct buf b = buf_make(32);

    buf_printf(&b, "%.1f", span_ms > 0 ? (double)count * 1000 / (double)span_ms : 0.0);
    json_out_key(w, key);
    json_out_raw(w, buf_str(&b));
    buf_free(&b);
}

static void add_rates(struct json_out *w, const struct entry *e)
{
    const struct tick *last = &e->ticks[(e->n - 1) % TICKS], *first = last;

    for (size_t back = 1; back < TICKS && back < e->n; back++) {
        const struct tick *t = &e->ticks[(e->n - 1 - back) % TICKS];

        if (last->at_ms - t->at_ms > SPAN_MS)
            break;
        first = t;
    }
    json_out_key(w, "rates");
    json_out_begin(w, '{');
    add_rate(w, "calls", last->calls - first->calls, last->at_ms - first->at_ms);
    add_rate(w, "records", last->records - first->records, last->at_ms - first->at_ms);
    add_rate(w, "rows", last->rows - first->rows, last->at_ms - first->at_ms);
    json_out_end(w, '}');
}

static void add_window(struct json_out *w, const struct zone *z, const struct run_live *now)
{
    json_out_key(w, "window");
    if (!now->window_from_s && !now->window_to_s) {
        json_out_null(w);
        return;
    }
    json_out_begin(w, '{');
    add_time(w, "from", z, now->window_from_s * 1000);
    add_time(w, "to", z, now->window_to_s * 1000);
    json_out_end(w, '}');
}

static void add_queues(struct json_out *w, const struct run_live *now)
{
    json_out_key(w, "queues");
    json_out_begin(w, '{');
    json_number(w, "journal", now->queued_journal);
    json_number(w, "shape", now->queued_shape);
    json_number(w, "write", now->queued_write);
    json_out_end(w, '}');
}

static void add_entry(struct json_out *w, const struct zone *z, const struct entry *e)
{
    const struct run_live *now = &e->now;

    json_out_begin(w, '{');
    json_number(w, "run", now->run);
    json_number(w, "job", e->job.job);
    json_member(w, "kind", str_of(run_kind_name(e->job.kind)));
    add_time(w, "since", z, e->job.since_ms);
    json_member(w, "doing", now->doing ? str_of(now->doing) : (struct str){0});
    json_number(w, "permille", now->permille);
    add_window(w, z, now);
    json_out_key(w, "counts");
    json_out_begin(w, '{');
    counts_json(w, &now->counts);
    json_out_end(w, '}');
    add_rates(w, e);
    json_out_key(w, "quota_left");
    if (now->quota_left < 0)
        json_out_null(w);
    else
        json_out_int(w, now->quota_left);
    add_queues(w, now);
    json_member(w, "waiting", now->waiting ? str_of(now->waiting) : (struct str){0});
    json_out_end(w, '}');
}

void live_json(struct live *l, struct str integration, struct buf *out)
{
    struct json_out w = json_out(out);
    const struct entry *e;

    pthread_mutex_lock(&l->lock);
    e = *find(l, integration);
    if (e)
        add_entry(&w, l->zone, e);
    else
        json_out_null(&w);
    pthread_mutex_unlock(&l->lock);
}

struct live *live_new(const struct zone *z)
{
    struct live *l = mem_zero(sizeof *l);

    pthread_mutex_init(&l->lock, NULL);
    l->zone = z;
    return l;
}

void live_free(struct live *l)
{
    if (!l)
        return;
    while (l->first)
        drop(&l->first);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
