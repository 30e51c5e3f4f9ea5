/* `init`: a project from the seed case, commented, ready to fill in. The two metadata documents are the seed's own
 * files, byte for byte.
 *
 * All texts are made first, then it is looked whether any of the files exists, and only then written: it overwrites
 * nothing and leaves nothing half done that it could have foreseen. */
#include "app/out.h"
#include "base/conf.h"
#include "base/product.h"
#include "seed_files.h"
#include "store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define DOCUMENTS    9
#define DOCUMENT_MAX (1u << 20)

struct document {
    const char *path; /* in the project */
    struct str text;
};
struct draft {
    struct app *app;
    const char *dir;
    struct document at[DOCUMENTS];
    size_t n;
    struct str start; /* empty: not given */
};

static const char project_text[] =
    "{\n"
    "  // %s project. Comments and trailing commas are welcome in all of its files; `sluice check` reads them.\n"
    "%s%s%s"
    "  \"timezone\": \"Asia/Shanghai\",     // of schedules, of \"start\", and of times that are rendered for the API\n"
    "  \"journal_limit\": \"20GB\",         // raw pages that are kept on disk while the target is down\n"
    "  \"retention\": { \"journal\": \"30d\", \"runs\": \"180d\" }\n"
    "}\n";

static const char jst_text[] =
    "{\n"
    "  // Jushuitan through the Qimen gateway. `sluice connectors jushuitan-qimen` explains each parameter.\n"
    "  \"connector\": \"jushuitan-qimen\",\n"
    "  \"params\": {\n"
    "    \"base_url\": \"http://a1q40taq0j.api.taobao.com/router/qm\",\n"
    "    \"app_key\": \"${env:JST_APP_KEY}\",          // or ${secret:NAME} (`sluice secret set NAME`), or "
    "${file:PATH}\n"
    "    \"app_secret\": \"${env:JST_APP_SECRET}\",\n"
    "    \"target_app_key\": \"23060081\",\n"
    "    \"customer_id\": \"${env:JST_CUSTOMER_ID}\"\n"
    "  },\n"
    "  \"limits\": { \"requests\": 5, \"per\": \"1s\" }  // calls that this account may make; all integrations share "
    "them\n"
    "}\n";

static const char mysql_text[] = "{\n"
                                 "  // Where the rows go: MySQL or MariaDB. The account needs SELECT, INSERT, UPDATE, "
                                 "DELETE, and once CREATE (for the small table sluice_checkpoint).\n"
                                 "  \"connector\": \"mysql\",\n"
                                 "  \"params\": {\n"
                                 "    \"host\": \"127.0.0.1\",\n"
                                 "    \"port\": 3306,\n"
                                 "    \"user\": \"bi\",\n"
                                 "    \"password\": \"${secret:bi}\",              // `sluice secret set bi`\n"
                                 "    \"database\": \"bi\",\n"
                                 "    \"tls\": \"prefer\"\n"
                                 "  }\n"
                                 "}\n";

static const char sqlite_text[] = "{\n"
                                  "  // Where the rows go: an SQLite file in this folder.\n"
                                  "  \"connector\": \"sqlite\",\n"
                                  "  \"params\": { \"path\": \"bi.db\" }\n"
                                  "}\n";

static const char orders_text[] =
    "{\n"
    "  \"title\": \"聚水潭销售订单 → %s\",\n"
    "  \"source\": { \"connection\": \"jst\", \"crontab\": \"*/5 * * * *\", \"metadata\": \"orders.source.json\" },\n"
    "  \"target\": { \"connection\": \"bi\", \"metadata\": \"orders.target.json\" },\n"
    "%s%s%s"
    "  \"lag\": \"10s\",        // how far behind now a run stops: late orders of the last seconds are still coming "
    "in\n"
    "  \"overlap\": \"5m\",     // how far before the cursor a run begins again\n"
    "  // What becomes of lines that an order loses, and of orders that the condition leaves out: keep, delete or "
    "mark.\n"
    "  // \"children\": { \"parent\": \"o_id\", \"gone\": \"delete\" }, \"left_filter\": \"delete\",\n"
    "  // Rows never go back to a smaller value of this column.\n"
    "  // \"guard\": \"modified\",\n"
    "  // What was read is read again: every hour the last day, every day the last week.\n"
    "  // \"reread\": [{ \"every\": \"1h\", \"back\": \"1d\" }, { \"every\": \"1d\", \"back\": \"7d\" }],\n"
    "}\n";

