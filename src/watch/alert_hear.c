/* How events and figures reach the alerts: summed up by rule and integration until the thread takes them, so that ten
 * thousand errors cost ten thousand additions and nothing else. */
#include "watch/alert_impl.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

#define INBOX_MAX_BYTES ((size_t)256 << 20)
#define ENTRIES_MAX     100000u

/* The entry of a key; NULL when there are too many. The lock is held. */
static struct inbox_entry *entry(struct inbox *in, int rule, struct str integration)
{
    char room[400];
    int n = snprintf(room, sizeof room, "%d/" STR_FMT, rule, STR_ARG(str_sub(integration, 0, 300)));
    size_t i;

    if (!in->a) {
        in->a = arena_new(INBOX_MAX_BYTES);
        in->by_key = map_new_copying(INBOX_MAX_BYTES);
    }
    i = map_get(in->by_key, str_mk(room, (size_t)n));
    if (i != MAP_NONE)
        return &in->at[i];
    if (in->n == ENTRIES_MAX)
        return NULL;
    if (in->n == in->cap) {
        in->cap = in->cap ? in->cap * 2 : 64;
        in->at = mem_grow(in->at, in->cap * sizeof *in->at);
    }
    map_put(in->by_key, str_mk(room, (size_t)n), in->n);
    in->at[in->n] = (struct inbox_entry){
        .o = {.rule = rule, .integration = arena_str(in->a, str_sub(integration, 0, 300)), .text = S("")}};
    return &in->at[in->n++];
}

/* A state that is older than a happening does not count: it is told again within seconds. */
static void merge(struct inbox *in, struct inbox_entry *e, const struct observation *o)
{
    e->has_state = o->value != ALERT_MORE;
    if (e->has_state) {
        e->o.value = o->value;
        e->o.base = o->base;
    }
    if (o->text.n && (!e->o.text.n || !o->times)) /* of a storm the first words do */
        e->o.text = arena_str(in->a, str_sub(o->text, 0, 500));
    e->o.times += o->times;
}

static void post(struct alerts *a)
{
    if (a->woken || a->passive)
        return;
    a->woken = true;
    loop_post(a->loop, alerts_wake, a);
}

void alert_observe(struct alerts *a, const struct observation *o)
{
    struct inbox_entry *e;

    if (o->rule < 0 || o->rule >= ALERT_RULES)
        return;
    pthread_mutex_lock(&a->inbox_lock);
    e = entry(&a->inbox, o->rule, o->integration);
    if (e)
        merge(&a->inbox, e, o);
    post(a);
    pthread_mutex_unlock(&a->inbox_lock);
}

void alert_forget(struct alerts *a, struct str integration)
{
    struct inbox_entry *e;

    pthread_mutex_lock(&a->inbox_lock);
    e = entry(&a->inbox, ALERT_RULES, integration);
    if (e)
        e->forget = true;
    post(a);
    pthread_mutex_unlock(&a->inbox_lock);
}

struct inbox alerts_take_inbox(struct alerts *a)
{
    struct inbox ret;

    pthread_mutex_lock(&a->inbox_lock);
    ret = a->inbox;
    a->inbox = (struct inbox){0};
    a->woken = false;
    pthread_mutex_unlock(&a->inbox_lock);
    return ret;
}

void inbox_free(struct inbox *in)
{
    arena_free(in->a);
    map_free(in->by_key);
    free(in->at);
}

/* ---- events ---- */

static void state(struct alerts *a, const struct event *e, int rule, bool on)
{
    alert_observe(a, &(struct observation){.rule = rule,
                                           .integration = e->integration,
                                           .value = on,
                                           .times = on && rule == ALERT_RUN_FAILED,
                                           .text = on ? e->text : S("")});
}

static void more(struct alerts *a, const struct event *e, int rule, int64_t times)
{
    alert_observe(
        a, &(struct observation){
               .rule = rule, .integration = e->integration, .value = ALERT_MORE, .times = times, .text = e->text});
}

/* The text of a run's end is its summary; people get the error's words. */
static void run_ended(struct alerts *a, const struct event *e)
{
    const struct json_limits limits = {1u << 20, 32};
    struct event told = *e;
    struct json_doc *doc = NULL;
    struct errinfo ei;

    if (json_parse(e->text, &limits, &doc, NULL, &ei))
        doc = NULL;
    told.text = json_text(json_path(json_root(doc), S("error.message")));
    if (str_eq(json_text(json_get(json_root(doc), S("status"))), S("interrupted"))) {
        json_free(doc);
        return;
    }
    state(a, &told, ALERT_RUN_FAILED, e->code != OK);
    if (e->code == OK) {
        state(a, &told, ALERT_SOURCE_DOWN, false);
        state(a, &told, ALERT_TARGET_DOWN, false);
    }
    json_free(doc);
}

static void hear(void *ctx, const struct event *e)
{
    struct alerts *a = ctx;

    switch (e->kind) {
    case EVENT_RUN_ENDED:
        run_ended(a, e);
        break;
    case EVENT_CIRCUIT:
        state(a, e, ALERT_SOURCE_DOWN, e->flag);
        break;
    case EVENT_RETRY:
        if (e->code == ERR_TARGET)
            state(a, e, ALERT_TARGET_DOWN, true);
        break;
    case EVENT_COMMIT:
        state(a, e, ALERT_TARGET_DOWN, false);
        break;
    case EVENT_DEAD:
        more(a, e, ALERT_DEAD_LETTERS, 1);
        break;
    case EVENT_MISSING:
        more(a, e, ALERT_FOUND_MISSING, e->records);
        break;
    case EVENT_NOTICE:
        if (e->code == ERR_SCHEMA)
            more(a, e, ALERT_SCHEMA_DRIFT, 1);
        break;
    default:
        break;
    }
}

struct listener alert_listener(struct alerts *a)
{
    return (struct listener){hear, a};
}
