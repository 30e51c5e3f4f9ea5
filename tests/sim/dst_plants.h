/* Planted bugs; see dst_plants.c. */
#ifndef TESTS_SIM_DST_PLANTS_H
#define TESTS_SIM_DST_PLANTS_H

#include "dst.h"

/* Gives how many were not found within so many seeds each. */
int plants_hunt(struct sim *s, int64_t seeds, bool (*run)(struct sim *s, uint64_t seed, bool hour, struct totals *t));

#endif
