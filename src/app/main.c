/* The program: reads the command line and runs a command. What cannot be printed is a failure too. Its memory holds
 * secrets, so that no core of it is written, and no other process of the same user may read it. */
#include "app/command.h"
#include "base/product.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Pages and their trees are taken from the system and given back to it, one by one. The library's own threshold grows
 * with the first of them that is freed, and the heap with it: 69 MiB after a million rows instead of 58. */
#define LARGE_BYTES (400 << 10)

/* A core that a helper takes (core_pattern with "|") knows no limit: that is what the second call is for. A debugger
 * that root starts still reads it. */
static void keep_memory_private(void)
{
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
    int status;

    keep_memory_private();
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is told by write() */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow */
    status = command_main(argc, (const char *const *)argv, stdout);
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE && status == STATUS_OK) {
        fprintf(stderr, "error: the output could not be written: %s\n", strerror(errno));
        status = STATUS_FAILED;
    }
    return status;
}
