/* Inside of the store: the handle, its mutex, statements that are kept, transactions. For the files of this folder
 * only. */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include <pthread.h>

#include "base/map.h"
#include "db/sqlite.h"
#include "store/lock.h"
#include "store/store.h"

/* One slot for each kept statement. Its text stands beside the code that runs it. */
enum slot {
    SLOT_ID_FIND,
    SLOT_ID_ADD,
    SLOT_PROGRESS_GET,
    SLOT_PROGRESS_PUT,
    SLOT_PROGRESS_PAUSE,
    SLOT_FACT_GET,
    SLOT_FACT_PUT,
    SLOT_FACT_DROP,
    SLOT_RUN_BEGIN,
    SLOT_RUN_END,
    SLOT_RUN_LIST,
    SLOT_RUN_PRUNE,
    SLOT_DEAD_AGAIN,
    SLOT_DEAD_ADD,
    SLOT_DEAD_SUPERSEDE,
    SLOT_DEAD_SETTLE,
    SLOT_DEAD_LIST,
    SLOT_DEAD_LIST_ID,
    SLOT_DEAD_COUNT,
    SLOT_DEAD_SET,
    SLOT_DEAD_EDIT,
    SLOT_DEAD_PRUNE,
    SLOT_GAP_ADD,
    SLOT_GAP_LIST,
    SLOT_GAP_CLOSE,
    SLOT_GAP_PRUNE,
    SLOT_LEDGER_GET,
    SLOT_LEDGER_PUT,
    SLOT_LEDGER_COUNT,
    SLOT_FIELD_LIST,
    SLOT_FIELD_LEARN,
    SLOT_FIELD_FORGET,
    SLOT_FIELD_ACCEPT,
    SLOT_CHANGE_FIND,
    SLOT_CHANGE_PUT,
    SLOT_CHANGE_LIST,
    SLOT_CHANGE_CLOSE,
    SLOT_CHANGE_ACCEPT,
    SLOT_CHANGE_FORGET,
    SLOT_WINDOW_ADD,
    SLOT_WINDOW_LIST,
    SLOT_WINDOW_OPEN,
    SLOT_WINDOW_PRUNE,
    SLOT_METRIC_ADD,
    SLOT_METRIC_MAX,
    SLOT_METRIC_LIST,
    SLOT_COUNT
};

struct store {
    pthread_mutex_t mutex; /* over all that follows, except what never changes: dir, uuid, process */
    struct sqlite *db;
    struct sqlite_stmt *kept[SLOT_COUNT];
    struct map *ids; /* integration → number */
    char *dir;
    char uuid[40];
    char process[PROCESS_TEXT];
};

/* All below: the caller holds the mutex. */

enum err state_put_fact(struct store *s, struct str name, struct str value, struct errinfo *ei) MUST_USE;
/* The statement of a slot, prepared at first use; reset it (sqlite_run does) when done. */
enum err state_stmt(struct store *s, enum slot slot, const char *sql, struct sqlite_stmt **ret,
                    struct errinfo *ei) MUST_USE;
/* The number of an integration; 0 when it is not known and not to be made. Not inside a transaction when it is to be
 * made. */
enum err state_id(struct store *s, struct str integration, bool make, int64_t *ret, struct errinfo *ei) MUST_USE;
enum err state_begin(struct store *s, struct errinfo *ei) MUST_USE;
/* Commits when `e` is OK, else rolls back; gives the first failure. */
enum err state_end(struct store *s, enum err e, struct errinfo *ei) MUST_USE;
/* Copies a column's text into the arena; p stays NULL for NULL. */
enum err state_text(struct sqlite_stmt *st, int col, struct arena *a, struct str *ret, struct errinfo *ei) MUST_USE;
/* The array in the arena, with room for one more element than n. */
enum err state_room(struct arena *a, void **array, size_t n, size_t size, struct errinfo *ei) MUST_USE;
/* "" for p NULL, for columns that are NOT NULL. */
static inline struct str state_given(struct str s)
{
    return s.p ? s : S("");
}

#endif
