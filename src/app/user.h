/* Where the accounts of the dashboard stand. */
#ifndef APP_USER_H
#define APP_USER_H

#include "app/command.h"

/* The file that "users" of sluice.json names (relative to the project), else users.json in the state folder. In the
 * app's arena; the project is open. */
const char *app_users_path(const struct app *app);

#endif
