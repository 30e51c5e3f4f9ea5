/* Where connectors are: the project's own folder first, then those that ship with the program, found from where the binary stands. */
#include "project/project.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum err connectors_dir(struct arena *a, struct str *ret, struct errinfo *ei)
{
    static const char *const places[] = {"../connectors", "../../connectors", "../share/sluice/connectors", NULL};
    const char *given = getenv("SLUICE_CONNECTORS");
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    struct str folder;

    if (given && given[0]) {
        *ret = arena_str(a, str_of(given));
        return is_folder(given) ? OK : fail(ei, ERR_CONFIG, "SLUICE_CONNECTORS is %s, which is not a folder", given);
    }
    folder = (struct str){exe, n > 0 ? (size_t)n : 0};
    while (folder.n && folder.p[folder.n - 1] != '/')
        folder.n--;
    for (size_t i = 0; places[i]; i++) {
        *ret = arena_printf(a, STR_FMT "%s", STR_ARG(folder), places[i]);
        if (is_folder(ret->p))
            return OK;
    }
    fail(ei, ERR_CONFIG, "the folder of connectors was not found beside the program");
    return fail_hint(ei, "set SLUICE_CONNECTORS to it");
}

static struct str file_in(struct arena *a, struct str folder, struct str name) { return arena_printf(a, STR_FMT "/" STR_FMT "/connector.json", STR_ARG(folder), STR_ARG(name)); }

static void tell_unknown(struct arena *a, const char *project_dir, struct str name, struct pos asked_at, struct diags *diags)
{
    struct strs names;
    struct errinfo ei;
    const char **texts;

    diags_add(diags, DIAG_ERROR, asked_at, "there is no connector \"" STR_FMT "\"", STR_ARG(name));
    if (connector_names(a, project_dir, &names, &ei)) {
        diags_remedy(diags, "%s", ei.msg);
        return;
    }
    texts = ARENA_ARRAY(a, const char *, names.n + 1);
    for (size_t i = 0; i < names.n; i++)
        texts[i] = names.at[i].p;
    diags_nearest(diags, str_nearest(name, texts, names.n));
    diags_remedy(diags, "`sluice connectors` lists them");
}

const struct connector *connector_find(struct arena *a, const char *project_dir, struct str name, struct pos asked_at, struct diags *diags)
{
    struct str own, shipped, path;
    struct errinfo ei;
    struct node *root;

    if (!project_name_ok(name)) {
        tell_unknown(a, project_dir, name, asked_at, diags);
        return NULL;
    }
    own = arena_printf(a, "%s/connectors", project_dir ? project_dir : ".");
    path = file_in(a, own, name);
    if (access(path.p, F_OK)) {
        if (connectors_dir(a, &shipped, &ei)) {
            diags_add(diags, DIAG_ERROR, asked_at, "%s", ei.msg);
            diags_remedy(diags, "%s", ei.hint);
            return NULL;
        }
        path = file_in(a, shipped, name);
    }
    if (access(path.p, F_OK)) {
        tell_unknown(a, project_dir, name, asked_at, diags);
        return NULL;
    }
    if (conf_load(a, path.p, arena_printf(a, "connectors/" STR_FMT "/connector.json", STR_ARG(name)).p, diags, &root))
        return NULL;
    return connector_read(a, root, diags);
}

static int by_text(const void *x, const void *y) { return str_cmp(*(const struct str *)x, *(const struct str *)y); }

static void add_names(struct arena *a, struct str folder, struct str *at, size_t *n, size_t cap)
{
    DIR *d = opendir(arena_cstr(a, folder));
    struct dirent *entry;

    while (d && (entry = readdir(d))) {
        struct str name = str_of(entry->d_name);
        bool known = false;

        for (size_t i = 0; i < *n; i++)
            known |= str_eq(at[i], name);
        if (!known && *n < cap && name.p[0] != '.' && access(file_in(a, folder, name).p, F_OK) == 0)
            at[(*n)++] = arena_str(a, name);
    }
    if (d)
        closedir(d);
}

enum err connector_names(struct arena *a, const char *project_dir, struct strs *ret, struct errinfo *ei)
{
    enum { MOST = 1000 };
    struct str *at = ARENA_ARRAY(a, struct str, MOST), shipped;
    size_t n = 0;
    enum err e = connectors_dir(a, &shipped, ei);

    if (e)
        return e;
    if (project_dir)
        add_names(a, arena_printf(a, "%s/connectors", project_dir), at, &n, MOST);
    add_names(a, shipped, at, &n, MOST);
    qsort(at, n, sizeof *at, by_text);
    *ret = (struct strs){at, n};
    return OK;
}
