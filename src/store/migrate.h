/* Brings a database to the version that this program knows. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "db/sqlite.h"

/* steps[i] leads from user_version i to i + 1. All missing steps run in one transaction: a crash leaves the old version
 * whole. Other processes that do the same at once wait and find it done. A version beyond n_steps is ERR_CONFIG. With
 * `read_only` an older version is ERR_CONFIG. */
enum err migrate(struct sqlite *db, const char *const *steps, int64_t n_steps, bool read_only,
                 struct errinfo *ei) MUST_USE;

#endif
