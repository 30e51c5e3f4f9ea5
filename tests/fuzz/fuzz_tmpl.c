/* Templates from anybody. The first byte chooses the side; the rest is the text. What is compiled can be evaluated,
 * what is refused is refused with a word, and evaluating twice gives the same. clang -fsanitize=fuzzer. */
#include "meta/lookup.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define SLOTS_MAX 4096

static const struct value samples[] = {
    {.kind = VALUE_MISSING},
    {.kind = VALUE_NULL},
    {.kind = VALUE_TEXT, .n = 19, .p = "2026-03-01 08:30:00"},
    {.kind = VALUE_NUMBER, .n = 10, .p = "1772325000"},
    {.kind = VALUE_BOOL, .truth = true},
    {.kind = VALUE_TEXT, .n = 0, .p = ""},
};

/* Answers as if one record were kept whose every field is the sample. */
static enum err answer(void *ctx, const struct lookup *l, const struct lookup_operands *asked, struct arena *a,
                       struct value *ret, struct errinfo *ei)
{
    struct value have = value_text(S("12.50"));
    struct lookup_match m;
    enum err e = lookup_match_begin(l, asked, a, &m, ei);
    bool fits = true;

    (void)ctx;
    for (size_t i = 0; !e && i < l->n_terms; i++)
        fits &= lookup_holds(&m, i, &have, 1);
    *ret = fits ? have : value_null();
    return e;
}

static void evaluate(const struct tmpl *t, const struct slots *slots, struct arena *a)
{
    static struct value values[SLOTS_MAX];
    size_t n = slots ? slots_count(slots) : 0;
    struct sysvars sys = {.now_ms = 1772325000000,
                          .last_sync_s = 1772321400,
                          .current_s = 1772325000,
                          .page_size = 50,
                          .page = -1,
                          .start_row = -1,
                          .seed = 7};

    if (n > SLOTS_MAX)
        return;
    for (size_t round = 0; round < 3; round++) {
        struct env env = {.slot = values, .sys = &sys, .arena = a, .lookup = answer}, again = env;
        struct value v = {0}, w = {0};
        struct errinfo ei;
        enum err e;

        for (size_t i = 0; i < n; i++)
            values[i] = samples[(i + round) % (sizeof samples / sizeof *samples)];
        e = tmpl_eval(t, &env, &v, &ei);
        if (tmpl_eval(t, &again, &w, &ei) != e)
            abort();
        if (e == OK && (v.kind != w.kind || !str_eq(value_as_text(&v, a), value_as_text(&w, a))))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena *a = arena_new((size_t)256 << 20);
    struct diags *diags = diags_new();
    bool source = n > 0 && (data[0] & 1);
    struct slots *slots = source ? NULL : slots_new();
    struct compile c = {a, slots, source ? SIDE_SOURCE : SIDE_TARGET, diags, NULL};
    struct str text = n > 0 && n < 65536 ? str_mk((const char *)data + 1, n - 1) : S("");
    const struct tmpl *t = tmpl_compile(&c, text, (struct pos){"fuzz", 1, 1});

    if ((t == NULL) != (diags_count(diags, DIAG_ERROR) > 0))
        abort();
    if (t)
        evaluate(t, slots, a);
    slots_free(slots);
    diags_free(diags);
    arena_free(a);
    return 0;
}
