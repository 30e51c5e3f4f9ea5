/* Parameters of a call, checked against the rows of its route. */
#ifndef SERVER_PARAM_H
#define SERVER_PARAM_H

#include "server/route.h"

struct param_source {
    const struct str *segments; /* raw, of the path, in the order of the row's path */
    size_t n_segments;
    struct str query;        /* raw */
    const struct json *body; /* an object, or NULL: none was sent */
    struct arena *arena;     /* gets what is decoded */
    bool (*time)(void *ctx, struct str text, int64_t *ret_ms);
    void *ctx;
};

/* Fills values[route->n_params] (zeroed by the caller). ERR_USAGE names the parameter: unknown, twice, missing, of the
 * wrong type, out of its range. */
enum err params_check(const struct route *route, const struct param_source *from, struct param_value *values,
                      struct errinfo *ei) MUST_USE;

#endif
