/* The audit log. A line is written with one write() to a file opened for appending, and what was written last is
 * remembered: while the program runs it notices lines cut off behind as well as lines changed. At rest the chain shows
 * changes, insertions and removals inside; that the end was cut off shows only to whoever kept the last hash elsewhere.
 * Reading walks the whole file: entries are few, people read them rarely, and
 * the walk is what checks the chain. */
#include "server/audit.h"

#include "base/digest.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_TEXT   65
#define ENTRY_BYTES (64u << 10)
#define VALUE_BYTES (8u << 10)

struct audit {
    char *path;
    int fd;
    const struct clock *clock;
    pthread_mutex_t lock;
    char last[HASH_TEXT];
    int64_t n; /* lines */
};

/* One pass over the file: what it found. */
struct walk {
    char last[HASH_TEXT];
    int64_t n, broken_at; /* 0: intact */
    int64_t from, to;     /* lines to keep: from < number <= to */
    struct buf *keep;     /* NULL: none */
};

static void hash_line(struct str line, char out[HASH_TEXT])
{
    uint8_t bytes[DIGEST_MAX];

    hex_lower(bytes, digest(DIGEST_SHA256, &line, 1, bytes), out);
}

/* A line ends with ,"hash":"…"}: what is hashed is all before that. */
static bool split_line(struct str line, struct str *ret_text, struct str *ret_hash)
{
    static const size_t tail = sizeof ",\"hash\":\"\"}" - 1 + HASH_TEXT - 1;

    if (line.n <= tail || !str_starts(str_sub(line, line.n - tail, tail), S(",\"hash\":\"")) ||
        !str_ends(line, S("\"}")))
        return false;
    *ret_text = str_sub(line, 0, line.n - tail);
    *ret_hash = str_sub(line, line.n - 2 - (HASH_TEXT - 1), HASH_TEXT - 1);
    return true;
}

static void walk_line(struct walk *w, struct str line)
{
    struct str text, hash;
    char found[HASH_TEXT], prev[HASH_TEXT + 16];
    bool ok = split_line(line, &text, &hash);

    w->n++;
    if (ok) {
        (void)snprintf(prev, sizeof prev, ",\"prev\":\"%s\"", w->last);
        hash_line(text, found);
        ok = str_eq(hash, str_of(found)) && str_ends(text, str_of(prev));
        memcpy(w->last, hash.p, HASH_TEXT - 1);
    }
    if (!ok && !w->broken_at)
        w->broken_at = w->n;
    if (w->keep && w->n > w->from && w->n <= w->to) {
        buf_add(w->keep, line);
        buf_byte(w->keep, '\n');
    }
}

static enum err walk_file(const char *path, struct walk *w, struct errinfo *ei)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    bool bad;

    memset(w->last, '0', HASH_TEXT - 1);
    w->last[HASH_TEXT - 1] = 0;
    if (!f)
        return fail(ei, ERR_DISK, "%s cannot be read: %s", path, strerror(errno));
    while ((n = getline(&line, &cap, f)) > 0)
        walk_line(w, str_mk(line, (size_t)n - (line[n - 1] == '\n')));
    bad = ferror(f) != 0;
    free(line);
    (void)fclose(f);
    return bad ? fail(ei, ERR_DISK, "%s cannot be read", path) : OK;
}

/* A line that a crash cut short gets its end, so that the next stands on its own. */
static void end_last_line(int fd)
{
    struct stat st;
    char c;

    if (fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &c, 1, st.st_size - 1) == 1 && c != '\n' &&
        write(fd, "\n", 1) != 1)
        log_warn("the audit log ends in half a line");
}

enum err audit_open(const char *path, const struct clock *clock, struct audit **ret, struct errinfo *ei)
{
    struct walk w = {0};
    struct audit *l;
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum err err;

    if (fd < 0)
        return fail(ei, ERR_DISK, "%s cannot be opened: %s", path, strerror(errno));
    end_last_line(fd);
    err = walk_file(path, &w, ei);
    if (err) {
        close(fd);
        return err;
    }
    if (w.broken_at)
        log_error("%s was changed: line %lld does not follow from the one before", path, (long long)w.broken_at);
    l = mem_zero(sizeof *l);
    l->path = mem_alloc(strlen(path) + 1);
    memcpy(l->path, path, strlen(path) + 1);
    l->fd = fd;
    l->clock = clock;
    l->n = w.n;
    memcpy(l->last, w.last, HASH_TEXT);
    pthread_mutex_init(&l->lock, NULL);
    *ret = l;
    return OK;
}

