/* Texts with references from anybody. What the form's check complains of cannot be resolved; what has no reference
 * comes out as it went in, less a "$" for each "$${"; a failure is a secret's and has a message. clang
 * -fsanitize=fuzzer. */
#include "base/log.h"
#include "project/secret.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t count(struct str text, struct str what)
{
    size_t n = 0;

    for (size_t at = 0; (at = str_find(text, what, at)) != SIZE_MAX; at += what.n)
        n++;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str text = str_mk((const char *)data, n), got = {NULL, 0};
    struct arena *a = arena_new((size_t)64 << 20);
    struct diags *diags = diags_new();
    struct errinfo ei = {OK, "", ""};

    if (n < 1 << 16) {
        bool reference = secret_is_reference(text, (struct pos){"fuzz", 1, 1}, diags);
        bool wrong = diags_count(diags, DIAG_ERROR) > 0;
        enum err err = secret_resolve("/nonexistent", text, a, &got, &ei);

        if ((wrong && (!reference || !err)) || (err && (err != ERR_SECRET || !ei.msg[0])))
            abort();
        if (!reference && (err || got.n + count(text, S("$${")) != text.n))
            abort();
    }
    diags_free(diags);
    arena_free(a);
    return 0;
}
