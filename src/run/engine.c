/* Opening and closing, in the order in which it may fail; and the meeting of the two states.
 *
 * The target's checkpoint is the truth. It names the journal that it speaks of:
 *   - our journal: positions count from there; when the target stands behind what we remember it was set back, and the
 * journal writes the rest again, or, where it is not kept that long, the rest is read again;
 *   - another journal, or ours is new: the local state was lost. The target's cursor is adopted, positions begin anew
 * behind what the journal holds;
 *   - our journal, in an epoch that we never claimed: a copy of our state worked meanwhile (or ours was set back). The
 * same, since what we have read and not written may be older than what the copy wrote;
 *   - no checkpoint at all: the target is new. If the journal reaches back to its first entry everything is written
 * from it, else everything is read again from `start`. */
#include "run/engine.h"

#include "base/plant.h"

#include "base/digest.h"
#include "base/log.h"
#include "base/num.h"
#include "project/token_file.h"
#include "run/claim.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define JOURNAL_SEGMENT_BYTES (256ll << 20)
#define JOURNAL_SEGMENT_MS    (86400000ll)
#define REPLY_MAX_BYTES       (32u << 20)
#define CALL_MS               60000
#define CLAIM_TRIES           3
#define ASK_LOOK_MS           100
#define CONNECT_PAUSE_MS      300

enum err engine_open(struct engine *e, struct errinfo *ei)
{
    e->arena = arena_new(64u << 20);
    e->diags = diags_new();
    e->flow = flow_compile(e->project, e->integration, e->diags);
    if (!e->flow) {
        enum err err = diags_first_error(e->diags, ei);

        return err ? err : fail(ei, ERR_CONFIG, "the integration could not be compiled");
    }
    return flow_open_lookups(e->flow, e->store, e->options->clock, ei);
}

/* ---- the target ---- */

static void notice(const struct engine *e, struct str text)
{
    struct event ev = {.kind = EVENT_NOTICE, .integration = e->integration->name, .text = text};

    event_emit(&e->options->listener, &ev);
}

static struct str first_run_fact(const struct engine *e)
{
    return arena_printf(e->arena, "first_run:" STR_FMT, STR_ARG(e->integration->name));
}

/* The epoch in which the ledger last forgot what was written. */
static struct str ledger_epoch_fact(const struct engine *e)
{
    return arena_printf(e->arena, "ledger_epoch:" STR_FMT, STR_ARG(e->integration->name));
}

static enum err set_number(const struct engine *e, struct str fact, int64_t n, struct errinfo *ei)
{
    return store_set_fact(e->store, fact, arena_printf(e->arena, "%lld", (long long)n), ei);
}

/* The number of a fact, or `none` where it is not there. */
static enum err number_of(const struct engine *e, struct str fact, int64_t none, int64_t *ret, struct errinfo *ei)
{
    struct str text;
    enum err err = store_fact(e->store, fact, e->arena, &text, ei);

    if (!err && (!text.p || !num_i64(text, ret)))
        *ret = none;
    return err;
}

/* Where the cursor stands before anything was ever written: where it is asked for first, by our clock, and by the
 * source's once that is known (run.c). `keep`: for the runs to come. */
static enum err first_cursor(struct engine *e, bool keep, int64_t *ret, struct errinfo *ei)
{
    struct str name = first_run_fact(e), known;
    int64_t now_s = clock_wall(e->options->clock) / 1000;
    enum err err;

    if (e->integration->has_start) {
        *ret = e->integration->start_s;
        return OK;
    }
    e->cursor_by_own_clock = true;
    err = store_fact(e->store, name, e->arena, &known, ei);
    if (err)
        return err;
    if (known.p && num_i64(known, ret))
        return OK;
    *ret = now_s;
    return !keep ? OK : set_number(e, name, now_s, ei);
}

/* Nothing is known to be written of the pages up to `page`; 0: the journal still has them all, to learn them from. */
static enum err forget_ledger(const struct engine *e, int64_t page, struct errinfo *ei)
{
    enum err err = page ? set_number(e, ledger_epoch_fact(e), e->at.epoch + 1, ei) : OK;

