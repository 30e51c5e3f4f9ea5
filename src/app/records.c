/* `records`: what became of a record. When it was fetched, from which call, what it looked like, what the mapping makes
 * of it, what stands in the target, what the target said.
 *
 * The ledger knows the newest journal position of a source id. An id that it does not know (a target id, or an
 * integration without ledger) is looked for in the journal, newest page first. A list without
 * --id goes backwards through the journal until enough records are found; dead letters have states of their own and
 * come from the store. */
#include "app/record.h"

#include "app/dead.h"
#include "app/open.h"
#include "app/out.h"
#include "base/product.h"
#include "store/journal.h"

#include <stdlib.h>

#define ENTRY_ARENA_MAX (192u << 20)

struct search {
    struct app *app;
    struct flow *flow;
    struct journal *journal;
    struct shaper *shaper;
    struct progress progress;
    struct str id;    /* p NULL: every record */
    struct str state; /* p NULL: any */
    int64_t limit, found;
    struct json_out *w;
};

/* A record in the journal, shaped. */
struct hit {
    const struct journal_entry *entry;
    int32_t row;
    struct shaped_record shaped;
};

static const char *state_of(const struct search *s, const struct hit *h)
{
    const struct progress *g = &s->progress;

    if (h->shaped.fate == RECORD_FILTERED)
        return "filtered";
    if (!g->known || h->entry->seq > g->page || (h->entry->seq == g->page && g->row >= 0 && h->row >= g->row))
        return "waiting";
    return h->shaped.fate == RECORD_DEAD ? "error" : "done";
}

static bool matches(const struct search *s, const struct shaped_record *r)
{
    if (!s->id.p || str_eq(r->record.key, s->id))
        return true;
    for (size_t i = 0; r->fate == RECORD_ROWS && i < r->n_rows; i++)
        if (str_eq(r->rows[i].id, s->id))
            return true;
    return false;
}

/* ---- what the target holds ---- */

struct target {
    struct sink *sink;
    struct errinfo why;
};

static void target_open(struct search *s, struct target *t)
{
    *t = (struct target){0};
    if (app_connect_target(s->app, s->flow, &t->sink, &t->why) != OK)
        t->sink = NULL;
}

/* All rows of the record that are in the target, as one array; false when that cannot be told. */
static bool target_rows(const struct search *s, struct target *t, const struct hit *h, struct buf *out)
{
    bool known = s->flow->id_column.n > 0;

    buf_byte(out, '[');
    for (size_t i = 0; known && h->shaped.fate == RECORD_ROWS && i < h->shaped.n_rows; i++) {
        struct buf found = buf_make(64u << 20);
        struct str rows;

        known = sink_lookup(t->sink, s->flow->id_column, h->shaped.rows[i].id, &found, &t->why) == OK;
        rows = str_sub(buf_str(&found), 1, found.n > 2 ? found.n - 2 : 0); /* without its brackets */
        if (known && rows.n) {
            buf_add(out, out->n > 1 ? S(",") : S(""));
            buf_add(out, rows);
        }
        buf_free(&found);
    }
    buf_byte(out, ']');
    return known;
}

/* ---- showing ---- */

static void short_json(const struct search *s, const struct hit *h)
{
    struct json_out *w = s->w;

    json_member(w, "id", h->shaped.record.key);
    json_member(w, "version", h->shaped.record.version.n ? h->shaped.record.version : (struct str){0});
    json_member(w, "state", str_of(state_of(s, h)));
    json_time(w, "fetched", s->app, h->entry->fetched_ms);
    json_number(w, "page", h->entry->seq);
    json_number(w, "row", h->row);
    json_number(w, "run", h->entry->run);
    json_number(w, "rows", h->shaped.fate == RECORD_ROWS ? (int64_t)h->shaped.n_rows : 0);
    json_member(w, "why", h->shaped.fate == RECORD_DEAD ? str_of(h->shaped.why->msg) : (struct str){0});
}

static void long_json(const struct search *s, const struct hit *h, struct str target, const struct errinfo *why)
{
    struct json_out *w = s->w;
    struct buf raw = buf_make(64u << 20);

    json_write(h->shaped.record.raw, &raw);
    json_member(w, "call", h->entry->call);
    json_out_key(w, "raw");
    json_out_raw(w, buf_str(&raw));
    json_out_key(w, "mapped");
    json_out_begin(w, '[');
    for (size_t i = 0; h->shaped.fate == RECORD_ROWS && i < h->shaped.n_rows; i++)
        record_row_json(w, s->flow, &h->shaped.rows[i]);
    json_out_end(w, ']');
    json_out_key(w, "target");
    if (target.p)
        json_out_raw(w, target);
    else
        json_out_null(w);
    json_out_key(w, "target_error");
    json_error(w, why);
    buf_free(&raw);
}

