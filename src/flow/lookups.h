/* Answers to the lookups of a flow, out of what other integrations keep; flow.h opens them. Inside flow only. */
#ifndef FLOW_LOOKUPS_H
#define FLOW_LOOKUPS_H

struct lookups;

void lookups_close(struct lookups *all); /* NULL is fine */

#endif
