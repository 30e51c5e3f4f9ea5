/* While `serve` holds the project, commands that run something hand the job to it over its socket (decisions 12) and
 * show its progress. */
#ifndef APP_HANDOVER_H
#define APP_HANDOVER_H

#include "app/open.h"
#include "run/run.h"

/* Does a serve answer for this project? */
bool handover_wanted(const struct app *app);
/* Asks for what the options say, waits for its end as long as it takes (Ctrl-C leaves it running) and fills *ret with
 * its summary, as run_integration does. Its error may also be ERR_NETWORK: serve ended meanwhile. */
void handover_run(struct app *app, const struct integration *i, const struct run_options *o, struct run_summary *ret);

#endif
