/* The log: one line an event, on stderr, with the secrets masked.
 *
 * A message is formatted whole, masked (base/mask.h), and only then cut to its length, so that a cut never leaves half
 * a secret. Control characters and malformed UTF-8 are escaped: an event is one line whatever it quotes. State is
 * global here, under one lock: there is one stderr. */
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
#include "base/mask.h"

#define MAX_MESSAGE_BYTES ((size_t)1 << 20)  /* formatted */
#define MAX_LINE_BYTES    ((size_t)16 << 10) /* of message shown */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static enum log_level least_level = LOG_INFO_;
static bool as_json, as_journal;
static void (*sink_fn)(void *ctx, enum log_level level, struct str line);
static void *sink_ctx;

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
    struct buf masked = buf_make(MAX_MESSAGE_BYTES + 1);
    struct str shown = S("(a message that could not be masked)");
    if (buf_room(&masked, message.n + 1))
        shown = str_mk(masked.p, mask_text(message, masked.p));
    bool cut = shown.n > MAX_LINE_BYTES;
    shown.n = utf8_cut(shown, MAX_LINE_BYTES);
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
