/* An audit, as a story: read the range again, through windows and the same verifying reader, and hold every page
 * against the target; ask the source what has moved on beyond the range, so that it is not taken for lost; look a
 * second time, in narrow windows, at what seemed off, so that what merely happened meanwhile is not told; and between
 * the two looks, when asked, set it right.
 *
 * Setting right is an ordinary run of a kind of its own: the seconds in which those records lie are fetched,
 * journalled, shaped and written, and of them only those records are taken. Rows that vanish go the way that `children`
 * and `left_filter` say. Of a row whose record the source does not show at all only the parent is known: it goes as
 * `left_filter` says, if every row of that parent lies in the range, and if of each record that is shown the parent can
 * be told.
 *
 * An audit takes no lock: it may run beside anything. */
#include "run/audit.h"

#include "base/log.h"
#include "run/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_RANGE_S (7 * 86400)
#define RANGES_MAX      512
#define TARGET_ROWS     500

struct audit {
    struct engine e;
    struct pipeline p; /* only what the reader asks of one: events, options */
    struct run_options options;
    struct reader *reader;
    struct auditor *auditor;
    struct audit_summary *s;
    struct errinfo why;
    bool interrupted, failed;
    bool blind; /* a record was shown whose rows cannot be told: none may be taken for lost */
};

/* ---- a reading ---- */

static void ended(void *ctx, const struct errinfo *why)
{
    struct audit *r = ctx;

    if (why->code && !r->failed) {
        r->why = *why;
        r->failed = true;
    }
    loop_stop(r->e.loop);
}

static enum err first_page(void *ctx, bool *ret_again, struct errinfo *ei)
{
    (void)ctx;
    (void)ei;
    *ret_again = false;
    return OK;
}

/* Each page is held against the target where it arrives: one at a time, so memory does not depend on their number. */
static bool take(void *ctx, struct page *page)
{
    struct audit *r = ctx;
    enum err e = OK;

    if (!r->failed)
        e = page->mark ? auditor_mark(r->auditor, page, &r->why) : auditor_page(r->auditor, page, &r->why);
    page_unref(page);
    if (e) {
        err_prefix(&r->why, "target");
        r->failed = true;
        reader_stop(r->reader);
        loop_stop(r->e.loop);
    }
    return true;
}

static void on_ask(void *ctx, enum run_ask ask)
{
    struct audit *r = ctx;

    if (ask != RUN_STOP)
        return;
    r->interrupted = true;
    if (r->reader)
        reader_stop(r->reader);
    loop_stop(r->e.loop);
}

static void note_source(void *ctx, enum source_note what, const struct errinfo *ei, int64_t wait_ms)
{
    struct audit *r = ctx;

    if (what == NOTE_RETRY || what == NOTE_THROTTLED || what == NOTE_WAIT)
        pipeline_emit(&r->p, (struct event){.kind = EVENT_RETRY,
                                            .code = ei ? ei->code : OK,
                                            .text = ei ? str_of(ei->msg) : S(""),
                                            .took_ms = wait_ms});
}

struct range {
    int64_t from_s, to_s;
};

/* Reads the ranges and gives their pages to the auditor. */
static enum err read_ranges(struct audit *r, const struct range *ranges, size_t n, bool whole, struct errinfo *ei)
{
    struct job *jobs = ARENA_ARRAY(r->e.arena, struct job, n + 1);
    struct reader_config c = {
        .flow = r->e.flow,
        .pipeline = &r->p,
        .source = r->e.source,
        .store = r->e.store,
        .remote = r->e.remote,
        .cursor = INT64_MIN,
        .first_page = first_page,
        .ended = ended,
        .take = take,
        .ctx = r,
    };

    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct job){.purpose = PURPOSE_REPAIR,
                               .request = r->e.flow->request,
                               .from_s = ranges[i].from_s,
                               .to_s = ranges[i].to_s,
                               .whole = whole};
    r->failed = false;
    r->reader = reader_new(&c);
    reader_set_jobs(r->reader, jobs, n);
    reader_start(r->reader);
    loop_run(r->e.loop);
    reader_free(r->reader);
    r->reader = NULL;
    if (r->failed)
        *ei = r->why;
    else if (r->interrupted)
        return fail(ei, ERR_NETWORK, "interrupted");
    return r->failed ? ei->code : OK;
}

