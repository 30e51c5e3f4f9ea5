/* Events as lines.
 *
 * In the file: one JSON object each, with the ids that bind lines together (integration, run, window, page, batch), so
 * that "all of window 3" is a filter. Members that an event does not have are left out. Secrets are masked in the
 * finished line.
 *
 * On stderr: only what a person should know, through base/log, which writes for people or for journald. Dead letters
 * are told five times a run and then counted: thousands of them would hide everything else.
 *
 * Events come one at a time through the hub, but whoever draws a progress line does so from another thread; a mutex
 * stands before stderr. */
#include "watch/loglines.h"

#include "base/json.h"
#include "store/logfile.h"

#include <pthread.h>
#include <stdlib.h>

#define DEAD_TOLD     5
#define LINE_BYTES    (1u << 20)
#define RETRY_LONG_MS 2000 /* shorter waits are not worth a line */

/* Dead letters of a run that goes on. */
struct dead_count {
    int64_t run, n;
};

struct loglines {
    struct loglines_config c;
    struct logfile *file;
    pthread_mutex_t lock;
    struct dead_count *dead;
    size_t n_dead, cap_dead;
};

/* How much an event matters: pages and commits are for who looks closely, what holds an integration up is a warning,
 * and a run that failed an error. */
static enum log_level level_of(const struct event *e)
{
    switch (e->kind) {
    case EVENT_PAGE:
    case EVENT_COMMIT:
        return LOG_DEBUG_;
    case EVENT_GAP:
    case EVENT_DEAD:
    case EVENT_MISSING:
    case EVENT_NOTICE:
        return LOG_WARN_;
    case EVENT_CIRCUIT:
        return e->flag ? LOG_WARN_ : LOG_INFO_;
    case EVENT_RETRY:
        return e->code && e->code != ERR_QUOTA ? LOG_WARN_ : LOG_INFO_;
    case EVENT_RUN_ENDED:
        return e->code ? LOG_ERROR_ : LOG_INFO_;
    default:
        return LOG_INFO_;
    }
}

/* ---- JSON ---- */

static void add_time(struct json_out *w, const char *key, const struct zone *z, int64_t unix_ms)
{
    char text[TIME_TEXT];

    json_member(w, key, (struct str){text, time_rfc3339(z, unix_ms, text)});
}

static void add_counts(struct json_out *w, const struct event *e)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = {{"page", e->page_no}, {"batch", e->batch}, {"position", e->position}, {"records", e->records},
                  {"rows", e->rows},    {"bytes", e->bytes}, {"calls", e->calls},       {"took_ms", e->took_ms}};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].value)
            json_number(w, counts[i].name, counts[i].value);
}

static void add_ids(struct json_out *w, const struct event *e, const struct zone *z)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};

    json_member(w, "level", str_of(levels[level_of(e)]));
    json_member(w, "event", str_of(event_name(e->kind)));
    json_member(w, "integration", e->integration);
    if (e->run)
        json_number(w, "run", e->run);
    if (e->window)
        json_number(w, "window", e->window);
    if (e->from_s || e->to_s) {
        add_time(w, "from", z, e->from_s * 1000);
        add_time(w, "to", z, e->to_s * 1000);
    }
}

void logline_json(const struct event *e, const struct zone *z, int64_t now_ms, struct buf *out)
{
    struct buf b = buf_make(LINE_BYTES);
    struct json_out w = json_out(&b);

    json_out_begin(&w, '{');
    add_time(&w, "time", z, now_ms);
    add_ids(&w, e, z);
    add_counts(&w, e);
    if (e->kind == EVENT_WINDOW_DONE)
        json_flag(&w, "verified", e->flag);
    if (e->kind == EVENT_CIRCUIT)
        json_flag(&w, "open", e->flag);
    if (e->key.n)
        json_member(&w, "key", e->key);
    if (e->code)
        json_member(&w, "code", str_of(err_name(e->code)));
    if (e->kind == EVENT_RUN_ENDED) {
        json_out_key(&w, "summary");
        json_out_raw(&w, e->text);
    } else if (e->text.n) {
        json_member(&w, "text", e->text);
    }
    json_out_end(&w, '}');
    if (!b.failed && buf_room(out, b.n + 1))
        out->n += log_mask(buf_str(&b), out->p + out->n, b.n + 1);
    out->failed |= b.failed;
    buf_free(&b);
}

static void keep(struct loglines *l, const struct event *e)
{
    struct buf b = buf_make(LINE_BYTES);
    struct errinfo ei;

    logline_json(e, l->c.zone, clock_wall(l->c.clock), &b);
    if (!b.failed && logfile_write(l->file, buf_str(&b), &ei))
        log_warn("%s", ei.msg);
    buf_free(&b);
}

/* ---- stderr; the lock is held ---- */

/* Counts a dead letter of the run and gives how many there are now. */
static int64_t count_dead(struct loglines *l, int64_t run)
{
    size_t i = 0;

    while (i < l->n_dead && l->dead[i].run != run)
        i++;
    if (i == l->cap_dead) {
        l->cap_dead = l->cap_dead ? 2 * l->cap_dead : 4;
        l->dead = mem_grow(l->dead, l->cap_dead * sizeof *l->dead);
    }
    if (i == l->n_dead)
        l->dead[l->n_dead++] = (struct dead_count){.run = run};
    return ++l->dead[i].n;
}

