/* Encodings of bytes as text: hex, base64 (RFC 4648) and the two of URLs (RFC 3986 and forms of HTML).
 *
 * Decoding is strict: base64 without blanks, with its padding, and without left-over bits, so that one content has one
 * text. What fails to decode leaves the buffer as it was. */
#include "base/digest.h"

static void hex(const uint8_t *in, size_t n, const char *digits, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * n] = '\0';
}

void hex_lower(const uint8_t *in, size_t n, char *out)
{
    hex(in, n, "0123456789abcdef", out);
}

void hex_upper(const uint8_t *in, size_t n, char *out)
{
    hex(in, n, "0123456789ABCDEF", out);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(struct str s, uint8_t *out)
{
    if (s.n % 2)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (hex_value(s.p[i]) < 0)
            return false;
    for (size_t i = 0; i < s.n / 2; i++)
        out[i] = (uint8_t)(hex_value(s.p[2 * i]) * 16 + hex_value(s.p[2 * i + 1]));
    return true;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i += 3) {
        size_t left = s.n - i;
        uint32_t v = (uint32_t)(uint8_t)s.p[i] << 16;

        if (left > 1)
            v |= (uint32_t)(uint8_t)s.p[i + 1] << 8;
        if (left > 2)
            v |= (uint8_t)s.p[i + 2];
        buf_byte(out, base64_digits[v >> 18]);
        buf_byte(out, base64_digits[(v >> 12) & 63]);
        buf_byte(out, left > 1 ? base64_digits[(v >> 6) & 63] : '=');
        buf_byte(out, left > 2 ? base64_digits[v & 63] : '=');
    }
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits, the last ones perhaps padding, become one to three bytes. The bits that padding leaves over must be 0.
 */
static bool decode_four(const char *p, size_t pad, struct buf *out)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        int d = i < 4 - pad ? base64_value(p[i]) : 0;

        if (d < 0)
            return false;
        v = v << 6 | (uint32_t)d;
    }
    if (v & ((1u << (8 * pad)) - 1))
        return false;
    for (size_t i = 0; i < 3 - pad; i++)
        buf_byte(out, (char)(v >> (16 - 8 * i)));
    return true;
}

bool base64_decode(struct str s, struct buf *out)
{
    size_t before = out->n;
    size_t pad = s.n < 4 || s.p[s.n - 1] != '=' ? 0 : s.p[s.n - 2] == '=' ? 2 : 1;

    if (s.n % 4)
        return false;
    for (size_t i = 0; i < s.n; i += 4)
        if (!decode_four(s.p + i, i + 4 < s.n ? 0 : pad, out)) {
            out->n = before;
            return false;
        }
    return true;
}

static void encode(struct str s, bool form, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";

    buf_room(out, s.n + s.n / 2);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
            c == '.' || c == '~') {
            buf_byte(out, (char)c);
        } else if (form && c == ' ') {
            buf_byte(out, '+');
        } else {
            buf_byte(out, '%');
            buf_byte(out, digits[c >> 4]);
            buf_byte(out, digits[c & 15]);
        }
    }
}

void url_encode(struct str s, struct buf *out)
{
    encode(s, false, out);
}

void url_encode_form(struct str s, struct buf *out)
{
    encode(s, true, out);
}

bool url_decode_form(struct str s, struct buf *out)
{
    size_t before = out->n;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            buf_byte(out, s.p[i] == '+' ? ' ' : s.p[i]);
            continue;
        }
        if (s.n - i < 3 || hex_value(s.p[i + 1]) < 0 || hex_value(s.p[i + 2]) < 0) {
            out->n = before;
            return false;
        }
        buf_byte(out, (char)(hex_value(s.p[i + 1]) * 16 + hex_value(s.p[i + 2])));
        i += 2;
    }
    return true;
}