/* ---- opening ---- */

static enum err open_all(struct audit *r, struct errinfo *ei)
{
    enum err err = engine_open(&r->e, ei);

    err = err ? err : engine_peek(&r->e, ei);
    err = err ? err : engine_look_at_target(&r->e, ei);
    r->p.flow = r->e.flow;
    r->p.options = &r->options;
    err = err ? err : engine_open_source(&r->e, note_source, r, ei);
    if (!err)
        engine_on_ask(&r->e, on_ask, r);
    return err;
}

static void close_all(struct audit *r)
{
    if (r->e.source)
        r->s->calls += source_counts(r->e.source).calls;
    auditor_free(r->auditor);
    r->auditor = NULL;
    engine_close(&r->e);
    r->e = (struct engine){
        .project = r->e.project, .integration = r->e.integration, .options = r->e.options, .store = r->e.store};
}

static enum err new_auditor(struct audit *r, struct findings *out, const struct findings *only, bool collect,
                            struct errinfo *ei)
{
    struct auditor_config c = {r->e.flow, r->e.sink, out, only, collect};

    auditor_free(r->auditor);
    r->auditor = NULL;
    return auditor_new(&c, &r->auditor, ei);
}

static enum err choose_range(struct audit *r, struct range *ret, struct errinfo *ei)
{
    const struct run_options *o = r->e.options;
    struct progress g;
    enum err err = store_progress(r->e.store, r->e.integration->name, &g, ei);
    int64_t cursor = r->e.at.cursor_s;

    if (err)
        return err;
    if (!g.known) {
        fail(ei, ERR_USAGE, "integration \"" STR_FMT "\" has not run yet: there is nothing to audit",
             STR_ARG(r->e.integration->name));
        return fail_hint(ei, "run it first");
    }
    if (r->e.flow->paging->kind == PAGE_CURSOR || !r->e.flow->iface->window.from_param.n) {
        fail(ei, ERR_CONFIG, "interface " STR_FMT " is not read by windows of time, so no range of it can be counted",
             STR_ARG(r->e.flow->iface->name));
        return fail_hint(ei, "ask for a range in the request, without the growing cursor");
    }
    ret->to_s = o->to_s == INT64_MIN || o->to_s > cursor ? cursor : o->to_s;
    ret->from_s = o->from_s == INT64_MIN ? ret->to_s - DEFAULT_RANGE_S : o->from_s;
    if (r->e.integration->has_start && ret->from_s < r->e.integration->start_s && o->from_s == INT64_MIN)
        ret->from_s = r->e.integration->start_s;
    if (ret->from_s <= ret->to_s)
        return OK;
    fail(ei, ERR_USAGE, "the range begins after what was written so far");
    return fail_hint(ei, "`sluice cursor` shows where that is");
}

/* ---- what has moved on ---- */

static bool not_shown(void *ctx, const struct finding *f)
{
    return !f->unseen || !auditor_shown(ctx, f);
}

static bool any_unseen(struct findings *f)
{
    for (size_t i = 0; i < findings_kept(f); i++)
        if (findings_at(f, i)->unseen)
            return true;
    return false;
}

/* What a window seemed to have lost, and what the source has shown since. */
static void drop_shown(struct audit *r, struct findings *f)
{
    findings_filter(f, not_shown, r->auditor);
    r->blind |= auditor_blind(r->auditor);
}

/* A record that changed since lies beyond the range: the next run fetches it. */
static enum err drop_moved(struct audit *r, struct findings *f, const struct range *range, struct errinfo *ei)
{
    struct range beyond = {range->to_s, remote_clock_now_ms(r->e.remote) / 1000};
    enum err err;

    drop_shown(r, f);
    if (!any_unseen(f) || beyond.from_s > beyond.to_s)
        return OK;
    err = new_auditor(r, f, NULL, true, ei);
    err = err ? err : read_ranges(r, &beyond, 1, false, ei);
    if (!err)
        drop_shown(r, f);
    return err;
}

