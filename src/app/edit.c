/* Editing a dead letter. The record that came from the source is never changed: the corrected one is kept beside it,
 * and `records --id` shows both. What is given is checked before it is kept: it is JSON, an object, and the same
 * version of the same record as the letter, so an edit cannot make an older version pass for a newer. */
#include "app/edit.h"

#include "base/json.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LETTERS_MAX 1000
#define EDIT_MAX    (32u << 20)

struct letters {
    struct dead_letter *at; /* of one version of one record */
    size_t n;
};

static int64_t place(const struct dead_letter *d)
{
    return d->page << 20 | d->row;
}

/* The open letters of the newest version that has any. */
static enum err find_letters(struct app *app, const struct integration *i, struct str id, struct letters *ret,
                             struct errinfo *ei)
{
    struct dead_query q = {.integration = i->name, .id = id, .limit = LETTERS_MAX};
    size_t n, newest = 0;
    enum err e = store_dead_list(app->store, &q, app->arena, &ret->at, &n, ei);

    ret->n = 0;
    if (!e && !n)
        return store_no_letter(id, ei);
    for (size_t k = 1; !e && k < n; k++) {
        if (!str_eq(ret->at[k].key, ret->at[0].key))
            return fail(ei, ERR_USAGE, "the id " STR_FMT " names letters of several records", STR_ARG(id));
        if (place(&ret->at[k]) > place(&ret->at[newest]))
            newest = k;
    }
    for (size_t k = 0, at = e ? 0 : n ? (size_t)place(&ret->at[newest]) : 0; !e && k < n; k++)
        if ((size_t)place(&ret->at[k]) == at)
            ret->at[ret->n++] = ret->at[k];
    return e;
}

/* ---- what is given ---- */

static enum err read_file(const char *path, struct buf *out, struct errinfo *ei)
{
    bool input = strcmp(path, "-") == 0;
    int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    char part[65536];
    ssize_t n = -1;

    while (fd >= 0 && ((n = read(fd, part, sizeof part)) > 0 || (n < 0 && errno == EINTR)))
        if (n > 0)
            buf_add(out, str_mk(part, (size_t)n));
    if (fd < 0 || n < 0)
        fail(ei, ERR_USAGE, "%s: %s", input ? "standard input" : path, strerror(errno));
    if (fd >= 0 && !input)
        close(fd);
    if (fd < 0 || n < 0)
        return ERR_USAGE;
    return out->failed ? fail(ei, ERR_DATA, "the edited record is longer than %u bytes", EDIT_MAX) : OK;
}

static void write_whole(struct json_out *w, const struct json *v)
{
    struct buf b = buf_make(EDIT_MAX);

    json_write(v, &b);
    json_out_raw(w, buf_str(&b));
    buf_free(&b);
}

/* A value that was a text stays one: "007" is no number. */
static void write_new(struct json_out *w, const struct json *old, struct str text)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *doc;
    struct errinfo not_json;
    bool as_text = json_type(old) == JSON_STRING && !str_eq(text, S("null")) && !str_starts(text, S("\""));

    if (as_text || json_parse(text, &limits, &doc, NULL, &not_json)) {
        json_out_str(w, text);
        return;
    }
    write_whole(w, json_root(doc));
    json_free(doc);
}

static enum err no_such(struct str path, struct errinfo *ei)
{
    return fail(ei, ERR_DATA, "the record has no \"" STR_FMT "\"", STR_ARG(path));
}

/* Writes `v` with the value at the path put in place; as deep as the path has segments. A new member may be added to an
 * object, an element not to an array. */
static enum err write_set(struct json_out *w, const struct json *v, struct str path, struct str text,
                          struct errinfo *ei)
{
    struct json_iter it = json_iter(v);
    struct str rest = path, first, key;
    const struct json *e;
    bool array = json_type(v) == JSON_ARRAY, found = false;
    int64_t want = -1, at = 0;
    enum err err = OK;

    if (!path.n) {
        write_new(w, v, text);
        return OK;
    }
    (void)str_cut(&rest, '.', &first);
    if ((!array && json_type(v) != JSON_OBJECT) || (array && (!num_i64(first, &want) || want < 0)))
        return no_such(path, ei);
    json_out_begin(w, array ? '[' : '{');
    for (; !err && (e = json_next(&it, &key)); at++) {
        bool here = array ? at == want : str_eq(key, first);

        if (!array)
            json_out_key_str(w, key);
        if (here)
            err = write_set(w, e, rest, text, ei);
        else
            write_whole(w, e);
        found |= here;
    }
    if (!err && !found && (array || rest.n))
        return no_such(path, ei);
    if (!err && !found) {
        json_out_key_str(w, first);
        write_new(w, NULL, text);
    }
    json_out_end(w, array ? ']' : '}');
    return err;
}

