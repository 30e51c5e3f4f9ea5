/* `bundle`: the project in one file, for somebody who helps or for another machine. Documents without secrets, and what
 * the program says of the project: status, findings of `check`, the newest lines of its log, what build it is.
 *
 * The documents come first. What hides everything in messages (any value that came from a reference) would break
 * documents where a short word is such a value, so `status`, `check` and `log`, which hide more, run behind them. They
 * are the commands themselves, inside this process. */
#include "app/bundle.h"

#include "app/open.h"
#include "app/out.h"
#include "app/tarball.h"
#include "base/log.h"
#include "base/product.h"
#include "project/portable.h"

#include <stdlib.h>
#include <unistd.h>

#define DOCUMENT_MAX (64u << 20)
#define TEXT_MAX     (256u << 20)
#define WORDS_MAX    6
#define INFO         "bundle/"

struct bundle {
    struct app *app;
    const char *path; /* of the archive */
    struct str root;  /* the folder in it */
    struct bundle_files files;
    struct portable *portable;
    struct tarball *tarball;
    int64_t lines, now_s, bytes, packed;
};

/* ---- into the archive ---- */

static enum err put(struct bundle *b, struct str path, struct str text, int64_t modified_s, struct errinfo *ei)
{
    struct tarball_file f = {.text = text, .modified_s = modified_s, .mode = 0644};

    f.path = arena_printf(b->app->arena, STR_FMT "/" STR_FMT, STR_ARG(b->root), STR_ARG(path)).p;
    if (str_starts(path, S("connections/")))
        f.mode = 0600;
    if (str_ends(path, S("/")))
        f.mode = 0700;
    return tarball_add(b->tarball, &f, ei);
}

static enum err put_document(struct bundle *b, const struct bundle_file *one, struct errinfo *ei)
{
    struct arena *a = arena_new(DOCUMENT_MAX);
    struct buf out = buf_make(DOCUMENT_MAX);
    struct errinfo why;
    struct str text;
    int64_t modified_s;
    enum err err = OK;

    if (portable_is_hidden(one->path)) {
        bundle_leave(&b->files, S("***"), "its name holds a secret", true);
    } else if (bundle_read(&b->files, one, a, &text, &modified_s)) {
        if (portable_document(b->portable, one->path, text, &out, &why)) {
            bundle_leave(&b->files, one->path, why.msg, true);
        } else {
            err = put(b, one->path, buf_str(&out), modified_s, ei);
            b->packed++;
        }
    }
    buf_free(&out);
    arena_free(a);
    return err;
}

static enum err put_documents(struct bundle *b, struct errinfo *ei)
{
    bool state = false;
    enum err err = OK;

    for (size_t i = 0; i < b->files.n && !err; i++) {
        const struct bundle_file *one = &b->files.at[i];

        if (!state && str_starts(one->path, S("." PRODUCT "/"))) {
            state = true;
            err = put(b, S("." PRODUCT "/"), S(""), b->now_s, ei); /* for its mode: what is in it later is private */
        }
        err = err ? err : put_document(b, one, ei);
    }
    return err;
}

/* ---- what the program says ---- */

/* What a command says with --json, as a file; a failure too. Words end with NULL. */
static enum err put_command(struct bundle *b, const char *name, const char *const *words, struct errinfo *ei)
{
    const char *argv[WORDS_MAX + 4] = {PRODUCT, "--json"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int argc = 2;
    enum err err;

    if (!out)
        die_no_memory();
    for (size_t i = 0; words[i] && i < WORDS_MAX; i++)
        argv[argc++] = words[i];
    argv[argc++] = arena_printf(b->app->arena, "--project=%s", b->app->dir).p;
    (void)command_main(argc, argv, out);
    fclose(out);
    err = put(b, arena_printf(b->app->arena, INFO "%s", name), str_mk(text, size), b->now_s, ei);
    free(text);
    return err;
}

static enum err put_commands(struct bundle *b, struct errinfo *ei)
{
    const char *number = arena_printf(b->app->arena, "--number=%lld", (long long)b->lines).p;
    enum err err = put_command(b, "version.json", (const char *const[]){"version", NULL}, ei);

