/* Pages are counted because a batch may hold rows of several pages, and a page may give rows to several batches, on
 * another thread. */
#include "source/page.h"

#include <stdlib.h>

#define PAGE_ARENA_MAX (64u << 20)

struct page *page_new(void)
{
    struct page *p = mem_zero(sizeof *p);

    p->refs = 1;
    p->arena = arena_new(PAGE_ARENA_MAX);
    p->cursor_s = INT64_MIN;
    return p;
}

void page_drop_body(struct page *p)
{
    free(p->body);
    p->body = NULL;
}

void page_ref(struct page *p)
{
    __atomic_add_fetch(&p->refs, 1, __ATOMIC_RELAXED);
}

void page_unref(struct page *p)
{
    if (!p || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL))
        return;
    json_free(p->doc);
    free(p->body);
    arena_free(p->arena);
    free(p);
}

static enum err fill(struct page *p, const struct journal_entry *e, const struct judge_input *as, struct errinfo *ei)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    enum err err = json_parse(e->body, &limits, &p->doc, &p->repairs, ei);

    if (err)
        return err;
    connector_judge(as, p->doc, &p->reply);
    if (p->reply.reaction == REACT_OK)
        return OK;
    return fail(ei, ERR_DATA, "journal entry %lld: its rows are not found any more: %s", (long long)e->seq,
                p->reply.why.msg);
}

enum err page_from_journal(const struct journal_entry *e, const struct judge_input *as, struct page **ret,
                           struct errinfo *ei)
{
    struct page *p = page_new();
    enum err err = OK;

    p->seq = e->seq;
    p->run = e->run;
    p->from_s = e->from_s;
    p->to_s = e->to_s;
    p->page_no = e->page_no;
    p->purpose = e->purpose;
    p->fetched_ms = e->fetched_ms;
    p->mark = e->kind == JOURNAL_MARK;
    p->cursor_s = p->mark ? e->cursor_s : INT64_MIN;
    if (!p->mark) {
        p->body_n = e->body.n;
        err = fill(p, e, as, ei);
    }
    if (err) {
        page_unref(p);
        return err;
    }
    *ret = p;
    return OK;
}
