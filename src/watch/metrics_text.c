/* The text that Prometheus reads, and docs/metrics.md, from one table.
 *
 * A row of the table is a family: name, type, help, and what gives its lines for one integration. The text is made
 * family by family. Figures are integers all the way; thousandths become decimals by placing a point, so that ten
 * thousand integrations take a fraction of a second. The lock is let go of between slices of entries, so that no run
 * waits for a scrape; two families may therefore be some milliseconds apart. */
#include "base/num.h"
#include "base/product.h"
#include "watch/metrics_impl.h"

#include <dirent.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SLICE 64

struct family {
    const char *name, *type, *labels, *help;
    size_t offset; /* in struct counts, entry or metrics_sample, for those who look there */
    void (*lines)(struct buf *b, const struct family *f, const struct entry *e);
};

/* ---- lines ---- */

/* name{integration="…"[,extra]} */
static void add_name(struct buf *b, const char *name, const struct entry *e, const char *extra)
{
    buf_add(b, str_of(name));
    buf_byte(b, '{');
    buf_add(b, (struct str){e->label, e->label_n});
    if (extra) {
        buf_byte(b, ',');
        buf_add(b, str_of(extra));
    }
    buf_add(b, S("} "));
}

static void add_line(struct buf *b, const char *name, const struct entry *e, const char *extra, int64_t value)
{
    add_name(b, name, e, extra);
    buf_int(b, value);
    buf_byte(b, '\n');
}

/* Thousandths as a decimal. */
static void add_milli(struct buf *b, int64_t milli)
{
    uint64_t v = milli < 0 ? 0 - (uint64_t)milli : (uint64_t)milli;
    char point[4] = {'.', (char)('0' + v / 100 % 10), (char)('0' + v / 10 % 10), (char)('0' + v % 10)};

    if (milli < 0)
        buf_byte(b, '-');
    buf_int(b, (int64_t)(v / 1000));
    if (v % 1000)
        buf_add(b, (struct str){point, sizeof point});
}

static void add_seconds(struct buf *b, const char *name, const struct entry *e, int64_t ms)
{
    add_name(b, name, e, NULL);
    add_milli(b, ms);
    buf_byte(b, '\n');
}

/* ---- what gives lines ---- */

/* The int64 at an offset. */
static int64_t at(const void *base, size_t offset)
{
    int64_t v;

    memcpy(&v, (const char *)base + offset, sizeof v);
    return v;
}

static void run_count(struct buf *b, const struct family *f, const struct entry *e)
{
    add_line(b, f->name, e, NULL, at(&e->ended, f->offset) + at(&e->live, f->offset));
}

static void count(struct buf *b, const struct family *f, const struct entry *e)
{
    add_line(b, f->name, e, NULL, at(e, f->offset));
}

static void count_ms(struct buf *b, const struct family *f, const struct entry *e)
{
    add_seconds(b, f->name, e, at(e, f->offset));
}

static void moment(struct buf *b, const struct family *f, const struct entry *e)
{
    if (at(e, f->offset))
        add_seconds(b, f->name, e, at(e, f->offset));
}

static void gauge(struct buf *b, const struct family *f, const struct entry *e)
{
    if (e->sampled && at(&e->sample, f->offset) >= 0)
        add_line(b, f->name, e, NULL, at(&e->sample, f->offset));
}

static void gauge_ms(struct buf *b, const struct family *f, const struct entry *e)
{
    if (e->sampled && at(&e->sample, f->offset) >= 0)
        add_seconds(b, f->name, e, at(&e->sample, f->offset));
}

static void dead_total(struct buf *b, const struct family *f, const struct entry *e)
{
    add_line(b, f->name, e, NULL,
             e->ended.dead_rows + e->ended.dead_records + e->live.dead_rows + e->live.dead_records);
}

static void state(struct buf *b, const struct family *f, const struct entry *e)
{
    char label[64];

    if (!e->sampled || !e->sample.state)
        return;
    snprintf(label, sizeof label, "state=\"%s\"", e->sample.state);
    add_line(b, f->name, e, label, 1);
}

static void running(struct buf *b, const struct family *f, const struct entry *e)
{
    if (e->sampled)
        add_line(b, f->name, e, NULL, e->sample.running);
}

static void paused(struct buf *b, const struct family *f, const struct entry *e)
{
    if (e->sampled)
        add_line(b, f->name, e, NULL, e->sample.paused);
}

