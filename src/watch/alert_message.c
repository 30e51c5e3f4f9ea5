/* One message of many notices.
 *
 * Of each alert only the last word counts: what fired and ended while the channel was down is told once, as ended, with
 * its times. A few alerts are told one by one with all that a person needs; many are told by rule, with exact numbers
 * first and as many names as fit. */
#include "watch/alert_message.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/map.h"
#include "base/num.h"
#include "base/product.h"
#include "watch/alert_text.h"

#include <stdlib.h>

#define ONE_BY_ONE       3   /* so many alerts are told in full */
#define JSON_ALERTS      100 /* of a generic webhook's list */
#define TAIL_BYTES       400 /* kept for the last lines: how many more, and the link */
#define DETAIL_BYTES     300
#define DIGEST_MAX_BYTES ((size_t)512 << 20)

struct digest_list *digest_list_new(void)
{
    struct digest_list *d = mem_zero(sizeof *d);

    d->a = arena_new(DIGEST_MAX_BYTES);
    d->by_alert = map_new_copying((size_t)64 << 20);
    return d;
}

void digest_list_free(struct digest_list *d)
{
    if (!d)
        return;
    free(d->at);
    map_free(d->by_alert);
    arena_free(d->a);
    free(d);
}

void digest_list_add(struct digest_list *d, const struct notice *n)
{
    struct str key = {(const char *)&n->alert, sizeof n->alert};
    size_t i = map_get(d->by_alert, key);
    struct item *it;

    if (i == MAP_NONE) {
        i = d->n;
        if (d->n == d->cap) {
            d->cap = d->cap ? d->cap * 2 : 16;
            d->at = mem_grow(d->at, d->cap * sizeof *d->at);
        }
        d->at[d->n++] = (struct item){0};
        map_put(d->by_alert, key, i);
    }
    it = &d->at[i];
    it->first |= n->kind == NOTICE_FIRED;
    it->n = *n;
    it->n.integration = arena_str(d->a, n->integration);
    it->n.text = arena_str(d->a, n->text);
    it->resolved = n->kind == NOTICE_RESOLVED;
    it->ended_ms = n->at_ms;
}

/* Firing first, then the worst, then by rule and name. */
static int by_weight(const void *x, const void *y)
{
    const struct item *a = x, *b = y;

    if (a->resolved != b->resolved)
        return a->resolved ? 1 : -1;
    if (a->n.severity != b->n.severity)
        return b->n.severity - a->n.severity;
    if (a->n.rule != b->n.rule)
        return a->n.rule - b->n.rule;
    return str_cmp(a->n.integration, b->n.integration);
}

void digest_list_done(struct digest_list *d)
{
    if (d->n)
        qsort(d->at, d->n, sizeof *d->at, by_weight);
    for (size_t i = 0; i < d->n; i++) {
        const struct item *it = &d->at[i];

        d->n_resolved += it->resolved;
        d->n_firing += !it->resolved;
        if (it->resolved)
            continue;
        d->errors += it->n.count;
        d->severity = it->n.severity > d->severity ? it->n.severity : d->severity;
    }
}

static struct figures figures(const struct notice *n)
{
    return (struct figures){n->rule, n->integration, n->value, n->base, n->limit, n->count};
}

static const char *either(const struct message_context *c, const char *en, const char *zh)
{
    return c->chinese ? zh : en;
}

/* ---- title ---- */

void message_title(const struct message_context *c, const struct digest_list *d, struct buf *out)
{
    const struct item *it = d->at;

    if (!d->n_firing)
        buf_add(out, str_of(either(c, "[resolved] ", "【恢复】")));
    else
        buf_printf(out, c->chinese ? "【%s】" : "[%s] ", severity_title(d->severity, c->chinese));
    if (d->n == 1) {
        if (it->n.integration.n) {
            text_safe(it->n.integration, 120, out);
            buf_add(out, str_of(either(c, ": ", "：")));
        }
        buf_add(out, str_of(rule_title(it->n.rule, c->chinese)));
        return;
    }
    if (d->n_firing)
        buf_printf(out, either(c, "%zu alerts", "%zu 项告警"), d->n_firing);
    if (d->n_resolved)
        buf_printf(out, either(c, "%s%zu resolved", "%s%zu 项恢复"), d->n_firing ? either(c, ", ", "，") : "",
                   d->n_resolved);
}

