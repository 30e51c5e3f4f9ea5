/* System variables by name (metadata.md 2): what both templates and expressions resolve before they ask the record.
 *
 * Upper-case preset names are always system variables. `random` and `uuid` are too on the source side; on the target
 * side a record field of the same name wins (decisions 15): resolve the slot first and take the variable only when the
 * slot's value is VALUE_MISSING. */
#ifndef META_SYSVAR_H
#define META_SYSVAR_H

#include "meta/tmpl.h"

/* True when the name always means the system variable on that side. */
bool sysvar_known(struct str name, enum side side);
/* True when the name means the system variable only if the record has no such field (`random`, `uuid` on the target
 * side). */
bool sysvar_fallback(struct str name, enum side side);
/* Its value from env->sys. Times are numbers (unix seconds); PAGINATION_… and MAX_DATA_ID are NULL where they do not
 * apply; `random` (an integer of at most 16 digits) and `uuid` depend on sys->seed alone, so each is one value per call
 * or row. Text lives in env->arena. ERR_DATA for a name that is not known, and when n of `…_AGO_n` leaves the range of
 * time. */
enum err sysvar_value(struct str name, struct env *env, struct value *ret, struct errinfo *ei) MUST_USE;

/* One row a preset name, for reference pages; `…_n` stands for any number. */
struct sysvar_info {
    const char *name;
    const char *help;
};
const struct sysvar_info *sysvar_at(size_t i); /* NULL behind the last */

#endif