    if (PLANTED(ledger_of_another))
        return err;
    return err ? err : set_number(e, ledger_base_fact(e->arena, e->integration->name), page, ei);
}

/* The ledger forgot, to learn anew what would be read into a copy of the target; now another copy stands there, of
 * before that. What lies before its cursor will not be read into it, so the ledger never learns it. */
static enum err know_other_copy(const struct engine *e, int64_t epoch, struct errinfo *ei)
{
    struct str name = ledger_from_fact(e->arena, e->integration->name);
    int64_t forgot_in, from_s;
    enum err err = number_of(e, ledger_epoch_fact(e), 0, &forgot_in, ei);

    err = err ? err : number_of(e, name, INT64_MIN, &from_s, ei);
    if (err || epoch >= forgot_in || e->at.cursor_s <= from_s)
        return err;
    return set_number(e, name, e->at.cursor_s, ei);
}

enum err engine_ledger_base(const struct engine *e, int64_t *ret, struct errinfo *ei)
{
    return number_of(e, ledger_base_fact(e->arena, e->integration->name), 0, ret, ei);
}

static enum err begin_anew(struct engine *e, const struct progress *g, struct errinfo *ei)
{
    int64_t first = journal_first(e->journal), last = journal_last(e->journal);
    struct str from = {0};
    enum err err = store_fact(e->store, ledger_from_fact(e->arena, e->integration->name), e->arena, &from, ei);
    bool whole = last > 0 && first == 1 && !from.p; /* else it began with a cursor that was taken over */

    if (err)
        return err;
    e->at.page = whole ? 0 : last;
    e->at.row = -1;
    if (g->known && g->page > 0)
        notice(e,
               whole
                   ? S("the target has no checkpoint of this integration: everything is written again from the journal")
                   : S("the target has no checkpoint of this integration: everything is read again from `start`"));
    if (last && forget_ledger(e, e->at.page, ei))
        return ei->code;
    if (e->flow->paging->kind == PAGE_CURSOR) {
        e->at.cursor_s = INT64_MIN;
        return OK;
    }
    return first_cursor(e, true, &e->at.cursor_s, ei);
}

/* Reads on from the target's cursor: what our journal holds does not follow on what the target has. */
static enum err adopt(struct engine *e, struct str why, struct errinfo *ei)
{
    struct str known;
    enum err err = store_fact(e->store, first_run_fact(e), e->arena, &known, ei);

    e->adopted = true;
    e->at.page = journal_last(e->journal);
    e->at.row = -1;
    notice(e, why);
    err = err ? err : forget_ledger(e, e->at.page, ei);
    if (!err && !known.p && e->at.cursor_s != INT64_MIN) /* no later than here, should the target lose its checkpoint */
        err = set_number(e, first_run_fact(e), e->at.cursor_s, ei);
    return err ? err : set_number(e, ledger_from_fact(e->arena, e->integration->name), e->at.cursor_s, ei);
}

/* Local progress stands for the checkpoint where the target cannot hold one. */
static void from_progress(struct engine *e, const struct progress *g)
{
    e->at.page = g->page;
    e->at.row = g->row;
    e->at.cursor_s = g->cursor_s;
    e->at.epoch = g->epoch;
    e->at.batch = g->batch;
}

/* Does the journal not go on from the checkpoint? Pages between may be dropped, or the one of which a part is written,
 * or all. Or what came between is in no page of ours: behind the ledger's base a cursor was taken over. */
static enum err misses_pages(const struct engine *e, bool *ret, struct errinfo *ei)
{
    int64_t first = journal_first(e->journal), wanted = e->at.row >= 0 ? e->at.page : e->at.page + 1, base = 0;
    enum err err = engine_ledger_base(e, &base, ei);

    *ret = wanted <= base || (first ? wanted < first : wanted <= journal_last(e->journal));
    return err;
}

static enum err reconcile(struct engine *e, struct errinfo *ei)
{
    struct str uuid = store_journal_uuid(e->store);
    struct progress g;
    int64_t epoch;
    bool found, ours = true, misses = false;
    enum err err = store_progress(e->store, e->integration->name, &g, ei);

