/* judge: the laws, judged from outside, by what clusters answer and not by what their cores hold.
 *
 * Safety, at every step:
 *   promise    what was acknowledged to an operator survives every crash;
 *   truth      what a cluster serves of an origin at USN u is what that origin served at u itself;
 *   order      a holder's USN of an origin only rises while it runs, an origin's own always,
 *              and so does the boot number of each life that others can meet;
 *   once       no USN of an origin is used for two states that others could see;
 *   honesty    no honest cluster is told that it speaks nonsense, is a clone, or has bad data;
 *   retention  replaced segments are served on for 60 s (strict runs only);
 *   bounds     budget, leaks, spinning (world.c).
 * Calm, once all faults are gone:
 *   convergence  within a bound every cluster serves every origin's last word, and says so;
 *   shape        one link between each spoke and its hub, none elsewhere;
 *   quiet        nobody dials any more. */
#ifndef OPENILS_SIM_JUDGE_H
#define OPENILS_SIM_JUDGE_H

#include "sim/world.h"

#define JUDGE_KEYS 24

struct judge;

/* Becomes the world's observer. hub: the node that all others join; NULL: no shape is judged. */
struct judge *judge_new(struct world *w, struct node *hub, bool strict);
void judge_free(struct judge *j);

/* A change of one of the node's keys is asked of its core. False: that key is still under way. */
bool judge_change(struct judge *j, struct node *n, size_t key, bool put);

/* What is not yet settled, or NULL. The text lives until the next call. */
const char *judge_unsettled(struct judge *j);

/* Acknowledged changes, connection attempts and verdicts so far. */
uint64_t judge_acknowledged(const struct judge *j);
uint64_t judge_dials(const struct judge *j);

#endif