static const char ignore_text[] =
    "# State, journal, logs, and what nobody else should have.\n/.sluice/\n/secrets/\n/*.db\n/*.db-wal\n/*.db-shm\n";

static const char maps_text[] =
    "Static value maps: NAME.json holds rows like {\"a_value\": \"WaitConfirm\", \"a_label\": \"\", \"b_value\": "
    "\"1\", \"b_label\": \"\"}.\n"
    "A field uses one with \"mapping\": {\"target\": \"NAME\", \"direction\": \"positive\"}.\n";

static void add(struct draft *d, const char *path, struct str text)
{
    d->at[d->n++] = (struct document){path, text};
}

/* The name of the folder, when it may be a project's name. */
static struct str folder_name(const struct draft *d)
{
    char *full = realpath(d->dir, NULL);
    struct str path = str_of(full ? full : d->dir), name;

    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    name = path;
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '/')
            name = str_sub(path, i + 1, path.n);
    name = arena_str(d->app->arena, name);
    free(full);
    return project_name_ok(name) ? name : (struct str){"", 0};
}

/* A connection document as it stands, or the line that the simulator prints: then the document in it, and where its
 * data begin. */
static enum err take_connection(struct draft *d, const char *path, struct str *ret, struct errinfo *ei)
{
    struct app *app = d->app;
    struct node *root, *inner, *from;
    struct buf b = buf_make(DOCUMENT_MAX);

    if (conf_load(app->arena, path, path, app->diags, &root) || diags_first_error(app->diags, ei)) {
        enum err err = diags_first_error(app->diags, ei);

        return err ? err : fail(ei, ERR_CONFIG, "%s could not be read", path);
    }
    inner = node_get(root, "connection");
    from = node_get(root, "from");
    if (!node_get(inner ? inner : root, "connector")) {
        fail(ei, ERR_CONFIG, "%s is no connection document: it has no \"connector\"", path);
        return fail_hint(ei, "{\"connector\": \"jushuitan-qimen\", \"params\": {…}}, or the line that " PRODUCT
                             "-sim prints");
    }
    if (inner && from && from->type == NODE_STRING && !d->start.n)
        d->start = from->text;
    node_write(inner ? inner : root, &b);
    buf_byte(&b, '\n');
    *ret = arena_str(app->arena, buf_str(&b));
    buf_free(&b);
    return OK;
}

static enum err compose(struct draft *d, struct errinfo *ei)
{
    struct app *app = d->app;
    struct str name = folder_name(d), source = str_of(jst_text);
    const char *connection = app_value(app, "connection"), *start = app_value(app, "start");
    bool sqlite = app_flag(app, "sqlite");
    enum err err = OK;
    int64_t ms;

    if (start && !time_parse(str_of(start), NULL, &ms)) {
        fail(ei, ERR_USAGE, "--start is \"%s\", which is no time", start);
        return fail_hint(ei, "write \"2026-11-01 00:00:00\"");
    }
    d->start = start ? str_of(start) : (struct str){"", 0};
    if (connection)
        err = take_connection(d, connection, &source, ei);
    if (err)
        return err;
    add(d, "sluice.json",
        arena_printf(app->arena, project_text, "A " PRODUCT, name.n ? "  \"name\": \"" : "", name.p,
                     name.n ? "\",\n" : ""));
    add(d, "connections/jst.json", source);
    add(d, "connections/bi.json", str_of(sqlite ? sqlite_text : mysql_text));
    add(d, "integrations/orders.json",
        arena_printf(app->arena, orders_text, sqlite ? "SQLite" : "MySQL",
                     d->start.n ? "  \"start\": \"" : "  // \"start\": \"2026-11-01 00:00:00",
                     d->start.n ? arena_cstr(app->arena, d->start) : "",
                     d->start.n ? "\",\n"
                                : "\",  // where the first LAST_SYNC_TIME stands; without it: the first run\n"));
    add(d, "integrations/orders.source.json", (struct str){(const char *)orders_source, sizeof orders_source});
    add(d, "integrations/orders.target.json", (struct str){(const char *)orders_target, sizeof orders_target});
    add(d, "maps/README", str_of(maps_text));
    add(d, ".gitignore", str_of(ignore_text));
    return OK;
}

