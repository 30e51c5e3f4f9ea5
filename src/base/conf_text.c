/* The words of JSON5, each with its place.
 *
 * Lenient about style: comments, single quotes, unquoted keys in any script, +1, .5, 5., 0x1F; blanks include the
 * ideographic space and the no-break space; a line ends with LF, CR LF or CR. Strict about the rest: an unknown escape
 * is an error, for it is nearly always a Windows path. Columns count characters; they are counted on from the last
 * place that was asked for, so that a document on one long line costs no more than others.
 *
 * Sizes come from outside, so memory is asked for with arena_try: a document that needs more than the arena has is an
 * error like any other. */
#include "base/conf_text.h"

#include "base/num.h"

#include <stdarg.h>
#include <stdio.h>

#define SHOWN_CHARS       60
#define SCRATCH_MAX_BYTES (32u << 20)

struct conf_text conf_text_begin(struct arena *a, struct str text, const char *file, struct diags *diags)
{
    const char *p = text.n ? text.p : "";

    return (struct conf_text){.a = a,
                              .diags = diags,
                              .file = file,
                              .p = p,
                              .end = p + text.n,
                              .line_start = p,
                              .line = 1,
                              .counted = p,
                              .counted_col = 1,
                              .scratch = buf_make(SCRATCH_MAX_BYTES)};
}

void conf_text_end(struct conf_text *t)
{
    buf_free(&t->scratch);
}

struct str conf_shown(struct str s)
{
    return str_sub(s, 0, utf8_prefix(s, SHOWN_CHARS));
}

/* ---- places and complaints ---- */

struct pos conf_here(struct conf_text *t)
{
    if (t->counted < t->line_start) {
        t->counted = t->line_start;
        t->counted_col = 1;
    }
    t->counted_col += (uint32_t)utf8_count(str_mk(t->counted, (size_t)(t->p - t->counted)));
    t->counted = t->p;
    return (struct pos){t->file, t->line, t->counted_col};
}

bool conf_wrong(struct conf_text *t, struct pos at, const char *remedy, const char *what_fmt, ...)
{
    char what[600];
    va_list ap;

    if (t->failed)
        return false;
    t->failed = true;
    va_start(ap, what_fmt);
    (void)vsnprintf(what, sizeof what, what_fmt, ap);
    va_end(ap);
    diags_add(t->diags, DIAG_ERROR, at, "%s", what);
    diags_remedy(t->diags, "%s", remedy);
    return false;
}

struct lookalike {
    const char *text, *meant;
};

