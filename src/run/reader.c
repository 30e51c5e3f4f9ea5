/* The reader asks for one page at a time and never runs ahead of the pipeline: a page that finds no room is kept until
 * there is some.
 *
 * For each job the request is rendered once to learn its range of time (the fields that the connector names as window
 * ends), the range is walked in slices, and each slice is read by the pager. A slice that is verified, or that has
 * become a gap, ends with a mark: the journal's word that everything before it was fetched, which moves the cursor once
 * it is written. A slice that must be narrowed leaves its pages in the journal (they are good records) and is read
 * again in halves.
 *
 * An interface without a window is one slice. With a growing cursor (`start_ts`) each page ends with a mark of its own.
 */
#include "run/reader.h"

#include "base/plant.h"

#include "base/map.h"
#include "base/num.h"
#include "run/reading.h"

#include <stdlib.h>

#define JOBS_MAX       1024
#define NARROW_ABOVE   50000
#define SLICE_FIRST_S  3600
#define SLICE_MIN_S    60
#define SLICE_MAX_S    (64 * SLICE_FIRST_S)
#define SLICE_CALLS    16 /* two seconds of the usual quota */
#define KV_MAX         256
#define KV_OWN         8            /* paging and window */
#define UNIX_MAX_S     253402300799 /* the end of the year 9999 */
#define CALL_ARENA_MAX (16u << 20)

struct reader {
    struct reader_config c;
    struct job jobs[JOBS_MAX];
    size_t n_jobs, job;
    struct reading g; /* g.walk NULL: between jobs */
    bool unix_times;  /* the request renders its window as unix seconds */
    struct shaper *shaper;
    struct page *waiting[2]; /* found no room: a page, a mark */
    int n_waiting;
    bool asked_before, stopped, calling, ended;
    bool giving_way, at_edge;         /* asked to; a window has ended and the next has not begun */
    bool same_gap;                    /* the gap that this job reads is still one */
    int64_t kept_pages, kept_records; /* since the last window ended */
    int64_t page_no;                  /* of the call under way */
    int64_t asked_ms, window_ms;      /* when it was asked for; when the window's first was, -1: not yet; monotonic */
    int64_t calls;                    /* of the source, told in events */
    int64_t cursor;
    int64_t range_to_s, slice_to_s, slice_s, slice_calls; /* of the range under way; slice_s: the next one's width */
    struct reader_state state;
};

/* lint: allow(forward) a page may come back within the call that asks for it: step, call and got_page go round */
static void step(struct reader *r);

struct reader *reader_new(const struct reader_config *c)
{
    struct reader *r = mem_zero(sizeof *r);

    r->c = *c;
    reading_init(&r->g);
    r->shaper = shaper_new(c->flow->shape);
    r->g.plan.size_learnt = c->size_learnt;
    r->cursor = c->cursor;
    r->window_ms = -1;
    r->state.reached_s = INT64_MIN;
    r->slice_s = SLICE_FIRST_S;
    return r;
}

void reader_free(struct reader *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n_waiting; i++)
        page_unref(r->waiting[i]);
    reading_clear(&r->g);
    shaper_free(r->shaper);
    free(r);
}

void reader_set_jobs(struct reader *r, const struct job *jobs, size_t n)
{
    r->n_jobs = n < JOBS_MAX ? n : JOBS_MAX;
    memcpy(r->jobs, jobs, r->n_jobs * sizeof *jobs);
    r->job = 0;
    reading_drop(&r->g);
}

static void end(struct reader *r, const struct errinfo *why)
{
    if (r->ended)
        return;
    r->ended = true;
    r->c.ended(r->c.ctx, why);
}

static void end_with(struct reader *r, struct errinfo *why, const char *what)
{
    err_prefix(why, "%s", what);
    end(r, why);
}

/* ---- to the pipeline ---- */

/* Gives what waits to the pipeline, in order. False: no room yet. */
static bool hand_over(struct reader *r)
{
    while (r->n_waiting) {
        if (r->c.take ? !r->c.take(r->c.ctx, r->waiting[0]) : !pipeline_offer(r->c.pipeline, r->waiting[0]))
            return false;
        r->waiting[0] = r->waiting[1];
        r->n_waiting--;
    }
    return true;
}

static void add_page(struct reader *r, struct page *page)
{
    const struct job *j = &r->jobs[r->job];

    page->purpose = j->purpose;
    page->run = r->c.pipeline->run_id;
    page->from_s = r->g.windowed ? r->g.window.from_s : j->from_s;
    page->to_s = r->g.windowed ? r->g.window.to_s : j->to_s;
    r->waiting[r->n_waiting++] = page;
}

