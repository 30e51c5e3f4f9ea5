/* Compiling an integration, part by part: interface and paging, the source's request, the target's statements, the
 * shape between them. Each part says what is wrong with it and the others are still looked at, so that `check` tells
 * everything at once. */
#include "flow/flow.h"

#include "base/log.h"
#include "base/num.h"
#include "flow/kept.h"
#include "flow/lookups.h"
#include "flow/statements.h"

#include <stdlib.h>

#define FLOW_ARENA_MAX (64u << 20)

static bool find_iface(struct flow *f, struct diags *diags)
{
    const struct meta_doc *doc = f->integration->source_doc;
    size_t n;
    const struct iface *all;
    const char **names;

    f->connector = f->integration->source->connector;
    f->iface = connector_iface(f->connector, doc->api);
    if (connector_get_kind(f->connector) == CONNECTOR_DATABASE) {
        diags_add(diags, DIAG_ERROR, doc->pos, "connector \"" STR_FMT "\" is a target, it cannot be read from",
                  STR_ARG(connector_name(f->connector)));
        return false;
    }
    if (f->iface)
        return true;
    all = connector_ifaces(f->connector, &n);
    names = ARENA_ARRAY(f->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = arena_cstr(f->arena, all[i].name);
    diags_add(diags, DIAG_ERROR, doc->pos, "connector \"" STR_FMT "\" has no interface \"" STR_FMT "\"",
              STR_ARG(connector_name(f->connector)), STR_ARG(doc->api));
    diags_nearest(diags, str_nearest(doc->api, names, n));
    diags_remedy(diags,
                 "`"
                 "sluice connectors " STR_FMT "` lists them",
                 STR_ARG(connector_name(f->connector)));
    return false;
}

static const struct meta_field *request_field(const struct flow *f, struct str name)
{
    const struct meta_fields *r = &f->integration->source_doc->request;

    for (size_t i = 0; name.n && i < r->n; i++)
        if (str_eq(r->at[i].field, name))
            return &r->at[i];
    return NULL;
}

const struct paging *flow_paging(const struct iface *face, const struct meta_doc *doc)
{
    for (size_t i = 0; i < face->n_modes; i++) {
        struct str name = face->modes[i].name;

        for (size_t k = 0; name.n && k < doc->request.n; k++)
            if (str_eq(doc->request.at[k].field, name) && meta_text(&doc->request.at[k]).n)
                return &face->modes[i].paging;
    }
    return iface_paging(face, (struct str){0});
}

static bool choose_page_size(struct flow *f, struct diags *diags)
{
    const struct meta_doc *doc = f->integration->source_doc;
    const struct meta_field *field = request_field(f, f->paging->size_param);
    struct str text = field ? meta_text(field) : (struct str){0};
    int64_t max = f->paging->size_max;

    f->page_size = doc->page_size > 0 ? doc->page_size : f->paging->size_default;
    if (text.n && !memchr(text.p, '{', text.n) && (!num_i64(text, &f->page_size) || f->page_size < 1)) {
        diags_add(diags, DIAG_ERROR, field->pos, STR_FMT " is \"" STR_FMT "\"", STR_ARG(f->paging->size_param),
                  STR_ARG(text));
        diags_remedy(diags, "rows a page: a whole number from 1 to %lld", (long long)max);
        return false;
    }
    if (max > 0 && f->page_size > max) {
        diags_add(diags, DIAG_WARNING, field ? field->pos : doc->pos,
                  STR_FMT " is %lld, but the interface gives at most %lld rows a page", STR_ARG(f->paging->size_param),
                  (long long)f->page_size, (long long)max);
        diags_remedy(diags, "%lld are asked for", (long long)max);
        f->page_size = max;
    }
    return true;
}

static bool mentions(const struct meta_field *f, struct str what)
{
    return f && str_find(meta_text(f), what, 0) != SIZE_MAX;
}

static void check_window(const struct flow *f, struct diags *diags)
{
    const struct window_rule *w = &f->iface->window;
    const struct meta_field *from = request_field(f, w->from_param), *to = request_field(f, w->to_param);
    struct pos pos = f->integration->source_doc->pos;

    if (!w->from_param.n || f->paging->kind == PAGE_CURSOR)
        return;
    if (!from || !to) {
        diags_add(diags, DIAG_WARNING, pos,
                  "the request has no " STR_FMT "/" STR_FMT ": without a window it cannot read what changed",
                  STR_ARG(w->from_param), STR_ARG(w->to_param));
        diags_remedy(diags, "add both, with {{LAST_SYNC_TIME|datetime}} and {{CURRENT_TIME|datetime}}");
        return;
    }
    if (!mentions(from, S("LAST_SYNC_TIME"))) {
        diags_add(diags, DIAG_WARNING, from->pos,
                  STR_FMT " does not use LAST_SYNC_TIME: each run reads the same span again", STR_ARG(w->from_param));
        diags_remedy(diags, "{{LAST_SYNC_TIME|datetime}} begins where the last run ended");
    }
}

struct str flow_records_path(const struct meta_doc *doc)
{
    const struct meta_field *f = meta_find(doc->other_response, "DataKey");

    return f ? meta_text(f) : (struct str){0};
}

static bool compile_source(struct flow *f, struct compile *c)
{
    const struct meta_doc *doc = f->integration->source_doc;
    struct compile side = {.arena = f->arena, .side = SIDE_SOURCE, .diags = c->diags, .lookups = c->lookups};
    bool ok;

    if (!find_iface(f, c->diags))
        return false;
    f->paging = flow_paging(f->iface, doc);
    ok = choose_page_size(f, c->diags);
    check_window(f, c->diags);
    f->records_path = flow_records_path(doc);
    f->request = request_compile(&side, doc->request, (struct meta_fields){0}, f->project->maps);
    if (doc->take_over.n)
        f->remedy = request_compile(&side, doc->request, doc->take_over, f->project->maps);
    return ok && f->request && (!doc->take_over.n || f->remedy);
}

/* ---- the shape ---- */

static bool has_brace(struct str s)
{
    return s.n && memchr(s.p, '{', s.n);
}

static bool compile_ids(struct flow *f, struct compile *c, const struct bound *b, struct shape_input *in)
{
    const struct meta_doc *s = f->integration->source_doc, *t = f->integration->target_doc;

    in->source_id = s->id.n ? s->id : f->iface->id;
    if (!in->source_id.n) {
        diags_add(c->diags, DIAG_ERROR, s->pos, "the source document has no `id`, and the interface names none");
        diags_remedy(c->diags, "name the field that is unique for each record");
        return false;
    }
    if (has_brace(in->source_id)) {
        in->source_id_tmpl = tmpl_compile(c, in->source_id, s->id_pos);
        if (!in->source_id_tmpl)
            return false;
    }
    in->id_column = b->id_column;
    if (in->id_column >= 0)
        return true;
    if (t->id.n) {
        struct str text = has_brace(t->id) ? t->id : arena_printf(f->arena, "{" STR_FMT "}", STR_ARG(t->id));

        in->id = tmpl_compile(c, text, t->id_pos);
        return in->id != NULL;
    }
    if (s->beat_flat.n) {
        diags_add(c->diags, DIAG_WARNING, t->pos,
                  "the target names no `id`: rows are told apart by their place in the record (-1, -2 …), which "
                  "changes when lines do");
        diags_remedy(c->diags, "name a business key, as in \"{o_id}-{items_oi_id}\"");
    }
    return true;
}

static bool compile_shape(struct flow *f, struct compile *c, struct bound *b)
{
    struct shape_input in = {
        .source = f->integration->source_doc,
        .target = f->integration->target_doc,
        .iface = f->iface,
        .slots = c->slots,
        .n_statements = f->n_statements,
        .zone = f->project->zone,
        .remote_zone = f->remote_zone,
        .mapping = f->mapping,
    };

    if (!compile_ids(f, c, b, &in))
        return false;
    for (size_t i = 0; i < f->n_statements; i++) {
        in.columns[i] = (const struct column *const *)b->columns[i];
        in.n_columns[i] = b->n_columns[i];
        in.arrays[i] = b->arrays[i];
    }
    f->shape_columns = in.columns[0];
    f->n_shape_columns = in.n_columns[0];
    f->shape = shape_compile(f->arena, &in, c->diags);
    c->slots = NULL;
    return f->shape != NULL;
}

/* ---- the target ---- */

static bool compile_target(struct flow *f, struct compile *c, struct bound *b)
{
    const struct connector *t = f->integration->target->connector;

    f->sink_type = sink_type_find(connector_name(t));
    if (!f->sink_type) {
        diags_add(c->diags, DIAG_ERROR, f->integration->pos, "connector \"" STR_FMT "\" cannot be a target",
                  STR_ARG(connector_name(t)));
        diags_remedy(c->diags, "rows can be written to mysql (MySQL, MariaDB) and sqlite");
        return false;
    }
    if (!statements_compile(f, c, b))
        return false;
    f->sink_spec.project = f->project->settings.name;
    f->sink_spec.integration = f->integration->name;
    f->sink_spec.statements = f->statements;
    f->sink_spec.n_statements = f->n_statements;
    f->sink_spec.silence_ms = f->integration->target->timeout_ms;
    f->sink_spec.id_unique = f->integration->target_doc->id_check == 1;
    return true;
}

/* A plain INSERT would double what overlap and re-reading bring again: it needs the source's idCheck. */
static void choose_id_check(struct flow *f, struct diags *diags)
{
    const struct meta_doc *doc = f->integration->source_doc;
    bool plain = f->statements[0].verb == VERB_INSERT && !f->statements[0].tail.n;

    f->id_check = doc->id_check >= 0 ? doc->id_check == 1 : plain;
    if (plain && doc->id_check == 0) {
        diags_add(diags, DIAG_WARNING, doc->pos,
                  "idCheck is false, but main_sql is a plain INSERT: records that are read again are inserted again");
        diags_remedy(diags, "leave idCheck out, or write REPLACE INTO or ON DUPLICATE KEY UPDATE");
    }
}

/* The source's clock is known to about two seconds: what it commits at the edge may be missed for good. */
static void warn_no_slack(const struct flow *f, struct diags *diags)
{
    const struct integration *i = f->integration;

    if (i->lag_ms || i->overlap_ms || f->paging->kind == PAGE_CURSOR)
        return;
    diags_add(diags, DIAG_WARNING, i->pos,
              "lag and overlap are both 0: what the source commits in the second in which a run ends may be missed");
    diags_remedy(diags, "give one of them at least \"2s\", or leave them out");
}

/* ---- the mapping's version ---- */

static void hash_node(struct hasher *h, const struct node *n)
{
    struct buf b = buf_make(8u << 20);

    if (n)
        node_write(n, &b);
    hasher_add(h, buf_str(&b));
    hasher_add(h, S("\n"));
    buf_free(&b);
}

static void hash_fields(struct hasher *h, struct meta_fields fields)
{
    for (size_t i = 0; i < fields.n; i++) {
        const struct meta_field *f = &fields.at[i];
        char head[4] = {(char)('a' + f->type), f->required ? 'r' : '-', f->map_reverse ? 'v' : '-',
                        f->map_strict ? 's' : '-'};

        hasher_add(h, f->field);
        hasher_add(h, (struct str){head, sizeof head});
        hash_node(h, f->value);
        hash_node(h, f->preset);
        hasher_add(h, f->parser);
        hasher_add(h, f->parser_params);
        hasher_add(h, f->map_name);
        hash_node(h, f->map_default);
        for (size_t k = 0; k < f->n_children; k++)
            hash_fields(h, (struct meta_fields){&f->children[k], 1});
    }
}

static uint64_t hash_mapping(const struct flow *f)
{
    const struct meta_doc *s = f->integration->source_doc, *t = f->integration->target_doc;
    struct hasher *h = hasher_new();
    struct hash128 r;

    hasher_reset(h);
    hasher_add(h, s->id);
    for (size_t i = 0; i < s->beat_flat.n; i++)
        hasher_add(h, s->beat_flat.at[i]);
    hash_node(h, s->condition);
    hash_node(h, s->allocate ? s->allocate : f->iface->allocate);
    hash_node(h, s->format_response);
    hasher_add(h, t->id);
    hash_node(h, t->group_calculate);
    hash_node(h, t->operation);
    hash_fields(h, t->request);
    for (size_t i = 0; i < t->other_request.n; i++) /* how many rows a transaction takes changes none of them */
        if (!str_eq(t->other_request.at[i].field, S("limit")))
            hash_fields(h, (struct meta_fields){&t->other_request.at[i], 1});
    r = hasher_done(h);
    hasher_free(h);
    return r.lo >> 1; /* fits a signed column everywhere */
}

static void check_zone(const struct flow *f, struct diags *diags)
{
    struct civil a, b;

    civil_from_unix(f->project->zone, 1767225600, &a);
    civil_from_unix(f->remote_zone, 1767225600, &b);
    if (a.offset_s == b.offset_s)
        return;
    diags_add(diags, DIAG_WARNING, f->integration->pos,
              "the project's time zone is %s, but " STR_FMT " speaks in %s: rendered times would be read wrongly there",
              zone_name(f->project->zone), STR_ARG(connector_name(f->connector)), zone_name(f->remote_zone));
    diags_remedy(diags, "set \"timezone\" in sluice.json to the zone of the source");
}

static bool open_zone(struct flow *f, struct diags *diags)
{
    struct errinfo ei;

    if (!f->project->zone)
        return false; /* told when the project was read */
    if (zone_open(connector_zone(f->connector), &f->remote_zone, &ei)) {
        diags_add(diags, DIAG_ERROR, f->integration->source->pos, "%s", ei.msg);
        return false;
    }
    check_zone(f, diags);
    return true;
}

/* ---- lookups ---- */

static bool check_lookup(const struct flow *f, const struct looked_up *u, struct diags *diags)
{
    const struct lookup *l = u->lookup;
    bool indexed = false;

    if (!u->in) {
        diags_add(diags, DIAG_ERROR, l->pos, "the lookup names the integration \"" STR_FMT "\", which is not there",
                  STR_ARG(l->integration));
        diags_nearest(diags, project_nearest_integration(f->project, l->integration));
        diags_remedy(diags, "integrations/" STR_FMT ".json would describe it", STR_ARG(l->integration));
        return false;
    }
    if (!u->in->keep_records) {
        diags_add(diags, DIAG_ERROR, l->pos, "the lookup needs the records of \"" STR_FMT "\", which keeps none",
                  STR_ARG(l->integration));
        diags_remedy(diags, "write \"keep\": \"records\" in integrations/" STR_FMT ".json", STR_ARG(l->integration));
        return false;
    }
    for (size_t i = 0; i < l->n_terms; i++)
        indexed |= l->terms[i].indexed;
    if (!indexed) {
        diags_add(diags, DIAG_WARNING, l->pos,
                  "the lookup in \"" STR_FMT "\" has no equality: it goes through all "
                  "records of it for each row",
                  STR_ARG(l->integration));
        diags_remedy(diags, "add a condition with = or $eq or $in");
    }
    return true;
}

static bool check_lookups(struct flow *f, const struct lookup_list *found, struct diags *diags)
{
    struct looked_up *all = ARENA_ARRAY(f->arena, struct looked_up, found->n + 1);
    bool ok = true;

    for (size_t i = 0; i < found->n; i++) {
        all[i] = (struct looked_up){found->at[i], project_integration(f->project, found->at[i]->integration)};
        ok &= check_lookup(f, &all[i], diags);
    }
    f->lookups = all;
    f->n_lookups = found->n;
    return ok;
}

struct flow *flow_compile(const struct project *p, const struct integration *i, struct diags *diags)
{
    struct arena *a = arena_new(FLOW_ARENA_MAX);
    struct flow *f = ARENA_NEW(a, struct flow);
    struct lookup_list lookups = {0};
    struct compile c = {.arena = a, .slots = slots_new(), .side = SIDE_TARGET, .diags = diags, .lookups = &lookups};
    struct bound b = {.id_column = -1};
    bool ok = i->ok && i->source && i->target && i->source->ok && i->target->ok, source_ok, target_ok;

    f->project = p;
    f->integration = i;
    f->arena = a;
    source_ok = ok && compile_source(f, &c) && open_zone(f, diags);
    target_ok = ok && compile_target(f, &c, &b);
    if (source_ok)
        f->mapping = hash_mapping(f);
    if (target_ok)
        choose_id_check(f, diags);
    ok = source_ok && target_ok && policies_compile(f, diags) && compile_shape(f, &c, &b);
    ok &= check_lookups(f, &lookups, diags);
    slots_free(c.slots);
    if (ok) {
        warn_no_slack(f, diags);
        return f;
    }
    flow_free(f);
    return NULL;
}

void flow_free(struct flow *f)
{
    if (!f)
        return;
    lookups_close(f->answers);
    shape_free((struct shape *)(uintptr_t)f->shape);
    zone_free(f->remote_zone);
    arena_free(f->arena);
}