static void runs(struct buf *b, const struct family *f, const struct entry *e)
{
    static const char *const labels[RUN_STATES] = {[RUN_OK] = "status=\"ok\"",
                                                   [RUN_PARTIAL] = "status=\"partial\"",
                                                   [RUN_FAILED] = "status=\"failed\"",
                                                   [RUN_INTERRUPTED] = "status=\"interrupted\""};

    for (size_t i = 0; i < RUN_STATES; i++)
        add_line(b, f->name, e, labels[i], e->runs[i]);
}

static void windows(struct buf *b, const struct family *f, const struct entry *e)
{
    add_line(b, f->name, e, "verified=\"true\"", e->windows[true]);
    add_line(b, f->name, e, "verified=\"false\"", e->windows[false]);
}

static void quota_used(struct buf *b, const struct family *f, const struct entry *e)
{
    const struct metrics_sample *s = &e->sample;

    if (e->sampled && s->quota_limit > 0 && s->quota_left >= 0)
        add_seconds(b, f->name, e, 1000 - 1000 * s->quota_left / s->quota_limit);
}

static void clock_offset(struct buf *b, const struct family *f, const struct entry *e)
{
    if (e->sampled && e->sample.clock_offset_ms != INT64_MIN)
        add_seconds(b, f->name, e, e->sample.clock_offset_ms);
}

static void queues(struct buf *b, const struct family *f, const struct entry *e)
{
    static const char *const labels[] = {"queue=\"journal\"", "queue=\"shape\"", "queue=\"write\""};

    for (size_t i = 0; e->goes_on && i < sizeof labels / sizeof *labels; i++)
        add_line(b, f->name, e, labels[i], e->queued[i]);
}

static void batches(struct buf *b, const struct family *f, const struct entry *e)
{
    int64_t all = 0;

    for (size_t i = 0; i <= BUCKETS; i++) {
        all += e->batches[i];
        buf_add(b, str_of(f->name));
        buf_add(b, S("_bucket{"));
        buf_add(b, (struct str){e->label, e->label_n});
        buf_add(b, S(",le=\""));
        if (i < BUCKETS)
            add_milli(b, metrics_bucket_ms[i]);
        else
            buf_add(b, S("+Inf"));
        buf_add(b, S("\"} "));
        buf_int(b, all);
        buf_byte(b, '\n');
    }
    buf_add(b, str_of(f->name));
    buf_add(b, S("_sum{"));
    buf_add(b, (struct str){e->label, e->label_n});
    buf_add(b, S("} "));
    add_milli(b, e->batch_ms);
    buf_byte(b, '\n');
    buf_add(b, str_of(f->name));
    add_line(b, "_count", e, NULL, all);
}

