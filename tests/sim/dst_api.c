/* The upstream's answers, in place of src/source/source.c: the same functions, but a call only waits here until the
 * simulation's loop lets it come back. Replies are JSON texts, parsed and judged by the real gate; only sockets,
 * signatures and the retries of one call are missing. A call takes time, in which orders move; it is answered as things
 * stand in the middle of it. */
#include "dst.h"

#include "base/num.h"
#include "dst_seams.h"

#include <stdlib.h>

enum { LINK_HEAD = sizeof "/after/" - 1 };
/* Further than this no clock jumps: a day ahead of the source is within what the remedy, three days back, still covers.
 */
#define SKEW_MAX_MS INT64_C(86400000)

struct source {
    struct source_config c;
    struct source_counts counts;
    struct pending_call call;
};

struct source *source_new(const struct source_config *config)
{
    struct sim *s = sim_now();

    s->source = mem_zero(sizeof *s->source);
    s->source->c = *config;
    return s->source;
}

void source_free(struct source *q)
{
    if (q)
        sim_now()->source = NULL;
    free(q);
}

void source_cancel(struct source *q)
{
    q->call.waits = false;
}

struct source_counts source_counts(const struct source *q)
{
    return q->counts;
}

/* ---- the request ---- */

static struct str param(const struct source_request *r, struct str name)
{
    for (size_t i = 0; i < r->n_business; i++)
        if (str_eq(r->business[i].key, name))
            return r->business[i].value;
    return (struct str){0};
}

static int64_t number(const struct source_request *r, struct str name, int64_t otherwise)
{
    int64_t v;

    return num_i64(param(r, name), &v) ? v : otherwise;
}

static bool moment(const struct source_request *r, struct str name, int64_t *ret_s)
{
    int64_t ms;

    if (!time_parse(param(r, name), flows_project()->zone, &ms))
        return false;
    *ret_s = ms / 1000;
    return true;
}

void source_call(struct source *q, const struct source_request *r,
                 void (*done)(void *ctx, struct page *page, const struct errinfo *why), void *ctx)
{
    struct pending_call *c = &q->call;

    *c = (struct pending_call){.waits = true,
                               .page = number(r, S("page_index"), 1),
                               .size = number(r, S("page_size"), 1),
                               .offset = number(r, S("offset"), 0),
                               .cursor = number(r, S("start_ts"), 1),
                               .done = done,
                               .ctx = ctx};
    c->windowed = moment(r, S("start_time"), &c->from_s) && moment(r, S("end_time"), &c->to_s);
    if (r->link.n && r->link.n < sizeof c->link_text) {
        memcpy(c->link_text, r->link.p, r->link.n);
        c->link = (struct str){c->link_text, r->link.n};
    }
}

/* ---- what stands in the window ---- */

struct found {
    const struct sim *s;
    int32_t v[ORDERS_MAX * 2]; /* versions, in the upstream's order; ORDERS_MAX: each may come twice */
    size_t n;
};

static bool in_window(const struct sim *s, const struct pending_call *c, const struct version *v)
{
    if (!c->windowed)
        return true;
    return v->stamp_s >= c->from_s + (s->up.edges == EDGES_LEFT_OPEN) &&
           v->stamp_s <= c->to_s - (s->up.edges == EDGES_RIGHT_OPEN);
}

/* Told apart by the second, then by the order; rows of a growing cursor by their version. */
static bool comes_before(const struct sim *s, int32_t a, int32_t b)
{
    const struct version *x = &s->up.v[a], *y = &s->up.v[b];
    int kind = s->c.paging;
    bool less;

    if (kind == PAGING_KINDS - 1)
        return a < b;
    if (kind == PAGING_KINDS - 2)
        return x->order < y->order;
    less = x->stamp_s != y->stamp_s ? x->stamp_s < y->stamp_s : x->order < y->order;
    return less != s->up.descending;
}

