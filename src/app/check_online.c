/* `check --online`: connects to the target and compares the statement with the real table; asks the source for one page
 * and looks whether every column finds its field. Writes nothing, keeps nothing. */
#include "app/check.h"
#include "app/fields.h"
#include "app/out.h"
#include "app/record.h"
#include "base/product.h"
#include "flow/drift.h"

#include <stdlib.h>

#define PATIENCE_MS     5000
#define SHAPE_ARENA_MAX (256u << 20)

static void add_failure(struct app *app, struct pos pos, const char *what, const struct errinfo *ei)
{
    diags_add(app->diags, DIAG_ERROR, pos, "%s: %s", what, ei->msg);
    if (ei->hint[0])
        diags_remedy(app->diags, "%s", ei->hint);
}

static void check_promise(struct app *app, const struct flow *f, struct online *o, struct sink *sink)
{
    struct errinfo ei;
    bool holds;

    if (sink_may_hold(sink, &holds, &ei)) {
        add_failure(app, f->integration->target->pos, "target", &ei);
        return;
    }
    o->promise = sink_promise(sink, holds, app->arena);
    if (holds)
        return;
    diags_add(app->diags, DIAG_WARNING, f->integration->target->pos,
              "the target cannot keep the checkpoint: after a crash rows may be written twice");
    diags_remedy(app->diags, "grant CREATE on the database, or make the table sluice_checkpoint once as another user");
}

/* Connects; the sink stays open for the sample. NULL when it cannot be reached. */
static struct sink *check_target(struct app *app, const struct flow *f, struct online *o)
{
    int64_t began = clock_mono(&clock_system);
    struct sink *sink = NULL;

    if (app_connect_target(app, f, &sink, &o->target)) {
        add_failure(app, f->integration->target->pos, "target", &o->target);
        sink = NULL;
    } else {
        o->target = (struct errinfo){0};
        o->server = arena_str(app->arena, str_of(sink_server(sink)));
        o->path = arena_str(app->arena, str_of(sink_path(sink)));
        sink_check(sink, f->statements[0].pos, app->diags);
        check_promise(app, f, o, sink);
    }
    o->target_ms = clock_mono(&clock_system) - began;
    return sink;
}

/* ---- the sample, shaped ---- */

struct sample {
    struct app *app;
    const struct flow *flow;
    struct arena *arena;
    struct shaped_record *records;
    size_t n, n_rows;
};

static void shape_all(struct sample *s, const struct shaping *by)
{
    struct json_iter it = json_iter(by->page->reply.records);
    const struct json *raw;

    s->records = ARENA_ARRAY(s->arena, struct shaped_record, by->page->reply.n_records + 1);
    while (s->n < by->page->reply.n_records && (raw = json_next(&it, NULL))) {
        struct shaped_record *r = &s->records[s->n++];

        record_shape(by, raw, s->arena, r);
        s->n_rows += r->fate == RECORD_ROWS ? r->n_rows : 0;
    }
}

/* Says which columns found their field in none of the records. */
static void tell_missing(const struct sample *s, struct shaper *shaper)
{
    const struct flow *f = s->flow;
    uint64_t rows;
    size_t n;
    const uint64_t *missing = shaper_missing(shaper, &n, &rows);

    for (size_t i = 0; i < n && rows > 0; i++) {
        if (missing[i] < rows)
            continue;
        diags_add(s->app->diags, DIAG_WARNING, f->statements[0].pos,
                  "column " STR_FMT ": its field was in none of the %llu rows of the sample",
                  STR_ARG(column_name(f->shape_columns[i])), (unsigned long long)rows);
        diags_remedy(s->app->diags, "compare its value with a record: `" PRODUCT " preview " STR_FMT "`",
                     STR_ARG(f->integration->name));
    }
}

