/* node: the part that this ilsd plays where several share a store in PostgreSQL. One of them has
 * the lease: it writes, and has the links. The others follow what it stores, and answer at their
 * doors as it does; those that stand by take the lease when it is free or has run out, those that
 * only look up never do. Where the store is a file nobody shares it, and none of this is used.
 *
 * Everything here belongs to the loop's thread. */
#ifndef OPENILS_DAEMON_NODE_H
#define OPENILS_DAEMON_NODE_H

#include "core/ils.h"
#include "driver/store.h"

struct node;
struct runtime;
struct runtime_options;

enum node_part { NODE_ALONE, NODE_WRITES, NODE_STANDS_BY, NODE_LOOKS_UP };

#define NODE_LEASE_S     10
#define NODE_LEASE_S_MIN 3
#define NODE_LEASE_S_MAX 300
#define NODE_NAME_MAX    100

/* In whose name this ilsd has the lease. False: error. */
bool node_name(const struct runtime_options *options, char dst[static STORE_HOLDER], char *error,
               size_t size);
/* By the options of rt: opens the store, and takes the lease where it may and can. NULL: error says
 * why, and what to do. *ret_node is NULL where the store is a file. */
struct store *node_open(struct runtime *rt, struct node **ret_node, char *error, size_t size);
/* All rows of the store into the runtime's core, before START. False: said. */
bool node_load(struct node *node);
/* The runtime has started: follows, or prolongs the lease. */
void node_start(struct node *node);
/* The runtime ends: nothing is begun any more; its timers are closed, then done. The lease is given
 * back behind what the storer has. */
void node_stop(struct node *node, void (*done)(void *context), void *context);
void node_free(struct node *node);

/* The store took something, or refused it: perhaps the lease is another's. Who has just begun to
 * write, and cannot, goes on following. */
void node_stored(struct node *node, bool failed);
/* Before each step: who has lost the lease by his own clock writes no more. */
void node_watch(struct node *node);
/* What the core asks for. */
void node_read(struct node *node, struct slice key);
void node_reload(struct node *node);

/* Gives the lease up on purpose, and does not take it for a while, unless nobody else does. False:
 * it is not held here. */
bool node_release(struct node *node);

enum node_part node_part(const struct node *node);

struct node_view {
    enum node_part part;
    const char *name;          /* of this ilsd */
    const char *store;         /* where it is, without a password */
    const char *writer;        /* "": nobody, or not known */
    bool moved;                /* the store has: the writer is where to */
    wall since;                /* it has the lease; 0: not known */
    uint64_t fence, version;   /* of the lease; of the store, as it was seen last */
    wall away;                 /* the store has not answered since then; 0: it does */
    const char *error;         /* why not */
    bool taking;               /* the rows are being loaded to write */
};
/* node may be NULL: alone. */
void node_view(const struct node *node, struct node_view *ret);
const char *node_part_name(enum node_part part);

#endif
