/* What a person sees of a run while it goes on, and what the log keeps of it. */
#ifndef APP_WATCH_H
#define APP_WATCH_H

#include "app/open.h"

struct watch;

/* Opens the log in the project's state folder (a log that cannot be opened is told and done without) and sets listener
 * and tick of the options. */
struct watch *watch_new(const struct app *app, struct run_options *o);
/* Takes the progress line away and closes the log. */
void watch_free(struct watch *w);

/* The summary as sentences, on app->out. */
void run_tell(const struct app *app, const struct run_summary *s);

#endif
