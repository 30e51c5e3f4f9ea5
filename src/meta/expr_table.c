/* The table of functions: one row a function, which drives the parser, the nearest name for a wrong one, and the
 * reference pages. Operators and calls with a syntax of their own stand in a second table, which people do not see. */
#include "meta/expr_arith.h"
#include "meta/expr_date.h"
#include "meta/expr_json.h"
#include "meta/expr_logic.h"
#include "meta/expr_math.h"
#include "meta/expr_text.h"

#define ANY        SIZE_MAX
#define STRICT(fn) FN_STRICT, fn, NULL
#define VALUES(fn) FN_VALUES, fn, NULL
#define LAZY(fn)   FN_LAZY, NULL, fn

/* X(name, least and most arguments, how it is called, type of the result, function for the type, help) */
#define FUNCTIONS(X)                                                                                                   \
    X("ABS", 1, 1, STRICT(fn_abs), V_NULL, type_number, "the number without its sign")                                 \
    X("AVG", 1, 1, LAZY(fn_avg), V_NULL, type_aggregate, "mean over the elements of an array: AVG({{items.price}})")   \
    X("ADDDATE", 2, 2, LAZY(op_plus_interval), V_NULL, type_shift, "DATE_ADD")                                         \
    X("CAST", 1, 1, LAZY(op_cast), V_NULL, type_cast,                                                                  \
      "CAST(x AS CHAR, BINARY, SIGNED, UNSIGNED, DECIMAL(m,d), DOUBLE, DATE, TIME, DATETIME, JSON)")                   \
    X("CEIL", 1, 1, STRICT(fn_ceil), V_NULL, type_whole, "the least whole number that is not smaller")                 \
    X("CEILING", 1, 1, STRICT(fn_ceil), V_NULL, type_whole, "CEIL")                                                    \
    X("CHARACTER_LENGTH", 1, 1, STRICT(fn_char_length), V_INT, NULL, "CHAR_LENGTH")                                    \
    X("CHAR_LENGTH", 1, 1, STRICT(fn_char_length), V_INT, NULL, "number of characters")                                \
    X("COALESCE", 1, ANY, LAZY(fn_coalesce), V_NULL, type_all, "the first argument that is not NULL")                  \
    X("CONCAT", 1, ANY, STRICT(fn_concat), V_TEXT, NULL, "the texts joined; NULL when one is NULL")                    \
    X("CONCAT_WS", 2, ANY, VALUES(fn_concat_ws), V_TEXT, NULL,                                                         \
      "the texts joined by the first argument, NULLs left out")                                                        \
    X("CONVERT", 1, 2, LAZY(op_cast), V_NULL, type_cast,                                                               \
      "CONVERT(x, type) is CAST(x AS type); CONVERT(x USING utf8mb4) is x as text")                                    \
    X("COUNT", 1, 1, LAZY(fn_count), V_INT, NULL, "number of elements of an array where the argument is not NULL")     \
    X("CURDATE", 0, 0, VALUES(fn_curdate), V_DATE, NULL, "today")                                                      \
    X("CURRENT_DATE", 0, 0, VALUES(fn_curdate), V_DATE, NULL, "CURDATE")                                               \
    X("CURRENT_TIME", 0, 0, VALUES(fn_curtime), V_TIME, NULL, "CURTIME")                                               \
    X("CURRENT_TIMESTAMP", 0, 1, VALUES(fn_now), V_NULL, type_now, "NOW")                                              \
    X("CURTIME", 0, 0, VALUES(fn_curtime), V_TIME, NULL, "the time of day")                                            \
    X("DATE", 1, 1, STRICT(fn_date), V_DATE, NULL, "the date of a date and time")                                      \
    X("DATEDIFF", 2, 2, STRICT(fn_datediff), V_INT, NULL, "days from the second date to the first")                    \
    X("DATE_ADD", 2, 2, LAZY(op_plus_interval), V_NULL, type_shift,                                                    \
      "DATE_ADD(x, INTERVAL n unit), unit MICROSECOND to YEAR")                                                        \
    X("DATE_FORMAT", 2, 2, STRICT(fn_date_format), V_TEXT, NULL, "a date written by a pattern of %Y %m %d %H %i %s …") \
    X("DATE_SUB", 2, 2, LAZY(op_minus_interval), V_NULL, type_shift, "DATE_SUB(x, INTERVAL n unit)")                   \
    X("DAY", 1, 1, STRICT(fn_day), V_INT, NULL, "day of the month")                                                    \
    X("DAYOFMONTH", 1, 1, STRICT(fn_day), V_INT, NULL, "DAY")                                                          \
    X("DAYOFWEEK", 1, 1, STRICT(fn_dayofweek), V_INT, NULL, "1 = Sunday … 7 = Saturday")                               \
    X("DAYOFYEAR", 1, 1, STRICT(fn_dayofyear), V_INT, NULL, "day of the year, from 1")                                 \
    X("ELT", 2, ANY, VALUES(fn_elt), V_TEXT, NULL, "the n-th of the texts that follow n")                              \
    X("FIELD", 2, ANY, LAZY(fn_field), V_INT, NULL,                                                                    \
      "where the first argument stands among the others, from 1; 0 when it does not")                                  \
    X("FIND_IN_SET", 2, 2, STRICT(fn_find_in_set), V_INT, NULL,                                                        \
      "where a text stands in a list parted by commas, from 1; 0 when it does not")                                    \
    X("FLOOR", 1, 1, STRICT(fn_floor), V_NULL, type_whole, "the greatest whole number that is not larger")             \
    X("FORMAT", 2, 2, STRICT(fn_format), V_TEXT, NULL, "a number with commas between thousands and n places")          \
    X("FROM_BASE64", 1, 1, STRICT(fn_from_base64), V_TEXT, NULL, "the bytes behind base64 text; NULL when it is none") \
    X("FROM_UNIXTIME", 1, 2, STRICT(fn_from_unixtime), V_NULL, type_from_unixtime,                                     \
      "the date and time of unix seconds, with a pattern as DATE_FORMAT")                                              \
    X("GREATEST", 2, ANY, LAZY(fn_greatest), V_NULL, type_extreme, "the greatest argument; NULL when one is NULL")     \
    X("HEX", 1, 1, STRICT(fn_hex), V_TEXT, NULL, "hexadecimal of a number, or of the bytes of a text")                 \
    X("HOUR", 1, 1, STRICT(fn_hour), V_INT, NULL, "hour of a time")                                                    \
    X("IF", 3, 3, LAZY(fn_if), V_NULL, type_if, "IF(condition, value if true, value if false or NULL)")                \
    X("IFNULL", 2, 2, LAZY(fn_ifnull), V_NULL, type_all, "the first argument, or the second when it is NULL")          \
    X("INSTR", 2, 2, STRICT(fn_instr), V_INT, NULL,                                                                    \
      "where the second text begins in the first, from 1; 0 when it does not")                                         \
    X("ISNULL", 1, 1, VALUES(op_is_null), V_INT, NULL, "1 when the argument is NULL")                                  \
    X("JSON_EXTRACT", 2, ANY, LAZY(fn_json_extract), V_TEXT, NULL,                                                     \
      "what stands at a path such as $.a[0] in JSON; doc->path is the same")                                           \
    X("JSON_UNQUOTE", 1, 1, STRICT(fn_json_unquote), V_TEXT, NULL,                                                     \
      "a JSON string without its quotes; doc->>path extracts and unquotes")                                            \
    X("LAST_DAY", 1, 1, STRICT(fn_last_day), V_DATE, NULL, "the last day of the month")                                \
    X("LCASE", 1, 1, STRICT(fn_lower), V_TEXT, NULL, "LOWER")                                                          \
    X("LEAST", 2, ANY, LAZY(fn_least), V_NULL, type_extreme, "the least argument; NULL when one is NULL")              \
    X("LEFT", 2, 2, STRICT(fn_left), V_TEXT, NULL, "the first n characters")                                           \
    X("LENGTH", 1, 1, STRICT(fn_length), V_INT, NULL, "number of bytes")                                               \
    X("LOCALTIME", 0, 1, VALUES(fn_now), V_NULL, type_now, "NOW")                                                      \
    X("LOCALTIMESTAMP", 0, 1, VALUES(fn_now), V_NULL, type_now, "NOW")                                                 \
    X("LOCATE", 2, 3, STRICT(fn_locate), V_INT, NULL,                                                                  \
      "where the first text begins in the second, from 1, at or behind the third argument")                            \
    X("LOWER", 1, 1, STRICT(fn_lower), V_TEXT, NULL, "the text in lower case")                                         \
    X("LPAD", 2, 3, STRICT(fn_lpad), V_TEXT, NULL, "the text filled from the left to n characters, or cut to them")    \
    X("LTRIM", 1, 1, STRICT(fn_ltrim), V_TEXT, NULL, "the text without blanks at its start")                           \
    X("MAX", 1, 1, LAZY(fn_max), V_NULL, type_aggregate, "the greatest over the elements of an array")                 \
    X("MD5", 1, 1, STRICT(fn_md5), V_TEXT, NULL, "MD5 in hexadecimal")                                                 \
    X("MICROSECOND", 1, 1, STRICT(fn_microsecond), V_INT, NULL, "microseconds of a time")                              \
    X("MID", 2, 3, STRICT(fn_substring), V_TEXT, NULL, "SUBSTRING")                                                    \
    X("MIN", 1, 1, LAZY(fn_min), V_NULL, type_aggregate, "the least over the elements of an array")                    \
    X("MINUTE", 1, 1, STRICT(fn_minute), V_INT, NULL, "minute of a time")                                              \
    X("MOD", 2, 2, STRICT(op_mod), V_NULL, type_arith, "remainder, with the sign of the first argument; by zero NULL") \
    X("MONTH", 1, 1, STRICT(fn_month), V_INT, NULL, "month of a date")                                                 \
    X("NOW", 0, 1, VALUES(fn_now), V_NULL, type_now, "the frozen time of the call or page, with n places")             \
    X("NULLIF", 2, 2, LAZY(fn_nullif), V_NULL, type_first, "NULL when both are equal, else the first")                 \
    X("POW", 2, 2, STRICT(fn_pow), V_REAL, NULL, "x to the power y, a double")                                         \
    X("POWER", 2, 2, STRICT(fn_pow), V_REAL, NULL, "POW")                                                              \
    X("QUARTER", 1, 1, STRICT(fn_quarter), V_INT, NULL, "quarter of a date, 1 to 4")                                   \
    X("RAND", 0, 1, VALUES(fn_rand), V_REAL, NULL,                                                                     \
      "a double from 0 to below 1, the same again when a row is shaped again")                                         \
    X("REPEAT", 2, 2, STRICT(fn_repeat), V_TEXT, NULL, "the text n times")                                             \
    X("REPLACE", 3, 3, STRICT(fn_replace), V_TEXT, NULL, "the text with every second argument replaced by the third")  \
    X("REVERSE", 1, 1, STRICT(fn_reverse), V_TEXT, NULL, "the characters from last to first")                          \
    X("RIGHT", 2, 2, STRICT(fn_right), V_TEXT, NULL, "the last n characters")                                          \
    X("ROUND", 1, 2, STRICT(fn_round), V_NULL, type_round, "rounded to n places, decimals half away from zero")        \
    X("RPAD", 2, 3, STRICT(fn_rpad), V_TEXT, NULL, "the text filled from the right to n characters, or cut to them")   \
    X("RTRIM", 1, 1, STRICT(fn_rtrim), V_TEXT, NULL, "the text without blanks at its end")                             \
    X("SECOND", 1, 1, STRICT(fn_second), V_INT, NULL, "second of a time")                                              \
    X("SHA", 1, 1, STRICT(fn_sha1), V_TEXT, NULL, "SHA1")                                                              \
    X("SHA1", 1, 1, STRICT(fn_sha1), V_TEXT, NULL, "SHA-1 in hexadecimal")                                             \
    X("SHA2", 2, 2, STRICT(fn_sha2), V_TEXT, NULL, "SHA-2 of 224, 256, 384 or 512 bits in hexadecimal")                \
    X("SIGN", 1, 1, STRICT(fn_sign), V_INT, NULL, "-1, 0 or 1")                                                        \
    X("SPACE", 1, 1, STRICT(fn_space), V_TEXT, NULL, "n blanks")                                                       \
    X("SQRT", 1, 1, STRICT(fn_sqrt), V_REAL, NULL, "square root, a double; NULL below zero")                           \
    X("STR_TO_DATE", 2, 2, STRICT(fn_str_to_date), V_NULL, type_str_to_date,                                           \
      "a date or time read by a pattern as of DATE_FORMAT")                                                            \
    X("SUBDATE", 2, 2, LAZY(op_minus_interval), V_NULL, type_shift, "DATE_SUB")                                        \
    X("SUBSTR", 2, 3, STRICT(fn_substring), V_TEXT, NULL, "SUBSTRING")                                                 \
    X("SUBSTRING", 2, 3, STRICT(fn_substring), V_TEXT, NULL,                                                           \
      "SUBSTRING(x, from, n) or SUBSTRING(x FROM from FOR n); below 0: from the end")                                  \
    X("SUBSTRING_INDEX", 3, 3, STRICT(fn_substring_index), V_TEXT, NULL,                                               \
      "what stands before the n-th separator, or behind it when n is below 0")                                         \
    X("SUM", 1, 1, LAZY(fn_sum), V_NULL, type_aggregate,                                                               \
      "sum over the elements of an array: SUM({{items.qty}} * {{items.price}})")                                       \
    X("SYSDATE", 0, 1, VALUES(fn_now), V_NULL, type_now, "NOW")                                                        \
    X("TIME", 1, 1, STRICT(fn_time), V_NULL, type_time, "the time of a date and time")                                 \
    X("TIMESTAMP", 1, 2, STRICT(fn_timestamp), V_NULL, type_timestamp, "a date as date and time, with a time added")   \
    X("TIMESTAMPDIFF", 2, 2, LAZY(fn_timestampdiff), V_INT, NULL,                                                      \
      "TIMESTAMPDIFF(unit, from, to): whole units from one to the other")                                              \
    X("TO_BASE64", 1, 1, STRICT(fn_to_base64), V_TEXT, NULL, "base64 in lines of 76 characters")                       \
    X("TRIM", 2, 2, LAZY(op_trim), V_TEXT, NULL, "TRIM(x), or TRIM(BOTH, LEADING or TRAILING what FROM x)")            \
    X("TRUNCATE", 2, 2, STRICT(fn_truncate), V_NULL, type_round, "cut to n places")                                    \
    X("UCASE", 1, 1, STRICT(fn_upper), V_TEXT, NULL, "UPPER")                                                          \
    X("UNHEX", 1, 1, STRICT(fn_unhex), V_TEXT, NULL, "the bytes behind hexadecimal text; NULL when it is none")        \
    X("UNIX_TIMESTAMP", 0, 1, STRICT(fn_unix_timestamp), V_NULL, type_unix_timestamp,                                  \
      "unix seconds of a date and time in the project's zone; of now without argument")                                \
    X("UPPER", 1, 1, STRICT(fn_upper), V_TEXT, NULL, "the text in upper case")                                         \
    X("WEEKDAY", 1, 1, STRICT(fn_weekday), V_INT, NULL, "0 = Monday … 6 = Sunday")                                     \
    X("YEAR", 1, 1, STRICT(fn_year), V_INT, NULL, "year of a date")

