/* Reading projects: tests/data/project/read.txt says for folders of files what is told about them; what is read from a
 * good one is looked at here.
 *
 * The file's lines: Empty lines do not count; "= NAME" begins a case with a copy of the good project; "< PATH" begins a
 * file's text, up to the next line of this kind; "@ VERB ARGUMENTS" does something to the folder; "! TEXT" is a
 * diagnostic that is expected. All diagnostics are, in their order, then "not ok: NAME" for each integration that
 * cannot be used. None may hold the word CANARY. The folder's own path shows as /tmp/FOLDER--…. */
#include "test_project_fixture.h"

#include "base/digest.h"

static struct folder folder;

static const char *const good[][2] = {
    {"sluice.json", "{name: 'good'}\n"},
    {"connections/shop.json",
     "{connector: 'shop', params: {base_url: 'https://shop.test/api', app_key: 'k', app_secret: "
     "'${env:SHOP_SECRET}'}}\n"},
    {"connections/depot.json", "{connector: 'depot', params: {path: 'depot.db'}}\n"},
    {"integrations/orders.json", "{source: {connection: 'shop', metadata: 'orders.source.json'},\n"
                                 " target: {connection: 'depot', metadata: 'orders.target.json'}}\n"},
    {"integrations/orders.source.json", "{api: 'orders', effect: 'QUERY', method: 'POST', id: 'id', request: []}\n"},
    {"integrations/orders.target.json",
     "{api: 'batchexecute', effect: 'EXECUTE', method: 'SQL', id: 'id', table: 't', request: [{field: 'id', type: "
     "'string', value: '{id}'}]}\n"},
};

static void write_good(const struct folder *f)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        folder_write(f, good[i][0], str_of(good[i][1]));
}

/* ---- cases from the file ---- */

struct test_case {
    struct folder folder;
    char name[200], file[200];
    struct buf text, expected;
    struct str only[4];
    size_t n_only;
    char only_text[200];
    bool has_canary;
};

static void begin_case(struct test_case *t, struct str name)
{
    *t = (struct test_case){.folder = folder_make(), .text = buf_make(1 << 20), .expected = buf_make(1 << 20)};
    (void)snprintf(t->name, sizeof t->name, STR_FMT, STR_ARG(name));
    write_good(&t->folder);
}

static void end_file(struct test_case *t)
{
    if (t->file[0])
        folder_write(&t->folder, t->file, buf_str(&t->text));
    t->has_canary |= str_find(buf_str(&t->text), S("CANARY"), 0) != SIZE_MAX;
    t->file[0] = '\0';
    buf_clear(&t->text);
}

static void act(struct test_case *t, struct str line)
{
    char first[PATH_BYTES], second[PATH_BYTES], word[3][200] = {"", "", ""};
    struct str rest = line, part;

    for (int i = 0; i < 3 && str_cut(&rest, ' ', &part); i++)
        (void)snprintf(word[i], sizeof word[i], STR_FMT, STR_ARG(part));
    folder_path(&t->folder, word[1], first);
    if (strcmp(word[0], "remove") == 0) {
        assert_int_equal(remove(first), 0);
    } else if (strcmp(word[0], "hex") == 0) {
        struct str digits = str_of(word[2]);

        assert_true(hex_decode(digits, (uint8_t *)second));
        folder_write(&t->folder, word[1], str_mk(second, digits.n / 2));
    } else if (strcmp(word[0], "folder") == 0) {
        assert_int_equal(mkdir(first, 0755), 0);
    } else if (strcmp(word[0], "pipe") == 0) {
        assert_int_equal(mkfifo(first, 0600), 0);
    } else if (strcmp(word[0], "link") == 0) {
        if (word[2][0] == '/')
            (void)snprintf(second, sizeof second, "%s", word[2]);
        else
            folder_path(&t->folder, word[2], second);
        assert_int_equal(symlink(second, first), 0);
    } else if (strcmp(word[0], "only") == 0) {
        (void)snprintf(t->only_text, sizeof t->only_text, "%s", word[1]);
        rest = str_of(t->only_text);
        while (t->n_only < 4 && str_cut(&rest, ',', &t->only[t->n_only]))
            t->n_only++;
    } else {
        FAIL_MSG("%s: @ %s is not known\n", t->name, word[0]);
    }
}

