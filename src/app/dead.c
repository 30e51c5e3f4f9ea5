/* Dead letters: listing them, and `drop`. Retrying is a run of the engine (run.c). */
#include "app/dead.h"

#include "app/csv.h"
#include "app/out.h"
#include "app/records_impl.h"
#include "base/product.h"

#define LISTED 1000

static const char *const names[] = {
    [DEAD_OPEN] = "error", [DEAD_RETRIED] = "retried", [DEAD_DROPPED] = "dropped", [DEAD_SUPERSEDED] = "superseded"};

const char *dead_state_name(int state)
{
    return state >= 0 && state <= DEAD_SUPERSEDED ? names[state] : "error";
}

int dead_state_of(struct str name)
{
    for (int i = 0; i <= DEAD_SUPERSEDED; i++)
        if (str_eq(name, str_of(names[i])))
            return i;
    return -1;
}

static void add_members(const struct app *app, struct json_out *w, const struct dead_letter *d)
{
    json_number(w, "letter", d->id);
    json_member(w, "id", d->key);
    json_member(w, "target_id", d->target_id.n ? d->target_id : (struct str){0});
    json_member(w, "version", d->version.n ? d->version : (struct str){0});
    json_member(w, "state", str_of(dead_state_name(d->state)));
    json_member(w, "code", d->code);
    json_member(w, "reason", d->reason);
    json_number(w, "page", d->page);
    json_number(w, "row", d->row);
    json_number(w, "line", d->line);
    json_number(w, "tries", d->tries);
    json_out_key(w, "edited");
    json_out_bool(w, d->edited.n > 0);
    if (d->edited.n) {
        json_out_key(w, "edited_raw");
        json_out_raw(w, d->edited);
    }
    json_time(w, "created", app, d->created_ms);
    json_time(w, "tried", app, d->tried_ms ? d->tried_ms : INT64_MIN);
}

void dead_json(const struct app *app, struct json_out *w, const struct dead_letter *d)
{
    json_out_begin(w, '{');
    add_members(app, w, d);
    json_out_end(w, '}');
}

void dead_tell(const struct app *app, const struct dead_letter *d, size_t n)
{
    struct buf b = buf_make(64u << 20);

    for (size_t i = 0; i < n; i++) {
        struct str created = time_text(app, d[i].created_ms / 1000);

        add_fitted(&b, d[i].target_id.n ? d[i].target_id : d[i].key, 24);
        buf_printf(&b, "  %-10s  " STR_FMT "  ", dead_state_name(d[i].state), STR_ARG(created));
        add_clean(&b, d[i].reason);
        buf_byte(&b, '\n');
    }
    say_str(app, buf_str(&b));
    buf_free(&b);
}

static size_t keep_wanted(struct dead_letter *d, size_t n, const struct dead_filter *only)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (d[i].created_ms >= only->from_ms && d[i].created_ms <= only->to_ms &&
            (!only->text.p || str_find(d[i].raw, only->text, 0) != SIZE_MAX))
            d[kept++] = d[i];
    return kept;
}

