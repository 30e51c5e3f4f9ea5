/* Windows that were read, with their proofs. */
#ifndef APP_WINDOWS_H
#define APP_WINDOWS_H

#include "app/open.h"
#include "base/json.h"

/* One window as JSON; as a line that begins with `indent`. */
void window_json(const struct app *app, struct json_out *w, const struct window_proof *p);
void window_tell(const struct app *app, const struct window_proof *p, const char *indent);
/* `runs --windows`: the newest of them. Gives the status. */
int windows_list(struct app *app, struct window_query q);

#endif
