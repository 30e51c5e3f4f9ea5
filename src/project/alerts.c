/* `alerts` of sluice.json. Each kind of object has a table; what a table cannot say is checked behind it: channels that
 * rules name, patterns that fit nothing, entries that never count, hours, addresses, literal secrets.
 *
 * An entry of "rules" changes a rule for the integrations that its patterns name and leaves it as it is for all others.
 * So nothing is switched off by accident: only "off" does that. Of several entries the first that fits counts; one
 * behind an entry for all integrations is an error, because it would never count. */
#include "project/alerts.h"

#include "base/num.h"
#include "base/product.h"
#include "project/project.h"
#include "project/secret.h"

#include <string.h>

#define AT(type, member) offsetof(struct type, member)
#define COUNT(array)     (sizeof(array) / sizeof *(array))
#define MINUTE_MS        INT64_C(60000)
#define HOUR_MS          INT64_C(3600000)
#define CHANNELS_MAX     64
#define RULES_MAX        1000

const char *const alert_rule_names[] = {"run_failed",    "source_down", "target_down", "stale",          "dead_letters",
                                        "found_missing", "no_data",     "quota",       "token_expiring", "schema_drift",
                                        "disk",          "clock_skew",  NULL};
const char *const alert_severity_names[] = {"info", "warning", "critical", NULL};
const char *const channel_type_names[] = {"dingtalk", "wecom", "feishu", "smtp", "webhook", "command", NULL};

static const char *const language_names[] = {"zh", "en", NULL};
static const char *const except_names[] = {"info", "warning", "critical", "none", NULL};

#define ROW(r, s, f, o, wait, again)                                                                                   \
    [r] = {.rule = r, .severity = s, .factor = f, .over = o, .for_ms = wait, .repeat_ms = again}
const struct alert_policy alert_defaults[ALERT_RULES] = {
    ROW(ALERT_RUN_FAILED, SEVERITY_CRITICAL, 0, 0, 0, 4 * HOUR_MS),
    ROW(ALERT_SOURCE_DOWN, SEVERITY_WARNING, 0, 0, 2 * MINUTE_MS, 4 * HOUR_MS),
    ROW(ALERT_TARGET_DOWN, SEVERITY_CRITICAL, 0, 0, MINUTE_MS, 4 * HOUR_MS),
    ROW(ALERT_STALE, SEVERITY_CRITICAL, 3, 0, MINUTE_MS, 4 * HOUR_MS),
    ROW(ALERT_DEAD_LETTERS, SEVERITY_WARNING, 0, 0, 0, 12 * HOUR_MS),
    ROW(ALERT_FOUND_MISSING, SEVERITY_WARNING, 0, 0, 0, 12 * HOUR_MS),
    ROW(ALERT_NO_DATA, SEVERITY_WARNING, 5, 0, 0, 12 * HOUR_MS),
    ROW(ALERT_QUOTA, SEVERITY_WARNING, 0, 90, 5 * MINUTE_MS, 12 * HOUR_MS),
    ROW(ALERT_TOKEN_EXPIRING, SEVERITY_WARNING, 0, 72, 0, 24 * HOUR_MS),
    ROW(ALERT_SCHEMA_DRIFT, SEVERITY_WARNING, 0, 0, 0, 24 * HOUR_MS),
    ROW(ALERT_DISK, SEVERITY_CRITICAL, 0, 90, MINUTE_MS, 4 * HOUR_MS),
    ROW(ALERT_CLOCK_SKEW, SEVERITY_WARNING, 0, 30, 5 * MINUTE_MS, 12 * HOUR_MS),
};

bool alert_rule_has_factor(int rule)
{
    return alert_defaults[rule].factor > 0;
}

bool alert_rule_has_over(int rule)
{
    return rule == ALERT_DEAD_LETTERS || rule == ALERT_FOUND_MISSING || alert_defaults[rule].over > 0;
}

/* ---- tables ---- */

struct rule_raw {
    struct alert_policy p;
};
struct quiet_raw {
    struct str from, to;
    int except;
};
struct alerts_raw {
    int language; /* -1: not given */
    const struct node *channels, *rules, *quiet;
};