    err = err ? err : put_command(b, "check.json", (const char *const[]){"check", NULL}, ei);
    err = err ? err : put_command(b, "status.json", (const char *const[]){"status", NULL}, ei);
    if (!err && b->lines)
        err = put_command(b, "log.jsonl", (const char *const[]){"log", number, NULL}, ei);
    return err;
}

/* ---- what is told ---- */

/* What gives a reference its value. */
static struct str remedy(const struct bundle *b, struct str reference)
{
    size_t colon = str_find(reference, S(":"), 0);
    struct str kind = str_sub(reference, 2, colon - 2), name = str_sub(reference, colon + 1, reference.n - colon - 2);

    if (str_eq(kind, S("env")))
        return arena_printf(b->app->arena, "set the environment variable " STR_FMT, STR_ARG(name));
    if (str_eq(kind, S("file")))
        return arena_printf(b->app->arena, "write it into the file " STR_FMT, STR_ARG(name));
    return arena_printf(b->app->arena, PRODUCT " secret set \"" STR_FMT "\"", STR_ARG(name));
}

static void add_needs(const struct bundle *b, struct buf *out)
{
    size_t n;
    const struct portable_need *needs = portable_needs(b->portable, &n);

    if (n)
        buf_add(out, S("\nTo be set where it is unpacked:\n"));
    for (size_t i = 0; i < n; i++) {
        buf_add(out, S("  "));
        buf_add(out, needs[i].reference);
        buf_printf(out, "\n    for " STR_FMT "%s\n    " STR_FMT "\n", STR_ARG(needs[i].where),
                   needs[i].fresh ? " (the value itself stood there)" : "", STR_ARG(remedy(b, needs[i].reference)));
    }
}

static void add_notes(const struct bundle *b, struct buf *out)
{
    size_t n;
    const struct portable_note *notes = portable_notes(b->portable, &n);

    if (n)
        buf_add(out, S("\nNot as it was:\n"));
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "  " STR_FMT ": " STR_FMT "\n", STR_ARG(notes[i].path), STR_ARG(notes[i].what));
}

static void add_left(const struct bundle *b, bool lost, struct buf *out)
{
    bool any = false;

    for (size_t i = 0; i < b->files.n_left; i++) {
        const struct bundle_left *l = &b->files.left[i];

        if (l->lost != lost)
            continue;
        if (!any)
            buf_printf(out, "\n%s:\n", lost ? "Missing, though it belongs here" : "Left out");
        any = true;
        buf_printf(out, "  " STR_FMT ": " STR_FMT "\n", STR_ARG(l->path), STR_ARG(l->why));
    }
}

