/* From states to messages that arrived.
 *
 * What the book tells becomes notices, one for each channel that the rule goes to, durable with the states in one
 * transaction. A channel takes what has gathered when it may send: three seconds after the first word, longer while
 * much is going on; not faster than its limit, which lies below the upstream's; not while it is banned; not while the
 * last message is under way. Before a message leaves, its batch number and its time are durable. It is dropped when the
 * other side took it, so a crash between repeats it under the same key and loses nothing.
 *
 * When the database cannot be written, what was to be kept stays in memory and is tried again with the next tick. */
#include "watch/alert_core.h"

#include "base/digest.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND_MS    INT64_C(1000)
#define MINUTE_MS    INT64_C(60000)
#define DAY_MS       INT64_C(86400000)
#define GATHER_MS    (3 * SECOND_MS)
#define GATHER_MAX   (30 * SECOND_MS)
#define CALM_MS      (5 * MINUTE_MS) /* so long without a message: the next is gathered briefly again */
#define RETRY_MAX_MS MINUTE_MS
#define REFUSED_MS   (10 * MINUTE_MS)
#define HISTORY_MS   (180 * DAY_MS)

/* How often a channel may be used: below what the upstream allows (20 a minute for DingTalk and WeCom; 100 a minute and
 * 5 a second for Feishu). */
static const struct pace {
    size_t per_minute; /* at most the length of lane_state.sent */
    int64_t gap_ms;
} paces[] = {
    [CHANNEL_DINGTALK] = {15, SECOND_MS}, [CHANNEL_WECOM] = {15, SECOND_MS}, [CHANNEL_FEISHU] = {60, 500},
    [CHANNEL_SMTP] = {10, SECOND_MS},     [CHANNEL_WEBHOOK] = {60, 100},     [CHANNEL_COMMAND] = {30, 100},
};

struct kept {
    struct notice n; /* texts owned */
    struct str channel;
    int64_t ended_ms; /* not 0: for the history instead */
    struct alert al;
};

struct core {
    struct book *book;
    struct astore *store;
    const struct alert_settings *settings;
    const struct zone *zone;
    struct lane *lanes;
    size_t n_lanes;
    struct arena *fresh_arena; /* of `fresh` */
    struct kept *fresh;        /* told by the book, not durable yet */
    size_t n_fresh, cap_fresh;
    struct arena *silence_arena;
    struct silence *silences;
    size_t n_silences;
    int64_t complained_ms, tidied_ms;
    void (*changed)(void *ctx, const struct alert *al);
    void *ctx;
};

/* ---- what the book tells ---- */

/* When a message of this severity may go: now, or when quiet hours end. */
static int64_t quiet_until(const struct alert_settings *s, const struct zone *zone, int severity, int64_t now)
{
    struct civil t;
    int minute;

    if (!s->has_quiet || severity >= s->quiet_except)
        return now;
    civil_from_unix(zone, now / 1000, &t);
    minute = t.hour * 60 + t.minute;
    if (s->quiet_from_min < s->quiet_to_min ? minute < s->quiet_from_min || minute >= s->quiet_to_min
                                            : minute < s->quiet_from_min && minute >= s->quiet_to_min)
        return now;
    t.day += minute >= s->quiet_to_min;
    t.hour = s->quiet_to_min / 60;
    t.minute = s->quiet_to_min % 60;
    t.second = 0;
    return civil_to_unix(zone, &t) * 1000;
}

static struct kept *keep(struct core *c)
{
    if (c->n_fresh == c->cap_fresh) {
        c->cap_fresh = c->cap_fresh ? c->cap_fresh * 2 : 64;
        c->fresh = mem_grow(c->fresh, c->cap_fresh * sizeof *c->fresh);
    }
    c->fresh[c->n_fresh] = (struct kept){0};
    return &c->fresh[c->n_fresh++];
}

static bool goes_to(const struct alert_policy *p, const struct alert_channel *ch)
{
    if (!p->channels.n)
        return true;
    for (size_t i = 0; i < p->channels.n; i++)
        if (str_eq(p->channels.at[i], ch->name))
            return true;
    return false;
}

