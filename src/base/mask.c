/* Finds hidden values in texts, however others wrote them down, and shows "***" in their place.
 *
 * Every place of the text is held against every hidden value: as it is, and with any of its bytes as %XX (either case,
 * also encoded twice), as "+" for a blank, behind backslashes as JSON writes them (\", \\, \/, \u0041; also JSON within
 * JSON, which doubles the backslashes), or as an entity of HTML. That is what a reply looks like which quotes our
 * request. A value of some length is hidden in base64 as well, itself and as a form holds it: as three stretches, one
 * for each way in which it can lie in what was encoded. Hidden stretches that overlap are one "***". Values lie in
 * lists by their first byte. State is global, under a lock of its own: a process has one set of secrets. */
#include "base/mask.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"

#define MIN_SECRET_BYTES 4
#define MIN_BASE64_BYTES 8 /* of a stretch: a shorter one would be found where it is not */

struct values {
    struct str *at;
    size_t n;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct values hidden[256]; /* by the first byte */
static unsigned char firsts[256]; /* the bytes that have a list */
static size_t n_firsts;

/* ---- what is hidden ---- */

static void hide(struct str value)
{
    struct values *list = &hidden[(unsigned char)value.p[0]];
    char *copy;

    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->at[i], value))
            return;
    if (!list->n)
        firsts[n_firsts++] = (unsigned char)value.p[0];
    copy = mem_alloc(value.n);
    memcpy(copy, value.p, value.n);
    list->at = mem_grow(list->at, (list->n + 1) * sizeof *list->at);
    list->at[list->n++] = str_mk(copy, value.n);
}

/* The letters of `text` for addresses: - for +, _ for /. */
static void hide_for_addresses(struct buf *text, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++)
        text->p[i] = text->p[i] == '+' ? '-' : text->p[i] == '/' ? '_' : text->p[i];
    hide(str_sub(buf_str(text), from, n));
}

/* The stretch of base64 that tells the secret alone, when `before` bytes (of whatever value) of its group of three
 * stand before it. */
static void hide_base64(struct str secret, size_t before)
{
    static const size_t skipped[] = {0, 2, 3}; /* letters that tell of the bytes before */
    struct buf plain = buf_make(SIZE_MAX - 1), text = buf_make(SIZE_MAX - 1);
    size_t from = skipped[before], n = (before + secret.n) * 8 / 6 - from;

    buf_add(&plain, str_sub(S("\0\0"), 0, before));
    buf_add(&plain, secret);
    base64_encode(buf_str(&plain), &text);
    if (secret.n >= MIN_SECRET_BYTES && !text.failed && n >= MIN_BASE64_BYTES) {
        hide(str_sub(buf_str(&text), from, n));
        hide_for_addresses(&text, from, n);
    }
    buf_free(&plain);
    buf_free(&text);
}

void log_hide(struct str secret)
{
    struct buf form = buf_make(SIZE_MAX - 1);

    if (secret.n < MIN_SECRET_BYTES)
        return;
    url_encode_form(secret, &form);
    pthread_mutex_lock(&lock);
    hide(secret);
    for (size_t before = 0; before < 3; before++) {
        hide_base64(secret, before);
        hide_base64(buf_str(&form), before);
    }
    pthread_mutex_unlock(&lock);
    buf_free(&form);
}

/* ---- finding it ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The number that `n` hexadecimal digits at the front of `text` make, or -1. */
static int32_t hex_number(struct str text, size_t n)
{
    int32_t number = 0;

    for (size_t i = 0; i < n; i++) {
        int digit = i < text.n ? hex_value(text.p[i]) : -1;

        if (digit < 0)
            return -1;
        number = number * 16 + digit;
    }
    return number;
}

/* The text's bytes of \uXXXX, or of two of them, whose backslashes were read, when they stand for the front of
 * `secret`; 0 when not. */
