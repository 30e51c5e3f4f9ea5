/* Where an integration stands, from the project's own state: what `status` tells and the dashboard's rows are made of.
 * Nobody is called. */
#ifndef APP_STANDING_H
#define APP_STANDING_H

#include "app/open.h"
#include "run/lateness.h"
#include "run/retry.h"
#include "source/bucket.h"
#include "store/fields.h"

struct standing {
    const struct integration *integration;
    struct progress progress;
    int64_t dead, gaps;
    struct run_row *last;     /* NULL: it never ran */
    struct str path, promise; /* p NULL: not known yet */
    int64_t behind_ms;        /* -1: not known */
    bool cursor_is_time;
    struct retry_state retry;
    struct health_state upstream;
    struct change *changes; /* of the records, open */
    size_t n_changes;
    struct window_proof *windows, *open; /* the last ones; those that are not verified */
    size_t n_windows, n_open;
    int64_t found_missing;
    struct lateness late;
    struct str audit; /* the last one, as JSON; p NULL: none */
};

/* Looks; app->project and app->store (NULL: nothing has run yet) are open, texts go to app->arena. */
enum err standing_look(struct app *app, const struct integration *i, struct standing *ret, struct errinfo *ei) MUST_USE;
/* The object that `status --json` prints of it. */
void standing_json(const struct app *app, struct json_out *w, const struct standing *s);

#endif
