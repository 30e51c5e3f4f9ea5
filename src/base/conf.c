/* A JSON5 reader that remembers places: structure, files and what is done with trees; conf_text.c has the words.
 *
 * The reader keeps a stack of the containers that are open, at most 64, instead of calling itself. After the first
 * error of structure the reading ends: what follows would only be noise. Keys that stand twice in an object do not end
 * it; they are looked for when the object closes. */
#include "base/conf.h"

#include "base/conf_text.h"
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX_BYTES (8u << 20)
#define READ_BYTES     65536
#define DEPTH_MAX      64
#define FEW_MEMBERS    16

struct level {
    struct node *container, *last;
    struct str key; /* of the member whose value comes next */
    struct pos key_pos;
};

struct reader {
    struct conf_text t;
    struct node *root;
    struct level open[DEPTH_MAX];
    int depth;
};

/* ---- keys that stand twice ---- */

static void tell_twice(struct reader *r, const struct node *n, size_t line)
{
    diags_add(r->t.diags, DIAG_ERROR, n->key_pos, "key \"" STR_FMT "\" stands twice in this object",
              STR_ARG(conf_shown(n->key)));
    diags_remedy(r->t.diags, "it stands on line %zu as well; remove one of them", line);
}

static const struct node *earlier(const struct node *object, const struct node *n)
{
    for (const struct node *c = object->child; c != n; c = c->next)
        if (str_eq(c->key, n->key))
            return c;
    return NULL;
}

static void find_twice(struct reader *r, const struct node *object)
{
    struct map *lines = object->n_children > FEW_MEMBERS ? map_new() : NULL;

    for (const struct node *n = object->child; n; n = n->next) {
        const struct node *same = lines ? NULL : earlier(object, n);
        size_t line = lines ? map_get(lines, n->key) : same ? same->key_pos.line : MAP_NONE;

        if (line != MAP_NONE)
            tell_twice(r, n, line);
        else if (lines)
            map_put(lines, n->key, n->key_pos.line);
    }
    map_free(lines);
}

/* ---- values ---- */

static bool literal(struct reader *r, struct node *n)
{
    struct pos at = conf_here(&r->t);
    struct str w;

    if (!conf_word(&r->t, &w))
        return false;
    n->truth = str_eq(w, S("true"));
    n->type = n->truth || str_eq(w, S("false")) ? NODE_BOOL : NODE_NULL;
    if (n->type == NODE_BOOL || str_eq(w, S("null")))
        return true;
    return conf_wrong(&r->t, at, "put texts in quotes; true, false and null are written small",
                      "\"" STR_FMT "\" is not a value", STR_ARG(conf_shown(w)));
}

static bool open_container(struct reader *r, struct node *n)
{
    if (r->depth == DEPTH_MAX)
        return conf_wrong(&r->t, n->pos, "flatten the document", "nested deeper than %d", DEPTH_MAX);
    n->type = *r->t.p++ == '{' ? NODE_OBJECT : NODE_ARRAY;
    r->open[r->depth++] = (struct level){.container = n};
    return true;
}

static void attach(struct reader *r, struct node *n)
{
    struct level *top = r->depth ? &r->open[r->depth - 1] : NULL;

    if (!top) {
        r->root = n;
        return;
    }
    n->key = top->key;
    n->key_pos = top->key_pos;
    if (top->last)
        top->last->next = n;
    else
        top->container->child = n;
    top->last = n;
    top->container->n_children++;
}

/* Reads what stands here; of a container only its bracket. */
static bool value(struct reader *r)
{
    struct conf_text *t = &r->t;
    struct node *n;

    if (t->p >= t->end)
        return conf_wrong(t, conf_here(t), "is the document complete?", "the text ends where a value is expected");
    n = conf_memory(t, sizeof *n);
    if (!n)
        return false;
    n->pos = conf_here(t);
    attach(r, n);
    if (*t->p == '{' || *t->p == '[')
        return open_container(r, n);
    if (*t->p == '"' || *t->p == '\'') {
        n->type = NODE_STRING;
        return conf_string(t, &n->text);
    }
    if (*t->p == '-' || *t->p == '+' || *t->p == '.' || (*t->p >= '0' && *t->p <= '9')) {
        n->type = NODE_NUMBER;
        return conf_number(t, &n->text);
    }
    if (conf_is_word(t))
        return literal(r, n);
    return conf_unexpected(t, "a value is expected here",
                           "a value is a text in quotes, a number, true, false, null, {...} or [...]");
}

/* ---- structure ---- */

static bool member_key(struct reader *r, struct level *top)
{
    struct conf_text *t = &r->t;

    top->key_pos = conf_here(t);
    if (*t->p == '"' || *t->p == '\'') {
        if (!conf_string(t, &top->key))
            return false;
    } else if (!conf_is_word(t)) {
        return conf_unexpected(t, "a key is expected here", "write members as \"key\": value, parted by commas");
    } else if (!conf_word(t, &top->key)) {
        return false;
    }
    if (!conf_blanks(t))
        return false;
    if (t->p < t->end && *t->p == '=')
        return conf_unexpected(t, "= stands where a colon is expected", "write \"key\": value");
    if (t->p >= t->end || *t->p != ':')
        return conf_unexpected(t, "a colon is expected after the key", "write \"key\": value");
    t->p++;
    return conf_blanks(t);
}

static bool not_closed(struct reader *r, const struct node *c)
{
    bool object = c->type == NODE_OBJECT;

    return conf_wrong(&r->t, c->pos, object ? "close it with }" : "close it with ]", "this %s is not closed",
                      node_type_name(c->type));
}

