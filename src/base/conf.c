/* A JSON5 reader that remembers places. It is strict about structure and lenient about style: comments, trailing commas, single quotes, unquoted keys, hexadecimal and signed numbers are read; a missing comma
 * or brace is an error with its line and column and what to do. Depth is limited before anything is built, so recursion is. After the first error of structure the reading ends: what follows would only
 * be noise.
 *
 * Columns count characters, not bytes. A byte order mark is skipped; UTF-16 and other bytes that are not UTF-8 are told by name. */
#include "base/conf.h"

#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX_BYTES (8u << 20)
#define DEPTH_MAX 64

struct reader {
    struct arena *a;
    struct diags *diags;
    const char *file;
    const char *p, *end;
    const char *line_start;
    uint32_t line;
    int depth;
    bool failed;
};

/* ---- places and complaints ---- */

static struct pos here(const struct reader *r)
{
    struct str before = {r->line_start, (size_t)(r->p - r->line_start)};

    return (struct pos){r->file, r->line, (uint32_t)utf8_count(before) + 1};
}

static bool wrong(struct reader *r, struct pos at, const char *what, const char *remedy)
{
    if (!r->failed) {
        diags_add(r->diags, DIAG_ERROR, at, "%s", what);
        diags_remedy(r->diags, "%s", remedy);
    }
    r->failed = true;
    return false;
}

/* ---- blanks and comments ---- */

static void newline(struct reader *r)
{
    r->line++;
    r->line_start = r->p;
}

static bool skip_block(struct reader *r)
{
    struct pos begin = here(r);

    for (r->p += 2; r->p < r->end; r->p++) {
        if (*r->p == '*' && r->p + 1 < r->end && r->p[1] == '/') {
            r->p += 2;
            return true;
        }
        if (*r->p == '\n') {
            r->p++;
            newline(r);
            r->p--;
        }
    }
    return wrong(r, begin, "this comment is not closed", "close it with */");
}

static bool blanks(struct reader *r)
{
    while (r->p < r->end) {
        char c = *r->p;

        if (c == '\n') {
            r->p++;
            newline(r);
        } else if (c == ' ' || c == '\t' || c == '\r') {
            r->p++;
        } else if (r->end - r->p >= 2 && memcmp(r->p, "\xC2\xA0", 2) == 0) {
            r->p += 2; /* a no-break space, as word processors leave it */
        } else if (r->end - r->p >= 3 && (memcmp(r->p, "\xE3\x80\x80", 3) == 0 || memcmp(r->p, "\xEF\xBB\xBF", 3) == 0)) {
            r->p += 3; /* an ideographic space, or a mark in the middle */
        } else if (c == '/' && r->p + 1 < r->end && r->p[1] == '/') {
            while (r->p < r->end && *r->p != '\n')
                r->p++;
        } else if (c == '/' && r->p + 1 < r->end && r->p[1] == '*') {
            if (!skip_block(r))
                return false;
        } else {
            break;
        }
    }
    return true;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool hex_number(const struct reader *r, const char *p, int n, uint32_t *ret)
{
    *ret = 0;
    if (r->end - p < n)
        return false;
    for (int i = 0; i < n; i++) {
        int d = hex_digit(p[i]);

        if (d < 0)
            return false;
        *ret = *ret * 16 + (uint32_t)d;
    }
    return true;
}

static void put_char(struct buf *b, uint32_t cp)
{
    char out[4];
    size_t n = utf8_encode(cp, out);

    buf_add(b, (struct str){out, n});
}

static bool unicode_escape(struct reader *r, struct buf *b)
{
    uint32_t cp, low;

    if (!hex_number(r, r->p + 2, 4, &cp))
        return wrong(r, here(r), "\\u is not followed by four hexadecimal digits", "write \\u0041, or the character itself");
    r->p += 6;
    if (cp >= 0xD800 && cp <= 0xDBFF && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u' && hex_number(r, r->p + 2, 4, &low) && low >= 0xDC00 && low <= 0xDFFF) {
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
        r->p += 6;
    }
    put_char(b, cp);
    return true;
}

static bool escape(struct reader *r, struct buf *b)
{
    static const char from[] = "nrtbfv0'\"\\/", to[] = "\n\r\t\b\f\v\0'\"\\/";
    const char *at;
    uint32_t cp;

    if (r->p + 1 >= r->end)
        return wrong(r, here(r), "the text ends inside a string", "close the string");
    if (r->p[1] == 'u')
        return unicode_escape(r, b);
    if (r->p[1] == 'x') {
        if (!hex_number(r, r->p + 2, 2, &cp))
            return wrong(r, here(r), "\\x is not followed by two hexadecimal digits", "write \\x41, or the character itself");
        put_char(b, cp);
        r->p += 4;
        return true;
    }
    if (r->p[1] == '\n') {
        r->p += 2;
        newline(r);
        return true;
    }
    at = memchr(from, r->p[1], sizeof from - 1);
    if (!at)
        return wrong(r, here(r), "this escape is not known", "write a backslash as \\\\");
    buf_byte(b, to[at - from]);
    r->p += 2;
    return true;
}

static bool string(struct reader *r, struct str *ret)
{
    struct buf b = buf_make(TEXT_MAX_BYTES);
    struct pos begin = here(r);
    char quote = *r->p++;
    bool ok = true;

    while (ok && r->p < r->end && *r->p != quote) {
        unsigned char c = (unsigned char)*r->p;

        if (c == '\n')
            ok = wrong(r, begin, "this string is not closed on its line", "close it with the quote that opened it, or write a line break as \\n");
        else if (c < 0x20 && c != '\t')
            ok = wrong(r, here(r), "a control character stands in a string", "remove it, or write it as \\u00XX");
        else if (c == '\\')
            ok = escape(r, &b);
        else
            buf_byte(&b, *r->p++);
    }
    if (ok && r->p >= r->end)
        ok = wrong(r, begin, "this string is not closed", "close it with the quote that opened it");
    if (ok)
        r->p++;
    *ret = arena_str(r->a, buf_str(&b));
    buf_free(&b);
    return ok;
}

/* ---- values ---- */

static bool is_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c >= 0x80;
}

