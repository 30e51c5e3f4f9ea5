/* The formats behind `|`: a table of names, or a strftime pattern in quotes.
 *
 * They take what means an instant (see cast_time_ms) and write it in the project's zone. NULL, missing and "" stay
 * NULL. */
#include "meta/cast.h"
#include "meta/doc_tables.h"
#include "meta/tmpl_impl.h"

#include "base/num.h"

#define PATTERN_MAX 256

static size_t write_datetime(const struct zone *z, int64_t ms, char *out)
{
    return time_datetime(z, ms / 1000 - (ms % 1000 < 0), out);
}

static size_t write_date(const struct zone *z, int64_t ms, char *out)
{
    size_t n = write_datetime(z, ms, out);

    return n < 10 ? n : 10;
}

static size_t write_time(const struct zone *z, int64_t ms, char *out)
{
    size_t n = write_datetime(z, ms, out);

    if (n < 8)
        return n;
    memmove(out, out + n - 8, 8);
    return 8;
}

static size_t write_timestamp(const struct zone *z, int64_t ms, char *out)
{
    (void)z;
    return num_print_i64(ms / 1000 - (ms % 1000 < 0), out);
}

static size_t write_timestamp_ms(const struct zone *z, int64_t ms, char *out)
{
    (void)z;
    return num_print_i64(ms, out);
}

static size_t write_iso8601(const struct zone *z, int64_t ms, char *out)
{
    return time_rfc3339(z, ms, out);
}

struct format {
    struct doc_word word;
    bool number;
    size_t (*write)(const struct zone *z, int64_t ms, char *out);
};

static const struct format table[] = {
    {{"datetime", "2026-03-01 08:30:00"}, false, write_datetime},
    {{"date", "2026-03-01"}, false, write_date},
    {{"time", "08:30:00"}, false, write_time},
    {{"timestamp", "unix seconds"}, true, write_timestamp},
    {{"timestamp_ms", "unix milliseconds"}, true, write_timestamp_ms},
    {{"iso8601", "2026-03-01T08:30:00+08:00"}, false, write_iso8601},
};
#define N_FORMATS (sizeof table / sizeof *table)

const struct doc_word *doc_format_at(size_t i)
{
    return i < N_FORMATS ? &table[i].word : NULL;
}

static const struct format *find(struct str name)
{
    for (size_t i = 0; i < N_FORMATS; i++)
        if (str_eq(name, str_of(table[i].word.name)))
            return &table[i];
    return NULL;
}

static bool is_pattern(struct str format)
{
    return format.n >= 2 && (format.p[0] == '"' || format.p[0] == '\'') && format.p[format.n - 1] == format.p[0];
}

bool tmpl_format_check(struct str format, struct pos pos, struct diags *diags)
{
    const char *names[N_FORMATS];
    char out[PATTERN_MAX];
    size_t n;

    if (is_pattern(format)) {
        if (time_strftime(NULL, 0, str_sub(format, 1, format.n - 2), out, sizeof out, &n))
            return true;
        diags_add(diags, DIAG_ERROR, pos, "the pattern " STR_FMT " has a conversion that is not known or is too long",
                  STR_ARG(format));
        return false;
    }
    if (find(format))
        return true;
    for (size_t i = 0; i < N_FORMATS; i++)
        names[i] = table[i].word.name;
    diags_add(diags, DIAG_ERROR, pos, "format \"" STR_FMT "\" is not known", STR_ARG(format));
    diags_nearest(diags, str_nearest(format, names, N_FORMATS));
    diags_remedy(diags, "use datetime, date, time, timestamp, timestamp_ms, iso8601 or a strftime pattern in quotes");
    return false;
}

enum err tmpl_format(const struct value *v, struct str format, const struct zone *z, struct arena *a, struct value *ret,
                     struct errinfo *ei)
{
    const struct format *f = find(format);
    char out[PATTERN_MAX > TIME_TEXT ? PATTERN_MAX : TIME_TEXT];
    size_t n = 0;
    int64_t ms;

    if (value_is_empty(v)) {
        *ret = value_null();
        return OK;
    }
    if (!cast_time_ms(v, z, &ms))
        return fail(ei, ERR_DATA, "%s is not a time, so it has no format " STR_FMT, cast_shown(v, a), STR_ARG(format));
    if (f)
        n = f->write(z, ms, out);
    else if (!is_pattern(format) ||
             !time_strftime(z, ms / 1000 - (ms % 1000 < 0), str_sub(format, 1, format.n - 2), out, sizeof out, &n))
        return fail(ei, ERR_DATA, "format " STR_FMT " cannot be written", STR_ARG(format));
    *ret = f && f->number ? value_number(arena_str(a, str_mk(out, n))) : value_text(arena_str(a, str_mk(out, n)));
    return OK;
}
