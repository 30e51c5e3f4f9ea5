/* The documents of a project as files: sluice.json, connections, integrations with their documents, maps, connectors,
 * saved versions; and .gitignore, which keeps the state of the next copy out of a repository. A document is a *.json;
 * other files in those folders may be anything (a copy that an editor left, a note with a password) and stay where they
 * are.
 *
 * What is listed may be gone when it is read: it is told then, with everything else that is not in the bundle. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/bundle.h"
#include "app/documents.h"
#include "base/product.h"
#include "store/files.h"

#define FILE_MAX_BYTES (32u << 20)
#define DEPTH_MAX      6
#define GONE           "it was there and is gone"

void bundle_leave(struct bundle_files *f, struct str path, const char *why, bool lost)
{
    f->left = mem_grow(f->left, (f->n_left + 1) * sizeof *f->left);
    f->left[f->n_left++] = (struct bundle_left){arena_str(f->a, path), arena_str(f->a, str_of(why)), lost};
}

static void add(struct bundle_files *f, struct str path, struct str from)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->at[i].path, path))
            return;
    f->at = mem_grow(f->at, (f->n + 1) * sizeof *f->at);
    f->at[f->n++] = (struct bundle_file){arena_str(f->a, path), arena_str(f->a, from)};
}

/* Where a link inside of `dir` leads: a file of it, or not. In the arena. */
static bool follow(struct bundle_files *f, const char *dir, struct str *from)
{
    char *real = realpath(from->p, NULL);
    size_t n = strlen(dir);
    bool inside = real && strncmp(real, dir, n) == 0 && real[n] == '/';

    if (inside)
        *from = arena_str(f->a, str_of(real));
    free(real);
    return inside;
}

/* What is in the folder `from`, to be at `path`. */
struct folder {
    const char *dir; /* of the project, for links */
    struct str path, from;
    int depth;
};
struct folders {
    struct folder *at;
    size_t n;
};

static void later(struct folders *all, struct folder one)
{
    all->at = mem_grow(all->at, (all->n + 1) * sizeof *all->at);
    all->at[all->n++] = one;
}

static void list_entry(struct bundle_files *f, const struct folder *in, const char *name, struct folders *below)
{
    struct folder at = {.dir = in->dir, .depth = in->depth + 1};
    struct stat st;

    at.path = arena_printf(f->a, STR_FMT "/%s", STR_ARG(in->path), name);
    at.from = arena_printf(f->a, STR_FMT "/%s", STR_ARG(in->from), name);
    if (lstat(at.from.p, &st))
        bundle_leave(f, at.path, GONE, true);
    else if (S_ISDIR(st.st_mode) && at.depth < DEPTH_MAX && name[0] != '.')
        later(below, at);
    else if (S_ISDIR(st.st_mode))
        bundle_leave(f, at.path, "it is no folder of documents", false);
    else if (name[0] == '.' || !str_ends(at.path, S(".json")))
        bundle_leave(f, at.path, "it is no document", false);
    else if (S_ISLNK(st.st_mode) && !follow(f, in->dir, &at.from))
        bundle_leave(f, at.path, "it is a link to what is not in the project", true);
    else
        add(f, at.path, at.from);
}

static void list_one(struct bundle_files *f, const struct folder *at, struct folders *below)
{
    struct dirent **found = NULL;
    int n = scandir(at->from.p, &found, NULL, alphasort);

    if (n < 0 && errno != ENOENT)
        bundle_leave(f, at->path, strerror(errno), true);
    for (int i = 0; i < n; i++) {
        if (strcmp(found[i]->d_name, ".") != 0 && strcmp(found[i]->d_name, "..") != 0)
            list_entry(f, at, found[i]->d_name, below);
        free(found[i]);
    }
    free(found);
}

static void list_folder(struct bundle_files *f, struct folder top)
{
    struct folders all = {0};

    later(&all, top);
    for (size_t i = 0; i < all.n; i++) {
        struct folder at = all.at[i]; /* the list grows meanwhile */

        list_one(f, &at, &all);
    }
    free(all.at);
}

