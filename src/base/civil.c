/* The proleptic Gregorian calendar: day numbers and dates.
 *
 * A year is taken to start on 1 March, so that the leap day is its last; a cycle of 400 years has 146097
 * days. Days are counted from 0000-03-01 and moved to 1970-01-01, which is day 719468 of that count.
 * Nothing here knows zones. */
#include "base/civil.h"

#define CYCLE_DAYS      INT64_C(146097)
#define EPOCH_DAY       INT64_C(719468)
#define FARTHEST_UNIX_S INT64_C(63000000000000000)

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

bool civil_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int civil_month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && civil_leap(year));
}

int64_t civil_days(int64_t year, int64_t month, int64_t day)
{
    int64_t months_from_march = year * 12 + month - 3;
    int64_t y = floor_div(months_from_march, 12);
    int64_t m = months_from_march - y * 12; /* 0 is March */
    int64_t before_month = (153 * m + 2) / 5;
    return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) + before_month + day - 1 - EPOCH_DAY;
}

static void set_date(int64_t days, struct civil *ret)
{
    int64_t z = days + EPOCH_DAY;
    int64_t cycle = floor_div(z, CYCLE_DAYS);
    int64_t day_of_cycle = z - cycle * CYCLE_DAYS;
    int64_t year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / (CYCLE_DAYS - 1)) / 365;
    int64_t day_of_year = day_of_cycle - (year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    ret->day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    ret->month = (int)(m < 10 ? m + 3 : m - 9);
    ret->year = (int)(cycle * 400 + year_of_cycle + (m >= 10));
    int64_t weekday = (days + 4) % 7; /* 1970-01-01 was a Thursday */
    ret->weekday = (int)(weekday < 0 ? weekday + 7 : weekday);
    ret->yearday = (int)(days - civil_days(ret->year, 1, 1));
}

void civil_at_offset(int64_t unix_s, int offset_s, struct civil *ret)
{
    if (unix_s > FARTHEST_UNIX_S)
        unix_s = FARTHEST_UNIX_S;
    if (unix_s < -FARTHEST_UNIX_S)
        unix_s = -FARTHEST_UNIX_S;
    int64_t local = unix_s + offset_s;
    int64_t days = floor_div(local, SECONDS_PER_DAY);
    int second = (int)(local - days * SECONDS_PER_DAY);
    set_date(days, ret);
    ret->hour = second / 3600;
    ret->minute = second / 60 % 60;
    ret->second = second % 60;
    ret->offset_s = offset_s;
}
