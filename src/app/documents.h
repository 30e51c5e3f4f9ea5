/* The files that describe an integration: reading them, saving them as versions, trying them out before they are saved.
 * Texts are kept byte for byte. */
#ifndef APP_DOCUMENTS_H
#define APP_DOCUMENTS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "project/project.h"

enum document { DOC_INTEGRATION, DOC_SOURCE, DOC_TARGET, DOC_KINDS };
extern const char *const document_names[DOC_KINDS]; /* "integration", "source", "target" */

/* path: relative to the project; p NULL: the document stands inside the integration's own file. text p NULL: as path.
 */
struct documents {
    struct str path[DOC_KINDS], text[DOC_KINDS];
    struct str version; /* of these texts: 16 hexadecimal digits */
};

/* Reads the files of the integration, in the arena. ERR_USAGE: there is no such file; ERR_DISK; ERR_CONFIG: the
 * integration's file cannot be read as far as to find the others (only its own text is given then). */
enum err documents_read(const struct project *p, struct str name, struct arena *a, struct documents *ret,
                        struct errinfo *ei) MUST_USE;

/* A copy of the project with some texts put in place (p NULL: as they are), to check or preview them: state and
 * everything else are the project's own. The folder's path in the arena; documents_untry it. ERR_DISK, ERR_USAGE (a
 * text for a document that has no file). */
enum err documents_try(const struct project *p, struct str name, const struct str texts[DOC_KINDS], struct arena *a,
                       const char **ret_dir, struct errinfo *ei) MUST_USE;
void documents_untry(const char *dir);

struct version_note {
    struct str user, comment;
    int64_t at_ms;
    const struct zone *zone; /* in which it is told */
};
struct document_edit {
    struct str name;             /* of the integration */
    struct str base;             /* the version that was edited; p NULL: whatever there is */
    struct str texts[DOC_KINDS]; /* p NULL: as it is */
    struct version_note note;
};
/* Saves the texts as a new version: *ret, in the arena. ERR_CONFLICT when the files are another version than the base
 * by now. What stands in the files is kept as a version first, if it is none yet. */
enum err documents_save(const struct project *p, const struct document_edit *e, struct arena *a, struct str *ret,
                        struct errinfo *ei) MUST_USE;
/* The versions, newest first, as JSON objects {version, number, at, user, comment}. */
enum err documents_versions(const struct project *p, struct str name, struct json_out *w, struct errinfo *ei) MUST_USE;
/* The texts of a version. ERR_USAGE: there is none. */
enum err documents_version(const struct project *p, struct str name, struct str version, struct arena *a,
                           struct documents *ret, struct errinfo *ei) MUST_USE;

#endif
