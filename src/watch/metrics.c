/* Counting.
 *
 * Counters of a run come twice: from its ticks while it goes on, and exactly from the summary that its end carries. So
 * an integration has two sets, `ended` and `live`: a tick replaces the live one, the end adds the summary to the ended
 * one and clears the live one, and what is shown is the sum; it never falls, since a summary is never less than the
 * last tick. Only what the summary does not have (windows, batches, outcomes) is counted by events.
 *
 * One mutex guards all; whoever feeds holds it for the blink of an addition. The text is made in slices
 * (metrics_text.c). Memory is constant: an entry for each integration ever seen, of a fixed size. */
#include "watch/metrics.h"

#include "base/json.h"
#include "base/log.h"
#include "watch/metrics_impl.h"

#include <stdlib.h>

const int64_t metrics_bucket_ms[BUCKETS] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

/* ---- entries ---- */

/* Prometheus text format 0.0.4: backslash, quote and line feed are escaped in label values. */
static char *label_of(struct str name, size_t *ret_n)
{
    struct buf b = buf_make(2 * name.n + 64);

    buf_add(&b, S("integration=\""));
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (c == '\n')
            buf_add(&b, S("\\n"));
        else if (c == '\\' || c == '"')
            buf_printf(&b, "\\%c", c);
        else
            buf_byte(&b, c);
    }
    buf_byte(&b, '"');
    return buf_take(&b, ret_n);
}

/* Puts it where its name belongs. */
static void insert(struct meters *m, struct entry *e)
{
    size_t at = m->n;

    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 64;
        m->entries = mem_grow(m->entries, m->cap * sizeof *m->entries);
        m->made = mem_grow(m->made, m->cap * sizeof *m->made);
    }
    while (at > 0 && str_cmp(entry_name(m->entries[at - 1]), entry_name(e)) > 0) {
        m->entries[at] = m->entries[at - 1];
        at--;
    }
    m->entries[at] = e;
    m->made[m->n] = e;
    map_put(m->names, entry_name(e), m->n++);
}

struct entry *metrics_find(const struct meters *m, struct str integration)
{
    size_t at = map_get(m->names, integration);

    return at == MAP_NONE ? NULL : m->made[at];
}

static struct entry *entry_of(struct meters *m, struct str integration)
{
    struct entry *e = metrics_find(m, integration);

    if (e)
        return e;
    e = mem_zero(sizeof *e);
    e->name = mem_alloc(integration.n + 1);
    memcpy(e->name, integration.p, integration.n);
    e->name_n = integration.n;
    e->label = label_of(integration, &e->label_n);
    insert(m, e);
    metrics_recall(m, e);
    return e;
}

/* ---- what comes in ---- */

static void add_counts(struct counts *to, const struct json *summary)
{
    const struct {
        const char *name;
        int64_t *value;
    } rows[] = {
        {"windows", &to->windows}, {"calls", &to->calls},       {"throttled", &to->throttled},
        {"retries", &to->retries}, {"pages", &to->pages},       {"records", &to->records},
        {"folded", &to->folded},   {"filtered", &to->filtered}, {"repeats", &to->repeats},
        {"rows", &to->rows},       {"dead", &to->dead_rows},    {"missing_found", &to->missing_found},
        {"removed", &to->removed}, {"bytes", &to->bytes},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t v;

        if (json_i64(json_get(summary, str_of(rows[i].name)), &v))
            *rows[i].value += v;
    }
}

