/* judge: the laws, judged from outside, by what clusters answer and not by what their cores hold.
 *
 * Safety, at every step:
 *   promise    what was acknowledged to an operator survives every crash;
 *   truth      what a cluster serves of an origin at a head is what that origin served at it;
 *   order      a holder's head of an origin only rises while it runs, an origin's own always, but
 *              for a disk that was restored; and so does the boot number of each life;
 *   keep       what is served stays served, unless the origin left, or was forgotten or banned;
 *   once       no USN of an epoch is used for two states;
 *   honesty    no honest cluster is told that it speaks nonsense, is a clone, or has bad data;
 *   retention  replaced segments are served on for 60 s (strict runs only);
 *   choice     of those that have an entry the right one is answered (judge_choice.c);
 *   shrink     a plan that lost most of what it had is not served before somebody says that it is
 *              meant so (judge_shrink.c);
 *   clock      whose clock is wrong by years takes nobody new by a certificate (judge_policy.c);
 *   met, admission, ends  who counts (judge_member.c); once, back, durable  what is sent (wire.c);
 *   bounds     budget, leaks, spinning (world.c).
 * Calm, once all faults are gone (calm.c):
 *   convergence  within a bound every cluster serves every live origin's last word, and says so;
 *   shape        one link between each two hubs, and between each spoke and one hub; none
 * elsewhere;
 *   quiet        nobody dials any more. */
#ifndef OPENILS_SIM_JUDGE_H
#define OPENILS_SIM_JUDGE_H

#include "sim/facts.h"
#include "sim/world.h"

struct judge;

/* What became of an identity, by the operators' doing. */
enum fate {
    FATE_LIVES,
    FATE_GONE,      /* nobody has it any more */
    FATE_LEFT,
    FATE_FORGOTTEN,
    FATE_BANNED,
};

/* What operators and machines did to deserve that hard words are said. */
enum excuse {
    EXCUSE_PASSWORD = 1,    /* passwords differ somewhere */
    EXCUSE_CERTIFICATE = 2, /* certificates do */
    EXCUSE_DOUBLE = 4,      /* somebody runs twice, or from an older disk */
    EXCUSE_LABEL = 8,       /* two have one cluster id */
    EXCUSE_MEMORY = 16,     /* memory was short */
    EXCUSE_NETWORK = 32,    /* there are two networks */
    EXCUSE_SELF = 64,       /* a cluster knows another by its own address */
};

/* Becomes the world's observer. */
struct judge *judge_new(struct world *w, bool strict);
void judge_free(struct judge *j);

/* A change of one of the node's keys is asked of its core. False: that key is still under way. */
bool judge_change(struct judge *j, struct node *n, size_t key, bool put);

/* Before the node starts with another disk than it left: an older one of its own, or a copy of
 * `original`'s (NULL: its own). */
void judge_reborn(struct judge *j, struct node *n, const struct node *original);
/* That its plan shrank is meant so; that of another is served as it is. */
uint64_t judge_confirm(struct judge *j, struct node *n); /* the command */
void judge_release(struct judge *j, struct node *n, const struct node *of);
/* Its clock is wrong by years from now on. */
void judge_clock_lost(struct judge *j, const struct node *n);
/* Its own plan may become what its neighbours hold, from now on. */
void judge_unsure(struct judge *j, struct node *n);
/* The node is to be in the network, or not. */
void judge_out(struct judge *j, struct node *n, bool out);
/* Nobody is that one any more. */
bool judge_is_gone(const struct judge *j, const uint8_t key[static KEY_SIZE]);
/* An operator forgets that one: what was served of it may go. */
void judge_forgets(struct judge *j, const uint8_t key[static KEY_SIZE]);
/* Another node, of a lower index, is the same cluster. */
bool judge_is_double(const struct judge *j, const struct node *n);
bool judge_is_out(const struct judge *j, const struct node *n);
/* What becomes of the identity that the node has now. */
void judge_fate(struct judge *j, const struct node *n, enum fate fate);
void judge_excuse(struct judge *j, enum excuse excuse);

/* What is not yet settled, or NULL. The text lives until the next call. */
const char *judge_unsettled(struct judge *j);

/* Likewise of the visits of spokes to their alternates, which take longer. */
const char *judge_unvisited(struct judge *j);

/* Two hubs of the network do not know each other as hubs: its parts have to find each other. */
bool judge_apart(const struct judge *j);

/* A cluster that dialled was told not to come again before a time that has not come yet. */
bool judge_penalised(const struct judge *j);

/* So far: acknowledged changes, connection attempts, entries served that their origin had removed
 * when all was settled. */
uint64_t judge_acknowledged(const struct judge *j);
uint64_t judge_dials(const struct judge *j);
uint64_t judge_zombies(const struct judge *j);

#endif
