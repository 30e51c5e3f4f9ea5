/* Secrets: references (tests/data/project/references.txt), the encrypted store, its key. No value that was sealed,
 * referred to or pasted may show in a message. */
#include "test_project_fixture.h"

#include "project/secret.h"

#include <sys/wait.h>

#define CANARY "CANARY-5f3a91"

static struct folder folder;
static char key_path[PATH_BYTES];

static void assert_silent(const struct errinfo *ei)
{
    assert_null(strstr(ei->msg, "CANARY"));
    assert_null(strstr(ei->hint, "CANARY"));
}

static void set_env(const char *name, const char *value)
{
    assert_int_equal(value ? setenv(name, value, 1) : unsetenv(name), 0);
}

static enum err resolve(struct str text, struct arena *a, struct str *ret, struct errinfo *ei)
{
    enum err err = secret_resolve(folder.dir, text, a, ret, ei);

    if (err)
        assert_silent(ei);
    return err;
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void assert_value(const char *reference, const char *value)
{
    struct arena *a = arena_new(1 << 20);
    struct str got;
    struct errinfo ei;

    if (resolve(str_of(reference), a, &got, &ei))
        FAIL_MSG("%s: %s\n", reference, ei.msg);
    assert_true(str_eq(got, str_of(value)));
    arena_free(a);
}

static void assert_no_value(const char *reference, const char *message)
{
    struct arena *a = arena_new(1 << 20);
    struct str got;
    struct errinfo ei;

    assert_int_equal(resolve(str_of(reference), a, &got, &ei), ERR_SECRET);
    if (!strstr(ei.msg, message))
        FAIL_MSG("\"%s\" is not in \"%s\"\n", message, ei.msg);
    assert_true(ei.hint[0] != '\0');
    arena_free(a);
}

static void set(const char *name, const char *value)
{
    struct errinfo ei;

    if (secret_set(folder.dir, str_of(name), str_of(value), &ei))
        FAIL_MSG("%s: %s\n", name, ei.msg);
}

static enum err refuse(const char *name, struct str value, struct errinfo *ei)
{
    enum err err = secret_set(folder.dir, str_of(name), value, ei);