    err = err ? err : sink_checkpoint(e->sink, &e->at, &found, &e->target_holds, ei);
    if (!err && e->target_holds && found)
        err = claim_is_ours(e->store, e->integration->name, &g, &e->at, &ours, ei);
    err = err ? err : misses_pages(e, &misses, ei);
    if (err)
        return err;
    if (found && ours && str_eq(str_of(e->at.journal), uuid))
        journal_begin_behind(e->journal, e->at.page);
    epoch = e->at.epoch;
    if (g.known && g.epoch > epoch) /* no epoch comes twice, not even with copies of other ages in its place */
        e->at.epoch = g.epoch;
    if (!e->target_holds) {
        notice(e, S("the target cannot keep the checkpoint: rows may be written twice after a crash"));
        if (g.known)
            from_progress(e, &g);
        else
            err = begin_anew(e, &g, ei);
    } else if (!found) {
        err = begin_anew(e, &g, ei);
    } else if (!str_eq(str_of(e->at.journal), uuid)) {
        err = adopt(
            e,
            S("the local state does not know this target's checkpoint: its cursor is taken over, positions begin anew"),
            ei);
    } else if (!ours) {
        err = adopt(e,
                    S("another copy of this project's state has written to the target: its cursor is taken over, "
                      "positions begin anew"),
                    ei);
    } else if (misses) {
        err = adopt(e,
                    S("the target was set back further than the journal is kept: everything since its cursor is read "
                      "again"),
                    ei);
    } else {
        if (g.known && e->at.batch < g.batch)
            notice(e, S("the target stands behind what was written to it: it was set back, and the journal writes the "
                        "rest again"));
        err = know_other_copy(e, epoch, ei);
    }
    if (!err && e->at.cursor_s == INT64_MIN && e->flow->paging->kind != PAGE_CURSOR)
        err = first_cursor(e, true, &e->at.cursor_s, ei);
    snprintf(e->at.journal, sizeof e->at.journal, STR_FMT, STR_ARG(uuid));
    e->at.mapping = e->flow->mapping;
    return err;
}

enum err engine_peek(struct engine *e, struct errinfo *ei)
{
    struct progress g;
    enum err err = store_progress(e->store, e->integration->name, &g, ei);

    if (err)
        return err;
    if (g.known)
        from_progress(e, &g);
    else if (e->flow->paging->kind == PAGE_CURSOR)
        e->at.cursor_s = INT64_MIN;
    else
        return first_cursor(e, false, &e->at.cursor_s, ei);
    return OK;
}

static enum err look(struct engine *e, struct errinfo *ei)
{
    enum err err = sink_connect(e->sink, ei);

    return err ? err : sink_fits(e->sink, ei);
}

/* A COMMIT that an earlier process sent may still land between reading the checkpoint and claiming it: then once more.
 */
static enum err take_target(struct engine *e, struct errinfo *ei)
{
    enum err err = OK;

    for (int n = 0; n < CLAIM_TRIES; n++) {
        struct checkpoint cp;

        e->at = (struct checkpoint){.cursor_s = INT64_MIN};
        e->cursor_by_own_clock = false;
        err = reconcile(e, ei);
        if (err || !e->target_holds)
            return err;
        cp = e->at;
        if (e->cursor_by_own_clock)
            cp.cursor_s = INT64_MIN; /* the next run would take it for the source's, if this one ends before a batch */
        err = claim_target(e->store, e->sink, e->integration->name, &cp, &e->at.epoch, ei);
        if (err != ERR_CONFLICT)
            return err;
    }
    return err;
}

/* Begun anew as a whole when the connection goes in between. A claim whose answer was lost is found then, and made once
 * more. */
static enum err look_and_claim(struct engine *e, struct errinfo *ei)
{
    enum err err = look(e, ei);

    return err ? err : take_target(e, ei);
}

typedef enum err target_step(struct engine *e, struct errinfo *ei);

