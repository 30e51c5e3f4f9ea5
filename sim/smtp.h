/* A stand-in for a mail server that takes mail from accounts (submission): sim/smtp.c. */
#ifndef SIM_SMTP_H
#define SIM_SMTP_H

#include "base/err.h"

void smtp_help(void);
/* Reads the options behind the name, listens on loopback, prints one JSON line, waits for SIGTERM or SIGINT. */
enum err smtp_run(int argc, char **argv, struct errinfo *ei) MUST_USE;

#endif