static void tell_dead(const struct sample *s)
{
    const struct errinfo *first = NULL;
    size_t dead = 0;

    for (size_t i = 0; i < s->n; i++)
        if (s->records[i].fate == RECORD_DEAD && !dead++)
            first = s->records[i].why;
    if (first)
        diags_add(s->app->diags, DIAG_ERROR, s->flow->integration->pos,
                  "%zu of %zu records of the sample cannot be mapped; the first: %s", dead, s->n, first->msg);
}

/* Has the rows checked against the real table, as before they are sent: too long, NULL into NOT NULL, digits lost. */
static void tell_refused(const struct sample *s, struct sink *sink)
{
    struct batch b = {.arena = s->arena};
    struct errinfo ei;

    b.records = ARENA_ARRAY(s->arena, struct batch_record, s->n + 1);
    b.rows = ARENA_ARRAY(s->arena, struct batch_row, s->n_rows + 1);
    for (size_t i = 0; i < s->n; i++) {
        const struct shaped_record *r = &s->records[i];

        for (size_t k = 0; r->fate == RECORD_ROWS && k < r->n_rows; k++) {
            b.rows[b.n_rows] = r->rows[k];
            b.rows[b.n_rows++].record = (uint32_t)b.n_records;
        }
        if (r->fate == RECORD_ROWS)
            b.records[b.n_records++] = r->record;
    }
    if (sink_encode(sink, &b, &ei)) {
        add_failure(s->app, s->flow->statements[0].pos, "target", &ei);
        return;
    }
    if (!b.n_bad)
        return;
    diags_add(s->app->diags, DIAG_ERROR, s->flow->statements[0].pos,
              "%zu of %zu rows of the sample would become dead letters; the first, " STR_FMT ": " STR_FMT, b.n_bad,
              b.n_rows, STR_ARG(b.rows[b.bad[0].row].id), STR_ARG(b.bad[0].reason));
    diags_remedy(s->app->diags, "change the column, or the mapping");
}

/* ---- what the records look like ---- */

static void add_change(const struct sample *s, const struct change *c)
{
    diags_add(s->app->diags, DIAG_WARNING, s->flow->integration->pos, STR_FMT ": " STR_FMT, STR_ARG(c->path),
              STR_ARG(c->text));
    if (c->sql.n || c->line.n)
        diags_remedy(s->app->diags, STR_FMT "%s" STR_FMT, STR_ARG(c->sql),
                     !c->line.n ? ""
                     : c->sql.n ? "; in request[]: "
                                : "in request[]: ",
                     STR_ARG(c->line));
}

static bool is_open(const struct change *c, const struct change *open, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (open[i].kind == c->kind && str_eq(open[i].path, c->path) && str_eq(open[i].detail, c->detail))
            return true;
    return false;
}

/* The changes that are open, and those that the sample shows against what is known. */
static enum err tell_changes(const struct sample *s, const struct shaper *shaper, const struct sink *sink,
                             struct errinfo *ei)
{
    struct app *app = s->app;
    struct str name = s->flow->integration->name;
    struct drift_input in = {.flow = s->flow, .table = sink ? sink_table(sink, 0) : NULL};
    struct field *base = NULL;
    struct change *open;
    struct shape_fields now;
    struct changes found;
    size_t n;
    enum err err = app->store ? OK : app_open_store(app, false, ei);

    if (!err && app->store)
        err = store_fields(app->store, name, app->arena, &base, &in.n_base, ei);
    err = err ? err : changes_open(app, name, &open, &n, ei);
    if (err)
        return err;
    in.base = base;
    shaper_fields(shaper, s->arena, &now);
    drift_compare(&in, &now, false, s->arena, &found);
    for (size_t i = 0; i < n; i++)
        add_change(s, &open[i]);
    for (size_t i = 0; i < found.n; i++)
        if (!is_open(&found.at[i], open, n))
            add_change(s, &found.at[i]);
    return OK;
}

static bool table_fits(const struct sink *sink, const struct diags *diags, size_t errors_before)
{
    const struct table_info *t = sink_table(sink, 0);

    return t && t->found && diags_count(diags, DIAG_ERROR) == errors_before;
}

