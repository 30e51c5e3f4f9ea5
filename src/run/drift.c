/* What a run does about schema drift (flow/drift finds it): remembers, tells once, stops, or makes room.
 *
 * What is known when the run begins is what everything in it is compared with. A change is kept in the store before it
 * is told, so it is told once over all runs; it is also an event, with the ALTER TABLE and the member of request[] that
 * would fit. At the end of the run what was seen is learnt and is the base of the next.
 *
 * Under `stop` each page is looked at before it is shaped, and the run ends in front of the first that shows a change:
 * what was read before is written, the cursor stands. What it showed is kept beside the base, so that accepting it
 * (`fields --accept`) needs no second reading. Values that are too long are found one step later, before their batch
 * is written.
 *
 * Under `add-column` the table is altered when no batch is on its way, at the run's edges: DDL commits. Columns are
 * only added and widened; the mapping is the user's, a new column stays empty until it is mapped. */
#include "run/drift.h"

#include "base/map.h"

#include <stdlib.h>

#define TOLD_MOST    20 /* a run; more are counted */
#define COLUMNS_MOST 20 /* added in one go */
#define ARENA_MAX    (64u << 20)

struct drift_run {
    struct pipeline *p;
    struct arena *arena;
    struct drift_input in;
    enum drift policy;
    struct map *handled; /* changes of this run that went to the store already */
    uint64_t news;       /* of the shaper, when it was last compared */
    size_t told, untold;
};

static struct str name_of(const struct drift_run *d)
{
    return d->p->flow->integration->name;
}

static bool stops(const struct drift_run *d)
{
    return d && d->policy == DRIFT_STOP && drift_learnt(&d->in);
}

enum err drift_open(struct pipeline *p, struct drift_run **ret, struct errinfo *ei)
{
    struct drift_run *d = mem_zero(sizeof *d);
    struct field *base = NULL;
    struct change *open = NULL;
    size_t n = 0;
    enum err e;

    d->p = p;
    d->arena = arena_new(ARENA_MAX);
    d->handled = map_new_copying(16u << 20);
    d->policy = p->flow->integration->drift;
    d->in = (struct drift_input){
        .flow = p->flow,
        .table = sink_table(p->sink, 0),
        .run = p->run_id,
        .now_ms = clock_wall(p->options->clock),
    };
    e = store_fields(p->store, name_of(d), d->arena, &base, &d->in.n_base, ei);
    d->in.base = base;
    e = e ? e : store_changes(p->store, name_of(d), d->arena, &open, &n, ei);
    for (size_t i = 0; !e && i < n; i++)
        if (drift_is_over(&d->in, &open[i], d->arena))
            e = store_change_close(p->store, open[i].id, ei);
    if (e) {
        drift_free(d);
        return e;
    }
    *ret = d;
    return OK;
}

void drift_free(struct drift_run *d)
{
    if (!d)
        return;
    map_free(d->handled);
    arena_free(d->arena);
    free(d);
}

/* ---- telling ---- */

static void notice(const struct drift_run *d, struct str key, struct str text)
{
    pipeline_emit(d->p, (struct event){.kind = EVENT_NOTICE, .code = ERR_SCHEMA, .key = key, .text = text});
}

static void tell(struct drift_run *d, const struct change *c, struct arena *a)
{
    struct str text = c->text;

    if (d->told++ >= TOLD_MOST) {
        d->untold++;
        return;
    }
    if (c->sql.n)
        text = arena_printf(a, STR_FMT "; " STR_FMT, STR_ARG(text), STR_ARG(c->sql));
    if (c->line.n)
        text = arena_printf(a, STR_FMT "; in request[]: " STR_FMT, STR_ARG(text), STR_ARG(c->line));
    notice(d, c->path, text);
}

/* Keeps a change and tells it when it is new. *ret_counts: under `stop` it ends the run. */
static enum err keep(struct drift_run *d, const struct change *c, struct arena *a, bool *ret_counts, struct errinfo *ei)
{
    struct str key = arena_printf(a, "%d:" STR_FMT ":" STR_FMT, c->kind, STR_ARG(c->path), STR_ARG(c->detail));
    enum change_state was;
    enum err e;

