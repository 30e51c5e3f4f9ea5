/* Where the documents are is read from the integration's own file: "metadata" is a document, or the path of one beside
 * it. A path that leaves the project is nobody's to read or write.
 *
 * Files are replaced as a whole (written beside, synchronized, renamed), so that whoever reads at the same time sees
 * the old text or the new one. Versions are files of their own in .sluice/versions/NAME, numbered and never changed;
 * their names end in the version, which is a hash of the texts, so an edit made with another editor is seen as one. */
#include "app/documents.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/digest.h"
#include "base/num.h"
#include "store/files.h"

#define TEXT_MAX    (8u << 20)
#define VERSION_MAX (32u << 20)
#define DEPTH_MAX   4

const char *const document_names[DOC_KINDS] = {"integration", "source", "target"};

/* ---- files ---- */

static enum err read_text(const char *path, struct arena *a, struct str *ret, struct errinfo *ei)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    char *text;
    ssize_t n = 0, got = 0;

    if (fd < 0)
        return errno == ENOENT ? fail(ei, ERR_USAGE, "there is no file %s", path) : files_fail(ei, "cannot read", path);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > TEXT_MAX) {
        close(fd);
        return fail(ei, ERR_CONFIG, "%s is no file of at most %u MiB", path, TEXT_MAX >> 20);
    }
    text = arena_alloc(a, (size_t)st.st_size + 1);
    while (got < st.st_size && (n = read(fd, text + got, (size_t)(st.st_size - got))) > 0)
        got += n;
    close(fd);
    if (n < 0)
        return files_fail(ei, "cannot read", path);
    text[got] = 0;
    *ret = str_mk(text, (size_t)got);
    return OK;
}

