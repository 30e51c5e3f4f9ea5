/* Files and folders of the project's own state: private (0700 and 0600, less the umask) and known to the disk. */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include "base/err.h"
#include "base/str.h"

/* Formats a path; free() it. Ends the process when memory is out. */
char *files_path(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Makes the folder and those above it that are missing. It may exist. ERR_DISK. */
enum err files_mkdir(const char *dir, struct errinfo *ei) MUST_USE;
/* Makes an empty file unless it exists; it and its name are on the disk when this returns. ERR_DISK. */
enum err files_create(const char *path, struct errinfo *ei) MUST_USE;
/* Makes the names in a folder durable. ERR_DISK. */
enum err files_sync_dir(const char *dir, struct errinfo *ei) MUST_USE;
/* ERR_DISK about `path` with the words of errno and what to do. `doing`: "cannot write". */
enum err files_fail(struct errinfo *ei, const char *doing, const char *path);
/* Bytes of a file; 0 when there is none. */
int64_t files_size(const char *path);

#define FILES_NAME_MAX 200
/* A file name for any name: ASCII letters, digits, "_" and "-" stay, each other byte becomes %XX. A long one is cut and
 * ends in "~" and a hash of the whole. Different names give different file names; none is empty, ".", ".." or holds
 * "/". NUL-terminated; gives the length. */
size_t files_name(struct str name, char out[FILES_NAME_MAX]);

#endif