/* ---- lines ---- */

static void clock_time(const struct message_context *c, int64_t ms, struct buf *out)
{
    char text[TIME_TEXT];
    size_t n;

    if (time_strftime(c->zone, ms / 1000, S("%m-%d %H:%M"), text, sizeof text, &n))
        buf_add(out, str_mk(text, n));
}

static void label(const struct message_context *c, bool bold, const char *en, const char *zh, struct buf *out)
{
    buf_printf(out, bold ? "**%s**%s" : "%s%s", either(c, en, zh), either(c, ": ", "："));
}

static void line_end(bool bold, struct buf *out)
{
    buf_add(out, bold ? S("\n\n") : S("\n"));
}

static void since_line(const struct message_context *c, const struct item *it, bool bold, struct buf *out)
{
    label(c, bold, "Since", "开始", out);
    clock_time(c, it->n.since_ms, out);
    if (it->resolved) {
        buf_add(out, str_of(either(c, ", ended ", "，恢复 ")));
        clock_time(c, it->ended_ms, out);
    }
    buf_add(out, str_of(either(c, " (", "（")));
    text_span((it->resolved ? it->ended_ms : c->now_ms) - it->n.since_ms, c->chinese, out);
    buf_add(out, str_of(either(c, ")", "）")));
    line_end(bold, out);
}

static void one_item(const struct message_context *c, const struct item *it, bool bold, struct buf *out)
{
    struct figures f = figures(&it->n);

    if (it->resolved)
        buf_add(out, str_of(either(c, "Resolved: ", "已恢复：")));
    rule_summary(&f, c->chinese, out);
    line_end(bold, out);
    since_line(c, it, bold, out);
    if (it->resolved)
        return;
    if (it->n.text.n) {
        label(c, bold, "Detail", "详情", out);
        text_safe(it->n.text, DETAIL_BYTES, out);
        line_end(bold, out);
    }
    label(c, bold, PRODUCT, PRODUCT, out);
    buf_add(out, str_of(rule_doing(it->n.rule, c->chinese)));
    line_end(bold, out);
    label(c, bold, "To do", "请您", out);
    buf_add(out, str_of(rule_action(it->n.rule, c->chinese)));
    line_end(bold, out);
}

/* The items from `i` on that share a rule and whether they are over. */
static size_t group_end(const struct digest_list *d, size_t i)
{
    size_t k = i;

    while (k < d->n && d->at[k].n.rule == d->at[i].n.rule && d->at[k].resolved == d->at[i].resolved &&
           d->at[k].n.severity == d->at[i].n.severity)
        k++;
    return k;
}

static void group_names(const struct message_context *c, const struct digest_list *d, size_t from, size_t to,
                        struct buf *out)
{
    size_t shown = 0, room = 300 + out->n;

    for (size_t i = from; i < to && out->n < room; i++, shown++) {
        if (shown)
            buf_add(out, str_of(either(c, ", ", "、")));
        text_safe(d->at[i].n.integration.n ? d->at[i].n.integration : S("-"), 80, out);
    }
    if (from + shown < to)
        buf_printf(out, either(c, " and %zu more", " 等 %zu 项"), c->chinese ? to - from : to - from - shown);
}

