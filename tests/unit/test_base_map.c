/* Maps and sets of hashes, against what they must hold after many insertions. */
#include "table.h"

#include "base/map.h"

enum { N = 50000 };

static struct str key_of(size_t i, char out[32])
{
    int n = snprintf(out, 32, "order-%zu", i * 7919);
    return str_mk(out, (size_t)n);
}

static void fill_and_find(void **state)
{
    (void)state;
    struct map *m = map_new_copying((size_t)8 << 20);
    char text[32];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < N; i++)
            assert_true(map_put(m, key_of(i, text), i));
        assert_int_equal(map_count(m), N);
        for (size_t i = 0; i < N; i += 2)
            assert_false(map_put(m, key_of(i, text), i + 1));
        assert_int_equal(map_count(m), N);
        memset(text, 'x', sizeof(text));
        for (size_t i = 0; i < N; i++)
            assert_int_equal(map_get(m, key_of(i, text)), i % 2 == 0 ? i + 1 : i);
        assert_int_equal(map_get(m, S("order-1")), MAP_NONE);
        assert_int_equal(map_get(m, S("")), MAP_NONE);
        map_clear(m);
        assert_int_equal(map_count(m), 0);
        assert_int_equal(map_get(m, key_of(0, text)), MAP_NONE);
    }
    map_free(m);
    map_free(NULL);
}

static void odd_keys(void **state)
{
    (void)state;
    struct map *m = map_new();
    assert_true(map_put(m, str_mk(NULL, 0), 1));
    assert_false(map_put(m, S(""), 2));
    assert_int_equal(map_get(m, S("")), 2);
    assert_true(map_put(m, S("a"), 3));
    assert_true(map_put(m, S("a\0"), 4));
    assert_true(map_put(m, S("a\0b"), 5));
    assert_int_equal(map_get(m, S("a")), 3);
    assert_int_equal(map_get(m, S("a\0")), 4);
    assert_int_equal(map_get(m, S("a\0b")), 5);
    assert_int_equal(map_get(m, S("A")), MAP_NONE);
    assert_int_equal(map_count(m), 4);
    map_free(m);
}

static void hashes(void **state)
{
    (void)state;
    assert_true(hash_bytes(S("abc")) == hash_bytes(S("abc")));
    assert_true(hash_bytes(S("abc")) != hash_bytes(S("abd")));
    assert_true(hash_bytes(str_mk(NULL, 0)) == hash_bytes(S("")));
    /* Seeded: not what the plain function gives for the same bytes (XXH3 of the empty text, without a seed). */
    assert_true(hash_bytes(S("")) != UINT64_C(0x2D06800538D394C2));
}

/* Keys that are good hashes, and ones that are not: small numbers, multiples of powers of two. */
static void sets(void **state)
{
    (void)state;
    static const uint64_t factors[] = {UINT64_C(0x9E3779B97F4A7C15), 1, UINT64_C(1) << 20, UINT64_C(1) << 40};
    for (size_t f = 0; f < 4; f++) {
        struct hashset *h = hashset_new();
        for (int round = 0; round < 2; round++) {
            for (uint64_t i = 0; i < N; i++)
                assert_true(hashset_add(h, i * factors[f]));
            for (uint64_t i = 0; i < N; i++)
                assert_false(hashset_add(h, i * factors[f]));
            for (uint64_t i = 0; i < 2 * N; i++)
                assert_int_equal(hashset_has(h, i * factors[f]), i < N);
            assert_int_equal(hashset_count(h), N);
            hashset_clear(h);
            assert_int_equal(hashset_count(h), 0);
            assert_false(hashset_has(h, 0));
        }
        hashset_free(h);
    }
    hashset_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fill_and_find),
        cmocka_unit_test(odd_keys),
        cmocka_unit_test(hashes),
        cmocka_unit_test(sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
