/* Writes a .tar.gz: file by file, beside its place; it is there whole or not at all. */
#ifndef APP_TARBALL_H
#define APP_TARBALL_H

#include "base/err.h"
#include "base/str.h"

struct tarball;
struct tarball_file {
    const char *path; /* in the archive; one that ends with "/" is a folder */
    struct str text;
    int64_t modified_s; /* since 1970 */
    unsigned mode;      /* such as 0600 */
};

/* Begins the archive that is to be at `path`. */
enum err tarball_begin(const char *path, struct tarball **ret, struct errinfo *ei) MUST_USE;
enum err tarball_add(struct tarball *t, const struct tarball_file *f, struct errinfo *ei) MUST_USE;
/* Ends it: on the disk and in its place when this is OK. ERR_USAGE: something is there, and not to be replaced.
 * *ret_bytes: its size. Frees `t` in either case. */
enum err tarball_end(struct tarball *t, bool replace, int64_t *ret_bytes, struct errinfo *ei) MUST_USE;
void tarball_drop(struct tarball *t);                         /* nothing is left of it; NULL is fine */
enum err tarball_taken(const char *path, struct errinfo *ei); /* the ERR_USAGE of something that is there */

#endif
