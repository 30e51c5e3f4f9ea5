/* What commands print: text for people on app->out, one JSON object instead of it with --json, failures in one form.
 * Hidden values are masked in all of it. */
#ifndef APP_OUT_H
#define APP_OUT_H

#include "app/command.h"
#include "base/json.h"

enum color { COLOR_NONE, COLOR_BOLD, COLOR_DIM, COLOR_RED, COLOR_YELLOW, COLOR_GREEN, COLOR_CYAN };

/* Text for people; nothing with --json. */
void say(const struct app *app, const char *fmt, ...) PRINTF_LIKE(2, 3);
void say_str(const struct app *app, struct str text);
/* The same in English or Chinese. */
const char *either(const struct app *app, const char *english, const char *chinese);
/* To switch a colour on and off (COLOR_NONE) on app->out; "" when it is not to be coloured. */
const char *color(const struct app *app, enum color c);
const char *color_err(const struct app *app, enum color c);
/* Prints a finished JSON text and a newline, whatever --json says. */
void print_json(const struct app *app, struct buf *json);
/* Prints text as it is, hidden values masked, whatever --json says. */
void print_text(const struct app *app, struct str text);
/* Tells a failure: {"error":…} with --json, else "error: …" and "hint: …" on stderr. Gives the exit status of its code.
 */
int app_fail(const struct app *app, const struct errinfo *ei);
/* Gives a failure without a hint the usual one of its code. */
void add_hint(struct errinfo *ei);
/* Wrong usage, with a pointer to the command's help. */
int app_usage(const struct app *app, const char *fmt, ...) PRINTF_LIKE(2, 3);
void json_error(struct json_out *w,
                const struct errinfo *ei); /* the object {code, message, hint}, or null when the code is OK */

/* ---- text ---- */
/* Appends text with control characters made harmless (a line end becomes a blank). */
void add_clean(struct buf *b, struct str text);
/* Columns that a terminal gives the text: East Asian wide characters take two, combining ones none. */
size_t text_width(struct str text);
/* Appends the clean text, cut to `columns` with "…" or filled up with blanks. */
void add_fitted(struct buf *b, struct str text, size_t columns);
/* "12,345" */
struct str grouped(struct arena *a, int64_t n);
/* "0.4 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h" */
struct str duration_text(const struct app *app, int64_t ms);
/* "2026-03-01 08:30:00" in the project's zone (UTC without project), "—" for INT64_MIN. */
struct str time_text(const struct app *app, int64_t unix_s);
/* A JSON member with RFC 3339 time, or null for INT64_MIN. */
void json_time(struct json_out *w, const char *key, const struct app *app, int64_t unix_ms);
/* The member "next": where the page after this one begins before; 0: there is none, null. */
void json_next_page(struct json_out *w, int64_t next);
/* Milliseconds of seconds, INT64_MIN kept. */
static inline int64_t ms_of(int64_t s)
{
    return s == INT64_MIN ? INT64_MIN : s * 1000;
}

#endif
