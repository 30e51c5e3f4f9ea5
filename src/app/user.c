/* `user`: the accounts of the dashboard, in the file that `serve` reads as well; a server that runs sees a change with
 * the next request. A password comes from standard input, on a terminal typed twice. */
#include "app/user.h"

#include "app/out.h"
#include "app/unseen.h"
#include "base/clock.h"
#include "base/product.h"
#include "server/users.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_MAX (64u << 10)

const char *app_users_path(const struct app *app)
{
    const struct node *n = app->project->settings.users;

    if (!n || n->type != NODE_STRING || !n->text.n)
        return arena_printf(app->arena, "%s/users.json", app->project->state_dir).p;
    if (n->text.p[0] == '/')
        return arena_cstr(app->arena, n->text);
    return arena_printf(app->arena, "%s/" STR_FMT, app->project->dir, STR_ARG(n->text)).p;
}

static int tell(const struct app *app, const char *what)
{
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);

    say(app, "user \"%s\" was %s\n", app->words[1], what);
    json_out_begin(&w, '{');
    json_member(&w, "name", app_word(app, 1));
    json_member(&w, "done", str_of(what));
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    buf_free(&b);
    return STATUS_OK;
}

static void wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_free(b);
}

/* Typed twice on a terminal; once where a file or a pipe gives it. */
static enum err read_password(const struct app *app, struct buf *password, struct errinfo *ei)
{
    struct buf again = buf_make(READ_MAX);
    char prompt[128];
    enum err err;

    (void)snprintf(prompt, sizeof prompt, "password of %.64s (not shown): ", app->words[1]);
    err = read_unseen(password, prompt, ei);
    if (!err && isatty(STDIN_FILENO) == 1) {
        err = read_unseen(&again, "once more: ", ei);
        if (!err && !str_eq(buf_str(password), buf_str(&again)))
            err = fail(ei, ERR_USAGE, "the two are not the same");
    }
    wipe(&again);
    return err;
}

static int add(struct app *app, struct users *users)
{
    const char *role = app_value(app, "role");
    struct user_change c = {.name = app_word(app, 1), .fresh = true};
    struct buf password = buf_make(READ_MAX);
    struct user *all;
    size_t n = users_list(users, app->arena, &all);
    struct errinfo ei;
    enum err err;

    if (!role_find(str_of(role ? role : "admin"), &c.role))
        return app_usage(app, "--role takes viewer, operator or admin, not \"%s\"", role);
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(all[i].name, c.name))
            continue;
        c.fresh = false;
        c.role = role ? c.role : all[i].role;
    }
    err = read_password(app, &password, &ei);
    if (!err) {
        c.password = password.n ? buf_str(&password) : S("");
        err = users_put(users, &c, &ei);
    }
    wipe(&password);
    return err ? app_fail(app, &ei) : tell(app, c.fresh ? "added" : "changed");
}

static int rm(struct app *app, struct users *users)
{
    struct errinfo ei;

    if (users_remove(users, app_word(app, 1), false, &ei))
        return app_fail(app, &ei);
    return tell(app, "removed");
}

static int list(struct app *app, struct users *users)
{
    struct buf b = buf_make(1u << 20);
    struct json_out w = json_out(&b);
    struct user *all;
    size_t n = users_list(users, app->arena, &all);
    char at[TIME_TEXT];

    json_out_begin(&w, '{');
    json_out_key(&w, "users");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < n; i++) {
        say(app, "%-8s " STR_FMT "\n", role_name(all[i].role), STR_ARG(all[i].name));
        json_out_begin(&w, '{');
        json_member(&w, "name", all[i].name);
        json_member(&w, "role", str_of(role_name(all[i].role)));
        json_member(&w, "created", str_mk(at, time_rfc3339(app->project->zone, all[i].created_ms, at)));
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    else if (!n)
        say(app, "there are no users; `%s user add NAME` adds the first\n", PRODUCT);
    buf_free(&b);
    return STATUS_OK;
}

static int with_users(struct app *app, int (*run)(struct app *app, struct users *users))
{
    struct users *users;
    struct errinfo ei;
    int status;

    if (project_open(app->dir, NULL, 0, app->diags, &app->project, &ei) || users_open(app_users_path(app), &users, &ei))
        return app_fail(app, &ei);
    status = run(app, users);
    users_close(users);
    return status;
}

int command_user(struct app *app)
{
    static const struct {
        const char *name;
        size_t words;
        int (*run)(struct app *app, struct users *users);
    } verbs[] = {{"add", 2, add}, {"list", 1, list}, {"rm", 2, rm}};
    static const char *const names[] = {"add", "list", "rm"};
    const char *near = str_nearest(app_word(app, 0), names, 3);

    for (size_t i = 0; i < 3; i++) {
        if (!str_eq(app_word(app, 0), str_of(verbs[i].name)))
            continue;
        if (app->n_words != verbs[i].words)
            return app_usage(app, "user %s takes %s", verbs[i].name, verbs[i].words == 2 ? "one NAME" : "nothing more");
        return with_users(app, verbs[i].run);
    }
    if (near)
        return app_usage(app, "unknown \"user %s\" (did you mean \"%s\"?)", app->words[0], near);
    return app_usage(app, "unknown \"user %s\"", app->words[0]);
}
