/* What the two halves of the preloaded library share. */
#ifndef FAULT_INJECT_H
#define FAULT_INJECT_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The C library's function of this name. Ends the process where there is none. */
void *inject_true(const char *name);

/* The true function of this name, looked up once. */
#define TRUE(name)                                                                                                     \
    ({                                                                                                                 \
        static __typeof__(&name) found_;                                                                               \
        if (!found_)                                                                                                   \
            *(void **)&found_ = inject_true(#name);                                                                    \
        found_;                                                                                                        \
    })

/* Power cuts. What follows is called before the thing that it names is done, on files below `root` only; each answers
 * whether the file is one of them, so that the caller counts it. */
bool power_begin(const char *root); /* false: no root, or it cannot be watched */
bool power_watches_fd(int fd);
bool power_watches(int dir, const char *path);
void power_writes(int fd, int64_t at, size_t n); /* at < 0: at the descriptor's own place */
void power_cuts_short(int fd);                   /* ftruncate: the whole file may be lost */
void power_syncs(int fd);                        /* a file's bytes, or a folder's names */
void power_creates(int dir, const char *path);
void power_unlinks(int dir, const char *path);
void power_renames(int from_dir, const char *from, int to_dir, const char *to);
void power_cut(void) __attribute__((noreturn)); /* undoes what was not synchronized, then kill -9 */

#endif