static void on_notice(void *ctx, const struct alert *al, enum notice_kind kind, int64_t now)
{
    struct core *c = ctx;
    const struct alert_policy *p = alert_policy_for(c->settings, al->rule, str_of(al->integration));

    for (size_t i = 0; i < c->n_lanes; i++) {
        struct kept *k;

        if (!goes_to(p, c->lanes[i].channel))
            continue;
        k = keep(c);
        k->channel = arena_str(c->fresh_arena, c->lanes[i].channel->name);
        k->n = (struct notice){.alert = al->id,
                               .at_ms = now,
                               .due_ms = quiet_until(c->settings, c->zone, al->severity, now),
                               .kind = (int)kind,
                               .rule = al->rule,
                               .severity = al->severity,
                               .integration = arena_str(c->fresh_arena, str_of(al->integration)),
                               .text = arena_str(c->fresh_arena, str_of(al->text)),
                               .since_ms = al->since_ms,
                               .count = al->count,
                               .value = al->value,
                               .base = al->base,
                               .limit = al->limit};
    }
}

static void on_ended(void *ctx, const struct alert *al, int64_t now)
{
    struct core *c = ctx;
    struct kept *k = keep(c);

    k->ended_ms = now;
    k->al = *al;
    k->al.integration = (char *)(uintptr_t)arena_cstr(c->fresh_arena, str_of(al->integration));
    k->al.text = (char *)(uintptr_t)arena_cstr(c->fresh_arena, str_of(al->text));
}

static void on_changed(void *ctx, const struct alert *al)
{
    struct core *c = ctx;

    if (c->changed)
        c->changed(c->ctx, al);
}

/* ---- making it durable ---- */

static void complain(struct core *c, const struct errinfo *ei, int64_t now)
{
    if (c->complained_ms && now - c->complained_ms < MINUTE_MS)
        return;
    c->complained_ms = now;
    log_warn("alerts could not be kept: %s", ei->msg);
}

static bool any_dirty(const struct core *c)
{
    for (size_t i = 0; i < book_count(c->book); i++)
        if (book_at(c->book, i)->dirty)
            return true;
    return false;
}

static enum err write_all(struct core *c, struct errinfo *ei)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < book_count(c->book); i++)
        if (book_at(c->book, i)->dirty)
            err = astore_put_alert(c->store, book_at(c->book, i), ei);
    for (size_t i = 0; !err && i < c->n_fresh; i++) {
        const struct kept *k = &c->fresh[i];

        err = k->ended_ms ? astore_put_history(c->store, &k->al, k->ended_ms, ei)
                          : astore_put_notice(c->store, k->channel, &k->n, ei);
    }
    return err;
}

static void count_waiting(struct core *c, struct lane *l, int64_t now)
{
    struct errinfo ei;

    if (astore_waiting(c->store, l->channel->name, &l->waiting, &l->due_ms, &ei))
        complain(c, &ei, now);
}

static void flush(struct core *c, int64_t now)
{
    struct errinfo ei;
    enum err err;

    if (!c->n_fresh && !any_dirty(c))
        return;
    err = astore_begin(c->store, &ei);
    if (!err) {
        err = write_all(c, &ei);
        if (!err)
            err = astore_commit(c->store, &ei);
        if (err)
            astore_rollback(c->store);
    }
    if (err) {
        complain(c, &ei, now);
        return;
    }
    for (size_t i = 0; i < book_count(c->book); i++)
        book_at(c->book, i)->dirty = false;
    for (size_t i = 0; c->n_fresh && i < c->n_lanes; i++)
        count_waiting(c, &c->lanes[i], now);
    c->n_fresh = 0;
    arena_reset(c->fresh_arena);
}

/* ---- opening ---- */

static void restore(void *ctx, const struct alert *al)
{
    struct core *c = ctx;

    book_restore(c->book, al);
}

void core_silences(struct core *c, int64_t now)
{
    struct arena *a = arena_new((size_t)16 << 20);
    struct silence *all;
    struct errinfo ei;
    size_t n;

    if (astore_silences(c->store, now, a, &all, &n, &ei)) {
        complain(c, &ei, now);
        arena_free(a);
        return;
    }
    book_silences(c->book, all, n);
    c->silences = all;
    c->n_silences = n;
    arena_free(c->silence_arena);
    c->silence_arena = a;
}

const struct silence *core_silenced(const struct core *c, size_t *ret_n)
{
    *ret_n = c->n_silences;
    return c->silences;
}