static enum err write_text(const char *path, struct str text, struct errinfo *ei)
{
    char *temporary = files_path("%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t done = 0;
    enum err err = OK;

    while (fd >= 0 && done < text.n) {
        ssize_t n = write(fd, text.p + done, text.n - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        done += (size_t)n;
    }
    if (fd < 0 || done < text.n || fsync(fd))
        err = files_fail(ei, "cannot write", temporary);
    if (fd >= 0)
        close(fd);
    if (!err && rename(temporary, path))
        err = files_fail(ei, "cannot replace", path);
    if (err)
        unlink(temporary);
    free(temporary);
    return err;
}

/* ---- where they are ---- */

static bool is_inside(const char *dir, const char *path)
{
    char *real = realpath(path, NULL), *root = realpath(dir, NULL);
    size_t n = root ? strlen(root) : 0;
    bool inside = real && root && strncmp(real, root, n) == 0 && real[n] == '/';

    free(real);
    free(root);
    return inside;
}

/* The paths of the two documents, as far as the integration's text tells. */
static void find_paths(const char *dir, struct arena *a, struct documents *d)
{
    static const char *const sides[DOC_KINDS] = {[DOC_SOURCE] = "source", [DOC_TARGET] = "target"};
    struct diags *diags = diags_new();
    struct node *root = NULL;

    if (conf_parse(a, d->text[DOC_INTEGRATION], "", diags, &root))
        root = NULL;
    for (int k = DOC_SOURCE; root && k < DOC_KINDS; k++) {
        const struct node *side = node_get(root, sides[k]), *doc = side ? node_get(side, "metadata") : NULL;

        if (!doc || doc->type != NODE_STRING || memchr(doc->text.p, 0, doc->text.n))
            continue;
        d->path[k] = arena_printf(a, "integrations/" STR_FMT, STR_ARG(doc->text));
        if (!is_inside(dir, arena_printf(a, "%s/" STR_FMT, dir, STR_ARG(d->path[k])).p))
            d->path[k] = (struct str){0};
    }
    diags_free(diags);
}

static void set_version(struct documents *d, struct arena *a)
{
    uint64_t h = 0;

    for (int k = 0; k < DOC_KINDS; k++)
        h = h * 0x9e3779b97f4a7c15u + hash_stable(d->text[k]);
    d->version = arena_printf(a, "%016llx", (unsigned long long)h);
}

enum err documents_read(const struct project *p, struct str name, struct arena *a, struct documents *ret,
                        struct errinfo *ei)
{
    struct documents d = {.path[DOC_INTEGRATION] = arena_printf(a, "integrations/" STR_FMT ".json", STR_ARG(name))};
    enum err err = OK;

    for (int k = 0; k < DOC_KINDS && !err; k++) {
        if (d.path[k].p)
            err = read_text(arena_printf(a, "%s/" STR_FMT, p->dir, STR_ARG(d.path[k])).p, a, &d.text[k], ei);
        if (!err && k == DOC_INTEGRATION)
            find_paths(p->dir, a, &d);
    }
    if (err)
        return err;
    set_version(&d, a);
    *ret = d;
    return OK;
}

/* ---- trying out ---- */

/* What the project reads is copied: it does not follow links out of itself. */
static bool is_read(const char *name)
{
    static const char *const names[] = {"sluice.json", "connections", "integrations", "maps", "connectors"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Everything else in `from` (the state above all) appears in `to` as a link. */
static enum err link_others(const char *from, const char *to, struct errinfo *ei)
{
    DIR *d = opendir(from);
    struct dirent *e;
    enum err err = OK;

    while (d && !err && (e = readdir(d))) {
        char source[PATH_MAX], target[PATH_MAX];

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || is_read(e->d_name))
            continue;
        if (snprintf(source, sizeof source, "%s/%s", from, e->d_name) >= (int)sizeof source ||
            snprintf(target, sizeof target, "%s/%s", to, e->d_name) >= (int)sizeof target || symlink(source, target))
            err = files_fail(ei, "cannot make", to);
    }
    if (d)
        closedir(d);
    return err;
}

static enum err copy_file(const char *from, const char *to, struct errinfo *ei)
{
    struct arena *a = arena_new(2 * TEXT_MAX);
    struct str text;
    enum err err = read_text(from, a, &text, ei);

    err = err ? err : write_text(to, text, ei);
    arena_free(a);
    return err;
}

/* Files and folders of what the project reads; `depth` folders deep. `top`: `to` is there, and not all is read. */
static enum err copy_all(const char *from, const char *to, int depth, bool top, struct errinfo *ei)
{
    DIR *d = opendir(from);
    struct dirent *e;
    enum err err = !top && mkdir(to, 0700) ? files_fail(ei, "cannot make", to) : OK;

    while (d && !err && (e = readdir(d))) {
        char source[PATH_MAX], target[PATH_MAX];
        struct stat st;

        if (e->d_name[0] == '.' || (top && !is_read(e->d_name)) ||
            snprintf(source, sizeof source, "%s/%s", from, e->d_name) >= (int)sizeof source ||
            snprintf(target, sizeof target, "%s/%s", to, e->d_name) >= (int)sizeof target || lstat(source, &st))
            continue;
        if (S_ISDIR(st.st_mode) && depth > 0)
            err = copy_all(source, target, depth - 1, false, ei);
        else if (S_ISREG(st.st_mode) && st.st_size <= TEXT_MAX)
            err = copy_file(source, target, ei);
    }
    if (d)
        closedir(d);
    return err;
}

static enum err put_texts(const char *dir, const struct documents *d, const struct str texts[DOC_KINDS],
                          struct arena *a, struct errinfo *ei)
{
    enum err err = OK;

    for (int k = 0; k < DOC_KINDS && !err; k++) {
        if (!texts[k].p || str_eq(texts[k], d->text[k]))
            continue;
        if (!d->path[k].p) {
            fail(ei, ERR_USAGE, "the %s document has no file of its own", document_names[k]);
            return fail_hint(ei, "it stands inside %s; edit that", arena_cstr(a, d->path[DOC_INTEGRATION]));
        }
        err = write_text(arena_printf(a, "%s/" STR_FMT, dir, STR_ARG(d->path[k])).p, texts[k], ei);
    }
    return err;
}

enum err documents_try(const struct project *p, struct str name, const struct str texts[DOC_KINDS], struct arena *a,
                       const char **ret_dir, struct errinfo *ei)
{
    struct str pattern = arena_printf(a, "%s/try-XXXXXX", p->state_dir);
    char *to = arena_alloc(a, pattern.n + 1);
    struct documents d;
    enum err err = documents_read(p, name, a, &d, ei);

    if (err)
        return err;
    memcpy(to, pattern.p, pattern.n + 1);
    err = files_mkdir(p->state_dir, ei);
    if (err)
        return err;
    if (!mkdtemp(to))
        return files_fail(ei, "cannot make", to);
    err = link_others(p->dir, to, ei);
    err = err ? err : copy_all(p->dir, to, DEPTH_MAX, true, ei);
    if (!err && texts[DOC_INTEGRATION].p) { /* it may name other files */
        d.text[DOC_INTEGRATION] = texts[DOC_INTEGRATION];
        find_paths(p->dir, a, &d);
        d.text[DOC_INTEGRATION] = (struct str){0};
    }
    err = err ? err : put_texts(to, &d, texts, a, ei);
    if (err)
        documents_untry(to);
    else
        *ret_dir = to;
    return err;
}

/* Links are removed, not followed. */
static void remove_all(const char *dir, int depth)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        char path[PATH_MAX];

        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < (int)sizeof path && unlink(path) && depth > 0)
            remove_all(path, depth - 1);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

void documents_untry(const char *dir)
{
    remove_all(dir, DEPTH_MAX + 1);
}

/* ---- versions ---- */

static const char *versions_dir(const struct project *p, struct str name, struct arena *a)
{
    char file[FILES_NAME_MAX];

    files_name(name, file);
    return arena_printf(a, "%s/versions/%s", p->state_dir, file).p;
}

/* File names of the versions, oldest first. */
static struct strs list(const char *folder, struct arena *a)
{
    struct dirent **found = NULL;
    int n = scandir(folder, &found, NULL, alphasort);
    struct str *names = ARENA_ARRAY(a, struct str, n > 0 ? n + 1 : 1);
    size_t kept = 0;

    for (int i = 0; i < n; i++) {
        struct str name = str_of(found[i]->d_name);

        if (name.n > 5 && str_eq(str_sub(name, name.n - 5, 5), S(".json")))
            names[kept++] = arena_str(a, name);
        free(found[i]);
    }
    free(found);
    return (struct strs){names, kept};
}

/* "000007-0123456789abcdef.json" */
static struct str version_of(struct str file)
{
    return file.n > 21 ? str_sub(file, file.n - 21, 16) : (struct str){0};
}

static void version_text(const struct documents *d, const struct version_note *note, int64_t number, struct buf *out)
{
    struct json_out w = json_out(out);
    char at[TIME_TEXT];

    json_out_begin(&w, '{');
    json_member(&w, "version", d->version);
    json_number(&w, "number", number);
    json_member(&w, "at", (struct str){at, time_rfc3339(note->zone, note->at_ms, at)});
    json_member(&w, "user", note->user);
    json_member(&w, "comment", note->comment);
    for (int k = 0; k < DOC_KINDS; k++) {
        json_out_key(&w, document_names[k]);
        json_out_begin(&w, '{');
        json_member(&w, "path", d->path[k]);
        json_member(&w, "text", d->text[k]);
        json_out_end(&w, '}');
    }
    json_out_end(&w, '}');
}

/* Keeps the texts as the newest version, unless they are it already. */
static enum err keep(const struct project *p, struct str name, const struct documents *d,
                     const struct version_note *note, struct arena *a, struct errinfo *ei)
{
    const char *folder = versions_dir(p, name, a);
    struct strs all = list(folder, a);
    struct buf b = buf_make(VERSION_MAX);
    int64_t number = 0;
    enum err err;

    if (all.n && str_eq(version_of(all.at[all.n - 1]), d->version))
        return OK;
    if (all.n)
        (void)num_i64(str_sub(all.at[all.n - 1], 0, 6), &number);
    err = files_mkdir(folder, ei);
    version_text(d, note, number + 1, &b);
    err = err ? err
              : write_text(
                    arena_printf(a, "%s/%06lld-" STR_FMT ".json", folder, (long long)number + 1, STR_ARG(d->version)).p,
                    buf_str(&b), ei);
    buf_free(&b);
    return err;
}

enum err documents_save(const struct project *p, const struct document_edit *e, struct arena *a, struct str *ret,
                        struct errinfo *ei)
{
    struct version_note found = {.comment = S("as it was found"), .at_ms = e->note.at_ms, .zone = e->note.zone};
    struct documents d;
    enum err err = documents_read(p, e->name, a, &d, ei);

    if (err)
        return err;
    if (e->base.p && !str_eq(e->base, d.version)) {
        fail(ei, ERR_CONFLICT, "the documents of \"" STR_FMT "\" were changed since they were read", STR_ARG(e->name));
        return fail_hint(ei, "look at what changed, and save on top of version " STR_FMT, STR_ARG(d.version));
    }
    err = keep(p, e->name, &d, &found, a, ei);
    err = err ? err : put_texts(p->dir, &d, e->texts, a, ei);
    err = err ? err : documents_read(p, e->name, a, &d, ei);
    err = err ? err : keep(p, e->name, &d, &e->note, a, ei);
    if (!err)
        *ret = d.version;
    return err;
}

static enum err load(const char *folder, struct str file, struct arena *a, struct json_doc **ret, struct errinfo *ei)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct str text = {0};
    enum err err = read_text(arena_printf(a, "%s/" STR_FMT, folder, STR_ARG(file)).p, a, &text, ei);

    return err ? err : json_parse(text, &limits, ret, NULL, ei);
}

static void copy_member(struct json_out *w, const char *key, const struct json *v)
{
    struct buf b = buf_make(1u << 20);

    json_out_key(w, key);
    json_write(v, &b);
    json_out_raw(w, b.n ? buf_str(&b) : S("null"));
    buf_free(&b);
}

enum err documents_versions(const struct project *p, struct str name, struct json_out *w, struct errinfo *ei)
{
    struct arena *a = arena_new(1u << 30);
    const char *folder = versions_dir(p, name, a);
    struct strs all = list(folder, a);
    enum err err = OK;