    assert_true(err != OK);
    assert_silent(ei);
    return err;
}

/* ---- references ---- */

static bool check_reference(const struct table_row *row)
{
    struct arena *a = arena_new(1 << 20);
    struct diags *diags = diags_new();
    struct str got = {NULL, 0};
    struct errinfo ei = {OK, "", ""};
    enum err err = resolve(row->col[0], a, &got, &ei);
    bool ok;

    (void)secret_is_reference(row->col[0], (struct pos){"f", 1, 2}, diags);
    if (str_eq(row->col[1], S("ok")))
        ok = !err && str_eq(got, row->col[2]) && diags_count(diags, DIAG_NOTE) == 0;
    else
        ok = err == ERR_SECRET && str_eq(str_of(ei.msg), row->col[2]) &&
             (row->n < 4 || str_starts(str_of(ei.hint), row->col[3]));
    for (size_t i = 0; i < diags_count(diags, DIAG_NOTE); i++)
        ok &= str_eq(str_of(diags_at(diags, i)->what), row->col[2]) && diags_at(diags, i)->pos.col == 2;
    if (!ok)
        print_error("%s: \"" STR_FMT "\" \"%s\" \"%s\"\n", err_name(err), STR_ARG(got), ei.msg, ei.hint);
    diags_free(diags);
    arena_free(a);
    return ok;
}

static void write_referenced_files(void)
{
    char path[PATH_BYTES], *large = malloc(70000);

    assert_non_null(large);
    memset(large, 'x', 70000);
    folder_write(&folder, "f", S("from file\n"));
    folder_write(&folder, "crlf", S("with carriage return\r\n"));
    folder_write(&folder, "two ends", S("CANARY\n\n"));
    folder_write(&folder, "文件", S("named in Chinese"));
    folder_write(&folder, "sub/x", S("x"));
    folder_write(&folder, "empty", S(""));
    folder_write(&folder, "line end", S("\n"));
    folder_write(&folder, "lines", S("CANARY\nCANARY"));
    folder_write(&folder, "zero", S("CANARY\0CANARY"));
    folder_write(&folder, "large", str_mk(large, 70000));
    assert_int_equal(symlink("f", folder_path(&folder, "link", path)), 0);
    assert_int_equal(symlink("loop", folder_path(&folder, "loop", path)), 0);
    assert_int_equal(mkfifo(folder_path(&folder, "pipe", path), 0600), 0);
    free(large);
}

static void resolves_references(void **state)
{
    (void)state;
    write_referenced_files();
    set_env("A", "alpha");
    set_env("EMPTY", "");
    set_env("LINES", "CANARY\nCANARY");
    set_env("ABSENT", NULL);
    set("s", "sealed value");
    set("密钥", "值");
    assert_true(table_run("project/references.txt", check_reference) > 50);
}

static void knows_references(void **state)
{
    struct diags *diags = diags_new();

    (void)state;
    assert_true(secret_is_reference(S("x${env:A}"), (struct pos){0}, diags));
    assert_false(secret_is_reference(S("x$${env:A}"), (struct pos){0}, diags));
    assert_false(secret_is_reference(S("plain"), (struct pos){0}, diags));
    assert_false(secret_is_reference(str_mk(NULL, 0), (struct pos){0}, diags));
    assert_int_equal(diags_count(diags, DIAG_NOTE), 0);
    assert_true(secret_is_reference(S("${evn:A}"), (struct pos){0}, diags));
    assert_int_equal(diags_count(diags, DIAG_ERROR), 1);
    assert_string_equal(diags_at(diags, 0)->nearest, "env");
    diags_free(diags);
}

static void takes_large_values(void **state)
{
    size_t n = 64 << 10, many = 20;
    char *text = malloc(n + 1), *references = malloc(1 << 20);
    struct arena *a = arena_new((size_t)64 << 20);
    struct errinfo ei;
    struct str got;

    (void)state;
    assert_true(text && references);
    memset(text, 'v', n + 1);
    assert_int_equal(refuse("big", str_mk(text, n + 1), &ei), ERR_USAGE);
    assert_int_equal(secret_set(folder.dir, S("big"), str_mk(text, n), &ei), OK);
    assert_int_equal(resolve(S("${secret:big}"), a, &got, &ei), OK);
    assert_true(str_eq(got, str_mk(text, n)));
    folder_write(&folder, "big", str_mk(text, n));
    assert_int_equal(resolve(S("${file:big}"), a, &got, &ei), OK);
    references[0] = '\0';
    for (size_t i = 0, at = 0; i < many; i++, at += strlen(references + at))
        (void)snprintf(references + at, 32, "${file:big}");
    assert_int_equal(resolve(str_of(references), a, &got, &ei), ERR_SECRET);
    memset(references, 'a', 1 << 20);
    assert_int_equal(resolve(str_mk(references, 1 << 20), a, &got, &ei), OK);
    for (size_t i = 0; i + 3 < 1 << 20; i += 3)
        memcpy(references + i, "$${", 3);
    assert_int_equal(resolve(str_mk(references, 3 * 300000), a, &got, &ei), OK);
    assert_int_equal(got.n, 2 * 300000);
    arena_free(a);
    free(text);
    free(references);
}

static void masks_what_it_resolved(void **state)
{
    char line[400];

    (void)state;
    set_env("A", "masked-env-" CANARY);
    folder_write(&folder, "f", S("masked-file-" CANARY "\n"));
    set("s", "masked-store-" CANARY);
    assert_value("${env:A}", "masked-env-" CANARY);
    assert_value("${file:f}", "masked-file-" CANARY);
    (void)log_mask(S("1 masked-env-" CANARY " 2 masked-file-" CANARY " 3 masked-store-" CANARY), line, sizeof line);
    assert_string_equal(line, "1 *** 2 *** 3 ***");
}

/* ---- the store ---- */

static struct str *list(struct arena *a, size_t n)
{
    struct str *names;
    struct errinfo ei;
    size_t got;

