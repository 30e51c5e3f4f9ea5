/* Expressions from anybody over odd values. The input is the expression, a NUL byte, and a JSON row (a stock row when
 * there is none). Whatever comes: an answer or an error with a message. clang -fsanitize=fuzzer. */
#include "../tools/expr_run.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char stock_row[] = "{\"a\": null, \"b\": \"\", \"c\": -9223372036854775808, \"d\": 1E+300, \"e\": "
                                "\"2026-02-29 25:61:00\", \"f\": \"it's \\\"{x}\\\" \\\\ \\u0000\","
                                " \"g\": 99999999999999999999999999999999999999999999999999999999999999999, \"h\": "
                                "0.00000000000000000000000000000000000001,"
                                " \"i\": true, \"j\": {\"k\": [1, {\"l\": \"中\"}]}, \"items\": [{\"q\": 1.5, \"s\": "
                                "\"b\"}, {\"q\": \"x\", \"s\": null}, {}], \"m\": \"-838:59:59.999999\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char empty[1] = "";
    const char *text = data ? (const char *)data : empty;
    const char *nul = n ? memchr(text, '\0', n) : NULL;
    size_t n_expr = nul ? (size_t)(nul - text) : n;
    struct str row = nul ? str_mk(nul + 1, n - n_expr - 1) : str_of(stock_row);
    struct json_doc *doc = NULL;
    struct zone *zone = NULL;
    struct errinfo ei;
    struct value v;
    if (n_expr > 4096 || zone_open(S("Asia/Shanghai"), &zone, &ei))
        return 0;
    if (json_parse(row, &JSON_LIMITS_DEFAULT, &doc, NULL, &ei) == OK) {
        struct arena *a = arena_new((size_t)64 << 20);
        ei.msg[0] = '\0';
        enum err err = expr_run(a, str_mk(text, n_expr), json_root(doc), zone, &v, &ei);
        if (err ? (err != ERR_CONFIG && err != ERR_DATA) || !ei.msg[0]
                : v.kind == VALUE_MISSING || v.kind == VALUE_JSON)
            abort();
        arena_free(a);
    }
    json_free(doc);
    zone_free(zone);
    return 0;
}
