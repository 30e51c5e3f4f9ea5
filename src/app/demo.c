/* `demo`: the whole seed case on this machine: a simulated Jushuitan, a project made by `init`, an SQLite file as
 * target. Each step is the command that a person would type, run inside this process and shown with its output. At the
 * end the table is counted against what the simulator knows a perfect copy to hold.
 *
 * The simulator's clock is set a minute ahead once, so that its newest orders are older than the integration's lag.
 *
 * On a terminal it then offers to go on: the same simulator makes new orders and `serve` brings them, until Ctrl-C. */
#include "app/open.h"
#include "app/out.h"
#include "app/simulator.h"
#include "base/product.h"
#include "db/sqlite.h"
#include "store/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define AHEAD      "{\"advance_ms\":60000}"
#define TABLE      "order_list_query"
#define MORE       "{\"realtime_new\":0.5,\"fault\":\"drift\",\"value\":1}"
#define SLOWLY     "\"*/5 * * * *\""
#define SOON       "\"@every 10s\" "
#define STEP_WORDS 12

struct demo {
    struct app *app;
    FILE *steps;     /* where the commands write: stdout, or stderr with --json */
    const char *dir; /* the project */
    bool temporary;
    struct simulator *sim;
    int64_t orders, expected_rows, rows;
    struct str run; /* the summary of the run, JSON */
};

static const char *path_in(const struct demo *d, const char *name)
{
    return arena_printf(d->app->arena, "%s/%s", d->dir, name).p;
}

static enum err choose_folder(struct demo *d, struct errinfo *ei)
{
    const char *keep = app_value(d->app, "keep"), *tmp = getenv("TMPDIR");
    char *made;

    if (keep) {
        d->dir = keep;
        return OK;
    }
    made = files_path("%s/" PRODUCT "-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(made)) {
        enum err err = files_fail(ei, "cannot make", made);

        free(made);
        return err;
    }
    d->dir = arena_str(d->app->arena, str_of(made)).p;
    d->temporary = true;
    free(made);
    return OK;
}

static enum err start_simulator(struct demo *d, struct errinfo *ei)
{
    struct app *app = d->app;
    const char *orders = app_value(app, "orders");
    const char *const options[] = {"--orders", orders ? orders : "5000", "--qps", "200", NULL};
    struct simulator_call ahead = {"POST", "/control", S(AHEAD)};
    struct str ignored;
    enum err err = app_number(app, "orders", (struct number_range){5000, 1, 1000000}, &d->orders, ei);

    err = err ? err : simulator_start(options, &d->sim, ei);
    return err ? err : simulator_ask(d->sim, &ahead, app->arena, &ignored, ei);
}

static enum err write_hello(const struct demo *d, const char *path, struct errinfo *ei)
{
    struct str line = simulator_line(d->sim);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, line.p, line.n) == (ssize_t)line.n;

    if (fd >= 0)
        close(fd);
    return ok ? OK : files_fail(ei, "cannot write", path);
}

/* Runs one command of the project; words end with NULL. */
static enum err step(const struct demo *d, const char *why, const char *const *words, struct errinfo *ei)
{
    const struct app *app = d->app;
    const char *argv[STEP_WORDS + 4] = {PRODUCT};
    int n = 1, status;

    fprintf(d->steps, "\n%s# %s%s\n%s$ %s", color(app, COLOR_DIM), why, color(app, COLOR_NONE), color(app, COLOR_BOLD),
            PRODUCT);
    for (int i = 0; words[i] && i < STEP_WORDS; i++) {
        argv[n++] = words[i];
        fprintf(d->steps, " %s", words[i]);
    }
    fprintf(d->steps, "%s\n", color(app, COLOR_NONE));
    argv[n++] = "-C";
    argv[n++] = d->dir;
    fflush(d->steps);
    status = command_main(n, argv, d->steps);
    if (status == STATUS_OK)
        return OK;
    fail(ei, ERR_INTERNAL, "`%s %s` ended with status %d", PRODUCT, words[0], status);
    return fail_hint(ei, "see what it says above; the project is in %s", d->dir);
}

static enum err make_project(struct demo *d, struct errinfo *ei)
{
    const char *hello = arena_printf(d->app->arena, "%s.sim.json", d->dir).p;
    const char *const init[] = {"init", "--sqlite", "--connection", hello, NULL};
    enum err err = write_hello(d, hello, ei);

    err = err ? err : step(d, "a project from the seed case; the simulator's own account as its source", init, ei);
    unlink(hello);
    return err;
}