static void insert(struct found *f, int32_t v)
{
    size_t low = 0, high = f->n;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (comes_before(f->s, f->v[mid], v))
            low = mid + 1;
        else
            high = mid;
    }
    memmove(&f->v[low + 1], &f->v[low], (f->n - low) * sizeof *f->v);
    f->v[low] = v;
    f->n++;
}

/* What left and what entered since the call before, when it was of the same window. */
static void watch_window(struct sim *s, const struct pending_call *c, const bool *inside)
{
    struct upstream *u = &s->up;
    bool same = u->any_inside && u->last_run == s->run_no && u->last_from_s == c->from_s && u->last_to_s == c->to_s;
    bool left = false, entered = false;

    for (int32_t i = 0; same && i < u->n_orders; i++) {
        left |= u->inside[i] && !inside[i];
        entered |= !u->inside[i] && inside[i];
    }
    if (left)
        sim_fault(s, FAULT_LEFT_WINDOW);
    if (entered)
        sim_fault(s, FAULT_ENTERED_WINDOW);
    if (left && entered)
        sim_fault(s, FAULT_BLURRED);
    if ((left && entered) || ((left || entered) && u->told != TOLD_TRUTH && u->has != HAS_TRUTH))
        u->blurred = true;
    if ((left || entered) && (u->told == TOLD_WRONG || u->told == TOLD_GROWS))
        u->blurred = true;
    memcpy(u->inside, inside, sizeof u->inside);
    u->any_inside = true;
    u->last_run = s->run_no;
    u->last_from_s = c->from_s;
    u->last_to_s = c->to_s;
}

static void collect(struct sim *s, const struct pending_call *c, struct found *f)
{
    bool inside[ORDERS_MAX] = {false};

    f->s = s;
    f->n = 0;
    for (int32_t i = 0; i < s->up.n_orders; i++) {
        int32_t v = world_visible(s, i, s->t_ms);

        if (!v || !in_window(s, c, &s->up.v[v]) || (s->c.paging == PAGING_KINDS - 1 && v < c->cursor))
            continue;
        inside[i] = true;
        insert(f, v);
        if (s->up.doubled && i % 5 == 0) {
            insert(f, v);
            sim_fault(s, FAULT_DOUBLED);
        }
    }
    if (c->windowed)
        watch_window(s, c, inside);
}

static size_t first_row(struct sim *s, const struct pending_call *c, const struct found *f)
{
    int64_t size = s->up.given_size < c->size ? s->up.given_size : c->size, after;
    size_t at = 0;

    if (s->up.stuck && (c->page > 1 || c->offset || c->link.n)) {
        sim_fault(s, FAULT_STUCK);
        return 0;
    }
    switch (s->flow.paging->kind) {
    case PAGE_FORWARD:
    case PAGE_BACKWARD:
        return (size_t)((c->page - 1) * size);
    case PAGE_OFFSET:
        return (size_t)c->offset;
    case PAGE_LINK:
        if (c->link.n <= LINK_HEAD || !num_i64((struct str){c->link.p + LINK_HEAD, c->link.n - LINK_HEAD}, &after))
            return 0;
        while (at < f->n && s->up.v[f->v[at]].order <= after)
            at++;
        return at;
    case PAGE_CURSOR:
    case PAGE_NONE:
        break;
    }
    return 0;
}

/* ---- the reply ---- */

static void put_record(struct sim *s, struct buf *b, int32_t index)
{
    const struct version *v = &s->up.v[index];
    char text[TIME_TEXT];
    bool first = true;

    buf_add(b, S("{\"o_id\":"));
    buf_int(b, 900000 + v->order);
    buf_add(b, S(",\"ts\":"));
    buf_int(b, index);
    buf_add(b, S(",\"modified\":\""));
    buf_add(b, (struct str){text, time_datetime(flows_project()->zone, v->stamp_s, text)});
    buf_add(b, v->hidden ? S("\",\"status\":\"hidden\",\"items\":[") : S("\",\"status\":\"open\",\"items\":["));
    for (int line = 1; line <= LINES; line++) {
        if (!(v->lines & 1 << (line - 1)))
            continue;
        buf_add(b, first ? S("{\"oi_id\":") : S(",{\"oi_id\":"));
        buf_int(b, line);
        buf_add(b, v->broken && first ? S(",\"qty\":\"many\"}") : S(",\"qty\":7}"));
        first = false;
    }
    buf_add(b, S("]}"));
}