/* Without number it was a dry run, whose counts are of nothing that was done, or it failed before it began. */
static void end_run(struct meters *m, struct entry *e, const struct event *ev)
{
    static const enum run_status states[RUN_STATES] = {RUN_OK, RUN_PARTIAL, RUN_FAILED, RUN_INTERRUPTED};
    struct json_doc *doc;
    const struct json *root;
    struct errinfo ei;
    int64_t took_ms = 0;

    e->live = (struct counts){0};
    e->goes_on = false;
    if (json_parse(ev->text, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        return;
    root = json_root(doc);
    if (ev->run || ev->code)
        e->last_run_ms = clock_wall(m->c.clock);
    if (ev->run)
        add_counts(&e->ended, root);
    if (ev->run && json_i64(json_get(root, S("duration_ms")), &took_ms))
        e->run_ms += took_ms;
    for (size_t i = 0; i < RUN_STATES; i++) {
        if ((!ev->run && states[i] != RUN_FAILED) ||
            !str_eq(json_text(json_get(root, S("status"))), str_of(run_status_name(states[i]))))
            continue;
        e->runs[i]++;
        if (states[i] == RUN_OK || states[i] == RUN_PARTIAL)
            e->last_ok_ms = e->last_run_ms;
    }
    json_free(doc);
}

static void count_batch(struct entry *e, int64_t took_ms)
{
    size_t i = 0;

    while (i < BUCKETS && took_ms > metrics_bucket_ms[i])
        i++;
    e->batches[i]++;
    e->batches_since[i]++;
    e->batch_ms += took_ms;
}

static void hear(void *ctx, const struct event *ev)
{
    struct meters *m = ctx;
    struct entry *e;

    if (!ev->run && ev->kind != EVENT_RUN_ENDED)
        return; /* a dry run, or an audit */
    pthread_mutex_lock(&m->lock);
    e = entry_of(m, ev->integration);
    switch (ev->kind) {
    case EVENT_WINDOW_DONE:
        e->windows[ev->flag]++;
        break;
    case EVENT_WINDOW_AGAIN:
        e->windows_again++;
        break;
    case EVENT_GAP:
        e->gaps++;
        break;
    case EVENT_COMMIT:
        count_batch(e, ev->took_ms);
        break;
    case EVENT_RUN_ENDED:
        end_run(m, e, ev);
        break;
    default:
        break;
    }
    pthread_mutex_unlock(&m->lock);
}

struct listener metrics_listener(struct meters *m)
{
    return (struct listener){hear, m};
}

void metrics_live(struct meters *m, struct str integration, const struct run_live *live)
{
    struct entry *e;

    if (!live->run)
        return; /* a dry run */
    pthread_mutex_lock(&m->lock);
    e = entry_of(m, integration);
    e->live = live->counts;
    e->goes_on = true;
    e->queued[0] = live->queued_journal;
    e->queued[1] = live->queued_shape;
    e->queued[2] = live->queued_write;
    pthread_mutex_unlock(&m->lock);
}

void metrics_sample(struct meters *m, struct str integration, const struct metrics_sample *s)
{
    struct entry *e;

    pthread_mutex_lock(&m->lock);
    e = entry_of(m, integration);
    e->sample = *s;
    e->sampled_ms = clock_wall(m->c.clock);
    e->sampled = true;
    e->gone = false;
    pthread_mutex_unlock(&m->lock);
}

void metrics_age(struct entry *e, int64_t now_ms)
{
    int64_t older = now_ms - e->sampled_ms;

    if (!e->sampled || older <= 0)
        return;
    if (e->sample.fresh_ms >= 0)
        e->sample.fresh_ms += older;
    if (e->sample.behind_ms >= 0)
        e->sample.behind_ms += older;
    if (e->sample.token_left_ms >= 0)
        e->sample.token_left_ms = e->sample.token_left_ms > older ? e->sample.token_left_ms - older : 0;
    e->sampled_ms = now_ms;
}

void metrics_keep(struct meters *m, const struct str *names, size_t n)
{
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->n; i++)
        m->entries[i]->gone = true;
    for (size_t i = 0; i < n; i++)
        entry_of(m, names[i])->gone = false;
    pthread_mutex_unlock(&m->lock);
}

void metrics_set_outside(struct meters *m, enum metrics_outside which, int64_t (*value)(void *ctx), void *ctx)
{
    m->outside[which] = (struct outside){value, ctx};
}

/* ---- the whole ---- */

struct meters *metrics_new(const struct metrics_config *c)
{
    struct meters *m = mem_zero(sizeof *m);
    struct buf path = buf_make(1u << 13);
    struct errinfo ei;

    m->c = *c;
    pthread_mutex_init(&m->lock, NULL);
    m->names = map_new();
    m->started_ms = clock_wall(c->clock);
    buf_printf(&path, "%s/series", c->state_dir ? c->state_dir : "");
    if (c->state_dir && series_open(buf_cstr(&path), &m->series, &ei))
        log_warn("figures over time are not kept: %s", ei.msg);
    buf_free(&path);
    return m;
}

void metrics_free(struct meters *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++) {
        free(m->entries[i]->name);
        free(m->entries[i]->label);
        free(m->entries[i]);
    }
    free(m->entries);
    free(m->made);
    map_free(m->names);
    series_close(m->series);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
