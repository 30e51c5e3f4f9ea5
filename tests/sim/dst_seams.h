/* Where the simulation takes the place of a floor: what its loop drives. */
#ifndef TESTS_SIM_DST_SEAMS_H
#define TESTS_SIM_DST_SEAMS_H

#include "dst.h"

/* dst_api.c */
bool source_waits(const struct sim *s); /* a call is under way */
void source_step(struct sim *s);        /* lets it come back */

/* dst_pipe.c: the actors of a run besides the loop and the source */
enum actor { ACTOR_POSTS, ACTOR_SOURCE, ACTOR_JOURNAL, ACTOR_SHAPE, ACTOR_WRITE, ACTORS };
bool actor_ready(const struct sim *s, enum actor a);
void actor_step(struct sim *s, enum actor a);
void pipe_clear(void); /* after a run */

#endif
