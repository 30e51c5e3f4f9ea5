/* Functions of texts. They count characters, not bytes (but LENGTH); a stray byte counts as a character. LOCATE, INSTR
 * and FIND_IN_SET compare as `=` does, without the case of ASCII letters; REPLACE, TRIM and SUBSTRING_INDEX compare
 * bytes, as MySQL does. Results that would be longer than EXPR_MAX_RESULT_BYTES are NULL. */
#include "meta/expr_text.h"

/* Joins a[from…] with a separator, skipping NULLs. */
static enum err join(struct run *r, const struct val *a, size_t n, struct str separator, struct val *ret)
{
    struct str *part = ARENA_ARRAY(r->env->arena, struct str, n + 1);
    size_t n_parts = 0, bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (a[i].t == V_NULL)
            continue;
        part[n_parts] = val_str(r, &a[i]);
        bytes += part[n_parts].n + (n_parts ? separator.n : 0);
        n_parts++;
    }
    char *out;
    enum err err = result_room(r, bytes, &out);
    *ret = val_null();
    if (err || !out)
        return err;
    *ret = val_text(str_mk(out, bytes));
    for (size_t i = 0; i < n_parts; i++) {
        if (i && separator.n) {
            memcpy(out, separator.p, separator.n);
            out += separator.n;
        }
        if (part[i].n)
            memcpy(out, part[i].p, part[i].n);
        out += part[i].n;
    }
    return OK;
}

enum err fn_concat(struct run *r, struct val *a, size_t n, struct val *ret)
{
    return join(r, a, n, S(""), ret);
}

enum err fn_concat_ws(struct run *r, struct val *a, size_t n, struct val *ret)
{
    *ret = val_null();
    return a[0].t == V_NULL ? OK : join(r, a + 1, n - 1, val_str(r, &a[0]), ret);
}

static size_t count_arg(const struct val *v)
{
    int64_t n = val_integer(v);
    return n <= 0 ? 0 : (size_t)n;
}

enum err fn_left(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str s = val_str(r, &a[0]);
    *ret = val_text(str_sub(s, 0, utf8_prefix(s, count_arg(&a[1]))));
    return OK;
}

enum err fn_right(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str s = val_str(r, &a[0]);
    size_t want = count_arg(&a[1]), have = utf8_count(s);
    size_t skip = want < have ? utf8_prefix(s, have - want) : 0;
    *ret = val_text(str_mk(s.p + skip, s.n - skip));
    return OK;
}

enum err fn_substring(struct run *r, struct val *a, size_t n, struct val *ret)
{
    struct str s = val_str(r, &a[0]);
    int64_t from = val_integer(&a[1]), have = (int64_t)utf8_count(s);
    int64_t count = n == 3 ? val_integer(&a[2]) : INT64_MAX;
    *ret = val_text(S(""));
    if (from < 0 && from >= -have)
        from += have + 1;
    if (from < 1 || from > have || count <= 0)
        return OK;
    size_t skip = utf8_prefix(s, (size_t)from - 1);
    struct str rest = str_mk(s.p + skip, s.n - skip);
    *ret = val_text(str_sub(rest, 0, utf8_prefix(rest, (size_t)count)));
    return OK;
}

/* Where the n-th match begins, or SIZE_MAX. */
static size_t nth_match(struct str s, struct str mark, int64_t n)
{
    size_t at = str_find(s, mark, 0);
    while (--n > 0 && at != SIZE_MAX)
        at = str_find(s, mark, at + mark.n);
    return at;
}

enum err fn_substring_index(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str s = val_str(r, &a[0]), mark = val_str(r, &a[1]);
    int64_t count = val_integer(&a[2]);
    *ret = val_text(S(""));
    if (count == 0 || count == INT64_MIN || mark.n == 0 || s.n == 0)
        return OK;
    if (count < 0) { /* counted from the left all the same: matches do not overlap */
        int64_t have = 0;
        for (size_t at = 0; (at = str_find(s, mark, at)) != SIZE_MAX; at += mark.n)
            have++;
        bool enough = -count <= have;
        size_t at = enough ? nth_match(s, mark, have + count + 1) + mark.n : 0;
        *ret = val_text(str_mk(s.p + at, s.n - at));
    } else {
        size_t at = nth_match(s, mark, count);
        *ret = val_text(str_sub(s, 0, at == SIZE_MAX ? s.n : at));
    }
    return OK;
}

enum err fn_length(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    *ret = val_int((int64_t)val_str(r, &a[0]).n);
    return OK;
}

enum err fn_char_length(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    *ret = val_int((int64_t)utf8_count(val_str(r, &a[0])));
    return OK;
}

/* Alphabets whose cases have the same length in UTF-8. `step` 1: the lower case lies `distance` above; 0: cases
 * alternate, upper case at `distance` = 0 for even, 1 for odd code points. */
