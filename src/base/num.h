/* The one strict module for numbers that come from outside as text. No leading blanks, no "+", no hex,
 * no trailing bytes, no overflow: anything else is false and leaves *ret alone. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/str.h"

bool num_i64(struct str s, int64_t *ret);
bool num_u64(struct str s, uint64_t *ret);
bool num_size(struct str s, size_t *ret);
bool num_double(struct str s, double *ret); /* JSON's grammar of numbers; finite */
/* "10s", "5m", "2h", "1d", "1500ms", a bare number is seconds. In milliseconds, 0 ≤ value ≤ 3650 days. */
bool num_duration_ms(struct str s, int64_t *ret_ms);
/* "20GB", "512MB", "64KB", "1000" → bytes; units are powers of 1000, KiB/MiB/GiB powers of 1024. */
bool num_bytes(struct str s, uint64_t *ret);
size_t num_print_i64(int64_t v, char out[21]); /* gives the length; not NUL-terminated */

#endif
