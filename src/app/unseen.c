/* Secrets and passwords come from standard input, never from the command line, where other users of the machine could
 * read them. On a terminal the echo is off while they are typed. */
#include "app/unseen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PIECE 4096

static enum err read_all(struct buf *b, bool one_line, struct errinfo *ei)
{
    while (!b->failed && !(one_line && b->n && memchr(b->p, '\n', b->n))) {
        ssize_t n;

        if (!buf_room(b, PIECE))
            break;
        n = read(STDIN_FILENO, b->p + b->n, PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(ei, ERR_SECRET, "the value could not be read: %s", strerror(errno));
        if (n == 0)
            break;
        b->n += (size_t)n;
    }
    if (b->failed)
        return fail(ei, ERR_SECRET, "the value is longer than %zu bytes", b->max_bytes - PIECE);
    return OK;
}

enum err read_unseen(struct buf *b, const char *prompt, struct errinfo *ei)
{
    struct termios before, silent;
    bool tty = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0;
    enum err err;

    if (tty) {
        fputs(prompt, stderr);
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    err = read_all(b, tty, ei);
    if (tty) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (err)
        return err;
    if (b->n && b->p[b->n - 1] == '\n')
        b->n--;
    if (b->n && b->p[b->n - 1] == '\r')
        b->n--;
    return OK;
}