/* ---- narrow ranges ---- */

static int by_from(const void *x, const void *y)
{
    const struct range *a = x, *b = y;

    return a->from_s < b->from_s ? -1 : a->from_s > b->from_s;
}

/* Joins ranges with at most `gap_s` between them. */
static size_t join(struct range *at, size_t n, int64_t gap_s)
{
    size_t k = 0;

    for (size_t i = 1; i < n; i++) {
        if (at[i].from_s > at[k].to_s + gap_s)
            at[++k] = at[i];
        else if (at[i].to_s > at[k].to_s)
            at[k].to_s = at[i].to_s;
    }
    return n ? k + 1 : 0;
}

/* The seconds in which the records of these findings lie. Few enough for one reading; the whole range when one is not
 * known. */
static struct range *ranges_of(struct audit *r, struct findings *f, const struct range *whole, bool shown_only,
                               size_t *ret_n)
{
    struct range *at = ARENA_ARRAY(r->e.arena, struct range, findings_kept(f) + 1);
    size_t n = 0;

    for (size_t i = 0; i < findings_kept(f); i++) {
        const struct finding *one = findings_at(f, i);

        if (shown_only && one->unseen)
            continue;
        at[n++] = one->at_s ? (struct range){one->at_s - 1, one->at_s + 1} : *whole;
    }
    if (n)
        qsort(at, n, sizeof *at, by_from);
    for (int64_t gap_s = 1;; gap_s *= 2) {
        n = join(at, n, gap_s);
        if (n <= RANGES_MAX)
            break;
    }
    *ret_n = n;
    return at;
}

/* ---- setting right ---- */

/* Parents with a row outside of the range: their record may only seem to be gone. */
struct outside {
    const struct range *range;
    const struct zone *zone;
    struct map *parents;
};

static bool note_outside(void *ctx, const struct str *cells)
{
    struct outside *o = ctx;
    int64_t ms;

    if (cells[0].p && (!cells[1].p || !time_parse(cells[1], o->zone, &ms) || ms / 1000 < o->range->from_s ||
                       ms / 1000 > o->range->to_s))
        map_put(o->parents, cells[0], 1);
    return true;
}

/* Records that the source does not show, and whose rows are to go. */
static enum err lost_parents(struct audit *r, struct findings *f, const struct range *range, struct repair_rule *ret,
                             struct errinfo *ei)
{
    const struct gone_rule *g = &r->e.flow->sink_spec.gone;
    const struct str columns[] = {auditor_parent_column(r->auditor), auditor_time_column(r->auditor)};
    struct outside o = {range, r->e.flow->remote_zone, map_new_copying(256u << 20)};
    struct map *seen = map_new();
    struct str *parents = ARENA_ARRAY(r->e.arena, struct str, findings_kept(f) + 1);
    struct row_query q = {.columns = columns, .n_columns = 2, .by = columns[0], .row = note_outside, .ctx = &o};
    struct lost_record *lost = ARENA_ARRAY(r->e.arena, struct lost_record, findings_kept(f) + 1);
    size_t n = 0;
    enum err err = OK;

    for (size_t i = 0; i < findings_kept(f) && g->left != GONE_KEEP && columns[0].n && columns[1].n && !r->blind; i++) {
        const struct finding *one = findings_at(f, i);

        if (!one->unseen || !one->parent.p || !map_put(seen, one->parent, 1))
            continue;
        lost[n] = (struct lost_record){one->parent, one->guard};
        parents[n++] = one->parent;
    }
    for (size_t i = 0; i < n && !err; i += TARGET_ROWS) {
        q.values = parents + i;
        q.n_values = n - i < TARGET_ROWS ? n - i : TARGET_ROWS;
        err = sink_rows(r->e.sink, &q, ei);
    }
    for (size_t i = 0; i < n && !err; i++)
        if (map_get(o.parents, lost[i].parent) == MAP_NONE)
            lost[ret->n_lost++] = lost[i];
    ret->lost = lost;
    map_free(o.parents);
    map_free(seen);
    return err;
}

