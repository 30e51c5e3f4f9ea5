/* The log: one line an event, on stderr, with the secrets masked.
 *
 * A message is formatted whole, masked, and only then cut to its length, so that a cut never leaves half a
 * secret. Control characters and malformed UTF-8 are escaped: an event is one line whatever it quotes. Masking
 * looks at every place of the text for every hidden value, as it is and with %XX (either case) or "+" for
 * any of its bytes; hidden stretches that overlap are one "***". The hidden values lie in the order of their length,
 * longest first. State is global here, under one lock: there is one stderr. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define MIN_SECRET_BYTES  4
#define MAX_MESSAGE_BYTES ((size_t)1 << 20)  /* formatted */
#define MAX_LINE_BYTES    ((size_t)16 << 10) /* of message shown */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum log_level least_level = LOG_INFO_;
static bool as_json, as_journal;
static void (*sink_fn)(void *ctx, enum log_level level, struct str line);
static void *sink_ctx;
static struct str *hidden; /* longest first */
static size_t n_hidden;
static bool may_start[256]; /* bytes that a hidden value can start with, in some form */

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const int priorities[] = {7, 6, 4, 3}; /* syslog(3) */

void log_set_level(enum log_level least)
{
    pthread_mutex_lock(&lock);
    least_level = least;
    pthread_mutex_unlock(&lock);
}

void log_set_json(bool on)
{
    pthread_mutex_lock(&lock);
    as_json = on;
    pthread_mutex_unlock(&lock);
}

void log_set_journal(bool on)
{
    pthread_mutex_lock(&lock);
    as_journal = on;
    pthread_mutex_unlock(&lock);
}

bool log_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[48];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return false;
    snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(stream, own) == 0;
}

void log_set_sink(void (*sink)(void *ctx, enum log_level level, struct str line), void *ctx)
{
    pthread_mutex_lock(&lock);
    sink_fn = sink;
    sink_ctx = ctx;
    pthread_mutex_unlock(&lock);
}

void log_hide(struct str secret)
{
    if (secret.n < MIN_SECRET_BYTES)
        return;
    pthread_mutex_lock(&lock);
    size_t at = 0;
    while (at < n_hidden && hidden[at].n >= secret.n && !str_eq(hidden[at], secret))
        at++;
    if (at == n_hidden || !str_eq(hidden[at], secret)) {
        char *copy = mem_alloc(secret.n);
        memcpy(copy, secret.p, secret.n);
        hidden = mem_grow(hidden, (n_hidden + 1) * sizeof(*hidden));
        memmove(hidden + at + 1, hidden + at, (n_hidden - at) * sizeof(*hidden));
        hidden[at] = str_mk(copy, secret.n);
        n_hidden++;
        may_start[(unsigned char)copy[0]] = true;
        may_start['%'] = true;
        may_start['+'] = may_start['+'] || copy[0] == ' ';
    }
    pthread_mutex_unlock(&lock);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Length of the URL-encoded form of `secret` that `text` starts with, or 0. Every byte may be encoded or bare. */
static size_t encoded_length(struct str text, struct str secret)
{
    size_t at = 0;
    for (size_t i = 0; i < secret.n; i++) {
        if (at >= text.n)
            return 0;
        unsigned char want = (unsigned char)secret.p[i];
        if (text.p[at] == '%' && text.n - at >= 3 &&
            hex_value(text.p[at + 1]) * 16 + hex_value(text.p[at + 2]) == (int)want && hex_value(text.p[at + 2]) >= 0)
            at += 3;
        else if ((unsigned char)text.p[at] == want || (want == ' ' && text.p[at] == '+'))
            at++;
        else
            return 0;
    }
    return at;
}

/* Length of the longest hidden value, in any form, that `text` starts with, or 0. */
static size_t hidden_length(struct str text)
{
    if (!may_start[(unsigned char)text.p[0]])
        return 0;
    size_t longest = 0;
    for (size_t i = 0; i < n_hidden; i++) {
        size_t n = str_starts(text, hidden[i]) ? hidden[i].n : encoded_length(text, hidden[i]);
        longest = n > longest ? n : longest;
    }
    return longest;
}

/* Appends with the hidden values masked; the lock is held. */
static void mask_into(struct str text, struct buf *out)
{
    if (n_hidden == 0) {
        buf_add(out, text);
        return;
    }
    size_t shown = 0;      /* up to here the text is in `out` or hidden */
    size_t end_hidden = 0; /* up to here it is hidden */
    for (size_t i = 0; i < text.n; i++) {
        size_t n = hidden_length(str_sub(text, i, SIZE_MAX));
        if (n == 0 || i + n <= end_hidden)
            continue;
        if (i >= end_hidden) {
            buf_add(out, str_sub(text, shown, i - shown));
            buf_add(out, S("***"));
        }
        end_hidden = i + n;
        shown = end_hidden;
    }
    buf_add(out, str_sub(text, shown, SIZE_MAX));
}

/* Largest length ≤ cap that does not cut a character. */
static size_t cut_at(struct str s, size_t cap)
{
    if (s.n <= cap)
        return s.n;
    size_t n = cap;
    for (size_t back = 0; back < 3 && n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80; back++)
        n--;
    return n;
}

size_t log_mask(struct str text, char *out, size_t cap)
{
    if (cap == 0)
        return 0;
    struct buf masked = buf_make(SIZE_MAX - 1);
    pthread_mutex_lock(&lock);
    mask_into(text, &masked);
    pthread_mutex_unlock(&lock);
    size_t n = masked.failed ? 0 : cut_at(buf_str(&masked), cap - 1);
    if (n > 0)
        memcpy(out, masked.p, n);
    out[n] = '\0';
    buf_free(&masked);
    return n;
}

static bool control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0x2028 || cp == 0x2029;
}

