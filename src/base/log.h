/* Lines for people and for journald, on stderr. One line an event; never a secret: values that were
 * registered with `log_hide` are masked wherever they appear. Thread-safe. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include "base/str.h"

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };

void log_set_level(enum log_level least);
void log_set_json(bool on); /* JSON lines instead of text */
/* Lines begin with <N>, the priority as journald reads it from stderr (sd-daemon(3)), and without time: it has its own.
 * Not with log_set_json. */
void log_set_journal(bool on);
/* Is stderr the journal's? JOURNAL_STREAM names device and inode of its socket (systemd.exec(5)). */
bool log_is_journal(void);
/* A second sink that gets each finished line (without newline), or NULL. Called under the log's lock. */
void log_set_sink(void (*sink)(void *ctx, enum log_level level, struct str line), void *ctx);
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define log_debug(...) log_line(LOG_DEBUG_, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO_, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN_, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR_, __VA_ARGS__)

/* Keeps a copy of a secret (at least 4 bytes; shorter ones are ignored) that from now on shows as "***" in every line,
 * in every text that passes `log_mask` and every message of an errinfo; also encoded for URLs, JSON, HTML, base64. */
void log_hide(struct str secret);
/* Copies `text` into `out` (NUL-terminated, cut to cap) with hidden values masked. Gives the length. */
size_t log_mask(struct str text, char *out, size_t cap);

#endif
