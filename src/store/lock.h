/* Who runs: an identity of this process that no later process shares, and the advisory locks of integrations. */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

#define PROCESS_TEXT 96
/* "pid start-time boot-id": another process that gets the same number later differs. NUL-terminated. */
void process_identity(char out[PROCESS_TEXT]);
bool process_alive(struct str identity);
int64_t process_pid(struct str identity); /* 0 when it is not an identity */

struct store_lock;
/* Takes the lock on `dir`/`file name of the integration` (made with its folder). ERR_CONFLICT names the holder;
 * ERR_DISK. */
enum err lock_take(const char *dir, struct str integration, struct store_lock **ret, struct errinfo *ei) MUST_USE;
void lock_release(struct store_lock *l); /* NULL is fine */
/* Is the lock held now, and by whom? Takes nothing. False when nobody holds it or it cannot be told. */
bool lock_holder(const char *dir, struct str integration, char out[PROCESS_TEXT]);

#endif
