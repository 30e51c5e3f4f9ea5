/* The state machine of alerts.
 *
 *   clear → pending → firing → clear
 *
 * A condition that holds makes an alert pending, after the rule's `for` it fires; it is over when the condition was
 * false for a while (so that what flutters is told once), or, for things that happen and have no end of their own, a
 * day after the last. While it fires people are told again after `repeat`, and earlier when it grew: after 5 minutes,
 * then after twice as long each time. A silence holds the telling back, not the state: what still fires when it ends is
 * told then. An alert that nobody was told of ends without a word.
 *
 * The book knows no channels, hours or databases; it tells its port. Entries stay when they are clear: there are at
 * most as many as rules times integrations. */
#include "watch/alert_book.h"

#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>

#define MINUTE_MS       INT64_C(60000)
#define DAY_MS          INT64_C(86400000)
#define FIRST_UPDATE_MS (5 * MINUTE_MS)
#define LAST_UPDATE_MS  (4 * 60 * MINUTE_MS)
#define ALERTS_MAX      200000u
#define TEXT_MAX        500u

/* How a rule ends: after its condition was false that long; or that long after it last happened (0: never). */
static const struct ending {
    int64_t clear_ms, lasts_ms;
} endings[ALERT_RULES] = {
    [ALERT_SOURCE_DOWN] = {MINUTE_MS, 0},
    [ALERT_TARGET_DOWN] = {MINUTE_MS, 0},
    [ALERT_STALE] = {MINUTE_MS, 0},
    [ALERT_QUOTA] = {10 * MINUTE_MS, 0},
    [ALERT_DISK] = {MINUTE_MS, 0},
    [ALERT_CLOCK_SKEW] = {MINUTE_MS, 0},
    [ALERT_DEAD_LETTERS] = {MINUTE_MS / 2, 0},
    [ALERT_FOUND_MISSING] = {0, DAY_MS},
    [ALERT_SCHEMA_DRIFT] = {0, DAY_MS},
};

struct book {
    struct book_port port;
    const struct alert_settings *settings;
    const struct silence *silences;
    size_t n_silences;
    struct map *by_key;
    struct alert **at;
    size_t n;
    int64_t next_id;
};

struct book *book_new(const struct book_port *port)
{
    struct book *b = mem_zero(sizeof *b);

    b->port = *port;
    b->by_key = map_new_copying((size_t)64 << 20);
    b->next_id = 1;
    return b;
}

void book_free(struct book *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->n; i++) {
        free(b->at[i]->integration);
        free(b->at[i]->text);
        free(b->at[i]);
    }
    free(b->at);
    map_free(b->by_key);
    free(b);
}

void book_settings(struct book *b, const struct alert_settings *s)
{
    b->settings = s;
}

void book_silences(struct book *b, const struct silence *all, size_t n)
{
    b->silences = all;
    b->n_silences = n;
}

void book_next_id(struct book *b, int64_t at_least)
{
    b->next_id = b->next_id > at_least ? b->next_id : at_least;
}

size_t book_count(const struct book *b)
{
    return b->n;
}

struct alert *book_at(const struct book *b, size_t i)
{
    return b->at[i];
}

size_t book_firing(const struct book *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        n += b->at[i]->state == ALERT_FIRING;
    return n;
}

/* ---- rules ---- */

static int64_t rule_limit(const struct alert_policy *p, const struct observation *o)
{
    switch (p->rule) {
    case ALERT_STALE:
    case ALERT_NO_DATA:
        return o->base > INT64_MAX / p->factor ? INT64_MAX : o->base * p->factor;
    case ALERT_TOKEN_EXPIRING:
        return p->over * 60 * MINUTE_MS;
    case ALERT_CLOCK_SKEW:
        return p->over * 1000;
    default:
        return p->over;
    }
}

static bool rule_holds(const struct alert_policy *p, const struct observation *o)
{
    int64_t limit = rule_limit(p, o);

    switch (p->rule) {
    case ALERT_STALE:
    case ALERT_NO_DATA:
        return o->base > 0 && o->value > limit;
    case ALERT_TOKEN_EXPIRING:
        return o->value < limit;
    case ALERT_CLOCK_SKEW:
        return o->value > limit || o->value < -limit;
    default:
        return o->value > limit;
    }
}

static bool is_silenced(const struct book *b, const struct alert *al, int64_t now)
{
    for (size_t i = 0; i < b->n_silences; i++) {
        const struct silence *s = &b->silences[i];

        if (now < s->until_ms && (s->rule < 0 || s->rule == al->rule) &&
            (!s->integration.n || alert_pattern_fits(s->integration, str_of(al->integration))))
            return true;
    }
    return false;
}

/* ---- entries ---- */