/* Has somebody asked for the end? */
static bool is_stopped(const struct engine *e)
{
    const struct run_control *c = e->options->control;

    return e->interrupted || (c && atomic_load(&c->ask) == RUN_STOP);
}

/* Lets a part of the patience pass. There is no loop yet to hear signals: they are held back while it lasts and taken
 * here, unless whoever started the run hears them himself (`signals` NULL). */
static void wait_a_little(struct engine *e, const sigset_t *signals)
{
    struct timespec t = {.tv_nsec = CONNECT_PAUSE_MS * 1000000};
    uint32_t r;

    random_bytes(&r, sizeof r);
    t.tv_nsec += (long)(r % CONNECT_PAUSE_MS) * 1000000;
    if (signals)
        e->interrupted = sigtimedwait(signals, NULL, &t) > 0;
    else
        clock_pause(e->options->clock, t.tv_nsec / 1000000);
    e->interrupted |= is_stopped(e);
}

/* A server that is down is waited for as long as patience lasts (decisions 12). */
static enum err try_until(struct engine *e, target_step *step, const sigset_t *signals, struct errinfo *ei)
{
    const struct clock *clock = e->options->clock;
    int64_t begun = clock_mono(clock);
    enum err err;

    while ((err = step(e, ei)) == ERR_NETWORK && clock_mono(clock) - begun < e->options->patience_ms) {
        struct event ev = {.kind = EVENT_RETRY,
                           .integration = e->integration->name,
                           .code = err,
                           .text = str_of(ei->msg),
                           .took_ms = clock_mono(clock) - begun};

        event_emit(&e->options->listener, &ev);
        wait_a_little(e, signals);
        if (e->interrupted)
            break;
    }
    return err;
}

static enum err patiently(struct engine *e, target_step *step, struct errinfo *ei)
{
    const struct timespec now = {0};
    sigset_t signals, before;
    enum err err;

    if (e->options->control) {
        err = try_until(e, step, NULL, ei);
    } else {
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        pthread_sigmask(SIG_BLOCK, &signals, &before);
        err = try_until(e, step, &signals, ei);
        if (!e->interrupted && sigtimedwait(&signals, NULL, &now) > 0)
            e->interrupted = true;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (e->interrupted && !err)
        err = fail(ei, ERR_NETWORK, "interrupted");
    return err;
}

static enum err open_sink(struct engine *e, struct errinfo *ei)
{
    struct strs options;
    enum err err = connection_values(e->project, e->integration->target, e->arena, &options, ei);

    return err ? err : sink_open(e->flow->sink_type, &e->flow->sink_spec, &options, &e->sink, ei);
}

enum err engine_look_at_target(struct engine *e, struct errinfo *ei)
{
    enum err err = open_sink(e, ei);

    return err ? err : patiently(e, look, ei);
}

static enum err lock_and_open_journal(struct engine *e, struct errinfo *ei)
{
    struct journal_limits limits = {JOURNAL_SEGMENT_BYTES, JOURNAL_SEGMENT_MS};
    char *dir = store_journal_dir(e->store, e->integration->name);
    struct progress g = {0};
    enum err err = store_lock(e->store, e->integration->name, &e->lock, ei);

    err = err ? err : journal_open(dir, limits, false, &e->journal, ei);
    err = err ? err : store_progress(e->store, e->integration->name, &g, ei);
    if (!err && g.known)
        journal_begin_behind(e->journal, g.page);
    free(dir);
    return err;
}

enum err engine_open_target(struct engine *e, struct errinfo *ei)
{
    enum err err = lock_and_open_journal(e, ei);

    err = err ? err : open_sink(e, ei);
    return err ? err : patiently(e, look_and_claim, ei);
}

/* A target that is down is fetched for until the journal has its limit: what is not written cannot be dropped. */
static enum err has_room(const struct engine *e, struct errinfo *ei)
{
    int64_t limit = (int64_t)e->project->settings.journal_limit_bytes;