void core_settings(struct core *c, const struct alert_settings *s, const struct zone *zone, int64_t now)
{
    struct errinfo ei;

    c->settings = s;
    c->zone = zone;
    book_settings(c->book, s);
    free(c->lanes);
    c->n_lanes = s->n_channels;
    c->lanes = mem_zero((s->n_channels + 1) * sizeof *c->lanes);
    for (size_t i = 0; i < c->n_lanes; i++) {
        c->lanes[i].channel = &s->channels[i];
        if (astore_lane(c->store, s->channels[i].name, &c->lanes[i].s, &ei))
            complain(c, &ei, now);
        count_waiting(c, &c->lanes[i], now);
    }
}

void core_on_change(struct core *c, void (*changed)(void *ctx, const struct alert *al), void *ctx)
{
    c->changed = changed;
    c->ctx = ctx;
}

enum err core_open(const char *state_dir, const struct alert_settings *s, const struct zone *zone, int64_t now_ms,
                   struct core **ret, struct errinfo *ei)
{
    struct core *c = mem_zero(sizeof *c);
    const struct book_port port = {on_notice, on_ended, on_changed, c};
    int64_t last = 0;
    enum err err = astore_open(state_dir, &c->store, ei);

    c->book = book_new(&port);
    c->fresh_arena = arena_new((size_t)1 << 30);
    if (!err)
        err = astore_alerts(c->store, restore, c, &last, ei);
    if (err) {
        core_close(c);
        return err;
    }
    book_next_id(c->book, last + 1);
    core_settings(c, s, zone, now_ms);
    core_silences(c, now_ms);
    *ret = c;
    return OK;
}

void core_close(struct core *c)
{
    if (!c)
        return;
    book_free(c->book);
    astore_close(c->store);
    arena_free(c->fresh_arena);
    arena_free(c->silence_arena);
    free(c->fresh);
    free(c->lanes);
    free(c);
}

struct book *core_book(const struct core *c)
{
    return c->book;
}

struct astore *core_store(const struct core *c)
{
    return c->store;
}

/* ---- observing ---- */

void core_observe(struct core *c, const struct observation *o, int64_t now)
{
    book_observe(c->book, o, now);
}

void core_forget(struct core *c, struct str integration, int64_t now)
{
    book_forget(c->book, integration, now);
}

void core_tick(struct core *c, int64_t now)
{
    struct errinfo ei;

    book_tick(c->book, now);
    flush(c, now);
    if (now - c->tidied_ms < DAY_MS)
        return;
    c->tidied_ms = now;
    if (astore_forget_history(c->store, now - HISTORY_MS, &ei))
        complain(c, &ei, now);
}

/* ---- sending ---- */

size_t core_lanes(const struct core *c)
{
    return c->n_lanes;
}

struct lane *core_lane(struct core *c, size_t i)
{
    return &c->lanes[i];
}

/* How long words are gathered: longer with each message of the last minutes. */
static int64_t gather_ms(const struct lane *l, int64_t now)
{
    int64_t ms = GATHER_MS;

    for (size_t i = 0; i < 4 && l->s.sent[i] && now - l->s.sent[i] < CALM_MS; i++)
        ms *= 2;
    return ms > GATHER_MAX ? GATHER_MAX : ms;
}

static bool may_send(const struct lane *l, int64_t now)
{
    const struct pace *p = &paces[l->channel->type];
    int64_t nth = l->s.sent[p->per_minute - 1];

    if (l->busy || now < l->s.banned_ms || now < l->retry_ms)
        return false;
    if (l->s.sent[0] && now - l->s.sent[0] < p->gap_ms)
        return false;
    return !nth || now - nth >= MINUTE_MS;
}

static void note_sent(struct lane_state *s, int64_t now)
{
    memmove(s->sent + 1, s->sent, sizeof s->sent - sizeof *s->sent);
    s->sent[0] = now;
}

/* The batch under way, or a new one; durable before it leaves. */
static enum err begin_batch(struct core *c, struct lane *l, int64_t now, struct errinfo *ei)
{
    struct lane_state s = l->s;
    enum err err = astore_begin(c->store, ei);

