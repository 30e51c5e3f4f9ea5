/* Rows with names, sorted into groups: what groupCalculate and operation share. Inside meta only. */
#ifndef META_GROUP_IMPL_H
#define META_GROUP_IMPL_H

#include "meta/parser.h"

/* Rows of equal key, in the order of their first coming. */
struct bucket {
    size_t *rows;
    size_t n;
};
struct buckets {
    struct bucket *at;
    size_t n;
};

/* The column of that name, or of `prefix_name` when there is none; SIZE_MAX when there is neither. */
size_t rows_column(const struct named_rows *in, struct str prefix, struct str name);
/* The columns of all names; missing ones are SIZE_MAX. */
size_t *rows_columns(const struct named_rows *in, struct str prefix, struct strs names, struct arena *a);
/* Sorts rows by the columns. Without columns every row is a bucket of its own. */
struct buckets rows_group(const struct named_rows *in, const struct bucket *rows, const size_t *columns,
                          size_t n_columns, struct arena *a);
/* Writes members name: value of one row; fields that the row lacks are left out. */
void rows_write(const struct named_rows *in, size_t row, struct strs names, const size_t *columns, struct json_out *w);
/* All rows. */
struct bucket rows_all(const struct named_rows *in, struct arena *a);
/* The exact sum of a column over rows, NULL counted as 0, and how many were not NULL. ERR_DATA for what is no number.
 */
struct total {
    struct value sum;
    size_t n;
};
enum err rows_sum(const struct named_rows *in, const struct bucket *b, size_t column, struct arena *a,
                  struct total *ret, struct errinfo *ei) MUST_USE;

#endif
