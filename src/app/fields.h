/* Open changes of the records, as `fields`, `status` and `check --online` show them. */
#ifndef APP_FIELDS_H
#define APP_FIELDS_H

#include "app/open.h"
#include "base/json.h"
#include "store/fields.h"

/* None before anything has run. */
enum err changes_open(const struct app *app, struct str integration, struct change **ret, size_t *ret_n,
                      struct errinfo *ei) MUST_USE;
void changes_json(const struct app *app, struct json_out *w, const char *key, const struct change *c, size_t n);
void changes_tell(const struct app *app, const struct change *c, size_t n);

#endif