static enum err apply_set(const char *option, struct str raw, struct buf *out, struct errinfo *ei)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct str text = str_of(option), path;
    struct json_out w = json_out(out);
    struct json_doc *doc;
    size_t dots = 0;
    enum err e;

    if (!memchr(text.p, '=', text.n) || text.p[0] == '=') {
        fail(ei, ERR_USAGE, "--set is \"%s\"", option);
        return fail_hint(ei, "write PATH=VALUE, as in items.0.qty=2");
    }
    (void)str_cut(&text, '=', &path);
    for (size_t i = 0; i < path.n; i++)
        dots += path.p[i] == '.';
    if (dots >= 60)
        return fail(ei, ERR_USAGE, "the path of --set has too many parts");
    e = json_parse(raw, &limits, &doc, NULL, ei);
    if (e)
        return e;
    e = write_set(&w, json_root(doc), path, text.p ? text : S(""), ei);
    json_free(doc);
    return e;
}

/* ---- is it the same record? ---- */

static enum err check(struct app *app, const struct flow *f, const struct dead_letter *d, struct str text,
                      struct errinfo *ei)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct shaper *sh;
    struct batch_record r;
    struct json_doc *doc;
    enum err e = json_parse(text, &limits, &doc, NULL, ei);

    if (e) {
        err_prefix(ei, "the edited record");
        return e;
    }
    sh = shaper_new(f->shape);
    e = shaper_identify(sh, json_root(doc), app->arena, false, &r, ei);
    if (!e && (!str_eq(r.key, d->key) || !str_eq(r.version, d->version))) {
        fail(ei, ERR_DATA, "the edited record is another one: id \"" STR_FMT "\", version \"" STR_FMT "\"",
             STR_ARG(r.key), STR_ARG(r.version));
        e = fail_hint(ei, "the letter is of \"" STR_FMT "\", version \"" STR_FMT "\"; leave both as they are",
                      STR_ARG(d->key), STR_ARG(d->version));
    }
    shaper_free(sh);
    json_free(doc);
    return e;
}

static enum err keep(struct app *app, const struct letters *l, struct str text, struct errinfo *ei)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct buf b = buf_make(EDIT_MAX);
    struct json_doc *doc;
    enum err e = json_parse(text, &limits, &doc, NULL, ei);

    if (e)
        return e;
    json_write(json_root(doc), &b);
    json_free(doc);
    for (size_t i = 0; !e && i < l->n; i++)
        e = store_dead_edit(app->store, l->at[i].id, buf_str(&b), ei);
    buf_free(&b);
    return e;
}

/* `given` p NULL: what --edit or --set says. */
static enum err edit(struct app *app, const struct integration *i, struct str id, struct str given, struct errinfo *ei)
{
    struct buf b = buf_make(EDIT_MAX);
    struct letters l;
    struct flow *f = flow_compile(app->project, i, app->diags);
    enum err e;

    if (!f) {
        e = diags_first_error(app->diags, ei);
        return e ? e : fail(ei, ERR_CONFIG, "the integration could not be compiled");
    }
    e = find_letters(app, i, id, &l, ei);
    if (!e && given.p)
        buf_add(&b, given);
    else if (!e && app_flag(app, "edit"))
        e = read_file(app_value(app, "edit"), &b, ei);
    else if (!e)
        e = apply_set(app_value(app, "set"), l.at[0].edited.n ? l.at[0].edited : l.at[0].raw, &b, ei);
    e = e ? e : check(app, f, &l.at[0], buf_str(&b), ei);
    e = e ? e : keep(app, &l, buf_str(&b), ei);
    buf_free(&b);
    flow_free(f);
    return e;
}

enum err edit_letters(struct app *app, const struct integration *i, struct str id, struct errinfo *ei)
{
    return edit(app, i, id, (struct str){0}, ei);
}

enum err edit_letters_as(struct app *app, const struct integration *i, struct str id, struct str record,
                         struct errinfo *ei)
{
    return edit(app, i, id, record, ei);
}
