/* JSON from outside: one scan, perhaps a repair, then yyjson.
 *
 * The scan (json_scan.c) measures the depth before anything is built and notices what must be repaired. A clean text
 * (nearly every one) goes to the parser as it is. A text with something to repair is copied, repaired and parsed; one
 * that the parser refuses is repaired and tried once more if it is not UTF-8. A mistake's place is told in the text as
 * it came, not in the repaired copy.
 *
 * Values are yyjson's own, behind an opaque name. In a document they stand one behind the other, containers before what
 * they hold, so that walks need no stack beyond the nesting. */
#include "base/json.h"

#include "base/json_scan.h"
#include "base/num.h"

#include <stdlib.h>
#include <yyjson.h>

/* However generous the caller's limit: json_write keeps a level for each. */
#define DEPTH_CEILING 256

struct json_doc {
    yyjson_doc *doc;
};

static inline yyjson_val *val(const struct json *v)
{
    return (yyjson_val *)(uintptr_t)v;
}

static inline const struct json *json(yyjson_val *v)
{
    return (const struct json *)v;
}

/* ---- parsing ---- */

/* `mark` bytes stand before the text, and in no column. */
static enum err not_json(struct str text, size_t mark, const yyjson_read_err *why, struct errinfo *ei)
{
    size_t line = 1, line_at = 0, at = why->pos < text.n ? why->pos : text.n;

    if (why->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return fail(ei, ERR_INTERNAL, "out of memory for a JSON text of %zu bytes", text.n);
    if (!str_trim(text).n)
        return fail(ei, ERR_DATA, "not JSON: the text is empty");
    for (size_t i = 0; i < at; i++)
        if (text.p[i] == '\n') {
            line++;
            line_at = i + 1;
        }
    return fail(ei, ERR_DATA, "not JSON at byte %zu (line %zu, column %zu): %s", at + mark, line,
                utf8_count(str_sub(text, line_at, at - line_at)) + 1, why->msg);
}

static yyjson_doc *read_text(struct str text, yyjson_read_err *why)
{
    *why = (yyjson_read_err){.code = YYJSON_READ_ERROR_EMPTY_CONTENT, .msg = "the text is empty"};
    if (!text.n)
        return NULL;
    return yyjson_read_opts((char *)(uintptr_t)text.p, text.n, YYJSON_READ_NUMBER_AS_RAW, NULL, why);
}

/* The byte of `text` behind its mark that stands at `at` in the repaired copy. */
static size_t place_before_repair(struct str text, size_t at)
{
    struct json_repairs ignored = {0};
    struct buf again = buf_make(text.n * 3 + 64);
    size_t place = json_repair(text, at, &again, &ignored);

    buf_free(&again);
    return place;
}

static yyjson_doc *read_repaired(struct str text, struct json_repairs *count, yyjson_read_err *why)
{
    struct buf fixed = buf_make(text.n * 3 + 64);
    yyjson_doc *doc = NULL;

    (void)buf_room(&fixed, text.n + text.n / 16);
    (void)json_repair(text, SIZE_MAX, &fixed, count);
    if (fixed.failed) {
        why->code = YYJSON_READ_ERROR_MEMORY_ALLOCATION;
    } else {
        doc = read_text(buf_str(&fixed), why);
        if (!doc)
            why->pos = place_before_repair(text, why->pos);
    }
    buf_free(&fixed);
    return doc;
}

/* A mark, or zero bytes in turn: to drop those as control characters would make other text of it. */
static bool is_utf16(struct str s)
{
    if (str_starts(s, S("\xFF\xFE")) || str_starts(s, S("\xFE\xFF")))
        return true;
    return s.n >= 4 && !s.p[0] != !s.p[1] && !s.p[0] == !s.p[2] && !s.p[1] == !s.p[3];
}

enum err json_parse(struct str text, const struct json_limits *limits, struct json_doc **ret,
                    struct json_repairs *ret_repairs, struct errinfo *ei)
{
    int max_depth = limits->max_depth < DEPTH_CEILING ? limits->max_depth : DEPTH_CEILING;
    struct json_repairs repairs = {.bom = str_starts(text, S("\xEF\xBB\xBF"))};
    size_t mark = repairs.bom ? 3 : 0;
    struct str body = str_sub(text, mark, text.n);
    struct json_scan found;
    yyjson_doc *doc = NULL;
    yyjson_read_err why = {0};