static void check_sample(struct app *app, const struct flow *f, const struct page *page, struct sink *sink)
{
    struct sample s = {.app = app, .flow = f, .arena = arena_new(SHAPE_ARENA_MAX)};
    struct shaping by = {f, flow_shaper(f), page};
    struct errinfo ei;

    shaper_watch(by.shaper);
    shape_all(&s, &by);
    if (tell_changes(&s, by.shaper, sink, &ei))
        add_failure(app, f->integration->pos, "state", &ei);
    tell_missing(&s, by.shaper);
    tell_dead(&s);
    if (sink)
        tell_refused(&s, sink);
    for (size_t i = 0; i < s.n; i++)
        json_free(s.records[i].extra);
    shaper_free(by.shaper);
    arena_free(s.arena);
}

static struct str base_url(const struct flow *f)
{
    size_t n;
    const struct connector_option *o = connector_options(f->connector, &n);

    for (size_t i = 0; i < n && i < f->integration->source->options.n; i++)
        if (str_eq(o[i].name, S("base_url")))
            return f->integration->source->options.at[i];
    return (struct str){0};
}

/* `sink` NULL: the rows of the sample are not compared with the table. */
static void check_source(struct app *app, struct flow *f, struct online *o, struct sink *sink)
{
    int64_t began = clock_mono(&clock_system);
    struct page *page = NULL;
    enum err err = app_sample(app, f, PATIENCE_MS, &page, &o->source);

    o->base_url = base_url(f);
    o->source_ms = clock_mono(&clock_system) - began;
    if (err) {
        add_failure(app, f->integration->source->pos, "source", &o->source);
        return;
    }
    o->source = (struct errinfo){0};
    o->records = (int64_t)page->reply.n_records;
    check_sample(app, f, page, sink);
    page_unref(page);
}

void check_online(struct app *app, struct flow *f, struct online *ret)
{
    size_t errors = diags_count(app->diags, DIAG_ERROR);
    struct sink *sink;

    *ret = (struct online){.integration = f->integration->name};
    sink = check_target(app, f, ret);
    check_source(app, f, ret, sink && table_fits(sink, app->diags, errors) ? sink : NULL);
    if (sink)
        sink_close(sink);
}

void online_json(struct json_out *w, const struct online *o)
{
    json_out_begin(w, '{');
    json_member(w, "integration", o->integration);
    json_out_key(w, "source");
    json_out_begin(w, '{');
    json_flag(w, "ok", o->source.code == OK);
    json_member(w, "address", o->base_url);
    json_number(w, "latency_ms", o->source_ms);
    json_number(w, "records", o->records);
    json_out_key(w, "error");
    json_error(w, &o->source);
    json_out_end(w, '}');
    json_out_key(w, "target");
    json_out_begin(w, '{');
    json_flag(w, "ok", o->target.code == OK);
    json_member(w, "server", o->server);
    json_member(w, "path", o->path);
    json_member(w, "promise", o->promise);
    json_number(w, "latency_ms", o->target_ms);
    json_out_key(w, "error");
    json_error(w, &o->target);
    json_out_end(w, '}');
    json_out_end(w, '}');
}

void online_say(const struct app *app, const struct online *o)
{
    say(app, STR_FMT "\n", STR_ARG(o->integration));
    if (o->source.code)
        say(app, "  source  %s%s%s\n", color(app, COLOR_RED), err_name(o->source.code), color(app, COLOR_NONE));
    else
        say(app, "  source  " STR_FMT ", %lld records in a page, " STR_FMT "\n", STR_ARG(o->base_url),
            (long long)o->records, STR_ARG(duration_text(app, o->source_ms)));
    if (o->target.code)
        say(app, "  target  %s%s%s\n", color(app, COLOR_RED), err_name(o->target.code), color(app, COLOR_NONE));
    else
        say(app, "  target  " STR_FMT ", " STR_FMT ", " STR_FMT "\n          " STR_FMT "\n", STR_ARG(o->server),
            STR_ARG(o->path), STR_ARG(duration_text(app, o->target_ms)), STR_ARG(o->promise));
}
