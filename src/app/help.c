/* Help: of one command, of all, and the manual page; made from the rows of the table. */
#include "app/out.h"
#include "base/product.h"

#define LABEL_COLUMNS 26

const struct option_row global_options[] = {
    {"project", 'C', "PROJECT", "the project's folder (default: the current one)"},
    {"json", 0, NULL, "one JSON object on stdout instead of text"},
    {"quiet", 'q', NULL, "no progress, no warnings"},
    {"verbose", 'v', NULL, "tell more on stderr"},
    {"no-color", 0, NULL, "no colour (the same as NO_COLOR=1)"},
    {"help", 'h', NULL, "how to use the command"},
    {"version", 0, NULL, "the program's version"},
};
const size_t n_global_options = sizeof global_options / sizeof *global_options;

static void put(const struct app *app, const struct buf *b)
{
    fwrite(b->p, 1, b->n, app->out);
}

static void add_label(struct buf *b, const struct option_row *o)
{
    buf_printf(b, o->letter ? "-%c, " : "    ", o->letter);
    buf_printf(b, "--%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
}

static void add_options(struct buf *b, const struct option_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf label = buf_make(200);

        add_label(&label, &rows[i]);
        buf_add(b, S("  "));
        add_fitted(b, buf_str(&label),
                   text_width(buf_str(&label)) < LABEL_COLUMNS ? LABEL_COLUMNS : text_width(buf_str(&label)) + 2);
        buf_printf(b, "%s\n", rows[i].help);
        buf_free(&label);
    }
}

static void add_example(struct buf *b, const char *example)
{
    struct str rest = str_of(example), line;

    while (str_cut(&rest, '\n', &line))
        buf_printf(b, "  " STR_FMT "\n", STR_ARG(line));
}

void help_command(const struct app *app, const struct command *c)
{
    struct buf b = buf_make(1u << 20);

    buf_printf(&b, "%s%s %s%s%s%s%s\n\n%s\n", color(app, COLOR_BOLD), PRODUCT, c->name, color(app, COLOR_NONE),
               *c->synopsis ? " " : "", c->synopsis, c->n_options ? " [OPTION…]" : "",
               either(app, c->summary, c->summary_zh));
    if (*c->help)
        buf_printf(&b, "\n%s\n", c->help);
    if (c->n_options) {
        buf_add(&b, S("\nOptions:\n"));
        add_options(&b, c->options, c->n_options);
    }
    buf_add(&b, S("\nFor every command:\n"));
    add_options(&b, global_options, n_global_options);
    buf_add(&b, S("\nExample:\n"));
    add_example(&b, c->example);
    put(app, &b);
    buf_free(&b);
}

void help_all(const struct app *app)
{
    struct buf b = buf_make(1u << 20);
    const struct command *c;

    buf_printf(
        &b, "%s%s%s COMMAND [-C PROJECT] …\n\n%s\n\nCommands:\n", color(app, COLOR_BOLD), PRODUCT,
        color(app, COLOR_NONE),
        either(app,
               "Moves business records from the APIs of other people's systems into databases, described by metadata.",
               "按元数据描述，把第三方系统 API 的业务数据可靠地写入数据库。"));
    for (size_t i = 0; (c = command_at(i)); i++) {
        buf_add(&b, S("  "));
        add_fitted(&b, str_of(c->name), 12);
        buf_printf(&b, "%s\n", either(app, c->summary, c->summary_zh));
    }
    buf_add(&b, S("\nFor every command:\n"));
    add_options(&b, global_options, n_global_options);
    buf_printf(&b,
               "\nExit status: 0 all written, 1 failed, 2 wrong usage or configuration, 3 finished with dead letters, "
               "130 interrupted.\n"
               "`%s COMMAND --help` tells more, with an example. `%s demo` shows everything at work.\n",
               PRODUCT, PRODUCT);
    put(app, &b);
    buf_free(&b);
}

/* ---- the manual page ---- */

/* Roff: backslashes, hyphens of options, and lines that begin with a dot or a quote. */
static void add_roff(struct buf *b, struct str text)
{
    if (text.n && (text.p[0] == '.' || text.p[0] == '\''))
        buf_add(b, S("\\&"));
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\')
            buf_add(b, S("\\e"));
        else if (text.p[i] == '-')
            buf_add(b, S("\\-"));
        else
            buf_byte(b, text.p[i]);
    }
}