static void put_facts(struct sim *s, struct buf *b, const struct found *f, bool more, int32_t last)
{
    static const enum fault has_faults[] = {FAULT_COUNT, FAULT_HAS_ALWAYS, FAULT_HAS_NEVER, FAULT_HAS_UNTOLD};
    static const enum fault told_faults[] = {FAULT_COUNT, FAULT_TOTAL_UNTOLD, FAULT_TOTAL_WRONG, FAULT_TOTAL_GROWS};
    struct upstream *u = &s->up;
    int64_t total = (int64_t)f->n;

    buf_add(b, S("\"flag\":\"success\""));
    if (u->has != HAS_TRUTH)
        sim_fault(s, has_faults[u->has]);
    if (u->told != TOLD_TRUTH)
        sim_fault(s, told_faults[u->told]);
    if (u->told == TOLD_WRONG)
        total += u->wrong_by;
    if (u->told == TOLD_GROWS)
        total += ++u->now_calls;
    if (u->told != TOLD_UNTOLD)
        buf_printf(b, ",\"data_count\":%lld", (long long)(total < 0 ? 0 : total));
    if (u->has != HAS_UNTOLD)
        buf_printf(b, ",\"has_next\":%s", (u->has == HAS_TRUTH ? more : u->has == HAS_ALWAYS) ? "true" : "false");
    if (more && last >= 0)
        buf_printf(b, ",\"next\":\"/after/%d\"", s->up.v[last].order);
}

static void trace_rows(struct sim *s, const struct found *f, size_t from, size_t n)
{
    char text[256];
    int used = 0;

    if (!s->trace)
        return;
    for (size_t i = from; i < from + n && used < (int)sizeof text - 24; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %d:%d", s->up.v[f->v[i]].order, f->v[i]);
    sim_trace(s, "rows   %s", used ? text : " none");
}

static struct buf answer_text(struct sim *s, const struct pending_call *c)
{
    struct buf b = buf_make(1u << 20);
    struct found f;
    size_t at, n = 0;
    int64_t size = s->up.given_size < c->size ? s->up.given_size : c->size;
    int32_t last = -1;

    collect(s, c, &f);
    if (size < c->size && f.n > (size_t)size)
        sim_fault(s, FAULT_CLAMPED);
    at = first_row(s, c, &f);
    buf_add(&b, S("{\"orders\":["));
    for (; at < f.n && n < (size_t)size; at++, n++) {
        if (n)
            buf_byte(&b, ',');
        last = f.v[at];
        put_record(s, &b, last);
    }
    buf_add(&b, S("],"));
    put_facts(s, &b, &f, at < f.n, last);
    buf_byte(&b, '}');
    trace_rows(s, &f, at - n, n);
    sim_trace(s, "call    [%lld, %lld] page %lld offset %lld cursor %lld: %zu of %zu rows%s", (long long)c->from_s,
              (long long)c->to_s, (long long)c->page, (long long)c->offset, (long long)c->cursor, n, f.n,
              at < f.n ? ", more" : "");
    return b;
}

static struct page *answer(struct sim *s, struct source *q)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct page *p = page_new();
    struct buf b = answer_text(s, &q->call);
    struct errinfo why;

    p->body = buf_take(&b, &p->body_n);
    if (json_parse((struct str){p->body, p->body_n}, &limits, &p->doc, &p->repairs, &why))
        sim_fail(s, "the upstream's reply is no JSON: %s", why.msg);
    connector_judge(&(struct judge_input){.connector = q->c.connector,
                                          .iface = q->c.iface,
                                          .paging = q->c.paging,
                                          .status = 200,
                                          .records_override = q->c.records_path},
                    p->doc, &p->reply);
    if (p->reply.reaction != REACT_OK)
        sim_fail(s, "the upstream's reply was judged to be a failure: %s", p->reply.why.msg);
    p->call = S("call");
    q->counts.bytes += (int64_t)p->body_n;
    return p;
}