static struct str word(struct reader *r)
{
    const char *begin = r->p;

    while (r->p < r->end && is_word((unsigned char)*r->p))
        r->p++;
    return (struct str){begin, (size_t)(r->p - begin)};
}

static bool number(struct reader *r, struct node *n)
{
    struct pos begin = here(r);
    const char *from = r->p;
    struct str t;
    double d;
    char sign = 0;

    if (*r->p == '+' || *r->p == '-')
        sign = *r->p++;
    while (r->p < r->end && (is_word((unsigned char)*r->p) || *r->p == '.' || ((*r->p == '+' || *r->p == '-') && (r->p[-1] == 'e' || r->p[-1] == 'E'))))
        r->p++;
    t = (struct str){from, (size_t)(r->p - from)};
    if (sign == '+')
        t = str_sub(t, 1, t.n);
    n->type = NODE_NUMBER;
    if (str_starts(str_sub(t, sign == '-', t.n), S("0x")) || str_starts(str_sub(t, sign == '-', t.n), S("0X"))) {
        uint32_t v;
        size_t digits = t.n - 2 - (sign == '-');

        if (digits < 1 || digits > 8 || !hex_number(r, t.p + 2 + (sign == '-'), (int)digits, &v))
            return wrong(r, begin, "this is not a hexadecimal number", "write 0x and one to eight digits");
        n->text = arena_printf(r->a, "%s%u", sign == '-' ? "-" : "", v);
        return true;
    }
    if (t.n && t.p[0] == '.')
        t = arena_printf(r->a, "0" STR_FMT, STR_ARG(t));
    if (t.n && t.p[t.n - 1] == '.')
        t = arena_printf(r->a, STR_FMT "0", STR_ARG(t));
    if (!num_double(t, &d))
        return wrong(r, begin, "this is not a number", "write digits, a point and an exponent as in 12, -1.5, 2e3; put other texts in quotes");
    n->text = arena_str(r->a, t);
    return true;
}

static bool value(struct reader *r, struct node **ret);