#define ROW_(name, min, max, kind, strict, lazy, type, type_of, help)                                                  \
    {name, min, max, kind, type, type_of, strict, lazy},
#define INFO_(name, min, max, kind, strict, lazy, type, type_of, help) {name, min, max, help},
#define ROW(...)                                                       ROW_(__VA_ARGS__)
#define INFO(...)                                                      INFO_(__VA_ARGS__)
static const struct function functions[] = {FUNCTIONS(ROW)};
static const struct expr_function_info infos[] = {FUNCTIONS(INFO)};
#define N_FUNCTIONS (sizeof functions / sizeof *functions)

static const struct function operators[] = {
    {"+", 2, 2, FN_STRICT, V_NULL, type_arith, op_add, NULL},
    {"-", 2, 2, FN_STRICT, V_NULL, type_arith, op_sub, NULL},
    {"*", 2, 2, FN_STRICT, V_NULL, type_arith, op_mul, NULL},
    {"/", 2, 2, FN_STRICT, V_NULL, type_div, op_div, NULL},
    {"%", 2, 2, FN_STRICT, V_NULL, type_arith, op_mod, NULL},
    {"DIV", 2, 2, FN_STRICT, V_INT, NULL, op_int_div, NULL},
    {"NEG", 1, 1, FN_STRICT, V_NULL, type_number, op_neg, NULL},
    {"=", 2, 2, FN_STRICT, V_INT, NULL, op_eq, NULL},
    {"<>", 2, 2, FN_STRICT, V_INT, NULL, op_ne, NULL},
    {"<", 2, 2, FN_STRICT, V_INT, NULL, op_lt, NULL},
    {"<=", 2, 2, FN_STRICT, V_INT, NULL, op_le, NULL},
    {">", 2, 2, FN_STRICT, V_INT, NULL, op_gt, NULL},
    {">=", 2, 2, FN_STRICT, V_INT, NULL, op_ge, NULL},
    {"<=>", 2, 2, FN_VALUES, V_INT, NULL, op_null_safe_eq, NULL},
    {"AND", 2, ANY, FN_LAZY, V_INT, NULL, NULL, op_and},
    {"OR", 2, ANY, FN_LAZY, V_INT, NULL, NULL, op_or},
    {"XOR", 2, ANY, FN_STRICT, V_INT, NULL, op_xor, NULL},
    {"NOT", 1, 1, FN_STRICT, V_INT, NULL, op_not, NULL},
    {"IS NULL", 1, 1, FN_VALUES, V_INT, NULL, op_is_null, NULL},
    {"IS TRUE", 1, 1, FN_VALUES, V_INT, NULL, op_is_true, NULL},
    {"IS FALSE", 1, 1, FN_VALUES, V_INT, NULL, op_is_false, NULL},
    {"IN", 2, ANY, FN_LAZY, V_INT, NULL, NULL, op_in},
    {"BETWEEN", 3, 3, FN_LAZY, V_INT, NULL, NULL, op_between},
    {"LIKE", 2, 3, FN_STRICT, V_INT, NULL, op_like, NULL},
    {"REGEXP", 2, 2, FN_LAZY, V_INT, NULL, NULL, op_regexp},
    {"BINARY", 1, 1, FN_STRICT, V_TEXT, NULL, op_binary, NULL},
    {"CASE", 3, ANY, FN_LAZY, V_NULL, type_case, NULL, op_case},
    {"INTERVAL", 1, 1, FN_VALUES, V_NULL, type_first, op_interval, NULL},
    {"+ INTERVAL", 2, 2, FN_LAZY, V_NULL, type_shift, NULL, op_plus_interval},
    {"- INTERVAL", 2, 2, FN_LAZY, V_NULL, type_shift, NULL, op_minus_interval},
    {"->", 2, 2, FN_LAZY, V_TEXT, NULL, NULL, op_arrow},
    {"->>", 2, 2, FN_LAZY, V_TEXT, NULL, NULL, op_arrow_text},
};

const struct function *expr_function(struct str name)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        if (str_eq_nocase(name, str_of(functions[i].name)))
            return &functions[i];
    return NULL;
}

const char *expr_nearest_function(struct str name)
{
    const char *names[N_FUNCTIONS];
    char upper[64];
    size_t n = name.n < sizeof upper ? name.n : sizeof upper - 1;
    for (size_t i = 0; i < n; i++)
        upper[i] = ascii_upper(name.p[i]);
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        names[i] = functions[i].name;
    return str_nearest(str_mk(upper, n), names, N_FUNCTIONS);
}

const struct function *expr_operator(const char *name)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (strcmp(operators[i].name, name) == 0)
            return &operators[i];
    return expr_function(str_of(name)); /* CAST, TRIM */
}

const struct expr_function_info *expr_functions(size_t *ret_n)
{
    *ret_n = N_FUNCTIONS;
    return infos;
}
