/* `run` and `replay`: one run of the engine, watched. */
#include "app/dead.h"
#include "app/edit.h"
#include "app/handover.h"
#include "app/open.h"
#include "app/out.h"
#include "app/watch.h"
#include "base/product.h"

#include <stdlib.h>

#define PATIENCE_MS 60000 /* decisions 12 */

static enum err range(const struct app *app, struct run_options *o, struct errinfo *ei)
{
    enum err err = app_time(app, "from", &o->from_s, ei);

    err = err ? err : app_time(app, "to", &o->to_s, ei);
    if (!err && o->from_s > o->to_s) {
        fail(ei, ERR_USAGE, "--from %s is later than --to %s", app_value(app, "from"), app_value(app, "to"));
        err = fail_hint(ei, "both ends are included; put the earlier one first");
    }
    return err;
}

static enum err run_kind(const struct app *app, struct run_options *o, struct errinfo *ei)
{
    bool ranged = app_flag(app, "from");

    o->dry_run = app_flag(app, "dry-run");
    if (ranged && app_flag(app, "remedy")) {
        fail(ei, ERR_USAGE, "--remedy and --from do not go together");
        return fail_hint(ei,
                         "a remedy reads what its takeOverRequest says; --from and --to read the range that you name");
    }
    if (app_flag(app, "reread") && (ranged || app_flag(app, "remedy") || app_flag(app, "no-reread"))) {
        fail(ei, ERR_USAGE, "--reread goes with no other range, and not with --no-reread");
        return fail_hint(ei, "it adds every tier of `reread` to an ordinary run");
    }
    o->reread = app_flag(app, "reread") ? REREAD_ALL : app_flag(app, "no-reread") ? REREAD_NONE : REREAD_DUE;
    if (app_flag(app, "remedy"))
        o->reread = REREAD_NONE;
    o->kind = app_flag(app, "remedy") ? RUN_REMEDY : ranged ? RUN_BACKFILL : RUN_MAIN;
    return ranged ? range(app, o, ei) : OK;
}

/* Runs and tells; gives the exit status. */
static int perform(struct app *app, const struct integration *i, struct run_options *o)
{
    struct run_summary *s = mem_zero(sizeof *s);
    struct watch *t = watch_new(app, o);
    struct buf b = buf_make(1u << 20);
    int status;

    if (handover_wanted(app))
        handover_run(app, i, o, s);
    else
        run_integration(app->project, i, app->store, o, s);
    add_hint(&s->error);
    watch_free(t);
    if (app->json) {
        run_summary_json(s, app->project->zone, &b);
        print_json(app, &b);
    } else {
        run_tell(app, s);
        if (o->dry_run && !s->error.code)
            say(app, "%s\n",
                either(app, "It was a dry run: nothing was kept and nothing was written.",
                       "这是试运行：没有保存也没有写入任何数据。"));
    }
    status = run_exit_status(s);
    buf_free(&b);
    free(s);
    return status;
}

static int both_ends(const struct app *app)
{
    if (app_flag(app, "from") == app_flag(app, "to"))
        return -1;
    return app_usage(app, "--from and --to go together");
}

int command_run(struct app *app)
{
    const struct integration *i;
    struct run_options o;
    struct errinfo ei;
    int status = both_ends(app);

    if (status >= 0)
        return status;
    if (app_open_integration(app, &i, &ei) || app_run_options(app, PATIENCE_MS, &o, &ei) || run_kind(app, &o, &ei) ||
        app_open_store(app, true, &ei))
        return app_fail(app, &ei);
    return perform(app, i, &o);
}

int command_replay(struct app *app)
{
    const struct integration *i;
    struct run_options o;
    struct errinfo ei;

    if (!app_flag(app, "from") || !app_flag(app, "to"))
        return app_usage(app, "replay needs --from and --to");
    if (app_open_integration(app, &i, &ei) || app_run_options(app, PATIENCE_MS, &o, &ei) || range(app, &o, &ei) ||
        app_open_store(app, true, &ei))
        return app_fail(app, &ei);
    o.kind = RUN_REPLAY;
    return perform(app, i, &o);
}

int command_retry(struct app *app)
{
    bool editing = app_flag(app, "edit") || app_flag(app, "set");
    const struct integration *i;
    struct run_options o;
    struct errinfo ei;

    if (app_open_integration(app, &i, &ei) || app_run_options(app, PATIENCE_MS, &o, &ei) ||
        app_open_store(app, true, &ei))
        return app_fail(app, &ei);
    if (editing && (!app_flag(app, "id") || (app_flag(app, "edit") && app_flag(app, "set"))))
        return app_usage(app, "--edit or --set goes with --id: one record is edited at a time");
    if (app_flag(app, "all") && app_flag(app, "id"))
        return app_usage(app, "--all or --id, not both");
    if (!app_flag(app, "all") && !app_flag(app, "id"))
        return dead_choose(app, i);
    o.kind = RUN_RETRY;
    if (app_flag(app, "id"))
        o.id = str_of(app_value(app, "id"));
    if (editing && edit_letters(app, i, o.id, &ei))
        return app_fail(app, &ei);
    return perform(app, i, &o);
}