    assert_int_equal(secret_list(folder.dir, a, &names, &got, &ei), OK);
    assert_int_equal(got, n);
    return names;
}

static void keeps_secrets(void **state)
{
    struct arena *a = arena_new(1 << 20);
    struct str *names;
    struct errinfo ei;
    char path[PATH_BYTES];

    (void)state;
    (void)list(a, 0);
    assert_int_equal(access(folder_path(&folder, ".sluice", path), F_OK), -1);
    set("b", "two");
    set("a", "one");
    set("c d", "three");
    names = list(a, 3);
    assert_true(str_eq(names[0], S("a")) && str_eq(names[1], S("b")) && str_eq(names[2], S("c d")));
    assert_value("${secret:a}${secret:b}${secret:c d}", "onetwothree");
    set("a", "another");
    assert_value("${secret:a}", "another");
    assert_int_equal(secret_remove(folder.dir, S("b"), &ei), OK);
    assert_int_equal(secret_remove(folder.dir, S("b"), &ei), ERR_USAGE);
    (void)list(a, 2);
    assert_no_value("${secret:b}", "no secret of that name");
    assert_value("${secret:c d}", "three");
    assert_int_equal(secret_remove(folder.dir, S("a"), &ei), OK);
    assert_int_equal(secret_remove(folder.dir, S("c d"), &ei), OK);
    (void)list(a, 0);
    arena_free(a);
}

static void keeps_them_private(void **state)
{
    char path[PATH_BYTES], text[4096];

    (void)state;
    (void)umask(0);
    set("s", CANARY);
    (void)umask(022);
    assert_int_equal(mode_of(folder_path(&folder, ".sluice", path)), 0700);
    assert_int_equal(mode_of(folder_path(&folder, ".sluice/secrets.json", path)), 0600);
    assert_int_equal(mode_of(key_path), 0600);
    assert_int_equal(mode_of(folder_path(&folder, "home", path)), 0700);
    FILE *f = fopen(folder_path(&folder, ".sluice/secrets.json", path), "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    assert_non_null(strstr(text, "\"s\""));
    assert_null(strstr(text, CANARY));
}

static void refuses_what_cannot_be_kept(void **state)
{
    struct errinfo ei;

    (void)state;
    assert_int_equal(refuse("", S(CANARY), &ei), ERR_USAGE);
    assert_int_equal(refuse("a/b", S(CANARY), &ei), ERR_USAGE);
    assert_int_equal(refuse("a", S(""), &ei), ERR_USAGE);
    assert_int_equal(refuse("a", S(CANARY "\nx"), &ei), ERR_USAGE);
    assert_int_equal(refuse("a", S(CANARY "\rx"), &ei), ERR_USAGE);
    assert_int_equal(refuse("a", S(CANARY "\0x"), &ei), ERR_USAGE);
    assert_int_equal(secret_set("/nonexistent/project", S("a"), S(CANARY), &ei), ERR_DISK);
    assert_silent(&ei);
}

static void seals_under_the_name(void **state)
{
    char path[PATH_BYTES], text[4096], swapped[4096];
    size_t n;

    (void)state;
    set("a", CANARY "-a");
    set("b", CANARY "-b");
    FILE *f = fopen(folder_path(&folder, ".sluice/secrets.json", path), "r");
    assert_non_null(f);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    (void)fclose(f);
    char *a = strstr(text, "\"a\""), *b = strstr(text, "\"b\"");
    assert_true(a && b);
    a[1] = 'b';
    b[1] = 'a';
    folder_write(&folder, ".sluice/secrets.json", str_mk(text, n));
    assert_no_value("${secret:a}", "was not sealed with the key");
    a[1] = 'a';
    b[1] = 'b';
    for (char *p = a + 6; p < a + 40; p += 3) {
        memcpy(swapped, text, n);
        swapped[p - text] = swapped[p - text] == 'A' ? 'B' : 'A';
        folder_write(&folder, ".sluice/secrets.json", str_mk(swapped, n));
        assert_no_value("${secret:a}", "was not sealed with the key");
        assert_value("${secret:b}", CANARY "-b");
    }
}

