/* The program: reads the command line and runs a command. What cannot be printed is a failure too. */
#include "app/command.h"
#include "base/product.h"

#include <errno.h>
#include <signal.h>

int main(int argc, char **argv)
{
    int status;

    signal(SIGPIPE, SIG_IGN); /* a reader that went away is told by write() */
    status = command_main(argc, (const char *const *)argv, stdout);
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE && status == STATUS_OK) {
        fprintf(stderr, "error: the output could not be written: %s\n", strerror(errno));
        status = STATUS_FAILED;
    }
    return status;
}
