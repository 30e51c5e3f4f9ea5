/* Casts: the last step of a field's value.
 *
 * Numbers stay the digits that were sent; a cast checks that the text is a number of the kind and only writes it anew
 * where the spelling has to change
 * ("25.00" as int is 25). Times without an offset keep their civil text and are never turned into an instant and back,
 * so that the hours which daylight saving skips or repeats come through. A failure is an error of the record and never
 * a zero.
 *
 * Not done here: what the column of a table can hold (length, scale, range). The sink knows the real table. */
#include "meta/cast.h"

#include "base/decimal.h"
#include "base/num.h"

#define FIRST_S (-62167219200LL) /* 0000-01-01 00:00:00 UTC */
#define LAST_S  253402300799LL   /* 9999-12-31 23:59:59 UTC */
#define MS_FROM 100000000000LL   /* numbers from here on are milliseconds: seconds would lie beyond the year 5138 */

struct type_name {
    const char *name;
    enum cast_type type;
};

static const struct type_name type_names[] = {
    {"string", CAST_STRING}, {"int", CAST_INT},           {"float", CAST_FLOAT},   {"decimal", CAST_DECIMAL},
    {"bool", CAST_BOOL},     {"datetime", CAST_DATETIME}, {"date", CAST_DATE},     {"timestamp", CAST_TIMESTAMP},
    {"json", CAST_JSON},     {"array", CAST_ARRAY},       {"object", CAST_OBJECT}, {"integer", CAST_INT},
    {"long", CAST_INT},      {"number", CAST_DECIMAL},    {"double", CAST_FLOAT},  {"boolean", CAST_BOOL},
    {"text", CAST_STRING},
};

bool cast_type_find(struct str name, enum cast_type *ret)
{
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++)
        if (str_eq_nocase(name, str_of(type_names[i].name))) {
            *ret = type_names[i].type;
            return true;
        }
    return false;
}

const char *cast_type_name(enum cast_type type)
{
    return type_names[type].name;
}

const char *cast_shown(const struct value *v, struct arena *a)
{
    struct str s = value_as_text(v, a);
    size_t n;

    if (!s.p)
        return "NULL";
    n = utf8_prefix(s, 60);
    if (v->kind != VALUE_TEXT)
        return arena_printf(a, "%.*s%s", (int)n, s.p, n < s.n ? "…" : "").p;
    return arena_printf(a, "\"%.*s\"%s", (int)n, s.p, n < s.n ? "…" : "").p;
}

enum err cast_take(struct buf *b, struct arena *a, struct str *ret, struct errinfo *ei)
{
    char *p = b->failed ? NULL : arena_try(a, b->n + 1);
    size_t n = b->n;

    if (p) {
        if (n)
            memcpy(p, b->p, n);
        p[n] = '\0';
        *ret = str_mk(p, n);
    }
    buf_free(b);
    return p ? OK : fail(ei, ERR_DATA, "a value is longer than memory allows");
}

/* ---- numbers ---- */

static size_t digits_at(struct str s, size_t from)
{
    size_t i = from;

    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    return i - from;
}

/* As RFC 8259 writes numbers. */
static bool is_json_number(struct str s)
{
    size_t i = s.n && s.p[0] == '-', n = digits_at(s, i);

    if (!n || (n > 1 && s.p[i] == '0'))
        return false;
    i += n;
    if (i < s.n && s.p[i] == '.') {
        n = digits_at(s, i + 1);
        if (!n)
            return false;
        i += 1 + n;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        n = digits_at(s, i);
        if (!n)
            return false;
        i += n;
    }
    return i == s.n;
}

static bool is_short_integer(struct str s)
{
    size_t from, n;

    if (!s.p || !s.n)
        return false;
    from = s.p[0] == '-';
    n = digits_at(s, from);
    return n && from + n == s.n && n <= 18 && (s.p[from] != '0' || (n == 1 && !from));
}

/* The number's text of a number, text or boolean; p NULL for anything else. */
static struct str number_text(const struct value *in)
{
    switch (in->kind) {
    case VALUE_BOOL:
        return in->truth ? S("1") : S("0");
    case VALUE_NUMBER:
        return value_str(in);
    case VALUE_TEXT:
        return str_trim(value_str(in));
    default:
        return (struct str){0};
    }
}

static struct value printed(const struct decimal *d, struct arena *a)
{
    char *p = arena_alloc(a, DECIMAL_TEXT);

    return value_number(str_mk(p, decimal_print(d, p)));
}

static bool to_int(const struct value *in, struct arena *a, struct value *ret)
{
    struct str s = number_text(in);
    struct decimal d, whole;

    if (is_short_integer(s)) {
        *ret = value_number(s);
        return true;
    }
    if (!s.p || !decimal_parse(s, &d) || !decimal_trunc(&d, 0, &whole) || decimal_cmp(&d, &whole) != 0)
        return false;
    *ret = printed(&whole, a);
    return true;
}