static void group(const struct message_context *c, const struct digest_list *d, size_t from, bool bold, struct buf *out)
{
    const struct item *it = &d->at[from];
    size_t to = group_end(d, from);
    int64_t errors = 0;

    for (size_t i = from; i < to; i++)
        errors += d->at[i].n.count;
    if (it->resolved)
        buf_add(out, str_of(either(c, "Resolved: ", "已恢复：")));
    else
        buf_printf(out, c->chinese ? "【%s】" : "[%s] ", severity_title(it->n.severity, c->chinese));
    buf_printf(out, bold ? "**%s** × %zu" : "%s × %zu", rule_title(it->n.rule, c->chinese), to - from);
    if (errors && !it->resolved)
        buf_printf(out, either(c, " (%lld errors)", "（共 %lld 次错误）"), (long long)errors);
    buf_add(out, str_of(either(c, ": ", "：")));
    group_names(c, d, from, to, out);
    line_end(bold, out);
    if (it->resolved)
        return;
    label(c, bold, "To do", "请您", out);
    buf_add(out, str_of(rule_action(it->n.rule, c->chinese)));
    line_end(bold, out);
}

static void head(const struct message_context *c, const struct digest_list *d, bool bold, struct buf *out)
{
    buf_printf(out, either(c, "%zu firing, %zu resolved", "告警 %zu 项，恢复 %zu 项"), d->n_firing, d->n_resolved);
    if (d->errors)
        buf_printf(out, either(c, ", %lld errors in all", "，共 %lld 次错误"), (long long)d->errors);
    line_end(bold, out);
}

static void add_link(const struct message_context *c, struct str integration, struct buf *out)
{
    if (!c->link.n)
        return;
    buf_add(out, c->link);
    if (!integration.n) {
        buf_add(out, S("/alerts"));
        return;
    }
    buf_add(out, S("/integrations/"));
    url_encode(integration, out);
}

static void tail(const struct message_context *c, const struct digest_list *d, bool bold, struct buf *out)
{
    struct buf link = buf_make(4096);

    add_link(c, d->n == 1 ? d->at[0].n.integration : (struct str){0}, &link);
    if (link.n && link.n < TAIL_BYTES / 2)
        buf_printf(out, bold ? "[%s](%s)\n\n" : "%s: %s\n", either(c, "Dashboard", "打开面板"), buf_cstr(&link));
    buf_free(&link);
    buf_add(out, str_of(either(c, "Project ", "项目 ")));
    text_safe(c->project, 64, out);
}

/* Adds what was written to `part` when it fits. */
static bool take_part(struct buf *part, size_t max_bytes, struct buf *out)
{
    bool fits = !part->failed && out->n + part->n + TAIL_BYTES <= max_bytes;

    if (fits)
        buf_add(out, buf_str(part));
    buf_clear(part);
    return fits;
}

void message_body(const struct message_context *c, const struct digest_list *d, size_t max_bytes, bool bold,
                  struct buf *out)
{
    struct buf part = buf_make(1u << 16), whole = buf_make(max_bytes + 1);
    bool in_full = d->n <= ONE_BY_ONE;
    size_t i = 0;

    if (d->n > 1)
        head(c, d, bold, &whole);
    while (i < d->n) {
        size_t to = in_full ? i + 1 : group_end(d, i);

        if (in_full)
            one_item(c, &d->at[i], bold, &part);
        else
            group(c, d, i, bold, &part);
        if (!take_part(&part, max_bytes, &whole))
            break;
        i = to;
    }
    if (i < d->n) {
        buf_printf(&whole, either(c, "… and %zu more alerts", "……另有 %zu 项"), d->n - i);
        line_end(bold, &whole);
    }
    tail(c, d, bold, &whole);
    text_cut(buf_str(&whole), max_bytes, out);
    buf_free(&whole);
    buf_free(&part);
}

/* ---- JSON ---- */

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

static void time_member(const struct message_context *c, struct json_out *w, const char *key, int64_t ms)
{
    char text[TIME_TEXT];

    json_out_key(w, key);
    json_out_str(w, str_mk(text, time_rfc3339(c->zone, ms - ms % 1000, text)));
}

