/* The event log that `log [-f] [NAME]` shows: append-only JSON lines in DIR/sluice.jsonl, rotated at 16 MiB; five older
 * files (.1 is the newest of them) are kept. It tells what happened; it is not the state, and so not synchronized to
 * the disk at each line. */
#ifndef STORE_LOGFILE_H
#define STORE_LOGFILE_H

#include "base/err.h"
#include "base/str.h"

#define LOGFILE_BYTES    (16 << 20)
#define LOGFILE_KEPT     5
#define LOGFILE_LINE_MAX (1 << 20) /* bytes of a line */

struct logfile;
/* Opens or makes the file for appending, `dir` included (mode 0700). `max_bytes` is the size at which it is rotated; 0:
 * LOGFILE_BYTES. */
enum err logfile_open(const char *dir, int64_t max_bytes, struct logfile **ret, struct errinfo *ei) MUST_USE;
void logfile_close(struct logfile *lf); /* NULL is fine */
/* Appends one line (given without newline; line breaks inside become blanks; cut at LOGFILE_LINE_MAX). Thread-safe;
 * several processes may write the same file. ERR_DISK: the line is lost, the next begins cleanly. */
enum err logfile_write(struct logfile *lf, struct str line, struct errinfo *ei) MUST_USE;

/* A place between two lines. All zero: before the oldest line that is kept. */
struct logfile_place {
    uint64_t inode;
    int64_t offset;
};
struct logfile_reader {
    bool (*want)(void *ctx, struct str line); /* NULL: every line */
    void (*line)(void *ctx, struct str line); /* without newline; valid during the call */
    void *ctx;
};
/* Gives the last n lines that are wanted, oldest first. ret_place (may be NULL) gets the place after the last complete
 * line. No file: no lines. */
enum err logfile_tail(const char *dir, size_t n, const struct logfile_reader *r, struct logfile_place *ret_place,
                      struct errinfo *ei) MUST_USE;
/* Gives the complete lines after `place` that are wanted, over rotations too, and moves it. Never waits: the caller
 * decides when to ask again. When the file of `place` is no longer kept, goes on with the oldest that is. */
enum err logfile_follow(const char *dir, struct logfile_place *place, const struct logfile_reader *r,
                        struct errinfo *ei) MUST_USE;

#endif