static enum err steps(struct demo *d, struct errinfo *ei)
{
    const char *const check[] = {"check", "--online", NULL}, *const ddl[] = {"ddl", "orders", "--create", NULL};
    const char *const preview[] = {"preview", "orders", "-n", "1", NULL}, *const run[] = {"run", "orders", NULL},
                      *const status[] = {"status", "orders", NULL};
    enum err err = make_project(d, ei);

    err = err ? err : step(d, "the table that fits the mapping and a sample of real records", ddl, ei);
    err = err ? err : step(d, "is everything right, and do both sides answer?", check, ei);
    err = err ? err : step(d, "one record, before and after the mapping", preview, ei);
    err = err ? err : step(d, "everything, until caught up", run, ei);
    return err ? err : step(d, "where it stands now", status, ei);
}

/* ---- comparing ---- */

static enum err count_truth(struct demo *d, struct errinfo *ei)
{
    struct simulator_call truth = {"GET", "/truth?ids=1", {0}};
    struct str text;
    enum err err = simulator_ask(d->sim, &truth, d->app->arena, &text, ei);

    for (size_t i = 0; !err && i < text.n; i++)
        d->expected_rows += text.p[i] == '\n';
    return err;
}

static enum err show_rows(struct demo *d, struct sqlite *db, struct errinfo *ei)
{
    struct sqlite_stmt *st;
    struct buf b = buf_make(1u << 20);
    enum err err = sqlite_prepare(
        db,
        S("SELECT id, shop_name, items_name, items_qty, items_amount, items_qyy_amountafter, modified FROM " TABLE
          " ORDER BY modified, id LIMIT 5"),
        &st, ei);
    static const size_t widths[] = {16, 18, 24, 6, 10, 10, 19};
    static const char *const heads[] = {"id", "shop_name", "items_name", "qty", "amount", "share", "modified"};
    bool row;

    if (err)
        return err;
    for (size_t i = 0; i < 7; i++) {
        add_fitted(&b, str_of(heads[i]), widths[i]);
        buf_add(&b, S("  "));
    }
    while (!(err = sqlite_step(st, &row, ei)) && row) {
        buf_byte(&b, '\n');
        for (int i = 0; i < 7; i++) {
            add_fitted(&b, sqlite_str(st, i), widths[i]);
            buf_add(&b, S("  "));
        }
    }
    sqlite_finalize(st);
    fprintf(d->steps, "\n%sthe first rows of %s in bi.db%s\n%s\n", color(d->app, COLOR_BOLD), TABLE,
            color(d->app, COLOR_NONE), buf_cstr(&b));
    buf_free(&b);
    return err;
}

static enum err look_at_table(struct demo *d, struct errinfo *ei)
{
    struct sqlite *db;
    struct sqlite_stmt *st = NULL;
    bool row;
    enum err err = sqlite_open(path_in(d, "bi.db"), SQLITE_RO, 5000, &db, ei);

    if (err)
        return err;
    err = show_rows(d, db, ei);
    err = err ? err : sqlite_prepare(db, S("SELECT count(*) FROM " TABLE), &st, ei);
    err = err ? err : sqlite_step(st, &row, ei);
    if (!err)
        d->rows = sqlite_int(st, 0);
    if (st)
        sqlite_finalize(st);
    sqlite_close(db);
    return err;
}

static enum err remember_run(struct demo *d, struct errinfo *ei)
{
    struct store *s;
    struct run_row *runs;
    size_t n;
    enum err err = store_open(path_in(d, ".sluice"), true, &s, ei);

    if (err)
        return err;
    err = store_runs(s, &(struct run_query){.integration = S("orders"), .limit = 1}, d->app->arena, &runs, &n, ei);
    if (!err && n)
        d->run = runs[0].summary;
    store_close(s);
    return err;
}

static enum err compare(struct demo *d, struct errinfo *ei)
{
    enum err err = count_truth(d, ei);

    err = err ? err : look_at_table(d, ei);
    err = err ? err : remember_run(d, ei);
    if (err)
        return err;
    if (d->rows != d->expected_rows)
        return fail(ei, ERR_DATA, "the table holds %lld rows, a perfect copy holds %lld", (long long)d->rows,
                    (long long)d->expected_rows);
    fprintf(d->steps,
            "\n%s%lld rows in the table, and a perfect copy of the %lld orders holds %lld: nothing is missing, nothing "
            "is double.%s\n",
            color(d->app, COLOR_GREEN), (long long)d->rows, (long long)d->orders, (long long)d->expected_rows,
            color(d->app, COLOR_NONE));
    return OK;
}

/* ---- going on ---- */

