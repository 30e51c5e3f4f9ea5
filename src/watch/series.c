/* Rings in a file.
 *
 * The file is a head (magic, which also tells byte order and layout) and blocks of equal size, one an integration: its
 * name, then the points of each level, where the place of a point follows from its time alone. So nothing has to be
 * counted or moved, a crash costs at most the point that was being written, and whatever stands in a place that does
 * not carry the time asked for is simply not known: the figures of 30 days ago, a hole while serve was down, rubbish
 * after a loss of power. Points are written in place through the page cache and never synchronized: they are for
 * charts, not for the books. Memory holds the names only.
 *
 * The block of an integration that went stays: it may come back with its history. */
#include "watch/series.h"

#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC      0x3176736369756c73 /* "sluicsv1", where bytes lie as they do here */
#define HEAD_BYTES 4096
#define NAME_BYTES 256
#define POINTS     (360 + 1440 + 2880)
#define BLOCKS_MAX 100000

const struct series_level series_levels[SERIES_LEVELS] = {{10, 360}, {60, 1440}, {900, 2880}};

struct block {
    char name[NAME_BYTES];
    struct series_point points[POINTS];
};

struct series {
    int fd;
    size_t n;          /* blocks */
    struct map *names; /* → block */
};

static off_t offset_of(size_t block, int level, int64_t at_s)
{
    const struct series_level *l = &series_levels[level];
    size_t at = (size_t)(at_s / l->step_s) % l->points;

    for (int i = 0; i < level; i++)
        at += series_levels[i].points;
    return (off_t)(HEAD_BYTES + block * sizeof(struct block) + offsetof(struct block, points) +
                   at * sizeof(struct series_point));
}

static bool write_all(int fd, const void *p, size_t n, off_t at)
{
    ssize_t done = pwrite(fd, p, n, at);

    while (done < 0 && errno == EINTR)
        done = pwrite(fd, p, n, at);
    if (done >= 0 && (size_t)done < n)
        errno = ENOSPC;
    return done == (ssize_t)n;
}

static bool begin_anew(struct series *s)
{
    int64_t magic = MAGIC;

    s->n = 0;
    return ftruncate(s->fd, 0) == 0 && write_all(s->fd, &magic, sizeof magic, 0);
}

/* Learns the names of the blocks that are whole. */
static void read_names(struct series *s)
{
    char name[NAME_BYTES];
    struct stat st;

    if (fstat(s->fd, &st) != 0)
        return;
    while (s->n < BLOCKS_MAX) {
        off_t at = (off_t)(HEAD_BYTES + s->n * sizeof(struct block));

        if (at + NAME_BYTES > st.st_size || pread(s->fd, name, sizeof name, at) != NAME_BYTES)
            return;
        name[NAME_BYTES - 1] = '\0';
        map_put(s->names, str_of(name), s->n++);
    }
}

enum err series_open(const char *path, struct series **ret, struct errinfo *ei)
{
    struct series *s = mem_zero(sizeof *s);
    int64_t magic = 0;

    s->names = map_new_copying((size_t)BLOCKS_MAX * NAME_BYTES);
    s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->fd < 0 || ((pread(s->fd, &magic, sizeof magic, 0) != sizeof magic || magic != MAGIC) && !begin_anew(s))) {
        fail(ei, ERR_DISK, "%s: %s", path, strerror(errno));
        series_close(s);
        return ei->code;
    }
    read_names(s);
    *ret = s;
    return OK;
}

void series_close(struct series *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    map_free(s->names);
    free(s);
}

size_t series_block(struct series *s, struct str integration)
{
    struct str cut = str_sub(integration, 0, NAME_BYTES - 1);
    size_t block = map_get(s->names, cut);
    char name[NAME_BYTES] = {0};

    if (block != MAP_NONE)
        return block;
    block = s->n++;
    memcpy(name, cut.p, cut.n);
    map_put(s->names, cut, block);
    (void)write_all(s->fd, name, sizeof name, (off_t)(HEAD_BYTES + block * sizeof(struct block))); /* put tells */
    return block;
}

enum err series_put(struct series *s, size_t block, int level, const struct series_point *p, struct errinfo *ei)
{
    if (block >= BLOCKS_MAX)
        return fail(ei, ERR_DISK, "there are more than %d integrations", BLOCKS_MAX);
    if (!write_all(s->fd, p, sizeof *p, offset_of(block, level, p->at_s)))
        return fail(ei, ERR_DISK, "%s", strerror(errno));
    return OK;
}

void series_get(const struct series *s, const struct series_place *from, struct series_point *ret, size_t n)
{
    const struct series_level *l = &series_levels[from->level];

    memset(ret, 0, n * sizeof *ret);
    for (size_t i = 0; i < n;) {
        int64_t want = from->at_s + (int64_t)i * l->step_s;
        size_t at = (size_t)(want / l->step_s) % l->points, run = l->points - at < n - i ? l->points - at : n - i;
        ssize_t got = pread(s->fd, ret + i, run * sizeof *ret, offset_of(from->block, from->level, want));
        size_t whole = got > 0 ? (size_t)got / sizeof *ret : 0;

        memset(ret + i + whole, 0, (run - whole) * sizeof *ret);
        for (size_t k = 0; k < run; k++)
            if (ret[i + k].at_s != want + (int64_t)k * l->step_s)
                ret[i + k].at_s = 0;
        i += run;
    }
}
