/* Tests of the dialect as data: files of groups of `key: value` lines, parted by blank lines; `#` begins a comment
 * line. A key that is given several times in a group is one text of several lines. Each test program includes this
 * once. */
#ifndef TEST_META_GROUPS_H
#define TEST_META_GROUPS_H

#include "meta/cast.h"
#include "meta/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* after ours: it has a macro `fail` */

#define GROUP_LINES 40

struct group_lines {
    const char *file;
    int line; /* of the first */
    struct {
        struct str key, value;
    } at[GROUP_LINES];
    size_t n;
};

static inline char *test_read_file(const char *name, size_t *ret_n)
{
    char path[1024];
    FILE *f;
    long n;
    char *p;

    snprintf(path, sizeof path, TEST_DATA "/meta/%s", name);
    f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    n = ftell(f);
    assert_true(n >= 0);
    rewind(f);
    p = malloc((size_t)n + 1);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, (size_t)n, f), (size_t)n);
    p[n] = '\0';
    fclose(f);
    *ret_n = (size_t)n;
    return p;
}

/* The text of a key, its lines joined; p NULL when it is not there. */
static inline struct str group_get(const struct group_lines *g, const char *key, struct arena *a)
{
    struct str all = {0};

    for (size_t i = 0; i < g->n; i++)
        if (str_eq(g->at[i].key, str_of(key)))
            all = all.p ? arena_printf(a, "%.*s\n%.*s", (int)all.n, all.p, (int)g->at[i].value.n, g->at[i].value.p)
                        : g->at[i].value;
    return all;
}

/* Expectations count, so that one run shows all that is wrong; groups_run fails when any did. */
static size_t group_failures;

static inline void group_expect(const struct group_lines *g, const char *what, struct str got, struct str want)
{
    if (str_eq(got, want))
        return;
    print_error("%s:%d: %s is\n  %.*s\nnot\n  %.*s\n", g->file, g->line, what, (int)got.n, got.n ? got.p : "",
                (int)want.n, want.n ? want.p : "");
    group_failures++;
}

static inline void group_expect_in(const struct group_lines *g, const char *what, struct str got, struct str part)
{
    if (part.n && str_find(got, part, 0) != SIZE_MAX)
        return;
    print_error("%s:%d: %s is\n  %.*s\nwithout\n  %.*s\n", g->file, g->line, what, (int)got.n, got.n ? got.p : "",
                (int)part.n, part.n ? part.p : "");
    group_failures++;
}

/* Runs `test` for each group of the file; gives how many there were. */
static inline size_t groups_run(const char *file, void (*test)(const struct group_lines *g, struct arena *a))
{
    size_t n, count = 0, before = group_failures;
    char *text = test_read_file(file, &n);
    struct str rest = str_mk(text, n), line;
    struct group_lines g = {.file = file};
    int number = 0;

    for (bool more = true; more;) {
        more = str_cut(&rest, '\n', &line);
        number++;
        if (more && line.n && line.p[0] == '#')
            continue;
        if (more && str_trim(line).n) {
            const char *colon = memchr(line.p, ':', line.n);

            assert_non_null(colon);
            assert_true(g.n < GROUP_LINES);
            if (!g.n)
                g.line = number;
            g.at[g.n].key = str_trim(str_mk(line.p, (size_t)(colon - line.p)));
            g.at[g.n].value = str_sub(line, (size_t)(colon - line.p) + 1, line.n);
            if (g.at[g.n].value.n && g.at[g.n].value.p[0] == ' ')
                g.at[g.n].value = str_sub(g.at[g.n].value, 1, line.n);
            g.n++;
        } else if (g.n) {
            struct arena *a = arena_new((size_t)64 << 20);

            test(&g, a);
            arena_free(a);
            g.n = 0;
            count++;
        }
    }
    free(text);
    assert_int_equal(group_failures - before, 0);
    return count;
}

