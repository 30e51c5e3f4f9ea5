/* A project as it was read at one moment, shared by all who still use it: runs go on with what they began with while
 * its files change. Thread-safe counting; what it holds does not change. */
#ifndef RUN_GENERATION_H
#define RUN_GENERATION_H

#include "project/project.h"

struct generation {
    struct project *project;
    struct diags *diags;
    int64_t number; /* counts the readings */
    _Atomic int refs;
};

/* Reads the folder; errors of files are in ret->diags. ERR_CONFIG: there is no project. generation_unref it. */
enum err generation_read(const char *dir, int64_t number, struct generation **ret, struct errinfo *ei) MUST_USE;
struct generation *generation_ref(struct generation *g);
void generation_unref(struct generation *g); /* NULL is fine */

/* A fingerprint of the project's files: names, sizes, times of change. Another one: something changed. */
uint64_t generation_fingerprint(const char *dir);

#endif
