/* System variables: a table of preset names, each with the function that works it out from `struct sysvars`.
 *
 * Everything is a pure function of the frozen times and of the seed, so that shaping a page again gives the same row.
 * `random` and `uuid` are one value per call or row; only RAND() of an expression draws several times. */
#include "meta/sysvar.h"

#include "base/num.h"

#include <stdio.h>

#define YEAR_9999_S 253402300799LL

struct preset {
    struct sysvar_info info;
    int64_t unit_s; /* of NAME_n: the name is a prefix and n follows */
    enum err (*work_out)(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei);
};

/* The seed's mixer: splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static struct value number(struct arena *a, int64_t v)
{
    char *p = arena_alloc(a, 21);
    return value_number(str_mk(p, num_print_i64(v, p)));
}

static enum err last_sync(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = number(env->arena, env->sys->last_sync_s);
    return OK;
}

static enum err current(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = number(env->arena, env->sys->current_s);
    return OK;
}

static int64_t now_s(const struct env *env)
{
    int64_t ms = env->sys->now_ms;
    return ms / 1000 - (ms % 1000 < 0);
}

static enum err ago(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    if (n > YEAR_9999_S / p->unit_s)
        return fail(ei, ERR_DATA, "%s with n = %lld lies before the beginning of time", p->info.name, (long long)n);
    *ret = number(env->arena, now_s(env) - n * p->unit_s);
    return OK;
}

/* n = days before today; -1: the first of this month. */
static int64_t midnight(const struct env *env, int days_ago, bool month_start)
{
    struct civil c;
    civil_from_unix(env->sys->zone, now_s(env), &c);
    c.hour = c.minute = c.second = 0;
    c.day = month_start ? 1 : c.day - days_ago;
    return civil_to_unix(env->sys->zone, &c);
}

static enum err today(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = number(env->arena, midnight(env, 0, false));
    return OK;
}

static enum err yesterday(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = number(env->arena, midnight(env, 1, false));
    return OK;
}

static enum err month_start(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = number(env->arena, midnight(env, 0, true));
    return OK;
}

static struct value number_or_null(struct arena *a, int64_t v)
{
    return v < 0 ? value_null() : number(a, v);
}

static enum err page_size(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = number_or_null(env->arena, env->sys->page_size);
    return OK;
}

static enum err start_row(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = number_or_null(env->arena, env->sys->start_row);
    return OK;
}

static enum err page(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = number_or_null(env->arena, env->sys->page);
    return OK;
}

static enum err max_data_id(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = env->sys->max_data_id.p ? value_text(env->sys->max_data_id) : value_null();
    return OK;
}

static enum err random_number(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    *ret = number(env->arena, (int64_t)(mix(env->sys->seed) >> 11)); /* 53 bits: exact in JavaScript too */
    return OK;
}

static enum err uuid(const struct preset *p, int64_t n, struct env *env, struct value *ret, struct errinfo *ei)
{
    (void)p, (void)n, (void)ei;
    uint64_t hi = mix(env->sys->seed ^ 0xA5A5A5A5A5A5A5A5u), lo = mix(hi);
    hi = (hi & ~(uint64_t)0xF000) | 0x4000;                  /* version 4 */
    lo = (lo & (~(uint64_t)0 >> 2)) | ((uint64_t)0x2 << 62); /* variant of RFC 9562 */
    *ret = value_text(arena_printf(env->arena, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(hi >> 32),
                                   (unsigned)(hi >> 16 & 0xFFFF), (unsigned)(hi & 0xFFFF), (unsigned)(lo >> 48),
                                   (unsigned long long)(lo & 0xFFFFFFFFFFFF)));
    return OK;
}

static const struct preset presets[] = {
    {{"LAST_SYNC_TIME", "start of this slice of the increment, in unix seconds"}, 0, last_sync},
    {{"CURRENT_TIME", "end of this slice, in unix seconds"}, 0, current},
    {{"MINUTE_AGO_n", "now less n minutes, in unix seconds"}, 60, ago},
    {{"HOUR_AGO_n", "now less n hours, in unix seconds"}, 3600, ago},
    {{"DAYS_AGO_n", "now less n times 24 hours, in unix seconds; not cut to midnight"}, 86400, ago},
    {{"TODAY", "midnight of today in the project's zone, in unix seconds"}, 0, today},
    {{"YESTERDAY", "midnight of yesterday in the project's zone, in unix seconds"}, 0, yesterday},
    {{"MONTH_START", "midnight of the month's first day in the project's zone, in unix seconds"}, 0, month_start},
    {{"PAGINATION_PAGE_SIZE", "rows asked for in a page"}, 0, page_size},
    {{"PAGINATION_START_ROW", "rows before this page, from 0"}, 0, start_row},
    {{"PAGINATION_PAGE", "number of this page"}, 0, page},
    {{"MAX_DATA_ID", "highest id seen so far"}, 0, max_data_id},
    {{"random", "an integer of at most 16 digits, one for each call or row"}, 0, random_number},
    {{"uuid", "a random UUID, one for each call or row"}, 0, uuid},
};
#define N_PRESETS (sizeof presets / sizeof *presets)

static const struct preset *find(struct str name, int64_t *ret_n)
{
    for (size_t i = 0; i < N_PRESETS; i++) {
        struct str known = str_of(presets[i].info.name);
        *ret_n = 0;
        if (!presets[i].unit_s) {
            if (str_eq(name, known))
                return &presets[i];
            continue;
        }
        struct str prefix = {known.p, known.n - 1};
        struct str digits = str_sub(name, prefix.n, name.n);
        if (str_starts(name, prefix) && digits.n && digits.p[0] != '-' && num_i64(digits, ret_n))
            return &presets[i];
    }
    return NULL;
}

static bool is_lower(const struct preset *p)
{
    return p->info.name[0] >= 'a' && p->info.name[0] <= 'z';
}

bool sysvar_known(struct str name, enum side side)
{
    int64_t n;
    const struct preset *p = find(name, &n);
    return p && (side == SIDE_SOURCE || !is_lower(p));
}

bool sysvar_fallback(struct str name, enum side side)
{
    int64_t n;
    const struct preset *p = find(name, &n);
    return p && side == SIDE_TARGET && is_lower(p);
}

enum err sysvar_value(struct str name, struct env *env, struct value *ret, struct errinfo *ei)
{
    int64_t n;
    const struct preset *p = find(name, &n);
    if (!p)
        return fail(ei, ERR_DATA, "\"" STR_FMT "\" is not a system variable", STR_ARG(name));
    return p->work_out(p, n, env, ret, ei);
}

const struct sysvar_info *sysvar_at(size_t i)
{
    return i < N_PRESETS ? &presets[i].info : NULL;
}
