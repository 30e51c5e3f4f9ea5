/* `records`: what became of a record. When it was fetched, from which call, what it looked like, what the mapping makes
 * of it, in which batch it was committed or why not, what the target said and holds now.
 *
 * With "keep": "records" the index of kept records knows where each version of a source id stands and how it was
 * judged; of a target id, the parts that may be the source's id are tried ("900001" of "900001-3"). Otherwise the
 * ledger knows the newest position. What neither finds is looked for in the journal, newest page first. A list without
 * --id goes backwards through the journal until enough records are found; dead letters have states of their own and
 * come from the store. */
#include "app/records_impl.h"

#include "app/open.h"
#include "app/out.h"
#include "base/num.h"
#include "base/product.h"

#include <stdlib.h>

#define ENTRY_ARENA_MAX (192u << 20)
#define VERSIONS        20 /* shown of a kept record unless told */
#define FILE_RECORDS    100000

static bool matches(const struct search *s, const struct shaped_record *r)
{
    if (!s->id.p || str_eq(r->record.key, s->id))
        return true;
    for (size_t i = 0; r->fate == RECORD_ROWS && i < r->n_rows; i++)
        if (str_eq(r->rows[i].id, s->id))
            return true;
    return false;
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
    if (!e && s->whole)
        e = records_rewrites_of(s->kept, at, a, &h->again, &h->n_again, ei);
    if (!e && h->noted && h->note.fate == FATE_FILTERED)
        e = records_term(s->kept, h->committed ? h->batch.mapping : s->flow->mapping, h->note.detail, a, &h->term, ei);
    return e;
}

static bool has_value(const struct json *v, struct str text)
{
    struct json_iter it = json_iter(v);
    const struct json *e;

    if (json_text(v).p && str_eq(json_text(v), text))
        return true;
    while ((e = json_next(&it, NULL))) /* as deep as the parser lets a document be */
        if (has_value(e, text))
            return true;
    return false;
}

static bool is_wanted(const struct search *s, const struct json *raw)
{
    struct buf b;
    bool yes;

    if (s->value.p && !has_value(raw, s->value))
        return false;
    if (!s->only.text.p)
        return true;
    b = buf_make(64u << 20);
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

    if (!is_wanted(s, raw))
        return OK;
    a = arena_new(ENTRY_ARENA_MAX);
    record_shape(&by, raw, a, &h.shaped);
    if (matches(s, &h.shaped)) {
        err = learn(s, &h, a, ei);
        if (!err && (!s->state.p || str_eq(s->state, str_of(records_state(s, &h))))) {
            records_show(s, &h);
            s->found++;
        }
    }
    json_free(h.shaped.extra);
    arena_free(a);
    return err;
}

/* Was enough found, or looked long enough? Then the next search goes on before this place. */
static bool is_enough(struct search *s, int64_t page, int32_t row)
{
    if (s->found < s->limit && clock_mono(&clock_system) < s->end_ms)
        return false;
    if (page > journal_first(s->journal) || row > 0)
        s->next = (struct records_place){page, row};
    return true;
}

/* The records of a page, last first; those at and behind the place to begin before are stepped over. */
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
    if (only < 0 && e->seq == s->before.page && (size_t)s->before.row < n)
        n = (size_t)s->before.row;
    for (size_t i = n; !err && i > 0 && !s->next.page; i--) {
        if (only >= 0 && only != (int32_t)(i - 1))
            continue;
        err = look_at(s, e, page, raws[i - 1], (int32_t)(i - 1), ei);
        if (!err && only < 0 && is_enough(s, e->seq, (int32_t)(i - 1)))
            break;
    }
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

static enum err by_ledger(struct search *s, struct str key, struct errinfo *ei)
{
    struct ledger_entry e;
    bool known = false;
    struct ledger_lookup one = {&key, 1, &e, &known};
    enum err err = ledger_get(s->app->store, s->flow->integration->name, &one, s->app->arena, ei);

    if (err || !known || e.page < journal_first(s->journal) || !journal_first(s->journal))
        return err;
    return look_at_entry(s, e.page, e.row, ei);
}

static enum err by_key(struct search *s, struct str key, struct errinfo *ei)
{
    struct records_place *at;
    size_t n;
    enum err err;

    if (!s->kept)
        return by_ledger(s, key, ei);
    err = records_find(s->kept, records_hash(key), s->app->arena, &at, &n, ei);
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
    int64_t before = s->found;
    struct str id = s->id;
    enum err err = by_key(s, id, ei);

