/* How a window is read so that nothing can hide.
 *
 * Backward (the default for page numbers): page 1 is a probe that tells the total and the page size that the server
 * really gives. Does it hold the whole window, the window is done in one call. Else pages are read from the last to the
 * first: a record that leaves the window meanwhile moves others only towards pages that are still to come. Page 1 comes
 * last. The window is verified when every total told on the way is the same and is the number of distinct ids, those
 * of the probe included: a row that was pushed off page 1 makes one too many. And each of the probe must come again on
 * a page that is kept: a record that was read already and moves to the front within the window pushes one off page 1
 * without changing the number. A has_next on the last page is looked
 * into, because a total may be stale.
 *
 * Without totals only a window of one page can be shown to be complete (has_next false, page 2 empty; or a has_next
 * that is true even on the empty page 2); a longer one is narrowed, and where that is not possible read forward to its
 * end and reported as not verified.
 *
 * Forward, offset, link and cursor paging end on the upstream's own end mark and on counts, never on a short page
 * alone: a server may give fewer rows than were asked for. Reading stops at a page that brings nothing new and at a
 * ceiling of pages, so a has_next that is true for ever ends too. Once it is known that the numbers cannot add up, and
 * the window can be read again in halves, the rest of it is not read.
 *
 * It does not know time: which window this is, and how it is halved, is decided in run/window. */
#include "connector/pager.h"

#include "base/plant.h"

#include "base/decimal.h"
#include "base/map.h"
#include <stdlib.h>

#define PAGES_MAX 100000

enum state { ASK_PROBE, ASK_SECOND, ASK_BACKWARD, ASK_FORWARD, FINISHED };

struct pager {
    struct pager_plan plan;
    enum state state;
    int64_t page, offset;
    int64_t last, told_last; /* backward: where it begins; where the total alone says that it begins */
    bool looked_beyond;      /* backward: the page behind the last was asked for */
    bool single;             /* without totals: page 1 looked like the only one */
    int64_t learnt;
    int64_t total_before, total;
    const char *moved; /* why the window cannot be verified any more; NULL: it still can */
    struct hashset *ids;
    struct hashset *kept; /* backward: those of pages that are kept; the probe's is not */
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
    p->kept = hashset_new();
    return p;
}