void audit_close(struct audit *l)
{
    if (!l)
        return;
    close(l->fd);
    pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l);
}

/* JSON that a handler gave, with secrets masked; what is long is told by its size. */
static void put_value(struct json_out *w, const char *key, struct str json)
{
    char masked[VALUE_BYTES + 1];
    size_t n;

    json_out_key(w, key);
    if (!json.p) {
        json_out_null(w);
        return;
    }
    n = json.n <= VALUE_BYTES / 2 ? log_mask(json, masked, sizeof masked) : 0;
    if (n) {
        json_out_raw(w, str_mk(masked, n));
        return;
    }
    json_out_begin(w, '{');
    json_out_key(w, "bytes");
    json_out_int(w, (int64_t)json.n);
    json_out_end(w, '}');
}

static void put_entry(struct audit *l, const struct audit_entry *e, struct buf *line)
{
    struct json_out w = json_out(line);
    char at[TIME_TEXT], path[2048];

    json_out_begin(&w, '{');
    json_out_key(&w, "n");
    json_out_int(&w, l->n + 1);
    json_out_key(&w, "at");
    json_out_str(&w, str_mk(at, time_rfc3339(NULL, clock_wall(l->clock), at)));
    json_out_key(&w, "user");
    json_out_str(&w, e->user);
    json_out_key(&w, "address");
    json_out_str(&w, e->address);
    json_out_key(&w, "method");
    json_out_str(&w, e->method);
    json_out_key(&w, "path");
    json_out_str(&w, str_mk(path, log_mask(e->path, path, sizeof path)));
    json_out_key(&w, "status");
    json_out_int(&w, e->status);
    put_value(&w, "before", e->before);
    put_value(&w, "after", e->after);
    json_out_key(&w, "prev");
    json_out_cstr(&w, l->last);
}

void audit_write(struct audit *l, const struct audit_entry *e)
{
    struct buf line = buf_make(ENTRY_BYTES);
    char hash[HASH_TEXT];

    pthread_mutex_lock(&l->lock);
    put_entry(l, e, &line);
    hash_line(buf_str(&line), hash);
    buf_printf(&line, ",\"hash\":\"%s\"}\n", hash);
    if (line.failed || write(l->fd, line.p, line.n) != (ssize_t)line.n) {
        log_error("%s cannot be written: %s", l->path, strerror(errno));
    } else {
        memcpy(l->last, hash, HASH_TEXT);
        l->n++;
    }
    pthread_mutex_unlock(&l->lock);
    buf_free(&line);
}

/* The kept lines, newest first. */
static void put_lines(struct str lines, struct json_out *w)
{
    size_t end = lines.n;

    while (end > 0) {
        size_t begin = end - 1;

        while (begin > 0 && lines.p[begin - 1] != '\n')
            begin--;
        struct str line = str_sub(lines, begin, end - 1 - begin);
        struct json_doc *doc = NULL;

        if (json_parse(line, &JSON_LIMITS_DEFAULT, &doc, NULL, NULL) == OK)
            json_out_raw(w, line);
        json_free(doc);
        end = begin;
    }
}

enum err audit_read(struct audit *l, int64_t before, int64_t limit, struct json_out *w, struct errinfo *ei)
{
    struct buf lines = buf_make(((size_t)32 << 20));
    struct walk walk = {.keep = &lines};
    enum err err;

    pthread_mutex_lock(&l->lock);
    walk.to = before > 0 && before <= l->n ? before - 1 : l->n;
    walk.from = walk.to > limit ? walk.to - limit : 0;
    err = walk_file(l->path, &walk, ei);
    if (!err && !walk.broken_at && (walk.n != l->n || memcmp(walk.last, l->last, HASH_TEXT) != 0))
        walk.broken_at = walk.n + 1;
    pthread_mutex_unlock(&l->lock);
    if (!err) {
        json_out_key(w, "entries");
        json_out_begin(w, '[');
        put_lines(buf_str(&lines), w);
        json_out_end(w, ']');
        json_out_key(w, "next");
        if (walk.from > 0)
            json_out_int(w, walk.from + 1);
        else
            json_out_null(w);
        json_out_key(w, "intact");
        json_out_bool(w, !walk.broken_at);
        if (walk.broken_at) {
            json_out_key(w, "broken_at");
            json_out_int(w, walk.broken_at);
        }
    }
    buf_free(&lines);
    return err;
}
