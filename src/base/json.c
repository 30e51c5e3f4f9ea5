/* JSON from outside: one scan, perhaps a repair, then yyjson.
 *
 * The scan walks the text once, jumping from quote to quote: it measures the depth before anything is built, and notices control characters and \u escapes that need a closer look. A clean text (nearly
 * every one) goes to the parser as it is. A text with something to repair is copied, repaired, and parsed; one that the parser refuses for its UTF-8 is repaired and tried once more.
 *
 * Values are yyjson's own, behind an opaque name. */
#include "base/json.h"

#include "base/num.h"

#include <stdlib.h>
#include <yyjson.h>

struct json_doc {
    yyjson_doc *doc;
};

static inline yyjson_val *val(const struct json *v) { return (yyjson_val *)(uintptr_t)v; }
static inline const struct json *json(yyjson_val *v) { return (const struct json *)v; }

/* ---- the scan ---- */

struct scan {
    bool dirty;     /* something must be repaired */
    int depth;      /* deepest nesting */
    size_t deep_at; /* where it became too deep */
};

enum { C_PLAIN, C_QUOTE, C_OPEN, C_CLOSE, C_CONTROL };

static uint8_t class_of(unsigned char c)
{
    if (c == '"')
        return C_QUOTE;
    if (c == '[' || c == '{')
        return C_OPEN;
    if (c == ']' || c == '}')
        return C_CLOSE;
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r' ? C_CONTROL : C_PLAIN;
}

