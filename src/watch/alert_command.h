/* Runs a program of the channel "command". */
#ifndef WATCH_ALERT_COMMAND_H
#define WATCH_ALERT_COMMAND_H

#include "base/err.h"
#include "base/str.h"

#include <stdatomic.h>

/* argv[0] is a whole path, n > 0. The body is its standard input. Waits at most timeout_ms, then ends it and all that
 * it started; earlier when `stop` is set. ERR_CONFIG (it cannot be started), ERR_REMOTE (it ended with a status, told
 * with the end of its stderr), ERR_NETWORK (too slow). */
enum err program_run(const struct str *argv, size_t n, struct str body, int64_t timeout_ms, const atomic_bool *stop,
                     struct errinfo *ei) MUST_USE;

#endif
