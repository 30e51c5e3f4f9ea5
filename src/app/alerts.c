/* `alerts`: what fires, what was, whom it is told, and when not. It reads and writes the same database as `serve`,
 * which looks at the silences every two seconds; nothing is judged or delivered here but a test. */
#include "watch/alert.h"

#include "app/open.h"
#include "app/out.h"
#include "base/num.h"
#include "base/product.h"

#include <stdlib.h>

#define OUTPUT_MAX ((size_t)64 << 20)

static enum err open_alerts(struct app *app, struct alerts **ret, struct errinfo *ei)
{
    const struct project *p;
    enum err err = app_open_project(app, (struct str){0}, ei);

    if (err)
        return err;
    p = app->project;
    const struct alerts_options o = {.project_dir = p->dir,
                                     .state_dir = p->state_dir,
                                     .settings = p->alerts,
                                     .zone = p->zone,
                                     .project = p->settings.name,
                                     .passive = true,
                                     .clock = &clock_system};

    return alerts_open(&o, ret, ei);
}

/* ---- tables for people ---- */

/* Columns of a table: the member of each object, and how wide it is. */
struct column {
    const char *member;
    size_t width;
};

static void add_cell(struct buf *b, const struct json *v, size_t width)
{
    struct str s = json_type(v) == JSON_BOOL ? (json_true(v) ? S("yes") : S("no")) : json_text(v);

    if (json_type(v) == JSON_ARRAY)
        s = json_text(json_at(v, 0));
    if (width)
        add_fitted(b, s.n ? s : S("-"), width);
    else
        add_clean(b, s);
    buf_add(b, S("  "));
}

static void say_table(const struct app *app, struct str text, const char *list, const struct column *columns, size_t n)
{
    const struct json_limits limits = {OUTPUT_MAX, 16};
    struct json_doc *doc = NULL;
    struct errinfo ei;
    const struct json *row;

    if (json_parse(text, &limits, &doc, NULL, &ei))
        return;
    struct json_iter it = json_iter(json_get(json_root(doc), str_of(list)));

    if (!json_count(json_get(json_root(doc), str_of(list))))
        say(app, "%s\n", either(app, "none", "没有"));
    while ((row = json_next(&it, NULL))) {
        struct buf b = buf_make(1u << 16);

        for (size_t i = 0; i < n; i++)
            add_cell(&b, json_get(row, str_of(columns[i].member)), columns[i].width);
        say(app, "%s\n", buf_cstr(&b));
        buf_free(&b);
    }
    json_free(doc);
}

#define TABLE(columns) columns, sizeof(columns) / sizeof *(columns)

static int show(struct app *app, struct buf *b, const char *list, const struct column *columns, size_t n)
{
    if (app->json)
        print_json(app, b);
    else
        say_table(app, buf_str(b), list, columns, n);
    buf_free(b);
    return STATUS_OK;
}

/* ---- what there is ---- */

/* A person reads in the language of the terminal, a program what the project has set. */
static enum alert_language language_of(const struct app *app)
{
    return app->json ? ALERT_LANGUAGE_SET : app->chinese ? ALERT_LANGUAGE_ZH : ALERT_LANGUAGE_EN;
}

static int list(struct app *app, struct alerts *a)
{
    static const struct column columns[] = {{"state", 8}, {"severity", 9}, {"since", 25}, {"summary", 0}};
    struct buf b = buf_make(OUTPUT_MAX);

    alerts_json_firing(a, language_of(app), &b);
    return show(app, &b, "alerts", TABLE(columns));
}

static int history(struct app *app, struct alerts *a)
{
    static const struct column columns[] = {{"since", 25}, {"ended", 25}, {"severity", 9}, {"summary", 0}};
    struct buf b = buf_make(OUTPUT_MAX);
    struct errinfo ei;
    int64_t n;

    if (app_number(app, "number", (struct number_range){20, 1, 1000}, &n, &ei) ||
        alerts_json_history(a, &(struct alert_page){(size_t)n, 0, language_of(app)}, &b, &ei)) {
        buf_free(&b);
        return app_fail(app, &ei);
    }
    return show(app, &b, "alerts", TABLE(columns));
}

static int rules(struct app *app, struct alerts *a)
{
    static const struct column columns[] = {{"rule", 15}, {"severity", 9},  {"off", 4},           {"factor", 6},
                                            {"over", 6},  {"channels", 10}, {"integrations", 20}, {"title", 0}};
    struct buf b = buf_make(OUTPUT_MAX);

    alerts_json_rules(a, language_of(app), &b);
    return show(app, &b, "rules", TABLE(columns));
}

static int channels(struct app *app, struct alerts *a)
{
    static const struct column columns[] = {{"name", 12},   {"type", 9},    {"state", 8},
                                            {"waiting", 7}, {"target", 32}, {"error", 0}};
    struct buf b = buf_make(OUTPUT_MAX);

    alerts_json_channels(a, &b);
    return show(app, &b, "channels", TABLE(columns));
}

