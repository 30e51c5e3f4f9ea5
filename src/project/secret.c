/* References in the texts of connection documents.
 *
 * A text is cut into plain stretches and references; `$${` is a plain `${`. secret_is_reference looks at the form alone
 * and complains with a place, secret_resolve fetches the values. What a person may have pasted by mistake is never
 * repeated: messages show the names of well-formed references, nothing else of the text.
 *
 * Values go into the caller's arena, which lives as long as the connection that needs them; copies that are only in
 * between are wiped. Nothing is cached: a changed file or variable counts at the next run. */
#include "project/secret.h"

#include "base/log.h"
#include "base/product.h"
#include "project/project.h"
#include "project/secret_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESOLVED_MAX_BYTES (1u << 20)

enum kind { PLAIN, ENV, FILE_, STORE };
static const char *const kind_names[] = {"env", "file", "secret"};

struct piece {
    enum kind kind;
    struct str text; /* what stands there; of a reference its name */
};
struct flaw {
    const char *what, *remedy, *nearest;
};

static bool env_name_ok(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.n > 0;
}

static const char *name_flaw(enum kind kind, struct str name)
{
    if (kind == ENV && !env_name_ok(name))
        return "the name of an environment variable has ASCII letters, digits and _, and begins with no digit";
    if (kind == FILE_ && (!name.n || memchr(name.p, '\0', name.n)))
        return "a file's path stands behind ${file:";
    if (kind == STORE && !project_name_ok(name))
        return "the name of a secret has letters, digits, _, - and inner blanks, and at most 64 characters";
    return NULL;
}

/* Reads what stands behind "${". */
static bool read_reference(struct str *rest, struct piece *ret, struct flaw *flaw)
{
    size_t close = str_find(*rest, S("}"), 0);
    struct str inside = str_sub(*rest, 0, close), kind;

    *flaw = (struct flaw){"a \"${\" is not closed with \"}\"", "write \"$${\" where \"${\" itself is meant", NULL};
    if (close == SIZE_MAX)
        return false;
    *rest = str_sub(*rest, close + 1, rest->n);
    flaw->what = "this is no reference that is known";
    flaw->remedy = "write ${env:NAME}, ${file:PATH} or ${secret:NAME}, and \"$${\" where \"${\" itself is meant";
    if (str_find(inside, S(":"), 0) == SIZE_MAX || !str_cut(&inside, ':', &kind))
        return false;
    flaw->nearest = str_nearest(kind, kind_names, 3);
    for (int i = 0; i < 3; i++)
        if (str_eq(kind, str_of(kind_names[i]))) {
            *ret = (struct piece){(enum kind)(i + 1), inside};
            *flaw = (struct flaw){name_flaw(ret->kind, inside), "", NULL};
            return !flaw->what;
        }
    return false;
}

/* Cuts the next piece off the front: false at the end, and when flaw->what is set. */
static bool next_piece(struct str *rest, struct piece *ret, struct flaw *flaw)
{
    size_t at = str_find(*rest, S("${"), 0);

    flaw->what = NULL;
    if (!rest->n)
        return false;
    if (at == 0) {
        *rest = str_sub(*rest, 2, rest->n);
        return read_reference(rest, ret, flaw);
    }
    if (at != SIZE_MAX && rest->p[at - 1] == '$') { /* "$${": the first $ is dropped */
        if (at > 1) {
            *ret = (struct piece){PLAIN, str_sub(*rest, 0, at - 1)};
            *rest = str_sub(*rest, at - 1, rest->n);
        } else {
            *ret = (struct piece){PLAIN, S("${")};
            *rest = str_sub(*rest, 3, rest->n);
        }
        return true;
    }
    *ret = (struct piece){PLAIN, str_sub(*rest, 0, at)};
    *rest = str_sub(*rest, ret->text.n, rest->n);
    return true;
}

bool secret_is_reference(struct str text, struct pos pos, struct diags *diags)
{
    struct piece piece;
    struct flaw flaw;
    bool any = false;

    while (next_piece(&text, &piece, &flaw))
        any |= piece.kind != PLAIN;
    if (!flaw.what)
        return any;
    diags_add(diags, DIAG_ERROR, pos, "%s", flaw.what);
    diags_nearest(diags, flaw.nearest);
    diags_remedy(diags, "%s", flaw.remedy);
    return true;
}

bool secret_references(struct str text, struct arena *a, struct strs *ret, struct str *ret_outside)
{
    struct str *all = ARENA_ARRAY(a, struct str, text.n / 3 + 1);
    char *outside = arena_alloc(a, text.n + 1);
    struct piece piece;
    struct flaw flaw;
    size_t n = 0, n_outside = 0;

    while (next_piece(&text, &piece, &flaw)) {
        if (piece.kind != PLAIN) {
            all[n++] = arena_printf(a, "${%s:" STR_FMT "}", kind_names[piece.kind - 1], STR_ARG(piece.text));
            continue;
        }
        memcpy(outside + n_outside, piece.text.p, piece.text.n);
        n_outside += piece.text.n;
    }
    *ret = (struct strs){all, n};
    *ret_outside = str_mk(outside, n_outside);
    return !flaw.what;
}