static void add_csv(const struct app *app, struct csv *c, const struct dead_letter *d)
{
    const struct str texts[] = {d->key,
                                d->target_id,
                                d->version,
                                str_of(dead_state_name(d->state)),
                                d->code,
                                d->reason,
                                time_text(app, d->created_ms / 1000),
                                d->tried_ms ? time_text(app, d->tried_ms / 1000) : S("")};
    const int64_t numbers[] = {d->tries, d->page, d->row, d->line};

    csv_number(c, d->id);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        csv_cell(c, texts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        csv_number(c, numbers[i]);
    csv_cell(c, d->raw);
    csv_cell(c, d->edited);
    csv_end_line(c);
}

static enum err tell_csv(const struct app *app, const struct dead_letter *d, size_t n, struct errinfo *ei)
{
    static const char *const heads[] = {"letter", "id",     "target_id", "version", "state",
                                        "code",   "reason", "created",   "tried",   "tries",
                                        "page",   "row",    "line",      "raw",     "edited_raw"};
    struct buf b = buf_make(RECORDS_FILE_MAX);
    struct csv c = csv_begin(&b);
    enum err e;

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        csv_cell(&c, str_of(heads[i]));
    csv_end_line(&c);
    for (size_t i = 0; i < n; i++)
        add_csv(app, &c, &d[i]);
    e = b.failed ? records_too_long(ei) : OK;
    if (!e)
        print_text(app, buf_str(&b));
    buf_free(&b);
    return e;
}

/* As a file: a list, each with its raw JSON. */
static enum err tell_whole(const struct app *app, const struct dead_letter *d, size_t n, struct errinfo *ei)
{
    struct buf b = buf_make(RECORDS_FILE_MAX);
    struct json_out w = json_out(&b);
    enum err e;

    json_out_begin(&w, '[');
    for (size_t i = 0; i < n; i++) {
        json_out_begin(&w, '{');
        add_members(app, &w, &d[i]);
        json_out_key(&w, "raw");
        json_out_raw(&w, d[i].raw);
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    e = b.failed ? records_too_long(ei) : OK;
    if (!e)
        print_json(app, &b);
    buf_free(&b);
    return e;
}

static void tell_json(const struct app *app, const struct dead_letter *d, size_t n, const struct errinfo *why)
{
    struct buf b = buf_make(64u << 20);
    struct json_out w = json_out(&b);

    json_out_begin(&w, '{');
    json_out_key(&w, "records");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < n; i++)
        dead_json(app, &w, &d[i]);
    json_out_end(&w, ']');
    if (why) {
        json_out_key(&w, "error");
        json_error(&w, why);
    }
    json_out_end(&w, '}');
    print_json(app, &b);
    buf_free(&b);
}

static enum err letters(struct app *app, const struct dead_query *q, struct dead_letter **ret, size_t *ret_n,
                        struct errinfo *ei)
{
    *ret = NULL;
    *ret_n = 0;
    return app->store ? store_dead_list(app->store, q, app->arena, ret, ret_n, ei) : OK;
}

int dead_list(struct app *app, const struct integration *i, const struct dead_choice *c)
{
    struct dead_query q = {.integration = i->name, .id = c->id, .state = c->state};
    struct dead_letter *d;
    struct errinfo ei;
    size_t n;

    if (letters(app, &q, &d, &n, &ei))
        return app_fail(app, &ei);
    n = keep_wanted(d, n, &c->only);
    if (c->format == FILE_CSV)
        return tell_csv(app, d, n, &ei) ? app_fail(app, &ei) : STATUS_OK;
    if (c->format == FILE_JSON)
        return tell_whole(app, d, n, &ei) ? app_fail(app, &ei) : STATUS_OK;
    if (app->json)
        tell_json(app, d, n, NULL);
    else if (!n)
        say(app, "%s\n", either(app, "There are none.", "没有。"));
    else
        dead_tell(app, d, n);
    return STATUS_OK;
}

int dead_choose(struct app *app, const struct integration *i)
{
    struct dead_query q = {.integration = i->name, .limit = LISTED};
    struct dead_letter *d;
    struct errinfo ei;
    size_t n;

    if (letters(app, &q, &d, &n, &ei))
        return app_fail(app, &ei);
    if (!n)
        fail(&ei, ERR_USAGE, "\"" STR_FMT "\" has no dead letters", STR_ARG(i->name));
    else
        fail(&ei, ERR_USAGE, "which of the %zu dead letters?", n);
    fail_hint(&ei, "`" PRODUCT " %s " STR_FMT " --all`, or --id with the id of the source or of the target",
              app->command->name, STR_ARG(i->name));
    if (app->json) {
        tell_json(app, d, n, &ei);
        return STATUS_WRONG;
    }
    dead_tell(app, d, n);
    return app_fail(app, &ei);
}

static int drop(struct app *app, const struct integration *i)
{
    struct dead_query q = {.integration = i->name,
                           .id = app_flag(app, "id") ? str_of(app_value(app, "id")) : (struct str){0}};
    struct dead_letter *d;
    struct errinfo ei;
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);
    size_t n;
    enum err err = letters(app, &q, &d, &n, &ei);

    if (!err && !n && q.id.p)
        err = store_no_letter(q.id, &ei);
    for (size_t k = 0; !err && k < n; k++)
        err = store_dead_set(app->store, d[k].id, DEAD_DROPPED, (struct str){0}, clock_wall(&clock_system), &ei);
    if (err)
        return app_fail(app, &ei);
    say(app, "%zu dead letter%s dropped; they stay in the list of `" PRODUCT " records " STR_FMT " --state dropped`\n",
        n, n == 1 ? " was" : "s were", STR_ARG(i->name));
    if (app->json) {
        json_out_begin(&w, '{');
        json_member(&w, "integration", i->name);
        json_number(&w, "dropped", (int64_t)n);
        json_out_end(&w, '}');
        print_json(app, &b);
    }
    buf_free(&b);
    return STATUS_OK;
}

int command_drop(struct app *app)
{
    const struct integration *i;
    struct errinfo ei;

    if (app_open_integration(app, &i, &ei) || app_open_store(app, false, &ei))
        return app_fail(app, &ei);
    if (app_flag(app, "all") && app_flag(app, "id"))
        return app_usage(app, "--all or --id, not both");
    if (!app_flag(app, "all") && !app_flag(app, "id"))
        return dead_choose(app, i);
    if (!app->store) {
        fail(&ei, ERR_USAGE, "nothing has run here yet");
        return app_fail(app, &ei);
    }
    store_close(app->store);
    app->store = NULL;
    if (app_open_store(app, true, &ei))
        return app_fail(app, &ei);
    return drop(app, i);
}