static bool end_case(struct test_case *t)
{
    struct diags *diags = diags_new();
    struct project *p = NULL;
    struct buf told = buf_make(1 << 20);
    struct errinfo ei;
    char line[4096];
    size_t at;

    end_file(t);
    if (project_open(t->folder.dir, t->n_only ? t->only : NULL, t->n_only, diags, &p, &ei))
        buf_printf(&told, "%s: %s. %s\n", err_name(ei.code), ei.msg, ei.hint);
    for (size_t i = 0; i < diags_count(diags, DIAG_NOTE); i++) {
        diag_print(diags_at(diags, i), line, sizeof line);
        buf_printf(&told, "%s\n", line);
    }
    for (size_t i = 0; p && i < p->n_integrations; i++)
        if (!p->integrations[i].ok)
            buf_printf(&told, "not ok: " STR_FMT "\n", STR_ARG(p->integrations[i].name));
    for (size_t i = 0; (at = str_find(buf_str(&told), str_of(t->folder.dir), i)) != SIZE_MAX; i = at)
        memcpy(told.p + at, "/tmp/FOLDER--------------------", strlen(t->folder.dir));
    bool ok = str_eq(buf_str(&told), buf_str(&t->expected)) && str_find(buf_str(&told), S("CANARY"), 0) == SIZE_MAX;
    if (!ok)
        print_error("== %s: told\n%s-- expected\n%s", t->name, buf_cstr(&told), buf_cstr(&t->expected));
    project_close(p);
    diags_free(diags);
    folder_drop(&t->folder);
    buf_free(&told);
    buf_free(&t->text);
    buf_free(&t->expected);
    return ok;
}

static void take_line(struct test_case *t, struct str line)
{
    struct str rest = str_sub(line, 2, line.n);

    switch (line.n >= 2 ? line.p[0] : '\0') {
    case '<':
        end_file(t);
        (void)snprintf(t->file, sizeof t->file, STR_FMT, STR_ARG(rest));
        return;
    case '@':
        end_file(t);
        act(t, rest);
        return;
    case '!':
        end_file(t);
        buf_printf(&t->expected, STR_FMT "\n", STR_ARG(rest));
        return;
    default:
        assert_true(t->file[0] || line.n == 0);
        if (line.n)
            buf_printf(&t->text, STR_FMT "\n", STR_ARG(line));
    }
}

static void tells_what_is_wrong(void **state)
{
    FILE *f = fopen(TEST_DATA "/project/read.txt", "r");
    struct test_case t;
    char line[8192];
    size_t n = 0, n_bad = 0, n_canaries = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        struct str s = str_of(line);

        s.n -= s.n && s.p[s.n - 1] == '\n';
        if (s.n && s.p[0] == '#')
            continue;
        if (!str_starts(s, S("= "))) {
            if (n)
                take_line(&t, s);
            continue;
        }
        if (n) {
            end_file(&t);
            n_canaries += t.has_canary;
            n_bad += !end_case(&t);
        }
        begin_case(&t, str_sub(s, 2, s.n));
        n++;
    }
    assert_true(n > 0);
    n_bad += !end_case(&t);
    (void)fclose(f);
    assert_int_equal(n_bad, 0);
    assert_true(n >= 100);
    assert_true(n_canaries >= 10);
}

/* ---- what is read ---- */

static struct project *open_clean(struct diags *diags)
{
    struct project *p = NULL;
    struct errinfo ei;
    char line[4096];

    if (project_open(folder.dir, NULL, 0, diags, &p, &ei))
        FAIL_MSG("%s\n", ei.msg);
    for (size_t i = 0; i < diags_count(diags, DIAG_NOTE); i++) {
        diag_print(diags_at(diags, i), line, sizeof line);
        print_error("%s\n", line);
    }
    assert_int_equal(diags_count(diags, DIAG_NOTE), 0);
    return p;
}

static void assert_text(struct str s, const char *want)
{
    if (!str_eq(s, str_of(want)))
        FAIL_MSG("\"" STR_FMT "\" is not \"%s\"\n", STR_ARG(s), want);
}