    if (journal_bytes(e->journal) < limit)
        return OK;
    fail(ei, ERR_DISK, "the journal holds %lld MB that are not written yet, and its limit is reached",
         (long long)(limit / 1000000));
    return fail_hint(ei,
                     "fetching goes on when the target takes rows again; `journal_limit` in sluice.json is the limit");
}

enum err engine_open_journal(struct engine *e, struct errinfo *ei)
{
    struct progress g;
    enum err err = lock_and_open_journal(e, ei);

    err = err ? err : store_progress(e->store, e->integration->name, &g, ei);
    if (err)
        return err;
    if (g.known)
        from_progress(e, &g);
    else
        err = begin_anew(e, &g, ei);
    return err ? err : has_room(e, ei);
}

/* Does the window of this mark go on from where reading had come? One that begins later leaves a hole before it. */
static bool goes_on(const struct engine *e, const struct journal_entry *mark, int64_t reached_s)
{
    return e->flow->paging->kind == PAGE_CURSOR || mark->from_s <= reached_s;
}

/* Marks behind the checkpoint say up to where windows were read whole. They count when no page between was dropped, and
 * as long as each goes on from the one before. */
enum err engine_fetched(const struct engine *e, int64_t *ret_s, struct errinfo *ei)
{
    int64_t seq = e->at.page + 1, first = e->journal ? journal_first(e->journal) : 0;
    struct journal_entry entry;
    bool found = e->journal && first && first <= seq;

    *ret_s = e->at.cursor_s;
    while (found) {
        enum err err = journal_read(e->journal, seq, NULL, &entry, &found, ei);

        if (err)
            return err;
        if (found && entry.kind == JOURNAL_MARK && entry.purpose == PURPOSE_MAIN && entry.cursor_s > *ret_s) {
            if (!goes_on(e, &entry, *ret_s))
                break;
            *ret_s = entry.cursor_s;
        }
        seq = entry.seq + 1;
    }
    return OK;
}

/* ---- the source ---- */

static void recall_clock(struct engine *e)
{
    struct str name = arena_printf(e->arena, "clock:" STR_FMT, STR_ARG(e->integration->source->name)), text;
    struct errinfo ei;
    int64_t offset;

    if (!e->store)
        return; /* a sample */
    if (store_fact(e->store, name, e->arena, &text, &ei) == OK && text.p && num_i64(text, &offset))
        remote_clock_set_offset(e->remote, offset);
}

static enum err load_token(void *ctx, struct arena *a, struct str *ret, struct errinfo *ei)
{
    const struct engine *e = ctx;

    return token_load(e->project, e->integration->source->name, a, ret, ei);
}

static enum err save_token(void *ctx, struct str text, struct errinfo *ei)
{
    const struct engine *e = ctx;

    return token_save(e->project, e->integration->source->name, text, ei);
}

static void token_fetched(void *ctx)
{
    const struct engine *e = ctx;
    struct event ev = {
        .kind = EVENT_LOGIN, .integration = e->integration->name, .text = S("a token was fetched for the connection")};

    event_emit(&e->options->listener, &ev);
}

static enum err open_login(struct engine *e, const struct source_config *s, struct errinfo *ei)
{
    struct login_config c = {
        .loop = s->loop,
        .http = s->http,
        .clock = s->clock,
        .connector = s->connector,
        .options = s->options,
        .bucket = s->bucket,
        .remote = s->remote,
        .store = {.ctx = e, .load = load_token, .save = save_token},
        .call_ms = s->call_ms,
        .patience_ms = s->patience_ms,
        .fetched = token_fetched,
        .fetched_ctx = e,
    };
    struct token_terms terms;
    enum err err;