static size_t step_unicode(struct str text, struct str secret, size_t *ret_of)
{
    int32_t high = str_starts(text, S("u")) ? hex_number(str_sub(text, 1, 4), 4) : -1, low = -1;
    size_t used = 5, run = 0;
    uint32_t cp = (uint32_t)high;
    char utf8[4];

    if (high < 0)
        return 0;
    if (high >= 0xD800 && high < 0xDC00) {
        while (used + run < text.n && text.p[used + run] == '\\')
            run++;
        used += run;
        low = run && str_starts(str_sub(text, used, 1), S("u")) ? hex_number(str_sub(text, used + 1, 4), 4) : -1;
        if (low < 0xDC00 || low > 0xDFFF)
            return 0;
        used += 5;
        cp = 0x10000 + (((uint32_t)high - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
    }
    *ret_of = utf8_encode(cp, utf8);
    return str_starts(secret, str_mk(utf8, *ret_of)) ? used : 0;
}

/* The same of a run of backslashes and what they escape. */
static size_t step_backslash(struct str text, struct str secret, size_t *ret_of)
{
    size_t run = 0, own = 0, used;

    while (run < text.n && text.p[run] == '\\')
        run++;
    while (own < secret.n && secret.p[own] == '\\')
        own++;
    used = step_unicode(str_sub(text, run, SIZE_MAX), secret, ret_of);
    if (used)
        return run + used;
    *ret_of = own ? own : 1;
    if (own)
        return run >= own ? run : 0;
    if (run < text.n && text.p[run] == secret.p[0] && (secret.p[0] == '"' || secret.p[0] == '/'))
        return run + 1;
    return run < text.n && text.p[run] == 't' && secret.p[0] == '\t' ? run + 1 : 0;
}

static size_t step_entity(struct str text, char want)
{
    static const char *const entities[][2] = {
        {"&amp;", "&"}, {"&lt;", "<"},   {"&gt;", ">"},   {"&quot;", "\""}, {"&#34;", "\""},
        {"&#39;", "'"}, {"&#039;", "'"}, {"&#x27;", "'"}, {"&apos;", "'"},
    };

    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (entities[i][1][0] == want && str_starts(text, str_of(entities[i][0])))
            return strlen(entities[i][0]);
    return 0;
}

/* %XX, also encoded again and again: %25XX, %2525XX; of a blank that was "+" before %2B. */
static size_t step_percent(struct str text, char want)
{
    for (size_t at = 1;; at += 2) {
        int32_t number = hex_number(str_sub(text, at, 2), 2);
        bool more = str_starts(str_sub(text, at + 2, 2), S("25"));

        if (number == (unsigned char)want && !(want == '%' && more))
            return at + 2;
        if (number == '+' && want == ' ')
            return at + 2;
        if (number != '%')
            return 0;
    }
}

/* How many bytes at the front of `text` stand for the first *ret_of bytes of `secret`; 0 when they do not. */
static size_t step(struct str text, struct str secret, size_t *ret_of)
{
    char c = text.p[0], want = secret.p[0];
    size_t n = 0;

    *ret_of = 1;
    if (c == '%')
        n = step_percent(text, want);
    else if (c == '\\')
        n = step_backslash(text, secret, ret_of);
    else if (c == '&')
        n = step_entity(text, want);
    if (n)
        return n;
    *ret_of = 1;
    return c == want || (c == '+' && want == ' ');
}

/* Length of the form of `secret` that `text` starts with, or 0. */
static size_t form_length(struct str text, struct str secret)
{
    size_t at = 0;

    if (str_starts(text, secret))
        return secret.n;
    while (secret.n) {
        size_t of = 0, n = at < text.n ? step(str_sub(text, at, SIZE_MAX), secret, &of) : 0;

        if (!n)
            return 0;
        at += n;
        secret = str_sub(secret, of, SIZE_MAX);
    }
    return at;
}

static size_t longest_of(struct str text, const struct values *list, size_t longest)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t n = form_length(text, list->at[i]);

        longest = n > longest ? n : longest;
    }
    return longest;
}

/* Length of the longest hidden value, in any form, that `text` starts with, or 0. */
static size_t hidden_length(struct str text)
{
    unsigned char c = (unsigned char)text.p[0];
    size_t longest = longest_of(text, &hidden[c], 0);

    if (c == '+')
        return longest_of(text, &hidden[' '], longest);
    if (c == '%' || c == '\\' || c == '&')
        for (size_t i = 0; i < n_firsts; i++)
            longest = longest_of(text, &hidden[firsts[i]], longest);
    return longest;
}

size_t mask_text(struct str text, char *out)
{
    size_t n_out = 0;
    size_t shown = 0;      /* up to here the text is in `out` or hidden */
    size_t end_hidden = 0; /* up to here it is hidden */

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < text.n; i++) {
        size_t n = hidden_length(str_sub(text, i, SIZE_MAX));

        if (n == 0 || i + n <= end_hidden)
            continue;
        if (i >= end_hidden) {
            memcpy(out + n_out, text.p + shown, i - shown);
            n_out += i - shown;
            memset(out + n_out, '*', 3);
            n_out += 3;
        }
        end_hidden = i + n;
        shown = end_hidden;
    }
    pthread_mutex_unlock(&lock);
    if (text.n > shown)
        memcpy(out + n_out, text.p + shown, text.n - shown);
    return n_out + text.n - shown;
}

size_t log_mask(struct str text, char *out, size_t cap)
{
    char *masked;
    size_t n;

    if (!cap)
        return 0;
    out[0] = '\0';
    masked = text.n < cap ? out : malloc(text.n + 1);
    if (!masked)
        return 0;
    n = mask_text(text, masked);
    if (masked != out) {
        n = utf8_cut(str_mk(masked, n), cap - 1);
        memcpy(out, masked, n);
        free(masked);
    }
    out[n] = '\0';
    return n;
}
