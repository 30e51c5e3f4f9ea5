/* The journal of one integration: a folder of segments.
 *
 * A segment's name is the number of its first entry, so the list of names is the index: no segment has to be opened to
 * know what it holds, and where the next one begins this one ends. Only the newest is open for writing; one other is
 * kept open for reading. Entries are numbered without gaps; a number that is missing between kept ones means damage,
 * and is told, never skipped. Nothing damaged is ever deleted or repaired here.
 *
 * Durability is SQLite's: one transaction an append, synchronous=FULL. After a failed append the handle is closed (a
 * failed fsync must not be tried again on the same handle), and the next append opens it again and takes away what the
 * failed one may have left.
 *
 * Locks, taken in this order: `write` (the newest segment's handle), `read` (the reader's handle), `index` (the list
 * and the last number; held for moments). So reading does not wait for the disk. A folder is held by one writer through
 * flock on it; other processes read, and look at the folder again when they come to the end of what they know. Time
 * comes from the entries themselves and from the caller. */
#include "store/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/num.h"
#include "store/files.h"
#include "store/segment.h"

const char *purpose_name(int purpose)
{
    static const char *const names[] = {
        [PURPOSE_MAIN] = "main",         [PURPOSE_GAP] = "gap",       [PURPOSE_REMEDY] = "remedy",
        [PURPOSE_BACKFILL] = "backfill", [PURPOSE_REREAD] = "reread", [PURPOSE_REPAIR] = "repair"};

    return purpose >= 0 && purpose <= PURPOSE_LAST ? names[purpose] : "?";
}

struct segments {
    int64_t *firsts; /* ascending */
    size_t n, cap;
};

struct journal {
    char *dir;
    bool read_only;
    struct journal_limits limits;
    int lock_fd; /* the folder, flocked while it is open for writing; -1 */

    pthread_mutex_t write;
    struct segment *writer;                 /* NULL: to be opened */
    bool suspect;                           /* an append failed: cut when opened */
    int64_t writer_bytes, writer_oldest_ms; /* of the newest segment */

    pthread_mutex_t read;
    struct segment *reader; /* NULL: none */

    pthread_mutex_t index;
    struct segments segments;
    int64_t last;
};

/* ---- the list of segments ---- */

static void segments_add(struct segments *s, int64_t first)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 16;
        s->firsts = mem_grow(s->firsts, s->cap * sizeof *s->firsts);
    }
    s->firsts[s->n++] = first;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static enum err segments_list(const char *dir, struct segments *ret, struct errinfo *ei)
{
    ret->n = 0;
    DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT ? OK : files_fail(ei, "cannot list the folder", dir);
    const struct dirent *entry;
    while ((errno = 0, entry = readdir(d))) {
        struct str name = str_of(entry->d_name);
        int64_t first = 0;
        if (name.n >= 11 && str_ends(name, S(".db")) && num_i64(str_sub(name, 0, name.n - 3), &first) && first > 0)
            segments_add(ret, first);
    }
    enum err e = errno ? files_fail(ei, "cannot list the folder", dir) : OK;
    closedir(d);
    if (ret->n)
        qsort(ret->firsts, ret->n, sizeof *ret->firsts, by_number);
    return e;
}

/* First number of the segment that holds `seq`; the list is not empty and begins at or before it. */
static int64_t segments_find(const struct segments *s, int64_t seq)
{
    size_t lo = 0, hi = s->n;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->firsts[mid] <= seq)
            lo = mid;
        else
            hi = mid;
    }
    return s->firsts[lo];
}

static void segments_drop_first(struct segments *s)
{
    s->n--;
    memmove(s->firsts, s->firsts + 1, s->n * sizeof *s->firsts);
}

static int64_t segment_file_bytes(const struct journal *j, int64_t first)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    int64_t bytes = 0;
    for (size_t i = 0; i < 3; i++) {
        char *path = segment_path(j->dir, first, suffixes[i]);
        bytes += files_size(path);
        free(path);
    }
    return bytes;
}

/* ---- the writer; the caller holds `write` ---- */

static int64_t newest_first(struct journal *j)
{
    pthread_mutex_lock(&j->index);
    int64_t first = j->segments.n ? j->segments.firsts[j->segments.n - 1] : 0;
    pthread_mutex_unlock(&j->index);
    return first;
}

