/* LIKE and REGEXP.
 *
 * LIKE goes back to the last "%" only, which is enough, so the worst case is the product of both lengths. REGEXP is
 * PCRE2 with limits on steps and memory, without case as MariaDB's default collations are; a pattern that is constant
 * is compiled with the expression. PCRE2's memory comes from arenas: patterns live with the expression, the state of a
 * match with the row. */
#include "meta/expr_impl.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT       200000
#define HEAP_LIMIT_KIB    8192
#define PATTERN_MAX_BYTES ((size_t)16 << 10)

static void *from_arena(size_t n, void *arena)
{
    return arena_try(arena, n);
}

static void to_arena(void *p, void *arena)
{
    (void)p, (void)arena;
}

void *regex_compile(struct arena *a, struct str pattern, bool caseless, struct errinfo *ei)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    if (pattern.n > PATTERN_MAX_BYTES) {
        (void)fail(ei, ERR_DATA, "the regular expression is longer than %zu bytes", PATTERN_MAX_BYTES);
        return NULL;
    }
    pcre2_general_context *general = pcre2_general_context_create(from_arena, to_arena, a);
    pcre2_compile_context *context = general ? pcre2_compile_context_create(general) : NULL;
    if (!context) {
        (void)fail(ei, ERR_DATA, "there is no memory left for a regular expression");
        return NULL;
    }
    pcre2_set_parens_nest_limit(context, 100);
    void *re = pcre2_compile((PCRE2_SPTR)(pattern.n ? pattern.p : ""), pattern.n,
                             PCRE2_UTF | PCRE2_UCP | (caseless ? PCRE2_CASELESS : 0), &code, &at, context);
    if (re)
        return re;
    char why[128] = "";
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
    (void)fail(ei, ERR_DATA, "the regular expression is wrong at its byte %zu: %s", (size_t)at + 1, why);
    return NULL;
}

enum err regex_match(struct run *r, const void *code, struct str subject, bool *ret)
{
    struct arena *a = r->env->arena;
    pcre2_general_context *general = pcre2_general_context_create(from_arena, to_arena, a);
    pcre2_match_context *context = general ? pcre2_match_context_create(general) : NULL;
    pcre2_match_data *data = context ? pcre2_match_data_create(1, general) : NULL;
    if (!data)
        return bad_data(r, "there is no memory left for a regular expression");
    pcre2_set_match_limit(context, MATCH_LIMIT);
    pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
    int n = pcre2_match(code, (PCRE2_SPTR)(subject.n ? subject.p : ""), subject.n, 0, 0, data, context);
    if (n == PCRE2_ERROR_MATCHLIMIT || n == PCRE2_ERROR_HEAPLIMIT || n == PCRE2_ERROR_DEPTHLIMIT)
        return bad_data(r, "the regular expression needs too many steps on this text");
    if (n < 0 && n != PCRE2_ERROR_NOMATCH) {
        char why[128] = "";
        (void)pcre2_get_error_message(n, (PCRE2_UCHAR *)why, sizeof why);
        return bad_data(r, "the regular expression fails: %s", why);
    }
    *ret = n >= 0;
    return OK;
}

static size_t char_length(struct str s, size_t at)
{
    uint32_t cp;
    return utf8_decode(str_mk(s.p + at, s.n - at), &cp);
}

/* The character at `at`, with its length; ASCII letters in upper case. */
static uint32_t char_at(struct str s, size_t at, size_t *ret_n)
{
    uint32_t cp;
    *ret_n = utf8_decode(str_mk(s.p + at, s.n - at), &cp);
    return cp < 128 ? (uint32_t)(unsigned char)ascii_upper((char)cp) : cp;
}

/* Does the pattern's character at *p match the text's at t? Moves both. "%" is not asked here. */
static bool match_one(struct str text, size_t *t, struct str pattern, size_t *p, uint32_t escape)
{
    size_t n, m;
    uint32_t raw;
    utf8_decode(str_mk(pattern.p + *p, pattern.n - *p), &raw);
    if (pattern.p[*p] == '_' && escape != '_') {
        *p += 1;
        *t += char_length(text, *t);
        return true;
    }
    size_t at = *p;
    if (raw == escape && escape && at + char_length(pattern, at) < pattern.n)
        at += char_length(pattern, at);
    if (char_at(pattern, at, &n) != char_at(text, *t, &m))
        return false;
    *p = at + n;
    *t += m;
    return true;
}

bool like_match(struct str text, struct str pattern, uint32_t escape)
{
    size_t t = 0, p = 0, back_t = SIZE_MAX, back_p = 0;
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '%' && escape != '%') {
            back_p = ++p;
            back_t = t;
        } else if (p >= pattern.n || !match_one(text, &t, pattern, &p, escape)) {
            if (back_t == SIZE_MAX)
                return false;
            back_t += char_length(text, back_t);
            t = back_t;
            p = back_p;
        }
    }
    while (p < pattern.n && pattern.p[p] == '%' && escape != '%')
        p++;
    return p >= pattern.n;
}