    json_out_begin(w, '[');
    for (size_t i = all.n; i-- > 0 && !err;) {
        static const char *const keys[] = {"version", "number", "at", "user", "comment"};
        struct json_doc *doc = NULL;

        err = load(folder, all.at[i], a, &doc, ei);
        json_out_begin(w, '{');
        for (size_t k = 0; k < sizeof keys / sizeof *keys && !err; k++)
            copy_member(w, keys[k], json_get(json_root(doc), str_of(keys[k])));
        json_out_end(w, '}');
        json_free(doc);
    }
    json_out_end(w, ']');
    arena_free(a);
    return err;
}

enum err documents_version(const struct project *p, struct str name, struct str version, struct arena *a,
                           struct documents *ret, struct errinfo *ei)
{
    const char *folder = versions_dir(p, name, a);
    struct strs all = list(folder, a);
    struct json_doc *doc;
    enum err err;

    for (size_t i = all.n; i-- > 0;) {
        if (!str_eq(version_of(all.at[i]), version))
            continue;
        err = load(folder, all.at[i], a, &doc, ei);
        for (int k = 0; !err && k < DOC_KINDS; k++) {
            const struct json *d = json_get(json_root(doc), str_of(document_names[k]));
            struct str path = json_text(json_get(d, S("path"))), text = json_text(json_get(d, S("text")));

            ret->path[k] = path.p ? arena_str(a, path) : path;
            ret->text[k] = text.p ? arena_str(a, text) : text;
        }
        ret->version = arena_str(a, version);
        if (!err)
            json_free(doc);
        return err;
    }
    fail(ei, ERR_USAGE, "there is no version \"" STR_FMT "\"", STR_ARG(version));
    return fail_hint(ei, "the list of versions has them all");
}