static const struct alphabet {
    uint16_t first, last;
    uint8_t step, distance;
} alphabets[] = {
    {0xC0, 0xD6, 1, 32},     {0xD8, 0xDE, 1, 32},   {0x100, 0x12F, 0, 0},   {0x132, 0x137, 0, 0},
    {0x139, 0x148, 0, 1},    {0x14A, 0x177, 0, 0},  {0x179, 0x17E, 0, 1},   {0x391, 0x3A1, 1, 32},
    {0x3A3, 0x3AB, 1, 32},   {0x400, 0x40F, 1, 80}, {0x410, 0x42F, 1, 32},  {0x460, 0x481, 0, 0},
    {0x48A, 0x4BF, 0, 0},    {0x531, 0x556, 1, 48}, {0x1E00, 0x1E95, 0, 0}, {0x1EA0, 0x1EFF, 0, 0},
    {0xFF21, 0xFF3A, 1, 32},
};

static uint32_t other_case(uint32_t cp, bool upper)
{
    for (size_t i = 0; i < sizeof alphabets / sizeof *alphabets; i++) {
        const struct alphabet *a = &alphabets[i];
        uint32_t shift = a->step ? a->distance : 0;
        if (a->step && !upper && cp >= a->first && cp <= a->last)
            return cp + shift;
        if (a->step && upper && cp >= a->first + shift && cp <= a->last + shift)
            return cp - shift;
        if (!a->step && cp >= a->first && cp <= a->last) {
            bool is_upper = (cp + a->distance) % 2 == 0;
            return is_upper == upper ? cp : upper ? cp - 1 : cp + 1;
        }
    }
    return cp;
}

static enum err change_case(struct run *r, const struct val *v, bool upper, struct val *ret)
{
    struct str s = val_str(r, v);
    enum err err = result_copy(r, s, ret);
    if (err || ret->t == V_NULL)
        return err;
    char *out = (char *)(uintptr_t)ret->s.p; /* just made */
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        size_t n = utf8_decode(str_mk(s.p + i, s.n - i), &cp);
        if (n == 1 && cp < 128) {
            char c = s.p[i];
            out[i] = upper ? ascii_upper(c) : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        } else if (n > 1) {
            char other[4];
            if (utf8_encode(other_case(cp, upper), other) == n)
                memcpy(out + i, other, n);
        }
        i += n;
    }
    return OK;
}

enum err fn_lower(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return change_case(r, &a[0], false, ret);
}

enum err fn_upper(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return change_case(r, &a[0], true, ret);
}

static struct str trim(struct str s, struct str what, unsigned sides)
{
    while (what.n && (sides & TRIM_LEADING) && str_starts(s, what))
        s = str_mk(s.p + what.n, s.n - what.n);
    while (what.n && (sides & TRIM_TRAILING) && str_ends(s, what))
        s.n -= what.n;
    return s;
}

enum err op_trim(struct run *r, const struct enode *e, struct val *ret)
{
    struct val text, what;
    enum err err = eval(r, e->arg[0], &text);
    if (!err)
        err = eval(r, e->arg[1], &what);
    *ret = val_null();
    if (!err && text.t != V_NULL && what.t != V_NULL)
        *ret = val_text(trim(val_str(r, &text), val_str(r, &what), e->detail));
    return err;
}

enum err fn_ltrim(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    *ret = val_text(trim(val_str(r, &a[0]), S(" "), TRIM_LEADING));
    return OK;
}

enum err fn_rtrim(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    *ret = val_text(trim(val_str(r, &a[0]), S(" "), TRIM_TRAILING));
    return OK;
}

/* `what` again and again until n characters are written, of which the last may be a part of it. */
static void fill(char *out, size_t bytes, struct str what)
{
    for (size_t i = 0; i < bytes; i += what.n)
        memcpy(out + i, what.p, bytes - i < what.n ? bytes - i : what.n);
}

static enum err pad(struct run *r, struct val *a, size_t n, bool left, struct val *ret)
{
    struct str s = val_str(r, &a[0]), what = n == 3 ? val_str(r, &a[2]) : S(" ");
    int64_t want = val_integer(&a[1]);
    int64_t have = (int64_t)utf8_count(s);
    *ret = val_null();
    if (want < 0 || want > (int64_t)EXPR_MAX_RESULT_BYTES)
        return OK;
    if (want <= have) {
        *ret = val_text(str_sub(s, 0, utf8_prefix(s, (size_t)want)));
        return OK;
    }
    if (what.n == 0)
        return OK;
    size_t missing = (size_t)(want - have), chars = utf8_count(what);
    size_t bytes = missing / chars * what.n + utf8_prefix(what, missing % chars);
    char *out;
    enum err err = result_room(r, s.n + bytes, &out);
    if (err || !out)
        return err;
    fill(left ? out : out + s.n, bytes, what);
    if (s.n)
        memcpy(left ? out + bytes : out, s.p, s.n);
    *ret = val_text(str_mk(out, s.n + bytes));
    return OK;
}

