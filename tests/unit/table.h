/* Tests as data: a file of lines "column | column | …". Lines that are empty or start with "#" are skipped, blanks
 * around a column do not count, a column in double quotes keeps its blanks and knows \n \t \0 \" \\ and \xNN. */
#ifndef TESTS_TABLE_H
#define TESTS_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#undef fail /* cmocka's macro; base/err.h has a function of that name */
#define FAIL_MSG(...) (print_error(__VA_ARGS__), _fail(__FILE__, __LINE__))

#include "base/str.h"

#define TABLE_COLUMNS 8

struct table_row {
    const char *file;
    int line;
    size_t n;
    struct str col[TABLE_COLUMNS];
};

static inline struct str table_unquote(char *p, size_t n)
{
    size_t to = 0;
    for (size_t i = 1; i + 1 < n; i++) {
        char c = p[i];
        if (c == '\\') {
            c = p[++i];
            if (c == 'x') {
                char hex[3] = {p[i + 1], p[i + 2], '\0'};
                c = (char)strtoul(hex, NULL, 16);
                i += 2;
            } else {
                c = c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
            }
        }
        p[to++] = c;
    }
    return str_mk(p, to);
}

/* Calls `check` for each line of tests/data/`name`; it gives false when the row does not hold. Gives the number of
 * rows; fails the test when one did not hold or the file cannot be read. */
static inline size_t table_run(const char *name, bool (*check)(const struct table_row *row))
{
    char path[1024], line[8192];
    (void)snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    struct table_row row = {.file = name};
    size_t n_rows = 0, n_bad = 0;
    while (fgets(line, sizeof(line), f)) {
        row.line++;
        struct str rest = str_trim(str_of(line)), part;
        if (rest.n == 0 || rest.p[0] == '#')
            continue;
        for (row.n = 0; row.n < TABLE_COLUMNS && str_cut(&rest, '|', &part); row.n++) {
            part = str_trim(part);
            bool quoted = part.n >= 2 && part.p[0] == '"' && part.p[part.n - 1] == '"';
            row.col[row.n] = quoted ? table_unquote(line + (part.p - line), part.n) : part;
        }
        n_rows++;
        if (!check(&row)) {
            print_error("%s:%d does not hold\n", name, row.line);
            n_bad++;
        }
    }
    (void)fclose(f);
    assert_int_equal(n_bad, 0);
    assert_true(n_rows > 0);
    return n_rows;
}

#endif