/* `proof` NULL: the mark ends no window. */
static void add_mark(struct reader *r, int64_t cursor, struct window_proof *proof)
{
    struct page *mark = page_new();

    mark->mark = true;
    mark->cursor_s = cursor;
    mark->fetched_ms = remote_clock_now_ms(r->c.remote);
    add_page(r, mark);
    if (!proof)
        return;
    proof->run = mark->run;
    proof->purpose = (int)mark->purpose;
    proof->from_s = r->c.flow->paging->kind == PAGE_CURSOR ? INT64_MIN : mark->from_s;
    proof->to_s = r->c.flow->paging->kind == PAGE_CURSOR ? INT64_MIN : mark->to_s;
    proof->at_ms = mark->fetched_ms;
    page_prove(mark, proof);
}

/* ---- a call ---- */

static int64_t mono_ms(const struct reader *r)
{
    return clock_mono(r->c.pipeline->options->clock);
}

/* The ends of a slice in the form that the request itself uses. */
static struct str time_text(const struct reader *r, int64_t s, struct arena *a)
{
    char text[TIME_TEXT];

    if (r->unix_times)
        return arena_printf(a, "%lld", (long long)s);
    return arena_str(a, (struct str){text, time_datetime(r->c.flow->project->zone, s, text)});
}

struct call_params {
    struct kv at[KV_MAX];
    size_t n;
};

static void set_param(struct call_params *p, struct str key, struct str value)
{
    size_t i = 0;

    if (!key.n)
        return;
    while (i < p->n && !str_eq(p->at[i].key, key))
        i++;
    p->at[i] = (struct kv){key, value};
    p->n += i == p->n;
}

static enum err render(const struct reader *r, const struct pager_ask *ask, struct arena *a, struct call_params *ret,
                       struct errinfo *ei)
{
    const struct flow *f = r->c.flow;
    const struct job *j = &r->jobs[r->job];
    struct sysvars sys = {
        .zone = f->project->zone,
        .now_ms = remote_clock_now_ms(r->c.remote),
        .last_sync_s = j->from_s,
        .current_s = j->to_s,
        .page_size = ask ? ask->size : f->page_size,
        .start_row = ask ? ask->offset : 0,
        .page = ask ? ask->page : f->paging->first_page,
        .seed = hash_bytes(S("call")) ^ (uint64_t)remote_clock_now_ms(r->c.remote),
    };
    struct env env = flow_env(r->c.flow, &sys, a);
    struct params params;
    enum err e = request_render(j->request, &env, &params, ei);

    ret->n = 0;
    if (!e && params.n > KV_MAX - KV_OWN)
        e = fail(ei, ERR_CONFIG, "the request has %zu parameters, more than the %d that are sent", params.n,
                 KV_MAX - KV_OWN);
    for (size_t i = 0; !e && i < params.n; i++)
        set_param(ret, params.at[i].name, value_as_text(&params.at[i].value, a));
    return e;
}

static void set_paging(const struct reader *r, const struct pager_ask *ask, struct arena *a, struct call_params *p)
{
    const struct paging *g = r->c.flow->paging;

    set_param(p, g->size_param, arena_printf(a, "%lld", (long long)ask->size));
    if (g->kind == PAGE_FORWARD || g->kind == PAGE_BACKWARD || g->kind == PAGE_CURSOR)
        set_param(p, g->page_param, arena_printf(a, "%lld", (long long)ask->page));
    if (g->kind == PAGE_OFFSET)
        set_param(p, g->offset_param, arena_printf(a, "%lld", (long long)ask->offset));
    if (g->kind == PAGE_CURSOR)
        set_param(p, g->cursor_param, ask->cursor);
    if (r->g.windowed) {
        set_param(p, r->c.flow->iface->window.from_param, time_text(r, r->g.window.from_s, a));
        set_param(p, r->c.flow->iface->window.to_param, time_text(r, r->g.window.to_s, a));
    }
}

/* ---- a reply ---- */

static uint64_t id_hash(struct reader *r, const struct json *raw, struct arena *a)
{
    struct batch_record rec;
    struct buf text;
    uint64_t h;

    if (shaper_identify(r->shaper, raw, a, false, &rec, NULL) == OK)
        return hash_bytes(rec.key);
    text = buf_make(1u << 20);
    json_write(raw, &text);
    h = hash_bytes(buf_str(&text));
    buf_free(&text);
    return h;
}

