/* Files are looked at by name, size, inode and time of change, not read: that costs a `stat` each, works on every file
 * system, and sees what editors do, who write a new file and rename it. Hidden files (and .sluice) do not count. */
#include "run/generation.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"

#define PATH_BYTES 4096
#define DEPTH_MAX  6

enum err generation_read(const char *dir, int64_t number, struct generation **ret, struct errinfo *ei)
{
    struct generation *g = mem_zero(sizeof *g);
    enum err err;

    g->diags = diags_new();
    g->number = number;
    atomic_store(&g->refs, 1);
    err = project_open(dir, NULL, 0, g->diags, &g->project, ei);
    if (err) {
        generation_unref(g);
        return err;
    }
    *ret = g;
    return OK;
}

struct generation *generation_ref(struct generation *g)
{
    atomic_fetch_add(&g->refs, 1);
    return g;
}

void generation_unref(struct generation *g)
{
    if (!g || atomic_fetch_sub(&g->refs, 1) != 1)
        return;
    project_close(g->project);
    diags_free(g->diags);
    free(g);
}

static uint64_t mix(const char *path, const struct stat *st)
{
    int64_t parts[] = {(int64_t)st->st_ino, (int64_t)st->st_size, (int64_t)st->st_mtim.tv_sec,
                       (int64_t)st->st_mtim.tv_nsec, (int64_t)st->st_mode};

    return hash_stable(str_of(path)) * 31 + hash_stable(str_mk((const char *)parts, sizeof parts));
}

/* The sum of all files below, so that the order in which they are listed does not matter. */
static uint64_t look(const char *path, int depth)
{
    DIR *d = depth < DEPTH_MAX ? opendir(path) : NULL;
    uint64_t sum = 0;
    struct dirent *e;

    while (d && (e = readdir(d))) {
        char name[PATH_BYTES];
        struct stat st;
        int n = snprintf(name, sizeof name, "%s/%s", path, e->d_name);

        if (e->d_name[0] == '.' || n >= (int)sizeof name || stat(name, &st))
            continue;
        sum += S_ISDIR(st.st_mode) ? look(name, depth + 1) : mix(name, &st);
    }
    if (d)
        closedir(d);
    return sum;
}

uint64_t generation_fingerprint(const char *dir)
{
    static const char *const folders[] = {"connections", "integrations", "maps", "connectors"};
    char path[PATH_BYTES];
    struct stat st;
    uint64_t sum = 0;

    snprintf(path, sizeof path, "%s/sluice.json", dir);
    if (stat(path, &st) == 0)
        sum = mix(path, &st);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, folders[i]);
        sum += look(path, 0);
    }
    return sum;
}