    for (size_t from = 0; !err && s->found == before && from < id.n; from++) {
        if (from && is_word(id.p[from - 1]))
            continue;
        for (size_t to = id.n; !err && s->found == before && to > from; to--)
            if ((to < id.n || from) && (to == id.n || !is_word(id.p[to])) && is_word(id.p[to - 1]))
                err = by_key(s, str_sub(id, from, to - from), ei);
    }
    return err;
}

static bool parts_ids(char c)
{
    return c == ',' || c == ';' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool next_id(struct str *rest, struct str *ret)
{
    size_t from = 0, to;

    while (from < rest->n && parts_ids(rest->p[from]))
        from++;
    for (to = from; to < rest->n && !parts_ids(rest->p[to]);)
        to++;
    *ret = str_sub(*rest, from, to - from);
    *rest = str_sub(*rest, to, rest->n - to);
    return ret->n > 0;
}

/* The newest version of each id of the list, in its order. */
static enum err by_list(struct search *s, struct errinfo *ei)
{
    struct str rest = s->list;
    enum err err = OK;

    while (!err && next_id(&rest, &s->id)) {
        s->limit = s->found + 1;
        err = by_index(s, ei);
        if (!err && s->found < s->limit) {
            s->missing[s->n_missing++] = s->id;
            if (!s->w)
                say(s->app, STR_FMT "  %s\n", STR_ARG(s->id), either(s->app, "not found", "未找到"));
        }
    }
    s->id = (struct str){0};
    return err;
}

static enum err by_journal(struct search *s, struct errinfo *ei)
{
    int64_t first = journal_first(s->journal), seq = journal_last(s->journal);
    enum err err = OK;

    if (s->before.page && s->before.page < seq)
        seq = s->before.page;
    for (; !err && first && seq >= first && !s->next.page && s->found < s->limit; seq--) {
        err = look_at_entry(s, seq, -1, ei);
        if (!err && !s->next.page && is_enough(s, seq, 0))
            break;
    }
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
    if (s->list.p)
        err = by_list(s, ei);
    else if (s->id.p && !s->before.page && (s->kept || s->limit == 1))
        err = by_index(s, ei);
    if (!err && !s->found && !s->list.p)
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

static void tell_more(const struct search *s)
{
    struct json_out *w = s->w;
    char next[48];

    snprintf(next, sizeof next, "%lld.%d", (long long)s->next.page, (int)s->next.row);
    if (!w && s->next.page && !s->id.p)
        say(s->app, "%s--before %s%s\n", color(s->app, COLOR_DIM), next, color(s->app, COLOR_NONE));
    if (!w)
        return;
    json_member(w, "next", s->next.page ? str_of(next) : (struct str){0});
    if (s->list.p) {
        json_out_key(w, "missing");
        json_out_begin(w, '[');
        for (size_t i = 0; i < s->n_missing; i++)
            json_out_str(w, s->missing[i]);
        json_out_end(w, ']');
    }
}

static enum err not_in_journal(const struct search *s, struct errinfo *ei)
{
    fail(ei, ERR_USAGE, "no record with id " STR_FMT " is in the journal", STR_ARG(s->id));
    return fail_hint(ei, "the journal keeps what was fetched within `retention.journal`; --id takes the source's "
                         "or the target's id");
}

static int search(struct search *s)
{
    struct app *app = s->app;
    struct buf b = buf_make(512u << 20);
    struct json_out w = json_out(&b);
    struct errinfo ei;
    bool unknown;
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
    if (!err)
        tell_more(s);
    unknown = !err && !s->found && s->id.p;
    if (unknown)
        (void)not_in_journal(s, &ei);
    if (unknown && app->json) {
        json_out_key(&w, "error");
        json_error(&w, &ei);
    }
    if (!err && app->json)
        json_out_end(&w, '}');
    if (!err && app->json)
        print_json(app, &b);
    else if (!err && !s->found && !unknown)
        say(app, "%s\n", either(app, "There are none.", "没有。"));
    s->w = NULL;
    buf_free(&b);
    if (unknown && app->json)
        return STATUS_WRONG;
    return err || unknown ? app_fail(app, &ei) : STATUS_OK;
}

/* ---- as a file ---- */

static enum err left_out(const struct search *s, struct errinfo *ei)
{
    fail(ei, ERR_USAGE, "%s",
         s->found == s->limit ? "there are more records than fit into one file"
                              : "there is more to look through than time for it");
    return fail_hint(ei, "%lld were found; narrow it with from and to, or go on before %lld.%d", (long long)s->found,
                     (long long)s->next.page, (int)s->next.row);
}

static int export_csv(struct search *s)
{
    struct errinfo ei;
    enum err err;

    s->file = records_file_new(s->app, s->flow);
    err = look(s, &ei);
    if (!err && s->next.page)
        err = left_out(s, &ei);
    err = records_file_end(s->file, err, &ei);
    return err ? app_fail(s->app, &ei) : STATUS_OK;
}

static int export_json(struct search *s)
{
    struct buf b = buf_make(RECORDS_FILE_MAX);
    struct json_out w = json_out(&b);
    struct errinfo ei;
    enum err err;

    s->w = &w;
    json_out_begin(&w, '[');
    err = look(s, &ei);
    json_out_end(&w, ']');
    if (!err && b.failed)
        err = records_too_long(&ei);
    if (!err && s->next.page)
        err = left_out(s, &ei);
    if (!err)
        print_json(s->app, &b);
    s->w = NULL;
    buf_free(&b);
    return err ? app_fail(s->app, &ei) : STATUS_OK;
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

/* PAGE.ROW, as `next` says it. */
static enum err read_before(const struct app *app, struct records_place *ret, struct errinfo *ei)
{
    struct str text = app_flag(app, "before") ? str_of(app_value(app, "before")) : (struct str){0}, rest = text, page;
    int64_t row = 0;

    if (!text.p)
        return OK;
    (void)str_cut(&rest, '.', &page);
    if (num_i64(page, &ret->page) && num_i64(rest, &row) && ret->page > 0 && row >= 0 && row < INT32_MAX) {
        ret->row = (int32_t)row;
        return OK;
    }
    fail(ei, ERR_USAGE, "--before is \"" STR_FMT "\"", STR_ARG(text));
    return fail_hint(ei, "give what `next` of the answer before says, as 812.37");
}

static enum err read_format(const struct app *app, enum file_format *ret, struct errinfo *ei)
{
    struct str text = app_flag(app, "export") ? str_of(app_value(app, "export")) : (struct str){0};

    *ret = str_eq(text, S("csv")) ? FILE_CSV : str_eq(text, S("json")) ? FILE_JSON : FILE_NONE;
    if (!text.p || *ret)
        return OK;
    fail(ei, ERR_USAGE, "--export is \"" STR_FMT "\"", STR_ARG(text));
    return fail_hint(ei, "csv or json");
}

static struct str text_option(const struct app *app, const char *option)
{
    return app_flag(app, option) ? str_of(app_value(app, option)) : (struct str){0};
}

static size_t count_ids(struct str list)
{
    struct str id;
    size_t n = 0;

    while (next_id(&list, &id))
        n++;
    return n;
}

static enum err read_arguments(struct search *s, struct errinfo *ei)
{
    struct app *app = s->app;
    enum err err = app_open_flow(app, &s->flow, ei);
    bool id = app_flag(app, "id");
    int64_t preset = !id || (s->flow && s->flow->integration->keep_records) ? VERSIONS : 1, budget_s = INT32_MAX;

    err = err ? err : read_format(app, &s->format, ei);
    err = err ? err : read_before(app, &s->before, ei);
    preset = s->format ? FILE_RECORDS : preset;
    err = err ? err : app_number(app, "number", (struct number_range){preset, 1, FILE_RECORDS}, &s->limit, ei);
    err = err ? err : app_number(app, "seconds", (struct number_range){budget_s, 1, INT32_MAX}, &budget_s, ei);
    err = err ? err : read_filter(app, &s->only, ei);
    s->end_ms = clock_mono(&clock_system) + budget_s * 1000;
    s->id = text_option(app, "id");
    s->list = text_option(app, "ids");
    s->value = text_option(app, "value");
    s->whole = id && !s->format;
    s->missing = ARENA_ARRAY(app->arena, struct str, count_ids(s->list) + 1);
    return err ? err : app_open_store(app, false, ei);
}

static int tell(struct search *s, int dead)
{
    if (dead >= 0)
        return dead_list(s->app, s->flow->integration,
                         &(struct dead_choice){.only = s->only, .id = s->id, .state = dead, .format = s->format});
    return s->format == FILE_CSV ? export_csv(s) : s->format == FILE_JSON ? export_json(s) : search(s);
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
    else
        status = tell(&s, dead);
    if (s.target.sink)
        sink_close(s.target.sink);
    records_close(s.kept);
    flow_free(s.flow);
    return status;
}
