/* From what a channel is to be told to one message: merged, ordered, worded, within the channel's length. */
#ifndef WATCH_ALERT_MESSAGE_H
#define WATCH_ALERT_MESSAGE_H

#include "base/json.h"
#include "watch/alert_store.h"

struct message_context {
    bool chinese;
    struct str project, link; /* link: of the dashboard, or empty */
    const struct zone *zone;
    int64_t now_ms;
};

/* One alert in a message: the last that is to be told of it. */
struct item {
    struct notice n;      /* texts in the digest's arena */
    bool resolved, first; /* over by now; told for the first time */
    int64_t ended_ms;
};
struct digest_list {
    struct arena *a;
    struct item *at;
    size_t n, cap, n_firing, n_resolved;
    int64_t errors; /* of those that fire, together */
    int severity;   /* the worst of those that fire; SEVERITY_INFO when none does */
    struct map *by_alert;
};

struct digest_list *digest_list_new(void);
void digest_list_free(struct digest_list *d);
void digest_list_add(struct digest_list *d, const struct notice *n); /* in the order of their numbers; copies */
void digest_list_done(struct digest_list *d);                        /* orders and counts; before the functions below */

/* "[critical] orders: target is down", "[critical] 12 alerts, 1 resolved" */
void message_title(const struct message_context *c, const struct digest_list *d, struct buf *out);
/* What, since when, how bad, what is being done, what to do, a link: at most max_bytes. Where not all fits, the counts
 * stay exact and the rest is summed up. `bold`: what the robots call markdown. */
void message_body(const struct message_context *c, const struct digest_list *d, size_t max_bytes, bool bold,
                  struct buf *out);
/* The object of a generic webhook; of several alerts that of all together, with "alerts" (the first 100) and "rules".
 */
void message_json(const struct message_context *c, const struct digest_list *d, struct str key, struct buf *out);
/* The members of one alert, without the braces. */
void message_alert_json(const struct message_context *c, const struct notice *n, const char *state, struct json_out *w);
#endif
