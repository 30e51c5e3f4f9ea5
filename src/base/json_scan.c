/* What stands before the JSON parser: one look at the text, and a repair where the look found something.
 *
 * The look walks the text once. Outside strings a table of 256 kinds tells brackets, quotes and control characters;
 * inside strings eight bytes are passed at a time as long as none of them is a quote, a backslash or a control
 * character. Escapes are looked at only where a backslash and "u" stand. It does not check the grammar: for a text that
 * is JSON what it says is right, and for any other the parser finds the mistake.
 *
 * Bad UTF-8 is not looked for: the parser refuses it by itself, and only then the text is repaired. The repair copies
 * clean stretches as they are, and sees strings begin and end at the same bytes as the look did: a backslash and the
 * byte behind it stay together, whatever that is, so that no bracket counted as text comes out as structure. */
#include "base/json_scan.h"

enum kind { PLAIN, QUOTE, OPEN, CLOSE, CONTROL, BLANK, BACKSLASH };

static const uint8_t kinds[256] = {
    [0x00] = CONTROL, [0x01] = CONTROL, [0x02] = CONTROL, [0x03] = CONTROL,   [0x04] = CONTROL, [0x05] = CONTROL,
    [0x06] = CONTROL, [0x07] = CONTROL, [0x08] = CONTROL, ['\t'] = BLANK,     ['\n'] = BLANK,   [0x0B] = CONTROL,
    [0x0C] = CONTROL, ['\r'] = BLANK,   [0x0E] = CONTROL, [0x0F] = CONTROL,   [0x10] = CONTROL, [0x11] = CONTROL,
    [0x12] = CONTROL, [0x13] = CONTROL, [0x14] = CONTROL, [0x15] = CONTROL,   [0x16] = CONTROL, [0x17] = CONTROL,
    [0x18] = CONTROL, [0x19] = CONTROL, [0x1A] = CONTROL, [0x1B] = CONTROL,   [0x1C] = CONTROL, [0x1D] = CONTROL,
    [0x1E] = CONTROL, [0x1F] = CONTROL, ['"'] = QUOTE,    ['\\'] = BACKSLASH, ['['] = OPEN,     ['{'] = OPEN,
    [']'] = CLOSE,    ['}'] = CLOSE,
};

static int hex4(const char *p, const char *end)
{
    int v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9')
            v = v * 16 + c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v = v * 16 + (c | 0x20) - 'a' + 10;
        else
            return -1;
    }
    return v;
}

static bool is_high(int u)
{
    return u >= 0xD800 && u <= 0xDBFF;
}

static bool is_low(int u)
{
    return u >= 0xDC00 && u <= 0xDFFF;
}

/* At a backslash inside a string: how many bytes the escape takes, and whether it is a lone surrogate. */
static size_t escape(const char *p, const char *end, bool *ret_lone)
{
    int u;

    *ret_lone = false;
    if (end - p < 2)
        return 1;
    if (p[1] != 'u')
        return 2;
    u = hex4(p + 2, end);
    if (is_high(u) && end - p >= 12 && p[6] == '\\' && p[7] == 'u' && is_low(hex4(p + 8, end)))
        return 12;
    *ret_lone = is_high(u) || is_low(u);
    return u < 0 ? 2 : 6;
}

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte))

/* Of the eight bytes at p, how many stand before the first quote, backslash or byte below 0x20; 8 when there is none. A
 * byte's high bit is set in `found` where it is one; what borrows from it lies above the first, which alone counts. */
static size_t plain_of_8(const char *p)
{
    uint64_t v, quote, backslash, found;

    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    quote = v ^ EACH('"');
    backslash = v ^ EACH('\\');
    found =
        (((quote - EACH(1)) & ~quote) | ((backslash - EACH(1)) & ~backslash) | ((v - EACH(0x20)) & ~v)) & EACH(0x80);
    return found ? (size_t)__builtin_ctzll(found) / 8 : 8;
}

