/* Reads lines {"expr": "…", "row": {…}} and answers each with a line {"kind": "number"|"text"|"null", "text": "…"} or
 * {"error": "…"}. With --functions: prints the table of docs/functions.md. */
#include "tools/expr_run.h"
#include "tools/expr_table.h"

#include <stdlib.h>

static void answer(const struct json *line, struct arena *a, const struct zone *zone, struct buf *out)
{
    struct value v;
    struct errinfo ei;
    struct json_out w = json_out(out);
    json_out_begin(&w, '{');
    if (expr_run(a, json_text(json_get(line, S("expr"))), json_get(line, S("row")), zone, &v, &ei)) {
        json_out_key(&w, "error");
        json_out_cstr(&w, ei.msg);
    } else {
        json_out_key(&w, "kind");
        json_out_cstr(&w, value_is_null(&v) ? "null" : v.kind == VALUE_NUMBER ? "number" : "text");
        json_out_key(&w, "text");
        json_out_str(&w, value_is_null(&v) ? S("") : value_str(&v));
    }
    json_out_end(&w, '}');
    buf_byte(out, '\n');
}

static void print_functions(void)
{
    size_t n;
    const struct expr_function_info *f = expr_functions(&n);
    char row[EXPR_ROW_BYTES];
    for (size_t i = 0; i < n; i++)
        puts(expr_table_row(&f[i], row));
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    struct errinfo ei;
    struct zone *zone;
    if (argc == 2 && strcmp(argv[1], "--functions") == 0) {
        print_functions();
        return 0;
    }
    struct arena *a = arena_new((size_t)64 << 20);
    if (zone_open(S("+08:00"), &zone, &ei))
        return 1;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        struct json_doc *doc;
        struct buf out = buf_make((size_t)128 << 20);
        if (json_parse(str_mk(line, (size_t)n), &JSON_LIMITS_DEFAULT, &doc, NULL, &ei)) {
            fprintf(stderr, "%s\n", ei.msg);
            return 1;
        }
        answer(json_root(doc), a, zone, &out);
        fwrite(out.p, 1, out.n, stdout);
        fflush(stdout);
        buf_free(&out);
        json_free(doc);
        arena_reset(a);
    }
    free(line);
    arena_free(a);
    zone_free(zone);
    return 0;
}
