/* Any text as main_sql and as an execute statement: it is read or refused, and what is read keeps its own laws. */
#include "sink/statement.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static struct sql_text sql_text(struct str sql)
{
    return (struct sql_text){sql, {"main_sql", 1, 1}};
}

static void batch(struct arena *a, struct str sql)
{
    static const struct str names[] = {{"id", 2}, {"name", 4}, {"qty", 3}};
    struct strs columns = {names, 3};
    struct diags *diags = diags_new();
    const struct statement *st = statement_batch(a, sql_text(sql), (struct str){0}, &columns, diags);

    check(st ? st->table.n && st->columns.n && st->verb != VERB_OTHER : diags_count(diags, DIAG_ERROR) > 0);
    for (size_t i = 0; st && st->values && i < st->columns.n; i++) {
        size_t marks = 0;
        char quote = 0;

        for (size_t k = 0; k < st->values[i].sql.n; k++) {
            char c = st->values[i].sql.p[k];

            if (quote && c == '\\') {
                k++;
                continue;
            }
            if (c == '\'' || c == '"')
                quote = quote == c ? 0 : quote ? quote : c;
            marks += c == '?' && !quote;
        }
        check(marks == st->values[i].templates.n);
    }
    diags_free(diags);
}

static void execute(struct arena *a, struct str sql)
{
    static const struct str names[] = {{"id", 2}, {"name", 4}};
    struct strs params = {names, 2};
    struct diags *diags = diags_new();
    const struct statement *st = statement_execute(a, sql_text(sql), &params, diags);

    check(st ? st->sql.n > 0 || st->binds.n == 0 : diags_count(diags, DIAG_ERROR) > 0);
    diags_free(diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(256u << 20);
    struct str sql = {(const char *)data, size};

    batch(a, sql);
    execute(a, sql);
    arena_free(a);
    return 0;
}
