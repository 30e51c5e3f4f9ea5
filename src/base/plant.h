/* Bugs planted to prove that the attacks find them. PLANTED(name) is false and costs nothing, unless the program was
 * compiled with -DPLANTED_BUGS for that one purpose: then it is true when the environment's SLUICE_PLANT is `name`. */
#ifndef BASE_PLANT_H
#define BASE_PLANT_H

#ifdef PLANTED_BUGS
#include <stdlib.h>
#include <string.h>
#define PLANTED(name) (getenv("SLUICE_PLANT") && strcmp(getenv("SLUICE_PLANT"), #name) == 0)
#else
#define PLANTED(name) 0
#endif

#endif