static void say_json(const struct app *app, const char *label, struct str json)
{
    struct buf b = buf_make(128u << 20);

    buf_printf(&b, "  %-9s ", label);
    add_clean(&b, json);
    buf_byte(&b, '\n');
    say_str(app, buf_str(&b));
    buf_free(&b);
}

static void say_long(const struct search *s, const struct hit *h, struct str target, const struct errinfo *why)
{
    const struct app *app = s->app;
    struct buf b = buf_make(128u << 20);
    struct json_out w = json_out(&b);

    say(app, "%s" STR_FMT "%s  %s\n", color(app, COLOR_BOLD), STR_ARG(h->shaped.record.key), color(app, COLOR_NONE),
        state_of(s, h));
    say(app, "  fetched   " STR_FMT ", by run %lld, page %lld of the journal, record %d\n",
        STR_ARG(time_text(app, h->entry->fetched_ms / 1000)), (long long)h->entry->run, (long long)h->entry->seq,
        (int)h->row + 1);
    say_json(app, "call", h->entry->call);
    json_write(h->shaped.record.raw, &b);
    say_json(app, "raw", buf_str(&b));
    if (h->shaped.fate == RECORD_DEAD)
        say_json(app, "why", str_of(h->shaped.why->msg));
    for (size_t i = 0; h->shaped.fate == RECORD_ROWS && i < h->shaped.n_rows; i++) {
        buf_clear(&b);
        w = json_out(&b);
        record_row_json(&w, s->flow, &h->shaped.rows[i]);
        say_json(app, "mapped", buf_str(&b));
    }
    if (target.p)
        say_json(app, "target", target);
    else
        say_json(app, "target", str_of(why->code ? why->msg : "the target names no id column to look it up by"));
    buf_free(&b);
}

static void show(struct search *s, const struct hit *h)
{
    struct buf target = buf_make(64u << 20);
    struct target t = {0};
    bool looked = false;

    if (s->w)
        json_out_begin(s->w, '{');
    if (s->w)
        short_json(s, h);
    if (s->id.p) {
        target_open(s, &t);
        looked = t.sink && target_rows(s, &t, h, &target);
        if (s->w)
            long_json(s, h, looked ? buf_str(&target) : (struct str){0}, &t.why);
        else
            say_long(s, h, looked ? buf_str(&target) : (struct str){0}, &t.why);
        if (t.sink)
            sink_close(t.sink);
    } else if (!s->w) {
        struct buf b = buf_make(4096);

        add_fitted(&b, h->shaped.record.key, 24);
        say(s->app, "%s  %-8s  " STR_FMT "  page %lld\n", buf_cstr(&b), state_of(s, h),
            STR_ARG(time_text(s->app, h->entry->fetched_ms / 1000)), (long long)h->entry->seq);
        buf_free(&b);
    }
    if (s->w)
        json_out_end(s->w, '}');
    buf_free(&target);
}

/* ---- looking ---- */

static void look_at(struct search *s, const struct journal_entry *e, const struct page *page, const struct json *raw,
                    int32_t row)
{
    struct arena *a = arena_new(ENTRY_ARENA_MAX);
    struct hit h = {.entry = e, .row = row};
    struct shaping by = {s->flow, s->shaper, page};

    record_shape(&by, raw, a, &h.shaped);
    if (matches(s, &h.shaped) && (!s->state.p || str_eq(s->state, str_of(state_of(s, &h))))) {
        show(s, &h);
        s->found++;
    }
    json_free(h.shaped.extra);
    arena_free(a);
}

/* The records of a page, last first. */
static enum err look_into(struct search *s, const struct journal_entry *e, int32_t only, struct errinfo *ei)
{
    struct page *page;
    const struct json **raws;
    const struct json *raw;
    struct json_iter it;
    size_t n = 0;
    struct judge_input as = flow_reply(s->flow);
    enum err err = page_from_journal(e, &as, &page, ei);

    if (err)
        return err;
    raws = mem_alloc((page->reply.n_records + 1) * sizeof *raws);
    it = json_iter(page->reply.records);
    while (n < page->reply.n_records && (raw = json_next(&it, NULL)))
        raws[n++] = raw;
    for (size_t i = n; i > 0 && s->found < s->limit; i--)
        if (only < 0 || only == (int32_t)(i - 1))
            look_at(s, e, page, raws[i - 1], (int32_t)(i - 1));
    free(raws);
    page_unref(page);
    return OK;
}

static enum err look_at_entry(struct search *s, int64_t seq, int32_t only, struct errinfo *ei)
{
    struct arena *a = arena_new(ENTRY_ARENA_MAX);
    struct journal_entry e;
    bool found;
    enum err err = journal_read(s->journal, seq, a, &e, &found, ei);

