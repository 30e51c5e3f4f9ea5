/* Telling of one record that was found: as a line, as JSON, or as its whole story with what the target holds of it now.
 * A file of records is written by records_file.c. */
#include "app/records_impl.h"

#include "app/open.h"
#include "app/out.h"

static const char *const fates[FATE_COUNT] = {
    [FATE_SENT] = "sent",     [FATE_FILTERED] = "filtered", [FATE_FOLDED] = "folded",
    [FATE_REPEAT] = "repeat", [FATE_DEAD] = "refused",      [FATE_UNNOTED] = "not noted",
};

const char *records_state(const struct search *s, const struct hit *h)
{
    static const int of_letters[] = {DEAD_OPEN, DEAD_DROPPED, DEAD_SUPERSEDED}; /* it is not there, or not whole */
    const struct progress *g = &s->progress;

    for (size_t k = 0; k < sizeof of_letters / sizeof *of_letters; k++)
        for (size_t i = 0; i < h->n_letters; i++)
            if ((int)h->letters[i].state == of_letters[k])
                return dead_state_name(of_letters[k]);
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

struct str records_why(const struct hit *h)
{
    for (size_t i = h->n_letters; i > 0; i--)
        if (h->letters[i - 1].state != DEAD_RETRIED)
            return h->letters[i - 1].reason;
    return h->shaped.fate == RECORD_DEAD ? str_of(h->shaped.why->msg) : (struct str){0};
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
    json_member(w, "state", str_of(records_state(s, h)));
    json_time(w, "fetched", s->app, h->entry->fetched_ms);
    json_number(w, "page", h->entry->seq);
    json_number(w, "row", h->row);
    json_number(w, "run", h->entry->run);
    json_number(w, "rows", h->shaped.fate == RECORD_ROWS ? (int64_t)h->shaped.n_rows : 0);
    json_member(w, "why", records_why(h));
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

/* What came, and what the mapping makes of it. */
static void content_json(const struct search *s, const struct hit *h)
{
    bool rows = h->shaped.fate == RECORD_ROWS;
    struct buf raw = buf_make(64u << 20);
    struct json_out *w = s->w;

    json_write(h->shaped.record.raw, &raw);
    json_out_key(w, "raw");
    json_out_raw(w, buf_str(&raw));
    json_out_key(w, "mapped");
    json_out_begin(w, '[');
    for (size_t i = 0; rows && i < h->shaped.n_rows; i++)
        record_row_json(w, s->flow, &h->shaped.rows[i]);
    json_out_end(w, ']');
    buf_free(&raw);
}

static void long_json(const struct search *s, const struct hit *h, struct str target, const struct errinfo *why)
{
    bool rows = h->shaped.fate == RECORD_ROWS;
    struct json_out *w = s->w;

    json_member(w, "call", h->entry->call);
    json_time(w, "window_from", s->app, h->entry->from_s * 1000);
    json_time(w, "window_to", s->app, h->entry->to_s * 1000);
    json_out_key(w, "again"); /* by replay and retry */
    json_out_begin(w, '[');
    for (size_t i = 0; i < h->n_again; i++) {
        json_out_begin(w, '{');
        json_number(w, "run", h->again[i].run);
        json_number(w, "batch", h->again[i].batch);
        json_time(w, "committed", s->app, h->again[i].committed_ms);
        json_out_end(w, '}');
    }
    json_out_end(w, ']');
    json_out_key(w, "letters");
    json_out_begin(w, '[');
    for (size_t i = 0; i < h->n_letters; i++)
        dead_json(s->app, w, &h->letters[i]);
    json_out_end(w, ']');
    content_json(s, h);
    json_out_key(w, "statements"); /* of each mapped row */
    json_out_begin(w, '[');
    for (size_t i = 0; rows && i < h->shaped.n_rows; i++)
        json_out_str(w, record_statement(s->flow, h->shaped.rows[i].statement, s->app->arena));
    json_out_end(w, ']');
    json_out_key(w, "target");
    if (target.p)
        json_out_raw(w, target);
    else
        json_out_null(w);
    json_out_key(w, "target_error");
    json_error(w, why);
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
    for (size_t i = 0; i < h->n_again; i++) {
        buf_clear(&b);
        buf_printf(&b, STR_FMT ", batch %lld of run %lld", STR_ARG(time_text(app, h->again[i].committed_ms / 1000)),
                   (long long)h->again[i].batch, (long long)h->again[i].run);
        say_json(app, "again", buf_str(&b));
    }
    for (size_t i = 0; i < h->n_letters; i++) {
        say_json(app, h->letters[i].state == DEAD_OPEN ? "refused" : dead_state_name(h->letters[i].state),
                 h->letters[i].reason);
        if (h->letters[i].edited.n)
            say_json(app, "edited", h->letters[i].edited);
    }
    buf_free(&b);
}

static void say_long(const struct search *s, const struct hit *h, struct str target, const struct errinfo *why)
{
    const struct app *app = s->app;
    struct buf b = buf_make(128u << 20);
    struct json_out w = json_out(&b);

    say(app, "%s" STR_FMT "%s  %s\n", color(app, COLOR_BOLD), STR_ARG(h->shaped.record.key), color(app, COLOR_NONE),
        records_state(s, h));
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

static void show_whole(struct search *s, const struct hit *h)
{
    struct buf target = buf_make(64u << 20);
    struct target *t = &s->target;
    bool looked;

    target_open(s);
    looked = t->sink && target_rows(s, t, h, &target);
    if (s->w)
        long_json(s, h, looked ? buf_str(&target) : (struct str){0}, &t->why);
    else
        say_long(s, h, looked ? buf_str(&target) : (struct str){0}, &t->why);
    buf_free(&target);
}

static void show_line(const struct search *s, const struct hit *h)
{
    struct buf b = buf_make(4096);

    add_fitted(&b, h->shaped.record.key, 24);
    say(s->app, "%s  %-8s  " STR_FMT "  page %lld\n", buf_cstr(&b), records_state(s, h),
        STR_ARG(time_text(s->app, h->entry->fetched_ms / 1000)), (long long)h->entry->seq);
    buf_free(&b);
}

void records_show(struct search *s, const struct hit *h)
{
    if (s->file) {
        records_file_add(s->file, s, h);
        return;
    }
    if (s->w) {
        json_out_begin(s->w, '{');
        short_json(s, h);
    }
    if (s->format == FILE_JSON)
        content_json(s, h);
    else if (s->whole)
        show_whole(s, h);
    else if (!s->w)
        show_line(s, h);
    if (s->w)
        json_out_end(s->w, '}');
}