void message_alert_json(const struct message_context *c, const struct notice *n, const char *state, struct json_out *w)
{
    struct figures f = figures(n);
    struct buf b = buf_make(1u << 14);
    char id[24];

    text_member(w, "id", str_mk(id, num_print_i64(n->alert, id)));
    text_member(w, "rule", str_of(alert_rule_names[n->rule]));
    text_member(w, "severity", str_of(alert_severity_names[n->severity]));
    text_member(w, "state", str_of(state));
    text_member(w, "integration", n->integration);
    time_member(c, w, "since", n->since_ms);
    int_member(w, "count", n->count);
    rule_summary(&f, c->chinese, &b);
    text_member(w, "summary", buf_str(&b));
    buf_clear(&b);
    text_safe(n->text, 500, &b);
    text_member(w, "detail", buf_str(&b));
    text_member(w, "action", str_of(rule_action(n->rule, c->chinese)));
    buf_clear(&b);
    add_link(c, n->integration, &b);
    text_member(w, "link", buf_str(&b));
    buf_free(&b);
}

static const char *state_of(const struct item *it)
{
    return it->resolved ? "resolved" : "firing";
}

/* The members of the object for several alerts at once. */
static void many_json(const struct message_context *c, const struct digest_list *d, struct str key, struct json_out *w)
{
    struct buf b = buf_make(1u << 16);
    int64_t since = d->at[0].n.since_ms;

    for (size_t i = 0; i < d->n; i++)
        since = d->at[i].n.since_ms < since ? d->at[i].n.since_ms : since;
    text_member(w, "id", key);
    text_member(w, "rule", S("several"));
    text_member(w, "severity", str_of(alert_severity_names[d->severity]));
    text_member(w, "state", d->n_firing ? S("firing") : S("resolved"));
    text_member(w, "integration", S(""));
    time_member(c, w, "since", since);
    int_member(w, "count", d->errors);
    message_title(c, d, &b);
    text_member(w, "summary", buf_str(&b));
    buf_clear(&b);
    message_body(c, d, 8000, false, &b);
    text_member(w, "detail", buf_str(&b));
    text_member(w, "action", str_of(rule_action(d->at[0].n.rule, c->chinese)));
    buf_clear(&b);
    add_link(c, (struct str){0}, &b);
    text_member(w, "link", buf_str(&b));
    buf_free(&b);
}

static void groups_json(const struct digest_list *d, struct json_out *w)
{
    json_out_key(w, "rules");
    json_out_begin(w, '[');
    for (size_t i = 0, to; i < d->n; i = to) {
        int64_t errors = 0;

        to = group_end(d, i);
        for (size_t k = i; k < to; k++)
            errors += d->at[k].n.count;
        json_out_begin(w, '{');
        text_member(w, "rule", str_of(alert_rule_names[d->at[i].n.rule]));
        text_member(w, "state", str_of(state_of(&d->at[i])));
        int_member(w, "alerts", (int64_t)(to - i));
        int_member(w, "count", errors);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
}

void message_json(const struct message_context *c, const struct digest_list *d, struct str key, struct buf *out)
{
    struct json_out w = json_out(out);

    json_out_begin(&w, '{');
    if (d->n == 1) {
        message_alert_json(c, &d->at[0].n, state_of(&d->at[0]), &w);
    } else {
        many_json(c, d, key, &w);
        groups_json(d, &w);
        json_out_key(&w, "alerts");
        json_out_begin(&w, '[');
        for (size_t i = 0; i < d->n && i < JSON_ALERTS; i++) {
            json_out_begin(&w, '{');
            message_alert_json(c, &d->at[i].n, state_of(&d->at[i]), &w);
            json_out_end(&w, '}');
        }
        json_out_end(&w, ']');
    }
    text_member(&w, "project", c->project);
    json_out_end(&w, '}');
}