/* All diagnostics, one a line. */
static inline struct str group_diags(const struct diags *d, struct arena *a)
{
    struct str all = {"", 0};

    for (size_t i = 0; i < diags_count(d, DIAG_NOTE); i++) {
        char text[2000];

        diag_print(diags_at(d, i), text, sizeof text);
        all = arena_printf(a, "%s%s%s", all.p, all.n ? "\n" : "", text);
    }
    return all;
}

static inline struct node *group_conf(const struct group_lines *g, struct str text, struct arena *a)
{
    struct diags *d = diags_new();
    struct node *n = NULL;

    if (conf_parse(a, text, "test", d, &n) != OK || diags_count(d, DIAG_ERROR)) {
        struct str all = group_diags(d, a);

        print_error("%s:%d: %s\n", g->file, g->line, all.p);
        fail();
    }
    diags_free(d);
    return n;
}

static inline struct json_doc *group_json(const struct group_lines *g, struct str text)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct json_doc *doc = NULL;
    struct errinfo ei;

    if (json_parse(text.p ? text : S("{}"), &limits, &doc, NULL, &ei) != OK) {
        print_error("%s:%d: %s\n", g->file, g->line, ei.msg);
        fail();
    }
    return doc;
}

/* "null", "missing", "text x", "number 1", "bool true", "json {…}" */
static inline struct str group_value(const struct value *v, struct arena *a)
{
    static const char *const kinds[] = {"missing", "null", "bool ", "number ", "text ", "json "};
    struct str s = value_as_text(v, a);

    return arena_printf(a, "%s%.*s", kinds[v->kind], (int)s.n, s.n ? s.p : "");
}

/* What a record means to compiled templates: values by name, arrays by path. */
struct test_env {
    struct env env;
    struct sysvars sys;
    struct zone *zone;
    const struct slots *slots;
    const struct json *record;
};

static inline size_t test_column(void *ctx, size_t slot, const struct value **ret)
{
    struct test_env *t = ctx;
    struct str name = slots_name(t->slots, slot);
    size_t cut = name.n, n = 0;
    struct json_iter it;
    const struct json *e;
    struct value *all;

    while (cut > 0 && name.p[cut - 1] != '.')
        cut--;
    it = json_iter(json_path(t->record, str_sub(name, 0, cut ? cut - 1 : 0)));
    all = ARENA_ARRAY(t->env.arena, struct value, 1000);
    while (n < 1000 && (e = json_next(&it, NULL)))
        all[n++] = value_of_json(json_path(e, str_sub(name, cut, name.n)));
    *ret = all;
    return n;
}

/* Now is 2026-03-01 08:30:00 in Shanghai, the slice begins an hour before. Close with test_env_close. */
static inline void test_env_open(struct test_env *t, const struct slots *slots, const struct json *record,
                                 struct arena *a)
{
    size_t n = slots ? slots_count(slots) : 0;
    struct value *values = ARENA_ARRAY(a, struct value, n + 1);
    struct errinfo ei;

    memset(t, 0, sizeof *t);
    assert_int_equal(zone_open(S("Asia/Shanghai"), &t->zone, &ei), OK);
    t->slots = slots;
    t->record = record;
    t->sys = (struct sysvars){.zone = t->zone,
                              .now_ms = 1772325000000,
                              .last_sync_s = 1772321400,
                              .current_s = 1772325000,
                              .page_size = 50,
                              .start_row = 100,
                              .page = 3,
                              .seed = 1};
    for (size_t i = 0; i < n; i++) {
        const struct json *j = json_get(record, slots_name(slots, i));

        values[i] = value_of_json(j ? j : json_path(record, slots_name(slots, i)));
    }
    t->env = (struct env){.slot = values, .sys = &t->sys, .arena = a, .column = test_column, .column_ctx = t};
}

static inline void test_env_close(struct test_env *t)
{
    zone_free(t->zone);
}

#endif
