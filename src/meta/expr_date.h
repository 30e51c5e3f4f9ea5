/* Functions of dates and times. Inside of expr_*.c only. */
#ifndef META_EXPR_DATE_H
#define META_EXPR_DATE_H

#include "meta/expr_impl.h"

expr_strict_fn fn_now, fn_curdate, fn_curtime, fn_unix_timestamp, fn_from_unixtime, fn_date, fn_time, fn_timestamp,
    fn_datediff, fn_year, fn_month, fn_day, fn_hour, fn_minute, fn_second, fn_microsecond, fn_weekday, fn_dayofweek,
    fn_dayofyear, fn_quarter, fn_last_day, fn_date_format, fn_str_to_date, op_interval;
expr_lazy_fn op_plus_interval, op_minus_interval, fn_timestampdiff;
expr_type_fn type_shift, type_str_to_date, type_from_unixtime, type_unix_timestamp, type_timestamp, type_time, type_now;
enum err date_format(struct run *r, const struct when *w, struct str pattern, struct val *ret) MUST_USE;

extern const char *const month_names[12], *const day_names[7]; /* January…, Sunday… */

#endif