/* Forgets the run's count and gives it. */
static int64_t forget_dead(struct loglines *l, int64_t run)
{
    for (size_t i = 0; i < l->n_dead; i++) {
        int64_t n = l->dead[i].n;

        if (l->dead[i].run != run)
            continue;
        l->dead[i] = l->dead[--l->n_dead];
        return n;
    }
    return 0;
}

/* A run that went well and wrote nothing: with a schedule of seconds there are thousands. */
static bool was_idle(const struct event *e)
{
    struct json_doc *doc;
    struct errinfo ei;
    int64_t rows = 0, dead = 0;

    if (e->code || json_parse(e->text, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        return false;
    (void)json_i64(json_get(json_root(doc), S("rows")), &rows);
    (void)json_i64(json_get(json_root(doc), S("dead")), &dead);
    json_free(doc);
    return !rows && !dead;
}

static bool is_worth_telling(struct loglines *l, const struct event *e)
{
    switch (e->kind) {
    case EVENT_DEAD:
        return count_dead(l, e->run) <= DEAD_TOLD;
    case EVENT_RETRY:
        return l->c.verbose || (level_of(e) == LOG_WARN_ && e->took_ms >= RETRY_LONG_MS);
    case EVENT_WINDOW_AGAIN:
        return l->c.verbose;
    case EVENT_RUN_ENDED:
        return l->c.many && (l->c.verbose || !was_idle(e));
    default:
        return level_of(e) == LOG_WARN_ || e->kind == EVENT_CIRCUIT;
    }
}

static void add_ended(struct buf *b, const struct event *e)
{
    static const char *const counts[] = {"records", "rows", "dead"};
    struct json_doc *doc;
    struct errinfo ei;
    struct str message;

    buf_printf(b, "run %lld ended", (long long)e->run);
    if (json_parse(e->text, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei))
        return;
    buf_add(b, S(": "));
    buf_add(b, json_text(json_get(json_root(doc), S("status"))));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        buf_printf(b, ", %s ", counts[i]);
        buf_add(b, json_text(json_get(json_root(doc), str_of(counts[i]))));
    }
    message = json_text(json_path(json_root(doc), S("error.message")));
    if (message.n) {
        buf_add(b, S(": "));
        buf_add(b, message);
    }
    json_free(doc);
}

static void add_said(struct buf *b, const struct loglines *l, const struct event *e)
{
    char from[TIME_TEXT], to[TIME_TEXT];

    if (e->kind == EVENT_RUN_ENDED) {
        add_ended(b, e);
        return;
    }
    if (e->kind == EVENT_DEAD)
        buf_add(b, S("dead letter "));
    if (e->kind == EVENT_GAP) {
        time_datetime(l->c.zone, e->from_s, from);
        time_datetime(l->c.zone, e->to_s, to);
        buf_printf(b, "gap: %s to %s could not be shown to be complete: ", from, to);
    }
    if (e->kind == EVENT_RETRY)
        buf_printf(b, "trying again in %.1f s: ", (double)e->took_ms / 1000);
    if (e->key.n) {
        buf_add(b, str_sub(e->key, 0, 300));
        buf_add(b, S(": "));
    }
    buf_add(b, str_sub(e->text, 0, 1000));
}

static void say(const struct loglines *l, enum log_level level, struct str integration, struct str text)
{
    if (l->c.before)
        l->c.before(l->c.ctx);
    if (l->c.many)
        log_line(level, STR_FMT ": " STR_FMT, STR_ARG(integration), STR_ARG(text));
    else
        log_line(level, STR_FMT, STR_ARG(text));
}

static void tell(struct loglines *l, const struct event *e)
{
    struct buf b = buf_make(1u << 13);
    enum log_level level = level_of(e);
    bool worth = is_worth_telling(l, e);
    int64_t more = e->kind == EVENT_RUN_ENDED ? forget_dead(l, e->run) - DEAD_TOLD : 0;

    if (more > 0) {
        buf_printf(&b, "and %lld more dead letters", (long long)more);
        say(l, LOG_WARN_, e->integration, buf_str(&b));
        buf_clear(&b);
    }
    if (worth) {
        add_said(&b, l, e);
        say(l, !l->c.many && level < LOG_WARN_ ? LOG_WARN_ : level, e->integration, buf_str(&b));
    }
    buf_free(&b);
}

static void hear(void *ctx, const struct event *e)
{
    struct loglines *l = ctx;

    loglines_hold(l);
    if (l->file)
        keep(l, e);
    if (!l->c.quiet)
        tell(l, e);
    loglines_release(l);
}

/* ---- the whole ---- */

struct loglines *loglines_new(const struct loglines_config *c)
{
    struct loglines *l = mem_zero(sizeof *l);
    struct errinfo ei;

    l->c = *c;
    pthread_mutex_init(&l->lock, NULL);
    if (logfile_open(c->state_dir, 0, &l->file, &ei))
        log_warn("%s", ei.msg);
    return l;
}

void loglines_free(struct loglines *l)
{
    if (!l)
        return;
    logfile_close(l->file);
    pthread_mutex_destroy(&l->lock);
    free(l->dead);
    free(l);
}

struct listener loglines_listener(struct loglines *l)
{
    return (struct listener){hear, l};
}

void loglines_hold(struct loglines *l)
{
    pthread_mutex_lock(&l->lock);
}

void loglines_release(struct loglines *l)
{
    pthread_mutex_unlock(&l->lock);
}
