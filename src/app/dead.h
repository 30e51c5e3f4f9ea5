/* Dead letters, as lists. */
#ifndef APP_DEAD_H
#define APP_DEAD_H

#include "app/open.h"
#include "base/json.h"

/* Lists the open dead letters and says that a choice is wanted: status 2 (decisions 31). */
int dead_choose(struct app *app, const struct integration *i);
/* What records are listed: those that hold the text (p NULL: any), fetched (letters: made) in the range. */
struct dead_filter {
    struct str text;
    int64_t from_ms, to_ms;
};
enum file_format { FILE_NONE, FILE_CSV, FILE_JSON };
/* Lists the dead letters of the integration that are chosen. Gives the status. */
struct dead_choice {
    struct dead_filter only;
    struct str id;           /* p NULL: all */
    int state;               /* enum dead_state */
    enum file_format format; /* with their raw JSON, as a file */
};
int dead_list(struct app *app, const struct integration *i, const struct dead_choice *c);
const char *dead_state_name(int state);
/* One of them as JSON; some of them as lines. */
void dead_json(const struct app *app, struct json_out *w, const struct dead_letter *d);
void dead_tell(const struct app *app, const struct dead_letter *d, size_t n);
/* The state of that name, or -1. */
int dead_state_of(struct str name);

#endif
