/* storm: one random run. The seed draws the number of clusters, latencies, fault rates and load; a
 * storm, in which the safety laws hold at every step, is followed by a calm, in which everything
 * must settle within CALM_BOUND. */
#ifndef OPENILS_SIM_STORM_H
#define OPENILS_SIM_STORM_H

#include "sim/world.h"

#define CALM_BOUND (120 * TICK_S)
#define CALM_GRACE (20 * TICK_S)
#define CALM_QUIET (30 * TICK_S) /* afterwards nobody dials for so long */

struct storm {
    /* asked for; 0 = drawn from the seed */
    uint64_t seed;
    unsigned clusters; /* the hub included */
    tick length;
    tick until;        /* stop here; TICK_NEVER */
    enum bug bug;
    bool strict;       /* also the laws that the core is not yet held to */
    FILE *trace;       /* every line, or NULL */
    /* what came out */
    char hash[2 * HASH_SIZE + 1];
    uint64_t events, changes, faults, bytes;
    tick settled;      /* after the calm began */
    bool broken;
};

/* Runs it; a broken law is reported to out with all that is needed to see it again. */
void storm_run(struct storm *s, FILE *out);

#endif
