/* The rule for times after the last transition of a zone file: the TZ string of POSIX (RFC 8536, section 3.3).
 * Inside base only. */
#ifndef BASE_TZRULE_H
#define BASE_TZRULE_H

#include "base/civil.h"

#define ABBREVIATION_TEXT 16

enum tz_day { TZ_DAY_WEEK, TZ_DAY_JULIAN, TZ_DAY_ZERO }; /* Mm.w.d, Jn (no leap day), n (from 0) */

struct tz_change {
    enum tz_day kind;
    int month, week, day;
    int time_s; /* local time of the change, from midnight; may be negative or beyond a day */
};

struct tz_rule {
    char std[ABBREVIATION_TEXT], dst[ABBREVIATION_TEXT];
    int std_offset_s, dst_offset_s; /* east of UTC */
    bool has_dst;
    struct tz_change to_dst, to_std;
};

bool tz_rule_parse(struct str s, struct tz_rule *ret);
void tz_rule_span(const struct tz_rule *rule, int64_t unix_s, struct zone_span *ret);

#endif
