/* Printing: masks, colours, widths, times.
 *
 * Everything that a command prints passes through here, so that no secret and no terminal escape sequence from a record
 * gets out. Colour is decided once, when the command line is read. Widths follow Unicode's East Asian Width in broad
 * ranges: enough to line up columns of Chinese text, not a text layout engine. */
#include "app/out.h"

#include "base/log.h"
#include "base/product.h"

#include <stdarg.h>
#include <stdlib.h>

#define TEXT_MAX (64u << 20)

static void write_masked(FILE *to, struct str text)
{
    char *masked = mem_alloc(text.n + 1);

    fwrite(masked, 1, log_mask(text, masked, text.n + 1), to);
    free(masked);
}

void say_str(const struct app *app, struct str text)
{
    if (!app->json)
        write_masked(app->out, text);
}

void say(const struct app *app, const char *fmt, ...)
{
    va_list ap, again;
    char *text;
    int n;

    if (app->json)
        return;
    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    text = mem_alloc((size_t)(n > 0 ? n : 0) + 1);
    vsnprintf(text, (size_t)(n > 0 ? n : 0) + 1, fmt, again);
    va_end(again);
    write_masked(app->out, (struct str){text, (size_t)(n > 0 ? n : 0)});
    free(text);
}

const char *either(const struct app *app, const char *english, const char *chinese)
{
    return app->chinese ? chinese : english;
}

static const char *code_of(enum color c)
{
    static const char *const codes[] = {"\033[0m",  "\033[1m",  "\033[2m", "\033[31m",
                                        "\033[33m", "\033[32m", "\033[36m"};

    return codes[c];
}

const char *color(const struct app *app, enum color c)
{
    return app->color_out ? code_of(c) : "";
}
const char *color_err(const struct app *app, enum color c)
{
    return app->color_err ? code_of(c) : "";
}

void print_text(const struct app *app, struct str text)
{
    write_masked(app->out, text);
    fflush(app->out);
}

void print_json(const struct app *app, struct buf *json)
{
    buf_byte(json, '\n');
    print_text(app, buf_str(json));
}

void json_error(struct json_out *w, const struct errinfo *ei)
{
    if (!ei->code) {
        json_out_null(w);
        return;
    }
    json_out_begin(w, '{');
    json_member(w, "code", str_of(err_name(ei->code)));
    json_member(w, "message", str_of(ei->msg));
    json_member(w, "hint", str_of(ei->hint));
    json_out_end(w, '}');
}

static int status_of(enum err code)
{
    if (!code)
        return STATUS_OK;
    return code == ERR_CONFIG || code == ERR_SECRET || code == ERR_USAGE ? STATUS_WRONG : STATUS_FAILED;
}

/* What to do when nobody who failed knew better. */
static const char *usual_hint(enum err code)
{
    static const char *const hints[ERR_COUNT] = {
        [ERR_CONFIG] = "`" PRODUCT " check` shows every mistake with its place",
        [ERR_SECRET] = "`" PRODUCT " secret list` shows the secrets that are stored",
        [ERR_USAGE] = "`" PRODUCT " help` lists the commands",
        [ERR_AUTH] = "compare the account in connections/ with what the other side gave you",
        [ERR_SIGNATURE] = "compare app_key and app_secret in connections/ with what the other side gave you",
        [ERR_QUOTA] = "lower `limits` in the connection, or wait: others may be using the same account",
        [ERR_NETWORK] = "look whether the address is right and whether it can be reached from here; then run again, "
                        "nothing is lost",
        [ERR_REMOTE] = "the other side has the details; run again later, nothing is lost",
        [ERR_DATA] = "`" PRODUCT " preview` shows what the other side sends",
        [ERR_SCHEMA] = "`" PRODUCT " check --online` compares the mapping with the table, `" PRODUCT
                       " ddl` shows a table that fits",
        [ERR_TARGET] = "look at the target database; then run again, nothing is lost",
        [ERR_CONFLICT] = "wait for the other process, or end it",
        [ERR_DISK] = "look at the space and the rights of the project's folder; then run again, nothing is lost",
        [ERR_INTERNAL] = "please report this, with what stands in `" PRODUCT " log`",
    };

    return code < ERR_COUNT && hints[code] ? hints[code] : "";
}

void add_hint(struct errinfo *ei)
{
    if (ei->code && !ei->hint[0])
        fail_hint(ei, "%s", usual_hint(ei->code));
}

int app_fail(const struct app *app, const struct errinfo *why)
{
    struct buf b = buf_make(TEXT_MAX);
    struct errinfo hinted = *why, *ei = &hinted;

    add_hint(ei);

    if (app->json) {
        struct json_out w = json_out(&b);

        json_out_begin(&w, '{');
        json_out_key(&w, "error");
        json_error(&w, ei);
        json_out_end(&w, '}');
        print_json(app, &b);
    } else {
        fflush(app->out);
        buf_printf(&b, "%serror:%s ", color_err(app, COLOR_RED), color_err(app, COLOR_NONE));
        add_clean(&b, str_of(ei->msg));
        buf_byte(&b, '\n');
        if (ei->hint[0]) {
            buf_printf(&b, "%shint:%s ", color_err(app, COLOR_CYAN), color_err(app, COLOR_NONE));
            add_clean(&b, str_of(ei->hint));
            buf_byte(&b, '\n');
        }
        write_masked(stderr, buf_str(&b));
    }
    buf_free(&b);
    return status_of(ei->code);
}

