/* The proleptic Gregorian calendar, without zones. Days count from 1970-01-01. Inside base only. */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include "base/clock.h"

#define SECONDS_PER_DAY INT64_C(86400)

bool civil_leap(int64_t year);
int civil_month_days(int64_t year, int month); /* month from 1 to 12 */
/* The day number of a date; the month may be out of range and is carried. |year| < 2^40. */
int64_t civil_days(int64_t year, int64_t month, int64_t day);
/* Fills all of `ret` for an instant seen at an offset. Instants beyond some 2·10^9 years are clamped. */
void civil_at_offset(int64_t unix_s, int offset_s, struct civil *ret);

/* Offset and abbreviation of a zone (NULL is UTC) at an instant, and the half-open span [start, end) in which
 * they hold. `abbreviation` lives as long as the zone. */
struct zone_span {
    int64_t start_s, end_s;
    int offset_s;
    const char *abbreviation;
};
void zone_span_at(const struct zone *z, int64_t unix_s, struct zone_span *ret);

/* Makes a zone of the bytes of a TZif file. ERR_CONFIG when they are damaged. */
enum err zone_from_tzif(struct str name, struct str data, struct zone **ret, struct errinfo *ei) MUST_USE;

/* "+08:00" or "-03:30" in seconds east of UTC; up to 23:59. */
bool zone_parse_offset(struct str s, int *ret_offset_s);

#endif
