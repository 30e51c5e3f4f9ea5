/* What the API and `sluice alerts` show. Secrets are not in it: of a channel only whether they are set, and of its
 * address only the host. */
#include "watch/alert_impl.h"

#include "watch/alert_text.h"

#include <stdlib.h>

static void text_member(struct json_out *w, const char *key, struct str s)
{
    json_out_key(w, key);
    json_out_str(w, s);
}

static void int_member(struct json_out *w, const char *key, int64_t v)
{
    json_out_key(w, key);
    json_out_int(w, v);
}

static void bool_member(struct json_out *w, const char *key, bool v)
{
    json_out_key(w, key);
    json_out_bool(w, v);
}

/* null for 0 */
static void time_member(const struct alerts *a, struct json_out *w, const char *key, int64_t ms)
{
    char text[TIME_TEXT];

    json_out_key(w, key);
    if (ms)
        json_out_str(w, str_mk(text, time_rfc3339(a->zone, ms - ms % 1000, text)));
    else
        json_out_null(w);
}

static void strs_member(struct json_out *w, const char *key, struct strs s)
{
    json_out_key(w, key);
    json_out_begin(w, '[');
    for (size_t i = 0; i < s.n; i++)
        json_out_str(w, s.at[i]);
    json_out_end(w, ']');
}

/* ---- alerts ---- */

static bool in_chinese(const struct alerts *a, enum alert_language language)
{
    return language == ALERT_LANGUAGE_SET ? a->settings->chinese : language == ALERT_LANGUAGE_ZH;
}

/* What is told of an alert beside itself. */
struct telling {
    const char *state;
    int64_t ended_ms;
    enum alert_language language;
};

static void alert_object(const struct alerts *a, const struct alert *al, const struct telling *t, struct json_out *w)
{
    struct message_context c = alerts_context(a, al->last_ms);
    const struct notice n = {.alert = al->id,
                             .rule = al->rule,
                             .severity = al->severity,
                             .integration = str_of(al->integration),
                             .text = str_of(al->text),
                             .since_ms = al->since_ms,
                             .count = al->count,
                             .value = al->value,
                             .base = al->base,
                             .limit = al->limit};

    c.chinese = in_chinese(a, t->language);
    json_out_begin(w, '{');
    message_alert_json(&c, &n, t->state, w);
    text_member(w, "title", str_of(rule_title(al->rule, c.chinese)));
    text_member(w, "doing", str_of(rule_doing(al->rule, c.chinese)));
    time_member(a, w, "fired", al->fired_ms);
    time_member(a, w, "told", al->told_ms);
    time_member(a, w, "ended", t->ended_ms);
    int_member(w, "value", al->value);
    int_member(w, "over", al->limit);
    bool_member(w, "silenced", al->silenced);
    json_out_end(w, '}');
}

static void known_alert(const struct alerts *a, const struct alert *al, enum alert_language language,
                        struct json_out *w)
{
    static const char *const states[] = {"resolved", "pending", "firing"};

    alert_object(a, al, &(struct telling){states[al->state], 0, language}, w);
}

void alerts_alert_json(const struct alerts *a, const struct alert *al, struct json_out *w)
{
    known_alert(a, al, ALERT_LANGUAGE_SET, w);
}

static int by_weight(const void *x, const void *y)
{
    const struct alert *a = *(struct alert *const *)x, *b = *(struct alert *const *)y;

    if (a->state != b->state)
        return b->state - a->state;
    if (a->severity != b->severity)
        return b->severity - a->severity;
    return a->since_ms < b->since_ms ? -1 : a->since_ms > b->since_ms;
}

void alerts_json_firing(struct alerts *a, enum alert_language language, struct buf *out)
{
    struct json_out w = json_out(out);
    struct book *b;
    struct alert **all;
    size_t n = 0;

    pthread_mutex_lock(&a->lock);
    b = core_book(a->core);
    all = mem_alloc((book_count(b) + 1) * sizeof(struct alert *));
    for (size_t i = 0; i < book_count(b); i++)
        if (book_at(b, i)->state != ALERT_CLEAR)
            all[n++] = book_at(b, i);
    if (n)
        qsort(all, n, sizeof(struct alert *), by_weight);
    json_out_begin(&w, '{');
    json_out_key(&w, "alerts");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < n && i < 1000; i++)
        known_alert(a, all[i], language, &w);
    json_out_end(&w, ']');
    int_member(&w, "total", (int64_t)n);
    int_member(&w, "firing", (int64_t)book_firing(b));
    json_out_end(&w, '}');
    pthread_mutex_unlock(&a->lock);
    free(all);
}

struct history {
    const struct alerts *a;
    enum alert_language language;
    struct json_out *w;
    int64_t last;
    size_t n;
};

static void add_history(void *ctx, const struct alert *al, int64_t ended_ms, int64_t row)
{
    struct history *h = ctx;

    alert_object(h->a, al, &(struct telling){"resolved", ended_ms, h->language}, h->w);
    h->last = row;
    h->n++;
}

enum err alerts_json_history(struct alerts *a, const struct alert_page *page, struct buf *out, struct errinfo *ei)
{
    struct json_out w = json_out(out);
    struct history h = {.a = a, .language = page->language, .w = &w};
    size_t limit = page->limit < 1 ? 1 : page->limit > 1000 ? 1000 : page->limit;
    enum err err;

