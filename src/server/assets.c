/* The dashboard's files. A path that is no file and no API is the page itself, which finds its way by the path: so a
 * link to /integrations/orders works when it is opened anew. */
#include "server/impl.h"

static const struct asset *named(const struct server *s, struct str path)
{
    for (size_t i = 0; i < s->o.n_assets; i++)
        if (str_eq(path, str_of(s->o.assets[i].path)))
            return &s->o.assets[i];
    return NULL;
}

const struct asset *asset_find(const struct server *s, struct str path)
{
    const struct asset *found = named(s, path);
    size_t slash = path.n;

    if (found || str_starts(path, S("/api/")) || str_eq(path, S("/api")) || !path.n || path.p[0] != '/')
        return found;
    while (slash && path.p[slash - 1] != '/')
        slash--;
    return memchr(path.p + slash, '.', path.n - slash) ? NULL : named(s, S("/index.html"));
}

/* "/app-3f2a9c1b.js": eight hex digits or more, or letters and digits of a bundler, before the extension. */
bool asset_immutable(const struct asset *a)
{
    const char *dash = strrchr(a->path, '-'), *dot = strrchr(a->path, '.');

    if (!dash || !dot || dot - dash < 9)
        return false;
    for (const char *p = dash + 1; p < dot; p++)
        if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
            return false;
    return true;
}
