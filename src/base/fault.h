/* Named points where a test may make the program fail or die. In ordinary builds the macro is nothing; with
 * -DFAULT_POINTS=ON the environment variable SLUICE_FAULT ("name:N[:what]") makes the Nth passing of that point
 * kill the process (`kill`, the default) or answer true (`fail`). */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

#ifdef FAULT_POINTS
bool fault_point(const char *name);
#else
static inline bool fault_point(const char *name)
{
    (void)name;
    return false;
}
#endif

#endif
