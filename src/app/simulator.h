/* A child process `sluice-sim`, and what it says of itself. */
#ifndef APP_SIMULATOR_H
#define APP_SIMULATOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct simulator;

/* Starts it with these options behind its name (NULL-terminated). ERR_CONFIG when the binary is not found, ERR_TARGET
 * when it does not begin to listen. */
enum err simulator_start(const char *const *options, struct simulator **ret, struct errinfo *ei) MUST_USE;
/* The JSON line that it printed when it listened. */
struct str simulator_line(const struct simulator *s);
/* One HTTP call to it; the body in `a`. */
struct simulator_call {
    const char *method, *path;
    struct str body;
};
enum err simulator_ask(const struct simulator *s, const struct simulator_call *c, struct arena *a, struct str *ret,
                       struct errinfo *ei) MUST_USE;
/* Ends it and waits. NULL is fine. */
void simulator_stop(struct simulator *s);

#endif