/* Documents that an integration names and that lie elsewhere in the project. */
static void list_named(struct bundle_files *f, const struct project *p, struct str name)
{
    struct documents d;
    struct errinfo ei;
    size_t n = strlen(p->dir), n_state = strlen(p->state_dir);

    if (documents_read(p, name, f->a, &d, &ei))
        return; /* what can be read is listed; `check` says what is wrong */
    for (int k = 0; k < DOC_KINDS; k++) {
        struct str from;

        if (!d.path[k].p)
            continue;
        from = arena_printf(f->a, "%s/" STR_FMT, p->dir, STR_ARG(d.path[k]));
        if (!follow(f, p->dir, &from))
            continue;
        if (str_ends(from, S(".json")) && strncmp(from.p, p->state_dir, n_state) != 0)
            add(f, str_sub(from, n + 1, from.n), from);
        else
            bundle_leave(f, str_sub(from, n + 1, from.n), "an integration names it, and it is no *.json", true);
    }
}

/* Saved versions go where the unpacked project looks for them, if its state is below it. */
static void list_versions(struct bundle_files *f, const struct project *p)
{
    size_t n = strlen(p->dir);
    bool inside = strncmp(p->state_dir, p->dir, n) == 0 && p->state_dir[n] == '/';
    struct folder at = {.dir = p->dir};

    at.path = arena_printf(f->a, "%s/versions", inside ? p->state_dir + n + 1 : "." PRODUCT);
    at.from = arena_printf(f->a, "%s/versions", p->state_dir);
    list_folder(f, at);
}

/* What was read with the project and is in no list by now. */
static void miss(struct bundle_files *f, const char *folder, struct str name)
{
    struct str path = arena_printf(f->a, "%s/" STR_FMT ".json", folder, STR_ARG(name));

    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->at[i].path, path))
            return;
    for (size_t i = 0; i < f->n_left; i++)
        if (str_eq(f->left[i].path, path))
            return;
    bundle_leave(f, path, GONE, true);
}

void bundle_list(const struct project *p, struct arena *a, struct bundle_files *ret)
{
    static const char *const folders[] = {"connections", "integrations", "maps", "connectors"};
    struct bundle_files f = {.a = a};
    static const char *const top[] = {PRODUCT ".json", ".gitignore"};

    for (size_t i = 0; i < sizeof top / sizeof *top; i++) {
        struct str from = arena_printf(a, "%s/%s", p->dir, top[i]);

        if (access(from.p, F_OK) == 0)
            add(&f, str_of(top[i]), from);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        list_folder(&f, (struct folder){.dir = p->dir,
                                        .path = str_of(folders[i]),
                                        .from = arena_printf(a, "%s/%s", p->dir, folders[i])});
    for (size_t i = 0; i < p->n_integrations; i++)
        list_named(&f, p, p->integrations[i].name);
    list_versions(&f, p);
    for (size_t i = 0; i < p->n_connections; i++)
        miss(&f, "connections", p->connections[i].name);
    for (size_t i = 0; i < p->n_integrations; i++)
        miss(&f, "integrations", p->integrations[i].name);
    *ret = f;
}

void bundle_files_free(struct bundle_files *f)
{
    free(f->at);
    free(f->left);
}

static bool read_whole(int fd, char *text, size_t size)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, text + got, size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

bool bundle_read(struct bundle_files *f, const struct bundle_file *one, struct arena *a, struct str *ret,
                 int64_t *ret_modified_s)
{
    int fd = open(one->from.p, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    const char *why = NULL;
    char *text = NULL;
    struct stat st = {0};

    if (fd < 0)
        why = errno == ENOENT ? GONE : strerror(errno);
    else if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        why = "it is no file";
    else if (st.st_size > FILE_MAX_BYTES)
        why = "it is larger than 32 MiB";
    if (!why) {
        text = arena_alloc(a, (size_t)st.st_size + 1);
        if (!read_whole(fd, text, (size_t)st.st_size))
            why = "it became shorter while it was read";
    }
    if (fd >= 0)
        close(fd);
    if (why) {
        bundle_leave(f, one->path, why, true);
        return false;
    }
    *ret = str_mk(text, (size_t)st.st_size);
    *ret_modified_s = st.st_mtime;
    return true;
}
