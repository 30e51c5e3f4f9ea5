/* The alerts' thread: a loop that twice a second, and soon after something was told, takes what came in, ages states,
 * keeps them, and lets each channel send what it may. Everything but the inbox is under one lock, which API calls take
 * for as long as they read. */
#include "watch/alert_impl.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STEP_MS            500
#define SOON_MS            50
#define SILENCES_MS        2000
#define SETTINGS_MAX_BYTES ((size_t)64 << 20)
#define SILENCE_MAX_MS     (INT64_C(366) * 86400000)

/* ---- copies ---- */

static char *copy(struct str s)
{
    char *ret = mem_zero(s.n + 1);

    if (s.n)
        memcpy(ret, s.p, s.n);
    return ret;
}

static struct strs strs_copy(struct strs from, struct arena *a)
{
    struct str *at = ARENA_ARRAY(a, struct str, from.n + 1);

    for (size_t i = 0; i < from.n; i++)
        at[i] = arena_str(a, from.at[i]);
    return (struct strs){at, from.n};
}

static const struct alert_settings *settings_copy(const struct alert_settings *s, struct arena *a)
{
    struct alert_settings *ret = ARENA_NEW(a, struct alert_settings);
    struct alert_channel *channels = ARENA_ARRAY(a, struct alert_channel, s->n_channels + 1);
    struct alert_policy *policies = ARENA_ARRAY(a, struct alert_policy, s->n_policies + 1);

    *ret = *s;
    for (size_t i = 0; i < s->n_channels; i++) {
        struct alert_channel *c = &channels[i];
        struct str *const texts[] = {&c->name,     &c->url,  &c->secret,  &c->user,
                                     &c->password, &c->from, &c->ca_file, &c->keyword};

        *c = s->channels[i];
        c->pos.file = NULL;
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            *texts[k] = arena_str(a, *texts[k]);
        c->at = strs_copy(c->at, a);
        c->to = strs_copy(c->to, a);
        c->argv = strs_copy(c->argv, a);
    }
    for (size_t i = 0; i < s->n_policies; i++) {
        policies[i] = s->policies[i];
        policies[i].channels = strs_copy(policies[i].channels, a);
        policies[i].patterns = strs_copy(policies[i].patterns, a);
    }
    ret->channels = channels;
    ret->policies = policies;
    return ret;
}

static struct zone *zone_copy(const struct zone *z)
{
    struct zone *ret = NULL;
    struct errinfo ei;

    if (z && zone_open(str_of(zone_name(z)), &ret, &ei))
        log_warn("%s", ei.msg);
    return ret;
}

struct message_context alerts_context(const struct alerts *a, int64_t now_ms)
{
    return (struct message_context){a->settings->chinese, str_of(a->project), str_of(a->link), a->zone, now_ms};
}

/* ---- a step ---- */

static void on_verdict(void *ctx, const struct verdict *v)
{
    struct on_way *w = ctx;

    pthread_mutex_lock(&w->a->lock);
    core_done(w->a->core, w->lane, v, clock_wall(w->a->clock));
    pthread_mutex_unlock(&w->a->lock);
}

static void send_due(struct alerts *a, int64_t now)
{
    struct message_context context = alerts_context(a, now);

    for (size_t i = 0; i < core_lanes(a->core); i++) {
        char key[80];
        struct digest_list *d = core_take(a->core, i, now, key);

        if (!d)
            continue;
        a->ways[i] = (struct on_way){a, i};
        sender_send(a->sender, &(struct delivery){core_lane(a->core, i)->channel, &context, d, str_of(key)}, on_verdict,
                    &a->ways[i]);
        digest_list_free(d);
    }
}

static void take_told(struct alerts *a, int64_t now)
{
    struct inbox in = alerts_take_inbox(a);

    for (size_t i = 0; i < in.n; i++) {
        struct observation o = in.at[i].o;

        if (in.at[i].forget) {
            core_forget(a->core, o.integration, now);
            continue;
        }
        if (in.at[i].has_state && !o.value && o.times) { /* it happened, and was over again */
            o.value = ALERT_MORE;
            core_observe(a->core, &o, now);
            o = in.at[i].o;
            o.times = 0;
        }
        if (!in.at[i].has_state)
            o.value = ALERT_MORE;
        core_observe(a->core, &o, now);
    }
    inbox_free(&in);
}

static bool all_idle(struct alerts *a)
{
    for (size_t i = 0; i < core_lanes(a->core); i++)
        if (core_lane(a->core, i)->busy)
            return false;
    return true;
}

static void take_settings(struct alerts *a, int64_t now)
{
    core_settings(a->core, a->next_settings, a->next_zone, now);
    arena_free(a->settings_arena);
    zone_free(a->zone);
    a->settings_arena = a->next_arena;
    a->settings = a->next_settings;
    a->zone = a->next_zone;
    a->next_arena = NULL;
    a->next_settings = NULL;
    a->next_zone = NULL;
}

