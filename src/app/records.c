/* `records`: what became of a record. When it was fetched, from which call, what it looked like, what the mapping makes
 * of it, in which batch it was committed or why not, what the target said and holds now.
 *
 * With "keep": "records" the index of kept records knows where each version of a source id stands and how it was
 * judged; of a target id, the parts that may be the source's id are tried ("900001" of "900001-3"). Otherwise the
 * ledger knows the newest position. What neither finds is looked for in the journal, newest page first. A list without
 * --id goes backwards through the journal until enough records are found; dead letters have states of their own and
 * come from the store. */
#include "app/record.h"

#include "app/dead.h"
#include "app/open.h"
#include "app/out.h"
#include "base/product.h"
#include "store/journal.h"
#include "store/records.h"

#include <stdlib.h>

#define ENTRY_ARENA_MAX (192u << 20)
#define VERSIONS        20 /* shown of a kept record unless told */

struct target {
    bool asked;
    struct sink *sink;
    struct errinfo why;
};

struct search {
    struct app *app;
    struct flow *flow;
    struct journal *journal;
    struct records *kept; /* NULL: records are not kept, or nothing ran since */
    struct shaper *shaper;
    struct progress progress;
    struct str id;    /* p NULL: every record */
    struct str state; /* p NULL: any */
    struct dead_filter only;
    int64_t limit, found;
    struct target target;
    struct json_out *w;
};

/* A record in the journal, shaped. */
struct hit {
    const struct journal_entry *entry;
    int32_t row;
    struct shaped_record shaped;
    bool noted, committed;
    struct record_note note;
    struct records_batch batch;
    struct str term;             /* what filtered it; or empty */
    struct dead_letter *letters; /* of this version */
    size_t n_letters;
};

static const char *const fates[FATE_COUNT] = {
    [FATE_SENT] = "sent",     [FATE_FILTERED] = "filtered", [FATE_FOLDED] = "folded",
    [FATE_REPEAT] = "repeat", [FATE_DEAD] = "refused",      [FATE_UNNOTED] = "not noted",
};

