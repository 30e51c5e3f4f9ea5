/* The files of a bundle that change while it is made: gone after they were listed, gone after the project was read,
 * exchanged for something else. Each is told with its path. */
#include "test_project_fixture.h"

#include "app/bundle.h"

struct world {
    struct folder folder;
    struct project *project;
    struct arena *arena;
    struct diags *diags;
    struct bundle_files files;
};

static void make(struct world *w)
{
    struct errinfo ei;

    *w = (struct world){.folder = folder_make(), .arena = arena_new(64u << 20), .diags = diags_new()};
    folder_write(&w->folder, "sluice.json", S("{}"));
    folder_write(&w->folder, "connections/bi.json", S("{\"connector\": \"sqlite\", \"params\": {\"path\": \"x.db\"}}"));
    folder_write(&w->folder, "integrations/orders.json", S("{}"));
    folder_write(&w->folder, "maps/shops.json", S("[]"));
    assert_int_equal(project_open(w->folder.dir, NULL, 0, w->diags, &w->project, &ei), OK);
}

static void drop(struct world *w)
{
    bundle_files_free(&w->files);
    project_close(w->project);
    diags_free(w->diags);
    arena_free(w->arena);
    folder_drop(&w->folder);
}

static void take_away(const struct world *w, const char *name)
{
    char path[PATH_BYTES];

    assert_int_equal(unlink(folder_path(&w->folder, name, path)), 0);
}

/* Reads all; how many could be read. */
static size_t read_all(struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->files.n; i++) {
        struct str text;
        int64_t modified_s;

        n += bundle_read(&w->files, &w->files.at[i], w->arena, &text, &modified_s);
    }
    return n;
}

static void assert_left(const struct world *w, const char *path, const char *why)
{
    for (size_t i = 0; i < w->files.n_left; i++) {
        if (!str_eq(w->files.left[i].path, str_of(path)))
            continue;
        assert_string_equal(w->files.left[i].why.p, why);
        assert_true(w->files.left[i].lost);
        return;
    }
    FAIL_MSG("%s is not told\n", path);
}

static void nothing_changes(void **state)
{
    struct world w;

    (void)state;
    make(&w);
    bundle_list(w.project, w.arena, &w.files);
    assert_int_equal(w.files.n, 4);
    assert_int_equal(read_all(&w), 4);
    assert_int_equal(w.files.n_left, 0);
    assert_true(str_eq(w.files.at[0].path, S("sluice.json")));
    assert_true(str_eq(w.files.at[1].path, S("connections/bi.json")));
    drop(&w);
}

static void gone_after_the_list(void **state)
{
    struct world w;

    (void)state;
    make(&w);
    bundle_list(w.project, w.arena, &w.files);
    take_away(&w, "maps/shops.json");
    take_away(&w, "connections/bi.json");
    assert_int_equal(read_all(&w), 2);
    assert_int_equal(w.files.n_left, 2);
    assert_left(&w, "maps/shops.json", "it was there and is gone");
    assert_left(&w, "connections/bi.json", "it was there and is gone");
    drop(&w);
}

static void gone_after_the_project_was_read(void **state)
{
    struct world w;

    (void)state;
    make(&w);
    take_away(&w, "connections/bi.json");
    take_away(&w, "integrations/orders.json");
    bundle_list(w.project, w.arena, &w.files);
    assert_int_equal(read_all(&w), 2);
    assert_int_equal(w.files.n_left, 2);
    assert_left(&w, "connections/bi.json", "it was there and is gone");
    assert_left(&w, "integrations/orders.json", "it was there and is gone");
    drop(&w);
}

/* What took its place is not followed, and not waited for. */
static void exchanged(void **state)
{
    char path[PATH_BYTES];
    struct world w;

    (void)state;
    make(&w);
    bundle_list(w.project, w.arena, &w.files);
    take_away(&w, "maps/shops.json");
    assert_int_equal(mkfifo(folder_path(&w.folder, "maps/shops.json", path), 0600), 0);
    take_away(&w, "integrations/orders.json");
    assert_int_equal(symlink("/etc/passwd", folder_path(&w.folder, "integrations/orders.json", path)), 0);
    assert_int_equal(read_all(&w), 2);
    assert_int_equal(w.files.n_left, 2);
    assert_left(&w, "maps/shops.json", "it is no file");
    drop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changes),
        cmocka_unit_test(gone_after_the_list),
        cmocka_unit_test(gone_after_the_project_was_read),
        cmocka_unit_test(exchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