static struct pager_facts facts_of(struct reader *r, struct page *page)
{
    struct json_iter it = json_iter(page->reply.records);
    uint64_t *ids = arena_alloc(page->arena, (page->reply.n_records + 1) * sizeof *ids);
    struct pager_facts f = {.reply = &page->reply, .ids = ids};
    const struct json *raw;
    int64_t best = INT64_MIN, v;

    while ((raw = json_next(&it, NULL))) {
        ids[f.n_ids++] = id_hash(r, raw, page->arena);
        if (r->c.flow->paging->kind == PAGE_CURSOR && json_i64(json_get(raw, r->c.flow->paging->cursor_field), &v) &&
            v > best)
            best = v;
    }
    if (best > INT64_MIN)
        f.cursor_max = arena_printf(page->arena, "%lld", (long long)best);
    return f;
}

static void tell_page(struct reader *r, const struct page *page)
{
    int64_t calls = source_counts(r->c.source).calls;

    pipeline_emit(r->c.pipeline, (struct event){.kind = EVENT_PAGE,
                                                .window = r->state.windows + 1,
                                                .page_no = r->page_no,
                                                .records = (int64_t)page->reply.n_records,
                                                .bytes = (int64_t)page->body_n,
                                                .calls = calls - r->calls,
                                                .took_ms = mono_ms(r) - r->asked_ms,
                                                .from_s = r->g.window.from_s,
                                                .to_s = r->g.window.to_s});
    r->calls = calls;
}

static void got_page(void *ctx, struct page *page, const struct errinfo *why)
{
    struct reader *r = ctx;
    struct pager_facts facts;
    struct errinfo ei;
    bool again = false;

    r->calling = false;
    if (!page && r->jobs[r->job].spare && why->code == ERR_QUOTA) {
        pipeline_emit(r->c.pipeline,
                      (struct event){.kind = EVENT_NOTICE,
                                     .text = S("the quota left no call over for reading again: the next run tries")});
        end(r, &(struct errinfo){.code = OK});
        return;
    }
    if (!page) {
        end(r, why);
        return;
    }
    if (!r->asked_before && r->c.first_page(r->c.ctx, &again, &ei)) {
        page_unref(page);
        end(r, &ei);
        return;
    }
    r->asked_before = !again;
    if (again) {
        page_unref(page);
        step(r);
        return;
    }
    facts = facts_of(r, page);
    page->page_no = r->page_no;
    tell_page(r, page);
    if (pager_told(r->g.pager, &facts) == PAGER_KEEP) {
        r->kept_pages++;
        r->kept_records += (int64_t)page->reply.n_records;
        add_page(r, page);
    } else {
        page_unref(page);
    }
    if (r->c.flow->paging->kind == PAGE_CURSOR && num_i64(pager_cursor(r->g.pager), &r->cursor))
        add_mark(r, r->cursor, NULL);
    step(r);
}

static void call(struct reader *r, const struct pager_ask *ask)
{
    struct arena *a = arena_new(CALL_ARENA_MAX);
    struct call_params *p = ARENA_NEW(a, struct call_params);
    struct errinfo ei;

    if (render(r, ask, a, p, &ei)) {
        end_with(r, &ei, "the request could not be rendered");
    } else {
        set_paging(r, ask, a, p);
        r->calling = true;
        r->page_no = ask->page;
        r->asked_ms = mono_ms(r);
        r->window_ms = r->window_ms < 0 ? r->asked_ms : r->window_ms;
        source_call(r->c.source, &(struct source_request){p->at, p->n, ask->link, r->jobs[r->job].spare}, got_page, r);
    }
    arena_free(a);
}

/* ---- windows ---- */

/* A backfill that may be asked to give way is read in slices that take a few seconds each. */
static bool is_sliced(const struct reader *r, bool windowed)
{
    return windowed && r->c.pipeline->options->control && r->jobs[r->job].purpose == PURPOSE_BACKFILL;
}

static void begin_range(struct reader *r, bool windowed, int64_t from_s, int64_t to_s)
{
    const struct flow *f = r->c.flow;
    char cursor[24];
    struct reading_range range = {windowed, from_s, to_s, window_slice_s(f->iface->window.max_ms)};
    struct pager_plan plan = {
        .paging = f->paging,
        .size = f->page_size,
        .size_learnt = r->g.plan.size_learnt,
        .narrow_above = NARROW_ABOVE,
    };

    if (f->paging->kind == PAGE_CURSOR && r->cursor != INT64_MIN)
        plan.cursor = (struct str){cursor, num_print_i64(r->cursor, cursor)};
    r->range_to_s = to_s;
    r->slice_calls = 0;
    if (is_sliced(r, windowed) && to_s - from_s > r->slice_s)
        range.to_s = from_s + r->slice_s;
    r->slice_to_s = range.to_s;
    reading_begin(&r->g, &range, &plan);
    r->same_gap = false;
}