static void roff_options(struct buf *b, const struct option_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_add(b, S(".TP\n.B "));
        if (rows[i].letter)
            buf_printf(b, "\\-%c, ", rows[i].letter);
        buf_add(b, S("\\-\\-"));
        add_roff(b, str_of(rows[i].name));
        buf_printf(b, "%s%s\n", rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
        add_roff(b, str_of(rows[i].help));
        buf_byte(b, '\n');
    }
}

static void roff_lines(struct buf *b, const char *text)
{
    struct str rest = str_of(text), line;

    while (str_cut(&rest, '\n', &line)) {
        if (line.n)
            add_roff(b, line);
        else
            buf_add(b, S(".PP"));
        buf_byte(b, '\n');
    }
}

static void roff_command(struct buf *b, const struct command *c)
{
    buf_printf(b, ".SS %s %s\n", c->name, c->synopsis);
    roff_lines(b, c->summary);
    if (*c->help) {
        buf_add(b, S(".PP\n"));
        roff_lines(b, c->help);
    }
    roff_options(b, c->options, c->n_options);
    buf_add(b, S(".PP\n.nf\n.RS\n"));
    roff_lines(b, c->example);
    buf_add(b, S(".RE\n.fi\n"));
}

static void help_man(const struct app *app)
{
    struct buf b = buf_make(1u << 20);
    const struct command *c;

    buf_printf(&b,
               ".\\\" Written by `%s help --man`.\n.TH SLUICE 1 \"\" \"%s %s\" \"User Commands\"\n.SH NAME\n%s \\- "
               "move business records from APIs into databases\n",
               PRODUCT, PRODUCT, PRODUCT_VERSION, PRODUCT);
    buf_printf(&b, ".SH SYNOPSIS\n.B %s\n.I COMMAND\n[\\-C \\fIPROJECT\\fR] [\\fIOPTION\\fR]...\n.SH DESCRIPTION\n",
               PRODUCT);
    buf_add(&b, S("Moves business records from the APIs of other people's systems into databases, described by "
                  "metadata. A project is a folder: sluice.json, "
                  "connections/, integrations/, maps/, and .sluice/ for its own state.\n.SH OPTIONS\n"));
    roff_options(&b, global_options, n_global_options);
    buf_add(&b, S(".SH COMMANDS\n"));
    for (size_t i = 0; (c = command_at(i)); i++)
        roff_command(&b, c);
    buf_add(&b, S(".SH EXIT STATUS\n.TP\n.B 0\nall written\n.TP\n.B 1\nfailed\n.TP\n.B 2\nwrong usage or "
                  "configuration\n.TP\n.B 3\nfinished, with dead letters\n"
                  ".TP\n.B 130\ninterrupted; the state is safe\n"));
    buf_add(&b, S(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colour when it is set\n.TP\n.B LANG, LC_MESSAGES, "
                  "LC_ALL\nsummaries are in Chinese when the language begins with zh\n"
                  ".TP\n.B SLUICE_CONNECTORS\nthe folder of connectors\n.TP\n.B SLUICE_KEY_FILE\nthe key of the "
                  "encrypted secrets\n.TP\n.B SLUICE_SIM\n"
                  "the simulator that demo starts\n"));
    put(app, &b);
    buf_free(&b);
}

static void help_json(const struct app *app)
{
    struct buf b = buf_make(1u << 20);
    struct json_out w = json_out(&b);
    const struct command *c;

    json_out_begin(&w, '{');
    json_out_key(&w, "commands");
    json_out_begin(&w, '[');
    for (size_t i = 0; (c = command_at(i)); i++) {
        json_out_begin(&w, '{');
        json_member(&w, "name", str_of(c->name));
        json_member(&w, "synopsis", str_of(c->synopsis));
        json_member(&w, "summary", str_of(either(app, c->summary, c->summary_zh)));
        json_out_key(&w, "options");
        json_out_begin(&w, '[');
        for (size_t k = 0; k < c->n_options; k++)
            json_out_cstr(&w, c->options[k].name);
        json_out_end(&w, ']');
        json_member(&w, "example", str_of(c->example));
        json_out_end(&w, '}');
    }
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    print_json(app, &b);
    buf_free(&b);
}

int command_help(struct app *app)
{
    const struct command *c;

    if (app_flag(app, "man")) {
        help_man(app);
        return STATUS_OK;
    }
    if (app->json) {
        help_json(app);
        return STATUS_OK;
    }
    if (!app->n_words) {
        help_all(app);
        return STATUS_OK;
    }
    c = command_find(app_word(app, 0));
    if (!c)
        return app_usage(app, "there is no command \"%s\"", app->words[0]);
    help_command(app, c);
    return STATUS_OK;
}
