/* lookup_inside: what lookup.c and lookup_targets.c share. */
#ifndef OPENILS_PLAN_LOOKUP_INSIDE_H
#define OPENILS_PLAN_LOOKUP_INSIDE_H

#include "plan/dialled.h"
#include "plan/lookup.h"

/* Fills in targets and result from the winner, ret->match[0]. */
void lookup_targets(struct lookup *ret, struct arena *a, const struct routes *r,
                    const struct reading *reading);

#endif
