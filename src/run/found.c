/* A record that lies at or before the cursor, and that the ledger does not know at this version, was not there when its
 * range was read. When a tier of reading again brings it, it was *found missing* (decisions 13); in any case it is late
 * (lateness.c). The overlap is where ordinary runs meet late records: for those few pages the ledger is asked too.
 *
 * Records that lie after the cursor are new by nature. Their lateness needs no question. */
#include "run/found.h"

#include "base/decimal.h"
#include "base/log.h"
#include "base/map.h"
#include "run/lateness.h"

#include <stdio.h>
#include <stdlib.h>

struct found {
    struct pipeline *p;
    struct lateness late;
    struct hashset *noted; /* a record that is read twice before it is written counts once */
};

struct found *found_new(struct pipeline *p)
{
    struct found *f = mem_zero(sizeof *f);

    f->p = p;
    f->noted = hashset_new();
    return f;
}

static bool again(const struct page *page)
{
    return page->purpose == PURPOSE_REMEDY || page->purpose == PURPOSE_REREAD;
}

/* Does it lie where the ledger can tell? */
static bool behind(const struct found *f, const struct batch_record *r)
{
    return r->modified_ms > 0 && r->modified_ms / 1000 <= f->p->missing_until_s &&
           r->modified_ms / 1000 > f->p->missing_from_s;
}

bool found_asks(const struct found *f, const struct page *page, const struct batch_record *r, size_t n)
{
    if (again(page))
        return true;
    for (size_t i = 0; i < n && f->p->ran_before && page->purpose == PURPOSE_MAIN; i++)
        if (behind(f, &r[i]))
            return true;
    return false;
}

static bool known_at(const struct ledger_entry *known, const struct batch_record *r)
{
    return known && !(known->version.n && r->version.n && decimal_cmp_text(known->version, r->version) < 0);
}

bool found_note(struct found *f, const struct page *page, const struct batch_record *r,
                const struct ledger_entry *known)
{
    int64_t late_s = (page->fetched_ms - r->modified_ms) / 1000;
    bool measured = f->p->ledger && f->p->ran_before;

    if (f->p->frozen || (page->purpose != PURPOSE_MAIN && !again(page)))
        return false;
    if (!behind(f, r)) {
        if (measured && page->purpose == PURPOSE_MAIN && r->modified_ms / 1000 > f->p->missing_until_s)
            lateness_on_time(&f->late);
        return false;
    }
    if (known_at(known, r) || !hashset_add(f->noted, hash_bytes(r->key)))
        return false;
    if (measured)
        lateness_late(&f->late, late_s > 0 ? late_s : 0, f->p->missing_until_s - r->modified_ms / 1000);
    return again(page);
}

static void tell(const struct found *f)
{
    const struct integration *i = f->p->flow->integration;
    char text[200];
    int n;

    if (f->late.behind_max_s <= i->overlap_ms / 1000)
        return;
    n = snprintf(
        text, sizeof text,
        "records became visible later than lag and overlap cover: an overlap of %lld s would have been needed, "
        "it is %lld s",
        (long long)f->late.behind_max_s, (long long)(i->overlap_ms / 1000));
    pipeline_emit(f->p, (struct event){.kind = EVENT_NOTICE, .text = {text, (size_t)n}});
}

void found_free(struct found *f)
{
    struct errinfo ei;

    if (!f)
        return;
    if (f->p->store && !f->p->frozen && f->p->sink) {
        if (lateness_keep(&f->late, f->p->store, f->p->flow->integration->name, &ei))
            log_warn("%s", ei.msg);
        tell(f);
    }
    hashset_free(f->noted);
    free(f);
}