static bool to_decimal(const struct value *in, struct arena *a, struct value *ret)
{
    struct str s = number_text(in);
    struct decimal d;

    if (!is_short_integer(s)) {
        if (!s.p || !decimal_parse(s, &d))
            return false;
        if (!is_json_number(s)) {
            *ret = printed(&d, a);
            return true;
        }
    }
    *ret = value_number(s);
    return true;
}

static bool to_float(const struct value *in, struct arena *a, struct value *ret)
{
    struct str s = number_text(in);
    double d;

    if (s.p && num_double(s, &d)) {
        *ret = value_number(s);
        return true;
    }
    return to_decimal(in, a, ret);
}

static bool to_bool(const struct value *in, struct value *ret)
{
    static const struct decimal zero = {0};
    struct str s = number_text(in);
    struct decimal d, one;
    bool truth;

    if (!s.p)
        return false;
    if (str_eq_nocase(s, S("true")) || str_eq(s, S("1"))) {
        truth = true;
    } else if (str_eq_nocase(s, S("false")) || str_eq(s, S("0"))) {
        truth = false;
    } else {
        decimal_from_i64(1, &one);
        if (!decimal_parse(s, &d) || (decimal_cmp(&d, &zero) != 0 && decimal_cmp(&d, &one) != 0))
            return false;
        truth = decimal_cmp(&d, &one) == 0;
    }
    *ret = value_number(truth ? S("1") : S("0"));
    return true;
}

/* ---- times ---- */

static bool number_ms(struct str s, int64_t *ret)
{
    struct decimal d, thousand, ms, whole;
    int64_t seconds;

    if (!decimal_parse(s, &d) || !decimal_floor(&d, &whole) || !decimal_to_i64(&whole, &seconds))
        return false;
    if (seconds >= MS_FROM || seconds <= -MS_FROM) {
        *ret = seconds;
        return true;
    }
    decimal_from_i64(1000, &thousand);
    return decimal_mul(&d, &thousand, &ms) && decimal_floor(&ms, &whole) && decimal_to_i64(&whole, ret);
}

static int64_t floor_s(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

bool cast_time_ms(const struct value *v, const struct zone *z, int64_t *ret_ms)
{
    struct str s = number_text(v);
    int64_t ms;

    if (v->kind == VALUE_BOOL || !s.p)
        return false;
    if (v->kind == VALUE_TEXT && !((s.n == 10 || s.n == 13) && digits_at(s, 0) == s.n)) {
        if (!time_parse(s, z, &ms))
            return false;
    } else if (!number_ms(s, &ms)) {
        return false;
    }
    if (floor_s(ms) < FIRST_S || floor_s(ms) > LAST_S)
        return false;
    *ret_ms = ms;
    return true;
}

/* The fraction of a time text, at most six digits, without its dot; empty when it is zero. */
static struct str fraction_of(struct str s)
{
    const char *dot = memchr(s.p, '.', s.n);
    size_t from = dot ? (size_t)(dot - s.p) + 1 : s.n, n = digits_at(s, from);
    struct str f = str_sub(s, from, n > 6 ? 6 : n);

    for (size_t i = 0; i < f.n; i++)
        if (f.p[i] != '0')
            return f;
    return (struct str){0};
}

static bool has_offset(struct str s)
{
    return s.n > 10 && (s.p[s.n - 1] == 'Z' || memchr(s.p + 10, '+', s.n - 10) || memchr(s.p + 10, '-', s.n - 10));
}

static struct value with_fraction(struct str seconds, struct str fraction, struct arena *a)
{
    if (!fraction.n)
        return value_text(arena_str(a, seconds));
    return value_text(arena_printf(a, "%.*s.%.*s", (int)seconds.n, seconds.p, (int)fraction.n, fraction.p));
}

/* A text that names no offset: the same civil time in the canonical spelling. */
static struct value civil_text(struct str s, bool date_only, struct arena *a)
{
    char out[20] = "0000-00-00 00:00:00";

    if (s.n == (date_only ? 10 : 19) && s.p[4] == '-' && (date_only || s.p[10] == ' '))
        return value_text(s);
    memcpy(out, s.p, s.n < 19 ? s.n : 19);
    out[4] = out[7] = '-';
    out[10] = ' ';
    if (date_only)
        return value_text(arena_str(a, str_mk(out, 10)));
    return with_fraction(str_mk(out, 19), fraction_of(s), a);
}

static bool to_datetime(const struct value *in, const struct zone *z, bool date_only, struct arena *a,
                        struct value *ret)
{
    struct str s = number_text(in), fraction = {0};
    char out[TIME_TEXT], digits[4];
    int64_t ms;
    size_t n;

    if (!cast_time_ms(in, z, &ms))
        return false;
    if (in->kind == VALUE_TEXT && digits_at(s, 0) != s.n) {
        if (!has_offset(s)) {
            *ret = civil_text(s, date_only, a);
            return true;
        }
        fraction = fraction_of(s);
    } else if (ms % 1000) {
        int rest = (int)(ms - floor_s(ms) * 1000);

        digits[0] = (char)('0' + rest / 100);
        digits[1] = (char)('0' + rest / 10 % 10);
        digits[2] = (char)('0' + rest % 10);
        fraction = str_mk(digits, 3);
    }
    n = time_datetime(z, floor_s(ms), out);
    *ret =
        date_only ? value_text(arena_str(a, str_mk(out, n < 10 ? n : 10))) : with_fraction(str_mk(out, n), fraction, a);
    return true;
}

static bool to_timestamp(const struct value *in, const struct zone *z, struct arena *a, struct value *ret)
{
    int64_t ms;
    char *p;

    if (!cast_time_ms(in, z, &ms))
        return false;
    p = arena_alloc(a, 21);
    *ret = value_number(str_mk(p, num_print_i64(floor_s(ms), p)));
    return true;
}

/* ---- JSON ---- */

static struct value encoded(struct str s, struct arena *a)
{
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES * 6 + 2);
    struct json_out w = json_out(&b);
    struct str text = {0};

    json_out_str(&w, s);
    return cast_take(&b, a, &text, NULL) == OK ? value_json_text(text) : value_null();
}

