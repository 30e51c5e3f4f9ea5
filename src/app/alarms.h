/* What `serve` tells its alerts. */
#ifndef APP_ALARMS_H
#define APP_ALARMS_H

#include "app/serving.h"
#include "app/standing.h"

/* What a row of the overview knows; -1 (clock_offset_ms: INT64_MIN) where it is not known. */
struct alarm_figures {
    const struct integration *integration; /* NULL: it has never been good */
    const struct standing *standing;
    int64_t period_ms; /* of its schedule; 0: none */
    int64_t quota_left, quota_limit, token_left_ms, clock_offset_ms;
    bool running, resting; /* resting: paused or disabled */
};
void alarms_sample(struct serving *s, const struct alarm_figures *f);
void alarms_machine(struct serving *s); /* its disk */
/* Opens s->alerts, which tell those who listen to the server. `listen`: the dashboard's address. */
enum err alarms_open(struct serving *s, const char *listen, struct errinfo *ei) MUST_USE;

#endif