static void reads_what_is_given(void **state)
{
    struct diags *diags = diags_new();
    struct project *p;
    char path[PATH_BYTES];

    (void)state;
    folder_write(
        &folder, "sluice.json",
        S("{$schema: 'x', name: '仓 1', timezone: 'UTC', state: 'sqlite:elsewhere', listen: '[::1]:1', journal_limit: "
          "'1MB', retention: {journal: '1h', runs: '2h'}, alerts: {language: 'zh'}, users: [], tls: {}, behind_proxy: "
          "true}"));
    folder_write(
        &folder, "connections/shop.json",
        S("{$schema: 'x', connector: 'shop', title: 't', environment: 'test', limits: {requests: 10, per: '1m'},\n"
          "params: {base_url: 'http://${env:HOST}:${env:PORT}/', app_key: 7, app_secret: '${secret:s}', verbose: "
          "true, region: 'south', pin: '${env:PIN}', depth: null}}"));
    folder_write(
        &folder, "integrations/orders.json",
        S("{title: 'Orders', source: {connection: 'shop', crontab: '*/5 * * * *', metadata: './orders.source.json'},\n"
          "target: {connection: 'depot', crontab: '@every 30s', metadata: {api: 'batchexecute', id: 'id', table: 't', "
          "request: []}},\nstart: '2026-01-02 03:04:05', lag: '1m', overlap: 0, keep: 'records', enabled: false,\n"
          "children: {parent: 'o_id', gone: 'delete'}, left_filter: 'mark', mark_column: 'gone', guard: 'modified',\n"
          "reread: [{every: '1d', back: '7d'}, {every: '1h', back: '1d'}], drift: 'add-column'}"));
    assert_int_equal(remove(folder_path(&folder, "integrations/orders.target.json", path)), 0);
    p = open_clean(diags);
    assert_string_equal(p->dir, folder.dir);
    assert_text(p->settings.name, "仓 1");
    assert_text(p->settings.listen, "[::1]:1");
    assert_string_equal(zone_name(p->zone), "UTC");
    assert_true(str_ends(str_of(p->state_dir), S("/elsewhere")));
    assert_true(p->settings.journal_limit_bytes == 1000000);
    assert_true(p->settings.keep_journal_ms == 3600000 && p->settings.keep_runs_ms == 7200000);
    assert_true(p->settings.behind_proxy && p->settings.alerts && p->settings.users && p->settings.tls);
    const struct integration *i = project_integration(p, S("orders"));
    assert_non_null(i);
    assert_true(i->ok && i->has_start && i->keep_records && !i->enabled);
    assert_true(i->start_s == 1767323045 && i->lag_ms == 60000 && i->overlap_ms == 0);
    assert_text(i->parent, "o_id");
    assert_true(i->child_gone == GONE_DELETE && i->left_filter == GONE_MARK && i->drift == DRIFT_ADD_COLUMN);
    assert_text(i->mark_column, "gone");
    assert_text(i->guard, "modified");
    assert_true(i->n_tiers == 2 && i->tiers[0].every_ms == 3600000 && i->tiers[0].back_ms == 86400000 &&
                i->tiers[1].back_ms == 7 * 86400000);
    assert_text(i->title, "Orders");
    assert_text(i->source_crontab, "*/5 * * * *");
    assert_text(i->target_crontab, "@every 30s");
    assert_string_equal(i->pos.file, "integrations/orders.json");
    assert_string_equal(i->source_doc->file, "integrations/orders.source.json");
    assert_string_equal(i->target_doc->file, "integrations/orders.json");
    const struct connection *c = i->source;
    assert_ptr_equal(c, project_connection(p, S("shop")));
    assert_true(c->ok && c->requests == 10 && c->per_ms == 60000 && c->options.n == 9);
    assert_text(c->environment, "test");
    static const char *const values[] = {
        "http://${env:HOST}:${env:PORT}/", "7", "${secret:s}", "${env:PIN}", "", "8080", "", "true", "south"};
    for (size_t k = 0; k < 9; k++)
        assert_text(c->options.at[k], values[k]);
    assert_int_equal(c->option_pos[1].line, 2);
    project_close(p);
    diags_free(diags);
}

static void knows_defaults(void **state)
{
    struct diags *diags = diags_new();
    struct folder other = folder_make();
    struct project *p = NULL;
    struct errinfo ei;
    char path[PATH_BYTES], dir[PATH_BYTES];

    (void)state;
    folder_path(&other, "a.b, (c)", dir);
    assert_int_equal(mkdir(dir, 0755), 0);
    assert_int_equal(mkdir(folder_path(&other, "a.b, (c)/connections", path), 0755), 0);
    assert_int_equal(mkdir(folder_path(&other, "a.b, (c)/integrations", path), 0755), 0);
    assert_int_equal(project_open(dir, NULL, 0, diags, &p, &ei), OK);
    assert_int_equal(diags_count(diags, DIAG_NOTE), 0);
    assert_text(p->settings.name, "a-b- -c-");
    assert_text(p->settings.timezone, "Asia/Shanghai");
    assert_text(p->settings.state, "sqlite:.sluice");
    assert_text(p->settings.listen, "127.0.0.1:8420");
    assert_true(str_ends(str_of(p->state_dir), S("a.b, (c)/.sluice")));
    assert_true(p->settings.journal_limit_bytes == UINT64_C(20000000000));
    assert_true(p->settings.keep_journal_ms == INT64_C(30) * 86400000);
    assert_true(p->settings.keep_runs_ms == INT64_C(180) * 86400000);
    assert_true(!p->settings.behind_proxy && !p->settings.alerts && !p->n_integrations && !p->n_connections);
    project_close(p);
    project_close(NULL);
    diags_free(diags);
    folder_drop(&other);
}

