/* The files of the dashboard, embedded in the program: a table made by the build of web/. */
#ifndef SERVER_ASSET_H
#define SERVER_ASSET_H

#include <stddef.h>

struct asset {
    const char *path;          /* "/index.html", "/app-3f2a9c1b.js"; a hash in the name makes it immutable for caches */
    const char *type;          /* "text/html; charset=utf-8" */
    const char *etag;          /* with its quotes */
    const unsigned char *gzip; /* NULL: not worth it */
    size_t n_gzip;
    const unsigned char *plain;
    size_t n_plain;
};

extern const struct asset web_assets[];
extern const size_t n_web_assets;

#endif