static void add_json(const struct bundle *b, struct json_out *w)
{
    size_t n_needs, n_notes;
    const struct portable_need *needs = portable_needs(b->portable, &n_needs);
    const struct portable_note *notes = portable_notes(b->portable, &n_notes);

    json_number(w, "documents", b->packed);
    json_out_key(w, "to_set");
    json_out_begin(w, '[');
    for (size_t i = 0; i < n_needs; i++) {
        json_out_begin(w, '{');
        json_member(w, "reference", needs[i].reference);
        json_member(w, "where", needs[i].where);
        json_flag(w, "literal", needs[i].fresh);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
    json_out_key(w, "changed");
    json_out_begin(w, '[');
    for (size_t i = 0; i < n_notes; i++) {
        json_out_begin(w, '{');
        json_member(w, "path", notes[i].path);
        json_member(w, "what", notes[i].what);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
    json_out_key(w, "left_out");
    json_out_begin(w, '[');
    for (size_t i = 0; i < b->files.n_left; i++) {
        json_out_begin(w, '{');
        json_member(w, "path", b->files.left[i].path);
        json_member(w, "why", b->files.left[i].why);
        json_flag(w, "missing", b->files.left[i].lost);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
}

static void add_readme(const struct bundle *b, struct buf *out)
{
    const struct project *p = b->app->project;

    buf_printf(out,
               "The project \"" STR_FMT "\", bundled %s by " PRODUCT " " PRODUCT_VERSION ".\n\n"
               "It is a project folder without secrets, data and state. Unpack it, set what is named below, and look "
               "at it with `" PRODUCT " check`.\n"
               "This folder can be removed: check.json, status.json, version.json and log.jsonl are what the program "
               "said there.\n",
               STR_ARG(p->settings.name), arena_cstr(b->app->arena, time_text(b->app, b->now_s)));
    add_needs(b, out);
    add_notes(b, out);
    add_left(b, true, out);
    add_left(b, false, out);
}

/* Masked with all that is known to be hidden by then. */
static enum err put_masked(struct bundle *b, struct str path, const struct buf *text, struct errinfo *ei)
{
    char *masked = mem_alloc(text->n + 1);
    enum err err = put(b, path, str_mk(masked, log_mask(buf_str(text), masked, text->n + 1)), b->now_s, ei);

    free(masked);
    return err;
}

static enum err put_story(struct bundle *b, struct errinfo *ei)
{
    struct buf text = buf_make(TEXT_MAX), json = buf_make(TEXT_MAX);
    struct json_out w = json_out(&json);
    enum err err;

    add_readme(b, &text);
    json_out_begin(&w, '{');
    json_member(&w, "project", b->app->project->settings.name);
    json_member(&w, "version", S(PRODUCT_VERSION));
    json_time(&w, "made", b->app, b->now_s * 1000);
    add_json(b, &w);
    json_out_end(&w, '}');
    buf_byte(&json, '\n');
    err = put_masked(b, S(INFO "README.txt"), &text, ei);
    err = err ? err : put_masked(b, S(INFO "bundle.json"), &json, ei);
    buf_free(&text);
    buf_free(&json);
    return err;
}

static void tell(const struct bundle *b)
{
    struct app *app = b->app;
    struct buf out = buf_make(TEXT_MAX);
    struct json_out w = json_out(&out);

    if (app->json) {
        json_out_begin(&w, '{');
        json_member(&w, "file", str_of(b->path));
        json_number(&w, "bytes", b->bytes);
        add_json(b, &w);
        json_out_end(&w, '}');
        print_json(app, &out);
    } else {
        buf_printf(&out, "%s: %lld documents, " STR_FMT " bytes; no secrets\n", b->path, (long long)b->packed,
                   STR_ARG(grouped(app->arena, b->bytes)));
        add_needs(b, &out);
        add_notes(b, &out);
        add_left(b, true, &out);
        add_left(b, false, &out);
        say_str(app, buf_str(&out));
    }
    buf_free(&out);
    for (size_t i = 0; i < b->files.n_left; i++)
        if (b->files.left[i].lost)
            log_warn("not in the bundle: " STR_FMT ": " STR_FMT, STR_ARG(b->files.left[i].path),
                     STR_ARG(b->files.left[i].why));
}

/* ---- the story ---- */

static enum err prepare(struct bundle *b, struct errinfo *ei)
{
    struct app *app = b->app;
    enum err err = project_open(app->dir, NULL, 0, app->diags, &app->project, ei);

    err = err ? err : app_number(app, "lines", (struct number_range){1000, 0, 1000000}, &b->lines, ei);
    if (err)
        return err;
    b->root = app->project->settings.name;
    if (!project_name_ok(b->root))
        b->root = S("project");
    b->path = app->n_words ? app->words[0] : arena_printf(app->arena, STR_FMT "-bundle.tar.gz", STR_ARG(b->root)).p;
    if (!app_flag(app, "force") && access(b->path, F_OK) == 0)
        return tarball_taken(b->path, ei);
    bundle_list(app->project, app->arena, &b->files);
    b->portable = portable_new(app->project);
    b->now_s = clock_wall(&clock_system) / 1000;
    return OK;
}

static enum err pack(struct bundle *b, struct errinfo *ei)
{
    enum err err = tarball_begin(b->path, &b->tarball, ei);
    struct tarball *whole;

    err = err ? err : put_documents(b, ei);
    err = err ? err : put_commands(b, ei);
    err = err ? err : put_story(b, ei);
    if (err)
        return err;
    whole = b->tarball;
    b->tarball = NULL;
    return tarball_end(whole, app_flag(b->app, "force"), &b->bytes, ei);
}

int command_bundle(struct app *app)
{
    struct bundle b = {.app = app};
    struct errinfo ei;
    enum err err = prepare(&b, &ei);
    bool lost = false;

    err = err ? err : pack(&b, &ei);
    tarball_drop(b.tarball);
    if (!err)
        tell(&b);
    for (size_t i = 0; i < b.files.n_left; i++)
        lost |= b.files.left[i].lost;
    bundle_files_free(&b.files);
    portable_free(b.portable);
    if (err)
        return app_fail(app, &ei);
    return lost ? STATUS_PARTIAL : STATUS_OK;
}
