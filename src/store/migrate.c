/* Migrations: a table of SQL texts, one for each version, and SQLite's user_version as the place where the version is
 * kept.
 *
 * The version is looked at first without a transaction (the ordinary case: nothing to do), and again inside the write
 * transaction, because another process may have been quicker. Steps are never changed after a release, only added. */
#include "store/migrate.h"

#include <stdio.h>

#include "base/product.h"

static enum err read_version(struct sqlite *db, int64_t *ret, struct errinfo *ei)
{
    struct sqlite_stmt *st = NULL;
    enum err e = sqlite_prepare(db, S("PRAGMA user_version"), &st, ei);
    bool row = false;
    if (e == OK)
        e = sqlite_step(st, &row, ei);
    if (e == OK)
        *ret = row ? sqlite_int(st, 0) : 0;
    sqlite_finalize(st);
    return e;
}

static enum err fail_newer(struct sqlite *db, int64_t version, int64_t known, struct errinfo *ei)
{
    fail(ei, ERR_CONFIG, "%s was written by a newer %s (format %lld; this one knows %lld)", sqlite_path(db), PRODUCT,
         (long long)version, (long long)known);
    return fail_hint(ei, "Use the newer program, or restore the state that the older one left.");
}

static enum err run_steps(struct sqlite *db, const char *const *steps, int64_t n_steps, struct errinfo *ei)
{
    int64_t version = 0;
    enum err e = read_version(db, &version, ei);
    if (e == OK && (version < 0 || version > n_steps))
        e = fail_newer(db, version, n_steps, ei);
    for (int64_t i = version; e == OK && i < n_steps; i++) {
        e = sqlite_exec(db, steps[i], ei);
        if (e != OK)
            err_prefix(ei, "format %lld", (long long)i + 1);
    }
    if (e != OK)
        return e;
    char set[64];
    snprintf(set, sizeof set, "PRAGMA user_version = %lld", (long long)n_steps);
    return sqlite_exec(db, set, ei);
}

enum err migrate(struct sqlite *db, const char *const *steps, int64_t n_steps, bool read_only, struct errinfo *ei)
{
    int64_t version = 0;
    enum err e = read_version(db, &version, ei);
    if (e != OK || version == n_steps)
        return e;
    if (version < 0 || version > n_steps)
        return fail_newer(db, version, n_steps, ei);
    if (read_only) {
        fail(ei, ERR_CONFIG, "%s was written by an older %s (format %lld; this one reads %lld)", sqlite_path(db),
             PRODUCT, (long long)version, (long long)n_steps);
        return fail_hint(ei, "Run the integration or serve once: that brings it up to date.");
    }
    e = sqlite_exec(db, "BEGIN IMMEDIATE", ei);
    if (e != OK)
        return e;
    e = run_steps(db, steps, n_steps, ei);
    if (e == OK)
        e = sqlite_exec(db, "COMMIT", ei);
    if (e != OK && sqlite_exec(db, "ROLLBACK", NULL) != OK)
        err_prefix(ei, "the migration was not rolled back");
    return e;
}
