/* `log`: the events of the project, from its log of JSON lines. With --json the lines as they are; else one readable
 * line each. */
#include "app/open.h"
#include "app/out.h"
#include "base/product.h"
#include "store/logfile.h"

#include <poll.h>

#define FOLLOW_MS 250
#define SHOWN_MAX 400

struct show {
    struct app *app;
    struct str only; /* p NULL: all */
};

static bool want(void *ctx, struct str line)
{
    const struct show *s = ctx;
    struct json_doc *doc;
    struct errinfo ei;
    bool wanted;

    if (!s->only.p)
        return true;
    if (json_parse(line, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei) != OK)
        return false;
    wanted = str_eq(json_text(json_get(json_root(doc), S("integration"))), s->only);
    json_free(doc);
    return wanted;
}

static void add_members(struct buf *b, const struct json *event)
{
    struct json_iter it = json_iter(event);
    const struct json *v;
    struct str key;

    while ((v = json_next(&it, &key))) {
        if (str_eq(key, S("time")) || str_eq(key, S("event")) || str_eq(key, S("integration")) ||
            str_eq(key, S("summary")) || str_eq(key, S("text")) || str_eq(key, S("run")))
            continue;
        buf_printf(b, "  " STR_FMT "=", STR_ARG(key));
        if (json_type(v) == JSON_STRING)
            add_clean(b, json_text(v));
        else
            json_write(v, b);
    }
}

static void add_summary(struct buf *b, const struct json *summary)
{
    static const char *const shown[] = {"status", "records", "rows", "dead", "duration_ms"};

    for (size_t i = 0; summary && i < sizeof shown / sizeof *shown; i++) {
        const struct json *v = json_get(summary, str_of(shown[i]));

        buf_printf(b, "  %s=" STR_FMT, shown[i], STR_ARG(json_text(v)));
    }
}

static void print(const struct app *app, const struct json *event)
{
    struct buf b = buf_make(1u << 20);
    struct str text = json_text(json_get(event, S("text")));

    add_clean(&b, str_sub(json_text(json_get(event, S("time"))), 0, 19));
    buf_add(&b, S("  "));
    add_clean(&b, json_text(json_get(event, S("integration"))));
    buf_printf(&b, "  %s" STR_FMT "%s", color(app, COLOR_CYAN), STR_ARG(json_text(json_get(event, S("event")))),
               color(app, COLOR_NONE));
    add_members(&b, event);
    add_summary(&b, json_get(event, S("summary")));
    if (text.n) {
        buf_add(&b, S("  "));
        add_clean(&b, str_sub(text, 0, SHOWN_MAX));
    }
    buf_byte(&b, '\n');
    say_str(app, buf_str(&b));
    buf_free(&b);
}

static void show(void *ctx, struct str line)
{
    const struct show *s = ctx;
    struct json_doc *doc;
    struct errinfo ei;
    struct buf b = buf_make(4u << 20);

    if (json_parse(line, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei) == OK) {
        if (s->app->json) {
            json_write(json_root(doc), &b);
            print_json(s->app, &b);
        } else {
            print(s->app, json_root(doc));
        }
        json_free(doc);
    }
    buf_free(&b);
}

/* Until the reader goes away or a signal ends the process. */
static int follow(struct app *app, struct logfile_place *place, const struct logfile_reader *r)
{
    struct errinfo ei;

    for (;;) {
        struct pollfd out = {.fd = fileno(app->out)};

        if (logfile_follow(app->project->state_dir, place, r, &ei))
            return app_fail(app, &ei);
        if (fflush(app->out) != 0 || ferror(app->out))
            return STATUS_OK;
        if (poll(&out, 1, FOLLOW_MS) > 0 && out.revents & (POLLERR | POLLHUP))
            return STATUS_OK;
    }
}

int command_log(struct app *app)
{
    const struct integration *i = NULL;
    struct show s = {.app = app};
    struct logfile_reader r = {.want = want, .line = show, .ctx = &s};
    struct logfile_place place;
    struct errinfo ei;
    int64_t n;
    enum err err = app->n_words ? app_open_integration(app, &i, &ei)
                                : project_open(app->dir, NULL, 0, app->diags, &app->project, &ei);

    err = err ? err : app_number(app, "number", (struct number_range){50, 0, 1000000}, &n, &ei);
    if (!err && i)
        s.only = i->name;
    err = err ? err : logfile_tail(app->project->state_dir, (size_t)n, &r, &place, &ei);
    if (err)
        return app_fail(app, &ei);
    return app_flag(app, "follow") ? follow(app, &place, &r) : STATUS_OK;
}