    *ret_counts = false;
    if (d->policy == DRIFT_IGNORE || !map_put(d->handled, key, 1))
        return OK;
    e = store_change(d->p->store, name_of(d), c, &was, ei);
    if (e)
        return e;
    if (was == CHANGE_CLOSED && c->state == CHANGE_OPEN)
        tell(d, c, a);
    *ret_counts = was != CHANGE_ACCEPTED && c->state == CHANGE_OPEN && c->kind != CHANGE_NEAR;
    return OK;
}

static enum err must_stop(const struct drift_run *d, const struct change *c, struct errinfo *ei)
{
    fail(ei, ERR_SCHEMA, STR_FMT ": " STR_FMT "%s" STR_FMT, STR_ARG(c->path), STR_ARG(c->text), c->sql.n ? "; " : "",
         STR_ARG(c->sql));
    return fail_hint(ei,
                     "the cursor stands; change table or mapping if it is worth it, then `sluice fields " STR_FMT
                     " --accept` lets it go on",
                     STR_ARG(name_of(d)));
}

static enum err keep_all(struct drift_run *d, const struct changes *found, struct arena *a, struct errinfo *ei)
{
    const struct change *stop = NULL;
    enum err e = OK;

    for (size_t i = 0; !e && i < found->n; i++) {
        bool counts;

        e = keep(d, &found->at[i], a, &counts, ei);
        if (!e && counts && !stop)
            stop = &found->at[i];
    }
    return !e && stop && d->policy == DRIFT_STOP ? must_stop(d, stop, ei) : e;
}

/* ---- learning ---- */

/* Known fields that were in no object of their kind count as well. */
static enum err learn(struct drift_run *d, const struct shape_fields *now, bool base, struct arena *a,
                      struct errinfo *ei)
{
    struct field *all = ARENA_ARRAY(a, struct field, now->n + d->in.n_base + 1);
    struct fields_seen seen = {.at = all, .run = d->in.run, .now_ms = d->in.now_ms, .base = base};
    struct map *at = map_new();

    if (!now->n_levels) {
        map_free(at);
        return OK;
    }
    all[seen.n++] = (struct field){.seen = {.count = (uint64_t)now->levels[0].objects, .types = SEEN_OBJECT},
                                   .of = now->levels[0].objects};
    for (size_t i = 0; i < now->n; i++) {
        map_put(at, now->at[i].path, i);
        all[seen.n++] = now->at[i];
    }
    for (size_t i = 0; i < d->in.n_base; i++) {
        const struct field *f = &d->in.base[i];

        if (f->path.n && map_get(at, f->path) == MAP_NONE)
            all[seen.n++] = (struct field){.path = f->path, .of = drift_objects(now, f->path)};
    }
    map_free(at);
    return store_fields_learn(d->p->store, name_of(d), &seen, ei);
}

/* Vanished fields that are back. */
static enum err close_returned(struct drift_run *d, const struct shape_fields *now, struct arena *a, struct errinfo *ei)
{
    struct change *open = NULL;
    size_t n = 0;
    enum err e = store_changes(d->p->store, name_of(d), a, &open, &n, ei);

    for (size_t i = 0; !e && i < n; i++)
        for (size_t k = 0; !e && open[i].kind == CHANGE_GONE && k < now->n; k++)
            if (str_eq(open[i].path, now->at[k].path))
                e = store_change_close(d->p->store, open[i].id, ei);
    return e;
}

/* ---- the run's steps ---- */

void drift_watch(struct drift_run *d, struct shaper *sh)
{
    if (d && !stops(d))
        shaper_watch(sh);
}

/* Compares what the shaper has counted so far. */
static enum err compare(struct drift_run *d, const struct shaper *sh, bool gone, struct arena *a, struct errinfo *ei)
{
    struct shape_fields now;
    struct changes found;
    enum err e;

    shaper_fields(sh, a, &now);
    drift_compare(&d->in, &now, gone, a, &found);
    e = keep_all(d, &found, a, ei);
    if (e == ERR_SCHEMA) {
        enum err kept = learn(d, &now, false, a, ei);

        if (kept)
            return kept;
    }
    return e;
}

enum err drift_page(struct drift_run *d, struct shaper *sh, const struct page *page, struct errinfo *ei)
{
    struct json_iter it = json_iter(page->reply.records);
    const struct json *raw;
    struct arena *a;
    enum err e;

