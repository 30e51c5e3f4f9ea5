/* Views of text and UTF-8.
 *
 * Everything that reads UTF-8 rests on one function, `sequence`, which knows the well-formed sequences of
 * RFC 3629, section 4 (no overlong forms, no surrogates, nothing above U+10FFFF). Runs of ASCII, which is most of what
 * passes here, are skipped eight bytes at a time. Case is ASCII's only; nothing here normalises or collates. */
#include "base/str.h"

#define HIGH_BITS    UINT64_C(0x8080808080808080)
#define DISTANCE_MAX 63

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    if (order != 0)
        return order;
    return (a.n > b.n) - (a.n < b.n);
}

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

size_t str_find(struct str s, struct str needle, size_t from)
{
    if (from > s.n || needle.n > s.n - from)
        return SIZE_MAX;
    if (needle.n == 0)
        return from;
    const char *at = memmem(s.p + from, s.n - from, needle.p, needle.n);
    return at ? (size_t)(at - s.p) : SIZE_MAX;
}

struct str str_sub(struct str s, size_t from, size_t n)
{
    if (s.n == 0 || from >= s.n)
        return str_mk(s.n ? s.p + s.n : s.p, 0);
    return str_mk(s.p + from, n < s.n - from ? n : s.n - from);
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && blank(s.p[s.n - 1]))
        s.n--;
    while (s.n > 0 && blank(*s.p)) {
        s.p++;
        s.n--;
    }
    return s;
}

bool str_cut(struct str *rest, char sep, struct str *ret_part)
{
    if (!rest->p)
        return false;
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    if (!at) {
        *ret_part = *rest;
        *rest = str_mk(NULL, 0);
        return true;
    }
    size_t n = (size_t)(at - rest->p);
    *ret_part = str_mk(rest->p, n);
    *rest = str_mk(at + 1, rest->n - n - 1);
    return true;
}

static bool tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Length of the well-formed sequence at the start of p[0..n), n > 0; 0 when there is none. */
static size_t sequence(const unsigned char *p, size_t n)
{
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    if (c < 0xE0)
        return n >= 2 && tail(p[1]) ? 2 : 0;
    if (c < 0xF0) {
        if (n < 3 || !tail(p[1]) || !tail(p[2]) || (c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F))
            return 0;
        return 3;
    }
    if (n < 4 || !tail(p[1]) || !tail(p[2]) || !tail(p[3]) || (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F))
        return 0;
    return 4;
}

/* Bytes of the run of ASCII that p[0..n) starts with; may stop up to seven bytes early. */
static size_t ascii_run(const unsigned char *p, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        if (word & HIGH_BITS)
            break;
    }
    return i;
}

bool utf8_valid(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;
    while (i < s.n) {
        i += ascii_run(p + i, s.n - i);
        size_t stop = s.n - i > 24 ? i + 24 : s.n; /* a stretch of other letters before the next look for ASCII */
        while (i < stop) {
            size_t len = sequence(p + i, s.n - i);
            if (len == 0)
                return false;
            i += len;
        }
    }
    return true;
}

size_t utf8_count(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t count = 0, i = 0;
    while (i < s.n) {
        size_t run = ascii_run(p + i, s.n - i);
        count += run;
        i += run;
        size_t stop = s.n - i > 24 ? i + 24 : s.n;
        while (i < stop) {
            size_t len = sequence(p + i, s.n - i);
            i += len ? len : 1;
            count++;
        }
    }
    return count;
}

size_t utf8_prefix(struct str s, size_t n_chars)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;
    for (; n_chars > 0 && i < s.n; n_chars--) {
        size_t len = sequence(p + i, s.n - i);
        i += len ? len : 1;
    }
    return i;
}

size_t utf8_cut(struct str s, size_t n_bytes)
{
    size_t n = n_bytes;

    if (s.n <= n_bytes)
        return s.n;
    for (size_t back = 0; back < 3 && n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80; back++)
        n--;
    return n;
}

size_t utf8_decode(struct str s, uint32_t *ret_cp)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t len = sequence(p, s.n);
    switch (len) {
    case 1:
        *ret_cp = p[0];
        return 1;
    case 2:
        *ret_cp = (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F);
        return 2;
    case 3:
        *ret_cp = (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
        return 3;
    case 4:
        *ret_cp = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 | (uint32_t)(p[2] & 0x3F) << 6 |
                  (p[3] & 0x3F);
        return 4;
    default:
        *ret_cp = 0xFFFD;
        return 1;
    }
}

size_t utf8_encode(uint32_t cp, char out[4])
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        cp = 0xFFFD;
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

size_t str_distance(struct str a, struct str b)
{
    if (a.n > DISTANCE_MAX || b.n > DISTANCE_MAX)
        return SIZE_MAX;
    unsigned row[3][DISTANCE_MAX + 1]; /* this row, the one before, the one before that; by i % 3 */
    for (size_t j = 0; j <= b.n; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned change = before[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            now[j] = least(change, least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return row[a.n % 3][b.n];
}

const char *str_nearest(struct str s, const char *const *names, size_t n_names)
{
    const char *nearest = NULL;
    size_t bound = 2 + s.n / 4; /* one more than what is still near enough */
    for (size_t i = 0; i < n_names; i++) {
        size_t distance = str_distance(s, str_of(names[i]));
        if (distance < bound) {
            bound = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
