/* Documents of a project as they may be given away: without secrets. */
#ifndef PROJECT_PORTABLE_H
#define PROJECT_PORTABLE_H

#include "base/buf.h"
#include "project/project.h"

/* A reference that must have a value where the documents are used. */
struct portable_need {
    struct str reference; /* "${env:JST_APP_SECRET}" */
    struct str where;     /* "connections/jst.json: app_secret" */
    bool fresh;           /* it stands in place of a value that stood there itself */
};
/* What else is not as it was. */
struct portable_note {
    struct str path, what;
};

struct portable;
/* Hides (log_hide) what is a secret of the project as far as it can be opened: the encrypted store, what declared
 * secrets refer to, and longer values of other references. `p` must have been opened whole, and stays. */
struct portable *portable_new(const struct project *p);
void portable_free(struct portable *m); /* NULL is fine */

/* Appends the document that stands at `path` in the project to `out`. Of sluice.json and connections/NAME.json secrets
 * become references, members that are not known are left out, comments too; all others stay byte for byte. Whatever
 * is hidden is masked at the end. ERR_CONFIG: it cannot be read, so that nobody can say where its secrets are. */
enum err portable_document(struct portable *m, struct str path, struct str text, struct buf *out,
                           struct errinfo *ei) MUST_USE;
/* Does the text hold a hidden value? */
bool portable_is_hidden(struct str text);
/* What was found in the documents so far, in their order; texts live as long as `m`. */
const struct portable_need *portable_needs(const struct portable *m, size_t *ret_n);
const struct portable_note *portable_notes(const struct portable *m, size_t *ret_n);

#endif
