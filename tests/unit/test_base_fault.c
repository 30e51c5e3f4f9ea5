/* Fault points, compiled in here whatever the build says: children pass a point and say how they ended. */
#ifndef FAULT_POINTS
#define FAULT_POINTS
#endif
#include "base/fault.c"

#include "table.h"

#include <fcntl.h>
#include <sys/wait.h>

/* Passes "write" five times, with other points between; the exit code tells at which passings it failed. */
static int outcome(const char *wish)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int quiet = open("/dev/null", O_WRONLY);
        (void)dup2(quiet, STDERR_FILENO);
        if (wish)
            (void)setenv("SLUICE_FAULT", wish, 1);
        else
            (void)unsetenv("SLUICE_FAULT");
        int failed = 0;
        for (int i = 0; i < 5; i++) {
            failed |= fault_point("write") ? 1 << i : 0;
            failed |= fault_point("read") ? 32 : 0;
        }
        _exit(failed);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void wishes(void **state)
{
    (void)state;
    assert_int_equal(outcome(NULL), 0);
    assert_int_equal(outcome(""), 0);
    assert_int_equal(outcome("write:1:fail"), 1);
    assert_int_equal(outcome("write:3:fail"), 4);
    assert_int_equal(outcome("write:6:fail"), 0);
    assert_int_equal(outcome("other:1:fail"), 0);
    assert_int_equal(outcome("write:2"), -SIGKILL);
    assert_int_equal(outcome("write:5:kill"), -SIGKILL);
    assert_int_equal(outcome("write:6"), 0);
}

static void unreadable_wishes(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "write",       ":1",       "write:",         "write:0",  "write:-1",   "write:x",
        "write:1:die", "write:1:", "write:1:fail:x", "write:1 ", "write::fail"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(outcome(wrong[i]), 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(wishes), cmocka_unit_test(unreadable_wishes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