    if (text.n > limits->max_bytes)
        return fail(ei, ERR_DATA, "the JSON text has %zu bytes, more than the %zu that are read", text.n,
                    limits->max_bytes);
    if (is_utf16(text))
        return fail(ei, ERR_DATA, "not JSON: the text is UTF-16, UTF-8 is expected");
    json_scan(body, max_depth, &found);
    if (found.depth > max_depth)
        return fail(ei, ERR_DATA, "JSON nested deeper than %d at byte %zu", max_depth, found.deep_at + mark);
    if (!found.dirty)
        doc = read_text(body, &why);
    if (!doc && (found.dirty || !utf8_valid(body)))
        doc = read_repaired(body, &repairs, &why);
    if (!doc)
        return not_json(body, mark, &why, ei);
    *ret = mem_alloc(sizeof **ret);
    (*ret)->doc = doc;
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
    return doc ? yyjson_doc_get_read_size(doc->doc) + yyjson_doc_get_val_count(doc->doc) * sizeof(yyjson_val) : 0;
}

/* ---- access ---- */

const struct json *json_root(const struct json_doc *doc)
{
    return doc ? json(yyjson_doc_get_root(doc->doc)) : NULL;
}

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

bool json_true(const struct json *v)
{
    return yyjson_is_true(val(v));
}

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

const struct json *json_at(const struct json *arr, size_t i)
{
    return json(yyjson_arr_get(val(arr), i));
}

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

/* ---- walks ---- */

static size_t values_of(yyjson_val *v)
{
    return unsafe_yyjson_is_ctn(v) ? (size_t)(unsafe_yyjson_get_next(v) - v) : 1;
}

void json_walk(const struct json *v, void (*feed)(void *ctx, struct str bytes), void *ctx)
{
    yyjson_val *p = val(v);

    for (size_t n = p ? values_of(p) : 0; n; n--, p++) {
        struct str text = json_text(json(p));
        uint64_t size = unsafe_yyjson_is_ctn(p) ? json_count(json(p)) : text.n;
        char head[10] = {(char)('a' + json_type(json(p))), json_true(json(p)) ? 't' : 'f'};

        for (int i = 0; i < 8; i++) /* least byte first on every machine: the hash is stored */
            head[2 + i] = (char)(size >> (8 * i));
        feed(ctx, str_mk(head, sizeof head));
        if (text.n)
            feed(ctx, text);
    }
}

struct level {
    struct json_iter it;
    bool begun;
};

static void write_string(struct str s, struct buf *out)
{
    struct json_out one = json_out(out);

    json_out_str(&one, s);
}

static void write_scalar(const struct json *v, struct buf *out)
{
    enum json_type t = json_type(v);

    if (t == JSON_STRING)
        write_string(json_text(v), out);
    else if (t == JSON_NUMBER)
        buf_add(out, json_text(v));
    else if (t == JSON_BOOL)
        buf_add(out, json_true(v) ? S("true") : S("false"));
    else
        buf_add(out, S("null"));
}

/* The next value to write: closes what is at its end, writes the comma and the key before it. NULL when all is closed.
 */
static const struct json *write_until_value(struct level *stack, int *depth, struct buf *out)
{
    while (*depth) {
        struct level *top = &stack[*depth - 1];
        struct str key;
        const struct json *v = json_next(&top->it, &key);

        if (!v) {
            buf_byte(out, top->it.object ? '}' : ']');
            --*depth;
            continue;
        }
        if (top->begun)
            buf_byte(out, ',');
        top->begun = true;
        if (top->it.object) {
            write_string(key, out);
            buf_byte(out, ':');
        }
        return v;
    }
    return NULL;
}

void json_write(const struct json *v, struct buf *out)
{
    struct level stack[DEPTH_CEILING];
    int depth = 0;

    do {
        enum json_type t = json_type(v);

        if (t == JSON_ARRAY || t == JSON_OBJECT) {
            buf_byte(out, t == JSON_ARRAY ? '[' : '{');
            stack[depth++] = (struct level){json_iter(v), false};
        } else {
            write_scalar(v, out);
        }
        v = write_until_value(stack, &depth, out);
    } while (v);
}
