/* When a schedule is due, taken apart: the five fields of crontab(5), the usual @words, and "@every 30s". Pure: no
 * clock, no zone; who schedules compares civil times with the sets. */
#ifndef BASE_CRONTAB_H
#define BASE_CRONTAB_H

#include "base/str.h"

struct crontab {
    int64_t every_ms;  /* "@every": at least a second, and the sets are empty; 0: the sets count */
    uint64_t minutes;  /* bit n: minute n */
    uint32_t hours;    /* bit n: hour n */
    uint32_t days;     /* bits 1 to 31 */
    uint32_t months;   /* bits 1 to 12 */
    uint32_t weekdays; /* bits 0 (Sunday) to 6 */
    /* The field begins with "*". When neither does, a day is due that is in one of the two sets, else one that is in
     * both: crontab(5). */
    bool any_day, any_weekday;
};

/* Fields are parted by blanks; each is a list of `*`, N, N-M, with /STEP behind any of them (N/STEP runs to the field's
 * end); months and weekdays may be English names of three letters; weekday 7 is Sunday. False with *ret_why, a static
 * sentence, for anything else and for a day that no year has (30 February). */
bool crontab_parse(struct str text, struct crontab *ret, const char **ret_why);

#endif