static void refuses_other_folders(void **state)
{
    struct folder other = folder_make();
    struct diags *diags = diags_new();
    struct project *p = NULL;
    struct errinfo ei;
    char path[PATH_BYTES];

    (void)state;
    assert_int_equal(project_open(other.dir, NULL, 0, diags, &p, &ei), ERR_CONFIG);
    assert_non_null(strstr(ei.hint, "sluice init"));
    assert_int_equal(project_open(folder_path(&other, "nowhere", path), NULL, 0, diags, &p, &ei), ERR_CONFIG);
    assert_non_null(strstr(ei.hint, "sluice init"));
    assert_int_equal(project_open("", NULL, 0, diags, &p, &ei), ERR_CONFIG);
    folder_write(&other, "file", S("x"));
    assert_int_equal(project_open(folder_path(&other, "file", path), NULL, 0, diags, &p, &ei), ERR_CONFIG);
    assert_int_equal(mkdir(folder_path(&other, "integrations", path), 0755), 0);
    assert_int_equal(project_open(other.dir, NULL, 0, diags, &p, &ei), ERR_CONFIG);
    folder_write(&other, "sluice.json", S("{}"));
    assert_int_equal(project_open(other.dir, NULL, 0, diags, &p, &ei), OK);
    assert_null(p->integrations[0].name.p);
    assert_null(project_integration(p, S("x")));
    assert_null(project_connection(p, S("x")));
    assert_null(project_nearest_integration(p, S("x")));
    project_close(p);
    diags_free(diags);
    folder_drop(&other);
}

static void finds_the_nearest(void **state)
{
    struct diags *diags = diags_new();
    struct project *p = open_clean(diags);

    (void)state;
    assert_string_equal(project_nearest_integration(p, S("order")), "orders");
    assert_null(project_nearest_integration(p, S("something else")));
    assert_null(project_integration(p, S("")));
    project_close(p);
    diags_free(diags);
}

/* ---- the page for people ---- */

/* Writes the blocks ```json PATH of the page into the folder. Gives their number; `page` gets the whole text. */
static size_t write_page(const struct folder *f, struct buf *page)
{
    FILE *in = fopen(SOURCE_DIR "/docs/projects.md", "r");
    struct buf text = buf_make(1 << 20);
    char line[4096], name[200] = "";
    size_t n = 0;

    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        struct str s = str_of(line);

        buf_add(page, s);
        if (name[0] && str_eq(s, S("```\n"))) {
            folder_write(f, name, buf_str(&text));
            buf_clear(&text);
            name[0] = '\0';
            n++;
        } else if (name[0]) {
            buf_add(&text, s);
        } else if (str_starts(s, S("```json "))) {
            s = str_trim(str_sub(s, 8, s.n));
            (void)snprintf(name, sizeof name, STR_FMT, STR_ARG(s));
        }
    }
    (void)fclose(in);
    buf_free(&text);
    return n;
}

static void assert_named(struct str page, const char *schema)
{
    struct json_limits limits = JSON_LIMITS_DEFAULT;
    struct buf b = buf_make(1 << 20);
    struct json_doc *doc = NULL;
    struct errinfo ei;
    struct str key;

    assert_true(project_schema(str_of(schema), &b));
    assert_int_equal(json_parse(buf_str(&b), &limits, &doc, NULL, &ei), OK);
    struct json_iter it = json_iter(json_get(json_root(doc), S("properties")));
    while (json_next(&it, &key)) {
        char quoted[100];

        (void)snprintf(quoted, sizeof quoted, str_eq(key, S("$schema")) ? "\"" STR_FMT "\"" : "`" STR_FMT "`",
                       STR_ARG(key));
        if (str_find(page, str_of(quoted), 0) == SIZE_MAX)
            FAIL_MSG("docs/projects.md does not name %s\n", quoted);
    }
    json_free(doc);
    buf_free(&b);
}