static int64_t last_known(struct journal *j)
{
    pthread_mutex_lock(&j->index);
    int64_t last = j->last;
    pthread_mutex_unlock(&j->index);
    return last;
}

static void close_writer(struct journal *j)
{
    segment_close(j->writer);
    j->writer = NULL;
}

/* Takes a segment over as the one to write to. */
static enum err adopt_writer(struct journal *j, struct segment *g, struct segment_span *ret_span, struct errinfo *ei)
{
    enum err e = segment_span(g, ret_span, ei);
    if (e != OK) {
        segment_close(g);
        return e;
    }
    j->writer = g;
    j->writer_bytes = segment_file_bytes(j, segment_first(g));
    j->writer_oldest_ms = ret_span->oldest_ms;
    return OK;
}

/* Opens the newest segment again after a failure. */
static enum err reopen_writer(struct journal *j, struct errinfo *ei)
{
    struct segment *g = NULL;
    struct segment_span span;
    enum err e = segment_open(j->dir, newest_first(j), false, &g, ei);
    if (e == OK && j->suspect)
        e = segment_cut(g, last_known(j), ei);
    if (e != OK) {
        segment_close(g);
        return e;
    }
    e = adopt_writer(j, g, &span, ei);
    if (e == OK)
        j->suspect = false;
    return e;
}

/* The reader must let go of a segment that is sealed or dropped. */
static void forget_reader(struct journal *j, int64_t first)
{
    pthread_mutex_lock(&j->read);
    if (j->reader && segment_first(j->reader) == first) {
        segment_close(j->reader);
        j->reader = NULL;
    }
    pthread_mutex_unlock(&j->read);
}

/* Begins a new segment at last + 1. The old one is sealed only when the new one stands. */
static enum err roll(struct journal *j, struct errinfo *ei)
{
    int64_t first = last_known(j) + 1;
    struct segment *g = NULL;
    enum err e = segment_open(j->dir, first, false, &g, ei);
    if (e != OK)
        return e;
    struct segment *old = j->writer;
    struct segment_span span;
    e = adopt_writer(j, g, &span, ei);
    if (e != OK)
        return e;
    if (old) {
        forget_reader(j, segment_first(old));
        segment_seal(old);
        segment_close(old);
    }
    pthread_mutex_lock(&j->index);
    segments_add(&j->segments, first);
    pthread_mutex_unlock(&j->index);
    return OK;
}

static bool is_full(struct journal *j, int64_t now_ms)
{
    if (last_known(j) < segment_first(j->writer))
        return false; /* it is empty: the next one would have the same name */
    if (j->limits.segment_bytes > 0 && j->writer_bytes >= j->limits.segment_bytes)
        return true;
    return j->limits.segment_ms > 0 && now_ms - j->writer_oldest_ms >= j->limits.segment_ms;
}

static enum err ready_writer(struct journal *j, int64_t now_ms, struct errinfo *ei)
{
    if (newest_first(j) == 0)
        return roll(j, ei);
    if (!j->writer) {
        enum err e = reopen_writer(j, ei);
        if (e != OK)
            return e;
    }
    return is_full(j, now_ms) ? roll(j, ei) : OK;
}

static enum err append(struct journal *j, struct journal_entry *entries, size_t n, struct errinfo *ei)
{
    enum err e = ready_writer(j, entries[0].fetched_ms, ei);
    if (e != OK)
        return e;
    int64_t seq = last_known(j) + 1, bytes = 0;
    if (fault_point("journal_append"))
        e = fail(ei, ERR_DISK, "journal: a rehearsed failure");
    else
        e = segment_append(j->writer, entries, n, seq, &bytes, ei);
    if (e != OK) {
        j->suspect = true;
        close_writer(j);
        err_prefix(ei, "journal");
        return e;
    }
    if (seq == segment_first(j->writer))
        j->writer_oldest_ms = entries[0].fetched_ms;
    j->writer_bytes += bytes;
    for (size_t i = 0; i < n; i++)
        entries[i].seq = seq + (int64_t)i;
    pthread_mutex_lock(&j->index);
    j->last = seq + (int64_t)n - 1;
    pthread_mutex_unlock(&j->index);
    return OK;
}