static bool no_comma(struct reader *r, const struct node *c, char close)
{
    struct conf_text *t = &r->t;

    if (*t->p == '}' || *t->p == ']')
        return conf_wrong(t, conf_here(t), "is a bracket missing before, or is this one too many?",
                          "%c does not close the %c of line %u", *t->p, c->type == NODE_OBJECT ? '{' : '[',
                          c->pos.line);
    return conf_unexpected(t, close == '}' ? "a comma or } is expected here" : "a comma or ] is expected here",
                           "is a comma missing after the value before?");
}

/* Goes on behind a value: true where the next one begins, false when all containers are closed or something is wrong.
 */
static bool next_value(struct reader *r)
{
    struct conf_text *t = &r->t;

    while (r->depth && conf_blanks(t)) {
        struct level *top = &r->open[r->depth - 1];
        struct node *c = top->container;
        char close = c->type == NODE_OBJECT ? '}' : ']';

        if (t->p < t->end && *t->p != close && top->last) {
            if (*t->p != ',')
                return no_comma(r, c, close);
            t->p++;
            if (!conf_blanks(t))
                return false;
        }
        if (t->p >= t->end)
            return not_closed(r, c);
        if (*t->p != close)
            return c->type == NODE_ARRAY || member_key(r, top);
        t->p++;
        r->depth--;
        if (c->type == NODE_OBJECT)
            find_twice(r, c);
    }
    return false;
}

static bool document(struct reader *r)
{
    struct conf_text *t = &r->t;

    if (!conf_is_utf8(t) || !conf_blanks(t))
        return false;
    if (t->p >= t->end)
        return conf_wrong(t, conf_here(t), "it must hold a JSON value", "the document is empty");
    do {
        if (!value(r))
            return false;
    } while (next_value(r));
    if (t->failed || !conf_blanks(t))
        return false;
    return t->p >= t->end || conf_unexpected(t, "something follows the end of the document",
                                             "one document a file; is there a bracket too many before?");
}

enum err conf_parse(struct arena *a, struct str text, const char *file, struct diags *diags, struct node **ret)
{
    struct reader r = {.depth = 0};
    bool ok;

    r.t = conf_text_begin(a, str_starts(text, S("\xEF\xBB\xBF")) ? str_sub(text, 3, text.n) : text, file, diags);
    if (text.n > TEXT_MAX_BYTES)
        ok = conf_wrong(&r.t, (struct pos){file, 0, 0}, "is it the right file?", "the document is larger than 8 MiB");
    else
        ok = document(&r);
    conf_text_end(&r.t);
    if (!ok)
        return ERR_CONFIG;
    *ret = r.root;
    return OK;
}

/* ---- files ---- */

static enum err load_failed(struct diags *diags, const char *shown_as, const char *what, const char *remedy)
{
    diags_add(diags, DIAG_ERROR, (struct pos){shown_as, 0, 0}, "%s", what);
    diags_remedy(diags, "%s", remedy);
    return ERR_CONFIG;
}

/* False when reading fails. Stops behind the largest document. */
static bool read_all(int fd, struct buf *b)
{
    while (b->n <= TEXT_MAX_BYTES && buf_room(b, READ_BYTES)) {
        ssize_t n = read(fd, b->p + b->n, READ_BYTES);

        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        b->n += n > 0 ? (size_t)n : 0;
    }
    return true;
}

enum err conf_load(struct arena *a, const char *path, const char *shown_as, struct diags *diags, struct node **ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct buf b = buf_make(TEXT_MAX_BYTES + 2 * READ_BYTES);
    struct stat st;
    enum err e;

    if (fd < 0)
        return load_failed(diags, shown_as, strerror(errno),
                           errno == ENOENT ? "is the name right?" : "the file must be readable for this user");
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        e = load_failed(diags, shown_as, "it is not a regular file",
                        "a document is an ordinary file, not a folder, pipe or device");
    else if (!read_all(fd, &b))
        e = load_failed(diags, shown_as, strerror(errno), "the file could not be read");
    else if (b.failed)
        e = load_failed(diags, shown_as, "out of memory for the document", "is it the right file?");
    else
        e = conf_parse(a, buf_str(&b), shown_as, diags, ret);
    close(fd);
    buf_free(&b);
    return e;
}

/* ---- trees ---- */

struct node *node_get(const struct node *obj, const char *key_name)
{
    struct node *found = NULL;

    if (!obj || obj->type != NODE_OBJECT)
        return NULL;
    for (struct node *c = obj->child; c; c = c->next)
        if (str_eq(c->key, str_of(key_name)))
            found = c;
    return found;
}

const char *node_type_name(enum node_type t)
{
    static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"};

    return names[t];
}

static void write_node(const struct node *n, struct json_out *w)
{
    switch (n->type) {
    case NODE_NULL:
        json_out_null(w);
        return;
    case NODE_BOOL:
        json_out_bool(w, n->truth);
        return;
    case NODE_NUMBER:
        json_out_raw(w, n->text);
        return;
    case NODE_STRING:
        json_out_str(w, n->text);
        return;
    case NODE_ARRAY:
    case NODE_OBJECT:
        break;
    }
    json_out_begin(w, n->type == NODE_ARRAY ? '[' : '{');
    for (const struct node *c = n->child; c; c = c->next) {
        if (n->type == NODE_OBJECT)
            json_out_key_str(w, c->key);
        write_node(c, w);
    }
    json_out_end(w, n->type == NODE_ARRAY ? ']' : '}');
}

void node_write(const struct node *n, struct buf *out)
{
    struct json_out w = json_out(out);

    write_node(n, &w);
}
