/* `check`: everything that can be known without calling anybody; with --online also what source and target say.
 * Findings are told as compilers do, file:line:column first.
 *
 * Status 2 for an error that was found offline, 1 for one that only the other side could show, 0 for warnings alone
 * (decisions 28). */
#include "app/check.h"
#include "app/out.h"
#include "base/product.h"
#include "project/secret.h"

#include <stdlib.h>

struct check {
    struct app *app;
    struct flow **flows; /* by integration; NULL where there are errors */
    size_t n;
    struct online *online;
    size_t n_online;
};

static void check_secrets(struct app *app, const struct connection *c)
{
    if (!c || !c->connector)
        return;
    for (size_t i = 0; i < c->options.n; i++) {
        struct pos pos = c->option_pos ? c->option_pos[i] : c->pos;
        struct errinfo ei;
        struct str value;

        if (!c->options.at[i].n || secret_resolve(app->project->dir, c->options.at[i], app->arena, &value, &ei) == OK)
            continue;
        diags_add(app->diags, DIAG_ERROR, pos, "%s", ei.msg);
        diags_remedy(app->diags, "%s", ei.hint);
    }
}

static void diag_json(struct json_out *w, const struct diag *d)
{
    static const char *const levels[] = {"note", "warning", "error"};

    json_out_begin(w, '{');
    json_out_key(w, "file");
    json_out_cstr(w, d->pos.file);
    json_number(w, "line", d->pos.line);
    json_number(w, "column", d->pos.col);
    json_member(w, "severity", str_of(levels[d->level]));
    json_member(w, "what", str_of(d->what));
    json_member(w, "remedy", str_of(d->remedy));
    json_member(w, "nearest", d->nearest && *d->nearest ? str_of(d->nearest) : (struct str){0});
    json_out_end(w, '}');
}

static void tell_json(const struct check *c, size_t errors, size_t warnings)
{
    struct buf b = buf_make(64u << 20);
    struct json_out w = json_out(&b);

    json_out_begin(&w, '{');
    json_flag(&w, "ok", errors == 0);
    json_number(&w, "errors", (int64_t)errors);
    json_number(&w, "warnings", (int64_t)warnings);
    json_number(&w, "integrations", (int64_t)c->n);
    json_out_key(&w, "diagnostics");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < diags_count(c->app->diags, DIAG_NOTE); i++)
        diag_json(&w, diags_at(c->app->diags, i));
    json_out_end(&w, ']');
    if (app_flag(c->app, "online")) {
        json_out_key(&w, "online");
        json_out_begin(&w, '[');
        for (size_t i = 0; i < c->n_online; i++)
            online_json(&w, &c->online[i]);
        json_out_end(&w, ']');
    }
    json_out_end(&w, '}');
    print_json(c->app, &b);
    buf_free(&b);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static void tell(const struct check *c, size_t errors, size_t warnings)
{
    const struct app *app = c->app;
    static const enum color colors[] = {COLOR_NONE, COLOR_YELLOW, COLOR_RED};

    for (size_t i = 0; i < diags_count(app->diags, DIAG_NOTE); i++) {
        const struct diag *d = diags_at(app->diags, i);
        char line[4096];
        struct buf b = buf_make(64u << 10);

        diag_print(d, line, sizeof line);
        add_clean(&b, str_of(line));
        say(app, "%s%s%s\n", color(app, colors[d->level]), buf_cstr(&b), color(app, COLOR_NONE));
        buf_free(&b);
    }
    for (size_t i = 0; i < c->n_online; i++)
        online_say(app, &c->online[i]);
    say(app, "%zu integration%s checked: ", c->n, plural(c->n));
    if (!errors && !warnings)
        say(app, "%sno errors%s\n", color(app, COLOR_GREEN), color(app, COLOR_NONE));
    else if (!errors)
        say(app, "no errors, %zu warning%s\n", warnings, plural(warnings));
    else
        say(app, "%zu error%s, %zu warning%s\n", errors, plural(errors), warnings, plural(warnings));
}

static enum err open_all(struct check *c, struct errinfo *ei)
{
    struct app *app = c->app;
    struct str *only = ARENA_ARRAY(app->arena, struct str, app->n_words + 1);
    enum err err;

    for (size_t i = 0; i < app->n_words; i++)
        only[i] = app_word(app, i);
    err = project_open(app->dir, app->n_words ? only : NULL, app->n_words, app->diags, &app->project, ei);
    if (err)
        return err;
    for (size_t i = 0; i < app->n_words; i++) {
        if (project_integration(app->project, only[i]) || diags_count(app->diags, DIAG_ERROR))
            continue;
        fail(ei, ERR_USAGE, "there is no integration \"" STR_FMT "\" in %s", STR_ARG(only[i]), app->project->dir);
        return fail_hint(ei, "integrations/" STR_FMT ".json would describe it", STR_ARG(only[i]));
    }
    c->n = app->project->n_integrations;
    c->flows = ARENA_ARRAY(app->arena, struct flow *, c->n + 1);
    c->online = ARENA_ARRAY(app->arena, struct online, c->n + 1);
    return OK;
}

static void compile_all(struct check *c)
{
    struct app *app = c->app;

    for (size_t i = 0; i < c->n; i++) {
        const struct integration *g = &app->project->integrations[i];

        c->flows[i] = flow_compile(app->project, g, app->diags);
        check_secrets(app, g->source);
        check_secrets(app, g->target);
    }
    if (!app->n_words)
        for (size_t i = 0; i < app->project->n_connections; i++)
            check_secrets(app, &app->project->connections[i]);
    if (!c->n && !diags_count(app->diags, DIAG_ERROR))
        diags_add(app->diags, DIAG_WARNING, (struct pos){0}, "there are no integrations in %s", app->project->dir);
}

int command_check(struct app *app)
{
    struct check c = {.app = app};
    struct errinfo ei;
    size_t offline, errors;

    if (open_all(&c, &ei))
        return app_fail(app, &ei);
    compile_all(&c);
    offline = diags_count(app->diags, DIAG_ERROR);
    if (app_flag(app, "online"))
        for (size_t i = 0; i < c.n; i++)
            if (c.flows[i])
                check_online(app, c.flows[i], &c.online[c.n_online++]);
    errors = diags_count(app->diags, DIAG_ERROR);
    if (app->json)
        tell_json(&c, errors, diags_count(app->diags, DIAG_WARNING) - errors);
    else
        tell(&c, errors, diags_count(app->diags, DIAG_WARNING) - errors);
    for (size_t i = 0; i < c.n; i++)
        flow_free(c.flows[i]);
    return offline ? STATUS_WRONG : errors ? STATUS_FAILED : STATUS_OK;
}