/* Which records a repair takes; of a plain INSERT only the rows that are not there. */
static void fill_rule(struct audit *r, struct findings *f, struct repair_rule *rule, struct map *keys, struct map *ids)
{
    const struct statement *st = &r->e.flow->statements[0];
    bool plain = st->verb == VERB_INSERT && !st->tail.n;

    for (size_t i = 0; i < findings_kept(f); i++) {
        const struct finding *one = findings_at(f, i);

        if (one->key.n && (!plain || one->kind == FINDING_MISSING))
            map_put(keys, one->key, 1);
        if (one->kind == FINDING_MISSING)
            map_put(ids, one->id, 1);
    }
    rule->keys = keys;
    rule->ids = plain ? ids : NULL;
}

static enum err repair(struct audit *r, struct findings *f, const struct range *range, struct errinfo *ei)
{
    struct arena *a = arena_new(256u << 20);
    struct map *keys = map_new_copying(256u << 20), *ids = map_new_copying(256u << 20);
    struct repair_rule rule = {0};
    struct run_options o = r->options;
    struct range *ranges;
    struct repair_range *seconds;
    enum err err = lost_parents(r, f, range, &rule, ei);

    o.kind = RUN_REPAIR;
    o.dry_run = false;
    fill_rule(r, f, &rule, keys, ids);
    ranges = ranges_of(r, f, range, true, &rule.n_ranges);
    rule.ranges = seconds = ARENA_ARRAY(a, struct repair_range, rule.n_ranges + 1);
    for (size_t i = 0; i < rule.n_ranges; i++)
        seconds[i] =
            (struct repair_range){ranges[i].from_s, ranges[i].to_s > range->to_s ? range->to_s : ranges[i].to_s};
    o.repair = &rule;
    if (!err && (map_count(keys) || rule.n_lost)) {
        struct lost_record *lost = ARENA_ARRAY(a, struct lost_record, rule.n_lost + 1);

        if (rule.n_lost)
            memcpy(lost, rule.lost, rule.n_lost * sizeof *lost);
        rule.lost = lost;
        close_all(r); /* the run opens its own; what `lost` points to lies in the findings */
        run_integration(r->e.project, r->e.integration, r->e.store, &o, &r->s->repair);
        r->s->repairing = true;
        r->interrupted = r->s->repair.status == RUN_INTERRUPTED;
        if (r->s->repair.error.code) {
            *ei = r->s->repair.error;
            err_prefix(ei, "repair");
            err = ei->code;
        }
        err = err ? err : open_all(r, ei);
    }
    map_free(keys);
    map_free(ids);
    arena_free(a);
    return err;
}

/* ---- the story ---- */

/* The second look. */
static enum err look_again(struct audit *r, struct findings *first, const struct range *range, struct errinfo *ei)
{
    size_t n;
    struct range *ranges;
    enum err err = new_auditor(r, r->s->findings, first, false, ei);

    if (err)
        return err;
    ranges = ranges_of(r, first, range, false, &n);
    err = read_ranges(r, ranges, n, true, ei);
    if (!err)
        drop_shown(r, r->s->findings);
    return err;
}

static enum err tell_dead(struct audit *r, struct errinfo *ei)
{
    struct findings *f = r->s->findings;
    enum err err = OK;

    for (size_t i = 0; i < findings_kept(f) && !err; i++) {
        struct finding *one = findings_at(f, i);
        struct dead_query q = {.integration = r->e.integration->name, .id = one->id, .limit = 1};
        struct arena *a = arena_new(64u << 20);
        struct dead_letter *d;
        size_t n = 0;

        if (one->kind != FINDING_ORPHAN)
            err = store_dead_list(r->e.store, &q, a, &d, &n, ei);
        q.id = one->key;
        if (one->kind != FINDING_ORPHAN && !err && !n)
            err = store_dead_list(r->e.store, &q, a, &d, &n, ei);
        one->dead = n > 0;
        r->s->dead += n > 0;
        arena_free(a);
    }
    return err;
}

static enum err audit(struct audit *r, bool repairs, struct findings *first, struct errinfo *ei)
{
    struct range range = {0};
    enum err err = open_all(r, ei);