static bool literal(struct reader *r, struct node *n)
{
    struct pos begin = here(r);
    struct str w = word(r);

    n->type = NODE_BOOL;
    n->truth = str_eq(w, S("true"));
    if (n->truth || str_eq(w, S("false")))
        return true;
    n->type = NODE_NULL;
    if (str_eq(w, S("null")))
        return true;
    diags_add(r->diags, DIAG_ERROR, begin, "\"" STR_FMT "\" is not a value", STR_ARG(w));
    diags_remedy(r->diags, "put texts in quotes; true, false and null are written small");
    r->failed = true;
    return false;
}

static void append(struct node *parent, struct node **last, struct node *child)
{
    if (*last)
        (*last)->next = child;
    else
        parent->child = child;
    *last = child;
    parent->n_children++;
}

/* After an element: true when another follows, false at the closing bracket or after an error. */
static bool more(struct reader *r, char close, struct pos open)
{
    if (!blanks(r))
        return false;
    if (r->p < r->end && *r->p == ',') {
        r->p++;
        if (!blanks(r))
            return false;
        if (r->p < r->end && *r->p != close)
            return true;
    }
    if (r->p >= r->end)
        return wrong(r, open, close == '}' ? "this object is not closed" : "this array is not closed", close == '}' ? "close it with }" : "close it with ]");
    if (*r->p != close)
        return wrong(r, here(r), close == '}' ? "a comma or } is expected here" : "a comma or ] is expected here", "is a comma missing after the value before?");
    r->p++;
    return false;
}

static bool array(struct reader *r, struct node *n)
{
    struct node *last = NULL;

    n->type = NODE_ARRAY;
    r->p++;
    if (!blanks(r))
        return false;
    if (r->p < r->end && *r->p == ']') {
        r->p++;
        return true;
    }
    do {
        struct node *child;

        if (!value(r, &child))
            return false;
        append(n, &last, child);
    } while (more(r, ']', n->pos));
    return !r->failed;
}

static bool key(struct reader *r, struct str *ret)
{
    if (r->p < r->end && (*r->p == '"' || *r->p == '\''))
        return string(r, ret);
    *ret = word(r);
    return ret->n || wrong(r, here(r), "a key is expected here", "write keys as \"name\": value, separated by commas");
}

static void warn_duplicate(struct reader *r, const struct node *object, const struct node *child)
{
    for (const struct node *c = object->child; c; c = c->next)
        if (str_eq(c->key, child->key)) {
            diags_add(r->diags, DIAG_ERROR, child->key_pos, "key \"" STR_FMT "\" stands twice in this object", STR_ARG(child->key));
            diags_remedy(r->diags, "it stands on line %u as well; remove one of them", c->key_pos.line);
            return;
        }
}

static bool member(struct reader *r, struct node *object, struct node **last)
{
    struct pos at = here(r);
    struct str name;
    struct node *child;

    if (!key(r, &name) || !blanks(r))
        return false;
    if (r->p >= r->end || *r->p != ':')
        return wrong(r, here(r), "a colon is expected after the key", "write \"key\": value");
    r->p++;
    if (!value(r, &child))
        return false;
    child->key = name;
    child->key_pos = at;
    if (object->n_children < 2000)
        warn_duplicate(r, object, child);
    append(object, last, child);
    return true;
}

static bool object(struct reader *r, struct node *n)
{
    struct node *last = NULL;

    n->type = NODE_OBJECT;
    r->p++;
    if (!blanks(r))
        return false;
    if (r->p < r->end && *r->p == '}') {
        r->p++;
        return true;
    }
    do
        if (!member(r, n, &last))
            return false;
    while (more(r, '}', n->pos));
    return !r->failed;
}

static bool value_inside(struct reader *r, struct node *n)
{
    char c = r->p < r->end ? *r->p : '\0';

    if (r->p >= r->end)
        return wrong(r, here(r), "the text ends where a value is expected", "is the document complete?");
    if (c == '{')
        return object(r, n);
    if (c == '[')
        return array(r, n);
    if (c == '"' || c == '\'') {
        n->type = NODE_STRING;
        return string(r, &n->text);
    }
    if (c == '-' || c == '+' || c == '.' || (c >= '0' && c <= '9'))
        return number(r, n);
    if (is_word((unsigned char)c))
        return literal(r, n);
    return wrong(r, here(r), "a value is expected here", "a value is a text in quotes, a number, true, false, null, {…} or […]");
}