/* The rest of a range that is read in slices. False: there is none. */
static bool next_slice(struct reader *r)
{
    if (!r->g.windowed || r->slice_to_s >= r->range_to_s)
        return false;
    if (r->slice_calls > SLICE_CALLS && r->slice_s > SLICE_MIN_S)
        r->slice_s /= 2;
    else if (r->slice_calls < SLICE_CALLS / 4 && r->slice_s < SLICE_MAX_S)
        r->slice_s *= 2;
    begin_range(r, true, r->slice_to_s, r->range_to_s);
    return true;
}

static bool param_time(const struct reader *r, const struct call_params *p, struct str name, int64_t *ret_s,
                       bool *ret_unix)
{
    for (size_t i = 0; i < p->n; i++) {
        int64_t ms;

        if (!str_eq(p->at[i].key, name))
            continue;
        *ret_unix = num_i64(p->at[i].value, ret_s);
        if (*ret_unix)
            return *ret_s >= -UNIX_MAX_S && *ret_s <= UNIX_MAX_S;
        if (!time_parse(p->at[i].value, r->c.flow->project->zone, &ms))
            return false;
        *ret_s = ms / 1000;
        return true;
    }
    return false;
}

/* The range of the job that is to be walked; *ret_windowed false when its request has no window. */
static enum err job_range(struct reader *r, int64_t *from_s, int64_t *to_s, bool *ret_windowed, struct errinfo *ei)
{
    const struct job *j = &r->jobs[r->job];
    const struct window_rule *w = &r->c.flow->iface->window;
    struct arena *a = arena_new(CALL_ARENA_MAX);
    struct call_params *p = ARENA_NEW(a, struct call_params);
    enum err e = render(r, NULL, a, p, ei);
    bool has_from = false, has_to = false, unix_to;

    for (size_t i = 0; !e && i < p->n; i++) {
        has_from |= w->from_param.n && str_eq(p->at[i].key, w->from_param);
        has_to |= w->to_param.n && str_eq(p->at[i].key, w->to_param);
    }
    *ret_windowed = has_from && has_to && r->c.flow->paging->kind != PAGE_CURSOR;
    if (!e && *ret_windowed &&
        (!param_time(r, p, w->from_param, from_s, &r->unix_times) || !param_time(r, p, w->to_param, to_s, &unix_to)))
        e = fail(ei, ERR_CONFIG, "request field " STR_FMT " or " STR_FMT " is not a time", STR_ARG(w->from_param),
                 STR_ARG(w->to_param));
    if (j->whole) {
        *from_s = j->from_s;
        *to_s = j->to_s;
    }
    arena_free(a);
    return e;
}

/* Begins the next job that has something to read. False at the end, or after a failure. */
static bool begin_job(struct reader *r)
{
    int64_t from_s = 0, to_s = 0;
    struct errinfo ei;
    bool windowed;

    for (; r->job < r->n_jobs; r->job++) {
        if (job_range(r, &from_s, &to_s, &windowed, &ei)) {
            end(r, &ei);
            return false;
        }
        if (windowed && from_s > to_s)
            continue;
        begin_range(r, windowed, from_s, to_s);
        return true;
    }
    ei.code = OK;
    end(r, &ei);
    return false;
}

static void keep_gap(struct reader *r, const char *why)
{
    const struct job *j = &r->jobs[r->job];
    struct gap g = {.from_s = r->g.window.from_s,
                    .to_s = r->g.window.to_s,
                    .why = str_of(why),
                    .created_ms = remote_clock_now_ms(r->c.remote)};
    struct errinfo ei;

    r->state.gaps++;
    if (!r->g.windowed) {
        g.from_s = j->from_s;
        g.to_s = j->to_s;
    }
    if (j->purpose == PURPOSE_GAP && g.from_s == j->from_s && g.to_s == j->to_s)
        r->same_gap = true;
    if (r->c.take)
        return; /* an audit tells what is not verified by itself, and nothing comes of it */
    pipeline_emit(
        r->c.pipeline,
        (struct event){
            .kind = EVENT_GAP, .window = r->state.windows, .from_s = g.from_s, .to_s = g.to_s, .text = g.why});
    if (r->c.pipeline->options->dry_run || !r->g.windowed || PLANTED(no_gap))
        return;
    if (store_gap_add(r->c.store, r->c.flow->integration->name, &g, &ei))
        end_with(r, &ei, "the gap could not be recorded");
}

