/* Reads progress, runs, dead letters, gaps, windows, lateness and the circuit's shared file, each with a query of its
 * own: a few milliseconds for an integration. */
#include "app/standing.h"

#include "app/fields.h"
#include "app/out.h"
#include "app/windows.h"

#define WINDOWS_SHOWN 3

static enum err look_at_completeness(struct app *app, struct standing *s, struct errinfo *ei)
{
    struct str name = s->integration->name;
    struct metrics found = {0};
    enum err err = store_metrics(app->store, name, S("found_missing"), app->arena, &found, ei);

    err = err ? err : lateness_recall(app->store, name, app->arena, &s->late, ei);
    err = err ? err
              : store_fact(app->store, arena_printf(app->arena, "audit:" STR_FMT, STR_ARG(name)), app->arena, &s->audit,
                           ei);
    s->found_missing = found.n ? found.at[0].value : 0;
    return err;
}

enum err standing_look(struct app *app, const struct integration *i, struct standing *s, struct errinfo *ei)
{
    struct run_row *runs;
    struct gap *gaps;
    size_t n, n_gaps;
    enum err err;

    *s = (struct standing){.integration = i, .behind_ms = -1};
    if (i->source)
        bucket_peek(arena_printf(app->arena, "%s/quota", app->project->state_dir).p, i->source->name, &s->upstream);
    if (!app->store)
        return OK;
    err = retry_look(app->store, i->name, &s->retry, ei);
    err = err ? err : store_progress(app->store, i->name, &s->progress, ei);
    err = err ? err : store_dead_count(app->store, i->name, &s->dead, ei);
    err = err ? err : changes_open(app, i->name, &s->changes, &s->n_changes, ei);
    err = err ? err : store_gaps(app->store, i->name, app->arena, &gaps, &n_gaps, ei);
    err = err ? err
              : store_runs(app->store, &(struct run_query){.integration = i->name, .limit = 1}, app->arena, &runs, &n,
                           ei);
    err = err ? err
              : store_fact(app->store, arena_printf(app->arena, "path:" STR_FMT, STR_ARG(i->name)), app->arena,
                           &s->path, ei);
    err = err ? err
              : store_fact(app->store, arena_printf(app->arena, "promise:" STR_FMT, STR_ARG(i->name)), app->arena,
                           &s->promise, ei);
    err = err ? err
              : store_windows(app->store, &(struct window_query){.integration = i->name, .limit = WINDOWS_SHOWN},
                              app->arena, &s->windows, &s->n_windows, ei);
    err = err ? err
              : store_windows(app->store, &(struct window_query){.integration = i->name, .open = true}, app->arena,
                              &s->open, &s->n_open, ei);
    err = err ? err : look_at_completeness(app, s, ei);
    if (err)
        return err;
    s->gaps = (int64_t)n_gaps;
    s->last = n ? &runs[0] : NULL;
    /* a rowversion is no time: what lies outside the years 1990 to 2200 is one */
    s->cursor_is_time = s->progress.cursor_s > 631152000 && s->progress.cursor_s < 7258118400;
    if (s->progress.known && s->cursor_is_time)
        s->behind_ms = clock_wall(&clock_system) - s->progress.cursor_s * 1000;
    return OK;
}

static void cursor_json(const struct app *app, struct json_out *w, const char *key, const struct standing *s,
                        int64_t at)
{
    if (!s->progress.known || at == INT64_MIN || !at)
        json_member(w, key, (struct str){0});
    else if (s->cursor_is_time)
        json_time(w, key, app, at * 1000);
    else
        json_number(w, key, at);
}

/* The upstream's circuit, and when a failed run is due again; null where all is well. */
static void trouble_json(const struct app *app, struct json_out *w, const struct standing *s)
{
    json_out_key(w, "upstream_down");
    if (s->upstream.open) {
        json_out_begin(w, '{');
        json_time(w, "since", app, s->upstream.since_ms ? s->upstream.since_ms : INT64_MIN);
        json_number(w, "failures", s->upstream.failures);
        json_number(w, "next_probe_ms", s->upstream.next_ms);
        json_out_end(w, '}');
    } else {
        json_out_null(w);
    }
    json_out_key(w, "retry");
    if (s->retry.failures) {
        json_out_begin(w, '{');
        json_number(w, "failures", s->retry.failures);
        json_member(w, "code", str_of(err_name(s->retry.code)));
        json_time(w, "next", app, s->retry.next_ms ? s->retry.next_ms : INT64_MIN);
        json_out_end(w, '}');
    } else {
        json_out_null(w);
    }
}

/* null until a record was measured. */
static void lateness_json(struct json_out *w, const struct standing *s)
{
    const struct lateness *l = &s->late;

    json_out_key(w, "lateness");
    if (!lateness_count(l)) {
        json_out_null(w);
        return;
    }
    json_out_begin(w, '{');
    json_number(w, "records", lateness_count(l));
    json_number(w, "late", lateness_late_ones(l));
    json_number(w, "p50_s", lateness_within_s(l, 500));
    json_number(w, "p99_s", lateness_within_s(l, 990));
    json_number(w, "p999_s", lateness_within_s(l, 999));
    json_number(w, "max_s", l->max_s);
    json_number(w, "overlap_needed_s", l->behind_max_s);
    json_out_end(w, '}');
}

void standing_json(const struct app *app, struct json_out *w, const struct standing *s)
{
    json_out_begin(w, '{');
    json_member(w, "integration", s->integration->name);
    json_member(w, "title", s->integration->title);
    json_flag(w, "enabled", s->integration->enabled);
    json_flag(w, "paused", s->progress.paused);
    cursor_json(app, w, "cursor", s, s->progress.cursor_s);
    cursor_json(app, w, "fetched", s, s->progress.fetched_s);
    json_time(w, "freshest", app, s->progress.freshest_ms ? s->progress.freshest_ms : INT64_MIN);
    json_out_key(w, "behind_ms");
    if (s->behind_ms >= 0)
        json_out_int(w, s->behind_ms);
    else
        json_out_null(w);
    json_number(w, "dead", s->dead);
    json_number(w, "gaps", s->gaps);
    trouble_json(app, w, s);
    changes_json(app, w, "changes", s->changes, s->n_changes);
    json_number(w, "windows_open", (int64_t)s->n_open);
    json_out_key(w, "windows");
    json_out_begin(w, '[');
    for (size_t i = 0; i < s->n_windows; i++)
        window_json(app, w, &s->windows[i]);
    json_out_end(w, ']');
    json_number(w, "found_missing", s->found_missing);
    lateness_json(w, s);
    json_out_key(w, "audit");
    if (s->audit.p)
        json_out_raw(w, s->audit);
    else
        json_out_null(w);
    json_member(w, "promise", s->promise);
    json_member(w, "path", s->path);
    json_out_key(w, "last_run");
    if (s->last && s->last->summary.n)
        json_out_raw(w, s->last->summary);
    else
        json_out_null(w);
    json_member(w, "last_status", s->last ? s->last->status : (struct str){0});
    json_time(w, "last_started", app, s->last ? s->last->started_ms : INT64_MIN);
    json_out_end(w, '}');
}
