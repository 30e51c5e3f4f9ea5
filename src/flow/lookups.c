/* Lookups of a flow, answered from projections.
 *
 * Each kind of lookup (kind.h) has a projection (store/projection.h): for each record that the
 * integration keeps the values at those paths. It is made from that integration's journal, page by page, kept, and
 * brought up to date when it is opened and then at most once a second, so a lookup costs one descent of a tree. What
 * the index finds is compared again, condition by condition: keys are coarser than equality, and ranges and patterns
 * have no index. Of several records that fit, the one that changed last answers.
 *
 * A record whose newest version the integration's condition does not pass is not found. Where a path lies in an array
 * that the integration flattens (`items.x`, or `items_x` as its rows are called), each element answers for itself, as
 * its rows do; elsewhere an array fits when any of its elements does.
 *
 * A projection outlives the journal's retention: what was read once stays, so that master data that never changes is
 * still found. Its first making reaches back as far as the journal does. */
#include "flow/lookups.h"

#include "base/log.h"
#include "flow/kind.h"
#include "meta/cast.h"
#include "source/page.h"
#include "store/files.h"

#include <stdio.h>
#include <stdlib.h>

#define LOOK_EVERY_MS   1000
#define KINDS_ARENA_MAX (16u << 20)
#define ENTRY_ARENA_MAX (256u << 20)
#define FORMAT          "1" /* of projections: another one makes them anew */

struct lookups {
    const struct flow *flow;
    const struct clock *clock;
    struct arena *arena;
    struct kind *kinds;
    size_t n;
};

/* ---- bringing a projection up to date ---- */

static enum err add_page(struct kind *k, const struct journal_entry *entry, struct arena *a,
                         struct projection_step *step, struct errinfo *ei)
{
    struct projected_record *all;
    struct json_iter it;
    const struct json *raw;
    struct page *page = NULL;
    struct judge_input as = {k->kept->connector, k->kept->iface, k->kept->paging, 200, k->kept->records_path};
    enum err e = page_from_journal(entry, &as, &page, ei);
    int32_t row = 0;
    bool taken;

    if (e == ERR_DATA) {
        log_warn("lookups in \"" STR_FMT "\" go without a page: %s", STR_ARG(k->as->integration), ei->msg);
        return projection_add(k->projection, step, &taken, ei);
    }
    if (e)
        return e;
    all = ARENA_ARRAY(a, struct projected_record, page->reply.n_records + 1);
    it = json_iter(page->reply.records);
    for (; !e && (raw = json_next(&it, NULL)); row++) {
        struct projected_record *r = &all[step->n];

        e = kind_project(k, raw, a, r, ei);
        r->page = entry->seq;
        r->row = row;
        step->n += r->key.n > 0;
    }
    step->records = all;
    e = e ? e : projection_add(k->projection, step, &taken, ei);
    page_unref(page);
    return e;
}

/* One journal entry; *ret_more false at the end. */
static enum err step(struct kind *k, bool *ret_more, struct errinfo *ei)
{
    struct arena *a = arena_new(ENTRY_ARENA_MAX);
    struct projection_step s = {.from = k->page};
    struct journal_entry entry;
    bool taken;
    enum err e = journal_read(k->journal, k->page + 1, a, &entry, ret_more, ei);

    if (!e && *ret_more) {
        s.to = entry.seq;
        e = entry.kind == JOURNAL_PAGE ? add_page(k, &entry, a, &s, ei) : projection_add(k->projection, &s, &taken, ei);
        e = e ? e : projection_page(k->projection, &k->page, ei); /* another process may have gone further */
    }
    arena_free(a);
    return e;
}

static enum err catch_up(struct kind *k, struct errinfo *ei)
{
    int64_t last = journal_last(k->journal);
    bool more = true;
    enum err e = projection_page(k->projection, &k->page, ei);

    if (!e && k->page > last && last > 0) {
        e = projection_clear(k->projection, ei); /* the journal was begun anew */
        k->page = 0;
    }
    while (!e && more && k->page < last)
        e = step(k, &more, ei);
    return e;
}

/* ---- opening ---- */

/* What is asked by: one file for each. */
static void asked_by(const struct kind *k, struct buf *out)
{
    struct json_out w = json_out(out);

    json_out_begin(&w, '[');
    json_out_str(&w, k->find.path);
    for (size_t i = 0; i < k->n_paths; i++)
        json_out_str(&w, k->paths[i].path);
    for (size_t i = 0; i < k->n_indexed; i++)
        json_out_int(&w, (int64_t)k->indexed[i]);
    json_out_end(&w, ']');
}