static void names_damage(void **state)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "[]",
                                        "{}",
                                        "null",
                                        "{\"version\":1}",
                                        "{\"version\":1,\"secrets\":[]}",
                                        "{\"version\":0,\"secrets\":{}}",
                                        "{\"secrets\":{\"s\":\"\"}}",
                                        "{\"version\":1,\"secrets\":{"};
    static const char *const values[] = {"\"\"", "null", "1", "{}", "\"!\"", "\"QUFB\"", "[\"a\"]"};
    struct errinfo ei;
    char text[200];

    (void)state;
    set("s", CANARY);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        folder_write(&folder, ".sluice/secrets.json", str_of(texts[i]));
        assert_no_value("${secret:s}", "secrets.json is damaged");
        assert_int_equal(refuse("t", S(CANARY), &ei), ERR_SECRET);
        assert_int_equal(secret_remove(folder.dir, S("s"), &ei), ERR_SECRET);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        (void)snprintf(text, sizeof text, "{\"version\":1,\"secrets\":{\"s\":%s}}", values[i]);
        folder_write(&folder, ".sluice/secrets.json", str_of(text));
        assert_no_value("${secret:s}", "was not sealed with the key");
        assert_int_equal(refuse("t", S(CANARY), &ei), ERR_SECRET);
    }
    assert_int_equal(secret_remove(folder.dir, S("s"), &ei), OK);
    set("s", CANARY);
    assert_value("${secret:s}", CANARY);
    folder_write(&folder, ".sluice/secrets.json", S("{\"version\":2,\"secrets\":{}}"));
    assert_int_equal(refuse("t", S(CANARY), &ei), ERR_SECRET);
    assert_non_null(strstr(ei.msg, "newer"));
}

/* Several processes change the store at once: nothing gets lost. */
static void survives_many_at_once(void **state)
{
    enum { PROCESSES = 4, EACH = 5 };
    struct arena *a = arena_new(1 << 20);
    char name[32];

    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            struct errinfo ei;
            bool ok = true;

            for (int k = 0; k < EACH; k++) {
                (void)snprintf(name, sizeof name, "s-%d-%d", i, k);
                ok &= secret_set(folder.dir, str_of(name), str_of(name), &ei) == OK;
            }
            _exit(ok ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    (void)list(a, (size_t)PROCESSES * EACH);
    assert_value("${secret:s-0-0}${secret:s-3-4}", "s-0-0s-3-4");
    arena_free(a);
}

/* ---- the key ---- */

static void write_key(const char *text, mode_t mode)
{
    folder_write(&folder, "home/key", str_of(text));
    assert_int_equal(chmod(key_path, mode), 0);
}

static void wants_a_private_key(void **state)
{
    static const mode_t modes[] = {0644, 0640, 0604, 0620, 0602, 0610, 0777};
    struct arena *a = arena_new(1 << 20);
    struct errinfo ei;
    struct str got;

    (void)state;
    set("s", CANARY);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(key_path, modes[i]), 0);
        assert_int_equal(resolve(S("${secret:s}"), a, &got, &ei), ERR_SECRET);
        assert_non_null(strstr(ei.msg, "can be read by other users"));
        assert_non_null(strstr(ei.hint, "chmod 600"));
        assert_non_null(strstr(ei.hint, key_path));
        assert_int_equal(refuse("t", S(CANARY), &ei), ERR_SECRET);
    }
    assert_int_equal(chmod(key_path, 0400), 0);
    assert_value("${secret:s}", CANARY);
    arena_free(a);
}

