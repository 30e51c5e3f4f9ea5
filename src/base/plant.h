/* Bugs planted to prove that the attacks find them. PLANTED(name) is false and costs nothing, unless the program was
 * compiled with -DPLANTED_BUGS for that one purpose: then it is true when the environment's SLUICE_PLANT is `name`. */
#ifndef BASE_PLANT_H
#define BASE_PLANT_H

#ifdef PLANTED_BUGS
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
static inline bool planted(const char *name)
{
    const char *wanted = getenv("SLUICE_PLANT");

    return wanted && strcmp(wanted, name) == 0;
}
#define PLANTED(name) planted(#name)
#else
#define PLANTED(name) 0
#endif

#endif