static const char *state_of(const struct search *s, const struct hit *h)
{
    const struct progress *g = &s->progress;

    for (size_t i = 0; i < h->n_letters; i++)
        if (h->letters[i].state == DEAD_OPEN)
            return "error";
    if (h->noted && h->note.fate >= FATE_FILTERED && h->note.fate <= FATE_REPEAT)
        return fates[h->note.fate];
    if (h->noted && h->committed)
        return "done";
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

static void target_open(struct search *s)
{
    if (!s->target.asked && app_connect_target(s->app, s->flow, &s->target.sink, &s->target.why) != OK)
        s->target.sink = NULL;
    s->target.asked = true;
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
    json_member(w, "why",
                h->n_letters                    ? h->letters[h->n_letters - 1].reason
                : h->shaped.fate == RECORD_DEAD ? str_of(h->shaped.why->msg)
                                                : (struct str){0});
    if (!s->kept)
        return;
    json_member(w, "fate", h->noted ? str_of(fates[h->note.fate]) : (struct str){0});
    json_member(w, "condition", h->term.n ? h->term : (struct str){0});
    json_time(w, "committed", s->app, h->committed && h->batch.committed_ms ? h->batch.committed_ms : INT64_MIN);
    json_out_key(w, "batch");
    if (h->committed)
        json_out_int(w, h->batch.batch);
    else
        json_out_null(w);
}

static void long_json(const struct search *s, const struct hit *h, struct str target, const struct errinfo *why)
{
    struct json_out *w = s->w;
    struct buf raw = buf_make(64u << 20);

    json_write(h->shaped.record.raw, &raw);
    json_member(w, "call", h->entry->call);
    json_time(w, "window_from", s->app, h->entry->from_s * 1000);
    json_time(w, "window_to", s->app, h->entry->to_s * 1000);
    json_out_key(w, "letters");
    json_out_begin(w, '[');
    for (size_t i = 0; i < h->n_letters; i++)
        dead_json(s->app, w, &h->letters[i]);
    json_out_end(w, ']');
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

/* What was written, or why not. */
static void say_fate(const struct search *s, const struct hit *h)
{
    const struct app *app = s->app;
    struct buf b = buf_make(64u << 10);

    if (h->noted && h->note.fate == FATE_FILTERED)
        buf_printf(&b, "filtered by the condition%s" STR_FMT, h->term.n ? ": " : "", STR_ARG(h->term));
    else if (h->noted && h->note.fate == FATE_FOLDED)
        buf_add(&b, S("folded: a newer version was there already"));
    else if (h->noted && h->note.fate == FATE_REPEAT)
        buf_add(&b, S("a repeat: unchanged since it was written"));
    else if (h->noted && h->note.fate == FATE_DEAD)
        buf_add(&b, S("refused by the mapping"));
    else if (h->committed && h->batch.committed_ms)
        buf_printf(&b, STR_FMT ", batch %lld of run %lld", STR_ARG(time_text(app, h->batch.committed_ms / 1000)),
                   (long long)h->batch.batch, (long long)h->batch.run);
    else if (h->committed)
        buf_add(&b, S("yes; nobody noted when"));
    if (b.n)
        say_json(app, h->committed && h->note.fate == FATE_SENT ? "committed" : "fate", buf_str(&b));
    buf_free(&b);
    for (size_t i = 0; i < h->n_letters; i++) {
        say_json(app, h->letters[i].state == DEAD_OPEN ? "refused" : dead_state_name(h->letters[i].state),
                 h->letters[i].reason);
        if (h->letters[i].edited.n)
            say_json(app, "edited", h->letters[i].edited);
    }
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
    say(app, "  window    " STR_FMT " to " STR_FMT "\n", STR_ARG(time_text(app, h->entry->from_s)),
        STR_ARG(time_text(app, h->entry->to_s)));
    say_fate(s, h);
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
    struct target *t = &s->target;
    bool looked = false;

    if (s->w)
        json_out_begin(s->w, '{');
    if (s->w)
        short_json(s, h);
    if (s->id.p) {
        target_open(s);
        looked = t->sink && target_rows(s, t, h, &target);
        if (s->w)
            long_json(s, h, looked ? buf_str(&target) : (struct str){0}, &t->why);
        else
            say_long(s, h, looked ? buf_str(&target) : (struct str){0}, &t->why);
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

/* What is known of the record at its place, beside what it is. */
static enum err learn(struct search *s, struct hit *h, struct arena *a, struct errinfo *ei)
{
    struct records_place at = {h->entry->seq, h->row};
    struct dead_query q = {
        .integration = s->flow->integration->name, .id = h->shaped.record.key, .all_states = true, .limit = 1000};
    size_t n = 0;
    enum err e = store_dead_list(s->app->store, &q, a, &h->letters, &n, ei);

    for (size_t i = 0; !e && i < n; i++)
        if (h->letters[i].page == at.page && h->letters[i].row == at.row)
            h->letters[h->n_letters++] = h->letters[i];
    if (e || !s->kept)
        return e;
    e = records_fate(s->kept, at, &h->note, &h->noted, ei);
    e = e ? e : records_batch_of(s->kept, at, &h->batch, &h->committed, ei);
    if (!e && h->noted && h->note.fate == FATE_FILTERED)
        e = records_term(s->kept, h->committed ? h->batch.mapping : s->flow->mapping, h->note.detail, a, &h->term, ei);
    return e;
}

static bool has_text(const struct search *s, const struct json *raw)
{
    struct buf b = buf_make(64u << 20);
    bool yes;

    if (!s->only.text.p)
        return true;
    json_write(raw, &b);
    yes = str_find(buf_str(&b), s->only.text, 0) != SIZE_MAX;
    buf_free(&b);
    return yes;
}

static enum err look_at(struct search *s, const struct journal_entry *e, const struct page *page,
                        const struct json *raw, int32_t row, struct errinfo *ei)
{
    struct arena *a;
    struct hit h = {.entry = e, .row = row};
    struct shaping by = {s->flow, s->shaper, page};
    enum err err = OK;

    if (!has_text(s, raw))
        return OK;
    a = arena_new(ENTRY_ARENA_MAX);
    record_shape(&by, raw, a, &h.shaped);
    if (matches(s, &h.shaped)) {
        err = learn(s, &h, a, ei);
        if (!err && (!s->state.p || str_eq(s->state, str_of(state_of(s, &h))))) {
            show(s, &h);
            s->found++;
        }
    }
    json_free(h.shaped.extra);
    arena_free(a);
    return err;
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
    for (size_t i = n; !err && i > 0 && s->found < s->limit; i--)
        if (only < 0 || only == (int32_t)(i - 1))
            err = look_at(s, e, page, raws[i - 1], (int32_t)(i - 1), ei);
    free(raws);
    page_unref(page);
    return err;
}

static enum err look_at_entry(struct search *s, int64_t seq, int32_t only, struct errinfo *ei)
{
    struct arena *a;
    struct journal_entry e;
    bool found;
    enum err err = journal_read(s->journal, seq, NULL, &e, &found, ei);

    if (err || !found || e.seq != seq || e.kind != JOURNAL_PAGE || e.fetched_ms < s->only.from_ms ||
        e.fetched_ms > s->only.to_ms)
        return err;
    a = arena_new(ENTRY_ARENA_MAX);
    err = journal_read(s->journal, seq, a, &e, &found, ei);
    if (!err && found && e.seq == seq)
        err = look_into(s, &e, only, ei);
    arena_free(a);
    return err;
}

static enum err by_key(struct search *s, struct str key, struct errinfo *ei)
{
    struct records_place *at;
    size_t n;
    enum err err = records_find(s->kept, records_hash(key), s->app->arena, &at, &n, ei);

    for (size_t i = 0; !err && i < n && s->found < s->limit; i++)
        if (at[i].page >= journal_first(s->journal))
            err = look_at_entry(s, at[i].page, at[i].row, ei);
    return err;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* The id itself, then what of it stands between signs: a target's id is mostly made of the source's. */
static enum err by_index(struct search *s, struct errinfo *ei)
{
    struct str id = s->id;
    enum err err = by_key(s, id, ei);

    for (size_t from = 0; !err && !s->found && from < id.n; from++) {
        if (from && is_word(id.p[from - 1]))
            continue;
        for (size_t to = id.n; !err && !s->found && to > from; to--)
            if ((to < id.n || from) && (to == id.n || !is_word(id.p[to])) && is_word(id.p[to - 1]))
                err = by_key(s, str_sub(id, from, to - from), ei);
    }
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
    err = err ? err : app_open_lookups(s->app, s->flow, ei);
    if (err)
        return err;
    s->shaper = flow_shaper(s->flow);
    if (s->id.p && s->kept)
        err = by_index(s, ei);
    else if (s->id.p && s->limit == 1)
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
    fail_hint(&ei, "one of: waiting, done, filtered, folded, repeat, error, retried, dropped, superseded");
    return app_fail(app, &ei);
}

static bool known_state(const char *state)
{
    static const char *const states[] = {"waiting", "done", "filtered", "folded", "repeat"};

    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(state, states[i]) == 0)
            return true;
    return false;
}

static enum err read_filter(const struct app *app, struct dead_filter *ret, struct errinfo *ei)
{
    int64_t from_s = INT64_MIN / 1000, to_s = INT64_MAX / 1000 - 1;
    enum err err = app_flag(app, "from") ? app_time(app, "from", &from_s, ei) : OK;

    if (!err && app_flag(app, "to"))
        err = app_time(app, "to", &to_s, ei);
    *ret = (struct dead_filter){.text = app_flag(app, "text") ? str_of(app_value(app, "text")) : (struct str){0},
                                .from_ms = from_s * 1000,
                                .to_ms = to_s * 1000 + 999};
    return err;
}

static enum err read_arguments(struct search *s, struct errinfo *ei)
{
    struct app *app = s->app;
    enum err err = app_open_flow(app, &s->flow, ei);
    bool id = app_flag(app, "id");
    int64_t preset = !id || (s->flow && s->flow->integration->keep_records) ? VERSIONS : 1;

    err = err ? err : app_number(app, "number", (struct number_range){preset, 1, 100000}, &s->limit, ei);
    err = err ? err : read_filter(app, &s->only, ei);
    s->id = id ? str_of(app_value(app, "id")) : (struct str){0};
    return err ? err : app_open_store(app, false, ei);
}

int command_records(struct app *app)
{
    struct search s = {.app = app};
    const char *state = app_value(app, "state");
    int dead, status;
    struct errinfo ei;

    if (state && strcmp(state, "written") == 0)
        state = "done";
    dead = state ? dead_state_of(str_of(state)) : -1;
    if (state && dead < 0 && !known_state(state))
        return bad_state(app, state);
    s.state = state ? str_of(state) : (struct str){0};
    if (read_arguments(&s, &ei) ||
        (s.flow->integration->keep_records &&
         records_open(app->project->state_dir, s.flow->integration->name, true, &s.kept, &ei)))
        status = app_fail(app, &ei);
    else if (dead >= 0)
        status = dead_list(app, s.flow->integration, &s.only, s.id, dead);
    else
        status = search(&s);
    if (s.target.sink)
        sink_close(s.target.sink);
    records_close(s.kept);
    flow_free(s.flow);
    return status;
}
