/* `check --online`: connects to the target and compares the statement with the real table; asks the source for one page and looks whether every column finds its field. Writes nothing, keeps
 * nothing. */
#include "app/check.h"
#include "app/out.h"
#include "base/product.h"

#include <stdlib.h>

#define PATIENCE_MS 5000
#define SHAPE_ARENA_MAX (256u << 20)

static void add_failure(struct app *app, struct pos pos, const char *what, const struct errinfo *ei)
{
    diags_add(app->diags, DIAG_ERROR, pos, "%s: %s", what, ei->msg);
    if (ei->hint[0])
        diags_remedy(app->diags, "%s", ei->hint);
}

static void check_target(struct app *app, const struct flow *f, struct online *o)
{
    int64_t began = clock_mono(&clock_system);
    struct sink *sink = NULL;

    o->target_asked = true;
    if (app_connect_target(app, f, &sink, &o->target)) {
        add_failure(app, f->integration->target->pos, "target", &o->target);
    } else {
        o->server = arena_str(app->arena, str_of(sink_server(sink)));
        o->path = arena_str(app->arena, str_of(sink_path(sink)));
        sink_check(sink, f->statements[0].pos, app->diags);
    }
    o->target_ms = clock_mono(&clock_system) - began;
    if (sink)
        sink_close(sink);
}

/* Shapes the sample; says which columns found their field in none of its records. */
static void check_columns(struct app *app, const struct flow *f, const struct page *page)
{
    struct shaper *sh = shaper_new(f->shape);
    struct arena *a = arena_new(SHAPE_ARENA_MAX);
    struct json_iter it = json_iter(page->reply.records);
    struct sysvars sys = {.zone = app->project->zone, .now_ms = page->fetched_ms, .page_size = -1, .start_row = -1, .page = -1};
    const struct json *raw;
    const uint64_t *missing;
    size_t n, dead = 0;
    uint64_t rows;
    struct errinfo first = {0};

    while ((raw = json_next(&it, NULL))) {
        struct shaped_record s = {0};

        arena_reset(a);
        if (shaper_identify(sh, raw, a, false, &s.record, &first) != OK) {
            dead++;
            continue;
        }
        s.record.raw = raw;
        shaper_record(sh, raw, &sys, a, &s);
        if (s.fate == RECORD_DEAD && !dead++)
            first = *s.why;
        json_free(s.extra);
    }
    missing = shaper_missing(sh, &n, &rows);
    for (size_t i = 0; i < n && rows > 0; i++) {
        if (missing[i] < rows)
            continue;
        diags_add(app->diags, DIAG_WARNING, f->statements[0].pos, "column " STR_FMT ": its field was in none of the %llu rows of the sample",
                  STR_ARG(column_name(f->shape_columns[i])), (unsigned long long)rows);
        diags_remedy(app->diags, "compare its value with a record: `" PRODUCT " preview " STR_FMT "`", STR_ARG(f->integration->name));
    }
    if (dead)
        diags_add(app->diags, DIAG_WARNING, f->integration->pos, "%zu of %zu records of the sample cannot be mapped: %s", dead, page->reply.n_records, first.msg);
    arena_free(a);
    shaper_free(sh);
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

static void check_source(struct app *app, const struct flow *f, struct online *o)
{
    int64_t began = clock_mono(&clock_system);
    struct page *page = NULL;
    enum err err;

    o->source_asked = true;
    o->base_url = base_url(f);
    err = app_sample(app, f, PATIENCE_MS, &page, &o->source);
    o->source_ms = clock_mono(&clock_system) - began;
    if (err) {
        add_failure(app, f->integration->source->pos, "source", &o->source);
        return;
    }
    o->source = (struct errinfo){0};
    o->records = (int64_t)page->reply.n_records;
    check_columns(app, f, page);
    page_unref(page);
}

void check_online(struct app *app, const struct flow *f, struct online *ret)
{
    *ret = (struct online){.integration = f->integration->name};
    check_target(app, f, ret);
    check_source(app, f, ret);
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
        say(app, "  source  " STR_FMT ", %lld records in a page, " STR_FMT "\n", STR_ARG(o->base_url), (long long)o->records, STR_ARG(duration_text(app, o->source_ms)));
    if (o->target.code)
        say(app, "  target  %s%s%s\n", color(app, COLOR_RED), err_name(o->target.code), color(app, COLOR_NONE));
    else
        say(app, "  target  " STR_FMT ", " STR_FMT ", " STR_FMT "\n", STR_ARG(o->server), STR_ARG(o->path), STR_ARG(duration_text(app, o->target_ms)));
}
