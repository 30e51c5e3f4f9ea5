/* Finding placeholders in text.
 *
 * The grammar is small on purpose, because ordinary text and JSON are full of braces that mean themselves:
 *   {name}   {name|format}   {{ name }}   {{ name | format }}
 *   name:    segment ("." segment)*; the first begins with a letter, "_" or a non-ASCII letter; letters, digits, "_"
 * and "-" follow, further segments may begin with a digit ("a.0.b") format:  a word, or a pattern between single or
 * double quotes What does not fit is text. At "{{" the double form is tried first, then the single one at the second
 * brace ("{{x}" is "{" and {x}). Nothing is allocated; the scan is linear but for names, which are cut at 512 bytes. */
#include "meta/brace.h"

#define NAME_MAX_BYTES 512

static bool is_ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Blocks of signs and punctuation outside ASCII that people mix with ordinary text. */
static bool is_foreign_letter(uint32_t cp)
{
    if (cp < 0xC0)
        return cp == 0xAA || cp == 0xB5 || cp == 0xBA;
    if (cp == 0xD7 || cp == 0xF7 || cp == 0xFFFD || cp == 0xFEFF)
        return false;
    if (cp >= 0x2000 && cp <= 0x2BFF)
        return cp >= 0x2100 && cp <= 0x218F; /* letter-like signs, number forms; not dashes, arrows, boxes */
    if (cp >= 0x3000 && cp <= 0x303F)
        return cp >= 0x3005 && cp <= 0x3007; /* 々〆〇 */
    if (cp >= 0xFF00 && cp <= 0xFF65)
        return (cp >= 0xFF10 && cp <= 0xFF19) || (cp >= 0xFF21 && cp <= 0xFF3A) || (cp >= 0xFF41 && cp <= 0xFF5A);
    return true;
}

/* Length of the character at `pos` if a name may hold it there, else 0. */
static size_t name_char(struct str text, size_t pos, bool first)
{
    char c = text.p[pos];
    if (is_ascii_letter(c) || c == '_')
        return 1;
    if ((unsigned char)c < 0x80)
        return !first && ((c >= '0' && c <= '9') || c == '-') ? 1 : 0;
    uint32_t cp = 0;
    size_t n = utf8_decode(str_mk(text.p + pos, text.n - pos), &cp);
    return n > 1 && is_foreign_letter(cp) ? n : 0;
}

/* The end of the name that starts at `pos`; `pos` itself when there is none. */
static size_t name_end(struct str text, size_t pos)
{
    size_t at = pos, end = pos;
    for (;;) {
        size_t from = at;
        while (at < text.n && at - pos < NAME_MAX_BYTES) {
            size_t n = name_char(text, at, at == pos);
            if (n == 0)
                break;
            at += n;
        }
        if (at == from)
            return end;
        end = at;
        if (at >= text.n || text.p[at] != '.')
            return end;
        at++;
    }
}

static size_t skip_blanks(struct str text, size_t pos)
{
    while (pos < text.n && is_blank(text.p[pos]))
        pos++;
    return pos;
}

/* Reads the format behind `|`; false when there is none. */
static bool read_format(struct str text, size_t *pos, struct str *ret)
{
    size_t from = skip_blanks(text, *pos), at = from;
    if (at < text.n && (text.p[at] == '"' || text.p[at] == '\'')) {
        char quote = text.p[at++];
        while (at < text.n && text.p[at] != quote && at - from < NAME_MAX_BYTES)
            at++;
        if (at >= text.n || text.p[at] != quote)
            return false;
        at++;
    } else {
        while (at < text.n && (is_ascii_letter(text.p[at]) || text.p[at] == '_' ||
                               (at > from && text.p[at] >= '0' && text.p[at] <= '9')))
            at++;
    }
    if (at == from)
        return false;
    *ret = str_mk(text.p + from, at - from);
    *pos = skip_blanks(text, at);
    return true;
}

static bool is_quoted(struct str text, size_t start, size_t end)
{
    if (start == 0 || end >= text.n)
        return false;
    char before = text.p[start - 1];
    return (before == '\'' || before == '"') && text.p[end] == before;
}

static bool match(struct str text, size_t pos, size_t n_braces, struct brace *ret)
{
    if (pos + n_braces >= text.n || (n_braces == 2 && text.p[pos + 1] != '{'))
        return false;
    size_t at = pos + n_braces;
    if (n_braces == 2)
        at = skip_blanks(text, at);
    size_t end = name_end(text, at);
    if (end == at)
        return false;
    struct str name = str_mk(text.p + at, end - at), format = {NULL, 0};
    at = end;
    size_t after_blanks = skip_blanks(text, at);
    if (after_blanks < text.n && text.p[after_blanks] == '|') {
        at = after_blanks + 1;
        if (!read_format(text, &at, &format))
            return false;
    } else if (n_braces == 2) {
        at = after_blanks;
    }
    for (size_t i = 0; i < n_braces; i++, at++)
        if (at >= text.n || text.p[at] != '}')
            return false;
    *ret = (struct brace){.before = {text.p + pos, 0}, .name = name, .format = format, .start = pos, .end = at};
    ret->quoted = is_quoted(text, pos, at);
    return true;
}

bool brace_at(struct str text, size_t pos, struct brace *ret)
{
    if (pos >= text.n || text.p[pos] != '{')
        return false;
    return match(text, pos, 2, ret) || match(text, pos, 1, ret);
}

bool brace_next(struct str text, size_t *pos, struct brace *ret)
{
    size_t from = *pos;
    for (size_t at = from; at < text.n; at++) {
        const char *open = memchr(text.p + at, '{', text.n - at);
        if (!open)
            break;
        at = (size_t)(open - text.p);
        if (brace_at(text, at, ret)) {
            ret->before = str_mk(text.p + from, at - from);
            *pos = ret->end;
            return true;
        }
    }
    *ret = (struct brace){.before = {text.n ? text.p + from : text.p, text.n - from}, .start = text.n, .end = text.n};
    *pos = text.n;
    return false;
}