/* ---- one call ---- */

static void learn_date(struct sim *s, struct source *q, int64_t answered_ms)
{
    if (s->up.date != DATE_UNTOLD)
        remote_clock_learn(q->c.remote, (answered_ms + s->up.date_off_ms) / 1000, 2 * (s->t_ms - answered_ms), 0);
}

static bool clock_refused(struct sim *s, struct source *q)
{
    return s->up.strict_clock && llabs(remote_clock_now_ms(q->c.remote) - s->t_ms - s->up.date_off_ms) > 600000;
}

static void come_back(struct source *q, struct page *page, const struct errinfo *why)
{
    void (*done)(void *, struct page *, const struct errinfo *) = q->call.done;

    q->call.waits = false;
    done(q->call.ctx, page, why);
}

static void fail_call(struct sim *s, struct source *q, enum err code, enum fault f)
{
    struct errinfo why;

    sim_fault(s, f);
    s->faulted = true;
    fail(&why, code, "simulated: %s", err_name(code));
    come_back(q, NULL, &why);
}

/* Trouble that the source waits out by itself: time passes. */
static void wait_out(struct sim *s, struct source *q)
{
    while (chance(s, s->ch.call_retry)) {
        sim_fault(s, FAULT_RETRIED);
        q->counts.retries++;
        world_advance(s, 200 + below(s, 5000));
        learn_date(s, q, s->t_ms);
    }
    while (chance(s, s->ch.call_throttle)) {
        sim_fault(s, FAULT_THROTTLED);
        q->counts.throttled++;
        world_advance(s, 1000 + below(s, 20000));
    }
}

bool source_waits(const struct sim *s)
{
    return s->source && s->source->call.waits;
}

void source_step(struct sim *s)
{
    struct source *q = s->source;
    int64_t edits = s->totals->edits, sent_ms = s->t_ms, answered_ms;
    struct page *page;

    if (!sim_alive(s, "call")) {
        fail_call(s, q, ERR_NETWORK, FAULT_CRASH);
        return;
    }
    if (chance(s, s->ch.jump)) {
        sim_fault(s, FAULT_JUMP);
        s->faulted = true; /* when it jumps again and again, the source's clock cannot be told */
        s->skew_ms += (below(s, 2) ? 1 : -1) * below(s, percent(s, 50) ? 5000 : 86400000);
        if (llabs(s->skew_ms) > SKEW_MAX_MS)
            s->skew_ms = s->skew_ms > 0 ? SKEW_MAX_MS : -SKEW_MAX_MS;
    }
    s->totals->calls++;
    q->counts.calls++;
    wait_out(s, q);
    if (clock_refused(s, q)) {
        sim_fault(s, FAULT_CLOCK_REFUSED);
        if (s->up.date == DATE_UNTOLD) {
            fail_call(s, q, ERR_SIGNATURE, FAULT_CALL_FAILED);
            return;
        }
        remote_clock_force(q->c.remote, (s->t_ms + s->up.date_off_ms) / 1000, 0);
    }
    sent_ms = s->t_ms;
    world_advance(s, 1 + below(s, s->c.trip_ms));
    answered_ms = s->t_ms;
    if (chance(s, s->ch.auth)) {
        fail_call(s, q, ERR_AUTH, FAULT_AUTH);
        return;
    }
    if (chance(s, s->ch.call_fail)) {
        fail_call(s, q, ERR_NETWORK, FAULT_CALL_FAILED);
        return;
    }
    page = answer(s, q);
    world_advance(s, answered_ms - sent_ms);
    learn_date(s, q, answered_ms);
    page->fetched_ms = remote_clock_now_ms(q->c.remote);
    if (s->totals->edits > edits)
        sim_fault(s, FAULT_EDIT);
    come_back(q, page, NULL);
}
