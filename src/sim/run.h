/* run: one random run, as the files of the storm share it: topology.c sets it up, storm.c drives
 * it, fault_*.c hold the kinds of fault, operator.c is what operators want and type.
 *
 * A desk is what the operator of one cluster wants it to be. operator_turn types the next command
 * that brings the core nearer to it: while everything is set up, and again when the calm begins. */
#ifndef OPENILS_SIM_RUN_H
#define OPENILS_SIM_RUN_H

#include "link/hello.h"
#include "sim/judge.h"
#include "sim/ops.h"
#include "sim/storm.h"

enum fault_kind {
#define FAULT(name, text, weight) FAULT_##name,
#include "sim/fault.def"
#undef FAULT
    FAULTS
};

#define STORM_SHORT (30 * 60 * TICK_S) /* hours are not as dense as minutes */

struct desk {
    enum ils_role role;     /* wanted; ROLE_STANDALONE: it is to be left alone */
    unsigned home;          /* index of the hub that it registers with */
    bool founder;           /* the first hub, which makes the network */
    bool copy;              /* a copy of another's disk, and not yet somebody of its own */
    bool renewing;          /* the command under way makes it somebody of its own */
    bool banned;
    unsigned called;        /* whom it was asked to connect last; index + 1 */
    unsigned names;         /* how many cluster ids it has had */
    char id[NODE_NAME + 8]; /* the present one */
    uint32_t serial;        /* of its certificate */
    uint64_t command;       /* under way; 0 = none */
    uint64_t incarnation;   /* of then */
    tick until;             /* it is given up then */
};

struct run {
    struct storm *storm;
    struct world *world;
    struct judge *judge;
    struct rand rand;
    struct desk desk[NODES_MAX];
    tick pause;                /* mean time between two deeds */
    unsigned load;             /* of 100 deeds so many are changes */
    unsigned weight[FAULTS], weights;
    enum method method;        /* by which all are linked */
    bool authority;            /* certificates are an authority's, else each is imported */
    uint32_t serials;          /* of certificates so far */
    uint16_t generation;       /* of the password that all prefer, or are to */
    unsigned rotating;         /* 0 no; 1 it is added, 2 preferred, 3 the former dropped */
    tick preferred;            /* since when all prefer it, as far as was looked; 0 = not yet */
    struct node *filled;       /* whose catalog began large, or NULL */
    tick burst_over;           /* when the last change of a burst comes */
    size_t first_n;            /* nodes that are no copies */
    size_t copies, renewals;
};

/* storm.c */
tick draw(struct run *r, tick low, tick high);
bool chance(struct run *r, unsigned of_100);
struct node *any(struct run *r);       /* up or down */
struct node *any_awake(struct run *r); /* NULL where the one that was drawn is not */
/* How long something lasts: mostly seconds, now and then as long as a tenth of the storm. */
tick a_while(struct run *r);
void later(struct run *r, tick when, void (*run)(struct world *, struct job *), uint64_t number);
void restart_later(struct run *r, struct node *n);

/* topology.c */
void topology_draw(struct run *r);
void topology_build(struct run *r); /* clusters are set up and joined, without faults */

/* operator.c */
/* Each types one command, if there is something to be typed. False: nobody has, or waits. */
bool operator_turn(struct run *r);
/* All prefer it, and links were made with it since: the former one can be dropped. */
bool operator_may_drop(struct run *r);
void operator_calms(struct run *r); /* the storm is over: everybody is to be in the network */
struct own_certificate operator_certificate(struct run *r, const struct node *n, uint32_t serial,
                                            uint8_t *der, void *memory);
uint32_t operator_serial(struct run *r);
void operator_renews(struct run *r, struct node *n); /* it takes another identity */
void operator_names(struct run *r, const struct node *n); /* a fresh cluster id for its desk */

/* fault_*.c: true when it was done. */
#define FAULT(name, text, weight) bool fault_##name(struct run *r);
#include "sim/fault.def"
#undef FAULT

#endif