/* From behind an opening quote to behind the closing one, or to the end. */
static const char *scan_string(const char *p, const char *end, struct json_scan *s)
{
    bool lone;

    while (p < end) {
        if (end - p >= 8) {
            size_t plain = plain_of_8(p);

            p += plain;
            if (plain == 8)
                continue;
        }
        switch (kinds[(uint8_t)*p]) {
        case QUOTE:
            return p + 1;
        case BACKSLASH:
            p += escape(p, end, &lone);
            s->dirty |= lone;
            break;
        case CONTROL:
        case BLANK:
            s->dirty = true;
            p++;
            break;
        default:
            p++;
            break;
        }
    }
    return end;
}

void json_scan(struct str text, int max_depth, struct json_scan *ret)
{
    const char *p = text.p, *end = text.n ? text.p + text.n : text.p;
    int depth = 0;

    *ret = (struct json_scan){0};
    while (p < end) {
        switch (kinds[(uint8_t)*p]) {
        case QUOTE:
            p = scan_string(p + 1, end, ret);
            continue;
        case OPEN:
            if (++depth > ret->depth)
                ret->depth = depth;
            if (depth > max_depth) {
                ret->deep_at = (size_t)(p - text.p);
                return;
            }
            break;
        case CLOSE:
            depth--;
            break;
        case CONTROL:
            ret->dirty = true;
            break;
        default:
            break;
        }
        p++;
    }
}

/* ---- the repair ---- */

/* Bytes at the start that are copied as they are: ASCII that is no quote, backslash, blank or control character. */
static size_t clean_run(struct str s)
{
    size_t n = 0;

    while (n < s.n && (uint8_t)s.p[n] < 0x80 && kinds[(uint8_t)s.p[n]] != QUOTE && kinds[(uint8_t)s.p[n]] < CONTROL)
        n++;
    return n;
}

static size_t repair_escape(struct str rest, struct buf *out, struct json_repairs *count)
{
    bool lone;
    size_t n = escape(rest.p, rest.p + rest.n, &lone);

    buf_add(out, lone ? S("\\uFFFD") : str_sub(rest, 0, n));
    count->surrogates += lone;
    return n;
}

static size_t repair_utf8(struct str rest, struct buf *out, struct json_repairs *count)
{
    uint32_t cp;
    size_t n = utf8_decode(rest, &cp);
    bool bad = n == 1;

    buf_add(out, bad ? S("\xEF\xBF\xBD") : str_sub(rest, 0, n));
    count->bad_utf8 += bad;
    return n;
}

static size_t repair_blank(struct str rest, bool in_string, struct buf *out, struct json_repairs *count)
{
    if (in_string) {
        buf_add(out, rest.p[0] == '\t' ? S("\\t") : rest.p[0] == '\n' ? S("\\n") : S("\\r"));
        count->raw_blanks++;
    } else {
        buf_byte(out, rest.p[0]);
    }
    return 1;
}

size_t json_repair(struct str text, size_t stop, struct buf *out, struct json_repairs *count)
{
    bool in_string = false;
    size_t i = 0;

    while (i < text.n && out->n < stop && !out->failed) {
        struct str rest = str_sub(text, i, text.n - i);
        size_t run = clean_run(rest);

        if (run) {
            run = run < stop - out->n ? run : stop - out->n;
            buf_add(out, str_sub(rest, 0, run));
            i += run;
            continue;
        }
        switch (kinds[(uint8_t)*rest.p]) {
        case QUOTE:
            in_string = !in_string;
            buf_byte(out, '"');
            i++;
            break;
        case CONTROL:
            count->controls++;
            i++;
            break;
        case BLANK:
            i += repair_blank(rest, in_string, out, count);
            break;
        case BACKSLASH:
            if (in_string) {
                i += repair_escape(rest, out, count);
            } else {
                buf_byte(out, '\\');
                i++;
            }
            break;
        default:
            i += repair_utf8(rest, out, count);
            break;
        }
    }
    return i;
}
