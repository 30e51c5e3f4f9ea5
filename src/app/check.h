/* Parts of `check` that its two files share. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "app/open.h"
#include "base/json.h"

/* What --online found out about one integration. */
struct online {
    struct str integration;
    struct errinfo source, target; /* code OK: it answered */
    int64_t source_ms, target_ms, records;
    struct str base_url, server, path, promise;
};

/* Asks source and target of the flow; what does not fit goes to app->diags. */
void check_online(struct app *app, struct flow *f, struct online *ret);
void online_json(struct json_out *w, const struct online *o);
void online_say(const struct app *app, const struct online *o);

#endif