static int silences(struct app *app, struct alerts *a)
{
    static const struct column columns[] = {{"id", 4},           {"until", 25}, {"rule", 15},
                                            {"integration", 20}, {"user", 12},  {"comment", 0}};
    struct buf b = buf_make(OUTPUT_MAX);

    alerts_json_silences(a, &b);
    return show(app, &b, "silences", TABLE(columns));
}

/* ---- what is done ---- */

static int test(struct app *app, struct alerts *a)
{
    struct buf b = buf_make(65536);
    struct json_out w = json_out(&b);
    struct errinfo ei;

    if (alerts_test(a, app_word(app, 1), &ei)) {
        buf_free(&b);
        return app_fail(app, &ei);
    }
    say(app, either(app, "%s took the test message\n", "%s 已收到测试消息\n"), app->words[1]);
    json_out_begin(&w, '{');
    json_out_key(&w, "channel");
    json_out_str(&w, app_word(app, 1));
    json_out_key(&w, "ok");
    json_out_bool(&w, true);
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    buf_free(&b);
    return STATUS_OK;
}

static enum err read_silence(const struct app *app, struct silence *ret, struct errinfo *ei)
{
    const char *rule = app_value(app, "rule"), *span = app_value(app, "for"), *user = getenv("USER");
    int64_t ms;

    *ret = (struct silence){.rule = -1,
                            .integration = str_of(app_value(app, "integration")),
                            .comment = str_of(app_value(app, "comment")),
                            .user = str_of(user ? user : "")};
    for (int i = 0; rule && i < ALERT_RULES; i++)
        if (strcmp(rule, alert_rule_names[i]) == 0)
            ret->rule = i;
    if (rule && ret->rule < 0) {
        const char *near = str_nearest(str_of(rule), alert_rule_names, ALERT_RULES);

        fail(ei, ERR_USAGE, "there is no rule \"%s\"", rule);
        return near ? fail_hint(ei, "did you mean \"%s\"?", near) : fail_hint(ei, "`sluice alerts rules` lists them");
    }
    if (!num_duration_ms(str_of(span ? span : "1h"), &ms))
        return fail(ei, ERR_USAGE, "--for takes a duration such as 30m, 2h or 1d, not \"%s\"", span);
    ret->until_ms = clock_wall(&clock_system) + ms;
    return OK;
}

static int silence(struct app *app, struct alerts *a)
{
    struct buf b = buf_make(65536);
    struct json_out w = json_out(&b);
    struct silence s;
    struct errinfo ei;
    int64_t id;

    if (read_silence(app, &s, &ei) || alerts_silence(a, &s, &id, &ei)) {
        buf_free(&b);
        return app_fail(app, &ei);
    }
    say(app,
        either(app, "silence %lld until %s; `%s alerts unsilence %lld` ends it\n",
               "静默 %lld 到 %s；`%s alerts unsilence %lld` 可提前结束\n"),
        (long long)id, time_text(app, s.until_ms / 1000).p, PRODUCT, (long long)id);
    json_out_begin(&w, '{');
    json_number(&w, "id", id);
    json_time(&w, "until", app, s.until_ms);
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    buf_free(&b);
    return STATUS_OK;
}

static int unsilence(struct app *app, struct alerts *a)
{
    struct errinfo ei;
    int64_t id;

    if (!num_i64(app_word(app, 1), &id))
        return app_usage(app, "a silence has a number; `%s alerts silences` lists them", PRODUCT);
    if (alerts_unsilence(a, id, &ei))
        return app_fail(app, &ei);
    return silences(app, a);
}

int command_alerts(struct app *app)
{
    static const struct {
        const char *name;
        size_t words;
        int (*run)(struct app *app, struct alerts *a);
    } verbs[] = {{"list", 1, list},         {"history", 1, history},    {"rules", 1, rules},
                 {"channels", 1, channels}, {"silences", 1, silences},  {"test", 2, test},
                 {"silence", 1, silence},   {"unsilence", 2, unsilence}};
    static const char *const names[] = {"list",     "history", "rules",   "channels",
                                        "silences", "test",    "silence", "unsilence"};
    struct str verb = app->n_words ? app_word(app, 0) : S("list");
    const char *near = str_nearest(verb, names, sizeof names / sizeof *names);
    struct alerts *a;
    struct errinfo ei;

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        int status;

        if (!str_eq(verb, str_of(verbs[i].name)))
            continue;
        if ((app->n_words ? app->n_words : 1) != verbs[i].words)
            return app_usage(app, "alerts %s takes %s", verbs[i].name,
                             verbs[i].words == 2 ? "one name" : "nothing more");
        if (open_alerts(app, &a, &ei))
            return app_fail(app, &ei);
        status = verbs[i].run(app, a);
        alerts_close(a);
        return status;
    }
    if (near)
        return app_usage(app, "unknown \"alerts " STR_FMT "\" (did you mean \"%s\"?)", STR_ARG(verb), near);
    return app_usage(app, "unknown \"alerts " STR_FMT "\"", STR_ARG(verb));
}
