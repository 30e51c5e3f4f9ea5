/* What a command is, and what it is given. One table (table.c) holds all of them: the parser, `--help`, the man page
 * and the completions are made from its rows. */
#ifndef APP_COMMAND_H
#define APP_COMMAND_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "project/project.h"
#include "store/store.h"

#include <stdio.h>

struct app;

/* An option of a command: --name, -letter, and what its argument is called (NULL: it takes none). */
struct option_row {
    const char *name;
    char letter; /* 0: none */
    const char *argument;
    const char *help;
};

/* What the words after a command are, for completion. */
enum words {
    WORDS_NONE,
    WORDS_INTEGRATION,
    WORDS_CONNECTOR,
    WORDS_SCHEMA,
    WORDS_COMMAND,
    WORDS_FOLDER,
    WORDS_SHELL,
    WORDS_SECRET,
    WORDS_USER,
    WORDS_ALERTS
};

struct command {
    const char *name;
    const char *synopsis; /* of its words: "NAME" */
    const char *summary, *summary_zh;
    const char *help;    /* a paragraph or two */
    const char *example; /* lines to type */
    const struct option_row *options;
    size_t n_options;
    size_t min_words, max_words;
    enum words words;
    int (*run)(struct app *app); /* gives the exit status */
};

#define OPTIONS_MAX 12

struct app {
    const struct command *command;
    const char *dir;          /* -C, "." by default */
    const char *const *words; /* after the command, options taken out */
    size_t n_words;
    const char *values[OPTIONS_MAX]; /* by row of command->options; NULL: not given; "" for one without argument */
    bool json, quiet, verbose;
    bool color_out, color_err, tty_err;
    bool chinese;
    int width; /* of the terminal, 80 when there is none */
    FILE *out; /* stdout, or where a command inside a command is to write */
    struct arena *arena;
    struct diags *diags;
    struct project *project; /* after app_open_… */
    struct store *store;     /* after app_open_store; NULL while nothing has run yet */
};

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_WRONG = 2, STATUS_PARTIAL = 3, STATUS_INTERRUPTED = 130 };

/* table.c */
const struct command *command_at(size_t i); /* NULL behind the last */
const struct command *command_find(struct str name);
extern const struct option_row global_options[];
extern const size_t n_global_options;

/* cli.c */
/* Reads the command line and runs the command; gives the exit status. `out` takes the place of stdout. */
int command_main(int argc, const char *const *argv, FILE *out);
const char *app_value(const struct app *app, const char *option); /* NULL when it was not given */
static inline bool app_flag(const struct app *app, const char *option)
{
    return app_value(app, option) != NULL;
}
static inline struct str app_word(const struct app *app, size_t i)
{
    return i < app->n_words ? str_of(app->words[i]) : (struct str){0};
}

/* help.c */
void help_command(const struct app *app, const struct command *c);
void help_all(const struct app *app);

/* The commands. */
int command_alerts(struct app *app);
int command_audit(struct app *app);
int command_bundle(struct app *app);
int command_check(struct app *app);
int command_completion(struct app *app);
int command_connectors(struct app *app);
int command_cursor(struct app *app);
int command_ddl(struct app *app);
int command_demo(struct app *app);
int command_drop(struct app *app);
int command_fields(struct app *app);
int command_help(struct app *app);
int command_init(struct app *app);
int command_log(struct app *app);
int command_preview(struct app *app);
int command_records(struct app *app);
int command_replay(struct app *app);
int command_retry(struct app *app);
int command_run(struct app *app);
int command_runs(struct app *app);
int command_schema(struct app *app);
int command_secret(struct app *app);
int command_serve(struct app *app);
int command_status(struct app *app);
int command_user(struct app *app);
int command_version(struct app *app);

#endif
