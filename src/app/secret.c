/* `secret`: the program's own encrypted store. A value comes from standard input, never from the command line, where
 * other users of the machine could read it; on a terminal it is not shown. */
#include "project/secret.h"

#include "app/out.h"
#include "app/unseen.h"
#include "base/log.h"
#include "base/product.h"

#include <stdio.h>

#define SECRET_MAX (64u << 10)

/* Reads the value; one line end at its end does not count. */
static enum err read_value(struct buf *b, const char *name, struct errinfo *ei)
{
    char prompt[256];
    enum err err;

    (void)snprintf(prompt, sizeof prompt, "value of %s (not shown): ", name);
    err = read_unseen(b, prompt, ei);
    if (err || b->n)
        return err;
    fail(ei, ERR_USAGE, "the value is empty");
    return fail_hint(ei, "it is read from standard input: `" PRODUCT " secret set %s < file`, or type it", name);
}

static void tell(const struct app *app, const char *what)
{
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);

    say(app, "secret \"%s\" was %s\n", app->words[1], what);
    json_out_begin(&w, '{');
    json_member(&w, "name", app_word(app, 1));
    json_member(&w, "done", str_of(what));
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    buf_free(&b);
}

static int set(struct app *app)
{
    struct buf b = buf_make(SECRET_MAX);
    struct errinfo ei;
    enum err err = read_value(&b, app->words[1], &ei);

    if (!err) {
        log_hide(buf_str(&b));
        err = secret_set(app->project->dir, app_word(app, 1), buf_str(&b), &ei);
    }
    if (b.p)
        explicit_bzero(b.p, b.cap);
    buf_free(&b);
    if (err)
        return app_fail(app, &ei);
    tell(app, "stored");
    return STATUS_OK;
}

static int rm(struct app *app)
{
    struct errinfo ei;

    if (secret_remove(app->project->dir, app_word(app, 1), &ei))
        return app_fail(app, &ei);
    tell(app, "removed");
    return STATUS_OK;
}

static int list(struct app *app)
{
    struct buf b = buf_make(1u << 20);
    struct json_out w = json_out(&b);
    struct errinfo ei;
    struct str *names;
    size_t n;

    if (secret_list(app->project->dir, app->arena, &names, &n, &ei))
        return app_fail(app, &ei);
    json_out_begin(&w, '{');
    json_out_key(&w, "secrets");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < n; i++) {
        say(app, STR_FMT "\n", STR_ARG(names[i]));
        json_out_str(&w, names[i]);
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    if (app->json)
        print_json(app, &b);
    else if (!n)
        say(app, "there are no secrets; `%s secret set NAME` stores one\n", PRODUCT);
    buf_free(&b);
    return STATUS_OK;
}

int command_secret(struct app *app)
{
    static const struct {
        const char *name;
        size_t words;
        int (*run)(struct app *app);
    } verbs[] = {{"set", 2, set}, {"list", 1, list}, {"rm", 2, rm}};
    static const char *const names[] = {"set", "list", "rm"};
    const char *near = str_nearest(app_word(app, 0), names, 3);
    struct errinfo ei;

    for (size_t i = 0; i < 3; i++) {
        if (!str_eq(app_word(app, 0), str_of(verbs[i].name)))
            continue;
        if (app->n_words != verbs[i].words)
            return app_usage(app, "secret %s takes %s", verbs[i].name,
                             verbs[i].words == 2 ? "one NAME; the value comes from standard input" : "nothing more");
        if (project_open(app->dir, NULL, 0, app->diags, &app->project, &ei))
            return app_fail(app, &ei);
        return verbs[i].run(app);
    }
    if (near)
        return app_usage(app, "unknown \"secret %s\" (did you mean \"%s\"?)", app->words[0], near);
    return app_usage(app, "unknown \"secret %s\"", app->words[0]);
}
