/* `retry --edit`, `retry --set`: a dead letter's record corrected by hand. */
#ifndef APP_EDIT_H
#define APP_EDIT_H

#include "app/open.h"

/* Puts what --edit or --set says beside the raw record of the open letters of `id`; the next retry takes it. The record
 * stays the same one: id and version cannot be edited. ERR_USAGE: no letter, several records, a bad option; ERR_DATA:
 * it is not JSON, another record, a path that is not there. */
enum err edit_letters(struct app *app, const struct integration *i, struct str id, struct errinfo *ei) MUST_USE;
/* The same with a record that is given as JSON. */
enum err edit_letters_as(struct app *app, const struct integration *i, struct str id, struct str record,
                         struct errinfo *ei) MUST_USE;

#endif
