/* Paths, queries, cookies, hosts: what fits and what is refused; sessions and counters by an injected clock. */
#include "table.h"

#include "server/session.h"
#include "server/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void test_match(void **state)
{
    static const struct {
        const char *pattern, *path;
        bool fits;
        size_t n;
    } cases[] = {
        {"/a/{x}", "/a/b", true, 1},   {"/a/{x}", "/a/", false, 0},       {"/a/{x}", "/a", false, 0},
        {"/a/{x}", "/a/b/", false, 0}, {"/a/{x}", "/a/b/c", false, 0},    {"/a", "/a", true, 0},
        {"/a", "/A", false, 0},        {"/{x}/{y}", "/p%2Fq/r", true, 2}, {"/a", "a", false, 0},
        {"/a", "//a", false, 0},       {"/a/{x}/c", "/a/b/c", true, 1},   {"/a", "", false, 0},
    };
    struct str segments[URI_SEGMENTS_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = 0;

        assert_int_equal(uri_match(cases[i].pattern, str_of(cases[i].path), segments, &n), cases[i].fits);
        if (cases[i].fits)
            assert_int_equal(n, cases[i].n);
    }
}

static void test_hosts(void **state)
{
    static const char *const good[] = {"a", "127.0.0.1:8420", "[::1]:1", "[::1]", "x.example:65535", "localhost:0"};
    static const char *const bad[] = {"",     ":1",  "a:65536", "a:-1", "a:x", "a b",
                                      "[::1", "[x]", "a/b",     "[]",   "a:",  "[::1]1"};
    static const char *const local[] = {"127.0.0.1", "127.255.0.9", "LOCALHOST", "::1"};
    static const char *const remote[] = {"127.0.0.1.evil", "127.1", "127.0.0.256", "128.0.0.1",
                                         "127.0.0.1.",     "",      "127.0.0.-1"};
    struct str name, port;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(uri_host(str_of(good[i]), &name, &port));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(uri_host(str_of(bad[i]), &name, &port));
    for (size_t i = 0; i < sizeof local / sizeof *local; i++)
        assert_true(uri_is_loopback(str_of(local[i])));
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        assert_false(uri_is_loopback(str_of(remote[i])));
}

static void test_headers(void **state)
{
    struct str v;

    (void)state;
    assert_true(uri_cookie(S("a=1; sluice=x=y ;b"), "sluice", &v) && str_eq(v, S("x=y")));
    assert_true(uri_cookie(S("sluice=x; sluice=x"), "sluice", &v));
    assert_false(uri_cookie(S("sluice=x; sluice=y"), "sluice", &v));
    assert_false(uri_cookie(S("xsluice=x; sluice"), "sluice", &v));
    assert_true(uri_accepts_gzip(S("br, gzip")) && uri_accepts_gzip(S("*")) && uri_accepts_gzip(S("GZIP;q=0.1")));
    assert_false(uri_accepts_gzip(S("")) || uri_accepts_gzip(S("gzip;q=0")) || uri_accepts_gzip(S("gzip; q=0.0, *")));
    assert_true(uri_etag_listed(S("\"a\", W/\"b\""), S("\"b\"")) && uri_etag_listed(S("*"), S("\"b\"")));
    assert_false(uri_etag_listed(S("\"ab\""), S("\"b\"")));
}

static int64_t read_hand(void *ctx)
{
    return *(int64_t *)ctx;
}

static void test_sessions_expire(void **state)
{
    int64_t now = 0;
    struct clock clock = {read_hand, read_hand, &now, NULL};
    char dir[] = "/tmp/test_server_XXXXXX", path[64], id[SESSION_TEXT], again[SESSION_TEXT];
    struct user_change ann = {S("ann"), S("correct horse"), ROLE_ADMIN, true};
    struct arena *a = arena_new(1u << 20);
    struct session_view v;
    struct users *users;
    struct sessions *s;
    uint64_t stamp;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/users.json", dir);
    assert_int_equal(users_open(path, &users, NULL), OK);
    assert_int_equal(users_put(users, &ann, NULL), OK);
    assert_false(users_verify(users, S("ann"), S("correct hors"), &stamp));
    assert_false(users_verify(users, S("bob"), S("correct horse"), &stamp));
    assert_true(users_verify(users, S("ann"), S("correct horse"), &stamp));
    s = sessions_new(&clock, users);
    sessions_begin(s, S("ann"), stamp, id);
    now += SESSION_IDLE_MS;
    assert_true(sessions_find(s, str_of(id), true, a, &v) && v.role == ROLE_ADMIN && str_eq(v.user, S("ann")));
    now += SESSION_IDLE_MS;
    assert_true(sessions_find(s, str_of(id), false, a, &v));
    now += 2;
    assert_false(sessions_find(s, str_of(id), true, a, &v)); /* the look before did not count as use */
    sessions_begin(s, S("ann"), stamp, again);
    assert_string_not_equal(id, again);
    for (int64_t t = 0; t < SESSION_ABSOLUTE_MS; t += SESSION_IDLE_MS, now += SESSION_IDLE_MS)
        assert_true(sessions_find(s, str_of(again), true, a, &v));
    now += 1;
    assert_false(sessions_find(s, str_of(again), true, a, &v));
    sessions_free(s);
    users_close(users);
    arena_free(a);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_counters(void **state)
{
    int64_t now = 0;
    struct clock clock = {read_hand, read_hand, &now, NULL};
    struct limiter *l = limiter_new(&clock);
    char key[16];

    (void)state;
    for (uint32_t i = 1; i <= 30; i++)
        assert_int_equal(limiter_hit(l, "login", S("1.2.3.4")), i);
    assert_int_equal(limiter_count(l, "account", S("1.2.3.4")), 0);
    now += LIMIT_WINDOW_MS;
    assert_int_equal(limiter_count(l, "login", S("1.2.3.4")), 30);
    now += 1;
    assert_int_equal(limiter_count(l, "login", S("1.2.3.4")), 0);
    for (int i = 0; i < 100000; i++) { /* more than it holds: bounded, and the newest counts */
        (void)snprintf(key, sizeof key, "%d", i);
        assert_int_equal(limiter_hit(l, "login", str_of(key)), 1);
    }
    limiter_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),           cmocka_unit_test(test_hosts),    cmocka_unit_test(test_headers),
        cmocka_unit_test(test_sessions_expire), cmocka_unit_test(test_counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
