/* The token of a connection between runs: STATE/tokens/CONNECTION, sealed with the project's key, mode 0600. */
#ifndef PROJECT_TOKEN_FILE_H
#define PROJECT_TOKEN_FILE_H

#include "project/project.h"

/* What was saved last, in `a`; p NULL when there is nothing, or it cannot be opened (another key, damage): the token is
 * then fetched anew. */
enum err token_load(const struct project *p, struct str connection, struct arena *a, struct str *ret,
                    struct errinfo *ei) MUST_USE;
/* Durable when it returns. ERR_SECRET: no key; ERR_DISK. */
enum err token_save(const struct project *p, struct str connection, struct str text, struct errinfo *ei) MUST_USE;
/* The file whose lock says who fetches; its folder is made. In `a`. */
enum err token_lock_path(const struct project *p, struct str connection, struct arena *a, const char **ret,
                         struct errinfo *ei) MUST_USE;

#endif