static const char *path_in(const struct draft *d, const char *name)
{
    return arena_printf(d->app->arena, "%s/%s", d->dir, name).p;
}

static enum err check_free(const struct draft *d, struct errinfo *ei)
{
    for (size_t i = 0; i < d->n; i++) {
        if (access(path_in(d, d->at[i].path), F_OK) != 0)
            continue;
        fail(ei, ERR_USAGE, "%s exists already; nothing was written", path_in(d, d->at[i].path));
        return fail_hint(ei, "name another folder: `" PRODUCT " init DIR`");
    }
    return OK;
}

static enum err write_document(const struct draft *d, const struct document *doc, struct errinfo *ei)
{
    const char *path = path_in(d, doc->path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                  str_starts(str_of(doc->path), S("connections/")) ? 0600 : 0666);
    size_t done = 0;

    while (fd >= 0 && done < doc->text.n) {
        ssize_t n = write(fd, doc->text.p + done, doc->text.n - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (fd < 0 || done < doc->text.n) {
        enum err err = files_fail(ei, "cannot write", path);

        if (fd >= 0)
            close(fd);
        return err;
    }
    return close(fd) == 0 ? OK : files_fail(ei, "cannot write", path);
}

static enum err write_all(const struct draft *d, struct errinfo *ei)
{
    static const char *const folders[] = {".", "connections", "integrations", "maps"};
    enum err err = OK;

    for (size_t i = 0; !err && i < sizeof folders / sizeof *folders; i++) {
        const char *path = path_in(d, folders[i]);

        if (access(path, F_OK) != 0)
            err = files_mkdir(path, ei);
    }
    for (size_t i = 0; !err && i < d->n; i++)
        err = write_document(d, &d->at[i], ei);
    return err;
}

static void tell(const struct draft *d)
{
    const struct app *app = d->app;
    bool filled = app_flag(app, "connection"), here = strcmp(d->dir, ".") == 0;
    const char *in = here ? "" : " -C ", *dir = here ? "" : d->dir;

    say(app, "A project was made in %s:\n", d->dir);
    for (size_t i = 0; i < d->n; i++)
        say(app, "  %s\n", d->at[i].path);
    say(app, "\nNext:\n");
    if (!filled)
        say(app,
            "  fill in connections/jst.json (environment variables JST_APP_KEY, JST_APP_SECRET, JST_CUSTOMER_ID)\n");
    if (!app_flag(app, "sqlite"))
        say(app, "  fill in connections/bi.json, and: %s secret set bi%s%s\n", PRODUCT, in, dir);
    say(app, "  %s check%s%s\n  %s preview orders%s%s\n  %s ddl orders --create%s%s\n  %s run orders%s%s\n", PRODUCT,
        in, dir, PRODUCT, in, dir, PRODUCT, in, dir, PRODUCT, in, dir);
}

static void tell_json(const struct draft *d)
{
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);

    json_out_begin(&w, '{');
    json_member(&w, "project", str_of(d->dir));
    json_out_key(&w, "files");
    json_out_begin(&w, '[');
    for (size_t i = 0; i < d->n; i++)
        json_out_cstr(&w, d->at[i].path);
    json_out_end(&w, ']');
    json_out_end(&w, '}');
    print_json(d->app, &b);
    buf_free(&b);
}

int command_init(struct app *app)
{
    struct draft d = {.app = app, .dir = app->n_words ? app->words[0] : app->dir};
    struct errinfo ei;

    if (compose(&d, &ei) || check_free(&d, &ei) || write_all(&d, &ei))
        return app_fail(app, &ei);
    if (app->json)
        tell_json(&d);
    else
        tell(&d);
    return STATUS_OK;
}