/* The gap is closed by the journal thread, when the mark that says so is durable: until then its rows could be lost. */
static void close_gap(struct reader *r)
{
    const struct job *j = &r->jobs[r->job];
    struct page *mark;

    if (j->purpose != PURPOSE_GAP || r->same_gap || r->c.pipeline->options->dry_run)
        return;
    r->state.gaps_closed++;
    mark = r->waiting[r->n_waiting - 1];
    mark->closes_gap = j->gap;
    mark->from_s = j->from_s;
    mark->to_s = j->to_s;
}

/* What the reading of the window saw. The pages of readings that were given up count to the window that ends next. */
static struct window_proof proof_of(struct reader *r, bool verified, const char *why)
{
    struct window_proof p = {.total_before = pager_total_before(r->g.pager),
                             .total_after = pager_total(r->g.pager),
                             .pages = r->kept_pages,
                             .ids = pager_ids(r->g.pager),
                             .records = r->kept_records,
                             .verified = verified,
                             .why = verified ? S("") : str_of(why)};

    r->kept_pages = r->kept_records = 0;
    return p;
}

/* The window that the pager finished: verified, a gap, or once more. */
static void end_window(struct reader *r)
{
    const struct window w = r->g.window;
    const char *why;
    enum reading_verdict how = reading_judge(&r->g, &why);
    bool verified = how == READING_VERIFIED;
    struct window_proof proof;

    if (how == READING_AGAIN) {
        pipeline_emit(r->c.pipeline, (struct event){.kind = EVENT_WINDOW_AGAIN,
                                                    .window = r->state.windows + 1,
                                                    .from_s = w.from_s,
                                                    .to_s = w.to_s,
                                                    .text = str_of(why)});
        return;
    }
    r->state.windows++;
    r->state.verified += verified;
    if (!verified)
        keep_gap(r, why);
    pipeline_emit(r->c.pipeline, (struct event){.kind = EVENT_WINDOW_DONE,
                                                .window = r->state.windows,
                                                .took_ms = r->window_ms < 0 ? 0 : mono_ms(r) - r->window_ms,
                                                .from_s = w.from_s,
                                                .to_s = w.to_s,
                                                .flag = verified,
                                                .records = pager_total(r->g.pager)});
    r->window_ms = -1;
    proof = proof_of(r, verified, why);
    add_mark(r,
             r->c.flow->paging->kind == PAGE_CURSOR ? r->cursor
             : r->g.windowed                        ? w.to_s
                                                    : r->jobs[r->job].to_s,
             &proof);
    r->at_edge = true;
    r->state.reached_s = r->g.windowed ? w.to_s : r->jobs[r->job].to_s;
    if (reading_advance(&r->g) || next_slice(r))
        return;
    close_gap(r);
    r->job++;
}

/* Asked to give way, at a window's edge, and with more to read: the rest is left to another run. */
static bool leaves(struct reader *r)
{
    struct errinfo none = {.code = OK};

    if (!r->giving_way || !r->at_edge || r->job == r->n_jobs)
        return false;
    r->state.gave_way = true;
    end(r, &none);
    return true;
}

static void step(struct reader *r)
{
    struct pager_ask ask;

    while (!r->stopped && !r->ended && !r->calling && hand_over(r)) {
        if (leaves(r))
            return;
        if (!r->g.walk) {
            if (!begin_job(r))
                return;
        } else if (pager_next(r->g.pager, &ask)) {
            r->at_edge = false;
            r->slice_calls++;
            call(r, &ask);
        } else {
            end_window(r);
        }
    }
}

void reader_start(struct reader *r)
{
    step(r);
}

void reader_room(void *reader)
{
    struct reader *r = reader;

    if (!r->stopped && !r->ended && r->n_waiting)
        step(r);
}

void reader_give_way(struct reader *r)
{
    r->giving_way = true;
}

void reader_stop(struct reader *r)
{
    r->stopped = true;
    r->ended = true;
    source_cancel(r->c.source);
}

void reader_state(const struct reader *r, struct reader_state *ret)
{
    *ret = r->state;
    ret->jobs_done = r->job;
    ret->window_from_s = r->g.window.from_s;
    ret->window_to_s = r->g.window.to_s;
    ret->pages_left = pager_pages_left(r->g.pager);
    ret->permille = r->g.walk ? walk_permille(r->g.walk) : 0;
    if (r->g.walk && r->slice_to_s < r->range_to_s && r->job < r->n_jobs) /* slices are of one job's range */
        ret->permille =
            (int)((r->g.window.from_s - r->jobs[r->job].from_s) * 1000 / (r->range_to_s - r->jobs[r->job].from_s + 1));
    ret->size_learnt = r->g.plan.size_learnt;
}
