/* The command line: options anywhere, `--name value` and `--name=value`, `-n 5` and `-n5`, `--` ends them. Unknown
 * words get the nearest known one.
 *
 * Options are looked up in the rows of the command and in the global rows; nothing here knows what one means but the
 * global ones. */
#include "app/out.h"
#include "base/log.h"
#include "base/product.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define APP_ARENA_MAX (1u << 30)

struct parse {
    struct app *app;
    int argc;
    const char *const *argv;
    int at;
    const char **words;
    bool help, version, no_color;
};

const char *app_value(const struct app *app, const char *option)
{
    for (size_t i = 0; i < app->command->n_options; i++)
        if (strcmp(app->command->options[i].name, option) == 0)
            return app->values[i];
    return NULL;
}

static const struct option_row *row_of(const struct option_row *rows, size_t n, struct str name, char letter)
{
    for (size_t i = 0; i < n; i++)
        if (letter ? rows[i].letter == letter : str_eq(str_of(rows[i].name), name))
            return &rows[i];
    return NULL;
}

static int unknown_option(const struct app *app, const char *word)
{
    const char *names[OPTIONS_MAX + 16];
    size_t n = 0;
    const char *near;

    for (size_t i = 0; i < n_global_options; i++)
        names[n++] = global_options[i].name;
    for (size_t i = 0; app->command && i < app->command->n_options; i++)
        names[n++] = app->command->options[i].name;
    near = str_starts(str_of(word), S("--")) ? str_nearest(str_of(word + 2), names, n) : NULL;
    if (near)
        return app_usage(app, "unknown option %s (did you mean --%s?)", word, near);
    return app_usage(app, "unknown option %s", word);
}

static int unknown_command(const struct app *app, const char *word)
{
    const char *names[64];
    size_t n = 0;
    const char *near;

    for (const struct command *c; n < 64 && (c = command_at(n)); n++)
        names[n] = c->name;
    near = str_nearest(str_of(word), names, n);
    if (near)
        return app_usage(app, "unknown command \"%s\" (did you mean \"%s\"?)", word, near);
    return app_usage(app, "unknown command \"%s\"", word);
}

static void set_global(struct parse *p, const struct option_row *row, const char *value)
{
    struct str name = str_of(row->name);

    if (str_eq(name, S("project")))
        p->app->dir = value;
    else if (str_eq(name, S("json")))
        p->app->json = true;
    else if (str_eq(name, S("quiet")))
        p->app->quiet = true;
    else if (str_eq(name, S("verbose")))
        p->app->verbose = true;
    else if (str_eq(name, S("no-color")))
        p->no_color = true;
    else if (str_eq(name, S("help")))
        p->help = true;
    else if (str_eq(name, S("version")))
        p->version = true;
}

/* An option whose own row was found: takes its argument. -1: went well. */
static int take(struct parse *p, const struct option_row *row, bool global, const char *attached)
{
    struct app *app = p->app;
    const char *value = "";

    if (!row->argument && attached)
        return app_usage(app, "--%s takes no value", row->name);
    if (row->argument) {
        value = attached ? attached : p->at + 1 < p->argc ? p->argv[++p->at] : NULL;
        if (!value)
            return app_usage(app, "--%s needs a value: %s", row->name, row->argument);
    }
    if (global)
        set_global(p, row, value);
    else
        app->values[row - app->command->options] = value;
    return -1;
}

static int option(struct parse *p, const char *word)
{
    struct app *app = p->app;
    bool is_long = word[1] == '-';
    struct str text = str_of(word);
    size_t eq = is_long ? str_find(text, S("="), 0) : SIZE_MAX;
    struct str name = is_long ? str_sub(text, 2, eq == SIZE_MAX ? text.n : eq - 2) : str_sub(text, 1, 1);
    char letter = is_long ? 0 : word[1];
    const char *attached = is_long ? (eq == SIZE_MAX ? NULL : word + eq + 1) : (word[2] ? word + 2 : NULL);
    const struct option_row *row = NULL;

    if (app->command)
        row = row_of(app->command->options, app->command->n_options, name, letter);
    if (row)
        return take(p, row, false, attached);
    row = row_of(global_options, n_global_options, name, letter);
    return row ? take(p, row, true, attached) : unknown_option(app, word);
}

