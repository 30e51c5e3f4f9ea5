/* How a window is read so that nothing can hide.
 *
 * Backward (the default for page numbers): page 1 is a probe that tells the total and the page size that the server really gives. Does it hold the whole window, the window is done in one
 * call. Else pages are read from the last to the first: a record that leaves the window meanwhile moves others only towards pages that are still to come. Page 1 comes last and tells
 * the total again: the window is verified when total before = distinct ids = total after.
 *
 * Without totals only a window of one page can be shown to be complete (has_next false, page 2 empty); a longer one is narrowed, and where that is not possible read forward to its end
 * and reported as not verified.
 *
 * Forward, offset, link and cursor paging end on the upstream's own end mark and on counts, never on a short page alone: a server may give fewer rows than were asked for. Reading stops at
 * a page that came twice and at a ceiling of pages, so a has_next that is true for ever ends too.
 *
 * It does not know time: which window this is, and how it is halved, is decided in run/window. */
#include "connector/pager.h"

#include "base/decimal.h"
#include "base/map.h"
#include <stdlib.h>

#define PAGES_MAX 100000

enum state { ASK_PROBE, ASK_SECOND, ASK_BACKWARD, ASK_FORWARD, FINISHED };

struct pager {
    struct pager_plan plan;
    enum state state;
    int64_t page, pages, offset;
    int64_t learnt;
    int64_t total_before, total;
    struct hashset *ids;
    uint64_t last_digest;
    int64_t asked;
    char cursor[64];
    size_t cursor_n;
    char *link;
    size_t link_n;
    enum pager_end end;
    const char *why;
};

struct pager *pager_new(void)
{
    struct pager *p = mem_zero(sizeof *p);
    p->ids = hashset_new();
    return p;
}

void pager_free(struct pager *p)
{
    if (!p)
        return;
    hashset_free(p->ids);
    free(p->link);
    free(p);
}

static void set_cursor(struct pager *p, struct str s)
{
    p->cursor_n = s.n < sizeof p->cursor ? s.n : 0;
    if (p->cursor_n)
        memcpy(p->cursor, s.p, p->cursor_n);
}

void pager_start(struct pager *p, const struct pager_plan *plan)
{
    const struct paging *g = plan->paging;

    p->plan = *plan;
    p->state = g->kind == PAGE_BACKWARD ? ASK_PROBE : ASK_FORWARD;
    p->page = g->first_page;
    p->pages = -1;
    p->offset = 0;
    p->learnt = plan->size_learnt;
    p->total_before = p->total = -1;
    p->asked = 0;
    p->last_digest = 0;
    p->end = PAGER_UNVERIFIED;
    p->why = "";
    p->link_n = 0;
    hashset_clear(p->ids);
    set_cursor(p, plan->cursor.n ? plan->cursor : g->cursor_first);
    p->plan.cursor = (struct str){0};
}

bool pager_next(struct pager *p, struct pager_ask *ret)
{
    if (p->state == FINISHED)
        return false;
    *ret = (struct pager_ask){
        .page = p->page,
        .size = p->plan.size,
        .offset = p->offset,
        .cursor = {p->cursor, p->cursor_n},
        .link = {p->link, p->link_n},
    };
    p->asked++;
    return true;
}

static enum pager_keep finish(struct pager *p, enum pager_end end, const char *why, enum pager_keep keep)
{
    p->state = FINISHED;
    p->end = end;
    p->why = why;
    return keep;
}

/* It did not add up: halves where that is possible, else the truth about it. */
static enum pager_keep doubt(struct pager *p, const char *why, enum pager_keep keep)
{
    return finish(p, p->plan.may_narrow ? PAGER_NARROW : PAGER_UNVERIFIED, why, keep);
}

static void add_ids(struct pager *p, const struct pager_facts *f)
{
    for (size_t i = 0; i < f->n_ids; i++)
        hashset_add(p->ids, f->ids[i]);
}

static uint64_t digest_ids(const struct pager_facts *f)
{
    return f->n_ids ? hash_bytes((struct str){(const char *)f->ids, f->n_ids * sizeof *f->ids}) : 0;
}