    err = err ? err : choose_range(r, &range, ei);
    if (err)
        return err;
    r->s->from_s = range.from_s;
    r->s->to_s = range.to_s;
    err = new_auditor(r, first, NULL, false, ei);
    err = err ? err : read_ranges(r, &range, 1, true, ei);
    if (err)
        return err;
    auditor_counts(r->auditor, &r->s->counts);
    r->s->scope = auditor_scope(r->auditor);
    r->s->verified = !r->s->counts.unverified;
    err = drop_moved(r, first, &range, ei);
    if (err || !findings_kept(first))
        return err;
    if (repairs)
        err = repair(r, first, &range, ei);
    err = err ? err : look_again(r, first, &range, ei);
    if (!err && repairs)
        r->s->repaired = (int64_t)(findings_kept(first) - findings_kept(r->s->findings));
    return err ? err : tell_dead(r, ei);
}

/* For `status` and for rules: when it was, and what was off. */
static void remember(struct audit *r)
{
    struct arena *a = arena_new(1u << 20);
    struct buf b = buf_make(1u << 16);
    const struct zone *zone = r->e.project->zone;
    char at[TIME_TEXT], from[TIME_TEXT], to[TIME_TEXT];
    struct errinfo ei;

    (void)time_rfc3339(zone, clock_wall(r->e.options->clock), at);
    (void)time_rfc3339(zone, r->s->from_s * 1000, from);
    (void)time_rfc3339(zone, r->s->to_s * 1000, to);
    buf_printf(&b,
               "{\"at\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"status\":\"%s\",\"verified\":%s,\"missing\":%lld,"
               "\"stale\":%lld,\"orphaned\":%lld,\"repaired\":%lld}",
               at, from, to, audit_status_name(r->s->status), r->s->verified ? "true" : "false",
               (long long)r->s->off[FINDING_MISSING], (long long)r->s->off[FINDING_STALE],
               (long long)r->s->off[FINDING_ORPHAN], (long long)r->s->repaired);
    if (store_set_fact(r->e.store, arena_printf(a, "audit:" STR_FMT, STR_ARG(r->e.integration->name)), buf_str(&b),
                       &ei))
        log_warn("%s", ei.msg);
    buf_free(&b);
    arena_free(a);
}

static void conclude(struct audit *r, const struct findings *first, const struct errinfo *why)
{
    struct audit_summary *s = r->s;
    bool off = false;

    findings_sort(s->findings);
    for (int k = 0; k < FINDING_KINDS; k++) {
        s->off[k] = findings_count(s->findings, (enum finding_kind)k) + findings_unkept(first, (enum finding_kind)k);
        s->unnamed += findings_unkept(first, (enum finding_kind)k);
        off |= s->off[k] > 0;
    }
    if (r->interrupted)
        s->status = AUDIT_INTERRUPTED;
    else if (why->code)
        s->status = AUDIT_FAILED;
    else
        s->status = off || !s->verified || s->counts.unmapped ? AUDIT_DIFFERENT : AUDIT_OK;
    if (s->status == AUDIT_FAILED)
        s->error = *why;
    if (s->status == AUDIT_OK || s->status == AUDIT_DIFFERENT)
        remember(r);
}

void audit_integration(const struct project *p, const struct integration *i, struct store *store,
                       const struct run_options *o, struct audit_summary *ret)
{
    struct audit *r = mem_zero(sizeof *r);
    struct findings *first = findings_new();
    int64_t began = clock_mono(o->clock);
    struct errinfo why = {0};

    *ret = (struct audit_summary){.from_s = INT64_MIN, .to_s = INT64_MIN, .findings = findings_new()};
    snprintf(ret->integration, sizeof ret->integration, STR_FMT, STR_ARG(i->name));
    r->s = ret;
    r->options = *o;
    r->options.kind = RUN_BACKFILL;
    r->options.dry_run = true; /* to the reader: gaps are not its business here */
    r->e = (struct engine){.project = p, .integration = i, .options = &r->options, .store = store};
    if (audit(r, o->kind == RUN_REPAIR, first, &why) == OK)
        why.code = OK;
    conclude(r, first, &why);
    close_all(r);
    findings_free(first);
    ret->duration_ms = clock_mono(o->clock) - began;
    free(r);
}
