/* What goes into a bundle: which files, and what was left out of it. */
#ifndef APP_BUNDLE_H
#define APP_BUNDLE_H

#include "base/arena.h"
#include "project/project.h"

struct bundle_file {
    struct str path; /* in the project and in the bundle: "connections/jst.json" */
    struct str from; /* where it lies */
};
struct bundle_left {
    struct str path, why;
    bool lost; /* it belongs in a bundle, and is not there all the same */
};
struct bundle_files {
    struct arena *a;
    struct bundle_file *at;
    struct bundle_left *left;
    size_t n, n_left;
};

/* Lists the documents of a project, those with secrets in them first; in `a`. Links that lead out of the project, and
 * what is no document, are left out. */
void bundle_list(const struct project *p, struct arena *a, struct bundle_files *ret);
void bundle_files_free(struct bundle_files *f);
/* Reads one of them into `a`. False: it is left out now, and why is in the list. */
bool bundle_read(struct bundle_files *f, const struct bundle_file *one, struct arena *a, struct str *ret,
                 int64_t *ret_modified_s);
void bundle_leave(struct bundle_files *f, struct str path, const char *why, bool lost);

#endif
