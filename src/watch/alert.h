/* Alerts: figures and events come in, people are told. One object a process, with a thread of its own that judges,
 * remembers (.sluice/alerts.db) and delivers; every function here may be called from any thread and is quick, unless it
 * says otherwise. */
#ifndef WATCH_ALERT_H
#define WATCH_ALERT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/event.h"
#include "project/alerts.h"

struct alerts;

struct alerts_options {
    const char *project_dir, *state_dir;   /* for secrets and for alerts.db; copied */
    const struct alert_settings *settings; /* copied, as `zone` is opened anew */
    const struct zone *zone;
    struct str project; /* its name, for messages */
    bool passive;       /* only for looking, silencing and tests: nothing is judged, and nothing sent but tests */
    struct str link;    /* address of the dashboard, no slash at its end; empty: no links */
    const struct clock *clock; /* kept */
    /* Hears of each change of state: the alert as in alerts_json_firing ("resolved" at its end). On the alerts' thread,
     * under its lock: it may call nothing here. NULL: nobody. */
    void (*changed)(void *ctx, struct str json);
    void *ctx;
};

/* Opens the database (made if need be), goes on with what it holds, starts the thread. ERR_DISK, ERR_SECRET (a
 * reference of a channel that cannot be resolved: that channel is left broken and told, the call succeeds). */
enum err alerts_open(const struct alerts_options *o, struct alerts **ret, struct errinfo *ei) MUST_USE;
/* After a reload of the project: other channels, rules, hours. States and messages stay. */
void alerts_settings(struct alerts *a, const struct alert_settings *settings, const struct zone *zone);
/* Keeps what is left, ends the thread within 2 s; what is under way is delivered after the next start. NULL is fine. */
void alerts_close(struct alerts *a);

/* A figure, to be told every few seconds, whatever it is: the rule decides. `value`, `base` by rule:
 *   run_failed      1 failed for good, 0 went well
 *   source_down, target_down, schema_drift   1 yes, 0 no
 *   stale           how far behind, ms; base: its schedule's period, ms (0: it has none: never fires)
 *   dead_letters, found_missing              how many are open
 *   no_data         since the last record, ms; base: the usual gap, ms (0: never fires)
 *   quota, disk     percent used
 *   token_expiring  ms left
 *   clock_skew      ms, either sign */
#define ALERT_MORE INT64_MIN /* as value: what was known before, and `times` more */
struct observation {
    int rule;               /* enum alert_rule */
    struct str integration; /* empty for disk and what concerns all; for quota, token, skew: one that uses it */
    int64_t value, base;
    int64_t times;   /* how many errors it stands for; 0: it is a state, not a happening */
    struct str text; /* what the other side said, for a person; may be empty, is masked and cut */
};
void alert_observe(struct alerts *a, const struct observation *o);
/* An integration is gone, disabled or paused: what fires for it ends without a word. */
void alert_forget(struct alerts *a, struct str integration);
/* Turns events into observations: runs that ended, circuits, dead letters, found missing, drift. */
struct listener alert_listener(struct alerts *a);

/* ---- for the API; each appends one JSON object ---- */

/* In whose language people's words are: the settings', or the one of who asks. */
enum alert_language { ALERT_LANGUAGE_SET, ALERT_LANGUAGE_ZH, ALERT_LANGUAGE_EN };

/* {"alerts":[{id,rule,severity,state:"pending"|"firing",integration,since,fired,count,value,over,summary,detail,action,
 * link,silenced}]}, the worst first */
void alerts_json_firing(struct alerts *a, enum alert_language language, struct buf *out);
struct alert_page {
    size_t limit;
    int64_t before; /* the `next` of the answer before, 0 for the first */
    enum alert_language language;
};
/* {"alerts":[…, state "resolved", with "ended"],"next"}; newest first. ERR_DISK. */
enum err alerts_json_history(struct alerts *a, const struct alert_page *page, struct buf *out,
                             struct errinfo *ei) MUST_USE;
/* {"rules":[…]} as they are in force */
void alerts_json_rules(struct alerts *a, enum alert_language language, struct buf *out);
void alerts_json_channels(struct alerts *a, struct buf *out); /* {"channels":[…]}, masked */
void alerts_json_silences(struct alerts *a, struct buf *out); /* {"silences":[{id,rule,integration,until,…}]} */

struct silence {
    int64_t id;
    int rule;               /* -1: every rule */
    struct str integration; /* empty: every one; a pattern with * and ? */
    int64_t until_ms;
    struct str comment, user;
};
/* ERR_USAGE (until lies behind us, or too far ahead), ERR_DISK. */
enum err alerts_silence(struct alerts *a, const struct silence *s, int64_t *ret_id, struct errinfo *ei) MUST_USE;
enum err alerts_unsilence(struct alerts *a, int64_t id, struct errinfo *ei) MUST_USE; /* ERR_USAGE: there is none */
/* Sends a test message and waits for what comes back, at most its time-out: not quick. ERR_USAGE: no such channel; what
 * the other side said otherwise. */
enum err alerts_test(struct alerts *a, struct str channel, struct errinfo *ei) MUST_USE;

/* How many alerts fire now. */
size_t alerts_firing(struct alerts *a);

#endif