/* `want` is the kind that the text must be, or JSON_NONE for any; then text that is no JSON becomes a JSON string. */
static bool text_to_json(struct str s, enum json_type want, struct arena *a, struct value *ret)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *doc;
    struct buf b = buf_make(CAST_TEXT_MAX_BYTES);
    struct str text = {0};
    bool fits;

    if (json_parse(s, &limits, &doc, NULL, NULL) != OK) {
        if (want != JSON_NONE)
            return false;
        *ret = encoded(s, a);
        return ret->kind == VALUE_TEXT;
    }
    fits = want == JSON_NONE || json_type(json_root(doc)) == want;
    if (fits)
        json_write(json_root(doc), &b);
    json_free(doc);
    if (cast_take(&b, a, &text, NULL) != OK)
        return false;
    *ret = value_json_text(text);
    return fits;
}

static bool to_json(const struct value *in, enum json_type want, struct arena *a, struct value *ret)
{
    switch (in->kind) {
    case VALUE_JSON:
        *ret = value_json_text(value_as_text(in, a));
        return (want == JSON_NONE || json_type(in->json) == want) && ret->n > 0;
    case VALUE_TEXT:
        if (want == JSON_NONE && in->truth) {
            *ret = *in;
            return true;
        }
        return text_to_json(value_str(in), want, a, ret);
    default:
        *ret = value_json_text(value_as_text(in, a));
        return want == JSON_NONE;
    }
}

static bool cast_any(enum cast_type type, const struct value *in, const struct zone *z, struct arena *a,
                     struct value *ret)
{
    switch (type) {
    case CAST_STRING:
        *ret = in->kind == VALUE_TEXT ? *in : value_text(value_as_text(in, a));
        return true;
    case CAST_INT:
        return to_int(in, a, ret);
    case CAST_FLOAT:
        return to_float(in, a, ret);
    case CAST_DECIMAL:
        return to_decimal(in, a, ret);
    case CAST_BOOL:
        return to_bool(in, ret);
    case CAST_DATETIME:
        return to_datetime(in, z, false, a, ret);
    case CAST_DATE:
        return to_datetime(in, z, true, a, ret);
    case CAST_TIMESTAMP:
        return to_timestamp(in, z, a, ret);
    case CAST_JSON:
        return to_json(in, JSON_NONE, a, ret);
    case CAST_ARRAY:
        return to_json(in, JSON_ARRAY, a, ret);
    case CAST_OBJECT:
        return to_json(in, JSON_OBJECT, a, ret);
    }
    return false;
}

static const char *const expected[] = {
    [CAST_STRING] = "text",
    [CAST_INT] = "a whole number",
    [CAST_FLOAT] = "a number",
    [CAST_DECIMAL] = "a decimal number",
    [CAST_BOOL] = "true, false, 1 or 0",
    [CAST_DATETIME] = "a date and time such as 2026-03-01 08:30:00",
    [CAST_DATE] = "a date such as 2026-03-01",
    [CAST_TIMESTAMP] = "a time",
    [CAST_JSON] = "JSON",
    [CAST_ARRAY] = "an array",
    [CAST_OBJECT] = "an object",
};

enum err cast_value(enum cast_type type, const struct value *in, const struct zone *z, struct arena *a,
                    struct value *ret, struct errinfo *ei)
{
    if (value_is_null(in) || (in->kind == VALUE_TEXT && !in->n && type != CAST_STRING)) {
        *ret = value_null();
        return OK;
    }
    if (cast_any(type, in, z, a, ret))
        return OK;
    return fail(ei, ERR_DATA, "%s is not %s", cast_shown(in, a), expected[type]);
}
