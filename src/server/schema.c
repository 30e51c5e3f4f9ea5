/* JSON Schemas from short descriptions, so that the tables of answers can be read by people too.
 *
 * A description is read once, from left to right; the names of the members that must be there are written before the
 * members themselves, for which the text is passed over once more. A union becomes "anyOf", or a list of types when all
 * are plain. Descriptions are constants, so there are no messages: a wrong one ends the program, in any test. */
#include "server/schema.h"

#include <stdlib.h>
#include <string.h>

/* lint: allow(forward) a type may hold types */
static const char *put_one(struct json_out *w, const char *p);

static const char *blanks(const char *p)
{
    while (*p == ' ' || *p == '\n')
        p++;
    return p;
}

static const char *expect(const char *p, char c)
{
    p = blanks(p);
    if (*p != c)
        abort();
    return blanks(p + 1);
}

static bool in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static struct str name_at(const char *p)
{
    size_t n = 0;

    while (in_name(p[n]))
        n++;
    if (!n)
        abort();
    return str_mk(p, n);
}

/* Past one type with all its alternatives: to the "," or bracket behind it. */
static const char *past(const char *p)
{
    int depth = 0;

    for (; *p && (depth || !strchr(",]}", *p)); p++)
        depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
    return p;
}

static void put_required(struct json_out *w, const char *p)
{
    json_out_key(w, "required");
    json_out_begin(w, '[');
    while (*p != '}') {
        struct str name = name_at(p);

        p += name.n;
        if (*p == '?')
            p++;
        else
            json_out_str(w, name);
        p = blanks(past(expect(p, ':')));
        if (*p == ',')
            p = blanks(p + 1);
        else if (*p != '}')
            abort();
    }
    json_out_end(w, ']');
}

static const char *put_type(struct json_out *w, const char *p)
{
    json_out_begin(w, '{');
    p = put_one(w, p);
    json_out_end(w, '}');
    return p;
}

static const char *put_members(struct json_out *w, const char *p)
{
    put_required(w, p);
    json_out_key(w, "properties");
    json_out_begin(w, '{');
    while (*p != '}') {
        struct str name = name_at(p);

        json_out_key_str(w, name);
        p = expect(p + name.n + (p[name.n] == '?'), ':');
        p = blanks(put_type(w, p));
        if (*p == ',')
            p = blanks(p + 1);
    }
    json_out_end(w, '}');
    return p + 1;
}

static const char *put_words(struct json_out *w, const char *p)
{
    json_out_key(w, "enum");
    json_out_begin(w, '[');
    for (;; p++) {
        const char *end = *p == '\'' ? strchr(p + 1, '\'') : NULL;

        if (!end)
            abort();
        json_out_str(w, str_mk(p + 1, (size_t)(end - p - 1)));
        p = end + 1;
        if (p[0] != '|' || p[1] != '\'')
            break;
    }
    json_out_end(w, ']');
    return p;
}

static void put_text(struct json_out *w, const char *key, const char *text)
{
    json_out_key(w, key);
    json_out_cstr(w, text);
}

static const char *put_word(struct json_out *w, const char *p)
{
    static const struct {
        const char *word, *type, *format;
    } plain[] = {{"text", "string", NULL},  {"int", "integer", NULL},        {"number", "number", NULL},
                 {"bool", "boolean", NULL}, {"time", "string", "date-time"}, {"object", "object", NULL}};
    struct str name = name_at(p);
    struct buf ref = buf_make(256);

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (str_eq(name, str_of(plain[i].word))) {
            put_text(w, "type", plain[i].type);
            if (plain[i].format)
                put_text(w, "format", plain[i].format);
            return p + name.n;
        }
    if (!str_eq(name, S("any"))) {
        buf_printf(&ref, "#/components/schemas/" STR_FMT, STR_ARG(name));
        put_text(w, "$ref", buf_cstr(&ref));
    }
    buf_free(&ref);
    return p + name.n;
}

static const char *put_single(struct json_out *w, const char *p)
{
    if (*p == '\'')
        return put_words(w, p);
    if (*p == '{') {
        put_text(w, "type", "object");
        return put_members(w, blanks(p + 1));
    }
    if (*p == '[') {
        put_text(w, "type", "array");
        json_out_key(w, "items");
        return expect(put_type(w, blanks(p + 1)), ']');
    }
    return put_word(w, p);
}

/* Past one alternative, which words in quotes are together. */
static const char *past_single(const char *p)
{
    int depth = 0;

    for (; *p && (depth || !strchr(",]}?", *p)) && (depth || *p != '|' || p[1] == '\''); p++)
        depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
    return p;
}

static const char *put_one(struct json_out *w, const char *p)
{
    const char *behind = past_single(p);

    if (*behind != '|' && *behind != '?')
        return put_single(w, p);
    json_out_key(w, "anyOf");
    json_out_begin(w, '[');
    for (;; p = behind + 1) {
        json_out_begin(w, '{');
        behind = blanks(put_single(w, p));
        json_out_end(w, '}');
        if (*behind != '|')
            break;
    }
    if (*behind == '?') {
        json_out_begin(w, '{');
        put_text(w, "type", "null");
        json_out_end(w, '}');
        behind++;
    }
    json_out_end(w, ']');
    return behind;
}

void schema_write(struct json_out *w, const char *text)
{
    if (*put_type(w, blanks(text)))
        abort();
}
