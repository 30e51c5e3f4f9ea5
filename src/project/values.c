/* What a connection's options come to when somebody connects: references filled in, relative paths begun at the
 * project. Done when it is needed and not when the project is read, so that a missing secret of one connection is no
 * obstacle to another. */
#include "project/project.h"
#include "project/secret.h"

static struct str below(struct arena *a, const char *dir, struct str path)
{
    struct buf b = buf_make(SIZE_MAX / 4);
    struct str ret;

    buf_printf(&b, "%s/", dir);
    buf_add(&b, path);
    ret = arena_str(a, buf_str(&b));
    buf_free(&b);
    return ret;
}

enum err connection_values(const struct project *p, const struct connection *c, struct arena *a, struct strs *ret,
                           struct errinfo *ei)
{
    struct str *values = ARENA_ARRAY(a, struct str, c->options.n + 1);
    size_t n;
    const struct connector_option *options = connector_options(c->connector, &n);

    for (size_t i = 0; i < c->options.n && i < n; i++) {
        enum err err = secret_resolve(p->dir, c->options.at[i], a, &values[i], ei);

        if (err) {
            err_prefix(ei, "connection \"" STR_FMT "\", \"" STR_FMT "\"", STR_ARG(c->name), STR_ARG(options[i].name));
            return err;
        }
        if (options[i].secret)
            secret_hide(values[i]);
        if (options[i].type == OPTION_PATH && values[i].n && values[i].p[0] != '/')
            values[i] = below(a, p->dir, values[i]);
    }
    *ret = (struct strs){values, c->options.n};
    return OK;
}