static void step(void *ctx)
{
    struct alerts *a = ctx;
    int64_t now = clock_wall(a->clock);

    pthread_mutex_lock(&a->lock);
    if (a->next_settings && all_idle(a))
        take_settings(a, now);
    if (now - a->looked_ms >= SILENCES_MS || now < a->looked_ms) {
        core_silences(a->core, now);
        a->looked_ms = now;
    }
    take_told(a, now);
    core_tick(a->core, now);
    if (!a->next_settings)
        send_due(a, now);
    pthread_mutex_unlock(&a->lock);
    a->timer = loop_timer_start(a->loop, STEP_MS, step, a);
}

void alerts_wake(void *ctx)
{
    struct alerts *a = ctx;

    if (a->timer)
        loop_timer_cancel(a->timer);
    a->timer = loop_timer_start(a->loop, SOON_MS, step, a);
}

/* ---- opening and closing ---- */

static void tell_change(void *ctx, const struct alert *al)
{
    struct alerts *a = ctx;
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);

    if (!a->changed)
        return;
    alerts_alert_json(a, al, &w);
    a->changed(a->ctx, buf_str(&b));
    buf_free(&b);
}

static void *thread_main(void *ctx)
{
    struct alerts *a = ctx;

    if (!a->passive)
        a->timer = loop_timer_start(a->loop, 0, step, a);
    loop_run(a->loop);
    return NULL;
}

static void free_all(struct alerts *a)
{
    sender_free(a->sender);
    if (a->loop)
        loop_free(a->loop);
    core_close(a->core);
    inbox_free(&a->inbox);
    arena_free(a->settings_arena);
    arena_free(a->next_arena);
    zone_free(a->zone);
    zone_free(a->next_zone);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->inbox_lock);
    free(a->project_dir);
    free(a->link);
    free(a->project);
    free(a);
}

enum err alerts_open(const struct alerts_options *o, struct alerts **ret, struct errinfo *ei)
{
    struct alerts *a = mem_zero(sizeof *a);
    enum err err;

    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->inbox_lock, NULL);
    a->clock = o->clock;
    a->project_dir = copy(str_of(o->project_dir));
    a->link = copy(o->link);
    a->project = copy(o->project);
    a->changed = o->changed;
    a->ctx = o->ctx;
    a->passive = o->passive;
    a->settings_arena = arena_new(SETTINGS_MAX_BYTES);
    a->settings = settings_copy(o->settings, a->settings_arena);
    a->zone = zone_copy(o->zone);
    err = core_open(o->state_dir, a->settings, a->zone, clock_wall(o->clock), &a->core, ei);
    if (!err)
        err = loop_new(&a->loop, ei);
    if (!err) {
        core_on_change(a->core, tell_change, a);
        a->sender = sender_new(a->loop, o->clock, o->project_dir);
        if (pthread_create(&a->thread, NULL, thread_main, a))
            err = fail(ei, ERR_INTERNAL, "no thread for alerts");
    }
    if (err) {
        free_all(a);
        return err;
    }
    *ret = a;
    return OK;
}

void alerts_settings(struct alerts *a, const struct alert_settings *settings, const struct zone *zone)
{
    struct arena *arena = arena_new(SETTINGS_MAX_BYTES);

    pthread_mutex_lock(&a->lock);
    arena_free(a->next_arena);
    zone_free(a->next_zone);
    a->next_arena = arena;
    a->next_settings = settings_copy(settings, arena);
    a->next_zone = zone_copy(zone);
    pthread_mutex_unlock(&a->lock);
}

/* What was told last is kept, too. */
static void stop(void *ctx)
{
    struct alerts *a = ctx;
    int64_t now = clock_wall(a->clock);

    if (!a->passive) {
        pthread_mutex_lock(&a->lock);
        take_told(a, now);
        core_tick(a->core, now);
        pthread_mutex_unlock(&a->lock);
    }
    loop_stop(a->loop);
}

void alerts_close(struct alerts *a)
{
    if (!a)
        return;
    loop_post(a->loop, stop, a);
    pthread_join(a->thread, NULL);
    free_all(a);
}

size_t alerts_firing(struct alerts *a)
{
    size_t n;

    pthread_mutex_lock(&a->lock);
    n = book_firing(core_book(a->core));
    pthread_mutex_unlock(&a->lock);
    return n;
}

/* ---- silences ---- */

enum err alerts_silence(struct alerts *a, const struct silence *s, int64_t *ret_id, struct errinfo *ei)
{
    int64_t now = clock_wall(a->clock);
    enum err err;

    if (s->until_ms <= now || s->until_ms - now > SILENCE_MAX_MS)
        return fail(ei, ERR_USAGE, "a silence ends in the future, within a year");
    if (s->integration.n > 300 || s->comment.n > 2000 || s->user.n > 300 || s->rule >= ALERT_RULES)
        return fail(ei, ERR_USAGE, "the silence's texts are too long");
    pthread_mutex_lock(&a->lock);
    err = astore_add_silence(core_store(a->core), s, ret_id, ei);
    if (!err)
        core_silences(a->core, now);
    pthread_mutex_unlock(&a->lock);
    return err;
}