static bool value(struct reader *r, struct node **ret)
{
    bool ok;

    if (!blanks(r))
        return false;
    *ret = ARENA_NEW(r->a, struct node);
    (*ret)->pos = here(r);
    if (++r->depth > DEPTH_MAX)
        return wrong(r, (*ret)->pos, "nested deeper than 64", "flatten the document");
    ok = value_inside(r, *ret);
    r->depth--;
    return ok;
}

/* ---- whole documents ---- */

static bool looks_like_text(struct reader *r, struct str text)
{
    size_t i = 0;

    if (text.n >= 2 && (memcmp(text.p, "\xFF\xFE", 2) == 0 || memcmp(text.p, "\xFE\xFF", 2) == 0))
        return wrong(r, (struct pos){r->file, 1, 1}, "the file is UTF-16", "save it as UTF-8");
    if (memchr(text.n ? text.p : "", '\0', text.n))
        return wrong(r, (struct pos){r->file, 1, 1}, "the file is not text: it holds zero bytes", "is it the right file?");
    if (utf8_valid(text))
        return true;
    for (; i < text.n; i++) {
        uint32_t cp;
        size_t n = utf8_decode(str_sub(text, i, text.n), &cp);

        if (cp == 0xFFFD && n == 1)
            break;
        r->p = text.p + i + n;
        if (n == 1 && text.p[i] == '\n')
            newline(r);
        i += n - 1;
    }
    return wrong(r, here(r), "these bytes are not UTF-8", "save the file as UTF-8 (it may be GBK)");
}

enum err conf_parse(struct arena *a, struct str text, const char *file, struct diags *diags, struct node **ret)
{
    struct reader r = {.a = a, .diags = diags, .file = file, .line = 1};
    struct node *root;

    if (text.n > TEXT_MAX_BYTES) {
        wrong(&r, (struct pos){file, 0, 0}, "the document is larger than 8 MiB", "is it the right file?");
        return ERR_CONFIG;
    }
    text = arena_str(a, text);
    if (str_starts(text, S("\xEF\xBB\xBF")))
        text = str_sub(text, 3, text.n);
    r.p = r.line_start = text.p;
    r.end = text.p + text.n;
    if (!looks_like_text(&r, text) || !blanks(&r))
        return ERR_CONFIG;
    if (r.p >= r.end) {
        wrong(&r, here(&r), "the document is empty", "it must hold a JSON value");
        return ERR_CONFIG;
    }
    if (!value(&r, &root) || !blanks(&r))
        return ERR_CONFIG;
    if (r.p < r.end) {
        wrong(&r, here(&r), "something follows the end of the document", "one document a file; is there a brace too many before?");
        return ERR_CONFIG;
    }
    *ret = root;
    return OK;
}

static enum err load_failed(struct diags *diags, const char *shown_as, const char *what, const char *remedy)
{
    diags_add(diags, DIAG_ERROR, (struct pos){shown_as, 0, 0}, "%s", what);
    diags_remedy(diags, "%s", remedy);
    return ERR_CONFIG;
}

enum err conf_load(struct arena *a, const char *path, const char *shown_as, struct diags *diags, struct node **ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    struct buf b = buf_make(TEXT_MAX_BYTES + 1);
    ssize_t n = 0;
    enum err e;

    if (fd < 0)
        return load_failed(diags, shown_as, strerror(errno), errno == ENOENT ? "is the name right?" : "the file must be readable for this user");
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return load_failed(diags, shown_as, "it is not a regular file", "a document is an ordinary file, not a folder, pipe or device");
    }
    while (buf_room(&b, 65536) && (n = read(fd, b.p + b.n, 65536)) > 0)
        b.n += (size_t)n;
    close(fd);
    if (b.failed || b.n > TEXT_MAX_BYTES)
        e = load_failed(diags, shown_as, "the document is larger than 8 MiB", "is it the right file?");
    else if (n < 0)
        e = load_failed(diags, shown_as, strerror(errno), "the file could not be read");
    else
        e = conf_parse(a, buf_str(&b), shown_as, diags, ret);
    buf_free(&b);
    return e;
}

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
