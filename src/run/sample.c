/* One page, fetched as a run would and then let go: for preview, ddl and check --online. The newest window that the
 * interface allows is asked for, so that the page shows what comes now. */
#include "run/engine.h"

#include <stdlib.h>

#define SAMPLE_SPAN_S (7 * 86400)

struct sample {
    struct engine e;
    struct page *page;
    struct errinfo why;
};

static void got(void *ctx, struct page *page, const struct errinfo *why)
{
    struct sample *s = ctx;

    s->page = page;
    if (!page)
        s->why = *why;
    loop_stop(s->e.loop);
}

static void set(struct kv *kv, size_t *n, struct str key, struct str value)
{
    size_t i = 0;

    if (!key.n)
        return;
    while (i < *n && !str_eq(kv[i].key, key))
        i++;
    kv[i] = (struct kv){key, value};
    *n += i == *n;
}

static enum err sample_params(struct sample *s, struct kv *kv, size_t *ret_n, struct errinfo *ei)
{
    const struct flow *f = s->e.flow;
    struct arena *a = s->e.arena;
    int64_t now_s = remote_clock_now_ms(s->e.remote) / 1000, to_s = now_s - s->e.integration->lag_ms / 1000;
    int64_t slice_s = f->iface->window.max_ms > 0 ? f->iface->window.max_ms / 1000 - 1 : SAMPLE_SPAN_S,
            from_s = to_s - slice_s;
    struct sysvars sys = {.zone = f->project->zone,
                          .now_ms = now_s * 1000,
                          .last_sync_s = from_s,
                          .current_s = to_s,
                          .page_size = f->page_size,
                          .page = f->paging->first_page};
    struct env env = flow_env(f, &sys, a);
    struct params params;
    enum err err = request_render(f->request, &env, &params, ei);

    *ret_n = 0;
    for (size_t i = 0; !err && i < params.n && i < 240; i++)
        set(kv, ret_n, params.at[i].name, value_as_text(&params.at[i].value, a));
    set(kv, ret_n, f->paging->size_param, arena_printf(a, "%lld", (long long)f->page_size));
    set(kv, ret_n, f->paging->page_param, arena_printf(a, "%lld", (long long)f->paging->first_page));
    if (f->paging->kind == PAGE_CURSOR)
        set(kv, ret_n, f->paging->cursor_param, f->paging->cursor_first);
    return err;
}

enum err run_sample(const struct project *p, const struct flow *f, const struct run_options *o, struct page **ret,
                    struct errinfo *ei)
{
    struct sample *s = mem_zero(sizeof *s);
    struct kv *kv = mem_zero(256 * sizeof *kv);
    size_t n;
    enum err err;

    s->e = (struct engine){.project = p,
                           .integration = f->integration,
                           .options = o,
                           .flow = (struct flow *)(uintptr_t)f,
                           .arena = arena_new(64u << 20)};
    err = engine_open_source(&s->e, NULL, NULL, ei);
    err = err ? err : sample_params(s, kv, &n, ei);
    if (!err) {
        source_call(s->e.source, &(struct source_request){.business = kv, .n_business = n}, got, s);
        loop_run(s->e.loop);
        *ret = s->page;
        if (!s->page) {
            *ei = s->why;
            err = ei->code;
        }
    }
    s->e.flow = NULL;
    engine_close(&s->e);
    free(kv);
    free(s);
    return err;
}