    if (err)
        return err;
    if (!s.batch) {
        s.batch = ++s.last_batch;
        err = astore_assign(c->store, l->channel->name, s.batch, now, ei);
    }
    note_sent(&s, now);
    if (!err)
        err = astore_put_lane(c->store, l->channel->name, &s, ei);
    if (!err)
        err = astore_commit(c->store, ei);
    if (err) {
        astore_rollback(c->store);
        return err;
    }
    l->s = s;
    return OK;
}

static void add_notice(void *ctx, const struct notice *n)
{
    digest_list_add(ctx, n);
}

static void end_batch(struct core *c, struct lane *l, int64_t now)
{
    struct errinfo ei;
    struct lane_state s = l->s;
    enum err err = astore_begin(c->store, &ei);

    s.batch = 0;
    if (!err) {
        err = astore_drop_batch(c->store, l->channel->name, l->s.batch, &ei);
        if (!err)
            err = astore_put_lane(c->store, l->channel->name, &s, &ei);
        if (!err)
            err = astore_commit(c->store, &ei);
        if (err)
            astore_rollback(c->store);
    }
    if (err)
        complain(c, &ei, now);
    else
        l->s = s;
    count_waiting(c, l, now);
}

struct digest_list *core_take(struct core *c, size_t i, int64_t now, char key[80])
{
    struct lane *l = &c->lanes[i];
    struct digest_list *d;
    struct errinfo ei;

    if (!l->waiting || !may_send(l, now) || (!l->s.batch && now < l->due_ms + gather_ms(l, now)))
        return NULL;
    if (begin_batch(c, l, now, &ei)) {
        complain(c, &ei, now);
        return NULL;
    }
    d = digest_list_new();
    if (astore_batch(c->store, l->channel->name, l->s.batch, add_notice, d, &ei)) {
        complain(c, &ei, now);
        digest_list_free(d);
        return NULL;
    }
    if (!d->n) {
        digest_list_free(d);
        end_batch(c, l, now);
        return NULL;
    }
    digest_list_done(d);
    snprintf(key, 80, "%.36s-%016llx-%lld", astore_id(c->store), (unsigned long long)hash_stable(l->channel->name),
             (long long)l->s.batch);
    l->busy = true;
    return d;
}

static void failed(struct lane *l, const struct verdict *v, int64_t now)
{
    int64_t wait = SECOND_MS << (l->tries < 6 ? l->tries : 6);

    l->tries++;
    l->s.failed_ms = now;
    snprintf(l->s.error, sizeof l->s.error, "%s", v->why);
    l->retry_ms = now + (wait > RETRY_MAX_MS ? RETRY_MAX_MS : wait);
    l->s.refused = v->what == OUTCOME_REFUSED;
    if (l->s.refused)
        l->retry_ms = now + REFUSED_MS;
    if (v->what == OUTCOME_BANNED)
        l->s.banned_ms = now + v->wait_ms;
    if (l->tries == 1 || l->s.refused)
        log_warn("alert channel \"" STR_FMT "\": %s; its messages are kept", STR_ARG(l->channel->name), v->why);
}

void core_done(struct core *c, size_t i, const struct verdict *v, int64_t now)
{
    struct lane *l = &c->lanes[i];
    struct errinfo ei;

    l->busy = false;
    if (v->what != OUTCOME_OK) {
        failed(l, v, now);
        if (astore_put_lane(c->store, l->channel->name, &l->s, &ei))
            complain(c, &ei, now);
        return;
    }
    l->s.ok_ms = now;
    l->s.error[0] = '\0';
    l->tries = 0;
    l->retry_ms = 0;
    l->s.refused = false;
    end_batch(c, l, now);
}

enum err core_note_test(struct core *c, size_t i, int64_t now, struct errinfo *ei)
{
    struct lane *l = &c->lanes[i];
    const struct pace *p = &paces[l->channel->type];
    int64_t nth = l->s.sent[p->per_minute - 1];

    if (now < l->s.banned_ms)
        return fail(ei, ERR_QUOTA, "the channel is banned for another %lld s",
                    (long long)(l->s.banned_ms - now) / 1000);
    if (nth && now - nth < MINUTE_MS)
        return fail(ei, ERR_QUOTA, "%zu messages went out in the last minute; wait a little", p->per_minute);
    note_sent(&l->s, now);
    return astore_put_lane(c->store, l->channel->name, &l->s, ei);
}
