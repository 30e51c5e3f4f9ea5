/* Schedules from anybody. One that is taken has a time to run in every field, or an interval; one that is not says why.
 * clang -fsanitize=fuzzer. */
#include "base/crontab.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct crontab c;
    const char *why = NULL;
    bool ok = crontab_parse(str_mk((const char *)data, n), &c, &why);

    if (!ok && (!why || !*why))
        abort();
    if (ok && c.every_ms == 0 &&
        (!c.minutes || c.minutes >> 60 || !c.hours || c.hours >> 24 || !c.days || (c.days & 1) || !c.months ||
         (c.months & 1) || c.months >> 13 || !c.weekdays || c.weekdays >> 7))
        abort();
    if (ok && c.every_ms != 0 && (c.every_ms < 1000 || c.minutes))
        abort();
    return 0;
}
