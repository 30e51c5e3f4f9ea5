/* What `serve` holds together while it serves; the routes of the API are called with it. */
#ifndef APP_SERVING_H
#define APP_SERVING_H

#include "app/command.h"
#include "run/service.h"
#include "server/server.h"
#include "watch/alert.h"
#include "watch/hub.h"
#include "watch/live.h"
#include "watch/loglines.h"
#include "watch/metrics.h"
#include "watch/traces.h"

#include <pthread.h>
#include <stdatomic.h>

struct rows;

struct serving {
    struct app *app;
    const char *dir; /* of the project, absolute */
    struct store *store;
    struct store_lock *lock; /* one serve a project */
    struct hub *hub;
    struct alerts *alerts;
    atomic_bool reloaded; /* the project was read again */
    struct loglines *log;
    struct live *live;
    struct meters *meters;
    struct traces *traces; /* NULL: none are sent */
    struct service *service;
    struct server *server;
    struct rows *rows;
    int64_t started_ms;
};

/* api.c */
extern const struct route api_routes[];
extern const size_t n_api_routes;
extern const struct answer_schema api_schemas[];
extern const size_t n_api_schemas;

/* A command of the command line as the answer of a route: its --json output and the status of its error. `words` ends
 * with NULL; the project's folder is added. */
void api_command(const struct serving *s, const struct http_call *call, const char *const *words,
                 struct http_answer *ret);

/* rows.c: what the overview shows of each integration, kept ready. */
struct rows *rows_new(struct serving *s);
void rows_free(struct rows *r);
/* Something changed: the row is made anew soon (name p NULL: all of them). From any thread. */
void rows_stale(struct rows *r, struct str name);
/* The newest live figures of a run; NULL: it has ended. From any thread. */
void rows_live(struct rows *r, const struct task *t, const struct run_live *live);
/* Makes stale rows anew and tells who listens; every second, from one thread. */
void rows_refresh(struct rows *r);
/* The overview as a whole; the row of one integration (false: there is none). */
void rows_overview(struct rows *r, struct buf *out);
bool rows_one(struct rows *r, struct str name, struct buf *out);
bool rows_anew(struct rows *r, struct str name, struct buf *out); /* the same, made anew for it */

#endif
