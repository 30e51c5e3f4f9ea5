/* What a person types and nobody shall see. */
#ifndef APP_UNSEEN_H
#define APP_UNSEEN_H

#include "base/buf.h"

/* Appends what standard input holds: on a terminal one line, asked for with `prompt` and not shown; else all of it. One
 * line end at its end is dropped. ERR_SECRET: it cannot be read, or is longer than the buffer. Nothing is no error. */
enum err read_unseen(struct buf *b, const char *prompt, struct errinfo *ei) MUST_USE;

#endif
