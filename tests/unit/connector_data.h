/* What the connector tests share: files of the test data, groups of lines, and connectors by name. */
#ifndef TESTS_CONNECTOR_DATA_H
#define TESTS_CONNECTOR_DATA_H

#include "base/num.h"
#include "connector/connector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* after ours: it makes `fail` a macro */

#define DATA_ARENA_BYTES (64u << 20)

static inline struct str data_file(struct arena *a, const char *path)
{
    struct buf b = buf_make(16u << 20);
    char chunk[4096];
    FILE *f = fopen(path, "rb");
    struct str text;
    size_t n;

    if (!f)
        fail_msg("cannot open %s", path);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(&b, str_mk(chunk, n));
    fclose(f);
    text = arena_str(a, buf_str(&b));
    buf_free(&b);
    return text;
}

/* The next group of lines that are not comments, without the empty line after it. False at the end. */
static inline bool data_group(struct str *rest, struct str *ret)
{
    for (;;) {
        size_t end = str_find(*rest, S("\n\n"), 0);
        struct str group = str_sub(*rest, 0, end == SIZE_MAX ? rest->n : end);

        if (!rest->n)
            return false;
        *rest = end == SIZE_MAX ? str_mk(NULL, 0) : str_sub(*rest, end + 2, rest->n);
        while (group.n && group.p[group.n - 1] == '\n')
            group.n--;
        if (str_starts(group, S("#")) || !str_trim(group).n)
            continue;
        *ret = group;
        return true;
    }
}

/* "key value" → key and value; a line without a blank has an empty value. */
static inline bool data_line(struct str *rest, struct str *ret_key, struct str *ret_value)
{
    struct str line;

    if (!str_cut(rest, '\n', &line))
        return false;
    str_cut(&line, ' ', ret_key);
    *ret_value = line.p ? line : S("");
    return true;
}

/* NAME: connectors/NAME/connector.json; NAME.json: of the test data. */
static const struct connector *data_connector(struct arena *a, struct str name)
{
    struct diags *diags = diags_new();
    struct node *root = NULL;
    const struct connector *c = NULL;
    char path[512], line[512];

    if (str_ends(name, S(".json")))
        snprintf(path, sizeof path, "%s/connector/" STR_FMT, TEST_DATA, STR_ARG(name));
    else
        snprintf(path, sizeof path, "%s/connectors/" STR_FMT "/connector.json", SOURCE_DIR, STR_ARG(name));
    if (conf_load(a, path, path, diags, &root) == OK)
        c = connector_read(a, root, diags);
    for (size_t i = 0; i < diags_count(diags, DIAG_NOTE); i++) {
        diag_print(diags_at(diags, i), line, sizeof line);
        print_message("%s\n", line);
    }
    assert_int_equal(diags_count(diags, DIAG_NOTE), 0);
    assert_non_null(c);
    diags_free(diags);
    return c;
}

#endif