    if (!connector_token(s->connector, &terms))
        return OK;
    err = token_lock_path(e->project, s->connection, e->arena, &c.store.lock_path, ei);
    if (!err)
        e->login = login_new(&c);
    return err;
}

/* Of the connection's addresses, so that a changed one is another upstream. */
static uint64_t hash_addresses(const struct connection *c, const struct strs *values)
{
    size_t n;
    const struct connector_option *options = connector_options(c->connector, &n);
    uint64_t h = 0;

    for (size_t i = 0; i < n && i < values->n; i++)
        if (options[i].type == OPTION_URL)
            h = h * 31 + hash_stable(values->at[i]);
    return h;
}

enum err engine_open_source(struct engine *e,
                            void (*note)(void *ctx, enum source_note what, const struct errinfo *ei, int64_t wait_ms),
                            void *ctx, struct errinfo *ei)
{
    const struct connection *c = e->integration->source;
    struct str quota = arena_printf(e->arena, "%s/quota", e->project->state_dir);
    struct source_config config = {
        .clock = e->options->clock,
        .connector = e->flow->connector,
        .iface = e->flow->iface,
        .paging = e->flow->paging,
        .connection = c->name,
        .records_path = e->flow->records_path,
        .max_bytes = REPLY_MAX_BYTES,
        .call_ms = c->timeout_ms ? c->timeout_ms : CALL_MS,
        .patience_ms = e->options->patience_ms,
        .note = note,
        .note_ctx = ctx,
    };
    struct strs values;
    enum err err = connection_values(e->project, c, e->arena, &values, ei);

    if (!err && mkdir(e->project->state_dir, 0700) && errno != EEXIST) {
        fail(ei, ERR_DISK, "%s: %s", e->project->state_dir, strerror(errno));
        err = fail_hint(ei, "the project's folder must be writable for this user");
    }
    err = err ? err : bucket_open(quota.p, c->name, c->requests, c->per_ms, &e->bucket, ei);
    if (err)
        return err;
    bucket_upstream(e->bucket, hash_addresses(c, &values));
    err = loop_new(&e->loop, ei);
    if (err)
        return err;
    config.loop = e->loop;
    e->http = config.http = http_new(e->loop, e->options->clock);
    e->remote = config.remote = remote_clock_new(e->options->clock);
    recall_clock(e);
    config.bucket = e->bucket;
    config.options = (struct option_values){values.at, values.n};
    err = open_login(e, &config, ei);
    if (err)
        return err;
    config.login = e->login;
    e->source = source_new(&config);
    return OK;
}

/* ---- being asked to end sooner ---- */

static void tell_asked(struct engine *e, enum run_ask ask)
{
    if (ask <= e->asked)
        return;
    e->asked = ask;
    e->on_ask(e->ask_ctx, ask);
}

static void on_signal(void *ctx, int signo)
{
    struct engine *e = ctx;

    (void)signo;
    if (e->signals++)
        _exit(130);
    tell_asked(e, RUN_STOP);
}

static void look_for_ask(void *ctx)
{
    struct engine *e = ctx;

    e->ask_timer = loop_timer_start(e->loop, ASK_LOOK_MS, look_for_ask, e);
    tell_asked(e, (enum run_ask)atomic_load(&e->options->control->ask));
}

void engine_on_ask(struct engine *e, void (*on_ask)(void *ctx, enum run_ask ask), void *ctx)
{
    e->on_ask = on_ask;
    e->ask_ctx = ctx;
    if (e->options->control)
        e->ask_timer = loop_timer_start(e->loop, ASK_LOOK_MS, look_for_ask, e);
    else
        loop_on_signal(e->loop, on_signal, e);
}

void engine_off_ask(struct engine *e)
{
    loop_timer_cancel(e->ask_timer);
    e->ask_timer = NULL;
}

void engine_remember(struct engine *e)
{
    struct str name;
    struct errinfo ei;

    if (!e->remote || !remote_clock_known(e->remote) || e->options->dry_run)
        return;
    name = arena_printf(e->arena, "clock:" STR_FMT, STR_ARG(e->integration->source->name));
    if (store_set_fact(e->store, name, arena_printf(e->arena, "%lld", (long long)remote_clock_offset_ms(e->remote)),
                       &ei))
        log_warn("%s", ei.msg);
}

void engine_close(struct engine *e)
{
    source_free(e->source);
    login_free(e->login);
    http_free(e->http);
    loop_free(e->loop);
    remote_clock_free(e->remote);
    bucket_close(e->bucket);
    sink_close(e->sink);
    records_close(e->kept);
    journal_close(e->journal);
    store_unlock(e->lock);
    flow_free(e->flow);
    diags_free(e->diags);
    arena_free(e->arena);
}