#define RUNS(field)      offsetof(struct counts, field), run_count
#define ENTRY(field)     offsetof(struct entry, field)
#define SAMPLE(field)    offsetof(struct metrics_sample, field), gauge
#define SAMPLE_MS(field) offsetof(struct metrics_sample, field), gauge_ms
static const struct family families[] = {
    {"sluice_state", "gauge", "integration, state",
     "Always 1; the label says it: running, waiting, ok, late, failing, broken, paused, disabled or new.", 0, state},
    {"sluice_running", "gauge", "integration", "1 while a run of the integration goes on.", 0, running},
    {"sluice_paused", "gauge", "integration", "1 while its schedules rest because a person said so.", 0, paused},
    {"sluice_freshness_seconds", "gauge", "integration",
     "How long ago the newest record that is written was modified at the source.", SAMPLE_MS(fresh_ms)},
    {"sluice_behind_seconds", "gauge", "integration", "How long ago the time lies up to which everything is written.",
     SAMPLE_MS(behind_ms)},
    {"sluice_last_run_timestamp_seconds", "gauge", "integration", "When a run ended last, since the start of serve.",
     ENTRY(last_run_ms), moment},
    {"sluice_last_success_timestamp_seconds", "gauge", "integration",
     "When a run last ended well (ok or partial), since the start of serve.", ENTRY(last_ok_ms), moment},
    {"sluice_runs_total", "counter", "integration, status",
     "Runs that ended: ok, partial (with dead letters), failed, interrupted.", 0, runs},
    {"sluice_run_duration_seconds_total", "counter", "integration", "Time that runs took, together.", ENTRY(run_ms),
     count_ms},
    {"sluice_calls_total", "counter", "integration", "Calls to the source, tries included.", RUNS(calls)},
    {"sluice_throttled_total", "counter", "integration", "Calls that the source told to slow down.", RUNS(throttled)},
    {"sluice_retries_total", "counter", "integration", "Tries after a failure, of calls and of batches.",
     RUNS(retries)},
    {"sluice_received_bytes_total", "counter", "integration", "Bytes of pages received, decompressed.", RUNS(bytes)},
    {"sluice_pages_total", "counter", "integration", "Pages received.", RUNS(pages)},
    {"sluice_records_total", "counter", "integration", "Records received.", RUNS(records)},
    {"sluice_records_filtered_total", "counter", "integration", "Records left out by the mapping's condition.",
     RUNS(filtered)},
    {"sluice_records_folded_total", "counter", "integration",
     "Records that were an older copy of one in the same batch.", RUNS(folded)},
    {"sluice_records_repeated_total", "counter", "integration", "Records that were written already, unchanged.",
     RUNS(repeats)},
    {"sluice_rows_total", "counter", "integration", "Rows committed in the target.", RUNS(rows)},
    {"sluice_rows_removed_total", "counter", "integration",
     "Rows deleted or marked because their record gives them no more.", RUNS(removed)},
    {"sluice_rows_found_missing_total", "counter", "integration",
     "Rows that the ordinary runs had missed and a later reading found.", RUNS(missing_found)},
    {"sluice_dead_letters_total", "counter", "integration", "Records and rows that could not be written.", 0,
     dead_total},
    {"sluice_dead_letters_open", "gauge", "integration", "Dead letters that wait for a person.", SAMPLE(dead)},
    {"sluice_windows_total", "counter", "integration, verified",
     "Windows read, by whether they were shown to be complete.", 0, windows},
    {"sluice_windows_again_total", "counter", "integration", "Windows that had to be read again, narrower.",
     ENTRY(windows_again), count},
    {"sluice_windows_open", "gauge", "integration",
     "Windows not shown to be complete that no later reading has made good.", SAMPLE(windows_open)},
    {"sluice_gaps_total", "counter", "integration", "Gaps recorded: windows to be read again by later runs.",
     ENTRY(gaps), count},
    {"sluice_gaps_open", "gauge", "integration", "Gaps that are still open.", SAMPLE(gaps)},
    {"sluice_batch_duration_seconds", "histogram", "integration, le",
     "Time from the first try of a batch until the target had committed it.", 0, batches},
    {"sluice_journal_pages", "gauge", "integration", "Pages that are journalled and not yet written.",
     SAMPLE(journal_pages)},
    {"sluice_journal_bytes", "gauge", "integration", "Bytes that the journal takes on the disk.",
     SAMPLE(journal_bytes)},
    {"sluice_queue_length", "gauge", "integration, queue",
     "Pages (journal, shape) and batches (write) between the threads of the run that goes on.", 0, queues},
    {"sluice_quota_left_calls", "gauge", "integration",
     "Calls of the running period that the source connection still has.", SAMPLE(quota_left)},
    {"sluice_quota_limit_calls", "gauge", "integration", "Calls that the source connection allows in a period.",
     SAMPLE(quota_limit)},
    {"sluice_quota_used_ratio", "gauge", "integration", "Share of the period's calls that is used, 0 to 1.", 0,
     quota_used},
    {"sluice_token_expires_seconds", "gauge", "integration", "Time until the token of the source connection expires.",
     SAMPLE_MS(token_left_ms)},
    {"sluice_clock_offset_seconds", "gauge", "integration", "Clock of the source minus our own.", 0, clock_offset},
};
#define FAMILIES (sizeof families / sizeof *families)

/* ---- the process ---- */

static int64_t resident_bytes(void)
{
    int64_t pages = 0;
    char text[128] = {0};
    FILE *f = fopen("/proc/self/statm", "re");
    struct str rest, part;

    if (!f)
        return 0;
    rest = (struct str){text, fread(text, 1, sizeof text - 1, f)};
    fclose(f);
    (void)str_cut(&rest, ' ', &part); /* its whole size; the second number is what is resident */
    if (!str_cut(&rest, ' ', &part) || !num_i64(part, &pages))
        return 0;
    return pages * sysconf(_SC_PAGESIZE);
}

