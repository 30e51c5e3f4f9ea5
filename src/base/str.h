/* Text is a view: a pointer and a length, UTF-8 unless said otherwise, not NUL-terminated, never owned. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define S(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_FMT    "%.*s"
#define STR_ARG(s) str_shown_n(s), str_shown(s)

static inline int str_shown_n(struct str s)
{
    return s.n > 2000 ? 2000 : (int)s.n;
}
static inline const char *str_shown(struct str s)
{
    return s.n ? s.p : "";
}
static inline struct str str_of(const char *cstr)
{
    return (struct str){cstr, cstr ? strlen(cstr) : 0};
}
static inline struct str str_mk(const char *p, size_t n)
{
    return (struct str){p, n};
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int str_cmp(struct str a, struct str b);        /* by bytes, shorter first; <0, 0, >0 */
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters without case */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the first occurrence at or after `from`, or SIZE_MAX. An empty needle is found at `from`. */
size_t str_find(struct str s, struct str needle, size_t from);
struct str str_sub(struct str s, size_t from, size_t n); /* clipped to the ends */
struct str str_trim(struct str s);                       /* ASCII blanks at both ends */
/* Cuts the part before `sep` off the front of `*rest` into `*ret_part`. False when `*rest` was exhausted (p == NULL).
 * The last part leaves `*rest` with p == NULL. */
bool str_cut(struct str *rest, char sep, struct str *ret_part);

/* UTF-8 (RFC 3629). */
bool utf8_valid(struct str s);
size_t utf8_count(struct str s);                  /* characters; stray bytes count as one each */
size_t utf8_prefix(struct str s, size_t n_chars); /* bytes that the first n characters take (all if fewer) */
size_t utf8_cut(struct str s, size_t n_bytes);    /* the largest length <= n_bytes that cuts no character */
/* Decodes one character at the start of `s` (not empty) into *ret_cp, gives its length; a malformed byte
 * decodes as U+FFFD with length 1. */
size_t utf8_decode(struct str s, uint32_t *ret_cp);
size_t utf8_encode(uint32_t cp, char out[4]); /* gives the length; a surrogate or > U+10FFFF becomes U+FFFD */

/* Damerau-Levenshtein distance (optimal string alignment) by bytes; both at most 63 bytes, else SIZE_MAX. */
size_t str_distance(struct str a, struct str b);
/* The entry of `names` nearest to `s`, or NULL when none is near enough (distance > 1 + length/4). */
const char *str_nearest(struct str s, const char *const *names, size_t n_names);

#endif