/* The page size by which the server counts: what it gave on a page that is not the last. */
static void learn_size(struct pager *p, const struct reply *r)
{
    int64_t rows = (int64_t)r->n_records;
    bool more = r->has_next == 1 || (r->total >= 0 && r->total > rows);

    if (rows > 0 && rows < p->plan.size && more)
        p->learnt = rows;
    else if (rows >= p->plan.size)
        p->learnt = p->plan.size;
}

static bool one_page_holds_all(const struct pager *p, const struct reply *r)
{
    return r->has_next == 0 && (int64_t)r->n_records < p->plan.size &&
           (r->total < 0 || r->total == (int64_t)hashset_count(p->ids));
}

static enum pager_keep told_probe_without_total(struct pager *p, const struct pager_facts *f)
{
    const struct reply *r = f->reply;

    if (r->n_records == 0 && r->has_next != 1)
        return finish(p, PAGER_VERIFIED, "", PAGER_KEEP);
    if (r->has_next == 0) {
        p->state = ASK_SECOND;
        p->page = p->plan.paging->first_page + 1;
        return PAGER_KEEP;
    }
    if (p->plan.may_narrow)
        return finish(p, PAGER_NARROW, "more than one page, and no total was told", PAGER_SKIP);
    p->state = ASK_FORWARD;
    p->page = p->plan.paging->first_page + 1;
    p->last_digest = digest_ids(f);
    return PAGER_KEEP;
}

static int64_t pages_of(const struct pager *p, const struct reply *r)
{
    int64_t size = p->learnt > 0 ? p->learnt : p->plan.size;
    int64_t pages = (r->total + size - 1) / size;

    if (r->pages > pages)
        pages = r->pages;
    if (pages < 1)
        pages = 1;
    return pages > PAGES_MAX ? PAGES_MAX : pages;
}

static enum pager_keep told_probe(struct pager *p, const struct pager_facts *f)
{
    const struct reply *r = f->reply;

    add_ids(p, f);
    learn_size(p, r);
    p->total_before = p->total = r->total;
    if (r->total < 0)
        return told_probe_without_total(p, f);
    if (one_page_holds_all(p, r))
        return finish(p, PAGER_VERIFIED, "", PAGER_KEEP);
    hashset_clear(p->ids);
    if (p->plan.may_narrow && p->plan.narrow_above > 0 && r->total > p->plan.narrow_above)
        return finish(p, PAGER_NARROW, "more records than are read in one piece", PAGER_SKIP);
    p->pages = pages_of(p, r);
    p->page = p->plan.paging->first_page + p->pages - 1;
    p->state = ASK_BACKWARD;
    return PAGER_SKIP;
}

static enum pager_keep told_second(struct pager *p, const struct pager_facts *f)
{
    if (f->reply->n_records == 0)
        return finish(p, PAGER_VERIFIED, "", PAGER_SKIP);
    add_ids(p, f);
    if (p->plan.may_narrow)
        return finish(p, PAGER_NARROW, "has_next was false, but page 2 has rows", PAGER_KEEP);
    p->state = ASK_FORWARD;
    p->page++;
    p->last_digest = digest_ids(f);
    return PAGER_KEEP;
}

static enum pager_keep told_backward(struct pager *p, const struct pager_facts *f)
{
    add_ids(p, f);
    p->total = f->reply->total;
    if (p->page > p->plan.paging->first_page) {
        p->page--;
        return PAGER_KEEP;
    }
    if (p->total < 0)
        return doubt(p, "the total was told at first and then no more", PAGER_KEEP);
    if (p->total != p->total_before)
        return doubt(p, "the total changed while the window was read", PAGER_KEEP);
    if (p->total != (int64_t)hashset_count(p->ids))
        return doubt(p, "the number of distinct records differs from the total", PAGER_KEEP);
    return finish(p, PAGER_VERIFIED, "", PAGER_KEEP);
}

/* Is the text `a` greater than `b` as a number (rowversions, ids), else as text? */
static bool cursor_greater(struct str a, struct str b)
{
    struct decimal x, y;

    if (decimal_parse(a, &x) && decimal_parse(b, &y))
        return decimal_cmp(&x, &y) > 0;
    return str_cmp(a, b) > 0;
}

