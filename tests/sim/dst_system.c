/* What the engine asks of the system directly: random bytes are drawn from the seed, waiting for a signal lets time
 * pass. */
#include "base/digest.h"
#include "dst.h"

#include <signal.h>
#include <time.h>

void __wrap_random_bytes(void *out, size_t n);

void __wrap_random_bytes(void *out, size_t n)
{
    unsigned char *p = out;

    for (size_t i = 0; i < n; i++)
        p[i] = (unsigned char)draw(sim_now());
}

int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);

int __wrap_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    (void)set;
    (void)info;
    world_advance(sim_now(), (int64_t)timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000);
    return -1;
}