/* The first word that is no option names the command; it is found first, so that its own options may stand before it
 * too. */
static int find_command(struct parse *p)
{
    for (int i = 1; i < p->argc; i++) {
        const char *word = p->argv[i];

        if (strcmp(word, "--") == 0)
            break;
        if (word[0] == '-') {
            const struct option_row *row = word[1] == '-'
                                               ? row_of(global_options, n_global_options, str_of(word + 2), 0)
                                               : row_of(global_options, n_global_options, S(""), word[1]);

            i += row && row->argument && (word[1] == '-' || !word[2]);
            continue;
        }
        p->app->command = command_find(str_of(word));
        return p->app->command ? i : -1 - i;
    }
    return 0;
}

static int read_words(struct parse *p, int command_at_arg)
{
    struct app *app = p->app;
    bool ended = false;

    for (p->at = 1; p->at < p->argc; p->at++) {
        const char *word = p->argv[p->at];
        int status = -1;

        if (p->at == command_at_arg)
            continue;
        if (!ended && strcmp(word, "--") == 0)
            ended = true;
        else if (!ended && word[0] == '-' && word[1])
            status = option(p, word);
        else
            p->words[app->n_words++] = word;
        if (status >= 0)
            return status;
    }
    app->words = p->words;
    return -1;
}

static int check_words(const struct app *app)
{
    const struct command *c = app->command;

    if (app->n_words < c->min_words)
        return app_usage(app, "%s needs %s", c->name, c->synopsis);
    if (app->n_words > c->max_words)
        return app_usage(app, "%s does not know what to do with \"%s\"", c->name, app->words[c->max_words]);
    return -1;
}

static bool wants_chinese(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return strncmp(value, "zh", 2) == 0;
    }
    return false;
}

static void look_around(struct parse *p)
{
    struct app *app = p->app;
    const char *never = getenv("NO_COLOR"), *term = getenv("TERM");
    bool color = !p->no_color && !(never && *never) && !(term && strcmp(term, "dumb") == 0);
    struct winsize w;

    app->tty_err = isatty(STDERR_FILENO) == 1;
    app->color_out = color && app->out == stdout && isatty(STDOUT_FILENO) == 1 && !app->json;
    app->color_err = color && app->tty_err;
    app->chinese = wants_chinese();
    app->width =
        ioctl(app->out == stdout ? STDOUT_FILENO : STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

static int dispatch(struct parse *p, int command_at_arg)
{
    struct app *app = p->app;
    int status;

    if (command_at_arg < 0)
        return unknown_command(app, p->argv[-1 - command_at_arg]);
    status = read_words(p, command_at_arg);
    if (status >= 0)
        return status;
    look_around(p);
    log_set_level(app->verbose ? LOG_DEBUG_ : app->quiet ? LOG_ERROR_ : LOG_INFO_);
    if (p->version) {
        app->command = command_find(S("version"));
        return app->command->run(app);
    }
    if (p->help || !app->command) {
        if (app->command)
            help_command(app, app->command);
        else
            help_all(app);
        return p->help ? STATUS_OK : app_usage(app, "no command was given");
    }
    status = check_words(app);
    return status >= 0 ? status : app->command->run(app);
}

int command_main(int argc, const char *const *argv, FILE *out)
{
    struct app app = {.dir = ".", .out = out, .arena = arena_new(APP_ARENA_MAX), .diags = diags_new()};
    struct parse p = {.app = &app, .argc = argc, .argv = argv, .words = mem_zero(sizeof *p.words * (size_t)(argc + 1))};
    int at, status;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        app.json = app.json || strcmp(argv[i], "--json") == 0; /* so that mistakes before it are told in JSON too */
    at = find_command(&p);
    status = dispatch(&p, at);
    store_close(app.store);
    project_close(app.project);
    diags_free(app.diags);
    arena_free(app.arena);
    free(p.words);
    fflush(out);
    return status;
}
