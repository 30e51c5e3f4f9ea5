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

/* ---- proofs ---- */

void page_prove(struct page *mark, const struct window_proof *proof)
{
    struct window_proof *copy = arena_alloc(mark->arena, sizeof *copy);
    struct buf b = buf_make(1u << 16);
    struct json_out w = json_out(&b);
    const struct {
        const char *name;
        int64_t value;
    } members[] = {{"from", proof->from_s},    {"to", proof->to_s},           {"before", proof->total_before},
                   {"pages", proof->pages},    {"after", proof->total_after}, {"ids", proof->ids},
                   {"records", proof->records}};

    *copy = *proof;
    copy->why = arena_str(mark->arena, proof->why);
    mark->proof = copy;
    json_out_begin(&w, '{');
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_out_key(&w, members[i].name);
        json_out_int(&w, members[i].value);
    }
    json_out_key(&w, "verified");
    json_out_bool(&w, proof->verified);
    json_out_key(&w, "why");
    json_out_str(&w, proof->why);
    json_out_end(&w, '}');
    mark->body_n = b.n;
    mark->body = mem_alloc(b.n + 1);
    memcpy(mark->body, b.p, b.n);
    buf_free(&b);
}

/* From the body of a mark. Marks of earlier releases, and those inside a window, have none. */
static enum err recall_proof(struct page *mark, struct str body, struct errinfo *ei)
{
    struct window_proof proof = {.run = mark->run, .purpose = (int)mark->purpose, .at_ms = mark->fetched_ms};
    const struct {
        const char *name;
        int64_t *value;
    } members[] = {{"from", &proof.from_s},    {"to", &proof.to_s},           {"before", &proof.total_before},
                   {"pages", &proof.pages},    {"after", &proof.total_after}, {"ids", &proof.ids},
                   {"records", &proof.records}};
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *doc;
    enum err err;

    if (!body.n)
        return OK;
    err = json_parse(body, &limits, &doc, NULL, ei);
    if (err)
        return err;
    for (size_t i = 0; i < sizeof members / sizeof *members && !err; i++)
        if (!json_i64(json_get(json_root(doc), str_of(members[i].name)), members[i].value))
            err = fail(ei, ERR_DATA, "journal entry %lld: the proof of its window has no \"%s\"", (long long)mark->seq,
                       members[i].name);
    proof.verified = json_true(json_get(json_root(doc), S("verified")));
    proof.why = json_text(json_get(json_root(doc), S("why")));
    if (!err) {
        proof.mark = mark->seq;
        page_prove(mark, &proof);
    }
    json_free(doc);
    return err;
}

/* ---- from the journal ---- */

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
    if (p->mark) {
        err = recall_proof(p, e->body, ei);
    } else {
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
