/* Telling the service manager how it goes (sd_notify(3): datagrams to $NOTIFY_SOCKET). Without one nothing is told. */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "RELOADING=1", "WATCHDOG=1", "STATUS=…" */
void notify(const char *state);
/* How often the manager wants to hear "WATCHDOG=1", in milliseconds (half of $WATCHDOG_USEC); 0: never. */
int64_t notify_watchdog_ms(void);

#endif