    if (!err && found && e.seq == seq && e.kind == JOURNAL_PAGE)
        err = look_into(s, &e, only, ei);
    arena_free(a);
    return err;
}

static enum err by_ledger(struct search *s, struct errinfo *ei)
{
    struct ledger_entry e;
    bool known = false;
    struct ledger_lookup one = {&s->id, 1, &e, &known};
    enum err err = ledger_get(s->app->store, s->flow->integration->name, &one, s->app->arena, ei);

    if (err || !known || e.page < journal_first(s->journal) || !journal_first(s->journal))
        return err;
    return look_at_entry(s, e.page, e.row, ei);
}

static enum err by_journal(struct search *s, struct errinfo *ei)
{
    int64_t first = journal_first(s->journal);
    enum err err = OK;

    for (int64_t seq = journal_last(s->journal); !err && first && seq >= first && s->found < s->limit; seq--)
        err = look_at_entry(s, seq, -1, ei);
    return err;
}

static enum err look(struct search *s, struct errinfo *ei)
{
    enum err err;

    if (!s->app->store)
        return OK;
    err = store_progress(s->app->store, s->flow->integration->name, &s->progress, ei);
    err = err ? err : app_open_journal(s->app, s->flow->integration->name, &s->journal, ei);
    if (err)
        return err;
    s->shaper = flow_shaper(s->flow);
    if (s->id.p && s->limit == 1)
        err = by_ledger(s, ei);
    if (!err && !s->found)
        err = by_journal(s, ei);
    shaper_free(s->shaper);
    journal_close(s->journal);
    return err;
}

/* The dead letters of the id, whatever became of them. */
static enum err letters(struct search *s, struct errinfo *ei)
{
    struct dead_query q = {.integration = s->flow->integration->name, .id = s->id, .all_states = true, .limit = 100};
    struct dead_letter *d = NULL;
    size_t n = 0;
    enum err err = s->app->store ? store_dead_list(s->app->store, &q, s->app->arena, &d, &n, ei) : OK;

    if (err)
        return err;
    if (!s->w) {
        dead_tell(s->app, d, n);
        return OK;
    }
    json_out_key(s->w, "dead_letters");
    json_out_begin(s->w, '[');
    for (size_t i = 0; i < n; i++)
        dead_json(s->app, s->w, &d[i]);
    json_out_end(s->w, ']');
    return OK;
}

static int search(struct search *s)
{
    struct app *app = s->app;
    struct buf b = buf_make(512u << 20);
    struct json_out w = json_out(&b);
    struct errinfo ei;
    enum err err;

    if (app->json) {
        s->w = &w;
        json_out_begin(&w, '{');
        json_out_key(&w, "records");
        json_out_begin(&w, '[');
    }
    err = look(s, &ei);
    if (!err && app->json)
        json_out_end(&w, ']');
    if (!err && s->id.p)
        err = letters(s, &ei);
    if (!err && app->json)
        json_out_end(&w, '}');
    if (!err && !s->found && s->id.p && !app->json) {
        fail(&ei, ERR_USAGE, "no record with id " STR_FMT " is in the journal", STR_ARG(s->id));
        err = fail_hint(&ei, "the journal keeps what was fetched within `retention.journal`; --id takes the source's "
                             "or the target's id");
    }
    if (!err && app->json)
        print_json(app, &b);
    else if (!err && !s->found)
        say(app, "%s\n", either(app, "There are none.", "没有。"));
    s->w = NULL;
    buf_free(&b);
    return err ? app_fail(app, &ei) : STATUS_OK;
}

static int bad_state(const struct app *app, const char *state)
{
    struct errinfo ei;

    fail(&ei, ERR_USAGE, "--state is \"%s\"", state);
    fail_hint(&ei, "one of: waiting, done, filtered, error, retried, dropped, superseded");
    return app_fail(app, &ei);
}

int command_records(struct app *app)
{
    struct search s = {.app = app};
    const char *id = app_value(app, "id"), *state = app_value(app, "state");
    int dead = state ? dead_state_of(str_of(state)) : -1, status;
    struct errinfo ei;

    if (state && dead < 0 && strcmp(state, "waiting") != 0 && strcmp(state, "done") != 0 &&
        strcmp(state, "filtered") != 0)
        return bad_state(app, state);
    if (app_number(app, "number", (struct number_range){id ? 1 : 20, 1, 100000}, &s.limit, &ei) ||
        app_open_flow(app, &s.flow, &ei))
        return app_fail(app, &ei);
    s.id = id ? str_of(id) : (struct str){0};
    s.state = state ? str_of(state) : (struct str){0};
    if (app_open_store(app, false, &ei))
        status = app_fail(app, &ei);
    else if (dead >= 0)
        status = dead_list(app, s.flow->integration, s.id, dead);
    else
        status = search(&s);
    flow_free(s.flow);
    return status;
}