int app_usage(const struct app *app, const char *fmt, ...)
{
    struct errinfo ei;
    char text[600];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fail(&ei, ERR_USAGE, "%s", text);
    if (app->command)
        fail_hint(&ei, "`" PRODUCT " %s --help` shows how, with an example", app->command->name);
    else
        fail_hint(&ei, "`" PRODUCT " --help` lists the commands");
    return app_fail(app, &ei);
}

/* ---- text ---- */

static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029 || (cp >= 0x200e && cp <= 0x200f) ||
           (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

static void add_char(struct buf *b, uint32_t cp)
{
    char bytes[4];

    if (is_control(cp))
        buf_byte(b, ' ');
    else
        buf_add(b, (struct str){bytes, utf8_encode(cp, bytes)});
}

void add_clean(struct buf *b, struct str text)
{
    while (text.n) {
        uint32_t cp;
        size_t n = utf8_decode(text, &cp);

        add_char(b, cp);
        text = str_sub(text, n, text.n);
    }
}

static size_t char_width(uint32_t cp)
{
    static const struct {
        uint32_t from, to;
        size_t width;
    } ranges[] = {
        {0x0300, 0x036f, 0},   {0x1100, 0x115f, 2},   {0x200b, 0x200d, 0},   {0x20d0, 0x20ff, 0},
        {0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
        {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},
        {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1faff, 2}, {0x20000, 0x3fffd, 2},
        {0xe0100, 0xe01ef, 0},
    };

    for (size_t i = 0; cp >= 0x300 && i < sizeof ranges / sizeof *ranges; i++)
        if (cp >= ranges[i].from && cp <= ranges[i].to)
            return ranges[i].width;
    return 1;
}

size_t text_width(struct str text)
{
    size_t width = 0;

    while (text.n) {
        uint32_t cp;
        size_t n = utf8_decode(text, &cp);

        width += char_width(cp);
        text = str_sub(text, n, text.n);
    }
    return width;
}

void add_fitted(struct buf *b, struct str text, size_t columns)
{
    bool cut = text_width(text) > columns;
    size_t room = cut && columns ? columns - 1 : columns, used = 0;

    while (text.n) {
        uint32_t cp;
        size_t n = utf8_decode(text, &cp), width = char_width(cp);

        if (used + width > room)
            break;
        add_char(b, cp);
        used += width;
        text = str_sub(text, n, text.n);
    }
    if (cut && columns) {
        buf_add(b, S("…"));
        used++;
    }
    for (; used < columns; used++)
        buf_byte(b, ' ');
}

struct str grouped(struct arena *a, int64_t n)
{
    char digits[24], out[40];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;

    for (int i = 0; i < len; i++) {
        out[at++] = digits[i];
        if (digits[i] != '-' && i + 1 < len && (len - 1 - i) % 3 == 0)
            out[at++] = ',';
    }
    return arena_str(a, (struct str){out, (size_t)at});
}

struct str duration_text(const struct app *app, int64_t ms)
{
    long long s = (long long)(ms / 1000);

    if (ms < 10000)
        return arena_printf(app->arena, "%.1f s", (double)ms / 1000);
    if (s < 120)
        return arena_printf(app->arena, "%lld s", s);
    if (s < 7200)
        return arena_printf(app->arena, "%lld min %lld s", s / 60, s % 60);
    if (s < 172800)
        return arena_printf(app->arena, "%lld h %lld min", s / 3600, s % 3600 / 60);
    return arena_printf(app->arena, "%lld d %lld h", s / 86400, s % 86400 / 3600);
}

static const struct zone *zone_of(const struct app *app)
{
    return app->project ? app->project->zone : NULL;
}

struct str time_text(const struct app *app, int64_t unix_s)
{
    char text[TIME_TEXT];

    if (unix_s == INT64_MIN)
        return S("—");
    return arena_str(app->arena, (struct str){text, time_datetime(zone_of(app), unix_s, text)});
}

void json_time(struct json_out *w, const char *key, const struct app *app, int64_t unix_ms)
{
    char text[TIME_TEXT];

    json_out_key(w, key);
    if (unix_ms == INT64_MIN)
        json_out_null(w);
    else
        json_out_str(w, (struct str){text, time_rfc3339(zone_of(app), unix_ms, text)});
}

void json_next_page(struct json_out *w, int64_t next)
{
    json_out_key(w, "next");
    if (next)
        json_out_int(w, next);
    else
        json_out_null(w);
}
