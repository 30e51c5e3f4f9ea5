/* One segment of a journal: an SQLite file named by the number of its first entry (00000001.db). For journal.c only.
 * One thread at a time. */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "store/journal.h"

struct segment;

/* The path of a segment's file; `suffix` "", "-wal" or "-shm". free() it. */
char *segment_path(const char *dir, int64_t first, const char *suffix);
/* Opens; for writing, the file is made when it is missing. A file that was made and never filled (a crash) is an empty
 * segment. */
enum err segment_open(const char *dir, int64_t first, bool read_only, struct segment **ret,
                      struct errinfo *ei) MUST_USE;
void segment_close(struct segment *g); /* NULL is fine */
int64_t segment_first(const struct segment *g);
/* Opened for reading before its tables were made: it has nothing, and has to be opened again to see more. */
bool segment_is_blank(const struct segment *g);
/* Number of the newest entry (first - 1: none), when the first and the newest were fetched (0: none). */
struct segment_span {
    int64_t last, oldest_ms, newest_ms;
};
enum err segment_span(struct segment *g, struct segment_span *ret, struct errinfo *ei) MUST_USE;
/* Writes n entries, numbered from `seq`, in one transaction. ret_bytes: what they take. After a failure: close it, cut
 * when opened again. */
enum err segment_append(struct segment *g, const struct journal_entry *entries, size_t n, int64_t seq,
                        int64_t *ret_bytes, struct errinfo *ei) MUST_USE;
/* Takes away entries beyond `last` that a failed append may have left. */
enum err segment_cut(struct segment *g, int64_t last, struct errinfo *ei) MUST_USE;
/* The entry `seq`, as journal_read gives it. */
enum err segment_read(struct segment *g, int64_t seq, struct arena *a, struct journal_entry *ret, bool *ret_found,
                      struct errinfo *ei) MUST_USE;
/* No more will be written: makes it one plain file that can be read anywhere. Does nothing when another process reads
 * it just now. */
void segment_seal(struct segment *g);

#endif