/* The full-width or typographic form of a JSON character that stands at p, or NULL. */
static const struct lookalike *lookalike_at(const char *p, const char *end)
{
    static const struct lookalike known[] = {
        {"\xEF\xBC\x8C", ","}, {"\xEF\xBC\x9A", ":"}, {"\xE2\x80\x9C", "\""}, {"\xE2\x80\x9D", "\""},
        {"\xE2\x80\x98", "'"}, {"\xE2\x80\x99", "'"}, {"\xEF\xBC\x82", "\""}, {"\xEF\xBD\x9B", "{"},
        {"\xEF\xBD\x9D", "}"}, {"\xEF\xBC\xBB", "["}, {"\xEF\xBC\xBD", "]"},  {"\xE3\x80\x90", "["},
        {"\xE3\x80\x91", "]"}, {"\xEF\xBC\x9D", ":"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known && end - p >= 3; i++)
        if (memcmp(p, known[i].text, 3) == 0)
            return &known[i];
    return NULL;
}

bool conf_unexpected(struct conf_text *t, const char *what, const char *remedy)
{
    const struct lookalike *l = lookalike_at(t->p, t->end);

    if (!l)
        return conf_wrong(t, conf_here(t), remedy, "%s", what);
    if (!t->failed) {
        conf_wrong(t, conf_here(t), "", "%s stands outside a text in quotes", l->text);
        diags_remedy(t->diags, "type %s instead (the input method left the full-width or typographic form)", l->meant);
    }
    return false;
}

void *conf_memory(struct conf_text *t, size_t n)
{
    void *p = arena_try(t->a, n);

    if (p)
        memset(p, 0, n);
    else
        conf_wrong(t, conf_here(t), "is it the right file?", "the document needs more memory than there is for it");
    return p;
}

static bool keep(struct conf_text *t, struct str s, struct str *ret)
{
    char *copy = arena_try(t->a, s.n + 1);

    if (!copy)
        return conf_wrong(t, conf_here(t), "is it the right file?",
                          "the document needs more memory than there is for it");
    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    *ret = str_mk(copy, s.n);
    return true;
}

/* ---- encoding ---- */

static bool line_break(struct conf_text *t)
{
    if (t->p >= t->end || (*t->p != '\n' && *t->p != '\r'))
        return false;
    t->p += *t->p == '\r' && t->end - t->p > 1 && t->p[1] == '\n' ? 2 : 1;
    t->line_start = t->p;
    t->line++;
    return true;
}

bool conf_is_utf8(struct conf_text *t)
{
    struct str text = {t->p, (size_t)(t->end - t->p)};
    uint32_t cp;

    if (str_starts(text, S("\xFF\xFE")) || str_starts(text, S("\xFE\xFF")))
        return conf_wrong(t, conf_here(t), "save it as UTF-8", "the document is UTF-16");
    if (memchr(text.p, '\0', text.n))
        return conf_wrong(t, conf_here(t), "is it the right file, and saved as UTF-8?",
                          "the document is not text: it holds zero bytes");
    if (utf8_valid(text))
        return true;
    while (t->p < t->end) {
        size_t n = utf8_decode(str_mk(t->p, (size_t)(t->end - t->p)), &cp);

        if (n == 1 && cp == 0xFFFD)
            break;
        if (!line_break(t))
            t->p += n;
    }
    return conf_wrong(t, conf_here(t), "save it as UTF-8 (it may be GBK)", "these bytes are not UTF-8");
}

/* ---- blanks and comments ---- */

/* Bytes of the blank that stands at p, other than line breaks; 0 when there is none. */
static size_t blank_at(const char *p, const char *end)
{
    static const char *const wide[] = {"\xE3\x80\x80", "\xEF\xBB\xBF", "\xE2\x80\xA8", "\xE2\x80\xA9"};

    if (p >= end)
        return 0;
    if (*p == ' ' || *p == '\t' || *p == '\v' || *p == '\f')
        return 1;
    if (end - p >= 2 && memcmp(p, "\xC2\xA0", 2) == 0)
        return 2;
    for (size_t i = 0; i < sizeof wide / sizeof *wide && end - p >= 3; i++)
        if (memcmp(p, wide[i], 3) == 0)
            return 3;
    return 0;
}

static bool block_comment(struct conf_text *t)
{
    struct pos begin = conf_here(t);

    t->p += 2;
    while (t->p < t->end) {
        if (*t->p == '*' && t->end - t->p > 1 && t->p[1] == '/') {
            t->p += 2;
            return true;
        }
        if (!line_break(t))
            t->p++;
    }
    return conf_wrong(t, begin, "close it with */", "this comment is not closed");
}

bool conf_blanks(struct conf_text *t)
{
    for (;;) {
        size_t n = blank_at(t->p, t->end);

        t->p += n;
        if (n || line_break(t))
            continue;
        if (t->end - t->p < 2 || t->p[0] != '/' || (t->p[1] != '/' && t->p[1] != '*'))
            return true;
        if (t->p[1] == '*') {
            if (!block_comment(t))
                return false;
        } else {
            while (t->p < t->end && *t->p != '\n' && *t->p != '\r')
                t->p++;
        }
    }
}

/* ---- words ---- */

bool conf_is_word(const struct conf_text *t)
{
    unsigned char c;

    if (t->p >= t->end)
        return false;
    c = (unsigned char)*t->p;
    if (c >= 0x80)
        return !blank_at(t->p, t->end) && !lookalike_at(t->p, t->end);
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

bool conf_word(struct conf_text *t, struct str *ret)
{
    const char *begin = t->p;
    uint32_t cp;

    while (conf_is_word(t))
        t->p += utf8_decode(str_mk(t->p, (size_t)(t->end - t->p)), &cp);
    return keep(t, str_mk(begin, (size_t)(t->p - begin)), ret);
}

/* ---- strings ---- */

static bool hex_number(struct str digits, uint64_t *ret)
{
    uint64_t v = 0;

    if (!digits.n || digits.n > 16)
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        char c = digits.p[i];

        if (c >= '0' && c <= '9')
            v = v * 16 + (uint64_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v = v * 16 + (uint64_t)((c | 0x20) - 'a' + 10);
        else
            return false;
    }
    *ret = v;
    return true;
}

/* The number in exactly n hexadecimal digits that stand `at` bytes from here. */
static bool hex_ahead(const struct conf_text *t, size_t at, size_t n, uint32_t *ret)
{
    struct str digits = str_sub(str_mk(t->p, (size_t)(t->end - t->p)), at, n);
    uint64_t v;

    if (digits.n < n || !hex_number(digits, &v))
        return false;
    *ret = (uint32_t)v;
    return true;
}

static void put_char(struct buf *b, uint32_t cp)
{
    char out[4];
    size_t n = utf8_encode(cp, out);

    buf_add(b, str_mk(out, n));
}

static bool unicode_escape(struct conf_text *t)
{
    uint32_t cp, low;

    if (!hex_ahead(t, 2, 4, &cp))
        return conf_wrong(t, conf_here(t), "write as in \\u0041, or the character itself",
                          "\\u is not followed by four hexadecimal digits");
    t->p += 6;
    if (cp >= 0xD800 && cp <= 0xDBFF && t->end - t->p >= 6 && t->p[0] == '\\' && t->p[1] == 'u' &&
        hex_ahead(t, 2, 4, &low) && low >= 0xDC00 && low <= 0xDFFF) {
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
        t->p += 6;
    }
    put_char(&t->scratch, cp);
    return true;
}

static bool escape(struct conf_text *t)
{
    static const char from[] = {'n', 'r', 't', 'b', 'f', 'v', '0', '\'', '"', '\\', '/'};
    static const char to[] = {'\n', '\r', '\t', '\b', '\f', '\v', '\0', '\'', '"', '\\', '/'};
    const char *found;
    uint32_t cp;

    if (t->end - t->p < 2)
        return conf_wrong(t, conf_here(t), "close the string", "the text ends inside a string");
    switch (t->p[1]) {
    case 'u':
        return unicode_escape(t);
    case 'x':
        if (!hex_ahead(t, 2, 2, &cp))
            return conf_wrong(t, conf_here(t), "write as in \\x41, or the character itself",
                              "\\x is not followed by two hexadecimal digits");
        put_char(&t->scratch, cp);
        t->p += 4;
        return true;
    case '\n':
    case '\r':
        t->p++;
        return line_break(t);
    default:
        found = memchr(from, t->p[1], sizeof from);
        if (!found)
            return conf_wrong(t, conf_here(t), "write a backslash as \\\\, as in \"C:\\\\data\"",
                              "this escape is not known");
        buf_byte(&t->scratch, to[found - from]);
        t->p += 2;
        return true;
    }
}

/* Bytes from here on that stand in the string as they are. */
static size_t plain_run(const struct conf_text *t, char quote)
{
    const char *p = t->p;

    while (p < t->end && *p != quote && *p != '\\' && ((unsigned char)*p >= 0x20 || *p == '\t'))
        p++;
    return (size_t)(p - t->p);
}

bool conf_string(struct conf_text *t, struct str *ret)
{
    struct pos begin = conf_here(t);
    char quote = *t->p++;

    buf_clear(&t->scratch);
    for (;;) {
        size_t run = plain_run(t, quote);

        buf_add(&t->scratch, str_mk(t->p, run));
        t->p += run;
        if (t->p >= t->end)
            return conf_wrong(t, begin, "close it with the quote that opened it", "this string is not closed");
        if (*t->p == quote)
            break;
        if (*t->p == '\n' || *t->p == '\r')
            return conf_wrong(t, begin, "close it with the quote that opened it, or write a line break as \\n",
                              "this string is not closed on its line");
        if (*t->p != '\\')
            return conf_wrong(t, conf_here(t), "remove it, or write it as in \\u001f",
                              "a control character stands in a string");
        if (!escape(t))
            return false;
    }
    t->p++;
    if (t->scratch.failed)
        return conf_wrong(t, begin, "is it the right file?", "out of memory for this string");
    return keep(t, buf_str(&t->scratch), ret);
}

/* ---- numbers ---- */

/* JSON wants a digit on both sides of the point. */
static void put_decimal(struct buf *b, struct str digits)
{
    for (size_t i = 0; i < digits.n; i++) {
        bool point = digits.p[i] == '.';
        bool digit_follows = i + 1 < digits.n && digits.p[i + 1] >= '0' && digits.p[i + 1] <= '9';

        if (point && i == 0 && digit_follows)
            buf_byte(b, '0');
        buf_byte(b, digits.p[i]);
        if (point && i > 0 && !digit_follows)
            buf_byte(b, '0');
    }
}

bool conf_number(struct conf_text *t, struct str *ret)
{
    struct pos begin = conf_here(t);
    bool negative = *t->p == '-', exponent = false;
    struct str s;
    uint64_t v;
    double ignored;

    t->p += *t->p == '-' || *t->p == '+';
    s.p = t->p;
    while (conf_is_word(t) || (t->p < t->end && (*t->p == '.' || (exponent && (*t->p == '+' || *t->p == '-')))))
        exponent = (*t->p++ | 0x20) == 'e';
    s.n = (size_t)(t->p - s.p);
    buf_clear(&t->scratch);
    if (negative)
        buf_byte(&t->scratch, '-');
    if (str_starts(s, S("0x")) || str_starts(s, S("0X"))) {
        if (!hex_number(str_sub(s, 2, s.n), &v))
            return conf_wrong(t, begin, "write 0x and one to sixteen digits", "this is not a hexadecimal number");
        buf_printf(&t->scratch, "%llu", (unsigned long long)v);
    } else {
        put_decimal(&t->scratch, s);
    }
    if (!num_double(buf_str(&t->scratch), &ignored))
        return conf_wrong(t, begin, "write numbers as in 12, -1.5, 2e3; put other texts in quotes",
                          "\"" STR_FMT "\" is not a number", STR_ARG(conf_shown(s)));
    return keep(t, buf_str(&t->scratch), ret);
}
