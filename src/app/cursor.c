/* `cursor`: shows LAST_SYNC_TIME, or moves it. The truth stands in the target's checkpoint row, so it is moved there
 * first, under the integration's lock and with a new epoch: a run that is still writing elsewhere is fenced off instead
 * of moving it back. The copy in the project's own state follows. */
#include "app/open.h"
#include "app/out.h"
#include "base/num.h"
#include "base/product.h"
#include "run/claim.h"
#include "store/journal.h"

#define AHEAD_S (15 * 60)

struct cursor {
    struct app *app;
    struct flow *flow;
    bool is_time;
    int64_t at; /* INT64_MIN: none yet */
    int64_t before;
    bool in_target;
};

/* Moved forward: what lies between is read by no ordinary run. */
static bool skips(const struct cursor *c)
{
    return c->is_time && c->before != INT64_MIN && c->at > c->before;
}

static void tell(const struct cursor *c, bool moved)
{
    struct app *app = c->app;
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);
    struct str at = c->at == INT64_MIN ? S("—")
                    : c->is_time       ? time_text(app, c->at)
                                       : arena_printf(app->arena, "%lld", (long long)c->at);

    if (moved)
        say(app, "the cursor of " STR_FMT " stands at " STR_FMT " now\n", STR_ARG(c->flow->integration->name),
            STR_ARG(at));
    if (moved && skips(c))
        say(app,
            "What was modified since " STR_FMT " is skipped. `" PRODUCT " run " STR_FMT " --from \"" STR_FMT
            "\" --to \"" STR_FMT "\"` reads it.\n",
            STR_ARG(time_text(app, c->before)), STR_ARG(c->flow->integration->name), STR_ARG(time_text(app, c->before)),
            STR_ARG(at));
    if (!moved)
        say(app, STR_FMT "\n", STR_ARG(at));
    json_out_begin(&w, '{');
    json_member(&w, "integration", c->flow->integration->name);
    if (c->is_time || c->at == INT64_MIN)
        json_time(&w, "cursor", app, ms_of(c->at));
    else
        json_number(&w, "cursor", c->at);
    if (moved && (c->is_time || c->before == INT64_MIN))
        json_time(&w, "before", app, ms_of(c->before));
    else if (moved)
        json_number(&w, "before", c->before);
    json_flag(&w, "moved", moved);
    if (moved)
        json_flag(&w, "skips", skips(c));
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    buf_free(&b);
}

/* Where it stands as the project knows it, or where it would begin. */
static enum err known(struct cursor *c, struct progress *ret, struct errinfo *ei)
{
    const struct integration *i = c->flow->integration;
    enum err err = c->app->store ? store_progress(c->app->store, i->name, ret, ei) : OK;

    if (err)
        return err;
    c->at = ret->known ? ret->cursor_s : c->is_time && i->has_start ? i->start_s : INT64_MIN;
    return OK;
}

/* Nothing that is modified before the cursor is read: what is to come must not lie there. A source's clock may be a
 * little ahead of ours. */
static enum err wanted(const struct cursor *c, int64_t *ret, struct errinfo *ei)
{
    const char *text = app_value(c->app, "set");

    if (c->is_time) {
        enum err err = app_time(c->app, "set", ret, ei);

        if (err || *ret <= clock_wall(&clock_system) / 1000 + AHEAD_S)
            return err;
        fail(ei, ERR_USAGE, "--set %s lies in the future: nothing that is modified until then would ever be read",
             text);
        return fail_hint(ei, "the cursor is the time up to which everything is written; here it is " STR_FMT " now",
                         STR_ARG(time_text(c->app, clock_wall(&clock_system) / 1000)));
    }
    if (num_i64(str_of(text), ret) && *ret >= 0)
        return OK;
    fail(ei, ERR_USAGE, "--set is \"%s\"", text);
    return fail_hint(ei, "this interface is read by a row version: a whole number");
}

/* The position that goes with a checkpoint that does not exist yet: what the journal has is either all to be written,
 * or begins too late to be (run/engine.c decides alike). */
static enum err first_position(struct cursor *c, const struct progress *g, struct checkpoint *cp, struct errinfo *ei)
{
    struct journal *j;
    enum err err;

    *cp = (struct checkpoint){.row = -1, .mapping = c->flow->mapping};
    snprintf(cp->journal, sizeof cp->journal, STR_FMT, STR_ARG(store_journal_uuid(c->app->store)));
    if (g->known) {
        cp->page = g->page;
        cp->row = g->row;
        cp->epoch = g->epoch;
        cp->batch = g->batch;
        return OK;
    }
    err = app_open_journal(c->app, c->flow->integration->name, &j, ei);
    if (err)
        return err;
    cp->page = journal_first(j) > 1 ? journal_last(j) : 0;
    journal_close(j);
    return OK;
}

static enum err move_in_target(struct cursor *c, struct progress *g, int64_t to, struct errinfo *ei)
{
    struct sink *sink;
    struct checkpoint cp;
    bool found, held;
    enum err err = app_connect_target(c->app, c->flow, &sink, ei);

    if (err)
        return err;
    err = sink_checkpoint(sink, &cp, &found, &held, ei);
    if (!err && found)
        c->before = cp.cursor_s;
    if (!err && !found)
        err = first_position(c, g, &cp, ei);
    cp.cursor_s = to;
    if (g->known && g->epoch > cp.epoch) /* no epoch comes twice, not even where the target was set back */
        cp.epoch = g->epoch;
    if (!err && held)
        err = claim_target(c->app->store, sink, c->flow->integration->name, &cp, &cp.epoch, ei);
    sink_close(sink);
    if (err)
        return err;
    c->in_target = held;
    g->known = true;
    g->cursor_s = to;
    g->page = cp.page;
    g->row = cp.row;
    g->epoch = cp.epoch;
    g->batch = cp.batch;
    g->updated_ms = clock_wall(&clock_system);
    return OK;
}

static enum err move(struct cursor *c, struct errinfo *ei)
{
    struct store_lock *lock = NULL;
    struct str name = c->flow->integration->name;
    struct progress g = {0};
    int64_t to;
    enum err err = wanted(c, &to, ei);

    err = err ? err : app_open_store(c->app, true, ei);
    err = err ? err : store_lock(c->app->store, name, &lock, ei);
    err = err ? err : known(c, &g, ei);
    c->before = c->at;
    err = err ? err : move_in_target(c, &g, to, ei);
    err = err ? err : store_set_progress(c->app->store, name, &g, ei);
    store_unlock(lock);
    if (!err)
        c->at = to;
    return err;
}

int command_cursor(struct app *app)
{
    struct cursor c = {.app = app, .at = INT64_MIN};
    struct progress g = {0};
    struct errinfo ei;
    bool moving = app_flag(app, "set");
    enum err err = app_open_flow(app, &c.flow, &ei);

    if (err)
        return app_fail(app, &ei);
    c.is_time = c.flow->paging->kind != PAGE_CURSOR;
    if (moving) {
        err = move(&c, &ei);
    } else {
        err = app_open_store(app, false, &ei);
        err = err ? err : known(&c, &g, &ei);
    }
    if (!err)
        tell(&c, moving);
    flow_free(c.flow);
    return err ? app_fail(app, &ei) : STATUS_OK;
}