static enum pager_keep told_cursor(struct pager *p, const struct pager_facts *f)
{
    add_ids(p, f);
    if (f->n_ids == 0 || !f->cursor_max.n || !cursor_greater(f->cursor_max, (struct str){p->cursor, p->cursor_n}))
        return finish(p, PAGER_VERIFIED, "", f->n_ids ? PAGER_KEEP : PAGER_SKIP);
    if (f->cursor_max.n >= sizeof p->cursor)
        return finish(p, PAGER_UNVERIFIED, "the cursor field is too long", PAGER_KEEP);
    set_cursor(p, f->cursor_max);
    if (p->asked >= PAGES_MAX)
        return finish(p, PAGER_UNVERIFIED, "the ceiling of pages was reached", PAGER_KEEP);
    return PAGER_KEEP;
}

static void set_link(struct pager *p, struct str link)
{
    p->link = mem_grow(p->link, link.n + 1);
    memcpy(p->link, link.p, link.n);
    p->link_n = link.n;
}

/* The end of a forward reading: what was counted decides. */
static enum pager_keep end_forward(struct pager *p, bool told_the_end, enum pager_keep keep)
{
    if (p->total_before >= 0 && p->total >= 0) {
        if (p->total == p->total_before && p->total == (int64_t)hashset_count(p->ids))
            return finish(p, PAGER_VERIFIED, "", keep);
        return doubt(p, "the number of distinct records differs from the total", keep);
    }
    if (told_the_end && (p->plan.paging->kind == PAGE_LINK || p->plan.paging->kind == PAGE_NONE))
        return finish(p, PAGER_VERIFIED, "", keep);
    if (told_the_end && p->asked <= 2)
        return finish(p, PAGER_VERIFIED, "", keep);
    return doubt(p, "no total was told for a window of several pages", keep);
}

static bool was_last(const struct pager *p, const struct reply *r)
{
    switch (p->plan.paging->kind) {
    case PAGE_NONE:
        return true;
    case PAGE_LINK:
        return r->next_link.n == 0;
    case PAGE_OFFSET:
    case PAGE_FORWARD:
    case PAGE_BACKWARD:
    case PAGE_CURSOR:
        break;
    }
    if (r->n_records == 0)
        return true;
    /* a total that is reached ends it without a call for an empty page */
    return r->has_next == 0 && p->total >= 0 && (int64_t)hashset_count(p->ids) >= p->total;
}

static enum pager_keep told_forward(struct pager *p, const struct pager_facts *f)
{
    const struct reply *r = f->reply;
    enum pager_keep keep = r->n_records ? PAGER_KEEP : PAGER_SKIP;
    uint64_t print = digest_ids(f);

    if (p->plan.paging->kind == PAGE_CURSOR)
        return told_cursor(p, f);
    if (print && print == p->last_digest)
        return doubt(p, "the same page came twice", PAGER_SKIP);
    p->last_digest = print;
    add_ids(p, f);
    learn_size(p, r);
    if (p->asked == 1)
        p->total_before = r->total;
    p->total = r->total;
    if (was_last(p, r))
        return end_forward(p, r->has_next != 1, keep);
    if (p->asked >= PAGES_MAX)
        return doubt(p, "the ceiling of pages was reached", keep);
    if (p->plan.paging->kind == PAGE_LINK)
        set_link(p, r->next_link);
    p->offset += (int64_t)r->n_records;
    p->page++;
    return keep;
}

enum pager_keep pager_told(struct pager *p, const struct pager_facts *facts)
{
    switch (p->state) {
    case ASK_PROBE:
        return told_probe(p, facts);
    case ASK_SECOND:
        return told_second(p, facts);
    case ASK_BACKWARD:
        return told_backward(p, facts);
    case ASK_FORWARD:
        return told_forward(p, facts);
    case FINISHED:
        break;
    }
    return PAGER_SKIP;
}

enum pager_end pager_result(const struct pager *p, const char **ret_why)
{
    *ret_why = p->why;
    return p->end;
}

int64_t pager_size_learnt(const struct pager *p) { return p->learnt; }

int64_t pager_total(const struct pager *p) { return p->total; }

int64_t pager_pages_left(const struct pager *p)
{
    if (p->state == FINISHED)
        return 0;
    return p->state == ASK_BACKWARD ? p->page - p->plan.paging->first_page + 1 : -1;
}

struct str pager_cursor(const struct pager *p) { return (struct str){p->cursor, p->cursor_n}; }