    json_out_begin(&w, '{');
    json_out_key(&w, "alerts");
    json_out_begin(&w, '[');
    pthread_mutex_lock(&a->lock);
    err = astore_history(core_store(a->core), limit, page->before, add_history, &h, ei);
    pthread_mutex_unlock(&a->lock);
    json_out_end(&w, ']');
    json_out_key(&w, "next");
    if (h.n == limit)
        json_out_int(&w, h.last);
    else
        json_out_null(&w);
    json_out_end(&w, '}');
    return err;
}

/* ---- rules ---- */

/* As it is written in sluice.json; null for 0. */
static void span_member(struct json_out *w, const char *key, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    struct buf b = buf_make(64);
    size_t i = 0;

    json_out_key(w, key);
    if (!ms) {
        json_out_null(w);
        return;
    }
    while (ms % units[i].ms)
        i++;
    buf_printf(&b, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
    json_out_str(w, buf_str(&b));
    buf_free(&b);
}

static void rule_object(const struct alert_policy *p, bool preset, bool chinese, struct json_out *w)
{
    json_out_begin(w, '{');
    text_member(w, "rule", str_of(alert_rule_names[p->rule]));
    text_member(w, "title", str_of(rule_title(p->rule, chinese)));
    text_member(w, "severity", str_of(alert_severity_names[p->severity]));
    bool_member(w, "off", p->off);
    bool_member(w, "default", preset);
    if (alert_rule_has_factor(p->rule))
        int_member(w, "factor", p->factor);
    if (alert_rule_has_over(p->rule))
        int_member(w, "over", p->over);
    span_member(w, "for", p->for_ms);
    span_member(w, "repeat", p->repeat_ms);
    strs_member(w, "channels", p->channels);
    strs_member(w, "integrations", p->patterns);
    json_out_end(w, '}');
}

/* In the order in which they are tried; the one that is built in last. */
void alerts_json_rules(struct alerts *a, enum alert_language language, struct buf *out)
{
    struct json_out w = json_out(out);

    pthread_mutex_lock(&a->lock);
    json_out_begin(&w, '{');
    json_out_key(&w, "rules");
    json_out_begin(&w, '[');
    for (int rule = 0; rule < ALERT_RULES; rule++) {
        bool all = false;

        for (size_t i = 0; i < a->settings->n_policies; i++) {
            const struct alert_policy *p = &a->settings->policies[i];

            if (p->rule != rule)
                continue;
            rule_object(p, false, in_chinese(a, language), &w);
            all |= !p->patterns.n;
        }
        if (!all)
            rule_object(&alert_defaults[rule], true, in_chinese(a, language), &w);
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    pthread_mutex_unlock(&a->lock);
}

/* ---- channels ---- */

/* "https://host" of an address that is written out; nothing of one that is a reference. */
static struct str shown_address(const struct alert_channel *c)
{
    size_t scheme = str_find(c->url, S("://"), 0), end;

    if (scheme == SIZE_MAX || str_find(c->url, S("${"), 0) != SIZE_MAX || str_find(c->url, S("@"), 0) != SIZE_MAX)
        return S("");
    end = scheme + 3;
    while (end < c->url.n && str_find(S("/?#"), str_sub(c->url, end, 1), 0) == SIZE_MAX)
        end++;
    return str_sub(c->url, 0, end);
}

static void channel_object(const struct alerts *a, const struct lane *l, int64_t now, struct json_out *w)
{
    const struct alert_channel *c = l->channel;
    const char *state = now < l->s.banned_ms ? "banned" : l->s.refused ? "broken" : l->s.error[0] ? "failing" : "ok";

    json_out_begin(w, '{');
    text_member(w, "name", c->name);
    text_member(w, "type", str_of(channel_type_names[c->type]));
    text_member(w, "target", c->type == CHANNEL_COMMAND ? c->argv.at[0] : shown_address(c));
    strs_member(w, "to", c->to);
    int_member(w, "mentions", (int64_t)c->at.n);
    bool_member(w, "signed", c->secret.n > 0);
    text_member(w, "state", str_of(state));
    int_member(w, "waiting", l->waiting);
    time_member(a, w, "last", l->s.ok_ms);
    time_member(a, w, "last_failed", l->s.failed_ms);
    time_member(a, w, "banned_until", now < l->s.banned_ms ? l->s.banned_ms : 0);
    text_member(w, "error", str_of(l->s.error));
    json_out_end(w, '}');
}

void alerts_json_channels(struct alerts *a, struct buf *out)
{
    struct json_out w = json_out(out);
    int64_t now = clock_wall(a->clock);

    pthread_mutex_lock(&a->lock);
    json_out_begin(&w, '{');
    json_out_key(&w, "channels");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < core_lanes(a->core); i++)
        channel_object(a, core_lane(a->core, i), now, &w);
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    pthread_mutex_unlock(&a->lock);
}

/* ---- silences ---- */

void alerts_json_silences(struct alerts *a, struct buf *out)
{
    struct json_out w = json_out(out);
    size_t n;

    pthread_mutex_lock(&a->lock);
    const struct silence *all = core_silenced(a->core, &n);

    json_out_begin(&w, '{');
    json_out_key(&w, "silences");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < n; i++) {
        json_out_begin(&w, '{');
        int_member(&w, "id", all[i].id);
        json_out_key(&w, "rule");
        json_out_cstr(&w, all[i].rule < 0 ? NULL : alert_rule_names[all[i].rule]);
        json_out_key(&w, "integration");
        if (all[i].integration.n)
            json_out_str(&w, all[i].integration);
        else
            json_out_null(&w);
        time_member(a, &w, "until", all[i].until_ms);
        text_member(&w, "comment", all[i].comment);
        text_member(&w, "user", all[i].user);
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    pthread_mutex_unlock(&a->lock);
}