static const struct field_spec channel_fields[] = {
    {.name = "type",
     .type = FIELD_ENUM,
     .offset = AT(alert_channel, type),
     .names = channel_type_names,
     .required = true,
     .help = "What kind of channel it is."},
    {.name = "webhook",
     .type = FIELD_STRING,
     .offset = AT(alert_channel, url),
     .help = "dingtalk, wecom, feishu: the robot's address; a secret."},
    {.name = "url",
     .type = FIELD_STRING,
     .offset = AT(alert_channel, url),
     .help = "webhook: where it is posted to; smtp: smtps://HOST:465, or smtp://HOST:587 with STARTTLS."},
    {.name = "secret",
     .type = FIELD_STRING,
     .offset = AT(alert_channel, secret),
     .help = "dingtalk, feishu, webhook: signs each message."},
    {.name = "keyword",
     .type = FIELD_STRING,
     .offset = AT(alert_channel, keyword),
     .help = "dingtalk, feishu: the word that the robot wants in each message, if it wants one."},
    {.name = "at",
     .type = FIELD_STRINGS,
     .offset = AT(alert_channel, at),
     .help = "dingtalk, wecom: telephone numbers of those to mention when something critical fires."},
    {.name = "user", .type = FIELD_STRING, .offset = AT(alert_channel, user), .help = "smtp: the account."},
    {.name = "password", .type = FIELD_STRING, .offset = AT(alert_channel, password), .help = "smtp: its password."},
    {.name = "from", .type = FIELD_STRING, .offset = AT(alert_channel, from), .help = "smtp: the sender's address."},
    {.name = "to", .type = FIELD_STRINGS, .offset = AT(alert_channel, to), .help = "smtp: who gets the mail."},
    {.name = "ca_file",
     .type = FIELD_STRING,
     .offset = AT(alert_channel, ca_file),
     .help = "A file with the certificates to trust instead of the system's."},
    {.name = "argv",
     .type = FIELD_STRINGS,
     .offset = AT(alert_channel, argv),
     .help = "command: program and arguments, no shell; {severity} {rule} {integration} {summary} {state} are replaced "
             "inside an argument."},
    {.name = "timeout",
     .type = FIELD_DURATION,
     .offset = AT(alert_channel, timeout_ms),
     .help = "How long one delivery may take (15s)."},
};

static const struct field_spec rule_fields[] = {
    {.name = "rule",
     .type = FIELD_ENUM,
     .offset = AT(rule_raw, p.rule),
     .names = alert_rule_names,
     .required = true,
     .help = "Which rule is changed."},
    {.name = "off", .type = FIELD_BOOL, .offset = AT(rule_raw, p.off), .help = "Ends it."},
    {.name = "factor",
     .type = FIELD_INT,
     .offset = AT(rule_raw, p.factor),
     .min = 1,
     .max = 100000,
     .help = "stale: how many schedules late (3); no_data: how many times five hours, or schedules if longer, without "
             "a new record (5)."},
    {.name = "over",
     .type = FIELD_INT,
     .offset = AT(rule_raw, p.over),
     .min = 0,
     .max = 1000000000,
     .help = "dead_letters, found_missing: records (0); quota, disk: percent (90); token_expiring: hours left (72); "
             "clock_skew: seconds (30)."},
    {.name = "for",
     .type = FIELD_DURATION,
     .offset = AT(rule_raw, p.for_ms),
     .help = "How long it must hold before anybody is told."},
    {.name = "severity",
     .type = FIELD_ENUM,
     .offset = AT(rule_raw, p.severity),
     .names = alert_severity_names,
     .help = "info, warning or critical."},
    {.name = "channels", .type = FIELD_STRINGS, .offset = AT(rule_raw, p.channels), .help = "Who is told (all)."},
    {.name = "repeat",
     .type = FIELD_DURATION,
     .offset = AT(rule_raw, p.repeat_ms),
     .help = "How often it is told again while it lasts; 0: never."},
    {.name = "integrations",
     .type = FIELD_STRINGS,
     .offset = AT(rule_raw, p.patterns),
     .help = "For which integrations the entry counts, * and ? allowed (all)."},
};

static const struct field_spec quiet_fields[] = {
    {.name = "from",
     .type = FIELD_STRING,
     .offset = AT(quiet_raw, from),
     .required = true,
     .help = "When quiet begins, such as 23:00, in the project's zone."},
    {.name = "to", .type = FIELD_STRING, .offset = AT(quiet_raw, to), .required = true, .help = "When it ends."},
    {.name = "except",
     .type = FIELD_ENUM,
     .offset = AT(quiet_raw, except),
     .names = except_names,
     .help = "From which severity on people are told all the same (critical); none: nobody is."},
};

