/* Arenas: alignment, separation, the ceiling, reset, text. */
#include "table.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"

static void aligned_and_apart(void **state)
{
    (void)state;
    enum { N = 3000 };
    static unsigned char *got[N];
    static size_t size[N];
    struct arena *a = arena_new((size_t)64 << 20);
    uint32_t random = 12345;
    size_t sum = 0;
    for (size_t i = 0; i < N; i++) {
        random = random * 1664525 + 1013904223;
        size[i] = i % 100 == 0 ? random >> 14 : random >> 24;
        got[i] = arena_alloc(a, size[i]);
        assert_int_equal((uintptr_t)got[i] % _Alignof(max_align_t), 0);
        memset(got[i], (int)(i % 251), size[i]);
        sum += size[i];
        if (i % 3 == 0)
            assert_int_equal(arena_str(a, S("odd")).n, 3);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < size[i]; j++)
            if (got[i][j] != i % 251)
                FAIL_MSG("allocation %zu was overwritten at %zu\n", i, j);
    assert_true(arena_used(a) >= sum);
    arena_free(a);
    arena_free(NULL);
}

static void zeroed(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    for (int round = 0; round < 3; round++) {
        unsigned char *p = arena_alloc(a, 3000);
        memset(p, 0xAA, 3000);
        arena_reset(a);
        p = arena_zero(a, 3000);
        for (size_t i = 0; i < 3000; i++)
            assert_int_equal(p[i], 0);
        arena_reset(a);
        assert_int_equal(arena_used(a), 0);
    }
    uint64_t *numbers = ARENA_ARRAY(a, uint64_t, 100);
    assert_int_equal(numbers[99], 0);
    assert_non_null(ARENA_ARRAY(a, uint64_t, 0));
    assert_non_null(ARENA_NEW(a, struct errinfo));
    arena_free(a);
}

/* No more than the ceiling is ever handed out, what is refused does no harm, and reset makes room again. */
static void ceiling(void **state)
{
    (void)state;
    static const size_t ceilings[] = {0, 1, 16, 100, 4000, 4001, 10000, 100000, 5000000};
    for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
        struct arena *a = arena_new(ceilings[i]);
        for (int round = 0; round < 2; round++) {
            size_t sum = 0;
            char *p;
            while ((p = arena_try(a, 48)) != NULL) {
                memset(p, 1, 48);
                sum += 48;
            }
            assert_true(sum <= ceilings[i]);
            assert_true(sum + 48 + ceilings[i] / 10 + 48 >= ceilings[i]);
            assert_null(arena_try(a, 48));
            assert_null(arena_try(a, SIZE_MAX));
            assert_null(arena_try(a, SIZE_MAX - 100));
            arena_reset(a);
        }
        if (ceilings[i] >= 16) {
            char *p = arena_try(a, 16);
            assert_non_null(p);
            memset(p, 2, 16);
        }
        arena_free(a);
    }
    struct arena *a = arena_new(1 << 20);
    char *whole = arena_try(a, ((size_t)1 << 20) - 4000);
    assert_non_null(whole);
    memset(whole, 3, ((size_t)1 << 20) - 4000);
    arena_free(a);
}

static void text(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    struct str s = arena_str(a, S("a\0b"));
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b", 4);
    assert_string_equal(arena_cstr(a, str_mk(NULL, 0)), "");
    for (int n = 1; n < 600; n++) {
        struct str printed = arena_printf(a, "%*d|", n, 7);
        assert_int_equal(printed.n, n > 1 ? n + 1 : 2);
        assert_int_equal(printed.p[printed.n], '\0');
        assert_int_equal(printed.p[printed.n - 2], '7');
    }
    assert_memory_equal(s.p, "a\0b", 4);
    arena_free(a);
}

/* Our own sizes may not pass the ceiling: the process ends, with the code for it. */
static void ends_the_process(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct arena *a = arena_new(1000);
        (void)arena_alloc(a, 1001);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_and_apart), cmocka_unit_test(zeroed),
        cmocka_unit_test(ceiling),           cmocka_unit_test(text),
        cmocka_unit_test(ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