static void tells_another_key(void **state)
{
    static const char *const no_keys[] = {"", "\n", "abc", "zz", "0123456789abcdef", CANARY};
    char digits[130];
    struct errinfo ei;

    (void)state;
    set("s", CANARY);
    for (size_t i = 0; i < sizeof no_keys / sizeof *no_keys; i++) {
        write_key(no_keys[i], 0600);
        assert_no_value("${secret:s}", "is no key");
    }
    memset(digits, 'a', sizeof digits);
    digits[129] = '\0';
    write_key(digits, 0600);
    assert_no_value("${secret:s}", "is no key");
    digits[64] = '\0';
    write_key(digits, 0600);
    assert_no_value("${secret:s}", "was not sealed with the key");
    assert_int_equal(refuse("t", S(CANARY), &ei), ERR_SECRET);
    assert_int_equal(remove(key_path), 0);
    assert_no_value("${secret:s}", "is missing");
    assert_int_equal(refuse("t", S(CANARY), &ei), ERR_SECRET);
    assert_int_equal(access(key_path, F_OK), -1);
    assert_int_equal(secret_remove(folder.dir, S("s"), &ei), OK);
    set("s", CANARY);
    assert_value("${secret:s}", CANARY);
    assert_int_equal(remove(key_path), 0);
    assert_int_equal(mkdir(key_path, 0700), 0);
    assert_no_value("${secret:s}", "is not a regular file");
}

static void looks_for_the_key(void **state)
{
    char credentials[PATH_BYTES], path[PATH_BYTES], digits[66];
    struct errinfo ei;

    (void)state;
    memset(digits, '7', 64);
    digits[64] = '\n';
    digits[65] = '\0';
    set_env("SLUICE_KEY_FILE", NULL);
    set_env("XDG_CONFIG_HOME", folder_path(&folder, "xdg", path));
    set("s", CANARY);
    assert_int_equal(mode_of(folder_path(&folder, "xdg/sluice/key", path)), 0600);
    assert_int_equal(remove(folder_path(&folder, ".sluice/secrets.json", path)), 0);
    set_env("XDG_CONFIG_HOME", NULL);
    set_env("HOME", folder.dir);
    set("s", CANARY);
    assert_int_equal(mode_of(folder_path(&folder, ".config/sluice/key", path)), 0600);
    set_env("HOME", NULL);
    assert_int_equal(refuse("s", S(CANARY), &ei), ERR_SECRET);
    assert_non_null(strstr(ei.hint, "SLUICE_KEY_FILE"));
    assert_int_equal(remove(folder_path(&folder, ".sluice/secrets.json", path)), 0);
    set_env("CREDENTIALS_DIRECTORY", folder_path(&folder, "credentials", credentials));
    folder_write(&folder, "credentials/sluice-key", str_of(digits));
    assert_int_equal(chmod(folder_path(&folder, "credentials/sluice-key", path), 0440), 0);
    set("s", CANARY);
    assert_value("${secret:s}", CANARY);
    set_env("CREDENTIALS_DIRECTORY", NULL);
}

static int before_each(void **state)
{
    (void)state;
    folder = folder_make();
    folder_path(&folder, "home/key", key_path);
    set_env("CREDENTIALS_DIRECTORY", NULL);
    set_env("SLUICE_KEY_FILE", key_path);
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    folder_drop(&folder);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, before_each, after_each)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(resolves_references),         TEST(knows_references),     TEST(takes_large_values),
        TEST(masks_what_it_resolved),      TEST(keeps_secrets),        TEST(keeps_them_private),
        TEST(refuses_what_cannot_be_kept), TEST(seals_under_the_name), TEST(names_damage),
        TEST(survives_many_at_once),       TEST(wants_a_private_key),  TEST(tells_another_key),
        TEST(looks_for_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