enum err journal_append(struct journal *j, struct journal_entry *entries, size_t n, struct errinfo *ei)
{
    if (n == 0)
        return OK;
    if (j->read_only)
        return fail(ei, ERR_INTERNAL, "the journal %s was opened for reading", j->dir);
    for (size_t i = 0; i < n; i++) {
        if (entries[i].body.n > JOURNAL_BODY_MAX)
            return fail(ei, ERR_DATA, "a page of %zu bytes is longer than the journal takes (%d)", entries[i].body.n,
                        JOURNAL_BODY_MAX);
    }
    pthread_mutex_lock(&j->write);
    enum err e = append(j, entries, n, ei);
    pthread_mutex_unlock(&j->write);
    return e;
}

/* ---- reading; the caller holds `read` ---- */

static enum err reader_at(struct journal *j, int64_t first, struct errinfo *ei)
{
    if (j->reader && segment_first(j->reader) == first)
        return OK;
    segment_close(j->reader);
    j->reader = NULL;
    return segment_open(j->dir, first, true, &j->reader, ei);
}

/* Another process writes: looks at the folder again. The newest may vanish while we look, when it is pruned: once more
 * then. */
static enum err refresh(struct journal *j, struct errinfo *ei)
{
    struct segments now = {0};
    struct segment_span span = {0};
    enum err e = OK;
    for (int round = 0; round < 3; round++) {
        e = segments_list(j->dir, &now, ei);
        if (e != OK || now.n == 0)
            break;
        int64_t newest = now.firsts[now.n - 1];
        if (j->reader && segment_is_blank(j->reader)) {
            segment_close(j->reader);
            j->reader = NULL;
        }
        e = reader_at(j, newest, ei);
        if (e == OK)
            e = segment_span(j->reader, &span, ei);
        char *path = segment_path(j->dir, newest, "");
        bool gone = e != OK && access(path, F_OK) != 0;
        free(path);
        if (!gone)
            break;
    }
    if (e != OK) {
        free(now.firsts);
        return e;
    }
    pthread_mutex_lock(&j->index);
    free(j->segments.firsts);
    j->segments = now;
    j->last = now.n ? span.last : 0;
    pthread_mutex_unlock(&j->index);
    return OK;
}

/* Where `seq` is: the segment's first number, or 0 when it is beyond the end. *seq moves up to the first that is kept.
 */
static int64_t locate(struct journal *j, int64_t *seq)
{
    pthread_mutex_lock(&j->index);
    int64_t segment = 0;
    if (j->segments.n && *seq < j->segments.firsts[0])
        *seq = j->segments.firsts[0];
    if (j->segments.n && *seq <= j->last)
        segment = segments_find(&j->segments, *seq);
    pthread_mutex_unlock(&j->index);
    return segment;
}

static enum err fail_missing(const struct journal *j, int64_t seq, int64_t segment, struct errinfo *ei)
{
    char *path = segment_path(j->dir, segment, "");
    fail(ei, ERR_DISK, "journal: entry %lld is missing from %s", (long long)seq, path);
    free(path);
    return fail_hint(ei, "A segment was damaged or taken away: restore the folder, or fetch that window again with "
                         "`run NAME --from --to`.");
}

static enum err read_once(struct journal *j, int64_t seq, struct arena *a, struct journal_entry *ret, bool *ret_found,
                          struct errinfo *ei)
{
    int64_t segment = locate(j, &seq);
    if (segment == 0) {
        *ret_found = false;
        return OK;
    }
    bool found = false;
    enum err e = reader_at(j, segment, ei);
    if (e == OK)
        e = segment_read(j->reader, seq, a, ret, &found, ei);
    if (e == OK && !found)
        e = fail_missing(j, seq, segment, ei);
    if (e == OK)
        *ret_found = true;
    return e;
}