    if (!stops(d))
        return OK;
    while ((raw = json_next(&it, NULL)))
        shaper_look(sh, raw);
    a = arena_new(ARENA_MAX);
    e = compare(d, sh, d->p->options->kind == RUN_MAIN, a, ei);
    arena_free(a);
    return e;
}

enum err drift_batch(struct drift_run *d, const struct shaper *sh, const struct batch *b, struct errinfo *ei)
{
    struct arena *a;
    struct changes found;
    enum err e = OK;

    if (!d || d->policy == DRIFT_IGNORE)
        return OK;
    a = arena_new(ARENA_MAX);
    if (!stops(d) && shaper_news(sh) != d->news) {
        d->news = shaper_news(sh);
        e = compare(d, sh, false, a, ei);
    }
    if (!e && b->n_strain) {
        drift_strain(&d->in, b, a, &found);
        e = keep_all(d, &found, a, ei);
    }
    arena_free(a);
    return e;
}

enum err drift_end(struct drift_run *d, const struct shaper *sh, struct errinfo *ei)
{
    struct arena *a;
    struct shape_fields now;
    enum err e = OK;

    if (!d)
        return OK;
    a = arena_new(ARENA_MAX);
    shaper_fields(sh, a, &now);
    if (!stops(d))
        e = compare(d, sh, d->p->options->kind == RUN_MAIN, a, ei);
    e = e ? e : close_returned(d, &now, a, ei);
    e = e ? e : learn(d, &now, true, a, ei);
    if (!e && d->untold)
        notice(d, name_of(d),
               arena_printf(a, "%zu more changes of the records: `sluice fields " STR_FMT "` lists them", d->untold,
                            STR_ARG(name_of(d))));
    arena_free(a);
    return e;
}

/* ---- making room ---- */

static enum err alter_for(struct drift_run *d, const struct change *c, struct str sql, struct arena *a,
                          struct errinfo *ei)
{
    const char *retry = c->kind == CHANGE_LENGTH || c->kind == CHANGE_DIGITS
                            ? "; rows that did not fit are dead letters: `sluice retry "
                            : "";
    enum err e = sink_exec(d->p->sink, sql, ei);

    if (e) {
        err_prefix(ei, "the table could not be altered (" STR_FMT ")", STR_ARG(sql));
        return fail_hint(ei, "give the target's user the right to alter it, or run the statement yourself; the rows "
                             "that fit are written");
    }
    notice(d, c->path,
           *retry ? arena_printf(a, "done: " STR_FMT "%s" STR_FMT " --all`", STR_ARG(sql), retry, STR_ARG(name_of(d)))
           : c->line.n ? arena_printf(a, "done: " STR_FMT "; it is empty until request[] has " STR_FMT, STR_ARG(sql),
                                      STR_ARG(c->line))
                       : arena_printf(a, "done: " STR_FMT, STR_ARG(sql)));
    return store_change_close(d->p->store, c->id, ei);
}

static enum err alter_all(struct drift_run *d, struct arena *a, size_t *ret_done, struct errinfo *ei)
{
    struct change *open = NULL;
    struct errinfo why;
    size_t n = 0, added = 0;
    enum err first = OK, e = store_changes(d->p->store, name_of(d), a, &open, &n, ei);

    if (e)
        return e;
    for (size_t i = 0; i < n; i++) {
        struct str sql = drift_alter(&d->in, &open[i], a);

        if (!sql.n || (open[i].kind == CHANGE_NEW && added++ >= COLUMNS_MOST))
            continue;
        e = sink_connect(d->p->sink, &why);
        e = e ? e : alter_for(d, &open[i], sql, a, &why);
        *ret_done += !e;
        if (e && !first) {
            first = e;
            *ei = why;
        }
    }
    return first;
}

enum err drift_make_room(struct drift_run *d, struct errinfo *ei)
{
    struct arena *a;
    struct errinfo why;
    size_t done = 0;
    enum err e, again = OK;

    if (!d || d->policy != DRIFT_ADD_COLUMN)
        return OK;
    a = arena_new(ARENA_MAX);
    e = alter_all(d, a, &done, ei);
    arena_free(a);
    if (done)
        again = sink_describe_again(d->p->sink, &why);
    if (again && !e)
        *ei = why;
    return e ? e : again;
}
