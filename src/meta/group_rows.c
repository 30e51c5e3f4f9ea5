/* Rows with names: finding columns, sorting rows into buckets of equal key, sums.
 *
 * A key is the text of its values, each with its kind and length before it, so that "1", 1, NULL and "" are told apart
 * and no two lists of values give the same key. Buckets keep the order in which their first rows came. */
#include "base/decimal.h"
#include "base/map.h"
#include "meta/group_impl.h"

size_t rows_column(const struct named_rows *in, struct str prefix, struct str name)
{
    for (size_t i = 0; i < in->n_names; i++)
        if (str_eq(in->names[i], name))
            return i;
    for (size_t i = 0; prefix.n && i < in->n_names; i++) {
        struct str whole = in->names[i];

        if (whole.n == prefix.n + 1 + name.n && str_starts(whole, prefix) && whole.p[prefix.n] == '_' &&
            str_ends(whole, name))
            return i;
    }
    return SIZE_MAX;
}

size_t *rows_columns(const struct named_rows *in, struct str prefix, struct strs names, struct arena *a)
{
    size_t *columns = ARENA_ARRAY(a, size_t, names.n + 1);

    for (size_t i = 0; i < names.n; i++)
        columns[i] = rows_column(in, prefix, names.at[i]);
    return columns;
}

struct bucket rows_all(const struct named_rows *in, struct arena *a)
{
    struct bucket all = {ARENA_ARRAY(a, size_t, in->n_rows + 1), in->n_rows};

    for (size_t i = 0; i < all.n; i++)
        all.rows[i] = i;
    return all;
}

static struct str row_key(const struct named_rows *in, size_t row, const size_t *columns, size_t n, struct arena *a)
{
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES);
    struct str key;

    for (size_t i = 0; i < n; i++) {
        const struct value *v = columns[i] == SIZE_MAX ? NULL : &in->rows[row][columns[i]];
        struct str text = v ? value_as_text(v, a) : (struct str){0};

        buf_printf(&b, "%d:%zu:", v && !value_is_null(v) ? (int)v->kind : 0, text.n);
        buf_add(&b, text);
    }
    key = arena_str(a, buf_str(&b));
    buf_free(&b);
    return key;
}

struct buckets rows_group(const struct named_rows *in, const struct bucket *rows, const size_t *columns,
                          size_t n_columns, struct arena *a)
{
    size_t n = rows->n;
    struct buckets g = {.at = ARENA_ARRAY(a, struct bucket, n + 1)};
    size_t *which = ARENA_ARRAY(a, size_t, n + 1);
    struct map *seen = map_new();

    for (size_t i = 0; i < n; i++) {
        struct str key = n_columns ? row_key(in, rows->rows[i], columns, n_columns, a) : (struct str){0};
        size_t at = n_columns ? map_get(seen, key) : MAP_NONE;

        if (at == MAP_NONE) {
            at = g.n++;
            if (n_columns)
                map_put(seen, key, at);
        }
        which[i] = at;
        g.at[at].n++;
    }
    map_free(seen);
    for (size_t i = 0; i < g.n; i++) {
        g.at[i].rows = ARENA_ARRAY(a, size_t, g.at[i].n);
        g.at[i].n = 0;
    }
    for (size_t i = 0; i < n; i++)
        g.at[which[i]].rows[g.at[which[i]].n++] = rows->rows[i];
    return g;
}

void rows_write(const struct named_rows *in, size_t row, struct strs names, const size_t *columns, struct json_out *w)
{
    for (size_t i = 0; i < names.n; i++) {
        const struct value *v = columns[i] == SIZE_MAX ? NULL : &in->rows[row][columns[i]];

        if (!v || v->kind == VALUE_MISSING)
            continue;
        json_out_key_str(w, names.at[i]);
        value_write_json(v, w);
    }
}

enum err rows_sum(const struct named_rows *in, const struct bucket *b, size_t column, struct arena *a,
                  struct total *ret, struct errinfo *ei)
{
    struct decimal sum = {0}, d;
    char *p = arena_alloc(a, DECIMAL_TEXT);

    ret->n = 0;
    for (size_t i = 0; column != SIZE_MAX && i < b->n; i++) {
        const struct value *v = &in->rows[b->rows[i]][column];

        if (value_is_empty(v))
            continue;
        if ((v->kind != VALUE_NUMBER && v->kind != VALUE_TEXT) || !decimal_parse(str_trim(value_str(v)), &d))
            return fail(ei, ERR_DATA, "field \"" STR_FMT "\" cannot be summed: %s is not a number",
                        STR_ARG(in->names[column]), cast_shown(v, a));
        if (!decimal_add(&sum, &d, &sum))
            return fail(ei, ERR_DATA, "the sum of \"" STR_FMT "\" needs more than %d digits",
                        STR_ARG(in->names[column]), DECIMAL_MAX_DIGITS);
        ret->n++;
    }
    ret->sum = value_number(str_mk(p, decimal_print(&sum, p)));
    return OK;
}