/* What else decides of its content: when that changes, the file is made anew. */
static void made_of(const struct kind *k, struct str journal, struct buf *out)
{
    const struct meta_doc *doc = k->kept->integration->source_doc;
    struct json_out w = json_out(out);

    json_out_begin(&w, '[');
    json_out_str(&w, S(FORMAT));
    json_out_str(&w, journal);
    json_out_str(&w, doc->api);
    json_out_str(&w, k->kept->records_path);
    json_out_str(&w, k->kept->id);
    json_out_str(&w, k->array);
    for (size_t i = 0; i < doc->beat_flat.n; i++)
        json_out_str(&w, doc->beat_flat.at[i]);
    json_out_end(&w, ']');
    if (doc->condition)
        node_write(doc->condition, out);
}

static enum err open_projection(struct kind *k, const char *state_dir, struct str journal, struct errinfo *ei)
{
    struct buf spec = buf_make(1u << 20);
    char file[FILES_NAME_MAX], name[20];
    char *dir;
    enum err e;

    hasher_reset(k->hasher);
    asked_by(k, &spec);
    hasher_add(k->hasher, buf_str(&spec));
    snprintf(name, sizeof name, "%016llx", (unsigned long long)hasher_done(k->hasher).lo);
    made_of(k, journal, &spec);
    files_name(k->as->integration, file);
    dir = files_path("%s/lookup/%s", state_dir, file);
    e = projection_open(&(struct projection_name){dir, name, buf_str(&spec)}, &k->projection, ei);
    free(dir);
    buf_free(&spec);
    return e;
}

static enum err open_kind(struct lookups *all, struct kind *k, struct store *store, struct errinfo *ei)
{
    char *dir;
    enum err e =
        kept_open(all->flow->project, project_integration(all->flow->project, k->as->integration), &k->kept, ei);

    if (e)
        return e;
    k->shaper = shaper_new(k->kept->shape);
    kind_places(k);
    if (!store)
        return OK;
    dir = store_journal_dir(store, k->as->integration);
    e = journal_open(dir, (struct journal_limits){0}, true, &k->journal, ei);
    free(dir);
    e = e ? e : open_projection(k, all->flow->project->state_dir, store_journal_uuid(store), ei);
    k->looked_ms = clock_mono(all->clock);
    return e ? e : catch_up(k, ei);
}

static bool same_kind(const struct lookup *a, const struct lookup *b)
{
    if (!str_eq(a->integration, b->integration) || !str_eq(a->find, b->find) || a->n_terms != b->n_terms)
        return false;
    for (size_t i = 0; i < a->n_terms; i++)
        if (!str_eq(a->terms[i].path, b->terms[i].path) || a->terms[i].indexed != b->terms[i].indexed)
            return false;
    return true;
}

static struct kind *kind_of(const struct lookups *all, const struct lookup *l)
{
    for (size_t i = 0; i < all->n; i++)
        if (same_kind(all->kinds[i].as, l))
            return &all->kinds[i];
    return NULL;
}

static enum err lookups_open(const struct flow *f, struct store *store, const struct clock *clock, struct lookups **ret,
                             struct errinfo *ei)
{
    struct arena *a = arena_new(KINDS_ARENA_MAX);
    struct lookups *all = ARENA_NEW(a, struct lookups);
    enum err e = OK;

    *all = (struct lookups){.flow = f, .clock = clock, .arena = a};
    all->kinds = ARENA_ARRAY(a, struct kind, f->n_lookups + 1);
    for (size_t i = 0; !e && i < f->n_lookups; i++) {
        struct kind *k = &all->kinds[all->n];

        if (kind_of(all, f->lookups[i].lookup))
            continue;
        k->as = f->lookups[i].lookup;
        k->hasher = hasher_new();
        pthread_mutex_init(&k->mutex, NULL);
        all->n++;
        e = open_kind(all, k, store, ei);
    }
    if (e) {
        lookups_close(all);
        return e;
    }
    *ret = all;
    return OK;
}

void lookups_close(struct lookups *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->n; i++) {
        struct kind *k = &all->kinds[i];

        projection_close(k->projection);
        journal_close(k->journal);
        shaper_free(k->shaper);
        kept_close(k->kept);
        hasher_free(k->hasher);
        pthread_mutex_destroy(&k->mutex);
    }
    arena_free(all->arena);
}

/* ---- answering ---- */

struct asking {
    const struct kind *k;
    const struct lookup *l;
    struct lookup_match match;
    struct arena *a;
    bool found;
    int64_t page;
    int32_t row, line;
    struct str value; /* JSON; p NULL: the record has none */
    struct errinfo *ei;
    enum err err;
};

