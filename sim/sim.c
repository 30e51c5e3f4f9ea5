/* The state of a simulator: its clock, its quota, its statistics.
 *
 * The clock runs with the system's, from where --start put it, plus what /control advanced, plus the fault `skew`.
 * The quota is a token bucket that holds at most one second's worth; it refills by the same clock without skew, so
 * that a test may advance it. */
#include "sim.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdlib.h>

int64_t sim_now_ms(const struct sim *s)
{
    int64_t skew_ms = s->faults.on[FAULT_SKEW] ? (int64_t)(s->faults.value[FAULT_SKEW] * 1000.0) : 0;
    return clock_wall(&clock_system) + s->shift_ms + s->advanced_ms + skew_ms;
}

int64_t sim_late_ms(const struct sim *s)
{
    return s->faults.on[FAULT_LATE] ? (int64_t)(s->faults.value[FAULT_LATE] * 1000.0) : 0;
}

static int64_t quota_ms(const struct sim *s)
{
    return clock_mono(&clock_system) + s->advanced_ms;
}

bool sim_quota_take(struct sim *s)
{
    if (s->opt.qps == 0)
        return true;
    int64_t now = quota_ms(s);
    double full = (double)s->opt.qps;
    s->tokens += (double)(now - s->tokens_at_ms) / 1000.0 * full;
    s->tokens_at_ms = now;
    if (s->tokens > full)
        s->tokens = full;
    if (s->tokens < 1)
        return false;
    s->tokens -= 1;
    return true;
}

void sim_tick(struct sim *s)
{
    book_tick(&s->book, sim_now_ms(s), sim_late_ms(s));
}

void sim_open(struct sim *s, const struct options *opt, const struct faults *faults)
{
    *s = (struct sim){.opt = *opt,
                      .faults = *faults,
                      .rng = rng_make(opt->seed, 77, 0),
                      .tokens = (double)opt->qps,
                      .scratch = buf_make((size_t)256 << 20)};
    if (opt->start_s >= 0)
        s->shift_ms = opt->start_s * 1000 - clock_wall(&clock_system);
    s->tokens_at_ms = quota_ms(s);
    int64_t now_ms = sim_now_ms(s);
    struct gen g = {.seed = opt->seed, .n_initial = opt->orders, .to_s = now_ms / 1000, .plain = opt->plain};
    g.from_s = g.to_s - opt->days * 86400;
    book_open(&s->book, &g, now_ms, sim_late_ms(s));
    s->book.new_per_s = opt->realtime_new;
    s->book.new_from_ms = now_ms;
}

void sim_close(struct sim *s)
{
    book_close(&s->book);
    free(s->matched);
    buf_free(&s->scratch);
}

void stats_write(const struct sim *s, struct buf *out)
{
    static const char *const methods[METHOD_COUNT] = {"jushuitan.order.list.query", "jushuitan.refund.list.query",
                                                      "jushuitan.saleout.list.query"};
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"calls", s->stats.calls},
        {"served", s->stats.served},
        {"refused", s->stats.refused},
        {"bad_signature", s->stats.bad_signature},
        {"lower_case_sign", s->stats.lower_case_sign},
        {"errors", s->stats.errors},
        {"errors_injected", s->stats.errors_injected},
        {"cuts", s->stats.cuts},
        {"rows", s->stats.rows},
        {"bytes", s->stats.bytes},
        {"edits", s->book.edits},
        {"orders", s->book.n_slots},
        {"visible", s->book.n_visible},
        {"waiting", s->book.n_pending},
        {"logins", s->stats.logins},
        {"refreshes", s->stats.refreshes},
        {"bad_tokens", s->stats.bad_tokens},
    };
    struct json_out w = json_out(out);
    json_out_begin(&w, '{');
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_out_key(&w, rows[i].name);
        json_out_int(&w, (int64_t)rows[i].value);
    }
    json_out_key(&w, "by_method");
    json_out_begin(&w, '{');
    for (int i = 0; i < METHOD_COUNT; i++) {
        json_out_key(&w, methods[i]);
        json_out_int(&w, (int64_t)s->stats.by_method[i]);
    }
    json_out_end(&w, '}');
    char now[CHINA_TEXT];
    china_print(sim_now_ms(s) / 1000, now);
    json_out_key(&w, "now");
    json_out_cstr(&w, now);
    json_out_end(&w, '}');
    buf_byte(out, '\n');
}
