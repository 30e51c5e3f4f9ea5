/* Stand-ins for those who are told: robots of DingTalk, WeCom and Feishu, and a webhook. */
#ifndef SIM_ROBOT_H
#define SIM_ROBOT_H

#include "base/err.h"

#include <stdbool.h>

bool robot_known(const char *name);
void robot_help(void);
/* Reads the options behind the name, listens on loopback, prints one JSON line, waits for SIGTERM or SIGINT. */
enum err robot_run(const char *name, int argc, char **argv, struct errinfo *ei) MUST_USE;

#endif
