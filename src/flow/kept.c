/* A looked-up integration may look up others in turn, even the one that asks. So its target is not compiled here: what
 * tells its records apart and what its condition says is all that is needed. */
#include "flow/kept.h"

#define KEPT_ARENA_MAX (16u << 20)

static struct shape *compile(struct kept *k, const struct project *p, struct diags *diags)
{
    const struct meta_doc *doc = k->integration->source_doc;
    struct slots *slots = slots_new();
    struct compile c = {.arena = k->arena, .slots = slots, .side = SIDE_TARGET, .diags = diags};
    struct shape_input in = {.source = doc,
                             .target = k->integration->target_doc,
                             .iface = k->iface,
                             .slots = slots,
                             .n_statements = 1,
                             .id_column = -1,
                             .source_id = k->id,
                             .zone = p->zone,
                             .remote_zone = k->zone};

    if (k->id.n && memchr(k->id.p, '{', k->id.n)) {
        in.source_id_tmpl = tmpl_compile(&c, k->id, doc->id_pos);
        if (!in.source_id_tmpl) {
            slots_free(slots);
            return NULL;
        }
    }
    return shape_compile(k->arena, &in, diags);
}

static enum err fill(struct kept *k, const struct project *p, struct diags *diags, struct errinfo *ei)
{
    const struct integration *i = k->integration;
    enum err e;

    if (!i->ok || !i->source || !i->source->ok || !i->source_doc)
        return fail(ei, ERR_CONFIG, "integration \"" STR_FMT "\" has errors", STR_ARG(i->name));
    k->connector = i->source->connector;
    k->iface = connector_iface(k->connector, i->source_doc->api);
    if (!k->iface)
        return fail(ei, ERR_CONFIG, "connector \"" STR_FMT "\" has no interface \"" STR_FMT "\"",
                    STR_ARG(connector_name(k->connector)), STR_ARG(i->source_doc->api));
    k->paging = flow_paging(k->iface, i->source_doc);
    k->records_path = flow_records_path(i->source_doc);
    k->id = i->source_doc->id.n ? i->source_doc->id : k->iface->id;
    e = zone_open(connector_zone(k->connector), &k->zone, ei);
    if (e)
        return e;
    k->shape = compile(k, p, diags);
    if (k->shape)
        return OK;
    e = diags_first_error(diags, ei);
    return e ? e : fail(ei, ERR_CONFIG, "integration \"" STR_FMT "\" could not be compiled", STR_ARG(i->name));
}

enum err kept_open(const struct project *p, const struct integration *i, struct kept **ret, struct errinfo *ei)
{
    struct arena *a = arena_new(KEPT_ARENA_MAX);
    struct kept *k = ARENA_NEW(a, struct kept);
    struct diags *diags = diags_new();
    enum err e;

    k->arena = a;
    k->integration = i;
    e = fill(k, p, diags, ei);
    diags_free(diags);
    if (e) {
        fail_hint(ei, "`check " STR_FMT "` tells what is wrong with it", STR_ARG(i->name));
        kept_close(k);
        return e;
    }
    *ret = k;
    return OK;
}

void kept_close(struct kept *k)
{
    if (!k)
        return;
    shape_free(k->shape);
    zone_free(k->zone);
    arena_free(k->arena);
}
