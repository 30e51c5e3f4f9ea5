/* `alerts` of sluice.json: channels, rules, quiet hours. Read and checked here, run in watch/. Everything lies in the
 * project's arena; secrets are as written, references unresolved. */
#ifndef PROJECT_ALERTS_H
#define PROJECT_ALERTS_H

#include "base/conf.h"

enum alert_rule {
    ALERT_RUN_FAILED,
    ALERT_SOURCE_DOWN,
    ALERT_TARGET_DOWN,
    ALERT_STALE,
    ALERT_DEAD_LETTERS,
    ALERT_FOUND_MISSING,
    ALERT_NO_DATA,
    ALERT_QUOTA,
    ALERT_TOKEN_EXPIRING,
    ALERT_SCHEMA_DRIFT,
    ALERT_DISK,
    ALERT_CLOCK_SKEW,
    ALERT_RULES
};
enum alert_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };
extern const char *const alert_rule_names[];     /* NULL-terminated, by enum alert_rule */
extern const char *const alert_severity_names[]; /* NULL-terminated */

/* How a rule is applied: the row of the table below, or what an entry of "rules" makes of it. */
struct alert_policy {
    int rule, severity;   /* enum alert_rule, enum alert_severity */
    bool off;             /* never fires */
    int64_t factor, over; /* what the figure is held against, see alert_defaults */
    int64_t for_ms;       /* the condition holds that long before it fires */
    int64_t repeat_ms;    /* told again that often while it fires; 0: never */
    struct strs channels; /* n 0: all */
    struct strs patterns; /* integrations, with * and ?; n 0: all */
};
/* What holds without any entry, by rule. `over` counts records (dead_letters, found_missing), percent (quota, disk),
 * hours left (token_expiring), seconds (clock_skew); `factor` multiplies the schedule (stale) or the usual gap
 * (no_data). */
extern const struct alert_policy alert_defaults[ALERT_RULES];
/* Which of the two a rule has. */
bool alert_rule_has_factor(int rule);
bool alert_rule_has_over(int rule);

enum channel_type { CHANNEL_DINGTALK, CHANNEL_WECOM, CHANNEL_FEISHU, CHANNEL_SMTP, CHANNEL_WEBHOOK, CHANNEL_COMMAND };
extern const char *const channel_type_names[]; /* NULL-terminated */

struct alert_channel {
    struct str name;
    int type; /* enum channel_type */
    struct pos pos;
    struct str url;    /* webhook or url */
    struct str secret; /* signs; may be empty */
    struct str user, password, from, ca_file, keyword;
    struct strs at, to, argv;
    int64_t timeout_ms;
};

struct alert_settings {
    bool chinese;
    const struct alert_channel *channels;
    size_t n_channels;
    const struct alert_policy *policies; /* in the order written: the first that fits an integration counts */
    size_t n_policies;
    bool has_quiet;
    int quiet_from_min, quiet_to_min; /* minutes of the day in the project's zone; from > to: over midnight */
    int quiet_except;                 /* severities from here on are told at once; SEVERITY_CRITICAL + 1: none */
};

/* The policy of a rule for an integration ("" for what concerns no single one). Never NULL. */
const struct alert_policy *alert_policy_for(const struct alert_settings *s, int rule, struct str integration);
bool alert_pattern_fits(struct str pattern, struct str name); /* * any text, ? one character */

/* Reads the object (NULL: all defaults) into `a`. `known`: the names of all integrations, for patterns; n 0: they were
 * not all read, patterns are not looked at. Problems go to `diags`. */
const struct alert_settings *alert_settings_read(const struct node *alerts, struct strs known, bool chinese,
                                                 struct arena *a, struct diags *diags);
/* The members of the object "alerts", for the schema. */
#define ALERT_MEMBERS 4
extern const struct field_spec alert_members[ALERT_MEMBERS];

#endif
