/* Writing JSON text: the writer knows where commas go.
 *
 * `first` has one bit a level, 64 levels: nothing was written there yet. The outermost level has no bit, for nothing
 * follows its one value. Nesting deeper than 64 fails the buffer. Text goes out in stretches between the characters
 * that must be escaped; everything that is not ASCII stays as it is, unless it is not UTF-8. */
#include "base/json.h"

#define DEPTH_MAX 64

/* The bit of the level that is open. */
static uint64_t level_bit(const struct json_out *w)
{
    return 1ull << (w->depth - 1);
}

static void before_value(struct json_out *w)
{
    bool after_key = w->after_key;

    w->after_key = false;
    if (after_key || !w->depth)
        return;
    if (!(w->first & level_bit(w)))
        buf_byte(w->b, ',');
    w->first &= ~level_bit(w);
}

void json_out_begin(struct json_out *w, char open)
{
    before_value(w);
    buf_byte(w->b, open);
    if (w->depth < DEPTH_MAX)
        w->depth++;
    else
        w->b->failed = true;
    w->first |= level_bit(w);
}

void json_out_end(struct json_out *w, char close)
{
    buf_byte(w->b, close);
    if (w->depth)
        w->depth--;
}

/* A character that must not stand in a JSON string as it is. */
static void put_special(struct buf *b, unsigned char c)
{
    switch (c) {
    case '"':
        buf_add(b, S("\\\""));
        break;
    case '\\':
        buf_add(b, S("\\\\"));
        break;
    case '\n':
        buf_add(b, S("\\n"));
        break;
    case '\r':
        buf_add(b, S("\\r"));
        break;
    case '\t':
        buf_add(b, S("\\t"));
        break;
    default:
        buf_printf(b, "\\u%04x", c);
    }
}

static void put_string(struct buf *b, struct str s)
{
    bool clean = utf8_valid(s);
    size_t from = 0;

    buf_byte(b, '"');
    for (size_t i = 0; i < s.n;) {
        unsigned char c = (unsigned char)s.p[i];
        uint32_t cp;
        size_t n = 1;

        if (c >= 0x80 && !clean)
            n = utf8_decode(str_sub(s, i, s.n), &cp);
        if (c >= 0x20 && c != '"' && c != '\\' && (c < 0x80 || clean || n > 1)) {
            i += n;
            continue;
        }
        buf_add(b, str_sub(s, from, i - from));
        if (c >= 0x80)
            buf_add(b, S("\xEF\xBF\xBD"));
        else
            put_special(b, c);
        from = ++i;
    }
    buf_add(b, str_sub(s, from, s.n));
    buf_byte(b, '"');
}

void json_out_key_str(struct json_out *w, struct str key)
{
    before_value(w);
    put_string(w->b, key);
    buf_byte(w->b, ':');
    w->after_key = true;
}

void json_out_key(struct json_out *w, const char *key)
{
    json_out_key_str(w, str_of(key));
}

void json_out_str(struct json_out *w, struct str s)
{
    before_value(w);
    put_string(w->b, s);
}

void json_out_cstr(struct json_out *w, const char *s)
{
    if (s)
        json_out_str(w, str_of(s));
    else
        json_out_null(w);
}

void json_out_int(struct json_out *w, int64_t v)
{
    before_value(w);
    buf_int(w->b, v);
}

void json_out_bool(struct json_out *w, bool v)
{
    before_value(w);
    buf_add(w->b, v ? S("true") : S("false"));
}

void json_out_null(struct json_out *w)
{
    before_value(w);
    buf_add(w->b, S("null"));
}

void json_out_raw(struct json_out *w, struct str json)
{
    before_value(w);
    buf_add(w->b, json);
}

void json_member(struct json_out *w, const char *key, struct str value)
{
    json_out_key(w, key);
    if (value.p)
        json_out_str(w, value);
    else
        json_out_null(w);
}

void json_number(struct json_out *w, const char *key, int64_t value)
{
    json_out_key(w, key);
    json_out_int(w, value);
}

void json_flag(struct json_out *w, const char *key, bool value)
{
    json_out_key(w, key);
    json_out_bool(w, value);
}
