/* What records look like is nobody's concern here: they all look the same. */
#include "run/drift.h"

#include "dst.h"

enum err drift_open(struct pipeline *p, struct drift_run **ret, struct errinfo *ei)
{
    (void)p;
    (void)ei;
    *ret = NULL;
    return OK;
}

void drift_free(struct drift_run *d)
{
    (void)d;
}

void drift_watch(struct drift_run *d, struct shaper *sh)
{
    (void)d;
    (void)sh;
}

enum err drift_page(struct drift_run *d, struct shaper *sh, const struct page *page, struct errinfo *ei)
{
    (void)d;
    (void)sh;
    (void)page;
    (void)ei;
    return OK;
}

enum err drift_batch(struct drift_run *d, const struct shaper *sh, const struct batch *b, struct errinfo *ei)
{
    (void)d;
    (void)sh;
    (void)b;
    (void)ei;
    return OK;
}

enum err drift_end(struct drift_run *d, const struct shaper *sh, struct errinfo *ei)
{
    (void)d;
    (void)sh;
    (void)ei;
    return OK;
}

enum err drift_make_room(struct drift_run *d, struct errinfo *ei)
{
    (void)d;
    (void)ei;
    return OK;
}