enum err journal_read(struct journal *j, int64_t seq, struct arena *a, struct journal_entry *ret, bool *ret_found,
                      struct errinfo *ei)
{
    pthread_mutex_lock(&j->read);
    bool found = false;
    enum err e = read_once(j, seq, a, ret, &found, ei);
    if (j->read_only && (e == ERR_DISK || (e == OK && !found))) {
        /* What we know may be old: entries were added, or the segment was pruned. */
        e = refresh(j, ei);
        if (e == OK)
            e = read_once(j, seq, a, ret, &found, ei);
    }
    if (e == OK)
        *ret_found = found;
    pthread_mutex_unlock(&j->read);
    return e;
}

static void refresh_quietly(struct journal *j)
{
    struct errinfo ignored;
    if (!j->read_only)
        return;
    pthread_mutex_lock(&j->read);
    enum err e = refresh(j, &ignored);
    (void)e; /* what was known stays; reading will tell */
    pthread_mutex_unlock(&j->read);
}

void journal_begin_behind(struct journal *j, int64_t seq)
{
    pthread_mutex_lock(&j->index);
    if (!j->segments.n && seq > j->last)
        j->last = seq;
    pthread_mutex_unlock(&j->index);
}

int64_t journal_last(struct journal *j)
{
    refresh_quietly(j);
    return last_known(j);
}

int64_t journal_first(struct journal *j)
{
    refresh_quietly(j);
    pthread_mutex_lock(&j->index);
    int64_t first = j->segments.n && j->segments.firsts[0] <= j->last ? j->segments.firsts[0] : 0;
    pthread_mutex_unlock(&j->index);
    return first;
}

int64_t journal_bytes(struct journal *j)
{
    refresh_quietly(j);
    pthread_mutex_lock(&j->index);
    int64_t bytes = 0;
    for (size_t i = 0; i < j->segments.n; i++)
        bytes += segment_file_bytes(j, j->segments.firsts[i]);
    pthread_mutex_unlock(&j->index);
    return bytes;
}

/* ---- pruning; the caller holds `write` ---- */

static enum err unlink_segment(const struct journal *j, int64_t first, struct errinfo *ei)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    enum err e = OK;
    for (size_t i = 0; e == OK && i < 3; i++) {
        char *path = segment_path(j->dir, first, suffixes[i]);
        if (unlink(path) != 0 && errno != ENOENT)
            e = files_fail(ei, "cannot delete", path);
        free(path);
    }
    return e;
}

static enum err segment_age(struct journal *j, int64_t first, int64_t now_ms, int64_t *ret_ms, struct errinfo *ei)
{
    struct segment_span span = {0};
    pthread_mutex_lock(&j->read);
    enum err e = reader_at(j, first, ei);
    if (e == OK)
        e = segment_span(j->reader, &span, ei);
    pthread_mutex_unlock(&j->read);
    if (e == OK)
        *ret_ms = now_ms - span.newest_ms;
    return e;
}

/* May the oldest segment go? It ends before the next begins; the newest never goes while it is the newest. */
static enum err may_drop(struct journal *j, const struct prune_rule *rule, int64_t bytes, bool *ret, struct errinfo *ei)
{
    pthread_mutex_lock(&j->index);
    int64_t first = j->segments.n ? j->segments.firsts[0] : 0;
    int64_t end = j->segments.n > 1 ? j->segments.firsts[1] - 1 : INT64_MAX;
    pthread_mutex_unlock(&j->index);
    *ret = first && end <= rule->done && bytes > rule->max_bytes;
    if (*ret || !first || end > rule->done)
        return OK;
    int64_t age_ms = 0;
    enum err e = segment_age(j, first, rule->now_ms, &age_ms, ei);
    *ret = e == OK && age_ms > rule->keep_ms;
    return e;
}

/* When the newest segment itself is done and too old, an empty one takes its place, so that its number is remembered.
 */
static enum err retire_newest(struct journal *j, const struct prune_rule *rule, struct errinfo *ei)
{
    int64_t first = newest_first(j), last = last_known(j), age_ms = 0;
    if (first == 0 || last < first || last > rule->done)
        return OK;
    enum err e = segment_age(j, first, rule->now_ms, &age_ms, ei);
    if (e != OK || age_ms <= rule->keep_ms)
        return e;
    if (!j->writer)
        e = reopen_writer(j, ei);
    return e == OK ? roll(j, ei) : e;
}