static int hex4(const char *p, const char *end)
{
    int v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static bool is_high(int u) { return u >= 0xD800 && u <= 0xDBFF; }
static bool is_low(int u) { return u >= 0xDC00 && u <= 0xDFFF; }

/* At a backslash inside a string: how many bytes the escape takes, and whether it is a lone surrogate. */
static size_t escape(const char *p, const char *end, bool *lone)
{
    int u;

    if (end - p < 2)
        return 1;
    if (p[1] != 'u')
        return 2;
    u = hex4(p + 2, end);
    if (is_high(u) && end - p >= 12 && p[6] == '\\' && p[7] == 'u' && is_low(hex4(p + 8, end)))
        return 12;
    *lone = is_high(u) || is_low(u);
    return u < 0 ? 2 : 6;
}

/* From behind an opening quote to behind the closing one. */
static const char *scan_string(const char *p, const char *end, struct scan *s)
{
    while (p < end) {
        unsigned char c = (unsigned char)*p;

        if (c == '"')
            return p + 1;
        if (c == '\\') {
            bool lone = false;

            p += escape(p, end, &lone);
            s->dirty |= lone;
            continue;
        }
        s->dirty |= c < 0x20;
        p++;
    }
    return end;
}

static void scan(struct str text, int max_depth, struct scan *ret)
{
    const char *p = text.p, *end = text.p + text.n;
    int depth = 0;

    *ret = (struct scan){0};
    while (p < end) {
        switch (class_of((unsigned char)*p)) {
        case C_QUOTE:
            p = scan_string(p + 1, end, ret);
            continue;
        case C_OPEN:
            if (++depth > ret->depth) {
                ret->depth = depth;
                if (depth > max_depth) {
                    ret->deep_at = (size_t)(p - text.p);
                    return;
                }
            }
            break;
        case C_CLOSE:
            depth--;
            break;
        case C_CONTROL:
            ret->dirty = true;
            break;
        default:
            break;
        }
        p++;
    }
}

/* ---- the repair ---- */

static void put_escape(struct buf *out, char c, struct json_repairs *r)
{
    buf_byte(out, '\\');
    buf_byte(out, c == '\t' ? 't' : c == '\n' ? 'n' : 'r');
    r->raw_blanks++;
}

/* One character that is not plain ASCII text: UTF-8, control, escape. Gives the bytes used. */
static size_t repair_one(struct str rest, bool in_string, struct buf *out, struct json_repairs *r)
{
    unsigned char c = (unsigned char)rest.p[0];
    uint32_t cp;
    size_t n;
    bool lone = false;

    if (c == '\t' || c == '\n' || c == '\r') {
        if (in_string)
            put_escape(out, rest.p[0], r);
        else
            buf_byte(out, rest.p[0]);
        return 1;
    }
    if (c < 0x20) {
        r->controls++;
        return 1;
    }
    if (c == '\\' && in_string) {
        n = escape(rest.p, rest.p + rest.n, &lone);
        if (lone) {
            buf_add(out, S("\\uFFFD"));
            r->surrogates++;
        } else {
            buf_add(out, str_sub(rest, 0, n));
        }
        return n;
    }
    n = utf8_decode(rest, &cp);
    if (cp == 0xFFFD && n == 1) {
        buf_add(out, S("\xEF\xBF\xBD"));
        r->bad_utf8++;
    } else {
        buf_add(out, str_sub(rest, 0, n));
    }
    return n;
}

static void repair(struct str text, struct buf *out, struct json_repairs *r)
{
    bool in_string = false;
    size_t i = 0;

    buf_room(out, text.n + text.n / 8 + 64);
    while (i < text.n && !out->failed) {
        unsigned char c = (unsigned char)text.p[i];

        if (c == '"') {
            in_string = !in_string;
            buf_byte(out, '"');
            i++;
        } else if (c >= 0x20 && c < 0x80 && c != '\\') {
            buf_byte(out, (char)c);
            i++;
        } else if (c == '\\' && !in_string) {
            buf_byte(out, '\\');
            i++;
        } else {
            i += repair_one(str_sub(text, i, text.n), in_string, out, r);
        }
    }
}

/* ---- parsing ---- */

static enum err bad_json(struct str text, const yyjson_read_err *why, struct errinfo *ei)
{
    size_t line = 1, col = 1, at = why->pos < text.n ? why->pos : text.n;

    for (size_t i = 0; i < at; i++) {
        col++;
        if (text.p[i] == '\n') {
            line++;
            col = 1;
        }
    }
    return fail(ei, ERR_DATA, "not JSON at byte %zu (line %zu, column %zu): %s", at, line, col, text.n ? why->msg : "it is empty");
}

static yyjson_doc *read_text(struct str text, yyjson_read_err *why)
{
    static const yyjson_read_flag flags = YYJSON_READ_NUMBER_AS_RAW;

    why->code = YYJSON_READ_ERROR_EMPTY_CONTENT;
    why->pos = 0;
    why->msg = "input is empty";
    return text.n ? yyjson_read_opts((char *)(uintptr_t)text.p, text.n, flags, NULL, why) : NULL;
}

static enum err parse_repaired(struct str text, struct json_doc *d, struct json_repairs *r, struct errinfo *ei)
{
    struct buf fixed = buf_make(text.n * 6 + 1024);
    yyjson_read_err why;
    enum err e = OK;

    repair(text, &fixed, r);
    if (fixed.failed) {
        buf_free(&fixed);
        return fail(ei, ERR_INTERNAL, "out of memory for a reply of %zu bytes", text.n);
    }
    d->doc = read_text(buf_str(&fixed), &why);
    if (!d->doc)
        e = bad_json(buf_str(&fixed), &why, ei);
    buf_free(&fixed);
    return e;
}

enum err json_parse(struct str text, const struct json_limits *limits, struct json_doc **ret, struct json_repairs *ret_repairs, struct errinfo *ei)
{
    struct json_repairs repairs = {0};
    struct json_doc d = {NULL};
    struct scan s;
    yyjson_read_err why;
    enum err e = OK;

    if (text.n > limits->max_bytes)
        return fail(ei, ERR_DATA, "the text has %zu bytes, more than the %zu that are read", text.n, limits->max_bytes);
    if (text.n >= 3 && memcmp(text.p, "\xEF\xBB\xBF", 3) == 0) {
        text = str_sub(text, 3, text.n);
        repairs.bom = 1;
    }
    scan(text, limits->max_depth, &s);
    if (s.depth > limits->max_depth)
        return fail(ei, ERR_DATA, "nested deeper than %d at byte %zu", limits->max_depth, s.deep_at);
    if (!s.dirty)
        d.doc = read_text(text, &why);
    if (!d.doc && (s.dirty || !utf8_valid(text)))
        e = parse_repaired(text, &d, &repairs, ei);
    else if (!d.doc)
        e = bad_json(text, &why, ei);
    if (e)
        return e;
    *ret = mem_alloc(sizeof d);
    **ret = d;
    if (ret_repairs)
        *ret_repairs = repairs;
    return OK;
}

void json_free(struct json_doc *doc)
{
    if (!doc)
        return;
    yyjson_doc_free(doc->doc);
    free(doc);
}

size_t json_memory(const struct json_doc *doc)
{
    return doc ? yyjson_doc_get_read_size(doc->doc) + yyjson_doc_get_val_count(doc->doc) * 16 : 0;
}

/* ---- access ---- */

const struct json *json_root(const struct json_doc *doc) { return doc ? json(yyjson_doc_get_root(doc->doc)) : NULL; }

enum json_type json_type(const struct json *v)
{
    switch (yyjson_get_type(val(v))) {
    case YYJSON_TYPE_NULL:
        return JSON_NULL;
    case YYJSON_TYPE_BOOL:
        return JSON_BOOL;
    case YYJSON_TYPE_RAW:
    case YYJSON_TYPE_NUM:
        return JSON_NUMBER;
    case YYJSON_TYPE_STR:
        return JSON_STRING;
    case YYJSON_TYPE_ARR:
        return JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return JSON_OBJECT;
    default:
        return JSON_NONE;
    }
}

const char *json_type_name(enum json_type t)
{
    static const char *const names[] = {"nothing", "null", "boolean", "number", "string", "array", "object"};

    return names[t];
}

bool json_true(const struct json *v) { return yyjson_is_true(val(v)); }

struct str json_text(const struct json *v)
{
    if (yyjson_is_str(val(v)))
        return (struct str){yyjson_get_str(val(v)), yyjson_get_len(val(v))};
    if (yyjson_is_raw(val(v)))
        return (struct str){yyjson_get_raw(val(v)), yyjson_get_len(val(v))};
    return (struct str){0};
}

bool json_i64(const struct json *v, int64_t *ret)
{
    struct str t = json_text(v);

    return t.p && num_i64(t, ret);
}

const struct json *json_get(const struct json *obj, struct str key)
{
    return key.p ? json(yyjson_obj_getn(val(obj), key.p, key.n)) : NULL;
}

const struct json *json_at(const struct json *arr, size_t i) { return json(yyjson_arr_get(val(arr), i)); }

const struct json *json_path(const struct json *v, struct str dotted)
{
    struct str part;

    if (!dotted.n)
        return v;
    while (v && str_cut(&dotted, '.', &part)) {
        size_t i;

        if (json_type(v) == JSON_OBJECT)
            v = json_get(v, part);
        else if (json_type(v) == JSON_ARRAY && num_size(part, &i))
            v = json_at(v, i);
        else
            v = NULL;
    }
    return v;
}

size_t json_count(const struct json *v)
{
    return yyjson_is_arr(val(v)) ? yyjson_arr_size(val(v)) : yyjson_obj_size(val(v));
}

struct json_iter json_iter(const struct json *container)
{
    bool object = yyjson_is_obj(val(container));

    if (!object && !yyjson_is_arr(val(container)))
        return (struct json_iter){0};
    return (struct json_iter){json(unsafe_yyjson_get_first(val(container))), json_count(container), object};
}

const struct json *json_next(struct json_iter *it, struct str *ret_key)
{
    yyjson_val *cur = val(it->cur);

    if (!it->left)
        return NULL;
    it->left--;
    if (it->object) {
        if (ret_key)
            *ret_key = (struct str){yyjson_get_str(cur), yyjson_get_len(cur)};
        cur++;
    }
    it->cur = json(unsafe_yyjson_get_next(cur));
    return json(cur);
}

/* ---- walks: the values of a document stand one behind the other ---- */

static size_t values_of(yyjson_val *v)
{
    if (!unsafe_yyjson_is_ctn(v))
        return 1;
    return (size_t)(unsafe_yyjson_get_next(v) - v);
}

void json_walk(const struct json *v, void (*feed)(void *ctx, struct str bytes), void *ctx)
{
    yyjson_val *p = val(v);
    size_t n = p ? values_of(p) : 0;

    for (; n; n--, p++) {
        char head[16] = {(char)('a' + json_type(json(p))), json_true(json(p)) ? 't' : 'f'};
        struct str text = json_text(json(p));
        uint64_t size = unsafe_yyjson_is_ctn(p) ? json_count(json(p)) : text.n;

        memcpy(head + 2, &size, sizeof size);
        feed(ctx, (struct str){head, 2 + sizeof size});
        if (text.n)
            feed(ctx, text);
    }
}

struct level {
    struct json_iter it;
    bool first;
};

static void write_scalar(struct json_out *w, const struct json *v)
{
    switch (json_type(v)) {
    case JSON_BOOL:
        buf_add(w->b, json_true(v) ? S("true") : S("false"));
        break;
    case JSON_NUMBER:
        buf_add(w->b, json_text(v));
        break;
    case JSON_STRING: {
        struct json_out one = json_out(w->b);

        json_out_str(&one, json_text(v));
        break;
    }
    default:
        buf_add(w->b, S("null"));
        break;
    }
}

/* Documents are at most as deep as the limit they were read with. */
#define WRITE_DEPTH 256

void json_write(const struct json *v, struct buf *out)
{
    struct level stack[WRITE_DEPTH];
    struct json_out w = json_out(out);
    int depth = 0;

    for (;;) {
        enum json_type t = json_type(v);

        if ((t == JSON_ARRAY || t == JSON_OBJECT) && depth < WRITE_DEPTH) {
            buf_byte(out, t == JSON_ARRAY ? '[' : '{');
            stack[depth++] = (struct level){json_iter(v), true};
        } else {
            write_scalar(&w, v);
        }
        for (v = NULL; depth && !v;) {
            struct level *top = &stack[depth - 1];
            struct str key;

            v = json_next(&top->it, &key);
            if (!v) {
                buf_byte(out, top->it.object ? '}' : ']');
                depth--;
                continue;
            }
            if (!top->first)
                buf_byte(out, ',');
            top->first = false;
            if (top->it.object) {
                struct json_out one = json_out(out);

                json_out_str(&one, key);
                buf_byte(out, ':');
            }
        }
        if (!v)
            return;
    }
}