enum err alerts_unsilence(struct alerts *a, int64_t id, struct errinfo *ei)
{
    bool was = false;
    enum err err;

    pthread_mutex_lock(&a->lock);
    err = astore_remove_silence(core_store(a->core), id, &was, ei);
    if (!err)
        core_silences(a->core, clock_wall(a->clock));
    pthread_mutex_unlock(&a->lock);
    if (err || was)
        return err;
    return fail(ei, ERR_USAGE, "there is no silence %lld", (long long)id);
}

/* ---- a test ---- */

/* Shared by who waits and the loop; the last of the two frees it. */
struct test {
    struct alerts *a;
    size_t lane;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done, left;
    struct verdict v;
};

static void test_free(struct test *t)
{
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
    free(t);
}

static void test_done(void *ctx, const struct verdict *v)
{
    struct test *t = ctx;
    bool left;

    pthread_mutex_lock(&t->lock);
    t->v = *v;
    t->done = true;
    left = t->left;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    if (left)
        test_free(t);
}

static void test_send(void *ctx)
{
    struct test *t = ctx;
    struct alerts *a = t->a;
    int64_t now = clock_wall(a->clock);
    struct message_context context = alerts_context(a, now);
    struct digest_list *d = digest_list_new();
    char key[48];
    const struct alert_channel *c;

    digest_list_add(d, &(struct notice){.kind = NOTICE_FIRED,
                                        .rule = ALERT_RUN_FAILED,
                                        .severity = SEVERITY_INFO,
                                        .at_ms = now,
                                        .since_ms = now,
                                        .integration = a->settings->chinese ? S("测试") : S("test"),
                                        .text = a->settings->chinese ? S("这是一条测试消息，没有任何故障。")
                                                                     : S("This is a test; nothing is wrong.")});
    digest_list_done(d);
    snprintf(key, sizeof key, "test-%lld", (long long)now);
    pthread_mutex_lock(&a->lock);
    c = t->lane < core_lanes(a->core) ? core_lane(a->core, t->lane)->channel : NULL;
    pthread_mutex_unlock(&a->lock);
    if (c)
        sender_send(a->sender, &(struct delivery){c, &context, d, str_of(key)}, test_done, t);
    else
        test_done(t, &(struct verdict){.what = OUTCOME_REFUSED, .why = "the channel is gone"});
    digest_list_free(d);
}

static enum err find_lane(struct alerts *a, struct str channel, size_t *ret, int64_t *ret_timeout, struct errinfo *ei)
{
    const char *names[64];
    const char *near;
    size_t n = core_lanes(a->core);

    for (size_t i = 0; i < n; i++)
        if (str_eq(core_lane(a->core, i)->channel->name, channel)) {
            *ret = i;
            *ret_timeout = core_lane(a->core, i)->channel->timeout_ms;
            return core_note_test(a->core, i, clock_wall(a->clock), ei);
        }
    for (size_t i = 0; i < n && i < 64; i++)
        names[i] = core_lane(a->core, i)->channel->name.p;
    near = str_nearest(channel, names, n < 64 ? n : 64);
    fail(ei, ERR_USAGE, "there is no channel \"" STR_FMT "\"", STR_ARG(channel));
    return near ? fail_hint(ei, "did you mean \"%s\"?", near)
                : fail_hint(ei, "channels stand in sluice.json, under \"alerts\"");
}

static enum err judge_test(const struct verdict *v, struct errinfo *ei)
{
    static const enum err codes[] = {
        [OUTCOME_RETRY] = ERR_NETWORK, [OUTCOME_BANNED] = ERR_QUOTA, [OUTCOME_REFUSED] = ERR_REMOTE};

    return v->what == OUTCOME_OK ? OK : fail(ei, codes[v->what], "%s", v->why);
}

enum err alerts_test(struct alerts *a, struct str channel, struct errinfo *ei)
{
    struct test *t = mem_zero(sizeof *t);
    struct timespec until;
    struct verdict v = {.what = OUTCOME_RETRY, .why = "no answer in time"};
    int64_t timeout = 0;
    bool done;
    enum err err;

    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    t->a = a;
    pthread_mutex_lock(&a->lock);
    err = find_lane(a, channel, &t->lane, &timeout, ei);
    pthread_mutex_unlock(&a->lock);
    if (err) {
        test_free(t);
        return err;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout / 1000 + 3;
    loop_post(a->loop, test_send, t);
    pthread_mutex_lock(&t->lock);
    while (!t->done && pthread_cond_timedwait(&t->changed, &t->lock, &until) != ETIMEDOUT)
        ;
    done = t->done;
    v = done ? t->v : v;
    t->left = true;
    pthread_mutex_unlock(&t->lock);
    if (done)
        test_free(t);
    return judge_test(&v, ei);
}