void secret_hide(struct str value)
{
    log_hide(value);
}

const char *secret_value_wrong(struct str value)
{
    if (!value.n)
        return "is empty";
    if (value.n > SECRET_MAX_BYTES)
        return "is larger than 64 KiB";
    if (memchr(value.p, '\0', value.n))
        return "holds a zero byte";
    if (memchr(value.p, '\n', value.n) || memchr(value.p, '\r', value.n))
        return "has more than one line";
    return NULL;
}

static enum err get_env(struct str name, struct buf *out, struct errinfo *ei)
{
    char key[256];
    const char *value, *wrong;

    (void)snprintf(key, sizeof key, STR_FMT, STR_ARG(name));
    value = name.n < sizeof key ? getenv(key) : NULL;
    if (!value || !*value) {
        fail(ei, ERR_SECRET, "${env:%s}: the environment variable %s is %s", key, key, value ? "empty" : "not set");
        return fail_hint(
            ei, "set %s before " PRODUCT " is started, or keep the value in its store and write ${secret:NAME}", key);
    }
    wrong = secret_value_wrong(str_of(value));
    if (wrong) {
        fail(ei, ERR_SECRET, "${env:%s}: the value of the environment variable %s", key, wrong);
        return fail_hint(ei, "a secret is one line of at most 64 KiB");
    }
    buf_add(out, str_of(value));
    return OK;
}

/* Reads at most one byte more than is allowed. */
static enum err read_secret_file(int fd, struct buf *out)
{
    while (out->n <= SECRET_MAX_BYTES + 2) {
        ssize_t n;

        if (!buf_room(out, 4096))
            return ERR_INTERNAL;
        n = read(fd, out->p + out->n, 4096);
        if (n == 0)
            return OK;
        if (n < 0 && errno != EINTR)
            return ERR_SECRET;
        out->n += n > 0 ? (size_t)n : 0;
    }
    return OK;
}

static void drop_newline(struct buf *b)
{
    if (b->n && b->p[b->n - 1] == '\n')
        b->n--;
    if (b->n && b->p[b->n - 1] == '\r')
        b->n--;
}

static enum err get_file(const char *project_dir, struct str name, struct buf *out, struct errinfo *ei)
{
    struct buf path = buf_make(8192), value = buf_make(SECRET_MAX_BYTES + 16384);
    const char *wrong = NULL;
    struct stat st;
    int fd;

    if (name.p[0] != '/')
        buf_printf(&path, "%s/", project_dir);
    buf_add(&path, name);
    fd = path.failed ? -1 : open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        wrong = path.failed ? "has a path that is too long" : strerror(errno);
    else if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        wrong = "is not a regular file";
    else if (read_secret_file(fd, &value))
        wrong = "could not be read";
    if (!wrong) {
        drop_newline(&value);
        wrong = secret_value_wrong(buf_str(&value));
    }
    if (!wrong)
        buf_add(out, buf_str(&value));
    if (wrong)
        fail(ei, ERR_SECRET, "${file:" STR_FMT "}: the file %s%s", STR_ARG(name),
             fd < 0 && !path.failed ? "cannot be opened: " : "", wrong);
    if (wrong)
        fail_hint(ei, "the file holds the value alone, on one line; a path that is not absolute begins at %s",
                  project_dir);
    if (fd >= 0)
        close(fd);
    secret_wipe(&value);
    buf_free(&path);
    return wrong ? ERR_SECRET : OK;
}

static enum err append_piece(const char *project_dir, const struct piece *piece, struct buf *out, struct errinfo *ei)
{
    size_t before = out->n;
    enum err err = OK;

    switch (piece->kind) {
    case PLAIN:
        buf_add(out, piece->text);
        return OK;
    case ENV:
        err = get_env(piece->text, out, ei);
        break;
    case FILE_:
        err = get_file(project_dir, piece->text, out, ei);
        break;
    case STORE:
        err = secret_get(project_dir, piece->text, out, ei);
        break;
    }
    if (!err)
        secret_hide(str_sub(buf_str(out), before, out->n));
    return err;
}

enum err secret_resolve(const char *project_dir, struct str text, struct arena *a, struct str *ret, struct errinfo *ei)
{
    struct buf out = buf_make(RESOLVED_MAX_BYTES);
    struct piece piece;
    struct flaw flaw;
    enum err err = OK;

    while (!err && next_piece(&text, &piece, &flaw))
        err = append_piece(project_dir, &piece, &out, ei);
    if (!err && flaw.what) {
        fail(ei, ERR_SECRET, "%s", flaw.what);
        err = fail_hint(ei, "%s", flaw.remedy);
    }
    if (!err && out.failed)
        err = fail(ei, ERR_SECRET, "a text with its references filled in is larger than 1 MiB");
    if (!err)
        *ret = arena_str(a, buf_str(&out));
    secret_wipe(&out);
    return err;
}
