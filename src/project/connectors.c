/* Where connector documents are: the project's own folder first, then the one that ships with the program. That one is
 * found beside the binary, so that an installed tree can be moved; nothing is remembered between calls. */
#include "project/reading.h"

#include "base/product.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const beside_binary[] = {"../connectors", "../../connectors", "../share/" PRODUCT "/connectors"};

static bool real_folder(struct arena *a, const char *path, struct str *ret)
{
    char *real = realpath(path, NULL);
    bool ok = real && folder_has(real, ".");

    if (ok)
        *ret = arena_str(a, str_of(real));
    free(real);
    return ok;
}

enum err connectors_dir(struct arena *a, struct str *ret, struct errinfo *ei)
{
    const char *named = getenv("SLUICE_CONNECTORS");
    char exe[PATH_MAX];
    ssize_t n;

    if (named && *named) {
        if (real_folder(a, named, ret))
            return OK;
        fail(ei, ERR_CONFIG, "SLUICE_CONNECTORS names no folder: %s", named);
        return fail_hint(ei, "name the folder that holds NAME/connector.json, or unset it");
    }
    n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    for (size_t i = 0; n > 0 && i < sizeof beside_binary / sizeof *beside_binary; i++) {
        exe[n] = '\0';
        char *slash = strrchr(exe, '/');
        struct str dir = slash ? str_mk(exe, (size_t)(slash - exe)) : S(".");

        if (real_folder(a, arena_printf(a, STR_FMT "/%s", STR_ARG(dir), beside_binary[i]).p, ret))
            return OK;
    }
    fail(ei, ERR_CONFIG, "the connectors that ship with the program were not found beside it");
    return fail_hint(ei, "set SLUICE_CONNECTORS to their folder");
}

static void unknown(struct arena *a, const char *project_dir, struct str name, struct pos at, struct diags *diags)
{
    struct strs names = {NULL, 0};
    struct errinfo ei;

    if (connector_names(a, project_dir, &names, &ei)) {
        diags_add(diags, DIAG_ERROR, at, "%s", ei.msg);
        diags_remedy(diags, "%s", ei.hint);
        return;
    }
    diags_add(diags, DIAG_ERROR, at, "there is no connector \"" STR_FMT "\"", STR_ARG(name));
    diags_nearest(diags, folder_nearest(names, name));
    diags_remedy(diags, "`" PRODUCT " connectors` lists them");
}

const struct connector *connector_find(struct arena *a, const char *project_dir, struct str name, struct pos asked_at,
                                       struct diags *diags)
{
    struct str file = arena_printf(a, "connectors/" STR_FMT "/connector.json", STR_ARG(name)), dir = {NULL, 0};
    const struct connector *c;
    const char *shown = file.p;
    struct node *root;
    struct errinfo ei;

    if (!project_name_ok(name)) {
        unknown(a, project_dir, name, asked_at, diags);
        return NULL;
    }
    if (project_dir && folder_exists(project_dir, file.p)) {
        file = arena_printf(a, "%s/%s", project_dir, shown);
    } else if (connectors_dir(a, &dir, &ei) == OK &&
               folder_exists(dir.p, arena_printf(a, STR_FMT "/connector.json", STR_ARG(name)).p)) {
        file = arena_printf(a, "%s/" STR_FMT "/connector.json", dir.p, STR_ARG(name));
        shown = file.p;
    } else {
        unknown(a, project_dir, name, asked_at, diags);
        return NULL;
    }
    if (conf_load(a, file.p, shown, diags, &root))
        return NULL;
    c = connector_read(a, root, diags);
    if (!c || str_eq(connector_name(c), name))
        return c;
    diags_add(diags, DIAG_ERROR, root->pos, "the connector in the folder \"" STR_FMT "\" is named \"" STR_FMT "\"",
              STR_ARG(name), STR_ARG(connector_name(c)));
    diags_remedy(diags, "folder and name must be the same");
    return NULL;
}

static size_t add_names(struct arena *a, const char *dir, struct str *names, size_t max)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    if (!d)
        return 0;
    for (const struct dirent *e; n < max && (e = readdir(d));) {
        struct str name = str_of(e->d_name);

        if (project_name_ok(name) && folder_exists(dir, arena_printf(a, "%s/connector.json", e->d_name).p))
            names[n++] = arena_str(a, name);
    }
    closedir(d);
    return n;
}

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

enum err connector_names(struct arena *a, const char *project_dir, struct strs *ret, struct errinfo *ei)
{
    enum { NAMES_MAX = 4096 };
    struct str dir = S(""), *names;
    size_t n, kept = 0;
    enum err err = connectors_dir(a, &dir, ei);

    if (err)
        return err;
    names = ARENA_ARRAY(a, struct str, NAMES_MAX);
    n = add_names(a, dir.p, names, NAMES_MAX);
    if (project_dir)
        n += add_names(a, arena_printf(a, "%s/connectors", project_dir).p, names + n, NAMES_MAX - n);
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 0; i < n; i++)
        if (!kept || !str_eq(names[kept - 1], names[i]))
            names[kept++] = names[i];
    *ret = (struct strs){names, kept};
    return OK;
}
