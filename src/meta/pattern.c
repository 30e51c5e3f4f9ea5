/* Patterns live in the arena, with all that PCRE2 needs for them: nothing is to be freed. Matching needs a block of its
 * own for the moment, so that threads may share a pattern. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "meta/pattern.h"

#include <pcre2.h>

#define MATCH_LIMIT       200000
#define DEPTH_LIMIT       2000
#define HEAP_LIMIT_KIB    8192
#define PATTERN_MAX_BYTES 4096

struct pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
};

static void *take_memory(size_t n, void *arena)
{
    return arena_try(arena, n);
}

static void give_memory(void *p, void *arena)
{
    (void)p;
    (void)arena;
}

static pcre2_code *compile(pcre2_general_context *memory, struct str text, struct errinfo *ei)
{
    PCRE2_SIZE at = 0;
    int code = 0;
    PCRE2_UCHAR why[160] = "too long";
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    pcre2_code *re = NULL;

    if (context && text.n <= PATTERN_MAX_BYTES) {
        re = pcre2_compile((PCRE2_SPTR)(text.p ? text.p : ""), text.n,
                           PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, context);
        if (re)
            return re;
        pcre2_get_error_message(code, why, sizeof why);
    }
    fail(ei, ERR_CONFIG, "the regular expression is wrong at character %zu: %s", utf8_count(str_sub(text, 0, at)) + 1,
         (const char *)why);
    return NULL;
}

enum err pattern_compile(struct arena *a, struct str text, const struct pattern **ret, struct errinfo *ei)
{
    pcre2_general_context *memory = pcre2_general_context_create(take_memory, give_memory, a);
    struct pattern *p = ARENA_NEW(a, struct pattern);

    p->code = memory ? compile(memory, text, ei) : NULL;
    p->limits = p->code ? pcre2_match_context_create(memory) : NULL;
    if (memory && !p->code)
        return ei ? ei->code : ERR_CONFIG;
    if (!p->limits)
        return fail(ei, ERR_CONFIG, "the regular expression takes too much memory");
    pcre2_set_match_limit(p->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(p->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(p->limits, HEAP_LIMIT_KIB);
    *ret = p;
    return OK;
}

bool pattern_matches(const struct pattern *p, struct str text)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int n = data ? pcre2_match(p->code, (PCRE2_SPTR)(text.p ? text.p : ""), text.n, 0, 0, data, p->limits) : -1;

    pcre2_match_data_free(data);
    return n >= 0;
}