enum err fn_lpad(struct run *r, struct val *a, size_t n, struct val *ret)
{
    return pad(r, a, n, true, ret);
}

enum err fn_rpad(struct run *r, struct val *a, size_t n, struct val *ret)
{
    return pad(r, a, n, false, ret);
}

enum err fn_replace(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str s = val_str(r, &a[0]), from = val_str(r, &a[1]), to = val_str(r, &a[2]);
    size_t count = 0;
    *ret = val_text(s);
    if (from.n == 0)
        return OK;
    for (size_t at = 0; (at = str_find(s, from, at)) != SIZE_MAX; at += from.n)
        count++;
    if (count == 0)
        return OK;
    *ret = val_null();
    if (to.n && count > EXPR_MAX_RESULT_BYTES / to.n)
        return OK;
    size_t bytes = s.n - count * from.n + count * to.n, last = 0;
    char *out;
    enum err err = result_room(r, bytes, &out);
    if (err || !out)
        return err;
    *ret = val_text(str_mk(out, bytes));
    for (size_t at = 0; (at = str_find(s, from, at)) != SIZE_MAX; at += from.n) {
        memcpy(out, s.p + last, at - last);
        out += at - last;
        if (to.n)
            memcpy(out, to.p, to.n);
        out += to.n;
        last = at + from.n;
    }
    memcpy(out, s.p + last, s.n - last);
    return OK;
}

enum err fn_reverse(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str s = val_str(r, &a[0]);
    char *out;
    enum err err = result_room(r, s.n, &out);
    *ret = val_null();
    if (err || !out)
        return err;
    *ret = val_text(str_mk(out, s.n));
    for (size_t i = 0; i < s.n;) {
        uint32_t cp;
        size_t len = utf8_decode(str_mk(s.p + i, s.n - i), &cp);
        memcpy(out + s.n - i - len, s.p + i, len);
        i += len;
    }
    return OK;
}

static enum err repeat(struct run *r, struct str s, int64_t count, struct val *ret)
{
    *ret = val_text(S(""));
    if (count <= 0 || s.n == 0)
        return OK;
    *ret = val_null();
    if ((uint64_t)count > EXPR_MAX_RESULT_BYTES / s.n)
        return OK;
    size_t bytes = s.n * (size_t)count;
    char *out;
    enum err err = result_room(r, bytes, &out);
    if (err || !out)
        return err;
    fill(out, bytes, s);
    *ret = val_text(str_mk(out, bytes));
    return OK;
}

enum err fn_repeat(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return repeat(r, val_str(r, &a[0]), val_integer(&a[1]), ret);
}

enum err fn_space(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    return repeat(r, S(" "), val_integer(&a[0]), ret);
}

static bool same_bytes_nocase(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ascii_upper(a[i]) != ascii_upper(b[i]))
            return false;
    return true;
}

/* The number of the character where `what` is found at or behind the character `from` (from 1), or 0. */
static int64_t locate(struct str s, struct str what, int64_t from)
{
    if (from < 1 || (from > 1 && (uint64_t)from > utf8_count(s)))
        return 0;
    size_t at = utf8_prefix(s, (size_t)from - 1);
    char first[2] = {what.n ? ascii_upper(what.p[0]) : '\0', '\0'};
    for (; at + what.n <= s.n; at++)
        if (what.n == 0 || (ascii_upper(s.p[at]) == first[0] && same_bytes_nocase(s.p + at, what.p, what.n)))
            return (int64_t)utf8_count(str_sub(s, 0, at)) + 1;
    return 0;
}

enum err fn_locate(struct run *r, struct val *a, size_t n, struct val *ret)
{
    *ret = val_int(locate(val_str(r, &a[1]), val_str(r, &a[0]), n == 3 ? val_integer(&a[2]) : 1));
    return OK;
}

enum err fn_instr(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    *ret = val_int(locate(val_str(r, &a[0]), val_str(r, &a[1]), 1));
    return OK;
}

enum err fn_find_in_set(struct run *r, struct val *a, size_t n, struct val *ret)
{
    (void)n;
    struct str what = val_str(r, &a[0]), set = val_str(r, &a[1]), part;
    *ret = val_int(0);
    if (set.n == 0)
        return OK;
    for (int64_t i = 1; str_cut(&set, ',', &part); i++) {
        if (part.n != what.n || !same_bytes_nocase(part.p, what.p, what.n))
            continue;
        *ret = val_int(i);
        break;
    }
    return OK;
}
