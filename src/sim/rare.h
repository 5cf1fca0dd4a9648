/* rare: states that seldom come, by name: whether a run has reached them. */
#ifndef OPENILS_SIM_RARE_H
#define OPENILS_SIM_RARE_H

#include "sim/world.h"

#define RARE_MAX 96

size_t rare_count(void);
const char *rare_name(size_t i);

/* What one core does, as it happens; and a look at the whole world, now and then. */
void rare_action(bool reached[static RARE_MAX], const struct ils_action *a);
void rare_look(bool reached[static RARE_MAX], const struct world *w);

#endif
