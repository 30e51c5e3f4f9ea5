/* Who did what: one JSON line an action, appended and never changed, each bound to the one before by its hash
 * (`hash` = SHA-256 of the line without that member; `prev` is the hash of the line before, 64 zeros at first). */
#ifndef SERVER_AUDIT_H
#define SERVER_AUDIT_H

#include "base/clock.h"
#include "base/json.h"

struct audit;

struct audit_entry {
    struct str user, address, method, path;
    int status;
    struct str before, after; /* JSON, or p NULL */
};

/* Opens or makes the file (0600) and walks its chain. A broken one is said in the log and goes on behind its last line.
 * ERR_DISK. */
enum err audit_open(const char *path, const struct clock *clock, struct audit **ret, struct errinfo *ei) MUST_USE;
void audit_close(struct audit *l); /* NULL is fine */
/* Appends. Thread-safe. Values known as secrets (log_hide) are masked. A failure is told in the log. */
void audit_write(struct audit *l, const struct audit_entry *e);
/* Appends the newest entries, at most `limit`, whose number lies below `before` (0: all) as members of an object:
 * "entries", "next", "intact", and "broken_at" (the first line that does not fit, from 1) when they are not. */
enum err audit_read(struct audit *l, int64_t before, int64_t limit, struct json_out *w, struct errinfo *ei) MUST_USE;

#endif
