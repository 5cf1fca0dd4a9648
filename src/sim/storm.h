/* storm: one random run. The seed draws the topology, latencies, a mixture of faults and load; a
 * storm, in which the safety laws hold at every step, is followed by a calm, in which everything
 * must settle within CALM_BOUND, and stay so. The parts of a network whose hubs do not know each
 * other as hubs find each other first, within CALM_APART. */
#ifndef OPENILS_SIM_STORM_H
#define OPENILS_SIM_STORM_H

#include "base/planted.h"
#include "sim/rare.h"
#include "sim/world.h"

#define CALM_BOUND (180 * TICK_S) /* a refusal waits for 60 s, and so does who looks for its hub */
#define CALM_APART (1320 * TICK_S) /* whoever was not heard of for two beats is dialled by hubs */
#define CALM_PENALTY (600 * TICK_S) /* who came with a wrong password is not heard for so long */
#define CALM_VISITS (720 * TICK_S) /* what failed often is not visited again for 10 minutes */
#define CALM_GRACE (90 * TICK_S)  /* what was refused while it settled is tried again */
#define CALM_QUIET (30 * TICK_S) /* afterwards nobody dials for so long */
#define CALM_BEAT (2 * TICK_S)   /* a beat goes round, and is stored, within */
#define KINDS_MAX  64
#define CLUSTERS_MAX 64

struct storm {
    /* asked for; 0 = drawn from the seed */
    uint64_t seed;
    unsigned clusters; /* hubs included */
    unsigned hubs;
    unsigned largest;  /* no more clusters than so many are drawn */
    tick length;
    tick until;        /* stop here; TICK_NEVER */
    enum bug bug;
    bool strict;       /* also the laws that the core is not yet held to */
    uint64_t only;     /* bits of the kinds of fault that may happen; 0 = all */
    FILE *trace;       /* every line, or NULL */
    const char *program, *planted; /* who runs, with which bug; NULL: ilssim, none */
    /* what came out */
    char hash[2 * HASH_SIZE + 1];
    uint64_t events, changes, faults, bytes, zombies;
    uint64_t kind[KINDS_MAX]; /* how often each happened */
    tick settled;      /* after the calm began */
    tick stormed;      /* how long the storm was */
    bool broken;
    bool rare[RARE_MAX]; /* states that were reached */
};

/* Node-hours of it that count: each has at least 60 changes and 6 faults. */
double storm_node_hours(const struct storm *s);

/* Runs it; a broken law is reported to out with all that is needed to see it again. */
void storm_run(struct storm *s, FILE *out);

size_t storm_kinds(void);
const char *storm_kind(size_t i); /* its name */

#endif
