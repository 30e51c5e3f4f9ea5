/* Compiles and evaluates one expression over the members of a JSON object: for the unit test, the differential test and
 * the fuzzer. */
#ifndef TOOLS_EXPR_RUN_H
#define TOOLS_EXPR_RUN_H

#include "meta/expr.h"

#include <stdio.h>

#define EXPR_RUN_NOW_MS     1772325000123LL /* 2026-03-01 08:30:00.123 in +08:00 */
#define EXPR_RUN_COLUMN_MAX 1000

struct expr_run {
    struct arena *arena;
    struct slots *slots;
    const struct json *record;
};

/* The values of `array.field` over the array. */
static size_t expr_run_column(void *ctx, size_t slot, const struct value **ret)
{
    struct expr_run *x = ctx;
    struct str rest = slots_name(x->slots, slot), array;
    if (!str_cut(&rest, '.', &array))
        return 0;
    const struct json *elements = json_get(x->record, array);
    size_t n = json_count(elements) < EXPR_RUN_COLUMN_MAX ? json_count(elements) : EXPR_RUN_COLUMN_MAX;
    struct value *v = ARENA_ARRAY(x->arena, struct value, n + 1);
    struct json_iter it = json_iter(elements);
    for (size_t i = 0; i < n; i++)
        v[i] = value_of_json(json_path(json_next(&it, NULL), rest));
    *ret = v;
    return n;
}

/* ERR_CONFIG: it does not compile; ERR_DATA: it does not evaluate. The value lives in `a`. */
static enum err expr_run(struct arena *a, struct str text, const struct json *record, const struct zone *zone,
                         struct value *ret, struct errinfo *ei)
{
    const struct expr *e;
    uint32_t col = 0;
    struct slots *slots = slots_new();
    enum err err = expr_compile(a, text, &(struct expr_names){.slots = slots}, &e, &col, ei);
    if (!err) {
        struct expr_run x = {a, slots, record};
        struct sysvars sys = {.zone = zone,
                              .now_ms = EXPR_RUN_NOW_MS,
                              .last_sync_s = 1772294400,
                              .current_s = 1772325000,
                              .page_size = 50,
                              .start_row = 100,
                              .page = 3,
                              .max_data_id = S("4711"),
                              .seed = 42};
        struct value *slot = ARENA_ARRAY(a, struct value, slots_count(slots) + 1);
        for (size_t i = 0; i < slots_count(slots); i++) {
            const struct json *v = json_get(record, slots_name(slots, i));
            slot[i] = value_of_json(v ? v : json_path(record, slots_name(slots, i)));
        }
        struct env env = {.slot = slot, .sys = &sys, .arena = a, .column = expr_run_column, .column_ctx = &x};
        err = expr_eval(e, &env, ret, ei);
    }
    slots_free(slots);
    return err;
}

#endif
