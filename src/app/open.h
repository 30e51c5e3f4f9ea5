/* Opening what a command needs: the project, one integration of it, its flow, the state, the target. All is closed with
 * the app or by the caller, as named. */
#ifndef APP_OPEN_H
#define APP_OPEN_H

#include "app/command.h"
#include "flow/flow.h"
#include "run/run.h"
#include "store/journal.h"

/* Opens the project; `only` p NULL: all of it. Errors in its files fail, with the first of them. */
enum err app_open_project(struct app *app, struct str only, struct errinfo *ei) MUST_USE;
/* Opens the project for the integration that the command's first word names. ERR_USAGE names the nearest. */
enum err app_open_integration(struct app *app, const struct integration **ret, struct errinfo *ei) MUST_USE;
/* The same, compiled; flow_free it. */
enum err app_open_flow(struct app *app, struct flow **ret, struct errinfo *ei) MUST_USE;
/* Opens the state for writing, made if need be; or for reading: app->store stays NULL when nothing has run yet. */
enum err app_open_store(struct app *app, bool write, struct errinfo *ei) MUST_USE;
/* Opens an integration's journal for reading, after the state; journal_close it. */
enum err app_open_journal(struct app *app, struct str integration, struct journal **ret, struct errinfo *ei) MUST_USE;
/* Opens the flow's target and connects; sink_close it. */
enum err app_connect_target(struct app *app, const struct flow *f, struct sink **ret, struct errinfo *ei) MUST_USE;
/* Options of a run that does nothing but ask: system clock, patience of --patience or `patience_ms`. */
enum err app_run_options(const struct app *app, int64_t patience_ms, struct run_options *ret,
                         struct errinfo *ei) MUST_USE;
/* Makes the flow's lookups answerable (flow_open_lookups). */
enum err app_open_lookups(struct app *app, struct flow *f, struct errinfo *ei) MUST_USE;
/* One page of the flow's source (run_sample), its lookups answerable; patience as in app_run_options. page_unref it. */
enum err app_sample(struct app *app, struct flow *f, int64_t patience_ms, struct page **ret,
                    struct errinfo *ei) MUST_USE;
/* A time that a person gave, in the project's zone. ERR_USAGE. */
enum err app_time(const struct app *app, const char *option, int64_t *ret_s, struct errinfo *ei) MUST_USE;
/* A whole number that a person gave, min…max; `preset` when the option was not given. ERR_USAGE. */
struct number_range {
    int64_t preset, min, max;
};
enum err app_number(const struct app *app, const char *option, struct number_range r, int64_t *ret,
                    struct errinfo *ei) MUST_USE;

#endif