static void set_text(char **at, struct str s)
{
    size_t n = s.n > TEXT_MAX ? TEXT_MAX : s.n;

    while (n && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    free(*at);
    *at = mem_alloc(n + 1);
    if (n)
        memcpy(*at, s.p, n);
    (*at)[n] = '\0';
}

/* The entry of a rule and an integration, or NULL: there is none, and it is not to be made, or there are too many. */
static struct alert *entry(struct book *b, int rule, struct str integration, bool make)
{
    char room[400];
    int n = snprintf(room, sizeof room, "%d/" STR_FMT, rule, STR_ARG(str_sub(integration, 0, 300)));
    struct str key = {room, (size_t)n};
    size_t i = map_get(b->by_key, key);

    if (i != MAP_NONE)
        return b->at[i];
    if (!make || b->n == ALERTS_MAX)
        return NULL;
    b->at = mem_grow(b->at, (b->n + 1) * sizeof(struct alert *));
    b->at[b->n] = mem_zero(sizeof(struct alert));
    b->at[b->n]->rule = rule;
    set_text(&b->at[b->n]->integration, str_sub(integration, 0, 300));
    set_text(&b->at[b->n]->text, S(""));
    map_put(b->by_key, key, b->n);
    return b->at[b->n++];
}

void book_restore(struct book *b, const struct alert *stored)
{
    struct alert *al = entry(b, stored->rule, str_of(stored->integration), true);

    book_next_id(b, stored->id + 1);
    if (!al)
        return;
    char *integration = al->integration, *text = al->text;

    *al = *stored;
    al->integration = integration;
    al->text = text;
    al->dirty = false;
    set_text(&al->text, str_of(stored->text));
}

/* ---- changes ---- */

static void tell(struct book *b, struct alert *al, enum notice_kind kind, int64_t now)
{
    b->port.notice(b->port.ctx, al, kind, now);
    al->update_ms = kind == NOTICE_FIRED ? FIRST_UPDATE_MS : al->update_ms * 2;
    al->update_ms = al->update_ms > LAST_UPDATE_MS ? LAST_UPDATE_MS : al->update_ms;
    al->told_ms = now;
    al->told_count = al->count;
    al->dirty = true;
}

static void move(struct book *b, struct alert *al, int state)
{
    al->state = state;
    al->dirty = true;
    b->port.changed(b->port.ctx, al);
}

static void end(struct book *b, struct alert *al, int64_t now, bool quietly)
{
    if (al->state == ALERT_FIRING) {
        if (al->told_ms && !quietly)
            tell(b, al, NOTICE_RESOLVED, now);
        b->port.ended(b->port.ctx, al, now);
    }
    move(b, al, ALERT_CLEAR);
}

static void begin(struct book *b, struct alert *al, int64_t now)
{
    al->id = b->next_id++;
    al->since_ms = now;
    al->fired_ms = al->off_ms = al->told_ms = al->update_ms = al->count = al->told_count = 0;
    al->silenced = false;
    set_text(&al->text, S(""));
    move(b, al, ALERT_PENDING);
}

static void maybe_tell(struct book *b, struct alert *al, const struct alert_policy *p, int64_t now)
{
    bool grew = al->count > al->told_count;

    al->silenced = is_silenced(b, al, now);
    if (al->silenced)
        return;
    if (!al->told_ms)
        tell(b, al, NOTICE_FIRED, now);
    else if ((grew && now - al->told_ms >= al->update_ms) || (p->repeat_ms && now - al->told_ms >= p->repeat_ms))
        tell(b, al, NOTICE_MORE, now);
}

/* What time alone does to an alert. */
static void age(struct book *b, struct alert *al, int64_t now)
{
    const struct alert_policy *p = alert_policy_for(b->settings, al->rule, str_of(al->integration));
    const struct ending *e = &endings[al->rule];

    if (al->state == ALERT_CLEAR)
        return;
    if (p->off) {
        end(b, al, now, true);
        return;
    }
    al->severity = p->severity;
    if (al->state == ALERT_PENDING && now - al->since_ms >= p->for_ms) {
        al->fired_ms = now;
        move(b, al, ALERT_FIRING);
    }
    if (al->state != ALERT_FIRING)
        return;
    if ((al->off_ms && now - al->off_ms >= e->clear_ms) || (e->lasts_ms && now - al->last_ms >= e->lasts_ms))
        end(b, al, now, false);
    else
        maybe_tell(b, al, p, now);
}

static void held(struct book *b, struct alert *al, const struct observation *o, int64_t limit, int64_t now)
{
    if (al->state == ALERT_CLEAR)
        begin(b, al, now);
    al->off_ms = 0;
    al->last_ms = now;
    al->count += o->times;
    al->value = o->value;
    al->base = o->base;
    al->limit = limit;
    if (o->text.n)
        set_text(&al->text, o->text);
    al->dirty = true;
}

void book_observe(struct book *b, const struct observation *given, int64_t now)
{
    const struct alert_policy *p = alert_policy_for(b->settings, given->rule, given->integration);
    struct alert *al = entry(b, given->rule, given->integration, false);
    struct observation o = *given;
    bool on;

    if (o.value == ALERT_MORE)
        o.value = (al && al->state != ALERT_CLEAR ? al->value : 0) + o.times;
    on = !p->off && rule_holds(p, &o);
    if (on && !al)
        al = entry(b, o.rule, o.integration, true);
    if (!al)
        return;
    if (on)
        held(b, al, &o, rule_limit(p, &o), now);
    else if (al->state == ALERT_PENDING)
        end(b, al, now, true);
    else if (al->state == ALERT_FIRING && !al->off_ms)
        al->off_ms = now;
    age(b, al, now);
}

void book_forget(struct book *b, struct str integration, int64_t now)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->at[i]->state != ALERT_CLEAR && str_eq(str_of(b->at[i]->integration), integration))
            end(b, b->at[i], now, true);
}

void book_tick(struct book *b, int64_t now)
{
    for (size_t i = 0; i < b->n; i++)
        age(b, b->at[i], now);
}