const struct field_spec alert_members[ALERT_MEMBERS] = {
    {.name = "language",
     .type = FIELD_ENUM,
     .offset = AT(alerts_raw, language),
     .names = language_names,
     .help = "Language of the messages: zh or en."},
    {.name = "channels",
     .type = FIELD_NODE,
     .offset = AT(alerts_raw, channels),
     .members = channel_fields,
     .n_members = COUNT(channel_fields),
     .by_name = true,
     .help = "Where messages go, by name."},
    {.name = "rules",
     .type = FIELD_NODE,
     .offset = AT(alerts_raw, rules),
     .members = rule_fields,
     .n_members = COUNT(rule_fields),
     .help = "What is changed of the rules; all are on from the start."},
    {.name = "quiet",
     .type = FIELD_NODE,
     .offset = AT(alerts_raw, quiet),
     .members = quiet_fields,
     .n_members = COUNT(quiet_fields),
     .help = "Hours in which messages are held back, to be told in one when they end."},
};

/* ---- what is looked up ---- */

bool alert_pattern_fits(struct str pattern, struct str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, from = 0;

    while (n < name.n) {
        uint32_t cp;
        size_t step = utf8_decode(str_sub(name, n, name.n), &cp);

        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            from = n;
        } else if (p < pattern.n && pattern.p[p] == '?') {
            p++;
            n += step;
        } else if (str_starts(str_sub(pattern, p, pattern.n), str_sub(name, n, step))) {
            p += step;
            n += step;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            from += utf8_decode(str_sub(name, from, name.n), &cp);
            n = from;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

static bool fits(const struct alert_policy *p, struct str integration)
{
    if (!p->patterns.n)
        return true;
    for (size_t i = 0; i < p->patterns.n; i++)
        if (alert_pattern_fits(p->patterns.at[i], integration))
            return true;
    return false;
}

const struct alert_policy *alert_policy_for(const struct alert_settings *s, int rule, struct str integration)
{
    for (size_t i = 0; i < s->n_policies; i++)
        if (s->policies[i].rule == rule && fits(&s->policies[i], integration))
            return &s->policies[i];
    return &alert_defaults[rule];
}

/* ---- channels ---- */

struct alert_reading {
    struct arena *a;
    struct diags *diags;
    struct alert_settings *s;
    struct strs known;
};

/* Which members a type has beside "type" and "timeout": required ones begin with a "!". */
static const char *const members_of[][8] = {
    [CHANNEL_DINGTALK] = {"!webhook", "secret", "at", "keyword", "ca_file"},
    [CHANNEL_WECOM] = {"!webhook", "at", "ca_file"},
    [CHANNEL_FEISHU] = {"!webhook", "secret", "keyword", "ca_file"},
    [CHANNEL_SMTP] = {"!url", "user", "password", "!from", "!to", "ca_file"},
    [CHANNEL_WEBHOOK] = {"!url", "secret", "ca_file"},
    [CHANNEL_COMMAND] = {"!argv"},
};

static bool wrong(struct alert_reading *r, struct pos pos, const char *what, const char *remedy)
{
    diags_add(r->diags, DIAG_ERROR, pos, "%s", what);
    diags_remedy(r->diags, "%s", remedy);
    return false;
}

static bool belongs(int type, struct str key)
{
    if (str_eq(key, S("type")) || str_eq(key, S("timeout")))
        return true;
    for (size_t i = 0; i < COUNT(members_of[0]) && members_of[type][i]; i++)
        if (str_eq(key, str_of(members_of[type][i] + (members_of[type][i][0] == '!'))))
            return true;
    return false;
}

static bool check_members(struct alert_reading *r, const struct node *n, int type)
{
    bool ok = true;

    for (const struct node *m = n->child; m; m = m->next)
        if (!belongs(type, m->key)) {
            diags_add(r->diags, DIAG_ERROR, m->key_pos, "a channel of type %s has no \"" STR_FMT "\"",
                      channel_type_names[type], STR_ARG(m->key));
            ok = false;
        }
    for (size_t i = 0; i < COUNT(members_of[0]) && members_of[type][i]; i++) {
        const char *name = members_of[type][i];
        const struct node *m = name[0] == '!' ? node_get(n, name + 1) : NULL;

        if (name[0] != '!' || (m && (m->text.n || m->n_children)))
            continue;
        diags_add(r->diags, DIAG_ERROR, m ? m->pos : n->pos, "a channel of type %s needs \"%s\"",
                  channel_type_names[type], name + 1);
        ok = false;
    }
    return ok;
}

/* A secret: a reference, or a literal that is masked from now on. */
static bool check_secret(struct alert_reading *r, const struct node *n, const char *key, bool warn)
{
    const struct node *m = node_get(n, key);
    size_t errors = diags_count(r->diags, DIAG_ERROR);

    if (!m || m->type != NODE_STRING || !m->text.n)
        return true;
    if (memchr(m->text.p, '\0', m->text.n))
        return wrong(r, m->pos, "it holds a zero byte", "");
    if (!secret_is_reference(m->text, m->pos, r->diags) && diags_count(r->diags, DIAG_ERROR) == errors) {
        secret_hide(m->text);
        if (warn) {
            diags_add(r->diags, DIAG_WARNING, m->pos, "\"%s\" is a literal secret", key);
            diags_remedy(r->diags, "keep it out of the file: write ${env:NAME}, ${file:PATH}, or ${secret:NAME} after "
                                   "`" PRODUCT " secret set NAME`");
        }
    }
    return diags_count(r->diags, DIAG_ERROR) == errors;
}

static bool check_url(struct alert_reading *r, const struct node *n, const struct alert_channel *c)
{
    const struct node *m = node_get(n, c->type == CHANNEL_SMTP || c->type == CHANNEL_WEBHOOK ? "url" : "webhook");
    struct str u = c->url;

    if (c->type == CHANNEL_COMMAND || str_starts(u, S("${")))
        return true;
    if (c->type == CHANNEL_SMTP)
        return str_starts(u, S("smtps://")) || str_starts(u, S("smtp://")) ||
               wrong(r, m->pos, "it is not the address of a mail server", "write smtps://HOST:465 or smtp://HOST:587");
    return str_starts(u, S("https://")) || str_starts(u, S("http://")) ||
           wrong(r, m->pos, "it is not an address", "it begins with https://");
}

/* One @ with something on both sides, and nothing that would end an address in a header or in a command. */
static bool is_mail_address(struct str s)
{
    size_t at = str_find(s, S("@"), 0);

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("<>,;:()[]\\\"", s.p[i]))
            return false;
    return at != SIZE_MAX && at > 0 && at + 1 < s.n && str_find(s, S("@"), at + 1) == SIZE_MAX && s.n <= 254;
}

static bool check_addresses(struct alert_reading *r, const struct alert_channel *c)
{
    bool ok = true;

    for (size_t i = 0; i <= c->to.n && c->type == CHANNEL_SMTP; i++) {
        struct str s = i < c->to.n ? c->to.at[i] : c->from;

        if (!is_mail_address(s))
            ok = wrong(r, c->pos, "\"from\" and \"to\" hold plain mail addresses", "such as ops@example.com");
    }
    if (c->type == CHANNEL_COMMAND && c->argv.n && !str_starts(c->argv.at[0], S("/")))
        ok = wrong(r, c->pos, "the program of \"argv\" has no whole path", "write it from / on; no shell looks for it");
    return ok;
}

static bool read_channel(struct alert_reading *r, const struct node *n, struct alert_channel *c)
{
    bool ok;

    *c = (struct alert_channel){.name = n->key, .pos = n->pos, .type = -1, .timeout_ms = 15000};
    if (n->type != NODE_OBJECT)
        return wrong(r, n->pos, "a channel is an object",
                     "such as {\"type\": \"dingtalk\", \"webhook\": \"${env:…}\"}");
    ok = conf_fill(n, channel_fields, COUNT(channel_fields), c, DIAG_ERROR, r->a, r->diags);
    if (!ok || c->type < 0)
        return false;
    ok = check_members(r, n, c->type);
    ok = check_secret(r, n, "webhook", true) && ok;
    ok = check_secret(r, n, "secret", true) && ok;
    ok = check_secret(r, n, "password", true) && ok;
    ok = check_secret(r, n, "url", false) && ok;
    if (!ok)
        return false;
    if (c->timeout_ms < 1000 || c->timeout_ms > 300000)
        return wrong(r, n->pos, "\"timeout\" is not between 1s and 5m", "15s does for most");
    return check_url(r, n, c) && check_addresses(r, c);
}

static void read_channels(struct alert_reading *r, const struct node *channels)
{
    struct alert_channel *all;

    if (!channels)
        return;
    if (channels->type != NODE_OBJECT || channels->n_children > CHANNELS_MAX) {
        (void)wrong(r, channels->pos, "\"channels\" is an object of at most 64 channels by name", "");
        return;
    }
    all = ARENA_ARRAY(r->a, struct alert_channel, channels->n_children + 1);
    r->s->channels = all;
    for (const struct node *n = channels->child; n; n = n->next)
        if (!project_name_ok(n->key))
            (void)wrong(r, n->key_pos, "that cannot be the name of a channel", "letters, digits, _ and -");
        else if (read_channel(r, n, &all[r->s->n_channels]))
            r->s->n_channels++;
}

/* ---- rules ---- */

/* A channel that is written but has errors of its own is not told twice. */
static void check_rule_channels(struct alert_reading *r, const struct node *rule, const struct node *channels,
                                struct strs names)
{
    const struct node *at = node_get(rule, "channels");
    const char *known[CHANNELS_MAX];
    size_t n = 0;

    for (const struct node *c = channels ? channels->child : NULL; c && n < CHANNELS_MAX; c = c->next)
        known[n++] = arena_cstr(r->a, c->key);
    for (size_t i = 0; i < names.n; i++) {
        bool found = false;

        for (size_t k = 0; k < n; k++)
            found |= str_eq(names.at[i], str_of(known[k]));
        if (found)
            continue;
        diags_add(r->diags, DIAG_ERROR, at->pos, "there is no channel \"" STR_FMT "\"", STR_ARG(names.at[i]));
        diags_nearest(r->diags, str_nearest(names.at[i], known, n));
    }
}

static const char *nearest_integration(struct alert_reading *r, struct str name)
{
    const char **names = ARENA_ARRAY(r->a, const char *, r->known.n + 1);

    for (size_t i = 0; i < r->known.n; i++)
        names[i] = arena_cstr(r->a, r->known.at[i]);
    return str_nearest(name, names, r->known.n);
}

static void check_patterns(struct alert_reading *r, const struct node *rule, struct strs patterns)
{
    const struct node *at = node_get(rule, "integrations");

    for (size_t i = 0; i < patterns.n && r->known.n; i++) {
        bool found = false;

        for (size_t k = 0; k < r->known.n; k++)
            found |= alert_pattern_fits(patterns.at[i], r->known.at[k]);
        if (found)
            continue;
        diags_add(r->diags, DIAG_WARNING, at->pos, "no integration fits \"" STR_FMT "\"", STR_ARG(patterns.at[i]));
        diags_nearest(r->diags, nearest_integration(r, patterns.at[i]));
    }
}

static void check_figures(struct alert_reading *r, const struct node *n, const struct alert_policy *p)
{
    static const struct {
        const char *key;
        bool (*has)(int rule);
    } figures[] = {{"factor", alert_rule_has_factor}, {"over", alert_rule_has_over}};

    for (size_t i = 0; i < COUNT(figures); i++)
        if (node_get(n, figures[i].key) && !figures[i].has(p->rule))
            diags_add(r->diags, DIAG_ERROR, node_get(n, figures[i].key)->pos, "the rule \"%s\" has no \"%s\"",
                      alert_rule_names[p->rule], figures[i].key);
    if ((p->rule == ALERT_QUOTA || p->rule == ALERT_DISK) && p->over > 100)
        (void)wrong(r, node_get(n, "over")->pos, "\"over\" is a percentage here", "such as 90");
}

static void check_reached(struct alert_reading *r, const struct node *n, int rule)
{
    for (size_t i = 0; i < r->s->n_policies; i++) {
        bool all = !r->s->policies[i].patterns.n;

        for (size_t k = 0; k < r->s->policies[i].patterns.n; k++)
            all |= str_eq(r->s->policies[i].patterns.at[k], S("*"));
        if (r->s->policies[i].rule != rule || !all)
            continue;
        diags_add(r->diags, DIAG_ERROR, n->pos,
                  "this entry never counts: one before it is for \"%s\" of all integrations", alert_rule_names[rule]);
        diags_remedy(r->diags, "the first entry that fits counts: put the narrower one first");
        return;
    }
}

static void read_rules(struct alert_reading *r, const struct node *rules, const struct node *channels)
{
    struct alert_policy *all;

    if (!rules)
        return;
    if (rules->type != NODE_ARRAY || rules->n_children > RULES_MAX) {
        (void)wrong(r, rules->pos, "\"rules\" is an array of at most 1000 entries", "[{\"rule\": \"stale\", …}]");
        return;
    }
    all = ARENA_ARRAY(r->a, struct alert_policy, rules->n_children + 1);
    r->s->policies = all;
    for (const struct node *n = rules->child; n; n = n->next) {
        const struct node *name = node_get(n, "rule");
        struct rule_raw raw = {.p = alert_defaults[0]};

        for (int i = 0; name && i < ALERT_RULES; i++)
            if (str_eq(name->text, str_of(alert_rule_names[i])))
                raw.p = alert_defaults[i];
        if (n->type != NODE_OBJECT) {
            (void)wrong(r, n->pos, "an entry of \"rules\" is an object", "{\"rule\": \"stale\", \"factor\": 5}");
            continue;
        }
        if (!conf_fill(n, rule_fields, COUNT(rule_fields), &raw, DIAG_ERROR, r->a, r->diags))
            continue;
        check_rule_channels(r, n, channels, raw.p.channels);
        check_patterns(r, n, raw.p.patterns);
        check_figures(r, n, &raw.p);
        check_reached(r, n, raw.p.rule);
        if (raw.p.repeat_ms && raw.p.repeat_ms < MINUTE_MS)
            (void)wrong(r, node_get(n, "repeat")->pos, "\"repeat\" is shorter than a minute", "4h, or 0 for never");
        all[r->s->n_policies++] = raw.p;
    }
}

/* ---- quiet hours ---- */

static bool time_of_day(struct str s, int *ret)
{
    int64_t hour, minute;

    if (s.n != 5 || s.p[2] != ':' || s.p[0] < '0' || s.p[0] > '9' || s.p[3] < '0' || s.p[3] > '9')
        return false;
    /* "08" is no number for num_i64: a leading zero is taken off */
    if (!num_i64(s.p[0] == '0' ? str_sub(s, 1, 1) : str_sub(s, 0, 2), &hour) ||
        !num_i64(s.p[3] == '0' ? str_sub(s, 4, 1) : str_sub(s, 3, 2), &minute) || hour > 23 || minute > 59 ||
        hour < 0 || minute < 0)
        return false;
    *ret = (int)(hour * 60 + minute);
    return true;
}

static void read_quiet(struct alert_reading *r, const struct node *quiet)
{
    struct quiet_raw raw = {.except = SEVERITY_CRITICAL};

    if (!quiet)
        return;
    if (quiet->type != NODE_OBJECT) {
        (void)wrong(r, quiet->pos, "\"quiet\" is an object", "{\"from\": \"23:00\", \"to\": \"08:00\"}");
        return;
    }
    if (!conf_fill(quiet, quiet_fields, COUNT(quiet_fields), &raw, DIAG_ERROR, r->a, r->diags))
        return;
    if (!time_of_day(raw.from, &r->s->quiet_from_min))
        (void)wrong(r, node_get(quiet, "from")->pos, "\"from\" is not a time of day", "write it as 23:00");
    else if (!time_of_day(raw.to, &r->s->quiet_to_min))
        (void)wrong(r, node_get(quiet, "to")->pos, "\"to\" is not a time of day", "write it as 08:00");
    else if (r->s->quiet_from_min == r->s->quiet_to_min)
        (void)wrong(r, quiet->pos, "quiet hours that begin when they end would be none, or all",
                    "switch rules off with \"off\" instead");
    else
        r->s->has_quiet = true;
    r->s->quiet_except = raw.except;
}

const struct alert_settings *alert_settings_read(const struct node *alerts, struct strs known, bool chinese,
                                                 struct arena *a, struct diags *diags)
{
    struct alert_reading r = {a, diags, ARENA_NEW(a, struct alert_settings), known};
    struct alerts_raw raw = {.language = -1};

    r.s->chinese = chinese;
    if (!alerts)
        return r.s;
    if (alerts->type != NODE_OBJECT) {
        (void)wrong(&r, alerts->pos, "\"alerts\" is an object", "{\"channels\": {…}, \"rules\": […]}");
        return r.s;
    }
    (void)conf_fill(alerts, alert_members, COUNT(alert_members), &raw, DIAG_ERROR, a, diags);
    if (raw.language >= 0)
        r.s->chinese = raw.language == 0;
    read_channels(&r, raw.channels);
    read_rules(&r, raw.rules, raw.channels);
    read_quiet(&r, raw.quiet);
    return r.s;
}
