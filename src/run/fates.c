/* Notes of a batch are kept before it is written, in a transaction of their own that does not wait for the disk. When
 * the batch is not committed after all, the next run begins by taking them away (run.c); when power is lost, what is
 * missing is noted again from the journal, as far as that tells. */
#include "run/fates.h"

#include <stdlib.h>

#define FATES_MAX 65536

struct fates {
    struct pipeline *p;
    struct record_note *at;
    size_t n, cap;
};

struct fates *fates_new(struct pipeline *p)
{
    struct fates *f = p->kept && !p->frozen ? mem_zero(sizeof *f) : NULL;

    if (f)
        f->p = p;
    return f;
}

void fates_free(struct fates *f)
{
    if (f)
        free(f->at);
    free(f);
}

size_t fates_add(struct fates *f, const struct batch_record *r)
{
    if (!f)
        return FATES_NONE;
    if (f->n == f->cap) {
        f->cap = f->cap ? 2 * f->cap : 1024;
        f->at = mem_grow(f->at, f->cap * sizeof *f->at);
    }
    f->at[f->n] = (struct record_note){.hash = r->key.n ? records_hash(r->key) : 0, .page = r->page, .row = r->row};
    return f->n++;
}

void fates_set(struct fates *f, size_t note, enum record_fate_kind fate, size_t detail)
{
    if (!f || note == FATES_NONE)
        return;
    f->at[note].fate = (uint16_t)fate;
    f->at[note].detail = (uint16_t)(detail < FATE_DETAIL_MAX ? detail : FATE_DETAIL_MAX);
}

bool fates_full(const struct fates *f)
{
    return f && f->n >= FATES_MAX;
}

bool fates_lack(const struct fates *f, const struct batch_record *r)
{
    const struct records_reach *to = f ? &f->p->kept_to : NULL;

    return f && (r->page > to->page || (r->page == to->page && r->row >= to->row));
}

enum err fates_keep(struct fates *f, int64_t page, int32_t row, struct errinfo *ei)
{
    struct records_reach to = {page, row < 0 ? INT32_MAX : row};
    enum err e;

    if (!f)
        return OK;
    e = records_add(f->p->kept, f->at, f->n, to, ei);
    f->n = 0;
    f->p->kept_to = to;
    return e;
}