/* An answer of a person: an empty line or a yes. A signal is a no, and so is the end of input. */
static bool says_yes(int signals)
{
    struct pollfd from[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    char line[64];

    return poll(from, 2, -1) > 0 && !from[1].revents && fgets(line, sizeof line, stdin) &&
           (line[0] == '\n' || line[0] == 'y' || line[0] == 'Y');
}

/* Asks a person at a terminal. Signals stay blocked: `serve` waits for them, and after a no what is left to do is to
 * take away what was made. */
static bool wants_more(const struct demo *d)
{
    sigset_t ends;
    bool yes;
    int fd;

    if (d->app->json || d->app->quiet || isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1)
        return false;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    fd = signalfd(-1, &ends, SFD_CLOEXEC);
    fprintf(d->steps, "\n%s ",
            either(d->app, "Go on serving, with new orders and the dashboard in a browser? [Y/n]",
                   "是否继续运行服务（不断产生新订单，可在浏览器中查看控制台）？[Y/n]"));
    fflush(d->steps);
    yes = fd >= 0 && says_yes(fd);
    if (fd >= 0)
        close(fd);
    if (!yes)
        fputc('\n', d->steps);
    return yes;
}

/* The project that goes with the demo is read every few seconds instead of every few minutes: the schedule that `init`
 * wrote is replaced where it stands, by one that is not longer. */
static enum err hurry(const struct demo *d, struct errinfo *ei)
{
    const char *path = path_in(d, "integrations/orders.json");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char text[16384];
    ssize_t n = fd >= 0 ? pread(fd, text, sizeof text, 0) : -1;
    size_t at = n > 0 ? str_find(str_mk(text, (size_t)n), S(SLOWLY), 0) : SIZE_MAX;
    bool ok = at != SIZE_MAX && pwrite(fd, SOON, strlen(SOON), (off_t)at) == (ssize_t)strlen(SOON);

    if (fd >= 0)
        close(fd);
    return ok ? OK : files_fail(ei, "cannot change the schedule in", path);
}

static enum err go_on(struct demo *d, struct errinfo *ei)
{
    const char *const serve[] = {"serve", "--listen", "127.0.0.1:0", NULL};
    struct simulator_call more = {"POST", "/control", S(MORE)};
    struct str ignored;
    enum err err = d->temporary ? hurry(d, ei) : OK;

    err = err ? err : simulator_ask(d->sim, &more, d->app->arena, &ignored, ei);
    return err ? err : step(d, "all of it by schedule, watched in a browser; Ctrl-C ends it", serve, ei);
}

static void tell_next(const struct demo *d)
{
    if (d->temporary)
        fprintf(d->steps,
                "\nThe project was temporary and is gone. Next: `%s demo --keep DIR` keeps it, `%s init` begins your "
                "own, `%s-sim jushuitan-qimen` gives it something to read.\n",
                PRODUCT, PRODUCT, PRODUCT);
    else
        fprintf(d->steps,
                "\nThe project is in %s (the simulator has ended). Next: `%s records orders -C %s`, `%s connectors "
                "jushuitan-qimen`, `%s init` for your own.\n",
                d->dir, PRODUCT, d->dir, PRODUCT, PRODUCT);
}

static void tell_json(const struct demo *d)
{
    struct buf b = buf_make(1u << 20);
    struct json_out w = json_out(&b);

    json_out_begin(&w, '{');
    json_member(&w, "project", d->temporary ? (struct str){0} : str_of(d->dir));
    json_number(&w, "orders", d->orders);
    json_number(&w, "rows", d->rows);
    json_number(&w, "rows_expected", d->expected_rows);
    json_flag(&w, "equal", d->rows == d->expected_rows);
    json_out_key(&w, "run");
    if (d->run.n)
        json_out_raw(&w, d->run);
    else
        json_out_null(&w);
    json_out_end(&w, '}');
    print_json(d->app, &b);
    buf_free(&b);
}

/* ---- cleaning up ---- */

static void remove_tree(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 && depth < 8 ? fdopendir(fd) : NULL;
    const struct dirent *e;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        unlinkat(parent, name, 0);
        return;
    }
    while ((e = readdir(dir)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_tree(fd, e->d_name, depth + 1);
    closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

int command_demo(struct app *app)
{
    struct demo d = {.app = app, .steps = app->json ? stderr : app->out};
    struct errinfo ei;
    enum err err = choose_folder(&d, &ei);
    bool began = false;

    err = err ? err : start_simulator(&d, &ei);
    if (!err) {
        began = true;
        err = steps(&d, &ei);
    }
    err = err ? err : compare(&d, &ei);
    if (!err && wants_more(&d))
        err = go_on(&d, &ei);
    simulator_stop(d.sim);
    if (!err && app->json)
        tell_json(&d);
    if (!err)
        tell_next(&d);
    if (d.temporary && (!err || !began))
        remove_tree(AT_FDCWD, d.dir, 0);
    return err ? app_fail(app, &ei) : STATUS_OK;
}
