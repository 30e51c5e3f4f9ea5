/* Opening, in the order in which it may fail. A broken file of another integration is no obstacle: only the files that
 * the named one needs are read. */
#include "app/open.h"

#include "base/num.h"
#include "base/product.h"
#include "store/files.h"

#include <stdlib.h>
#include <unistd.h>

enum err app_open_project(struct app *app, struct str only, struct errinfo *ei)
{
    enum err err = project_open(app->dir, only.p ? &only : NULL, only.p ? 1 : 0, app->diags, &app->project, ei);

    return err ? err : diags_first_error(app->diags, ei);
}

/* The project was read for that name alone: what else there is, for a hint, needs another look. */
static void tell_no_such(struct app *app, struct str name, struct errinfo *ei)
{
    struct diags *diags = diags_new();
    struct project *all = NULL;
    struct buf names = buf_make(280);
    const char *near = NULL;

    if (project_open(app->dir, NULL, 0, diags, &all, ei) == OK) {
        near = project_nearest_integration(all, name);
        for (size_t i = 0; i < all->n_integrations && i < 8; i++)
            buf_printf(&names, "%s" STR_FMT, i ? ", " : "", STR_ARG(all->integrations[i].name));
    }
    fail(ei, ERR_USAGE, "there is no integration \"" STR_FMT "\" in %s", STR_ARG(name), all ? all->dir : app->dir);
    if (near)
        fail_hint(ei, "did you mean \"%s\"?", near);
    else if (names.n)
        fail_hint(ei, "there are: %s", buf_cstr(&names));
    else
        fail_hint(ei, "integrations/NAME.json describes one");
    buf_free(&names);
    project_close(all);
    diags_free(diags);
}

static bool file_exists(struct app *app, struct str name)
{
    struct str path = arena_printf(app->arena, "%s/integrations/" STR_FMT ".json", app->dir, STR_ARG(name));

    return access(path.p, F_OK) == 0;
}

static bool is_project(struct app *app)
{
    return access(arena_printf(app->arena, "%s/sluice.json", app->dir).p, F_OK) == 0 ||
           access(arena_printf(app->arena, "%s/integrations", app->dir).p, F_OK) == 0;
}

enum err app_open_integration(struct app *app, const struct integration **ret, struct errinfo *ei)
{
    struct str name = app_word(app, 0);
    enum err err;

    if (is_project(app) && (!project_name_ok(name) || !file_exists(app, name))) {
        tell_no_such(app, name, ei);
        return ERR_USAGE;
    }
    err = app_open_project(app, name, ei);
    if (err)
        return err;
    *ret = project_integration(app->project, name);
    if (*ret)
        return OK;
    tell_no_such(app, name, ei);
    return ERR_USAGE;
}

enum err app_open_flow(struct app *app, struct flow **ret, struct errinfo *ei)
{
    const struct integration *i;
    enum err err = app_open_integration(app, &i, ei);
    struct flow *f;

    if (err)
        return err;
    f = flow_compile(app->project, i, app->diags);
    err = diags_first_error(app->diags, ei);
    if (!f)
        return err ? err : fail(ei, ERR_CONFIG, "the integration could not be compiled");
    *ret = f;
    return OK;
}

enum err app_open_store(struct app *app, bool write, struct errinfo *ei)
{
    struct str db = arena_printf(app->arena, "%s/state.db", app->project->state_dir);

    if (!write && access(db.p, F_OK) != 0)
        return OK;
    return store_open(app->project->state_dir, !write, &app->store, ei);
}

enum err app_open_journal(struct app *app, struct str integration, struct journal **ret, struct errinfo *ei)
{
    char *dir = store_journal_dir(app->store, integration);
    enum err err = journal_open(dir, (struct journal_limits){0}, true, ret, ei);

    free(dir);
    return err;
}

enum err app_connect_target(struct app *app, const struct flow *f, struct sink **ret, struct errinfo *ei)
{
    struct sink *s = NULL;
    struct strs options;
    enum err err = connection_values(app->project, f->integration->target, app->arena, &options, ei);

    err = err ? err : sink_open(f->sink_type, &f->sink_spec, &options, &s, ei);
    err = err ? err : sink_connect(s, ei);
    if (err) {
        if (s)
            sink_close(s);
        return err;
    }
    *ret = s;
    return OK;
}

enum err app_run_options(const struct app *app, int64_t patience_ms, struct run_options *ret, struct errinfo *ei)
{
    const char *text = app_value(app, "patience");

    *ret = (struct run_options){.clock = &clock_system, .patience_ms = patience_ms};
    if (text && !num_duration_ms(str_of(text), &ret->patience_ms)) {
        fail(ei, ERR_USAGE, "--patience is \"%s\"", text);
        return fail_hint(ei, "a duration like 10s, 5m or 1h");
    }
    return OK;
}

enum err app_open_lookups(struct app *app, struct flow *f, struct errinfo *ei)
{
    enum err err = f->n_lookups && !app->store ? app_open_store(app, false, ei) : OK;

    return err ? err : flow_open_lookups(f, app->store, &clock_system, ei);
}

enum err app_sample(struct app *app, struct flow *f, int64_t patience_ms, struct page **ret, struct errinfo *ei)
{
    struct run_options o;
    enum err err = app_run_options(app, patience_ms, &o, ei);

    err = err ? err : files_mkdir(app->project->state_dir, ei); /* the quota is shared through a file there */
    err = err ? err : app_open_lookups(app, f, ei);
    return err ? err : run_sample(app->project, f, &o, ret, ei);
}

enum err app_time(const struct app *app, const char *option, int64_t *ret_s, struct errinfo *ei)
{
    const char *text = app_value(app, option);
    int64_t ms;

    if (!time_parse(str_of(text), app->project->zone, &ms)) {
        fail(ei, ERR_USAGE, "--%s is \"%s\", which is no time", option, text);
        return fail_hint(ei, "write \"2026-11-01 08:30:00\" (%s) or 2026-11-01T08:30:00+08:00",
                         app->project->zone ? zone_name(app->project->zone) : "UTC");
    }
    *ret_s = ms / 1000;
    return OK;
}

enum err app_number(const struct app *app, const char *option, struct number_range r, int64_t *ret, struct errinfo *ei)
{
    const char *text = app_value(app, option);

    *ret = r.preset;
    if (!text || (num_i64(str_of(text), ret) && *ret >= r.min && *ret <= r.max))
        return OK;
    fail(ei, ERR_USAGE, "--%s is \"%s\"", option, text);
    return fail_hint(ei, "a whole number from %lld to %lld", (long long)r.min, (long long)r.max);
}
