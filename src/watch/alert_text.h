/* The words of alerts, in Chinese and English, and what makes foreign text harmless in a message. */
#ifndef WATCH_ALERT_TEXT_H
#define WATCH_ALERT_TEXT_H

#include "base/buf.h"
#include "base/clock.h"
#include "project/alerts.h"

/* Figures of one alert, for its words. */
struct figures {
    int rule;
    struct str integration;
    int64_t value, base, limit, count;
};

const char *rule_title(int rule, bool chinese);         /* "target database is down" */
const char *severity_title(int severity, bool chinese); /* "critical" */
const char *rule_doing(int rule, bool chinese);         /* what sluice does about it */
const char *rule_action(int rule, bool chinese);        /* what a person should do */
/* One sentence with the figures: "orders is 25 min behind (limit 15 min)". Appends; the integration is escaped. */
void rule_summary(const struct figures *f, bool chinese, struct buf *out);

void text_span(int64_t ms, bool chinese, struct buf *out); /* "25 min", "3 h 5 min", "2 d 4 h" */
/* Appends text from outside: one line; nothing in it is a link, an @, a tag or emphasis; telephone numbers, identity
 * card numbers and mail addresses are masked, and so are secrets. At most max_bytes, cut at a character. */
void text_safe(struct str s, size_t max_bytes, struct buf *out);
/* Appends at most max_bytes of s, whole characters. */
void text_cut(struct str s, size_t max_bytes, struct buf *out);

#endif
