/* When a saved token ends. */
#include "table.h"

#include "source/login.h"

static void test_expires(void **state)
{
    int64_t ms = 0;

    (void)state;
    assert_true(
        login_expires_ms(S("{\"access\":\"a\",\"refresh\":\"\",\"got\":1000,\"life\":500,\"for\":\"x\"}"), &ms));
    assert_int_equal(ms, 1500);
    assert_false(login_expires_ms(S(""), &ms));
    assert_false(login_expires_ms(S("no"), &ms));
    assert_false(login_expires_ms(S("{\"got\":1000}"), &ms));
    assert_false(login_expires_ms(S("{\"got\":1000,\"life\":0}"), &ms));
    assert_false(login_expires_ms(S("{\"got\":9223372036854775807,\"life\":1}"), &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_expires)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