static bool holds(struct asking *x, const struct json *fields)
{
    for (size_t i = 0; i < x->l->n_terms; i++) {
        const struct json *list = json_at(fields, kind_path(x->l, &x->l->terms[i])), *j;
        struct json_iter it = json_iter(list);
        struct value *have = ARENA_ARRAY(x->a, struct value, json_count(list) + 1);
        size_t n = 0;

        while ((j = json_next(&it, NULL)))
            have[n++] = value_of_json(j);
        if (!lookup_holds(&x->match, i, have, n))
            return false;
    }
    return true;
}

static bool older(const struct asking *x, const struct projected_hit *h)
{
    if (!x->found || h->page != x->page)
        return x->found && h->page < x->page;
    return h->row != x->row ? h->row < x->row : h->line >= x->line;
}

static bool consider(void *ctx, const struct projected_hit *h)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct asking *x = ctx;
    struct json_doc *doc;
    bool fits;

    if (older(x, h))
        return false; /* those that follow are older still */
    x->err = json_parse(h->fields, &limits, &doc, NULL, x->ei);
    if (x->err)
        return false;
    fits = holds(x, json_root(doc));
    json_free(doc);
    if (!fits)
        return true;
    x->found = true;
    x->page = h->page;
    x->row = h->row;
    x->line = h->line;
    x->value = h->found.p ? arena_str(x->a, h->found) : (struct str){0};
    return false;
}

/* What the index is asked for. */
static struct choices choose(const struct kind *k, const struct lookup *l, const struct lookup_operands *asked,
                             struct arena *a)
{
    struct choices c = {.n = k->n_indexed};

    for (size_t i = l->n_terms; i-- > 0;) /* the first of each path */
        for (size_t n = 0; n < k->n_indexed; n++)
            if (l->terms[i].indexed && k->indexed[n] == kind_path(l, &l->terms[i]))
                c.of[n] = choices_of(a, asked[i].at, asked[i].n);
    return c;
}

static enum err find(struct lookups *all, struct kind *k, struct choices *c, struct asking *x, struct errinfo *ei)
{
    int64_t now_ms = clock_mono(all->clock);
    enum err e = OK;

    if (now_ms - k->looked_ms >= LOOK_EVERY_MS) {
        e = catch_up(k, ei);
        k->looked_ms = now_ms;
    }
    do
        e = e ? e : projection_find(k->projection, choices_hash(k->hasher, c), consider, x, ei);
    while (!e && !x->err && choices_next(c));
    return e ? e : x->err;
}

/* Out of JSON text, as a template would give it. */
static enum err to_value(struct str text, struct arena *a, struct value *ret, struct errinfo *ei)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *doc;
    enum err e = json_parse(text, &limits, &doc, NULL, ei);

    if (e)
        return e;
    *ret = value_of_json(json_root(doc));
    if (ret->kind == VALUE_JSON)
        *ret = value_json_text(arena_str(a, text));
    else if (ret->kind == VALUE_TEXT)
        *ret = value_text(arena_str(a, value_str(ret)));
    else if (ret->kind == VALUE_NUMBER)
        *ret = value_number(arena_str(a, value_str(ret)));
    json_free(doc);
    return OK;
}

static enum err answer(void *lookups, const struct lookup *l, const struct lookup_operands *asked, struct arena *a,
                       struct value *ret, struct errinfo *ei)
{
    struct lookups *all = lookups;
    struct kind *k = kind_of(all, l);
    struct asking x = {.k = k, .l = l, .a = a, .ei = ei};
    struct choices c;
    bool any = false;
    enum err e = lookup_match_begin(l, asked, a, &x.match, ei);

    *ret = value_null();
    if (e || !k || !k->projection)
        return e;
    c = choose(k, l, asked, a);
    e = choices_count(&c, &any, ei);
    if (e || !any)
        return e;
    pthread_mutex_lock(&k->mutex);
    e = find(all, k, &c, &x, ei);
    pthread_mutex_unlock(&k->mutex);
    return e || !x.value.p ? e : to_value(x.value, a, ret, ei);
}

/* ---- what the flow shows of it ---- */

enum err flow_open_lookups(struct flow *f, struct store *store, const struct clock *clock, struct errinfo *ei)
{
    return f->n_lookups && !f->answers ? lookups_open(f, store, clock, &f->answers, ei) : OK;
}

struct shaper *flow_shaper(const struct flow *f)
{
    struct shaper *sh = shaper_new(f->shape);

    if (f->answers)
        shaper_set_lookup(sh, answer, f->answers);
    return sh;
}

struct env flow_env(const struct flow *f, const struct sysvars *sys, struct arena *a)
{
    return (struct env){.sys = sys, .arena = a, .lookup = f->answers ? answer : NULL, .lookup_ctx = f->answers};
}