static void the_page_is_right(void **state)
{
    struct folder f = folder_make();
    struct diags *diags = diags_new();
    struct buf page = buf_make(1 << 20);
    struct project *p = NULL;
    struct errinfo ei;
    char line[4096];

    (void)state;
    assert_int_equal(write_page(&f, &page), 6);
    assert_named(buf_str(&page), "project");
    assert_named(buf_str(&page), "connection");
    assert_named(buf_str(&page), "integration");
    assert_int_equal(setenv("SLUICE_CONNECTORS", SOURCE_DIR "/connectors", 1), 0);
    assert_int_equal(project_open(f.dir, NULL, 0, diags, &p, &ei), OK);
    assert_int_equal(setenv("SLUICE_CONNECTORS", TEST_DATA "/project/connectors", 1), 0);
    for (size_t i = 0; i < diags_count(diags, DIAG_NOTE); i++) {
        diag_print(diags_at(diags, i), line, sizeof line);
        print_error("%s\n", line);
    }
    assert_int_equal(diags_count(diags, DIAG_NOTE), 0);
    assert_true(p->n_integrations == 1 && p->integrations[0].ok && p->n_connections == 2);
    project_close(p);
    diags_free(diags);
    buf_free(&page);
    folder_drop(&f);
}

/* ---- values ---- */

static void gives_values(void **state)
{
    struct diags *diags = diags_new();
    struct project *p = open_clean(diags);
    struct arena *a = arena_new(1 << 20);
    const struct connection *shop = project_connection(p, S("shop")), *depot = project_connection(p, S("depot"));
    struct strs values;
    struct errinfo ei;
    char path[PATH_BYTES], line[200];

    (void)state;
    assert_int_equal(unsetenv("SHOP_SECRET"), 0);
    assert_int_equal(connection_values(p, shop, a, &values, &ei), ERR_SECRET);
    assert_string_equal(ei.msg, "connection \"shop\", \"app_secret\": ${env:SHOP_SECRET}: the environment variable "
                                "SHOP_SECRET is not set");
    assert_int_equal(setenv("SHOP_SECRET", "CANARY-7", 1), 0);
    assert_int_equal(connection_values(p, shop, a, &values, &ei), OK);
    assert_int_equal(values.n, 9);
    assert_text(values.at[0], "https://shop.test/api");
    assert_text(values.at[2], "CANARY-7");
    assert_text(values.at[3], "");
    assert_text(values.at[5], "8080");
    (void)log_mask(S("the secret is CANARY-7."), line, sizeof line);
    assert_string_equal(line, "the secret is ***.");
    assert_int_equal(connection_values(p, depot, a, &values, &ei), OK);
    assert_text(values.at[0], folder_path(&folder, "depot.db", path));
    project_close(p);
    diags_free(diags);
    arena_free(a);
}

static void hides_literals(void **state)
{
    struct diags *diags = diags_new();
    struct project *p = NULL;
    struct errinfo ei;
    char line[200];

    (void)state;
    folder_write(&folder, "connections/shop.json",
                 S("{connector: 'shop', params: {base_url: 'https://a', app_key: 'k', app_secret: 'literal-CANARY'}}"));
    assert_int_equal(project_open(folder.dir, NULL, 0, diags, &p, &ei), OK);
    assert_int_equal(diags_count(diags, DIAG_ERROR), 0);
    assert_int_equal(diags_count(diags, DIAG_WARNING), 1);
    (void)log_mask(S("app_secret=literal-CANARY&x"), line, sizeof line);
    assert_string_equal(line, "app_secret=***&x");
    project_close(p);
    diags_free(diags);
}

static int before_each(void **state)
{
    (void)state;
    folder = folder_make();
    write_good(&folder);
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    folder_drop(&folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test_setup_teardown(reads_what_is_given, before_each, after_each),
        cmocka_unit_test(knows_defaults),
        cmocka_unit_test(refuses_other_folders),
        cmocka_unit_test_setup_teardown(finds_the_nearest, before_each, after_each),
        cmocka_unit_test(the_page_is_right),
        cmocka_unit_test_setup_teardown(gives_values, before_each, after_each),
        cmocka_unit_test_setup_teardown(hides_literals, before_each, after_each),
    };
    if (setenv("SLUICE_CONNECTORS", TEST_DATA "/project/connectors", 1))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