void pager_free(struct pager *p)
{
    if (!p)
        return;
    hashset_free(p->ids);
    hashset_free(p->kept);
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
    p->offset = 0;
    p->looked_beyond = p->single = false;
    p->learnt = plan->size_learnt;
    p->total_before = p->total = -1;
    p->moved = NULL;
    p->asked = 0;
    p->end = PAGER_UNVERIFIED;
    p->why = "";
    p->link_n = 0;
    hashset_clear(p->ids);
    hashset_clear(p->kept);
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

/* Gives how many of them were new. */
static size_t add_ids(struct pager *p, const struct pager_facts *f)
{
    size_t fresh = 0;

    for (size_t i = 0; i < f->n_ids; i++)
        fresh += hashset_add(p->ids, f->ids[i]);
    return fresh;
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

/* Rows and total come from one reply, so nothing can have moved between them. */
static bool one_page_holds_all(const struct pager *p, const struct reply *r)
{
    return r->has_next != 1 && r->total == (int64_t)hashset_count(p->ids);
}

/* Without a total: does page 1 look like the only one? Where has_next is not told, a page that is not full has to do.
 */
static bool looks_single(const struct pager *p, const struct reply *r)
{
    int64_t rows = (int64_t)r->n_records;

    return r->has_next == 0 || (r->has_next < 0 && rows < p->plan.size && (p->learnt <= 0 || rows < p->learnt));
}

static enum pager_keep told_probe_without_total(struct pager *p, const struct pager_facts *f)
{
    const struct reply *r = f->reply;

    if (r->n_records == 0 && r->has_next != 1)
        return finish(p, PAGER_VERIFIED, "", PAGER_KEEP);
    p->page = p->plan.paging->first_page + 1;
    if (p->single || (p->plan.may_narrow && (int64_t)r->n_records < p->plan.size)) {
        p->state = ASK_SECOND;
        return PAGER_KEEP;
    }
    if (p->plan.may_narrow)
        return finish(p, PAGER_NARROW, "more than one page, and no total was told", PAGER_KEEP);
    p->state = ASK_FORWARD;
    return PAGER_KEEP;
}

/* Page numbers count from first_page on. A has_next against the total sends it one page further. */
static void begin_backward(struct pager *p, const struct reply *r)
{
    int64_t size = p->learnt > 0 ? p->learnt : p->plan.size, first = p->plan.paging->first_page;
    int64_t pages = (r->total + size - 1) / size;

    if (pages < 1)
        pages = 1;
    if (pages > PAGES_MAX)
        pages = PAGES_MAX;
    p->told_last = first + pages - 1;
    if (pages == 1 && r->has_next == 1)
        pages = 2;
    if (r->pages > pages)
        pages = r->pages < PAGES_MAX ? r->pages : PAGES_MAX;
    p->page = p->last = first + pages - 1;
    p->state = ASK_BACKWARD;
}

static enum pager_keep told_probe(struct pager *p, const struct pager_facts *f)
{
    const struct reply *r = f->reply;

    p->single = looks_single(p, r);
    add_ids(p, f);
    learn_size(p, r);
    p->total_before = p->total = r->total;
    if (r->total < 0)
        return told_probe_without_total(p, f);
    if (one_page_holds_all(p, r))
        return finish(p, PAGER_VERIFIED, "", PAGER_KEEP);
    if (p->plan.may_narrow && p->plan.narrow_above > 0 && r->total > p->plan.narrow_above)
        return finish(p, PAGER_NARROW, "more records than are read in one piece", PAGER_SKIP);
    begin_backward(p, r);
    return PAGER_SKIP;
}

/* An empty page 2 with has_next true: has_next is no guide here, and the pages themselves end. */
static enum pager_keep told_second(struct pager *p, const struct pager_facts *f)
{
    if (f->reply->n_records == 0 && (f->reply->has_next == 1) != p->single)
        return finish(p, PAGER_VERIFIED, "", PAGER_SKIP);
    add_ids(p, f);
    if (p->plan.may_narrow)
        return finish(p, PAGER_NARROW, "more than one page, and no total was told", PAGER_KEEP);
    p->single = false;
    p->state = ASK_FORWARD;
    p->page++;
    return PAGER_KEEP;
}

/* Notes what this page says against the window's being whole. A page behind the end may tell no total. */
static void watch_totals(struct pager *p, const struct reply *r)
{
    if (r->total < 0 && !r->n_records)
        return;
    p->total = r->total;
    if (r->total >= 0 && p->total_before >= 0 && r->total != p->total_before && !PLANTED(moving_total))
        p->moved = "the total changed while the window was read";
}

/* The page to ask for after this one: down to the first, with a look behind the last where has_next asks for it. False
 * when the first was it. */
static bool step_backward(struct pager *p, const struct reply *r)
{
    if (p->page > p->last) {
        if (r->n_records)
            p->moved = "there are rows behind the last page that the total tells of";
        p->page = p->last - 1;
    } else if (p->page == p->last && r->has_next == 1 && r->n_records && !p->looked_beyond) {
        p->looked_beyond = true;
        p->page = p->last + 1;
    } else if (!r->n_records && p->page > p->told_last) {
        p->page = p->last = p->told_last; /* `pages` told too many */
    } else {
        p->page--;
    }
    return p->page >= p->plan.paging->first_page;
}

/* The total tells of rows where there are none: it is no guide. Where halving is not possible pages are read as they
 * come. */
static enum pager_keep distrust_total(struct pager *p)
{
    p->moved = "the last pages that the total tells of are empty";
    if (p->plan.may_narrow)
        return doubt(p, p->moved, PAGER_SKIP);
    hashset_clear(p->ids);
    p->page = p->plan.paging->first_page;
    p->state = ASK_FORWARD;
    return PAGER_SKIP;
}

static enum pager_keep told_backward(struct pager *p, const struct pager_facts *f)
{
    add_ids(p, f);
    for (size_t i = 0; i < f->n_ids; i++)
        hashset_add(p->kept, f->ids[i]);
    watch_totals(p, f->reply);
    if (!f->reply->n_records && p->page == p->told_last && p->page == p->last && p->page > p->plan.paging->first_page)
        return distrust_total(p);
    if (step_backward(p, f->reply))
        return p->moved && p->plan.may_narrow ? doubt(p, p->moved, PAGER_KEEP) : PAGER_KEEP;
    if (p->moved)
        return doubt(p, p->moved, PAGER_KEEP);
    if (p->total < 0)
        return doubt(p, "the total was told at first and then no more", PAGER_KEEP);
    if (p->total != (int64_t)hashset_count(p->ids))
        return PLANTED(no_count) ? finish(p, PAGER_VERIFIED, "", PAGER_KEEP)
                                 : doubt(p, "the number of distinct records differs from the total", PAGER_KEEP);
    if (hashset_count(p->kept) != hashset_count(p->ids) && !PLANTED(first_look))
        return doubt(p, "a record of the first look was not on the pages that were read", PAGER_KEEP);
    return finish(p, PAGER_VERIFIED, "", PAGER_KEEP);
}

/* The next page begins at the greatest value seen, so its first row comes twice. What cannot be shown: that a page
 * which does not get further was not cut off in the middle of rows with one value. */
static enum pager_keep told_cursor(struct pager *p, const struct pager_facts *f)
{
    const struct reply *r = f->reply;
    bool more = r->has_next == 1 || (int64_t)r->n_records >= p->plan.size;

    if (!f->n_ids && r->has_next == 1)
        return finish(p, PAGER_UNVERIFIED, "has_next is true on an empty page", PAGER_SKIP);
    if (!f->n_ids)
        return finish(p, PAGER_VERIFIED, "", PAGER_SKIP);
    if (!f->cursor_max.n)
        return finish(p, PAGER_UNVERIFIED, "no row has the cursor field", PAGER_KEEP);
    if (decimal_cmp_text(f->cursor_max, (struct str){p->cursor, p->cursor_n}) <= 0)
        return more ? finish(p, PAGER_UNVERIFIED, "more rows than a page holds have one value of the cursor field",
                             PAGER_KEEP)
                    : finish(p, PAGER_VERIFIED, "", PAGER_KEEP);
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
    enum page_kind kind = p->plan.paging->kind;

    if (p->moved)
        return doubt(p, p->moved, keep);
    if (p->total_before >= 0 && p->total >= 0) {
        if (p->total == (int64_t)hashset_count(p->ids))
            return finish(p, PAGER_VERIFIED, "", keep);
        return doubt(p, "the number of distinct records differs from the total", keep);
    }
    if (!told_the_end)
        return doubt(p, "has_next is true on the last page", keep);
    if (kind == PAGE_LINK || kind == PAGE_NONE || p->asked == 1 || (p->asked == 2 && p->single))
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
    if (r->n_records == 0 || (PLANTED(short_page) && (int64_t)r->n_records < p->plan.size))
        return true;
    /* a total that is reached ends it without a call for an empty page */
    return r->has_next != 1 && p->total >= 0 && (int64_t)hashset_count(p->ids) >= p->total;
}

/* Why reading on would be of no use; NULL: it is. */
static const char *why_stop(const struct pager *p, const struct pager_facts *f, size_t fresh)
{
    if (f->n_ids && !fresh)
        return "a page brought nothing new";
    if (p->asked >= PAGES_MAX)
        return "the ceiling of pages was reached";
    if (p->plan.paging->kind == PAGE_LINK && str_eq(f->reply->next_link, (struct str){p->link, p->link_n}))
        return "the next address is the one just called";
    return p->plan.may_narrow ? p->moved : NULL;
}

static enum pager_keep told_forward(struct pager *p, const struct pager_facts *f)
{
    const struct reply *r = f->reply;
    enum pager_keep keep = r->n_records ? PAGER_KEEP : PAGER_SKIP;
    const char *why;
    size_t fresh;

    if (p->plan.paging->kind == PAGE_CURSOR)
        return told_cursor(p, f);
    if (p->asked == 1) {
        p->total_before = r->total;
        p->single = looks_single(p, r);
    }
    fresh = add_ids(p, f);
    learn_size(p, r);
    watch_totals(p, r);
    if (was_last(p, r))
        return end_forward(p, r->has_next != 1, keep);
    why = why_stop(p, f, fresh);
    if (why)
        return doubt(p, why, keep);
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

int64_t pager_size_learnt(const struct pager *p)
{
    return p->learnt;
}

int64_t pager_total(const struct pager *p)
{
    return p->total;
}

int64_t pager_total_before(const struct pager *p)
{
    return p->total_before;
}

int64_t pager_ids(const struct pager *p)
{
    return (int64_t)hashset_count(p->ids);
}

int64_t pager_pages_left(const struct pager *p)
{
    if (p->state == FINISHED)
        return 0;
    return p->state == ASK_BACKWARD ? p->page - p->plan.paging->first_page + 1 : -1;
}

struct str pager_cursor(const struct pager *p)
{
    return (struct str){p->cursor, p->cursor_n};
}
