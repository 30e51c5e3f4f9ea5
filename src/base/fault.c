/* Named points where a test makes the program fail or die. Compiled in with FAULT_POINTS only.
 *
 * SLUICE_FAULT is "name:N" or "name:N:what", N from 1: the Nth passing of that point, counted over all
 * threads, kills the process (no clean-up, as a power cut would) or, with what = "fail", answers true that
 * once. A value that cannot be read ends the process: a rehearsal that rehearses nothing must not pass. */
#include "base/fault.h"

#ifdef FAULT_POINTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/num.h"

static struct str wanted; /* the point's name; p is NULL when no fault is asked for */
static uint64_t wanted_passing;
static bool wanted_fail;
static atomic_ullong passings;
static pthread_once_t wish_read = PTHREAD_ONCE_INIT;

static void read_wish(void)
{
    struct str rest = str_of(getenv("SLUICE_FAULT"));
    struct str name = {0}, count = {0}, what = {0};
    if (!rest.p || rest.n == 0)
        return;
    if (!str_cut(&rest, ':', &name) || name.n == 0 || !str_cut(&rest, ':', &count) ||
        !num_u64(count, &wanted_passing) || wanted_passing == 0 ||
        (str_cut(&rest, ':', &what) && !str_eq(what, S("fail")) && !str_eq(what, S("kill"))) || rest.p) {
        fputs("SLUICE_FAULT must be name:N or name:N:fail or name:N:kill\n", stderr);
        _exit(70);
    }
    wanted_fail = str_eq(what, S("fail"));
    wanted = name;
}

bool fault_point(const char *name)
{
    pthread_once(&wish_read, read_wish);
    if (!wanted.p || !str_eq(wanted, str_of(name)) || atomic_fetch_add(&passings, 1) + 1 != wanted_passing)
        return false;
    if (!wanted_fail)
        (void)kill(getpid(), SIGKILL);
    return wanted_fail;
}

#endif