static void escape_control(struct buf *out, uint32_t cp, bool json)
{
    if (cp == '\n' || cp == '\t' || cp == '\r')
        buf_add(out, cp == '\n' ? S("\\n") : cp == '\t' ? S("\\t") : S("\\r"));
    else if (json || cp > 0xFF)
        buf_printf(out, "\\u%04x", cp);
    else
        buf_printf(out, "\\x%02x", cp);
}

/* Appends the message so that it stays on its line, and inside a JSON string if it stands in one. */
static void escape_into(struct str text, bool json, struct buf *out)
{
    for (size_t i = 0; i < text.n;) {
        uint32_t cp;
        struct str rest = str_sub(text, i, SIZE_MAX);
        size_t len = utf8_decode(rest, &cp);
        bool bad = len == 1 && cp == 0xFFFD;
        if (bad)
            buf_add(out, S("\xEF\xBF\xBD"));
        else if (control(cp))
            escape_control(out, cp, json);
        else if (json && (cp == '"' || cp == '\\'))
            buf_printf(out, "\\%c", (char)cp);
        else
            buf_add(out, str_sub(rest, 0, len));
        i += len;
    }
}

static void format_message(struct buf *out, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && (size_t)n <= MAX_MESSAGE_BYTES && buf_room(out, (size_t)n + 1)) {
        (void)vsnprintf(out->p, (size_t)n + 1, fmt, again);
        out->n = (size_t)n;
    } else {
        buf_add(out, S("(a message too long to show)"));
    }
    va_end(again);
}

/* The finished line, with its newline; the lock is held. */
static void compose(enum log_level level, struct str message, struct buf *line)
{
    char when[TIME_TEXT];
    int64_t now_ms = clock_wall(&clock_system);
    (void)time_rfc3339(NULL, now_ms - now_ms % 1000, when);
    struct buf masked = buf_make(8 * MAX_MESSAGE_BYTES);
    mask_into(message, &masked);
    struct str shown = masked.failed ? S("(a message that could not be masked)") : buf_str(&masked);
    bool cut = shown.n > MAX_LINE_BYTES;
    shown.n = cut_at(shown, MAX_LINE_BYTES);
    if (as_json)
        buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"", when, level_names[level]);
    else if (as_journal)
        buf_printf(line, "<%d>", priorities[level]);
    else
        buf_printf(line, "%s %s ", when, level_names[level]);
    escape_into(shown, as_json, line);
    if (cut)
        buf_add(line, S("…"));
    if (as_json)
        buf_add(line, S("\"}"));
    buf_byte(line, '\n');
    buf_free(&masked);
}

static void write_whole(struct str s)
{
    while (s.n > 0) {
        ssize_t n = write(STDERR_FILENO, s.p, s.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return;
        s = str_sub(s, (size_t)n, SIZE_MAX);
    }
}

void log_line(enum log_level level, const char *fmt, ...)
{
    struct buf message = buf_make(MAX_MESSAGE_BYTES + 1);
    struct buf line = buf_make(8 * MAX_LINE_BYTES);
    va_list ap;
    int saved_errno = errno;
    pthread_mutex_lock(&lock);
    if (level >= least_level) {
        va_start(ap, fmt);
        format_message(&message, fmt, ap);
        va_end(ap);
        compose(level, buf_str(&message), &line);
        write_whole(buf_str(&line));
        if (sink_fn && line.n > 0)
            sink_fn(sink_ctx, level, str_mk(line.p, line.n - 1));
    }
    pthread_mutex_unlock(&lock);
    buf_free(&line);
    buf_free(&message);
    errno = saved_errno;
}
