/* Spans to a collector that is not there: who hands them in never waits, memory has a ceiling, what is lost is counted.
 */
#include "table.h"

#include "base/clock.h"
#include "watch/otlp.h"

#define SPANS 200000

static void test_nobody_there(void **state)
{
    struct otlp_config c = {.address = S("http://127.0.0.1:1/"), .project = S("shop")};
    struct otlp_counts n;
    struct otlp *o;
    struct errinfo ei;
    int64_t began;

    (void)state;
    assert_int_equal(otlp_new(&c, &o, &ei), OK);
    began = clock_mono(&clock_system);
    for (int i = 0; i < SPANS; i++)
        otlp_put(o, S("{\"name\":\"page\"}"));
    assert_true(clock_mono(&clock_system) - began < 5000);
    otlp_counts(o, &n);
    assert_int_equal(n.sent, 0);
    assert_true(n.dropped > SPANS / 2 && n.dropped < SPANS);
    began = clock_mono(&clock_system);
    otlp_free(o, 50);
    assert_true(clock_mono(&clock_system) - began < 5000);
    otlp_free(NULL, 0);
}

static void test_too_long(void **state)
{
    struct otlp_config c = {.address = S("http://127.0.0.1:1")};
    size_t n = (8u << 20) + 1;
    char *span = malloc(n);
    struct otlp_counts counts;
    struct otlp *o;
    struct errinfo ei;

    (void)state;
    assert_non_null(span);
    memset(span, ' ', n);
    assert_int_equal(otlp_new(&c, &o, &ei), OK);
    otlp_put(o, (struct str){span, n});
    otlp_counts(o, &counts);
    assert_int_equal(counts.dropped, 1);
    otlp_free(o, 1000);
    free(span);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_too_long)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
