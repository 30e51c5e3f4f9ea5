/* See csv.h. A cell is quoted when it holds a comma, a quote or a line end, or begins or ends with a blank; nothing is
 * left out of it, control characters and NUL bytes included. */
#include "app/csv.h"

#include <string.h>

#include "base/num.h"

struct csv csv_begin(struct buf *b)
{
    buf_add(b, S("\xEF\xBB\xBF"));
    return (struct csv){b, false};
}

static bool is_formula(struct str text)
{
    double number;

    return text.n && str_find(S("=+-@\t\r"), str_sub(text, 0, 1), 0) != SIZE_MAX && !num_double(text, &number);
}

static bool wants_quotes(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (str_find(S(",\"\r\n"), str_sub(text, i, 1), 0) != SIZE_MAX)
            return true;
    return text.n && (text.p[0] == ' ' || text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t');
}

void csv_cell(struct csv *c, struct str text)
{
    bool quoted = wants_quotes(text);

    if (c->inside)
        buf_byte(c->b, ',');
    c->inside = true;
    if (quoted)
        buf_byte(c->b, '"');
    if (is_formula(text))
        buf_byte(c->b, '\'');
    for (size_t from = 0; from < text.n;) {
        const char *quote = memchr(text.p + from, '"', text.n - from);
        size_t n = quote ? (size_t)(quote - text.p) - from + 1 : text.n - from;

        buf_add(c->b, str_sub(text, from, n));
        if (quote)
            buf_byte(c->b, '"');
        from += n;
    }
    if (quoted)
        buf_byte(c->b, '"');
}

void csv_number(struct csv *c, int64_t n)
{
    char digits[21];

    csv_cell(c, str_mk(digits, num_print_i64(n, digits)));
}

void csv_end_line(struct csv *c)
{
    buf_add(c->b, S("\r\n"));
    c->inside = false;
}
