/* `completion`: scripts for bash and zsh, made from the table of commands. Names of integrations come from the
 * project's files while one types. */
#include "app/out.h"
#include "base/product.h"

static void add_commands(struct buf *b)
{
    const struct command *c;

    for (size_t i = 0; (c = command_at(i)); i++)
        buf_printf(b, "%s%s", i ? " " : "", c->name);
}

static void add_options(struct buf *b, const struct option_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_printf(b, " --%s", rows[i].name);
        if (rows[i].letter)
            buf_printf(b, " -%c", rows[i].letter);
    }
}

static const char *words_of(const struct command *c)
{
    switch (c->words) {
    case WORDS_INTEGRATION:
        return "$(_sluice_integrations)";
    case WORDS_CONNECTOR:
        return "$(" PRODUCT " connectors 2>/dev/null | cut -d' ' -f1)";
    case WORDS_SCHEMA:
        return "$(" PRODUCT " schema 2>/dev/null)";
    case WORDS_COMMAND:
        return "$_sluice_commands";
    case WORDS_SHELL:
        return "bash zsh";
    case WORDS_SECRET:
        return "set list rm";
    case WORDS_USER:
        return "add list rm";
    case WORDS_ALERTS:
        return "list history rules channels test silences silence unsilence";
    case WORDS_FOLDER:
    case WORDS_NONE:
        break;
    }
    return "";
}

/* Shell functions that both scripts share: what may stand behind a command. */
static void add_shared(struct buf *b)
{
    const struct command *c;

    buf_add(b, S("_sluice_commands=\""));
    add_commands(b);
    buf_add(b, S("\"\n\n_sluice_integrations() {\n    local file\n    for file in "
                 "\"${_sluice_project:-.}\"/integrations/*.json; do\n"
                 "        file=${file##*/}\n        case $file in\n        \\*.json | *.source.json | *.target.json) "
                 ";;\n        *) echo \"${file%.json}\" ;;\n        esac\n    done\n}\n\n"
                 "_sluice_options() {\n    case $1 in\n"));
    for (size_t i = 0; (c = command_at(i)); i++) {
        buf_printf(b, "    %s) echo \"", c->name);
        add_options(b, c->options, c->n_options);
        buf_add(b, S("\" ;;\n"));
    }
    buf_add(b, S("    esac\n    echo \""));
    add_options(b, global_options, n_global_options);
    buf_add(b, S("\"\n}\n\n_sluice_words() {\n    case $1 in\n"));
    for (size_t i = 0; (c = command_at(i)); i++)
        if (*words_of(c))
            buf_printf(b, "    %s) echo \"%s\" ;;\n", c->name, words_of(c));
    buf_add(b, S("    esac\n}\n\n"));
}

static void add_bash(struct buf *b)
{
    buf_add(b, S("# Completion of " PRODUCT " for bash: source <(" PRODUCT " completion bash)\n"));
    add_shared(b);
    buf_add(b, S("_sluice() {\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} command= _sluice_project=. i choices\n"
                 "    COMPREPLY=()\n"
                 "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                 "        case ${COMP_WORDS[i]} in\n"
                 "        -C | --project) _sluice_project=${COMP_WORDS[++i]} ;;\n"
                 "        -*) ;;\n"
                 "        *) [[ -z $command ]] && command=${COMP_WORDS[i]} ;;\n"
                 "        esac\n"
                 "    done\n"
                 "    case ${COMP_WORDS[COMP_CWORD - 1]} in\n"
                 "    -C | --project | --keep) mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); return ;;\n"
                 "    --connection) mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return ;;\n"
                 "    esac\n"
                 "    if [[ -z $command ]]; then\n"
                 "        choices=$_sluice_commands\n"
                 "        [[ $word == -* ]] && choices=$(_sluice_options)\n"
                 "    elif [[ $word == -* ]]; then\n"
                 "        choices=$(_sluice_options \"$command\")\n"
                 "    else\n"
                 "        choices=$(_sluice_words \"$command\")\n"
                 "    fi\n"
                 "    mapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$word\")\n"
                 "}\n"
                 "complete -F _sluice " PRODUCT "\n"));
}

static void add_zsh(struct buf *b)
{
    buf_add(b, S("#compdef " PRODUCT "\n# Completion of " PRODUCT " for zsh: " PRODUCT
                 " completion zsh > \"${fpath[1]}/_" PRODUCT "\"\n"));
    add_shared(b);
    buf_add(
        b,
        S("_sluice() {\n"
          "    local command= _sluice_project=. i\n"
          "    for ((i = 2; i < CURRENT; i++)); do\n"
          "        case $words[i] in\n"
          "        -C|--project) _sluice_project=$words[++i] ;;\n"
          "        -*) ;;\n"
          "        *) [[ -z $command ]] && command=$words[i] ;;\n"
          "        esac\n"
          "    done\n"
          "    case $words[CURRENT-1] in\n"
          "    -C|--project|--keep) _files -/; return ;;\n"
          "    --connection) _files; return ;;\n"
          "    esac\n"
          "    if [[ $words[CURRENT] == -* ]]; then\n"
          "        compadd -- ${=\"$(_sluice_options $command)\"}\n"
          "    elif [[ -z $command ]]; then\n"
          "        compadd -- ${=_sluice_commands}\n"
          "    else\n"
          "        compadd -- ${=\"$(_sluice_words $command)\"}\n"
          "    fi\n"
          "}\n"
          "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n    _sluice \"$@\"\nelse\n    compdef _sluice " PRODUCT
          "\nfi\n"));
}

int command_completion(struct app *app)
{
    struct buf b = buf_make(1u << 20), json = buf_make(1u << 20);
    struct json_out w = json_out(&json);

    if (str_eq(app_word(app, 0), S("bash")))
        add_bash(&b);
    else if (str_eq(app_word(app, 0), S("zsh")))
        add_zsh(&b);
    else
        return app_usage(app, "completion is there for bash and zsh, not for \"%s\"", app->words[0]);
    say_str(app, buf_str(&b));
    if (app->json) {
        json_out_begin(&w, '{');
        json_member(&w, "shell", app_word(app, 0));
        json_member(&w, "script", buf_str(&b));
        json_out_end(&w, '}');
        print_json(app, &json);
    }
    buf_free(&b);
    buf_free(&json);
    return STATUS_OK;
}
