/* Dead letters, as lists. */
#ifndef APP_DEAD_H
#define APP_DEAD_H

#include "app/open.h"
#include "base/json.h"

/* Lists the open dead letters and says that a choice is wanted: status 2 (decisions 31). */
int dead_choose(struct app *app, const struct integration *i);
/* Lists the dead letters of the integration: those of one id (p NULL: all) and state (enum dead_state, -1: all). Gives
 * the status. */
int dead_list(struct app *app, const struct integration *i, struct str id, int state);
/* One of them as JSON; some of them as lines. */
void dead_json(const struct app *app, struct json_out *w, const struct dead_letter *d);
void dead_tell(const struct app *app, const struct dead_letter *d, size_t n);
/* The state of that name, or -1. */
int dead_state_of(struct str name);

#endif
