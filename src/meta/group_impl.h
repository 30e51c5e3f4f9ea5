/* Rows with names, sorted into groups: what groupCalculate and operation share. Inside meta only. */
#ifndef META_GROUP_IMPL_H
#define META_GROUP_IMPL_H

#include "meta/parser.h"

/* Rows of equal key, in the order of their first coming. */
struct bucket { size_t *rows; size_t n; };
struct buckets { struct bucket *at; size_t n; };

/* The column of that name, or of `prefix_name` when there is none; SIZE_MAX when there is neither. */
size_t rows_column(const struct named_rows *in, struct str prefix, struct str name);
/* The columns of all names; missing ones are SIZE_MAX. */
size_t *rows_columns(const struct named_rows *in, struct str prefix, struct strs names, struct arena *a);
/* Sorts `n` rows by the columns. Without columns every row is a bucket of its own. */
struct buckets rows_group(const struct named_rows *in, const size_t *rows, size_t n, const size_t *columns, size_t n_columns, struct arena *a);
/* Writes members name: value of one row; fields that the row lacks are left out. */
void rows_write(const struct named_rows *in, size_t row, struct strs names, const size_t *columns, struct json_out *w);
/* 0 … n-1 */
size_t *rows_all(size_t n, struct arena *a);
/* The exact sum of a column over rows, NULL counted as 0; ERR_DATA for what is no number. *ret_n: how many were not NULL. */
enum err rows_sum(const struct named_rows *in, const struct bucket *b, size_t column, struct arena *a, struct value *ret, size_t *ret_n, struct errinfo *ei) MUST_USE;

#endif