static int64_t open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int64_t n = -3; /* ".", ".." and the folder itself */

    if (!d)
        return 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int64_t cpu_ms(void)
{
    struct rusage u;

    if (getrusage(RUSAGE_SELF, &u) != 0)
        return 0;
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static int64_t max_fds(void)
{
    struct rlimit l;

    return getrlimit(RLIMIT_NOFILE, &l) == 0 ? (int64_t)l.rlim_cur : 0;
}

static const struct {
    const char *name, *type, *labels, *help;
} process[] = {
    {"sluice_build_info", "gauge", "version", "Always 1; the label is the version."},
    {"sluice_integrations", "gauge", "", "Integrations of the project."},
    {"sluice_series_failed_total", "counter", "", "Points of the dashboard's charts that could not be written."},
    {"process_cpu_seconds_total", "counter", "", "Processor time of the process, user and system."},
    {"process_resident_memory_bytes", "gauge", "", "Memory of the process that is resident."},
    {"process_open_fds", "gauge", "", "Open file descriptors."},
    {"process_max_fds", "gauge", "", "Most file descriptors that it may open."},
    {"process_start_time_seconds", "gauge", "", "When it started, unix time."},
};
#define PROCESS (sizeof process / sizeof *process)

static const struct {
    const char *name, *help;
} outside[OUTSIDES] = {
    [OUTSIDE_TRACES_SENT] = {"sluice_trace_spans_sent_total", "Spans of traces that the collector took."},
    [OUTSIDE_TRACES_DROPPED] = {"sluice_trace_spans_dropped_total",
                                "Spans of traces that were lost: no room, refused, or the collector did not answer."},
};

static void add_head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_process(struct meters *m, struct buf *b)
{
    int64_t here = 0, failed;
    size_t i = 0;

    pthread_mutex_lock(&m->lock);
    for (size_t k = 0; k < m->n; k++)
        here += !m->entries[k]->gone;
    failed = m->series_failed;
    pthread_mutex_unlock(&m->lock);
    const int64_t milli[PROCESS] = {1000,
                                    here * 1000,
                                    failed * 1000,
                                    cpu_ms(),
                                    resident_bytes() * 1000,
                                    open_fds() * 1000,
                                    max_fds() * 1000,
                                    m->started_ms};

    for (; i < PROCESS; i++) {
        add_head(b, process[i].name, process[i].type, process[i].help);
        buf_add(b, str_of(process[i].name));
        if (i == 0)
            buf_printf(b, "{version=\"%s\"}", PRODUCT_VERSION);
        buf_byte(b, ' ');
        add_milli(b, milli[i]);
        buf_byte(b, '\n');
    }
    for (i = 0; i < OUTSIDES; i++) {
        if (!m->outside[i].value)
            continue;
        add_head(b, outside[i].name, "counter", outside[i].help);
        buf_printf(b, "%s %lld\n", outside[i].name, (long long)m->outside[i].value(m->outside[i].ctx));
    }
}

/* ---- the whole ---- */

static void add_family(struct meters *m, const struct family *f, struct entry *const *entries, size_t n,
                       struct buf *out)
{
    add_head(out, f->name, f->type, f->help);
    for (size_t i = 0; i < n;) {
        size_t end = n - i < SLICE ? n : i + SLICE;

        pthread_mutex_lock(&m->lock);
        for (; i < end; i++)
            if (!entries[i]->gone)
                f->lines(out, f, entries[i]);
        pthread_mutex_unlock(&m->lock);
    }
}

void metrics_text(struct meters *m, struct buf *out)
{
    int64_t now_ms = clock_wall(m->c.clock);
    struct entry **entries;
    size_t n;

    pthread_mutex_lock(&m->lock);
    n = m->n;
    entries = mem_alloc((n + 1) * sizeof *entries);
    for (size_t i = 0; i < n; i++) {
        entries[i] = m->entries[i];
        metrics_age(entries[i], now_ms);
    }
    pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < FAMILIES; i++)
        add_family(m, &families[i], entries, n, out);
    free(entries);
    add_process(m, out);
}

void metrics_page(struct buf *out)
{
    buf_add(out, S("# Metrics\n\n`GET /metrics` of `sluice serve` answers in Prometheus' text format 0.0.4. Counters "
                   "begin at zero when serve starts. A gauge that does not apply (an unlimited quota, a token that "
                   "never expires) is left out. This page is printed from the table that the text is made from: "
                   "`build/tests/test_watch_metrics page`.\n\n| metric | type | labels | what |\n|---|---|---|---|\n"));
    for (size_t i = 0; i < FAMILIES; i++)
        buf_printf(out, "| `%s` | %s | %s | %s |\n", families[i].name, families[i].type, families[i].labels,
                   families[i].help);
    for (size_t i = 0; i < PROCESS; i++)
        buf_printf(out, "| `%s` | %s | %s | %s |\n", process[i].name, process[i].type, process[i].labels,
                   process[i].help);
    for (size_t i = 0; i < OUTSIDES; i++)
        buf_printf(out, "| `%s` | counter |  | %s |\n", outside[i].name, outside[i].help);
    buf_add(out, S("\nAn example dashboard for Grafana and alert rules for Prometheus are in `packaging/`.\n"));
}