static enum err prune(struct journal *j, const struct prune_rule *rule, size_t *dropped, struct errinfo *ei)
{
    enum err e = retire_newest(j, rule, ei);
    if (e != OK)
        return e;
    int64_t bytes = journal_bytes(j);
    bool drop = false;
    while ((e = may_drop(j, rule, bytes, &drop, ei)) == OK && drop) {
        pthread_mutex_lock(&j->index);
        int64_t first = j->segments.firsts[0];
        segments_drop_first(&j->segments);
        pthread_mutex_unlock(&j->index);
        forget_reader(j, first);
        bytes -= segment_file_bytes(j, first);
        e = unlink_segment(j, first, ei);
        if (e != OK)
            break;
        ++*dropped;
    }
    if (e == OK && *dropped)
        e = files_sync_dir(j->dir, ei);
    return e;
}

enum err journal_prune(struct journal *j, const struct prune_rule *rule, size_t *ret_dropped, struct errinfo *ei)
{
    if (j->read_only)
        return fail(ei, ERR_INTERNAL, "the journal %s was opened for reading", j->dir);
    size_t dropped = 0;
    pthread_mutex_lock(&j->write);
    enum err e = prune(j, rule, &dropped, ei);
    pthread_mutex_unlock(&j->write);
    if (e == OK)
        *ret_dropped = dropped;
    else
        err_prefix(ei, "journal");
    return e;
}

/* ---- opening ---- */

static enum err hold_folder(struct journal *j, struct errinfo *ei)
{
    j->lock_fd = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->lock_fd < 0)
        return files_fail(ei, "cannot open the folder", j->dir);
    if (flock(j->lock_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return OK; /* where folders cannot be locked, the lock of the integration has to do */
    fail(ei, ERR_CONFLICT, "the journal %s is being written by another process", j->dir);
    return fail_hint(ei, "Wait until it is done, or stop it.");
}

/* A crash in the middle of dropping a segment leaves files beside a database that is gone. */
static void sweep(const struct journal *j)
{
    DIR *d = opendir(j->dir);
    const struct dirent *entry;
    while (d && (entry = readdir(d))) {
        struct str name = str_of(entry->d_name);
        int64_t first = 0;
        bool beside = name.n >= 15 && (str_ends(name, S(".db-wal")) || str_ends(name, S(".db-shm")));
        if (!beside || !num_i64(str_sub(name, 0, name.n - 7), &first) || j->segments.n == 0 ||
            first >= j->segments.firsts[0])
            continue;
        if (unlinkat(dirfd(d), entry->d_name, 0) != 0)
            break;
    }
    if (d)
        closedir(d);
}

static enum err open_for_writing(struct journal *j, struct errinfo *ei)
{
    enum err e = files_mkdir(j->dir, ei);
    if (e == OK)
        e = hold_folder(j, ei);
    if (e == OK)
        e = segments_list(j->dir, &j->segments, ei);
    if (e != OK || j->segments.n == 0)
        return e;
    sweep(j);
    struct segment *g = NULL;
    struct segment_span span = {0};
    e = segment_open(j->dir, newest_first(j), false, &g, ei);
    if (e == OK)
        e = adopt_writer(j, g, &span, ei);
    if (e == OK)
        j->last = span.last;
    return e;
}

enum err journal_open(const char *dir, struct journal_limits limits, bool read_only, struct journal **ret,
                      struct errinfo *ei)
{
    struct journal *j = mem_zero(sizeof *j);
    *j = (struct journal){.dir = files_path("%s", dir), .read_only = read_only, .limits = limits, .lock_fd = -1};
    pthread_mutex_init(&j->write, NULL);
    pthread_mutex_init(&j->read, NULL);
    pthread_mutex_init(&j->index, NULL);
    enum err e = read_only ? refresh(j, ei) : open_for_writing(j, ei);
    if (e != OK) {
        journal_close(j);
        return e;
    }
    *ret = j;
    return OK;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    segment_close(j->reader);
    segment_close(j->writer);
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    pthread_mutex_destroy(&j->write);
    pthread_mutex_destroy(&j->read);
    pthread_mutex_destroy(&j->index);
    free(j->segments.firsts);
    free(j->dir);
    free(j);
}
