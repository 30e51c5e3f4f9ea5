/* The event log: append-only JSON lines with rotation, read backwards by tail and forwards by follow.
 *
 * A line is one write(2) to a file opened with O_APPEND, so lines of several processes do not mix. Before it writes, a
 * writer looks whether the file of that name is still the one it has open (another process may have rotated it).
 * Rotation happens under flock on the file. If the disk fills up in the middle of a line, the next write begins with a
 * newline: the torn line is a line of its own that is no JSON, and readers skip empty lines only.
 *
 * Readers keep a place: inode and offset. The inode finds the file again after it was renamed. Nothing here waits or
 * polls. */
#include "store/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/product.h"
#include "store/files.h"

struct logfile {
    pthread_mutex_t mutex;
    char *dir, *path;
    int fd;
    int64_t max_bytes;
    bool torn; /* the last write was cut short */
    struct buf line;
};

/* The file's name; i 0 is the one written to, 1 the newest of the older ones. free() it. */
static char *path_of(const char *dir, int i)
{
    return i ? files_path("%s/%s.jsonl.%d", dir, PRODUCT, i) : files_path("%s/%s.jsonl", dir, PRODUCT);
}

/* ---- writing; the caller holds the mutex ---- */

static enum err open_file(struct logfile *lf, struct errinfo *ei)
{
    if (lf->fd >= 0)
        close(lf->fd);
    lf->fd = open(lf->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return lf->fd >= 0 ? OK : files_fail(ei, "cannot open the log", lf->path);
}

static bool is_same_file(const struct logfile *lf, int64_t *ret_bytes)
{
    struct stat by_name, mine;
    if (lf->fd < 0 || fstat(lf->fd, &mine) != 0 || stat(lf->path, &by_name) != 0)
        return false;
    *ret_bytes = (int64_t)mine.st_size;
    return mine.st_ino == by_name.st_ino && mine.st_dev == by_name.st_dev;
}

static enum err shift_files(const struct logfile *lf, struct errinfo *ei)
{
    enum err e = OK;
    for (int i = LOGFILE_KEPT - 1; e == OK && i >= 0; i--) {
        char *from = path_of(lf->dir, i), *to = path_of(lf->dir, i + 1);
        if (rename(from, to) != 0 && errno != ENOENT)
            e = files_fail(ei, "cannot rename the log", from);
        free(from);
        free(to);
    }
    return e;
}

/* Another process may rotate at the same moment: who gets the lock second finds that the name stands for a new file. */
static enum err rotate(struct logfile *lf, struct errinfo *ei)
{
    int64_t bytes = 0;
    enum err e = OK;
    if (flock(lf->fd, LOCK_EX) != 0)
        return files_fail(ei, "cannot lock the log", lf->path);
    if (is_same_file(lf, &bytes) && bytes >= lf->max_bytes)
        e = shift_files(lf, ei);
    return e == OK ? open_file(lf, ei) : e; /* closing the old file lets go of the lock */
}

static enum err ready(struct logfile *lf, struct errinfo *ei)
{
    int64_t bytes = 0;
    if (!is_same_file(lf, &bytes)) {
        enum err e = open_file(lf, ei);
        if (e != OK || !is_same_file(lf, &bytes))
            return e;
    }
    return bytes >= lf->max_bytes ? rotate(lf, ei) : OK;
}

static void set_line(struct logfile *lf, struct str line)
{
    buf_clear(&lf->line);
    if (lf->torn)
        buf_byte(&lf->line, '\n');
    size_t from = lf->line.n;
    buf_add(&lf->line, str_sub(line, 0, LOGFILE_LINE_MAX));
    for (size_t i = from; i < lf->line.n; i++) {
        if (lf->line.p[i] == '\n' || lf->line.p[i] == '\r')
            lf->line.p[i] = ' ';
    }
    buf_byte(&lf->line, '\n');
}

static enum err put(struct logfile *lf, struct errinfo *ei)
{
    size_t done = 0;
    while (done < lf->line.n) {
        ssize_t n = write(lf->fd, lf->line.p + done, lf->line.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            lf->torn = lf->torn || done > 0;
            return files_fail(ei, "cannot write the log", lf->path);
        }
        done += (size_t)n;
    }
    lf->torn = false;
    return OK;
}

enum err logfile_write(struct logfile *lf, struct str line, struct errinfo *ei)
{
    pthread_mutex_lock(&lf->mutex);
    enum err e = ready(lf, ei);
    if (e == OK) {
        set_line(lf, line);
        e = lf->line.failed ? fail(ei, ERR_INTERNAL, "no memory for a line of the log") : put(lf, ei);
    }
    pthread_mutex_unlock(&lf->mutex);
    return e;
}

enum err logfile_open(const char *dir, int64_t max_bytes, struct logfile **ret, struct errinfo *ei)
{
    enum err e = files_mkdir(dir, ei);
    if (e != OK)
        return e;
    struct logfile *lf = mem_zero(sizeof *lf);
    *lf = (struct logfile){.dir = files_path("%s", dir),
                           .path = path_of(dir, 0),
                           .fd = -1,
                           .max_bytes = max_bytes > 0 ? max_bytes : LOGFILE_BYTES,
                           .line = buf_make(LOGFILE_LINE_MAX + 2)};
    pthread_mutex_init(&lf->mutex, NULL);
    e = open_file(lf, ei);
    if (e != OK) {
        logfile_close(lf);
        return e;
    }
    *ret = lf;
    return OK;
}

void logfile_close(struct logfile *lf)
{
    if (!lf)
        return;
    if (lf->fd >= 0)
        close(lf->fd);
    pthread_mutex_destroy(&lf->mutex);
    buf_free(&lf->line);
    free(lf->dir);
    free(lf->path);
    free(lf);
}

/* ---- reading ---- */

struct opened {
    int fd;
    uint64_t inode;
    int64_t size;
    int64_t bytes; /* up to and with its last newline, once it was read */
};

/* Opens all files that are kept, the newest first, leaving out those that are missing. A rotation meanwhile can show a
 * file twice: once is enough. */
static enum err open_all(const char *dir, struct opened files[LOGFILE_KEPT + 1], size_t *ret_n, struct errinfo *ei)
{
    size_t n = 0;
    enum err e = OK;
    for (int i = 0; e == OK && i <= LOGFILE_KEPT; i++) {
        char *path = path_of(dir, i);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        if (fd < 0 && errno != ENOENT)
            e = files_fail(ei, "cannot read the log", path);
        free(path);
        if (fd < 0)
            continue;
        bool again = fstat(fd, &st) != 0 || (n > 0 && files[n - 1].inode == (uint64_t)st.st_ino);
        if (again)
            close(fd);
        else
            files[n++] = (struct opened){.fd = fd, .inode = (uint64_t)st.st_ino, .size = (int64_t)st.st_size};
    }
    *ret_n = n;
    return e;
}

static void close_all(struct opened *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        close(files[i].fd);
}

/* Reads from `offset` to the last newline that is there. */
static enum err read_lines(struct opened *f, int64_t offset, struct buf *text, struct errinfo *ei)
{
    buf_clear(text);
    ssize_t n = 1;
    while (n > 0) {
        if (!buf_room(text, 1 << 16))
            return fail(ei, ERR_INTERNAL, "the log is too long to be read");
        n = pread(f->fd, text->p + text->n, 1 << 16, offset + (int64_t)text->n);
        if (n < 0)
            return files_fail(ei, "cannot read", "the log");
        text->n += (size_t)n;
    }
    const char *end = text->n ? memrchr(text->p, '\n', text->n) : NULL;
    text->n = end ? (size_t)(end + 1 - text->p) : 0;
    f->bytes = offset + (int64_t)text->n;
    return OK;
}

static struct buf reading_buf(void)
{
    return buf_make((size_t)LOGFILE_BYTES * 16);
}

static bool is_wanted(const struct logfile_reader *r, struct str line)
{
    return line.n > 0 && (!r->want || r->want(r->ctx, line));
}

/* Copies of lines, the newest first. */
struct kept_lines {
    char **at;
    size_t *lengths;
    size_t n, cap;
};

static void keep_line(struct kept_lines *k, struct str line)
{
    if (k->n == k->cap) {
        k->cap = k->cap ? 2 * k->cap : 64;
        k->at = mem_grow(k->at, k->cap * sizeof *k->at);
        k->lengths = mem_grow(k->lengths, k->cap * sizeof *k->lengths);
    }
    k->at[k->n] = mem_alloc(line.n + 1);
    memcpy(k->at[k->n], line.p, line.n);
    k->lengths[k->n++] = line.n;
}

/* Walks the complete lines of `text` backwards. */
static void keep_backwards(struct str text, size_t n, const struct logfile_reader *r, struct kept_lines *k)
{
    size_t end = text.n; /* just behind a newline, or 0 */
    while (end > 0 && k->n < n) {
        size_t stop = end - 1;
        const char *before = stop ? memrchr(text.p, '\n', stop) : NULL;
        size_t begin = before ? (size_t)(before + 1 - text.p) : 0;
        struct str line = str_mk(text.p + begin, stop - begin);
        if (is_wanted(r, line))
            keep_line(k, line);
        end = begin;
    }
}

enum err logfile_tail(const char *dir, size_t n, const struct logfile_reader *r, struct logfile_place *ret_place,
                      struct errinfo *ei)
{
    struct opened files[LOGFILE_KEPT + 1];
    size_t n_files = 0;
    struct kept_lines kept = {0};
    struct buf text = reading_buf();
    enum err e = open_all(dir, files, &n_files, ei);
    for (size_t i = 0; e == OK && i < n_files && (i == 0 || kept.n < n); i++) {
        e = read_lines(&files[i], 0, &text, ei);
        if (e == OK)
            keep_backwards(buf_str(&text), n, r, &kept);
    }
    for (size_t i = kept.n; e == OK && i > 0; i--)
        r->line(r->ctx, str_mk(kept.at[i - 1], kept.lengths[i - 1]));
    if (e == OK && ret_place)
        *ret_place = n_files ? (struct logfile_place){files[0].inode, files[0].bytes} : (struct logfile_place){0, 0};
    for (size_t i = 0; i < kept.n; i++)
        free(kept.at[i]);
    free(kept.at);
    free(kept.lengths);
    buf_free(&text);
    close_all(files, n_files);
    return e;
}

static void give_forwards(struct str text, const struct logfile_reader *r)
{
    struct str rest = text, line;
    while (rest.n > 0 && str_cut(&rest, '\n', &line)) {
        if (is_wanted(r, line))
            r->line(r->ctx, line);
    }
}

enum err logfile_follow(const char *dir, struct logfile_place *place, const struct logfile_reader *r,
                        struct errinfo *ei)
{
    struct opened files[LOGFILE_KEPT + 1];
    size_t n_files = 0;
    enum err e = open_all(dir, files, &n_files, ei);
    size_t at = 0;
    /* An inode is given out again: a place beyond the end is of an older file. */
    while (at < n_files && (files[at].inode != place->inode || files[at].size < place->offset))
        at++;
    int64_t offset = at < n_files ? place->offset : 0;
    if (at == n_files && n_files > 0)
        at = n_files - 1; /* what we knew is gone: the oldest that is kept */
    struct buf text = reading_buf();
    for (size_t i = at + 1; e == OK && n_files > 0 && i > 0; i--) {
        e = read_lines(&files[i - 1], offset, &text, ei);
        if (e != OK)
            break;
        give_forwards(buf_str(&text), r);
        *place = (struct logfile_place){files[i - 1].inode, files[i - 1].bytes};
        offset = 0;
    }
    buf_free(&text);
    close_all(files, n_files);
    return e;
}
