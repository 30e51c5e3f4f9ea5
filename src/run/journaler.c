/* A page is durable before anything is done with it. Synchronous: the journal thread calls it, and so may a simulation.
 *
 * First it gives, from the journal, what an earlier run fetched but did not get into the target: everything behind the
 * checkpoint. Then it takes what the reader offers, as many pages as are waiting in one transaction, and hands them on
 * in order. */
#include "run/journaler.h"

#include "base/plant.h"

#include <stdlib.h>

#define ENTRY_ARENA_MAX (64u << 20)

struct journaler {
    struct pipeline *p;
    journaler_give *give;
    void *give_ctx;
    bool going;
};

static bool pass_on(const struct journaler *j, struct page *page)
{
    if (j->give(j->give_ctx, page))
        return true;
    page_unref(page);
    return false;
}

static enum err read_backlog(struct pipeline *p, int64_t *seq, struct page **ret, struct errinfo *ei)
{
    const struct judge_input as = flow_reply(p->flow);
    struct arena *a = arena_new(ENTRY_ARENA_MAX);
    struct journal_entry entry;
    bool found;
    enum err e = journal_read(p->journal, *seq, a, &entry, &found, ei);

    *ret = NULL;
    if (!e && found) {
        e = page_from_journal(&entry, &as, ret, ei);
        *seq = entry.seq + 1;
    }
    arena_free(a);
    return e;
}

/* Where reading begins: behind the checkpoint, or earlier when a crash left the ledger or the notes of kept records
 * behind it. */
static int64_t first_wanted(const struct pipeline *p)
{
    int64_t seq = p->start.row >= 0 ? p->start.page : p->start.page + 1, kept = p->kept_to.page;

    if (p->ledger && p->ledger_page + 1 < seq)
        seq = p->ledger_page + 1;
    kept += p->kept_to.row == INT32_MAX;
    return p->kept && kept < seq ? kept : seq;
}

/* Pages behind the checkpoint, up to what the journal held when the run began. */
static bool feed_backlog(const struct journaler *j)
{
    struct pipeline *p = j->p;
    int64_t last = PLANTED(no_backlog) ? 0 : journal_last(p->journal);
    int64_t seq = first_wanted(p);
    int64_t pages = 0;
    struct errinfo ei;

    while (seq <= last && !atomic_load(&p->failed)) {
        struct page *page;

        if (read_backlog(p, &seq, &page, &ei)) {
            pipeline_fail(p, &ei);
            return false;
        }
        if (!page)
            break;
        page->known = page->seq < p->start.page || (page->seq == p->start.page && p->start.row < 0);
        pages += !page->known;
        if (!pass_on(j, page))
            return false;
    }
    if (pages)
        pipeline_emit(p,
                      (struct event){.kind = EVENT_NOTICE,
                                     .text = S("pages that an earlier run left unwritten were taken from the journal"),
                                     .records = pages});
    return true;
}

static struct journal_entry entry_of(const struct pipeline *p, const struct page *page)
{
    return (struct journal_entry){
        .kind = page->mark ? JOURNAL_MARK : JOURNAL_PAGE,
        .purpose = page->purpose,
        .run = p->run_id,
        .from_s = page->from_s,
        .to_s = page->to_s,
        .page_no = page->page_no,
        .fetched_ms = page->fetched_ms,
        .cursor_s = page->mark ? page->cursor_s : INT64_MIN,
        .call = page->call,
        .body = {page->body, page->body_n},
    };
}

static bool keep_group(struct pipeline *p, struct page **group, size_t n)
{
    struct journal_entry entries[JOURNAL_GROUP];
    struct errinfo ei;

    if (!p->journal)
        return true;
    for (size_t i = 0; i < n; i++)
        entries[i] = entry_of(p, group[i]);
    if (journal_append(p->journal, entries, n, &ei)) {
        pipeline_fail(p, &ei);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        group[i]->seq = entries[i].seq;
        page_drop_body(group[i]);
        if (group[i]->mark && group[i]->purpose == PURPOSE_MAIN && group[i]->cursor_s > atomic_load(&p->fetched_cursor))
            atomic_store(&p->fetched_cursor, group[i]->cursor_s);
    }
    return true;
}

/* Gaps whose pages, and the mark behind them, are durable now. */
static bool close_gaps(struct pipeline *p, struct page **group, size_t n)
{
    struct errinfo ei;

    for (size_t i = 0; i < n; i++) {
        if (!group[i]->closes_gap)
            continue;
        if (store_gap_close(p->store, group[i]->closes_gap, group[i]->fetched_ms, &ei)) {
            err_prefix(&ei, "the gap could not be closed");
            pipeline_fail(p, &ei);
            return false;
        }
        pipeline_emit(p, (struct event){.kind = EVENT_GAP_CLOSED, .from_s = group[i]->from_s, .to_s = group[i]->to_s});
    }
    return true;
}

struct journaler *journaler_new(struct pipeline *p, journaler_give *give, void *ctx)
{
    struct journaler *j = mem_zero(sizeof *j);

    *j = (struct journaler){p, give, ctx, true};
    return j;
}

void journaler_free(struct journaler *j)
{
    free(j);
}

void journaler_begin(struct journaler *j)
{
    j->going = !j->p->journal || j->p->fetch_only || feed_backlog(j);
}

void journaler_take(struct journaler *j, struct page **group, size_t n)
{
    j->going = j->going && keep_group(j->p, group, n) && close_gaps(j->p, group, n);
    for (size_t i = 0; i < n; i++) {
        if (j->going)
            j->going = pass_on(j, group[i]);
        else
            page_unref(group[i]);
    }
}
